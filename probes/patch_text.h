/* SPDX-License-Identifier: MIT */
/*
 * patch_text.h - reads and writes the program's text. System calls only; errno kept.
 */
#ifndef MEMWHY_PATCH_TEXT_H
#define MEMWHY_PATCH_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PATCH_JUMP_BYTES 5u

/* Copies what is at address; false where nothing is. */
bool patch_text_read(uint64_t address, void *ret_bytes, size_t n);
/* Exchanges the five bytes at address. Threads that arrive there run the old instructions or
 * the new one, never a mixture. A thread that stands between them, behind an instruction of
 * the old five bytes, is the caller's affair (patch.c says why there is none). 0 or -errno;
 * -EBUSY: several threads run and it can't be done safely. */
int patch_text_write(uint64_t address, const uint8_t bytes[PATCH_JUMP_BYTES]);

#endif
