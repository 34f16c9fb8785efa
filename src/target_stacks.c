/* SPDX-License-Identifier: MIT */
/* The view's side of call stacks: which pages are resident comes from the last snapshot's
 * reading, the blocks on them from the shadow's words. */
#include "stack_figures.h"
#include "stack_names.h"
#include "target_private.h"

#include <errno.h>

struct stack_view *target_view_stacks(struct target_view *v)
{
	if (!v->shadow || v->stacks || v->has_no_stacks)
		return v->stacks;
	v->has_no_stacks = stack_view_create(shadow_view_memory(v->shadow), &v->stacks) < 0;
	return v->stacks;
}

int target_view_scan_stacks(struct target_view *v, struct stack_figures *figures)
{
	if (!v->has_pages || !v->known.blocks)
		return -ENODATA;
	int rc = target_each_page(v, stack_figures_note_page, figures);
	if (rc < 0)
		return rc;
	shadow_blocks_each_page(v->shadow, stack_figures_are_sampled(figures), stack_figures_add_page, figures);
	return stack_figures_error(figures);
}

int target_view_name_stacks(struct target_view *v, struct stack_names *names)
{
	return stack_names_look(names, &v->process, &v->reading.mappings);
}
