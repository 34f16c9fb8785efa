/* SPDX-License-Identifier: MIT */
/*
 * identify.h - the half of identification that runs in the throwaway process (DESIGN 4,
 * rules 8 to 12; protocol: src/wire_identify.h).
 *
 * server: reads requests, forks a tester for each, answers. Calls no function of the target.
 * tester: locks itself in, calls the candidate kind by kind, lands after crashes, and leaves
 * what it found in one shared page. Only the server's memory is trusted, and only by itself.
 */
#ifndef MEMWHY_IDENTIFY_PROBE_H
#define MEMWHY_IDENTIFY_PROBE_H

#include "../src/wire_identify.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* probes/identify_server.c. Is this the throwaway process? environ must be there. */
bool identify_is_asked(void);
void identify_serve(void) __attribute__((noreturn));

/* ---- probes/identify_tester.c ----------------------------------------------------- */
/* The page between server and tester; the tester may scribble over it. */
struct identify_result {
	uint32_t step;   /* under way; > step: a later tester goes on behind it */
	uint32_t done;   /* all steps were tried, or a hit ended it */
	uint32_t kind, calls, traps, shaken;  /* shaken: a crash preceded the hit */
	uint64_t frees, crashed, value;
	char text[32];
};
/* The forked child: never returns. first: the step to begin with. */
void identify_test(const struct wire_identify_request *request, uint32_t first,
		   struct identify_result *result) __attribute__((noreturn));

/* ---- probes/identify_seccomp.c ------------------------------------------------------ */
/* From here on: memory calls, and what tells nothing to anybody. 0 or -errno. */
int identify_lock_down(void);

/* ---- probes/identify_call.c --------------------------------------------------------- */
/* function(a, b, c, d, e), whatever it does to the registers and to the stack pointer. */
uint64_t identify_call5(uint64_t function, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
	__attribute__((visibility("hidden")));
#define IDENTIFY_CALL_(f, a, b, c, d, e, ...) \
	identify_call5(f, (uint64_t)(a), (uint64_t)(b), (uint64_t)(c), (uint64_t)(d), (uint64_t)(e))
#define identify_call(...) IDENTIFY_CALL_(__VA_ARGS__, 0, 0, 0, 0, 0, 0)
/* The one place from which the tester's own timer may be set and the process ended. */
long identify_own_syscall(long number, long a, long b, long c, long d) __attribute__((visibility("hidden")));
extern const char identify_own_syscall_site[] __attribute__((visibility("hidden")));

/* ---- the contracts ------------------------------------------------------------------- */
/* One function as a kind; addresses are those in memory. */
struct identify_entry { uint64_t address; uint32_t kind, trap; };
struct identify_case {
	struct identify_entry candidate;
	const struct identify_entry *known; /* one that makes blocks first, where the kind needs it */
	uint32_t known_count;
	uint32_t flags;
	uint64_t context;
	struct identify_result *result;
};
typedef bool identify_contract(const struct identify_case *c);
/* By kind; NULL: can't be told by calling. */
identify_contract *identify_contract_for(uint32_t kind);
bool identify_kind_makes(uint32_t kind);       /* a block from nothing but numbers */
bool identify_kind_needs_known(uint32_t kind); /* takes a block */

/* probes/identify_blocks.c: made blocks, filled so that any overlap or loss shows. */
struct identify_block { uint64_t at; uint32_t bytes, seed; };
/* n bytes by this entry in its own calling convention; 0: none. */
uint64_t identify_make(const struct identify_entry *e, uint64_t context, uint64_t n);
bool identify_is_block(uint64_t p);
void identify_fill(struct identify_block *b, uint64_t at, uint32_t bytes);
bool identify_holds(const struct identify_block *b, uint32_t bytes);
/* Least distance between any two; 0: one of them is no block, or there twice. Sorts p. */
uint64_t identify_spacing(uint64_t *p, size_t count);

/* probes/identify_alloc.c, identify_free.c, identify_other.c */
identify_contract identify_malloc, identify_mallocx, identify_malloc_aligned, identify_calloc,
	identify_calloc_aligned, identify_aligned_alloc, identify_valloc, identify_posix_memalign, identify_ctx_malloc,
	identify_ctx_calloc, identify_free, identify_ctx_free, identify_realloc, identify_rallocx,
	identify_realloc_aligned, identify_recalloc, identify_ctx_realloc, identify_ctx_realloc_old,
	identify_xallocx, identify_usable_size, identify_mallctl;
/* Is known[0], which made blocks before, still able to? */
bool identify_still_answers(const struct identify_case *c);
/* Rule 10: prepare plants the breakpoints; then one call after the other is landed. */
#define IDENTIFY_WRAPS_CALLS 8
identify_contract identify_wraps_prepare, identify_wraps_call;

#endif
