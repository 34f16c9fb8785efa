/* SPDX-License-Identifier: MIT */
/*
 * The shadow as the collector keeps it. A scan (1) maps leaves that appeared, (2) clears
 * CHANGED and remembers those pages as pending, (3) has every thread of the target pass a
 * memory barrier, so that a word stored by someone who still saw CHANGED is visible,
 * (4) reads the pending pages' words, (5) composes the spill across pages and leaves.
 * A hole of the file must not be read: that would allocate it. Changed pages have words;
 * where others must be read too (a forked child's first scan, or no barrier to be had),
 * SEEK_DATA tells.
 */
#include "shadow_view.h"
#include "platform.h"
#include "shadow_leaf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define FILE_PAGES_OF_PLANE (WIRE_GRANULES * 4u / 4096u)
#define HEAP_PAGES_OF_FILE_PAGE (WIRE_PAGES / FILE_PAGES_OF_PLANE)
#define TINY_UNKNOWN 16 /* the most that such a block takes */

struct shadow_view {
	int fd;
	unsigned char *head;
	bool no_barrier;
	struct shadow_leaf **leaves;  /* ascending by region */
	uint32_t leaf_count;
	bool is_mapped[WIRE_LEAVES_MAX]; /* by index in the file */
	shadow_tiny tiny;
	int64_t live_bytes;
	uint64_t moving_bytes;
};

int shadow_view_create(int fd, struct shadow_view **ret_view)
{
	int rc = platform_check_memfd(fd, WIRE_BYTES);
	if (rc < 0)
		return rc;
	struct shadow_view *v = calloc(1, sizeof *v);
	if (!v)
		return -ENOMEM;
	v->head = mmap(NULL, WIRE_HEAD_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (v->head == MAP_FAILED) {
		rc = -errno;
		free(v);
		return rc;
	}
	v->fd = fd;
	*ret_view = v;
	return 0;
}

static void destroy_leaf(struct shadow_leaf *leaf)
{
	if (!leaf)
		return;
	if (leaf->planes)
		munmap((void *)(uintptr_t)leaf->planes, WIRE_LEAF_FLAGS);
	if (leaf->flags)
		munmap(leaf->flags, WIRE_PAGES);
	free(leaf->sums);
	free(leaf->pages);
	free(leaf);
}

void shadow_view_destroy(struct shadow_view *v)
{
	if (!v)
		return;
	for (uint32_t i = 0; i < v->leaf_count; i++)
		destroy_leaf(v->leaves[i]);
	free(v->leaves);
	munmap(v->head, WIRE_HEAD_BYTES);
	close(v->fd);
	free(v);
}

struct wire_control *shadow_view_control(struct shadow_view *v)
{
	return (struct wire_control *)(void *)(v->head + WIRE_OFF_CONTROL);
}

const struct wire_thread *shadow_view_threads(struct shadow_view *v)
{
	return (const struct wire_thread *)(const void *)(v->head + WIRE_OFF_THREADS);
}

const struct wire_event *shadow_view_events(struct shadow_view *v)
{
	return (const struct wire_event *)(const void *)(v->head + WIRE_OFF_EVENTS);
}

uint32_t shadow_view_thread_count(struct shadow_view *v)
{
	uint32_t n = __atomic_load_n(&shadow_view_control(v)->thread_count, __ATOMIC_ACQUIRE);
	return n < WIRE_THREADS_MAX ? n : WIRE_THREADS_MAX;
}

/* ---- leaves -------------------------------------------------------------------- */

/* Position of the first leaf whose region is not below region. */
static uint32_t find_leaf(const struct shadow_view *v, uint64_t region)
{
	uint32_t low = 0, high = v->leaf_count;
	while (low < high) {
		uint32_t middle = (low + high) / 2;
		if (v->leaves[middle]->region < region)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void *map_part(int fd, uint64_t offset, size_t size, int protection)
{
	void *at = mmap(NULL, size, protection, MAP_SHARED, fd, (off_t)offset);
	return at == MAP_FAILED ? NULL : at;
}

static struct shadow_leaf *create_leaf(int fd, uint32_t index, uint32_t region)
{
	struct shadow_leaf *leaf = calloc(1, sizeof *leaf);
	if (!leaf)
		return NULL;
	uint64_t at = WIRE_OFF_LEAF_DATA + index * WIRE_LEAF_BYTES;
	leaf->index = index;
	leaf->region = region;
	leaf->is_new = leaf->is_stale = true;
	leaf->planes = map_part(fd, at, WIRE_LEAF_FLAGS, PROT_READ);
	leaf->flags = map_part(fd, at + WIRE_LEAF_FLAGS, WIRE_PAGES, PROT_READ | PROT_WRITE);
	leaf->sums = calloc(WIRE_PAGES, sizeof *leaf->sums);
	leaf->pages = calloc(1, sizeof *leaf->pages);
	if (!leaf->planes || !leaf->flags || !leaf->sums || !leaf->pages) {
		destroy_leaf(leaf);
		return NULL;
	}
	return leaf;
}

static int insert_leaf(struct shadow_view *v, uint32_t index, uint32_t region)
{
	uint32_t at = find_leaf(v, region);
	if (at < v->leaf_count && v->leaves[at]->region == region)
		return 0; /* a hostile second leaf for the same region */
	if (!v->leaves && !(v->leaves = calloc(WIRE_LEAVES_MAX, sizeof *v->leaves)))
		return -ENOMEM;
	struct shadow_leaf *leaf = create_leaf(v->fd, index, region);
	if (!leaf)
		return -ENOMEM;
	memmove(v->leaves + at + 1, v->leaves + at, (v->leaf_count - at) * sizeof *v->leaves);
	v->leaves[at] = leaf;
	v->leaf_count++;
	v->is_mapped[index] = true;
	return 0;
}

/* A leaf counts when both of its records agree; one that is being made comes next time. */
static int find_new_leaves(struct shadow_view *v)
{
	const uint32_t *directory = (const void *)(v->head + WIRE_OFF_DIRECTORY);
	const uint32_t *regions = (const void *)(v->head + WIRE_OFF_LEAVES);
	uint32_t count = __atomic_load_n(&shadow_view_control(v)->leaf_count, __ATOMIC_ACQUIRE);
	if (count > WIRE_LEAVES_MAX)
		count = WIRE_LEAVES_MAX;
	for (uint32_t i = 0; i < count; i++) {
		if (v->is_mapped[i])
			continue;
		uint32_t region = __atomic_load_n(&regions[i], __ATOMIC_ACQUIRE);
		if (region >= WIRE_REGION_COUNT || __atomic_load_n(&directory[region], __ATOMIC_ACQUIRE) != WIRE_LEAF_ENTRY(i))
			continue;
		int rc = insert_leaf(v, i, region);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* ---- which pages to read --------------------------------------------------------- */

static void mark_pending(struct shadow_leaf *leaf, uint32_t page)
{
	leaf->pending[page / 64] |= 1ull << page % 64;
	leaf->written[page / 64] |= 1ull << page % 64;
}

/* Takes CHANGED off and notes EVER; true when any page was pending. */
static bool collect_changed(struct shadow_leaf *leaf)
{
	bool any = false;
	for (uint32_t group = 0; group < WIRE_PAGES; group += 8) {
		uint64_t eight = __atomic_load_n((uint64_t *)(void *)(leaf->flags + group), __ATOMIC_RELAXED);
		uint64_t ever = eight & WIRE_PAGE_EVER * 0x0101010101010101ull;
		memcpy(leaf->pages->ever + group, &ever, sizeof ever);
		uint64_t changed = eight & WIRE_PAGE_CHANGED * 0x0101010101010101ull;
		for (; changed; changed &= changed - 1) {
			uint32_t page = group + (uint32_t)__builtin_ctzll(changed) / 8;
			/* relaxed is enough: the barrier comes before the words are read */
			__atomic_fetch_and(&leaf->flags[page], (uint8_t)~WIRE_PAGE_CHANGED, __ATOMIC_RELAXED);
			mark_pending(leaf, page);
			any = true;
		}
	}
	return any;
}

/* Every page that ever held a block and whose words are no hole of the file. */
static void mark_all(const struct shadow_view *v, struct shadow_leaf *leaf)
{
	off_t plane = (off_t)(WIRE_OFF_LEAF_DATA + leaf->index * WIRE_LEAF_BYTES + WIRE_LEAF_PLANE_A);
	off_t end = plane + (off_t)FILE_PAGES_OF_PLANE * 4096;
	for (off_t at = plane, hole; (at = lseek(v->fd, at, SEEK_DATA)) >= 0 && at < end; at = hole) {
		hole = lseek(v->fd, at, SEEK_HOLE);
		if (hole <= at)
			return;
		for (off_t o = at; o < hole && o < end; o += 4096)
			for (uint32_t i = 0; i < HEAP_PAGES_OF_FILE_PAGE; i++) {
				uint32_t page = (uint32_t)((o - plane) / 4096) * HEAP_PAGES_OF_FILE_PAGE + i;
				if (leaf->flags[page])
					mark_pending(leaf, page);
			}
	}
}

static void mark_odd(struct shadow_leaf *leaf)
{
	for (uint32_t page = 0; page < WIRE_PAGES; page++)
		if (leaf->flags[page] & WIRE_PAGE_ODD)
			mark_pending(leaf, page);
}

static void collect_pending(struct shadow_view *v)
{
	bool any = false;
	bool is_copy = __atomic_load_n(&shadow_view_control(v)->forked, __ATOMIC_RELAXED) != 0;
	if (!__atomic_load_n(&shadow_view_control(v)->membarrier, __ATOMIC_RELAXED))
		v->no_barrier = true;
	for (uint32_t i = 0; i < v->leaf_count; i++)
		any |= collect_changed(v->leaves[i]);
	if (any && !v->no_barrier && platform_membarrier_global() < 0)
		v->no_barrier = true;
	for (uint32_t i = 0; i < v->leaf_count; i++) {
		/* the flags of a copied shadow were cleared by the parent's collector */
		if (v->no_barrier || (is_copy && v->leaves[i]->is_new)) {
			mark_all(v, v->leaves[i]);
			mark_odd(v->leaves[i]);
		}
		v->leaves[i]->is_new = false;
	}
}

/* ---- reading -------------------------------------------------------------------- */

static void read_tiny(struct shadow_view *v)
{
	struct wire_control *c = shadow_view_control(v);
	for (unsigned h = 0; h < WIRE_HEAPS; h++)
		for (unsigned tag = 0; tag < WIRE_TINY_SIZES; tag++) {
			uint8_t f = __atomic_load_n(&c->heaps[h].tiny_footprint[tag], __ATOMIC_RELAXED);
			v->tiny[h][tag] = f && f <= TINY_UNKNOWN ? f : TINY_UNKNOWN;
		}
}

static void sum_pending(struct shadow_view *v, struct shadow_leaf *leaf)
{
	for (uint32_t group = 0; group < WIRE_PAGES / 64; group++) {
		uint64_t bits = leaf->pending[group];
		leaf->pending[group] = 0;
		leaf->is_stale |= bits != 0;
		for (; bits; bits &= bits - 1) {
			uint32_t page = group * 64 + (uint32_t)__builtin_ctzll(bits);
			bool odd = __atomic_load_n(&leaf->flags[page], __ATOMIC_RELAXED) & WIRE_PAGE_ODD;
			uint64_t bit = 1ull << page % 64;
			leaf->stacked[group] &= ~bit;
			if (shadow_leaf_sum_page(leaf, page, odd, v->tiny, &leaf->sums[page]))
				leaf->stacked[group] |= bit;
		}
	}
}

static void compose(struct shadow_view *v)
{
	struct shadow_carry carry = { 0, 0 };
	for (uint32_t i = 0; i < v->leaf_count; i++) {
		struct shadow_leaf *leaf = v->leaves[i];
		if (i == 0 || v->leaves[i - 1]->region + 1 != leaf->region)
			carry = (struct shadow_carry){ 0, 0 };
		if (leaf->is_stale || leaf->in.requested != carry.requested || leaf->in.footprint != carry.footprint)
			shadow_leaf_compose(leaf, &carry);
		else
			carry = leaf->out;
	}
}

/* One block in flight; budget bounds the pages that all of them together may touch. */
static void add_inflight(struct shadow_view *v, uint64_t address, uint64_t requested, uint64_t footprint,
			 uint64_t *budget)
{
	uint64_t end = 1ull << WIRE_ADDRESS_BITS;
	if (address == 0 || address >= end)
		return;
	if (footprint < requested)
		footprint = requested;
	footprint = footprint < end - address ? footprint : end - address;
	v->moving_bytes = requested > v->moving_bytes ? requested : v->moving_bytes;
	uint32_t i = find_leaf(v, address >> WIRE_REGION_SHIFT);
	for (; footprint && i < v->leaf_count && *budget; i++, --*budget) {
		struct shadow_leaf *leaf = v->leaves[i];
		if (leaf->region != address >> WIRE_REGION_SHIFT)
			return;
		uint32_t offset = address & (WIRE_REGION_BYTES - 1);
		uint64_t room = WIRE_REGION_BYTES - offset;
		shadow_leaf_add_block(leaf, offset, requested, footprint);
		requested -= requested < room ? requested : room;
		footprint -= footprint < room ? footprint : room;
		address += room;
	}
}

/* Blocks inside realloc are in no word. Honest ones don't overlap: each leaf can be filled
 * once, and each thread adds at most two leaves that it fills in part. */
static void add_all_inflight(struct shadow_view *v)
{
	const struct wire_thread *threads = shadow_view_threads(v);
	uint32_t count = shadow_view_thread_count(v);
	uint64_t budget = v->leaf_count + 2ull * count;
	v->moving_bytes = 0;
	for (uint32_t i = 0; i < count; i++) {
		const struct wire_thread *t = &threads[i];
		add_inflight(v, __atomic_load_n(&t->inflight_address, __ATOMIC_ACQUIRE),
			     __atomic_load_n(&t->inflight_requested, __ATOMIC_RELAXED),
			     __atomic_load_n(&t->inflight_footprint, __ATOMIC_RELAXED), &budget);
	}
}

int shadow_view_scan(struct shadow_view *v)
{
	int rc = find_new_leaves(v);
	if (rc < 0)
		return rc;
	read_tiny(v);
	collect_pending(v);
	for (uint32_t i = 0; i < v->leaf_count; i++)
		sum_pending(v, v->leaves[i]);
	compose(v);
	add_all_inflight(v);
	v->live_bytes = 0;
	for (uint32_t i = 0; i < v->leaf_count; i++)
		v->live_bytes += v->leaves[i]->live_bytes;
	return 0;
}

uint32_t shadow_view_leaves(const struct shadow_view *v, struct shadow_leaf *const **ret_leaves)
{
	*ret_leaves = v->leaves;
	return v->leaf_count;
}

const shadow_tiny *shadow_view_tiny(const struct shadow_view *v)
{
	return &v->tiny;
}

int shadow_view_memory(const struct shadow_view *v)
{
	return v->fd;
}

const struct shadow_pages *shadow_view_pages(const struct shadow_view *v, uint64_t region)
{
	uint32_t i = find_leaf(v, region);
	return i < v->leaf_count && v->leaves[i]->region == region ? v->leaves[i]->pages : NULL;
}

uint64_t shadow_view_moving_bytes(const struct shadow_view *v)
{
	return v->moving_bytes;
}

int64_t shadow_view_live_bytes(const struct shadow_view *v)
{
	return v->live_bytes;
}

/* The pages [from, to) of a leaf that lie in [start, end). */
static void clip_to_leaf(const struct shadow_leaf *leaf, uint64_t start, uint64_t end, uint32_t *ret_from, uint32_t *ret_to)
{
	uint64_t base = (uint64_t)leaf->region << WIRE_REGION_SHIFT;
	uint64_t from = start > base ? start - base : 0;
	uint64_t to = end - base < WIRE_REGION_BYTES ? end - base : WIRE_REGION_BYTES;
	*ret_from = (uint32_t)(from >> WIRE_PAGE_SHIFT);
	*ret_to = (uint32_t)(to >> WIRE_PAGE_SHIFT);
}

static bool leaf_begins_below(const struct shadow_view *v, uint32_t i, uint64_t end)
{
	return i < v->leaf_count && (uint64_t)v->leaves[i]->region << WIRE_REGION_SHIFT < end;
}

int64_t shadow_view_live_bytes_in(const struct shadow_view *v, uint64_t start, uint64_t end)
{
	int64_t live = 0;
	for (uint32_t i = find_leaf(v, start >> WIRE_REGION_SHIFT); leaf_begins_below(v, i, end); i++) {
		uint32_t from, to;
		clip_to_leaf(v->leaves[i], start, end, &from, &to);
		for (uint32_t p = from; p < to; p++)
			live += v->leaves[i]->pages->live_requested[p];
	}
	return live;
}

bool shadow_view_has_ever(const struct shadow_view *v, uint64_t start, uint64_t end)
{
	for (uint32_t i = find_leaf(v, start >> WIRE_REGION_SHIFT); leaf_begins_below(v, i, end); i++) {
		uint32_t from, to;
		clip_to_leaf(v->leaves[i], start, end, &from, &to);
		if (memchr(v->leaves[i]->pages->ever + from, WIRE_PAGE_EVER, to - from))
			return true;
	}
	return false;
}
