/* SPDX-License-Identifier: MIT */
/* From a stack to the lines that are shown of it: hiding and choosing; see stack_model.h. */
#include "stack_model.h"
#include "wire_stack.h"

#include <errno.h>
#include <regex.h>
#include <stdio.h>

enum { LINE_UNKNOWN, LINE_CUT, LINE_NO_TABLES };

static bool line_matches(const struct stack_model *m, const struct stack_line *l, const regex_t *regex)
{
	for (int g = 0; g < STACK_NAMED_GROUPS; g++)
		if (!regexec(regex, m->names->all[l->names[g]].text, 0, NULL, 0))
			return true;
	return false;
}

static int compile(regex_t *regex, const char *pattern, const char *option, char *ret_error, size_t error_size)
{
	char why[128];
	int code = regcomp(regex, pattern, REG_EXTENDED | REG_NOSUB);
	if (!code)
		return 0;
	regerror(code, regex, why, sizeof why);
	snprintf(ret_error, error_size, "%s \"%.100s\" is no regular expression: %s", option, pattern, why);
	return -EINVAL;
}

int stack_model_mark(struct stack_model *m, const char *filter, const char *hide, char *ret_error, size_t error_size)
{
	regex_t chosen, hidden;
	int r = filter ? compile(&chosen, filter, "--filter", ret_error, error_size) : 0;
	if (r)
		return r;
	r = hide ? compile(&hidden, hide, "--hide", ret_error, error_size) : 0;
	for (size_t i = 0; !r && i < m->line_count; i++) {
		struct stack_line *l = &m->lines[i];
		l->chosen = !filter || line_matches(m, l, &chosen);
		l->hidden = hide && line_matches(m, l, &hidden);
	}
	if (filter)
		regfree(&chosen);
	if (hide && !r)
		regfree(&hidden);
	return r;
}

static size_t whole_chain(const struct stack_model *m, uint32_t node)
{
	size_t n = 0;
	uint32_t flags = m->nodes[node].flags, at = node;
	for (unsigned nodes = 0; nodes < STACK_FRAMES_MAX && (at || !nodes); nodes++) {
		const struct stack_frame *f = &m->frames[m->nodes[at].frame];
		for (uint32_t i = 0; i < f->line_count && n < STACK_CHAIN_MAX - 1; i++)
			m->chain[n++] = f->first_line + i;
		at = m->nodes[at].parent;
	}
	if (flags & WIRE_STACK_CUT)
		m->chain[n++] = LINE_CUT;
	else if (flags & WIRE_STACK_NO_TABLES)
		m->chain[n++] = LINE_NO_TABLES;
	return n;
}

/* Where all would go, the outermost stays. */
static size_t drop_hidden(const struct stack_model *m, size_t count)
{
	size_t n = 0;
	uint32_t last = m->chain[count - 1];
	bool inner = true;
	for (size_t i = 0; i < count; i++) {
		const struct stack_line *l = &m->lines[m->chain[i]];
		inner = inner && (l->shim || l->hidden);
		if (!inner && !l->hidden)
			m->chain[n++] = m->chain[i];
	}
	if (!n)
		m->chain[n++] = last;
	return n;
}

size_t stack_model_chain(const struct stack_model *m, uint32_t node, bool bare, const uint32_t **ret_lines)
{
	size_t n = whole_chain(m, node);
	*ret_lines = m->chain;
	return bare ? drop_hidden(m, n) : n;
}

bool stack_model_is_chosen(const struct stack_model *m, uint32_t node)
{
	const uint32_t *lines;
	size_t n = stack_model_chain(m, node, false, &lines);
	for (size_t i = 0; i < n; i++)
		if (m->lines[lines[i]].chosen)
			return true;
	return false;
}
