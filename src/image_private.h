/* SPDX-License-Identifier: MIT */
/*
 * image_private.h - how the files image*.c share one image. What is computed on demand is
 * kept with the error of its first attempt: asking again costs nothing and says the same.
 * Segments ascend and don't overlap, and together they are no longer than twice the file:
 * whatever is proportional to them is bounded by the file's size.
 */
#ifndef MEMWHY_IMAGE_PRIVATE_H
#define MEMWHY_IMAGE_PRIVATE_H

#include "image.h"

#include <elf.h>
#include <string.h>

static inline uint32_t image_u32(const uint8_t *at)
{
	uint32_t v;
	memcpy(&v, at, sizeof v);
	return v;
}

static inline uint64_t image_u64(const uint8_t *at)
{
	uint64_t v;
	memcpy(&v, at, sizeof v);
	return v;
}

/* A set of addresses in one segment: a bit for each granule, and how many come before each
 * word, so that a member's index among all members is one popcount away. */
struct address_set {
	uint64_t low;
	uint64_t size;      /* granules */
	unsigned shift;     /* a granule is 1 << shift bytes */
	uint64_t *bits;
	uint32_t *ranks;    /* of members before each word, those of lower segments included */
};

struct image_segment {
	uint64_t address, end; /* in memory */
	uint64_t file_end;     /* up to here it comes from the file */
	const uint8_t *bytes;
	bool is_code;
	struct address_set starts; /* of functions; where is_code */
	struct address_set slots;  /* words that hold a pointer into this image */
};

/* Part of a file that is being read; bad once something did not fit. */
struct image_cursor {
	const uint8_t *at, *end;
	uint64_t address; /* of at */
	bool bad;
};

/* Any ELF file's bytes, as symbols are read from it: the image's own or a debug file's. */
struct elf_bytes { const uint8_t *bytes; size_t size; };

enum { IMAGE_NOT_YET = 1 }; /* instead of 0 or -errno */

struct image {
	char *path;
	struct elf_bytes file;
	bool is_fixed;         /* ET_EXEC: addresses stand in its code and data as they are */
	struct image_segment *segments;
	size_t segment_count;
	Elf64_Phdr *headers;   /* a copy: the file need not keep them aligned */
	size_t header_count;

	int slots_rc;
	uint64_t *slot_values; /* by index in the segments' slots */
	size_t slot_count;

	int functions_rc;
	struct image_function *functions;
	size_t function_count, fragment_count;

	int references_rc;
	uint32_t *resolved;    /* by function: where it leads when it is a thunk, else itself */
	struct image_reference *references;
	size_t reference_count;

	int symbols_rc;
	struct image_symbol_table *tables;
	size_t table_count;
};

/* image.c */
const struct image_segment *image_segment_at(const struct image *im, uint64_t address);
/* The first header of this type, or NULL. */
const Elf64_Phdr *image_header(const struct image *im, uint32_t type);
/* From address to the end of what the file has of its segment; bad when that is nothing. */
struct image_cursor image_cursor_at(const struct image *im, uint64_t address);

/* image_cursor.c. Each returns 0 and makes the cursor bad when there is too little. */
uint8_t cursor_u8(struct image_cursor *c);
uint16_t cursor_u16(struct image_cursor *c);
uint32_t cursor_u32(struct image_cursor *c);
uint64_t cursor_u64(struct image_cursor *c);
uint64_t cursor_uleb(struct image_cursor *c);
void cursor_skip(struct image_cursor *c, uint64_t bytes);
/* A pointer as .eh_frame encodes it (DW_EH_PE_*); base: what datarel is relative to. */
uint64_t cursor_encoded(struct image_cursor *c, uint8_t encoding, uint64_t base);

/* image_set.c */
int address_set_init(struct address_set *s, uint64_t low, uint64_t end, unsigned shift);
void address_set_finish(struct address_set *s);
void address_set_add(struct address_set *s, uint64_t address);
/* After the last add; before: members of lower segments. Returns that of the next segment. */
uint32_t address_set_rank(struct address_set *s, uint32_t before);

static inline bool address_set_has(const struct address_set *s, uint64_t address)
{
	uint64_t at = (address - s->low) >> s->shift; /* wraps when it is below */
	return at < s->size && s->bits[at / 64] >> at % 64 & 1;
}

/* How many members there are at or below address, which lies in the set's segment. */
static inline uint32_t address_set_upto(const struct address_set *s, uint64_t address)
{
	uint64_t at = (address - s->low) >> s->shift;
	uint64_t below = s->bits[at / 64] & (UINT64_MAX >> (63 - at % 64));
	return s->ranks[at / 64] + (uint32_t)__builtin_popcountll(below);
}

/* image_text.c: where needle begins in these bytes, from offset on; size when it does not. */
size_t text_find(struct elf_bytes in, const char *needle, size_t offset);

/* image_slots.c: the words that the loader fills with pointers into this image. */
int image_load_slots(struct image *im);
/* What the loader puts there, 0 for unknown or not of this image. */
uint64_t image_slot_value(const struct image *im, uint64_t slot);

/* image_fde.c: one frame description. */
struct image_fde { uint64_t start, bytes; bool fragment; };
struct image_cie { uint64_t address; uint8_t encoding; bool has_size; bool bad; };
/* cie: remembers the last one across calls; zeroed at first. */
bool image_read_fde(const struct image *im, uint64_t address, struct image_cie *cie, struct image_fde *ret_fde);

/* image_functions.c: without owners, which the references tell. */
int image_load_functions(struct image *im);
/* The index of the function that starts exactly there, or -1. */
int64_t image_start_at(const struct image *im, uint64_t address);
/* The index of the function or fragment around address, or -1. */
int64_t image_part_at(const struct image *im, uint64_t address);

/* image_thunks.c */
int image_resolve_thunks(struct image *im);
/* The function's start that a branch to address ends at, past stubs and thunks, or 0. */
uint64_t image_branch_end(const struct image *im, uint64_t address);

/* One pass over the text: image_sweep.c finds places, image_scan.c makes references of them. */
struct image_span { /* the function that is being swept */
	uint32_t index;
	uint64_t start, end;
	const uint8_t *bytes, *limit;
	const uint8_t *readable; /* the segment's end */
};
struct image_scan {
	struct image *im;
	uint64_t low, span;                /* of the image's addresses */
	const struct image_segment *home;  /* the segment that is being scanned */
	struct image_reference *items;
	size_t count, capacity;
	uint32_t *owners;  /* by part: the best owner so far */
	uint8_t *strength; /* and how good it is */
	int rc;
};
void image_scan_add(struct image_scan *s, uint32_t from, enum image_reference_kind kind, uint64_t site, uint64_t target);
/* at: a byte that may begin something, and four bytes behind it. */
void image_scan_place(struct image_scan *s, const struct image_span *f, const uint8_t *at);
void image_sweep_text(struct image_scan *s);

/* image_references.c */
int image_load_references(struct image *im);
/* image_sort.c: by target, then from, then site; all targets are in [low, low + 4 GiB). */
int image_sort_references(struct image_reference **items, size_t count, uint64_t low);

/* image_symbols.c. Each table is a section of one file: entries and names, checked. */
struct image_symbol_table {
	const uint8_t *symbols, *names;
	size_t symbol_bytes, names_bytes;
	const char *source;
	struct elf_bytes owned; /* mapped or allocated for this table, released with it */
	bool is_mapped;
};
int image_load_symbols(struct image *im);
void image_release_symbols(struct image *im);
/* The section with this name or, where name is NULL, this type. */
bool elf_find_section(struct elf_bytes e, const char *name, uint32_t type, Elf64_Shdr *ret_section);
const uint8_t *elf_at(struct elf_bytes e, uint64_t offset, uint64_t bytes);
int elf_build_id(struct elf_bytes e, const uint8_t **ret_id, size_t *ret_bytes);
/* image_debug.c */
int image_find_debug_file(struct image *im, struct elf_bytes *ret_file);
int image_unpack_debugdata(struct image *im, struct elf_bytes *ret_file);

/* image_file.c */
int image_map_file(const char *path, struct elf_bytes *ret_file);
void image_unmap_file(struct elf_bytes *file);

#endif
