/* SPDX-License-Identifier: MIT */
/*
 * no-exec-pages COMMAND [ARG...] - runs it where no page may be made executable after the fact:
 * a filter refuses mprotect with PROT_EXEC, and mmap with PROT_WRITE and PROT_EXEC together, with
 * EACCES, as SELinux's execmem and execmod do. What the loader maps from files stays allowed.
 */
#include "say.h"
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define LOAD(at)     BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, at))
#define IF(value, n) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, n)
#define AND(bits)    BPF_STMT(BPF_ALU | BPF_AND | BPF_K, bits)
#define REFUSE       BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES)
#define ALLOW        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

int main(int argc, char **argv)
{
	struct sock_filter filter[] = {
		LOAD(nr),
		IF(SYS_mprotect, 5), LOAD(args[2]), AND(PROT_EXEC), IF(PROT_EXEC, 1), REFUSE, ALLOW,
		IF(SYS_mmap, 5), LOAD(args[2]), AND(PROT_WRITE | PROT_EXEC), IF(PROT_WRITE | PROT_EXEC, 1), REFUSE, ALLOW,
		ALLOW,
	};
	const struct sock_fprog program = { COUNT(filter), filter };
	if (argc < 2 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		skip("no filter can be installed");
	execvp(argv[1], argv + 1);
	fail("execvp");
}
