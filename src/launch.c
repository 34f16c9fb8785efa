/* SPDX-License-Identifier: MIT */
/*
 * vfork, restore, exec; see launch.h. The child runs in memwhy's memory until the exec,
 * so a variable tells whether that succeeded, and no descriptor is needed for it. All
 * signals are blocked meanwhile, so that no handler of memwhy's runs in the child.
 */
#include "launch.h"
#include "command.h"
#include "wire.h"
#include "wire_identify.h"

#include <errno.h>
#include <fcntl.h>
#include <paths.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROBE_NAME "libmemwhy-probe.so"
#define PRELOAD "LD_PRELOAD"
#define FILES_WANTED 8192 /* a few for each process that is followed */

/* What is memwhy's own business with signals: at its start, and while the target runs. */
static void pass_on(int number, siginfo_t *info, void *context);
struct own_signal { int number; bool from_start; void (*handler)(int); };
static const struct own_signal own_signals[] = {
	{ SIGXFSZ, true, SIG_IGN }, { SIGPIPE, true, SIG_IGN }, { SIGCHLD, true, SIG_DFL },
	{ SIGINT, false, SIG_IGN }, { SIGQUIT, false, SIG_IGN },
	{ SIGTSTP, false, SIG_IGN }, { SIGTTIN, false, SIG_IGN }, { SIGTTOU, false, SIG_IGN },
	{ SIGTERM, false, NULL }, { SIGHUP, false, NULL }, /* NULL: pass_on */
};
#define OWN_SIGNALS (sizeof own_signals / sizeof *own_signals)
static const int own_limits[] = { RLIMIT_FSIZE, RLIMIT_NOFILE };
#define OWN_LIMITS (sizeof own_limits / sizeof *own_limits)

static struct {
	struct sigaction actions[OWN_SIGNALS];
	struct rlimit limits[OWN_LIMITS];
	bool limits_known[OWN_LIMITS];
	sigset_t mask;
} original;
static volatile pid_t target; /* whom signals are passed on to; 0: nobody */

/* ---- memwhy's own process ------------------------------------------------------ */

void launch_secure_streams(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
			/* lowest free number first; close-on-exec: closed again in the target */
			if (open("/dev/null", O_RDWR | O_CLOEXEC) < 0)
				return;
}

/* The kernel sends the terminal's own signals to the whole group: the target had them. */
static void pass_on(int number, siginfo_t *info, void *context)
{
	int saved = errno;
	if (target > 0 && info->si_code <= 0)
		kill(target, number);
	errno = saved;
}

static void take_signals(bool from_start)
{
	for (size_t i = 0; i < OWN_SIGNALS; i++) {
		struct sigaction a;
		if (own_signals[i].from_start != from_start)
			continue;
		memset(&a, 0, sizeof a);
		sigfillset(&a.sa_mask);
		a.sa_flags = SA_RESTART;
		a.sa_handler = own_signals[i].handler;
		if (!own_signals[i].handler) {
			a.sa_flags |= SA_SIGINFO;
			a.sa_sigaction = pass_on;
		}
		sigaction(own_signals[i].number, &a, &original.actions[i]);
	}
}

static void raise_limit(size_t i)
{
	struct rlimit higher;
	original.limits_known[i] = getrlimit(own_limits[i], &original.limits[i]) == 0;
	if (!original.limits_known[i])
		return;
	higher = original.limits[i];
	higher.rlim_cur = higher.rlim_max;
	if (own_limits[i] == RLIMIT_NOFILE && higher.rlim_max < FILES_WANTED) {
		const struct rlimit most = { FILES_WANTED, FILES_WANTED };
		if (setrlimit(own_limits[i], &most) == 0) /* root may */
			return;
	}
	setrlimit(own_limits[i], &higher);
}

void launch_begin(void)
{
	for (size_t i = 0; i < OWN_LIMITS; i++)
		raise_limit(i);
	take_signals(true);
}

void launch_end(void)
{
	target = 0;
	for (size_t i = 0; i < OWN_SIGNALS; i++)
		if (!own_signals[i].from_start)
			sigaction(own_signals[i].number, &original.actions[i], NULL);
}

void launch_die_of(int signal_number)
{
	const struct rlimit none = { 0, 0 };
	sigset_t one;
	setrlimit(RLIMIT_CORE, &none);
	signal(signal_number, SIG_DFL);
	sigemptyset(&one);
	sigaddset(&one, signal_number);
	sigprocmask(SIG_UNBLOCK, &one, NULL);
	raise(signal_number);
	_exit(128 + signal_number); /* init of a pid namespace doesn't die of signals */
}

/* ---- the command --------------------------------------------------------------- */

int launch_find(char *const *argv, struct launch_command *ret_command)
{
	struct launch_command c = { .argv = argv };
	int error = exec_kind_search(argv[0], getenv("PATH"), c.path, sizeof c.path, &c.kind);
	if (error == -ENAMETOOLONG) {
		c.kind.kind = EXEC_NOT_FOUND;
		snprintf(c.path, sizeof c.path, "%.64s...", argv[0]);
	} else if (error == -ENOEXEC && c.kind.kind == EXEC_DYNAMIC) {
		error = 0; /* a text: /bin/sh runs it, as execvp has it */
	}
	*ret_command = c;
	return error;
}

int launch_explain(const struct launch_command *command, int error, char *ret_text, size_t size)
{
	const struct exec_kind *k = &command->kind;
	switch (k->kind) {
	case EXEC_NOT_FOUND:
		snprintf(ret_text, size, "command not found%s", strchr(command->argv[0], '/') ? "" : " in PATH");
		return EXIT_NOT_FOUND;
	case EXEC_DIRECTORY:
		snprintf(ret_text, size, "is a directory, name a program in it");
		break;
	case EXEC_NOT_EXECUTABLE:
		snprintf(ret_text, size, "not executable (%s), see its permissions or run it by its interpreter", strerror(error));
		break;
	case EXEC_NO_INTERPRETER:
		snprintf(ret_text, size, "its interpreter %s cannot be run (%s), install it or correct the first line",
			 k->interpreter, strerror(error));
		break;
	case EXEC_TOO_DEEP:
		snprintf(ret_text, size, "is a script of scripts, more than %d deep", EXEC_SCRIPT_DEPTH);
		break;
	case EXEC_FOREIGN:
		snprintf(ret_text, size, "a 32-bit program or one for another machine, which this one cannot run (%s)", strerror(error));
		break;
	default:
		snprintf(ret_text, size, "cannot be run: %s", strerror(error));
	}
	return EXIT_NOT_EXECUTABLE;
}

/* ---- the probe ------------------------------------------------------------------- */

/* memwhy in a build tree is DIR/.libs/memwhy or DIR/memwhy, the probe DIR/.libs/PROBE_NAME. */
static bool find_in_build_tree(char *ret_path, size_t size)
{
	char exe[PATH_MAX], path[PATH_MAX + 64];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
	if (n <= 0)
		return false;
	exe[n] = 0;
	char *slash = strrchr(exe, '/');
	if (!slash)
		return false;
	*slash = 0;
	slash = strrchr(exe, '/');
	bool in_libs = slash && !strcmp(slash, "/.libs");
	snprintf(path, sizeof path, "%s%s/" PROBE_NAME, exe, in_libs ? "" : "/.libs");
	if (access(path, R_OK) != 0 || strlen(path) >= size)
		return false;
	memcpy(ret_path, path, strlen(path) + 1);
	return true;
}

int launch_find_probe(char *ret_path, size_t size)
{
	const char *chosen = getenv("MEMWHY_PROBE_LIB");
	if (chosen && *chosen)
		snprintf(ret_path, size, "%s", chosen);
	else if (!find_in_build_tree(ret_path, size))
		snprintf(ret_path, size, "%s", PROBE_DIR "/" PROBE_NAME);
	if (access(ret_path, R_OK) != 0)
		return -ENOENT;
	return strpbrk(ret_path, " :") ? -EINVAL : 0;
}

/* ---- the environment --------------------------------------------------------------- */

static bool is_variable(const char *entry, const char *name)
{
	size_t n = strlen(name);
	return !strncmp(entry, name, n) && entry[n] == '=';
}

/* ld.so takes the last one where there are several. */
static const char *last_preload(char *const *env)
{
	const char *last = NULL;
	for (; *env; env++)
		if (is_variable(*env, PRELOAD))
			last = *env;
	return last;
}

static size_t count_entries(char *const *env)
{
	size_t n = 0;
	while (env[n])
		n++;
	return n;
}

/* "OURS" alone, or "OURS:THEIRS", THEIRS as it was, so that the probe can take ours out. */
static void write_preload(char *to, size_t size, const char *probe, const char *old)
{
	snprintf(to, size, PRELOAD "=%s%s%s", probe, old ? ":" : "", old ? old + sizeof PRELOAD "=" - 1 : "");
}

char **launch_environment(char *const *env, const char *probe, const char *wire)
{
	const char *old = last_preload(env);
	size_t n = 0, count = count_entries(env);
	size_t preload_size = sizeof PRELOAD "=:" + (probe ? strlen(probe) : 0) + (old ? strlen(old) : 0);
	size_t wire_size = sizeof WIRE_ENV "=" + (wire ? strlen(wire) : 0);
	char **ret = malloc((count + 3) * sizeof *ret + preload_size + wire_size);
	if (!ret)
		return NULL;
	char *preload = (char *)(ret + count + 3), *ours = preload + preload_size;
	for (size_t i = 0; i < count; i++)
		if (!is_variable(env[i], WIRE_ENV) && !is_variable(env[i], WIRE_IDENTIFY_ENV))
			ret[n++] = probe && env[i] == old ? preload : env[i];
	if (probe) {
		write_preload(preload, preload_size, probe, old);
		if (!old)
			ret[n++] = preload;
	}
	if (wire) {
		snprintf(ours, wire_size, WIRE_ENV "=%s", wire);
		ret[n++] = ours;
	}
	ret[n] = NULL;
	return ret;
}

/* ---- fork and exec ------------------------------------------------------------------ */

static void restore_original(void)
{
	for (size_t i = 0; i < OWN_LIMITS; i++)
		if (original.limits_known[i])
			setrlimit(own_limits[i], &original.limits[i]);
	for (size_t i = 0; i < OWN_SIGNALS; i++)
		sigaction(own_signals[i].number, &original.actions[i], NULL);
	sigprocmask(SIG_SETMASK, &original.mask, NULL);
}

/* Runs in the child, in memwhy's memory: system calls only. sh_argv: for a text without "#!". */
static int become(const struct launch_command *c, char *const *env, char *const *sh_argv)
{
	restore_original();
	execve(c->path, c->argv, env);
	if (errno == ENOEXEC && c->kind.error == ENOEXEC)
		execve(_PATH_BSHELL, sh_argv, env);
	return errno;
}

static char **make_sh_argv(const struct launch_command *c)
{
	size_t n = count_entries(c->argv);
	char **ret = calloc(n + 2, sizeof *ret);
	if (!ret)
		return NULL;
	ret[0] = (char *)(uintptr_t)_PATH_BSHELL;
	ret[1] = (char *)(uintptr_t)c->path;
	memcpy(ret + 2, c->argv + 1, (n - 1) * sizeof *ret);
	return ret;
}

/* The pid, or -errno of the vfork; what became of the exec is in *ret_error. */
static pid_t vfork_target(const struct launch_command *c, char *const *env, char *const *sh_argv, volatile int *ret_error)
{
	pid_t pid = vfork();
	if (pid != 0)
		return pid > 0 ? pid : -errno;
	*ret_error = become(c, env, sh_argv);
	_exit(EXIT_NOT_EXECUTABLE);
}

static pid_t start_blocked(const struct launch_command *c, char *const *env, char *const *sh_argv, volatile int *ret_error)
{
	sigset_t all;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &original.mask);
	take_signals(false);
	pid_t pid = vfork_target(c, env, sh_argv, ret_error);
	target = pid > 0 && !*ret_error ? pid : 0;
	sigprocmask(SIG_SETMASK, &original.mask, NULL);
	return pid;
}

int launch_start(const struct launch_command *command, char *const *env, pid_t *ret_pid)
{
	volatile int exec_error = 0;
	char **sh_argv = make_sh_argv(command);
	if (!sh_argv)
		return -ENOMEM;
	pid_t pid = start_blocked(command, env, sh_argv, &exec_error);
	free(sh_argv);
	if (pid > 0 && !exec_error) {
		*ret_pid = pid;
		return 0;
	}
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	launch_end();
	return pid > 0 ? -exec_error : pid;
}

/* ---- waiting -------------------------------------------------------------------------- */

static void follow_stop(pid_t pid, int signal_number)
{
	siginfo_t info;
	if (signal_number != SIGTSTP && signal_number != SIGTTIN && signal_number != SIGTTOU)
		return;
	kill(getpid(), SIGSTOP);
	/* back again: the shell continues the whole group; whoever continued memwhy alone
	 * means the target too */
	info.si_pid = 0;
	if (waitid(P_PID, (id_t)pid, &info, WCONTINUED | WNOHANG) == 0 && info.si_pid == 0)
		kill(pid, SIGCONT);
}

int launch_wait(pid_t pid)
{
	for (;;) {
		siginfo_t info, taken;
		if (waitid(P_PID, (id_t)pid, &info, WEXITED | WSTOPPED | WNOWAIT) != 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (info.si_code != CLD_STOPPED && info.si_code != CLD_TRAPPED)
			break;
		if (waitid(P_PID, (id_t)pid, &taken, WSTOPPED | WNOHANG) == 0)
			follow_stop(pid, info.si_status);
	}
	target = 0; /* the number may be used again once the zombie is gone */
	return 0;
}
