/* SPDX-License-Identifier: MIT */
/*
 * See compare_rows.h. The lists are parted first; then the numbers of all combinations are
 * counted through, as digits of a number with mixed bases: command, allocator, settings.
 */
#include "compare_rows.h"
#include "util/text.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define LIST_MAX COMPARE_ROWS_MAX

struct list { char *text; char *items[LIST_MAX]; size_t count; }; /* items point into text */
struct product {
	const struct compare_request *q;
	struct list allocators;
	char paths[LIST_MAX][PATH_MAX]; /* of the allocators; "" is none */
	struct list settings[COMPARE_SETTINGS_MAX];
	char *error;
	size_t error_size;
};

static int part(const char *text, struct list *ret_list)
{
	ret_list->text = strdup(text);
	if (!ret_list->text)
		return -ENOMEM;
	for (char *at = ret_list->text; ; at++) {
		if (ret_list->count == LIST_MAX)
			return -E2BIG;
		ret_list->items[ret_list->count++] = at;
		at += strcspn(at, ",");
		if (!*at)
			return 0;
		*at = 0;
	}
}

static int part_allocators(struct product *p)
{
	int error = part(p->q->allocators, &p->allocators);
	for (size_t i = 0; i < p->allocators.count && !error; i++)
		error = compare_find_allocator(p->allocators.items[i], p->paths[i], sizeof p->paths[i], p->error, p->error_size);
	if (error == -E2BIG)
		snprintf(p->error, p->error_size, "--allocator has more than %d names", LIST_MAX);
	return error;
}

static int part_setting(struct product *p, size_t index)
{
	const char *text = p->q->settings[index], *equals = strchr(text, '=');
	int error = equals && equals != text ? part(equals + 1, &p->settings[index]) : -EINVAL;
	if (error == -EINVAL)
		snprintf(p->error, p->error_size, "--env takes NAME=VALUE or NAME=V1,V2, not '%s'", text);
	if (error == -E2BIG)
		snprintf(p->error, p->error_size, "--env has more than %d values", LIST_MAX);
	return error;
}

static int part_lists(struct product *p)
{
	int error = p->q->allocators ? part_allocators(p) : 0;
	for (size_t i = 0; i < p->q->setting_count && !error; i++)
		error = part_setting(p, i);
	return error;
}

/* ---- one row ------------------------------------------------------------------------ */

static char **copy_words(char *const *words)
{
	size_t n = 0;
	while (words[n])
		n++;
	char **ret = calloc(n + 1, sizeof *ret);
	for (size_t i = 0; ret && i < n; i++)
		ret[i] = strdup(words[i]);
	return ret;
}

static int set_command(struct product *p, const char *line, struct compare_row *row)
{
	char *const sh[] = { (char[]){ "/bin/sh" }, (char[]){ "-c" }, (char *)(uintptr_t)line, NULL };
	if (p->q->argv || p->q->shell) {
		row->argv = copy_words(p->q->argv ? p->q->argv : sh);
		return row->argv ? 0 : -ENOMEM;
	}
	int error = compare_split(line, &row->argv);
	if (error == -ENODATA)
		snprintf(p->error, p->error_size, "a command is empty");
	if (error == -EINVAL)
		snprintf(p->error, p->error_size, "a quote or backslash has no end in: %.200s", line);
	return error == -ENODATA ? -EINVAL : error;
}

static int set_settings(struct product *p, const size_t *digits, struct compare_row *row)
{
	row->settings = calloc(p->q->setting_count + 1, sizeof *row->settings);
	if (!row->settings)
		return -ENOMEM;
	for (size_t i = 0; i < p->q->setting_count; i++) {
		const char *text = p->q->settings[i];
		if (asprintf(&row->settings[i], "%.*s=%s", (int)strcspn(text, "="), text, p->settings[i].items[digits[i]]) < 0) {
			row->settings[i] = NULL;
			return -ENOMEM;
		}
	}
	return 0;
}

static void print_command(FILE *f, const struct product *p, const char *line)
{
	if (!p->q->argv)
		fputs(line, f);
	for (size_t i = 0; p->q->argv && p->q->argv[i]; i++) {
		fputs(i ? " " : "", f);
		text_print_quoted(f, p->q->argv[i]);
	}
}

/* What tells this row from the others comes first. */
static int set_name(struct product *p, const char *line, const char *allocator, struct compare_row *row)
{
	size_t size;
	FILE *f = open_memstream(&row->name, &size);
	if (!f)
		return -ENOMEM;
	if (allocator)
		fprintf(f, "[%s] ", *allocator == '/' ? text_base_name(allocator) : allocator);
	for (size_t i = 0; row->settings[i]; i++)
		fprintf(f, "%s ", row->settings[i]);
	print_command(f, p, line);
	return fclose(f) == 0 ? 0 : -ENOMEM;
}

static int make_row(struct product *p, size_t number, struct compare_row *row)
{
	size_t digits[COMPARE_SETTINGS_MAX];
	for (size_t i = p->q->setting_count; i-- > 0; number /= p->settings[i].count)
		digits[i] = number % p->settings[i].count;
	size_t allocators = p->allocators.count ? p->allocators.count : 1, a = number % allocators;
	const char *line = p->q->argv ? NULL : p->q->commands[number / allocators];
	const char *allocator = p->allocators.count ? p->allocators.items[a] : NULL;
	row->has_allocator = allocator != NULL;
	if (*p->paths[a] && !(row->preload = strdup(p->paths[a])))
		return -ENOMEM;
	int error = set_command(p, line, row);
	if (!error)
		error = set_settings(p, digits, row);
	return error ? error : set_name(p, line, allocator, row);
}

static int make_rows(struct product *p, struct compare *c)
{
	size_t count = p->q->argv ? 1 : p->q->command_count;
	if (p->allocators.count)
		count *= p->allocators.count;
	for (size_t i = 0; i < p->q->setting_count && count <= COMPARE_ROWS_MAX; i++)
		count *= p->settings[i].count;
	if (count > COMPARE_ROWS_MAX) {
		snprintf(p->error, p->error_size, "more than %d rows; name fewer commands, allocators or values", COMPARE_ROWS_MAX);
		return -EINVAL;
	}
	int error = 0;
	for (size_t i = 0; i < count && !error; i++)
		error = make_row(p, i, &c->rows[c->count++]);
	return error;
}

int compare_make_rows(const struct compare_request *q, struct compare *ret_compare, char *ret_error, size_t error_size)
{
	struct product *p = calloc(1, sizeof *p);
	struct compare *c = calloc(1, sizeof *c);
	int error = p && c ? 0 : -ENOMEM;
	*ret_error = 0;
	if (!error) {
		*p = (struct product){ .q = q, .error = ret_error, .error_size = error_size };
		error = part_lists(p);
	}
	if (!error)
		error = make_rows(p, c);
	if (!error)
		*ret_compare = *c;
	else if (c)
		compare_finish(c);
	free(c);
	for (size_t i = 0; p && i < q->setting_count; i++)
		free(p->settings[i].text);
	if (p)
		free(p->allocators.text);
	free(p);
	return error == -E2BIG ? -EINVAL : error;
}
