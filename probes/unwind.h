/* SPDX-License-Identifier: MIT */
/*
 * unwind.h - walks the call stack of the running thread by .eh_frame_hdr (x86-64).
 *
 * What the tables say for one address is compiled once into a rule of 64 bits and kept in a
 * table by address: CFA = rsp + N or rbp + N, the return address below the CFA, rbp kept or
 * saved. A step is then one look there and two loads. Rules that do not fit (DWARF
 * expressions beyond a few known ones) end the walk: nothing is guessed.
 *
 * Reads nothing but this thread's stack and the tables of loaded modules; what is not known
 * to be mapped is asked about first, so a rule that lies ends the walk and no more. Callable
 * anywhere, also inside malloc, the loader and signal handlers: no locks, no allocation,
 * errno kept, less than 1 KiB of stack.
 */
#ifndef MEMWHY_UNWIND_H
#define MEMWHY_UNWIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The table of rules: shared by all threads, without locks. A torn entry is a miss. */
#define UNWIND_RULES (1u << 16)
struct unwind_slot { uint64_t key, rule; };

enum unwind_end {
	UNWIND_GOES_ON,    /* there was no more room */
	UNWIND_OUTERMOST,  /* the thread's first frame */
	UNWIND_NO_TABLES,  /* code without tables, or with a rule that does not fit */
	UNWIND_UNREADABLE  /* the stack is not as the tables say */
};

/* Addresses that are known to be this thread's stack; both 0: not known, every page is
 * asked about. */
struct unwind_stack { uintptr_t low, high; };

struct unwind_cursor {
	uintptr_t ip, sp, bp;   /* ip: what is looked up; the return address less 1 but for... */
	bool exact;             /* ...an interrupted instruction: itself */
	enum unwind_end end;
	struct unwind_stack stack;
	uintptr_t page;         /* the last one that was asked about */
};

/* rules: UNWIND_RULES of them, writable, zeroed; NULL: nothing can be walked. Frames of code in
 * the caller's own object are left out of what unwind_walk() returns. Once, and in a forked
 * child for its own memory. */
void unwind_start(struct unwind_slot *rules);
/* Objects were loaded or unloaded: what is known of addresses may be wrong. */
void unwind_forget(void);
/* Frames from the cursor on, innermost first, at most `room`: the return address less 1, or
 * the address itself of an interrupted instruction and of the kernel's signal trampoline.
 * cursor->end says why there are no more; UNWIND_GOES_ON: call it again for the next. */
size_t unwind_walk(struct unwind_cursor *c, uint64_t *ret_ips, size_t room);

/* At the place where it stands. */
__attribute__((always_inline)) static inline void unwind_begin(struct unwind_cursor *c, struct unwind_stack stack)
{
	*c = (struct unwind_cursor){ .exact = true, .stack = stack };
#ifdef __x86_64__
	__asm__ volatile("leaq 0(%%rip), %0\n\tmovq %%rsp, %1\n\tmovq %%rbp, %2"
			 : "=&r"(c->ip), "=&r"(c->sp), "=&r"(c->bp));
#endif
}

#endif
