/* SPDX-License-Identifier: MIT */
/*
 * identify_confine.c - see identify_confine.h. The filter names what is allowed: loading
 * shared objects, asking for facts, memory, and what the probe's server does (fork, wait, its
 * socket, a stricter filter for its children). Files open for reading only. No signal can
 * be sent: the testers end by timers of their own. All else isn't implemented (ENOSYS).
 */
#include "identify_confine.h"

#include "wire_identify.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CPU_SECONDS 3
#define FIELD(name) offsetof(struct seccomp_data, name)
#define LOW(n)      (offsetof(struct seccomp_data, args) + 8 * (n))
#define LOAD(at)    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at)
#define GIVE(what)  BPF_STMT(BPF_RET | BPF_K, what)
#define FAIL(error) GIVE(SECCOMP_RET_ERRNO | (error))
#define ALLOW       GIVE(SECCOMP_RET_ALLOW)
/* The next n instructions are for this value only; else they are skipped. */
#define IF(value, n)       BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, n)
#define IF_ABOVE(value, n) BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, value, 0, n)
#define IF_BITS(value, n)  BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, value, 0, n)
#define MAY(call)          IF(SYS_##call, 1), ALLOW
/* Argument `flags` has none of these bits. */
#define MAY_WITHOUT(call, flags, bits) IF(SYS_##call, 4), LOAD(LOW(flags)), IF_BITS(bits, 1), FAIL(EACCES), ALLOW
/* Only on this descriptor. */
#define MAY_ON(call, fd)   IF(SYS_##call, 4), LOAD(LOW(0)), IF(fd, 1), ALLOW, FAIL(EBADF)

#define X32_BIT 0x40000000u
#define WRITING (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | O_APPEND | (O_TMPFILE & ~O_DIRECTORY))
#define SOCKET WIRE_IDENTIFY_FD
#define MADV_LAST 25 /* above it: what harms the machine */

#if !defined(__x86_64__)
#error "identify_confine.c: this machine's system calls are not written yet"
#endif

static struct sock_filter filter[] = {
	LOAD(FIELD(arch)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
	GIVE(SECCOMP_RET_KILL_PROCESS),
	LOAD(FIELD(nr)),
	IF_ABOVE(X32_BIT - 1, 1), FAIL(ENOSYS),

	MAY_WITHOUT(open, 1, WRITING), MAY_WITHOUT(openat, 2, WRITING),
	MAY_ON(sendto, SOCKET), MAY_ON(recvfrom, SOCKET), MAY_ON(getsockopt, SOCKET),
	IF(SYS_madvise, 4), LOAD(LOW(2)), IF_ABOVE(MADV_LAST, 1), FAIL(EINVAL), ALLOW,

	/* The loader, and what constructors ask for. */
	MAY(read), MAY(pread64), MAY(close), MAY(close_range), MAY(fstat), MAY(stat), MAY(lstat), MAY(newfstatat), MAY(statx),
	MAY(lseek), MAY(access), MAY(faccessat), MAY(faccessat2), MAY(readlink), MAY(readlinkat), MAY(getdents64),
	MAY(getcwd), MAY(statfs), MAY(fstatfs), MAY(mmap), MAY(munmap), MAY(mremap), MAY(mprotect), MAY(brk),
	MAY(mincore), MAY(arch_prctl), MAY(set_tid_address), MAY(set_robust_list), MAY(rseq), MAY(prlimit64),
	MAY(getrlimit), MAY(getrandom), MAY(getpid), MAY(getppid), MAY(gettid), MAY(getuid), MAY(geteuid), MAY(getgid),
	MAY(getegid), MAY(getpgrp), MAY(getsid), MAY(uname), MAY(sysinfo), MAY(times), MAY(getrusage), MAY(time),
	MAY(clock_gettime), MAY(clock_getres), MAY(gettimeofday), MAY(getcpu), MAY(sched_getaffinity),
	MAY(sched_yield), MAY(futex), MAY(membarrier), MAY(rt_sigaction), MAY(rt_sigprocmask), MAY(rt_sigreturn),
	MAY(sigaltstack), MAY(exit), MAY(exit_group), MAY(execve),
	/* The probe's server, and its testers on their way into their own filter. */
	MAY(clone), MAY(wait4), MAY(prctl), MAY(seccomp), MAY(timer_create), MAY(timer_settime),
	FAIL(ENOSYS),
};

static int set_limits(void)
{
	const struct rlimit none = { 0, 0 }, cpu = { CPU_SECONDS, CPU_SECONDS };
	if (setrlimit(RLIMIT_CORE, &none) != 0 || setrlimit(RLIMIT_FSIZE, &none) != 0 ||
	    setrlimit(RLIMIT_CPU, &cpu) != 0)
		return -errno;
	return 0;
}

static void close_from(int first)
{
	if (syscall(SYS_close_range, first, ~0u, 0) == 0)
		return;
	long count = sysconf(_SC_OPEN_MAX);
	for (long fd = first; fd < count; fd++)
		close((int)fd);
}

static int set_descriptors(int fd, int wanted)
{
	int null;
	if (dup2(fd, wanted) < 0 || fcntl(wanted, F_SETFD, 0) != 0)
		return -errno;
	close_from(wanted + 1);
	null = open("/dev/null", O_RDWR); /* there is room: fd, if it isn't wanted, or above */
	if (null < 0)
		return -errno;
	for (int i = 0; i <= 2; i++)
		if (dup2(null, i) < 0)
			return -errno;
	if (null > 2)
		close(null);
	return 0;
}

static int set_filter(void)
{
	const struct sock_fprog program = { sizeof filter / sizeof *filter, filter };
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0)
		return -errno;
	return 0;
}

static void reset_signals(void)
{
	sigset_t none;
	for (int n = 1; n < NSIG; n++)
		signal(n, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

int identify_confine(int fd, int wanted, pid_t parent)
{
	setsid();
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 || getppid() != parent)
		return -ESRCH;
	int err = set_descriptors(fd, wanted);
	if (err == 0)
		err = set_limits();
	reset_signals();
	return err != 0 ? err : set_filter();
}
