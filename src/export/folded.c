/* SPDX-License-Identifier: MIT */
/*
 * Folded stacks, as flame graph programs read them: a line for each stack, "a;b;c VALUE", the
 * outermost function first. Lines that show the same are merged by the reader. The value is
 * the last word, so that blanks in names do no harm.
 */
#include "export/folded.h"

#include "export/export.h"
#include "util/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

static void print_name(FILE *to, const char *name)
{
	while (*name) {
		size_t n = text_utf8_length(name);
		unsigned char c = (unsigned char)*name;
		if (n <= 1)
			fputc(!n ? '?' : c == ';' ? ':' : c < 0x20 || c == 0x7f ? ' ' : c, to);
		else
			fwrite(name, 1, n, to);
		name += n ? n : 1;
	}
}

char *folded_text(const struct stack_model *m, uint32_t node)
{
	char *text = NULL;
	size_t size = 0;
	const uint32_t *lines;
	size_t count = stack_model_chain(m, node, false, &lines);
	FILE *to = open_memstream(&text, &size);
	if (!to)
		return NULL;
	for (size_t i = count; i-- > 0;) {
		print_name(to, m->names->all[m->lines[lines[i]].names[STACK_GROUP_FUNCTION]].text);
		if (i)
			fputc(';', to);
	}
	if (fclose(to)) {
		free(text);
		return NULL;
	}
	return text;
}

static int write_stacks(const struct stack_model *m, FILE *out)
{
	for (size_t i = 0; i < m->entry_count; i++) {
		int64_t bytes = stack_by_infos[m->query.by].of(&m->entries[i]).bytes;
		if (bytes <= 0)
			continue;
		char *text = folded_text(m, m->entries[i].stack);
		if (!text)
			return -ENOMEM;
		fprintf(out, "%s %" PRId64 "\n", text, bytes);
		free(text);
	}
	return 0;
}

static int write_folded(struct recording *r, const struct export_options *options, FILE *out)
{
	return export_with_stacks(r, options, write_stacks, out);
}

const struct export_format export_folded = {
	.name = "folded", .summary = "call stacks for flame graph programs", .tables = export_no_tables, .write = write_folded,
};
