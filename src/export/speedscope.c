/* SPDX-License-Identifier: MIT */
/*
 * speedscope's file format (its published schema: a shared list of frames, profiles of type
 * "sampled" whose samples are lists of frame numbers, the outermost first). One profile for
 * each figure; the one that was asked for is shown first. A frame is a function at a line.
 */
#include "export/export.h"

#include "util/json.h"

#include <inttypes.h>

static const enum stack_by profiles[] = { STACK_BY_LIVE, STACK_BY_PINNED, STACK_BY_ROUNDING, STACK_BY_DIRTY, STACK_BY_TOTAL };
#define PROFILES (sizeof profiles / sizeof *profiles)

static void write_frames(const struct stack_model *m, FILE *out)
{
	fputs("\"shared\":{\"frames\":[", out);
	for (size_t i = 0; i < m->line_count; i++) {
		const struct stack_line *l = &m->lines[i];
		fputs(i ? ",\n{\"name\":" : "\n{\"name\":", out);
		json_print_string(out, m->names->all[l->names[STACK_GROUP_FUNCTION]].text);
		if (l->has_file) {
			fputs(",\"file\":", out);
			json_print_string(out, m->names->all[l->names[STACK_GROUP_FILE]].text);
		}
		if (l->line > 0)
			fprintf(out, ",\"line\":%" PRId64, l->line);
		fputc('}', out);
	}
	fputs("\n]}", out);
}

static void write_sample(const struct stack_model *m, uint32_t node, FILE *out)
{
	const uint32_t *lines;
	size_t count = stack_model_chain(m, node, false, &lines);
	fputc('[', out);
	for (size_t i = count; i-- > 0;)
		fprintf(out, "%" PRIu32 "%s", lines[i], i ? "," : "");
	fputc(']', out);
}

/* Once for the samples, once for their weights: the same entries in the same order. */
static int64_t write_list(const struct stack_model *m, enum stack_by by, bool weights, FILE *out)
{
	struct stack_sum all = { 0 };
	bool first = true;
	for (size_t i = 0; i < m->entry_count; i++) {
		struct stack_sum s = stack_by_infos[by].of(&m->entries[i]);
		if (s.bytes <= 0)
			continue;
		fputs(first ? "\n" : ",\n", out);
		first = false;
		if (weights)
			fprintf(out, "%" PRId64, s.bytes);
		else
			write_sample(m, m->entries[i].stack, out);
		stack_sum_add(&all, &s);
	}
	return all.bytes;
}

static void write_profile(const struct stack_model *m, enum stack_by by, FILE *out)
{
	fputs("{\"type\":\"sampled\",\"name\":", out);
	json_print_string(out, stack_by_infos[by].heading);
	fputs(",\"unit\":\"bytes\",\"startValue\":0,\"samples\":[", out);
	write_list(m, by, false, out);
	fputs("],\n\"weights\":[", out);
	int64_t all = write_list(m, by, true, out);
	fprintf(out, "],\n\"endValue\":%" PRId64 "}", all);
}

static int write_profiles(const struct stack_model *m, FILE *out)
{
	size_t active = 0;
	fputs("{\"$schema\":\"https://www.speedscope.app/file-format-schema.json\",\n\"exporter\":\"memwhy\",\n\"name\":", out);
	json_print_string(out, m->report.process->command);
	fputs(",\n", out);
	write_frames(m, out);
	fputs(",\n\"profiles\":[", out);
	for (size_t i = 0; i < PROFILES; i++) {
		if (profiles[i] == m->query.by)
			active = i;
		fputs(i ? ",\n" : "\n", out);
		write_profile(m, profiles[i], out);
	}
	fprintf(out, "],\n\"activeProfileIndex\":%zu}\n", active);
	return 0;
}

static int write_speedscope(struct recording *r, const struct export_options *options, FILE *out)
{
	return export_with_stacks(r, options, write_profiles, out);
}

const struct export_format export_speedscope = {
	.name = "speedscope", .summary = "call stacks for speedscope, JSON", .tables = export_no_tables, .write = write_speedscope,
};
