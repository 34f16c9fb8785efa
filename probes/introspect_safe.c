/* SPDX-License-Identifier: MIT */
/*
 * introspect_safe.c - is this thread outside of every allocator and signal handler?
 *
 * The kernel enters a handler with a return address of its own choice on the stack: the
 * restorer that was installed with the handler. So a word between here and the stack's base
 * that is one of them, with the interrupted code's registers behind it, means a handler (or a
 * stale frame, which looks the same and is taken for one). A restorer stays known after its handler is gone, for that may still run. With
 * none installed since the exec no handler can run, and no stack is looked at.
 * Each page is asked for before it is read: on a coroutine's stack there may be a hole.
 */
#define _GNU_SOURCE
#include "heap.h"
#include "introspect.h"
#include "life.h"
#include "linked_hooks.h"

#include <pthread.h>
#include <signal.h>
#include <ucontext.h>

#define SIGNALS 64
#define RESTORERS 16u
#define PAGE ((uintptr_t)4096)
#define SCAN_MAX_BYTES ((uintptr_t)1 << 20)
/* It reads over other functions' frames. */
#define NO_SANITIZE __attribute__((no_sanitize("address")))

__thread unsigned introspect_forbidden;

extern void *__libc_stack_end __attribute__((weak));

/* All that were ever seen; only added to. Any thread may add. */
static uintptr_t restorers[RESTORERS];

static bool keep_restorer(uintptr_t restorer)
{
	for (unsigned i = 0; i < RESTORERS; i++) {
		uintptr_t empty = 0;
		if (__atomic_load_n(&restorers[i], __ATOMIC_RELAXED) == restorer ||
		    __atomic_compare_exchange_n(&restorers[i], &empty, restorer, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED) ||
		    empty == restorer)
			return true;
	}
	return false;
}

#if defined __x86_64__
struct kernel_sigaction { uintptr_t handler; unsigned long flags; uintptr_t restorer; uint64_t mask; };

/* Straight from the kernel: libc hides the field, and a program may have gone around it. */
static bool learn_restorers(void)
{
	for (int number = 1; number <= SIGNALS; number++) {
		struct kernel_sigaction action = { 0 };
		if (life_syscall(SYS_rt_sigaction, number, 0, &action, sizeof action.mask) != 0)
			return false;
		if (action.restorer && !keep_restorer(action.restorer))
			return false;
	}
	return true;
}
#else
/* Elsewhere handlers return through the kernel's own page: nothing to be recognised by. */
static bool learn_restorers(void)
{
	(void)keep_restorer;
	return false;
}
#endif

static bool is_restorer(uintptr_t word)
{
	for (unsigned i = 0; i < RESTORERS && restorers[i]; i++)
		if (restorers[i] == word)
			return true;
	return false;
}

static bool is_on_alternate_stack(void)
{
	stack_t now = { 0 };
	return life_syscall(SYS_sigaltstack, 0, &now) != 0 || (now.ss_flags & SS_ONSTACK);
}

/* The kernel reads the mask before it refuses to know what to do with it. */
static bool is_readable(uintptr_t address)
{
	return life_syscall(SYS_rt_sigprocmask, -1, address, 0, sizeof(uint64_t)) == -EINVAL;
}

/* A thread's control block lies at the top of its stack; the first thread's stack ends
 * elsewhere, and so may that of a forked child's only thread. The nearer one, or 0. */
static uintptr_t stack_base(uintptr_t here)
{
	uintptr_t own = (uintptr_t)pthread_self(), first = &__libc_stack_end ? (uintptr_t)__libc_stack_end : 0;
	uintptr_t base = own > here ? own : 0;
	if (first > here && (!base || first < base))
		base = first;
	return base && base - here <= SCAN_MAX_BYTES ? base & ~(uintptr_t)7 : 0;
}

#if defined __x86_64__
/* User code's segment, of 64 or 32 bits: the kernel fills it in. What a sigaction() has left
 * on the stack has the restorer too, and no registers. */
#define CODE_64 0x33u
#define CODE_32 0x23u

NO_SANITIZE static bool has_registers(uintptr_t restorer_at, uintptr_t base)
{
	uintptr_t at = restorer_at + sizeof restorer_at + offsetof(ucontext_t, uc_mcontext.gregs[REG_CSGSFS]);
	if (at >= base || !is_readable(at))
		return true; /* who knows */
	uint64_t segment = *(const volatile uint64_t *)at & 0xffff;
	return segment == CODE_64 || segment == CODE_32;
}
#else
static bool has_registers(uintptr_t restorer_at, uintptr_t base)
{
	return restorer_at < base;
}
#endif

NO_SANITIZE static bool has_handler(uintptr_t from, uintptr_t to, uintptr_t base)
{
	for (; from < to; from += sizeof(uintptr_t))
		if (is_restorer(*(const volatile uintptr_t *)from) && has_registers(from, base))
			return true;
	return false;
}

static bool is_free_of_handlers(uintptr_t here)
{
	uintptr_t base = stack_base(here), page_end;
	for (; here < base; here = page_end) {
		page_end = (here | (PAGE - 1)) + 1;
		if (!is_readable(here) || has_handler(here, page_end < base ? page_end : base, base))
			return false;
	}
	return base != 0;
}

bool introspect_is_safe(void)
{
	if (introspect_forbidden || introspect_busy || heap_is_asking() || linked_is_inside() || !life_owns_process())
		return false;
	if (!learn_restorers() || is_on_alternate_stack())
		return false;
	return !restorers[0] || is_free_of_handlers((uintptr_t)__builtin_frame_address(0) & ~(uintptr_t)7);
}
