/* SPDX-License-Identifier: MIT */
/* shadow_writer.h - plays the probe for tests: writes a shadow by the rules of wire.h,
 * written from the contract alone and sharing no code with the probe. */
#ifndef MEMWHY_TESTS_SHADOW_WRITER_H
#define MEMWHY_TESTS_SHADOW_WRITER_H

#include "wire.h"

struct shadow_writer {
	int fd;
	unsigned char *base;
	struct wire_control *control;
	struct wire_thread *threads;
};
/* Aborts on failure, as all of these. The file's name is that of the collector's. */
void shadow_writer_init(struct shadow_writer *w);
/* Unmaps and closes fd unless it was set to -1. */
void shadow_writer_finish(struct shadow_writer *w);
unsigned char *shadow_writer_leaf(struct shadow_writer *w, uint64_t address);
void shadow_writer_alloc(struct shadow_writer *w, uint64_t address, uint64_t requested, uint64_t footprint);
void shadow_writer_free(struct shadow_writer *w, uint64_t address);
void shadow_writer_event(struct shadow_writer *w, uint32_t kind, uint64_t address, uint64_t length, uint64_t arg);
uint8_t *shadow_writer_flags(struct shadow_writer *w, uint64_t address);

#endif
