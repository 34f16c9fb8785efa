/* SPDX-License-Identifier: MIT */
/*
 * glibc_heap.h - what two rules ask of glibc's heap: free chunks of the whole, the part at the
 * top, and whether large blocks were freed, which raises glibc's dynamic thresholds
 * (mallopt(3), M_MMAP_THRESHOLD: from 128 KiB up to 32 MiB, and twice that for trimming).
 */
#ifndef MEMWHY_GLIBC_HEAP_H
#define MEMWHY_GLIBC_HEAP_H

#include "verdict_help.h"

struct glibc_heap {
	const struct ledger *ledger;    /* at the exit, or else the resident peak */
	enum report_moment at;
	int64_t dirty_bytes;            /* on wholly free pages */
	int64_t kept_bytes;             /* of it what the heap keeps: a purge at the exit left the rest to caches */
	int64_t top_bytes, free_bytes;  /* RECORDING_UNKNOWN */
	int64_t threshold_bytes;        /* RECORDING_UNKNOWN */
	int64_t mean_bytes;             /* of the blocks that the program asked for */
};
/* False: not glibc, no ledger, or what is kept isn't worth a word. */
bool glibc_heap(const struct verdict_input *in, struct glibc_heap *ret_heap);
/* The program's large blocks lie in the heap because the threshold was raised. */
bool glibc_heap_is_raised(const struct glibc_heap *h);
void glibc_heap_show(const struct glibc_heap *h, struct verdict_finding *f);

#endif
