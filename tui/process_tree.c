/* SPDX-License-Identifier: MIT */
/* A walk in depth over lists of children; see process_tree.h. */
#include "process_tree.h"

#include <errno.h>
#include <stdlib.h>

struct links { size_t parent, child, sibling; bool seen; }; /* index + 1; 0: none */

/* Ids ascend. Index + 1, 0: not there. */
static size_t find(const struct recording *r, uint32_t id)
{
	size_t low = 0, high = recording_process_count(r);
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		uint32_t here = recording_process(r, middle)->id;
		if (here == id)
			return middle + 1;
		if (here < id)
			low = middle + 1;
		else
			high = middle;
	}
	return 0;
}

/* From the last to the first, so that lists of children ascend. */
static void link_all(const struct recording *r, struct links *l, size_t count)
{
	for (size_t i = count; i-- > 0;) {
		uint32_t parent = recording_process(r, i)->parent_id;
		l[i].parent = parent ? find(r, parent) : 0;
		if (!l[i].parent)
			continue;
		l[i].sibling = l[l[i].parent - 1].child;
		l[l[i].parent - 1].child = i + 1;
	}
}

static size_t next_child(const struct links *l, size_t at)
{
	while (at && l[at - 1].seen)
		at = l[at - 1].sibling;
	return at;
}

static size_t walk(const struct recording *r, struct links *l, size_t root, struct process_row *rows)
{
	size_t n = 0, at = root + 1;
	int depth = 0;
	while (at) {
		if (!l[at - 1].seen)
			rows[n++] = (struct process_row){ recording_process(r, at - 1), depth };
		l[at - 1].seen = true;
		size_t child = next_child(l, l[at - 1].child);
		if (child)
			l[at - 1].child = l[child - 1].sibling;
		depth += child ? 1 : -1;
		at = child ? child : depth < 0 ? 0 : l[at - 1].parent;
	}
	return n;
}

int process_tree_make(const struct recording *r, struct process_row **ret_rows)
{
	size_t count = recording_process_count(r), n = 0;
	struct links *l = calloc(count + 1, sizeof *l);
	struct process_row *rows = calloc(count + 1, sizeof *rows);
	if (!l || !rows) {
		free(l);
		free(rows);
		return -ENOMEM;
	}
	link_all(r, l, count);
	for (int pass = 0; pass < 2; pass++) /* the second: circles */
		for (size_t i = 0; i < count; i++)
			if (!l[i].seen && (pass || !l[i].parent))
				n += walk(r, l, i, rows + n);
	free(l);
	*ret_rows = rows;
	return 0;
}
