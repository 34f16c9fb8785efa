/* SPDX-License-Identifier: MIT */
/* A CSV writer; see csv.h. */
#include "util/csv.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

void csv_init(struct csv *c, FILE *out)
{
	*c = (struct csv){ .out = out };
}

static void begin_field(struct csv *c)
{
	if (c->started)
		putc_unlocked(',', c->out);
	c->started = true;
}

void csv_integer(struct csv *c, int64_t value)
{
	begin_field(c);
	fprintf(c->out, "%" PRId64, value);
}

void csv_unsigned(struct csv *c, uint64_t value)
{
	begin_field(c);
	fprintf(c->out, "%" PRIu64, value);
}

void csv_hex(struct csv *c, uint64_t value)
{
	begin_field(c);
	fprintf(c->out, "0x%" PRIx64, value);
}

void csv_text(struct csv *c, const char *text)
{
	begin_field(c);
	if (!text[strcspn(text, ",\"\r\n")]) {
		fputs(text, c->out);
		return;
	}
	fputc('"', c->out);
	for (; *text; text++) {
		if (*text == '"')
			fputc('"', c->out);
		fputc(*text, c->out);
	}
	fputc('"', c->out);
}

void csv_empty(struct csv *c)
{
	begin_field(c);
}

void csv_integer_or_empty(struct csv *c, int64_t value, bool had)
{
	if (had)
		csv_integer(c, value);
	else
		csv_empty(c);
}

int csv_end_line(struct csv *c)
{
	c->started = false;
	errno = 0;
	if (fputs("\r\n", c->out) >= 0 && !ferror(c->out))
		return 0;
	return errno ? -errno : -EIO;
}
