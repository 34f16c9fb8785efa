/* SPDX-License-Identifier: MIT */
/*
 * introspect.h - asking the target's allocators about themselves and for a purge, from a
 * thread of the target, at safe points only (wire_reading.h).
 *
 * A safe point is the entry of an allocation hook, or the way out of the process, when this
 * thread is in no allocator (linked_inside, a real function that called back) and in no
 * signal handler: an interrupted allocator may hold the lock that the answer needs. A
 * handler is recognised by the return address that the kernel put on the stack (each
 * installed handler's restorer) between here and the stack's base, or by the alternate
 * stack; what cannot be told counts as unsafe. So a reading is missed at times (counted),
 * and never waits for a lock that its own thread holds.
 * While allocators are asked this thread's signals are held off, but for those that the
 * code itself raises: a handler that forks would find the allocator locked by its own thread.
 */
#ifndef MEMWHY_INTROSPECT_H
#define MEMWHY_INTROSPECT_H

#include "probe.h"

/* An allocator is being asked by this thread: its hooks book as ever, and neither wait nor
 * ask. (Defined in request.c.) */
extern __thread bool introspect_busy __attribute__((visibility("hidden")));
/* Not 0: no point of this thread is safe, for libc is forking (fork handlers hold the
 * allocator's locks) or has forked without them. */
extern __thread unsigned introspect_forbidden __attribute__((visibility("hidden")));

/* Looks up what is called later. Once, in a new image, when the heaps are known and before
 * recording is on. */
void introspect_start(void);
/* Async-signal-safe; errno kept. */
bool introspect_is_safe(void);
/* The process is on its way out: what is read now may cost more. */
extern bool introspect_leaving __attribute__((visibility("hidden")));
/* Takes the errands that wait, if any and if it is safe. Called by the cold paths of the
 * malloc-family hooks, of preloaded and linked allocators (never of mmap and its like), while
 * the collector holds the threads and while it does not. errno kept. */
void introspect_run_errands(void);
/* On the way out, after the exit's snapshot: purges if the collector wants it, and asks for
 * a look at what is left. Nothing when it is not safe (said so in control->purge.result). */
void introspect_purge_at_exit(void);

#endif
