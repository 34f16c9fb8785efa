/* SPDX-License-Identifier: MIT */
/* The unwinder on its own object's tables and on tables made here: every byte of them may lie,
 * and no read may leave the segment (run with --enable-sanitize=address). Frames of this object
 * are left out by unwind_walk(), so the walk is checked by what calls into it: libc's qsort(). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../probes/unwind_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct unwind_slot rules[UNWIND_RULES];

/* ---- tables made by hand --------------------------------------------------------- */

#define CODE 0x1000u   /* where the function is, from the tables' begin */
struct tables { _Alignas(8) uint8_t bytes[256]; };

static void put(uint8_t *at, int32_t value)
{
	memcpy(at, &value, sizeof value);
}

/* A header with one row, a CIE (rsp + 8, return address below) and an FDE with this program. */
static struct unwind_module make(struct tables *t, const char *augmentation, const uint8_t *program, size_t bytes)
{
	uint8_t *b = t->bytes, *cie = b + 32, *fde = b + 80, *at;
	memset(t, 0, sizeof *t);
	memcpy(b, (const uint8_t[]){ 1, 0x1b, 3, 0x3b }, 4);
	put(b + 4, 28);
	put(b + 8, 1);
	put(b + 12, (int32_t)CODE);
	put(b + 16, (int32_t)(fde - b));
	put(cie, 44);
	cie[8] = 1;
	at = cie + 9;
	at = (uint8_t *)memcpy(at, augmentation, strlen(augmentation) + 1) + strlen(augmentation) + 1;
	memcpy(at, (const uint8_t[]){ 1, 0x78, 16, 1, 0x1b, 0x0c, 7, 8, 0x90, 1 }, 10);
	put(fde, (int32_t)(4 + 4 + 4 + 1 + bytes));
	put(fde + 4, (int32_t)(fde + 4 - cie));
	put(fde + 8, (int32_t)(b + CODE - (fde + 8)));
	put(fde + 12, 64);
	memcpy(fde + 17, program, bytes);
	return (struct unwind_module){ (uintptr_t)b, (uintptr_t)b + 0x2000, (uintptr_t)b, (uintptr_t)b + sizeof t->bytes, (uintptr_t)b };
}

static uint64_t rule_of(const uint8_t *program, size_t bytes, uintptr_t offset)
{
	struct tables t;
	struct unwind_module m = make(&t, "zR", program, bytes);
	return unwind_cfi_rule(&m, (uintptr_t)t.bytes + CODE + offset);
}
#define RULE(offset, ...) rule_of((const uint8_t[]){ __VA_ARGS__ }, sizeof (const uint8_t[]){ __VA_ARGS__ }, offset)

static void plain_rows(void **state)
{
	/* push %rbp: def_cfa_offset 16, rbp at -16; mov: def_cfa_register rbp; remember, back */
#define PROLOGUE 0x41, 0x0e, 16, 0x86, 2, 0x43, 0x0d, 6, 0x4a, 0x0a, 0x0c, 7, 8, 0xc6, 0x41, 0x0b
	assert_int_equal(RULE(0, PROLOGUE), rule_make(RULE_SP, 8, BP_SAME, 0));
	assert_int_equal(RULE(1, PROLOGUE), rule_make(RULE_SP, 16, BP_AT_CFA, -2));
	assert_int_equal(RULE(4, PROLOGUE), rule_make(RULE_BP, 16, BP_AT_CFA, -2));
	assert_int_equal(RULE(14, PROLOGUE), rule_make(RULE_SP, 8, BP_SAME, 0));
	assert_int_equal(RULE(15, PROLOGUE), rule_make(RULE_BP, 16, BP_AT_CFA, -2));
	assert_int_equal(RULE(64, PROLOGUE), rule_make(RULE_NO_TABLES, 0, BP_SAME, 0));
}

static void known_expressions(void **state)
{
	/* CFA = *(rbp - 8), rbp at rbp + 0 */
	assert_int_equal(RULE(0, 0x0f, 3, 0x76, 0x78, 0x06, 0x10, 6, 2, 0x76, 0), rule_make(RULE_BP_LOAD, -8, BP_AT_BP, 0));
#define PLT 0x0f, 11, 0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22
	uint64_t early = RULE(0, PLT), late = RULE(15, PLT);
	assert_int_equal(rule_kind(early), RULE_SP);
	assert_int_equal(rule_kind(late), RULE_SP);
	assert_true(rule_offset(early) == 8 || rule_offset(early) == 16);
	assert_int_equal(RULE(0, 0x0f, 2, 0x77, 8), rule_make(RULE_NO_TABLES, 0, BP_SAME, 0));
}

static void what_does_not_fit_ends_the_walk(void **state)
{
	const uint64_t none = rule_make(RULE_NO_TABLES, 0, BP_SAME, 0);
	assert_int_equal(RULE(0, 0x07, 16), rule_make(RULE_OUTERMOST, 0, BP_SAME, 0));
	assert_int_equal(RULE(0, 0x0d, 3), none);              /* CFA by rbx */
	assert_int_equal(RULE(0, 0x09, 6, 3), none);           /* rbp is in rbx */
	assert_int_equal(RULE(0, 0x05, 16, 2), none);          /* another place for the return address */
	assert_int_equal(RULE(0, 0x3f), none);                 /* no such instruction */
	assert_int_equal(RULE(0, 0x0b), none);                 /* nothing was remembered */
	assert_int_equal(RULE(0, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a), none);
	assert_int_equal(RULE(0, 0x0f, 0xff, 0x7f), none);     /* a block behind the end */
}

static void signal_frames_are_told_by_their_augmentation(void **state)
{
	static const uint8_t nop[] = { 0 };
	struct tables t;
	struct unwind_module m = make(&t, "zRS", nop, 1);
	assert_int_equal(rule_kind(unwind_cfi_rule(&m, (uintptr_t)t.bytes + CODE)), RULE_SIGNAL);
}

/* Each byte in turn takes each value: there is an answer, and it is a rule. */
static void tables_that_lie(void **state)
{
	static const uint8_t program[] = { PROLOGUE };
	struct tables *t = malloc(sizeof *t);
	assert_non_null(t);
	struct unwind_module m = make(t, "zR", program, sizeof program);
	for (size_t at = 0; at < 128; at++) {
		uint8_t was = t->bytes[at];
		for (unsigned value = 0; value < 256; value++) {
			t->bytes[at] = (uint8_t)value;
			uint64_t rule = unwind_cfi_rule(&m, (uintptr_t)t->bytes + CODE + 4);
			assert_in_range(rule_kind(rule), RULE_SP, RULE_NO_TABLES);
		}
		t->bytes[at] = was;
	}
	assert_int_equal(unwind_cfi_rule(&m, (uintptr_t)t->bytes + CODE + 4), rule_make(RULE_BP, 16, BP_AT_CFA, -2));
	free(t);
}

/* ---- walks ------------------------------------------------------------------------ */

static uint64_t generation; /* as the unwinder counts them */

static void forget(void)
{
	unwind_forget();
	generation++;
}

static uint64_t ips[64];
static size_t count;
static struct unwind_cursor cursor;

static int walk_here(const void *a, const void *b)
{
	unwind_begin(&cursor, (struct unwind_stack){ 0, 0 });
	count = unwind_walk(&cursor, ips, 64);
	return *(const int *)a - *(const int *)b;
}

static void own_frames_are_left_out_and_libcs_are_not(void **state)
{
	int two[] = { 2, 1 };
	unwind_start(rules);
	errno = 77;
	qsort(two, 2, sizeof *two, walk_here);
	assert_int_equal(errno, 77);
	assert_int_equal(cursor.end, UNWIND_OUTERMOST);
	assert_in_range(count, 2, 32); /* qsort's, cmocka's, libc's start */
	for (size_t i = 0; i < count; i++) {
		struct unwind_module m;
		assert_true(unwind_module_find(ips[i], &m));
		assert_false((uintptr_t)own_frames_are_left_out_and_libcs_are_not - m.start < m.end - m.start);
	}
}

static void the_same_after_modules_changed_and_in_parts(void **state)
{
	int two[] = { 2, 1 };
	uint64_t before[64];
	unwind_start(rules);
	qsort(two, 2, sizeof *two, walk_here);
	size_t before_count = count;
	memcpy(before, ips, sizeof ips);
	forget();
	two[0] = 2, two[1] = 1;
	qsort(two, 2, sizeof *two, walk_here);
	assert_int_equal(count, before_count);
	assert_memory_equal(before, ips, count * sizeof *ips);
}

static void stacks_that_lie_end_the_walk(void **state)
{
	uint64_t seen[8];
	unwind_start(rules);
	struct unwind_cursor c = { .ip = (uintptr_t)qsort + 16, .sp = 0x1000, .bp = 0x1000 };
	assert_in_range(unwind_walk(&c, seen, 8), 0, 1);
	assert_int_equal(c.end, UNWIND_UNREADABLE);
	c = (struct unwind_cursor){ .ip = 0x10, .sp = (uintptr_t)seen, .bp = 0xdeadbeef };
	assert_int_equal(unwind_walk(&c, seen, 8), 1);
	assert_int_equal(c.end, UNWIND_NO_TABLES);
	unwind_start(NULL);
	c = (struct unwind_cursor){ .ip = (uintptr_t)qsort, .sp = (uintptr_t)seen };
	assert_int_equal(unwind_walk(&c, seen, 8), 0);
}

/* ---- the walk that remembers ------------------------------------------------------- */

/* Made up: addresses of no code, rules for them, and a stack of words that look like those of
 * stacks. Part of it only is known to be the stack. */
#define CODES 12u
#define WORDS 96u
static uintptr_t area[3 * WORDS + 64], *const words = area + WORDS;
static struct unwind_frame frames[UNWIND_FRAMES];
static struct unwind_memo memo = { .frames = frames };
static uint64_t random_state = 1;

static unsigned chance(unsigned below)
{
	random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned)(random_state >> 33) % below;
}

static uintptr_t codes = 0x10000;
static uintptr_t code(unsigned i) { return codes + 64 * i; }

/* A made up rule must stay: where an address of the stack, taken for code, has the same slot, it
 * would be replaced by what the tables say of that address: nothing. */
static bool is_disturbed(void)
{
	for (unsigned i = 0; i < CODES; i++)
		for (unsigned k = 0; k < sizeof area / sizeof *area; k++)
			if (slot_of(rules, code(i)) == slot_of(rules, (uintptr_t)&area[k] - 1))
				return true;
	return false;
}

static void set_rule(unsigned i, uint64_t rule)
{
	struct unwind_slot *slot = slot_of(rules, code(i));
	slot->rule = rule;
	slot->key = slot_wanted(code(i), generation) ^ rule * SLOT_MIX;
}

static void make_rules(void)
{
	static const enum unwind_kind rare[] = { RULE_BP_LOAD, RULE_SIGNAL, RULE_NO_TABLES };
	set_rule(0, rule_make(RULE_OUTERMOST, 0, BP_SAME, 0));
	for (unsigned i = 1; i < CODES - 3; i++)
		set_rule(i, rule_make(chance(6) ? RULE_SP : RULE_BP, (int32_t)(8 + 8 * chance(4)), chance(3) ? BP_SAME : (enum unwind_bp)chance(3), (int16_t)(chance(3) - 2)));
	for (unsigned i = 0; i < 3; i++)
		set_rule(CODES - 3 + i, rule_make(rare[i], -8, BP_SAME, 0));
}

static void set_word(unsigned i)
{
	unsigned how = chance(16);
	if (how < 14)
		words[i] = code(chance(12) ? 1 + chance(CODES - 4) : 0) + 1;
	else if (how == 14)
		words[i] = (uintptr_t)&words[i + chance(8)];
	else
		words[i] = chance(2) ? code(CODES - 1 - chance(3)) + 1 : chance(3);
}

static struct unwind_cursor made_cursor(unsigned at)
{
	return (struct unwind_cursor){ .ip = code(chance(CODES)), .sp = (uintptr_t)&words[at], .bp = (uintptr_t)&words[chance(4) ? WORDS / 2 : at + chance(4)],
				       .stack = { (uintptr_t)words, (uintptr_t)&words[WORDS - 8] } };
}

/* From the same place both walks name the same frames and the same end. */
static void compare_walks(struct unwind_cursor c)
{
	static uint64_t plain[UNWIND_FRAMES];
	struct unwind_cursor other = c;
	size_t same = 0, plain_count = unwind_walk(&c, plain, UNWIND_FRAMES);
	unwind_again(&other, &memo);
	assert_int_equal(other.end, c.end);
	for (size_t i = memo.total; i-- > 0;)
		if (!frames[i].own) { /* as an address of the made up stack is */
			assert_in_range(same, 0, plain_count - 1);
			assert_true(frames[i].ip == plain[same++]);
		}
	assert_true(same == plain_count || c.end == UNWIND_GOES_ON);
	unwind_keep(&memo);
}

static void what_is_remembered_is_what_would_be_walked(void **state)
{
	while (is_disturbed())
		codes += 4096;
	struct unwind_cursor c = made_cursor(0);
	unsigned kept = 0, partly = 0, walks = 400000;
	unwind_start(rules);
	for (unsigned i = 0; i < walks; i++) {
		if (i % 500 == 0) {
			forget();
			make_rules();
			for (unsigned w = 0; w < WORDS; w++)
				set_word(w);
		}
		if (chance(3) == 0)
			c = made_cursor(chance(16));
		for (unsigned changes = chance(3); changes > 0; changes--)
			set_word(chance(2) ? chance(WORDS) : chance(24));
		compare_walks(c);
		kept += memo.kept > 1;
		partly += memo.kept > 1 && memo.kept < memo.total;
	}
	assert_in_range(kept, walks / 50, walks);
	assert_in_range(partly, 500, walks);
}

/* It may be gone the next time, so it is not read without asking. */
static void memory_that_may_not_be_the_stack_is_not_remembered(void **state)
{
	forget();
	make_rules();
	set_rule(1, rule_make(RULE_SP, 8, BP_SAME, 0));
	words[0] = words[1] = code(1) + 1;
	words[2] = code(0) + 1;
	struct unwind_cursor known = { .ip = code(1), .sp = (uintptr_t)words, .stack = { (uintptr_t)words, (uintptr_t)(words + 3) } };
	struct unwind_cursor unknown = { .ip = code(1), .sp = (uintptr_t)words };
	compare_walks(known);
	assert_int_equal(memo.count, 4);
	forget();
	make_rules();
	set_rule(1, rule_make(RULE_SP, 8, BP_SAME, 0));
	compare_walks(unknown);
	assert_int_equal(memo.total, 4);
	assert_int_equal(memo.count, 1); /* the outermost frame, which read nothing */
}

static void a_stack_too_deep_goes_on(void **state)
{
	uint64_t rest[64];
	uintptr_t *stack = area;
	forget();
	set_rule(1, rule_make(RULE_SP, 8, BP_SAME, 0));
	set_rule(0, rule_make(RULE_OUTERMOST, 0, BP_SAME, 0));
	for (unsigned i = 0; i < UNWIND_FRAMES + 20; i++)
		stack[i] = code(i < UNWIND_FRAMES + 19 ? 1 : 0) + 1;
	for (unsigned again = 0; again < 2; again++) {
		struct unwind_cursor c = { .ip = code(1), .sp = (uintptr_t)stack, .stack = { (uintptr_t)stack, (uintptr_t)(stack + 300) } };
		unwind_again(&c, &memo);
		assert_int_equal(c.end, UNWIND_GOES_ON);
		assert_int_equal(memo.total, UNWIND_FRAMES);
		unwind_keep(&memo);
		assert_int_equal(memo.count, 0);
		assert_int_equal(unwind_walk(&c, rest, 64), 21);
		assert_int_equal(c.end, UNWIND_OUTERMOST);
	}
}

static void returns_lie_behind_calls(void **state)
{
	assert_true(unwind_module_is_return((uintptr_t)__builtin_return_address(0)));
	assert_false(unwind_module_is_return(0x10));
	assert_false(unwind_module_is_return((uintptr_t)rules));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_rows),
		cmocka_unit_test(known_expressions),
		cmocka_unit_test(what_does_not_fit_ends_the_walk),
		cmocka_unit_test(signal_frames_are_told_by_their_augmentation),
		cmocka_unit_test(tables_that_lie),
		cmocka_unit_test(own_frames_are_left_out_and_libcs_are_not),
		cmocka_unit_test(the_same_after_modules_changed_and_in_parts),
		cmocka_unit_test(stacks_that_lie_end_the_walk),
		cmocka_unit_test(what_is_remembered_is_what_would_be_walked),
		cmocka_unit_test(memory_that_may_not_be_the_stack_is_not_remembered),
		cmocka_unit_test(a_stack_too_deep_goes_on),
		cmocka_unit_test(returns_lie_behind_calls),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
