/* SPDX-License-Identifier: MIT */
/*
 * exit_hooks.c - the snapshot before a process ends, while what it holds is still held:
 * before exit handlers and destructors free. main is wrapped, because its return leads
 * to an exit() inside libc that no hook sees; what ends by another way inside libc
 * (err(), the last pthread_exit) is caught by this object's destructor, which runs late.
 */
#define _GNU_SOURCE
#include "introspect.h"
#include "life.h"

#include <stdlib.h>

#define EXIT_WAIT_MS 2000u

static uint32_t asked;

void life_reset_exit(void)
{
	__atomic_store_n(&asked, 0, __ATOMIC_RELAXED);
	introspect_leaving = false;
}

/* orderly: the process has come to an end of its own, and its allocator may be asked. */
static void end(bool orderly)
{
	if (!life_owns_process() || __atomic_exchange_n(&asked, 1, __ATOMIC_ACQ_REL))
		return;
	uint32_t first = orderly ? PROBE_READ_FIRST : 0;
	introspect_leaving = true;
	if (orderly) /* the last reading is worth its cost */
		__atomic_fetch_or(&probe.control->errand, WIRE_ERRAND_READ, __ATOMIC_ACQ_REL);
	if (probe_request(WIRE_REQUEST_EXIT | first, true, EXIT_WAIT_MS) && orderly)
		introspect_purge_at_exit();
	if (probe.on)
		__atomic_store_n(&probe.control->state, WIRE_STATE_EXITING, __ATOMIC_RELEASE);
}

void life_ask_exit_snapshot(void)
{
	end(true);
}

static void ask_at_unload(void) __attribute__((destructor));
static void ask_at_unload(void)
{
	end(false); /* other destructors may have run, the allocator's among them */
}

/* Where nobody provides the real function. */
static _Noreturn void end_process(int status)
{
	for (;;)
		life_syscall(SYS_exit_group, status);
}

#define EXIT_HOOK(name)                                       \
	PROBE_EXPORT _Noreturn void name(int status)          \
	{                                                     \
		life_ask_exit_snapshot();                     \
		if (REAL(name))                               \
			real.name(status);                    \
		end_process(status);                          \
	}
EXIT_HOOK(exit)
EXIT_HOOK(_exit)
EXIT_HOOK(_Exit)
EXIT_HOOK(quick_exit)

/* Maybe called by an allocator that found itself damaged, with its locks held. */
PROBE_EXPORT _Noreturn void abort(void)
{
	end(false);
	if (REAL(abort))
		real.abort();
	__builtin_trap();
}

typedef int main_fn(int, char **, char **);
int __libc_start_main(main_fn *entry, int argc, char **argv, void (*init)(void), void (*fini)(void),
		      void (*rtld_fini)(void), void *stack_end);

static main_fn *target_main;

static int run_main(int argc, char **argv, char **envp)
{
	int status = target_main(argc, argv, envp);
	life_ask_exit_snapshot();
	return status;
}

PROBE_EXPORT int __libc_start_main(main_fn *entry, int argc, char **argv, void (*init)(void),
				   void (*fini)(void), void (*rtld_fini)(void), void *stack_end)
{
	if (!REAL(__libc_start_main))
		end_process(127);
	target_main = entry;
	return real.__libc_start_main(probe.on ? run_main : entry, argc, argv, init, fini, rtld_fini, stack_end);
}
