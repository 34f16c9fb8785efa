/* SPDX-License-Identifier: MIT */
/*
 * See experiment_process.h. All signals of interest are blocked and fetched, the child's end
 * (SIGCHLD) too: there is no handler, no polling, and no moment at which one is missed.
 */
#include "experiment_process.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct {
	sigset_t mask, wanted;
	struct sigaction child;
	int interrupt;            /* the first signal that asks for the end */
} own;

uint64_t experiment_now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* A signal that memwhy was told to ignore (nohup) stays ignored. */
static void want(int number)
{
	struct sigaction a;
	if (sigaction(number, NULL, &a) == 0 && a.sa_handler != SIG_IGN)
		sigaddset(&own.wanted, number);
}

void experiment_signals_begin(void)
{
	struct sigaction usual;
	memset(&usual, 0, sizeof usual);
	usual.sa_handler = SIG_DFL;
	sigemptyset(&own.wanted);
	want(SIGINT), want(SIGTERM), want(SIGHUP);
	sigaction(SIGCHLD, &usual, &own.child); /* ignored, children would leave no status */
	sigaddset(&own.wanted, SIGCHLD);
	sigprocmask(SIG_BLOCK, &own.wanted, &own.mask);
	own.interrupt = 0;
}

/* One signal, waiting so long; 0: none came. */
static int fetch(uint64_t timeout_ns)
{
	const struct timespec t = { (time_t)(timeout_ns / 1000000000), (long)(timeout_ns % 1000000000) };
	int number = sigtimedwait(&own.wanted, NULL, &t);
	if (number > 0 && number != SIGCHLD && !own.interrupt)
		own.interrupt = number;
	return number > 0 ? number : 0;
}

bool experiment_interrupted(void)
{
	while (fetch(0))
		;
	return own.interrupt != 0;
}

int experiment_signals_finish(void)
{
	experiment_interrupted();
	sigaction(SIGCHLD, &own.child, NULL);
	sigprocmask(SIG_SETMASK, &own.mask, NULL);
	return own.interrupt;
}

static void become_child(int (*body)(void *arg), void *arg)
{
	setpgid(0, 0);
	sigaction(SIGCHLD, &own.child, NULL);
	sigprocmask(SIG_SETMASK, &own.mask, NULL);
	_exit(body(arg));
}

/* True: reaped. */
static bool reap(pid_t pid, int options, struct experiment_end *e)
{
	pid_t got;
	while ((got = wait4(pid, &e->status, options, &e->used)) < 0 && errno == EINTR)
		;
	e->end_ns = experiment_now_ns();
	return got == pid;
}

static void wait_for(pid_t pid, uint64_t timeout_ns, struct experiment_end *e)
{
	const uint64_t hour_ns = 3600000000000u;
	uint64_t deadline_ns = timeout_ns ? experiment_now_ns() + timeout_ns : 0;
	while (!reap(pid, WNOHANG, e)) {
		uint64_t now_ns = experiment_now_ns();
		e->timed_out = deadline_ns && now_ns >= deadline_ns;
		if (own.interrupt || e->timed_out) {
			kill(-pid, SIGKILL);
			reap(pid, 0, e);
			return;
		}
		fetch(deadline_ns ? deadline_ns - now_ns : hour_ns);
	}
}

int experiment_process(int (*body)(void *arg), void *arg, uint64_t timeout_ns, struct experiment_end *ret_end)
{
	struct experiment_end e = { 0 };
	fflush(stdout);
	fflush(stderr);
	pid_t pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		become_child(body, arg);
	setpgid(pid, pid); /* both do: whoever is first */
	wait_for(pid, timeout_ns, &e);
	if (own.interrupt && !WIFEXITED(e.status))
		return -EINTR;
	*ret_end = e;
	return 0;
}
