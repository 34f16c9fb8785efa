/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "make_verdict.h"

#include <string.h>

void fixture_init(struct verdict_fixture *f, const char *allocator, const char *found, int64_t run_ms, unsigned threads)
{
	memset(f, 0, sizeof *f);
	f->heap = (struct recording_heap){ allocator, "1", "/lib/liballocator.so", found };
	f->counters = (struct counters){ .allocations = 1000000, .frees = 900000, .allocated_bytes = 200000000,
					 .threads = threads };
	f->process = (struct recording_process){ .id = 1, .pid = 7, .end_ns = run_ms * 1000000, .command = "x",
		.exe = "/bin/x", .probe_state = "on", .probe_on = true, .user_ns = run_ms * 1000000, .system_ns = 0,
		.minor_faults = 1000, .heaps = &f->heap, .heap_count = 1, .has_counters = true,
		.counters = f->counters };
	f->run = (struct recording_run){ .end_ns = run_ms * 1000000, .ended = true };
	f->model = (struct report_model){ .run = &f->run, .process = &f->process, .counters = &f->counters,
		.live_peak_bytes = RECORDING_UNKNOWN, .live_peak_ns = RECORDING_UNKNOWN };
	f->in = (struct verdict_input){ .model = &f->model, .heap = &f->heap, .series = f->series,
		.snapshots = f->snapshots, .settings = f->settings, .run_ns = run_ms * 1000000,
		.cpu_ns = run_ms * 1000000 };
}

void fixture_add(struct ledger *l, enum ledger_term t, int64_t mib)
{
	l->bytes[t] += mib * MIB;
	if (ledger_term_infos[t].kind == LEDGER_SUM)
		l->bytes[LEDGER_T_rss] += mib * MIB;
	if (t == LEDGER_T_live_requested_resident)
		l->bytes[LEDGER_T_live_requested] += mib * MIB;
	ledger_close(l);
	assert_true(ledger_is_balanced(l));
}

struct ledger fixture_ledger(int64_t live_mib, int64_t dirty_mib, int64_t pinned_mib)
{
	struct ledger l = { 0 };
	fixture_add(&l, LEDGER_T_live_requested_resident, live_mib);
	fixture_add(&l, LEDGER_T_rounding, live_mib / 32);
	fixture_add(&l, LEDGER_T_retained_dirty, dirty_mib);
	fixture_add(&l, LEDGER_T_fragmentation, pinned_mib);
	fixture_add(&l, LEDGER_T_file_backed, 2);
	fixture_add(&l, LEDGER_T_probe, 3);
	l.bytes[LEDGER_T_mapped] = 2 * l.bytes[LEDGER_T_rss];
	return l;
}

void fixture_moment(struct verdict_fixture *f, enum report_moment at, int64_t ms, struct ledger l)
{
	struct report_found *m = &f->model.moments[at];
	m->had = true;
	m->snapshot = (struct recording_snapshot){ .id = at + 1, .process_id = 1, .has_counters = true,
		.s = { .time_ns = (uint64_t)ms * 1000000, .ledger = l, .counters = f->counters,
		       .trigger = at == REPORT_AT_EXIT ? TRIGGER_EXIT : TRIGGER_RSS_GROWTH } };
	f->snapshots[f->in.snapshot_count++] = m->snapshot;
	if (at == REPORT_AT_PEAK && f->model.live_peak_bytes < 0)
		f->model.live_peak_bytes = l.bytes[LEDGER_T_live_requested];
}

void fixture_figure(struct verdict_fixture *f, enum report_moment at, enum wire_figure figure, int64_t value)
{
	f->in.figures[at].had = true;
	f->in.figures[at].time_ns = (int64_t)f->model.moments[at].snapshot.s.time_ns;
	f->in.figures[at].has |= UINT64_C(1) << figure;
	f->in.figures[at].values[figure] = value;
}

void fixture_setting(struct verdict_fixture *f, const char *name, const char *value)
{
	f->settings[f->in.setting_count++] = (struct verdict_named_value){ (char *)name, (char *)value };
}

void fixture_series(struct verdict_fixture *f, int64_t (*live)(int point), int64_t calls)
{
	f->in.series_count = FIXTURE_POINTS;
	for (int i = 0; i < FIXTURE_POINTS; i++)
		f->series[i] = (struct verdict_series_point){ .time_ns = f->in.run_ns / FIXTURE_POINTS * i,
			.rss_bytes = 80 * MIB, .live_bytes = live(i), .allocated_bytes = live(i),
			.calls = calls * i };
}

void fixture_purge(struct verdict_fixture *f, int64_t before_mib, int64_t after_mib)
{
	f->in.has_purge = true;
	f->in.purge = (struct recording_purge){ .process_id = 1, .time_ns = f->in.run_ns, .reason = "exit",
		.result = WIRE_READING_OK, .took_ns = 4600000, .rss_before_bytes = before_mib * MIB,
		.rss_after_bytes = after_mib * MIB };
}

const struct verdict_finding *find_rule(const struct verdict *v, const char *rule)
{
	for (size_t i = 0; i < v->finding_count; i++)
		if (!strcmp(v->findings[i].rule, rule))
			return &v->findings[i];
	return NULL;
}

struct verdict fixture_judge(struct verdict_fixture *f)
{
	struct verdict v;
	assert_int_equal(verdict_judge(&f->in, &v), 0);
	return v;
}

void expect_first(struct verdict_fixture *f, const char *rule)
{
	struct verdict v = fixture_judge(f);
	assert_string_equal(v.finding_count ? v.findings[0].rule : "", rule);
	for (size_t i = 0; i < v.finding_count; i++) {
		assert_true(*v.findings[i].claim != 0);
		assert_true(v.findings[i].bytes >= 0);
	}
	verdict_finish(&v);
}
