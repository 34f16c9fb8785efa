/* SPDX-License-Identifier: MIT */
/*
 * patch_targets.h - functions of this executable for the tests of patching, and plans for
 * them. Where the five bytes lie decides how they are written: in one aligned word, across
 * words, lines or pages. All but `pushes` begin with an instruction longer than a jump: no
 * thread can stand inside the bytes that are exchanged.
 */
#ifndef MEMWHY_TESTS_PATCH_TARGETS_H
#define MEMWHY_TESTS_PATCH_TARGETS_H

#include "../../probes/patch.h"

extern const uint8_t targets[], targets_end[];
#define EACH_TARGET(X) X(word) X(landing) X(words) X(lines) X(pushes) X(pages) X(edge)
enum { TARGET_WORD, TARGET_LANDING, TARGET_WORDS, TARGET_LINES, TARGET_PUSHES, TARGET_PAGES, TARGET_EDGE, TARGETS };
struct target {
	uint64_t (*call)(uint64_t a, uint64_t b);
	const uint8_t *end;
};
extern const struct target target_table[TARGETS];

static inline uint64_t target_result(uint64_t a, uint64_t b)
{
	return 12345 + a + 2 * b;
}

extern uint64_t target_bias;
extern struct wire_plan target_plan; /* all targets but `edge` */
extern struct linked_entry target_linked[WIRE_PLAN_ENTRIES];
extern uint64_t target_hits[WIRE_PLAN_ENTRIES]; /* calls that came through the hook */

/* Group setup of cmocka: fills these. */
int targets_setup(void **state);
void target_plan_begin(struct wire_plan *p);
void target_plan_add(struct wire_plan *p, unsigned target);
enum patch_result targets_patch(const struct wire_plan *p);
void *target_hook_for(uint32_t kind);
bool targets_are_untouched(void);
bool targets_work(void);

#endif
