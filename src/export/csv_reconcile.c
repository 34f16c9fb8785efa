/* SPDX-License-Identifier: MIT */
/* CSV of reconcile_recording.h: for each snapshot and allocator the comparisons with the
 * nearest reading. */
#include "export/csv_private.h"
#include "reconcile_recording.h"

struct walk {
	struct recording *recording;
	struct csv *csv;
	struct reconcile_readings readings;
};

static int write_line(struct walk *w, const struct recording_snapshot *s, int64_t read_ns, uint32_t index,
		      const struct recording_heap *heap, const struct reconcile_line *l)
{
	struct csv *c = w->csv;
	csv_unsigned(c, s->s.time_ns);
	csv_write_pid(c, w->recording, s->process_id);
	csv_text(c, snapshot_trigger_name(s->s.trigger));
	csv_text(c, snapshot_hold_name(s->s.hold));
	csv_unsigned(c, index);
	csv_text(c, heap->name);
	csv_integer(c, read_ns);
	csv_text(c, l->figure);
	csv_integer(c, l->figure_bytes);
	csv_text(c, l->sum);
	csv_integer(c, l->ledger_bytes);
	csv_integer(c, l->difference_bytes);
	csv_text(c, l->explanation);
	return csv_end_line(c);
}

static int write_heap(struct walk *w, const struct recording_snapshot *s, const struct recording_process *p, uint32_t heap)
{
	struct reconcile_comparison c;
	int result = 0;
	reconcile_snapshot(&w->readings, s, p, heap, &c);
	for (size_t i = 0; !result && i < c.count; i++)
		result = write_line(w, s, c.read_ns, heap, &p->heaps[heap], &c.lines[i]);
	return result;
}

static int write_snapshot(void *arg, const struct recording_snapshot *s)
{
	struct walk *w = arg;
	const struct recording_process *p = recording_process_by_id(w->recording, s->process_id);
	int result = 0;
	for (uint32_t heap = 0; p && !result && heap < p->heap_count; heap++)
		result = write_heap(w, s, p, heap);
	return result;
}

int csv_write_reconciliation(struct recording *r, struct csv *c)
{
	static const char *const names[] = {
		"time_ns", "pid", "trigger", "hold", "heap", "allocator", "read_ns", "figures", "figures_bytes", "terms",
		"terms_bytes", "difference_bytes", "explanation", NULL
	};
	struct walk w = { .recording = r, .csv = c };
	int result = reconcile_readings_init(&w.readings, r, 0);
	if (!result)
		result = csv_write_header(c, names);
	if (!result)
		result = recording_each_snapshot(r, 0, write_snapshot, &w);
	reconcile_readings_finish(&w.readings);
	return result;
}
