/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "export/export.h"
#include "make_stacks.h"
#include "util/protobuf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* Into a file; returns the result. */
static int write_file(const char *recording, const struct export_format *format, const char *table, enum stack_by by,
		      const char *path)
{
	struct export_options o = { table, STACK_QUERY_DEFAULT };
	struct recording *r;
	char error[256];
	o.stacks.by = by;
	assert_int_equal(recording_open(recording, &r, error, sizeof error), 0);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	int result = format->write(r, &o, f);
	fclose(f);
	recording_close(r);
	return result;
}

static char *text_of(const char *path)
{
	static char text[1 << 20];
	FILE *f = fopen(path, "r");
	size_t n = fread(text, 1, sizeof text - 1, f);
	fclose(f);
	text[n] = 0;
	return text;
}

static void test_folded(void **state)
{
	assert_int_equal(write_file(STACKS_NAME, &export_folded, NULL, STACK_BY_LIVE, "out"), 0);
	compare_with_golden("stacks.folded", text_of("out"));
}

static void test_csv(void **state)
{
	assert_int_equal(write_file("sampled.memwhy", &export_csv, "stacks", STACK_BY_LIVE, "out"), 0);
	compare_with_golden("stacks.csv", text_of("out"));
}

static void test_speedscope(void **state)
{
	assert_int_equal(write_file(STACKS_NAME, &export_speedscope, NULL, STACK_BY_PINNED, "out"), 0);
	compare_with_golden("stacks.speedscope.json", text_of("out"));
}

/* Names that would break a line or a list. */
static void test_folded_names(void **state)
{
	make_stacks("odd.memwhy", &(struct make_stacks){ .scale = 1024, .extra = "a;b\n\033[31m \xff\xc3\xa9 9" });
	assert_int_equal(write_file("odd.memwhy", &export_folded, NULL, STACK_BY_LIVE, "out"), 0);
	assert_non_null(strstr(text_of("out"), "main;parse;name;a:b  [31m ?\xc3\xa9 9;operator new(unsigned long) 6144000\n"));
}

/* ---- a reader of protocol buffers of its own ----------------------------------------------- */

struct reader { const uint8_t *at, *end; };

static uint64_t read_varint(struct reader *r)
{
	uint64_t v = 0;
	for (unsigned shift = 0; shift < 64; shift += 7) {
		assert_true(r->at < r->end);
		v |= (uint64_t)(*r->at & 0x7f) << shift;
		if (!(*r->at++ & 0x80))
			return v;
	}
	fail_msg("a varint without an end");
	return 0;
}

struct field { unsigned number; uint64_t value; struct reader message; };

static int read_field(struct reader *r, struct field *ret_field)
{
	if (r->at == r->end)
		return 0;
	uint64_t tag = read_varint(r);
	*ret_field = (struct field){ .number = (unsigned)(tag >> 3), .value = read_varint(r) };
	if ((tag & 7) == 0)
		return 1;
	assert_int_equal(tag & 7, 2);
	assert_true(ret_field->value <= (uint64_t)(r->end - r->at));
	ret_field->message = (struct reader){ r->at, r->at + ret_field->value };
	r->at += ret_field->value;
	return 1;
}

static struct reader unpacked(const char *path)
{
	static uint8_t bytes[1 << 20];
	gzFile f = gzopen(path, "rb");
	assert_non_null(f);
	assert_false(gzdirect(f));
	int n = gzread(f, bytes, sizeof bytes);
	assert_true(n > 0);
	gzclose(f);
	return (struct reader){ bytes, bytes + n };
}

static void test_pprof(void **state)
{
	static const uint64_t sums[7] = { 10000 * 1024, 3114, 5240 * 1024, 159 * 1024, 56 * 1024, 29001 * 1024, 4301 };
	uint64_t seen[7] = { 0 };
	unsigned counts[16] = { 0 };
	struct field f, in;
	assert_int_equal(write_file(STACKS_NAME, &export_pprof, NULL, STACK_BY_LIVE, "out.pb.gz"), 0);
	for (struct reader r = unpacked("out.pb.gz"); read_field(&r, &f);) {
		assert_in_range(f.number, 1, 14);
		if (f.number == 6 && !counts[6])
			assert_int_equal(f.value, 0); /* the first string is empty */
		counts[f.number]++;
		while (f.number == 2 && read_field(&f.message, &in))
			for (int i = 0; in.number == 2 && in.message.at < in.message.end; i++)
				seen[i] += read_varint(&in.message);
	}
	assert_int_equal(counts[1], 7);
	assert_int_equal(counts[2], 5); /* stacks that have figures */
	assert_int_equal(counts[3], 2);
	assert_int_equal(counts[4], 7); /* frames, and the one that is not known */
	for (size_t i = 0; i < 7; i++)
		assert_int_equal(seen[i], sums[i]);
}

static void test_protobuf(void **state)
{
	struct protobuf p = { 0 }, m = { 0 };
	static const uint8_t expected[] = { 0x08, 0x96, 0x01, 0x12, 0x02, 'h', 'i', 0x1a, 0x0b,
		0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01 };
	protobuf_integer(&p, 1, 150);
	protobuf_integer(&p, 7, 0); /* the default is left out */
	protobuf_text(&p, 2, "hi");
	protobuf_integer(&m, 1, -1);
	protobuf_message(&p, 3, &m);
	assert_int_equal(p.size, sizeof expected);
	assert_memory_equal(p.bytes, expected, sizeof expected);
	assert_int_equal(m.size, 0);
	protobuf_finish(&p);
	protobuf_finish(&m);
}

static void test_no_stacks(void **state)
{
	static const struct export_format *const formats[] = { &export_folded, &export_pprof, &export_speedscope };
	for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
		assert_int_equal(write_file(GOLDEN_NAME, formats[i], NULL, STACK_BY_LIVE, "out"), -ENOENT);
	assert_int_equal(write_file(GOLDEN_NAME, &export_csv, "stacks", STACK_BY_LIVE, "out"), -ENOENT);
}

static void test_full_disk(void **state)
{
	struct export_options o = { NULL, STACK_QUERY_DEFAULT };
	struct recording *r;
	char error[256];
	for (size_t i = 1; export_formats[i]; i++) {
		FILE *full = fopen("/dev/full", "w");
		if (!full)
			skip();
		setvbuf(full, NULL, _IONBF, 0);
		assert_int_equal(recording_open(STACKS_NAME, &r, error, sizeof error), 0);
		int result = export_formats[i]->write(r, &o, full);
		assert_true(result == -ENOSPC || result == -EIO);
		recording_close(r);
		fclose(full);
	}
}

static int set_up(void **state)
{
	enter_temporary_folder();
	make_golden(GOLDEN_NAME, true);
	make_stacks(STACKS_NAME, &(struct make_stacks){ .scale = 1024 });
	make_stacks("sampled.memwhy", &(struct make_stacks){ .scale = 1024, .sampled = true });
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_folded), cmocka_unit_test(test_csv), cmocka_unit_test(test_speedscope),
		cmocka_unit_test(test_folded_names), cmocka_unit_test(test_pprof), cmocka_unit_test(test_protobuf),
		cmocka_unit_test(test_no_stacks), cmocka_unit_test(test_full_disk),
	};
	return cmocka_run_group_tests(tests, set_up, leave_folder);
}
