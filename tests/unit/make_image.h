/* SPDX-License-Identifier: MIT */
/* A tiny ELF image, made by hand: six functions of which one is a fragment and one a thunk, a
 * stub, a relocated and a RELR pointer, a text and a variable. */
#ifndef MAKE_IMAGE_H
#define MAKE_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#define MADE_BYTES 0x2000u
#define MADE_SLOT 0xa00u     /* RELATIVE: MADE_TARGET */
#define MADE_POINTER 0xa08u  /* RELR: MADE_CALLER */
#define MADE_VARIABLE 0xa10u
#define MADE_TEXT 0xb00u     /* "<jemalloc>: made" */
#define MADE_CALLER 0x1000u  /* calls the target, jumps to the fragment */
#define MADE_TARGET 0x1040u  /* takes the text's address */
#define MADE_THUNK 0x1080u   /* jumps to the target */
#define MADE_USER 0x10c0u    /* calls thunk, slot and stub */
#define MADE_FRAGMENT 0x1100u /* of the caller; calls the user */
#define MADE_LOADER 0x1140u  /* loads the slot, compares the variable */
#define MADE_STUB 0x1200u    /* no function: endbr64; bnd jmp *slot */

void make_image(uint8_t bytes[MADE_BYTES]);

/* A larger one: functions of the same size in a row, and who calls whom. */
struct made_call { unsigned from, to; };
struct made_graph {
	unsigned functions, function_bytes; /* 64 bytes hold nine calls and a text */
	const struct made_call *calls;
	unsigned call_count;
	const char *text;                   /* its users */
	const unsigned *users;
	unsigned user_count;
	const unsigned *pointers;           /* functions that data points to */
	unsigned pointer_count;
};
/* Allocated. */
uint8_t *make_graph(const struct made_graph *g, size_t *ret_size);
uint64_t made_start(const struct made_graph *g, unsigned function);
/* A descriptor of a file in memory, and a name under which it can be opened. */
int make_file(const void *bytes, size_t size, char ret_path[64]);

#endif
