/* SPDX-License-Identifier: MIT */
/* The formats, and the way to one table of a file; see export.h. */
#include "export/export.h"

#include "recording.h"

#include <stddef.h>
#include <string.h>

const struct export_format *export_format_by_name(const char *name)
{
	for (size_t i = 0; export_formats[i]; i++)
		if (!strcmp(name, export_formats[i]->name))
			return export_formats[i];
	return NULL;
}

const char *export_error_text(const struct recording *r, int result)
{
	return *recording_error(r) ? recording_error(r) : strerror(-result);
}

int export_csv_table(const char *recording_path, const char *table, FILE *out)
{
	struct recording *r;
	char error[512];
	int result = recording_open(recording_path, &r, error, sizeof error);
	if (result) {
		fprintf(stderr, "memwhy: %s\n", error);
		return result;
	}
	result = export_csv.write(r, table ? table : export_csv.tables[0], out);
	if (result)
		fprintf(stderr, "memwhy: cannot write CSV: %s\n", export_error_text(r, result));
	recording_close(r);
	return result;
}

const struct export_format *const export_formats[] = { &export_csv, NULL };
