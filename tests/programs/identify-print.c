/* SPDX-License-Identifier: MIT */
/*
 * identify-print.c - identify-print FILE PROBE: what is found in FILE, one line each:
 * "entry KIND ADDRESS FAMILY symbol|behaviour", "version FAMILY TEXT", and last
 * "forks N candidates N cpu_ms N wall_ms N". Status 1 and "none: WHY" where nothing was.
 */
#include "identify.h"

#include <stdio.h>
#include <string.h>

static const char *const kinds[WIRE_ENTRY_KINDS] = {
	[WIRE_ENTRY_MALLOC] = "malloc", [WIRE_ENTRY_CALLOC] = "calloc", [WIRE_ENTRY_REALLOC] = "realloc",
	[WIRE_ENTRY_FREE] = "free", [WIRE_ENTRY_POSIX_MEMALIGN] = "posix_memalign",
	[WIRE_ENTRY_ALIGNED_ALLOC] = "aligned_alloc", [WIRE_ENTRY_MALLOC_ALIGNED] = "malloc_aligned",
	[WIRE_ENTRY_CALLOC_ALIGNED] = "calloc_aligned", [WIRE_ENTRY_REALLOC_ALIGNED] = "realloc_aligned",
	[WIRE_ENTRY_RECALLOC] = "recalloc", [WIRE_ENTRY_MALLOCX] = "mallocx", [WIRE_ENTRY_RALLOCX] = "rallocx",
	[WIRE_ENTRY_XALLOCX] = "xallocx", [WIRE_ENTRY_CTX_MALLOC] = "ctx_malloc", [WIRE_ENTRY_CTX_CALLOC] = "ctx_calloc",
	[WIRE_ENTRY_CTX_REALLOC] = "ctx_realloc", [WIRE_ENTRY_CTX_REALLOC_OLD] = "ctx_realloc_old",
	[WIRE_ENTRY_CTX_FREE] = "ctx_free", [WIRE_ENTRY_VALLOC] = "valloc", [WIRE_ENTRY_PVALLOC] = "pvalloc",
	[WIRE_ENTRY_USABLE_SIZE] = "usable_size", [WIRE_ENTRY_MALLCTL] = "mallctl",
};
static const char *const families[WIRE_FAMILIES] = { "none", "jemalloc", "mimalloc", "tcmalloc", "other" };

static void print_plan(const struct wire_plan *p)
{
	for (uint32_t i = 0; i < p->entry_count; i++) {
		const struct wire_plan_entry *e = &p->entries[i];
		printf("entry %s %lx %s %s\n", kinds[e->kind], (unsigned long)e->function, families[e->family],
		       e->found == WIRE_FOUND_SYMBOL ? "symbol" : "behaviour");
	}
	for (int i = 0; i < WIRE_FAMILIES; i++)
		if (p->family_versions[i][0])
			printf("version %s %s\n", families[i], p->family_versions[i]);
}

int main(int argc, char **argv)
{
	static struct wire_plan plan;
	struct identify_report report;
	if (argc != 3 && argc != 4)
		return 2;
	const struct identify_options options = { .path = argv[1], .host = argv[3], .probe_path = argv[2], .mode = IDENTIFY_ALL };
	int err = identify_module(&options, &plan, &report);
	if (err == 0)
		print_plan(&plan);
	else
		printf("none: %s\n", report.why[0] ? report.why : strerror(-err));
	printf("forks %u candidates %u cpu_ms %lu wall_ms %lu\n", report.forks, report.candidates,
	       (unsigned long)(report.cpu_ns / 1000000), (unsigned long)(report.wall_ns / 1000000));
	return err != 0;
}
