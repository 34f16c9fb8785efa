/* SPDX-License-Identifier: MIT */
/* Plans are carried out on functions of this very executable: all, undone, refused. */
#include "patch_targets.h"
#include "../../probes/patch_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static void test_patch_and_undo(void **state)
{
	uint64_t bytes = 0;
	memset(target_hits, 0, sizeof target_hits);
	assert_int_equal(targets_patch(&target_plan), PATCH_DONE);
	assert_true(targets_work());
	for (unsigned i = 0; i < target_plan.entry_count; i++)
		assert_int_equal(target_hits[i], 1);
	uint64_t island = patch_island(&bytes);
	assert_true(island != 0 && bytes != 0 && (uint64_t)target_linked[0].real - island < bytes);
	assert_int_equal(targets_patch(&target_plan), PATCH_OTHER_BYTES);
	patch_undo(&target_plan, target_bias);
	assert_true(targets_are_untouched() && targets_work());
	patch_undo(&target_plan, target_bias);
	assert_true(targets_are_untouched());
	for (unsigned i = 0; i < target_plan.entry_count; i++)
		assert_int_equal(target_hits[i], 1);
}

static void test_same_island_again(void **state)
{
	uint64_t bytes, first;
	assert_int_equal(targets_patch(&target_plan), PATCH_DONE);
	first = patch_island(&bytes);
	patch_undo(&target_plan, target_bias);
	assert_int_equal(targets_patch(&target_plan), PATCH_DONE);
	assert_int_equal(patch_island(&bytes), first);
	patch_undo(&target_plan, target_bias);
}

/* Only called, or of a kind without a hook: real is the function itself. */
static void test_left_alone(void **state)
{
	struct wire_plan p = target_plan;
	p.entries[0].kind = WIRE_ENTRY_MALLCTL;
	p.entries[1].patch_bytes = 0;
	memset(target_hits, 0, sizeof target_hits);
	assert_int_equal(targets_patch(&p), PATCH_DONE);
	assert_true(targets_work());
	assert_int_equal(target_hits[0] + target_hits[1], 0);
	assert_int_equal(target_hits[2], 1);
	assert_ptr_equal(target_linked[0].real, target_table[0].call);
	assert_ptr_equal(target_linked[1].real, target_table[1].call);
	patch_undo(&p, target_bias);
	assert_true(targets_are_untouched());
}

static void test_other_bytes(void **state)
{
	struct wire_plan p = target_plan;
	p.entries[p.entry_count - 1].original[7] ^= 1;
	assert_int_equal(targets_patch(&p), PATCH_OTHER_BYTES);
	assert_true(targets_are_untouched());
	assert_int_equal(patch_module(&target_plan, 0x123456000, target_linked, target_hook_for), PATCH_OTHER_BYTES); /* nothing there */
}

/* Another tool patched over ours: its jump stays, the others go. */
static void test_foreign_jump(void **state)
{
	static const uint8_t foreign[PATCH_JUMP_BYTES] = { 0xe9, 0, 0, 0, 0 };
	const uint8_t *word = (const uint8_t *)target_table[TARGET_WORD].call;
	assert_int_equal(targets_patch(&target_plan), PATCH_DONE);
	assert_int_equal(patch_text_write((uint64_t)word, foreign), 0);
	patch_undo(&target_plan, target_bias);
	assert_memory_equal(word, foreign, sizeof foreign);
	assert_int_equal(patch_text_write((uint64_t)word, target_plan.entries[TARGET_WORD].original), 0);
	assert_true(targets_are_untouched());
}

/* --- plans that are none ---------------------------------------------------------- */

#define FIELD(at, bytes, v) { offsetof(struct wire_plan, at), bytes, v }
static const struct { size_t at, bytes; uint64_t value; } damages[] = {
	FIELD(magic, 4, 0), FIELD(version, 4, WIRE_PLAN_VERSION + 1), FIELD(entry_count, 4, WIRE_PLAN_ENTRIES + 1),
	FIELD(entry_count, 4, UINT32_MAX), FIELD(low, 8, UINT64_MAX), FIELD(high, 8, 0), FIELD(high, 8, UINT64_MAX),
	FIELD(entries[1].patch_bytes, 1, 4), FIELD(entries[1].patch_bytes, 1, WIRE_PATCH_MAX + 1),
	FIELD(entries[1].code_bytes, 1, 0), FIELD(entries[1].code_bytes, 1, WIRE_CODE_MAX + 1),
	FIELD(entries[1].fixup_count, 1, WIRE_FIXUPS_MAX + 1), FIELD(entries[1].fixups[0].at, 2, 0xfffe),
	FIELD(entries[1].fixups[0].next, 2, 0xffff), FIELD(entries[1].kind, 4, WIRE_ENTRY_KINDS),
	FIELD(entries[1].address, 8, 1), FIELD(entries[1].address, 8, UINT64_MAX - 1), FIELD(entries[1].function, 8, 1),
};

static void test_bad_plan(void **state)
{
	for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
		struct wire_plan p = target_plan;
		memcpy((char *)&p + damages[i].at, &damages[i].value, damages[i].bytes);
		assert_int_equal(targets_patch(&p), PATCH_BAD_PLAN);
	}
	struct wire_plan twice = target_plan;
	twice.entries[1] = twice.entries[0];
	assert_int_equal(targets_patch(&twice), PATCH_BAD_PLAN);
	struct wire_plan far = target_plan;
	far.entries[0].fixups[0].target = 1ull << 40;
	assert_int_equal(targets_patch(&far), PATCH_NO_ROOM);
	assert_true(targets_are_untouched());
}

/* In a child of its own, for the islands stay. */
static int patch_noise(void)
{
	for (unsigned round = 0; round < 20000; round++) {
		struct wire_plan p = target_plan;
		size_t used = offsetof(struct wire_plan, entries) + p.entry_count * sizeof p.entries[0];
		for (unsigned n = rand() % 4; n < 4; n++)
			((uint8_t *)&p)[(size_t)rand() % used] = (uint8_t)rand();
		if (targets_patch(&p) == PATCH_DONE)
			patch_undo(&p, target_bias);
		if (!targets_are_untouched())
			return 1;
	}
	return 0;
}

static void test_noise(void **state)
{
	int status = 0;
	pid_t pid = fork();
	if (pid == 0)
		_exit(patch_noise());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_patch_and_undo),
		cmocka_unit_test(test_same_island_again),
		cmocka_unit_test(test_left_alone),
		cmocka_unit_test(test_other_bytes),
		cmocka_unit_test(test_foreign_jump),
		cmocka_unit_test(test_bad_plan),
		cmocka_unit_test(test_noise),
	};
	return cmocka_run_group_tests(tests, targets_setup, NULL);
}
