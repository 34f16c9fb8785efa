/* SPDX-License-Identifier: MIT */
/*
 * life.h - what the files of the probe's life cycle share.
 *
 * The facts live outside the wiped page: a forked child needs them to get a shadow of
 * its own, or at least to put memwhy's variables back at exec. They are written once,
 * before main, by the only thread; `base` and `shrunk` again in a forked child.
 */
#ifndef MEMWHY_LIFE_H
#define MEMWHY_LIFE_H

#include "env.h"
#include "probe.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

extern char **environ;

struct life_facts {
	bool known;            /* WIRE_ENV was there and has been read */
	bool follow;           /* children too */
	bool admitted;         /* the collector answered once, shadow or not */
	bool shrunk;           /* part of the reservation was given back: base isn't whole */
	char *base;            /* this process's map; in a forked child the parent's, until it has its own */
	char *parents;         /* the parent's map, kept by a forked child; see fork_hooks.c */
	int32_t collector_pid; /* 0: not told (another pid namespace) */
	uint32_t epoch;
	struct env_wire wire;
	struct env_ours ours;
};
extern struct life_facts life __attribute__((visibility("hidden")));

/* Looks the real functions up, once. */
void life_resolve(void);
/* True in the process that the shadow belongs to; false in a vfork child, which shares
 * its memory and must not end it. */
static inline bool life_owns_process(void)
{
	return probe.on && (uint32_t)getpid() == probe.pid;
}
/* The exit snapshot, the first time it is called in a process. errno kept. */
void life_ask_exit_snapshot(void);
/* A process begins: it has not asked yet. */
void life_reset_exit(void);
/* Asks for a memfd and maps it: all of `probe` but .on is set. 0 or -errno. */
int life_attach(uint32_t hello_kind);
/* Tells the collector of a process that stays without a shadow, and why. */
void life_attach_off(uint32_t hello_kind, enum wire_reason reason);
/* After life_attach(): from here on the hooks record. */
void life_turn_on(void);

/* Mappings that were seen before there was a ring. */
void life_send_early_events(void);

/* The real function; never NULL for what every libc has. */
#define REAL(name) (likely(real.name != NULL) ? real.name : (life_resolve(), real.name))

/* A system call with errno kept: the result or -errno. Not a cancellation point. */
static inline long life_syscall6(long n, long a, long b, long c, long d, long e, long f)
{
	int saved = errno;
	long ret = syscall(n, a, b, c, d, e, f);
	if (ret == -1)
		ret = -errno;
	errno = saved;
	return ret;
}
#define LIFE_SYSCALL_(n, a, b, c, d, e, f, ...) \
	life_syscall6(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
#define life_syscall(...) LIFE_SYSCALL_(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)

/* CLOCK_MONOTONIC. */
uint64_t life_now_ns(void);
/* Futexes in shared memory; both keep errno. Waits while *word == value, at most limit_ns. */
void life_futex_wait(uint32_t *word, uint32_t value, uint64_t limit_ns);
void life_futex_wake(uint32_t *word);
/* Other threads hold at their next hook. False: somebody else has them hold already. */
bool life_freeze(struct wire_control *c);
void life_thaw(struct wire_control *c);
/* The collector did not answer in time. After a few of these nobody asks it any more. */
void life_note_wait_in_vain(void);

#endif
