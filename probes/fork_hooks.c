/* SPDX-License-Identifier: MIT */
/*
 * fork_hooks.c - a forked child gets a shadow of its own: a copy of its parent's, made
 * by the child while the parent waits in its hook (at most a second, and not for a dead
 * child). They meet at a ticket, a futex in the unused part of the parent's head.
 *
 * The child keeps the parent's map in its address space, without its pages: fork may be
 * called in a signal handler that interrupted a hook, which goes on in the child with
 * pointers into that map. vfork is left alone: nothing can wrap it, and its child uses
 * the parent's memory and so, rightly, the parent's shadow.
 */
#define _GNU_SOURCE
#include "introspect.h"
#include "life.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <paths.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#define COPY_LIMIT_NS 1000000000ull
#define LOOK_NS 5000000ull

/* Behind the control block, in front of the threads: nobody else writes there. */
#define TICKETS_OFFSET 0x8000u
#define TICKETS 1024u
struct tickets { uint32_t next, ticket[TICKETS]; };
_Static_assert(sizeof(struct wire_control) <= TICKETS_OFFSET, "the tickets lie behind the control block");
_Static_assert(TICKETS_OFFSET + sizeof(struct tickets) <= WIRE_OFF_THREADS, "and in front of the threads");

enum { TICKET_UNUSED, TICKET_WAITING, TICKET_DONE, TICKET_GIVEN_UP };

static uint32_t *take_ticket(void)
{
	struct tickets *t = (struct tickets *)(probe.base + TICKETS_OFFSET);
	uint32_t at = __atomic_fetch_add(&t->next, 1, __ATOMIC_RELAXED) % TICKETS;
	__atomic_store_n(&t->ticket[at], TICKET_WAITING, __ATOMIC_RELEASE);
	return &t->ticket[at];
}

static bool settle_ticket(uint32_t *ticket, uint32_t state)
{
	uint32_t waiting = TICKET_WAITING;
	bool settled = __atomic_compare_exchange_n(ticket, &waiting, state, false,
						   __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
	life_futex_wake(ticket);
	return settled;
}

/* Ended or, where SIGCHLD is ignored, reaped already. Takes nothing from the parent's own wait. */
static bool child_is_dead(pid_t pid)
{
	siginfo_t info = { .si_pid = 0 };
	long err = life_syscall(SYS_waitid, P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT, 0);
	return err == -ECHILD || info.si_pid == pid;
}

static void await_child(uint32_t *ticket, pid_t pid)
{
	uint64_t start = life_now_ns();
	while (__atomic_load_n(ticket, __ATOMIC_ACQUIRE) == TICKET_WAITING) {
		life_futex_wait(ticket, TICKET_WAITING, LOOK_NS);
		if (life_now_ns() - start >= LOOK_NS &&
		    (life_now_ns() - start >= COPY_LIMIT_NS || child_is_dead(pid)))
			settle_ticket(ticket, TICKET_GIVEN_UP);
	}
}

/* Leaves that the parent's other threads made since the fork are open in the parent only:
 * the file is shared, the protection is not. A few more than there are, for they go on. */
#define LEAVES_AHEAD 64u
static void open_parents_leaves(char *parents)
{
	uint64_t leaves = ((struct wire_control *)parents)->leaf_count + (life.parents ? LEAVES_AHEAD : 0);
	if (leaves > WIRE_LEAVES_MAX)
		leaves = WIRE_LEAVES_MAX;
	life_syscall(SYS_mprotect, parents + WIRE_OFF_LEAF_DATA, leaves * WIRE_LEAF_BYTES, PROT_READ | PROT_WRITE);
}

/* The parent's other threads hold still while the copy is made, unless the collector has
 * them hold still already. A child that dies here leaves the word set: hooks break it. */
static int copy_frozen(char *parents)
{
	struct wire_control *c = (struct wire_control *)parents;
	bool froze = life_freeze(c);
	open_parents_leaves(parents);
	int err = shadow_copy(probe.base, parents);
	if (froze)
		life_thaw(c);
	return err;
}

/* Pages of the parent's shadow that the copy touched must not count as the child's. */
static void drop_pages(char *base)
{
	uint64_t leaves = ((struct wire_control *)base)->leaf_count;
	if (leaves <= WIRE_LEAVES_MAX)
		life_syscall(SYS_madvise, base, WIRE_OFF_LEAF_DATA + leaves * WIRE_LEAF_BYTES, MADV_DONTNEED);
}

/* A hook that the fork interrupted goes on here: it must find the map that it began with. */
static void borrow_parents_map(void)
{
	probe.base = life.base;
	probe.control = (struct wire_control *)life.base;
	probe.directory = (uint32_t *)(life.base + WIRE_OFF_DIRECTORY);
}

/* Only the direct parent's map is kept: no hook was interrupted two forks ago. */
static void inherit_map(void)
{
	if (life.parents && life.parents != life.base)
		shadow_unmap(life.parents);
	/* A map with a hole may have the target's own mappings in it: it stays for good. */
	life.parents = life.shrunk ? NULL : life.base;
	life.shrunk = false;
}

static void stay_off(void)
{
	char *own = probe.base;
	probe.control->reason = WIRE_REASON_FORK_COPY;
	__atomic_store_n(&probe.control->state, WIRE_STATE_OFF, __ATOMIC_RELEASE);
	borrow_parents_map();
	shadow_unmap(own);
}

static uint32_t *child_ticket;

static bool attach_child(char *parents)
{
	const struct wire_control *c = (const struct wire_control *)parents;
	if (!child_ticket || __atomic_load_n(&c->collector_gone, __ATOMIC_RELAXED))
		return false;
	int err = life_attach(WIRE_HELLO_FORK);
	if (err == -ETIMEDOUT)
		life_note_wait_in_vain();
	return err == 0;
}

void probe_fork_child(void)
{
	char *parents = life.base;
	inherit_map();
	borrow_parents_map();
	if (attach_child(parents)) {
		int err = copy_frozen(parents);
		if (settle_ticket(child_ticket, TICKET_DONE) && err == 0)
			life_turn_on();
		else
			stay_off();
	} else if (child_ticket) {
		settle_ticket(child_ticket, TICKET_DONE);
	}
	drop_pages(parents);
}

/* In the child, with the hooks off: the page was wiped. */
static void begin_child(uint32_t *ticket)
{
	int saved = errno;
	__atomic_store_n(&probe.started, 2, __ATOMIC_RELEASE);
	child_ticket = ticket;
	if (life.base)
		probe_fork_child();
	else if (life.admitted && life.follow)
		life_attach_off(WIRE_HELLO_FORK, WIRE_REASON_FORK_COPY);
	errno = saved;
}

static pid_t fork_by(pid_t (*how)(void))
{
	if (!how) {
		errno = ENOSYS;
		return -1;
	}
	if (!probe.started)
		probe_start();
	uint32_t *ticket = probe.on && life.follow ? take_ticket() : NULL;
	introspect_forbidden++;
	pid_t pid = how();
	/* one that ran no fork handlers leaves a child that may find any lock taken */
	if (pid != 0 || how != real._Fork)
		introspect_forbidden--;
	if (pid == 0) {
		begin_child(ticket);
	} else if (pid > 0) {
		probe_event(WIRE_EVENT_FORK, 0, 0, (uint64_t)pid, 0);
		if (ticket)
			await_child(ticket, pid);
	}
	return pid;
}

PROBE_EXPORT pid_t fork(void)
{
	return fork_by(REAL(fork));
}

pid_t __fork(void);
PROBE_EXPORT pid_t __fork(void)
{
	return fork_by(REAL(__fork));
}

PROBE_EXPORT pid_t _Fork(void)
{
	return fork_by(REAL(_Fork));
}

/* Standard descriptors on the null device, as daemon(3) has it. */
static int redirect_to_null(void)
{
	struct stat st;
	int fd = open(_PATH_DEVNULL, O_RDWR);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) != 0 || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3)) {
		close(fd);
		errno = ENODEV;
		return -1;
	}
	for (int i = 0; i <= 2; i++)
		dup2(fd, i);
	if (fd > 2)
		close(fd);
	return 0;
}

/* libc's own forks inside libc, where no hook could copy the shadow. */
PROBE_EXPORT int daemon(int nochdir, int noclose)
{
	pid_t pid = fork();
	if (pid < 0)
		return -1;
	if (pid > 0)
		_exit(0);
	if (setsid() < 0)
		return -1;
	if (!nochdir && chdir("/") != 0)
		errno = 0; /* no failure of daemon(3) */
	return noclose ? 0 : redirect_to_null();
}
