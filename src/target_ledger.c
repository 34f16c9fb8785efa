/* SPDX-License-Identifier: MIT */
/*
 * From classified pages to a closed ledger: the program's side of it, what only smaps can
 * tell, what stands beside the sum, and which terms this probe or machine cannot give.
 */
#include "target_private.h"

#define FILL_WORTH_SMAPS (64 << 10) /* below it huge pages are not asked for */

static void set_absent(struct ledger *l, const enum ledger_term *terms, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ledger_set_absent(l, terms[i]);
}
#define SET_ABSENT(l, ...) do { \
	static const enum ledger_term absent_terms[] = { __VA_ARGS__ }; \
	set_absent(l, absent_terms, sizeof absent_terms / sizeof *absent_terms); \
} while (0)

static void mark_unknown(struct ledger *l, struct knowledge k, bool pages)
{
	if (!k.blocks)
		SET_ABSENT(l, LEDGER_T_live_requested, LEDGER_T_live_requested_resident, LEDGER_T_live_untouched,
			   LEDGER_T_live_swapped, LEDGER_T_rounding, LEDGER_T_fragmentation, LEDGER_T_retained_dirty,
			   LEDGER_T_retained_muzzy, LEDGER_T_huge_fill, LEDGER_T_allocator_metadata);
	if (!k.records)
		ledger_set_absent(l, LEDGER_T_program_mmap);
	if (pages)
		return;
	for (int t = 0; t < LEDGER_TERMS; t++)
		if (ledger_term_infos[t].kind == LEDGER_SUM && t != LEDGER_T_unexplained)
			ledger_set_absent(l, t);
	SET_ABSENT(l, LEDGER_T_live_untouched, LEDGER_T_live_swapped, LEDGER_T_file_private_dirty,
		   LEDGER_T_anon_huge_pages);
}

struct smaps_sums {
	const struct platform_mappings *mappings;
	struct classify_mapping *sums;
	size_t next;
	int64_t muzzy_bytes, fill_bytes, anon_huge_bytes;
};

static int64_t smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Mappings may have changed since: only those that still begin at the same place count. */
static void add_smap(void *arg, const struct platform_smap *smap)
{
	struct smaps_sums *s = arg;
	s->anon_huge_bytes += smap->anon_huge_bytes;
	while (s->next < s->mappings->count && s->mappings->items[s->next].start < smap->start)
		s->next++;
	if (s->next == s->mappings->count || s->mappings->items[s->next].start != smap->start)
		return;
	const struct classify_mapping *m = &s->sums[s->next];
	s->muzzy_bytes += smaller(smap->lazy_free_bytes, m->dirty_bytes);
	/* which pages are huge is not told here: an upper bound */
	s->fill_bytes += smaller(smap->anon_huge_bytes, m->fill_candidate_bytes);
}

/* MADV_FREE'd pages and, without PAGEMAP_SCAN, huge pages: only smaps knows; it is read
 * when there can be something to find. */
static void add_from_smaps(struct target_view *v, struct knowledge k, struct ledger *l)
{
	bool wants_muzzy = k.blocks && !target_events_none_offered(&v->events, LOAD(shadow_view_control(v->shadow)->madv_free_calls));
	bool knows_huge = v->reading.runs.source == PAGES_PAGEMAP_SCAN;
	int64_t candidates = l->bytes[LEDGER_T_allocator_metadata];
	bool wants_huge = !knows_huge && candidates >= FILL_WORTH_SMAPS;
	if (!knows_huge)
		ledger_set_absent(l, LEDGER_T_anon_huge_pages);
	if (!wants_muzzy && !wants_huge)
		return;
	struct smaps_sums s = { .mappings = &v->reading.mappings, .sums = v->reading.sums.mappings };
	if (platform_read_smaps(&v->process, add_smap, &s) < 0) {
		ledger_set_absent(l, wants_muzzy ? LEDGER_T_retained_muzzy : LEDGER_T_huge_fill);
		return;
	}
	if (wants_muzzy) {
		l->bytes[LEDGER_T_retained_muzzy] = s.muzzy_bytes;
		l->bytes[LEDGER_T_retained_dirty] -= s.muzzy_bytes;
	}
	if (!knows_huge) {
		l->absent &= ~(1u << LEDGER_T_anon_huge_pages);
		l->bytes[LEDGER_T_anon_huge_pages] = s.anon_huge_bytes;
		l->bytes[LEDGER_T_huge_fill] = s.fill_bytes;
		l->bytes[LEDGER_T_allocator_metadata] -= s.fill_bytes;
	}
}

static void set_beside(struct ledger *l, enum ledger_term t, int64_t bytes)
{
	l->bytes[t] = bytes;
	if (bytes < 0)
		ledger_set_absent(l, t);
}

/* The probe's reservation is address space that the program never asked for. */
static int64_t probe_mapped_bytes(const struct reading *r)
{
	int64_t bytes = 0;
	for (size_t i = 0; i < r->mappings.count; i++)
		if (r->sums.mappings[i].kind == MAPPING_PROBE)
			bytes += (int64_t)(r->mappings.items[i].end - r->mappings.items[i].start);
	return bytes;
}

static void add_beside(struct target_view *v, struct ledger *l, int64_t *ret_vm_hwm)
{
	struct platform_status status = { -1, -1, -1 };
	int64_t cgroup = -1;
	platform_read_status(&v->process, &status);
	platform_read_cgroup_bytes(&v->process, &cgroup);
	set_beside(l, LEDGER_T_swap, status.vm_swap_bytes);
	set_beside(l, LEDGER_T_page_tables, status.vm_pte_bytes);
	set_beside(l, LEDGER_T_cgroup_current, cgroup);
	*ret_vm_hwm = status.vm_hwm_bytes;
}

static void add_classified(struct target_view *v, struct knowledge k, struct ledger *l)
{
	for (int t = 0; t < LEDGER_TERMS; t++)
		l->bytes[t] += v->reading.sums.bytes[t];
	if (!k.blocks)
		return;
	int64_t *b = l->bytes;
	b[LEDGER_T_live_requested] = shadow_view_live_bytes(v->shadow);
	b[LEDGER_T_live_untouched] = b[LEDGER_T_live_requested] - b[LEDGER_T_live_requested_resident] -
				     b[LEDGER_T_live_swapped];
	if (v->reading.runs.source == PAGES_SMAPS)
		ledger_set_absent(l, LEDGER_T_live_swapped); /* counted as untouched */
}

void target_fill_ledger(struct target_view *v, struct knowledge k, bool has_pages, struct ledger *l,
			int64_t *ret_vm_hwm_bytes)
{
	l->bytes[LEDGER_T_rss] = v->reading.rss_bytes;
	l->bytes[LEDGER_T_mapped] = v->reading.mapped_bytes;
	if (has_pages) {
		l->bytes[LEDGER_T_mapped] -= probe_mapped_bytes(&v->reading);
		add_classified(v, k, l);
		add_from_smaps(v, k, l);
	} else if (k.blocks) {
		l->bytes[LEDGER_T_live_requested] = shadow_view_live_bytes(v->shadow);
	}
	add_beside(v, l, ret_vm_hwm_bytes);
	mark_unknown(l, k, has_pages);
	ledger_close(l);
}
