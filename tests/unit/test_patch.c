/* SPDX-License-Identifier: MIT */
/*
 * Plans are carried out on functions of this very executable: all or none, undone, refused,
 * under running threads, and where the kernel forbids one way of writing or all.
 */
#include "fake_image.h"
#include "patch_targets.h"
#include "relocate.h"
#include "../../probes/patch.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <link.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static uint64_t bias;
static struct wire_plan whole; /* all targets but `edge` */
static struct linked_entry linked[WIRE_PLAN_ENTRIES];
static uint64_t hits[WIRE_PLAN_ENTRIES];
static uint8_t *unpatched;     /* a copy of the targets */

static uint64_t hook(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, const struct linked_entry *entry)
{
	__atomic_add_fetch(&hits[entry - linked], 1, __ATOMIC_RELAXED); /* a count, read when all is quiet */
	return entry->real(a, b, c, d, e);
}

static void *hook_for(uint32_t kind)
{
	return kind == WIRE_ENTRY_MALLOC ? (void *)hook : NULL;
}

static int first_object(struct dl_phdr_info *info, size_t size, void *arg)
{
	*(uint64_t *)arg = info->dlpi_addr;
	return 1;
}

static void add_target(struct wire_plan *p, unsigned i)
{
	uint64_t start = (uint64_t)target_table[i].call - bias;
	struct image_function f = { start, (uint64_t)target_table[i].end - bias, 0, false };
	struct image im = { .base = (uint64_t)targets - bias, .bytes = targets, .size = (size_t)(targets_end - targets),
			    .functions = &f, .function_count = 1 };
	struct wire_plan_entry *e = &p->entries[p->entry_count++];
	e->kind = WIRE_ENTRY_MALLOC;
	assert_int_equal(relocate_entry(&im, start, e, NULL), 0);
}

static void begin_plan(struct wire_plan *p)
{
	memset(p, 0, sizeof *p);
	p->magic = WIRE_PLAN_MAGIC;
	p->version = WIRE_PLAN_VERSION;
	p->low = (uint64_t)targets - bias;
	p->high = (uint64_t)targets_end - bias;
}

static int make_plan(void **state)
{
	dl_iterate_phdr(first_object, &bias);
	begin_plan(&whole);
	for (unsigned i = 0; i < TARGET_EDGE; i++)
		add_target(&whole, i);
	unpatched = malloc((size_t)(targets_end - targets));
	memcpy(unpatched, targets, (size_t)(targets_end - targets));
	return unpatched ? 0 : -1;
}

static bool is_untouched(void)
{
	return memcmp(unpatched, targets, (size_t)(targets_end - targets)) == 0;
}

static bool targets_work(void)
{
	bool ok = true;
	for (uint64_t i = 0; i < TARGETS; i++)
		ok = ok && target_table[i].call(i, 3) == target_result(i, 3);
	return ok;
}

static void test_patch_and_undo(void **state)
{
	uint64_t bytes = 0;
	memset(hits, 0, sizeof hits);
	assert_int_equal(patch_module(&whole, bias, linked, hook_for), PATCH_DONE);
	assert_true(targets_work());
	for (unsigned i = 0; i < whole.entry_count; i++)
		assert_int_equal(hits[i], 1);
	uint64_t island = patch_island(&bytes);
	assert_true(island != 0 && bytes != 0 && (uint64_t)linked[0].real - island < bytes);
	assert_int_equal(patch_module(&whole, bias, linked, hook_for), PATCH_OTHER_BYTES);
	patch_undo(&whole, bias);
	assert_true(is_untouched() && targets_work());
	patch_undo(&whole, bias);
	assert_true(is_untouched());
	for (unsigned i = 0; i < whole.entry_count; i++)
		assert_int_equal(hits[i], 1);
}

static void test_same_island_again(void **state)
{
	uint64_t bytes, first;
	assert_int_equal(patch_module(&whole, bias, linked, hook_for), PATCH_DONE);
	first = patch_island(&bytes);
	patch_undo(&whole, bias);
	assert_int_equal(patch_module(&whole, bias, linked, hook_for), PATCH_DONE);
	assert_int_equal(patch_island(&bytes), first);
	patch_undo(&whole, bias);
}

/* Only called, or of a kind without a hook: real is the function itself. */
static void test_left_alone(void **state)
{
	struct wire_plan p = whole;
	p.entries[0].kind = WIRE_ENTRY_MALLCTL;
	p.entries[1].patch_bytes = 0;
	memset(hits, 0, sizeof hits);
	assert_int_equal(patch_module(&p, bias, linked, hook_for), PATCH_DONE);
	assert_true(targets_work());
	assert_int_equal(hits[0] + hits[1], 0);
	assert_int_equal(hits[2], 1);
	assert_ptr_equal(linked[0].real, target_table[0].call);
	assert_ptr_equal(linked[1].real, target_table[1].call);
	patch_undo(&p, bias);
	assert_true(is_untouched());
}

static void test_other_bytes(void **state)
{
	struct wire_plan p = whole;
	p.entries[p.entry_count - 1].original[7] ^= 1;
	assert_int_equal(patch_module(&p, bias, linked, hook_for), PATCH_OTHER_BYTES);
	assert_true(is_untouched());
	assert_int_equal(patch_module(&whole, 0x123456000, linked, hook_for), PATCH_OTHER_BYTES); /* nothing there */
}

/* --- plans that are none ---------------------------------------------------------- */

#define FIELD(at, bytes, v) { offsetof(struct wire_plan, at), bytes, v }
static const struct { size_t at, bytes; uint64_t value; } damages[] = {
	FIELD(magic, 4, 0), FIELD(version, 4, 2), FIELD(entry_count, 4, WIRE_PLAN_ENTRIES + 1),
	FIELD(entry_count, 4, UINT32_MAX), FIELD(low, 8, UINT64_MAX), FIELD(high, 8, 0), FIELD(high, 8, UINT64_MAX),
	FIELD(entries[1].patch_bytes, 1, 4), FIELD(entries[1].patch_bytes, 1, WIRE_PATCH_MAX + 1),
	FIELD(entries[1].code_bytes, 1, 0), FIELD(entries[1].code_bytes, 1, WIRE_CODE_MAX + 1),
	FIELD(entries[1].fixup_count, 1, WIRE_FIXUPS_MAX + 1), FIELD(entries[1].fixups[0].at, 2, 0xfffe),
	FIELD(entries[1].fixups[0].next, 2, 0xffff), FIELD(entries[1].kind, 4, WIRE_ENTRY_KINDS),
	FIELD(entries[1].address, 8, 1), FIELD(entries[1].address, 8, UINT64_MAX - 1), FIELD(entries[1].function, 8, 1),
};

static void test_bad_plan(void **state)
{
	for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
		struct wire_plan p = whole;
		memcpy((char *)&p + damages[i].at, &damages[i].value, damages[i].bytes);
		assert_int_equal(patch_module(&p, bias, linked, hook_for), PATCH_BAD_PLAN);
	}
	struct wire_plan twice = whole;
	twice.entries[1] = twice.entries[0];
	assert_int_equal(patch_module(&twice, bias, linked, hook_for), PATCH_BAD_PLAN);
	struct wire_plan far = whole;
	far.entries[0].fixups[0].target = 1ull << 40;
	assert_int_equal(patch_module(&far, bias, linked, hook_for), PATCH_NO_ROOM);
	assert_true(is_untouched());
}

/* In a child of its own, for the islands stay. */
static int patch_noise(void)
{
	for (unsigned round = 0; round < 20000; round++) {
		struct wire_plan p = whole;
		size_t used = offsetof(struct wire_plan, entries) + p.entry_count * sizeof p.entries[0];
		for (unsigned n = rand() % 4; n < 4; n++)
			((uint8_t *)&p)[(size_t)rand() % used] = (uint8_t)rand();
		if (patch_module(&p, bias, linked, hook_for) == PATCH_DONE)
			patch_undo(&p, bias);
		if (!is_untouched())
			return 1;
	}
	return 0;
}

static void test_noise(void **state)
{
	int status = 0;
	pid_t pid = fork();
	if (pid == 0)
		_exit(patch_noise());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

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
		assert_int_equal(patch_module(p, bias, linked, hook_for), PATCH_DONE);
		if (parked)
			set_park(false);
		if (i % 8 == 0)
			sched_yield();
		patch_undo(p, bias);
		if (i % 8 == 4)
			sched_yield();
	}
}

static void run_race(unsigned first, unsigned last, unsigned rounds, bool parked)
{
	struct wire_plan p;
	pthread_t threads[CALLERS];
	memset(&race, 0, sizeof race);
	memset(hits, 0, sizeof hits);
	race.first = first, race.last = last;
	begin_plan(&p);
	for (unsigned i = first; i <= last; i++)
		add_target(&p, i);
	for (unsigned i = 0; i < CALLERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, call_in_a_loop, NULL), 0);
	patch_rounds(rounds, parked, &p);
	__atomic_store_n(&race.stop, true, __ATOMIC_RELEASE);
	for (unsigned i = 0; i < CALLERS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(race.wrong, 0);
	assert_true(hits[0] > 0 && is_untouched());
	print_message("  %lu rounds of calls, %lu of the first function's went through the hook\n",
		      (unsigned long)race.calls, (unsigned long)hits[0]);
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
	struct wire_plan p = whole, edge;
	pthread_t thread;
	memset(&race, 0, sizeof race);
	add_target(&p, TARGET_EDGE);
	begin_plan(&edge);
	add_target(&edge, TARGET_EDGE);
	assert_int_equal(patch_module(&p, bias, linked, hook_for), PATCH_DONE);
	patch_undo(&p, bias);
	assert_int_equal(pthread_create(&thread, NULL, wait_for_stop, NULL), 0);
	assert_int_equal(patch_module(&p, bias, linked, hook_for), PATCH_UNDONE);
	assert_true(is_untouched());
	assert_int_equal(patch_module(&edge, bias, linked, hook_for), PATCH_DENIED);
	assert_true(is_untouched());
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
	struct wire_plan p = whole;
	p.entries[0].fixups[1].target = what; /* unused; another content would need another island */
	p.entries[0].code[0] = what == ISLAND_EXEC ? 0x90 : p.entries[0].code[0];
	if (!forbid_it(what))
		return 77;
	errno = 4711;
	enum patch_result result = patch_module(&p, bias, linked, hook_for);
	if (result != expected[what] || errno != 4711)
		return 10 + (int)result;
	if (result != PATCH_DONE)
		return is_untouched() ? 0 : 2;
	if (!targets_work())
		return 3;
	patch_undo(&p, bias);
	return is_untouched() ? 0 : 4;
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
		cmocka_unit_test(test_patch_and_undo),
		cmocka_unit_test(test_same_island_again),
		cmocka_unit_test(test_left_alone),
		cmocka_unit_test(test_other_bytes),
		cmocka_unit_test(test_bad_plan),
		cmocka_unit_test(test_noise),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_threads_undo),
		cmocka_unit_test(test_all_or_none),
		cmocka_unit_test(test_forbidden),
	};
	return cmocka_run_group_tests(tests, make_plan, NULL);
}
