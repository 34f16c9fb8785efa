/* SPDX-License-Identifier: MIT */
/*
 * hostile-candidates.c - functions that identification might take for an allocator's and
 * call. Each does something that nobody may ever notice; two are an allocator. Nothing of
 * the program but these is to run: its constructor and its main leave a file behind.
 * With HOSTILE_LIST in its environment it says where the functions are: "name address" a line.
 */
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRACE "hostile-was-here"
static void leave_trace(void)
{
	int fd = open(TRACE, O_CREAT | O_WRONLY | O_APPEND, 0644);
	if (fd >= 0 && write(fd, "x", 1) == 1)
		close(fd);
}

/* ---- an allocator: a stack for each size class, behind a bump pointer ---- */
static char arena[8 << 20] __attribute__((aligned(64)));
static size_t used;
struct node { struct node *next; };
static struct node *stacks[64];
static unsigned class_of(size_t n)
{
	unsigned k = 4;
	while ((size_t)1 << k < n)
		k++;
	return k;
}

static void *volatile sink_pointer;
static __attribute__((noinline)) void *good_malloc(size_t n)
{
	if (n > 1 << 20)
		return NULL;
	unsigned k = class_of(n);
	struct node *p = stacks[k];
	if (p) {
		stacks[k] = p->next;
		return p;
	}
	if (used + ((size_t)1 << k) + 16 > sizeof arena)
		return NULL;
	used += (size_t)1 << k;
	return arena + used - ((size_t)1 << k);
}

/* Sized: what it is told has to be true. */
static void good_free(void *p, size_t n)
{
	struct node *node = p;
	node->next = stacks[class_of(n)];
	stacks[class_of(n)] = node;
}

/* Nothing but a way to good_malloc, and one that is so only for large blocks. */
static __attribute__((noinline)) void *good_outer(size_t n) { void *p = good_malloc(n); sink_pointer = p; return p; }
static void *good_half(size_t n) { return n > 64 ? good_outer(n) : arena + sizeof arena / 2 + (used += 64); }

/* The same behind a context. */
static void *good_ctx_malloc(void *context, size_t n) { return context ? good_malloc(n) : NULL; }
static void good_ctx_free(void *context, void *p, size_t n) { if (context) good_free(p, n); }

/* What it seems to be, and more. */
static void *writing_malloc(size_t n)
{
	leave_trace();
	return good_malloc(n);
}

/* ---- what has an effect outside ---- */
static void *prints(size_t n) { puts(TRACE); fflush(stdout); return write(1, TRACE, 4) == 4 && write(2, TRACE, 4) == 4 ? NULL : NULL; }
static void *writes_file(size_t n) { leave_trace(); return NULL; }
static void *removes_file(size_t n) { unlink("hostile-keep"); rename("hostile-keep", TRACE); truncate("hostile-keep", 0); return NULL; }
static void *kills_parent(size_t n) { kill(getppid(), SIGKILL); return NULL; }
static void *kills_group(size_t n) { kill(0, SIGKILL); return NULL; }
static void *kills_itself(size_t n) { raise(SIGKILL); raise(SIGSTOP); return NULL; }
static void *connects(size_t n)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "hostile-socket" };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
		leave_trace();
	return NULL;
}
/* The socket that the server answers on. */
static void *answers_itself(size_t n) { return send(3, TRACE, 4, 0) == 4 || write(3, TRACE, 4) == 4 ? NULL : NULL; }
static void *executes(size_t n) { execl("/bin/touch", "touch", TRACE, (char *)NULL); return NULL; }
static void *calls_shell(size_t n) { return system("touch " TRACE) == 0 ? NULL : NULL; }
static void *poisons(size_t n) { madvise((void *)((uintptr_t)arena & ~4095ul), 4096, 100 /* MADV_HWPOISON */); return NULL; }

/* ---- what does not come back ---- */
static void *loops(size_t n) { for (;;) __asm__ volatile(""); return NULL; }
static void *loops_deaf(size_t n)
{
	struct itimerval off = { { 0, 0 }, { 0, 0 } };
	sigset_t all;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	signal(SIGPROF, SIG_IGN);
	setitimer(ITIMER_PROF, &off, NULL);
	for (int i = 0; i < 16; i++)
		syscall(SYS_timer_delete, i);
	return loops(n);
}
static void *forks(size_t n)
{
	for (;;)
		if (fork() > 0)
			leave_trace();
	return NULL;
}
static void *exits(size_t n) { exit(0); return NULL; }
static void *ends(size_t n) { _exit(0); return NULL; }
static void *aborts(size_t n) { abort(); return NULL; }
static void *sleeps(size_t n) { sleep(1000); return loops(n); }
static void *pauses(size_t n) { for (;;) pause(); return NULL; }
static void *waits(size_t n)
{
	static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
	pthread_mutex_lock(&m);
	pthread_mutex_lock(&m);
	return NULL;
}
static volatile char sink;
static void *recurses(size_t n) { char big[4096]; memset(big, (int)n, sizeof big); recurses(n + 1); sink = big[n % 64]; return NULL; }
static void *in_thread(void *arg)
{
	leave_trace();
	return NULL;
}
static void *runs_thread(size_t n)
{
	pthread_t t;
	pthread_create(&t, NULL, in_thread, NULL);
	return NULL;
}

/* ---- what breaks the process ---- */
static void *loses_stack(size_t n) { __asm__ volatile("xor %%esp, %%esp\n\tret" ::: "memory"); return NULL; }
static void *loses_registers(size_t n)
{
	__asm__ volatile("xor %%ebx, %%ebx\n\txor %%r12d, %%r12d\n\txor %%r13d, %%r13d\n\txor %%r14d, %%r14d\n\t"
			 "xor %%r15d, %%r15d\n\tstd" ::: "memory");
	return NULL;
}
static void *unmaps(size_t n)
{
	munmap((void *)((uintptr_t)leave_trace & ~0xffful), 1 << 20);
	return NULL;
}
static void *scribbles(size_t n) { memset(arena, 0xff, sizeof arena); memset(stacks, 0x41, sizeof stacks); used = 1; return arena; }
static void *takes_memory(size_t n)
{
	void *p = mmap(NULL, 16ul << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		p = mmap(NULL, 16ul << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p != MAP_FAILED)
		memset(p, 1, 16ul << 30);
	return p;
}

#define ENTRY(name) { #name, (void *)name }
static const struct { const char *name; void *function; } functions[] = {
	ENTRY(good_malloc), ENTRY(good_free), ENTRY(good_ctx_malloc), ENTRY(good_ctx_free), ENTRY(good_outer), ENTRY(good_half), ENTRY(writing_malloc), ENTRY(prints), ENTRY(writes_file), ENTRY(removes_file),
	ENTRY(kills_parent), ENTRY(kills_group), ENTRY(kills_itself), ENTRY(connects), ENTRY(answers_itself),
	ENTRY(executes), ENTRY(calls_shell), ENTRY(poisons), ENTRY(loops), ENTRY(loops_deaf), ENTRY(forks), ENTRY(exits), ENTRY(ends),
	ENTRY(aborts), ENTRY(sleeps), ENTRY(pauses), ENTRY(waits), ENTRY(recurses), ENTRY(runs_thread),
	ENTRY(loses_stack), ENTRY(loses_registers), ENTRY(unmaps), ENTRY(scribbles), ENTRY(takes_memory),
};

static int first_bias(struct dl_phdr_info *info, size_t size, void *arg)
{
	*(uintptr_t *)arg = info->dlpi_addr;
	return 1;
}

static void begin(void) __attribute__((constructor));
static void begin(void)
{
	if (!getenv("HOSTILE_LIST"))
		leave_trace();
}

int main(int argc, char **argv)
{
	uintptr_t bias = 0;
	if (!getenv("HOSTILE_LIST")) {
		leave_trace();
		return 1;
	}
	dl_iterate_phdr(first_bias, &bias);
	for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
		printf("%s %lx\n", functions[i].name, (unsigned long)((uintptr_t)functions[i].function - bias));
	return 0;
}
