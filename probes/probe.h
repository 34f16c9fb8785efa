/* SPDX-License-Identifier: MIT */
/*
 * probe.h - the state that the probe's files share. It lives in other people's
 * processes: no stdio, no allocation by malloc, no aborts, no output, errno kept,
 * no lock held across a call into the target's own code.
 *
 * Life: off until probe_start() attached (first hook call that finds environ).
 * A forked child finds the state page wiped, so every hook is a bare forwarder
 * there until probe_fork_child() gives the child a shadow of its own.
 */
#ifndef MEMWHY_PROBE_H
#define MEMWHY_PROBE_H

#include "../src/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PROBE_EXPORT __attribute__((visibility("default")))
#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* One page of its own, MADV_WIPEONFORK: all zero in a forked child. */
struct probe_state {
	uint32_t on;        /* hooks record; written by the attaching thread, read by all */
	uint32_t started;   /* probe_start() ran in this process (1 busy, 2 done) */
	uint32_t pid;       /* whose shadow this is: a vfork child sees its parent's pid here */
	uint32_t follow;    /* children are followed */
	char *base;         /* the mapped memfd: control at 0, see wire.h's offsets */
	struct wire_control *control;
	uint32_t *directory;
	uint32_t introspecting; /* a thread is asking the allocators (introspect.c) */
	uint32_t epoch;     /* differs after each attach: thread slots of another epoch are stale */
};
union probe_page { struct probe_state s; char page[4096]; };
extern union probe_page probe_page __attribute__((visibility("hidden")));
#define probe (probe_page.s)

/* --- probes/attach.c: the way to the collector ------------------------------ */
/* First thing that any hook does when !probe.started and environ is there. Reads
 * WIRE_ENV, attaches, resolves the real functions; returns with probe.started == 2 and
 * probe.on set or not. Reentrant calls return at once. Runs inside malloc: uses system
 * calls only. */
void probe_start(void);
/* In the child of fork(), from the fork hook: own memfd, copy of the parent's shadow. */
void probe_fork_child(void);
/* Appends to the event ring; never waits. Callable anywhere, signal handlers included. */
void probe_event(enum wire_event_kind kind, uint64_t address, uint64_t length, uint64_t arg, uint32_t flags);
/* Asks the collector for a snapshot; wait: until it is served, at most limit_ms. False
 * when the collector did not serve it in time; after a few of these it is never asked again.
 * errno kept. Callable anywhere. PROBE_READ_FIRST, or'd to kind: a safe point (introspect.h);
 * errands are taken before it is asked. */
#define PROBE_READ_FIRST 0x80000000u
bool probe_request(uint32_t kind, bool wait, unsigned limit_ms);
/* Slow path of the freeze check: waits while control->freeze is 1, at most 50 ms. Not for a
 * thread that is asking an allocator. */
void probe_freeze_wait(void);
/* Turns the recording off for good in this process, with a reason for the report. */
void probe_turn_off(enum wire_reason reason);

/* --- probes/shadow.c: the map (see wire.h) ----------------------------------- */
/* Reserves the whole file PROT_NONE, opens the head for writing, checks the magic.
 * Does not touch `probe`. 0 or -errno. */
int shadow_map(int memfd, char **ret_base);
void shadow_unmap(char *base);
/* Copies leaves, directory, threads' sums from one map to another (fork). Single-threaded
 * in the child. 0 or -errno. */
int shadow_copy(char *to_base, const char *from_base);
/* The target gave these pages back (munmap, MADV_DONTNEED): forget that they held blocks.
 * Live blocks there are left alone. Any alignment; only whole pages inside count. */
void shadow_forget_pages(uintptr_t address, size_t length);
/* Before the target limits or locks its address space: gives back the part of the
 * reservation that no leaf uses; no new leaves can be made afterwards. */
void shadow_shrink_reservation(void);

/* --- probes/thread.c ---------------------------------------------------------- */
/* This thread's slot; acquires one if needed; NULL when off or none is left. Async-signal-safe. */
struct wire_thread *probe_thread(void);
/* Adds its pending delta to the global live count. */
void probe_thread_flush(struct wire_thread *t);

/* --- probes/real.c: the functions behind the hooks ---------------------------- */
/* real.NAME for each entry of hooks_alloc.def and hooks_life.def:
 *   HOOK(return type, name, (parameter types))
 * resolved by dlsym(RTLD_NEXT) all at once in real_resolve(), so that none is looked up
 * later in a fork or vfork child. NULL where nobody provides it. */
#include "real_types.h"
#define HOOK(ret, name, params) ret (*name) params;
struct real_functions {
#include "hooks_alloc.def"
#include "hooks_life.def"
};
#undef HOOK
extern struct real_functions real __attribute__((visibility("hidden")));
void real_resolve(void);

/* Finds out which allocator is behind the hooks and fills control->heaps[0]. Called once
 * by probe_start() in a new image, when `probe` is filled in and before it is on. Not in
 * a forked child: what it found is kept outside of the wiped page. */
void heap_identify(void);
/* True if the address lies in the DSO that provides malloc (a heap's low..high). */
bool real_is_allocator(uintptr_t caller);

#endif
