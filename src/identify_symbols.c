/* SPDX-License-Identifier: MIT */
/*
 * identify_symbols.c - see identify_symbols.h. jemalloc is built with any prefix (_rjem_,
 * je_, duckdb_je_): whatever stands before "sdallocx" and "mallocx" in two names is one. A
 * plain malloc is jemalloc's where mallocx has no prefix either.
 */
#include "identify_symbols.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PREFIXES_MAX 4
#define PREFIX_BYTES 40

struct name { const char *name; uint8_t kind, family; };

/* Sorted by nothing: a file has few symbols that get as far as this. */
static const struct name jemalloc_names[] = { /* behind a prefix */
	{ "malloc", WIRE_ENTRY_MALLOC, 0 }, { "calloc", WIRE_ENTRY_CALLOC, 0 },
	{ "realloc", WIRE_ENTRY_REALLOC, 0 }, { "free", WIRE_ENTRY_FREE, 0 },
	{ "posix_memalign", WIRE_ENTRY_POSIX_MEMALIGN, 0 }, { "aligned_alloc", WIRE_ENTRY_ALIGNED_ALLOC, 0 },
	{ "memalign", WIRE_ENTRY_ALIGNED_ALLOC, 0 }, { "valloc", WIRE_ENTRY_VALLOC, 0 },
	{ "pvalloc", WIRE_ENTRY_PVALLOC, 0 }, { "mallocx", WIRE_ENTRY_MALLOCX, 0 },
	{ "rallocx", WIRE_ENTRY_RALLOCX, 0 }, { "xallocx", WIRE_ENTRY_XALLOCX, 0 },
	{ "sallocx", WIRE_ENTRY_USABLE_SIZE, 0 }, { "dallocx", WIRE_ENTRY_FREE, 0 },
	{ "sdallocx", WIRE_ENTRY_FREE, 0 }, { "malloc_usable_size", WIRE_ENTRY_USABLE_SIZE, 0 },
	{ "free_sized", WIRE_ENTRY_FREE, 0 }, { "free_aligned_sized", WIRE_ENTRY_FREE, 0 },
	{ "mallctl", WIRE_ENTRY_MALLCTL, 0 },
};

#define MI WIRE_FAMILY_MIMALLOC
#define TC WIRE_FAMILY_TCMALLOC
#define OTHER WIRE_FAMILY_OTHER
static const struct name whole_names[] = {
	{ "mi_malloc", WIRE_ENTRY_MALLOC, MI }, { "mi_zalloc", WIRE_ENTRY_MALLOC, MI },
	{ "mi_malloc_small", WIRE_ENTRY_MALLOC, MI }, { "mi_zalloc_small", WIRE_ENTRY_MALLOC, MI },
	{ "mi_calloc", WIRE_ENTRY_CALLOC, MI }, { "mi_mallocn", WIRE_ENTRY_CALLOC, MI },
	{ "mi_realloc", WIRE_ENTRY_REALLOC, MI }, { "mi_rezalloc", WIRE_ENTRY_REALLOC, MI },
	{ "mi_reallocf", WIRE_ENTRY_REALLOC, MI },
	{ "mi_reallocn", WIRE_ENTRY_RECALLOC, MI }, { "mi_recalloc", WIRE_ENTRY_RECALLOC, MI },
	{ "mi_reallocarray", WIRE_ENTRY_RECALLOC, MI }, { "mi_free", WIRE_ENTRY_FREE, MI },
	{ "mi_cfree", WIRE_ENTRY_FREE, MI }, { "mi_free_size", WIRE_ENTRY_FREE, MI },
	{ "mi_free_aligned", WIRE_ENTRY_FREE, MI }, { "mi_free_size_aligned", WIRE_ENTRY_FREE, MI },
	{ "mi_posix_memalign", WIRE_ENTRY_POSIX_MEMALIGN, MI }, { "mi_memalign", WIRE_ENTRY_ALIGNED_ALLOC, MI },
	{ "mi_aligned_alloc", WIRE_ENTRY_ALIGNED_ALLOC, MI }, { "mi_valloc", WIRE_ENTRY_VALLOC, MI },
	{ "mi_pvalloc", WIRE_ENTRY_PVALLOC, MI }, { "mi_malloc_aligned", WIRE_ENTRY_MALLOC_ALIGNED, MI },
	{ "mi_zalloc_aligned", WIRE_ENTRY_MALLOC_ALIGNED, MI }, { "mi_calloc_aligned", WIRE_ENTRY_CALLOC_ALIGNED, MI },
	{ "mi_realloc_aligned", WIRE_ENTRY_REALLOC_ALIGNED, MI }, { "mi_new", WIRE_ENTRY_MALLOC, MI },
	{ "mi_rezalloc_aligned", WIRE_ENTRY_REALLOC_ALIGNED, MI }, { "mi_new_nothrow", WIRE_ENTRY_MALLOC, MI },
	{ "mi_new_aligned", WIRE_ENTRY_MALLOC_ALIGNED, MI }, { "mi_new_n", WIRE_ENTRY_CALLOC, MI },
	{ "mi_new_aligned_nothrow", WIRE_ENTRY_MALLOC_ALIGNED, MI }, { "mi_new_realloc", WIRE_ENTRY_REALLOC, MI },
	{ "mi_heap_malloc", WIRE_ENTRY_CTX_MALLOC, MI }, { "mi_heap_zalloc", WIRE_ENTRY_CTX_MALLOC, MI },
	{ "mi_heap_malloc_small", WIRE_ENTRY_CTX_MALLOC, MI }, { "mi_heap_calloc", WIRE_ENTRY_CTX_CALLOC, MI },
	{ "mi_heap_malloc_aligned", WIRE_ENTRY_CTX_MALLOC, MI }, { "mi_heap_mallocn", WIRE_ENTRY_CTX_CALLOC, MI },
	{ "mi_heap_zalloc_aligned", WIRE_ENTRY_CTX_MALLOC, MI }, { "mi_heap_realloc", WIRE_ENTRY_CTX_REALLOC, MI },
	{ "mi_heap_rezalloc", WIRE_ENTRY_CTX_REALLOC, MI },
	{ "mi_usable_size", WIRE_ENTRY_USABLE_SIZE, MI }, { "mi_malloc_usable_size", WIRE_ENTRY_USABLE_SIZE, MI },
	{ "mi_malloc_size", WIRE_ENTRY_USABLE_SIZE, MI },

	{ "tc_malloc", WIRE_ENTRY_MALLOC, TC }, { "tc_calloc", WIRE_ENTRY_CALLOC, TC },
	{ "tc_realloc", WIRE_ENTRY_REALLOC, TC }, { "tc_free", WIRE_ENTRY_FREE, TC },
	{ "tc_cfree", WIRE_ENTRY_FREE, TC }, { "tc_free_sized", WIRE_ENTRY_FREE, TC },
	{ "tc_memalign", WIRE_ENTRY_ALIGNED_ALLOC, TC }, { "tc_posix_memalign", WIRE_ENTRY_POSIX_MEMALIGN, TC },
	{ "tc_valloc", WIRE_ENTRY_VALLOC, TC }, { "tc_pvalloc", WIRE_ENTRY_PVALLOC, TC },
	{ "tc_malloc_size", WIRE_ENTRY_USABLE_SIZE, TC }, { "tc_new", WIRE_ENTRY_MALLOC, TC },
	{ "tc_new_nothrow", WIRE_ENTRY_MALLOC, TC }, { "tc_newarray", WIRE_ENTRY_MALLOC, TC },
	{ "tc_newarray_nothrow", WIRE_ENTRY_MALLOC, TC }, { "tc_delete", WIRE_ENTRY_FREE, TC },
	{ "tc_delete_sized", WIRE_ENTRY_FREE, TC }, { "tc_deletearray", WIRE_ENTRY_FREE, TC },
	{ "tc_deletearray_sized", WIRE_ENTRY_FREE, TC }, { "TCMallocInternalMalloc", WIRE_ENTRY_MALLOC, TC },
	{ "TCMallocInternalCalloc", WIRE_ENTRY_CALLOC, TC }, { "TCMallocInternalRealloc", WIRE_ENTRY_REALLOC, TC },
	{ "TCMallocInternalFree", WIRE_ENTRY_FREE, TC }, { "TCMallocInternalFreeSized", WIRE_ENTRY_FREE, TC },

	{ "malloc", WIRE_ENTRY_MALLOC, OTHER }, { "calloc", WIRE_ENTRY_CALLOC, OTHER },
	{ "realloc", WIRE_ENTRY_REALLOC, OTHER }, { "reallocarray", WIRE_ENTRY_RECALLOC, OTHER },
	{ "free", WIRE_ENTRY_FREE, OTHER }, { "cfree", WIRE_ENTRY_FREE, OTHER },
	{ "posix_memalign", WIRE_ENTRY_POSIX_MEMALIGN, OTHER }, { "aligned_alloc", WIRE_ENTRY_ALIGNED_ALLOC, OTHER },
	{ "memalign", WIRE_ENTRY_ALIGNED_ALLOC, OTHER }, { "valloc", WIRE_ENTRY_VALLOC, OTHER },
	{ "pvalloc", WIRE_ENTRY_PVALLOC, OTHER }, { "malloc_usable_size", WIRE_ENTRY_USABLE_SIZE, OTHER },
	/* operator new and delete */
	{ "_Znwm", WIRE_ENTRY_MALLOC, OTHER }, { "_Znam", WIRE_ENTRY_MALLOC, OTHER },
	{ "_ZnwmRKSt9nothrow_t", WIRE_ENTRY_MALLOC, OTHER }, { "_ZnamRKSt9nothrow_t", WIRE_ENTRY_MALLOC, OTHER },
	{ "_ZnwmSt11align_val_t", WIRE_ENTRY_MALLOC_ALIGNED, OTHER },
	{ "_ZnamSt11align_val_t", WIRE_ENTRY_MALLOC_ALIGNED, OTHER },
	{ "_ZnwmSt11align_val_tRKSt9nothrow_t", WIRE_ENTRY_MALLOC_ALIGNED, OTHER },
	{ "_ZnamSt11align_val_tRKSt9nothrow_t", WIRE_ENTRY_MALLOC_ALIGNED, OTHER },
	{ "_ZdlPv", WIRE_ENTRY_FREE, OTHER }, { "_ZdaPv", WIRE_ENTRY_FREE, OTHER },
	{ "_ZdlPvm", WIRE_ENTRY_FREE, OTHER }, { "_ZdaPvm", WIRE_ENTRY_FREE, OTHER },
	{ "_ZdlPvRKSt9nothrow_t", WIRE_ENTRY_FREE, OTHER }, { "_ZdaPvRKSt9nothrow_t", WIRE_ENTRY_FREE, OTHER },
	{ "_ZdlPvSt11align_val_t", WIRE_ENTRY_FREE, OTHER }, { "_ZdaPvSt11align_val_t", WIRE_ENTRY_FREE, OTHER },
	{ "_ZdlPvmSt11align_val_t", WIRE_ENTRY_FREE, OTHER }, { "_ZdaPvmSt11align_val_t", WIRE_ENTRY_FREE, OTHER },
};
#undef OTHER

struct prefixes { char text[PREFIXES_MAX][PREFIX_BYTES]; unsigned seen[PREFIXES_MAX]; size_t count; };
struct finding { struct identify_symbols found; struct prefixes prefixes; bool has_malloc; };

/* ---- jemalloc's prefixes ----------------------------------------------------------------- */

enum { SAW_MALLOCX = 1, SAW_SDALLOCX = 2 };

static bool ends_with(const char *name, size_t n, const char *end)
{
	size_t m = strlen(end);
	return n >= m && !memcmp(name + n - m, end, m);
}

static void note_prefix(struct prefixes *p, const char *name, size_t n, unsigned saw)
{
	size_t i = 0;
	if (n >= PREFIX_BYTES)
		return;
	while (i < p->count && (strncmp(p->text[i], name, n) || p->text[i][n]))
		i++;
	if (i == PREFIXES_MAX)
		return;
	if (i == p->count) {
		memcpy(p->text[i], name, n);
		p->count++;
	}
	p->seen[i] |= saw;
}

static bool look_for_prefix(void *arg, const struct image_symbol *s)
{
	struct finding *f = arg;
	size_t n = s->function ? strlen(s->name) : 0;
	if (ends_with(s->name, n, "mallocx"))
		note_prefix(&f->prefixes, s->name, n - 7, SAW_MALLOCX);
	if (ends_with(s->name, n, "sdallocx"))
		note_prefix(&f->prefixes, s->name, n - 8, SAW_SDALLOCX);
	return true;
}

/* ---- nominations -------------------------------------------------------------------------- */

/* A name of a known family stands before a plain one for the same function. */
static void nominate(struct identify_symbols *s, uint64_t address, const struct name *n, uint8_t family)
{
	size_t i = 0;
	while (i < s->count && s->named[i].address != address)
		i++;
	if (i == IDENTIFY_NAMED_MAX || (i < s->count && family == WIRE_FAMILY_OTHER))
		return;
	s->named[i] = (struct identify_named){ address, n->kind, family, n->kind >= WIRE_ENTRY_CTX_MALLOC &&
					       n->kind <= WIRE_ENTRY_CTX_FREE };
	s->count += i == s->count;
}

static const struct name *find_name(const struct name *table, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(table[i].name, name))
			return &table[i];
	return NULL;
}
#define FIND_NAME(table, name) find_name(table, sizeof table / sizeof *table, name)

static bool nominate_by_prefix(struct finding *f, const struct image_symbol *s)
{
	for (size_t i = 0; i < f->prefixes.count; i++) {
		size_t n = strlen(f->prefixes.text[i]);
		if (f->prefixes.seen[i] != (SAW_MALLOCX | SAW_SDALLOCX) || strncmp(s->name, f->prefixes.text[i], n))
			continue;
		const struct name *found = FIND_NAME(jemalloc_names, s->name + n);
		if (found) {
			nominate(&f->found, s->address, found, WIRE_FAMILY_JEMALLOC);
			return true;
		}
	}
	return false;
}

static bool look_for_names(void *arg, const struct image_symbol *s)
{
	struct finding *f = arg;
	f->has_malloc |= s->function && !strcmp(s->name, "malloc");
	if (!s->function || nominate_by_prefix(f, s))
		return true;
	const struct name *found = FIND_NAME(whole_names, s->name);
	if (found)
		nominate(&f->found, s->address, found, found->family);
	else if (!strcmp(s->name, "mi_heap_get_default"))
		f->found.context = s->address;
	else if (!strcmp(s->name, "mi_version"))
		f->found.mi_version = s->address;
	return true;
}

/* What makes blocks first, then what frees them: the others are tested with both. */
static unsigned rank(const struct identify_named *n)
{
	switch (n->kind) {
	case WIRE_ENTRY_MALLOC:          return 0;
	case WIRE_ENTRY_MALLOCX:
	case WIRE_ENTRY_MALLOC_ALIGNED:
	case WIRE_ENTRY_CALLOC:
	case WIRE_ENTRY_CALLOC_ALIGNED:
	case WIRE_ENTRY_ALIGNED_ALLOC:
	case WIRE_ENTRY_VALLOC:
	case WIRE_ENTRY_PVALLOC:
	case WIRE_ENTRY_POSIX_MEMALIGN:  return 1;
	case WIRE_ENTRY_FREE:            return 2;
	default:                         return 3;
	}
}

static int by_rank(const void *a, const void *b)
{
	const struct identify_named *x = a, *y = b;
	if (rank(x) != rank(y))
		return rank(x) < rank(y) ? -1 : 1;
	return (x->address > y->address) - (x->address < y->address);
}

/* Without a malloc of its own, a program's operator new is the one of a linked libstdc++, over
 * the malloc that it imports: what is booked there must not be booked here. */
static void drop_wrappers(struct finding *f)
{
	size_t kept = 0;
	for (size_t i = 0; i < f->found.count && !f->has_malloc; i++)
		if (f->found.named[i].family != WIRE_FAMILY_OTHER)
			f->found.named[kept++] = f->found.named[i];
	if (!f->has_malloc)
		f->found.count = kept;
}

int identify_symbols_find(struct image *im, struct identify_symbols *ret_symbols)
{
	struct finding *f = calloc(1, sizeof *f);
	if (!f)
		return -ENOMEM;
	int err = image_symbols(im, look_for_prefix, f);
	if (err == 0)
		err = image_symbols(im, look_for_names, f);
	if (err == 0) {
		drop_wrappers(f);
		qsort(f->found.named, f->found.count, sizeof *f->found.named, by_rank);
		*ret_symbols = f->found;
	}
	free(f);
	return err;
}
