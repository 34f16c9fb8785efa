/* SPDX-License-Identifier: MIT */
/*
 * patch_island.c - see patch_island.h. Each hooked entry has two pieces: the moved
 * instructions (called indirectly, so they begin with endbr64) and a stub, which the
 * function's first bytes jump to; it loads r9 and jumps on to the hook.
 *
 * The content is made in a buffer first. A module that is loaded again at its old place
 * finds its old island with the same content and takes it: a program that opens and closes a
 * plugin for hours doesn't fill its memory with islands.
 */
#include "patch_island.h"

#include "life.h"
#include "patch_text.h"

#include <string.h>
#include <sys/mman.h>

#define PAGE         4096u
#define PIECE        16u
#define ENDBR_BYTES  4u
#define CODE_ROOM    ((ENDBR_BYTES + WIRE_CODE_MAX + PIECE - 1) / PIECE * PIECE)
#define STUB_ROOM    32u
#define ISLAND_MAX   ((WIRE_PLAN_ENTRIES * (CODE_ROOM + STUB_ROOM) + PAGE - 1) / PAGE * PAGE)
#define KNOWN_MAX    64u
#define NEAREST      (64u << 10)
#define REACH        ((uint64_t)INT32_MAX - ISLAND_MAX)

struct island { uint64_t address, bytes; };

/* Written by patch_module()'s only caller. known: for taking one again, as many as there is
 * room for. */
static struct island known[KNOWN_MAX];
static unsigned known_count;
static struct island latest;
static uint8_t content[ISLAND_MAX];

struct build {
	const struct wire_plan *plan;
	uint64_t bias, at; /* at: where the island is to be */
	uint32_t used;
	struct linked_entry *entries;
	patch_hook_fn *hook_for;
	struct patch_piece *pieces;
};

static uint32_t round_up(uint32_t n, uint32_t unit)
{
	return (n + unit - 1) / unit * unit;
}

/* --- content ---------------------------------------------------------------------- */

static bool apply_fixup(const struct build *b, uint32_t code_at, const struct wire_fixup *f)
{
	int64_t distance = (int64_t)(f->target + b->bias - (b->at + code_at + f->next));
	int32_t value = (int32_t)distance;
	memcpy(content + code_at + f->at, &value, sizeof value);
	return value == distance;
}

static bool build_code(struct build *b, const struct wire_plan_entry *e, uint64_t *ret_real)
{
	static const uint8_t endbr64[ENDBR_BYTES] = { 0xf3, 0x0f, 0x1e, 0xfa };
	uint32_t code_at = b->used + ENDBR_BYTES;
	bool ok = true;
	memcpy(content + b->used, endbr64, ENDBR_BYTES);
	memcpy(content + code_at, e->code, e->code_bytes);
	for (unsigned i = 0; i < e->fixup_count; i++)
		ok = apply_fixup(b, code_at, &e->fixups[i]) && ok;
	*ret_real = b->at + b->used;
	b->used = round_up(code_at + e->code_bytes, PIECE);
	return ok;
}

static const uint8_t stub_code[] = {
	0x49, 0xb9, 0, 0, 0, 0, 0, 0, 0, 0, /* mov r9, entry */
	0xff, 0x25, 0, 0, 0, 0,             /* jmp [rip], to the address that follows */
};
#define STUB_ENTRY 2u
#define STUB_JUMP  10u

static uint64_t build_stub(struct build *b, const struct linked_entry *entry, void *hook)
{
	uint8_t *stub = content + b->used;
	uint64_t address = b->at + b->used;
	memcpy(stub, stub_code, sizeof stub_code);
	memcpy(stub + STUB_ENTRY, &entry, sizeof entry);
	memcpy(stub + sizeof stub_code, &hook, sizeof hook);
	b->used += STUB_ROOM;
	return address;
}

/* False: something is out of reach from there. */
static bool build_all(struct build *b, uint64_t at)
{
	bool ok = true;
	b->at = at;
	b->used = 0;
	memset(content, 0xcc, sizeof content); /* int3 */
	for (uint32_t i = 0; i < b->plan->entry_count; i++) {
		const struct wire_plan_entry *e = &b->plan->entries[i];
		void *hook = e->patch_bytes ? b->hook_for(e->kind) : NULL;
		b->pieces[i] = (struct patch_piece){ 0, 0 };
		if (!hook)
			continue;
		ok = build_code(b, e, &b->pieces[i].real) && ok;
		b->pieces[i].stub = build_stub(b, &b->entries[i], hook);
	}
	return ok;
}

/* --- place ------------------------------------------------------------------------ */

static bool take_known(struct build *b)
{
	for (unsigned i = 0; i < known_count; i++) {
		const struct island *k = &known[i];
		if (build_all(b, k->address) && round_up(b->used, PAGE) == k->bytes &&
		    memcmp((const void *)k->address, content, b->used) == 0) {
			latest = *k;
			return true;
		}
	}
	return false;
}

static bool map_at(uint64_t wanted, uint64_t bytes)
{
	long got = life_syscall(SYS_mmap, wanted, bytes, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	if (got < 0 && got > -(long)PAGE)
		return false;
	if ((uint64_t)got == wanted)
		return true;
	life_syscall(SYS_munmap, got, bytes); /* before Linux 4.17 the address is but a hint */
	return false;
}

/* Below first, the nearest first. Above an executable its heap grows, and above libraries
 * the main stack is: there the farthest first. */
static uint64_t find_place(uint64_t low, uint64_t high, uint64_t bytes)
{
	for (uint64_t d = NEAREST; d < REACH - (high - low); d += 4 * PAGE + d / 32 / PAGE * PAGE)
		if (low > d + bytes + NEAREST && map_at(low - d - bytes, bytes))
			return low - d - bytes;
	for (uint64_t d = REACH - (high - low); d > NEAREST; d -= d / 32)
		if (map_at((high + d) & ~(uint64_t)(PAGE - 1), bytes))
			return (high + d) & ~(uint64_t)(PAGE - 1);
	return 0;
}

static enum patch_result fill(struct build *b, uint64_t place, uint64_t bytes)
{
	enum patch_result result = PATCH_NO_ROOM;
	if (build_all(b, place)) {
		memcpy((void *)place, content, bytes);
		result = PATCH_DENIED;
		if (life_syscall(SYS_mprotect, place, bytes, PROT_READ | PROT_EXEC) == 0)
			result = PATCH_DONE;
	}
	if (result != PATCH_DONE) {
		life_syscall(SYS_munmap, place, bytes);
		return result;
	}
	latest = (struct island){ place, bytes };
	if (known_count < KNOWN_MAX)
		known[known_count++] = latest;
	return PATCH_DONE;
}

enum patch_result patch_island_make(const struct wire_plan *plan, uint64_t bias, struct linked_entry *entries,
				    patch_hook_fn *hook_for, struct patch_piece *ret_pieces)
{
	struct build b = { .plan = plan, .bias = bias, .entries = entries, .hook_for = hook_for, .pieces = ret_pieces };
	uint64_t low = (plan->low + bias) & ~(uint64_t)(PAGE - 1);
	build_all(&b, low); /* for its size */
	uint64_t bytes = round_up(b.used, PAGE);
	if (bytes == 0 || take_known(&b))
		return PATCH_DONE;
	uint64_t place = find_place(low, plan->high + bias, bytes);
	return place ? fill(&b, place, bytes) : PATCH_NO_ROOM;
}

bool patch_island_is_stub(uint64_t address)
{
	uint8_t found[sizeof stub_code];
	return address % PIECE == 0 && patch_text_read(address, found, sizeof found) &&
	       memcmp(found, stub_code, STUB_ENTRY) == 0 &&
	       memcmp(found + STUB_JUMP, stub_code + STUB_JUMP, sizeof stub_code - STUB_JUMP) == 0;
}

uint64_t patch_island(uint64_t *ret_bytes)
{
	*ret_bytes = latest.bytes;
	return latest.address;
}
