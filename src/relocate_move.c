/* SPDX-License-Identifier: MIT */
/*
 * relocate_move.c - writes displaced instructions for another place. Short branches become
 * long ones, so lengths change; a branch to a displaced instruction goes to its moved copy.
 *
 * A call is not moved as one: its return address would lie in the island, which no unwinder
 * knows, and an exception thrown behind it would end the program. A displaced call is always
 * the last (or refused), so the right return address is known: behind the displaced bytes,
 * in the function itself. It is pushed and the callee jumped to. The price is a mispredicted
 * return, and it would not do under a shadow stack.
 */
#include "relocate_move.h"

#include <string.h>

struct inner { uint16_t at, next; uint64_t target; };

struct mover {
	const struct relocate_displaced *from;
	struct wire_plan_entry *to;
	uint16_t moved[RELOCATE_DISPLACED_MAX]; /* offsets in code[] */
	struct inner inner[RELOCATE_DISPLACED_MAX]; /* fields that point into code[] itself */
	unsigned inner_count;
	const char *why;
};

static bool is_rip_relative(const ZydisDecodedInstruction *d)
{
	return (d->attributes & ZYDIS_ATTRIB_HAS_MODRM) && d->raw.modrm.mod == 0 &&
	       d->raw.modrm.rm == 5 && d->raw.disp.size == 32;
}

bool relocate_is_branch(const struct relocate_instruction *in)
{
	return in->d.raw.imm[0].is_relative;
}

bool relocate_is_call(const struct relocate_instruction *in)
{
	return in->d.mnemonic == ZYDIS_MNEMONIC_CALL;
}

bool relocate_falls_through(const struct relocate_instruction *in)
{
	switch (in->d.mnemonic) {
	case ZYDIS_MNEMONIC_UD0: case ZYDIS_MNEMONIC_UD1: case ZYDIS_MNEMONIC_UD2: case ZYDIS_MNEMONIC_HLT:
		return false;
	default:
		return in->d.meta.category != ZYDIS_CATEGORY_UNCOND_BR && in->d.meta.category != ZYDIS_CATEGORY_RET;
	}
}

bool relocate_target(const struct relocate_instruction *in, uint64_t *ret_target)
{
	uint64_t next = in->address + in->d.length;
	if (relocate_is_branch(in))
		*ret_target = next + in->d.raw.imm[0].value.u;
	else if (is_rip_relative(&in->d))
		*ret_target = next + (uint64_t)in->d.raw.disp.value;
	else
		return false;
	return true;
}

static void put(struct mover *m, const void *bytes, unsigned n)
{
	if (m->to->code_bytes + n > WIRE_CODE_MAX) {
		m->why = "its first instructions need too much room elsewhere";
		return;
	}
	memcpy(m->to->code + m->to->code_bytes, bytes, n);
	m->to->code_bytes += n;
}

#define PUT(m, ...) put(m, (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

static void add_fixup(struct mover *m, unsigned at, unsigned next, uint64_t target)
{
	if (m->why)
		return;
	if (m->to->fixup_count == WIRE_FIXUPS_MAX)
		m->why = "its first instructions refer to too many places";
	else
		m->to->fixups[m->to->fixup_count++] = (struct wire_fixup){ at, next, 0, target };
}

/* The four bytes that end an instruction and say how far its target is. */
static void put_relative(struct mover *m, uint64_t target)
{
	unsigned at = m->to->code_bytes;
	PUT(m, 0, 0, 0, 0);
	if (target < m->from->start || target >= m->from->end)
		add_fixup(m, at, at + 4, target);
	else if (m->inner_count < RELOCATE_DISPLACED_MAX)
		m->inner[m->inner_count++] = (struct inner){ at, at + 4, target };
}

/* Pushes the return address and touches no register and no flag. */
static void put_return_address(struct mover *m)
{
	PUT(m, 0x48, 0x8d, 0x64, 0x24, 0xf8); /* lea rsp, [rsp-8] */
	PUT(m, 0x50);                         /* push rax */
	PUT(m, 0x48, 0x8d, 0x05);             /* lea rax, [rip+end] */
	put_relative(m, m->from->end);
	PUT(m, 0x48, 0x89, 0x44, 0x24, 0x08); /* mov [rsp+8], rax */
	PUT(m, 0x58);                         /* pop rax */
}

static void move_call(struct mover *m, const struct relocate_instruction *in)
{
	uint64_t target = 0;
	if (!relocate_target(in, &target)) {
		m->why = "its first bytes call through a register";
		return;
	}
	put_return_address(m);
	if (relocate_is_branch(in))
		PUT(m, 0xe9);
	else
		PUT(m, 0xff, 0x25); /* jmp [rip+field] */
	put_relative(m, target);
}

static void move_branch(struct mover *m, const struct relocate_instruction *in, uint64_t target)
{
	uint8_t op = in->d.opcode;
	bool one = in->d.opcode_map == ZYDIS_OPCODE_MAP_DEFAULT, two = in->d.opcode_map == ZYDIS_OPCODE_MAP_0F;
	if (one && (op == 0xeb || op == 0xe9))
		PUT(m, 0xe9);
	else if ((one && op >> 4 == 7) || (two && op >> 4 == 8))
		PUT(m, 0x0f, 0x80 | (op & 15));
	else if (one && op >= 0xe0 && op <= 0xe3) /* loop, jrcxz: over a jump that is not taken */
		PUT(m, op, 2, 0xeb, 5, 0xe9);
	else
		m->why = "its first bytes hold a branch that can't be moved";
	put_relative(m, target);
}

static void move_operand(struct mover *m, const struct relocate_instruction *in, uint64_t target)
{
	unsigned at = m->to->code_bytes;
	if (target >= m->from->start && target < m->from->end)
		m->why = "its first bytes refer to themselves";
	put(m, in->bytes, in->d.length);
	add_fixup(m, at + in->d.raw.disp.offset, at + in->d.length, target);
}

static void move_one(struct mover *m, const struct relocate_instruction *in)
{
	uint64_t target = 0;
	bool relative = relocate_target(in, &target);
	/* 16-bit targets and 32-bit address arithmetic: no compiler's. */
	if (relative && (in->d.address_width != 64 || (relocate_is_branch(in) && (in->d.attributes & ZYDIS_ATTRIB_HAS_OPERANDSIZE))))
		m->why = "its first bytes hold an odd relative address";
	else if (relocate_is_call(in))
		move_call(m, in);
	else if (relative && relocate_is_branch(in))
		move_branch(m, in, target);
	else if (relative)
		move_operand(m, in, target);
	else
		put(m, in->bytes, in->d.length);
}

static int32_t moved_place(const struct mover *m, uint64_t address)
{
	for (unsigned i = 0; i < m->from->count; i++)
		if (m->from->list[i].address == address)
			return m->moved[i];
	return -1;
}

static void resolve_inner(struct mover *m)
{
	for (unsigned i = 0; i < m->inner_count && !m->why; i++) {
		int32_t place = moved_place(m, m->inner[i].target);
		int32_t distance = place - m->inner[i].next;
		if (place < 0)
			m->why = "its first bytes jump between instructions";
		else
			memcpy(m->to->code + m->inner[i].at, &distance, sizeof distance);
	}
}

static void move_all(struct mover *m)
{
	const struct relocate_displaced *from = m->from;
	for (unsigned i = 0; i < from->count && !m->why; i++) {
		m->moved[i] = m->to->code_bytes;
		if (relocate_is_call(&from->list[i]) && i + 1 < from->count)
			m->why = "its first bytes call and go on";
		else
			move_one(m, &from->list[i]);
	}
}

const char *relocate_move(const struct relocate_displaced *displaced, struct wire_plan_entry *entry)
{
	struct mover m = { .from = displaced, .to = entry };
	const struct relocate_instruction *last = &displaced->list[displaced->count - 1];
	entry->code_bytes = 0;
	entry->fixup_count = 0;
	move_all(&m);
	if (!m.why && relocate_falls_through(last) && !relocate_is_call(last)) {
		PUT(&m, 0xe9);
		put_relative(&m, displaced->end);
	}
	resolve_inner(&m);
	return m.why;
}
