/* SPDX-License-Identifier: MIT */
/*
 * threads.c - what each thread keeps. The threads work one after the other, so that little is
 * live at a time, and all stay until the end, so that what each has kept adds up.
 *
 * arenas:  each frees all that it had, but for the last block (glibc gives back an arena's free top).
 * caches-N: each fills its own cache, many times over; one arena, so that the rest is reused.
 * stacks:  each has been deep in its stack once; fixed does the same in little steps.
 * huge:    each has a few blocks in an arena of huge pages. huge-asked: the program itself asked
 *          for the huge pages behind the allocator's back; fixed does not ask.
 * shares:  each holds its part of what is live, in an arena of its own: nothing wrong.
 */
#include "cause.h"
#include <pthread.h>
#include <sys/mman.h>

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
#define HUGE (2 * MIB)
enum { THREADS_MAX = 64 };

struct turn { void (*work)(long parameter, int fixed); long parameter; int fixed; };
static struct turn turn;
static pthread_barrier_t done;
static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

static void *take_turn(void *arg)
{
	pthread_mutex_lock(&one_at_a_time);
	turn.work(turn.parameter, turn.fixed);
	pthread_mutex_unlock(&one_at_a_time);
	pthread_barrier_wait(&done);
	for (;;)
		pause();
	return arg;
}

static void in_turns(int threads, struct turn what)
{
	pthread_t thread[THREADS_MAX];
	turn = what;
	MUST(threads <= THREADS_MAX && pthread_barrier_init(&done, NULL, (unsigned)threads + 1) == 0);
	for (int i = 0; i < threads; i++)
		MUST(pthread_create(&thread[i], NULL, take_turn, NULL) == 0);
	pthread_barrier_wait(&done);
	cause_hold_ms(50);
}

static void use_and_free(long size, int fixed)
{
	(void)fixed;
	struct block *all = cause_fill(NULL, 6 * MIB, (size_t)size);
	cause_free_all(all->next);
}

static void arenas(long size, int fixed)
{
	in_turns(12, (struct turn){ use_and_free, size, fixed });
}

/* 20 blocks of each class up to 32 KiB: what jemalloc caches of large classes. */
static void fill_large_cache(long rounds, int fixed)
{
	(void)fixed;
	for (long i = 0; i < rounds; i++) {
		struct block *all = NULL;
		for (size_t size = 8192; size <= 32768; size += 4096)
			all = cause_fill(all, 20 * (long)size, size);
		cause_free_all(all);
	}
}

static void fill_small_cache(long rounds, int fixed)
{
	(void)fixed;
	for (long i = 0; i < rounds; i++) {
		struct block *all = NULL;
		for (size_t size = 700; size <= 1000; size += 100)
			all = cause_fill(all, 1000 * (long)size, size);
		cause_free_all(all);
	}
}

static void caches_large(long rounds, int fixed)
{
	in_turns(16, (struct turn){ fill_large_cache, rounds, fixed });
}

static void caches_small(long rounds, int fixed)
{
	in_turns(16, (struct turn){ fill_small_cache, rounds, fixed });
}

static volatile char sink;

__attribute__((noinline))
static void dig(long bytes)
{
	volatile char hole[bytes];
	for (long i = 0; i < bytes; i += 512)
		hole[i] = 1;
	sink = hole[bytes / 2];
}

static void go_deep(long bytes, int fixed)
{
	for (int i = 0; i < (fixed ? 64 : 1); i++)
		dig(fixed ? bytes / 64 : bytes);
}

static void stacks(long bytes, int fixed)
{
	in_turns(16, (struct turn){ go_deep, bytes, fixed });
}

static void use_little(long bytes, int fixed)
{
	(void)fixed;
	cause_fill(NULL, bytes, 4000);
}

static void huge(long bytes, int fixed)
{
	in_turns(16, (struct turn){ use_little, bytes, fixed });
}

static void ask_for_huge(long bytes, int fixed)
{
	struct block *b = cause_fill(NULL, bytes, 4000);
	char *start = (char *)((uintptr_t)b & ~(uintptr_t)(HUGE - 1));
	if (!fixed && madvise(start, HUGE, MADV_COLLAPSE))
		skip("no MADV_COLLAPSE");
}

static void huge_asked(long bytes, int fixed)
{
	in_turns(24, (struct turn){ ask_for_huge, bytes, fixed });
}

static void shares(long bytes, int fixed)
{
	in_turns(6, (struct turn){ use_little, bytes, fixed });
	cause_hold_ms(250);
}

const struct cause causes_threads[] = {
	{ "arenas", arenas, 4000 },
	{ "arenas-small", arenas, 1000 },
	{ "caches-large", caches_large, 3 },
	{ "caches-large-often", caches_large, 60 },
	{ "caches-small", caches_small, 2 },
	{ "stacks", stacks, 4 * MIB },
	{ "huge", huge, 64 * KIB },
	{ "huge-asked", huge_asked, 64 * KIB },
	{ "shares", shares, 10 * MIB },
	{ NULL, NULL, 0 },
};
