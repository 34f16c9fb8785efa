/* SPDX-License-Identifier: MIT */
/*
 * The session and its collectors against processes that play the probe (fake_probe.h),
 * with a store that remembers (fake_store.h) and a view without pages (fake_view.c).
 * Children say how far they are through pipes; nothing here depends on a race.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fake_probe.h"
#include "fake_store.h"
#include "fake_view.h"
#include "ipc.h"
#include "platform.h"
#include "session.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MIB (1 << 20)

static struct session *session;
static pid_t launched;
static int to_parent[2]; /* children report one byte a step */

static void open_session(bool follow)
{
	const struct session_options o = {
		.store = FAKE_STORE, .follow = follow,
		.plans = fake_plans_answer ? (struct plans *)(uintptr_t)&fake_plans_answer : NULL,
	};
	fake_view_is_foreign = false;
	fake_store_clear();
	assert_int_equal(pipe(to_parent), 0);
	assert_int_equal(session_create(&o, &session), 0);
}

/* Runs `part` in a child that counts as the launched process. */
static void launch(void (*part)(const char *env), const char *why_no_probe)
{
	launched = fork();
	if (launched == 0) {
		part(session_env(session));
		_exit(0);
	}
	session_launched(session, launched, platform_now_ns(), "the-command", why_no_probe);
}

static void report(char what)
{
	if (write(to_parent[1], &what, 1) != 1)
		_exit(99);
}

static char await_report(void)
{
	char what = 0;
	assert_int_equal(read(to_parent[0], &what, 1), 1);
	return what;
}

static int close_session(struct session_totals *ret_totals)
{
	struct session_totals totals;
	struct collector_wait w = { .ru_maxrss_bytes = 12345 };
	assert_int_equal(waitpid(launched, &w.status, 0), launched);
	session_finish(session, &w, ret_totals ? ret_totals : &totals);
	close(to_parent[0]);
	close(to_parent[1]);
	return w.status;
}

static void nap(unsigned ms)
{
	const struct timespec t = { ms / 1000, (long)(ms % 1000) * 1000000 };
	nanosleep(&t, NULL);
}

static struct wire_control *attach(const char *env, uint32_t kind)
{
	struct wire_control *c;
	if (fake_probe_attach(env, kind, NULL, &c) != 0)
		_exit(90);
	__atomic_store_n(&c->pre_probe_live_bytes, 10 * MIB, __ATOMIC_RELAXED);
	return c;
}

/* ---- one process ------------------------------------------------------------------- */

static void asks_for_exit(const char *env)
{
	struct wire_control *c = attach(env, WIRE_HELLO_IMAGE);
	if (c->magic != WIRE_MAGIC || c->version != WIRE_VERSION || c->live_trigger_bytes == 0)
		_exit(91);
	if (!fake_probe_ask(c, WIRE_REQUEST_EXIT, 2000) || c->freeze != 0)
		_exit(92);
	_exit(7);
}

static void a_process_is_recorded_to_its_exit(void **state)
{
	open_session(true);
	launch(asks_for_exit, NULL);
	int status = close_session(NULL);
	assert_int_equal(WEXITSTATUS(status), 7);
	assert_int_equal(fake_process_count, 1);
	const struct fake_process *p = &fake_processes[0];
	assert_int_equal(p->id, 1);
	assert_int_equal(p->parent_id, 0);
	assert_int_equal(p->pid, launched);
	assert_string_equal(p->probe_state, "on");
	assert_non_null(strstr(p->command, "test_session"));
	assert_int_equal(fake_store_count(p, TRIGGER_EXIT), 1);
	assert_true(p->samples >= 1);
	assert_true(p->ended);
	assert_int_equal(p->how, STORE_END_EXIT);
	assert_int_equal(p->status, 7);
	assert_int_equal(p->ru_maxrss_bytes, 12345);
}

static void grows_and_falls(const char *env)
{
	struct wire_control *c = attach(env, WIRE_HELLO_IMAGE);
	for (int mib = 10; mib <= 40; mib += 10) {
		__atomic_store_n(&c->live_bytes, mib * MIB, __ATOMIC_RELAXED);
		__atomic_store_n(&c->live_peak_bytes, mib * MIB, __ATOMIC_RELAXED);
		if ((uint64_t)mib * MIB <= c->live_trigger_bytes || !fake_probe_ask(c, WIRE_REQUEST_LIVE_PEAK, 2000))
			_exit(92);
	}
	/* a maximum that was seen is no reason to ask */
	if (c->live_trigger_bytes < 40u * MIB || c->live_trigger_bytes > 45u * MIB)
		_exit(93);
	kill(getpid(), SIGKILL);
}

static void live_peaks_are_caught_and_kill_is_told(void **state)
{
	open_session(true);
	launch(grows_and_falls, NULL);
	int status = close_session(NULL);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(fake_store_count(&fake_processes[0], TRIGGER_LIVE_PEAK), 4);
	assert_int_equal(fake_processes[0].how, STORE_END_SIGNAL);
	assert_int_equal(fake_processes[0].status, SIGKILL);
}

static void shrinks_from_a_peak(const char *env)
{
	struct wire_control *c = attach(env, WIRE_HELLO_IMAGE);
	nap(20); /* the first snapshot is there */
	__atomic_store_n(&c->pre_probe_live_bytes, 10 * MIB + 200 * 1024, __ATOMIC_RELAXED);
	for (int i = 0; i < 500 && !__atomic_load_n(&c->shrink_armed, __ATOMIC_ACQUIRE); i++)
		nap(1);
	/* growth of 2 % may have been looked at meanwhile; both are fine, silence is not */
	if (!fake_probe_ask(c, WIRE_REQUEST_SHRINK, 2000))
		_exit(92);
	_exit(0);
}

static void a_small_new_peak_is_looked_at(void **state)
{
	open_session(true);
	launch(shrinks_from_a_peak, NULL);
	assert_int_equal(close_session(NULL), 0);
	const struct fake_process *p = &fake_processes[0];
	assert_true(fake_store_count(p, TRIGGER_RSS_GROWTH) + fake_store_count(p, TRIGGER_SHRINK) >= 2);
}

/* ---- no probe ---------------------------------------------------------------------- */

static void sleeps(const char *env)
{
	nap(100);
}

static void without_a_hello_pages_are_recorded(void **state)
{
	open_session(true);
	launch(sleeps, NULL);
	assert_int_equal(close_session(NULL), 0);
	assert_int_equal(fake_process_count, 1);
	assert_non_null(strstr(fake_processes[0].probe_state, "did not report"));
	assert_true(fake_processes[0].samples >= 1);
	assert_int_equal(fake_processes[0].how, STORE_END_EXIT);
}

static void a_known_reason_is_told_at_once(void **state)
{
	open_session(true);
	launch(sleeps, "statically linked");
	assert_non_null(fake_store_await(1));
	assert_int_equal(close_session(NULL), 0);
	assert_string_equal(fake_processes[0].probe_state, "statically linked");
}

static void ends_at_once(const char *env)
{
	_exit(3);
}

static void a_process_nobody_saw_is_recorded_too(void **state)
{
	open_session(true);
	launch(ends_at_once, NULL);
	close_session(NULL);
	assert_int_equal(fake_process_count, 1);
	assert_int_equal(fake_processes[0].status, 3);
	assert_int_equal(fake_processes[0].ru_maxrss_bytes, 12345);
}

static void says_hello_late(const char *env)
{
	nap(100);
	if (!fake_probe_ask(attach(env, WIRE_HELLO_IMAGE), WIRE_REQUEST_EXIT, 2000))
		_exit(92);
}

static void a_late_hello_goes_on_with_the_record(void **state)
{
	open_session(true);
	launch(says_hello_late, NULL);
	assert_int_equal(close_session(NULL), 0);
	assert_int_equal(fake_process_count, 1);
	assert_string_equal(fake_processes[0].probe_state, "on");
	assert_int_equal(fake_store_count(&fake_processes[0], TRIGGER_EXIT), 1);
	assert_int_equal(fake_processes[0].how, STORE_END_EXIT);
}

/* ---- exec, fork, others -------------------------------------------------------------- */

static void execs_three_times(const char *env)
{
	for (int i = 0; i < 3; i++)
		if (!fake_probe_ask(attach(env, WIRE_HELLO_IMAGE), WIRE_REQUEST_EXEC, 2000))
			_exit(92);
	if (!fake_probe_ask(attach(env, WIRE_HELLO_IMAGE), WIRE_REQUEST_EXIT, 2000))
		_exit(92);
	_exit(5);
}

static void exec_in_place_starts_a_new_generation(void **state)
{
	open_session(false); /* the same process: followed though children aren't */
	launch(execs_three_times, NULL);
	assert_int_equal(WEXITSTATUS(close_session(NULL)), 5);
	assert_int_equal(fake_process_count, 4);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(fake_processes[i].pid, launched);
		assert_int_equal(fake_processes[i].parent_id, 0);
		assert_true(fake_processes[i].ended);
		assert_int_equal(fake_processes[i].how, i < 3 ? STORE_END_EXEC : STORE_END_EXIT);
	}
	assert_int_equal(fake_processes[3].status, 5);
}

static void forks(const char *env)
{
	attach(env, WIRE_HELLO_IMAGE);
	pid_t child = fork();
	if (child == 0) {
		struct wire_control *c;
		int error = fake_probe_attach(env, WIRE_HELLO_FORK, NULL, &c);
		report(error == 0 ? 'y' : error == -EACCES ? 'n' : '?');
		if (error == 0 && !fake_probe_ask(c, WIRE_REQUEST_EXIT, 2000))
			report('!');
		_exit(4);
	}
	waitpid(child, NULL, 0);
}

static void children_are_followed(void **state)
{
	open_session(true);
	launch(forks, NULL);
	assert_int_equal(await_report(), 'y');
	assert_int_equal(close_session(NULL), 0);
	assert_int_equal(fake_process_count, 2);
	assert_int_equal(fake_processes[1].parent_id, 1);
	assert_int_equal(fake_store_count(&fake_processes[1], TRIGGER_EXIT), 1);
	/* a grandchild of memwhy: the kernel tells while it is a zombie, newer ones also later */
	assert_true(fake_processes[1].how == STORE_END_UNKNOWN ||
		    (fake_processes[1].how == STORE_END_EXIT && fake_processes[1].status == 4));
}

static void children_are_not_followed_unless_asked(void **state)
{
	struct session_totals totals;
	open_session(false);
	launch(forks, NULL);
	assert_int_equal(await_report(), 'n');
	assert_int_equal(close_session(&totals), 0);
	assert_int_equal(fake_process_count, 1);
	assert_int_equal(totals.not_followed, 0); /* it was not wanted */
}

static void leaves_a_daemon(const char *env)
{
	if (!fake_probe_ask(attach(env, WIRE_HELLO_IMAGE), WIRE_REQUEST_LIVE_PEAK, 2000))
		_exit(92);
	if (fork() == 0) {
		struct wire_control *c = attach(env, WIRE_HELLO_IMAGE);
		/* when it is answered, both have been sampled */
		report(fake_probe_ask(c, WIRE_REQUEST_LIVE_PEAK, 2000) ? 'd' : '!');
		for (int i = 0; i < 5000 && !__atomic_load_n(&c->detach, __ATOMIC_ACQUIRE); i++)
			nap(1);
		report(c->detach ? 'D' : '!');
		_exit(0);
	}
	char ready;
	if (read(to_parent[0], &ready, 1) != 1)
		_exit(92);
}

static void what_outlives_the_command_is_let_go(void **state)
{
	struct session_totals totals;
	struct collector_wait w = { 0 };
	open_session(true);
	launch(leaves_a_daemon, NULL);
	assert_int_equal(waitpid(launched, &w.status, 0), launched);
	session_finish(session, &w, &totals);
	assert_int_equal(await_report(), 'D');
	assert_int_equal(fake_process_count, 2);
	assert_int_equal(fake_processes[1].how, STORE_END_RUNNING);
	assert_int_equal(totals.sum_peak_bytes, 20 * MIB);
	close(to_parent[0]);
	close(to_parent[1]);
}

/* ---- an allocator that is linked into the program ----------------------------------------- */

static const struct wire_plan some_plan = { .magic = WIRE_PLAN_MAGIC, .version = WIRE_PLAN_VERSION };
static const struct plans_answer has_plan = { .plan = &some_plan, .why = "" };

static void patches_itself(const char *env, uint32_t heap_state, uint32_t result)
{
	struct wire_control *c = attach(env, WIRE_HELLO_IMAGE);
	c->heaps[1].family = WIRE_FAMILY_JEMALLOC;
	c->heaps[1].patch = (uint8_t)result;
	c->heaps[1].state = (uint8_t)heap_state;
	if (!fake_probe_has_plan)
		_exit(93);
	if (!fake_probe_ask(c, WIRE_REQUEST_EXIT, 2000))
		_exit(92);
}

static void patches_well(const char *env) { patches_itself(env, WIRE_HEAP_FOLLOWED, PATCH_DONE); }
static void is_denied(const char *env) { patches_itself(env, WIRE_HEAP_NOT_PATCHED, PATCH_DENIED); }

static void a_plan_is_there_before_the_welcome(void **state)
{
	fake_plans_answer = &has_plan;
	open_session(true);
	launch(patches_well, NULL);
	assert_int_equal(close_session(NULL), 0);
	fake_plans_answer = NULL;
	assert_false(fake_view_is_foreign);
	assert_string_equal(fake_processes[0].probe_state, "on");
}

static void a_plan_that_fails_makes_live_unknown(void **state)
{
	fake_plans_answer = &has_plan;
	open_session(true);
	launch(is_denied, NULL);
	assert_int_equal(close_session(NULL), 0);
	fake_plans_answer = NULL;
	assert_true(fake_view_is_foreign);
	assert_non_null(strstr(fake_processes[0].probe_state, "jemalloc"));
	assert_non_null(strstr(fake_processes[0].probe_state, "not followed: "));
}

static const struct plans_answer has_none = { .why = "it hides", .own = "jemalloc" };

static void just_exits(const char *env)
{
	if (!fake_probe_ask(attach(env, WIRE_HELLO_IMAGE), WIRE_REQUEST_EXIT, 2000))
		_exit(92);
}

static void an_own_allocator_without_a_plan_makes_live_unknown(void **state)
{
	fake_plans_answer = &has_none;
	open_session(true);
	launch(just_exits, NULL);
	assert_int_equal(close_session(NULL), 0);
	fake_plans_answer = NULL;
	assert_true(fake_view_is_foreign);
	assert_non_null(strstr(fake_processes[0].probe_state, "jemalloc"));
	assert_non_null(strstr(fake_processes[0].probe_state, ": it hides"));
}

/* ---- who is not let in ----------------------------------------------------------------- */

static void wrong_token(struct wire_hello *h) { h->token[31] ^= 1; }
static void wrong_version(struct wire_hello *h) { h->version++; }
static void wrong_magic(struct wire_hello *h) { h->magic = 0; }
static void wrong_kind(struct wire_hello *h) { h->kind = 9; }

static void strangers_knock(const char *env)
{
	struct wire_control *c;
	fake_hello_fn *const wrong[] = { wrong_token, wrong_version, wrong_magic, wrong_kind };
	for (int i = 0; i < 4; i++)
		if (fake_probe_attach(env, WIRE_HELLO_IMAGE, wrong[i], &c) != -EACCES)
			_exit(92);
	attach(env, WIRE_HELLO_IMAGE);
}

static void strangers_are_refused(void **state)
{
	open_session(true);
	launch(strangers_knock, NULL);
	assert_int_equal(close_session(NULL), 0);
	assert_int_equal(fake_process_count, 1);
}

/* A peer that asks without end and writes nonsense into the collector's words. */
static void is_hostile(const char *env)
{
	struct wire_control *c = attach(env, WIRE_HELLO_IMAGE);
	for (uint32_t i = 0; i < 200000; i++) {
		c->request_kinds = i * 2654435761u & ~(WIRE_REQUEST_EXIT | WIRE_REQUEST_EXEC);
		c->request_seq = i * 7;
		c->done_seq = ~i;
		c->freeze = i;
		c->state = i;
		c->reason = i;
		c->live_peak_bytes = (int64_t)i << 40;
		c->live_bytes = -(int64_t)i;
		c->pre_probe_live_bytes = (uint64_t)i << 20;
		memset(c->heaps, 0xff, sizeof c->heaps);
	}
	_exit(0);
}

static void a_hostile_peer_harms_nobody(void **state)
{
	open_session(true);
	launch(is_hostile, NULL);
	assert_int_equal(close_session(NULL), 0);
	assert_true(fake_processes[0].ended);
}

static void nothing_launched_is_no_record(void **state)
{
	struct session_totals totals;
	open_session(true);
	session_finish(session, NULL, &totals);
	assert_int_equal(fake_process_count, 0);
	close(to_parent[0]);
	close(to_parent[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_process_is_recorded_to_its_exit),
		cmocka_unit_test(live_peaks_are_caught_and_kill_is_told),
		cmocka_unit_test(a_small_new_peak_is_looked_at),
		cmocka_unit_test(without_a_hello_pages_are_recorded),
		cmocka_unit_test(a_known_reason_is_told_at_once),
		cmocka_unit_test(a_process_nobody_saw_is_recorded_too),
		cmocka_unit_test(a_late_hello_goes_on_with_the_record),
		cmocka_unit_test(exec_in_place_starts_a_new_generation),
		cmocka_unit_test(children_are_followed),
		cmocka_unit_test(children_are_not_followed_unless_asked),
		cmocka_unit_test(what_outlives_the_command_is_let_go),
		cmocka_unit_test(a_plan_is_there_before_the_welcome),
		cmocka_unit_test(a_plan_that_fails_makes_live_unknown),
		cmocka_unit_test(an_own_allocator_without_a_plan_makes_live_unknown),
		cmocka_unit_test(strangers_are_refused),
		cmocka_unit_test(a_hostile_peer_harms_nobody),
		cmocka_unit_test(nothing_launched_is_no_record),
	};
	alarm(60); /* a hang is a failure */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
