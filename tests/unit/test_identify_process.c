/* SPDX-License-Identifier: MIT */
/*
 * test_identify_process.c - the throwaway process with the probe that was just built and a
 * program whose functions do all that they must not (tests/programs/hostile-candidates.c).
 * Each is called as every kind; afterwards the server answers, and nothing outside has
 * changed. Run in the build directory.
 */
#include "identify_process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define PROBE ".libs/libmemwhy-probe.so"
#define PROGRAM "tests/programs/hostile-candidates"
#define ALL_KINDS ((1ull << WIRE_ENTRY_KINDS) - 2)

static struct { char name[40]; unsigned long address; } functions[64];
static size_t function_count;
static char probe[PATH_MAX], program[PATH_MAX];
static struct identify_process *process;
static int listening;

static unsigned long address_of(const char *name)
{
	for (size_t i = 0; i < function_count; i++)
		if (!strcmp(functions[i].name, name))
			return functions[i].address;
	fail_msg("no function %s", name);
	return 0;
}

static void list_functions(void)
{
	FILE *f = popen("HOSTILE_LIST=1 " PROGRAM, "r");
	assert_non_null(f);
	while (function_count < 64 &&
	       fscanf(f, "%39s %lx", functions[function_count].name, &functions[function_count].address) == 2)
		function_count++;
	assert_int_equal(pclose(f), 0);
	assert_true(function_count > 20);
}

/* In a folder of its own, where the program would leave its traces. */
static int set_up(void **state)
{
	static char folder[] = "/tmp/memwhy-test-XXXXXX";
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "hostile-socket" };
	if (!realpath(PROBE, probe) || !realpath(PROGRAM, program))
		return 1;
	list_functions();
	if (!mkdtemp(folder) || chdir(folder) != 0)
		return 1;
	close(open("hostile-keep", O_CREAT | O_WRONLY, 0644));
	listening = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	return bind(listening, (struct sockaddr *)&a, sizeof a) || listen(listening, 5);
}

static int tear_down(void **state)
{
	char folder[PATH_MAX];
	identify_process_end(process);
	unlink("hostile-socket");
	unlink("hostile-keep");
	unlink("hostile-was-here");
	return getcwd(folder, sizeof folder) ? rmdir(folder) : 1;
}

static void know(struct wire_identify_request *r, const char *name, uint32_t kind)
{
	r->known[r->known_count++] = (struct wire_identify_known){ address_of(name), kind, 0 };
}

static int ask(const char *name, uint64_t kinds, bool with_known, struct wire_identify_answer *ret)
{
	struct wire_identify_request r;
	memset(&r, 0, sizeof r);
	r.op = WIRE_IDENTIFY_TEST;
	r.candidate = address_of(name);
	r.kinds = kinds;
	r.flags = WIRE_IDENTIFY_LIFO;
	if (with_known)
		know(&r, "good_malloc", WIRE_ENTRY_MALLOC);
	return identify_process_ask(process, &r, ret);
}

static void test_starts(void **state)
{
	assert_int_equal(identify_process_start(program, NULL, probe, &process), 0);
}

static void assert_allocator_is_found(void)
{
	struct wire_identify_answer a;
	assert_int_equal(ask("good_malloc", ALL_KINDS, false, &a), 0);
	assert_int_equal(a.kind, WIRE_ENTRY_MALLOC);
	assert_int_equal(ask("good_free", ALL_KINDS, true, &a), 0);
	assert_int_equal(a.kind, WIRE_ENTRY_FREE);
	assert_int_equal(a.frees, 1);
	assert_int_equal(ask("writing_malloc", ALL_KINDS, true, &a), 0);
	assert_int_equal(a.kind, WIRE_ENTRY_MALLOC);
}

static void test_finds_the_allocator(void **state)
{
	assert_allocator_is_found();
}

static void test_finds_context_forms(void **state)
{
	struct wire_identify_request r;
	struct wire_identify_answer a;
	assert_int_equal(ask("good_ctx_malloc", ALL_KINDS, true, &a), 0);
	assert_int_equal(a.kind, WIRE_ENTRY_CTX_MALLOC);
	memset(&r, 0, sizeof r);
	r.op = WIRE_IDENTIFY_TEST;
	r.candidate = address_of("good_ctx_free");
	r.kinds = ALL_KINDS;
	r.flags = WIRE_IDENTIFY_LIFO;
	know(&r, "good_ctx_malloc", WIRE_ENTRY_CTX_MALLOC);
	assert_int_equal(identify_process_ask(process, &r, &a), 0);
	assert_int_equal(a.kind, WIRE_ENTRY_CTX_FREE);
}

static bool always_wraps(const char *outer, const char *inner)
{
	struct wire_identify_request r;
	struct wire_identify_answer a;
	memset(&r, 0, sizeof r);
	r.op = WIRE_IDENTIFY_WRAPS;
	r.candidate = address_of(outer);
	r.kinds = 1u << WIRE_ENTRY_MALLOC;
	know(&r, inner, WIRE_ENTRY_MALLOC);
	r.known[0].trap = 1;
	assert_int_equal(identify_process_ask(process, &r, &a), 0);
	assert_true(a.calls > 0);
	return a.traps == a.calls;
}

static void test_tells_outer_from_inner(void **state)
{
	assert_true(always_wraps("good_outer", "good_malloc"));
	assert_false(always_wraps("good_half", "good_malloc"));
	assert_false(always_wraps("good_malloc", "good_outer"));
}

/* Two kinds, one of each sort: a loop costs its 12 ms for each. */
static void test_survives_all(void **state)
{
	struct wire_identify_answer a;
	for (size_t i = 0; i < function_count; i++) {
		if (strstr(functions[i].name, "good_") || !strcmp(functions[i].name, "writing_malloc"))
			continue;
		uint64_t kinds = 1u << WIRE_ENTRY_MALLOC | 1u << WIRE_ENTRY_FREE;
		int err = ask(functions[i].name, kinds, true, &a);
		if (err != 0 || a.kind != WIRE_ENTRY_NONE)
			fail_msg("%s: error %d, kind %u", functions[i].name, err, a.kind);
	}
	assert_allocator_is_found();
}

static void test_refuses_other_addresses(void **state)
{
	struct wire_identify_request r;
	struct wire_identify_answer a;
	memset(&r, 0, sizeof r);
	r.op = WIRE_IDENTIFY_TEST;
	r.candidate = 1ull << 60;
	r.kinds = ALL_KINDS;
	assert_int_equal(identify_process_ask(process, &r, &a), 0);
	assert_int_equal(a.forks, 0);
	r.known_count = WIRE_IDENTIFY_KNOWN + 1;
	assert_int_equal(identify_process_ask(process, &r, &a), 0);
	assert_int_equal(a.kind, WIRE_ENTRY_NONE);
}

static void test_left_no_trace(void **state)
{
	struct stat s;
	assert_int_equal(stat("hostile-was-here", &s), -1);
	assert_int_equal(stat("hostile-keep", &s), 0);
	assert_int_equal(accept(listening, NULL, NULL), -1);
	assert_int_equal(errno, EAGAIN);
}

static void test_ends_in_time(void **state)
{
	struct timespec start, end;
	struct wire_identify_answer a;
	int err = 0;
	for (int i = 0; i < 1000 && err == 0; i++)
		err = ask("loops", ALL_KINDS, true, &a);
	assert_int_equal(err, -ETIME);
	assert_true(identify_process_spent(process).cpu_ns < 4000000000u);
	clock_gettime(CLOCK_MONOTONIC, &start);
	identify_process_end(process);
	process = NULL;
	clock_gettime(CLOCK_MONOTONIC, &end);
	assert_true(end.tv_sec - start.tv_sec < 2);
}

static void test_does_not_run_others(void **state)
{
	struct identify_process *p = NULL;
	assert_int_equal(identify_process_start("/nonexistent", NULL, probe, &p), -ENOEXEC);
	/* The probe is not there: nobody says hello, and main can do nothing. */
	assert_int_equal(identify_process_start(program, NULL, "/nonexistent", &p), -EPROTO);
	assert_null(p);
	test_left_no_trace(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_starts), cmocka_unit_test(test_finds_the_allocator),
		cmocka_unit_test(test_finds_context_forms), cmocka_unit_test(test_tells_outer_from_inner),
		cmocka_unit_test(test_survives_all), cmocka_unit_test(test_refuses_other_addresses),
		cmocka_unit_test(test_left_no_trace), cmocka_unit_test(test_ends_in_time),
		cmocka_unit_test(test_does_not_run_others),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
