/* SPDX-License-Identifier: MIT */
/*
 * request.c - talking to the collector through the map: the event ring, requests for
 * snapshots, the soft freeze. Everything here may run inside malloc, in a signal handler
 * and in a vfork child; it waits for nothing without a limit, and after three waits in
 * vain, or when the collector's process is gone, never again.
 */
#define _GNU_SOURCE
#include "introspect.h"
#include "life.h"

#include <linux/futex.h>
#include <time.h>

#define MS 1000000ull
/* While waiting, how often to look whether the collector still lives. */
#define LOOK_NS (50 * MS)
#define FREEZE_LIMIT_NS (50 * MS)
#define WAITS_IN_VAIN_MAX 3u

#define LOAD(p) __atomic_load_n(p, __ATOMIC_ACQUIRE)

__thread bool introspect_busy;

uint64_t life_now_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

void life_futex_wait(uint32_t *word, uint32_t value, uint64_t limit_ns)
{
	struct timespec ts = { .tv_sec = (time_t)(limit_ns / 1000000000u),
			       .tv_nsec = (long)(limit_ns % 1000000000u) };
	life_syscall(SYS_futex, word, FUTEX_WAIT, value, &ts);
}

void life_futex_wake(uint32_t *word)
{
	life_syscall(SYS_futex, word, FUTEX_WAKE, INT32_MAX);
}

void probe_turn_off(enum wire_reason reason)
{
	struct wire_control *c = probe.control;
	if (!probe.on)
		return;
	__atomic_store_n(&probe.on, 0, __ATOMIC_SEQ_CST);
	__atomic_store_n(&c->reason, reason, __ATOMIC_RELAXED);
	__atomic_store_n(&c->state, WIRE_STATE_OFF, __ATOMIC_RELEASE);
}

/* The next index of the ring, or false when it is full. A slot is claimed only while
 * there is room: a claimed slot that nobody fills would stop the collector there. */
static bool claim_slot(struct wire_control *c, uint64_t *ret_index)
{
	uint64_t head = LOAD(&c->event_head);
	do {
		if (head - LOAD(&c->event_tail) >= WIRE_EVENTS)
			return false;
	} while (!__atomic_compare_exchange_n(&c->event_head, &head, head + 1, true,
					      __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
	*ret_index = head;
	return true;
}

void probe_event(enum wire_event_kind kind, uint64_t address, uint64_t length, uint64_t arg, uint32_t flags)
{
	uint64_t index;
	if (!probe.on)
		return;
	struct wire_control *c = probe.control;
	if (!claim_slot(c, &index)) {
		__atomic_fetch_add(&c->lost_events, 1, __ATOMIC_RELAXED);
		return;
	}
	struct wire_event *e = (struct wire_event *)(probe.base + WIRE_OFF_EVENTS) + index % WIRE_EVENTS;
	e->time_ns = life_now_ns();
	e->address = address;
	e->length = length;
	e->arg = arg;
	e->kind = kind;
	e->flags = flags;
	/* Release: who sees the number sees the event. */
	__atomic_store_n(&e->seq, index + 1, __ATOMIC_RELEASE);
	if (index - LOAD(&c->event_tail) == WIRE_EVENTS / 2)
		probe_request(WIRE_REQUEST_EVENTS, false, 0);
}

static bool collector_is_gone(void)
{
	return life.collector_pid > 0 && life_syscall(SYS_kill, life.collector_pid, 0) == -ESRCH;
}

static void count_wait_in_vain(struct wire_control *c)
{
	uint32_t before = __atomic_fetch_add(&c->waits_timed_out, 1, __ATOMIC_RELAXED);
	if (before + 1 >= WAITS_IN_VAIN_MAX || collector_is_gone())
		__atomic_store_n(&c->collector_gone, 1, __ATOMIC_RELAXED);
}

/* A forked child tells its parent, so that each further child need not find out again. */
void life_note_wait_in_vain(void)
{
	if (probe.on)
		count_wait_in_vain(probe.control);
	if (life.parents)
		count_wait_in_vain((struct wire_control *)life.parents);
}

static bool wait_for(struct wire_control *c, uint32_t seq, uint64_t limit_ns)
{
	uint64_t start = life_now_ns(), spent = 0;
	do {
		uint32_t done = LOAD(&c->done_seq);
		if ((int32_t)(done - seq) >= 0)
			return true;
		uint64_t left = limit_ns - spent;
		life_futex_wait(&c->done_seq, done, left < LOOK_NS ? left : LOOK_NS);
		spent = life_now_ns() - start;
	} while (spent < limit_ns && (spent < LOOK_NS || !collector_is_gone()));
	if ((int32_t)(LOAD(&c->done_seq) - seq) >= 0)
		return true;
	life_note_wait_in_vain();
	return false;
}

bool life_freeze(struct wire_control *c)
{
	uint32_t before = 0;
	while (before != 1)
		if (__atomic_compare_exchange_n(&c->freeze, &before, 1, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			return true;
	return false;
}

void life_thaw(struct wire_control *c)
{
	__atomic_store_n(&c->freeze, 0, __ATOMIC_RELEASE);
	life_futex_wake(&c->freeze);
}

static uint32_t ask(struct wire_control *c, uint32_t kind)
{
	/* Bits before the number: the collector that sees the number finds the bits. */
	__atomic_fetch_or(&c->request_kinds, kind, __ATOMIC_ACQ_REL);
	uint32_t seq = __atomic_add_fetch(&c->request_seq, 1, __ATOMIC_ACQ_REL);
	life_futex_wake(&c->request_seq);
	return seq;
}

/* What is asked for is this moment: the other threads hold at their next hook at once,
 * not when the collector gets to run. */
static bool ask_frozen(struct wire_control *c, uint32_t kind, uint64_t limit_ns)
{
	bool froze = life_freeze(c);
	if (kind & PROBE_READ_FIRST)
		introspect_run_errands();
	bool served = wait_for(c, ask(c, kind & ~PROBE_READ_FIRST), limit_ns);
	if (froze)
		life_thaw(c);
	return served;
}

bool probe_request(uint32_t kind, bool wait, unsigned limit_ms)
{
	if (!probe.on)
		return false;
	struct wire_control *c = probe.control;
	if (LOAD(&c->detach)) {
		probe_turn_off(WIRE_REASON_DETACHED);
		return false;
	}
	if (LOAD(&c->collector_gone) || (wait && introspect_busy))
		return false;
	if (wait)
		return ask_frozen(c, kind, limit_ms * MS);
	ask(c, kind & ~PROBE_READ_FIRST);
	return true;
}

/* A freeze that lasts too long is broken here, once for everybody: its owner was killed
 * or stopped, and finds the word 0 when it comes back. */
void probe_freeze_wait(void)
{
	struct wire_control *c = probe.control;
	uint64_t start = life_now_ns(), spent = 0;
	uint32_t frozen = 1;
	if (introspect_busy)
		return;
	while (LOAD(&c->freeze) == 1 && spent < FREEZE_LIMIT_NS) {
		life_futex_wait(&c->freeze, 1, FREEZE_LIMIT_NS - spent);
		spent = life_now_ns() - start;
	}
	if (spent >= FREEZE_LIMIT_NS)
		__atomic_compare_exchange_n(&c->freeze, &frozen, 0, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}
