/* SPDX-License-Identifier: MIT */
/*
 * collector_stacks.c - call stacks into the recording: figures of chosen snapshots, the part
 * of the trie that they and the totals lead to, and the totals at the end. The target is
 * held for the scan alone. A snapshot's figures wait in memory until it is clear that they
 * are of a report's moment: most maxima are followed by a larger one at once. While the
 * target runs nobody waits for the disk: names that find no room come with later ones;
 * only at the end a bounded time is waited.
 */
#include "collector_private.h"
#include "platform.h"
#include "stack_figures.h"
#include "stack_names.h"
#include "stack_rows.h"
#include "stack_schedule.h"
#include "stack_totals.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIGURES_MOST 16384        /* by each figure; the rest of a snapshot is one row */
#define TOTALS_MOST  16384        /* by bytes, and by allocations */
#define ROWS_MOST    (4 * FIGURES_MOST)
#define WAITING_MAX  12u          /* scans that wait */
#define WAIT_NS      1000000000ull /* after it a maximum seems to last, and memwhy may be killed */
#define PATIENCE_NS  5000000000ull

/* A scan that is not stored yet. */
struct waiting {
	uint64_t time_ns;              /* of the snapshot */
	bool kept;                     /* an exit, or asked for: stored in any case */
	int64_t rss_bytes, live_bytes; /* rss as reports take it: without the probe */
	struct stack_figure *rows;
	size_t count;
};

struct collector_stacks {
	struct stack_figures *figures;
	struct stack_names *names;
	struct stack_schedule schedule;
	bool scanned;                  /* figures hold what follows into waiting */
	struct waiting waiting[WAITING_MAX]; /* ascending in time */
	unsigned waiting_count;
	int64_t rss_top_bytes, live_top_bytes; /* of all scans */
	uint64_t scan_ns;
	struct stack_rows rows;
};

/* ---- life ---------------------------------------------------------------------------- */

static void destroy(struct collector_stacks *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < s->waiting_count; i++)
		free(s->waiting[i].rows);
	stack_names_destroy(s->names);
	stack_figures_destroy(s->figures);
	free(s);
}

static struct collector_stacks *create(const struct collector *c, struct stack_view *view)
{
	struct collector_stacks *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	s->schedule.start_ns = c->start_ns;
	stack_rows_init(&s->rows, c->run->store, c->id);
	if (stack_figures_create(stack_view_mode(view), stack_view_mean_bytes(view), &s->figures) == 0 &&
	    stack_names_create(view, &s->names) == 0)
		return s;
	destroy(s);
	return NULL;
}

/* The mode stands in the memory since before the probe had it. */
static struct collector_stacks *stacks_of(struct collector *c)
{
	if (c->stacks_begun)
		return c->stacks;
	struct stack_view *view = target_view_stacks(c->view);
	c->stacks_begun = true;
	c->stacks = view ? create(c, view) : NULL;
	return c->stacks;
}

/* ---- at a snapshot --------------------------------------------------------------------- */

bool collector_want_stacks(struct collector *c, int trigger)
{
	const struct collector_stacks *s = stacks_of(c);
	return s && stack_schedule_wants(&s->schedule, platform_now_ns(), (enum snapshot_trigger)trigger, c->rss_bytes,
					 c->counters.live_bytes);
}

/* On a crowded machine most of the time is other people's. */
void collector_scan_stacks(struct collector *c)
{
	struct collector_stacks *s = c->stacks;
	uint64_t from = platform_now_ns(), cpu_from = platform_thread_cpu_ns();
	stack_figures_clear(s->figures);
	s->scanned = target_view_scan_stacks(c->view, s->figures) == 0;
	uint64_t wall = platform_now_ns() - from, cpu = platform_thread_cpu_ns() - cpu_from;
	s->scan_ns = wall < 2 * cpu ? wall : 2 * cpu;
}

/* ---- scans that wait --------------------------------------------------------------------- */

static void store_figures(struct collector_stacks *s, struct waiting *w)
{
	stack_figures_cut(w->rows, &w->count, FIGURES_MOST);
	for (size_t i = 0; i < w->count; i++)
		stack_names_use(s->names, w->rows[i].stack);
	stack_rows_add_figures(&s->rows, w->time_ns, w->rows, w->count);
	stack_rows_add_names(&s->rows, s->names);
}

static void remove_waiting(struct collector_stacks *s, unsigned i)
{
	free(s->waiting[i].rows);
	memmove(&s->waiting[i], &s->waiting[i + 1], (--s->waiting_count - i) * sizeof *s->waiting);
}

/* Can it still be the resident peak (the first within a hundredth of the largest), or the
 * peak of live bytes? */
static bool may_be_a_moment(const struct collector_stacks *s, const struct waiting *w)
{
	return w->kept || w->rss_bytes >= s->rss_top_bytes - s->rss_top_bytes / 100 || w->live_bytes >= s->live_top_bytes;
}

/* Drops what was overtaken; stores what has waited for longer than that. */
static void settle_waiting(struct collector_stacks *s, uint64_t now_ns, uint64_t wait_ns)
{
	for (unsigned i = 0; i < s->waiting_count;) {
		struct waiting *w = &s->waiting[i];
		bool is_moment = may_be_a_moment(s, w), is_due = s->waiting_count == WAITING_MAX || now_ns - w->time_ns > wait_ns;
		if (is_moment && !is_due) {
			i++;
			continue;
		}
		if (is_moment)
			store_figures(s, w);
		remove_waiting(s, i);
	}
}

static void keep_scan(struct collector_stacks *s, const struct snapshot *snapshot)
{
	const int64_t *bytes = snapshot->ledger.bytes;
	struct waiting *w = &s->waiting[s->waiting_count];
	*w = (struct waiting){
		.time_ns = snapshot->time_ns, .rss_bytes = bytes[LEDGER_T_rss] - bytes[LEDGER_T_probe],
		.live_bytes = bytes[LEDGER_T_live_requested],
		.kept = stack_schedule_is_always(snapshot->trigger),
	};
	if (stack_figures_rows(s->figures, &w->rows, &w->count) < 0)
		return;
	if (w->count > ROWS_MOST)
		stack_figures_cut(w->rows, &w->count, FIGURES_MOST);
	s->waiting_count++;
	s->rss_top_bytes = w->rss_bytes > s->rss_top_bytes ? w->rss_bytes : s->rss_top_bytes;
	s->live_top_bytes = w->live_bytes > s->live_top_bytes ? w->live_bytes : s->live_top_bytes;
}

void collector_store_stacks(struct collector *c, const struct snapshot *snapshot)
{
	struct collector_stacks *s = c->stacks;
	if (!s)
		return;
	target_view_name_stacks(c->view, s->names);
	if (s->scanned) {
		stack_schedule_took(&s->schedule, s->scan_ns, snapshot->ledger.bytes[LEDGER_T_rss], snapshot->counters.live_bytes);
		keep_scan(s, snapshot);
		s->scanned = false;
	}
	/* storing takes a while, and after some requests a thread of the target waits for it */
	settle_waiting(s, platform_now_ns(), snapshot->hold == HOLD_WAITING ? UINT64_MAX : WAIT_NS);
}

/* ---- the end ----------------------------------------------------------------------------- */

static void store_totals(struct collector_stacks *s, const struct stack_view *view)
{
	struct stack_total *totals;
	size_t count;
	if (stack_totals_read(view, TOTALS_MOST, &totals, &count) < 0)
		return;
	for (size_t i = 0; i < count; i++)
		stack_names_use(s->names, totals[i].stack);
	stack_rows_add_totals(&s->rows, totals, count);
	free(totals);
}

/* How many stacks could not be taken is news too: an event with these three numbers. */
static void store_counts(struct collector *c, const struct stack_view *view)
{
	struct stack_view_counts n;
	char text[128];
	if (stack_view_counts(view, &n) < 0)
		return;
	snprintf(text, sizeof text, "%llu stacks taken, %llu without room, %llu failed", (unsigned long long)n.taken,
		 (unsigned long long)n.lost, (unsigned long long)n.failed);
	store_add_event(c->run->store, c->id, platform_now_ns(), "stacks", n.taken, n.lost, n.failed, text);
}

void collector_finish_stacks(struct collector *c)
{
	struct collector_stacks *s = stacks_of(c);
	if (!s)
		return;
	s->rows.patient_until_ns = platform_now_ns() + PATIENCE_NS;
	target_view_name_stacks(c->view, s->names);
	settle_waiting(s, platform_now_ns(), 0);
	store_totals(s, target_view_stacks(c->view));
	stack_rows_add_names(&s->rows, s->names);
	store_counts(c, target_view_stacks(c->view));
	destroy(s);
	c->stacks = NULL;
}
