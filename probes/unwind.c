/* SPDX-License-Identifier: MIT */
/*
 * unwind.c - the walk, and the table of rules; see unwind.h.
 *
 * The table is written by all threads without a lock: an entry's key is the address mixed
 * with its rule, so that halves of two entries match nothing. The number of the
 * loader's changes is mixed in too: after a dlclose() nothing old is found.
 */
#define _GNU_SOURCE
#include "unwind_private.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
/* Of struct ucontext behind the kernel's frame, as x86-64's ABI has them: uc_mcontext begins
 * at 40, with r8 to r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip. */
#define UCONTEXT_BP (40 + 10 * 8)
#define UCONTEXT_SP (40 + 15 * 8)
#define UCONTEXT_IP (40 + 16 * 8)

static struct unwind_slot *rules;
static struct { uintptr_t start, bytes; } own; /* the object that this is part of */
static uint64_t generation;

void unwind_start(struct unwind_slot *table)
{
	struct unwind_module m;
	unwind_module_start();
	if (unwind_module_find((uintptr_t)unwind_start, &m)) {
		own.start = m.start;
		own.bytes = m.end - m.start;
	}
	__atomic_store_n(&rules, table, __ATOMIC_RELEASE);
}

void unwind_forget(void)
{
	__atomic_fetch_add(&generation, 1, __ATOMIC_RELEASE);
}

/* ---- rules ----------------------------------------------------------------------- */

static __attribute__((noinline)) uint64_t make_rule(struct unwind_slot *slot, uint64_t wanted, uintptr_t ip)
{
	struct unwind_module m;
	uint64_t rule = rule_make(RULE_NO_TABLES, 0, BP_SAME, 0);
	if (unwind_module_find(ip, &m))
		rule = unwind_cfi_rule(&m, ip);
	__atomic_store_n(&slot->rule, rule, __ATOMIC_RELAXED);
	__atomic_store_n(&slot->key, wanted ^ rule * SLOT_MIX, __ATOMIC_RELAXED);
	return rule;
}

static inline uint64_t find_rule(struct unwind_slot *table, uintptr_t ip, uint64_t now)
{
	struct unwind_slot *slot = slot_of(table, ip);
	uint64_t wanted = slot_wanted(ip, now);
	/* Relaxed: an entry is checked as a whole, by its content. */
	uint64_t rule = __atomic_load_n(&slot->rule, __ATOMIC_RELAXED);
	if (likely((__atomic_load_n(&slot->key, __ATOMIC_RELAXED) ^ rule * SLOT_MIX) == wanted && rule != 0))
		return rule;
	return make_rule(slot, wanted, ip);
}

/* ---- memory ---------------------------------------------------------------------- */

/* The kernel reads the mask first and then refuses what is to be done with it: EFAULT or
 * EINVAL, and nothing is changed. A call that every sandbox lets through. */
static __attribute__((noinline)) bool page_is_readable(struct unwind_cursor *c, uintptr_t address)
{
	uintptr_t page = address & ~(uintptr_t)4095;
	int saved = errno;
	if (page == c->page)
		return page != 0; /* which is none that was asked about */
	bool readable = syscall(SYS_rt_sigprocmask, ~0, page, NULL, 8) == -1 && errno == EINVAL;
	errno = saved;
	if (readable)
		c->page = page;
	return readable;
}

static inline bool load(struct unwind_cursor *c, uintptr_t address, uintptr_t *ret)
{
	if (unlikely(address & 7))
		return false;
	if (unlikely(address - c->stack.low >= c->stack.high - c->stack.low)) {
		c->asked = true;
		if (!page_is_readable(c, address))
			return false;
	}
	*ret = *(const uintptr_t *)address;
	return true;
}

/* ---- steps ----------------------------------------------------------------------- */

/* Inline: the walk keeps the registers in registers. True: the cursor is at the caller. */
static inline bool step_to(struct unwind_cursor *c, uintptr_t cfa, uintptr_t bp)
{
	uintptr_t back;
	if (unlikely(cfa <= c->sp || !load(c, cfa - 8, &back))) {
		c->end = UNWIND_UNREADABLE;
		return false;
	}
	c->sp = cfa;
	c->bp = bp;
	c->ip = back - 1;
	c->exact = false;
	c->end = UNWIND_OUTERMOST;
	return likely(back != 0);
}

static inline bool step_by_rule(struct unwind_cursor *c, uint64_t rule, uintptr_t cfa)
{
	uintptr_t bp = c->bp;
	enum unwind_bp how = rule_bp(rule);
	c->bp_at = 0;
	if (how != BP_SAME) {
		uintptr_t at = (how == BP_AT_CFA ? cfa : bp) + (uintptr_t)rule_bp_offset(rule);
		if (unlikely(at < c->sp || !load(c, at, &bp))) {
			c->end = UNWIND_UNREADABLE;
			return false;
		}
		c->bp_at = at;
	}
	return step_to(c, cfa, bp);
}

static bool step_aligned(struct unwind_cursor *c, uint64_t rule)
{
	uintptr_t cfa;
	c->end = UNWIND_UNREADABLE;
	return load(c, c->bp + (uintptr_t)rule_offset(rule), &cfa) && step_by_rule(c, rule, cfa);
}

/* The interrupted code may be on another stack, so its place is not compared with this one. */
static bool step_signal(struct unwind_cursor *c)
{
	uintptr_t ip, sp, bp;
	c->end = UNWIND_UNREADABLE;
	if (!load(c, c->sp + UCONTEXT_IP, &ip) || !load(c, c->sp + UCONTEXT_SP, &sp) || !load(c, c->sp + UCONTEXT_BP, &bp))
		return false;
	c->ip = ip;
	c->sp = sp;
	c->bp = bp;
	c->exact = true;
	c->end = UNWIND_OUTERMOST;
	return ip != 0;
}

/* Code without tables: by its frame pointer, if that leads to a place behind a call. */
static bool step_untabled(struct unwind_cursor *c)
{
	uintptr_t back, bp, at = c->bp;
	c->end = UNWIND_NO_TABLES;
	return at >= c->sp && load(c, at, &bp) && load(c, at + 8, &back) && unwind_module_is_return(back) &&
	       step_to(c, at + 16, bp);
}

static bool step_rare(struct unwind_cursor *c, uint64_t rule)
{
	switch (rule_kind(rule)) {
	case RULE_BP_LOAD:   return step_aligned(c, rule);
	case RULE_SIGNAL:    return step_signal(c);
	case RULE_OUTERMOST: c->end = UNWIND_OUTERMOST; return false;
	default:             return step_untabled(c);
	}
}

static inline bool step(struct unwind_cursor *c, uint64_t rule)
{
	if (likely(rule_kind(rule) == RULE_SP))
		return step_by_rule(c, rule, c->sp + (uintptr_t)rule_offset(rule));
	if (likely(rule_kind(rule) == RULE_BP))
		return step_by_rule(c, rule, c->bp + (uintptr_t)rule_offset(rule));
	return step_rare(c, rule);
}

size_t unwind_walk(struct unwind_cursor *cursor, uint64_t *ret_ips, size_t room)
{
	struct unwind_slot *table = __atomic_load_n(&rules, __ATOMIC_ACQUIRE);
	uint64_t now = __atomic_load_n(&generation, __ATOMIC_ACQUIRE);
	struct unwind_cursor c = *cursor;
	size_t count = 0;
	bool more = table != NULL;
	c.end = more ? UNWIND_GOES_ON : UNWIND_NO_TABLES;
	while (more && count < room) {
		uint64_t rule = find_rule(table, c.ip, now);
		if (likely(c.ip - own.start >= own.bytes))
			ret_ips[count++] = c.ip + (unlikely(rule_kind(rule) == RULE_SIGNAL) && !c.exact);
		more = step(&c, rule);
	}
	if (more)
		c.end = UNWIND_GOES_ON;
	*cursor = c;
	return count;
}

/* ---- the walk that remembers ------------------------------------------------------- */

static inline uintptr_t word_at(uintptr_t address) { return *(const uintptr_t *)address; }

/* From frames[i] on outwards: 0, or the first frame whose step would read something else. */
static inline size_t find_changed(const struct unwind_frame *frames, size_t i)
{
	for (; i > 0; i--) {
		const struct unwind_frame *f = &frames[i], *caller = f - 1;
		const uintptr_t *bp = f->bp_at ? (const uintptr_t *)f->bp_at : &caller->bp;
		if (unlikely(word_at(caller->sp - 8) != caller->ip + 1 || *bp != caller->bp))
			return i;
	}
	return 0;
}

/* True: the last walk stood here and would end as it did; *known: how many of its frames that
 * are. Else those that may still be met. */
static inline bool is_known(const struct unwind_frame *frames, const struct unwind_cursor *c, size_t *known)
{
	size_t n = *known;
	while (n > 0 && frames[n - 1].sp < c->sp)
		n--;
	*known = n;
	if (n == 0)
		return false;
	const struct unwind_frame *f = &frames[n - 1];
	if (f->sp != c->sp || f->ip != c->ip || f->bp != c->bp)
		return false;
	size_t changed = find_changed(frames, n - 1);
	*known = changed ? changed : n;
	return changed == 0;
}

/* Field by field: a copy would read by halves what was just written by quarters, and wait. */
static inline void fill_frame(struct unwind_frame *f, const struct unwind_cursor *c, uint64_t rule)
{
	f->ip = c->ip + (unlikely(rule_kind(rule) == RULE_SIGNAL) && !c->exact);
	f->sp = c->sp;
	f->bp = c->bp;
	f->own = c->ip - own.start < own.bytes;
}

static inline void move_frames(struct unwind_frame *to, const struct unwind_frame *from, size_t count)
{
	for (size_t i = 0; i < count; i++, to++, from++) {
		to->ip = from->ip;
		to->sp = from->sp;
		to->bp = from->bp;
		to->bp_at = from->bp_at;
		to->own = from->own;
	}
}

/* Whether the step said anything that a frame does not hold. */
static inline bool is_sound(const struct unwind_cursor *c, uint64_t rule, bool more)
{
	return more ? rule_kind(rule) <= RULE_BP && !c->asked : rule_kind(rule) == RULE_OUTERMOST;
}

/* Frames are met from inside out, and stand at the end of the array until it is known how many
 * come before them. What they cover there is remembered no longer. */
struct again { struct unwind_memo *m; size_t known, first, unsound; };

static inline struct unwind_frame *next_frame(struct again *a)
{
	struct unwind_memo *m = a->m;
	if (unlikely(--a->first < m->count))
		m->count = a->first;
	if (unlikely(a->first < a->known))
		a->known = a->first;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	return &m->frames[a->first];
}

static inline bool step_again(struct again *a, struct unwind_cursor *c, uint64_t rule)
{
	struct unwind_frame *f = next_frame(a);
	fill_frame(f, c, rule);
	c->asked = false;
	bool more = step(c, rule);
	f->bp_at = c->bp_at;
	if (unlikely(!is_sound(c, rule, more)))
		a->unsound = a->first;
	return more;
}

/* What is inside of a step that is not sound would go through it again. */
static inline void finish_again(const struct again *a, bool met, bool more)
{
	struct unwind_memo *m = a->m;
	m->kept = m->count = met ? a->known : 0;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	move_frames(m->frames + m->kept, m->frames + a->first, UNWIND_FRAMES - a->first);
	m->total = m->kept + UNWIND_FRAMES - a->first;
	m->sound = more && !met ? 0 : m->kept + a->unsound - a->first;
}

void unwind_again(struct unwind_cursor *cursor, struct unwind_memo *m)
{
	struct unwind_slot *table = __atomic_load_n(&rules, __ATOMIC_ACQUIRE);
	uint64_t now = __atomic_load_n(&generation, __ATOMIC_ACQUIRE);
	struct unwind_cursor c = *cursor;
	bool more = table != NULL, met = false;
	m->count = m->generation == now ? m->count : 0;
	m->generation = now;
	struct again a = { m, m->count, UNWIND_FRAMES, UNWIND_FRAMES };
	c.end = more ? UNWIND_OUTERMOST : UNWIND_NO_TABLES;
	while (more && a.first > 0 && !(met = is_known(m->frames, &c, &a.known)))
		more = step_again(&a, &c, find_rule(table, c.ip, now));
	if (more)
		c.end = met ? UNWIND_OUTERMOST : UNWIND_GOES_ON;
	*cursor = c;
	finish_again(&a, met, more);
}
