/* SPDX-License-Identifier: MIT */
/*
 * introspect-signals - handlers that allocate, and fork, while other threads allocate.
 *
 * The first thread calls no allocator outside of its handlers, and the others get no signals:
 * so nothing here is undefined, and whoever hangs was made to. 400 signals.
 */
#include "say.h"
#include <errno.h>
#include <pthread.h>
#include <sys/time.h>
#include <sys/wait.h>

enum { THREADS = 2, SIGNALS = 400, FORK_EACH = 16 };
static volatile sig_atomic_t ticks, done;

static void fork_one(void)
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		free(malloc(700));
		_exit(0);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
}

static void on_tick(int number)
{
	static void *kept[50];
	int saved = errno;
	void **p = &kept[ticks % (int)COUNT(kept)];
	free(*p);
	*p = realloc(malloc(50), 100 + (size_t)ticks * 37 % 5000);
	if (++ticks % FORK_EACH == 0)
		fork_one();
	errno = saved;
}

static void *work(void *arg)
{
	void *own[200] = { NULL };
	uint64_t state = (uint64_t)(uintptr_t)arg + 1;
	while (!done) {
		void **p = &own[next_random(&state) % COUNT(own)];
		free(*p);
		*p = malloc(1 + next_random(&state) % (state % 64 ? 900 : 90000));
	}
	return NULL;
}

int main(void)
{
	pthread_t thread[THREADS];
	struct sigaction action = { .sa_handler = on_tick, .sa_flags = SA_RESTART };
	struct itimerval every = { { 0, 700 }, { 0, 700 } };
	sigset_t alarm_only, before;
	sigemptyset(&alarm_only);
	sigaddset(&alarm_only, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &alarm_only, &before);
	for (uintptr_t i = 0; i < THREADS; i++)
		MUST(pthread_create(&thread[i], NULL, work, (void *)i) == 0);
	sigaction(SIGALRM, &action, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
	while (ticks < SIGNALS)
		;
	pthread_sigmask(SIG_BLOCK, &alarm_only, NULL);
	done = 1;
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	say("signals %d\n", SIGNALS);
	return 0;
}
