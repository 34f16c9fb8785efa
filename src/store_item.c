/* SPDX-License-Identifier: MIT */
/*
 * The items of store_queue.h: each is one block that holds the caller's struct and,
 * behind it, all that the struct points to. Built in two steps: the size is summed up
 * first, then every string is copied to the block's rest.
 */
#include "store_queue.h"

#include "util/json.h"
#include "util/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A hostile or generated command line needn't fill the recording. */
#define TEXT_MAX 4096

static size_t text_size(const char *text)
{
	return text ? strnlen(text, TEXT_MAX - 1) + 1 : 0;
}

static char *put_text(char **rest, const char *text)
{
	if (!text)
		return NULL;
	size_t n = text_size(text);
	char *to = *rest;
	memcpy(to, text, n - 1);
	to[n - 1] = 0;
	*rest += n;
	return to;
}

static struct store_item *item_new(enum store_item_kind kind, size_t extra, char **ret_rest)
{
	struct store_item *item = calloc(1, sizeof *item + extra);
	if (!item)
		return NULL;
	item->kind = kind;
	item->size = sizeof *item + extra;
	if (ret_rest)
		*ret_rest = (char *)(item + 1);
	return item;
}

/* argv as a JSON array (json) or as one line that a shell would read (!json). */
static char *argv_text(const char *const *argv, bool json)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	if (!f)
		return NULL;
	for (size_t i = 0; argv[i]; i++) {
		if (i)
			fputs(json ? "," : " ", f);
		else if (json)
			fputc('[', f);
		if (json)
			json_print_string(f, argv[i]);
		else
			text_print_quoted(f, argv[i]);
	}
	if (json)
		fputs(argv[0] ? "]" : "[]", f);
	if (fclose(f)) {
		free(text);
		return NULL;
	}
	return text;
}

struct store_item *store_item_run(const struct store_run *run)
{
	static const char *const none[] = { NULL };
	const char *const *argv = run->argv ? run->argv : none;
	char *json = argv_text(argv, true), *line = argv_text(argv, false), *rest;
	struct store_item *item = NULL;
	/* argv is kept whole, for it is what reproduces the run */
	size_t json_size = json ? strlen(json) + 1 : 0;
	if (json && line)
		item = item_new(ITEM_RUN, json_size + text_size(line) + text_size(run->cwd) +
				text_size(run->options), &rest);
	if (item) {
		item->u.run.argv = memcpy(rest, json, json_size);
		rest += json_size;
		item->u.run.command = put_text(&rest, line);
		item->u.run.cwd = put_text(&rest, run->cwd);
		item->u.run.options = put_text(&rest, run->options);
		item->u.run.start_ns = run->start_ns;
		item->u.run.start_realtime_ns = run->start_realtime_ns;
	}
	free(json);
	free(line);
	return item;
}

/* Takes `size` bytes off the rest and fills them; sizes that keep the alignment. */
static void *put_struct(char **rest, const void *from, size_t size)
{
	void *to = *rest;
	memcpy(to, from, size);
	*rest += size;
	return to;
}

struct store_item *store_item_process(const struct store_process *p)
{
	char *rest;
	struct store_item *item = item_new(ITEM_PROCESS, sizeof *p + text_size(p->command) +
					   text_size(p->exe) + text_size(p->probe_state), &rest);
	if (!item)
		return NULL;
	item->process_id = p->id;
	struct store_process *to = item->u.process = put_struct(&rest, p, sizeof *p);
	to->command = put_text(&rest, p->command);
	to->exe = put_text(&rest, p->exe);
	to->probe_state = put_text(&rest, p->probe_state);
	return item;
}

struct store_item *store_item_sample(uint32_t process_id, const struct sample *s)
{
	struct store_item *item = item_new(ITEM_SAMPLE, 0, NULL);
	if (!item)
		return NULL;
	item->process_id = process_id;
	item->u.sample = *s;
	return item;
}

struct store_item *store_item_snapshot(uint32_t process_id, const struct snapshot *s)
{
	size_t mappings_size = s->mapping_count * sizeof *s->mappings;
	size_t extra = sizeof *s + mappings_size;
	for (size_t i = 0; i < s->mapping_count; i++)
		extra += text_size(s->mappings[i].name);
	char *rest;
	struct store_item *item = item_new(ITEM_SNAPSHOT, extra, &rest);
	if (!item)
		return NULL;
	item->process_id = process_id;
	struct snapshot *to = item->u.snapshot = put_struct(&rest, s, sizeof *s);
	to->mappings = NULL;
	if (!s->mapping_count)
		return item;
	to->mappings = put_struct(&rest, s->mappings, mappings_size);
	for (size_t i = 0; i < s->mapping_count; i++)
		to->mappings[i].name = put_text(&rest, s->mappings[i].name);
	return item;
}

struct store_item *store_item_event(uint32_t process_id, const char *kind, const char *text)
{
	char *rest;
	struct store_item *item = item_new(ITEM_EVENT, text_size(kind) + text_size(text), &rest);
	if (!item)
		return NULL;
	item->process_id = process_id;
	item->u.event.kind = put_text(&rest, kind);
	item->u.event.text = put_text(&rest, text);
	return item;
}

struct store_item *store_item_unknown(uint32_t process_id, const char *module, const char *kind)
{
	char *rest;
	struct store_item *item = item_new(ITEM_UNKNOWN, text_size(module) + text_size(kind), &rest);
	if (!item)
		return NULL;
	item->process_id = process_id;
	item->u.unknown.module = put_text(&rest, module);
	item->u.unknown.kind = put_text(&rest, kind);
	return item;
}

/* Cells are given without the process's column; those of a snapshot's table are complete. */
static size_t cells_of(enum store_table table)
{
	const struct store_table_info *i = &store_table_infos[table];
	return i->column_count - (i->of_snapshot ? 0 : 1);
}

struct store_item *store_item_rows(uint32_t process_id, enum store_table table,
				   const struct store_cell *cells, size_t row_count)
{
	size_t count = cells_of(table) * row_count, extra = count * sizeof *cells;
	for (size_t i = 0; i < count; i++)
		extra += cells[i].size;
	char *rest;
	struct store_item *item = item_new(ITEM_ROWS, extra, &rest);
	if (!item)
		return NULL;
	item->process_id = process_id;
	item->u.rows.table = table;
	item->u.rows.row_count = row_count;
	item->u.rows.cells = put_struct(&rest, cells, count * sizeof *cells);
	for (size_t i = 0; i < count; i++)
		if (cells[i].size)
			item->u.rows.cells[i].bytes = put_struct(&rest, cells[i].bytes, cells[i].size);
	return item;
}

struct store_item *store_item_end_process(const struct store_process_end *e)
{
	char *rest;
	struct store_item *item = item_new(ITEM_END_PROCESS, sizeof *e, &rest);
	if (!item)
		return NULL;
	item->process_id = e->id;
	item->u.end_process = put_struct(&rest, e, sizeof *e);
	return item;
}

struct store_item *store_item_end_run(void)
{
	return item_new(ITEM_END_RUN, 0, NULL);
}
