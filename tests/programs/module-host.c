/* SPDX-License-Identifier: MIT */
/*
 * module-host MODULE ROUNDS [idle] - loads and unloads a module that has an allocator of its
 * own, ROUNDS times, and works in it each time, while other threads use libc's heap. MODULE "-":
 * it is a dependency (built with -DLINKED), and stays. In the last round it keeps its blocks.
 *
 * Model: what the module asked for and did not free is live, to the byte. Its constructor has
 * 1000 bytes more, which its destructor frees. "idle" does the same without the work: what is
 * live then (the loader's, the constructor's) is to be subtracted.
 */
#include "say.h"

#include <dlfcn.h>
#include <pthread.h>

struct module_counts { long live_bytes, allocations, frees; };
typedef void work_fn(struct module_counts *counts, unsigned round);
typedef void rest_fn(struct module_counts *counts);
#ifdef LINKED
void module_work(struct module_counts *counts, unsigned round);
void module_rest(struct module_counts *counts);
#endif

#define THREADS 3
static struct module_counts counts;
static int stop, idle;

static void *churn(void *arg)
{
	(void)arg;
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		void *p = malloc(100);
		MUST(p != NULL);
		free(p);
	}
	return NULL;
}

static void one_round(const char *path, unsigned round, int keep)
{
	void *module = dlopen(path, RTLD_NOW);
	if (module == NULL)
		fail(dlerror());
	work_fn *work = (work_fn *)dlsym(module, "module_work");
	rest_fn *rest = (rest_fn *)dlsym(module, "module_rest");
	MUST(work && rest);
	if (!idle)
		work(&counts, round);
	if (keep)
		return;
	rest(&counts);
	MUST(dlclose(module) == 0);
}

static void linked_rounds(unsigned rounds)
{
#ifdef LINKED
	for (unsigned i = 0; i < rounds; i++) {
		if (!idle)
			module_work(&counts, i);
		if (i + 1 < rounds)
			module_rest(&counts);
	}
#else
	(void)rounds;
#endif
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];
	MUST(argc > 2);
	unsigned rounds = (unsigned)atoi(argv[2]);
	idle = argc > 3;
	for (int i = 0; i < THREADS; i++)
		MUST(pthread_create(&threads[i], NULL, churn, NULL) == 0);
	if (!strcmp(argv[1], "-"))
		linked_rounds(rounds);
	else
		for (unsigned i = 0; i < rounds; i++)
			one_round(argv[1], i, i + 1 == rounds);
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	say("counter live_requested_bytes %ld\n", counts.live_bytes);
	say("# %ld allocations, %ld frees\n", counts.allocations, counts.frees);
	_exit(0);
}
