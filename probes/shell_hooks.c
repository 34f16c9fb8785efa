/* SPDX-License-Identifier: MIT */
/*
 * shell_hooks.c - system() and popen() start a shell inside libc, with the process's
 * own environment. system() is done here by posix_spawn, as POSIX describes it: the real
 * one would need a changed `environ` for as long as the command runs, before the eyes of
 * the other threads. popen() needs it only for a moment: the real one is called with
 * `environ` pointing at a list in memory that stays valid for whoever still reads it.
 */
#define _GNU_SOURCE
#include "life.h"
#include "../src/exec_kind.h"

#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static bool is_followed(void)
{
	if (!probe.started)
		probe_start();
	return life.known && life.follow;
}

/* --- system ------------------------------------------------------------------- */
/* SIGINT and SIGQUIT are ignored while any thread waits in system(). */
static pthread_mutex_t waiters_lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned waiters; /* guarded by waiters_lock, as the two below */
static struct sigaction old_int, old_quit;

struct shell {
	sigset_t old_mask;
	pid_t pid;
};

static void ignore_signals(struct shell *s)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	sigset_t block;
	pthread_mutex_lock(&waiters_lock);
	if (waiters++ == 0) {
		sigaction(SIGINT, &ignore, &old_int);
		sigaction(SIGQUIT, &ignore, &old_quit);
	}
	pthread_mutex_unlock(&waiters_lock);
	sigemptyset(&block);
	sigaddset(&block, SIGCHLD);
	pthread_sigmask(SIG_BLOCK, &block, &s->old_mask);
}

static void restore_signals(const struct shell *s)
{
	pthread_mutex_lock(&waiters_lock);
	if (--waiters == 0) {
		sigaction(SIGINT, &old_int, NULL);
		sigaction(SIGQUIT, &old_quit, NULL);
	}
	pthread_mutex_unlock(&waiters_lock);
	pthread_sigmask(SIG_SETMASK, &s->old_mask, NULL);
}

/* The thread was cancelled while it waited: the shell goes with it. */
static void end_shell(void *arg)
{
	struct shell *s = arg;
	int status;
	kill(s->pid, SIGKILL);
	while (waitpid(s->pid, &status, 0) < 0 && errno == EINTR)
		;
	restore_signals(s);
}

static int spawn_shell(struct shell *s, const char *command)
{
	char *const argv[] = { (char *)(uintptr_t)"sh", (char *)(uintptr_t)"-c",
			       (char *)(uintptr_t)command, NULL };
	posix_spawnattr_t attributes;
	sigset_t defaults;
	sigemptyset(&defaults);
	if (old_int.sa_handler != SIG_IGN)
		sigaddset(&defaults, SIGINT);
	if (old_quit.sa_handler != SIG_IGN)
		sigaddset(&defaults, SIGQUIT);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &s->old_mask);
	posix_spawnattr_setsigdefault(&attributes, &defaults);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	int err = posix_spawn(&s->pid, "/bin/sh", NULL, &attributes, argv, environ);
	posix_spawnattr_destroy(&attributes);
	return err;
}

static int wait_for_shell(struct shell *s)
{
	int status = -1;
	pid_t got;
	pthread_cleanup_push(end_shell, s);
	do
		got = waitpid(s->pid, &status, 0);
	while (got < 0 && errno == EINTR);
	pthread_cleanup_pop(0);
	return got == s->pid ? status : -1;
}

static int run_shell(const char *command)
{
	struct shell s;
	ignore_signals(&s);
	int err = spawn_shell(&s, command);
	int status = err == 0 ? wait_for_shell(&s) : W_EXITCODE(127, 0);
	restore_signals(&s);
	if (err != 0)
		errno = err;
	return status;
}

PROBE_EXPORT int system(const char *command)
{
	if (!is_followed() && REAL(system))
		return real.system(command);
	return command ? run_shell(command) : run_shell("exit 0") == 0;
}

/* --- popen -------------------------------------------------------------------- */
/* A list is overwritten at the earliest LISTS calls later: nobody reads it that long. */
#define LISTS 4u
static struct { void *at; size_t bytes; } lists[LISTS]; /* guarded by list_lock */
static uint32_t list_lock, list_next;

static void *list_buffer(size_t bytes)
{
	uint32_t i = list_next++ % LISTS;
	if (lists[i].bytes >= bytes)
		return lists[i].at;
	if (lists[i].at)
		life_syscall(SYS_munmap, lists[i].at, lists[i].bytes);
	lists[i].bytes = 0;
	long at = life_syscall(SYS_mmap, 0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	lists[i].at = at < 0 && at > -4096 ? NULL : (void *)at;
	if (lists[i].at)
		lists[i].bytes = bytes;
	return lists[i].at;
}

static bool lock_lists(void)
{
	for (int tries = 0; tries < 1000; tries++) {
		if (__atomic_exchange_n(&list_lock, 1, __ATOMIC_ACQUIRE) == 0)
			return true;
		sched_yield();
	}
	return false; /* held across a fork by a thread that is not here */
}

static bool shell_takes_preload(void)
{
	struct exec_kind k;
	return exec_kind("/bin/sh", &k) == 0 && exec_kind_takes_preload(&k);
}

static FILE *popen_followed(const char *command, const char *mode)
{
	struct env_ours scratch;
	char **old = environ;
	void *buffer = list_buffer(env_put_size(old, &life.ours));
	if (!buffer)
		return real.popen(command, mode);
	char **put = (char **)(uintptr_t)env_put(old, &life.ours, buffer);
	environ = put;
	FILE *f = real.popen(command, mode);
	if (environ == put)
		environ = old;
	else if (environ) /* another thread called setenv, which made a list of its own of ours */
		env_take(environ, &scratch);
	return f;
}

PROBE_EXPORT FILE *popen(const char *command, const char *mode)
{
	if (!REAL(popen)) {
		errno = ENOSYS;
		return NULL;
	}
	if (!is_followed() || !shell_takes_preload() || !lock_lists())
		return real.popen(command, mode);
	FILE *f = popen_followed(command, mode);
	__atomic_store_n(&list_lock, 0, __ATOMIC_RELEASE);
	return f;
}
