/* SPDX-License-Identifier: MIT */
/*
 * surround - what a process can see of its surroundings, one line each, in a form that two
 * runs can be compared by.
 *
 * Model: with and without memwhy every line is the same: arguments, environment in its
 * order, open descriptors with kind and flags, signal mask, pending set and dispositions,
 * umask, limits, working directory, priority, process group and session (as relations, not
 * numbers), prctl flags, alternate stack, timers, thread count.
 * "surround exec" execs itself once first; "surround threads" adds what a thread sees.
 */
#include "say.h"
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>

extern char **environ;

static void descriptors(void)
{
	for (int fd = 0; fd < 1100; fd++) {
		struct stat st;
		if (fstat(fd, &st))
			continue;
		say("fd %d kind %o fd-flags %d status-flags %o\n", fd, st.st_mode & S_IFMT,
		    fcntl(fd, F_GETFD), fcntl(fd, F_GETFL) & ~O_LARGEFILE);
	}
}

static void signals(void)
{
	sigset_t blocked, pending;
	stack_t stack;
	sigprocmask(SIG_BLOCK, NULL, &blocked);
	sigpending(&pending);
	for (int s = 1; s < NSIG; s++) {
		struct sigaction action;
		if (sigaction(s, NULL, &action))
			continue;
		say("signal %d blocked %d pending %d disposition %s flags %x\n", s, sigismember(&blocked, s),
		    sigismember(&pending, s), action.sa_handler == SIG_DFL ? "default" :
		    action.sa_handler == SIG_IGN ? "ignored" : "handler", (unsigned)action.sa_flags);
	}
	sigaltstack(NULL, &stack);
	say("sigaltstack flags %d size %zu\n", stack.ss_flags, stack.ss_size);
}

static void limits(void)
{
	for (int r = 0; r < RLIM_NLIMITS; r++) {
		struct rlimit l;
		if (getrlimit((__rlimit_resource_t)r, &l) == 0)
			say("limit %d %lx %lx\n", r, l.rlim_cur, l.rlim_max);
	}
}

static void relations(void)
{
	mode_t mask = umask(0);
	char cwd[4096], name[32] = "";
	umask(mask);
	prctl(PR_GET_NAME, name);
	say("umask %o cwd %s name %s\n", mask, getcwd(cwd, sizeof cwd), name);
	say("own group %d session leader %d terminal %d\n", getpgrp() == getpid(), getsid(0) == getpid(),
	    tcgetpgrp(0) == getpgrp());
	say("nice %d uid %d %d gid %d %d\n", getpriority(PRIO_PROCESS, 0), getuid(), geteuid(), getgid(), getegid());
	say("dumpable %d keepcaps %d subreaper %d no-new-privs %d thp-disable %d seccomp %d\n",
	    prctl(PR_GET_DUMPABLE), prctl(PR_GET_KEEPCAPS), 0, prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0),
	    prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0), prctl(PR_GET_SECCOMP));
	int death = 0, reaper = 0;
	prctl(PR_GET_PDEATHSIG, &death);
	prctl(PR_GET_CHILD_SUBREAPER, &reaper);
	say("parent-death signal %d subreaper %d\n", death, reaper);
}

static void timers(void)
{
	for (int which = 0; which < 3; which++) {
		struct itimerval t;
		getitimer((__itimer_which_t)which, &t);
		say("timer %d %ld %ld\n", which, (long)t.it_value.tv_sec, (long)t.it_interval.tv_usec);
	}
}

static void threads(void)
{
	int n = 0;
	DIR *d = opendir("/proc/self/task");
	for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;)
		n += e->d_name[0] != '.';
	if (d != NULL)
		closedir(d);
	say("tasks %d errno-at-start %d\n", n, 0);
}

static void everything(void)
{
	for (char **e = environ; *e != NULL; e++) {
		say("env ");
		for (const char *at = *e; *at != 0; at += strnlen(at, 900)) /* say() has a line of 1 KiB */
			say("%.900s", at);
		say("\n");
	}
	say("getenv %s %s\n", getenv("LD_PRELOAD") ? getenv("LD_PRELOAD") : "-", getenv("MEMWHY_PROBE") ? "seen" : "-");
	descriptors();
	signals();
	limits();
	relations();
	timers();
	threads();
}

static void *in_thread(void *arg)
{
	sigset_t blocked;
	pthread_sigmask(SIG_BLOCK, NULL, &blocked);
	for (int s = 1; s < NSIG; s++)
		if (sigismember(&blocked, s) == 1)
			say("thread blocks %d\n", s);
	return arg;
}

int main(int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		say("arg %s\n", i == 0 ? strrchr(argv[0], '/') : argv[i]);
	if (argc > 1 && !strcmp(argv[1], "exec")) {
		argv[1] = (char *)"after-exec";
		execv("/proc/self/exe", argv);
		_exit(126);
	}
	everything();
	if (argc > 1 && !strcmp(argv[1], "threads")) {
		pthread_t t;
		MUST(pthread_create(&t, NULL, in_thread, NULL) == 0);
		pthread_join(t, NULL);
	}
	return 0;
}
