/* SPDX-License-Identifier: MIT */
/* See page_guess.h. A mapping is walked at most three times up to its resident size. */
#include "page_guess.h"

#include <errno.h>

enum rank { RANK_LIVE, RANK_EVER, RANK_NONE, RANKS };

struct guess {
	const struct shadow_view *shadow;
	struct platform_runs *runs;
	int error;
};

static enum rank rank_of_page(const struct shadow_pages *pages, uint64_t address)
{
	uint32_t page = address >> PLATFORM_PAGE_SHIFT & (WIRE_PAGES - 1);
	if (!pages)
		return RANK_NONE;
	if (pages->live_footprint[page])
		return RANK_LIVE;
	return pages->ever[page] ? RANK_EVER : RANK_NONE;
}

static const struct shadow_pages *pages_of(const struct guess *g, uint64_t address)
{
	return g->shadow ? shadow_view_pages(g->shadow, address >> WIRE_REGION_SHIFT) : NULL;
}

static uint64_t next_border(uint64_t address, uint64_t end)
{
	uint64_t border = ((address >> WIRE_REGION_SHIFT) + 1) << WIRE_REGION_SHIFT;
	return border < end ? border : end;
}

/* How many pages of each rank the mapping has. */
static void count_ranks(const struct guess *g, uint64_t start, uint64_t end, uint64_t counts[RANKS])
{
	for (uint64_t at = start, border; at < end; at = border) {
		const struct shadow_pages *pages = pages_of(g, at);
		border = next_border(at, end);
		if (!pages)
			counts[RANK_NONE] += (border - at) >> PLATFORM_PAGE_SHIFT;
		else
			for (uint64_t a = at; a < border; a += PLATFORM_PAGE_BYTES)
				counts[rank_of_page(pages, a)]++;
	}
}

static void append(struct guess *g, uint64_t start, uint64_t end, uint64_t *file_pages)
{
	uint64_t file = (end - start) >> PLATFORM_PAGE_SHIFT;
	file = file < *file_pages ? file : *file_pages;
	uint64_t border = start + (file << PLATFORM_PAGE_SHIFT);
	*file_pages -= file;
	if (g->error == 0)
		g->error = platform_runs_append(g->runs, start, border, PLATFORM_PAGE_PRESENT | PLATFORM_PAGE_FILE);
	if (g->error == 0)
		g->error = platform_runs_append(g->runs, border, end, PLATFORM_PAGE_PRESENT);
}

/* Hands out the shares of each rank from the bottom up. */
static void append_shares(struct guess *g, uint64_t start, uint64_t end, uint64_t shares[RANKS], uint64_t file_pages)
{
	for (uint64_t at = start; at < end && (shares[RANK_LIVE] || shares[RANK_EVER] || shares[RANK_NONE]);) {
		const struct shadow_pages *pages = pages_of(g, at);
		uint64_t border = next_border(at, end), next = at + PLATFORM_PAGE_BYTES;
		enum rank rank = rank_of_page(pages, at);
		if (!pages) {
			uint64_t bytes = shares[RANK_NONE] << PLATFORM_PAGE_SHIFT;
			next = bytes && bytes < border - at ? at + bytes : border;
		}
		if (shares[rank]) {
			shares[rank] -= (next - at) >> PLATFORM_PAGE_SHIFT;
			append(g, at, next, &file_pages);
		}
		at = next;
	}
}

static void guess_mapping(void *arg, const struct platform_smap *smap)
{
	struct guess *g = arg;
	uint64_t counts[RANKS] = { 0 }, shares[RANKS];
	uint64_t left = smap->rss_bytes > 0 ? (uint64_t)smap->rss_bytes >> PLATFORM_PAGE_SHIFT : 0;
	uint64_t anonymous = smap->anonymous_bytes > 0 ? (uint64_t)smap->anonymous_bytes >> PLATFORM_PAGE_SHIFT : 0;
	uint64_t file_pages = left > anonymous ? left - anonymous : 0;
	if (left == 0 || g->error || smap->end > 1ull << WIRE_ADDRESS_BITS)
		return;
	count_ranks(g, smap->start, smap->end, counts);
	for (unsigned r = 0; r < RANKS; r++) {
		shares[r] = left < counts[r] ? left : counts[r];
		left -= shares[r];
	}
	append_shares(g, smap->start, smap->end, shares, file_pages);
}

int page_guess_runs(struct platform_process *p, const struct shadow_view *shadow, struct platform_runs *ret_runs)
{
	struct guess g = { .shadow = shadow, .runs = ret_runs };
	ret_runs->count = 0;
	ret_runs->source = PAGES_SMAPS;
	int rc = platform_read_smaps(p, guess_mapping, &g);
	rc = rc < 0 ? rc : g.error;
	if (rc < 0)
		ret_runs->count = 0;
	return rc;
}
