/* SPDX-License-Identifier: MIT */
/*
 * Loading; see stack_model.h. Ids come from an untrusted file: they are sorted (the queries
 * say so), looked up by bisection and turned into indexes once, and what points nowhere
 * points to element 0, which stands for "not known".
 */
#include "stack_model.h"
#include "stack_shims.h"
#include "util/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GROW(m, what, list) stack_grow(&(m)->list, (m)->what##_count, &(m)->what##_slots, sizeof *(m)->list)

/* Each of these structs begins with its id, or has it at `offset`. */
static uint32_t find_id(const void *list, size_t count, size_t element_size, size_t offset, uint32_t id)
{
	size_t low = 0, high = count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		uint32_t here;
		memcpy(&here, (const char *)list + middle * element_size + offset, sizeof here);
		if (here == id)
			return (uint32_t)middle;
		if (here < id)
			low = middle + 1;
		else
			high = middle;
	}
	return UINT32_MAX;
}

static uint32_t find_frame(const struct stack_model *m, uint32_t id)
{
	uint32_t i = find_id(m->frames + 1, m->frame_count - 1, sizeof *m->frames,
			     offsetof(struct stack_frame, of.id), id);
	return i == UINT32_MAX ? 0 : i + 1;
}

static uint32_t find_node(const struct stack_model *m, uint32_t id)
{
	uint32_t i = find_id(m->nodes + 1, m->node_count - 1, sizeof *m->nodes, offsetof(struct stack_node, id), id);
	return i == UINT32_MAX ? 0 : i + 1;
}

const struct stack_module *stack_model_module(const struct stack_model *m, const struct stack_frame *f)
{
	uint32_t i = find_id(m->modules, m->module_count, sizeof *m->modules, offsetof(struct stack_module, id),
			     f->of.module_id);
	return f->of.module_id && i != UINT32_MAX ? &m->modules[i] : NULL;
}

/* ---- lines ---------------------------------------------------------------------------- */

static int name_line(struct stack_model *m, struct stack_line *l, const char *function, bool known, const char *file,
		     const char *module)
{
	char bare[300];
	snprintf(bare, sizeof bare, "[%.255s]", *module ? module : "no file");
	int r = stack_labels_add(m->names, function, module, known, &l->names[STACK_GROUP_FUNCTION]);
	if (!r)
		r = stack_labels_add(m->names, file ? file : bare, "", file != NULL, &l->names[STACK_GROUP_FILE]);
	if (!r)
		r = stack_labels_add(m->names, *module ? module : bare, "", *module, &l->names[STACK_GROUP_MODULE]);
	l->has_file = file != NULL;
	l->chosen = true;
	l->shim = known && stack_is_shim(function);
	return r;
}

/* frame: its last lines so far are the end of the list. */
static int add_line(struct stack_model *m, struct stack_frame *f, const char *function, bool known, const char *file,
		    int64_t line)
{
	const struct stack_module *module = stack_model_module(m, f);
	struct stack_line *l = m->line_count < UINT32_MAX ? GROW(m, line, lines) : NULL;
	if (!l)
		return -ENOMEM;
	int r = name_line(m, l, function, known, file, module ? module->base : "");
	l->line = line;
	if (!f->line_count++)
		f->first_line = (uint32_t)m->line_count;
	m->line_count++;
	return r;
}

/* "[libfoo.so+0x1234]": never taken for a name. */
static void address_name(const struct stack_model *m, const struct stack_frame *f, char *ret, size_t size)
{
	const struct stack_module *module = stack_model_module(m, f);
	snprintf(ret, size, "[%.255s%s0x%" PRIx64 "]", module ? module->base : "", module ? "+" : "", f->of.address);
}

static int add_symbol(void *arg, const struct recording_symbol *s)
{
	struct stack_model *m = arg;
	uint32_t i = find_frame(m, s->frame_id);
	char unnamed[320];
	if (!i)
		return 0;
	struct stack_frame *f = &m->frames[i];
	address_name(m, f, unnamed, sizeof unnamed);
	return add_line(m, f, s->function ? s->function : unnamed, s->function, s->file, s->line);
}

static int name_the_rest(struct stack_model *m)
{
	char unnamed[320];
	int r = 0;
	for (size_t i = 0; !r && i < m->frame_count; i++)
		if (!m->frames[i].line_count) {
			address_name(m, &m->frames[i], unnamed, sizeof unnamed);
			r = add_line(m, &m->frames[i], unnamed, false, NULL, 0);
		}
	return r;
}

/* Lines of no recording, which stack_chain.c knows by number: where a stack is not known or ends early. */
static int add_own_lines(struct stack_model *m)
{
	static const char *const texts[] = { "(stack not known)", "(cut off here)", "(no unwind tables from here)" };
	struct stack_frame *f = GROW(m, frame, frames);
	struct stack_node *n = GROW(m, node, nodes);
	int r = f && n ? 0 : -ENOMEM;
	for (size_t i = 0; !r && i < sizeof texts / sizeof *texts; i++)
		r = add_line(m, f, texts[i], false, NULL, 0);
	if (r)
		return r;
	f->line_count = 1;
	m->frame_count = m->node_count = 1;
	return 0;
}

/* ---- rows ----------------------------------------------------------------------------- */

static int add_module(void *arg, const struct recording_stack_module *s)
{
	struct stack_model *m = arg;
	struct stack_module *to = GROW(m, module, modules);
	char *path = strdup(s->path), *build_id = strdup(s->build_id);
	if (!to || !path || !build_id) {
		free(path);
		free(build_id);
		return -ENOMEM;
	}
	*to = (struct stack_module){ s->id, path, build_id, text_base_name(path), s->low, s->high, s->bias };
	m->module_count++;
	return 0;
}

static int add_frame(void *arg, const struct recording_frame *s)
{
	struct stack_model *m = arg;
	struct stack_frame *to = m->frame_count < UINT32_MAX ? GROW(m, frame, frames) : NULL;
	if (!to)
		return -ENOMEM;
	to->of = *s;
	m->frame_count++;
	return 0;
}

/* Parents come in any order: the id stays in `parent` until all are there. */
static int add_node(void *arg, const struct recording_stack *s)
{
	struct stack_model *m = arg;
	struct stack_node *to = m->node_count < UINT32_MAX ? GROW(m, node, nodes) : NULL;
	if (!to)
		return -ENOMEM;
	*to = (struct stack_node){ s->id, s->parent, find_frame(m, s->frame_id), s->flags, 0 };
	m->node_count++;
	return 0;
}

static struct stack_entry *entry_of(struct stack_model *m, uint32_t stack_id)
{
	uint32_t node = stack_id ? find_node(m, stack_id) : 0;
	struct stack_node *n = &m->nodes[node];
	if (n->entry)
		return &m->entries[n->entry - 1];
	struct stack_entry *e = GROW(m, entry, entries);
	if (!e)
		return NULL;
	e->stack = node;
	e->figure.live_error_bytes = e->figure.pinned_error_bytes = RECORDING_UNKNOWN;
	n->entry = (uint32_t)++m->entry_count;
	return e;
}

/* Several rows may fall on the stack that is not known: sums, not copies. */
static int add_figure(void *arg, const struct recording_stack_figure *s)
{
	struct stack_model *m = arg;
	struct stack_entry *e = entry_of(m, s->stack_id);
	if (!e)
		return -ENOMEM;
	struct recording_stack_figure *f = &e->figure;
	f->live_bytes += s->live_bytes;
	f->live_blocks += s->live_blocks;
	f->rounding_bytes += s->rounding_bytes;
	f->pinned_bytes += s->pinned_bytes;
	f->pinned_pages += s->pinned_pages;
	f->dirty_bytes += s->dirty_bytes;
	f->live_error_bytes = s->live_error_bytes;
	f->pinned_error_bytes = s->pinned_error_bytes;
	m->sampled = m->sampled || s->live_error_bytes >= 0;
	return 0;
}

static int add_total(void *arg, const struct recording_stack_total *s)
{
	struct stack_model *m = arg;
	struct stack_entry *e = entry_of(m, s->stack_id);
	if (!e)
		return -ENOMEM;
	e->total.allocated_bytes += s->allocated_bytes;
	e->total.allocations += s->allocations;
	e->total.samples += s->samples;
	return 0;
}

/* ---- the whole ------------------------------------------------------------------------- */

static int load_trie(struct stack_model *m)
{
	struct recording *r = m->report.recording;
	uint32_t process = m->report.process->id;
	int result = recording_each_stack_module(r, process, add_module, m);
	if (!result)
		result = add_own_lines(m);
	if (!result)
		result = recording_each_frame(r, process, add_frame, m);
	if (!result)
		result = recording_each_symbol(r, process, add_symbol, m);
	if (!result)
		result = name_the_rest(m);
	if (!result)
		result = recording_each_stack(r, process, add_node, m);
	for (size_t i = 1; !result && i < m->node_count; i++)
		m->nodes[i].parent = m->nodes[i].parent ? find_node(m, m->nodes[i].parent) : 0;
	return !result && m->node_count <= 1 ? -ENOENT : result;
}

/* Totals are there whatever the moment; only where they are all that is asked for may a
 * moment be missing. */
static int load_figures(struct stack_model *m)
{
	struct recording *r = m->report.recording;
	int result = recording_each_stack_total(r, m->report.process->id, add_total, m);
	int chosen = result ? result : stack_model_choose_moment(m);
	if (!result && chosen == -ENOMSG && stack_by_infos[m->query.by].of_run)
		return 0;
	return chosen ? chosen : recording_each_stack_figure(r, m->snapshot.id, add_figure, m);
}

int stack_model_init(struct stack_model *m, struct recording *r, const struct stack_query *query,
		     struct stack_labels *names)
{
	*m = (struct stack_model){ .query = *query, .names = names };
	if (query->by == STACK_BY_PEAK)
		m->query.report.at = REPORT_AT_LIVE_PEAK;
	int result = report_model_init(&m->report, r, &m->query.report);
	if (result)
		return result;
	m->chain = malloc(STACK_CHAIN_MAX * sizeof *m->chain);
	result = m->chain ? load_trie(m) : -ENOMEM;
	if (!result)
		result = load_figures(m);
	if (result)
		stack_model_finish(m);
	return result;
}

void stack_model_finish(struct stack_model *m)
{
	for (size_t i = 0; i < m->module_count; i++) {
		free(m->modules[i].path);
		free(m->modules[i].build_id);
	}
	free(m->modules);
	free(m->lines);
	free(m->frames);
	free(m->nodes);
	free(m->entries);
	free(m->chain);
	report_model_finish(&m->report);
	*m = (struct stack_model){ 0 };
}

const char *stack_error_text(const struct recording *r, int result)
{
	if (!*recording_error(r) && result == -ENOENT)
		return "no call stacks were recorded of this process; run it again with --stacks=sampled or --stacks=all";
	if (!*recording_error(r) && result == -ENOMSG)
		return "call stacks were recorded, but none was read at a snapshot of this process; --by total has what there is";
	return report_error_text(r, result);
}
