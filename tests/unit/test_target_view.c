/* SPDX-License-Identifier: MIT */
/*
 * A child plays a program with a probe: it maps memory, touches some of it, writes the
 * shadow by wire.h's rules, says what the ledger must show, and waits stopped. The ledger
 * is then taken from outside with each source of page states.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "shadow_writer.h"
#include "stack_figures.h"
#include "target_view.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096ull
#if defined(__has_feature) /* clang's way to say it */
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#define MIB (1ull << 20)

struct child {
	pid_t pid;
	int memfd;
	int64_t want[LEDGER_TERMS]; /* -1: not checked */
	struct target_view *view;
	int command; /* a byte there, and one back on answer: it gives its dirty pages to MADV_FREE */
	int answer;
};

/* What the child says through its pipe. */
struct word { int64_t want[LEDGER_TERMS]; };

static void touch(char *at, size_t bytes)
{
	for (size_t i = 0; i < bytes; i += PAGE)
		((volatile char *)at)[i] = 1;
}

static char *map(size_t bytes)
{
	char *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (at == MAP_FAILED)
		abort();
	madvise(at, bytes, MADV_NOHUGEPAGE);
	return at;
}

/* An allocator's chunk: 100 full pages, 50 pages with one block each, 200 pages that held
 * blocks, 30 pages of its own, and a block of 1 MiB of which 25 pages are touched. */
static char *make_heap(struct shadow_writer *w, int64_t *want)
{
	char *chunk = map(16 * MIB);
	uint64_t at = (uint64_t)(uintptr_t)chunk;
	shadow_writer_event(w, WIRE_EVENT_MAP, at, 16 * MIB, WIRE_OWNER_ALLOCATOR);
	for (unsigned i = 0; i < 100 * 64; i++)
		shadow_writer_alloc(w, at + i * 64, 50, 64);
	for (unsigned i = 0; i < 50; i++)
		shadow_writer_alloc(w, at + (100 + i) * PAGE, 1000, 1024);
	for (unsigned i = 0; i < 10; i++)
		shadow_writer_alloc(w, at + (150 + 20 * i) * PAGE, 20 * PAGE - 500, 20 * PAGE);
	for (unsigned i = 0; i < 10; i++)
		shadow_writer_free(w, at + (150 + 20 * i) * PAGE);
	touch(chunk, 380 * PAGE);
	shadow_writer_alloc(w, at + MIB * 4, MIB, MIB);
	touch(chunk + MIB * 4, 25 * PAGE);
	want[LEDGER_T_live_requested] = 100 * 64 * 50 + 50 * 1000 + (int64_t)MIB;
	want[LEDGER_T_live_requested_resident] = 100 * 64 * 50 + 50 * 1000 + 25 * (int64_t)PAGE;
	want[LEDGER_T_live_untouched] = (int64_t)(MIB - 25 * PAGE);
	want[LEDGER_T_live_swapped] = 0;
	want[LEDGER_T_rounding] = 100 * 64 * 14 + 50 * 24;
	want[LEDGER_T_fragmentation] = 50 * (int64_t)(PAGE - 1024);
	want[LEDGER_T_retained_dirty] = 200 * (int64_t)PAGE;
	want[LEDGER_T_retained_muzzy] = 0;
	return chunk + 150 * PAGE;
}

/* A program's mapping whose lower half was read only: the zero page, not resident. */
static void make_program_mmap(struct shadow_writer *w, int64_t *want)
{
	char *at = map(8 * MIB);
	shadow_writer_event(w, WIRE_EVENT_MAP, (uint64_t)(uintptr_t)at, 8 * MIB, WIRE_OWNER_PROGRAM);
	for (size_t i = 0; i < 4 * MIB; i += PAGE)
		(void)((volatile char *)at)[i];
	touch(at + 4 * MIB, 4 * MIB);
	want[LEDGER_T_program_mmap] = (int64_t)(4 * MIB);
}

static struct shadow_writer *thread_writer;
static int thread_ready[2];

static void *thread_main(void *arg)
{
	char deep[256 << 10];
	touch(deep, sizeof deep);
	struct wire_thread *t = &thread_writer->threads[1];
	t->tid = 2;
	t->stack_hint = (uint64_t)(uintptr_t)deep;
	t->tls_address = (uint64_t)pthread_self();
	(void)!write(thread_ready[1], "", 1);
	for (;;)
		pause();
	return NULL;
}

static void make_threads(struct shadow_writer *w)
{
	pthread_t thread;
	char c;
	thread_writer = w;
	w->threads[0].tid = 1;
	w->threads[0].tls_address = (uint64_t)pthread_self();
	w->threads[0].stack_hint = (uint64_t)(uintptr_t)&c;
	w->control->thread_count = 2;
	if (pipe(thread_ready) < 0 || pthread_create(&thread, NULL, thread_main, NULL) || read(thread_ready[0], &c, 1) != 1)
		abort();
}

static void make_shared(int64_t *want)
{
	char *at = mmap(NULL, 3 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	touch(at, 2 * MIB);
	want[LEDGER_T_shared_memory] = (int64_t)(2 * MIB);
}

static void child_main(struct shadow_writer *w, int say, int commands)
{
	struct word word;
	memset(&word, 0xff, sizeof word);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	char *dirty = make_heap(w, word.want), c;
	make_program_mmap(w, word.want);
	make_shared(word.want);
	make_threads(w);
	word.want[LEDGER_T_probe] = 0; /* at least something, see below */
	(void)!write(say, &word, sizeof word);
	while (read(commands, &c, 1) == 1) {
		madvise(dirty, 200 * PAGE, MADV_FREE);
		w->control->madv_free_calls++;
		(void)!write(say, &c, 1);
	}
	_exit(0);
}

static int set_up(void **state)
{
	struct child *c = calloc(1, sizeof *c);
	struct shadow_writer w;
	struct word word;
	int pipes[2], commands[2];
	shadow_writer_init(&w);
	if (pipe(pipes) < 0 || pipe(commands) < 0 || (c->pid = fork()) < 0)
		return -1;
	if (c->pid == 0)
		child_main(&w, pipes[1], commands[0]);
	if (read(pipes[0], &word, sizeof word) != sizeof word)
		return -1;
	c->answer = pipes[0];
	c->command = commands[1];
	close(pipes[1]);
	close(commands[0]);
	memcpy(c->want, word.want, sizeof c->want);
	kill(c->pid, SIGSTOP);
	waitpid(c->pid, NULL, WUNTRACED);
	c->memfd = w.fd;
	w.fd = -1;
	shadow_writer_finish(&w);
	*state = c;
	return target_view_create(c->pid, c->memfd, &c->view);
}

static int tear_down(void **state)
{
	struct child *c = *state;
	kill(c->pid, SIGKILL);
	waitpid(c->pid, NULL, 0);
	target_view_destroy(c->view);
	close(c->command);
	close(c->answer);
	free(c);
	return 0;
}

/* By stack it is the same as in the ledger, to the byte; the child's blocks have stack 0. */
static void expect_same_by_stack(struct child *c, const struct ledger *l)
{
	struct stack_figures *f;
	struct stack_figure *rows;
	size_t count;
	assert_int_equal(stack_figures_create(WIRE_STACKS_ALL, 0, &f), 0);
	assert_int_equal(target_view_scan_stacks(c->view, f), 0);
	assert_int_equal(stack_figures_rows(f, &rows, &count), 0);
	assert_int_equal(count, 1);
	assert_int_equal(rows[0].live_bytes, l->bytes[LEDGER_T_live_requested]);
	assert_int_equal(rows[0].pinned_bytes, l->bytes[LEDGER_T_fragmentation]);
	assert_int_equal(rows[0].dirty_bytes, l->bytes[LEDGER_T_retained_dirty] + l->bytes[LEDGER_T_retained_muzzy]);
	free(rows);
	stack_figures_destroy(f);
}

static struct snapshot take(struct child *c, bool want_mappings)
{
	struct snapshot s = { 0 };
	assert_int_equal(target_view_snapshot(c->view, TRIGGER_TIMER, HOLD_STOPPED, want_mappings, NULL, NULL, &s), 0);
	assert_true(ledger_is_balanced(&s.ledger));
	if (s.pages != PAGES_NONE && ledger_has(&s.ledger, LEDGER_T_fragmentation))
		expect_same_by_stack(c, &s.ledger);
	return s;
}

static void expect_terms(const struct child *c, const struct ledger *l)
{
	for (int t = 0; t < LEDGER_TERMS; t++) {
		if (c->want[t] < 0 || t == LEDGER_T_probe)
			continue;
		if (l->bytes[t] != c->want[t])
			print_message("%s: %lld, wanted %lld\n", ledger_term_infos[t].name, (long long)l->bytes[t],
				      (long long)c->want[t]);
		assert_int_equal(l->bytes[t], c->want[t]);
		assert_true(ledger_has(l, t));
	}
}

static void expect_small_unexplained(const struct ledger *l, int per_rss)
{
	int64_t u = l->bytes[LEDGER_T_unexplained];
	print_message("rss %lld unexplained %lld probe %lld stacks %lld metadata %lld file %lld\n",
		      (long long)l->bytes[LEDGER_T_rss], (long long)u, (long long)l->bytes[LEDGER_T_probe],
		      (long long)l->bytes[LEDGER_T_stacks], (long long)l->bytes[LEDGER_T_allocator_metadata],
		      (long long)l->bytes[LEDGER_T_file_backed]);
#ifndef __SANITIZE_ADDRESS__ /* whose own shadow nobody owns up to */
	assert_true(llabs(u) <= l->bytes[LEDGER_T_rss] / per_rss);
#endif
}

/* A container may forbid page states; then there is nothing to compare. */
static struct snapshot take_or_skip(struct child *c)
{
	struct snapshot s = take(c, false);
	if (s.pages != PAGES_PAGEMAP_SCAN && s.pages != PAGES_PAGEMAP) {
		print_message("page states come from %s here\n", page_source_name(s.pages));
		skip();
	}
	return s;
}

static void test_every_term_by_pagemap_scan(void **state)
{
	struct child *c = *state;
	struct snapshot s = take_or_skip(c);
	expect_terms(c, &s.ledger);
	expect_small_unexplained(&s.ledger, 1000);
	assert_true(s.ledger.bytes[LEDGER_T_stacks] >= 256 << 10);
	assert_true(s.ledger.bytes[LEDGER_T_probe] > 0);
	assert_true(s.ledger.bytes[LEDGER_T_allocator_metadata] >= 30 * (int64_t)PAGE);
	assert_int_equal(s.counters.live_bytes, c->want[LEDGER_T_live_requested]);
	assert_true(s.vm_hwm_bytes > 0);
	snapshot_finish(&s);
}

static void test_every_term_by_pagemap(void **state)
{
	struct child *c = *state;
	target_view_limit_source(c->view, PAGES_PAGEMAP);
	struct snapshot s = take_or_skip(c);
	assert_int_equal(s.pages, PAGES_PAGEMAP);
	expect_terms(c, &s.ledger);
	expect_small_unexplained(&s.ledger, 1000);
	snapshot_finish(&s);
}

/* The sum and the program's side hold; which pages of a mapping are resident is a guess,
 * so that the split inside the heap may differ: the untouched part lies elsewhere. */
static void test_smaps_alone(void **state)
{
	struct child *c = *state;
	target_view_limit_source(c->view, PAGES_SMAPS);
	struct snapshot s = take(c, false);
	assert_int_equal(s.pages, PAGES_SMAPS);
	assert_int_equal(s.ledger.bytes[LEDGER_T_live_requested], c->want[LEDGER_T_live_requested]);
	assert_int_equal(s.ledger.bytes[LEDGER_T_shared_memory], c->want[LEDGER_T_shared_memory]);
	assert_false(ledger_has(&s.ledger, LEDGER_T_live_swapped));
	expect_small_unexplained(&s.ledger, 200);
	snapshot_finish(&s);
}

/* Dirty and muzzy are told apart by smaps, and only when the program called MADV_FREE. */
static void test_muzzy_pages(void **state)
{
	struct child *c = *state;
	char byte = 0;
	kill(c->pid, SIGCONT);
	assert_int_equal(write(c->command, &byte, 1), 1);
	assert_int_equal(read(c->answer, &byte, 1), 1);
	kill(c->pid, SIGSTOP);
	waitpid(c->pid, NULL, WUNTRACED);
	struct snapshot s = take_or_skip(c);
	int64_t muzzy = s.ledger.bytes[LEDGER_T_retained_muzzy];
	print_message("muzzy %lld of %lld\n", (long long)muzzy, (long long)c->want[LEDGER_T_retained_dirty]);
	/* the kernel marks pages in batches, so a few may be late */
	assert_true(muzzy > c->want[LEDGER_T_retained_dirty] / 2);
	assert_int_equal(muzzy + s.ledger.bytes[LEDGER_T_retained_dirty], c->want[LEDGER_T_retained_dirty]);
	snapshot_finish(&s);
}

static void test_mappings(void **state)
{
	struct child *c = *state;
	struct snapshot s = take(c, true);
	int64_t resident = 0, live = 0, dirty = 0;
	bool has_stack = false, has_probe = false;
	assert_true(s.mapping_count > 10);
	for (size_t i = 0; i < s.mapping_count; i++) {
		const struct snapshot_mapping *m = &s.mappings[i];
		assert_true(i == 0 || s.mappings[i - 1].end <= m->start);
		assert_non_null(m->name);
		resident += m->resident_bytes;
		live += m->live_bytes;
		dirty += m->dirty_bytes;
		has_stack |= !strcmp(m->kind, "stack") && m->resident_bytes >= 256 << 10;
		has_probe |= !strcmp(m->kind, "probe");
	}
	assert_true(has_stack && has_probe);
	assert_int_equal(live, c->want[LEDGER_T_live_requested]);
	assert_int_equal(dirty, c->want[LEDGER_T_retained_dirty]);
	assert_true(llabs(resident - s.ledger.bytes[LEDGER_T_rss]) <= s.ledger.bytes[LEDGER_T_rss] / 500);
	snapshot_finish(&s);
}

static void test_without_probe(void **state)
{
	struct child *c = *state;
	struct target_view *v;
	struct snapshot s = { 0 };
	assert_int_equal(target_view_create(c->pid, -1, &v), 0);
	assert_null(target_view_control(v));
	assert_int_equal(target_view_snapshot(v, TRIGGER_TIMER, HOLD_STOPPED, true, NULL, NULL, &s), 0);
	assert_true(ledger_is_balanced(&s.ledger));
	assert_false(ledger_has(&s.ledger, LEDGER_T_live_requested));
	assert_false(ledger_has(&s.ledger, LEDGER_T_program_mmap));
	assert_true(ledger_has(&s.ledger, LEDGER_T_file_backed));
	assert_int_equal(s.ledger.bytes[LEDGER_T_shared_memory], c->want[LEDGER_T_shared_memory]);
	assert_true(s.ledger.bytes[LEDGER_T_unexplained] > 4 * (int64_t)MIB);
	snapshot_finish(&s);
	target_view_destroy(v);
}

static void test_what_the_probe_does_not_follow_is_absent(void **state)
{
	struct child *c = *state;
	struct wire_control *control = target_view_control(c->view);
	control->state = WIRE_STATE_OFF;
	control->reason = WIRE_REASON_LEAVES;
	struct snapshot s = take(c, false);
	assert_false(ledger_has(&s.ledger, LEDGER_T_live_requested));
	assert_false(ledger_has(&s.ledger, LEDGER_T_program_mmap));
	snapshot_finish(&s);
	control->state = WIRE_STATE_ON;
	target_view_set_foreign_heap(c->view);
	s = take(c, false);
	assert_false(ledger_has(&s.ledger, LEDGER_T_live_requested));
	assert_int_equal(s.ledger.bytes[LEDGER_T_program_mmap], c->want[LEDGER_T_program_mmap]);
	assert_false(ledger_has(&s.ledger, LEDGER_T_fragmentation));
	assert_true(ledger_is_balanced(&s.ledger));
	snapshot_finish(&s);
}

static void test_a_process_that_is_gone(void **state)
{
	struct child *c = *state;
	struct snapshot s = { 0 };
	struct sample sample;
	struct counters counters;
	assert_int_equal(target_view_sample(c->view, &sample), 0);
	assert_true(sample.rss_bytes > (int64_t)(4 * MIB));
	kill(c->pid, SIGKILL);
	siginfo_t info;
	waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOWAIT); /* a zombie now */
	assert_int_equal(target_view_sample(c->view, &sample), -ESRCH);
	assert_int_equal(target_view_snapshot(c->view, TRIGGER_LAST, HOLD_RUNNING, true, NULL, NULL, &s), -ESRCH);
	assert_null(s.mappings);
	assert_int_equal(target_view_counters(c->view, &counters), 0);
	assert_int_equal(counters.live_bytes, c->want[LEDGER_T_live_requested]);
}

static void count_event(void *arg, const struct wire_event *e)
{
	*(int *)arg += e->kind == WIRE_EVENT_MAP;
}

static void test_events_come_once_and_in_order(void **state)
{
	struct child *c = *state;
	int maps = 0;
	assert_int_equal(target_view_drain(c->view, count_event, &maps), 2);
	assert_int_equal(maps, 2);
	assert_int_equal(target_view_drain(c->view, count_event, &maps), 0);
	assert_int_equal(target_view_control(c->view)->event_tail, 2);
	/* an index that was taken and never filled is given up after a while */
	target_view_control(c->view)->event_head = 3;
	assert_int_equal(target_view_drain(c->view, count_event, &maps), 0);
	assert_int_equal(target_view_control(c->view)->event_tail, 2);
	usleep(150000);
	target_view_drain(c->view, count_event, &maps);
	assert_int_equal(target_view_control(c->view)->event_tail, 3);
	/* a hostile head: bounded, and the ring goes on */
	target_view_control(c->view)->event_head = UINT64_MAX - 5;
	target_view_drain(c->view, count_event, &maps);
	assert_int_equal(maps, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_every_term_by_pagemap_scan, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_every_term_by_pagemap, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_smaps_alone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_muzzy_pages, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_mappings, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_without_probe, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_the_probe_does_not_follow_is_absent, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_process_that_is_gone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_events_come_once_and_in_order, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
