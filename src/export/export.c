/* SPDX-License-Identifier: MIT */
/* The formats, and the way to one table of a file; see export.h. */
#include "export/export.h"

#include "recording.h"

#include <errno.h>
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
	return stack_error_text(r, result);
}

int export_flush(FILE *out)
{
	errno = 0;
	return fflush(out) || ferror(out) ? (errno ? -errno : -EIO) : 0;
}

int export_with_stacks(struct recording *r, const struct export_options *options,
		       int (*fn)(const struct stack_model *m, FILE *out), FILE *out)
{
	struct stack_labels names = { 0 };
	struct stack_model m;
	int result = stack_model_init(&m, r, &options->stacks, &names);
	if (!result) {
		result = fn(&m, out);
		stack_model_finish(&m);
	}
	stack_labels_finish(&names);
	return result ? result : export_flush(out);
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
	result = export_csv.write(r, &(struct export_options){ table, STACK_QUERY_DEFAULT }, out);
	if (result)
		fprintf(stderr, "memwhy: cannot write CSV: %s\n", export_error_text(r, result));
	recording_close(r);
	return result;
}

const char *const export_no_tables[] = { NULL };
const struct export_format *const export_formats[] = {
	&export_csv, &export_folded, &export_pprof, &export_speedscope, NULL
};
