/* SPDX-License-Identifier: MIT */
/*
 * stacks - 100 threads that have each touched 256 KiB of stack and wait, and a main thread
 * that has touched 1 MiB.
 *
 * Model: every resident page of a thread's stack block (its TLS and descriptor lie there
 * too) and of [stack] is in the term stacks. pthread_getattr_np says where the blocks are,
 * /proc/self/pagemap what is resident. Tolerance: 64 pages, as stacks may still grow
 * between the count and the snapshot.
 */
#include "say.h"
#include <pthread.h>

enum { THREADS = 100 };
static pthread_barrier_t deep;
static volatile char sink;

__attribute__((noinline))
static void dig(size_t bytes)
{
	volatile char hole[bytes];
	for (size_t i = 0; i < bytes; i += 512)
		hole[i] = 1;
	sink = hole[bytes / 2];
}

static void *wait_deep(void *arg)
{
	dig(256 * 1024);
	pthread_barrier_wait(&deep);
	for (;;)
		pause();
	return arg;
}

static long stack_of(pthread_t t)
{
	pthread_attr_t attr;
	void *start;
	size_t size;
	MUST(pthread_getattr_np(t, &attr) == 0);
	MUST(pthread_attr_getstack(&attr, &start, &size) == 0);
	pthread_attr_destroy(&attr);
	return resident_bytes((uintptr_t)start, (uintptr_t)start + size);
}

int main(void)
{
	static pthread_t thread[THREADS];
	long stacks = 0;
	MUST(pthread_barrier_init(&deep, NULL, THREADS + 1) == 0);
	for (int i = 0; i < THREADS; i++)
		MUST(pthread_create(&thread[i], NULL, wait_deep, NULL) == 0);
	pthread_barrier_wait(&deep);
	dig(1024 * 1024);
	usleep(50000);
	for (int i = 0; i < THREADS; i++)
		stacks += stack_of(thread[i]);
	stacks += stack_of(pthread_self());
	say("expect stacks %ld %ld\n", stacks, (long)(64 * PAGE));
	_exit(0);
}
