/* SPDX-License-Identifier: MIT */
/* doctor_program.c - see doctor_program.h. */
#include "doctor_program.h"

#include "command.h"
#include "image.h"
#include "launch.h"
#include "plans.h"
#include "probe_state.h"
#include "util/text.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

struct setting { uint32_t family; const char *variable, *example; };
static const struct setting settings[];
static const char *const kind_names[WIRE_ENTRY_KINDS];

static const char *found_words(const struct wire_plan_entry *e)
{
	return e->found == WIRE_FOUND_SYMBOL ? "by its symbol" : "by behaviour";
}

static void print_entry(const struct wire_plan_entry *e)
{
	printf("  %-10s %-16s 0x%-10llx %-14s %s\n", probe_state_family_name(e->family), kind_names[e->kind],
	       (unsigned long long)e->function, found_words(e), e->patch_bytes ? "followed" : "can be asked");
}

static void print_families(const struct wire_plan *plan)
{
	for (unsigned family = 1; family < WIRE_FAMILIES; family++) {
		unsigned entries = 0;
		for (uint32_t i = 0; i < plan->entry_count; i++)
			entries += plan->entries[i].family == family && plan->entries[i].patch_bytes;
		if (entries)
			printf("allocator  %s %s, linked in; %u entry points\n", probe_state_family_name(family),
			       *plan->family_versions[family] ? plan->family_versions[family] : "(version not told)", entries);
	}
}

/* The settings come from an environment variable whose name is in the program, or they
 * don't come: jemalloc may be built with a prefix of its own. */
static void print_settings(const struct wire_plan *plan, struct image *im)
{
	bool present[WIRE_FAMILIES] = { false };
	for (uint32_t i = 0; i < plan->entry_count; i++)
		present[plan->entries[i].family] = true;
	for (const struct setting *s = settings; s->variable; s++)
		if (present[s->family] && image_has_text(im, s->variable)) {
			printf("settings   %s=%s and the like\n", s->variable, s->example);
			present[s->family] = false; /* the longest name that fits comes first */
		}
}

static void print_origin(const struct plans_answer *a)
{
	if (a->is_cached)
		puts("origin     kept from an earlier run (memwhy doctor --forget drops it)");
	else if (a->report.forks)
		printf("origin     looked for just now: %.2f s, %u candidates, %u forks\n", (double)a->report.wall_ns / 1e9,
		       a->report.candidates, a->report.forks);
	else
		puts("origin     read from the file");
}

static int print_answer(const struct plans_answer *a, struct image *im)
{
	const char *own = a ? a->own : NULL;
	if (!a || !a->plan) {
		if (own || (a && *a->why))
			printf("allocator  %s linked in, not followed%s%s\n", own ? own : "one", a && *a->why ? ": " : "",
			       a ? a->why : "");
		else
			puts("allocator  none linked in that memwhy knows; malloc and its kin are followed where libraries provide them");
		return 0;
	}
	print_families(a->plan);
	print_origin(a);
	if (*a->why)
		printf("note       %s\n", a->why);
	print_settings(a->plan, im);
	puts("entries");
	for (uint32_t i = 0; i < a->plan->entry_count; i++)
		print_entry(&a->plan->entries[i]);
	return 0;
}

static int explain(const char *path, const char *probe)
{
	struct plans *plans;
	struct image *im;
	const struct plans_options o = { .mode = IDENTIFY_ALL, .probe_path = probe };
	if (image_open(path, &im) != 0) {
		puts("allocator  not looked for: this is no ELF program of this machine");
		return 0;
	}
	int status = EXIT_MEMWHY;
	if (plans_create(&o, &plans) == 0) {
		status = print_answer(plans_for(plans, path, path), im);
		plans_destroy(plans);
	}
	image_close(im);
	return status;
}

int doctor_program(char *const *argv)
{
	struct launch_command command;
	char probe[PATH_MAX + 64], why[PATH_MAX];
	int error = launch_find(argv, &command);
	if (error) {
		int status = launch_explain(&command, -error, why, sizeof why);
		fprintf(stderr, "memwhy: %s: %s\n", argv[0], why);
		return status;
	}
	printf("program    ");
	text_print_safe(stdout, command.path, 0, true);
	putchar('\n');
	const char *clause = exec_kind_clause(&command.kind);
	if (*clause)
		printf("probe      %s\n", clause);
	bool has_probe = !*clause && launch_find_probe(probe, sizeof probe) == 0;
	int status = explain(command.path, has_probe ? probe : NULL);
	return fflush(stdout) == 0 ? status : EXIT_MEMWHY;
}

static const struct setting settings[] = {
	{ WIRE_FAMILY_JEMALLOC, "_RJEM_MALLOC_CONF", "dirty_decay_ms:1000,narenas:2" },
	{ WIRE_FAMILY_JEMALLOC, "JE_MALLOC_CONF", "dirty_decay_ms:1000,narenas:2" },
	{ WIRE_FAMILY_JEMALLOC, "MALLOC_CONF", "dirty_decay_ms:1000,narenas:2" },
	{ WIRE_FAMILY_TCMALLOC, "TCMALLOC_RELEASE_RATE", "10" },
	{ 0, NULL, NULL },
};

static const char *const kind_names[WIRE_ENTRY_KINDS] = {
	[WIRE_ENTRY_NONE] = "-", [WIRE_ENTRY_MALLOC] = "malloc", [WIRE_ENTRY_CALLOC] = "calloc",
	[WIRE_ENTRY_REALLOC] = "realloc", [WIRE_ENTRY_FREE] = "free", [WIRE_ENTRY_POSIX_MEMALIGN] = "posix_memalign",
	[WIRE_ENTRY_ALIGNED_ALLOC] = "aligned_alloc", [WIRE_ENTRY_MALLOC_ALIGNED] = "malloc_aligned",
	[WIRE_ENTRY_CALLOC_ALIGNED] = "calloc_aligned", [WIRE_ENTRY_REALLOC_ALIGNED] = "realloc_aligned",
	[WIRE_ENTRY_RECALLOC] = "recalloc", [WIRE_ENTRY_MALLOCX] = "mallocx", [WIRE_ENTRY_RALLOCX] = "rallocx",
	[WIRE_ENTRY_XALLOCX] = "xallocx", [WIRE_ENTRY_CTX_MALLOC] = "ctx malloc", [WIRE_ENTRY_CTX_CALLOC] = "ctx calloc",
	[WIRE_ENTRY_CTX_REALLOC] = "ctx realloc", [WIRE_ENTRY_CTX_REALLOC_OLD] = "ctx realloc",
	[WIRE_ENTRY_CTX_FREE] = "ctx free", [WIRE_ENTRY_VALLOC] = "valloc", [WIRE_ENTRY_PVALLOC] = "pvalloc",
	[WIRE_ENTRY_USABLE_SIZE] = "usable_size", [WIRE_ENTRY_MALLCTL] = "mallctl",
};
