/* SPDX-License-Identifier: MIT */
/*
 * pprof's profile.proto, gzipped. A sample is a stack with every figure; a location a frame,
 * its lines the inlined functions, innermost first; a function has the number of its name. What has
 * no name gets its address in brackets as one, so that the reader looks for none. Each
 * message goes out as it is made; the strings come last, by numbers that are known before:
 * the fixed ones, the model's names, and two for each module.
 */
#include "export/export.h"

#include "util/gzip.h"
#include "util/protobuf.h"
#include "util/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum profile_field {
	PROFILE_SAMPLE_TYPE = 1, PROFILE_SAMPLE, PROFILE_MAPPING, PROFILE_LOCATION, PROFILE_FUNCTION, PROFILE_STRING,
	PROFILE_TIME = 9, PROFILE_DURATION, PROFILE_PERIOD_TYPE, PROFILE_PERIOD, PROFILE_COMMENT, PROFILE_DEFAULT_TYPE,
};
enum { TYPE_NAME = 1, TYPE_UNIT };
enum { SAMPLE_LOCATIONS = 1, SAMPLE_VALUES };
enum { MAPPING_ID = 1, MAPPING_START, MAPPING_LIMIT, MAPPING_OFFSET, MAPPING_FILE, MAPPING_BUILD_ID,
       MAPPING_HAS_FUNCTIONS, MAPPING_HAS_FILES, MAPPING_HAS_LINES, MAPPING_HAS_INLINED };
enum { LOCATION_ID = 1, LOCATION_MAPPING, LOCATION_ADDRESS, LOCATION_LINE };
enum { LINE_FUNCTION = 1, LINE_NUMBER };
enum { FUNCTION_ID = 1, FUNCTION_NAME, FUNCTION_SYSTEM_NAME, FUNCTION_FILE };

static int64_t live_bytes(const struct stack_entry *e) { return e->figure.live_bytes; }
static int64_t live_blocks(const struct stack_entry *e) { return e->figure.live_blocks; }
static int64_t pinned(const struct stack_entry *e) { return e->figure.pinned_bytes; }
static int64_t rounding(const struct stack_entry *e) { return e->figure.rounding_bytes; }
static int64_t dirty(const struct stack_entry *e) { return e->figure.dirty_bytes; }
static int64_t allocated(const struct stack_entry *e) { return e->total.allocated_bytes; }
static int64_t allocations(const struct stack_entry *e) { return e->total.allocations; }

/* The fixed strings: "" must be the first. */
static const char *const units[] = { "", "bytes", "count", "space", "memwhy" };
enum { STRING_BYTES = 1, STRING_COUNT, STRING_SPACE, STRING_MEMWHY, UNITS };
static const struct { const char *name; int unit; int64_t (*of)(const struct stack_entry *e); } types[] = {
	{ "live_bytes", STRING_BYTES, live_bytes }, { "live_blocks", STRING_COUNT, live_blocks },
	{ "pinned_bytes", STRING_BYTES, pinned }, { "rounding_bytes", STRING_BYTES, rounding },
	{ "dirty_bytes", STRING_BYTES, dirty }, { "allocated_bytes", STRING_BYTES, allocated },
	{ "allocations", STRING_COUNT, allocations },
};
#define TYPES (sizeof types / sizeof *types)
static const size_t type_of[STACK_BYS] = { [STACK_BY_LIVE] = 0, [STACK_BY_PEAK] = 0, [STACK_BY_PINNED] = 2,
	[STACK_BY_ROUNDING] = 3, [STACK_BY_DIRTY] = 4, [STACK_BY_TOTAL] = 5 };

#define FIRST_NAME (UNITS + (int64_t)TYPES)

struct profile {
	const struct stack_model *m;
	struct gzip gzip;
	struct protobuf top, message, part; /* a field of the profile, its message, and what is in that */
};

static void put(struct profile *p)
{
	gzip_put(&p->gzip, p->top.bytes, p->top.size);
	p->top.size = 0;
}

static void put_message(struct profile *p, unsigned field)
{
	protobuf_message(&p->top, field, &p->message);
	put(p);
}

static void put_integer(struct profile *p, unsigned field, int64_t value)
{
	protobuf_integer(&p->top, field, value);
	put(p);
}

static void put_type(struct profile *p, unsigned field, int64_t name, int64_t unit)
{
	protobuf_integer(&p->message, TYPE_NAME, name);
	protobuf_integer(&p->message, TYPE_UNIT, unit);
	put_message(p, field);
}

static void put_heading(struct profile *p)
{
	const struct stack_model *m = p->m;
	for (size_t i = 0; i < TYPES; i++)
		put_type(p, PROFILE_SAMPLE_TYPE, UNITS + (int64_t)i, types[i].unit);
	put_integer(p, PROFILE_TIME, m->report.run->start_realtime_ns + (int64_t)m->snapshot.s.time_ns);
	if (m->report.process->end_ns > m->report.process->start_ns)
		put_integer(p, PROFILE_DURATION, m->report.process->end_ns - m->report.process->start_ns);
	put_type(p, PROFILE_PERIOD_TYPE, STRING_SPACE, STRING_BYTES);
	put_integer(p, PROFILE_COMMENT, STRING_MEMWHY);
	put_integer(p, PROFILE_DEFAULT_TYPE, UNITS + (int64_t)type_of[m->query.by]);
}

static void put_samples(struct profile *p)
{
	const struct stack_model *m = p->m;
	for (size_t i = 0; i < m->entry_count; i++) {
		uint32_t at = m->entries[i].stack;
		/* frames, not lines: a location has its inlined functions itself */
		for (int frames = 0; frames < STACK_FRAMES_MAX && (at || !frames); frames++) {
			protobuf_packed(&p->part, (int64_t)m->nodes[at].frame + 1);
			at = m->nodes[at].parent;
		}
		protobuf_message(&p->message, SAMPLE_LOCATIONS, &p->part);
		for (size_t t = 0; t < TYPES; t++)
			protobuf_packed(&p->part, types[t].of(&m->entries[i]));
		protobuf_message(&p->message, SAMPLE_VALUES, &p->part);
		put_message(p, PROFILE_SAMPLE);
	}
}

static void put_mappings(struct profile *p)
{
	int64_t first = FIRST_NAME + p->m->names->count;
	for (size_t i = 0; i < p->m->module_count; i++) {
		const struct stack_module *f = &p->m->modules[i];
		protobuf_integer(&p->message, MAPPING_ID, (int64_t)i + 1);
		protobuf_integer(&p->message, MAPPING_START, f->low);
		protobuf_integer(&p->message, MAPPING_LIMIT, f->high);
		/* from the module's first page on, that is from its file's begin */
		protobuf_integer(&p->message, MAPPING_OFFSET, 0);
		protobuf_integer(&p->message, MAPPING_FILE, first + 2 * (int64_t)i);
		protobuf_integer(&p->message, MAPPING_BUILD_ID, first + 2 * (int64_t)i + 1);
		/* all that could be named is: the reader needn't look for the files */
		for (unsigned has = MAPPING_HAS_FUNCTIONS; has <= MAPPING_HAS_INLINED; has++)
			protobuf_integer(&p->message, has, 1);
		put_message(p, PROFILE_MAPPING);
	}
}

static void put_locations(struct profile *p)
{
	const struct stack_model *m = p->m;
	for (size_t i = 0; i < m->frame_count; i++) {
		const struct stack_frame *f = &m->frames[i];
		const struct stack_module *module = stack_model_module(m, f);
		protobuf_integer(&p->message, LOCATION_ID, (int64_t)i + 1);
		protobuf_integer(&p->message, LOCATION_MAPPING, module ? module - m->modules + 1 : 0);
		protobuf_integer(&p->message, LOCATION_ADDRESS,
				 (int64_t)(f->of.address + (module ? (uint64_t)module->bias : 0)));
		for (uint32_t l = 0; l < f->line_count; l++) {
			const struct stack_line *line = &m->lines[f->first_line + l];
			protobuf_integer(&p->part, LINE_FUNCTION, (int64_t)line->names[STACK_GROUP_FUNCTION] + 1);
			protobuf_integer(&p->part, LINE_NUMBER, line->line);
			protobuf_message(&p->message, LOCATION_LINE, &p->part);
		}
		put_message(p, PROFILE_LOCATION);
	}
}

static int put_functions(struct profile *p)
{
	const struct stack_model *m = p->m;
	bool *done = calloc(m->names->count + 1, sizeof *done);
	if (!done)
		return -ENOMEM;
	for (size_t i = 0; i < m->line_count; i++) {
		const struct stack_line *l = &m->lines[i];
		uint32_t name = l->names[STACK_GROUP_FUNCTION];
		if (done[name])
			continue;
		done[name] = true;
		protobuf_integer(&p->message, FUNCTION_ID, (int64_t)name + 1);
		protobuf_integer(&p->message, FUNCTION_NAME, FIRST_NAME + name);
		protobuf_integer(&p->message, FUNCTION_SYSTEM_NAME, FIRST_NAME + name);
		if (l->has_file)
			protobuf_integer(&p->message, FUNCTION_FILE, FIRST_NAME + l->names[STACK_GROUP_FILE]);
		put_message(p, PROFILE_FUNCTION);
	}
	free(done);
	return 0;
}

/* Strings have to be UTF-8: other bytes become '?'. */
static void put_string(struct profile *p, const char *text)
{
	char *clean = strdup(text);
	if (!clean) {
		p->top.failed = true;
		return;
	}
	for (char *c = clean; *c;) {
		size_t n = text_utf8_length(c);
		*c = n ? *c : '?';
		c += n ? n : 1;
	}
	protobuf_text(&p->top, PROFILE_STRING, clean);
	free(clean);
	put(p);
}

static void put_strings(struct profile *p)
{
	for (size_t i = 0; i < UNITS; i++)
		put_string(p, units[i]);
	for (size_t i = 0; i < TYPES; i++)
		put_string(p, types[i].name);
	for (size_t i = 0; i < p->m->names->count; i++)
		put_string(p, p->m->names->all[i].text);
	for (size_t i = 0; i < p->m->module_count; i++) {
		put_string(p, p->m->modules[i].path);
		put_string(p, p->m->modules[i].build_id);
	}
}

static int write_profile(const struct stack_model *m, FILE *out)
{
	struct profile p = { .m = m };
	int r = gzip_begin(&p.gzip, out);
	if (r)
		return r;
	put_heading(&p);
	put_samples(&p);
	put_mappings(&p);
	put_locations(&p);
	r = put_functions(&p);
	put_strings(&p);
	if (!r && (p.top.failed || p.message.failed || p.part.failed))
		r = -ENOMEM;
	protobuf_finish(&p.top);
	protobuf_finish(&p.message);
	protobuf_finish(&p.part);
	int written = gzip_end(&p.gzip);
	return r ? r : written;
}

static int write_pprof(struct recording *r, const struct export_options *options, FILE *out)
{
	return export_with_stacks(r, options, write_profile, out);
}

const struct export_format export_pprof = {
	.name = "pprof", .summary = "call stacks for go tool pprof (profile.proto, gzip)", .tables = export_no_tables,
	.write = write_pprof,
};
