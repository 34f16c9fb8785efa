/* SPDX-License-Identifier: MIT */
/*
 * One run from start to end; see run.h: a session listens, the target is started, waited
 * for, and what the kernel counted goes into the recording with what was seen.
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

int run_target(const struct run_options *options, struct store *store, struct run_result *ret_result)
{
	struct session *session;
	struct session_totals totals;
	struct collector_wait wait;
	struct run_result result = { .start_ns = platform_now_ns() };
	const struct session_options so = {
		.store = store, .plans = options->plans ? run_plans_get(options->plans) : NULL, .follow = options->follow, .hold = options->hold, .stacks = options->stacks, .every_ns = options->every_ns,
		.purge_at_exit = options->purge_at_exit,
	};
	pid_t pid = 0;
	int error = session_create(&so, &session);
	if (error)
		return error;
	/* before the launch, so that the target does not wait for it */
	prepare_plans(options);
	result.start_ns = platform_now_ns();
	begin_recording(options, store, result.start_ns);
	result.launch_errno = -start(options, session, &pid);
	error = result.launch_errno ? 0 : reap(pid, &wait);
	uint64_t end_ns = platform_now_ns();
	session_finish(session, result.launch_errno || error ? NULL : &wait, &totals);
	launch_end();
	if (!result.launch_errno && !error) {
		result.wait_status = wait.status;
		store_end_run(store, end_ns, wait.status, totals.sum_peak_bytes, totals.sum_peak_ns);
	}
	result.wall_ns = end_ns - result.start_ns;
	result.not_followed = totals.not_followed;
	*ret_result = result;
	return error;
}
