/* SPDX-License-Identifier: MIT */
/* patch_targets.c - see patch_targets.h. */
#include "patch_targets.h"

#include "fake_image.h"
#include "relocate.h"

#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

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

#define DECLARE(name) uint64_t target_##name(uint64_t a, uint64_t b); extern const uint8_t target_##name##_end[];
EACH_TARGET(DECLARE)
#define ROW(name) { target_##name, target_##name##_end },
const struct target target_table[TARGETS] = { EACH_TARGET(ROW) };

uint64_t target_bias;
struct wire_plan target_plan;
struct linked_entry target_linked[WIRE_PLAN_ENTRIES];
uint64_t target_hits[WIRE_PLAN_ENTRIES];
static uint8_t *unpatched;     /* a copy of the targets */

static uint64_t hook(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, const struct linked_entry *entry)
{
	__atomic_add_fetch(&target_hits[entry - target_linked], 1, __ATOMIC_RELAXED); /* a count, read when all is quiet */
	return entry->real(a, b, c, d, e);
}

void *target_hook_for(uint32_t kind)
{
	return kind == WIRE_ENTRY_MALLOC ? (void *)hook : NULL;
}

static int first_object(struct dl_phdr_info *info, size_t size, void *arg)
{
	*(uint64_t *)arg = info->dlpi_addr;
	return 1;
}

void target_plan_add(struct wire_plan *p, unsigned i)
{
	uint64_t start = (uint64_t)target_table[i].call - target_bias;
	struct image_function f = { start, (uint64_t)target_table[i].end - target_bias, 0, false };
	struct image im = { .base = (uint64_t)targets - target_bias, .bytes = targets, .size = (size_t)(targets_end - targets),
			    .functions = &f, .function_count = 1 };
	struct wire_plan_entry *e = &p->entries[p->entry_count++];
	e->kind = WIRE_ENTRY_MALLOC;
	assert_int_equal(relocate_entry(&im, start, e, NULL), 0);
}

void target_plan_begin(struct wire_plan *p)
{
	memset(p, 0, sizeof *p);
	p->magic = WIRE_PLAN_MAGIC;
	p->version = WIRE_PLAN_VERSION;
	p->low = (uint64_t)targets - target_bias;
	p->high = (uint64_t)targets_end - target_bias;
}

int targets_setup(void **state)
{
	dl_iterate_phdr(first_object, &target_bias);
	target_plan_begin(&target_plan);
	for (unsigned i = 0; i < TARGET_EDGE; i++)
		target_plan_add(&target_plan, i);
	unpatched = malloc((size_t)(targets_end - targets));
	memcpy(unpatched, targets, (size_t)(targets_end - targets));
	return unpatched ? 0 : -1;
}

bool targets_are_untouched(void)
{
	return memcmp(unpatched, targets, (size_t)(targets_end - targets)) == 0;
}

bool targets_work(void)
{
	bool ok = true;
	for (uint64_t i = 0; i < TARGETS; i++)
		ok = ok && target_table[i].call(i, 3) == target_result(i, 3);
	return ok;
}

enum patch_result targets_patch(const struct wire_plan *p)
{
	return patch_module(p, target_bias, target_linked, target_hook_for);
}
