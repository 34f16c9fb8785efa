/* SPDX-License-Identifier: MIT */
/*
 * report_reconcile.h - what the allocators of the report's process say of themselves beside
 * its ledger, at the snapshot nearest to a moment that has a reading; see
 * reconcile_recording.h.
 */
#ifndef MEMWHY_REPORT_RECONCILE_H
#define MEMWHY_REPORT_RECONCILE_H

#include "reconcile_recording.h"
#include "report_lines.h"
#include "util/json.h"

struct report_reconciled {      /* of one heap */
	const struct recording_heap *heap;
	int64_t snapshot_ns;
	struct reconcile_comparison comparison; /* count 0: no snapshot has a reading near it */
};
struct report_reconciliation {
	const struct recording_process *process;
	struct report_reconciled heaps[WIRE_HEAPS];
	size_t count;
};

/* Borrows from m's recording. 0, -ENOMEM or recording.h's errors. */
int report_reconcile(const struct report_model *m, enum report_moment at, struct report_reconciliation *ret);
/* A table for the heap that the process's data is in, or each; nothing where nothing is known. */
void report_print_reconciliation(const struct report_style *style, const struct report_reconciliation *t);
/* The key reconciliation, an array with an object for each line. */
void report_print_reconciliation_json(struct json *j, const struct report_reconciliation *t);

#endif
