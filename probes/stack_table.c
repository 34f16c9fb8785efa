/* SPDX-License-Identifier: MIT */
/*
 * stack_table.c - see stack_table.h. A stack is looked up as a whole first, by a hash of 64
 * bits, in a cache that grows with what is in it; only a new one is put into the trie, frame
 * by frame from the outermost.
 *
 * The children of nearby nodes share nearby buckets (64 in a row for 64 parents): memory in
 * use is a multiple of the stacks that there are, not scattered over all of it. How far this
 * process has opened the map is its own affair: a forked child has the parent's page tables
 * of that moment, whatever the parent opens later.
 */
#define _GNU_SOURCE
#include "stack_table.h"
#include "stack.h"
#include "life.h"
#include "shadow.h"

#include <string.h>
#include <sys/mman.h>

#define MIX 0x9e3779b97f4a7c15ull
#define WINDOW_NODES (1u << 14)
#define BUCKET_GROUP 64u
#define CACHE_FIRST  (1u << 12)
/* More than are ever in one bucket, unless somebody else wrote there. */
#define CHAIN_MAX    (1u << 16)

struct cached { uint64_t key, id; }; /* key: the hash mixed with the id; a torn entry is a miss */

/* Of this process. Written by whoever opens more, which may be two at once: then both did. */
static struct { char *base; uint32_t nodes, cache; } opened;
/* Nodes below this may be opened; lowered for good by stack_shrink_reservation(). */
static uint32_t node_limit = WIRE_STACK_NODES;

static char *part(uint64_t offset) { return opened.base + WIRE_OFF_STACKS + offset; }
static uint32_t *buckets(void) { return (uint32_t *)(void *)part(WIRE_STACKS_OFF_BUCKETS); }
static struct cached *cache(void) { return (struct cached *)(void *)part(WIRE_STACKS_OFF_CACHE); }
static struct wire_stack_node *nodes(void) { return (struct wire_stack_node *)(void *)part(WIRE_STACKS_OFF_NODES); }
static struct wire_stack_total *totals(void) { return (struct wire_stack_total *)(void *)part(WIRE_STACKS_OFF_TOTALS); }

/* ---- windows --------------------------------------------------------------------- */

static bool open_part(const char *base, uint64_t offset, uint64_t from, uint64_t to)
{
	return to <= from || life_syscall(SYS_mprotect, base + WIRE_OFF_STACKS + offset + from, to - from, PROT_READ | PROT_WRITE) == 0;
}

/* A bucket belongs to its parent's window, up to the last of them. */
static bool open_nodes(const char *base, uint64_t from, uint64_t to)
{
	uint64_t last_bucket = to < WIRE_STACK_BUCKETS ? to : WIRE_STACK_BUCKETS;
	return open_part(base, WIRE_STACKS_OFF_BUCKETS, from * sizeof(uint32_t), last_bucket * sizeof(uint32_t)) &&
	       open_part(base, WIRE_STACKS_OFF_NODES, from * sizeof(struct wire_stack_node), to * sizeof(struct wire_stack_node)) &&
	       open_part(base, WIRE_STACKS_OFF_TOTALS, from * sizeof(struct wire_stack_total), to * sizeof(struct wire_stack_total));
}

static __attribute__((noinline)) bool open_up_to(uint32_t id)
{
	uint32_t from = __atomic_load_n(&opened.nodes, __ATOMIC_RELAXED), to = (id / WINDOW_NODES + 1) * WINDOW_NODES;
	if (id >= WIRE_STACK_NODES || to > __atomic_load_n(&node_limit, __ATOMIC_RELAXED) || !open_nodes(opened.base, from, to))
		return false;
	/* Relaxed: memory is open to all threads before any of them can have seen the number. */
	if (to > from)
		__atomic_compare_exchange_n(&opened.nodes, &from, to, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
	return true;
}

static inline bool is_open(uint32_t id)
{
	return likely(id < __atomic_load_n(&opened.nodes, __ATOMIC_RELAXED)) || open_up_to(id);
}

static bool open_cache(uint32_t entries)
{
	uint64_t from = opened.cache * sizeof(struct cached);
	if (!open_part(opened.base, WIRE_STACKS_OFF_CACHE, from, entries * sizeof(struct cached)))
		return false;
	__atomic_store_n(&opened.cache, entries, __ATOMIC_RELAXED);
	return true;
}

enum wire_stack_mode stack_table_open(char *base)
{
	opened.base = base;
	opened.nodes = opened.cache = 0;
	node_limit = WIRE_STACK_NODES;
	if (!open_part(base, 0, 0, WIRE_STACKS_HEAD_BYTES))
		return WIRE_STACKS_NONE;
	struct wire_stacks *head = stack_table_head(base);
	if (head->mode != WIRE_STACKS_SAMPLED && head->mode != WIRE_STACKS_ALL)
		return WIRE_STACKS_NONE;
	if (!open_up_to(0) || !open_cache(CACHE_FIRST) ||
	    !open_part(base, WIRE_STACKS_OFF_RULES, 0, WIRE_STACK_RULES * 16ull))
		return WIRE_STACKS_NONE;
	if (head->nodes_used == 0)
		head->nodes_used = 1;
	return (enum wire_stack_mode)head->mode;
}

static void give_back(char *base, uint64_t from, uint64_t to)
{
	if (to > from)
		life_syscall(SYS_munmap, base + WIRE_OFF_STACKS + from, to - from);
}

/* One window more than is open stays: another thread may be opening it. So do as many
 * thread slots as threads may be starting now. */
#define SLOTS_KEPT 64u

void stack_shrink_reservation(void)
{
	uint32_t nodes = __atomic_load_n(&opened.nodes, __ATOMIC_RELAXED) + WINDOW_NODES;
	uint64_t slots = __atomic_load_n(&probe.control->thread_count, __ATOMIC_RELAXED) + SLOTS_KEPT;
	if (!stack_table_is_open() || nodes >= WIRE_STACK_NODES || nodes >= node_limit)
		return;
	__atomic_store_n(&node_limit, nodes, __ATOMIC_SEQ_CST);
	give_back(probe.base, WIRE_STACKS_OFF_NODES + nodes * sizeof(struct wire_stack_node), WIRE_STACKS_OFF_TOTALS);
	give_back(probe.base, WIRE_STACKS_OFF_TOTALS + nodes * sizeof(struct wire_stack_total), WIRE_STACKS_OFF_RULES);
	give_back(probe.base, WIRE_STACKS_OFF_FRAMES + slots * WIRE_STACK_FRAMES_BYTES, WIRE_STACKS_BYTES);
}

bool stack_table_is_open(void)
{
	return likely(opened.base == probe.base);
}

/* ---- trie ------------------------------------------------------------------------- */

static uint32_t *bucket_of(uint32_t parent, uint64_t ip)
{
	uint32_t within = (uint32_t)(ip * MIX >> 58) ^ parent;
	return &buckets()[(parent & (WIRE_STACK_BUCKETS - BUCKET_GROUP)) | (within & (BUCKET_GROUP - 1))];
}

/* Along a chain from `id` up to `end`: the node, or 0. */
static uint32_t find_in_chain(uint32_t id, uint32_t end, uint32_t parent, uint64_t ip)
{
	for (uint32_t steps = 0; id != end && id != 0 && steps < CHAIN_MAX && is_open(id); steps++) {
		const struct wire_stack_node *n = &nodes()[id];
		if (n->ip == ip && n->parent == parent)
			return id;
		id = n->next;
	}
	return 0;
}

static uint32_t claim_node(void)
{
	uint32_t *used = &stack_table_head(opened.base)->nodes_used;
	if (__atomic_load_n(used, __ATOMIC_RELAXED) >= WIRE_STACK_NODES)
		return 0;
	uint32_t id = __atomic_fetch_add(used, 1, __ATOMIC_RELAXED);
	return id < WIRE_STACK_NODES && is_open(id) ? id : 0;
}

/* The child of a node; 0: no room. Release: who sees a node in a chain sees what is in it. */
static uint32_t child_of(uint32_t parent, uint64_t ip)
{
	uint32_t *bucket = bucket_of(parent, ip);
	uint32_t head = __atomic_load_n(bucket, __ATOMIC_ACQUIRE), id = find_in_chain(head, 0, parent, ip);
	if (id || !(id = claim_node()))
		return id;
	nodes()[id] = (struct wire_stack_node){ ip, parent, head };
	while (!__atomic_compare_exchange_n(bucket, &head, id, false, __ATOMIC_RELEASE, __ATOMIC_ACQUIRE)) {
		uint32_t other = find_in_chain(head, nodes()[id].next, parent, ip);
		if (other)
			return other; /* lost the race: this node stays unused */
		nodes()[id].next = head;
	}
	return id;
}

static uint32_t lost(void)
{
	__atomic_fetch_add(&stack_table_head(opened.base)->lost, 1, __ATOMIC_RELAXED);
	return 0;
}

static uint32_t insert(const uint64_t *ips, size_t count)
{
	uint32_t id = 0;
	for (size_t i = count; i-- > 0;) {
		id = child_of(id, ips[i]);
		if (id == 0)
			break;
	}
	return id ? id : lost();
}

/* ---- whole stacks ------------------------------------------------------------------- */

/* Of a stack, from that of its callers; 0: it has none. Each step is a bijection of `h`, and
 * frames far apart do not cancel, as they would if they were only rotated: deep recursion. */
static inline uint64_t hash_step(uint64_t h, uint64_t ip)
{
	h = (h ^ ip) * MIX;
	return h ^ h >> 32;
}

static uint64_t hash_of(const uint64_t *ips, size_t count)
{
	uint64_t h = 0;
	for (size_t i = count; i-- > 0;)
		h = hash_step(h, ips[i]);
	return h;
}

/* Old entries of a cache that has grown are at the wrong place; they come again. */
static void remember(struct cached *at, uint64_t hash, uint32_t id)
{
	uint64_t *count = &stack_table_head(opened.base)->pad[0];
	__atomic_store_n(&at->id, id, __ATOMIC_RELAXED);
	__atomic_store_n(&at->key, hash ^ id * MIX, __ATOMIC_RELAXED);
	uint32_t entries = __atomic_load_n(&opened.cache, __ATOMIC_RELAXED);
	if (__atomic_add_fetch(count, 1, __ATOMIC_RELAXED) > entries && entries < WIRE_STACK_CACHE)
		open_cache(entries * 2);
}

static inline struct cached *cached_at(uint64_t hash)
{
	return &cache()[hash & (__atomic_load_n(&opened.cache, __ATOMIC_RELAXED) - 1)];
}

/* 0: it is not there. Relaxed: an entry is checked as a whole, by its content. */
static inline uint32_t recall(const struct cached *at, uint64_t hash)
{
	uint64_t id = __atomic_load_n(&at->id, __ATOMIC_RELAXED);
	bool is_it = (__atomic_load_n(&at->key, __ATOMIC_RELAXED) ^ id * MIX) == hash && id < WIRE_STACK_NODES;
	return likely(is_it) ? (uint32_t)id : 0;
}

uint32_t stack_table_find(const uint64_t *ips, size_t count)
{
	uint64_t hash = hash_of(ips, count);
	struct cached *at = cached_at(hash);
	uint32_t id = recall(at, hash);
	if (likely(id != 0) || !(id = insert(ips, count)))
		return id;
	remember(at, hash, id);
	return id;
}

/* From the innermost frame whose node is known. */
static __attribute__((noinline)) uint32_t insert_again(struct unwind_frame *frames, size_t count)
{
	size_t i = count;
	while (i > 0 && frames[i - 1].id == 0)
		i--;
	uint32_t id = i > 0 ? frames[i - 1].id : 0;
	for (; i < count; i++)
		if (!frames[i].own && !(frames[i].id = id = child_of(id, frames[i].ip)))
			break;
	return id ? id : lost();
}

uint32_t stack_table_find_again(struct unwind_frame *frames, size_t kept, size_t count)
{
	if (likely(kept == count && frames[count - 1].id != 0))
		return frames[count - 1].id;
	uint64_t hash = kept > 0 ? frames[kept - 1].hash : 0;
	for (size_t i = kept; i < count; i++) {
		hash = frames[i].own ? hash : hash_step(hash, frames[i].ip);
		frames[i].hash = hash;
		frames[i].id = 0;
	}
	struct cached *at = cached_at(hash);
	uint32_t id = recall(at, hash);
	if (unlikely(id == 0) && (id = insert_again(frames, count)) != 0)
		remember(at, hash, id);
	return frames[count - 1].id = id;
}

void stack_table_add(uint32_t id, uint64_t bytes, uint64_t allocations, uint32_t flags)
{
	if (unlikely(!is_open(id)))
		return;
	struct wire_stack_total *t = &totals()[id];
	__atomic_fetch_add(&t->allocated_bytes, bytes, __ATOMIC_RELAXED);
	__atomic_fetch_add(&t->allocations, allocations, __ATOMIC_RELAXED);
	__atomic_fetch_add(&t->samples, 1, __ATOMIC_RELAXED);
	if (unlikely(flags & ~__atomic_load_n(&t->flags, __ATOMIC_RELAXED)))
		__atomic_fetch_or(&t->flags, flags, __ATOMIC_RELAXED);
}

/* ---- fork --------------------------------------------------------------------------- */

static void copy_part(const char *from_base, uint64_t offset, uint64_t bytes)
{
	uint64_t at = WIRE_OFF_STACKS + offset;
	shadow_copy_pages(opened.base + at, from_base + at, (bytes + 4095) & ~(uint64_t)4095);
}

/* How many nodes can be copied: opened in both maps, with some that come meanwhile. */
static uint64_t open_for_copy(const char *from_base, uint64_t used)
{
	uint64_t to = (used / WINDOW_NODES + 2) * WINDOW_NODES;
	if (to > WIRE_STACK_NODES)
		to = WIRE_STACK_NODES;
	return open_nodes(from_base, 0, to) && is_open((uint32_t)to - 1) ? to : 0;
}

/* Chains first: the nodes that they lead to are complete, then. */
void stack_table_copy(const char *from_base)
{
	const struct wire_stacks *from = stack_table_head((char *)(uintptr_t)from_base);
	struct wire_stacks *to = stack_table_head(opened.base);
	uint64_t open = open_for_copy(from_base, from->nodes_used);
	if (!open || from->mode == WIRE_STACKS_NONE)
		return;
	copy_part(from_base, WIRE_STACKS_OFF_BUCKETS, (open < WIRE_STACK_BUCKETS ? open : WIRE_STACK_BUCKETS) * sizeof(uint32_t));
	uint32_t used = __atomic_load_n(&from->nodes_used, __ATOMIC_ACQUIRE);
	to->nodes_used = used < open ? used : (uint32_t)open;
	copy_part(from_base, WIRE_STACKS_OFF_NODES, to->nodes_used * sizeof(struct wire_stack_node));
	copy_part(from_base, WIRE_STACKS_OFF_TOTALS, to->nodes_used * sizeof(struct wire_stack_total));
	to->taken = from->taken;
	to->lost = from->lost;
	to->failed = from->failed;
}
