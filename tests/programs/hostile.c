/* SPDX-License-Identifier: MIT */
/*
 * hostile MODE - a program that pulls the ground from under a probe, then goes on working.
 *
 * Model: each mode does its one thing, then allocates, forks a child that allocates, starts a
 * thread, and prints a line; output and exit status are those of a run without memwhy. What
 * memwhy cannot do afterwards costs it a figure, never the program a failure.
 */
#include "say.h"
#include <dlfcn.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static char *self;

static long churn(int rounds)
{
	static void *slot[500];
	long sum = 0;
	for (int i = 0; i < rounds; i++) {
		void **p = &slot[i * 7919 % 500];
		free(*p);
		*p = malloc((size_t)(i % 3000 + 1));
		if (*p == NULL)
			return -1;
		sum += i % 3000;
	}
	return sum;
}

static void *thread_work(void *arg)
{
	free(malloc(1000));
	return arg;
}

static void go_on(const char *mode)
{
	int status = -1;
	pthread_t t;
	long sum = churn(30000);
	pid_t pid = fork();
	if (pid == 0)
		_exit(churn(3000) < 0 ? 1 : 17);
	if (pid > 0)
		waitpid(pid, &status, 0);
	int started = pthread_create(&t, NULL, thread_work, NULL);
	if (started == 0)
		pthread_join(t, NULL);
	say("%s: churn %ld child %d thread %d\n", mode, sum, WIFEXITED(status) ? WEXITSTATUS(status) : -1, started);
}

static void limit(__rlimit_resource_t resource, rlim_t to)
{
	struct rlimit l = { to, to };
	say("setrlimit %d\n", setrlimit(resource, &l));
}

static void close_from(void)
{
	closefrom(3);
}

static void close_each(void)
{
	for (int fd = 3; fd < 2000; fd++)
		close(fd);
}

static void close_range_raw(void)
{
	say("close_range %ld\n", syscall(SYS_close_range, 3u, ~0u, 0u));
}

static void close_standard(void)
{
	int keep = dup(1);
	close(0);
	close(1);
	close(2);
	churn(1000);
	MUST(open("/dev/null", O_RDONLY) == 0); /* the lowest free number, as ever */
	MUST(dup2(keep, 1) == 1 && dup2(1, 2) == 2);
	close(keep);
}

/* Room for what the program needs, but not for a probe's reservations. */
static void address_space(void)
{
	limit(RLIMIT_AS, 512u << 20);
}

static void no_files(void)
{
	limit(RLIMIT_NOFILE, 8);
}

static void no_file_size(void)
{
	signal(SIGXFSZ, SIG_DFL);
	limit(RLIMIT_FSIZE, 0);
}

static void no_data(void)
{
	limit(RLIMIT_DATA, 64u << 20);
}

static void no_memlock(void)
{
	limit(RLIMIT_MEMLOCK, 0);
}

static void undumpable(void)
{
	say("dumpable %d\n", prctl(PR_SET_DUMPABLE, 0));
}

static void unshared(void)
{
	say("unshare %d\n", unshare(CLONE_NEWNS | CLONE_NEWIPC | CLONE_FILES | CLONE_FS));
}

static void other_network(void)
{
	say("unshare %d\n", unshare(CLONE_NEWNET));
}

static void chrooted(void)
{
	char dir[4096];
	snprintf(dir, sizeof dir, "%s/chroot-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	MUST(mkdtemp(dir) != NULL);
	say("chroot %d\n", chroot(dir));
}

static void other_user(void)
{
	say("setuid %d\n", setresgid(65534, 65534, 65534) | setresuid(65534, 65534, 65534));
}

static void locked_memory(void)
{
	int status = mlockall(MCL_CURRENT | MCL_FUTURE);
	say("mlockall %s\n", status == 0 || errno == ENOMEM || errno == EPERM ? "answered" : "odd");
	munlockall();
}

/* No new sockets, memfds or opens: everything that a probe could still want. */
static void no_calls(void)
{
	static const int denied[] = { SYS_socket, SYS_connect, SYS_memfd_create, SYS_openat, SYS_open, SYS_recvmsg };
	struct sock_filter filter[2 * COUNT(denied) + 2];
	size_t n = 0;
	filter[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < COUNT(denied); i++) {
		filter[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)denied[i], 0, 1);
		filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
	}
	filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog program = { (unsigned short)n, filter };
	say("seccomp %d\n", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) | prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
}

static void empty_environment(void)
{
	clearenv();
}

/* Its own LD_PRELOAD for the program it becomes; it must arrive as it was set. */
static void own_preload(void)
{
	const char *library = getenv("HOSTILE_PRELOAD");
	setenv("LD_PRELOAD", library ? library : "", 1);
	char *argv[] = { self, (char *)"after-preload", NULL };
	execv(self, argv);
	_exit(126);
}

static void after_preload(void)
{
	say("LD_PRELOAD is '%s'\n", getenv("LD_PRELOAD"));
}

/* glibc's answers, seen through a dlsym of the program's own. */
static void own_lookup(void)
{
	void *(*real_malloc)(size_t) = (void *(*)(size_t))dlsym(RTLD_DEFAULT, "malloc");
	void (*real_free)(void *) = (void (*)(void *))dlsym(RTLD_DEFAULT, "free");
	for (int i = 1; i < 1000; i++)
		real_free(real_malloc((size_t)i));
}

/* Memory unmapped behind everybody's back, then mapped again. */
static void raw_unmap(void)
{
	char *p = must_not_be_null(malloc(8 << 20));
	memset(p, 1, 8 << 20);
	uintptr_t start = ((uintptr_t)p + PAGE) & ~(PAGE - 1);
	MUST(syscall(SYS_munmap, start, 4 << 20) == 0);
	MUST(mmap((void *)start, 4 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) !=
	     MAP_FAILED);
	free(p);
}

static const struct { const char *name; void (*run)(void); } modes[] = {
	{ "closefrom", close_from }, { "close-each", close_each }, { "close-range", close_range_raw },
	{ "close-standard", close_standard }, { "rlimit-as", address_space }, { "rlimit-nofile", no_files },
	{ "rlimit-fsize", no_file_size }, { "rlimit-data", no_data }, { "rlimit-memlock", no_memlock },
	{ "undumpable", undumpable }, { "unshare", unshared }, { "unshare-net", other_network },
	{ "chroot", chrooted }, { "setuid", other_user }, { "mlockall", locked_memory }, { "seccomp", no_calls },
	{ "clearenv", empty_environment }, { "preload", own_preload }, { "after-preload", after_preload },
	{ "dlsym", own_lookup }, { "raw-unmap", raw_unmap },
};

int main(int argc, char **argv)
{
	static char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
	self = n > 0 ? path : argv[0];
	churn(1000);
	for (size_t i = 0; argc > 1 && i < COUNT(modes); i++)
		if (!strcmp(argv[1], modes[i].name)) {
			modes[i].run();
			go_on(modes[i].name);
			return 23;
		}
	for (size_t i = 0; argc == 1 && i < COUNT(modes); i++)
		say("%s\n", modes[i].name);
	return argc == 1 ? 0 : 2;
}
