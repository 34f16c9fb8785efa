/* SPDX-License-Identifier: MIT */
/*
 * exec_hooks.c - memwhy's variables go back into what the target hands to exec, when
 * children are followed and the probe fits the file: into another libc or a setuid
 * program it must not go, ld.so would complain on the target's standard error. When the
 * process itself is replaced (not a vfork child), the collector looks at it once more.
 * Everything lives on the stack: the caller may be a vfork child or a signal handler.
 */
#define _GNU_SOURCE
#include "life.h"
#include "../src/exec_kind.h"

#include <alloca.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>

#define EXEC_WAIT_MS 2000u
/* Longer environments go without memwhy: there might not be stack enough. */
#define ENVIRONMENT_MAX (256u << 10)

struct plan {
	size_t bytes;  /* of the buffer for env_put(); 0: pass the environment as it is */
	bool replaces; /* the process, as far as one can tell */
	uint32_t state; /* before it was announced */
};

/* After chroot, or as another user, the file may be out of reach. */
static bool library_is_readable(void)
{
	long err = life_syscall(SYS_faccessat2, AT_FDCWD, life.ours.library, R_OK, AT_EACCESS);
	if (err == -ENOSYS)
		err = life_syscall(SYS_faccessat, AT_FDCWD, life.ours.library, R_OK);
	return !life.ours.library[0] || err == 0;
}

static struct plan make_plan(const struct exec_kind *k, bool by_shell, char *const *envp)
{
	struct plan p = { 0, k->error == 0 || (by_shell && k->error == ENOEXEC), 0 };
	if (!life.known || !life.follow || !p.replaces || !exec_kind_takes_preload(k) || !library_is_readable())
		return p;
	size_t bytes = env_put_size(envp, &life.ours);
	p.bytes = bytes <= ENVIRONMENT_MAX ? bytes : 0;
	return p;
}

/* Is there anything to find out? Also starts the probe when nothing has yet. */
static bool is_concerned(void)
{
	if (!probe.started)
		probe_start();
	return life.known && (life.follow || probe.on);
}

static struct plan plan_path(const char *path, char *const *envp)
{
	struct exec_kind k;
	int old;
	if (!is_concerned() || !path)
		return (struct plan){ 0, false, 0 };
	/* Looking at the file must not become a cancellation point of exec. */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
	exec_kind(path, &k);
	pthread_setcancelstate(old, NULL);
	return make_plan(&k, false, envp);
}

/* Room for the longest name that the search can make, as the stack may be a small one. */
static size_t search_room(const char *name, const char *path)
{
	size_t longest = sizeof "/usr/bin";
	while (path && *path) {
		size_t n = strcspn(path, ":");
		longest = n > longest ? n : longest;
		path += n + (path[n] == ':');
	}
	size_t room = longest + strlen(name) + 2;
	return room < PATH_MAX ? room : PATH_MAX;
}

static struct plan plan_search(const char *name, char *const *envp)
{
	struct exec_kind k;
	int old, err;
	if (!is_concerned() || !name)
		return (struct plan){ 0, false, 0 };
	const char *path = env_get(environ, "PATH");
	size_t room = search_room(name, path);
	char found[room];
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
	err = exec_kind_search(name, path, found, room, &k);
	pthread_setcancelstate(old, NULL);
	return err == -ENAMETOOLONG ? (struct plan){ 0, false, 0 } : make_plan(&k, true, envp);
}

/* The environment to pass on; in the caller's frame, for alloca. */
#define PLANNED_ENVIRONMENT(plan, envp) \
	((plan).bytes ? env_put(envp, &life.ours, alloca((plan).bytes)) : (envp))

/* Before exec, if it replaces the process that the shadow belongs to. */
static void announce(struct plan *p)
{
	if (!p->replaces || !life_owns_process())
		p->replaces = false;
	if (!p->replaces)
		return;
	probe_event(WIRE_EVENT_EXEC, 0, 0, 0, 0);
	probe_request(WIRE_REQUEST_EXEC, true, EXEC_WAIT_MS);
	if (probe.on)
		p->state = __atomic_exchange_n(&probe.control->state, WIRE_STATE_EXECING, __ATOMIC_ACQ_REL);
}

/* exec failed: the process goes on as it was. */
static int retract(const struct plan *p)
{
	if (p->replaces && probe.on && p->state)
		__atomic_store_n(&probe.control->state, p->state, __ATOMIC_RELEASE);
	return -1;
}

static int no_function(void)
{
	errno = ENOSYS;
	return -1;
}

static int exec_path(const char *path, char *const argv[], char *const envp[])
{
	if (!REAL(execve))
		return no_function();
	struct plan plan = plan_path(path, envp);
	char *const *env = PLANNED_ENVIRONMENT(plan, envp);
	announce(&plan);
	real.execve(path, argv, env);
	return retract(&plan);
}

static int exec_search(const char *name, char *const argv[], char *const envp[])
{
	if (!REAL(execvpe))
		return no_function();
	struct plan plan = plan_search(name, envp);
	char *const *env = PLANNED_ENVIRONMENT(plan, envp);
	announce(&plan);
	real.execvpe(name, argv, env);
	return retract(&plan);
}

PROBE_EXPORT int execve(const char *path, char *const argv[], char *const envp[])
{
	return exec_path(path, argv, envp);
}

PROBE_EXPORT int execv(const char *path, char *const argv[])
{
	return exec_path(path, argv, environ);
}

PROBE_EXPORT int execvp(const char *name, char *const argv[])
{
	return exec_search(name, argv, environ);
}

PROBE_EXPORT int execvpe(const char *name, char *const argv[], char *const envp[])
{
	return exec_search(name, argv, envp);
}

/* The arguments of an execl up to its NULL as an array, `rest` left behind it. */
#define COLLECT_ARGUMENTS(argv, first, rest)                                  \
	size_t count = 1;                                                     \
	va_start(rest, first);                                                \
	while (count < INT_MAX && va_arg(rest, char *))                       \
		count++;                                                      \
	va_end(rest);                                                         \
	char **argv = alloca((count + 1) * sizeof *argv);                     \
	argv[0] = (char *)(uintptr_t)first;                                   \
	va_start(rest, first);                                                \
	for (size_t i = 1; i <= count; i++)                                   \
		argv[i] = va_arg(rest, char *)

PROBE_EXPORT int execl(const char *path, const char *first, ...)
{
	va_list rest;
	COLLECT_ARGUMENTS(argv, first, rest);
	va_end(rest);
	return exec_path(path, argv, environ);
}

PROBE_EXPORT int execle(const char *path, const char *first, ...)
{
	va_list rest;
	COLLECT_ARGUMENTS(argv, first, rest);
	char *const *envp = va_arg(rest, char *const *);
	va_end(rest);
	return exec_path(path, argv, envp);
}

PROBE_EXPORT int execlp(const char *name, const char *first, ...)
{
	va_list rest;
	COLLECT_ARGUMENTS(argv, first, rest);
	va_end(rest);
	return exec_search(name, argv, environ);
}

static char *put_text(char *to, const char *text)
{
	size_t n = strlen(text);
	memcpy(to, text, n + 1);
	return to + n;
}

/* "/proc/self/fd/N": a name for what a descriptor refers to. */
static char *name_descriptor(char *to, int fd)
{
	char digits[12], *p = digits + sizeof digits;
	unsigned n = (unsigned)fd;
	*--p = 0;
	do
		*--p = (char)('0' + n % 10);
	while (n /= 10);
	return put_text(put_text(to, "/proc/self/fd/"), p);
}

/* The path by which exec_kind() sees what execveat would run; NULL: can't be named. */
static const char *name_at(int dirfd, const char *path, char *buffer, size_t size)
{
	if (!path || path[0] == '/' || (dirfd == AT_FDCWD && path[0]))
		return path;
	if (dirfd < 0 || strlen(path) + 32 > size)
		return NULL;
	char *end = name_descriptor(buffer, dirfd);
	if (path[0])
		put_text(put_text(end, "/"), path);
	return buffer;
}

static size_t name_room(const char *path)
{
	size_t n = path ? strlen(path) : 0;
	return (n < PATH_MAX ? n : 0) + 32;
}

PROBE_EXPORT int fexecve(int fd, char *const argv[], char *const envp[])
{
	char name[64];
	if (!REAL(fexecve))
		return no_function();
	struct plan plan = plan_path(name_at(fd, "", name, sizeof name), envp);
	char *const *env = PLANNED_ENVIRONMENT(plan, envp);
	announce(&plan);
	real.fexecve(fd, argv, env);
	return retract(&plan);
}

int execveat(int dirfd, const char *path, char *const argv[], char *const envp[], int flags);
PROBE_EXPORT int execveat(int dirfd, const char *path, char *const argv[], char *const envp[], int flags)
{
	/* The header promises that it is not NULL, a target may break that promise. */
	__asm__("" : "+r"(path));
	size_t room = name_room(path);
	char name[room];
	if (!REAL(execveat))
		return no_function();
	struct plan plan = plan_path(name_at(dirfd, path, name, room), envp);
	char *const *env = PLANNED_ENVIRONMENT(plan, envp);
	announce(&plan);
	real.execveat(dirfd, path, argv, env, flags);
	return retract(&plan);
}

PROBE_EXPORT int posix_spawn(pid_t *ret_pid, const char *path, const posix_spawn_file_actions_t *actions,
			     const posix_spawnattr_t *attributes, char *const argv[], char *const envp[])
{
	if (!REAL(posix_spawn))
		return ENOSYS;
	struct plan plan = plan_path(path, envp);
	return real.posix_spawn(ret_pid, path, actions, attributes, argv, PLANNED_ENVIRONMENT(plan, envp));
}

PROBE_EXPORT int posix_spawnp(pid_t *ret_pid, const char *name, const posix_spawn_file_actions_t *actions,
			      const posix_spawnattr_t *attributes, char *const argv[], char *const envp[])
{
	if (!REAL(posix_spawnp))
		return ENOSYS;
	struct plan plan = plan_search(name, envp);
	return real.posix_spawnp(ret_pid, name, actions, attributes, argv, PLANNED_ENVIRONMENT(plan, envp));
}
