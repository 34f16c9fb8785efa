/* SPDX-License-Identifier: MIT */
/*
 * platform.h - the operating system, as memwhy sees it: one contract, one folder
 * of implementation for each system (linux/, unsupported/), chosen by configure.
 *
 * 0 or -errno; outputs are untouched on failure. -ENOSYS: this system has no such
 * thing. -EACCES/-EPERM: the machine forbids it to this user. -ESRCH: the process
 * is gone. Every string and number read from the system is bounds-checked. Nothing
 * here may be called from a signal handler; one thread at a time per object.
 */
#ifndef MEMWHY_PLATFORM_H
#define MEMWHY_PLATFORM_H

#include "snapshot.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PLATFORM_PAGE_SHIFT 12
#define PLATFORM_PAGE_BYTES 4096ull

/* CLOCK_MONOTONIC. Any context. */
uint64_t platform_now_ns(void);
/* Processor time of the calling thread. */
uint64_t platform_thread_cpu_ns(void);
/* A descriptor (close-on-exec) that polls readable when pid has ended, or -errno. */
int platform_pidfd_open(pid_t pid);
/* Every thread of every registered process passes a memory barrier before this returns. */
int platform_membarrier_global(void);
/* 0 when fd is a memory file of exactly this size that nobody can shrink any more,
 * -EPROTO when it is something else. */
int platform_check_memfd(int fd, uint64_t bytes);

/* ---- one process ----------------------------------------------------------- */
/* Embedded by its user, who may look at pid and sets nothing but best_source. The
 * handle stays with this process even if the number is used again. */
struct platform_process {
	pid_t pid;
	enum page_source best_source; /* don't try better ones; PAGES_PAGEMAP_SCAN at first */
	const char *proc_root;
	int directory;                /* /proc/PID */
	int statm;
};
/* proc_root: NULL for the machine's own, else a captured tree (borrowed; ../sys beside it). */
int platform_process_init(struct platform_process *ret_p, pid_t pid, const char *proc_root);
void platform_process_finish(struct platform_process *p);

/* A few us. -ESRCH when it has no memory any more (zombie). */
int platform_read_resident(struct platform_process *p, int64_t *ret_rss_bytes, int64_t *ret_mapped_bytes);

struct platform_status { int64_t vm_hwm_bytes, vm_swap_bytes, vm_pte_bytes; }; /* -1: not told */
int platform_read_status(struct platform_process *p, struct platform_status *ret_status);

/* memory.current of the innermost cgroup that the process is in and that can be read. */
int platform_read_cgroup_bytes(struct platform_process *p, int64_t *ret_bytes);

/* Always NUL-terminated, cut to size, any bytes within (the arguments joined by spaces). */
int platform_read_command(struct platform_process *p, char *ret_text, size_t size);
int platform_read_exe(struct platform_process *p, char *ret_path, size_t size);
int platform_read_comm(struct platform_process *p, char *ret_name, size_t size);

/* ---- mappings -------------------------------------------------------------- */
struct platform_mapping {
	uint64_t start, end;  /* page aligned, ascending, never overlapping */
	uint64_t inode;       /* 0: no file */
	uint64_t offset;      /* in the file */
	uint32_t device_major, device_minor;
	char perms[5];        /* "rw-p" */
	bool shared;          /* MAP_SHARED */
	const char *name;     /* in the list's text; "" when it has none */
};
struct platform_mappings { /* zeroed, then reused from call to call */
	struct platform_mapping *items;
	size_t count, capacity;
	char *text;
	size_t text_bytes, text_capacity;
	size_t strange_lines; /* lines that were not understood, left out */
	bool truncated;       /* more than PLATFORM_MAPPINGS_MAX */
};
#define PLATFORM_MAPPINGS_MAX (1u << 20)
/* On failure the list is as it was. */
int platform_read_mappings(struct platform_process *p, struct platform_mappings *ret_list);
void platform_mappings_finish(struct platform_mappings *list);

/* Bytes of its memory; how many were read, which may be fewer. */
int64_t platform_read_memory(struct platform_process *p, uint64_t address, void *ret_bytes, size_t size);
/* The file of this name as the process sees it, opened for reading; -ESTALE when it is not
 * the one that is mapped there. Never waits at a FIFO. */
int platform_open_mapped(struct platform_process *p, const struct platform_mapping *m);

/* ---- page states ----------------------------------------------------------- */
enum {
	PLATFORM_PAGE_PRESENT = 1,  /* mapped to memory */
	PLATFORM_PAGE_SWAPPED = 2,
	PLATFORM_PAGE_ZERO = 4,     /* present, but it is the shared zero page: not resident */
	PLATFORM_PAGE_HUGE = 8,     /* part of a huge page that is mapped as one */
	PLATFORM_PAGE_FILE = 16,    /* of a file or shared memory, not a private copy */
	PLATFORM_PAGE_DOUBT = 32,   /* private; either the zero page or shared with a forked process */
};
struct platform_run { uint64_t start, end; uint32_t states; }; /* states: never 0 */
struct platform_runs { /* zeroed, then reused; empty after a failure */
	struct platform_run *items; /* ascending, never overlapping */
	size_t count, capacity;
	enum page_source source;    /* what it was read with. Only PAGES_PAGEMAP_SCAN knows HUGE; only
	                             * PAGES_PAGEMAP has DOUBT, in place of ZERO, for ordinary users */
};
#define PLATFORM_RUNS_MAX (1u << 24)
/* States of all pages of these mappings. -EACCES and the like when neither PAGEMAP_SCAN
 * nor pagemap may be used: then platform_read_smaps() is what is left. */
int platform_read_pages(struct platform_process *p, const struct platform_mappings *list,
			struct platform_runs *ret_runs);
/* Appends in ascending order, joins equal neighbours, cuts what overlaps the last run.
 * This one and finish are the same for every system (page_runs.c). */
int platform_runs_append(struct platform_runs *runs, uint64_t start, uint64_t end, uint32_t states);
void platform_runs_finish(struct platform_runs *runs);

/* One mapping as smaps tells it; expensive (it walks all page tables). */
struct platform_smap {
	uint64_t start, end;
	int64_t rss_bytes, swap_bytes, lazy_free_bytes, anonymous_bytes, anon_huge_bytes;
};
typedef void platform_smap_fn(void *arg, const struct platform_smap *smap);
int platform_read_smaps(struct platform_process *p, platform_smap_fn *fn, void *arg);

/* ---- what this machine allows (memwhy doctor) -------------------------------- */
enum platform_fact_state { PLATFORM_FACT_OK, PLATFORM_FACT_LIMITED, PLATFORM_FACT_MISSING };
struct platform_fact {
	const char *name;        /* "pagemap-scan" */
	enum platform_fact_state state;
	char finding[200];       /* what was found, in words */
	const char *advice;      /* what it costs and what to do; "" when all is well */
};
typedef void platform_fact_fn(void *arg, const struct platform_fact *fact);
/* Calls fn once for each fact, in a fixed order. */
void platform_facts(platform_fact_fn *fn, void *arg);

#endif
