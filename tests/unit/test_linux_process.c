/* SPDX-License-Identifier: MIT */
/* The readers of procfs against a captured tree, and against this very process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "platform.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *fixture_root(void)
{
	static char root[4096];
	const char *srcdir = getenv("srcdir");
	snprintf(root, sizeof root, "%s/tests/fixtures/proc/machine/proc", srcdir ? srcdir : ".");
	return root;
}

static struct platform_process open_process(pid_t pid)
{
	struct platform_process p;
	assert_int_equal(platform_process_init(&p, pid, fixture_root()), 0);
	return p;
}

static void test_small_files(void **state)
{
	struct platform_process p = open_process(4711);
	struct platform_status status;
	int64_t rss, mapped;
	char text[64];
	assert_int_equal(platform_read_resident(&p, &rss, &mapped), 0);
	assert_int_equal(rss, 1234 * 4096);
	assert_int_equal(mapped, 4096 * 4096);
	assert_int_equal(platform_read_status(&p, &status), 0);
	assert_int_equal(status.vm_hwm_bytes, 5120 * 1024);
	assert_int_equal(status.vm_swap_bytes, 12 * 1024);
	assert_int_equal(status.vm_pte_bytes, 60 * 1024);
	assert_int_equal(platform_read_comm(&p, text, sizeof text), 0);
	assert_string_equal(text, "a program");
	assert_int_equal(platform_read_command(&p, text, sizeof text), 0);
	assert_string_equal(text, "a program --with two words");
	assert_int_equal(platform_read_command(&p, text, 6), 0);
	assert_string_equal(text, "a pro");
	assert_int_equal(platform_read_exe(&p, text, sizeof text), -ENOENT);
	platform_process_finish(&p);
}

static void test_what_is_not_told(void **state)
{
	struct platform_process p = open_process(4712);
	struct platform_status status;
	struct platform_mappings list = { 0 };
	int64_t rss = 7, mapped = 7;
	char text[16] = "old";
	assert_int_equal(platform_read_resident(&p, &rss, &mapped), -ESRCH);
	assert_int_equal(rss, 7);
	assert_int_equal(platform_read_status(&p, &status), 0);
	assert_int_equal(status.vm_hwm_bytes, -1);
	assert_int_equal(platform_read_mappings(&p, &list), -ESRCH);
	assert_null(list.items);
	assert_int_equal(platform_read_command(&p, text, sizeof text), 0);
	assert_string_equal(text, "");
	assert_int_equal(platform_process_init(&p, 1, fixture_root()), -ESRCH);
	platform_process_finish(&p);
}

static void test_cgroup(void **state)
{
	struct platform_process p = open_process(4711), dots = open_process(4712);
	int64_t bytes = 0;
	assert_int_equal(platform_read_cgroup_bytes(&p, &bytes), 0);
	assert_int_equal(bytes, 90116096); /* of the parent: its own directory is not visible */
	assert_int_equal(platform_read_cgroup_bytes(&dots, &bytes), -ENOENT);
	platform_process_finish(&p);
	platform_process_finish(&dots);
}

static void test_mappings(void **state)
{
	struct platform_process p = open_process(4711);
	struct platform_mappings list = { 0 };
	for (int again = 0; again < 2; again++) {
		assert_int_equal(platform_read_mappings(&p, &list), 0);
		assert_int_equal(list.count, 10);
		assert_int_equal(list.strange_lines, 5);
	}
	assert_string_equal(list.items[0].name, "/usr/bin/a program");
	assert_int_equal(list.items[0].inode, 1835091);
	assert_int_equal(list.items[0].device_major, 0xfe);
	assert_string_equal(list.items[2].name, "");
	assert_string_equal(list.items[2].perms, "rw-p");
	assert_false(list.items[2].shared);
	assert_true(list.items[6].shared);
	assert_string_equal(list.items[7].name, "/opt/with\\012newline (deleted)");
	assert_true(list.items[9].start == 0xffffffffff600000ull);
	platform_mappings_finish(&list);
	platform_process_finish(&p);
}

struct smap_sums { unsigned count; int64_t rss, lazy, swap, huge, anonymous; };

static void add_smap(void *arg, const struct platform_smap *smap)
{
	struct smap_sums *s = arg;
	s->count++;
	s->rss += smap->rss_bytes;
	s->lazy += smap->lazy_free_bytes;
	s->swap += smap->swap_bytes;
	s->huge += smap->anon_huge_bytes;
	s->anonymous += smap->anonymous_bytes;
}

static void test_smaps(void **state)
{
	struct platform_process p = open_process(4711);
	struct smap_sums s = { 0 };
	assert_int_equal(platform_read_smaps(&p, add_smap, &s), 0);
	assert_int_equal(s.count, 2);
	assert_int_equal(s.rss, 2148 * 1024);
	assert_int_equal(s.lazy, 16 * 1024);
	assert_int_equal(s.swap, 8 * 1024);
	assert_int_equal(s.huge, 2048 * 1024);
	assert_int_equal(s.anonymous, 96 * 1024);
	platform_process_finish(&p);
}

static void test_ourselves(void **state)
{
	struct platform_process p;
	struct platform_mappings list = { 0 };
	struct smap_sums s = { 0 };
	int64_t rss, mapped;
	char text[4096];
	assert_int_equal(platform_process_init(&p, getpid(), NULL), 0);
	assert_int_equal(platform_read_resident(&p, &rss, &mapped), 0);
	assert_true(rss > 0 && mapped > rss);
	assert_int_equal(platform_read_mappings(&p, &list), 0);
	assert_int_equal(list.strange_lines, 0);
	assert_int_equal(platform_read_smaps(&p, add_smap, &s), 0);
	assert_true(s.count >= list.count);
	assert_int_equal(platform_read_exe(&p, text, sizeof text), 0);
	assert_non_null(strstr(text, "test_linux_process"));
	platform_mappings_finish(&list);
	platform_process_finish(&p);
}

static void test_pidfd_and_clock(void **state)
{
	uint64_t before = platform_now_ns();
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	int fd = platform_pidfd_open(pid);
	assert_true(fd >= 0);
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	assert_int_equal(poll(&poll_fd, 1, 5000), 1);
	waitpid(pid, NULL, 0);
	close(fd);
	assert_int_equal(platform_pidfd_open(pid), -ESRCH);
	assert_true(platform_now_ns() > before);
}

static void check_fact(void *arg, const struct platform_fact *fact)
{
	(*(unsigned *)arg)++;
	assert_true(fact->name && *fact->name && *fact->finding && fact->advice);
	assert_true(fact->state != PLATFORM_FACT_OK || !*fact->advice);
	assert_true(fact->state == PLATFORM_FACT_OK || *fact->advice);
}

static void test_facts(void **state)
{
	unsigned count = 0;
	platform_facts(check_fact, &count);
	assert_int_equal(count, 11);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_small_files), cmocka_unit_test(test_what_is_not_told),
		cmocka_unit_test(test_cgroup), cmocka_unit_test(test_mappings), cmocka_unit_test(test_smaps),
		cmocka_unit_test(test_ourselves), cmocka_unit_test(test_pidfd_and_clock), cmocka_unit_test(test_facts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
