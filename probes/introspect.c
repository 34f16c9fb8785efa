/* SPDX-License-Identifier: MIT */
/*
 * introspect.c - errands and purges; see introspect.h. One thread of the process asks at a
 * time (probe.introspecting, which a forked child finds wiped); an errand that finds another
 * at it is dropped, and the collector sets it again. A linked allocator's entries are its
 * own business meanwhile, as behind any hook (linked_inside).
 */
#define _GNU_SOURCE
#include "introspect.h"
#include "allocator_ops.h"
#include "heap.h"
#include "introspect_environ.h"
#include "life.h"
#include "linked_hooks.h"
#include "linked_sizes.h"

#include <signal.h>
#include <string.h>
#include <time.h>

bool introspect_leaving;

#define PURGE_WAIT_MS 2000u
#define TURN_TRIES    200
#define TURN_PAUSE_NS 500000

static const struct allocator_ops *const list[] = {
	&allocator_jemalloc, &allocator_mimalloc, &allocator_tcmalloc, &allocator_glibc,
};
#define LIST_COUNT (sizeof list / sizeof *list)

static const struct allocator_ops *preloaded; /* of heap 0; NULL: nobody knows it */

void introspect_start(void)
{
	introspect_copy_environment(environ);
	for (size_t i = 0; heap_adapter && i < LIST_COUNT; i++)
		if (!strcmp(list[i]->name, heap_adapter->name))
			preloaded = list[i];
	if (preloaded)
		preloaded->resolve();
}

static bool is_used(uint32_t heap)
{
	const struct wire_heap *h = &probe.control->heaps[heap];
	return h->name[0] && h->state == (heap ? WIRE_HEAP_FOLLOWED : WIRE_HEAP_RESOLVED);
}

static const struct allocator_ops *ops_of(uint32_t heap)
{
	uint8_t family = probe.control->heaps[heap].family;
	if (!heap)
		return preloaded;
	for (size_t i = 0; i < LIST_COUNT; i++)
		if (family && list[i]->family == family)
			return list[i];
	return NULL;
}

static struct wire_reading *reading_of(uint32_t heap)
{
	return (struct wire_reading *)(probe.base + WIRE_OFF_READINGS + heap * (uint64_t)WIRE_READING_BYTES);
}

/* ---- the turn --------------------------------------------------------------------- */

struct turn { uint64_t signals; uintptr_t inside; int saved_errno; };

/* All but those that code raises by itself: held off, they would end the process. */
static uint64_t hold_signals(uint64_t mask)
{
	uint64_t before = 0;
	life_syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, &before, sizeof mask);
	return before;
}

static bool begin_turn(struct turn *ret)
{
	static const int own[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP };
	uint64_t mask = UINT64_MAX;
	/* Acquire: after the turn before this one. */
	if (__atomic_exchange_n(&probe.introspecting, 1, __ATOMIC_ACQUIRE))
		return false;
	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		mask &= ~(1ull << (own[i] - 1));
	*ret = (struct turn){ hold_signals(mask), linked_inside, errno };
	introspect_busy = true;
	linked_inside = UINTPTR_MAX; /* whatever the depth */
	return true;
}

static void end_turn(const struct turn *t)
{
	linked_inside = t->inside;
	introspect_busy = false;
	__atomic_store_n(&probe.introspecting, 0, __ATOMIC_RELEASE);
	hold_signals(t->signals);
	errno = t->saved_errno;
}

/* ---- readings --------------------------------------------------------------------- */

static uint64_t thread_cpu_ns(void)
{
	struct timespec t = { 0, 0 };
	life_syscall(SYS_clock_gettime, CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void read_heap(uint32_t heap)
{
	const struct allocator_ops *ops = ops_of(heap);
	struct introspect_writer w;
	uint64_t cpu_ns = thread_cpu_ns();
	introspect_begin(&w, reading_of(heap), life_now_ns());
	enum wire_reading_result result = ops ? ops->read(heap, &w) : WIRE_READING_NO_WAY;
	w.to->cpu_ns = thread_cpu_ns() - cpu_ns;
	introspect_end(&w, result, life_now_ns());
}

static void read_all(void)
{
	struct turn t;
	if (!begin_turn(&t))
		return;
	for (uint32_t heap = 0; heap < WIRE_HEAPS; heap++)
		if (is_used(heap))
			read_heap(heap);
	end_turn(&t);
}

static void count_unsafe(void)
{
	for (uint32_t heap = 0; heap < WIRE_HEAPS; heap++) {
		uint32_t never = WIRE_READING_NONE;
		if (!is_used(heap))
			continue;
		__atomic_fetch_add(&reading_of(heap)->not_safe, 1, __ATOMIC_RELAXED);
		__atomic_compare_exchange_n(&reading_of(heap)->result, &never, WIRE_READING_NOT_SAFE, false,
					    __ATOMIC_RELAXED, __ATOMIC_RELAXED);
	}
}

/* ---- purges ----------------------------------------------------------------------- */

static bool await_turn(struct turn *ret)
{
	const struct timespec pause = { 0, TURN_PAUSE_NS };
	for (int i = 0; i < TURN_TRIES; i++) {
		if (begin_turn(ret))
			return true;
		life_syscall(SYS_nanosleep, &pause, 0);
	}
	return false;
}

/* OK if one of them was purged. */
static void purge_heaps(struct wire_purge *p)
{
	enum wire_reading_result result = WIRE_READING_NO_WAY;
	p->heaps = 0;
	p->begin_ns = life_now_ns();
	for (uint32_t heap = 0; heap < WIRE_HEAPS; heap++) {
		const struct allocator_ops *ops = is_used(heap) ? ops_of(heap) : NULL;
		enum wire_reading_result r = ops ? ops->purge(heap) : WIRE_READING_NO_WAY;
		if (r == WIRE_READING_OK)
			p->heaps |= 1u << heap;
		if (r == WIRE_READING_OK || result == WIRE_READING_NO_WAY)
			result = r;
	}
	p->end_ns = life_now_ns();
	p->result = result;
}

static void purge(void)
{
	struct wire_purge *p = &probe.control->purge;
	struct turn t;
	if (!await_turn(&t))
		return;
	purge_heaps(p);
	end_turn(&t);
	/* Release: who sees the count sees the rest. */
	__atomic_fetch_add(&p->count, 1, __ATOMIC_RELEASE);
	probe_request(WIRE_REQUEST_PURGED, true, PURGE_WAIT_MS);
}

void introspect_purge_at_exit(void)
{
	struct wire_control *c = probe.control;
	if (!probe.on || !__atomic_load_n(&c->purge_at_exit, __ATOMIC_RELAXED) || !life_owns_process())
		return;
	if (introspect_is_safe())
		purge();
	else
		c->purge.result = WIRE_READING_NOT_SAFE;
}

/* ---- errands ---------------------------------------------------------------------- */

/* Nobody needs to look any more; a freeze stays. */
static void end_look(struct wire_control *c)
{
	uint32_t look = WIRE_FREEZE_LOOK;
	__atomic_compare_exchange_n(&c->freeze, &look, 0, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

static void take(struct wire_control *c, uint32_t wanted)
{
	uint32_t taken = __atomic_fetch_and(&c->errand, ~wanted, __ATOMIC_ACQ_REL) & wanted;
	end_look(c);
	if (taken & WIRE_ERRAND_READ)
		read_all();
	if (taken & WIRE_ERRAND_PURGE) {
		probe_request(WIRE_REQUEST_PURGING, true, PURGE_WAIT_MS);
		purge();
	}
}

/* A thread that may not is no reason for the others to keep looking: the collector sets
 * the word again at its next look. No purge in the middle of a snapshot. */
void introspect_run_errands(void)
{
	struct wire_control *c = probe.control;
	bool frozen = __atomic_load_n(&c->freeze, __ATOMIC_RELAXED) == 1;
	uint32_t wanted = frozen ? WIRE_ERRAND_READ : WIRE_ERRAND_READ | WIRE_ERRAND_PURGE;
	if (introspect_busy)
		return;
	if (!(__atomic_load_n(&c->errand, __ATOMIC_ACQUIRE) & wanted)) {
		end_look(c);
		return;
	}
	int saved = errno;
	if (introspect_is_safe()) {
		take(c, wanted);
	} else {
		end_look(c);
		count_unsafe();
	}
	errno = saved;
}
