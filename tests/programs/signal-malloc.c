/* SPDX-License-Identifier: MIT */
/*
 * signal-malloc storm | jump | map | fork - timer signals that arrive inside malloc and free.
 *
 * storm: SIGALRM and SIGPROF every 150 us, handlers that only count.
 * jump:  a handler that siglongjmps out of code which calls nothing (never out of malloc).
 * map:   a handler that calls mmap, madvise and munmap (hooked, but plain system calls).
 * fork:  a handler that forks a child, which ends with _exit at once.
 * Model: 3 million operations give the same checksum and the same live bytes however the
 * signals fall. Nothing here is undefined without memwhy.
 */
#include "say.h"
#include <setjmp.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <errno.h>

enum { SLOTS = 1000, OPERATIONS = 3000000 };
static volatile sig_atomic_t ticks, may_jump;
static sigjmp_buf back;
static const char *mode;

static void use_mappings(void)
{
	char *p = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		_exit(98);
	p[0] = 1;
	madvise(p, 8 * PAGE, MADV_DONTNEED);
	munmap(p, 8 * PAGE);
}

static void use_fork(void)
{
	int status;
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
}

static void on_tick(int number)
{
	int saved = errno;
	ticks++;
	if (mode[0] == 'm')
		use_mappings();
	if (mode[0] == 'f' && ticks % 4 == 0)
		use_fork();
	errno = saved;
	if (mode[0] == 'j' && may_jump) {
		may_jump = 0;
		siglongjmp(back, 1);
	}
}

static void start(int timer, int number, long period_us)
{
	struct sigaction action = { .sa_handler = on_tick, .sa_flags = SA_RESTART };
	struct itimerval every = { { 0, period_us }, { 0, period_us } };
	sigaction(number, &action, NULL);
	setitimer(timer, &every, NULL);
}

/* Calls nothing; may be left by the handler at any instruction. */
static void spin(void)
{
	static volatile unsigned long counter;
	if (sigsetjmp(back, 1) == 0) {
		may_jump = 1;
		for (int i = 0; i < 20000; i++)
			counter++;
	}
	may_jump = 0;
}

int main(int argc, char **argv)
{
	static struct { unsigned char *p; uint32_t n; } slot[SLOTS];
	uint64_t state = 1;
	uint32_t sum = 0;
	long live = 0;
	mode = argc > 1 ? argv[1] : "storm";
	long period = mode[0] == 'f' ? 500 : 150;
	start(ITIMER_REAL, SIGALRM, period);
	start(ITIMER_PROF, SIGPROF, period * 2 + 17);
	for (int i = 0; i < OPERATIONS; i++) {
		uint32_t s = next_random(&state) % SLOTS, n = 1 + next_random(&state) % (i % 1000 ? 700 : 300000);
		if (slot[s].p != NULL) {
			sum += slot[s].p[slot[s].n - 1];
			live -= slot[s].n;
			free(slot[s].p);
		}
		slot[s].p = i % 3 ? malloc(n) : realloc(malloc(8), n);
		slot[s].n = n;
		live += n;
		memset(slot[s].p + n - 1, (int)n, 1);
		if (mode[0] == 'j' && i % 20000 == 0)
			spin();
	}
	start(ITIMER_REAL, SIGALRM, 0);
	start(ITIMER_PROF, SIGPROF, 0);
	MUST(ticks > 0);
	say("checksum %u\ncounter live_requested_bytes %ld\n", sum, live);
	_exit(0);
}
