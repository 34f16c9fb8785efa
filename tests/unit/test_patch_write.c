/* SPDX-License-Identifier: MIT */
/* Plans are carried out under running threads, and where the kernel forbids one way of
 * writing or all. */
#include "patch_targets.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

/* --- under running threads ---------------------------------------------------------- */

static struct {
	unsigned first, last;          /* targets that are called */
	bool stop, park;               /* main writes, threads read; parked counts them */
	uint32_t parked;
	uint64_t wrong, calls;
} race;
#define CALLERS 3u

static void *call_in_a_loop(void *arg)
{
	uint64_t wrong = 0, n = 0;
	for (; !__atomic_load_n(&race.stop, __ATOMIC_ACQUIRE); n++) {
		for (unsigned i = race.first; i <= race.last; i++)
			wrong += target_table[i].call(n, i) != target_result(n, i);
		if (!__atomic_load_n(&race.park, __ATOMIC_ACQUIRE))
			continue;
		__atomic_add_fetch(&race.parked, 1, __ATOMIC_ACQ_REL);
		while (__atomic_load_n(&race.park, __ATOMIC_ACQUIRE))
			sched_yield();
		__atomic_sub_fetch(&race.parked, 1, __ATOMIC_ACQ_REL);
	}
	__atomic_add_fetch(&race.wrong, wrong, __ATOMIC_RELAXED);
	__atomic_add_fetch(&race.calls, n, __ATOMIC_RELAXED);
	return NULL;
}

static void set_park(bool park)
{
	__atomic_store_n(&race.park, park, __ATOMIC_RELEASE);
	while (__atomic_load_n(&race.parked, __ATOMIC_ACQUIRE) != (park ? CALLERS : 0))
		sched_yield();
}

static void patch_rounds(unsigned rounds, bool parked, const struct wire_plan *p)
{
	for (unsigned i = 0; i < rounds; i++) {
		if (parked)
			set_park(true);
		assert_int_equal(targets_patch(p), PATCH_DONE);
		if (parked)
			set_park(false);
		if (i % 8 == 0)
			sched_yield();
		patch_undo(p, target_bias);
		if (i % 8 == 4)
			sched_yield();
	}
}

static void run_race(unsigned first, unsigned last, unsigned rounds, bool parked)
{
	struct wire_plan p;
	pthread_t threads[CALLERS];
	memset(&race, 0, sizeof race);
	memset(target_hits, 0, sizeof target_hits);
	race.first = first, race.last = last;
	target_plan_begin(&p);
	for (unsigned i = first; i <= last; i++)
		target_plan_add(&p, i);
	for (unsigned i = 0; i < CALLERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, call_in_a_loop, NULL), 0);
	patch_rounds(rounds, parked, &p);
	__atomic_store_n(&race.stop, true, __ATOMIC_RELEASE);
	for (unsigned i = 0; i < CALLERS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(race.wrong, 0);
	assert_true(target_hits[0] > 0 && targets_are_untouched());
	print_message("  %lu rounds of calls, %lu of the first function's went through the hook\n",
		      (unsigned long)race.calls, (unsigned long)target_hits[0]);
}

static void test_threads(void **state)
{
	run_race(TARGET_WORD, TARGET_LINES, 3000, false);
}

/* Not while it is patched, for a thread may stand between its pushes; while it is undone. */
static void test_threads_undo(void **state)
{
	run_race(TARGET_PUSHES, TARGET_PUSHES, 500, true);
}

static void *wait_for_stop(void *arg)
{
	while (!__atomic_load_n(&race.stop, __ATOMIC_ACQUIRE))
		usleep(1000);
	return NULL;
}

/* With a second thread there is no safe way to write at the edge of a line: all or none. */
static void test_all_or_none(void **state)
{
	struct wire_plan p = target_plan, edge;
	pthread_t thread;
	memset(&race, 0, sizeof race);
	target_plan_add(&p, TARGET_EDGE);
	target_plan_begin(&edge);
	target_plan_add(&edge, TARGET_EDGE);
	assert_int_equal(targets_patch(&p), PATCH_DONE);
	patch_undo(&p, target_bias);
	assert_int_equal(pthread_create(&thread, NULL, wait_for_stop, NULL), 0);
	assert_int_equal(targets_patch(&p), PATCH_UNDONE);
	assert_true(targets_are_untouched());
	assert_int_equal(targets_patch(&edge), PATCH_DENIED);
	assert_true(targets_are_untouched());
	__atomic_store_n(&race.stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
}

/* --- where something is forbidden ------------------------------------------------------ */

static bool forbid(uint32_t call, unsigned argument, uint32_t value)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, args) + argument * 8),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof code / sizeof code[0], code };
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

enum forbidden { RWX, RWX_AND_PROC, ISLAND_EXEC, READV, FORBIDDEN };
static const enum patch_result expected[FORBIDDEN] = { PATCH_DONE, PATCH_DENIED, PATCH_DENIED, PATCH_DONE };

static bool forbid_it(enum forbidden what)
{
	switch (what) {
	case RWX: return forbid(SYS_mprotect, 2, 7);
	case RWX_AND_PROC: return forbid(SYS_mprotect, 2, 7) && forbid(SYS_openat, 2, 02000002 /* RDWR, CLOEXEC */);
	case ISLAND_EXEC: return forbid(SYS_mprotect, 2, 5);
	default: return forbid(SYS_process_vm_readv, 2, 1);
	}
}

static int try_forbidden(enum forbidden what)
{
	struct wire_plan p = target_plan;
	p.entries[0].fixups[1].target = what; /* unused; another content would need another island */
	p.entries[0].code[0] = what == ISLAND_EXEC ? 0x90 : p.entries[0].code[0];
	if (!forbid_it(what))
		return 77;
	errno = 4711;
	enum patch_result result = targets_patch(&p);
	if (result != expected[what] || errno != 4711)
		return 10 + (int)result;
	if (result != PATCH_DONE)
		return targets_are_untouched() ? 0 : 2;
	if (!targets_work())
		return 3;
	patch_undo(&p, target_bias);
	return targets_are_untouched() ? 0 : 4;
}

static void test_forbidden(void **state)
{
	for (enum forbidden what = RWX; what < FORBIDDEN; what++) {
		int status = 0;
		pid_t pid = fork();
		if (pid == 0)
			_exit(try_forbidden(what));
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
			skip();
		assert_int_equal(status, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_threads_undo),
		cmocka_unit_test(test_all_or_none),
		cmocka_unit_test(test_forbidden),
	};
	return cmocka_run_group_tests(tests, targets_setup, NULL);
}
