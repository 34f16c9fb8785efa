/* SPDX-License-Identifier: MIT */
/* test_plans.c - who is asked for a plan, and when again: each struct plans is a run of memwhy's,
 * identification a fake that counts, the file this program's own, the cache a real one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "image.h"
#include "plan_cache.h"
#include "plans.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/memwhy-plans.XXXXXX", self[4096];
static struct { unsigned calls; size_t hint_count; uint64_t hint; int result; uint8_t found; } fake;

bool identify_is_worth_it(const char *path)
{
	return true;
}

int identify_module(const struct identify_options *o, struct wire_plan *ret_plan, struct identify_report *ret_report)
{
	struct image *im;
	const struct image_function *functions;
	size_t count;
	memset(ret_report, 0, sizeof *ret_report);
	fake.calls++;
	fake.hint_count = o->hint_count;
	fake.hint = o->hint_count ? o->hints[0] : 0;
	if (fake.result)
		return fake.result;
	assert_int_equal(image_open(o->path, &im), 0);
	assert_int_equal(image_functions(im, &functions, &count), 0);
	*ret_plan = (struct wire_plan){ .magic = WIRE_PLAN_MAGIC, .version = WIRE_PLAN_VERSION, .entry_count = 1,
					.low = image_low(im), .high = image_high(im) };
	ret_plan->entries[0] = (struct wire_plan_entry){
		.address = functions[0].start, .function = functions[0].start, .kind = WIRE_ENTRY_MALLOC,
		.family = WIRE_FAMILY_JEMALLOC, .found = fake.found, .patch_bytes = 5, .code_bytes = 10,
	};
	memcpy(ret_plan->entries[0].original, image_bytes(im, functions[0].start, 5), 5);
	image_close(im);
	return 0;
}

/* One run, which doubts its plan or not. */
static bool run(enum identify_mode mode, bool doubts)
{
	struct plans *p;
	const struct plans_options o = { .mode = mode, .probe_path = "/probe.so" };
	const uint64_t callers[2] = { 0x1234, 0x5678 };
	assert_int_equal(plans_create(&o, &p), 0);
	const struct plans_answer *a = plans_for(p, self, self);
	assert_non_null(a);
	assert_ptr_equal(plans_for(p, self, self), a);
	bool is_cached = a->is_cached;
	if (doubts) {
		plans_doubt(p, a, callers, 2);
		plans_doubt(p, a, NULL, 0); /* of another process: once is enough */
	}
	plans_destroy(p);
	return is_cached;
}

static int set_up(void **state)
{
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	assert_true(n > 0);
	setenv("XDG_CACHE_HOME", folder, 1);
	return 0;
}

static int start_anew(void **state)
{
	plan_cache_forget();
	memset(&fake, 0, sizeof fake);
	fake.found = WIRE_FOUND_BEHAVIOUR;
	return 0;
}

static void the_second_run_takes_the_first_ones(void **state)
{
	assert_false(run(IDENTIFY_ALL, false));
	assert_true(run(IDENTIFY_ALL, false));
	assert_int_equal(fake.calls, 1);
}

static void a_doubted_plan_is_identified_again(void **state)
{
	run(IDENTIFY_ALL, true);
	assert_false(run(IDENTIFY_ALL, false));
	assert_int_equal(fake.calls, 2);
	assert_int_equal(fake.hint_count, 2);
	assert_int_equal(fake.hint, 0x1234);
	assert_true(run(IDENTIFY_ALL, false)); /* nobody doubts the new one */
	assert_int_equal(fake.calls, 2);
}

static void a_hopeless_one_not_for_ever(void **state)
{
	for (int i = 0; i < 10; i++)
		run(IDENTIFY_ALL, true);
	assert_int_equal(fake.calls, 4);
	assert_true(run(IDENTIFY_ALL, true));
}

static void a_doubted_plan_is_better_than_none(void **state)
{
	run(IDENTIFY_ALL, true);
	fake.result = -ETIME;
	for (int i = 0; i < 5; i++)
		assert_true(run(IDENTIFY_ALL, false));
	assert_int_equal(fake.calls, 4);
}

static void names_are_not_doubted(void **state)
{
	fake.found = WIRE_FOUND_SYMBOL;
	run(IDENTIFY_ALL, true);
	assert_true(run(IDENTIFY_ALL, false));
	assert_int_equal(fake.calls, 1);
}

static void who_wants_symbols_alone_does_not_try_again(void **state)
{
	run(IDENTIFY_ALL, true);
	run(IDENTIFY_SYMBOLS, true); /* the cached one is by behaviour: asked for itself, not kept */
	assert_int_equal(fake.hint_count, 0);
	run(IDENTIFY_ALL, false);
	assert_int_equal(fake.hint_count, 2);
}

static int tear_down(void **state)
{
	char path[128];
	plan_cache_forget();
	snprintf(path, sizeof path, "%s/memwhy", folder);
	rmdir(path);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_second_run_takes_the_first_ones, start_anew),
		cmocka_unit_test_setup(a_doubted_plan_is_identified_again, start_anew),
		cmocka_unit_test_setup(a_hopeless_one_not_for_ever, start_anew),
		cmocka_unit_test_setup(a_doubted_plan_is_better_than_none, start_anew),
		cmocka_unit_test_setup(names_are_not_doubted, start_anew),
		cmocka_unit_test_setup(who_wants_symbols_alone_does_not_try_again, start_anew),
	};
	if (!mkdtemp(folder))
		return 99;
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
