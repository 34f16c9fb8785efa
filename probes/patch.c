/* SPDX-License-Identifier: MIT */
/*
 * patch.c - see patch.h. In this order: the plan's bounds, all original bytes, the island,
 * the jumps, each read back; the first that fails puts the others back.
 *
 * A jump is written so that a thread which arrives meanwhile meets the old bytes or the new
 * ones. A thread that stands inside the old five bytes, preempted between two instructions,
 * would go on in the middle of the jump; only stopping all threads with a signal could help,
 * and that would be felt in the program (EINTR). There is no such thread: a module is
 * patched before main, or while it is being loaded and nobody else knows its addresses.
 */
#include "patch.h"

#include "patch_island.h"
#include "patch_text.h"

#include <string.h>

/* Farther apart than this, and a module's own calls would hardly reach. */
#define SPAN_MAX (1ull << 30)

/* --- is it a plan at all -------------------------------------------------------------- */

static bool fixups_are_sane(const struct wire_plan_entry *e)
{
	if (e->fixup_count > WIRE_FIXUPS_MAX)
		return false;
	for (unsigned i = 0; i < e->fixup_count; i++)
		if (e->fixups[i].at + 4u > e->code_bytes || e->fixups[i].next > e->code_bytes)
			return false;
	return true;
}

static bool entry_is_sane(const struct wire_plan *plan, const struct wire_plan_entry *e)
{
	if (e->kind >= WIRE_ENTRY_KINDS || e->function < plan->low || e->function >= plan->high)
		return false;
	if (e->patch_bytes == 0)
		return true;
	return e->patch_bytes >= PATCH_JUMP_BYTES && e->patch_bytes <= WIRE_PATCH_MAX && e->code_bytes > 0 &&
	       e->code_bytes <= WIRE_CODE_MAX && e->address >= plan->low && e->address < plan->high &&
	       e->patch_bytes <= plan->high - e->address && fixups_are_sane(e);
}

/* Two jumps into the same bytes would chain, and could not be undone one by one. */
static bool overlaps_earlier(const struct wire_plan *plan, uint32_t index)
{
	const struct wire_plan_entry *e = &plan->entries[index];
	for (uint32_t i = 0; i < index; i++) {
		const struct wire_plan_entry *o = &plan->entries[i];
		if (o->patch_bytes && o->address < e->address + e->patch_bytes && e->address < o->address + o->patch_bytes)
			return true;
	}
	return false;
}

static bool plan_is_sane(const struct wire_plan *plan, uint64_t bias)
{
	if (plan->magic != WIRE_PLAN_MAGIC || plan->version != WIRE_PLAN_VERSION ||
	    plan->entry_count > WIRE_PLAN_ENTRIES || plan->low >= plan->high ||
	    plan->high - plan->low > SPAN_MAX || plan->high + bias < plan->high)
		return false;
	for (uint32_t i = 0; i < plan->entry_count; i++)
		if (!entry_is_sane(plan, &plan->entries[i]) ||
		    (plan->entries[i].patch_bytes && overlaps_earlier(plan, i)))
			return false;
	return true;
}

/* --- the jumps ------------------------------------------------------------------------ */

static bool has_original(const struct wire_plan_entry *e, uint64_t bias)
{
	uint8_t found[WIRE_PATCH_MAX];
	return patch_text_read(e->address + bias, found, e->patch_bytes) &&
	       memcmp(found, e->original, e->patch_bytes) == 0;
}

static bool all_have_original(const struct wire_plan *plan, uint64_t bias)
{
	for (uint32_t i = 0; i < plan->entry_count; i++)
		if (plan->entries[i].patch_bytes && !has_original(&plan->entries[i], bias))
			return false;
	return true;
}

/* The plan was checked: the island was placed so that the distance fits. */
static int write_jump(uint64_t from, uint64_t to)
{
	uint8_t jump[PATCH_JUMP_BYTES] = { 0xe9 };
	int32_t distance = (int32_t)(to - (from + PATCH_JUMP_BYTES));
	memcpy(jump + 1, &distance, sizeof distance);
	return patch_text_write(from, jump);
}

static int write_jumps(const struct wire_plan *plan, uint64_t bias, const struct patch_piece *pieces,
		       uint32_t *ret_written)
{
	*ret_written = 0;
	for (uint32_t i = 0; i < plan->entry_count; i++) {
		if (!pieces[i].stub)
			continue;
		int err = write_jump(plan->entries[i].address + bias, pieces[i].stub);
		if (err != 0)
			return err;
		++*ret_written;
	}
	return 0;
}

static bool is_our_jump(const struct wire_plan_entry *e, uint64_t address)
{
	uint8_t found[WIRE_PATCH_MAX];
	int32_t distance;
	if (!patch_text_read(address, found, e->patch_bytes) || found[0] != 0xe9 ||
	    memcmp(found, e->original, PATCH_JUMP_BYTES) == 0)
		return false;
	memcpy(&distance, found + 1, sizeof distance);
	return patch_island_is_stub(address + PATCH_JUMP_BYTES + (uint64_t)(int64_t)distance);
}

/* Only a jump of ours is taken back: what somebody else wrote since then stays. */
static void undo_all(const struct wire_plan *plan, uint64_t bias)
{
	for (uint32_t i = plan->entry_count; i-- > 0;) {
		const struct wire_plan_entry *e = &plan->entries[i];
		if (e->patch_bytes && is_our_jump(e, e->address + bias))
			patch_text_write(e->address + bias, e->original);
	}
}

void patch_undo(const struct wire_plan *plan, uint64_t bias)
{
	if (plan_is_sane(plan, bias))
		undo_all(plan, bias);
}

/* --- all of it ------------------------------------------------------------------------ */

/* Before the first jump: a hook may be entered at once. */
static void set_real(const struct wire_plan *plan, uint64_t bias, const struct patch_piece *pieces,
		     struct linked_entry *entries)
{
	for (uint32_t i = 0; i < plan->entry_count; i++) {
		uint64_t real = pieces[i].real ? pieces[i].real : plan->entries[i].function + bias;
		entries[i].real = (uint64_t (*)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t))real;
		entries[i].kind = plan->entries[i].kind;
	}
}

enum patch_result patch_module(const struct wire_plan *plan, uint64_t bias, struct linked_entry *entries,
			       patch_hook_fn *hook_for)
{
	struct patch_piece pieces[WIRE_PLAN_ENTRIES];
	uint32_t written = 0;
	if (!plan_is_sane(plan, bias))
		return PATCH_BAD_PLAN;
	if (!all_have_original(plan, bias))
		return PATCH_OTHER_BYTES;
	enum patch_result result = patch_island_make(plan, bias, entries, hook_for, pieces);
	if (result != PATCH_DONE)
		return result;
	set_real(plan, bias, pieces, entries);
	if (write_jumps(plan, bias, pieces, &written) == 0)
		return PATCH_DONE;
	undo_all(plan, bias);
	return written == 0 ? PATCH_DENIED : PATCH_UNDONE;
}
