/* SPDX-License-Identifier: MIT */
/*
 * unwind_cfi.c - from .eh_frame_hdr to the rule for one address. The formats are those of
 * the Linux Standard Base (Core, "Exception Frames") and of DWARF 5, 6.4.
 *
 * A function's entry (FDE) and what it has in common with others (CIE) hold a program that
 * builds the rules row by row; it is run up to the address. Only what the walk needs is
 * kept: the CFA, rbp, the return address. Every read is checked against the segment.
 */
#include "unwind_private.h"

#include <string.h>

#define REG_BP 6u
#define REG_SP 7u
#define REG_RA 16u
#define REMEMBERED 4u

/* ---- reading --------------------------------------------------------------------- */

struct reader { const uint8_t *at, *end; bool bad; };

static uint64_t take_bytes(struct reader *r, size_t bytes)
{
	uint64_t value = 0;
	if ((size_t)(r->end - r->at) < bytes) {
		r->bad = true;
		r->at = r->end;
		return 0;
	}
	memcpy(&value, r->at, bytes);
	r->at += bytes;
	return value;
}

static uint64_t take_uleb(struct reader *r)
{
	uint64_t value = 0;
	for (unsigned shift = 0;; shift += 7) {
		uint64_t byte = take_bytes(r, 1);
		if (shift < 64)
			value |= (byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return value;
	}
}

static int64_t take_sleb(struct reader *r)
{
	uint64_t value = 0, byte;
	unsigned shift = 0;
	do {
		byte = take_bytes(r, 1);
		if (shift < 64)
			value |= (byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80);
	return (int64_t)(shift < 64 && byte & 0x40 ? value | ~0ull << shift : value);
}

static int64_t take_signed(struct reader *r, size_t bytes)
{
	uint64_t value = take_bytes(r, bytes);
	unsigned shift = 64 - 8 * (unsigned)bytes;
	return (int64_t)(value << shift) >> shift;
}

/* A pointer in one of the DW_EH_PE_* encodings; 0xff: there is none. */
static uint64_t take_pointer(struct reader *r, uint8_t encoding, uint64_t data_base)
{
	uint64_t place = (uint64_t)(uintptr_t)r->at, value;
	if (encoding == 0xff)
		return 0;
	switch (encoding & 0x0f) {
	case 0x00: case 0x04: case 0x0c: value = take_bytes(r, 8); break;
	case 0x01: value = take_uleb(r); break;
	case 0x02: value = take_bytes(r, 2); break;
	case 0x03: value = take_bytes(r, 4); break;
	case 0x09: value = (uint64_t)take_sleb(r); break;
	case 0x0a: value = (uint64_t)take_signed(r, 2); break;
	case 0x0b: value = (uint64_t)take_signed(r, 4); break;
	default: r->bad = true; return 0;
	}
	switch (encoding & 0x70) {
	case 0x00: return value;
	case 0x10: return place + value;
	case 0x30: return data_base + value;
	default: r->bad = true; return 0;
	}
}

/* A reader of [at, high), empty when that is not inside the segment. */
static struct reader reader_at(const struct unwind_module *m, uintptr_t at)
{
	if (at < m->low || at >= m->high)
		return (struct reader){ NULL, NULL, true };
	return (struct reader){ (const uint8_t *)at, (const uint8_t *)m->high, false };
}

/* ---- finding the entry ----------------------------------------------------------- */

struct row { int32_t start, entry; }; /* of the header's table, relative to the header */

/* The last row that begins at or before the address. */
static uintptr_t search(const struct row *rows, uint64_t count, uintptr_t header, uintptr_t address)
{
	uint64_t low = 0, high = count;
	while (low < high) {
		uint64_t middle = low + (high - low) / 2;
		if (header + (uintptr_t)(intptr_t)rows[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? header + (uintptr_t)(intptr_t)rows[low - 1].entry : 0;
}

/* The FDE that may cover the address; 0: none, or a table of an unknown kind. */
static uintptr_t find_entry(const struct unwind_module *m, uintptr_t address)
{
	struct reader r = reader_at(m, m->header);
	uint8_t version = (uint8_t)take_bytes(&r, 1), frame = (uint8_t)take_bytes(&r, 1);
	uint8_t count_encoding = (uint8_t)take_bytes(&r, 1), table = (uint8_t)take_bytes(&r, 1);
	take_pointer(&r, frame, m->header);
	uint64_t count = take_pointer(&r, count_encoding, m->header);
	if (r.bad || version != 1 || count_encoding == 0xff || table != 0x3b || (uintptr_t)r.at % 4 ||
	    count > (size_t)(r.end - r.at) / sizeof(struct row))
		return 0;
	return search((const struct row *)(const void *)r.at, count, m->header, address);
}

/* ---- common part and entry --------------------------------------------------------- */

struct common {
	uint64_t code_align;
	int64_t data_align;
	uint8_t encoding;
	bool signal, sized;    /* sized: entries have augmentation data, with its length in front */
	struct reader program;
};

/* The record's length field is read, and the reader ends where the record does. */
static bool open_record(struct reader *r)
{
	uint64_t bytes = take_bytes(r, 4);
	if (r->bad || bytes == 0 || bytes == 0xffffffff || bytes > (size_t)(r->end - r->at))
		return false;
	r->end = r->at + bytes;
	return true;
}

static bool read_augmentation(struct reader *r, const char *text, struct common *ret)
{
	ret->sized = *text == 'z';
	if (*text && !ret->sized)
		return false;
	uint64_t bytes = ret->sized ? take_uleb(r) : 0;
	if (bytes > (size_t)(r->end - r->at))
		return false;
	struct reader data = { r->at, r->at + bytes, r->bad };
	r->at += bytes;
	for (text += ret->sized; *text; text++)
		switch (*text) {
		case 'R': ret->encoding = (uint8_t)take_bytes(&data, 1); break;
		case 'L': take_bytes(&data, 1); break;
		case 'P': take_pointer(&data, (uint8_t)(take_bytes(&data, 1) & 0x7f), 0); break;
		case 'S': ret->signal = true; break;
		default: break; /* the rest is of no interest, and its end is known */
		}
	return !data.bad;
}

static bool read_common(const struct unwind_module *m, uintptr_t at, struct common *ret)
{
	struct reader r = reader_at(m, at);
	*ret = (struct common){ 0 };
	if (!open_record(&r) || take_bytes(&r, 4) != 0)
		return false;
	uint8_t version = (uint8_t)take_bytes(&r, 1);
	const char *text = (const char *)r.at;
	while (take_bytes(&r, 1) != 0)
		;
	ret->code_align = take_uleb(&r);
	ret->data_align = take_sleb(&r);
	uint64_t return_register = version == 1 ? take_bytes(&r, 1) : take_uleb(&r);
	if (r.bad || (version != 1 && version != 3) || return_register != REG_RA || !read_augmentation(&r, text, ret))
		return false;
	ret->program = r;
	return !r.bad;
}

/* The entry's common part and program, if it covers the address; *ret_start: where it begins. */
static bool read_entry(const struct unwind_module *m, uintptr_t at, uintptr_t address, struct common *ret,
		       struct reader *ret_program, uint64_t *ret_start)
{
	struct reader r = reader_at(m, at);
	if (!open_record(&r))
		return false;
	uintptr_t field = (uintptr_t)r.at;
	uint64_t back = take_bytes(&r, 4);
	if (!back || !read_common(m, field - back, ret))
		return false;
	*ret_start = take_pointer(&r, ret->encoding, m->header);
	uint64_t bytes = take_pointer(&r, ret->encoding & 0x0f, 0);
	uint64_t skipped = ret->sized ? take_uleb(&r) : 0;
	if (r.bad || skipped > (size_t)(r.end - r.at) || address - *ret_start >= bytes)
		return false;
	r.at += skipped;
	*ret_program = r;
	return true;
}

/* ---- the program ------------------------------------------------------------------- */

enum save { SAVE_NONE, SAVE_UNDEFINED, SAVE_AT_CFA, SAVE_AT_BP, SAVE_OTHER };
struct saved { enum save how; int32_t offset; };
struct state { /* kept small: some are on a stack that may be */
	const uint8_t *expression;   /* of the CFA; NULL: register + offset */
	uint64_t expression_bytes;
	int64_t cfa_offset;
	uint64_t cfa_register;
	struct saved bp, ra;
};
struct machine {
	const struct common *common;
	struct state now, first, kept[REMEMBERED];
	unsigned depth;
	uint64_t place, address;
	bool bad;
};

static struct saved *saved_of(struct state *s, uint64_t reg)
{
	return reg == REG_BP ? &s->bp : reg == REG_RA ? &s->ra : NULL;
}

static void set_saved(struct machine *m, uint64_t reg, enum save how, int64_t offset)
{
	struct saved *s = saved_of(&m->now, reg);
	if (s)
		*s = (struct saved){ offset == (int32_t)offset ? how : SAVE_OTHER, (int32_t)offset };
}

static void restore(struct machine *m, uint64_t reg)
{
	struct saved *s = saved_of(&m->now, reg);
	if (s)
		*s = *saved_of(&m->first, reg);
}

static void define_cfa(struct machine *m, uint64_t reg, int64_t offset)
{
	m->now.cfa_register = reg;
	m->now.cfa_offset = offset;
	m->now.expression = NULL;
}

static void remember(struct machine *m)
{
	if (m->depth == REMEMBERED)
		m->bad = true;
	else
		m->kept[m->depth++] = m->now;
}

static void recall(struct machine *m)
{
	if (m->depth == 0)
		m->bad = true;
	else
		m->now = m->kept[--m->depth];
}

/* rbp of a function that aligned its stack: `rbp + offset`, as DW_OP_breg6. */
static void save_by_expression(struct machine *m, uint64_t reg, const uint8_t *at, uint64_t bytes)
{
	struct reader e = { at, at + bytes, false };
	bool by_bp = take_bytes(&e, 1) == 0x70 + REG_BP;
	int64_t offset = take_sleb(&e);
	set_saved(m, reg, by_bp && !e.bad && e.at == e.end ? SAVE_AT_BP : SAVE_OTHER, offset);
}

/* Operands of the DW_CFA_* instructions: u(leb), s(leb), 1, 2, 4 bytes, a: an address, e: a
 * block. NULL: unknown; its length can't be told. */
static const char *const operands[0x30] = {
	[0x00] = "", [0x01] = "a", [0x02] = "1", [0x03] = "2", [0x04] = "4", [0x05] = "uu", [0x06] = "u",
	[0x07] = "u", [0x08] = "u", [0x09] = "uu", [0x0a] = "", [0x0b] = "", [0x0c] = "uu", [0x0d] = "u",
	[0x0e] = "u", [0x0f] = "e", [0x10] = "ue", [0x11] = "us", [0x12] = "us", [0x13] = "s",
	[0x14] = "uu", [0x15] = "us", [0x16] = "ue", [0x2e] = "u", [0x2f] = "uu",
};

static uint64_t take_operand(struct reader *r, char kind, uint8_t encoding, const uint8_t **ret_block)
{
	uint64_t bytes;
	switch (kind) {
	case 'u': return take_uleb(r);
	case 's': return (uint64_t)take_sleb(r);
	case 'a': return take_pointer(r, encoding, 0);
	case 'e':
		bytes = take_uleb(r);
		*ret_block = r->at;
		if (bytes > (size_t)(r->end - r->at))
			r->bad = true;
		else
			r->at += bytes;
		return bytes;
	default: return take_bytes(r, (size_t)(kind - '0'));
	}
}

static void apply(struct machine *m, uint8_t op, const uint64_t v[2], const uint8_t *block)
{
	int64_t align = m->common->data_align;
	switch (op) {
	case 0x01: m->place = v[0]; break;
	case 0x02: case 0x03: case 0x04: m->place += v[0] * m->common->code_align; break;
	case 0x05: set_saved(m, v[0], SAVE_AT_CFA, (int64_t)v[1] * align); break;
	case 0x06: restore(m, v[0]); break;
	case 0x07: set_saved(m, v[0], SAVE_UNDEFINED, 0); break;
	case 0x08: set_saved(m, v[0], SAVE_NONE, 0); break;
	case 0x0a: remember(m); break;
	case 0x0b: recall(m); break;
	case 0x0c: define_cfa(m, v[0], (int64_t)v[1]); break;
	case 0x0d: m->now.cfa_register = v[0]; break;
	case 0x0e: m->now.cfa_offset = (int64_t)v[0]; break;
	case 0x0f: m->now.expression = block; m->now.expression_bytes = v[0]; break;
	case 0x10: save_by_expression(m, v[0], block, v[1]); break;
	case 0x11: set_saved(m, v[0], SAVE_AT_CFA, (int64_t)v[1] * align); break;
	case 0x12: define_cfa(m, v[0], (int64_t)v[1] * align); break;
	case 0x13: m->now.cfa_offset = (int64_t)v[0] * align; break;
	case 0x09: case 0x14: case 0x15: case 0x16: set_saved(m, v[0], SAVE_OTHER, 0); break;
	case 0x2f: set_saved(m, v[0], SAVE_AT_CFA, -(int64_t)v[1] * align); break;
	default: break; /* nop, and the size of arguments */
	}
}

/* The three short forms hold an operand in their own byte. */
static void run_one(struct machine *m, struct reader *r)
{
	uint8_t byte = (uint8_t)take_bytes(r, 1), low = byte & 0x3f, op = byte >> 6 ? 0 : byte;
	uint64_t v[2] = { 0, 0 };
	const uint8_t *block = NULL;
	if (byte >> 6 == 1) {
		m->place += low * m->common->code_align;
	} else if (byte >> 6 == 2) {
		set_saved(m, low, SAVE_AT_CFA, (int64_t)take_uleb(r) * m->common->data_align);
	} else if (byte >> 6 == 3) {
		restore(m, low);
	} else if (op < sizeof operands / sizeof *operands && operands[op]) {
		for (int i = 0; operands[op][i]; i++)
			v[i] = take_operand(r, operands[op][i], m->common->encoding, &block);
		if (!r->bad)
			apply(m, op, v, block);
	} else {
		m->bad = true;
	}
	m->bad |= r->bad;
}

/* A row holds from its place on, so that what moves past the address ends the program. */
static void run(struct machine *m, struct reader program)
{
	while (program.at < program.end && !m->bad && m->place <= m->address)
		run_one(m, &program);
}

/* ---- the rule ---------------------------------------------------------------------- */

static bool make_bp(const struct saved *bp, enum unwind_bp *ret, int16_t *ret_words)
{
	if (bp->how == SAVE_OTHER || bp->offset % 8 || bp->offset < -0x30000 || bp->offset > 0x30000)
		return false;
	*ret = bp->how == SAVE_AT_CFA ? BP_AT_CFA : bp->how == SAVE_AT_BP ? BP_AT_BP : BP_SAME;
	*ret_words = (int16_t)(bp->offset / 8);
	return true;
}

/* CFA = *(rbp + offset): DW_OP_breg6, DW_OP_deref. */
static bool is_bp_load(const struct state *s, int64_t *ret_offset)
{
	struct reader e = { s->expression, s->expression + s->expression_bytes, false };
	bool by_bp = take_bytes(&e, 1) == 0x70 + REG_BP;
	*ret_offset = take_sleb(&e);
	return take_bytes(&e, 1) == 0x06 && by_bp && !e.bad && e.at == e.end;
}

/* A PLT's: rsp + 8, and 8 more behind the push at `limit` of each 16 bytes. */
static bool is_plt(const struct state *s, uint64_t address, int64_t *ret_offset)
{
	static const uint8_t form[] = { 0x77, 8, 0x80, 0, 0x3f, 0x1a, 0, 0x2a, 0x33, 0x24, 0x22 };
	uint8_t seen[sizeof form];
	if (s->expression_bytes != sizeof form)
		return false;
	memcpy(seen, s->expression, sizeof seen);
	uint8_t limit = (uint8_t)(seen[6] - 0x30); /* DW_OP_lit0 */
	seen[6] = 0;
	*ret_offset = 8 + ((address & 15) >= limit ? 8 : 0);
	return limit < 16 && memcmp(seen, form, sizeof form) == 0;
}

static enum unwind_kind make_cfa(const struct state *s, uint64_t address, int64_t *ret_offset)
{
	*ret_offset = s->cfa_offset;
	if (s->expression)
		return is_bp_load(s, ret_offset) ? RULE_BP_LOAD : is_plt(s, address, ret_offset) ? RULE_SP : RULE_NO_TABLES;
	return s->cfa_register == REG_SP ? RULE_SP : s->cfa_register == REG_BP ? RULE_BP : RULE_NO_TABLES;
}

static uint64_t make_rule(const struct state *s, uint64_t address)
{
	enum unwind_bp bp;
	int16_t words;
	int64_t offset;
	if (s->ra.how == SAVE_UNDEFINED)
		return rule_make(RULE_OUTERMOST, 0, BP_SAME, 0);
	enum unwind_kind kind = make_cfa(s, address, &offset);
	if (kind == RULE_NO_TABLES || s->ra.how != SAVE_AT_CFA || s->ra.offset != -8 || offset != (int32_t)offset ||
	    !make_bp(&s->bp, &bp, &words))
		return rule_make(RULE_NO_TABLES, 0, BP_SAME, 0);
	return rule_make(kind, (int32_t)offset, bp, words);
}

uint64_t unwind_cfi_rule(const struct unwind_module *module, uintptr_t address)
{
	struct common common;
	struct reader program;
	struct machine m = { .common = &common, .address = address };
	uintptr_t entry = find_entry(module, address);
	if (!entry || !read_entry(module, entry, address, &common, &program, &m.place))
		return rule_make(RULE_NO_TABLES, 0, BP_SAME, 0);
	if (common.signal)
		return rule_make(RULE_SIGNAL, 0, BP_SAME, 0);
	run(&m, common.program);
	m.first = m.now;
	run(&m, program);
	return m.bad ? rule_make(RULE_NO_TABLES, 0, BP_SAME, 0) : make_rule(&m.now, address);
}
