/* SPDX-License-Identifier: MIT */
/* States of pages as runs. PAGEMAP_SCAN (Linux 6.7) answers for the whole address space
 * in a few calls. Before it, pagemap is read mapping by mapping; there an ordinary user
 * cannot see frame numbers, so that the zero page looks like a page that is shared with
 * a forked process (DOUBT), and huge pages can't be told at all. pagemap is opened anew
 * each time: an open one belongs to the memory before an exec. */
#include "pages.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/* The uapi, spelled out: the headers of Debian 12 are older than the ioctl. */
struct scan_arg {
	uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
	uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};
struct scan_region { uint64_t start, end, categories; };
#define SCAN_IOCTL _IOWR('f', 16, struct scan_arg)
enum { SCAN_FILE = 1 << 2, SCAN_PRESENT = 1 << 3, SCAN_SWAPPED = 1 << 4, SCAN_ZERO = 1 << 5, SCAN_HUGE = 1 << 6 };
#define SCAN_REGIONS 4096u

#define ENTRY_PRESENT   (1ull << 63)
#define ENTRY_SWAPPED   (1ull << 62)
#define ENTRY_FILE      (1ull << 61)
#define ENTRY_EXCLUSIVE (1ull << 56)
#define ENTRY_FRAME     ((1ull << 55) - 1)
#define ENTRIES 16384u

/* Mappings above the first size are looked up in smaps: most such are reserved and empty.
 * Above the second (the shadow of AddressSanitizer) reading every entry would take minutes:
 * what is resident there is taken to lie at the bottom. */
#define PAGEMAP_BIG_BYTES (1ull << 30)
#define PAGEMAP_VAST_BYTES (1ull << 36)
#define USER_END (1ull << 47)

static uint32_t states_of_scan(uint64_t c)
{
	uint32_t states = 0;
	states |= c & SCAN_PRESENT ? PLATFORM_PAGE_PRESENT : 0;
	states |= c & SCAN_SWAPPED ? PLATFORM_PAGE_SWAPPED : 0;
	states |= c & SCAN_ZERO ? PLATFORM_PAGE_ZERO : 0;
	states |= c & SCAN_HUGE ? PLATFORM_PAGE_HUGE : 0;
	return states | (c & SCAN_FILE ? PLATFORM_PAGE_FILE : 0);
}

/* To tell whose a page is the kernel has to look at the page itself, which is most of what
 * a scan costs. So it is asked only where both kinds can be: in private memory without a
 * file no page is a file's; in a shared memory file all are, and in program text all but
 * the few that a debugger or a patch has copied. */
enum scan_group { GROUP_ANY, GROUP_ANONYMOUS, GROUP_ALL_FILE };
static const struct { uint64_t ask; uint32_t known; } scan_groups[] = {
	[GROUP_ANY] = { SCAN_FILE, 0 },
	[GROUP_ANONYMOUS] = { 0, 0 },
	[GROUP_ALL_FILE] = { 0, PLATFORM_PAGE_FILE },
};

static enum scan_group group_of(const struct platform_mapping *m)
{
	if (!m->shared && m->inode == 0)
		return GROUP_ANONYMOUS;
	bool is_text = m->inode && m->perms[2] == 'x' && m->perms[1] != 'w';
	return is_text || (m->shared && !strncmp(m->name, "/memfd:", 7)) ? GROUP_ALL_FILE : GROUP_ANY;
}

/* One call: appends what it returned. *start is where the next call begins. */
static int scan_step(int fd, enum scan_group group, uint64_t *start, uint64_t end, struct scan_region *vec,
		     struct platform_runs *runs)
{
	struct scan_arg arg = {
		.size = sizeof arg, .start = *start, .end = end, .vec = (uint64_t)(uintptr_t)vec, .vec_len = SCAN_REGIONS,
		.category_anyof_mask = SCAN_PRESENT | SCAN_SWAPPED,
		.return_mask = SCAN_PRESENT | SCAN_SWAPPED | SCAN_ZERO | SCAN_HUGE | scan_groups[group].ask,
	};
	int n = ioctl(fd, SCAN_IOCTL, &arg);
	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	for (int i = 0; i < n && i < (int)SCAN_REGIONS; i++)
		if (platform_runs_append(runs, vec[i].start, vec[i].end,
					 states_of_scan(vec[i].categories) | scan_groups[group].known) < 0)
			return -ENOMEM;
	/* walk_end comes back too low when the kernel's own buffer (512 regions) filled up
	 * on the way: never go back behind the last region. */
	uint64_t next = n < (int)SCAN_REGIONS ? end : arg.walk_end;
	if (n > 0 && vec[n - 1].end > next)
		next = vec[n - 1].end;
	if (next <= *start)
		return -EPROTO;
	*start = next;
	return 0;
}

static int read_by_scan(int fd, const struct platform_mappings *list, struct platform_runs *runs)
{
	size_t count = list->count;
	while (count && list->items[count - 1].end > USER_END)
		count--; /* [vsyscall] */
	if (count == 0)
		return 0;
	struct scan_region *vec = malloc(SCAN_REGIONS * sizeof *vec);
	int rc = vec ? 0 : -ENOMEM;
	for (size_t i = 0, next; rc == 0 && i < count; i = next) {
		enum scan_group group = group_of(&list->items[i]);
		for (next = i + 1; next < count && group_of(&list->items[next]) == group; next++)
			;
		uint64_t start = list->items[i].start, end = list->items[next - 1].end;
		while (rc == 0 && start < end)
			rc = scan_step(fd, group, &start, end, vec, runs);
	}
	free(vec);
	return rc;
}

/* ---- pagemap ------------------------------------------------------------------ */

/* The frame of the zero page, as seen through a page of our own; 0 when the kernel
 * hides frames from this user. Huge zero pages carry the FILE bit and need no frame. */
static uint64_t frame_of_zero_page(void)
{
	uint64_t entry = 0;
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	void *page = mmap(NULL, PLATFORM_PAGE_BYTES, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (fd >= 0 && page != MAP_FAILED) {
		(void)*(volatile char *)page;
		off_t at = (off_t)((uintptr_t)page >> PLATFORM_PAGE_SHIFT) * 8;
		if (pread(fd, &entry, 8, at) != 8)
			entry = 0;
	}
	if (page != MAP_FAILED)
		munmap(page, PLATFORM_PAGE_BYTES);
	if (fd >= 0)
		close(fd);
	return entry & ENTRY_PRESENT ? entry & ENTRY_FRAME : 0;
}

bool pages_frame_numbers_visible(void)
{
	return frame_of_zero_page() != 0;
}

static uint32_t states_of_entry(uint64_t entry, bool private_anonymous, uint64_t zero_frame)
{
	if (entry & ENTRY_SWAPPED)
		return PLATFORM_PAGE_SWAPPED;
	if (!(entry & ENTRY_PRESENT))
		return 0;
	if (entry & ENTRY_FILE) /* in anonymous memory only the huge zero page looks so */
		return PLATFORM_PAGE_PRESENT | (private_anonymous ? PLATFORM_PAGE_ZERO : PLATFORM_PAGE_FILE);
	if (zero_frame)
		return PLATFORM_PAGE_PRESENT | ((entry & ENTRY_FRAME) == zero_frame ? PLATFORM_PAGE_ZERO : 0);
	return PLATFORM_PAGE_PRESENT | (entry & ENTRY_EXCLUSIVE ? 0 : PLATFORM_PAGE_DOUBT);
}

static int read_mapping_entries(int fd, const struct platform_mapping *m, uint64_t zero_frame, uint64_t *entries,
				struct platform_runs *runs)
{
	bool private_anonymous = !m->shared && m->inode == 0;
	for (uint64_t at = m->start; at < m->end;) {
		uint64_t pages = (m->end - at) >> PLATFORM_PAGE_SHIFT;
		size_t want = 8 * (size_t)(pages < ENTRIES ? pages : ENTRIES);
		ssize_t got = pread(fd, entries, want, (off_t)(at >> PLATFORM_PAGE_SHIFT) * 8);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 8)
			return got < 0 ? -errno : 0; /* the end: the process went away */
		for (size_t i = 0; i < (size_t)got / 8; i++, at += PLATFORM_PAGE_BYTES) {
			uint32_t states = states_of_entry(entries[i], private_anonymous, zero_frame);
			if (states && platform_runs_append(runs, at, at + PLATFORM_PAGE_BYTES, states) < 0)
				return -ENOMEM;
		}
	}
	return 0;
}

struct big_mappings { const struct platform_mappings *list; size_t next; int64_t *rss_bytes; };

static void note_rss(void *arg, const struct platform_smap *smap)
{
	struct big_mappings *b = arg;
	while (b->next < b->list->count && b->list->items[b->next].end <= smap->start)
		b->next++;
	for (size_t i = b->next; i < b->list->count && b->list->items[i].start < smap->end; i++)
		b->rss_bytes[i] = smap->rss_bytes + smap->swap_bytes;
}

/* Resident and swapped bytes of each mapping where any is big; NULL when none is. */
static int64_t *find_rss_of_big(struct platform_process *p, const struct platform_mappings *list)
{
	bool any = false;
	for (size_t i = 0; i < list->count; i++)
		any |= list->items[i].end - list->items[i].start > PAGEMAP_BIG_BYTES;
	struct big_mappings b = { list, 0, any ? calloc(list->count, sizeof *b.rss_bytes) : NULL };
	if (b.rss_bytes && platform_read_smaps(p, note_rss, &b) < 0)
		for (size_t i = 0; i < list->count; i++)
			b.rss_bytes[i] = 1; /* unknown: not to be skipped */
	return b.rss_bytes;
}

static int read_mapping(int fd, const struct platform_mapping *m, const int64_t *rss_bytes, uint64_t zero_frame,
			uint64_t *entries, struct platform_runs *runs)
{
	uint64_t size = m->end - m->start;
	if (m->end > USER_END || (rss_bytes && size > PAGEMAP_BIG_BYTES && *rss_bytes <= 0))
		return 0;
	if (!rss_bytes || size <= PAGEMAP_VAST_BYTES)
		return read_mapping_entries(fd, m, zero_frame, entries, runs);
	uint64_t bytes = ((uint64_t)*rss_bytes + PLATFORM_PAGE_BYTES - 1) & ~(PLATFORM_PAGE_BYTES - 1);
	bytes = bytes < size ? bytes : size;
	return platform_runs_append(runs, m->start, m->start + bytes,
				    PLATFORM_PAGE_PRESENT | (m->shared ? PLATFORM_PAGE_FILE : 0));
}

static int read_by_entries(struct platform_process *p, int fd, const struct platform_mappings *list,
			   struct platform_runs *runs)
{
	uint64_t *entries = malloc(ENTRIES * sizeof *entries);
	if (!entries)
		return -ENOMEM;
	int64_t *rss_bytes = find_rss_of_big(p, list);
	uint64_t zero_frame = frame_of_zero_page();
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < list->count; i++)
		rc = read_mapping(fd, &list->items[i], rss_bytes ? &rss_bytes[i] : NULL, zero_frame, entries, runs);
	free(rss_bytes);
	free(entries);
	return rc;
}

int platform_read_pages(struct platform_process *p, const struct platform_mappings *list,
			struct platform_runs *ret_runs)
{
	if (p->best_source == PAGES_SMAPS || p->best_source == PAGES_NONE)
		return -EACCES;
	int fd = openat(p->directory, "pagemap", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	struct platform_runs runs = *ret_runs; /* the storage is reused */
	int rc = -ENOTTY;
	runs.count = 0;
	if (p->best_source == PAGES_PAGEMAP_SCAN) {
		runs.source = PAGES_PAGEMAP_SCAN;
		rc = read_by_scan(fd, list, &runs);
	}
	if (rc == -ENOTTY || rc == -EINVAL || rc == -ENOSYS || rc == -EPERM) {
		p->best_source = PAGES_PAGEMAP; /* an older kernel, or a filter: don't ask again */
		runs.source = PAGES_PAGEMAP;
		runs.count = 0;
		rc = read_by_entries(p, fd, list, &runs);
	}
	close(fd);
	if (rc < 0)
		runs.count = 0;
	*ret_runs = runs;
	return rc;
}
