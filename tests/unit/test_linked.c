/* SPDX-License-Identifier: MIT */
/* Installing a plan: heaps, entries, results. patch_module() is a fake that patches nothing. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "fake_attach.h"
#include "../../probes/life.h"
#include "../../probes/linked.h"
#include "../../probes/linked_hooks.h"
#include "../../probes/linked_sizes.h"
#include "../../probes/patch.h"

#include <link.h>
#include <string.h>

static struct {
	enum patch_result result;
	unsigned calls;
	uint64_t bias;
	struct linked_entry *entries;
	patch_hook_fn *hook_for;
} fake;

enum patch_result patch_module(const struct wire_plan *plan, uint64_t bias, struct linked_entry *entries, patch_hook_fn *hook_for)
{
	fake.calls++;
	fake.bias = bias;
	fake.entries = entries;
	fake.hook_for = hook_for;
	(void)plan;
	return fake.result;
}

static struct wire_plan plan;

static void add(uint32_t kind, uint32_t family, uint8_t patch_bytes, uint8_t found)
{
	struct wire_plan_entry *e = &plan.entries[plan.entry_count++];
	e->kind = kind;
	e->family = (uint8_t)family;
	e->found = found;
	e->patch_bytes = patch_bytes;
	e->function = 0x1000 * plan.entry_count;
}

static int set_up(void **state)
{
	fake_attach();
	memset(&fake, 0, sizeof fake);
	memset(&plan, 0, sizeof plan);
	plan.magic = WIRE_PLAN_MAGIC;
	plan.version = WIRE_PLAN_VERSION;
	plan.low = 0x1000;
	plan.high = 0x9000;
	strcpy(plan.family_versions[WIRE_FAMILY_JEMALLOC], "5.2.1");
	memset(plan.family_versions[WIRE_FAMILY_MIMALLOC], '2', sizeof plan.family_versions[0]);
	add(WIRE_ENTRY_MALLOC, WIRE_FAMILY_JEMALLOC, 5, WIRE_FOUND_SYMBOL);
	add(WIRE_ENTRY_FREE, WIRE_FAMILY_JEMALLOC, 6, WIRE_FOUND_BEHAVIOUR);
	add(WIRE_ENTRY_MALLCTL, WIRE_FAMILY_JEMALLOC, 0, 0);
	add(WIRE_ENTRY_MALLOC_ALIGNED, WIRE_FAMILY_MIMALLOC, 7, WIRE_FOUND_SYMBOL);
	add(WIRE_ENTRY_USABLE_SIZE, WIRE_FAMILY_MIMALLOC, 0, 0);
	(void)state;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fake_detach();
	return 0;
}

static void each_family_is_a_heap(void **state)
{
	linked_install(&plan, "/opt/program", 0x550000000000);
	const struct wire_heap *je = &probe.control->heaps[1], *mi = &probe.control->heaps[2];
	assert_string_equal(je->name, "jemalloc");
	assert_string_equal(je->version, "5.2.1");
	assert_string_equal(je->path, "/opt/program");
	assert_int_equal(je->state, WIRE_HEAP_FOLLOWED);
	assert_int_equal(je->entries, 2);
	assert_int_equal(je->found, WIRE_FOUND_BEHAVIOUR);
	assert_int_equal(je->low, 0x550000001000);
	assert_int_equal(je->high, 0x550000009000);
	assert_int_equal(je->tiny_footprint[3], 8);
	assert_string_equal(mi->name, "mimalloc");
	assert_int_equal(strlen(mi->version), 32); /* no end of its own */
	assert_int_equal(mi->entries, 1);
	assert_int_equal(probe.control->heaps[3].state, WIRE_HEAP_UNUSED);
	(void)state;
}

static void entries_are_ready_before_they_are_patched(void **state)
{
	probe.on = 0;
	linked_install(&plan, "", 0x100000);
	assert_int_equal(fake.bias, 0x100000);
	assert_ptr_equal(fake.hook_for, linked_hook_for);
	assert_int_equal(fake.entries[0].heap, 1);
	assert_int_equal(fake.entries[3].heap, 2);
	assert_int_equal(fake.entries[3].kind, WIRE_ENTRY_MALLOC_ALIGNED);
	assert_int_equal((uintptr_t)linked_heaps[1].mallctl, 0x103000);
	assert_null((void *)(uintptr_t)linked_heaps[1].usable);
	assert_int_equal((uintptr_t)linked_heaps[2].usable, 0x105000);
	assert_int_equal(linked_heaps[1].rules->version, 0);
	(void)state;
}

/* It may be unloaded while it is asked. */
static void a_later_modules_allocator_is_not_asked(void **state)
{
	probe.on = 1;
	linked_install(&plan, "", 0x100000);
	assert_null(linked_heaps[1].mallctl);
	(void)state;
}

static void a_failure_is_told(void **state)
{
	fake.result = PATCH_DENIED;
	linked_install(&plan, "/opt/program", 0);
	assert_int_equal(probe.control->heaps[1].state, WIRE_HEAP_NOT_PATCHED);
	assert_int_equal(probe.control->heaps[1].patch, PATCH_DENIED);
	assert_int_equal(probe.control->heaps[2].patch, PATCH_DENIED);
	(void)state;
}

static void nonsense_is_not_installed(void **state)
{
	plan.entries[1].family = WIRE_FAMILIES;
	linked_install(&plan, "", 0);
	plan.entries[1].family = 0;
	plan.entry_count = WIRE_PLAN_ENTRIES + 1;
	linked_install(&plan, "", 0);
	plan.entry_count = 2;
	plan.version++;
	linked_install(&plan, "", 0);
	plan.magic = 0;
	linked_install(&plan, "", 0);
	assert_int_equal(fake.calls, 0);
	assert_int_equal(probe.control->heaps[1].name[0], 0);
	(void)state;
}

static void heaps_run_out(void **state)
{
	for (int i = 1; i < WIRE_HEAPS - 1; i++)
		strcpy(probe.control->heaps[i].name, "other");
	linked_install(&plan, "", 0);
	assert_int_equal(fake.calls, 0);
	assert_int_equal(probe.control->heaps[7].state, WIRE_HEAP_NOT_PATCHED);
	assert_int_equal(probe.control->heaps[7].patch, PATCH_NO_ROOM);
	(void)state;
}

static int first_bias(struct dl_phdr_info *info, size_t size, void *arg)
{
	(void)size;
	*(uint64_t *)arg = info->dlpi_addr;
	return 1;
}

static void the_executables_plan_is_in_the_memory_file(void **state)
{
	uint64_t bias = 0;
	linked_install_executable(); /* none there */
	assert_int_equal(fake.calls, 0);
	memcpy(probe.base + WIRE_OFF_PLAN, &plan, sizeof plan);
	dl_iterate_phdr(first_bias, &bias);
	linked_install_executable();
	assert_int_equal(fake.calls, 1);
	assert_int_equal(fake.bias, bias);
	assert_non_null(strstr(probe.control->heaps[1].path, "test_linked"));
	(void)state;
}

static void a_copied_shadow_has_the_heaps(void **state)
{
	char *copy;
	linked_install(&plan, "/opt/program", 0);
	assert_int_equal(fake_new_map(&copy), 0);
	assert_int_equal(shadow_copy(copy, probe.base), 0);
	const struct wire_control *c = (const struct wire_control *)copy;
	assert_memory_equal(c->heaps, probe.control->heaps, sizeof c->heaps);
	assert_int_equal(c->heaps[1].state, WIRE_HEAP_FOLLOWED);
	shadow_unmap(copy);
	(void)state;
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(each_family_is_a_heap), CASE(entries_are_ready_before_they_are_patched), CASE(a_later_modules_allocator_is_not_asked),
		CASE(a_failure_is_told), CASE(nonsense_is_not_installed), CASE(heaps_run_out),
		CASE(the_executables_plan_is_in_the_memory_file), CASE(a_copied_shadow_has_the_heaps),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
