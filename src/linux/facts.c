/* SPDX-License-Identifier: MIT */
/*
 * What this machine allows, tried on memwhy itself rather than guessed from versions.
 * Each fact is a function in the table at the end: it sets a state and a finding, and
 * an advice unless all is well.
 */
#include "../platform.h"
#include "../wire.h"
#include "pages.h"
#include "proc_file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/membarrier.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SAY(fact, ...) snprintf((fact)->finding, sizeof (fact)->finding, __VA_ARGS__)

static void set(struct platform_fact *f, enum platform_fact_state state, const char *advice)
{
	f->state = state;
	f->advice = advice;
}

/* First line of a small file; false when it cannot be read. */
static bool read_line(const char *path, char *line, size_t size)
{
	if (proc_read_small(AT_FDCWD, path, line, size, NULL) < 0)
		return false;
	line[strcspn(line, "\n")] = 0;
	return true;
}

static void fact_memfd(struct platform_fact *f)
{
	int fd = memfd_create("memwhy-doctor", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd >= 0 && ftruncate(fd, WIRE_BYTES) == 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) == 0) {
		SAY(f, "memory files can be made and sealed");
		set(f, PLATFORM_FACT_OK, "");
	} else {
		SAY(f, "no sealed memory file of %llu GiB: %s", (unsigned long long)WIRE_BYTES >> 30, strerror(errno));
		set(f, PLATFORM_FACT_MISSING, "without it no heap can be followed; check RLIMIT_FSIZE (ulimit -f) and seccomp filters");
	}
	if (fd >= 0)
		close(fd);
}

/* memwhy's own pages, by one source. */
static int try_source(enum page_source source)
{
	struct platform_process self;
	struct platform_mappings list = { 0 };
	struct platform_runs runs = { 0 };
	int rc = platform_process_init(&self, getpid(), NULL);
	if (rc < 0)
		return rc;
	self.best_source = source;
	rc = platform_read_mappings(&self, &list);
	if (rc == 0)
		rc = platform_read_pages(&self, &list, &runs);
	if (rc == 0 && (runs.source != source || runs.count == 0))
		rc = -ENOTTY;
	platform_runs_finish(&runs);
	platform_mappings_finish(&list);
	platform_process_finish(&self);
	return rc;
}

static void fact_pagemap(struct platform_fact *f)
{
	int rc = try_source(PAGES_PAGEMAP);
	if (rc == 0) {
		SAY(f, "/proc/PID/pagemap can be read");
		set(f, PLATFORM_FACT_OK, "");
		return;
	}
	SAY(f, "/proc/PID/pagemap cannot be read: %s", strerror(-rc));
	set(f, PLATFORM_FACT_LIMITED, "pages are guessed from smaps: sums hold, their split is a likely one; allow it in the container");
}

static void fact_page_frames(struct platform_fact *f)
{
	if (pages_frame_numbers_visible()) {
		SAY(f, "page frame numbers are shown");
		set(f, PLATFORM_FACT_OK, "");
		return;
	}
	SAY(f, "page frame numbers are hidden from this user");
	bool scan = try_source(PAGES_PAGEMAP_SCAN) == 0;
	set(f, scan ? PLATFORM_FACT_OK : PLATFORM_FACT_LIMITED,
	    scan ? "" : "only with forks: a shared page and the zero page look alike; CAP_SYS_ADMIN shows them");
}

static void fact_pagemap_scan(struct platform_fact *f)
{
	int rc = try_source(PAGES_PAGEMAP_SCAN);
	if (rc == 0) {
		SAY(f, "PAGEMAP_SCAN works");
		set(f, PLATFORM_FACT_OK, "");
		return;
	}
	SAY(f, "PAGEMAP_SCAN is not here (%s)", strerror(-rc));
	set(f, PLATFORM_FACT_LIMITED, "snapshots take longer and huge pages are told by smaps; Linux 6.7 or later has it");
}

static void count_smap(void *arg, const struct platform_smap *smap)
{
	*(size_t *)arg += smap->rss_bytes > 0;
}

static void fact_smaps(struct platform_fact *f)
{
	struct platform_process self;
	size_t count = 0;
	int rc = platform_process_init(&self, getpid(), NULL);
	if (rc == 0) {
		rc = platform_read_smaps(&self, count_smap, &count);
		platform_process_finish(&self);
	}
	if (rc == 0 && count) {
		SAY(f, "/proc/PID/smaps can be read");
		set(f, PLATFORM_FACT_OK, "");
		return;
	}
	SAY(f, "/proc/PID/smaps cannot be read: %s", rc < 0 ? strerror(-rc) : "it is empty");
	set(f, PLATFORM_FACT_LIMITED, "pages offered back by MADV_FREE count as dirty");
}

/* The word in [brackets] of a sysfs choice. */
static bool read_choice(const char *path, char *choice, size_t size)
{
	char line[256];
	char *open = read_line(path, line, sizeof line) ? strchr(line, '[') : NULL;
	char *close = open ? strchr(open, ']') : NULL;
	if (!close)
		return false;
	*close = 0;
	snprintf(choice, size, "%s", open + 1);
	return true;
}

static void fact_huge_pages(struct platform_fact *f)
{
	char choice[64];
	set(f, PLATFORM_FACT_OK, "");
	if (!read_choice("/sys/kernel/mm/transparent_hugepage/enabled", choice, sizeof choice))
		SAY(f, "this kernel has no transparent huge pages");
	else if (strcmp(choice, "always") == 0)
		SAY(f, "transparent huge pages: always, so RSS can hold pages that nobody used (huge fill)");
	else
		SAY(f, "transparent huge pages: %s", choice);
}

static void fact_shmem_huge(struct platform_fact *f)
{
	char choice[64];
	set(f, PLATFORM_FACT_OK, "");
	if (!read_choice("/sys/kernel/mm/transparent_hugepage/shmem_enabled", choice, sizeof choice)) {
		SAY(f, "no huge pages for shared memory");
		return;
	}
	SAY(f, "huge pages for shared memory: %s", choice);
	if (!strcmp(choice, "always") || !strcmp(choice, "force") || !strcmp(choice, "within_size"))
		set(f, PLATFORM_FACT_LIMITED,
		    "memwhy's own shadow takes more memory; echo never > /sys/kernel/mm/transparent_hugepage/shmem_enabled");
}

static void fact_cgroup(struct platform_fact *f)
{
	struct platform_process self;
	int64_t bytes = 0;
	int rc = platform_process_init(&self, getpid(), NULL);
	if (rc == 0) {
		rc = platform_read_cgroup_bytes(&self, &bytes);
		platform_process_finish(&self);
	}
	if (rc == 0) {
		SAY(f, "the cgroup's memory can be read (%lld MiB now)", (long long)(bytes >> 20));
		set(f, PLATFORM_FACT_OK, "");
		return;
	}
	SAY(f, "no cgroup with memory accounting was found");
	set(f, PLATFORM_FACT_LIMITED, "the cgroup figure beside the ledger stays empty; run in a cgroup of its own (systemd-run --scope)");
}

static void fact_ptrace(struct platform_fact *f)
{
	char line[64];
	set(f, PLATFORM_FACT_OK, "");
	if (!read_line("/proc/sys/kernel/yama/ptrace_scope", line, sizeof line)) {
		SAY(f, "Yama does not restrict who may look at whom");
		return;
	}
	int scope = atoi(line);
	SAY(f, "ptrace_scope is %d", scope);
	/* memwhy reads /proc as a PTRACE_MODE_READ access, which Yama leaves alone */
	if (scope >= 2 && geteuid() != 0)
		SAY(f, "ptrace_scope is %d; memwhy attaches to nothing, so it costs nothing", scope);
}

static void fact_membarrier(struct platform_fact *f)
{
	long commands = syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0);
	if (commands >= 0 && commands & MEMBARRIER_CMD_GLOBAL_EXPEDITED && platform_membarrier_global() == 0) {
		SAY(f, "membarrier GLOBAL_EXPEDITED works");
		set(f, PLATFORM_FACT_OK, "");
		return;
	}
	SAY(f, "membarrier GLOBAL_EXPEDITED does not work");
	set(f, PLATFORM_FACT_LIMITED, "each snapshot reads the whole shadow, not only what changed; check the seccomp filter");
}

static void fact_hidepid(struct platform_fact *f)
{
	char *text = NULL;
	size_t capacity = 0, length = 0;
	set(f, PLATFORM_FACT_OK, "");
	SAY(f, "processes of this user are visible in /proc");
	if (proc_read_whole(AT_FDCWD, "/proc/self/mountinfo", 16u << 20, &text, &capacity, &length) < 0) {
		free(text);
		return;
	}
	for (char *save, *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		const char *mount = strstr(line, " /proc "), *option = strstr(line, "hidepid=");
		if (!mount || !option || !strncmp(option, "hidepid=0", 9) || !strncmp(option, "hidepid=off", 11) ||
		    geteuid() == 0)
			continue;
		SAY(f, "/proc is mounted with %.*s", (int)strcspn(option, ", "), option);
		set(f, PLATFORM_FACT_LIMITED, "children that change their user are counted without pages; run memwhy as that user or root");
	}
	free(text);
}

static const struct { const char *name; void (*find)(struct platform_fact *f); } facts[] = {
	{ "memfd", fact_memfd },
	{ "pagemap", fact_pagemap },
	{ "page-frames", fact_page_frames },
	{ "pagemap-scan", fact_pagemap_scan },
	{ "smaps", fact_smaps },
	{ "huge-pages", fact_huge_pages },
	{ "shmem-huge", fact_shmem_huge },
	{ "cgroup", fact_cgroup },
	{ "ptrace", fact_ptrace },
	{ "membarrier", fact_membarrier },
	{ "hidepid", fact_hidepid },
};

void platform_facts(platform_fact_fn *fn, void *arg)
{
	for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
		struct platform_fact f = { .name = facts[i].name, .advice = "" };
		facts[i].find(&f);
		fn(arg, &f);
	}
}
