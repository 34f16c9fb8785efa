/* SPDX-License-Identifier: MIT */
/*
 * chaos SEED [PLUGIN [DEPTH]] - a few actions, drawn from the seed: allocation, threads that
 * free each other's blocks, fork, exec of itself in place, vfork, posix_spawn, dlopen, timer
 * signals that arrive inside malloc, children killed at a random moment; then an end, drawn too.
 *
 * Model: the exit status depends on the seed alone, never on timing: a process that is to be
 * killed waits for it, and a child's status is part of its parent's. A hang is a failure: the
 * driver puts a time limit on every launch. Output is one line, from the outermost process.
 */
#include "say.h"
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <spawn.h>
#include <sys/time.h>
#include <sys/wait.h>

enum { SLOTS = 300, MAX_DEPTH = 3 };
extern char **environ;
static uint64_t state;
static const char *plugin;
static char self[4096];
static int depth;
static unsigned outcome;
static void *slot[SLOTS];
static volatile sig_atomic_t ticks;

static uint32_t draw(uint32_t below)
{
	return next_random(&state) % below;
}

static void churn(uint32_t operations)
{
	uint64_t own = state;
	for (uint32_t i = 0; i < operations; i++) {
		void **p = &slot[next_random(&own) % SLOTS];
		void *old = __atomic_exchange_n(p, NULL, __ATOMIC_ACQ_REL);
		uint32_t n = next_random(&own) % (i % 64 ? 500 : 200000);
		void *fresh = i % 5 ? malloc(n) : realloc(old, n + 1);
		if (i % 5)
			free(old);
		if (fresh != NULL && n > 0)
			memset(fresh, 1, 1);
		free(__atomic_exchange_n(p, fresh, __ATOMIC_ACQ_REL));
	}
}

static void on_tick(int number)
{
	ticks++;
}

static void tick(long period_us)
{
	struct sigaction action = { .sa_handler = on_tick, .sa_flags = SA_RESTART };
	struct itimerval every = { { 0, period_us }, { 0, period_us } };
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
}

static void signals(void)
{
	tick(100 + (long)draw(400));
	churn(20000);
	tick(0);
}

static void *thread_work(void *arg)
{
	churn((uint32_t)(uintptr_t)arg);
	return NULL;
}

static void threads(void)
{
	pthread_t thread[12];
	uint32_t n = 1 + draw(COUNT(thread)), work = draw(2000);
	uint32_t started = 0;
	for (uint32_t i = 0; i < n; i++)
		started += pthread_create(&thread[started], NULL, thread_work, (void *)(uintptr_t)work) == 0;
	for (uint32_t i = 0; i < started; i++)
		pthread_join(thread[i], NULL);
}

static void add_status(pid_t pid)
{
	int status = 0;
	pid_t got;
	while ((got = waitpid(pid, &status, 0)) < 0 && errno == EINTR)
		;
	outcome = outcome * 31 + (got != pid ? 255u : (unsigned)(WIFSIGNALED(status) ? 128 + WTERMSIG(status)
								 : WEXITSTATUS(status)));
}

static void run_plan(void) __attribute__((noreturn));

/* The child goes on with a plan of its own, on the inherited heap. */
static void fork_child(void)
{
	uint64_t child_state = state ^ 0x9e3779b97f4a7c15ull;
	draw(2);
	pid_t pid = fork();
	if (pid == 0) {
		state = child_state;
		depth++;
		outcome = 0;
		run_plan();
	}
	add_status(pid);
}

/* A child at work until it is killed, at a moment nobody knows. */
static void kill_child(void)
{
	useconds_t moment = draw(3000);
	int signal_number = draw(2) ? SIGKILL : SIGTERM;
	pid_t pid = fork();
	if (pid == 0)
		for (;;)
			churn(100);
	usleep(moment);
	kill(pid, signal_number);
	add_status(pid);
}

static char **own_argv(void)
{
	static char seed[32], deep[16];
	static char *argv[5];
	snprintf(seed, sizeof seed, "%u", draw(1u << 30));
	snprintf(deep, sizeof deep, "%d", depth + 1);
	argv[0] = self;
	argv[1] = seed;
	argv[2] = (char *)plugin;
	argv[3] = deep;
	return argv;
}

static void vfork_exec(void)
{
	char **argv = own_argv();
	pid_t pid = vfork();
	if (pid == 0) {
		execve(self, argv, environ);
		_exit(126);
	}
	add_status(pid);
}

static void spawn(void)
{
	pid_t pid;
	if (posix_spawn(&pid, self, NULL, NULL, own_argv(), environ) == 0)
		add_status(pid);
}

/* Other threads are inside malloc while the image is replaced. */
static void exec_in_place(void)
{
	pthread_t t;
	char **argv = own_argv();
	if (draw(2))
		pthread_create(&t, NULL, thread_work, (void *)(uintptr_t)100000000);
	execve(self, argv, environ);
	_exit(126);
}

static void load(void)
{
	for (uint32_t n = 1 + draw(4); n > 0; n--) {
		void *module = *plugin ? dlopen(plugin, RTLD_NOW) : NULL;
		if (module != NULL && draw(4))
			dlclose(module);
	}
}

static void some_memory(void)
{
	churn(draw(30000));
}

static void wait_for_death(int number)
{
	pid_t me = getpid(), pid;
	useconds_t moment = draw(2000);
	pid = fork();
	if (pid == 0) {
		usleep(moment);
		kill(me, number);
		_exit(0);
	}
	for (;;)
		churn(100);
}

/* With a thread inside malloc, as the process goes. */
static void busy_exit(void)
{
	pthread_t t;
	int status = (int)(outcome % 100);
	pthread_create(&t, NULL, thread_work, (void *)(uintptr_t)100000000);
	usleep(draw(500));
	_exit(status);
}

static void finish(void)
{
	int status = (int)(outcome % 100);
	if (depth == 0)
		say("outcome %u\n", outcome);
	switch (draw(10)) {
	case 0: _exit(status);
	case 1: abort();
	case 2: end_by("segv", 0);
	case 3: end_by("term", 0);
	case 4: wait_for_death(SIGKILL); break;
	case 5: wait_for_death(SIGTERM); break;
	case 6: busy_exit(); break;
	default: exit(status);
	}
	_exit(97);
}

static void run_plan(void)
{
	static void (*const actions[])(void) = { some_memory, some_memory, signals, threads, threads, load,
		fork_child, kill_child, vfork_exec, spawn, exec_in_place };
	uint32_t few = COUNT(actions) - (depth >= MAX_DEPTH ? 5u : 0u);
	for (uint32_t n = 1 + draw(depth ? 3 : 6); n > 0; n--)
		actions[draw(few)]();
	finish();
	_exit(96);
}

int main(int argc, char **argv)
{
	MUST(argc > 1);
	plugin = argc > 2 ? argv[2] : "";
	depth = argc > 3 ? atoi(argv[3]) : 0;
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	MUST(n > 0);
	state = strtoull(argv[1], NULL, 10) * 2862933555777941757ull + 3037000493ull;
	draw(2);
	run_plan();
}
