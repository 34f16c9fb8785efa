/* SPDX-License-Identifier: MIT */
/* csv_private.h - what the files of the CSV export share. */
#ifndef MEMWHY_CSV_PRIVATE_H
#define MEMWHY_CSV_PRIVATE_H

#include "recording.h"
#include "util/csv.h"

/* names: NULL-terminated. */
int csv_write_header(struct csv *c, const char *const *names);
/* Of the process, or an empty field. */
void csv_write_pid(struct csv *c, const struct recording *r, uint32_t process_id);

/* A whole table with its header; as export_format.write. */
typedef int csv_table_fn(struct recording *r, struct csv *c);
csv_table_fn csv_write_events, csv_write_figures, csv_write_settings, csv_write_readings, csv_write_purges,
	csv_write_reconciliation;

#endif
