/* SPDX-License-Identifier: MIT */
/*
 * linked.c - see linked.h. One heap for each family in a module's plan, one linked_entry for
 * each entry. All of it is in place before the first jump is written, for a hook may be
 * entered at once. What was patched stays so in a forked child, whose hooks are bare
 * forwarders until it has a shadow, and whose copied shadow has the same heaps.
 */
#define _GNU_SOURCE
#include "linked.h"
#include "adapters/adapters.h"
#include "life.h"
#include "linked_hooks.h"
#include "linked_sizes.h"
#include "patch.h"

#include <link.h>
#include <string.h>

_Static_assert(sizeof(((struct wire_heap *)0)->version) > sizeof(((struct wire_plan *)0)->family_versions[0]), "room for a version");

#define MODULES 8u

/* A slot is used again when its module is unloaded: the same module often comes to the same
 * slot and place, and then takes its old island. Its heap stays, for its blocks may. */
static struct linked_entry entries[MODULES][WIRE_PLAN_ENTRIES];
static bool taken[MODULES];

static const char *const family_names[WIRE_FAMILIES] = {
	[WIRE_FAMILY_JEMALLOC] = "jemalloc", [WIRE_FAMILY_MIMALLOC] = "mimalloc",
	[WIRE_FAMILY_TCMALLOC] = "tcmalloc", [WIRE_FAMILY_OTHER] = "malloc",
};

static bool plan_is_sane(const struct wire_plan *plan)
{
	if (plan->magic != WIRE_PLAN_MAGIC || plan->version != WIRE_PLAN_VERSION || plan->entry_count > WIRE_PLAN_ENTRIES)
		return false;
	for (uint32_t i = 0; i < plan->entry_count; i++)
		if (plan->entries[i].family >= WIRE_FAMILIES || plan->entries[i].kind >= WIRE_ENTRY_KINDS)
			return false;
	return true;
}

static void *function_of(const struct wire_plan *plan, uint64_t bias, uint32_t family, uint32_t kind)
{
	for (uint32_t i = 0; i < plan->entry_count; i++)
		if (plan->entries[i].family == family && plan->entries[i].kind == kind)
			return (void *)(uintptr_t)(plan->entries[i].function + bias);
	return NULL;
}

static void describe(struct wire_heap *heap, const struct wire_plan *plan, uint32_t family, const char *path,
		     uint64_t bias)
{
	adapter_copy_text(heap->path, sizeof heap->path, path);
	/* it may lack its end, and the heap has room for one more */
	adapter_copy_text(heap->version, sizeof plan->family_versions[family] + 1, plan->family_versions[family]);
	heap->family = (uint8_t)family;
	heap->entries = heap->patch = heap->found = 0;
	heap->low = plan->low + bias;
	heap->high = plan->high + bias;
	for (uint32_t i = 0; i < plan->entry_count; i++) {
		const struct wire_plan_entry *e = &plan->entries[i];
		if (e->family != family || !e->patch_bytes || !linked_hook_for(e->kind))
			continue;
		heap->entries++;
		heap->found = e->found > heap->found ? e->found : heap->found;
	}
	heap->state = WIRE_HEAP_NOT_PATCHED;
	adapter_copy_text(heap->name, sizeof heap->name, family_names[family]); /* last: it makes the slot used */
}

static void fill_heap(uint32_t index, const struct wire_plan *plan, uint32_t family, const char *path, uint64_t bias)
{
	struct wire_heap *heap = &probe.control->heaps[index];
	void *usable = function_of(plan, bias, family, WIRE_ENTRY_USABLE_SIZE);
	describe(heap, plan, family, path, bias);
	/* A module that was loaded later may be unloaded while its allocator is being asked. */
	void *mallctl = probe.on ? NULL : function_of(plan, bias, family, WIRE_ENTRY_MALLCTL);
	linked_sizes_init(index, heap, size_rules_find(family, heap->version), (linked_usable_fn *)(uintptr_t)usable,
			  mallctl);
}

static bool has_family(const struct wire_plan *plan, uint32_t family)
{
	for (uint32_t i = 0; i < plan->entry_count; i++)
		if (plan->entries[i].family == family && plan->entries[i].patch_bytes)
			return true;
	return false;
}

static bool is_same(const struct wire_heap *heap, uint32_t family, const char *path)
{
	size_t n = strnlen(path, sizeof heap->path - 1);
	return n && heap->family == family && !memcmp(heap->path, path, n) && !heap->path[n];
}

/* That of the same module, when it was loaded before; else an unused one, or WIRE_HEAPS. */
static uint32_t find_heap(uint32_t family, const char *path)
{
	uint32_t index = 1;
	while (index < WIRE_HEAPS && probe.control->heaps[index].name[0] && !is_same(&probe.control->heaps[index], family, path))
		index++;
	return index;
}

/* False: there are not heaps enough. ret_heaps: by family, 0 where there is none. */
static bool take_heaps(const struct wire_plan *plan, const char *path, uint64_t bias, uint32_t ret_heaps[WIRE_FAMILIES])
{
	memset(ret_heaps, 0, WIRE_FAMILIES * sizeof *ret_heaps);
	for (uint32_t family = 0; family < WIRE_FAMILIES; family++) {
		if (!family_names[family] || !has_family(plan, family))
			continue;
		ret_heaps[family] = find_heap(family, path);
		if (ret_heaps[family] == WIRE_HEAPS)
			return false;
		fill_heap(ret_heaps[family], plan, family, path, bias);
	}
	return true;
}

static void tell_result(const uint32_t heaps[WIRE_FAMILIES], enum patch_result result)
{
	for (uint32_t family = 0; family < WIRE_FAMILIES; family++) {
		if (!heaps[family] || heaps[family] == WIRE_HEAPS)
			continue;
		struct wire_heap *heap = &probe.control->heaps[heaps[family]];
		heap->patch = (uint8_t)result;
		__atomic_store_n(&heap->state, result == PATCH_DONE ? WIRE_HEAP_FOLLOWED : WIRE_HEAP_NOT_PATCHED, __ATOMIC_RELEASE);
	}
}

static void leave_out(void)
{
	__atomic_fetch_add(&probe.control->modules_left_out, 1, __ATOMIC_RELAXED);
}

static int free_slot(void)
{
	for (int i = 0; i < (int)MODULES; i++)
		if (!taken[i])
			return i;
	return -1;
}

int linked_install(const struct wire_plan *plan, const char *path, uint64_t bias)
{
	uint32_t heaps[WIRE_FAMILIES];
	int slot = free_slot();
	if (!plan_is_sane(plan))
		return -1;
	if (!take_heaps(plan, path, bias, heaps) || slot < 0) {
		tell_result(heaps, PATCH_NO_ROOM);
		leave_out();
		return -1;
	}
	struct linked_entry *of_module = entries[slot];
	for (uint32_t i = 0; i < plan->entry_count; i++) {
		of_module[i].kind = plan->entries[i].kind;
		of_module[i].heap = heaps[plan->entries[i].family];
	}
	enum patch_result result = patch_module(plan, bias, of_module, linked_hook_for);
	taken[slot] = result == PATCH_DONE;
	tell_result(heaps, result);
	return taken[slot] ? slot : -1;
}

void linked_release(int slot)
{
	taken[slot] = false;
}

/* The first object is the executable. */
static int take_bias(struct dl_phdr_info *info, size_t size, void *arg)
{
	(void)size;
	*(uint64_t *)arg = info->dlpi_addr;
	return 1;
}

void linked_install_executable(void)
{
	const struct wire_plan *plan = (const struct wire_plan *)(probe.base + WIRE_OFF_PLAN);
	char path[sizeof probe.control->heaps[0].path] = "";
	uint64_t bias = 0;
	if (plan->magic != WIRE_PLAN_MAGIC)
		return;
	dl_iterate_phdr(take_bias, &bias);
	long n = life_syscall(SYS_readlink, "/proc/self/exe", path, sizeof path - 1);
	path[n > 0 ? n : 0] = 0;
	linked_install(plan, path, bias);
}
