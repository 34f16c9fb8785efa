/* SPDX-License-Identifier: MIT */
/*
 * thread.c - slots, and the live maximum.
 *
 * Each thread keeps its pending delta of live bytes and publishes it when it reaches
 * flush_bytes = live / 512 / threads, within [1 KiB, 64 KiB]: the maximum is then right to
 * 0.2 % (or 1 KiB a thread), at the cost of one atomic addition in many calls.
 */
#define _GNU_SOURCE
#include "thread.h"
#include "ext_hooks.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define FLUSH_MIN_BYTES 1024
#define FLUSH_MAX_BYTES 65536
/* A fall of live by more than 1/256 ends a maximum. */
#define PEAK_FALL_SHIFT 8
/* Slots are taken fresh up to here before dead threads' are looked for. */
#define FRESH_SLOTS 32
#define LIVE_PEAK_WAIT_MS 200

__thread struct wire_thread *probe_thread_slot;

void probe_thread_forget(void)
{
	probe_thread_slot = NULL;
}

static void adopt(struct wire_thread *t, uint32_t tid)
{
	t->starts++;
	t->tls_address = (uint64_t)pthread_self();
	t->stack_hint = (uint64_t)(uintptr_t)__builtin_frame_address(0);
	t->inflight_address = 0;
	t->sample_at_bytes = UINT64_MAX;
	if (t->flush_bytes == 0)
		t->flush_bytes = FLUSH_MIN_BYTES;
	__atomic_store_n(&t->tid, tid, __ATOMIC_RELEASE);
	probe_thread_slot = t;
	probe_event(WIRE_EVENT_THREAD, t->tls_address, 0, tid, 0);
}

static bool thread_is_gone(uint32_t tid)
{
	return syscall(SYS_tgkill, probe.pid, tid, 0) != 0 && errno == ESRCH;
}

/* Takes over the slot of a thread that ended. One look at each slot, from a place that
 * moves on, so that thousands of short threads find theirs at once. */
static struct wire_thread *reclaim(struct wire_thread *slots, uint32_t count, uint32_t tid)
{
	static uint32_t cursor;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t at = __atomic_fetch_add(&cursor, 1, __ATOMIC_RELAXED) % count;
		uint32_t owner = __atomic_load_n(&slots[at].tid, __ATOMIC_ACQUIRE);
		if (!owner || (owner != tid && !thread_is_gone(owner)))
			continue;
		/* Claim by writing our tid; another claimer loses the exchange. */
		if (__atomic_compare_exchange_n(&slots[at].tid, &owner, tid, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			return &slots[at];
	}
	return NULL;
}

static struct wire_thread *fresh(struct wire_thread *slots)
{
	uint32_t at = __atomic_fetch_add(&probe.control->thread_count, 1, __ATOMIC_RELAXED);
	if (at < WIRE_THREADS_MAX)
		return &slots[at];
	__atomic_fetch_sub(&probe.control->thread_count, 1, __ATOMIC_RELAXED);
	return NULL;
}

struct wire_thread *probe_thread_acquire(void)
{
	if (!probe.on)
		return NULL;
	int saved = errno;
	struct wire_thread *slots = (struct wire_thread *)(probe.base + WIRE_OFF_THREADS);
	uint32_t tid = (uint32_t)syscall(SYS_gettid);
	uint32_t count = __atomic_load_n(&probe.control->thread_count, __ATOMIC_RELAXED);
	struct wire_thread *t = NULL;
	if (count >= FRESH_SLOTS)
		t = reclaim(slots, count < WIRE_THREADS_MAX ? count : WIRE_THREADS_MAX, tid);
	if (!t)
		t = fresh(slots);
	if (t)
		adopt(t, tid);
	errno = saved;
	return t;
}

struct wire_thread *probe_thread(void)
{
	return probe.on ? probe_thread_fast() : NULL;
}

static uint64_t coarse_now_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* Publishes `delta` and raises the maximum if it was passed; returns live now. */
static int64_t publish(struct wire_thread *t, int64_t delta)
{
	struct wire_control *c = probe.control;
	int64_t live = __atomic_add_fetch(&c->live_bytes, delta, __ATOMIC_RELAXED);
	int64_t peak = __atomic_load_n(&c->live_peak_bytes, __ATOMIC_RELAXED);
	while (live > peak) {
		if (__atomic_compare_exchange_n(&c->live_peak_bytes, &peak, live, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
			__atomic_store_n(&c->live_peak_ns, coarse_now_ns(), __ATOMIC_RELAXED);
			break;
		}
	}
	int64_t limit = (live >> 9) / (1 + (int64_t)__atomic_load_n(&c->thread_count, __ATOMIC_RELAXED));
	t->flush_bytes = limit < FLUSH_MIN_BYTES ? FLUSH_MIN_BYTES : limit > FLUSH_MAX_BYTES ? FLUSH_MAX_BYTES : limit;
	return live;
}

void probe_thread_flush(struct wire_thread *t)
{
	int64_t delta = t->delta_bytes;
	t->delta_bytes = 0;
	publish(t, delta);
	ext_hooks_check();
}

void probe_thread_flush_free(struct wire_thread *t, size_t bytes)
{
	struct wire_control *c = probe.control;
	int64_t delta = t->delta_bytes;
	t->delta_bytes = 0;
	int64_t live = publish(t, delta);
	int64_t peak = __atomic_load_n(&c->live_peak_bytes, __ATOMIC_RELAXED);
	bool ends_peak = live - (int64_t)bytes < peak - (peak >> PEAK_FALL_SHIFT);
	if (ends_peak && peak > 0 && (uint64_t)peak > __atomic_load_n(&c->live_trigger_bytes, __ATOMIC_RELAXED))
		probe_request(WIRE_REQUEST_LIVE_PEAK | PROBE_READ_FIRST, true, LIVE_PEAK_WAIT_MS);
	publish(t, -(int64_t)bytes);
}
