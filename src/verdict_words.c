/* SPDX-License-Identifier: MIT */
/* See verdict_words.h. */
#include "verdict_words.h"

#include "top.h"
#include "verdict_help.h"

#include <stdio.h>
#include <string.h>

#define NAME_COLUMNS 60

/* "41.0 MiB", sampled "41.0 MiB +- 1.2 MiB". */
static void put_bytes(FILE *f, const struct verdict_holder *h)
{
	fputs(BYTES_TEXT(h->bytes), f);
	if (h->error_bytes > 0)
		fprintf(f, " +- %s", BYTES_TEXT(h->error_bytes));
}

static void put_pinned(FILE *f, const struct verdict_holder *h, bool first)
{
	fprintf(f, "%s of ", BYTES_TEXT(h->live_bytes));
	top_print_name(f, h->function, NAME_COLUMNS, true);
	fputs(first ? " survivors pin " : " survivors ", f);
	put_bytes(f, h);
}

static void put_live(FILE *f, const struct verdict_holder *h, bool first)
{
	top_print_name(f, h->function, NAME_COLUMNS, true);
	fputs(first ? " holds " : " ", f);
	put_bytes(f, h);
	fputs(first ? " of live data" : "", f);
}

static void put_rounding(FILE *f, const struct verdict_holder *h, bool first)
{
	fprintf(f, "%s of ", BYTES_TEXT(h->live_bytes));
	top_print_name(f, h->function, NAME_COLUMNS, true);
	fputs(first ? " cost another " : " ", f);
	put_bytes(f, h);
}

typedef void put_fn(FILE *f, const struct verdict_holder *h, bool first);
static put_fn *const put_of[] = {
	[VERDICT_WHO_LIVE] = put_live, [VERDICT_WHO_PINNED] = put_pinned, [VERDICT_WHO_ROUNDING] = put_rounding,
};

void verdict_holders_text(const struct verdict_finding *f, char ret_text[VERDICT_HOLDERS_TEXT])
{
	FILE *out = fmemopen(ret_text, VERDICT_HOLDERS_TEXT, "w");
	*ret_text = 0;
	if (!out)
		return;
	for (unsigned i = 0; i < f->holder_count; i++) {
		fputs(i ? "; " : "", out);
		put_of[f->who](out, &f->holders[i], !i);
	}
	fclose(out);
	ret_text[VERDICT_HOLDERS_TEXT - 1] = 0;
}
