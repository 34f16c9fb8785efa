/* SPDX-License-Identifier: MIT */
/*
 * identify_call.c - calls what may not be a function at all. The stack pointer is kept in
 * memory and the callee-saved registers on the stack above it, so that whatever comes back
 * by a return finds them. Of one thread at a time.
 */
#include "identify.h"

#if !defined(__x86_64__)
#error "identify_call.c: this machine's calls are not written yet"
#endif

__asm__(".pushsection .text\n"
	".globl identify_call5\n.hidden identify_call5\n.type identify_call5, @function\n"
	"identify_call5:\n"
	"	push %rbp\n	push %rbx\n	push %r12\n	push %r13\n	push %r14\n	push %r15\n"
	"	sub $8, %rsp\n" /* the ABI's 16 bytes */
	"	mov %rsp, identify_stack(%rip)\n"
	"	mov %rdi, %r11\n"
	"	mov %rsi, %rdi\n	mov %rdx, %rsi\n	mov %rcx, %rdx\n	mov %r8, %rcx\n	mov %r9, %r8\n"
	"	xor %r9d, %r9d\n	xor %r10d, %r10d\n	xor %ebx, %ebx\n	xor %eax, %eax\n"
	"	call *%r11\n"
	"	cld\n"
	"	mov identify_stack(%rip), %rsp\n"
	"	add $8, %rsp\n"
	"	pop %r15\n	pop %r14\n	pop %r13\n	pop %r12\n	pop %rbx\n	pop %rbp\n"
	"	ret\n"
	".size identify_call5, . - identify_call5\n"
	/* long identify_own_syscall(number, a, b, c, d) */
	".globl identify_own_syscall\n.hidden identify_own_syscall\n.type identify_own_syscall, @function\n"
	"identify_own_syscall:\n"
	"	mov %rdi, %rax\n	mov %rsi, %rdi\n	mov %rdx, %rsi\n	mov %rcx, %rdx\n	mov %r8, %r10\n"
	"	syscall\n"
	".globl identify_own_syscall_site\n.hidden identify_own_syscall_site\n"
	"identify_own_syscall_site:\n" /* what seccomp sees: behind the instruction */
	"	ret\n"
	".size identify_own_syscall, . - identify_own_syscall\n"
	".popsection\n"
	".local identify_stack\n.comm identify_stack, 8, 8\n");
