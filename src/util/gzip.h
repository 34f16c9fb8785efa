/* SPDX-License-Identifier: MIT */
/* gzip.h - bytes into a stream, packed as a gzip file (zlib). Errors are kept to the end. */
#ifndef MEMWHY_GZIP_H
#define MEMWHY_GZIP_H

#include <stdio.h>
#include <zlib.h>

struct gzip {
	z_stream z;
	FILE *out;      /* borrowed */
	int error;      /* 0 or -errno of the first thing that failed */
};
/* -ENOMEM; gzip_end() is only for one that began. */
int gzip_begin(struct gzip *g, FILE *out);
void gzip_put(struct gzip *g, const void *bytes, size_t size);
/* Writes what is left, frees. 0, or -errno of the first failure. */
int gzip_end(struct gzip *g);

#endif
