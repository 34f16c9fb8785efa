/* SPDX-License-Identifier: MIT */
/* fake_image.c - see fake_image.h. */
#include "fake_image.h"

#include <errno.h>

const uint8_t *image_bytes(const struct image *im, uint64_t address, size_t n)
{
	if (address < im->base || address - im->base > im->size || n > im->size - (address - im->base))
		return NULL;
	return im->bytes + (address - im->base);
}

int image_functions(struct image *im, const struct image_function **ret_functions, size_t *ret_count)
{
	if (im->function_count == 0)
		return -ENODATA;
	*ret_functions = im->functions;
	*ret_count = im->function_count;
	return 0;
}
