/* SPDX-License-Identifier: MIT */
/*
 * Mappings, page states and statm, close together, and classified. Where the target ran on
 * in between and the sum differs from statm, pages are read again; the best try counts.
 */
#include "page_guess.h"
#include "target_private.h"

#include <errno.h>

#define ATTEMPTS 4
#define DIFFERENCE_PER_RSS 500 /* 0.2 % */

void target_finish_reading(struct reading *r)
{
	platform_mappings_finish(&r->mappings);
	platform_runs_finish(&r->runs);
	classify_result_finish(&r->sums);
}

static struct classify_input make_input(const struct target_view *v, const struct reading *r, struct knowledge k)
{
	return (struct classify_input){
		.mappings = &r->mappings, .runs = &r->runs, .shadow = k.blocks ? v->shadow : NULL,
		.records = k.records ? &v->records : NULL, .threads = v->threads, .thread_count = v->thread_count,
		.moving_bytes = k.blocks ? shadow_view_moving_bytes(v->shadow) : 0,
	};
}

static int64_t error_of(const struct reading *r)
{
	return target_distance(r->sums.resident_bytes, r->rss_bytes);
}

/* Mappings and page states by the best source that this machine allows. */
static int read_pages(struct target_view *v, struct knowledge k, struct reading *r)
{
	int rc = platform_read_mappings(&v->process, &r->mappings);
	if (rc < 0)
		return rc;
	rc = platform_read_pages(&v->process, &r->mappings, &r->runs);
	if (rc < 0 && rc != -ENOMEM && rc != -ESRCH)
		rc = page_guess_runs(&v->process, k.blocks ? v->shadow : NULL, &r->runs);
	return rc;
}

/* ---- doubtful pages: the zero page, or shared with a forked process ---------------- */

struct doubt { struct reading *r; size_t mapping, run; };

/* Takes the doubtful pages of [start, end) for zero pages; called with ascending ranges. */
static void settle_as_zero(struct doubt *d, uint64_t start, uint64_t end)
{
	struct platform_runs *runs = &d->r->runs;
	while (d->run < runs->count && runs->items[d->run].end <= start)
		d->run++;
	for (size_t i = d->run; i < runs->count && runs->items[i].start < end; i++)
		if (runs->items[i].states & PLATFORM_PAGE_DOUBT)
			runs->items[i].states |= PLATFORM_PAGE_ZERO;
}

/* Within a mapping they are nearly always all one or the other; its Rss tells which. */
static void settle_mapping(void *arg, const struct platform_smap *smap)
{
	struct doubt *d = arg;
	const struct platform_mappings *list = &d->r->mappings;
	while (d->mapping < list->count && list->items[d->mapping].start < smap->start)
		d->mapping++;
	if (d->mapping == list->count || list->items[d->mapping].start != smap->start)
		return;
	const struct classify_mapping *sums = &d->r->sums.mappings[d->mapping];
	if (sums->doubtful_bytes && sums->resident_bytes - smap->rss_bytes > sums->doubtful_bytes / 2)
		settle_as_zero(d, smap->start, smap->end);
}

/* Where the sum exceeds statm by all of them or by none, smaps isn't needed. */
static bool settle_doubt(struct target_view *v, struct reading *r)
{
	struct doubt d = { .r = r };
	int64_t excess = r->sums.resident_bytes - r->rss_bytes, small = r->rss_bytes / DIFFERENCE_PER_RSS;
	if (r->sums.doubtful_bytes == 0 || excess <= small)
		return false;
	if (target_distance(excess, r->sums.doubtful_bytes) > small &&
	    platform_read_smaps(&v->process, settle_mapping, &d) == 0)
		return true;
	if (d.run == 0 && excess > r->sums.doubtful_bytes / 2)
		settle_as_zero(&d, 0, UINT64_MAX);
	return true;
}

static int classify(struct target_view *v, struct knowledge k, struct reading *r)
{
	struct classify_input in = make_input(v, r, k);
	int rc = page_classify(&in, &r->sums);
	if (rc == 0 && settle_doubt(v, r))
		rc = page_classify(&in, &r->sums);
	return rc;
}

/* statm is read on both sides of the pages: where the target runs on, or memwhy is not
 * given the processor in between, the one that is nearer to the pages is of their moment. */
static int read_once(struct target_view *v, struct knowledge k, struct reading *r)
{
	int64_t before, after, mapped;
	r->rss_bytes = 0;
	int rc = platform_read_resident(&v->process, &before, &mapped);
	if (rc < 0)
		return rc;
	rc = read_pages(v, k, r);
	int statm_rc = platform_read_resident(&v->process, &after, &r->mapped_bytes);
	r->rss_bytes = statm_rc < 0 ? 0 : after;
	if (rc < 0 || statm_rc < 0)
		return statm_rc < 0 ? statm_rc : rc;
	rc = classify(v, k, r);
	if (rc == 0 && target_distance(r->sums.resident_bytes, before) < error_of(r))
		r->rss_bytes = before;
	return rc;
}

int target_each_page(struct target_view *v, classify_page_fn *fn, void *arg)
{
	struct classify_input in = make_input(v, &v->reading, v->known);
	in.each_page = fn;
	in.each_page_arg = arg;
	return page_classify(&in, &v->spare.sums);
}

int target_read_pages(struct target_view *v, struct knowledge k, enum snapshot_hold hold)
{
	int rc = read_once(v, k, &v->reading);
	for (int tries = 1; rc == 0 && tries < ATTEMPTS && hold != HOLD_STOPPED; tries++) {
		if (error_of(&v->reading) <= v->reading.rss_bytes / DIFFERENCE_PER_RSS)
			break;
		if (read_once(v, k, &v->spare) < 0)
			break; /* it ended meanwhile: what was read is good */
		if (error_of(&v->spare) < error_of(&v->reading)) {
			struct reading better = v->spare;
			v->spare = v->reading;
			v->reading = better;
		}
	}
	return rc;
}
