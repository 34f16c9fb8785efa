/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "make_recording.h"
#include "recording_path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char home[PATH_MAX];

static int set_up(void **state)
{
	enter_temporary_folder();
	assert_non_null(getcwd(home, sizeof home));
	setenv("HOME", home, 1);
	unsetenv("XDG_STATE_HOME");
	return 0;
}

static void touch(const char *path, int age_s)
{
	int fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	struct timespec times[2] = { { .tv_sec = 1700000000 - age_s }, { .tv_sec = 1700000000 - age_s } };
	assert_int_equal(futimens(fd, times), 0);
	close(fd);
}

static void test_default(void **state)
{
	char path[PATH_MAX], expected[PATH_MAX + 64];
	struct stat st;
	assert_int_equal(recording_path_default("/usr/bin/ruff", path, sizeof path), 0);
	snprintf(expected, sizeof expected, "%s/.local/state/memwhy/ruff-2", home);
	assert_memory_equal(path, expected, strlen(expected));
	snprintf(expected, sizeof expected, "-%d.memwhy", (int)getpid());
	assert_string_equal(path + strlen(path) - strlen(expected), expected);
	assert_int_equal(stat(".local/state/memwhy", &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
}

static void test_xdg(void **state)
{
	char path[PATH_MAX], state_home[PATH_MAX + 8];
	snprintf(state_home, sizeof state_home, "%s/x/y", home);
	setenv("XDG_STATE_HOME", state_home, 1);
	assert_int_equal(recording_path_default("a", path, sizeof path), 0);
	assert_memory_equal(path, state_home, strlen(state_home));
	setenv("XDG_STATE_HOME", "relative", 1); /* to be ignored */
	assert_int_equal(recording_path_default("a", path, sizeof path), 0);
	assert_non_null(strstr(path, "/.local/state/memwhy/a-"));
	assert_int_equal(access("relative", F_OK), -1);
}

static void test_odd_names(void **state)
{
	char path[PATH_MAX];
	assert_int_equal(recording_path_default("-rf $x\n\xff", path, sizeof path), 0);
	assert_non_null(strstr(path, "/memwhy/_rf__x__-2"));
	assert_int_equal(recording_path_default("a/", path, sizeof path), 0);
	assert_non_null(strstr(path, "/memwhy/command-2"));
	assert_int_equal(recording_path_default(".", path, sizeof path), 0);
	assert_non_null(strstr(path, "/memwhy/_-2"));
}

static void test_too_small(void **state)
{
	char path[8] = "before";
	assert_int_equal(recording_path_default("a", path, sizeof path), -ENAMETOOLONG);
	assert_int_equal(recording_path_expand("a-long-one", "a", path, sizeof path), -ENAMETOOLONG);
	assert_string_equal(path, "before");
}

static void test_no_folder(void **state)
{
	char path[PATH_MAX];
	touch("file", 0);
	setenv("XDG_STATE_HOME", "/dev/null/x", 1);
	assert_int_equal(recording_path_default("a", path, sizeof path), -ENOTDIR);
	assert_true(recording_path_last(path, sizeof path) < 0);
	recording_path_rotate(); /* nothing to do, nothing happens */
}

static void test_expand(void **state)
{
	char path[PATH_MAX], expected[64];
	assert_int_equal(recording_path_expand("out/%n-%p-100%%.x", "/bin/ls", path, sizeof path), 0);
	snprintf(expected, sizeof expected, "out/ls-%d-100%%.x", (int)getpid());
	assert_string_equal(path, expected);
	assert_int_equal(recording_path_expand("%n", "a/", path, sizeof path), 0);
	assert_string_equal(path, "command");
	assert_int_equal(recording_path_expand("%x", "a", path, sizeof path), -EINVAL);
	assert_int_equal(recording_path_expand("a%", "a", path, sizeof path), -EINVAL);
	assert_int_equal(recording_path_expand("", "a", path, sizeof path), -EINVAL);
}

static void make_many(int count)
{
	char path[PATH_MAX], name[64];
	assert_int_equal(recording_path_default("a", path, sizeof path), 0);
	for (int i = 0; i < count; i++) {
		snprintf(name, sizeof name, ".local/state/memwhy/a-%02d-%d.memwhy", i, INT_MAX);
		touch(name, i);
	}
}

static int count_files(int count)
{
	char name[64];
	int there = 0;
	for (int i = 0; i < count; i++) {
		snprintf(name, sizeof name, ".local/state/memwhy/a-%02d-%d.memwhy", i, INT_MAX);
		there += access(name, F_OK) == 0;
	}
	return there;
}

static void test_rotate(void **state)
{
	char name[64];
	make_many(25);
	touch(".local/state/memwhy/other.txt", 1000);
	/* the oldest but one is still being written, by this process */
	snprintf(name, sizeof name, ".local/state/memwhy/a-x-%d.memwhy", (int)getpid());
	touch(name, 50);
	strcat(name, "-wal");
	touch(name, 50);
	/* what a killed memwhy left goes too */
	touch(".local/state/memwhy/a-24-2147483647.memwhy-wal", 24);
	recording_path_rotate();
	assert_int_equal(count_files(25), RECORDINGS_KEPT);
	assert_int_equal(count_files(RECORDINGS_KEPT), RECORDINGS_KEPT); /* the newest */
	assert_int_equal(access(name, F_OK), 0);
	assert_int_equal(access(".local/state/memwhy/other.txt", F_OK), 0);
	assert_int_equal(access(".local/state/memwhy/a-24-2147483647.memwhy-wal", F_OK), -1);
}

static void test_last(void **state)
{
	char path[PATH_MAX];
	assert_int_equal(recording_path_last(path, sizeof path), -ENOENT);
	make_many(3);
	assert_int_equal(recording_path_last(path, sizeof path), 0);
	assert_non_null(strstr(path, "/memwhy/a-00-"));
	touch("elsewhere.db", 0);
	recording_path_remember("elsewhere.db");
	assert_int_equal(recording_path_last(path, sizeof path), 0);
	assert_string_equal(path + strlen(home), "/elsewhere.db");
	/* gone: the newest of the folder again */
	unlink("elsewhere.db");
	assert_int_equal(recording_path_last(path, sizeof path), 0);
	assert_non_null(strstr(path, "/memwhy/a-00-"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, leave_folder)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_default), TEST(test_xdg), TEST(test_odd_names), TEST(test_too_small), TEST(test_no_folder),
		TEST(test_expand), TEST(test_rotate), TEST(test_last),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
