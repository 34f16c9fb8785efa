/* SPDX-License-Identifier: MIT */
/*
 * The thread and the session's life; see session.h. One thread polls the listener, connections
 * whose hello has not come yet, and an eventfd by which collectors and the launching
 * thread make themselves heard. Only that thread touches the table while it runs.
 */
#include "session_private.h"

#include "control_session.h"
#include "platform.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define HELLO_GRACE_NS    20000000ull    /* then the launched process is followed by pages */
#define FILES_FOR_ONE     10             /* descriptors that following one process takes */
#define NO_FILES "too few file descriptors (ulimit -n) to follow it"
#define NO_FILE_SIZE "file sizes are limited (ulimit -f): no room for the probe's map"

/* ---- the thread ------------------------------------------------------------------------- */

static void wait_for_launch(struct session *s)
{
	pthread_mutex_lock(&s->lock);
	while (!s->known)
		pthread_cond_wait(&s->changed, &s->lock);
	pthread_mutex_unlock(&s->lock);
	if (s->why_no_probe && s->launched)
		session_add_pages_only(s, s->launched, 0, s->why_no_probe);
}

/* -1: nothing to wait for but news. */
static int poll_timeout_ms(const struct session *s, uint64_t now_ns)
{
	if (!s->launched_seen && s->launched) {
		uint64_t due = s->launched_ns + HELLO_GRACE_NS;
		return due > now_ns ? (int)((due - now_ns) / 1000000u) + 1 : 0;
	}
	return s->pending_count ? 100 : -1;
}

static void wait_for_news(struct session *s)
{
	struct pollfd fds[2 + PENDING_MAX] = { { s->news, POLLIN, 0 }, { s->listener, POLLIN, 0 } };
	uint64_t count;
	for (unsigned i = 0; i < s->pending_count; i++)
		fds[2 + i] = (struct pollfd){ s->pending[i].fd, POLLIN, 0 };
	if (s->spare_memory < 0)
		s->spare_memory = session_create_memory(s);
	if (poll(fds, 2 + s->pending_count, poll_timeout_ms(s, platform_now_ns())) <= 0)
		return;
	if ((fds[0].revents & POLLIN) && read(s->news, &count, sizeof count) < 0)
		return; /* somebody else's wake; the next poll knows */
}

static void *serve_hellos(void *arg)
{
	struct session *s = arg;
	wait_for_launch(s);
	while (!__atomic_load_n(&s->closing, __ATOMIC_ACQUIRE)) {
		wait_for_news(s);
		session_accept_all(s);
		session_look_at_pending(s, platform_now_ns());
		session_tidy(s);
		if (!s->launched_seen && s->launched && poll_timeout_ms(s, platform_now_ns()) == 0) {
			s->launched_seen = true; /* one attempt */
			session_add_pages_only(s, s->launched, 0, s->memory_error == -EFBIG ? NO_FILE_SIZE : NO_HELLO);
		}
	}
	return NULL;
}

/* ---- life ------------------------------------------------------------------------------- */

static void wake(struct session *s)
{
	const uint64_t one = 1;
	if (write(s->news, &one, sizeof one) < 0)
		return; /* full: it is awake */
}

static void discard(struct session *s)
{
	int fds[] = { s->listener, s->news, s->spare_memory, s->reserve };
	control_session_destroy(s->control);
	for (unsigned i = 0; i < sizeof fds / sizeof *fds; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	pthread_mutex_destroy(&s->table_lock);
	free(s->command);
	free(s->why_no_probe);
	free(s);
}

/* Signals are the launching thread's; collectors inherit the mask. */
static int start_thread(struct session *s)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int error = pthread_create(&s->thread, NULL, serve_hellos, s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -error;
}

static bool has_files_for_one(int any)
{
	int fds[FILES_FOR_ONE], n = 0;
	while (n < FILES_FOR_ONE && (fds[n] = fcntl(any, F_DUPFD_CLOEXEC, 3)) >= 0)
		n++;
	for (int i = 0; i < n; i++)
		close(fds[i]);
	return n == FILES_FOR_ONE;
}

static int open_files(struct session *s)
{
	s->news = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->news < 0)
		return -errno;
	s->listener = ipc_listen(s->name);
	if (s->listener < 0)
		return s->listener;
	s->reserve = fcntl(s->listener, F_DUPFD_CLOEXEC, 3);
	return has_files_for_one(s->listener) ? 0 : -EMFILE;
}

static int open_all(struct session *s)
{
	int error = ipc_random_token(s->token);
	if (!error)
		error = open_files(s);
	s->blind = error == -EMFILE || error == -ENFILE;
	if (error)
		return s->blind ? 0 : error;
	snprintf(s->env, sizeof s->env, "%u:%s:%s:%u", WIRE_VERSION, s->name, s->token,
		 s->options.follow ? WIRE_ENV_FOLLOW : 0);
	collector_run_init(&s->run, s->options.store, s->options.hold, s->options.every_ns, s->news);
	s->run.plans = s->options.plans;
	s->run.snapshot_every_ns = s->options.snapshot_every_ns;
	s->run.purge_at_exit = s->options.purge_at_exit;
	s->run.until = s->options.until;
	control_session_create(session_find_for_control, s, &s->control); /* where it fails nobody answers ctl */
	return start_thread(s);
}

int session_create(const struct session_options *options, struct session **ret_session)
{
	struct session *s = calloc(1, sizeof *s);
	if (!s)
		return -ENOMEM;
	s->options = *options;
	s->listener = s->news = s->spare_memory = s->reserve = -1;
	pthread_mutex_init(&s->lock, NULL);
	pthread_mutex_init(&s->table_lock, NULL);
	pthread_cond_init(&s->changed, NULL);
	int error = open_all(s);
	if (error)
		discard(s);
	else
		*ret_session = s;
	return error;
}

const char *session_env(const struct session *s)
{
	return s->blind ? NULL : s->env;
}

void session_begins(struct session *s, uint64_t start_ns)
{
	if (s->control)
		control_session_begins(s->control, start_ns);
}

void session_launched(struct session *s, pid_t pid, uint64_t start_ns, const char *command, const char *why_no_probe)
{
	pthread_mutex_lock(&s->lock);
	s->known = true;
	s->launched = pid;
	s->launched_ns = start_ns;
	s->command = strdup(command);
	s->why_no_probe = why_no_probe ? strdup(why_no_probe) : NULL;
	pthread_cond_signal(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

/* It ended before anything was seen of it: what wait4 says is still worth a record. */
static void record_unseen(struct session *s, const struct collector_wait *wait)
{
	bool by_signal = (wait->status & 0x7f) != 0;
	const char *why = s->blind ? NO_FILES : s->why_no_probe ? s->why_no_probe : "ended before the probe could report";
	struct store_process p = {
		.id = ++s->last_id, .pid = s->launched, .start_ns = s->launched_ns,
		.command = s->command, .exe = "", .probe_state = why,
	};
	struct store_process_end e = {
		.id = p.id, .end_ns = platform_now_ns(), .how = by_signal ? STORE_END_SIGNAL : STORE_END_EXIT,
		.status = by_signal ? wait->status & 0x7f : wait->status >> 8 & 0xff,
		.ru_maxrss_bytes = wait->ru_maxrss_bytes, .vm_hwm_bytes = -1,
		.user_ns = wait->user_ns, .system_ns = wait->system_ns,
		.minor_faults = wait->minor_faults, .major_faults = wait->major_faults,
	};
	snprintf(e.probe_state, sizeof e.probe_state, "%s", why);
	store_add_process(s->options.store, &p);
	store_end_process(s->options.store, &e);
}

static void end_collectors(struct session *s, const struct collector_wait *wait)
{
	bool seen = false;
	for (unsigned i = 0; i < s->count; i++) {
		if (wait && collector_is_launched(s->table[i]) && !collector_is_done(s->table[i])) {
			collector_set_wait(s->table[i], wait);
			seen = true;
		}
		collector_tell(s->table[i], COLLECTOR_STOPPED);
	}
	while (s->count)
		session_remove_at(s, s->count - 1);
	if (wait && !seen)
		record_unseen(s, wait);
}

static void end_thread(struct session *s)
{
	__atomic_store_n(&s->closing, 1, __ATOMIC_RELEASE);
	wake(s);
	pthread_join(s->thread, NULL);
	/* who knocks from now on is told at once that nobody is there */
	close(s->listener);
	close(s->reserve);
	s->listener = s->reserve = -1;
	while (s->pending_count)
		close(s->pending[--s->pending_count].fd);
}

void session_finish(struct session *s, const struct collector_wait *wait, struct session_totals *ret_totals)
{
	if (!s->known)
		session_launched(s, 0, 0, "", NULL);
	if (!s->blind)
		end_thread(s);
	end_collectors(s, wait);
	control_session_destroy(s->control); /* whoever it asked was told by now */
	s->control = NULL;
	ret_totals->sum_peak_bytes = s->run.sum_peak_bytes;
	ret_totals->sum_peak_ns = s->run.sum_peak_ns;
	ret_totals->processes = s->last_id;
	ret_totals->not_followed = s->not_followed;
	discard(s);
}
