/* SPDX-License-Identifier: MIT */
/*
 * limit_hooks.c - the target limits or locks its address space: the reservation for
 * leaves that are not there yet is given back first, so that it is neither counted
 * nor locked.
 */
#define _GNU_SOURCE
#include "life.h"
#include "stack.h"

/* A forked child also lets go of its parent's map, which it only kept for good measure. */
static void let_go_of_parents(void)
{
	char *parents = life.parents;
	life.parents = NULL;
	if (life.base == parents)
		life.base = NULL;
	if (parents)
		shadow_unmap(parents);
}

static void shrink(void)
{
	/* A vfork child limits itself; the memory is its parent's. */
	if (probe.on && !life_owns_process())
		return;
	let_go_of_parents();
	if (!probe.on)
		return;
	life.shrunk = true;
	stack_shrink_reservation();
	shadow_shrink_reservation();
}

static int no_function(void)
{
	errno = ENOSYS;
	return -1;
}

/* Whether a limit is about to be set. The header promises that the pointer is not NULL,
 * a target may break that promise: the compiler must not know of it here. */
static bool limits_space(int resource, const void *limit)
{
	const struct rlimit64 *l = limit;
	__asm__("" : "+r"(l));
	_Static_assert(sizeof(struct rlimit) == sizeof(struct rlimit64), "one reads the other");
	return resource == RLIMIT_AS && l && l->rlim_cur != RLIM64_INFINITY;
}

PROBE_EXPORT int setrlimit(__rlimit_resource_t resource, const struct rlimit *limit)
{
	if (limits_space(resource, limit))
		shrink();
	return REAL(setrlimit) ? real.setrlimit(resource, limit) : no_function();
}

PROBE_EXPORT int setrlimit64(__rlimit_resource_t resource, const struct rlimit64 *limit)
{
	if (limits_space(resource, limit))
		shrink();
	return REAL(setrlimit64) ? real.setrlimit64(resource, limit) : no_function();
}

static bool is_self(pid_t pid)
{
	return pid == 0 || pid == getpid();
}

PROBE_EXPORT int prlimit(pid_t pid, enum __rlimit_resource resource, const struct rlimit *limit, struct rlimit *old)
{
	if (limits_space(resource, limit) && is_self(pid))
		shrink();
	return REAL(prlimit) ? real.prlimit(pid, resource, limit, old) : no_function();
}

PROBE_EXPORT int prlimit64(pid_t pid, enum __rlimit_resource resource, const struct rlimit64 *limit, struct rlimit64 *old)
{
	if (limits_space(resource, limit) && is_self(pid))
		shrink();
	return REAL(prlimit64) ? real.prlimit64(pid, resource, limit, old) : no_function();
}

PROBE_EXPORT int mlockall(int flags)
{
	shrink();
	return REAL(mlockall) ? real.mlockall(flags) : no_function();
}
