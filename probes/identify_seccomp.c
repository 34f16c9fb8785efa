/* SPDX-License-Identifier: MIT */
/*
 * identify_seccomp.c - what the kernel still does for a tester: memory, time, its own
 * number. All else is not implemented (ENOSYS), as on a kernel without it, so that nothing
 * is written, sent, signalled or started, and an allocator takes its fallback. Waiting and
 * leaving trap: the tester lands, and goes on with the next kind.
 */
#define _GNU_SOURCE
#include "identify.h"
#include "life.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#define FIELD(name)     offsetof(struct seccomp_data, name)
#define LOW(n)          (offsetof(struct seccomp_data, args) + 8 * (n))
#define HIGH(n)         (LOW(n) + 4)
#define LOAD(at)        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at)
#define GIVE(what)      BPF_STMT(BPF_RET | BPF_K, what)
#define FAIL(error)     GIVE(SECCOMP_RET_ERRNO | (error))
#define ALLOW           GIVE(SECCOMP_RET_ALLOW)
#define TRAP            GIVE(SECCOMP_RET_TRAP)
/* The next n instructions are for this value only; else they are skipped. */
#define IF(value, n)      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, n)
#define IF_ABOVE(value, n) BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, value, 0, n)
#define IF_BIT(value, n)  BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, value, 0, n)
/* Whole verdicts on one system call; the number is in the accumulator, and stays. */
#define MAY(call)       IF(SYS_##call, 1), ALLOW
#define NO_FILE(call)   IF(SYS_##call, 1), FAIL(EBADF)
#define LANDS(call)     IF(SYS_##call, 1), TRAP

#define X32_BIT 0x40000000u
/* Pages that are filled at once would not be counted by the CPU timer in time. */
#define MMAP_REFUSED (MAP_POPULATE | MAP_LOCKED | MAP_HUGETLB)
/* Above it: MADV_HWPOISON and its like, which harm the machine. */
#define MADV_LAST 25

static struct sock_filter filter[] = {
	LOAD(FIELD(arch)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
	GIVE(SECCOMP_RET_KILL_PROCESS),
	LOAD(FIELD(nr)),
	IF_ABOVE(X32_BIT - 1, 1), FAIL(ENOSYS),

	/* The tester's own two calls, by the place they come from; patched below. */
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_timer_settime, 1, 0),
	IF(SYS_exit_group, 6),
	LOAD(FIELD(instruction_pointer)),
#define SITE_LOW 9
	IF(0, 3),
	LOAD(FIELD(instruction_pointer) + 4),
#define SITE_HIGH 11
	IF(0, 1), ALLOW,
	LOAD(FIELD(nr)),
	LANDS(exit_group), LANDS(exit),

	IF(SYS_mmap, 6), LOAD(LOW(3)),
	IF_BIT(MMAP_REFUSED, 1), FAIL(EINVAL), IF_BIT(MAP_ANONYMOUS, 1), ALLOW, FAIL(EBADF),
	IF(SYS_madvise, 3), LOAD(LOW(2)), IF_ABOVE(MADV_LAST, 1), FAIL(EINVAL),
	LOAD(FIELD(nr)),
	MAY(madvise), MAY(munmap), MAY(mremap), MAY(mprotect), MAY(brk), MAY(mincore),

	/* Waking is harmless; whoever waits waits for nobody. */
	IF(SYS_futex, 5), LOAD(LOW(1)),
	BPF_STMT(BPF_ALU | BPF_AND | BPF_K, (uint32_t)FUTEX_CMD_MASK), IF(FUTEX_WAKE, 1), ALLOW, TRAP,

	/* Asking for limits, not setting them. */
	IF(SYS_prlimit64, 6), LOAD(LOW(2)), IF(0, 3), LOAD(HIGH(2)), IF(0, 1), ALLOW, FAIL(EPERM),
	MAY(getrlimit), MAY(rt_sigreturn), MAY(sched_yield), MAY(sched_getaffinity), MAY(getcpu),
	MAY(clock_gettime), MAY(gettimeofday), MAY(time), MAY(getrandom),
	MAY(getpid), MAY(gettid), MAY(getuid), MAY(geteuid), MAY(getgid), MAY(getegid),

	NO_FILE(read), NO_FILE(write), NO_FILE(pread64), NO_FILE(pwrite64), NO_FILE(readv), NO_FILE(writev),
	NO_FILE(close), NO_FILE(fstat), NO_FILE(lseek), NO_FILE(ioctl), NO_FILE(fcntl), NO_FILE(dup),
	FAIL(ENOSYS),
};

int identify_lock_down(void)
{
	uint64_t site = (uint64_t)(uintptr_t)identify_own_syscall_site;
	struct sock_fprog program = { sizeof filter / sizeof *filter, filter };
	filter[SITE_LOW].k = (uint32_t)site;
	filter[SITE_HIGH].k = (uint32_t)(site >> 32);
	long err = life_syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1);
	if (err == 0)
		err = life_syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
	return (int)err;
}
