/* SPDX-License-Identifier: MIT */
/*
 * how-ended FILE SECONDS COMMAND... - runs the command and writes to FILE how it ended:
 * "exit N", "signal N" or "hang".
 *
 * Model: the shell's $? can't tell an exit status of 143 from a death by SIGTERM, and
 * timeout(1) moves the command to a process group of its own; this does neither. As the
 * subreaper it also ends what a hanging command left behind.
 */
#include "say.h"
#include <errno.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>

static pid_t child;
static volatile sig_atomic_t late;

static void on_alarm(int number)
{
	late = 1;
	kill(child, SIGKILL);
}

static void on_other(int number)
{
}

/* Descendants whose parents died have become our children. */
static void end_the_rest(void)
{
	char path[64], text[4096];
	for (int round = 0; round < 100; round++) {
		snprintf(path, sizeof path, "/proc/self/task/%d/children", getpid());
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
		if (fd >= 0)
			close(fd);
		if (n <= 0)
			return;
		text[n] = 0;
		for (char *at = text; *at != 0 && *at != '\n'; at++) {
			long pid = strtol(at, &at, 10);
			if (pid <= 0)
				break;
			kill((pid_t)pid, SIGKILL);
		}
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		usleep(2000);
	}
}

static int wait_for_child(void)
{
	int status = 0;
	for (;;) {
		pid_t pid = waitpid(-1, &status, 0);
		if (pid == child)
			return status;
		if (pid < 0 && errno != EINTR)
			return 0;
	}
}

int main(int argc, char **argv)
{
	MUST(argc > 3);
	struct itimerval limit = { { 0, 0 }, { atol(argv[2]), 0 } };
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	MUST((child = fork()) >= 0);
	if (child == 0) {
		execvp(argv[3], argv + 3);
		_exit(127);
	}
	signal(SIGALRM, on_alarm);
	signal(SIGINT, on_other);
	signal(SIGQUIT, on_other);
	setitimer(ITIMER_REAL, &limit, NULL);
	int status = wait_for_child();
	FILE *f = fopen(argv[1], "w");
	MUST(f != NULL);
	if (late)
		fprintf(f, "hang\n");
	else if (WIFSIGNALED(status))
		fprintf(f, "signal %d\n", WTERMSIG(status));
	else
		fprintf(f, "exit %d\n", WEXITSTATUS(status));
	fclose(f);
	if (late)
		end_the_rest();
	return 0;
}
