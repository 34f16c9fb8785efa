/* SPDX-License-Identifier: MIT */
/* heap.c - identification of the allocator behind the hooks; see heap.h. */
#define _GNU_SOURCE
#include "adapters/adapters.h"
#include "ext_hooks.h"

#include <dlfcn.h>
#include <link.h>

const struct adapter *heap_adapter;
enum heap_sizing heap_sizing = HEAP_ASK;
uint16_t heap_learned[HEAP_LEARN_MAX / 8 + 1];

static uint64_t dso_low, dso_high;

bool real_is_allocator(uintptr_t caller)
{
	return caller - dso_low < dso_high - dso_low;
}

/* tcmalloc's first answer sets a module up, which allocates, which would ask again. */
static __thread bool asking;

bool heap_is_asking(void)
{
	return asking;
}

static size_t ask_usable(void *p)
{
	if (asking || !real.malloc_usable_size)
		return 0;
	asking = true;
	size_t usable = real.malloc_usable_size(p);
	asking = false;
	return usable;
}

size_t heap_ask_footprint(void *p, size_t requested)
{
	size_t usable = ask_usable(p);
	return usable >= requested ? usable : requested;
}

size_t heap_learn_footprint(void *p, size_t requested)
{
	size_t usable = ask_usable(p);
	if (usable < requested || usable == 0) /* tcmalloc says 0 before it is set up */
		return requested;
	/* One entry serves 8 sizes; learn from whichever comes first, they share a class. */
	if (usable <= UINT16_MAX)
		heap_learned[(requested + 7) / 8] = (uint16_t)usable;
	return usable;
}

struct dso_search { uintptr_t address; uintptr_t low, high; };

static int match_dso(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct dso_search *s = arg;
	uintptr_t low = UINTPTR_MAX, high = 0;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
		if (ph->p_type != PT_LOAD)
			continue;
		uintptr_t start = info->dlpi_addr + ph->p_vaddr;
		low = start < low ? start : low;
		high = start + ph->p_memsz > high ? start + ph->p_memsz : high;
	}
	if (s->address < low || s->address >= high)
		return 0;
	s->low = low;
	s->high = high;
	return 1;
}

/* An adapter fits when its marker lies in the DSO that provides malloc itself. */
static const struct adapter *adapter_of(const struct dso_search *where)
{
	for (size_t i = 0; adapters[i]; i++) {
		uintptr_t at = (uintptr_t)dlsym(RTLD_NEXT, adapters[i]->marker);
		if (at && at >= where->low && at < where->high)
			return adapters[i];
	}
	return NULL;
}

void heap_identify(void)
{
	struct wire_heap *heap = &probe.control->heaps[0];
	struct dso_search where = { .address = (uintptr_t)real.malloc };
	Dl_info info = { 0 };
	if (!dl_iterate_phdr(match_dso, &where) || !dladdr((void *)where.address, &info))
		return;
	heap->state = WIRE_HEAP_RESOLVED;
	dso_low = heap->low = where.low;
	dso_high = heap->high = where.high;
	adapter_copy_text(heap->path, sizeof heap->path, info.dli_fname ? info.dli_fname : "");
	const struct adapter *a = heap_adapter = adapter_of(&where);
	adapter_copy_text(heap->name, sizeof heap->name, a ? a->name : "unknown");
	if (a)
		a->version(heap->version, sizeof heap->version);
	heap_sizing = a ? a->sizing : HEAP_ASK;
	if (a && a->has_own_names)
		ext_hooks_install(where.low, where.high);
}
