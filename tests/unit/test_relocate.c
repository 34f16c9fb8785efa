/* SPDX-License-Identifier: MIT */
/*
 * Patches of small functions, planned and then carried out: each is called as it is, with a
 * hook in front, and after the undo, and must return the same.
 */
#include "fake_image.h"
#include "relocate.h"
#include "relocate_cases.h"
#include "../../probes/patch.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <cmocka.h>

#define BASE 0x10000u
#define SIZE 0x1000u
#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static uint64_t hits;

static uint64_t hook(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, const struct linked_entry *entry)
{
	hits++;
	return entry->real(a, b, c, d, e);
}

static void *hook_for(uint32_t kind)
{
	return kind == WIRE_ENTRY_MALLOC ? (void *)hook : NULL;
}

struct made {
	struct image im;
	struct image_function functions[3];
	unsigned other;    /* where the other one is */
	uint8_t *text;
	uint64_t bias;
};

static void make_text(struct made *m, const uint8_t *code, size_t size, const uint8_t *other, size_t other_size)
{
	m->text = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(m->text != MAP_FAILED);
	uint64_t data[] = { 1000, 2000, (uint64_t)m->text + CASE_OTHER };
	memset(m->text, 0xcc, SIZE);
	memcpy(m->text, code, size);
	memcpy(m->text + m->other, other, other_size);
	memcpy(m->text + CASE_DATA, data, sizeof data);
	assert_int_equal(mprotect(m->text, SIZE, PROT_READ | PROT_EXEC), 0);
	m->bias = (uint64_t)m->text - BASE;
}

static void make_image(struct made *m, uint64_t function_bytes, uint64_t other_bytes, bool fragment)
{
	m->functions[0] = (struct image_function){ BASE, BASE + function_bytes, 0, false };
	m->functions[1] = (struct image_function){ BASE + m->other, BASE + m->other + other_bytes, !fragment, fragment };
	m->im = (struct image){ .base = BASE, .bytes = m->text, .size = SIZE, .functions = m->functions,
				.function_count = other_bytes ? 2 : 1 };
}

static struct wire_plan plan_of(const struct wire_plan_entry *e)
{
	struct wire_plan p = { .magic = WIRE_PLAN_MAGIC, .version = WIRE_PLAN_VERSION, .entry_count = 1,
			       .low = BASE, .high = BASE + SIZE };
	p.entries[0] = *e;
	return p;
}

typedef uint64_t plain_fn(uint64_t a, uint64_t b);
static const uint64_t arguments[][2] = { { 0, 7 }, { 1, 0 }, { 3, 4 }, { 9, 1 } };

static void call_all(const struct made *m, uint64_t *ret_results)
{
	for (size_t i = 0; i < COUNT(arguments); i++)
		ret_results[i] = ((plain_fn *)m->text)(arguments[i][0], arguments[i][1]);
}

static void check_good(const struct good_case *c)
{
	struct made m = { .other = CASE_OTHER };
	uint64_t before[COUNT(arguments)], during[COUNT(arguments)], after[COUNT(arguments)];
	struct wire_plan_entry e = { .kind = WIRE_ENTRY_MALLOC };
	struct linked_entry linked[1];
	const char *why = "";
	make_text(&m, c->code, c->size, c->other, c->other_size);
	make_image(&m, c->function ? c->function : c->size, c->other_size, c->fragment);
	if (relocate_entry(&m.im, BASE, &e, &why) != 0)
		fail_msg("%s: %s", c->name, why);
	assert_int_equal(e.function, BASE);
	assert_int_equal(e.address, BASE + c->start);
	assert_int_equal(e.patch_bytes, c->patch);
	call_all(&m, before);
	struct wire_plan plan = plan_of(&e);
	hits = 0;
	assert_int_equal(patch_module(&plan, m.bias, linked, hook_for), PATCH_DONE);
	call_all(&m, during);
	assert_true(hits >= COUNT(arguments));
	assert_memory_equal(during, before, sizeof before);
	patch_undo(&plan, m.bias);
	assert_memory_equal(m.text, c->code, c->size);
	call_all(&m, after);
	assert_memory_equal(after, before, sizeof before);
	munmap(m.text, SIZE);
}

static void test_good(void **state)
{
	for (size_t i = 0; i < COUNT(good_cases); i++) {
		print_message("  %s\n", good_cases[i].name);
		check_good(&good_cases[i]);
	}
}

static void test_bad(void **state)
{
	for (size_t i = 0; i < COUNT(bad_cases); i++) {
		const struct bad_case *c = &bad_cases[i];
		struct made m = { .other = c->far ? CASE_OTHER + CASE_FAR : CASE_OTHER };
		struct wire_plan_entry e, untouched;
		const char *why = "it can be patched";
		memset(&e, 0xa5, sizeof e);
		untouched = e;
		make_text(&m, c->code, c->size, c->other, c->other_size);
		make_image(&m, c->function ? c->function : c->size, c->other_size, c->fragment);
		assert_int_equal(relocate_entry(&m.im, BASE, &e, &why), -EOPNOTSUPP);
		assert_string_equal(why, c->why);
		assert_memory_equal(&e, &untouched, sizeof e);
		munmap(m.text, SIZE);
	}
}

static void test_not_a_function(void **state)
{
	static const uint8_t code[] = { ADD_ALL };
	struct made m = { .other = CASE_OTHER };
	struct wire_plan_entry e = { 0 };
	const char *why = "";
	make_text(&m, code, sizeof code, code, sizeof code);
	make_image(&m, sizeof code, sizeof code, true);
	assert_int_equal(relocate_entry(&m.im, BASE + 1, &e, &why), -EOPNOTSUPP);
	assert_string_equal(why, "it is not the start of a function");
	assert_int_equal(relocate_entry(&m.im, BASE + CASE_OTHER, &e, &why), -EOPNOTSUPP);
	assert_string_equal(why, "it is a part of another function");
	m.functions[1] = (struct image_function){ BASE + 3, BASE + 8, 1, false };
	m.functions[0].end = BASE + 3;
	assert_int_equal(relocate_entry(&m.im, BASE, &e, NULL), -EOPNOTSUPP);
	m.functions[0].end = BASE - 1;
	assert_int_equal(relocate_entry(&m.im, BASE, &e, NULL), -EOPNOTSUPP);
	m.functions[0].end = UINT64_MAX;
	assert_int_equal(relocate_entry(&m.im, BASE, &e, NULL), -EOPNOTSUPP);
	m.im.function_count = 0;
	assert_int_equal(relocate_entry(&m.im, BASE, &e, &why), -ENODATA);
	munmap(m.text, SIZE);
}

static bool fixups_fit(const struct wire_plan_entry *e)
{
	for (unsigned i = 0; i < e->fixup_count; i++)
		if (e->fixups[i].at + 4 > e->code_bytes || e->fixups[i].next > e->code_bytes)
			return false;
	return e->fixup_count <= WIRE_FIXUPS_MAX;
}

/* Whatever the bytes are: a refusal, or a plan that the probe takes. */
static void test_noise(void **state)
{
	uint8_t bytes[64];
	uint64_t random = 88172645463325252u, planned = 0;
	struct image_function f[] = { { BASE, 0, 0, false }, { BASE + 48, BASE + 64, 0, true } };
	struct image im = { .base = BASE, .bytes = bytes, .size = sizeof bytes, .functions = f, .function_count = 2 };
	for (unsigned round = 0; round < 300000; round++) {
		struct wire_plan_entry e = { 0 };
		for (size_t i = 0; i < sizeof bytes; i++) {
			random ^= random << 13, random ^= random >> 7, random ^= random << 17;
			bytes[i] = i > 12 ? 0x90 : random >> 32;
		}
		f[0].end = BASE + random % 40;
		if (relocate_entry(&im, BASE, &e, NULL) != 0)
			continue;
		planned++;
		assert_in_range(e.patch_bytes, 5, WIRE_PATCH_MAX);
		assert_in_range(e.code_bytes, 1, WIRE_CODE_MAX);
		assert_true(fixups_fit(&e));
	}
	assert_true(planned > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_not_a_function),
		cmocka_unit_test(test_noise),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
