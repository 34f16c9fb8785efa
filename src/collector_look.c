/* SPDX-License-Identifier: MIT */
/*
 * What the collector sees: samples, and snapshots of a target that is held for them.
 * What holds it (freeze, SIGSTOP) is undone on every path.
 */
#include "collector_private.h"
#include "ipc.h"
#include "platform.h"
#include "run_until.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define FREEZE_BOUND_NS  50000000ull  /* as long as a thread of the target waits */
#define SETTLE_PAUSE_NS  20000
#define SETTLE_LOOKS     50           /* a thread that was preempted there is waited for 1 to 5 ms */

void collector_put_in_sum(struct collector *c, int64_t rss_bytes, uint64_t now_ns)
{
	struct collector_run *r = c->run;
	int64_t net = rss_bytes - rss_bytes / 1000 * c->probe_permille;
	pthread_mutex_lock(&r->lock);
	r->sum_bytes += net - c->in_sum_bytes;
	c->in_sum_bytes = net;
	if (r->sum_bytes > r->sum_peak_bytes) {
		r->sum_peak_bytes = r->sum_bytes;
		r->sum_peak_ns = now_ns;
	}
	pthread_mutex_unlock(&r->lock);
}

/* ---- samples -------------------------------------------------------------------- */

static void note_rss(struct collector *c, int64_t rss_bytes, uint64_t now_ns)
{
	c->rss_bytes = rss_bytes;
	if (rss_bytes > c->rss_peak_bytes)
		c->rss_peak_bytes = rss_bytes;
	collector_put_in_sum(c, rss_bytes, now_ns);
}

/* Returns -errno when there is nothing to see (any more). */
int collector_look(struct collector *c)
{
	struct sample sample, kept[2];
	target_view_drain(c->view, collector_on_event, c);
	int error = target_view_sample(c->view, &sample);
	/* seen after an exec, it would be the new image's */
	if (error || collector_told(c) == COLLECTOR_REPLACED)
		return error ? error : -ESRCH;
	/* what it is worth to have counted is known before the first sample that is kept */
	if (!c->described)
		collector_update_description(c);
	c->described |= !c->control || collector_load(&c->control->state) != WIRE_STATE_NEW;
	c->counters = sample.counters;
	note_rss(c, sample.rss_bytes, sample.time_ns);
	run_until_note(c->run->until, sample.rss_bytes - sample.rss_bytes / 1000 * c->probe_permille, sample.counters.live_bytes);
	collector_store_samples(c, kept, sampler_keep(&c->sampler, &sample, kept));
	return 0;
}

/* ---- snapshots ------------------------------------------------------------------ */

void collector_set_freeze(struct collector *c, uint32_t on)
{
	if (!c->control)
		return;
	__atomic_store_n(&c->control->freeze, on, __ATOMIC_SEQ_CST);
	if (!on)
		ipc_wake(&c->control->freeze);
}

/* Threads that were inside a realloc when the others were held come to its end. */
static void await_settled(struct collector *c)
{
	const struct timespec pause = { 0, SETTLE_PAUSE_NS };
	for (int i = 0; i < SETTLE_LOOKS && !target_view_is_settled(c->view); i++)
		nanosleep(&pause, NULL);
}

/* asked: a thread of the target waits for the answer. */
static enum snapshot_hold hold_target(struct collector *c, bool asked)
{
	if (c->run->hold == RUN_HOLD_STOP && c->launched && ipc_stop(c->pidfd, c->pid) == 0)
		return HOLD_STOPPED;
	if (c->run->hold == RUN_HOLD_NONE || !c->control)
		return asked ? HOLD_WAITING : HOLD_RUNNING;
	collector_set_freeze(c, 1);
	await_settled(c);
	return asked ? HOLD_WAITING : HOLD_FROZEN;
}

void collector_thaw(struct collector *c)
{
	if (c->control && collector_load(&c->control->request_seq) == c->served)
		collector_set_freeze(c, 0);
}

static void release_target(struct collector *c)
{
	collector_thaw(c);
	if (c->run->hold == RUN_HOLD_STOP && c->launched)
		ipc_continue(c->pidfd);
}

static void note_snapshot(struct collector *c, struct snapshot *snap, uint64_t cost_ns, bool mappings)
{
	int64_t rss = snap->ledger.bytes[LEDGER_T_rss];
	/* what the ledger has is what was seen; the counters may have run on */
	int64_t live = ledger_has(&snap->ledger, LEDGER_T_live_requested) ? snap->ledger.bytes[LEDGER_T_live_requested] :
									    snap->counters.live_bytes;
	if (snap->vm_hwm_bytes > c->vm_hwm_bytes)
		c->vm_hwm_bytes = snap->vm_hwm_bytes;
	if (rss > 0)
		c->probe_permille = snap->ledger.bytes[LEDGER_T_probe] * 1000 / rss;
	c->counters = snap->counters;
	c->snapped.time_ns = snap->time_ns;
	c->snapped.net_bytes = rss - snap->ledger.bytes[LEDGER_T_probe];
	note_rss(c, rss, snap->time_ns);
	sampler_snapped(&c->sampler, (int)snap->trigger, platform_now_ns(), cost_ns, rss, live, mappings);
	store_add_snapshot(c->run->store, c->id, snap);
	collector_note_asked(c, snap);
	collector_update_description(c);
}

int collector_snap(struct collector *c, int trigger, bool asked)
{
	struct snapshot snapshot;
	memset(&snapshot, 0, sizeof snapshot);
	c->snapped.time_ns = 0;
	bool mappings = sampler_want_mappings(&c->sampler, trigger, c->rss_bytes, c->counters.live_bytes);
	bool stacks = collector_want_stacks(c, trigger);
	uint64_t from = platform_now_ns(), cpu_from = platform_thread_cpu_ns();
	collector_judge_linked(c);
	enum snapshot_hold hold = hold_target(c, asked);
	int error = target_view_snapshot(c->view, (enum snapshot_trigger)trigger, hold, mappings, collector_on_event, c, &snapshot);
	uint64_t cost = platform_now_ns() - from, cpu = platform_thread_cpu_ns() - cpu_from;
	if (!error && stacks)
		collector_scan_stacks(c); /* out of a budget of its own */
	release_target(c);
	uint64_t held = platform_now_ns() - from;
	if (!error && collector_told(c) != COLLECTOR_REPLACED) {
		if (hold == HOLD_FROZEN && held > FREEZE_BOUND_NS)
			snapshot.hold = HOLD_RUNNING;
		/* on a crowded machine most of the time is other people's */
		note_snapshot(c, &snapshot, cost < 2 * cpu ? cost : 2 * cpu, mappings);
		collector_store_stacks(c, &snapshot);
	}
	snapshot_finish(&snapshot);
	return error;
}
