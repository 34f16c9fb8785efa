/* SPDX-License-Identifier: MIT */
/*
 * relocate.c - see relocate.h. What a 5-byte jump displaces are whole instructions, or the
 * last ones of a tiny function and the padding behind it.
 *
 * Nobody may jump into displaced bytes but displaced instructions themselves. The truth is
 * a decode of all instructions of the function, of its cold fragments (the loop of a small
 * function likes to begin in its prologue), and of any other function that seems to hold the
 * distance to these bytes (relocate_refer.h). Not seen: a pointer in data or a jump table that leads there.
 */
#include "relocate.h"

#include "relocate_move.h"

#include <errno.h>
#include <string.h>

#define INSTRUCTION_MAX 15u
#define SHORT_REACH     160u /* of a short branch, and more */

struct job {
	struct image *im;
	const struct image_function *functions;
	size_t count, index;
	uint64_t function;
	ZydisDecoder decoder;
	struct relocate_displaced displaced;
	const struct relocate_referrers *referrers;
};

_Static_assert(RELOCATE_WINDOW >= 4 + RELOCATE_JUMP_BYTES + INSTRUCTION_MAX, "what is displaced behind an endbr64");

static const char NO_TABLE[] = "the file has no table of functions";
static const char CANT_DECODE[] = "not all of its instructions can be decoded";

static bool decode(const struct job *j, const uint8_t *bytes, uint64_t n, uint64_t address,
		   struct relocate_instruction *ret_in)
{
	ret_in->address = address;
	ret_in->bytes = bytes;
	return ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(&j->decoder, NULL, bytes, n, &ret_in->d));
}

static bool find_function(struct job *j)
{
	size_t low = 0, high = j->count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (j->functions[mid].start < j->function)
			low = mid + 1;
		else
			high = mid;
	}
	j->index = low;
	return low < j->count && j->functions[low].start == j->function;
}

/* --- what is displaced -------------------------------------------------------- */

static bool is_padding(const struct job *j, uint64_t from, uint64_t to)
{
	struct relocate_instruction in;
	for (uint64_t at = from; at < to; at += in.d.length) {
		const uint8_t *p = image_bytes(j->im, at, 1);
		size_t n = INSTRUCTION_MAX;
		while (p && !image_bytes(j->im, at, n))
			n--;
		if (!p || !decode(j, p, n, at, &in))
			return false;
		if (in.d.mnemonic != ZYDIS_MNEMONIC_NOP && in.d.mnemonic != ZYDIS_MNEMONIC_INT3)
			return false;
	}
	return true;
}

/* A function that ends within the jump's bytes: what is behind it belongs to nobody? */
static const char *take_padding(struct job *j)
{
	struct relocate_displaced *d = &j->displaced;
	uint64_t end = d->start + RELOCATE_JUMP_BYTES;
	if (d->count == 0 || relocate_falls_through(&d->list[d->count - 1]))
		return "it is shorter than a jump";
	if (j->index + 1 < j->count && j->functions[j->index + 1].start < end)
		return "it is shorter than a jump, and another function follows";
	if (!is_padding(j, d->end, end))
		return "it is shorter than a jump, and something follows";
	d->end = end;
	return NULL;
}

static const char *take_instructions(struct job *j, const uint8_t *bytes, uint64_t n)
{
	struct relocate_displaced *d = &j->displaced;
	while (d->end - d->start < RELOCATE_JUMP_BYTES) {
		uint64_t at = d->end - j->function;
		struct relocate_instruction *in = &d->list[d->count];
		if (at == n)
			return take_padding(j);
		if (!decode(j, bytes + at, n - at, d->end, in))
			return "its first instructions can't be decoded";
		d->count++;
		d->end += in->d.length;
	}
	return NULL;
}

static const char *choose_displaced(struct job *j)
{
	static const uint8_t endbr64[] = { 0xf3, 0x0f, 0x1e, 0xfa };
	uint64_t n = j->functions[j->index].end - j->function;
	const uint8_t *bytes = image_bytes(j->im, j->function, n);
	if (!bytes || n == 0)
		return "its bytes are not in the file";
	/* The landing pad of indirect calls stays what and where it is. */
	bool pad = n > sizeof endbr64 && memcmp(bytes, endbr64, sizeof endbr64) == 0;
	j->displaced.start = j->displaced.end = j->function + (pad ? sizeof endbr64 : 0);
	return take_instructions(j, bytes, n);
}

/* --- who refers to it --------------------------------------------------------- */

/* What anybody may do to the first bytes: call the start, jump to it or take its address.
 * A jump of the function's own to its start is a loop: it would enter the hook with what
 * happens to be in the registers. */
static const char *check_instruction(const struct job *j, const struct relocate_instruction *in, bool own)
{
	const struct relocate_displaced *d = &j->displaced;
	uint64_t target = 0;
	if (in->address >= d->start && in->address < d->end)
		return NULL;
	if (!relocate_target(in, &target) || target < j->function || target >= d->end)
		return NULL;
	if (target > j->function && target != d->start)
		return own ? "it jumps back into its first bytes" : "another function refers to its first bytes";
	return own && relocate_is_branch(in) && !relocate_is_call(in) ? "it jumps back to its first byte" : NULL;
}

/* Others may hold what can't be decoded: what comes before it counts. */
static const char *check_body(const struct job *j, const struct image_function *f, bool own)
{
	struct relocate_instruction in;
	uint64_t n = f->end - f->start;
	const uint8_t *bytes = image_bytes(j->im, f->start, n);
	const char *why = bytes || !own ? NULL : "its bytes are not in the file";
	for (uint64_t at = 0; bytes && !why && at < n; at += in.d.length) {
		if (!decode(j, bytes + at, n - at, f->start + at, &in))
			return own ? CANT_DECODE : NULL;
		why = check_instruction(j, &in, own);
	}
	return why;
}

/* Near ones may use a short branch, which the filter does not see. */
static bool is_near(const struct job *j, const struct image_function *f)
{
	return f->start < j->displaced.end + SHORT_REACH && f->end + SHORT_REACH > j->function;
}

static const char *check_references(const struct job *j)
{
	const char *why = check_body(j, &j->functions[j->index], true);
	size_t at = 0;
	for (size_t i = 0; i < j->count && !why; i++) {
		bool own = j->functions[i].owner == j->index;
		if (i != j->index && (own || is_near(j, &j->functions[i])))
			why = check_body(j, &j->functions[i], own);
	}
	for (int64_t i; !why && (i = relocate_referrers_next(j->referrers, j->function, &at)) >= 0;) {
		const struct image_function *f = &j->functions[i];
		if (f->owner != j->index && !is_near(j, f))
			why = check_body(j, f, false);
	}
	return why;
}

/* --- all of it ---------------------------------------------------------------- */

static const char *plan(struct job *j, struct wire_plan_entry *e)
{
	const struct relocate_displaced *d = &j->displaced;
	const uint8_t *original = NULL;
	const char *why = j->functions[j->index].fragment ? "it is a part of another function" : choose_displaced(j);
	if (!why)
		why = check_references(j);
	if (!why)
		why = relocate_move(d, e);
	if (!why && !(original = image_bytes(j->im, d->start, d->end - d->start)))
		why = "its bytes are not in the file";
	if (why)
		return why;
	e->function = j->function;
	e->address = d->start;
	e->patch_bytes = (uint8_t)(d->end - d->start);
	memcpy(e->original, original, e->patch_bytes);
	return NULL;
}

int relocate_entry(struct image *im, uint64_t function, struct wire_plan_entry *ret_entry, const char **ret_why)
{
	struct relocate_referrers *referrers;
	int err = relocate_referrers_find(im, &function, 1, &referrers);
	if (err != 0) {
		if (ret_why)
			*ret_why = err == -ENOMEM ? "there is no memory" : NO_TABLE;
		return err;
	}
	err = relocate_entry_among(im, function, referrers, ret_entry, ret_why);
	relocate_referrers_free(referrers);
	return err;
}

int relocate_entry_among(struct image *im, uint64_t function, const struct relocate_referrers *referrers,
			 struct wire_plan_entry *ret_entry, const char **ret_why)
{
	struct job j = { .im = im, .function = function, .referrers = referrers };
	struct wire_plan_entry e = *ret_entry;
	const char *why = NULL;
	int err = image_functions(im, &j.functions, &j.count);
	if (err != 0)
		why = NO_TABLE;
	else if (!find_function(&j))
		why = "it is not the start of a function";
	else if (ZYAN_FAILED(ZydisDecoderInit(&j.decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64)))
		why = CANT_DECODE;
	else
		why = plan(&j, &e);
	if (!why)
		*ret_entry = e;
	else if (ret_why)
		*ret_why = why;
	return why ? (err != 0 ? err : -EOPNOTSUPP) : 0;
}
