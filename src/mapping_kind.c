/* SPDX-License-Identifier: MIT */
/*
 * Names first (the kernel's labels, the probe's own), then neighbours: ld.so maps a
 * library's .bss as anonymous memory right behind its last file mapping, pthread_create
 * puts an inaccessible guard below each stack. Adjacent mappings merge, so nothing here
 * speaks for every page: page_classify.c asks records and the shadow first.
 */
#include "mapping_kind.h"

#include <string.h>

#define GLIBC_HEAP_BYTES (64ull << 20) /* arenas of threads are aligned to it (malloc/arena.c) */
#define GLIBC_TCB_BYTES 2560ull        /* struct pthread, which ends a stack's mapping: 2304 in 2.36 */
#define BLIND_GUARD_MAX (64ull << 10)  /* without a probe only a guard of this size proves a stack */

#define LOADER_DATA_MAX (64ull << 10)
#define PROBE_BSS_MAX (1ull << 20)
#define PROBE_FILE "libmemwhy-probe.so"

static bool begins(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

static bool is_probe_file(const char *name)
{
	const char *slash = strrchr(name, '/');
	const char *base = slash ? slash + 1 : name;
	return begins(base, PROBE_FILE) &&
	       (base[strlen(PROBE_FILE)] == 0 || base[strlen(PROBE_FILE)] == ' '); /* " (deleted)" */
}

/* First match by the beginning of the name. */
static const struct { const char *begins; enum mapping_kind kind; } names[] = {
	{ "/memfd:memwhy", MAPPING_PROBE },
	{ "[vvar", MAPPING_UNCOUNTED },
	{ "[vsyscall]", MAPPING_UNCOUNTED },
	{ "/anon_hugepage", MAPPING_UNCOUNTED },
	{ "[vdso]", MAPPING_VDSO },
	{ "[stack", MAPPING_STACK },
	{ "[heap]", MAPPING_HEAP },
	{ "/memfd:", MAPPING_SHARED },
	{ "/dev/shm/", MAPPING_SHARED },
	{ "/SYSV", MAPPING_SHARED },
	{ "/dev/zero", MAPPING_SHARED },
	{ "[anon_shmem", MAPPING_SHARED },
};

static enum mapping_kind kind_by_name(const struct platform_mapping *m)
{
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (begins(m->name, names[i].begins))
			return names[i].kind;
	if (begins(m->name, "[anon:") && strstr(m->name, "stack"))
		return MAPPING_STACK;
	if (m->inode)
		return is_probe_file(m->name) ? MAPPING_PROBE : MAPPING_FILE;
	return m->shared ? MAPPING_SHARED : MAPPING_ANON;
}

static bool is_bss(const struct platform_mapping *m, const struct platform_mapping *previous,
		   const struct mapping_traits *traits)
{
	if (previous->end != m->start || *m->name || m->perms[1] != 'w')
		return false;
	return previous->inode && previous->perms[1] == 'w' && !previous->shared &&
	       (traits->kind == MAPPING_FILE || traits->kind == MAPPING_PROBE);
}

static bool is_guard(const struct platform_mapping *previous, uint64_t start, uint64_t max_bytes)
{
	return previous->end == start && previous->inode == 0 && begins(previous->perms, "---") &&
	       previous->end - previous->start <= max_bytes;
}

static void add_thread(struct mapping_traits *t, const struct platform_mapping *m, const struct classify_thread *thread)
{
	uint64_t tls = thread->tls_address;
	uint64_t end = (tls + GLIBC_TCB_BYTES + PLATFORM_PAGE_BYTES - 1) & ~(PLATFORM_PAGE_BYTES - 1);
	end = end < m->end ? end : m->end;
	t->has_tls = true;
	if (thread->stack_hint >= m->start && thread->stack_hint <= tls) {
		t->stack_end = end > t->stack_end ? end : t->stack_end;
	} else {
		t->tls_start = tls & ~(PLATFORM_PAGE_BYTES - 1);
		t->tls_end = end;
	}
}

static size_t find_thread(const struct classify_input *in, uint64_t address)
{
	size_t low = 0, high = in->thread_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (in->threads[middle].tls_address < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Before libc's malloc is there, ld.so takes a few pages for its own records: its first
 * anonymous mapping, which lies right below itself or the kernel's pages. */
static bool is_loader_data(const struct platform_mapping *m, const struct platform_mapping *next)
{
	if (!next || next->start != m->end || *m->name || m->perms[1] != 'w' || m->end - m->start > LOADER_DATA_MAX)
		return false;
	const char *slash = strrchr(next->name, '/');
	return begins(next->name, "[v") || (slash && begins(slash + 1, "ld-linux"));
}

/* The probe advises one page of its .bss (MADV_WIPEONFORK), which cuts the mapping in three. */
static bool goes_on_with_probe(const struct platform_mapping *m, const struct mapping_traits *previous)
{
	return previous->is_probe_bss && m[-1].end == m->start && m->perms[1] == 'w' &&
	       m->end - m->start <= PROBE_BSS_MAX;
}

static enum mapping_kind kind_of(const struct classify_input *in, size_t index, const struct mapping_traits *previous)
{
	const struct platform_mapping *m = &in->mappings->items[index];
	enum mapping_kind kind = kind_by_name(m);
	if (kind != MAPPING_ANON)
		return kind;
	if (previous && (is_bss(m, m - 1, previous) || goes_on_with_probe(m, previous)))
		return MAPPING_BSS;
	return is_loader_data(m, index + 1 < in->mappings->count ? m + 1 : NULL) ? MAPPING_BSS : kind;
}

/* An arena's heap begins at a multiple of its size, and what it does not use yet follows, shut,
 * up to the next one. A stack that happens to begin there (jemalloc's mappings below it are
 * aligned too) is followed by something else, or by a guard that ends elsewhere. */
static bool may_be_glibc_heap(const struct classify_input *in, size_t index)
{
	const struct platform_mapping *m = &in->mappings->items[index];
	if (m->start % GLIBC_HEAP_BYTES)
		return false;
	if (m->end % GLIBC_HEAP_BYTES == 0 || index + 1 == in->mappings->count)
		return true;
	return is_guard(m + 1, m[1].end, UINT64_MAX) && m[1].start == m->end && m[1].end % GLIBC_HEAP_BYTES == 0;
}

struct mapping_traits mapping_find_traits(const struct classify_input *in, size_t index,
					  const struct mapping_traits *previous)
{
	const struct platform_mapping *m = &in->mappings->items[index];
	struct mapping_traits t = { .kind = kind_of(in, index, previous) };
	if (t.kind != MAPPING_ANON && t.kind != MAPPING_HEAP && t.kind != MAPPING_BSS)
		return t;
	bool has_ever = in->shadow && shadow_view_has_ever(in->shadow, m->start, m->end);
	uint64_t max_guard = in->shadow ? UINT64_MAX : BLIND_GUARD_MAX;
	t.is_probe_bss = t.kind == MAPPING_BSS && previous && m[-1].end == m->start &&
			 (previous->kind == MAPPING_PROBE || previous->is_probe_bss);
	t.is_guarded = previous && is_guard(m - 1, m->start, UINT64_MAX);
	t.is_arena = in->shadow && (t.kind == MAPPING_HEAP || has_ever);
	t.may_be_stack = t.kind == MAPPING_ANON && !has_ever && m->perms[1] == 'w' && !may_be_glibc_heap(in, index) &&
			 previous && is_guard(m - 1, m->start, max_guard);
	for (size_t i = find_thread(in, m->start); i < in->thread_count && in->threads[i].tls_address < m->end; i++)
		add_thread(&t, m, &in->threads[i]);
	return t;
}
