/* SPDX-License-Identifier: MIT */
/*
 * patch_targets.h - functions of this executable that test_patch patches. Where the five
 * bytes lie decides how they are written: in one aligned word, across words, lines or pages.
 * All but `pushes` begin with an instruction longer than a jump: no thread can stand inside
 * the bytes that are exchanged.
 */
#ifndef MEMWHY_TESTS_PATCH_TARGETS_H
#define MEMWHY_TESTS_PATCH_TARGETS_H

#include <stdint.h>

#define TARGET(name, align, pad, body) \
	".p2align " align ", 0xcc\n.org . + " pad ", 0xcc\n.type target_" name ", @function\n" \
	".globl target_" name "\ntarget_" name ":\n" body "ret\n" \
	".globl target_" name "_end\ntarget_" name "_end:\n"
#define LEA "lea 12345(%rdi,%rsi,2), %rax\n" /* eight bytes */

__asm__(".pushsection .text\n"
	".p2align 12, 0xcc\n.globl targets\ntargets:\n"
	TARGET("word", "6", "0", LEA)
	TARGET("landing", "6", "0", "endbr64\n" LEA)
	TARGET("words", "6", "6", LEA)
	TARGET("lines", "6", "62", LEA)
	TARGET("pushes", "6", "0", "push %rbx\npush %rbp\nmov %rdi, %rbx\nlea 12345(%rbx,%rsi,2), %rax\npop %rbp\npop %rbx\n")
	TARGET("pages", "12", "4094", LEA)
	TARGET("edge", "6", "63", LEA) /* the head itself lies in two lines */
	".globl targets_end\ntargets_end:\n.popsection\n");

extern const uint8_t targets[], targets_end[];
#define EACH_TARGET(X) X(word) X(landing) X(words) X(lines) X(pushes) X(pages) X(edge)
#define DECLARE(name) uint64_t target_##name(uint64_t a, uint64_t b); extern const uint8_t target_##name##_end[];
EACH_TARGET(DECLARE)
#undef DECLARE

enum { TARGET_WORD, TARGET_LANDING, TARGET_WORDS, TARGET_LINES, TARGET_PUSHES, TARGET_PAGES, TARGET_EDGE, TARGETS };
static const struct target {
	uint64_t (*call)(uint64_t a, uint64_t b);
	const uint8_t *end;
} target_table[TARGETS] = {
#define ROW(name) { target_##name, target_##name##_end },
	EACH_TARGET(ROW)
#undef ROW
};

static inline uint64_t target_result(uint64_t a, uint64_t b)
{
	return 12345 + a + 2 * b;
}

#endif
