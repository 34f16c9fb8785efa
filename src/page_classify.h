/* SPDX-License-Identifier: MIT */
/*
 * page_classify.h - puts every resident page of a process into one term of the ledger.
 * Pure: it reads what others have read (mappings, runs of page states, the shadow, the
 * record of mmaps) and fills sums. Precedence on one page, first match wins:
 *   the probe's own > live block > file or shared mapping > program's mmap record >
 *   stack > held blocks once > allocator's (record, heap, arena) > libc-internal stack >
 *   private data of a file (.bss) > thread-local storage > unexplained
 * A large realloc copies into a new mapping of libc's that nobody has told of yet. Where
 * one is under way, an unclaimed mapping that holds no more than that block counts as
 * the allocator's.
 */
#ifndef MEMWHY_PAGE_CLASSIFY_H
#define MEMWHY_PAGE_CLASSIFY_H

#include "ledger.h"
#include "platform.h"
#include "region_map.h"
#include "shadow_view.h"

/* Where a thread keeps its TLS and stack; 0: unknown. */
struct classify_thread { uint64_t tls_address, stack_hint; };

/* A resident page that blocks hold (fragmentation: what is free on it) or have held
 * (retained_dirty); ascending. */
typedef void classify_page_fn(void *arg, uint64_t address, enum ledger_term term);

struct classify_input {
	const struct platform_mappings *mappings;
	const struct platform_runs *runs;
	const struct shadow_view *shadow;  /* NULL: nothing is known of blocks */
	const struct region_map *records;  /* NULL: nothing is known of mmaps */
	const struct classify_thread *threads; /* ascending by tls_address */
	size_t thread_count;
	uint64_t moving_bytes;             /* largest block that is inside realloc; 0: none */
	classify_page_fn *each_page;       /* or NULL */
	void *each_page_arg;
};

enum mapping_kind {
	MAPPING_ANON, MAPPING_HEAP, MAPPING_STACK, MAPPING_FILE, MAPPING_BSS, MAPPING_SHARED,
	MAPPING_PROBE, MAPPING_VDSO, MAPPING_UNCOUNTED, /* [vvar], hugetlb, devices: not in RSS */
	MAPPING_KINDS
};
const char *mapping_kind_name(enum mapping_kind k); /* "heap", as in struct snapshot_mapping */

struct classify_mapping {
	enum mapping_kind kind;
	int64_t resident_bytes, live_bytes, dirty_bytes, swapped_bytes;
	int64_t fill_candidate_bytes; /* allocator_metadata, which huge pages may explain */
	int64_t unclaimed_bytes;      /* resident, and nobody's */
	int64_t doubtful_bytes;       /* resident, or perhaps the zero page (PLATFORM_PAGE_DOUBT) */
};
struct classify_result { /* zeroed, then reused */
	int64_t bytes[LEDGER_TERMS];  /* SUM terms but unexplained; live_swapped; beside terms */
	int64_t resident_bytes;       /* all counted pages: what statm should say */
	int64_t doubtful_bytes;       /* of them: perhaps the zero page */
	struct classify_mapping *mappings; /* one for each of input->mappings */
	size_t mapping_capacity;
};
/* 0 or -ENOMEM. */
int page_classify(const struct classify_input *input, struct classify_result *ret_result);
void classify_result_finish(struct classify_result *r);

#endif
