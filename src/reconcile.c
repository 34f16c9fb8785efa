/* SPDX-License-Identifier: MIT */
/*
 * One rule a comparison: figures (added, one taken off), terms, and for either sign of the
 * difference the reason with the bytes that it can account for. What was never touched is in
 * an allocator's books and in no term; what caches and slabs keep is free for the ledger and
 * in use for some allocators: nearly every difference is one of these two.
 */
#include "reconcile.h"
#include "reading_names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NONE (-1)
#define ANY INT64_MAX             /* a reason without a bound */
#define SMALL_BYTES (64 << 10)
#define SMALL_PERMILLE 5
/* glibc: 64 sizes of 32 to 1040 bytes, 7 chunks each */
#define TCACHE_MAX_BYTES 240128

typedef int64_t bound_fn(const struct reconcile_input *in);
struct reason { const char *text; bound_fn *bound; };
struct rule {
	const char *allocator;
	int plus[3];              /* enum wire_figure, or NONE */
	int minus;                /* optional: left out of the comparison when it is not had */
	int terms[6];             /* enum ledger_term, or NONE */
	struct reason above, below; /* the figure is larger, smaller; text NULL: no reason is known */
};
static const struct rule rules[];

static bool had(const struct reconcile_input *in, int figure)
{
	return figure != NONE && (in->has >> figure & 1);
}

static int64_t value(const struct reconcile_input *in, int figure)
{
	return had(in, figure) ? in->values[figure] : 0;
}

/* ---- how much a reason can account for --------------------------------------------- */

static int64_t any(const struct reconcile_input *in)
{
	return ANY;
}

static int64_t pages_with_blocks(const struct ledger *l)
{
	return l->bytes[LEDGER_T_live_requested_resident] + l->bytes[LEDGER_T_rounding] + l->bytes[LEDGER_T_fragmentation];
}

static int64_t pages_ever_used(const struct ledger *l)
{
	return pages_with_blocks(l) + l->bytes[LEDGER_T_retained_dirty] + l->bytes[LEDGER_T_retained_muzzy];
}

static int64_t above_zero(int64_t bytes)
{
	return bytes > 0 ? bytes : 0;
}

/* In the allocator's books and not resident: its blocks' and its free pages'. */
static int64_t untouched(const struct reconcile_input *in)
{
	if (had(in, WIRE_FIGURE_active))
		return above_zero(value(in, WIRE_FIGURE_active) + value(in, WIRE_FIGURE_dirty) +
				  value(in, WIRE_FIGURE_muzzy) - pages_ever_used(in->ledger));
	if (had(in, WIRE_FIGURE_mapped))
		return above_zero(value(in, WIRE_FIGURE_mapped) - value(in, WIRE_FIGURE_page_heap_unmapped) -
				  pages_ever_used(in->ledger));
	return 0;
}

/* Wholly free pages that jemalloc holds as active. */
static int64_t held_active(const struct reconcile_input *in)
{
	int64_t rest = above_zero(value(in, WIRE_FIGURE_active) - pages_with_blocks(in->ledger));
	int64_t free_bytes = value(in, WIRE_FIGURE_slab_free) + value(in, WIRE_FIGURE_thread_caches);
	return had(in, WIRE_FIGURE_slab_free) && free_bytes < rest ? free_bytes : rest;
}

static int64_t tcache(const struct reconcile_input *in)
{
	return (int64_t)(in->threads ? in->threads : 1) * TCACHE_MAX_BYTES;
}

static int64_t tcache_and_untouched(const struct reconcile_input *in)
{
	return tcache(in) + untouched(in);
}

static int64_t caches(const struct reconcile_input *in)
{
	return value(in, WIRE_FIGURE_thread_caches) + value(in, WIRE_FIGURE_central_caches);
}

static int64_t huge_fill(const struct reconcile_input *in)
{
	return in->ledger->bytes[LEDGER_T_huge_fill];
}

/* ---- one rule ------------------------------------------------------------------------ */

static bool sum_figures(const struct reconcile_input *in, const struct rule *r, int64_t *ret_bytes)
{
	int64_t bytes = -value(in, r->minus);
	for (size_t i = 0; i < sizeof r->plus / sizeof *r->plus && r->plus[i] != NONE; i++) {
		if (!had(in, r->plus[i]))
			return false;
		bytes += value(in, r->plus[i]);
	}
	*ret_bytes = bytes;
	return true;
}

static bool sum_terms(const struct ledger *l, const struct rule *r, int64_t *ret_bytes)
{
	int64_t bytes = 0;
	for (size_t i = 0; i < sizeof r->terms / sizeof *r->terms && r->terms[i] != NONE; i++) {
		if (!ledger_has(l, (enum ledger_term)r->terms[i]))
			return false;
		bytes += l->bytes[r->terms[i]];
	}
	*ret_bytes = bytes;
	return true;
}

/* "a + b - c", of figures' or of terms' names. */
static void write_sum(char *ret, size_t size, const int *parts, size_t count, int minus, const char *name_of(int))
{
	size_t n = 0;
	for (size_t i = 0; i < count && parts[i] != NONE && n < size; i++)
		n += (size_t)snprintf(ret + n, size - n, "%s%s", i ? " + " : "", name_of(parts[i]));
	if (minus != NONE && n < size)
		snprintf(ret + n, size - n, " - %s", name_of(minus));
}

static const char *figure_name(int figure)
{
	return figure_infos[figure].name;
}

static const char *term_name(int term)
{
	return ledger_term_infos[term].name;
}

#define USED_PAGES \
	LEDGER_T_live_requested_resident, LEDGER_T_rounding, LEDGER_T_fragmentation, LEDGER_T_retained_dirty, LEDGER_T_retained_muzzy

/* The five of them are one word, in the manual too. */
static void write_words(const struct rule *r, int minus, char figure[64], char sum[128])
{
	static const int used[] = { USED_PAGES };
	size_t count = sizeof r->terms / sizeof *r->terms, n = sizeof used / sizeof *used;
	write_sum(figure, 64, r->plus, sizeof r->plus / sizeof *r->plus, minus, figure_name);
	if (memcmp(r->terms, used, sizeof used) != 0) {
		write_sum(sum, 128, r->terms, count, NONE, term_name);
		return;
	}
	strcpy(sum, r->terms[n] == NONE ? "used pages" : "used pages + ");
	write_sum(sum + strlen(sum), 128 - strlen(sum), r->terms + n, count - n, NONE, term_name);
}

static bool is_small(const struct reconcile_line *l)
{
	int64_t larger = llabs(l->figure_bytes) > llabs(l->ledger_bytes) ? llabs(l->figure_bytes) : llabs(l->ledger_bytes);
	int64_t small = larger / 1000 * SMALL_PERMILLE;
	return llabs(l->difference_bytes) <= (small > SMALL_BYTES ? small : SMALL_BYTES);
}

static void explain(const struct reconcile_input *in, const struct rule *r, struct reconcile_line *l)
{
	const struct reason *reason = l->difference_bytes > 0 ? &r->above : &r->below;
	l->explained = true;
	l->explanation = "";
	if (is_small(l))
		return;
	int64_t bound = reason->text ? reason->bound(in) : 0;
	if (bound == ANY || llabs(l->difference_bytes) <= bound + SMALL_BYTES) {
		l->explanation = reason->text;
	} else if (l->difference_bytes < 0 && !in->alone) {
		l->explanation = "other allocators' blocks and pages are in the ledger too";
	} else {
		l->explained = false;
		l->explanation = "unexplained";
	}
}

static bool compare(const struct reconcile_input *in, const struct rule *r, struct reconcile_line *l)
{
	memset(l, 0, sizeof *l);
	if (!sum_figures(in, r, &l->figure_bytes) || !sum_terms(in->ledger, r, &l->ledger_bytes))
		return false;
	l->first = (enum wire_figure)r->plus[0];
	l->difference_bytes = l->figure_bytes - l->ledger_bytes;
	write_words(r, had(in, r->minus) ? r->minus : NONE, l->figure, l->sum);
	explain(in, r, l);
	return true;
}

size_t reconcile(const struct reconcile_input *in, struct reconcile_line ret_lines[RECONCILE_LINES_MAX])
{
	size_t n = 0;
	for (const struct rule *r = rules; r->allocator && n < RECONCILE_LINES_MAX; r++)
		if (!strcmp(r->allocator, in->allocator) && compare(in, r, &ret_lines[n]))
			n++;
	return n;
}

bool reconcile_rule_words(size_t n, const char **ret_allocator, char ret_figure[64], char ret_sum[128])
{
	for (size_t i = 0; i <= n; i++)
		if (!rules[i].allocator)
			return false;
	*ret_allocator = rules[n].allocator;
	write_words(&rules[n], rules[n].minus, ret_figure, ret_sum);
	return true;
}

/* ---- the table ------------------------------------------------------------------------ */

#define F(name) WIRE_FIGURE_##name
#define T(name) LEDGER_T_##name
#define UNTOUCHED "pages that nobody has touched: the allocator counts them, the kernel does not"

static const struct rule rules[] = {
	{ "jemalloc", { F(allocated), NONE }, F(thread_caches), { T(live_requested), T(rounding), NONE },
		{ "the untouched ends of large blocks: jemalloc counts whole size classes, the ledger's rounding resident pages", untouched },
		{ NULL, NULL } },
	{ "jemalloc", { F(active), F(dirty), F(muzzy) }, NONE, { USED_PAGES, NONE },
		{ UNTOUCHED, any }, { "pages that only a huge page keeps", huge_fill } },
	{ "jemalloc", { F(dirty), NONE }, NONE, { T(retained_dirty), NONE },
		{ "free pages that nobody ever touched", untouched },
		{ "wholly free pages inside slabs and in thread caches: active for jemalloc, dirty for the ledger", held_active } },
	{ "jemalloc", { F(muzzy), NONE }, NONE, { T(retained_muzzy), NONE },
		{ "pages that the kernel has taken since, or that were never touched", any }, { NULL, NULL } },
	{ "jemalloc", { F(metadata), NONE }, NONE, { T(allocator_metadata), NONE },
		{ "metadata that is set aside and not yet touched", any }, { NULL, NULL } },
	{ "jemalloc", { F(resident), NONE }, NONE, { USED_PAGES, T(allocator_metadata) },
		{ "an upper bound: it counts untouched pages", any }, { NULL, NULL } },
	{ "glibc", { F(allocated), NONE }, NONE, { T(live_requested), T(rounding), NONE },
		{ "chunks in thread caches (tcache) are in use for glibc; and ends of blocks that nobody touched", tcache_and_untouched },
		{ NULL, NULL } },
	{ "glibc", { F(free_chunks), NONE }, NONE, { T(fragmentation), T(retained_dirty), T(retained_muzzy), T(allocator_metadata), NONE },
		{ "free chunks that nobody has touched, mostly at the top of an arena", any },
		{ "chunks in thread caches (tcache) are free for the ledger", tcache } },
	{ "glibc", { F(mapped), NONE }, NONE, { USED_PAGES, T(allocator_metadata) },
		{ UNTOUCHED, any }, { NULL, NULL } },
	{ "glibc", { F(top_free), NONE }, NONE, { T(retained_dirty), NONE },
		{ "a top that nobody has touched", any },
		{ "the top of the main arena is one part of it; the rest lies below blocks in use, or in other arenas", any } },
	{ "tcmalloc", { F(allocated), NONE }, NONE, { T(live_requested), T(rounding), NONE },
		{ "the untouched ends of large blocks", untouched }, { NULL, NULL } },
	{ "tcmalloc", { F(thread_caches), F(central_caches), F(page_heap_free) }, NONE,
		{ T(fragmentation), T(retained_dirty), T(retained_muzzy), NONE },
		{ UNTOUCHED, untouched }, { NULL, NULL } },
	{ "tcmalloc", { F(page_heap_free), NONE }, NONE, { T(retained_dirty), NONE },
		{ UNTOUCHED, untouched },
		{ "wholly free pages inside spans that the caches hold: theirs for tcmalloc, dirty for the ledger", caches } },
	{ "tcmalloc", { F(mapped), NONE }, F(page_heap_unmapped), { USED_PAGES, NONE },
		{ UNTOUCHED, any }, { "pages that only a huge page keeps", huge_fill } },
	{ "mimalloc", { F(mapped), NONE }, NONE, { T(rss), NONE },
		{ "committed memory that nobody has touched, where mimalloc counts it (its statistics are on)", any },
		{ "mimalloc counts its own memory only, where its statistics are on", any } },
	{ NULL, { NONE }, NONE, { NONE }, { NULL, NULL }, { NULL, NULL } },
};
