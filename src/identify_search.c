/* SPDX-License-Identifier: MIT */
/* identify_search.c - see identify_search.h. */
#include "identify_search.h"

#include <string.h>

static bool is_kind(const struct identify_found *f, uint64_t kinds)
{
	return kinds >> f->kind & 1;
}

static void set_takes(struct identify_found *f, size_t i)
{
	f->takes[i / 64] |= 1ull << i % 64;
}

static bool does_take(const struct identify_found *f, size_t i)
{
	return f->takes[i / 64] >> i % 64 & 1;
}

bool identify_search_has(const struct identify_search *s, uint64_t address)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->found[i].address == address)
			return true;
	return false;
}

/* ---- requests ------------------------------------------------------------------------------ */

static uint32_t flags_of(const struct identify_search *s, uint8_t found)
{
	return (s->family == WIRE_FAMILY_JEMALLOC ? WIRE_IDENTIFY_LIFO : 0) |
	       (found == WIRE_FOUND_SYMBOL ? WIRE_IDENTIFY_NAMED : 0);
}

/* The place of each known entry in found, for reading the answer. */
struct question {
	struct wire_identify_request request;
	uint8_t place[WIRE_IDENTIFY_KNOWN];
};

static void add_known(struct question *q, const struct identify_search *s, size_t i, bool trap)
{
	uint32_t n = q->request.known_count;
	if (n == WIRE_IDENTIFY_KNOWN)
		return;
	q->request.known[n] = (struct wire_identify_known){ s->found[i].address, s->found[i].kind, trap };
	q->place[n] = (uint8_t)i;
	q->request.known_count++;
}

/* Confirmed makers first, for the first one makes the blocks. */
static void add_makers(struct question *q, const struct identify_search *s)
{
	for (int confirmed = 1; confirmed >= 0; confirmed--)
		for (size_t i = 0; i < s->count; i++)
			if (is_kind(&s->found[i], IDENTIFY_ALL_MAKERS & ~IDENTIFY_PAGE_MAKERS) && s->found[i].confirmed == confirmed)
				add_known(q, s, i, false);
}

static void add_frees(struct question *q, const struct identify_search *s)
{
	for (size_t i = 0; i < s->count; i++)
		if (is_kind(&s->found[i], IDENTIFY_FREES))
			add_known(q, s, i, false);
}

static void begin(struct question *q, const struct identify_search *s, uint32_t op, uint64_t address,
		  uint64_t kinds, uint8_t found)
{
	memset(q, 0, sizeof *q);
	q->request.op = op;
	q->request.candidate = address;
	q->request.kinds = kinds;
	q->request.flags = flags_of(s, found);
	q->request.context = s->context;
}

static bool ask(struct identify_search *s, struct question *q, struct wire_identify_answer *ret_answer)
{
	if (s->error == 0)
		s->error = identify_process_ask(s->process, &q->request, ret_answer);
	return s->error == 0;
}

/* ---- growth -------------------------------------------------------------------------------- */

/* Does this free take this maker's blocks? */
static void pair_with(struct identify_search *s, size_t free_, size_t maker)
{
	struct identify_found *f = &s->found[free_];
	struct wire_identify_answer a;
	struct question q;
	begin(&q, s, WIRE_IDENTIFY_TEST, f->address, 1ull << f->kind, f->found);
	add_known(&q, s, maker, false);
	if (!ask(s, &q, &a) || a.kind != f->kind || !(a.frees & 1))
		return;
	set_takes(f, maker);
	s->found[maker].confirmed = true;
}

/* A new maker: which of the frees that are known take its blocks? */
static void pair_maker(struct identify_search *s, size_t maker)
{
	for (size_t i = 0; i < s->count; i++)
		if (is_kind(&s->found[i], IDENTIFY_BIT(FREE) | IDENTIFY_BIT(CTX_FREE)))
			pair_with(s, i, maker);
}

static void pair_free(struct identify_search *s, const struct question *q, uint64_t frees, size_t place)
{
	for (uint32_t i = 0; i < q->request.known_count; i++)
		if (frees >> i & 1 && is_kind(&s->found[q->place[i]], IDENTIFY_ALL_MAKERS)) {
			set_takes(&s->found[place], q->place[i]);
			s->found[q->place[i]].confirmed = true;
		}
}

static void add_found(struct identify_search *s, const struct identify_nominee *n, const struct question *q,
		      const struct wire_identify_answer *a)
{
	size_t i = s->count;
	struct identify_found *f = &s->found[s->count++];
	*f = (struct identify_found){ .address = n->address, .references = n->references, .kind = (uint8_t)a->kind,
				      .family = s->family, .found = n->found };
	if (a->kind == WIRE_ENTRY_FREE || a->kind == WIRE_ENTRY_CTX_FREE)
		pair_free(s, q, a->frees, i);
	for (size_t k = 0; k < i && a->kind == WIRE_ENTRY_FREE; k++)
		if (is_kind(&s->found[k], IDENTIFY_PAGE_MAKERS))
			pair_with(s, i, k);
	if (is_kind(f, IDENTIFY_ALL_MAKERS))
		pair_maker(s, i);
	else
		f->confirmed = true;
	if (a->kind == WIRE_ENTRY_MALLCTL && !s->version[0])
		memcpy(s->version, a->text, sizeof s->version);
}

bool identify_search_try(struct identify_search *s, const struct identify_nominee *n)
{
	struct wire_identify_answer a;
	struct question q;
	if (!n->kinds || s->count == IDENTIFY_FOUND_MAX || identify_search_has(s, n->address))
		return false;
	begin(&q, s, WIRE_IDENTIFY_TEST, n->address, n->kinds, n->found);
	add_makers(&q, s);
	add_frees(&q, s);
	s->tested++;
	if (!ask(s, &q, &a) || a.kind == WIRE_ENTRY_NONE || !(n->kinds >> a.kind & 1))
		return false;
	add_found(s, n, &q, &a);
	return true;
}

bool identify_search_has_pair(const struct identify_search *s)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->found[i].takes[0] || s->found[i].takes[1])
			return true;
	return false;
}

static unsigned count_used(const struct identify_search *s, uint64_t kinds)
{
	unsigned n = 0;
	for (size_t i = 0; i < s->count; i++)
		n += is_kind(&s->found[i], kinds) && s->found[i].confirmed &&
		     (s->found[i].references >= 2 || s->found[i].found == WIRE_FOUND_SYMBOL);
	return n;
}

bool identify_search_is_complete(const struct identify_search *s)
{
	/* mimalloc zeroes by an entry of the same kind as its plain one. */
	bool zeroes = count_used(s, IDENTIFY_BIT(CALLOC) | IDENTIFY_BIT(CALLOC_ALIGNED)) ||
		      count_used(s, IDENTIFY_BIT(MALLOC_ALIGNED)) >= 2;
	return zeroes && count_used(s, IDENTIFY_BIT(MALLOC) | IDENTIFY_BIT(MALLOC_ALIGNED)) &&
	       count_used(s, IDENTIFY_BIT(FREE)) &&
	       count_used(s, IDENTIFY_BIT(REALLOC) | IDENTIFY_BIT(REALLOC_ALIGNED));
}

/* ---- what stays ------------------------------------------------------------------------------- */

static void drop(struct identify_search *s, size_t at)
{
	memmove(&s->found[at], &s->found[at + 1], (--s->count - at) * sizeof *s->found);
	for (size_t f = 0; f < s->count; f++) {
		uint64_t takes[2] = { s->found[f].takes[0], s->found[f].takes[1] };
		memset(s->found[f].takes, 0, sizeof takes);
		for (size_t i = 0; i <= s->count; i++)
			if (i != at && takes[i / 64] >> i % 64 & 1)
				set_takes(&s->found[f], i > at ? i - 1 : i);
	}
}

/* How much hangs on one free: by use, for a bootstrap allocator fits together as well. */
static uint64_t weight(const struct identify_search *s, const struct identify_found *f)
{
	uint64_t sum = 1 + f->references;
	for (size_t i = 0; i < s->count; i++)
		if (does_take(f, i))
			sum += 1 + s->found[i].references;
	return sum;
}

static bool shares(const struct identify_found *a, const struct identify_found *b)
{
	return (a->takes[0] & b->takes[0]) || (a->takes[1] & b->takes[1]);
}

void identify_search_keep_group(struct identify_search *s)
{
	const struct identify_found *best = NULL;
	for (size_t i = 0; i < s->count; i++)
		if ((s->found[i].takes[0] | s->found[i].takes[1]) && (!best || weight(s, &s->found[i]) > weight(s, best)))
			best = &s->found[i];
	if (!best) {
		s->count = 0;
		return;
	}
	const struct identify_found center = *best;
	struct identify_found all = center;
	for (size_t i = 0; i < s->count; i++)
		if (shares(&s->found[i], &center)) {
			all.takes[0] |= s->found[i].takes[0];
			all.takes[1] |= s->found[i].takes[1];
		}
	for (size_t i = s->count; i-- > 0;) {
		struct identify_found *f = &s->found[i];
		bool is_free = f->takes[0] || f->takes[1];
		if (is_free ? !shares(f, &center) : is_kind(f, IDENTIFY_ALL_MAKERS) && !(all.takes[i / 64] >> i % 64 & 1))
			f->kind = WIRE_ENTRY_NONE;
	}
	for (size_t i = s->count; i-- > 0;)
		if (s->found[i].kind == WIRE_ENTRY_NONE)
			drop(s, i);
}

#define CAN_WRAP (IDENTIFY_MAKERS | IDENTIFY_PAGE_MAKERS | IDENTIFY_RESIZERS | IDENTIFY_FREES)

/* Does every call of found[outer] come to found[inner], or where that is ANY, to some other? */
#define ANY SIZE_MAX
static bool always_wraps(struct identify_search *s, size_t outer, size_t inner)
{
	const struct identify_found *f = &s->found[outer];
	struct wire_identify_answer a;
	struct question q;
	begin(&q, s, WIRE_IDENTIFY_WRAPS, f->address, 1ull << f->kind, f->found);
	for (size_t i = 0; i < s->count && !q.request.known_count; i++)
		if (is_kind(&s->found[i], IDENTIFY_MAKERS) && s->found[i].confirmed)
			add_known(&q, s, i, i != outer && (inner == ANY || inner == i));
	for (size_t i = 0; i < s->count; i++)
		if (i != outer && (inner == ANY || inner == i) && is_kind(&s->found[i], CAN_WRAP) && q.request.known_count && i != q.place[0])
			add_known(&q, s, i, true);
	return q.request.known_count && ask(s, &q, &a) && a.calls > 0 && a.traps == a.calls;
}

void identify_search_try_wrapped(struct identify_search *s, size_t outer, const struct identify_nominee *n)
{
	if (identify_search_try(s, n) && !always_wraps(s, outer, s->count - 1))
		drop(s, s->count - 1);
}

void identify_search_settle(struct identify_search *s)
{
	identify_search_keep_group(s);
	for (size_t i = 0; i < s->count;) {
		if (is_kind(&s->found[i], CAN_WRAP) && always_wraps(s, i, ANY))
			drop(s, i);
		else
			i++;
	}
}
