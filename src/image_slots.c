/* SPDX-License-Identifier: MIT */
/*
 * The words of the image that hold pointers into the image: those the loader relocates (GOT
 * entries, tables of functions, RELR) and, in a program with fixed addresses, every word of
 * data that looks like one. Kept as bits with ranks beside an array of values: two walks over
 * the relocations and no sorting.
 */
#include "image_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct dynamic {
	uint64_t rela, rela_bytes, jmprel, jmprel_bytes, relr, relr_bytes, symbols;
};

typedef void slot_fn(struct image *im, uint64_t slot, uint64_t value);

/* The word of d that this tag is kept in, or NULL. */
static uint64_t *dynamic_field(struct dynamic *d, int64_t tag)
{
	switch (tag) {
	case DT_RELA: return &d->rela;
	case DT_RELASZ: return &d->rela_bytes;
	case DT_JMPREL: return &d->jmprel;
	case DT_PLTRELSZ: return &d->jmprel_bytes;
	case 36 /* DT_RELR */: return &d->relr;
	case 35 /* DT_RELRSZ */: return &d->relr_bytes;
	case DT_SYMTAB: return &d->symbols;
	default: return NULL;
	}
}

static struct dynamic read_dynamic(const struct image *im)
{
	struct dynamic d = { 0 };
	const Elf64_Phdr *ph = image_header(im, PT_DYNAMIC);
	struct image_cursor c = ph ? image_cursor_at(im, ph->p_vaddr) : (struct image_cursor){ .bad = true };
	while (!c.bad) {
		int64_t tag = (int64_t)cursor_u64(&c);
		uint64_t value = cursor_u64(&c);
		uint64_t *field = dynamic_field(&d, tag);
		if (tag == DT_NULL)
			break;
		if (field && !c.bad)
			*field = value;
	}
	return d;
}

/* Where a symbol of this image lies; 0: elsewhere, or only its resolver knows. */
static uint64_t symbol_address(const struct image *im, const struct dynamic *d, uint32_t index)
{
	Elf64_Sym s;
	const uint8_t *at = d->symbols ? image_bytes(im, d->symbols + (uint64_t)index * sizeof s, sizeof s) : NULL;
	if (!at)
		return 0;
	memcpy(&s, at, sizeof s);
	unsigned type = ELF64_ST_TYPE(s.st_info);
	return s.st_shndx == SHN_UNDEF || type == STT_TLS || type == STT_GNU_IFUNC ? 0 : s.st_value;
}

static uint64_t relocated_value(const struct image *im, const struct dynamic *d, uint64_t info, uint64_t addend)
{
	uint64_t symbol;
	switch (ELF64_R_TYPE(info)) {
	case R_X86_64_RELATIVE:
		return addend;
	case R_X86_64_64:
		symbol = symbol_address(im, d, (uint32_t)ELF64_R_SYM(info));
		return symbol ? symbol + addend : 0;
	case R_X86_64_GLOB_DAT: case R_X86_64_JUMP_SLOT:
		return symbol_address(im, d, (uint32_t)ELF64_R_SYM(info));
	default:
		return 0;
	}
}

static void walk_rela(struct image *im, const struct dynamic *d, uint64_t address, uint64_t bytes, slot_fn *fn)
{
	struct image_cursor c = image_cursor_at(im, address);
	for (uint64_t n = bytes / sizeof(Elf64_Rela); n && !c.bad; n--) {
		uint64_t slot = cursor_u64(&c), info = cursor_u64(&c), addend = cursor_u64(&c);
		if (!c.bad)
			fn(im, slot, relocated_value(im, d, info, addend));
	}
}

static void emit_in_place(struct image *im, uint64_t slot, slot_fn *fn)
{
	const uint8_t *at = image_bytes(im, slot, 8);
	if (at)
		fn(im, slot, image_u64(at));
}

/* RELR: an even word is a place; an odd one tells which of the next 63 words are, too. */
static void walk_relr(struct image *im, const struct dynamic *d, slot_fn *fn)
{
	struct image_cursor c = image_cursor_at(im, d->relr);
	uint64_t next = 0;
	for (uint64_t n = d->relr_bytes / 8; n && !c.bad; n--) {
		uint64_t word = cursor_u64(&c);
		if (!(word & 1)) {
			emit_in_place(im, word, fn);
			next = word + 8;
			continue;
		}
		for (uint64_t bits = word >> 1; bits; bits &= bits - 1)
			emit_in_place(im, next + 8 * (uint64_t)__builtin_ctzll(bits), fn);
		next += 63 * 8;
	}
}

/* A program with fixed addresses needs no relocation: any word may be a pointer. */
static void walk_words(struct image *im, slot_fn *fn)
{
	for (size_t i = 0; i < im->segment_count; i++) {
		const struct image_segment *s = &im->segments[i];
		uint64_t from = (s->address + 7) & ~7ull;
		for (uint64_t a = from; !s->is_code && a < s->file_end && s->file_end - a >= 8; a += 8)
			fn(im, a, image_u64(s->bytes + (a - s->address)));
	}
}

static void walk(struct image *im, const struct dynamic *d, slot_fn *fn)
{
	if (im->is_fixed)
		walk_words(im, fn);
	walk_relr(im, d, fn);
	walk_rela(im, d, d->rela, d->rela_bytes, fn);
	walk_rela(im, d, d->jmprel, d->jmprel_bytes, fn);
}

static bool is_inside(const struct image *im, uint64_t value)
{
	return value >= image_low(im) && value < image_high(im) && value;
}

static void note_slot(struct image *im, uint64_t slot, uint64_t value)
{
	const struct image_segment *s = image_segment_at(im, slot);
	if (s && slot % 8 == 0 && is_inside(im, value))
		address_set_add((struct address_set *)(uintptr_t)&s->slots, slot);
}

static void fill_slot(struct image *im, uint64_t slot, uint64_t value)
{
	const struct image_segment *s = image_segment_at(im, slot);
	if (s && slot % 8 == 0 && is_inside(im, value) && address_set_has(&s->slots, slot))
		im->slot_values[address_set_upto(&s->slots, slot) - 1] = value;
}

static int make_sets(struct image *im)
{
	for (size_t i = 0; i < im->segment_count; i++) {
		struct image_segment *s = &im->segments[i];
		int rc = address_set_init(&s->slots, s->address & ~7ull, s->file_end, 3);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int load(struct image *im)
{
	struct dynamic d = read_dynamic(im);
	int rc = make_sets(im);
	if (rc < 0)
		return rc;
	walk(im, &d, note_slot);
	uint32_t count = 0;
	for (size_t i = 0; i < im->segment_count; i++)
		count = address_set_rank(&im->segments[i].slots, count);
	im->slot_count = count;
	im->slot_values = calloc(count ? count : 1, sizeof *im->slot_values);
	if (!im->slot_values)
		return -ENOMEM;
	walk(im, &d, fill_slot);
	return 0;
}

int image_load_slots(struct image *im)
{
	if (im->slots_rc == IMAGE_NOT_YET)
		im->slots_rc = load(im);
	return im->slots_rc;
}

uint64_t image_slot_value(const struct image *im, uint64_t slot)
{
	const struct image_segment *s = image_segment_at(im, slot);
	if (!s || slot % 8 || !address_set_has(&s->slots, slot))
		return 0;
	return im->slot_values[address_set_upto(&s->slots, slot) - 1];
}
