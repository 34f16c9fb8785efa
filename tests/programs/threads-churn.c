/* SPDX-License-Identifier: MIT */
/*
 * threads-churn [THREADS] - threads that come and go, 10,000 by default, 40 at a time.
 *
 * Model: each allocates, passes half of its blocks to whichever thread comes next (freed
 * there), and leaks one block of 24 bytes; a pthread_key destructor allocates and frees
 * after the thread's function returned; a constructor allocates before main, and an exit
 * handler after main: neither may be an unknown free. Live at the end is exact but for
 * glibc's per-thread vectors of cached stacks and 128 KiB of the allocator's (frag.c).
 */
#include "say.h"
#include <pthread.h>

enum { AT_ONCE = 40, BLOCKS = 32, LEAK = 24, EARLY = 1000, LATE = 500, SLOTS = 256 };

static void *early, *late;
static char *slot[SLOTS]; /* blocks in transit; exchanged atomically */
static pthread_key_t key;

__attribute__((constructor(101)))
static void before_main(void)
{
	early = malloc(EARLY);
	free(malloc(64));
}

static void after_main(void)
{
	free(early);
	free(late);
	free(malloc(4000));
}

static void destructor(void *p)
{
	free(p);
	free(malloc(200));
}

static size_t size_of(long i)
{
	return 16 + (size_t)(i * 37 % 900);
}

static void pass_on(long i)
{
	char *p = must_not_be_null(malloc(size_of(i)));
	p[0] = 1;
	free(__atomic_exchange_n(&slot[i % SLOTS], p, __ATOMIC_ACQ_REL));
}

static void *work(void *arg)
{
	long number = (long)arg;
	void *own[BLOCKS];
	for (long i = 0; i < BLOCKS; i++)
		own[i] = must_not_be_null(malloc(size_of(number + i)));
	for (long i = 0; i < BLOCKS; i++)
		pass_on(number * BLOCKS + i);
	for (long i = 0; i < BLOCKS; i++)
		free(own[i]);
	*(volatile char *)must_not_be_null(malloc(LEAK)) = 1;
	pthread_setspecific(key, malloc(100));
	return NULL;
}

int main(int argc, char **argv)
{
	long threads = argc > 1 ? atol(argv[1]) : 10000;
	pthread_t thread[AT_ONCE];
	atexit(after_main);
	MUST(pthread_key_create(&key, destructor) == 0);
	late = malloc(LATE);
	for (long done = 0; done < threads; done += AT_ONCE) {
		for (long i = 0; i < AT_ONCE; i++)
			MUST(pthread_create(&thread[i], NULL, work, (void *)(done + i)) == 0);
		for (long i = 0; i < AT_ONCE; i++)
			pthread_join(thread[i], NULL);
	}
	for (long i = 0; i < SLOTS; i++)
		free(slot[i]);
	long rounds = (threads + AT_ONCE - 1) / AT_ONCE * AT_ONCE;
	say("threads %ld\n", rounds);
	say("expect live_requested %ld %ld\n", rounds * LEAK + EARLY + LATE, 128 * KIB + 32 * KIB);
	return 0;
}
