/* SPDX-License-Identifier: MIT */
/* /proc/PID/smaps, one mapping at a time. Fields come in no promised order and new ones
 * appear: everything between two mapping lines is searched by name. */
#include "../platform.h"
#include "proc_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SMAPS_TEXT_MAX (1024u << 20)

static const struct { const char *key; size_t offset; } fields[] = {
	{ "Rss:", offsetof(struct platform_smap, rss_bytes) },
	{ "Swap:", offsetof(struct platform_smap, swap_bytes) },
	{ "LazyFree:", offsetof(struct platform_smap, lazy_free_bytes) },
	{ "Anonymous:", offsetof(struct platform_smap, anonymous_bytes) },
	{ "AnonHugePages:", offsetof(struct platform_smap, anon_huge_bytes) },
};

static bool parse_head(const char *line, const char *end, struct platform_smap *ret_smap)
{
	struct platform_smap s = { 0 };
	if (!proc_take_hex(&line, end, &s.start) || !proc_take_char(&line, end, '-') ||
	    !proc_take_hex(&line, end, &s.end) || !proc_take_char(&line, end, ' ') || s.start >= s.end)
		return false;
	*ret_smap = s;
	return true;
}

static void parse_field(const char *line, struct platform_smap *s)
{
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		if (strncmp(line, fields[i].key, strlen(fields[i].key)))
			continue;
		int64_t bytes = proc_find_kib(line, fields[i].key);
		memcpy((char *)s + fields[i].offset, &bytes, sizeof bytes);
	}
}

static void parse_smaps(char *text, size_t length, platform_smap_fn *fn, void *arg)
{
	struct platform_smap smap = { 0 };
	char *end = text + length;
	for (char *line = text, *eol; line < end; line = eol + 1) {
		eol = memchr(line, '\n', (size_t)(end - line));
		if (!eol)
			eol = end;
		*eol = 0;
		struct platform_smap next;
		if (!parse_head(line, eol, &next)) {
			parse_field(line, &smap);
			continue;
		}
		if (smap.end)
			fn(arg, &smap);
		smap = next;
	}
	if (smap.end)
		fn(arg, &smap);
}

int platform_read_smaps(struct platform_process *p, platform_smap_fn *fn, void *arg)
{
	char *text = NULL;
	size_t capacity = 0, length;
	int rc = proc_read_whole(p->directory, "smaps", SMAPS_TEXT_MAX, &text, &capacity, &length);
	if (rc == 0 && length == 0)
		rc = -ESRCH;
	if (rc == 0)
		parse_smaps(text, length, fn, arg);
	free(text);
	return rc;
}
