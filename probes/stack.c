/* SPDX-License-Identifier: MIT */
/*
 * stack.c - see stack.h: whether a stack is due, the walk, the id.
 *
 * Frames are collected in pages of the thread's slot, since a thread's own stack may be
 * tiny. They stay there, for the next walk finds most of them again (unwind_again()). A
 * signal handler that allocates while its thread is inside a walk has another place and
 * remembers nothing; one inside that gets no stack. A walk that a longjmp() left is noticed by
 * its frame address, unless this is an alternate stack, whose place tells nothing.
 */
#define _GNU_SOURCE
#include "stack.h"
#include "life.h"
#include "stack_fold.h"
#include "stack_place.h"
#include "stack_sample.h"
#include "stack_table.h"
#include "unwind.h"

#include <signal.h>
#include <sys/mman.h>
#include <time.h>

#define LEVELS 2u
/* Frames that are looked at in a stack whose recursion is folded. */
#define WALK_MAX 1024u
#define MEMO_OFFSET (LEVELS * WIRE_STACK_DEPTH * sizeof(uint64_t))
#define TAKEN_STEP 64u
_Static_assert(MEMO_OFFSET + UNWIND_FRAMES * sizeof(struct unwind_frame) <= WIRE_STACK_FRAMES_BYTES, "frames fit a thread's place");
_Static_assert(WIRE_STACK_RULES == UNWIND_RULES && sizeof(struct unwind_slot) == 16, "the rules fit their part");

/* Of the map that is in use; set before the hooks are on. */
static enum wire_stack_mode mode;
static uint64_t mean_bytes;

static __thread struct {
	struct unwind_stack stack;
	bool looked;                 /* for the stack's place */
	uint32_t level;              /* walks that are going on */
	uintptr_t frame[LEVELS];     /* of those */
	struct unwind_memo memo;     /* of level 0 */
} me;

void stack_start(void)
{
	mode = stack_table_open(probe.base);
	if (mode == WIRE_STACKS_NONE)
		return;
	mean_bytes = stack_table_head(probe.base)->mean_bytes;
	if (mean_bytes < 1 || mean_bytes > STACK_SAMPLE_MEAN_MAX)
		mean_bytes = 1;
	unwind_start((struct unwind_slot *)(void *)(probe.base + WIRE_OFF_STACKS + WIRE_STACKS_OFF_RULES));
}

void stack_copy(const char *from_base)
{
	if (mode != WIRE_STACKS_NONE)
		stack_table_copy(from_base);
}

/* ---- a thread -------------------------------------------------------------------- */

static uint64_t *frames_of(const struct wire_thread *t)
{
	size_t slot = (size_t)(t - (const struct wire_thread *)(void *)(probe.base + WIRE_OFF_THREADS));
	return (uint64_t *)(void *)(probe.base + WIRE_OFF_STACKS + WIRE_STACKS_OFF_FRAMES + slot * WIRE_STACK_FRAMES_BYTES);
}

static uint64_t seed(const struct wire_thread *t)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return t->random + (uint64_t)now.tv_nsec + ((uint64_t)now.tv_sec << 30) + t->tls_address * 31;
}

/* 0 means always, which no sampling point is: at least a byte lies before it. */
void stack_start_thread(struct wire_thread *t)
{
	uint64_t *frames = frames_of(t);
	t->sample_at_bytes = UINT64_MAX;
	if (mode == WIRE_STACKS_NONE || life_syscall(SYS_mprotect, frames, WIRE_STACK_FRAMES_BYTES, PROT_READ | PROT_WRITE) != 0)
		return;
	/* What a dead thread left there is about a stack that is gone. */
	me.memo = (struct unwind_memo){ .frames = (struct unwind_frame *)(void *)((char *)frames + MEMO_OFFSET) };
	t->random = seed(t);
	t->sample_at_bytes = mode == WIRE_STACKS_ALL ? 0 : t->allocated_bytes + stack_sample_gap(&t->random, mean_bytes);
}

static bool on_alternate_stack(void)
{
	stack_t s;
	return life_syscall(SYS_sigaltstack, 0, &s) == 0 && (s.ss_flags & SS_ONSTACK);
}

/* The level that this walk may use, or LEVELS: none. */
static uint32_t take_level(uintptr_t here)
{
	if (unlikely(me.level != 0) && !on_alternate_stack())
		while (me.level > 0 && me.frame[me.level - 1] <= here)
			me.level--;
	return me.level;
}

/* ---- a stack ---------------------------------------------------------------------- */

static uint32_t flags_of(enum unwind_end end)
{
	return end == UNWIND_GOES_ON ? WIRE_STACK_CUT : end == UNWIND_OUTERMOST ? 0 : WIRE_STACK_NO_TABLES;
}

/* Too deep: folds what there is, and goes on for a while. */
static __attribute__((noinline, cold)) size_t walk_on(struct unwind_cursor *c, uint64_t *ips, size_t count, uint32_t *ret_flags)
{
	for (size_t walked = count; c->end == UNWIND_GOES_ON && walked < WALK_MAX;) {
		size_t folded = stack_fold(ips, count);
		if (folded < count)
			*ret_flags |= WIRE_STACK_FOLDED;
		if (folded == WIRE_STACK_DEPTH)
			break;
		count = unwind_walk(c, ips + folded, WIRE_STACK_DEPTH - folded);
		walked += count;
		count += folded;
	}
	return *ret_flags & WIRE_STACK_FOLDED ? stack_fold(ips, count) : count;
}

static uint32_t failed(void)
{
	__atomic_fetch_add(&stack_table_head(probe.base)->failed, 1, __ATOMIC_RELAXED);
	return 0;
}

/* From the cursor on, behind `count` frames that are there. */
static __attribute__((noinline)) uint32_t take_plain(struct unwind_cursor *c, uint64_t *ips, size_t count, uint32_t *ret_flags)
{
	count += unwind_walk(c, ips + count, WIRE_STACK_DEPTH - count);
	*ret_flags = 0;
	if (unlikely(c->end == UNWIND_GOES_ON))
		count = walk_on(c, ips, count, ret_flags);
	*ret_flags |= flags_of(c->end);
	return likely(count != 0) ? stack_table_find(ips, count) : failed();
}

/* The stack has more frames than are remembered. */
static __attribute__((noinline, cold)) uint32_t take_deep(struct unwind_cursor *c, uint64_t *ips, uint32_t *ret_flags)
{
	const struct unwind_memo *m = &me.memo;
	size_t count = 0;
	for (size_t i = m->total; i-- > 0;)
		if (!m->frames[i].own)
			ips[count++] = m->frames[i].ip;
	return take_plain(c, ips, count, ret_flags);
}

static inline uint32_t take_again(struct unwind_cursor *c, uint64_t *ips, uint32_t *ret_flags)
{
	struct unwind_memo *m = &me.memo;
	unwind_again(c, m);
	if (unlikely(c->end == UNWIND_GOES_ON))
		return take_deep(c, ips, ret_flags);
	*ret_flags = flags_of(c->end);
	if (unlikely(m->total == 0))
		return failed();
	uint32_t id = stack_table_find_again(m->frames, m->kept, m->total);
	unwind_keep(m);
	return id;
}

static __attribute__((noinline)) uint32_t take_stack(const void *frame, bool remember, uint64_t *ips, uint32_t *ret_flags)
{
	struct unwind_cursor c;
	if (likely(frame != NULL))
		unwind_begin_at(&c, frame, me.stack);
	else
		unwind_begin(&c, me.stack);
	return likely(remember) ? take_again(&c, ips, ret_flags) : take_plain(&c, ips, 0, ret_flags);
}

static uint32_t take_at_level(const struct wire_thread *t, const void *frame, uint32_t *ret_flags)
{
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);
	uint32_t level = take_level(here);
	if (unlikely(level == LEVELS))
		return failed();
	uint64_t *ips = frames_of(t) + level * WIRE_STACK_DEPTH;
	me.frame[level] = here;
	__atomic_store_n(&me.level, level + 1, __ATOMIC_RELAXED);
	__atomic_signal_fence(__ATOMIC_SEQ_CST); /* a handler finds the level taken */
	if (unlikely(!me.looked)) {
		me.looked = true;
		me.stack = stack_place(here, t->tid == probe.pid, (char *)ips, WIRE_STACK_DEPTH * sizeof *ips);
	}
	uint32_t id = take_stack(frame, level == 0, ips, ret_flags);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	__atomic_store_n(&me.level, level, __ATOMIC_RELAXED);
	return id;
}

uint32_t stack_for_block(struct wire_thread *t, size_t bytes, const void *frame)
{
	struct stack_weight w = { bytes, 1 };
	uint32_t flags;
	if (mode == WIRE_STACKS_NONE || unlikely(!stack_table_is_open()))
		return 0;
	if (mode == WIRE_STACKS_SAMPLED) {
		w = stack_sample_weight(&t->random, bytes, mean_bytes);
		t->sample_at_bytes = t->allocated_bytes + bytes + stack_sample_gap(&t->random, mean_bytes);
	}
	uint32_t id = take_at_level(t, frame, &flags);
	if (unlikely(id == 0))
		return 0;
	/* Threads do not meet at one counter for each stack. */
	if (++t->stacks_taken % TAKEN_STEP == 0)
		__atomic_fetch_add(&stack_table_head(probe.base)->taken, TAKEN_STEP, __ATOMIC_RELAXED);
	stack_table_add(id, w.bytes, w.allocations, flags);
	return id;
}
