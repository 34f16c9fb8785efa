/* SPDX-License-Identifier: MIT */
/*
 * image.h - an ELF file read for what identification needs: identity, bytes, symbols,
 * functions, and who refers to whom. Pure: it opens the file (and separate debug files)
 * and runs nothing. The file is hostile: no content of it makes this crash, hang or read
 * out of bounds. All addresses are module addresses (p_vaddr). x86-64 only so far.
 * 0 or -errno; outputs untouched on failure.
 */
#ifndef MEMWHY_IMAGE_H
#define MEMWHY_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct image;

/* -ENOEXEC: not an ELF file of this machine, or a damaged one. Cheap: maps the file and
 * reads its headers; what follows is done when it is first asked for. */
int image_open(const char *path, struct image **ret_image);
void image_close(struct image *im);

/* Hex digits of the build id note; where there is none "text-" and a hash of the executable
 * segments. 0 or -errno. */
#define IMAGE_ID_BYTES 72
int image_id(struct image *im, char ret_id[IMAGE_ID_BYTES]);
uint64_t image_low(const struct image *im);   /* lowest and highest address of its segments */
uint64_t image_high(const struct image *im);
/* n bytes as the file has them; NULL where not all of them are in one segment of it. */
const uint8_t *image_bytes(const struct image *im, uint64_t address, size_t n);
bool image_is_code(const struct image *im, uint64_t address);
/* Is this text anywhere in the segments? Faster than everything below. */
bool image_has_text(const struct image *im, const char *text);
/* The addresses at which it begins, ascending, max of them at most; those in code only where
 * data has none (old linkers keep read-only data in the segment of the code). Returns how many. */
size_t image_find_texts(const struct image *im, const char *text, uint64_t *ret_addresses, size_t max);

/* Defined functions and objects of .symtab, .dynsym, .gnu_debugdata and separate debug
 * files (by build id and debuglink, below /usr/lib/debug and beside the file). Each call
 * of fn: one symbol, in no order, perhaps twice. fn returns false to end it. */
struct image_symbol { const char *name; uint64_t address, size; bool function; };
typedef bool image_symbol_fn(void *arg, const struct image_symbol *s);
int image_symbols(struct image *im, image_symbol_fn *fn, void *arg);
/* Where the symbols came from, for people: ".symtab", "debug file", ...; "" for none. */
const char *image_symbol_source(struct image *im);

/* The file that is packed in .gnu_debugdata, which the caller frees. -ENOENT: none; -ENODATA:
 * damaged; -ENOMEM: larger than 256 MiB, or memory is short. */
int image_debugdata(struct image *im, void **ret_bytes, size_t *ret_size);

/* Functions by .eh_frame_hdr (DESIGN 4 rule 2), ascending by start. owner: the index of the
 * function that this one is a cold fragment of, else its own index. -ENODATA: no such table;
 * -EBADMSG: one that contradicts itself. */
struct image_function { uint64_t start, end; uint32_t owner; bool fragment; };
int image_functions(struct image *im, const struct image_function **ret_functions, size_t *ret_count);
/* Index of the function that contains address (fragments resolve to their owner), or -1. */
int64_t image_function_at(struct image *im, uint64_t address);
/* The start of that function. -ENOENT: none contains address. The text is looked through only
 * for a fragment's owner. */
int image_function_start(struct image *im, uint64_t address, uint64_t *ret_start);

/* One pass over the text (rule 3): references from a function (index, fragments resolved)
 * to an address. */
enum image_reference_kind { IMAGE_CALL, IMAGE_JUMP, IMAGE_TAKES /* lea, or a pointer in data */, IMAGE_DATA /* rip-relative */ };
struct image_reference { uint32_t from; uint8_t kind; uint64_t site, target; };
/* Sorted by target, then from. Thunks (jmp *GOT, jmp rel) and PLT stubs resolved away where
 * they end in this image. from = UINT32_MAX: a pointer in data. */
int image_references(struct image *im, const struct image_reference **ret_references, size_t *ret_count);

#endif
