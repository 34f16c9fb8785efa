/* SPDX-License-Identifier: MIT */
/*
 * introspect*.c: which points are safe, what a reading has, who takes an errand. The
 * allocator is a linked jemalloc that this test plays: its mallctl is a table here.
 */
#define _GNU_SOURCE
#include "../../probes/allocator_ops.h"
#include "../../probes/heap.h"
#include "../../probes/introspect.h"
#include "../../probes/life.h"
#include "../../probes/linked_sizes.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <cmocka.h>

union probe_page probe_page __attribute__((aligned(4096)));
struct life_facts life;
const struct adapter *heap_adapter;
struct linked_heap linked_heaps[WIRE_HEAPS];
__thread uintptr_t linked_inside;

bool heap_is_asking(void)
{
	return false;
}

#define HEAP 1u
#define COUNT(a) (sizeof(a) / sizeof *(a))

static int set_up(void **state)
{
	char *base = mmap(NULL, WIRE_HEAD_BYTES, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED)
		return -1;
	memset(&probe, 0, sizeof probe);
	probe.base = base;
	probe.control = (struct wire_control *)base;
	probe.on = 1;
	probe.pid = (uint32_t)getpid();
	probe.control->heaps[HEAP] = (struct wire_heap){ .name = "jemalloc", .state = WIRE_HEAP_FOLLOWED,
		.family = WIRE_FAMILY_JEMALLOC };
	probe.control->collector_gone = 1; /* nobody answers */
	return 0;
}

static int tear_down(void **state)
{
	linked_heaps[HEAP].mallctl = NULL;
	return munmap(probe.base, WIRE_HEAD_BYTES);
}

/* ---- safe points ------------------------------------------------------------------- */

static volatile sig_atomic_t handled, safe_in_handler;

static void on_signal(int number)
{
	(void)number;
	handled++;
	safe_in_handler += introspect_is_safe();
}

static void handle(int number, int flags)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = flags };
	handled = safe_in_handler = 0;
	assert_int_equal(sigaction(number, &action, NULL), 0);
}

static void test_handler_is_unsafe(void **state)
{
	assert_true(introspect_is_safe());
	handle(SIGUSR1, 0);
	raise(SIGUSR1);
	assert_int_equal(handled, 1);
	assert_int_equal(safe_in_handler, 0);
	assert_true(introspect_is_safe());
}

/* The handler is gone from the kernel's table while it runs. */
static void test_oneshot_handler_is_unsafe(void **state)
{
	handle(SIGUSR2, (int)SA_RESETHAND);
	raise(SIGUSR2);
	assert_int_equal(handled, 1);
	assert_int_equal(safe_in_handler, 0);
}

static void test_alternate_stack_is_unsafe(void **state)
{
	static char other[65536];
	stack_t on = { .ss_sp = other, .ss_size = sizeof other }, off = { .ss_flags = SS_DISABLE };
	assert_int_equal(sigaltstack(&on, NULL), 0);
	handle(SIGUSR1, SA_ONSTACK);
	raise(SIGUSR1);
	assert_int_equal(handled, 1);
	assert_int_equal(safe_in_handler, 0);
	assert_true(introspect_is_safe());
	assert_int_equal(sigaltstack(&off, NULL), 0);
}

static bool safe_there;

static void *look_in_thread(void *arg)
{
	(void)arg;
	safe_there = introspect_is_safe();
	raise(SIGUSR1);
	return NULL;
}

static void test_thread_is_safe(void **state)
{
	pthread_t thread;
	handle(SIGUSR1, 0);
	assert_int_equal(pthread_create(&thread, NULL, look_in_thread, NULL), 0);
	pthread_join(thread, NULL);
	assert_true(safe_there);
	assert_int_equal(handled, 1);
	assert_int_equal(safe_in_handler, 0);
}

static void look_there(void)
{
	safe_there = introspect_is_safe();
}

/* Its stack does not lead to the thread's: nobody knows what called it. */
static void test_coroutine_is_unsafe(void **state)
{
	ucontext_t here, there;
	size_t bytes = 1 << 17;
	char *stack = mmap(NULL, bytes + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(stack != MAP_FAILED);
	assert_int_equal(mprotect(stack + bytes, 4096, PROT_NONE), 0);
	handle(SIGUSR1, 0);
	assert_int_equal(getcontext(&there), 0);
	there.uc_stack.ss_sp = stack;
	there.uc_stack.ss_size = bytes;
	there.uc_link = &here;
	makecontext(&there, look_there, 0);
	safe_there = true;
	assert_int_equal(swapcontext(&here, &there), 0);
	assert_false(safe_there);
	munmap(stack, bytes + 4096);
}

/* What a sigaction() leaves behind is no frame. */
static void test_stale_restorer_is_no_handler(void **state)
{
#if defined __x86_64__
	volatile uintptr_t left[64] = { 0 };
	struct { uintptr_t handler; unsigned long flags; uintptr_t restorer; uint64_t mask; } action;
	handle(SIGUSR1, 0);
	assert_int_equal(syscall(SYS_rt_sigaction, SIGUSR1, NULL, &action, sizeof action.mask), 0);
	assert_true(action.restorer != 0);
	left[10] = action.restorer;
	assert_true(introspect_is_safe());
	left[10 + 24] = 0x33; /* where a frame has the code's segment */
	assert_false(introspect_is_safe());
	left[10] = left[10 + 24] = 0;
#else
	skip();
#endif
}

static void test_marks_make_unsafe(void **state)
{
	introspect_forbidden++;
	assert_false(introspect_is_safe());
	introspect_forbidden--;
	linked_inside = UINTPTR_MAX;
	assert_false(introspect_is_safe());
	linked_inside = 0;
	probe.pid++; /* as a vfork child sees it */
	assert_false(introspect_is_safe());
	probe.pid--;
	assert_true(introspect_is_safe());
}

/* ---- an allocator ------------------------------------------------------------------- */

struct known { const char *name; size_t size; uint64_t value; };
static const struct known without_statistics[] = {
	{ "arenas.narenas", 4, 3 }, { "arenas.page", 8, 4096 }, { "arenas.dirty_decay_ms", 8, (uint64_t)-1 },
	{ "stats.arenas.0.pactive", 8, 10 }, { "stats.arenas.0.pdirty", 8, 3 }, { "stats.arenas.0.pmuzzy", 8, 1 },
	{ "stats.arenas.0.nthreads", 4, 2 }, { "stats.arenas.2.pactive", 8, 5 }, { "stats.arenas.2.pdirty", 8, 0 },
	{ "stats.arenas.2.pmuzzy", 8, 0 }, { "stats.arenas.2.nthreads", 4, 0 },
	{ "opt.narenas", 4, 3 }, { "opt.dirty_decay_ms", 8, (uint64_t)-1 }, { "opt.background_thread", 1, 1 },
};
static const struct known statistics[] = {
	{ "stats.allocated", 8, 30000 }, { "stats.arenas.4096.bins.0.curslabs", 8, 2 }, { "arenas.nbins", 4, 1 },
	{ "stats.arenas.4096.bins.0.curregs", 8, 100 }, { "arenas.bin.0.nregs", 4, 512 }, { "arenas.bin.0.size", 8, 8 },
};
static struct { bool epoch, statistics, inside, blocked; const char *purges; unsigned purge_calls; char purged[64]; } played;

static const struct known *find(const struct known *list, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(list[i].name, name))
			return &list[i];
	return NULL;
}

static int play_purge(const char *name)
{
	played.purge_calls++;
	if (!played.purges || strcmp(name, played.purges) != 0)
		return ENOENT;
	strcpy(played.purged, name);
	return 0;
}

static int play_mallctl(const char *name, void *old, size_t *old_bytes, void *new, size_t new_bytes)
{
	sigset_t mask;
	size_t n = strlen(name);
	played.inside = linked_inside != 0 && introspect_busy;
	sigprocmask(SIG_SETMASK, NULL, &mask);
	played.blocked = sigismember(&mask, SIGALRM) && !sigismember(&mask, SIGSEGV);
	if (!strcmp(name, "epoch"))
		return played.epoch && new && new_bytes == 8 ? 0 : ENOENT;
	if (n > 6 && !strcmp(name + n - 6, ".purge"))
		return play_purge(name);
	const struct known *k = find(without_statistics, COUNT(without_statistics), name);
	if (!k && played.statistics)
		k = find(statistics, COUNT(statistics), name);
	if (!k || *old_bytes != k->size)
		return ENOENT;
	memcpy(old, &k->value, k->size);
	return 0;
}

static struct wire_reading *reading(void)
{
	return (struct wire_reading *)(probe.base + WIRE_OFF_READINGS + HEAP * WIRE_READING_BYTES);
}

static void play(bool epoch, bool with_statistics, const char *purges)
{
	memset(&played, 0, sizeof played);
	played.epoch = epoch;
	played.statistics = with_statistics;
	played.purges = purges;
	linked_heaps[HEAP].mallctl = (void *)(uintptr_t)play_mallctl;
}

/* -2: it is not there. */
static int64_t value_of(enum wire_figure figure, int32_t arena)
{
	const struct wire_reading *r = reading();
	for (uint32_t i = 0; i < r->count; i++)
		if (r->values[i].figure == figure && r->values[i].arena == arena)
			return r->values[i].value;
	return -2;
}

static void take_errand(uint32_t errand)
{
	probe.control->errand = errand;
	probe.control->freeze = WIRE_FREEZE_LOOK;
	introspect_run_errands();
}

static void test_reads_without_statistics(void **state)
{
	play(true, false, NULL);
	errno = 4711;
	take_errand(WIRE_ERRAND_READ);
	assert_int_equal(errno, 4711);
	assert_int_equal(probe.control->errand, 0);
	assert_int_equal(probe.control->freeze, 0);
	assert_int_equal(reading()->result, WIRE_READING_OK);
	assert_int_equal(reading()->seq, 2);
	assert_true(played.inside && played.blocked);
	assert_false(introspect_busy || linked_inside || probe.introspecting);
	assert_int_equal(value_of(WIRE_FIGURE_active, 0), 40960);
	assert_int_equal(value_of(WIRE_FIGURE_dirty, 0), 12288);
	assert_int_equal(value_of(WIRE_FIGURE_muzzy, WIRE_ARENA_ALL), 4096);
	assert_int_equal(value_of(WIRE_FIGURE_active, WIRE_ARENA_ALL), 61440);
	assert_int_equal(value_of(WIRE_FIGURE_active, 1), -2); /* not there */
	assert_int_equal(value_of(WIRE_FIGURE_arenas, WIRE_ARENA_ALL), 3);
	assert_int_equal(value_of(WIRE_FIGURE_arenas_used, WIRE_ARENA_ALL), 2);
	assert_int_equal(value_of(WIRE_FIGURE_threads, 0), 2);
	assert_int_equal(value_of(WIRE_FIGURE_dirty_decay, WIRE_ARENA_ALL), -1);
	assert_int_equal(value_of(WIRE_FIGURE_allocated, WIRE_ARENA_ALL), -2);
	assert_int_equal(value_of(WIRE_FIGURE_slab_free, WIRE_ARENA_ALL), -2);
	static const char text[] = "opt.narenas=3\nopt.dirty_decay_ms=-1\nopt.background_thread=true\n";
	assert_int_equal(reading()->text_bytes, sizeof text - 1);
	assert_memory_equal(reading()->text, text, sizeof text - 1);
}

static void test_reads_statistics(void **state)
{
	play(true, true, NULL);
	take_errand(WIRE_ERRAND_READ);
	take_errand(WIRE_ERRAND_READ);
	assert_int_equal(reading()->seq, 4);
	assert_int_equal(value_of(WIRE_FIGURE_allocated, WIRE_ARENA_ALL), 30000);
	assert_int_equal(value_of(WIRE_FIGURE_slab_free, WIRE_ARENA_ALL), (2 * 512 - 100) * 8);
}

static void test_says_why_not(void **state)
{
	take_errand(WIRE_ERRAND_READ);
	assert_int_equal(reading()->result, WIRE_READING_NO_WAY);
	play(false, true, NULL);
	take_errand(WIRE_ERRAND_READ);
	assert_int_equal(reading()->result, WIRE_READING_REFUSED);
	assert_int_equal(reading()->count, 0);
}

/* ---- errands ------------------------------------------------------------------------ */

static void run_in_handler(int number)
{
	(void)number;
	take_errand(WIRE_ERRAND_READ);
}

static void test_unsafe_errand_is_left(void **state)
{
	struct sigaction action = { .sa_handler = run_in_handler };
	play(true, false, NULL);
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
	assert_int_equal(probe.control->errand, WIRE_ERRAND_READ);
	assert_int_equal(probe.control->freeze, 0); /* the others need not look */
	assert_int_equal(reading()->seq, 0);
	assert_int_equal(reading()->not_safe, 1);
	assert_int_equal(reading()->result, WIRE_READING_NOT_SAFE);
	take_errand(WIRE_ERRAND_READ);
	assert_int_equal(reading()->result, WIRE_READING_OK);
	assert_int_equal(reading()->not_safe, 1);
}

/* While a snapshot is taken there are readings and no purge. */
static void test_frozen_errands(void **state)
{
	play(true, false, "arena.4096.purge");
	probe.control->errand = WIRE_ERRAND_READ | WIRE_ERRAND_PURGE;
	probe.control->freeze = 1;
	introspect_run_errands();
	assert_int_equal(probe.control->errand, WIRE_ERRAND_PURGE);
	assert_int_equal(probe.control->freeze, 1);
	assert_int_equal(reading()->result, WIRE_READING_OK);
	assert_int_equal(played.purge_calls, 0);
	probe.control->freeze = 0;
	introspect_run_errands();
	assert_int_equal(played.purge_calls, 1);
	assert_int_equal(probe.control->purge.count, 1);
	assert_int_equal(probe.control->purge.heaps, 1u << HEAP);
	assert_int_equal(probe.control->purge.result, WIRE_READING_OK);
	assert_true(probe.control->purge.end_ns >= probe.control->purge.begin_ns);
}

static void test_one_at_a_time(void **state)
{
	play(true, false, NULL);
	probe.introspecting = 1;
	take_errand(WIRE_ERRAND_READ);
	assert_int_equal(reading()->seq, 0);
	assert_int_equal(probe.introspecting, 1);
}

static void test_purges_older_releases(void **state)
{
	static const char *const names[] = { "arena.3.purge", "arena.1.purge" };
	for (size_t i = 0; i < COUNT(names); i++) {
		play(true, false, names[i]);
		probe.control->purge_at_exit = 1;
		introspect_purge_at_exit();
		assert_string_equal(played.purged, names[i]);
	}
	play(true, false, NULL);
	introspect_purge_at_exit();
	assert_int_equal(probe.control->purge.result, WIRE_READING_REFUSED);
	assert_int_equal(probe.control->purge.heaps, 0);
}

static void test_purges_only_when_wanted(void **state)
{
	play(true, false, "arena.4096.purge");
	introspect_purge_at_exit();
	assert_int_equal(played.purge_calls, 0);
	probe.control->purge_at_exit = 1;
	introspect_forbidden++;
	introspect_purge_at_exit();
	introspect_forbidden--;
	assert_int_equal(played.purge_calls, 0);
	assert_int_equal(probe.control->purge.result, WIRE_READING_NOT_SAFE);
}

/* ---- the writer --------------------------------------------------------------------- */

static void test_writer_is_bounded(void **state)
{
	struct wire_reading *r = reading();
	struct introspect_writer w;
	char value[WIRE_READING_TEXT];
	introspect_begin(&w, r, 100);
	assert_int_equal(r->seq, 1);
	for (unsigned i = 0; i < WIRE_READING_VALUES + 2; i++)
		introspect_put(&w, WIRE_FIGURE_dirty, 0, i);
	memset(value, 'x', sizeof value);
	value[sizeof value - 2] = 0;
	introspect_put_text(&w, "n", value); /* one byte too many */
	assert_true(introspect_wants_settings(&w));
	introspect_put_text(&w, "n", "a\nb");
	introspect_put_text(&w, "n", value + 1);
	introspect_put_number(&w, "none", 1);
	introspect_end(&w, WIRE_READING_OK, 150);
	assert_int_equal(r->count, WIRE_READING_VALUES);
	assert_int_equal(r->values_lost, 2);
	assert_int_equal(r->text_bytes, WIRE_READING_TEXT);
	assert_int_equal(r->took_ns, 50);
	assert_int_equal(r->seq, 2);
}

static void test_numbers(void **state)
{
	char text[24];
	introspect_append_number(text, sizeof text, 0, INT64_MIN);
	assert_string_equal(text, "-9223372036854775808");
	introspect_append_number(text, sizeof text, 0, 0);
	assert_string_equal(text, "0");
	assert_int_equal(introspect_append(text, 4, 0, "abcdef"), 3);
	assert_string_equal(text, "abc");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_handler_is_unsafe), TEST(test_oneshot_handler_is_unsafe), TEST(test_alternate_stack_is_unsafe),
		TEST(test_thread_is_safe), TEST(test_coroutine_is_unsafe), TEST(test_stale_restorer_is_no_handler),
		TEST(test_marks_make_unsafe), TEST(test_reads_without_statistics), TEST(test_reads_statistics),
		TEST(test_says_why_not), TEST(test_unsafe_errand_is_left), TEST(test_frozen_errands), TEST(test_one_at_a_time),
		TEST(test_purges_older_releases), TEST(test_purges_only_when_wanted), TEST(test_writer_is_bounded),
		TEST(test_numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
