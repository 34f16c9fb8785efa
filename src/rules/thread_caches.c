/* SPDX-License-Identifier: MIT */
/*
 * Free blocks that threads keep at hand hold their pages. tcmalloc and a jemalloc with
 * statistics say how much; glibc counts them as in use, so that what it says is in use and the
 * program has freed lies there. Else what stays dirty after a purge tells: a purge takes every
 * free page, but not those whose blocks lie in caches or in slabs that are in use.
 */
#include "rules.h"
#include "verdict_help.h"

#include <stdlib.h>
#include <string.h>

#define THREADS_MIN 4               /* fewer keep little: 8 KiB of each size class */
#define END_TIMES 2                 /* what they hold at the exit has to be twice the peak's to be the story */
#define SAME_MOMENT_NS INT64_C(2000000) /* a reading and a snapshot of one halt */

enum source { COUNTED, DIFFERENCE, PURGE };
struct cached { int64_t bytes; enum source source; enum report_moment at; };

/* A thread's cache has 64 classes up to 1,032 bytes, each of 7 blocks unless told. */
#define GLIBC_CLASSES_BYTES (64 * (1032 + 16) / 2)
#define GLIBC_BLOCKS 7

static int64_t glibc_room(const struct verdict_input *in)
{
	const char *tunables = verdict_setting(in, "GLIBC_TUNABLES");
	const char *count = tunables ? strstr(tunables, "tcache_count=") : NULL;
	int64_t blocks = count ? strtol(count + strlen("tcache_count="), NULL, 10) : GLIBC_BLOCKS;
	if (blocks < 0 || blocks > UINT16_MAX)
		blocks = GLIBC_BLOCKS;
	return verdict_threads(in) * blocks * GLIBC_CLASSES_BYTES;
}

/* glibc's account less ours; mappings of their own are in both. */
static int64_t difference(const struct verdict_input *in, enum report_moment at)
{
	const struct ledger *l = verdict_ledger(in, at);
	int64_t allocated, away = in->figures[at].time_ns - (int64_t)in->model->moments[at].snapshot.s.time_ns;
	if (!l || !verdict_is_allocator(in, "glibc") || !verdict_figure(in, at, WIRE_FIGURE_allocated, &allocated) ||
	    away > SAME_MOMENT_NS || away < -SAME_MOMENT_NS)
		return 0;
	int64_t more = allocated - l->bytes[LEDGER_T_live_requested] - l->bytes[LEDGER_T_rounding];
	/* what no cache has room for was freed between the reading and the snapshot */
	return more <= glibc_room(in) ? more : 0;
}

static struct cached at_moment(const struct verdict_input *in, enum report_moment at)
{
	int64_t threads;
	if (verdict_figure(in, at, WIRE_FIGURE_thread_caches, &threads))
		return (struct cached){ threads, COUNTED, at };
	return (struct cached){ difference(in, at), DIFFERENCE, at };
}

static struct cached find_cached(const struct verdict_input *in)
{
	struct cached peak = at_moment(in, REPORT_AT_PEAK), end = at_moment(in, REPORT_AT_EXIT);
	struct cached best = end.bytes / END_TIMES > peak.bytes ? end : peak;
	const struct ledger *left = &in->purged.s.ledger;
	if (best.source != COUNTED && in->has_purge && in->purged.id && verdict_threads(in) >= THREADS_MIN &&
	    !verdict_is_allocator(in, "glibc"))
		best = (struct cached){ left->bytes[LEDGER_T_retained_dirty], PURGE, REPORT_AT_EXIT };
	return best;
}

static void say(const struct verdict_input *in, const struct cached *c, struct verdict_finding *f)
{
	if (c->source == PURGE)
		finding_claim(f, "%s of freed pages stayed after a purge of %s: thread caches, and slabs in use, "
			      "hold them.", BYTES_TEXT(c->bytes), in->heap->name);
	else
		finding_claim(f, "%s of freed blocks lie in %s's thread caches, where only their threads get at "
			      "them.", BYTES_TEXT(c->bytes), in->heap->name);
	const char *bytes = BYTES_TEXT(c->bytes);
	switch (c->source) {
	case COUNTED: finding_show(f, "thread caches, by the allocator's account: %s", bytes); break;
	case DIFFERENCE: finding_show(f, "glibc counts %s more as in use than the program holds", bytes); break;
	case PURGE: finding_show(f, "dirty after the purge at the exit: %s", bytes);
	}
	finding_show(f, "%lld threads", (long long)verdict_threads(in));
}

static bool evaluate(const struct verdict_input *in, struct verdict_finding *ret)
{
	const struct verdict_allocator *allocator = verdict_allocator(in);
	struct cached c = find_cached(in);
	const struct ledger *l = verdict_ledger(in, c.at);
	char words[VERDICT_TEXT / 2];
	if (!allocator || !l || !verdict_is_worth(l, c.bytes))
		return false;
	*ret = (struct verdict_finding){ .bytes = c.bytes, .column = VERDICT_SETTING,
		.moment = c.at == REPORT_AT_PEAK ? VERDICT_PEAK : VERDICT_EXIT,
		.confidence = c.source == PURGE ? VERDICT_LIKELY : VERDICT_STRONG, .saves_bytes = RECORDING_UNKNOWN };
	say(in, &c, ret);
	if (allocator->knobs[KNOB_CACHE])
		finding_advise(ret, "%s keeps caches small: it lowers the peak and the exit",
			       verdict_setting_words(in, allocator->knobs[KNOB_CACHE], words, sizeof words));
	finding_price(ret, "each allocation takes a lock then (measured on ruff with 10 threads: a tenth longer)");
	return true;
}

const struct rule rule_thread_caches = {
	"thread-caches", "do thread caches hold freed blocks?", evaluate
};
