/* SPDX-License-Identifier: MIT */
/*
 * memwhy ctl: the socket and its hostile peers with a server that plays memwhy, then the way
 * through a session to a collector whose target plays the probe (fake_probe.h).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "control_client.h"
#include "control_server.h"
#include "control_socket.h"
#include "fake_probe.h"
#include "fake_store.h"
#include "platform.h"
#include "session.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MINE 12345

static void nap(unsigned ms)
{
	const struct timespec t = { ms / 1000, (long)(ms % 1000) * 1000000 };
	nanosleep(&t, NULL);
}

static struct control_request request_for(pid_t pid, enum control_what what, const char *text)
{
	struct control_request q = { .magic = CONTROL_MAGIC, .version = CONTROL_VERSION, .what = what, .pid = pid };
	snprintf(q.text, sizeof q.text, "%s", text);
	return q;
}

static int ask(pid_t pid, enum control_what what, const char *text, struct control_answer *ret)
{
	const struct control_request q = request_for(pid, what, text);
	memset(ret, 0, sizeof *ret);
	return control_ask(&q, geteuid(), ret);
}

/* ---- the socket ---------------------------------------------------------------------- */

static void play_memwhy(void *arg, const struct control_request *q, struct control_answer *ret)
{
	ret->result = q->pid == MINE ? CONTROL_DONE : CONTROL_NOT_MINE;
	ret->time_ns = 77;
	snprintf(ret->why, sizeof ret->why, "%s", q->text);
}

static void a_question_finds_its_memwhy(void **state)
{
	struct control_server *one, *other;
	struct control_answer a;
	assert_int_equal(ask(MINE, CONTROL_MARK, "nobody yet", &a), -ESRCH);
	assert_int_equal(control_server_create(play_memwhy, NULL, &one), 0);
	assert_int_equal(control_server_create(play_memwhy, NULL, &other), 0);
	assert_int_equal(ask(MINE, CONTROL_MARK, "hello", &a), 0);
	assert_int_equal(a.result, CONTROL_DONE);
	assert_int_equal(a.time_ns, 77);
	assert_string_equal(a.why, "hello");
	assert_int_equal(ask(MINE + 1, CONTROL_MARK, "", &a), -ESRCH);
	control_server_destroy(one);
	assert_int_equal(ask(MINE, CONTROL_MARK, "again", &a), 0);
	control_server_destroy(other);
	assert_int_equal(ask(MINE, CONTROL_MARK, "gone", &a), -ESRCH);
}

static void what_is_no_request_is_refused(void **state)
{
	struct control_server *s;
	struct control_answer a;
	struct control_request q = request_for(MINE, CONTROL_MARK, "");
	assert_int_equal(control_server_create(play_memwhy, NULL, &s), 0);
	q.version++;
	assert_int_equal(control_ask(&q, geteuid(), &a), -EACCES);
	q = request_for(MINE, CONTROL_WHATS, "");
	assert_int_equal(control_ask(&q, geteuid(), &a), -EACCES);
	q = request_for(-1, CONTROL_MARK, "");
	assert_int_equal(control_ask(&q, geteuid(), &a), -EACCES);
	q = request_for(MINE, CONTROL_MARK, "");
	memset(q.text, 'x', sizeof q.text); /* no end */
	assert_int_equal(control_ask(&q, geteuid(), &a), -EACCES);
	control_server_destroy(s);
}

/* It connects, or sends half a request, and waits: the next one is served all the same. */
static void who_says_nothing_is_given_up(void **state)
{
	struct control_server *s;
	struct control_answer a;
	int fd[2];
	assert_int_equal(control_server_create(play_memwhy, NULL, &s), 0);
	assert_int_equal(control_socket_connect_all(geteuid(), &fd[0], 1), 1);
	assert_int_equal(control_socket_connect_all(geteuid(), &fd[1], 1), 1);
	assert_int_equal(send(fd[1], "half", 4, 0), 4);
	assert_int_equal(ask(MINE, CONTROL_MARK, "third", &a), 0);
	close(fd[0]);
	close(fd[1]);
	assert_int_equal(control_socket_connect_all(geteuid(), &fd[0], 1), 1);
	control_server_destroy(s); /* it does not wait for that one */
	close(fd[0]);
}

static int listen_as(int pid)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int n = snprintf(at.sun_path + 1, sizeof at.sun_path - 1, CONTROL_NAME_PREFIX "%d-squatter", pid);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, size), 0);
	assert_int_equal(listen(fd, 8), 0);
	return fd;
}

static void who_is_not_what_the_name_says_is_not_asked(void **state)
{
	struct control_answer a;
	int fd = listen_as(1); /* the kernel says who it really is */
	assert_int_equal(ask(MINE, CONTROL_MARK, "", &a), -ESRCH);
	close(fd);
}

static int squatter;
static void *answer_nonsense(void *arg)
{
	char text[4096];
	int c = accept(squatter, NULL, NULL);
	if (recv(c, text, sizeof text, 0) > 0)
		send(c, memset(text, 0xff, sizeof text), (size_t)(uintptr_t)arg, MSG_NOSIGNAL);
	close(c);
	return NULL;
}

/* Of this user, with this pid, and its answer is nonsense of any size: passed over. */
static void nonsense_is_no_answer(void **state)
{
	const size_t sizes[] = { 1, sizeof(struct control_answer), 4096 };
	struct control_server *s;
	struct control_answer a;
	squatter = listen_as(getpid());
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		pthread_t t;
		pthread_create(&t, NULL, answer_nonsense, (void *)sizes[i]);
		assert_int_equal(ask(MINE, CONTROL_MARK, "", &a), -ESRCH);
		pthread_join(t, NULL);
	}
	/* it does not answer at all: the right one does */
	assert_int_equal(control_server_create(play_memwhy, NULL, &s), 0);
	assert_int_equal(ask(MINE, CONTROL_MARK, "", &a), 0);
	control_server_destroy(s);
	close(squatter);
}

static void users_are_told_apart(void **state)
{
	uid_t owner;
	assert_int_equal(control_socket_owner(getpid(), &owner), 0);
	assert_int_equal(owner, getuid());
	assert_int_equal(control_socket_owner(0x7fffffff, &owner), -ESRCH);
	pid_t child = fork();
	if (child == 0)
		_exit(0);
	for (int i = 0; i < 2000 && !control_socket_has_ended(child); i++)
		nap(1);
	assert_true(control_socket_has_ended(child));
	waitpid(child, NULL, 0);
	assert_false(control_socket_has_ended(getpid()));
}

static int serve_in_child(int ready)
{
	struct control_server *s;
	if (setuid(65534) != 0 || control_server_create(play_memwhy, NULL, &s) != 0 || write(ready, "r", 1) != 1)
		_exit(90);
	pause();
	_exit(0);
}

/* Root may ask for its owner's process, and asks nobody else about it. */
static void another_users_memwhy_is_not_believed(void **state)
{
	struct control_answer a;
	const struct control_request q = request_for(MINE, CONTROL_MARK, "");
	int ready[2];
	char byte;
	if (geteuid() != 0)
		skip();
	assert_int_equal(pipe(ready), 0);
	pid_t child = fork();
	if (child == 0)
		serve_in_child(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(control_ask(&q, 0, &a), -ESRCH);
	assert_int_equal(control_ask(&q, 65534, &a), 0);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

/* ---- to the collector and back ---------------------------------------------------------- */

static struct session *session;
static pid_t launched;
static int to_child[2];

/* Until its hello has come; on a slow machine it is followed by its pages before. */
static void await_followed(enum control_result expected)
{
	struct control_answer a = { 0 };
	for (int i = 0; i < 5000; i++) {
		if (ask(launched, CONTROL_MARK, "are you there", &a) == 0 && a.result == expected)
			return;
		nap(1);
	}
	fail_msg("the process is not followed");
}

static void open_session(void (*part)(const char *env), const char *why_no_probe)
{
	const struct session_options o = { .store = FAKE_STORE, .follow = true };
	fake_store_clear();
	fake_store_mark[0] = 0;
	assert_int_equal(pipe(to_child), 0);
	assert_int_equal(session_create(&o, &session), 0);
	session_begins(session, platform_now_ns());
	launched = fork();
	if (launched == 0) {
		close(to_child[1]);
		part(session_env(session));
		_exit(0);
	}
	close(to_child[0]);
	session_launched(session, launched, platform_now_ns(), "the-command", why_no_probe);
	await_followed(why_no_probe ? CONTROL_NOT_FOLLOWED : CONTROL_DONE);
	fake_store_mark[0] = 0;
}

static void close_session(void)
{
	struct session_totals totals;
	struct collector_wait w = { 0 };
	close(to_child[1]);
	assert_int_equal(waitpid(launched, &w.status, 0), launched);
	session_finish(session, &w, &totals);
	assert_int_equal(WEXITSTATUS(w.status), 0);
}

static void await_parent(void)
{
	char byte;
	while (read(to_child[0], &byte, 1) > 0)
		;
}

static struct wire_control *attach(const char *env)
{
	struct wire_control *c;
	if (fake_probe_attach(env, WIRE_HELLO_IMAGE, NULL, &c) != 0)
		_exit(90);
	__atomic_store_n(&c->pre_probe_live_bytes, 10 << 20, __ATOMIC_RELAXED);
	return c;
}

static void attaches_and_waits(const char *env)
{
	attach(env);
	await_parent();
}

static void a_snapshot_is_taken(void **state)
{
	struct control_answer a;
	open_session(attaches_and_waits, NULL);
	assert_int_equal(ask(launched, CONTROL_SNAPSHOT, "", &a), 0);
	assert_int_equal(a.result, CONTROL_DONE);
	assert_true(a.has_after && !a.has_before);
	assert_int_equal(a.after[LEDGER_T_rss], 10 << 20);
	assert_true(a.time_ns > 0 && a.time_ns < INT64_C(60000000000));
	/* memwhy's own pid stands for what it launched */
	assert_int_equal(ask(getpid(), CONTROL_SNAPSHOT, "", &a), 0);
	assert_int_equal(a.result, CONTROL_DONE);
	assert_int_equal(fake_store_count(&fake_processes[0], TRIGGER_ASKED), 2);
	assert_int_equal(ask(getppid(), CONTROL_SNAPSHOT, "", &a), -ESRCH);
	close_session();
	assert_int_equal(ask(launched, CONTROL_SNAPSHOT, "", &a), -ESRCH);
}

static void a_mark_is_escaped(void **state)
{
	struct control_answer a;
	open_session(attaches_and_waits, NULL);
	assert_int_equal(ask(launched, CONTROL_MARK, "fill \x1b[2J\n\\ \xc3\xa4 \xff \xc2\x9b", &a), 0);
	assert_int_equal(a.result, CONTROL_DONE);
	assert_true(a.time_ns > 0);
	assert_string_equal(fake_store_mark, "fill \\x1b[2J\\x0a\\\\ \xc3\xa4 \\xff \\xc2\\x9b");
	close_session();
}

static void marks_have_a_bound(void **state)
{
	struct control_answer a = { 0 };
	unsigned n = 0;
	open_session(attaches_and_waits, NULL);
	do
		assert_int_equal(ask(launched, CONTROL_MARK, "again", &a), 0);
	while (a.result == CONTROL_DONE && n++ < 5000);
	assert_int_equal(a.result, CONTROL_FULL);
	assert_int_equal(n, 4095); /* one was taken to begin with */
	close_session();
}

/* As the contract has it: takes the errand, asks for a look, purges, asks again. */
static void purges(const char *env)
{
	struct wire_control *c = attach(env);
	for (int i = 0; i < 10000 && !(__atomic_load_n(&c->errand, __ATOMIC_ACQUIRE) & WIRE_ERRAND_PURGE); i++)
		nap(1);
	if (__atomic_load_n(&c->freeze, __ATOMIC_ACQUIRE) != WIRE_FREEZE_LOOK)
		_exit(91);
	__atomic_fetch_and(&c->errand, ~WIRE_ERRAND_PURGE, __ATOMIC_ACQ_REL);
	if (!fake_probe_ask(c, WIRE_REQUEST_PURGING, 5000))
		_exit(92);
	c->purge.begin_ns = 1000000;
	c->purge.end_ns = 5600000;
	c->purge.result = WIRE_READING_OK;
	__atomic_store_n(&c->pre_probe_live_bytes, 3 << 20, __ATOMIC_RELAXED);
	__atomic_fetch_add(&c->purge.count, 1, __ATOMIC_RELEASE);
	if (!fake_probe_ask(c, WIRE_REQUEST_PURGED, 5000))
		_exit(93);
	await_parent();
}

static void a_purge_is_made_and_measured(void **state)
{
	struct control_answer a;
	open_session(purges, NULL);
	assert_int_equal(ask(launched, CONTROL_PURGE, "", &a), 0);
	assert_int_equal(a.result, CONTROL_DONE);
	assert_int_equal(a.took_ns, 4600000);
	close_session();
}

static void refuses_to_purge(const char *env)
{
	struct wire_control *c = attach(env);
	while (!(__atomic_load_n(&c->errand, __ATOMIC_ACQUIRE) & WIRE_ERRAND_PURGE))
		nap(1);
	__atomic_store_n(&c->purge.result, WIRE_READING_NO_WAY, __ATOMIC_RELEASE);
	__atomic_fetch_and(&c->errand, ~WIRE_ERRAND_PURGE, __ATOMIC_ACQ_REL);
	await_parent();
}

static void an_allocator_that_cannot_is_told(void **state)
{
	struct control_answer a;
	open_session(refuses_to_purge, NULL);
	assert_int_equal(ask(launched, CONTROL_PURGE, "", &a), 0);
	assert_int_equal(a.result, CONTROL_NO_WAY);
	assert_non_null(strstr(a.why, "no interface"));
	close_session();
}

static void looks_whether_anything_is_left(const char *env)
{
	struct wire_control *c = attach(env);
	await_parent();
	if (c->errand & WIRE_ERRAND_PURGE || c->freeze == 1)
		_exit(94);
}

static void a_purge_without_a_safe_point_is_withdrawn(void **state)
{
	struct control_answer a;
	open_session(looks_whether_anything_is_left, NULL);
	uint64_t from = platform_now_ns();
	assert_int_equal(ask(launched, CONTROL_PURGE, "", &a), 0);
	assert_int_equal(a.result, CONTROL_NO_SAFE_POINT);
	assert_true(platform_now_ns() - from >= 2000000000u);
	assert_int_equal(ask(launched, CONTROL_MARK, "the box is free again", &a), 0);
	assert_int_equal(a.result, CONTROL_DONE);
	close_session();
}

static void attaches_and_ends(const char *env)
{
	struct wire_control *c = attach(env);
	while (!(__atomic_load_n(&c->errand, __ATOMIC_ACQUIRE) & WIRE_ERRAND_PURGE))
		nap(1);
	kill(getpid(), SIGKILL);
}

static void a_target_that_dies_ends_the_wait(void **state)
{
	struct session_totals totals;
	struct control_answer a;
	struct collector_wait w = { 0 };
	open_session(attaches_and_ends, NULL);
	uint64_t from = platform_now_ns();
	assert_int_equal(ask(launched, CONTROL_PURGE, "", &a), 0);
	assert_int_equal(a.result, CONTROL_FAILED);
	assert_true(platform_now_ns() - from < 1900000000u);
	close(to_child[1]);
	waitpid(launched, &w.status, 0);
	session_finish(session, &w, &totals);
}

static void waits(const char *env)
{
	await_parent();
}

static void without_a_probe_nothing_is_done(void **state)
{
	struct control_answer a;
	open_session(waits, "statically linked");
	for (int what = 0; what < CONTROL_WHATS; what++) {
		assert_int_equal(ask(launched, (enum control_what)what, "text", &a), 0);
		assert_int_equal(a.result, CONTROL_NOT_FOLLOWED);
		assert_string_equal(a.why, "statically linked");
	}
	assert_string_equal(fake_store_mark, "");
	close_session();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_question_finds_its_memwhy), cmocka_unit_test(what_is_no_request_is_refused),
		cmocka_unit_test(who_says_nothing_is_given_up), cmocka_unit_test(who_is_not_what_the_name_says_is_not_asked),
		cmocka_unit_test(nonsense_is_no_answer), cmocka_unit_test(users_are_told_apart),
		cmocka_unit_test(another_users_memwhy_is_not_believed),
		cmocka_unit_test(a_snapshot_is_taken), cmocka_unit_test(a_mark_is_escaped), cmocka_unit_test(marks_have_a_bound),
		cmocka_unit_test(a_purge_is_made_and_measured), cmocka_unit_test(an_allocator_that_cannot_is_told),
		cmocka_unit_test(a_purge_without_a_safe_point_is_withdrawn), cmocka_unit_test(a_target_that_dies_ends_the_wait),
		cmocka_unit_test(without_a_probe_nothing_is_done),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
