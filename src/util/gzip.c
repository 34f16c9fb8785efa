/* SPDX-License-Identifier: MIT */
/* A deflate stream with gzip's header; see gzip.h. */
#include "util/gzip.h"

#include <errno.h>

#define WINDOW_GZIP (15 + 16) /* zlib's largest window, and 16 for the gzip header */
#define MEMORY_LEVEL 8        /* zlib's default */

int gzip_begin(struct gzip *g, FILE *out)
{
	*g = (struct gzip){ .out = out };
	return deflateInit2(&g->z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, WINDOW_GZIP, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) == Z_OK
		? 0 : -ENOMEM;
}

static void drain(struct gzip *g, int flush)
{
	unsigned char packed[16384];
	do {
		g->z.next_out = packed;
		g->z.avail_out = sizeof packed;
		deflate(&g->z, flush);
		size_t n = sizeof packed - g->z.avail_out;
		errno = 0;
		if (!g->error && fwrite(packed, 1, n, g->out) != n)
			g->error = errno ? -errno : -EIO;
	} while (!g->z.avail_out);
}

/* zlib counts in unsigned int: pieces. */
void gzip_put(struct gzip *g, const void *bytes, size_t size)
{
	const unsigned char *from = bytes;
	while (size) {
		size_t piece = size < 1u << 30 ? size : 1u << 30;
		g->z.next_in = (unsigned char *)from;
		g->z.avail_in = (unsigned)piece;
		drain(g, Z_NO_FLUSH);
		from += piece;
		size -= piece;
	}
}

int gzip_end(struct gzip *g)
{
	drain(g, Z_FINISH);
	deflateEnd(&g->z);
	return g->error;
}
