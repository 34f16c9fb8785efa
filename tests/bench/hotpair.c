/* SPDX-License-Identifier: MIT */
/*
 * hotpair pair THREADS MILLIONS | heap MIB - two loads for bench.py.
 * pair: malloc(64) and free at once, in a loop, in each thread; prints ns for each pair (of
 *   the slowest thread).
 * heap: a heap of MIB in blocks of 16 to 512 bytes, then a second of random replacement;
 *   prints the allocator's own count of bytes in use at the end ("own", -1 if it keeps none)
 *   and ends with _exit, so that the last ledger is of the same moment.
 */
#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static long millions;
static pthread_barrier_t together;

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void *pairs(void *ret_ns)
{
	void *volatile sink;
	pthread_barrier_wait(&together);
	double start = now();
	for (long i = 0; i < millions * 1000000; i++) {
		sink = malloc(64);
		free(sink);
	}
	*(double *)ret_ns = (now() - start) * 1e9 / ((double)millions * 1e6);
	return NULL;
}

static int hot_pairs(long threads)
{
	pthread_t thread[64];
	double ns[64], worst = 0;
	if (threads < 1 || threads > 64)
		return 2;
	pthread_barrier_init(&together, NULL, (unsigned)threads);
	for (long i = 1; i < threads; i++)
		if (pthread_create(&thread[i], NULL, pairs, &ns[i]))
			return 2;
	pairs(&ns[0]);
	for (long i = 1; i < threads; i++)
		pthread_join(thread[i], NULL);
	for (long i = 0; i < threads; i++)
		worst = ns[i] > worst ? ns[i] : worst;
	printf("%.2f\n", worst);
	return 0;
}

static uint32_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(*state >> 33);
}

/* Bytes in use as the allocator counts them (usable sizes), caches of this thread emptied. */
static long own_count(void)
{
	int (*mallctl)(const char *, void *, size_t *, void *, size_t) =
		(int (*)(const char *, void *, size_t *, void *, size_t))dlsym(RTLD_DEFAULT, "mallctl");
	int (*property)(const char *, size_t *) =
		(int (*)(const char *, size_t *))dlsym(RTLD_DEFAULT, "MallocExtension_GetNumericProperty");
	size_t bytes = 0, size = sizeof bytes;
	uint64_t epoch = 1;
	if (mallctl) {
		mallctl("thread.tcache.flush", NULL, NULL, NULL, 0);
		mallctl("epoch", NULL, NULL, &epoch, sizeof epoch);
		return mallctl("stats.allocated", &bytes, &size, NULL, 0) == 0 ? (long)bytes : -1;
	}
	if (property)
		return property("generic.current_allocated_bytes", &bytes) ? (long)bytes : -1;
	if (dlsym(RTLD_DEFAULT, "mi_malloc"))
		return -1;
	struct mallinfo2 m = mallinfo2();
	return (long)(m.uordblks + m.hblkhd);
}

static int big_heap(long mib)
{
	char line[64];
	uint64_t state = 1;
	size_t n = (size_t)mib * 1024 * 1024 / 264;
	void **block = malloc(n * sizeof *block);
	if (!block)
		return 2;
	for (size_t i = 0; i < n; i++) {
		size_t size = 16 + next_random(&state) % 497;
		block[i] = malloc(size);
		memset(block[i], 1, size);
	}
	for (double end = now() + 1; now() < end;)
		for (int i = 0; i < 10000; i++) {
			size_t at = next_random(&state) % n, size = 16 + next_random(&state) % 497;
			free(block[at]);
			block[at] = malloc(size);
			memset(block[at], 1, size);
		}
	int length = snprintf(line, sizeof line, "own %ld\n", own_count());
	if (write(1, line, (size_t)length) != length)
		_exit(2);
	_exit(0);
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "pair")) {
		millions = atol(argv[3]);
		return hot_pairs(atol(argv[2]));
	}
	if (argc == 3 && !strcmp(argv[1], "heap"))
		return big_heap(atol(argv[2]));
	fprintf(stderr, "usage: hotpair pair THREADS MILLIONS | heap MIB\n");
	return 2;
}
