/* SPDX-License-Identifier: MIT */
/* See glibc_heap.h. */
#include "glibc_heap.h"

#define DEFAULT_THRESHOLD (INT64_C(128) << 10)
/* Bytes are mostly in large blocks: then the threshold is the story, else small ones are. */
#define LARGE_MEAN (INT64_C(16) << 10)

static int64_t figure_or_unknown(const struct verdict_input *in, enum report_moment at, enum wire_figure f)
{
	int64_t value;
	return verdict_figure(in, at, f, &value) ? value : RECORDING_UNKNOWN;
}

static int64_t kept(const struct verdict_input *in, const struct glibc_heap *h)
{
	int64_t given = in->purge.rss_before_bytes - in->purge.rss_after_bytes;
	return in->has_purge && h->at == REPORT_AT_EXIT && given < h->dirty_bytes ? given : h->dirty_bytes;
}

bool glibc_heap(const struct verdict_input *in, struct glibc_heap *ret_heap)
{
	struct glibc_heap h = { .at = REPORT_AT_EXIT };
	const struct counters *c = in->model->counters;
	if (!verdict_is_allocator(in, "glibc") || !c || !c->allocations)
		return false;
	h.ledger = verdict_ledger(in, h.at);
	if (!h.ledger)
		h.ledger = verdict_ledger(in, h.at = REPORT_AT_PEAK);
	if (!h.ledger)
		return false;
	h.dirty_bytes = verdict_dirty(h.ledger);
	h.kept_bytes = kept(in, &h);
	if (!verdict_is_worth(h.ledger, h.kept_bytes))
		return false;
	h.top_bytes = figure_or_unknown(in, h.at, WIRE_FIGURE_top_free);
	h.free_bytes = figure_or_unknown(in, h.at, WIRE_FIGURE_free_chunks);
	h.threshold_bytes = figure_or_unknown(in, h.at, WIRE_FIGURE_mmap_threshold);
	h.mean_bytes = (int64_t)(c->allocated_bytes / c->allocations);
	*ret_heap = h;
	return true;
}

/* Where glibc doesn't tell: blocks over 128 KiB would have been mappings, gone when they were freed. */
bool glibc_heap_is_raised(const struct glibc_heap *h)
{
	if (h->threshold_bytes >= 0)
		return h->threshold_bytes > DEFAULT_THRESHOLD && h->mean_bytes >= LARGE_MEAN;
	return h->mean_bytes >= DEFAULT_THRESHOLD;
}

void glibc_heap_show(const struct glibc_heap *h, struct verdict_finding *f)
{
	const char *when = h->at == REPORT_AT_EXIT ? "exit" : "resident peak";
	finding_show(f, "at the %s: dirty %s, live %s", when, BYTES_TEXT(h->dirty_bytes),
		     BYTES_TEXT(h->ledger->bytes[LEDGER_T_live_requested_resident]));
	if (h->free_bytes >= 0)
		finding_show(f, "glibc: free chunks %s (fordblks)", BYTES_TEXT(h->free_bytes));
	if (h->top_bytes >= 0)
		finding_show(f, "glibc: free at the top %s (keepcost)", BYTES_TEXT(h->top_bytes));
	if (h->threshold_bytes >= 0)
		finding_show(f, "glibc: blocks are mappings of their own from %s on", BYTES_TEXT(h->threshold_bytes));
	finding_show(f, "mean size asked for: %s", BYTES_TEXT(h->mean_bytes));
}
