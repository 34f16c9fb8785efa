/* SPDX-License-Identifier: MIT */
/*
 * fake_image.h - an image.h made of bytes in memory, for tests of what stands on it: only
 * bytes and functions.
 */
#ifndef MEMWHY_TESTS_FAKE_IMAGE_H
#define MEMWHY_TESTS_FAKE_IMAGE_H

#include "image.h"

struct image {
	uint64_t base;           /* module address of bytes[0] */
	const uint8_t *bytes;
	size_t size;
	const struct image_function *functions;
	size_t function_count;   /* 0: the file has no table */
};

#endif
