/* SPDX-License-Identifier: MIT */
/* The processes of a recording, their allocators and their peaks; see recording.h. */
#include "recording_private.h"

#include "store_schema.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* More processes than any run has: a damaged or hostile file. */
#define PROCESSES_MAX (1u << 20)

static int64_t count_or_unknown(struct recording_row *row)
{
	return recording_row_optional(row, 0, VALUE_TIME_MAX, RECORDING_UNKNOWN, NULL);
}

const char *recording_end_name(int how)
{
	return store_end_names[how >= 0 && how < STORE_END_NAMES ? how : STORE_END_UNKNOWN];
}

static int end_by_name(const char *name)
{
	if (!*name)
		return STORE_END_RUNNING;
	for (int i = 0; i < STORE_END_NAMES; i++)
		if (!strcmp(name, store_end_names[i]))
			return i;
	return STORE_END_UNKNOWN;
}

static int read_process(struct recording *r, struct recording_row *row, void *arg)
{
	if (r->process_count == PROCESSES_MAX)
		return recording_fail(r, -EBADMSG, "damaged (too many processes)");
	if (r->process_count == r->process_slots) {
		size_t slots = r->process_slots ? 2 * r->process_slots : 16;
		struct recording_process *p = reallocarray(r->processes, slots, sizeof *p);
		if (!p)
			return -ENOMEM;
		r->processes = p;
		r->process_slots = slots;
	}
	struct recording_process *p = &r->processes[r->process_count++];
	*p = (struct recording_process){ .net_peak_bytes = RECORDING_UNKNOWN };
	p->id = (uint32_t)recording_row_integer(row, 1, UINT32_MAX);
	p->parent_id = (uint32_t)recording_row_integer(row, 0, UINT32_MAX);
	p->pid = recording_row_integer(row, 0, INT32_MAX);
	p->start_ns = recording_row_time(row);
	p->end_ns = count_or_unknown(row);
	p->command = recording_keep_text(r, recording_row_text(row));
	p->exe = recording_keep_text(r, recording_row_text(row));
	p->probe_state = recording_keep_text(r, recording_row_text(row));
	p->how = end_by_name(recording_row_text(row));
	p->status = (int)recording_row_optional(row, INT32_MIN, INT32_MAX, 0, NULL);
	p->ru_maxrss_bytes = recording_row_optional(row, 0, VALUE_MAX, RECORDING_UNKNOWN, NULL);
	p->vm_hwm_bytes = recording_row_optional(row, 0, VALUE_MAX, RECORDING_UNKNOWN, NULL);
	p->rss_peak_bytes = recording_row_optional(row, 0, VALUE_MAX, RECORDING_UNKNOWN, NULL);
	p->user_ns = count_or_unknown(row);
	p->system_ns = count_or_unknown(row);
	p->minor_faults = count_or_unknown(row);
	p->major_faults = count_or_unknown(row);
	p->has_counters = recording_row_counters(row, &p->counters);
	if (!p->command || !p->exe || !p->probe_state)
		return -ENOMEM;
	p->probe_on = !strcmp(p->probe_state, "on");
	return 0;
}

static struct recording_process *find_process(const struct recording *r, uint32_t id)
{
	size_t low = 0, high = r->process_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (r->processes[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < r->process_count && r->processes[low].id == id ? &r->processes[low] : NULL;
}

static int read_heap(struct recording *r, struct recording_row *row, void *arg)
{
	struct recording_process *p = find_process(r, (uint32_t)recording_row_integer(row, 0, UINT32_MAX));
	if (!p || p->heap_count == WIRE_HEAPS)
		return 0;
	if (!p->heaps)
		p->heaps = calloc(WIRE_HEAPS, sizeof *p->heaps);
	if (!p->heaps)
		return -ENOMEM;
	struct recording_heap *h = &p->heaps[p->heap_count];
	h->name = recording_keep_text(r, recording_row_text(row));
	h->version = recording_keep_text(r, recording_row_text(row));
	h->path = recording_keep_text(r, recording_row_text(row));
	h->found = recording_keep_text(r, recording_row_text(row));
	p->heap_count++;
	return h->name && h->version && h->path && h->found ? 0 : -ENOMEM;
}

static void raise_peak(struct recording_process *p, int64_t bytes)
{
	if (bytes > p->rss_peak_bytes)
		p->rss_peak_bytes = bytes;
}

static int read_snapshot_peak(struct recording *r, struct recording_row *row, void *arg)
{
	struct recording_process *p = find_process(r, (uint32_t)recording_row_integer(row, 0, UINT32_MAX));
	int64_t peak = recording_row_optional(row, 0, VALUE_MAX, RECORDING_UNKNOWN, NULL);
	int64_t net = recording_row_optional(row, -VALUE_MAX, 2 * VALUE_MAX, RECORDING_UNKNOWN, NULL);
	int64_t count = recording_row_integer(row, 0, INT64_MAX);
	if (p) {
		raise_peak(p, peak);
		p->net_peak_bytes = net;
		p->snapshot_count = count;
	}
	return 0;
}

static int read_sample_peak(struct recording *r, struct recording_row *row, void *arg)
{
	struct recording_process *p = find_process(r, (uint32_t)recording_row_integer(row, 0, UINT32_MAX));
	int64_t peak = recording_row_optional(row, 0, VALUE_MAX, RECORDING_UNKNOWN, NULL);
	if (p)
		raise_peak(p, peak);
	return 0;
}

#define COUNTER(field, min, max) ", " #field
int recording_load_processes(struct recording *r)
{
	int result = recording_each_row(r, "process", 0, read_process, NULL,
			      "SELECT id, parent_id, pid, start_ns, end_ns, command, exe, probe_state, how, status,"
			      " ru_maxrss_bytes, vm_hwm_bytes, rss_peak_bytes, user_ns, system_ns, minor_faults,"
			      " major_faults"
#include "counters.def"
			      " FROM process ORDER BY id");
	if (!result)
		result = recording_each_row(r, "heap", 0, read_heap, NULL,
				  "SELECT process_id, name, version, path, found FROM heap ORDER BY process_id, slot");
	if (!result)
		result = recording_each_row(r, "snapshot", 0, read_snapshot_peak, NULL,
				  "SELECT process_id, max(rss_bytes), max(rss_bytes - coalesce(probe_bytes, 0)), count(*)"
				  " FROM snapshot GROUP BY process_id");
	/* a process without an end has no rss_peak_bytes of its own */
	if (!result)
		result = recording_each_row(r, "sample", 0, read_sample_peak, NULL,
				  "SELECT process_id, max(rss_bytes) FROM sample WHERE process_id IN"
				  " (SELECT id FROM process WHERE rss_peak_bytes IS NULL) GROUP BY process_id");
	return result;
}
#undef COUNTER

const struct recording_process *recording_process_by_id(const struct recording *r, uint32_t id)
{
	return find_process(r, id);
}
