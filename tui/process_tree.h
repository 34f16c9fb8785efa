/* SPDX-License-Identifier: MIT */
/* process_tree.h - a recording's processes in the order of their tree: parents before their
 * children, as deep as they are. Parents that are not there, or that go in circles, as a
 * damaged recording's may, make roots. */
#ifndef MEMWHY_TUI_PROCESS_TREE_H
#define MEMWHY_TUI_PROCESS_TREE_H

#include "recording.h"

struct process_row { const struct recording_process *process; int depth; };
/* ret_rows: the caller's to free; recording_process_count() of them. -ENOMEM. */
int process_tree_make(const struct recording *r, struct process_row **ret_rows);

#endif
