/* SPDX-License-Identifier: MIT */
/* Names and moments in few columns; see top.h. */
#include "top.h"
#include "util/text.h"
#include "util/units.h"

#include <string.h>

static size_t characters(const char *text)
{
	size_t n = 0;
	for (; *text; n++) {
		size_t length = text_utf8_length(text);
		text += length ? length : 1;
	}
	return n;
}

static const char *skip(const char *text, size_t count)
{
	while (*text && count--) {
		size_t length = text_utf8_length(text);
		text += length ? length : 1;
	}
	return text;
}

/* The '(' that the last ')' of "f(int) const" closes, or NULL. */
static const char *arguments_of(const char *name)
{
	const char *end = strrchr(name, ')');
	int open = 0;
	for (; end && end > name; end--) {
		open += *end == ')' ? 1 : *end == '(' ? -1 : 0;
		if (!open)
			return end;
	}
	return NULL;
}

static size_t print_cut(FILE *out, const char *name, size_t max, int utf8)
{
	char head[256];
	size_t all = characters(name), first = (max - 3) / 3, last = max - 3 - first;
	if (all <= max || max < 12)
		return text_print_safe(out, name, max, utf8);
	size_t bytes = (size_t)(skip(name, first) - name);
	bytes = bytes < sizeof head ? bytes : sizeof head - 1;
	memcpy(head, name, bytes);
	head[bytes] = 0;
	size_t n = text_print_safe(out, head, 0, utf8);
	fputs("...", out);
	return n + 3 + text_print_safe(out, skip(name, all - last), 0, utf8);
}

size_t top_print_name(FILE *out, const char *name, size_t max, int utf8)
{
	char plain[1024];
	const char *arguments = characters(name) > max ? arguments_of(name) : NULL;
	/* "(anonymous namespace)::f" has none */
	if (!arguments || arguments == name || strchr(arguments, ':') == strrchr(arguments, ')') + 1)
		return print_cut(out, name, max, utf8);
	snprintf(plain, sizeof plain, "%.*s()", (int)(arguments - name < 1000 ? arguments - name : 1000), name);
	return print_cut(out, plain, max, utf8);
}

void top_print_moment(const struct stack_model *m, FILE *out)
{
	static const char *const names[] = { "the resident peak", "the live peak", "the exit", "the snapshot" };
	char when[UNITS_SIZE];
	if (stack_by_infos[m->query.by].of_run) {
		fputs("in the whole run", out);
		return;
	}
	fprintf(out, "%s %s, %s in", m->elsewhere ? "near" : "at", names[m->query.report.at],
		units_duration((int64_t)m->snapshot.s.time_ns, when));
}
