/* SPDX-License-Identifier: MIT */
/*
 * unwind.h - walks the call stack of the running thread by .eh_frame_hdr (x86-64).
 *
 * What the tables say for one address is compiled once into a rule of 64 bits and kept in a
 * table by address: CFA = rsp + N or rbp + N, the return address below the CFA, rbp kept or
 * saved. A step is then one look there and two loads. Rules that do not fit (DWARF
 * expressions beyond a few known ones) end the walk: nothing is guessed.
 *
 * unwind_again() is the walk that remembers the last one of its thread: see there.
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

/* Addresses that are known to be this thread's stack, multiples of 8; both 0: not known, every
 * page is asked about. */
struct unwind_stack { uintptr_t low, high; };

struct unwind_cursor {
	uintptr_t ip, sp, bp;   /* ip: what is looked up; the return address less 1 but for... */
	bool exact;             /* ...an interrupted instruction: itself */
	enum unwind_end end;
	struct unwind_stack stack;
	uintptr_t page;         /* the last one that was asked about */
	uintptr_t bp_at;        /* where this rbp was read; 0: it is the callee's */
	bool asked;             /* something was read that is not in `stack` */
};

/* A frame of a thread's last walk. What its step read is in it and in its caller: the return
 * address (the caller's ip + 1) at the caller's sp - 8, and the caller's bp at bp_at. */
struct unwind_frame {
	uintptr_t ip, sp, bp;
	uintptr_t bp_at;        /* 0: the caller's bp is this one's */
	uint64_t hash;          /* this and the next: whatever unwind_again()'s caller wants to know... */
	uint32_t id;            /* ...of the stack from here outwards */
	bool own;               /* of the unwinder's own object, which is to be left out */
};
#define UNWIND_FRAMES 256u

/* One thread's, which alone uses it. All zero but `frames`: nothing is remembered. */
struct unwind_memo {
	struct unwind_frame *frames;  /* UNWIND_FRAMES of them, outermost first */
	size_t count;                 /* that are remembered */
	size_t total, kept, sound;    /* of the walk that was made last, see unwind_again() */
	uint64_t generation;
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

/*
 * The same frames, and cheaper if the outer ones are those of the last walk. Exact, for a walk
 * depends on nothing but where it stands (ip, sp, bp) and on the words that it reads: one
 * that comes to where the last one stood, while all words that were read from there on still
 * hold what they held, ends as that did. Steps that read anything else (signal frames,
 * aligned stacks, code without tables, memory outside of c->stack) are not remembered, and
 * nothing is of a walk that does not end at a thread's first frame.
 *
 * m->frames[0 .. m->total) are the stack, those below m->kept with their hash and id of
 * before. c->end as for unwind_walk(); UNWIND_GOES_ON: there was no room, go on with that.
 * When hash and id are filled in, unwind_keep() remembers the stack for the next time.
 */
void unwind_again(struct unwind_cursor *c, struct unwind_memo *m);
static inline void unwind_keep(struct unwind_memo *m)
{
	__atomic_signal_fence(__ATOMIC_SEQ_CST); /* a handler may longjmp() away from anywhere */
	m->count = m->sound;
}

/* At the place where it stands. */
__attribute__((always_inline)) static inline void unwind_begin(struct unwind_cursor *c, struct unwind_stack stack)
{
	*c = (struct unwind_cursor){ .exact = true, .stack = stack };
#ifdef __x86_64__
	__asm__ volatile("leaq 0(%%rip), %0\n\tmovq %%rsp, %1\n\tmovq %%rbp, %2"
			 : "=&r"(c->ip), "=&r"(c->sp), "=&r"(c->bp));
#endif
}

/* At the caller of the function whose __builtin_frame_address(0) this is. */
static inline void unwind_begin_at(struct unwind_cursor *c, const void *frame, struct unwind_stack stack)
{
	const uintptr_t *at = (const uintptr_t *)frame;
	*c = (struct unwind_cursor){ .ip = at[1] - 1, .sp = (uintptr_t)(at + 2), .bp = at[0], .stack = stack };
}

#endif
