/* SPDX-License-Identifier: MIT */
/* memwhy doctor over made-up machines: what it prints, where, and with which status. */
#include "command.h"
#include "doctor_program.h"
#include "launch.h"
#include "plan_cache.h"
#include "platform.h"
#include "preload_fact.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const struct platform_fact *made_up_facts;
static size_t made_up_count;

/* Stands for the platform's. */
void platform_facts(platform_fact_fn *fn, void *arg)
{
	for (size_t i = 0; i < made_up_count; i++)
		fn(arg, &made_up_facts[i]);
}

/* Likewise: a probe that loads, and limits that need no raising. */
void preload_fact(struct platform_fact *ret_fact)
{
	*ret_fact = (struct platform_fact){ "preload", PLATFORM_FACT_OK, "a probe", "" };
}

void launch_begin(void)
{
}

/* And what is said of one program; its own words are tested end to end. */
int plan_cache_forget(void)
{
	return 3;
}

int doctor_program(char *const *argv)
{
	printf("program %s\n", argv[0]);
	return 0;
}

struct outcome {
	int status;
	char out[4096], err[4096];
};

static void read_all(int fd, char *ret_text, size_t size)
{
	size_t used = 0;
	ssize_t n;

	while ((n = read(fd, ret_text + used, size - 1 - used)) > 0)
		used += (size_t)n;
	ret_text[used] = '\0';
	close(fd);
}

static void run_doctor_on(const struct platform_fact *facts, size_t count, const char *option, const char *program,
			  struct outcome *ret)
{
	char name[] = "doctor", copy[32] = "", second[32] = "";
	char *argv[] = { name, option ? copy : NULL, program ? second : NULL, NULL };
	int out[2], err[2], wait_status;
	pid_t pid;

	if (option)
		snprintf(copy, sizeof(copy), "%s", option);
	if (program)
		snprintf(second, sizeof(second), "%s", program);
	made_up_facts = facts;
	made_up_count = count;
	assert_int_equal(pipe(out), 0);
	assert_int_equal(pipe(err), 0);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		dup2(out[1], STDOUT_FILENO);
		dup2(err[1], STDERR_FILENO);
		int status = cmd_doctor.run(1 + (option != NULL) + (program != NULL), argv);
		fflush(stdout);
		_exit(status);
	}
	assert_true(pid > 0);
	close(out[1]);
	close(err[1]);
	read_all(out[0], ret->out, sizeof(ret->out));
	read_all(err[0], ret->err, sizeof(ret->err));
	assert_int_equal(waitpid(pid, &wait_status, 0), pid);
	assert_true(WIFEXITED(wait_status));
	ret->status = WEXITSTATUS(wait_status);
}

/* The command ends its process in real life: so it gets one of its own. What it prints fits a pipe. */
static void run_doctor(const struct platform_fact *facts, size_t count, const char *option, struct outcome *ret)
{
	run_doctor_on(facts, count, option, NULL, ret);
}

static unsigned count_lines(const char *text)
{
	unsigned lines = 0;

	for (; *text; text++)
		lines += *text == '\n';
	return lines;
}

static const struct platform_fact good = { "memfd", PLATFORM_FACT_OK, "sealed memory files work", "" };
static const struct platform_fact limited = { "pagemap-scan", PLATFORM_FACT_LIMITED,
	"this kernel has none", "use Linux 6.7 or later" };
static const struct platform_fact missing = { "smaps", PLATFORM_FACT_MISSING,
	"there is no /proc", "mount it" };

static void test_all_well(void **state)
{
	struct outcome o;

	run_doctor(&good, 1, NULL, &o);
	assert_int_equal(o.status, 0);
	assert_string_equal(o.err, "");
	assert_non_null(strstr(o.out, "memfd"));
	assert_non_null(strstr(o.out, "ok"));
	assert_non_null(strstr(o.out, "sealed memory files work\n"));
	assert_non_null(strstr(o.out, "every term"));
	assert_null(strchr(o.out, '\033')); /* a pipe is no terminal */
}

static void test_limited_still_works(void **state)
{
	const struct platform_fact facts[] = { good, limited };
	struct outcome o;

	run_doctor(facts, 2, NULL, &o);
	assert_int_equal(o.status, 0);
	assert_non_null(strstr(o.out, "limited"));
	assert_non_null(strstr(o.out, "use Linux 6.7 or later\n"));
	assert_null(strstr(o.out, "every term"));
	assert_non_null(strstr(o.out, "recording works"));
}

static void test_missing_fails(void **state)
{
	const struct platform_fact facts[] = { missing, good, limited };
	struct outcome o;

	run_doctor(facts, 3, NULL, &o);
	assert_int_equal(o.status, 1);
	assert_non_null(strstr(o.out, "mount it\n"));
	assert_non_null(strstr(o.out, "does not work"));
	assert_true(strstr(o.out, "smaps") < strstr(o.out, "memfd")); /* the platform's order */
}

static void test_help_tries_nothing(void **state)
{
	struct outcome o;

	run_doctor(&missing, 1, "--help", &o);
	assert_int_equal(o.status, 0);
	assert_string_equal(o.err, "");
	assert_non_null(strstr(o.out, "memwhy doctor"));
	assert_null(strstr(o.out, "mount it"));
}

static void test_wrong_use_is_one_line(void **state)
{
	static const char *const wrong[] = { "--no-such-option", "-x", "recording", "--" };
	struct outcome o;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		run_doctor(&good, 1, wrong[i], &o);
		assert_int_equal(o.status, EXIT_USAGE);
		assert_string_equal(o.out, "");
		assert_int_equal(count_lines(o.err), 1);
		assert_int_equal(strncmp(o.err, "memwhy: ", 8), 0);
		assert_non_null(strstr(o.err, wrong[i]));
	}
}

static void test_a_program_instead_of_the_machine(void **state)
{
	struct outcome o;

	run_doctor_on(&good, 1, "--", "ruff", &o);
	assert_int_equal(o.status, 0);
	assert_string_equal(o.out, "program ruff\n");
	assert_string_equal(o.err, "");
}

static void test_forget(void **state)
{
	struct outcome o;

	run_doctor(&good, 1, "--forget", &o);
	assert_int_equal(o.status, 0);
	assert_string_equal(o.out, "3 programs forgotten\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_well),
		cmocka_unit_test(test_limited_still_works),
		cmocka_unit_test(test_missing_fails),
		cmocka_unit_test(test_help_tries_nothing),
		cmocka_unit_test(test_wrong_use_is_one_line),
		cmocka_unit_test(test_a_program_instead_of_the_machine),
		cmocka_unit_test(test_forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
