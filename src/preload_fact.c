/* SPDX-License-Identifier: MIT */
/*
 * Can the probe be preloaded? It is found as memwhy run finds it, and this very program
 * is started with it, to print its version: the dynamic linker complains on standard
 * error when it could not load the probe, and goes on without it, so silence is success.
 * There is no collector, so the probe stays off there.
 */
#include "preload_fact.h"

#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIMIT_NS 2000000000ull

extern char **environ;

static void set_missing(struct platform_fact *f, const char *advice, const char *what, const char *detail)
{
	f->state = PLATFORM_FACT_MISSING;
	f->advice = advice;
	snprintf(f->finding, sizeof(f->finding), "%s%.150s", what, detail);
}

/* The trial's standard error goes into the pipe, all else to /dev/null. 0 or -errno. */
static int start_trial(char *const *env, int err_fd, pid_t *ret_pid)
{
	char name[] = "memwhy", option[] = "--version";
	char *argv[] = { name, option, NULL };
	posix_spawn_file_actions_t actions;
	int error = posix_spawn_file_actions_init(&actions);

	if (error)
		return -error;
	error = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDWR, 0);
	if (!error)
		error = posix_spawn_file_actions_adddup2(&actions, STDIN_FILENO, STDOUT_FILENO);
	if (!error)
		error = posix_spawn_file_actions_adddup2(&actions, err_fd, STDERR_FILENO);
	if (!error)
		error = posix_spawn(ret_pid, "/proc/self/exe", &actions, NULL, argv, env);
	posix_spawn_file_actions_destroy(&actions);
	return -error;
}

/* All that fd gives until its end, cut to size, one line. False: the time was over first. */
static bool read_complaint(int fd, char *ret_text, size_t size)
{
	uint64_t end_ns = platform_now_ns() + LIMIT_NS;
	size_t used = 0;
	char rest[256];

	for (;;) {
		uint64_t now_ns = platform_now_ns();
		struct pollfd p = { .fd = fd, .events = POLLIN };
		bool room = used < size - 1;
		ssize_t n;

		if (now_ns >= end_ns || poll(&p, 1, (int)((end_ns - now_ns) / 1000000) + 1) == 0)
			return false;
		n = read(fd, room ? ret_text + used : rest, room ? size - 1 - used : sizeof(rest));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		used += room ? (size_t)n : 0;
	}
	ret_text[used] = '\0';
	ret_text[strcspn(ret_text, "\n")] = '\0';
	return true;
}

static void judge_trial(struct platform_fact *f, bool in_time, const char *complaint, int wait_status)
{
	char text[40];

	if (!in_time) {
		set_missing(f, "report this, with the name of the C library", "a process with the probe hangs", "");
	} else if (*complaint) {
		set_missing(f, "use a probe that was built for this machine and C library: make && make install",
			    "", complaint);
	} else if (!WIFEXITED(wait_status) || WEXITSTATUS(wait_status)) {
		snprintf(text, sizeof(text), "%s %d", WIFSIGNALED(wait_status) ? "signal" : "status",
			 WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : WEXITSTATUS(wait_status));
		set_missing(f, "report this, with the name of the C library", "a process with the probe ended with ", text);
	}
}

static void try_probe(struct platform_fact *f, const char *probe)
{
	char **env = launch_environment(environ, probe, NULL);
	char complaint[200] = "";
	int out[2], wait_status = 0, error;
	bool in_time;
	pid_t pid;

	if (!env || pipe2(out, O_CLOEXEC)) {
		set_missing(f, "raise ulimit -n or free some memory", "cannot try it: ", strerror(errno));
		free(env);
		return;
	}
	error = start_trial(env, out[1], &pid);
	free(env);
	close(out[1]);
	if (error) {
		set_missing(f, "it needs /proc, a process (ulimit -u) and memory", "cannot try it: ", strerror(-error));
		close(out[0]);
		return;
	}
	in_time = read_complaint(out[0], complaint, sizeof(complaint));
	close(out[0]);
	if (!in_time)
		kill(pid, SIGKILL);
	while (waitpid(pid, &wait_status, 0) < 0 && errno == EINTR)
		;
	judge_trial(f, in_time, complaint, wait_status);
}

void preload_fact(struct platform_fact *ret_fact)
{
	struct platform_fact f = { .name = "preload", .state = PLATFORM_FACT_OK, .advice = "" };
	char probe[PATH_MAX] = "";
	int error = launch_find_probe(probe, sizeof(probe));

	if (error == -EINVAL) {
		set_missing(&f, "install memwhy in a folder without blanks and colons, or set MEMWHY_PROBE_LIB",
			    "LD_PRELOAD cannot take this path: ", probe);
	} else if (error) {
		set_missing(&f, "make install, or set MEMWHY_PROBE_LIB to where it is", "no probe at ", probe);
	} else {
		snprintf(f.finding, sizeof(f.finding), "%.190s", probe);
		try_probe(&f, probe);
	}
	*ret_fact = f;
}
