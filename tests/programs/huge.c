/* SPDX-License-Identifier: MIT */
/*
 * huge mmap | heap - transparent huge pages.
 *
 * mmap: 64 MiB of the program's own under MADV_HUGEPAGE, one byte touched in each 2 MiB:
 *   all of it is resident, so program_mmap has it all, and AnonHugePages as much.
 * heap (glibc, GLIBC_TUNABLES=glibc.malloc.hugetlb=1): the brk heap comes as huge pages;
 *   what lies above the highest block that ever was is huge_fill, where it is resident.
 * Truth: /proc/self/pagemap and smaps. Tolerance: 64 pages; for huge_fill 256 KiB, since
 * glibc's header of its top chunk is beyond the last block. Skipped where no huge page came.
 */
#include "say.h"
#include <sys/mman.h>

#define HUGE (2 * MIB)

/* AnonHugePages of the whole process, without stdio. */
static long anon_huge_bytes(void)
{
	char text[4096];
	int fd = open("/proc/self/smaps_rollup", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		skip("no smaps_rollup");
	ssize_t n = read(fd, text, sizeof text - 1);
	close(fd);
	text[n > 0 ? n : 0] = 0;
	const char *at = strstr(text, "AnonHugePages:");
	return at ? atol(at + 14) * KIB : 0;
}

static void own_mapping(void)
{
	long size = 64 * MIB;
	char *p = mmap(NULL, (size_t)(size + HUGE), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	MUST(p != MAP_FAILED);
	char *start = (char *)(((uintptr_t)p + HUGE - 1) & ~(uintptr_t)(HUGE - 1));
	if (madvise(start, (size_t)size, MADV_HUGEPAGE))
		skip("no MADV_HUGEPAGE");
	for (long at = 0; at < size; at += HUGE)
		start[at] = 1;
	long huge = anon_huge_bytes();
	if (huge == 0)
		skip("the kernel gave no huge page");
	say("expect program_mmap %ld %ld\n", resident_bytes((uintptr_t)p, (uintptr_t)p + (uintptr_t)(size + HUGE)),
	    (long)(64 * PAGE));
	say("expect anon_huge_pages %ld %ld\n", huge, (long)(64 * PAGE));
}

static void brk_heap(void)
{
	char *top = NULL;
	for (int i = 0; i < 6000; i++) {
		char *p = must_not_be_null(malloc(3000));
		memset(p, 1, 3000);
		top = p > top ? p : top;
	}
	char *end = sbrk(0);
	if (top > end || anon_huge_bytes() == 0)
		skip("the heap is not in huge pages");
	long fill = resident_bytes(((uintptr_t)top + 3016 + PAGE - 1) & ~(PAGE - 1), (uintptr_t)end);
	say("expect huge_fill %ld %ld\n", fill, 256 * KIB);
	say("expect live_requested %d %ld\n", 18000000, 128 * KIB);
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "heap"))
		brk_heap();
	else
		own_mapping();
	_exit(0);
}
