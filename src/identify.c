/* SPDX-License-Identifier: MIT */
/*
 * identify.c - see identify.h. For each family that has left a trace in the file: names
 * first, else behaviour; then what stays becomes a plan. All calling of functions is the
 * throwaway process', all reading is image.h's and candidates.h's, all decoding relocate.h's.
 */
#include "identify.h"

#include "identify_search.h"
#include "identify_symbols.h"
#include "relocate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const uint8_t families[] = { WIRE_FAMILY_JEMALLOC, WIRE_FAMILY_MIMALLOC, WIRE_FAMILY_TCMALLOC, WIRE_FAMILY_OTHER };
#define FAMILIES (sizeof families / sizeof *families)

/* Texts that stay in a stripped file. */
static const struct { const char *text; uint8_t family; } traces[] = {
	{ "<jemalloc>", WIRE_FAMILY_JEMALLOC }, { "mimalloc: ", WIRE_FAMILY_MIMALLOC }, { "tcmalloc", WIRE_FAMILY_TCMALLOC },
};
#define TRACES (sizeof traces / sizeof *traces)

static bool has_text(const struct image *im)
{
	for (size_t i = 0; i < TRACES; i++)
		if (image_has_text(im, traces[i].text))
			return true;
	return false;
}

struct job {
	const struct identify_options *options;
	struct image *im;
	struct candidates *candidates; /* made when first needed */
	struct identify_process *process;
	struct identify_symbols *symbols;
	struct identify_search *search;
	struct wire_plan *plan;
	struct identify_report *report;
	unsigned unpatchable;
	int error;
};

/* ---- is it worth it? ----------------------------------------------------------------------- */

static bool has_names(struct image *im)
{
	struct identify_symbols *symbols = calloc(1, sizeof *symbols);
	bool has = symbols && identify_symbols_find(im, symbols) == 0 && symbols->count > 0;
	free(symbols);
	return has;
}

bool identify_is_worth_it(const char *path)
{
	struct image *im;
	if (image_open(path, &im) != 0)
		return false;
	bool worth = has_text(im) || has_names(im);
	image_close(im);
	return worth;
}

/* ---- one family ----------------------------------------------------------------------------- */

static bool is_named(const struct job *j, uint8_t family)
{
	for (size_t i = 0; i < j->symbols->count; i++)
		if (j->symbols->named[i].family == family)
			return true;
	return false;
}

/* A plain malloc is that of the one family that has left its name or its texts. */
static void adopt_plain_names(struct job *j)
{
	uint64_t seen = 0;
	for (size_t i = 0; i < j->symbols->count; i++)
		seen |= 1u << j->symbols->named[i].family;
	if (!(seen & 1u << WIRE_FAMILY_OTHER))
		return;
	for (size_t i = 0; i < TRACES; i++)
		if (image_has_text(j->im, traces[i].text))
			seen |= 1u << traces[i].family;
	seen &= ~(1ull << WIRE_FAMILY_OTHER);
	for (size_t i = 0; i < j->symbols->count && __builtin_popcountll(seen) == 1; i++)
		if (j->symbols->named[i].family == WIRE_FAMILY_OTHER)
			j->symbols->named[i].family = (uint8_t)__builtin_ctzll(seen);
}

/* What a loaded module exports as malloc or operator new, its own callers find in the probe:
 * the loader takes the first of a name. libstdc++ is such a one. */
static void drop_plain_names(struct job *j)
{
	size_t kept = 0;
	for (size_t i = 0; i < j->symbols->count; i++)
		if (j->symbols->named[i].family != WIRE_FAMILY_OTHER)
			j->symbols->named[kept++] = j->symbols->named[i];
	j->symbols->count = kept;
}

static void try_names(struct job *j, uint8_t family)
{
	for (size_t i = 0; i < j->symbols->count && j->search->error == 0; i++) {
		const struct identify_named *named = &j->symbols->named[i];
		struct identify_nominee n = { .address = named->address, .kinds = 1ull << named->kind, .references = 0,
					      .found = WIRE_FOUND_SYMBOL };
		if (named->family == family && (!named->takes_heap || j->symbols->context))
			identify_search_try(j->search, &n);
	}
}

static bool may_look_for(struct job *j, uint8_t family)
{
	if (j->options->mode != IDENTIFY_ALL || family == WIRE_FAMILY_OTHER)
		return false;
	if (!j->candidates && !has_text(j->im))
		return false;
	int err = j->candidates ? 0 : candidates_create(j->im, &j->candidates);
	if (err == -EBADMSG)
		snprintf(j->report->why, sizeof j->report->why, "its table of functions (.eh_frame_hdr) contradicts itself");
	else if (err == -ENODATA)
		snprintf(j->report->why, sizeof j->report->why, "it has no table of functions (.eh_frame_hdr)");
	return err == 0 && candidates_has_family(j->candidates, family);
}

/* mimalloc's is a number: 209 is 2.0.9, 20107 would be 2.1.7. */
static void ask_mimalloc_version(struct job *j)
{
	struct wire_identify_request r;
	struct wire_identify_answer a;
	memset(&r, 0, sizeof r);
	r.op = WIRE_IDENTIFY_CALL;
	r.candidate = j->symbols->mi_version;
	if (!r.candidate || identify_process_ask(j->process, &r, &a) != 0 || a.kind == WIRE_ENTRY_NONE)
		return;
	unsigned v = (unsigned)(a.value & 0xffffffff), unit = v >= 10000 ? 100 : 10;
	if (v >= 100 && v < 100000)
		snprintf(j->search->version, sizeof j->search->version, "%u.%u.%u", v / unit / unit, v / unit % unit, v % unit);
}

/* A stripped file keeps the names of what others may call, and perhaps uses more. */
static bool has_all_names(struct job *j)
{
	const char *source = image_symbol_source(j->im);
	return source[0] && strcmp(source, ".dynsym");
}

static void search_family(struct job *j, uint8_t family)
{
	struct identify_search *s = j->search;
	memset(s, 0, sizeof *s);
	s->process = j->process;
	s->family = family;
	s->context = j->symbols->context;
	if (is_named(j, family))
		try_names(j, family);
	identify_search_keep_group(s);
	if ((!identify_search_is_complete(s) || !has_all_names(j)) && may_look_for(j, family))
		j->error = identify_behaviour(s, j->im, j->candidates, j->options->hints, j->options->hint_count);
	identify_search_settle(s);
	if (family == WIRE_FAMILY_MIMALLOC && s->count)
		ask_mimalloc_version(j);
	j->report->candidates += s->tested;
	if (s->error)
		j->error = s->error;
}

/* ---- the plan -------------------------------------------------------------------------------- */

static bool is_in_plan(const struct wire_plan *p, uint64_t function)
{
	for (uint32_t i = 0; i < p->entry_count; i++)
		if (p->entries[i].function == function)
			return true;
	return false;
}

static void plan_entry(struct job *j, const struct relocate_referrers *referrers, const struct identify_found *f)
{
	struct wire_plan_entry *e = &j->plan->entries[j->plan->entry_count];
	const char *why = "";
	if (j->plan->entry_count == WIRE_PLAN_ENTRIES || is_in_plan(j->plan, f->address))
		return;
	memset(e, 0, sizeof *e);
	if (f->kind < WIRE_ENTRY_HOOKED && relocate_entry_among(j->im, f->address, referrers, e, &why) != 0) {
		j->unpatchable++;
		snprintf(j->report->why, sizeof j->report->why, "an entry can't be patched: %s", why);
		return;
	}
	if (f->kind >= WIRE_ENTRY_HOOKED)
		e->address = e->function = f->address;
	e->kind = f->kind;
	e->family = f->family;
	e->found = f->found;
	j->plan->entry_count++;
}

static void plan_family(struct job *j)
{
	const struct identify_search *s = j->search;
	uint32_t before = j->plan->entry_count;
	uint64_t functions[IDENTIFY_FOUND_MAX];
	struct relocate_referrers *referrers;
	for (size_t i = 0; i < s->count; i++)
		functions[i] = s->found[i].address;
	if (!s->count || relocate_referrers_find(j->im, functions, s->count, &referrers) != 0)
		return;
	for (size_t i = 0; i < s->count; i++)
		plan_entry(j, referrers, &s->found[i]);
	relocate_referrers_free(referrers);
	if (j->plan->entry_count == before)
		return;
	j->plan->family_count++;
	memcpy(j->plan->family_versions[s->family], s->version, sizeof s->version);
}

static bool plan_has_hooks(const struct wire_plan *p)
{
	for (uint32_t i = 0; i < p->entry_count; i++)
		if (p->entries[i].patch_bytes)
			return true;
	return false;
}

/* ---- the whole -------------------------------------------------------------------------------- */

static const struct { int error; const char *text; } reasons[] = {
	{ -ENOEXEC, "it is no program that a probe can be preloaded into" },
	{ -ENOSYS, "this kernel does not allow to lock a process in (seccomp)" },
	{ -EPROTO, "the process that its functions are called in did not start" },
	{ -ELIBACC, "it could not be loaded into a process apart" },
	{ -EPIPE, "the process that its functions are called in has ended" },
	{ -ETIME, "it took too long" },
};

static void explain(struct identify_report *r, int error)
{
	if (error == 0 || r->why[0])
		return;
	snprintf(r->why, sizeof r->why, "%s", strerror(-error));
	for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
		if (reasons[i].error == error)
			snprintf(r->why, sizeof r->why, "%s", reasons[i].text);
}

static bool has_trace(struct job *j)
{
	for (size_t i = 0; i < FAMILIES; i++)
		if (is_named(j, families[i]) || may_look_for(j, families[i]))
			return true;
	return false;
}

static int search_all(struct job *j)
{
	int err = identify_symbols_find(j->im, j->symbols);
	if (err != 0)
		return err;
	adopt_plain_names(j);
	if (j->options->host)
		drop_plain_names(j);
	if (!has_trace(j))
		return -ENOENT;
	const char *host = j->options->host, *path = j->options->path;
	err = identify_process_start(host ? host : path, host ? path : NULL, j->options->probe_path, &j->process);
	for (size_t i = 0; i < FAMILIES && err == 0; i++) {
		if (!is_named(j, families[i]) && !may_look_for(j, families[i]))
			continue;
		search_family(j, families[i]);
		plan_family(j);
	}
	return err;
}

static uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void finish(struct job *j)
{
	if (j->process) {
		struct identify_spent spent = identify_process_spent(j->process);
		j->report->forks = spent.forks;
		j->report->cpu_ns = spent.cpu_ns;
	}
	identify_process_end(j->process);
	if (j->candidates)
		candidates_destroy(j->candidates);
	if (j->im)
		image_close(j->im);
	free(j->symbols);
	free(j->search);
}

static int run(struct job *j)
{
	int err = image_open(j->options->path, &j->im);
	j->symbols = calloc(1, sizeof *j->symbols);
	j->search = calloc(1, sizeof *j->search);
	if (err == 0 && (!j->symbols || !j->search))
		err = -ENOMEM;
	if (err == 0)
		err = search_all(j);
	explain(j->report, err != 0 && err != -ENOENT ? err : j->error);
	if ((err == 0 || err == -ENOENT) && !plan_has_hooks(j->plan) && !j->report->why[0] && has_text(j->im))
		snprintf(j->report->why, sizeof j->report->why, "its entry points were not found");
	return err != 0 ? err : plan_has_hooks(j->plan) ? 0 : -ENOENT;
}

int identify_module(const struct identify_options *options, struct wire_plan *ret_plan, struct identify_report *ret_report)
{
	uint64_t start = now_ns();
	struct wire_plan *plan = calloc(1, sizeof *plan);
	struct job j = { .options = options, .plan = plan, .report = ret_report };
	memset(ret_report, 0, sizeof *ret_report);
	int err = !plan ? -ENOMEM : options->mode == IDENTIFY_OFF ? -ENOENT : run(&j);
	if (err == 0) {
		plan->magic = WIRE_PLAN_MAGIC;
		plan->version = WIRE_PLAN_VERSION;
		plan->low = image_low(j.im);
		plan->high = image_high(j.im);
		*ret_plan = *plan;
	}
	finish(&j);
	free(plan);
	ret_report->wall_ns = now_ns() - start;
	return err;
}
