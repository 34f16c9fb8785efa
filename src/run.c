/* SPDX-License-Identifier: MIT */
/*
 * One run from start to end; see run.h: a session listens, the target is started, waited
 * for, and what the kernel counted goes into the recording with what was seen. With a limit
 * (run_until.h) the recording may end first, by the limit's thread, while this one waits on.
 */
#include "run.h"
#include "launch.h"
#include "run_plans.h"
#include "platform.h"
#include "session.h"
#include "store.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int64_t realtime_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void begin_recording(const struct run_options *o, struct store *store, uint64_t start_ns)
{
	char cwd[PATH_MAX];
	const struct store_run run = {
		.argv = (const char *const *)o->command->argv,
		.cwd = getcwd(cwd, sizeof cwd) ? cwd : "",
		.start_ns = start_ns, .start_realtime_ns = realtime_ns(),
		.options = o->options_line ? o->options_line : "",
	};
	store_begin(store, &run);
}

static int64_t timeval_ns(struct timeval t)
{
	return (int64_t)t.tv_sec * 1000000000 + t.tv_usec * 1000;
}

static int reap(pid_t pid, struct collector_wait *ret_wait)
{
	struct rusage used;
	int status;
	int error = launch_wait(pid);
	while (!error && wait4(pid, &status, 0, &used) < 0)
		if (errno != EINTR)
			error = -errno;
	if (error)
		return error;
	*ret_wait = (struct collector_wait){
		.status = status, .ru_maxrss_bytes = used.ru_maxrss * 1024ll,
		.user_ns = timeval_ns(used.ru_utime), .system_ns = timeval_ns(used.ru_stime),
		.minor_faults = used.ru_minflt, .major_faults = used.ru_majflt,
	};
	return 0;
}

static int start(const struct run_options *o, struct session *session, pid_t *ret_pid)
{
	const char *wire = o->probe_path ? session_env(session) : NULL;
	char **env = launch_environment(environ, wire ? o->probe_path : NULL, wire);
	uint64_t start_ns = platform_now_ns();
	int error = env ? launch_start(o->command, env, ret_pid) : -ENOMEM;
	free(env);
	if (!error)
		session_launched(session, *ret_pid, start_ns, o->command->argv[0],
				 o->probe_path ? NULL : o->why_no_probe);
	return error;
}

static void prepare_plans(const struct run_options *o)
{
	if (!o->plans)
		return;
	plans_for(run_plans_get(o->plans), o->command->path, o->command->path);
	run_plans_launched(o->plans);
}

struct run {
	const struct run_options *options;
	struct store *store;
	struct session *session;
	struct run_until *until; /* NULL: no limit */
	struct run_result result;
};

/* wait: NULL when the target runs on. */
static void finish_recording(struct run *r, const struct collector_wait *wait)
{
	struct session_totals totals;
	uint64_t end_ns = platform_now_ns();
	session_finish(r->session, wait, &totals);
	r->result.wait_status = wait ? wait->status : 0;
	r->result.wall_ns = end_ns - r->result.start_ns;
	r->result.not_followed = totals.not_followed;
	if (!r->result.launch_errno)
		store_end_run(r->store, end_ns, wait ? wait->status : STORE_NO_STATUS, totals.sum_peak_bytes, totals.sum_peak_ns);
}

static void show_recorded(struct run *r)
{
	run_plans_say(r->options->plans);
	r->options->recorded(r->options->recorded_arg, &r->result);
}

/* By the limit's thread: from here on the target is on its own. */
static void end_early(void *arg)
{
	struct run *r = arg;
	finish_recording(r, NULL);
	show_recorded(r);
}

static bool has_limit(const struct run_until_limit *l)
{
	return l->time_ns || l->rss_bytes || l->live_bytes;
}

static int open_session(struct run *r)
{
	const struct run_options *o = r->options;
	int error = has_limit(&o->until) ? run_until_create(&o->until, &r->until) : 0;
	const struct session_options so = {
		.store = r->store, .plans = o->plans ? run_plans_get(o->plans) : NULL, .follow = o->follow,
		.hold = o->hold, .stacks = o->stacks, .every_ns = o->every_ns, .snapshot_every_ns = o->snapshot_every_ns,
		.purge_at_exit = o->purge_at_exit, .until = r->until,
	};
	return error ? error : session_create(&so, &r->session);
}

/* From the launch to the end of both, the recording and the target. */
static int record(struct run *r)
{
	struct collector_wait wait;
	pid_t pid = 0;
	r->result.launch_errno = -start(r->options, r->session, &pid);
	if (r->result.launch_errno) {
		finish_recording(r, NULL);
		launch_end();
		return 0;
	}
	if (r->until && run_until_start(r->until, r->result.start_ns, end_early, r) != 0)
		r->result.no_limit = true;
	int error = reap(pid, &wait);
	bool early = run_until_stop(r->until);
	if (!early)
		finish_recording(r, error ? NULL : &wait);
	launch_end();
	if (!error)
		r->result.wait_status = wait.status;
	if (!early && !error)
		show_recorded(r);
	return error;
}

int run_target(const struct run_options *options, struct store *store, struct run_result *ret_result)
{
	struct run r = { .options = options, .store = store };
	int error = open_session(&r);
	if (!error) {
		/* before the launch, so that the target does not wait for it */
		prepare_plans(options);
		r.result.start_ns = platform_now_ns();
		begin_recording(options, store, r.result.start_ns);
		session_begins(r.session, r.result.start_ns);
		error = record(&r);
		*ret_result = r.result;
	}
	run_until_destroy(r.until);
	return error;
}
