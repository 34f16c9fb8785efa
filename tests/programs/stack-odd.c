/* SPDX-License-Identifier: MIT */
/*
 * stack-odd PART [PLUGIN]: allocates where a stack is hard to walk. Says "done PART" at the
 * end, and keeps what it says the same with and without memwhy.
 *   signal   in a handler that interrupts allocations, on the thread's own stack
 *   alternate likewise on an alternate stack of MINSIGSTKSZ and little more
 *   deep     under 100,000 frames of one function, and of three that call each other
 *   tiny     in 64 threads with stacks of PTHREAD_STACK_MIN
 *   early    in a constructor, before main
 *   plugin   in a module that comes and goes, 200 times
 *   context  on a stack of its own (makecontext)
 *   jump     in a handler that is left by siglongjmp(), again and again
 *   fork     in a child, whose blocks of before keep their stacks
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

static void *volatile sink;
static volatile sig_atomic_t handled;
static sigjmp_buf back;
static int jumps;

static void touch(size_t bytes)
{
	sink = malloc(bytes);
	free(sink);
}

static void __attribute__((constructor)) before_main(void)
{
	touch(100);
}

/* Only between the program's own steps would malloc be allowed here; mmap'ed blocks aren't
 * glibc's arena, so the handler takes its turn only while `open` says so. */
static volatile sig_atomic_t open_for_handler;
static void on_signal(int number)
{
	(void)number;
	if (!open_for_handler)
		return;
	handled++;
	touch(50);
	if (jumps)
		siglongjmp(back, 1);
}

static void raise_often(int flags)
{
	struct sigaction a = { .sa_handler = on_signal, .sa_flags = flags };
	sigaction(SIGUSR1, &a, NULL);
	for (int i = 0; i < 2000; i++) {
		if (sigsetjmp(back, 1) == 0) {
			open_for_handler = 1;
			raise(SIGUSR1);
		}
		open_for_handler = 0;
		touch(30);
	}
}

static void on_alternate_stack(void)
{
	stack_t s = { .ss_size = (size_t)sysconf(_SC_MINSIGSTKSZ) + 4096 };
	s.ss_sp = mmap(NULL, s.ss_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	sigaltstack(&s, NULL);
	raise_often(SA_ONSTACK);
}

static __attribute__((noinline)) void one(int depth)
{
	if (depth > 0)
		one(depth - 1);
	else
		touch(64);
	__asm__ volatile("" : : : "memory"); /* no tail call */
}

static void two(int depth);
static void (*volatile turn[3])(int) = { two, two, two };
static __attribute__((noinline)) void two(int depth)
{
	if (depth > 0)
		turn[depth % 3](depth - 1);
	else
		touch(64);
	__asm__ volatile("" : : : "memory");
}

static void deep(void)
{
	for (int i = 0; i < 20; i++) {
		one(100000);
		two(99999 + i);
		one(300);
	}
}

static void *tiny_thread(void *arg)
{
	for (int i = 0; i < 100; i++)
		touch(16 + (size_t)i);
	return arg;
}

static void tiny(void)
{
	pthread_attr_t attr;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, (size_t)sysconf(_SC_THREAD_STACK_MIN));
	for (int round = 0; round < 8; round++) {
		pthread_t t[8];
		for (int i = 0; i < 8; i++)
			if (pthread_create(&t[i], &attr, tiny_thread, NULL) != 0)
				abort();
		for (int i = 0; i < 8; i++)
			pthread_join(t[i], NULL);
	}
}

static void plugin(const char *path)
{
	for (int i = 0; i < 200; i++) {
		void *h = dlopen(path, RTLD_NOW);
		if (!h)
			abort();
		touch(20);
		dlclose(h);
	}
}

static ucontext_t main_context, other_context;
static void in_context(void)
{
	for (int i = 0; i < 100; i++) {
		one(20);
		swapcontext(&other_context, &main_context);
	}
}

static void context(void)
{
	const size_t bytes = 65536;
	getcontext(&other_context);
	other_context.uc_stack.ss_sp = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	other_context.uc_stack.ss_size = bytes;
	other_context.uc_link = &main_context;
	makecontext(&other_context, in_context, 0);
	for (int i = 0; i < 100; i++) {
		swapcontext(&main_context, &other_context);
		touch(40);
	}
}

static void fork_child(void)
{
	void *kept[64];
	for (int i = 0; i < 64; i++)
		kept[i] = malloc(200 + (size_t)i);
	pid_t pid = fork();
	for (int i = 0; i < 64; i++) {
		touch(300);
		if (i % 2)
			free(kept[i]);
	}
	if (pid == 0)
		exit(0);
	waitpid(pid, NULL, 0);
	sink = kept[0];
}

int main(int argc, char **argv)
{
	const char *part = argc > 1 ? argv[1] : "early";
	jumps = !strcmp(part, "jump");
	if (!strcmp(part, "signal") || jumps)
		raise_often(0);
	else if (!strcmp(part, "alternate"))
		on_alternate_stack();
	else if (!strcmp(part, "deep"))
		deep();
	else if (!strcmp(part, "tiny"))
		tiny();
	else if (!strcmp(part, "plugin") && argc > 2)
		plugin(argv[2]);
	else if (!strcmp(part, "context"))
		context();
	else if (!strcmp(part, "fork"))
		fork_child();
	char line[64];
	int n = snprintf(line, sizeof line, "done %s %d\n", part, (int)handled);
	return write(1, line, (size_t)n) == n ? 0 : 1;
}
