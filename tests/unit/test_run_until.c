/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "platform.h"
#include "run_until.h"

#include <errno.h>
#include <time.h>

static uint32_t ended;

static void end(void *arg)
{
	assert_ptr_equal(arg, &ended);
	__atomic_add_fetch(&ended, 1, __ATOMIC_RELEASE);
}

static void await_end(void)
{
	const struct timespec pause = { 0, 1000000 };
	for (int i = 0; i < 5000 && !__atomic_load_n(&ended, __ATOMIC_ACQUIRE); i++)
		nanosleep(&pause, NULL);
	assert_int_equal(ended, 1);
}

static struct run_until *begin(struct run_until_limit limit)
{
	struct run_until *u;
	ended = 0;
	assert_int_equal(run_until_create(&limit, &u), 0);
	assert_int_equal(run_until_start(u, platform_now_ns(), end, &ended), 0);
	return u;
}

static void test_time(void **state)
{
	struct run_until *u = begin((struct run_until_limit){ .time_ns = 20000000 });
	await_end();
	assert_true(run_until_stop(u));
	run_until_destroy(u);
}

static void test_sizes(void **state)
{
	struct run_until *u = begin((struct run_until_limit){ .rss_bytes = 1000 });
	run_until_note(u, 999, 5000);
	run_until_note(u, 1000, 0);
	run_until_note(u, 2000, 0); /* once is enough */
	await_end();
	assert_true(run_until_stop(u));
	run_until_destroy(u);
	u = begin((struct run_until_limit){ .live_bytes = 1000 });
	run_until_note(u, 5000, 1000);
	await_end();
	assert_true(run_until_stop(u));
	run_until_destroy(u);
	run_until_note(NULL, 1, 1);
}

/* The program ends first: nothing is called. */
static void test_the_end_comes_first(void **state)
{
	struct run_until *u = begin((struct run_until_limit){ .time_ns = INT64_C(3600000000000) });
	assert_false(run_until_stop(u));
	run_until_destroy(u);
	u = begin((struct run_until_limit){ .rss_bytes = 1000 });
	run_until_note(u, 999, 0);
	assert_false(run_until_stop(u));
	run_until_destroy(u);
	assert_int_equal(ended, 0);
	assert_false(run_until_stop(NULL));
}

static void test_parse(void **state)
{
	static const char *const wrong[] = {
		"", "x", "rss", "rss=", "rss=x", "rss=-1", "rss=0", "rss=1Q", "rss=1Mi", "rss=1MiBs", "rss=1e30", "rss=nan",
		"live=inf", "swap=1M", "-3s", "0",
	};
	struct run_until_limit l;
	assert_int_equal(run_until_parse("90s", &l), 0);
	assert_int_equal(l.time_ns, INT64_C(90000000000));
	assert_int_equal(l.rss_bytes + l.live_bytes, 0);
	assert_int_equal(run_until_parse("rss=512M", &l), 0);
	assert_int_equal(l.rss_bytes, 512 << 20);
	assert_int_equal(l.time_ns + l.live_bytes, 0);
	assert_int_equal(run_until_parse("live=1.5GiB", &l), 0);
	assert_int_equal(l.live_bytes, INT64_C(3) << 29);
	assert_int_equal(run_until_parse("rss=100kB", &l), 0);
	assert_int_equal(l.rss_bytes, 100 << 10);
	assert_int_equal(run_until_parse("rss=4096", &l), 0);
	assert_int_equal(l.rss_bytes, 4096);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		if (run_until_parse(wrong[i], &l) != -EINVAL)
			fail_msg("'%s' was taken", wrong[i]);
	assert_int_equal(l.rss_bytes, 4096); /* untouched */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_time), cmocka_unit_test(test_sizes), cmocka_unit_test(test_the_end_comes_first),
		cmocka_unit_test(test_parse),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
