/* SPDX-License-Identifier: MIT */
/* target_private.h - what the files behind target_view.h share. */
#ifndef MEMWHY_TARGET_PRIVATE_H
#define MEMWHY_TARGET_PRIVATE_H

#include "page_classify.h"
#include "platform.h"
#include "region_map.h"
#include "shadow_view.h"
#include "stack_view.h"
#include "target_events.h"
#include "target_view.h"

#define LOAD(field) __atomic_load_n(&(field), __ATOMIC_RELAXED)

static inline int64_t target_distance(int64_t a, int64_t b)
{
	return a < b ? b - a : a - b;
}

/* What the shadow can be asked in this state of the probe. */
struct knowledge { bool blocks, records; };

/* Pages as read and classified once, with what statm said around it. Storage is reused. */
struct reading {
	struct platform_mappings mappings;
	struct platform_runs runs;
	struct classify_result sums;
	int64_t rss_bytes, mapped_bytes;
};

struct target_view {
	struct platform_process process;
	struct shadow_view *shadow; /* NULL: no probe */
	struct region_map records;
	struct target_events events;
	uint32_t foreign_heap; /* atomic */
	uint64_t created_ns;
	struct reading reading, spare; /* of the last snapshot, and a second try at it */
	struct classify_thread *threads;
	size_t thread_count, thread_capacity;
	struct knowledge known;  /* of the last snapshot */
	bool has_pages;          /* its reading is good */
	struct stack_view *stacks; /* NULL: not opened yet, or none */
	bool has_no_stacks;
};

/* target_reading.c: fills v->reading with the best of a few tries. -EACCES and the like when
 * pages are out of reach: then it has statm's figures alone. */
int target_read_pages(struct target_view *v, struct knowledge k, enum snapshot_hold hold);
void target_finish_reading(struct reading *r);
/* Classifies v->reading once more and tells of each page. */
int target_each_page(struct target_view *v, classify_page_fn *fn, void *arg);

/* target_ledger.c: v->reading and the shadow as terms, closed; has_pages: the reading is good. */
void target_fill_ledger(struct target_view *v, struct knowledge k, bool has_pages, struct ledger *l,
			int64_t *ret_vm_hwm_bytes);

#endif
