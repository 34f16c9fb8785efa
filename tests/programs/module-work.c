/* SPDX-License-Identifier: MIT */
/*
 * module-work - a module with an allocator linked in under names of its own (linked-names.h);
 * of all that, it exports only what module-host calls. Its constructor and destructor use the
 * heap too.
 */
#include <stddef.h>

#define EXPORTED __attribute__((visibility("default")))
struct module_counts { long live_bytes, allocations, frees; };
EXPORTED void module_work(struct module_counts *counts, unsigned round);
EXPORTED void module_rest(struct module_counts *counts);

#define KEPT 200
static struct { unsigned char *p; size_t bytes; } kept[KEPT];
static void *born_early;

static void give(struct module_counts *counts, unsigned i)
{
	counts->live_bytes -= (long)kept[i].bytes;
	counts->frees++;
	free(kept[i].p);
	kept[i].p = NULL;
}

static void take(struct module_counts *counts, unsigned i, size_t bytes)
{
	if (kept[i].p)
		give(counts, i);
	kept[i].p = i % 3 == 0 ? malloc(bytes) : i % 3 == 1 ? calloc(1, bytes) : aligned_alloc(64, bytes);
	if (!kept[i].p)
		__builtin_trap();
	kept[i].p[bytes - 1] = 1;
	kept[i].bytes = bytes;
	counts->live_bytes += (long)bytes;
	counts->allocations++;
}

static void change(struct module_counts *counts, unsigned i, size_t bytes)
{
	unsigned char *p = realloc(kept[i].p, bytes);
	if (!p)
		__builtin_trap();
	counts->live_bytes += (long)bytes - (long)kept[i].bytes;
	counts->allocations++;
	counts->frees++;
	kept[i].p = p;
	kept[i].bytes = bytes;
}

__attribute__((constructor)) static void on_load(void)
{
	born_early = malloc(1000);
}

__attribute__((destructor)) static void on_unload(void)
{
	free(born_early);
}

/* A thousand calls, of sizes from 1 byte to 200 KiB. */
void module_work(struct module_counts *counts, unsigned round)
{
	for (unsigned n = 0; n < 1000; n++) {
		unsigned i = (n * 7 + round) % KEPT;
		size_t bytes = (n * 13 + round) % 50 == 0 ? 200 * 1024 + n : 1 + (n * 37 + round * 11) % 5000;
		if (n % 5 == 4 && kept[i].p)
			change(counts, i, bytes);
		else
			take(counts, i, bytes);
	}
}

void module_rest(struct module_counts *counts)
{
	for (unsigned i = 0; i < KEPT; i++)
		if (kept[i].p)
			give(counts, i);
}
