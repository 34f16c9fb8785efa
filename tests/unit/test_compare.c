/* SPDX-License-Identifier: MIT */
/* Words, rows and cells of memwhy compare, and what is printed of them. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "compare_file.h"
#include "compare_rows.h"

/* The words with '|' between them. */
static const char *words(const char *text)
{
	static char line[256];
	char **list;
	line[0] = 0;
	int error = compare_split(text, &list);
	if (error)
		return error == -ENODATA ? "no words" : error == -EINVAL ? "no end" : "?";
	for (size_t i = 0; list[i]; i++) {
		strcat(strcat(line, i ? "|" : ""), list[i]);
		free(list[i]);
	}
	free(list);
	return line;
}

static void words_as_a_shell_has_them(void **state)
{
	assert_string_equal(words("a b  c\t d\n"), "a|b|c|d");
	assert_string_equal(words("a 'b c' \"d e\"f"), "a|b c|d ef");
	assert_string_equal(words("'' a"), "|a");
	assert_string_equal(words("a\\ b 'c\\d' \"e\\\"f\\g\""), "a b|c\\d|e\"f\\g");
	assert_string_equal(words("$x *.c ; ls"), "$x|*.c|;|ls");
	assert_string_equal(words(" \t "), "no words");
	assert_string_equal(words("a 'b"), "no end");
	assert_string_equal(words("a \"b\\"), "no end");
	assert_string_equal(words("a\\"), "no end");
}

static void make(const struct compare_request *q, struct compare *c)
{
	char error[512];
	assert_int_equal(compare_make_rows(q, c, error, sizeof error), 0);
}

static void products(void **state)
{
	char *const commands[] = { (char[]){ "a 'x y'" }, (char[]){ "b" } };
	const struct compare_request q = { .commands = commands, .command_count = 2, .allocators = "glibc,glibc",
					   .settings = { "N=1,2", "M=", }, .setting_count = 2 };
	struct compare *c = calloc(1, sizeof *c);
	make(&q, c);
	assert_int_equal(c->count, 8);
	assert_string_equal(c->rows[0].name, "[glibc] N=1 M= a 'x y'");
	assert_string_equal(c->rows[1].name, "[glibc] N=2 M= a 'x y'");
	assert_string_equal(c->rows[7].name, "[glibc] N=2 M= b");
	assert_string_equal(c->rows[0].argv[1], "x y");
	assert_null(c->rows[0].argv[2]);
	assert_string_equal(c->rows[5].settings[0], "N=2");
	assert_null(c->rows[0].preload);
	compare_finish(c);
	free(c);
}

static void bad_requests(void **state)
{
	char *const commands[] = { (char[]){ "a" } };
	static const struct { const char *allocators, *setting, *says; } bad[] = {
		{ "nonsense", "N=1", "unknown allocator" }, { "./none.so", "N=1", "does not exist" }, { "/dev/null", "N=1", "not a shared library" },
		{ "glibc", "N", "--env takes" }, { "glibc", "=1", "--env takes" }, { "glibc,glibc", "N=1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1", "rows" },
		{ "glibc,", "N=1", "unknown allocator" },
	};
	struct compare *c = calloc(1, sizeof *c);
	char error[512];
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		const struct compare_request q = { .commands = commands, .command_count = 1, .allocators = bad[i].allocators,
						   .settings = { bad[i].setting }, .setting_count = 1 };
		assert_int_equal(compare_make_rows(&q, c, error, sizeof error), -EINVAL);
		assert_non_null(strstr(error, bad[i].says));
		assert_int_equal(c->count, 0);
	}
	free(c);
}

/* ---- cells ---------------------------------------------------------------------------------- */

static void fill(struct compare_row *row, enum compare_column column, double from, double step, int count)
{
	for (int i = 0; i < count; i++)
		assert_int_equal(compare_add(row, column, from + i * step), 0);
}

static struct compare *example(void)
{
	char *const commands[] = { (char[]){ "a|b" }, (char[]){ "b" }, (char[]){ "c" } };
	const struct compare_request q = { .commands = commands, .command_count = 3 };
	struct compare *c = calloc(1, sizeof *c);
	make(&q, c);
	for (int i = 0; i < 3; i++) {
		fill(&c->rows[i], COMPARE_C_wall, 3e8 - 1e8 * i, 1e5, 5);
		fill(&c->rows[i], COMPARE_C_live, 1 << 20, 0, 5);
	}
	fill(&c->rows[0], COMPARE_C_peak_rss, 1048576, 0, 5);
	fill(&c->rows[1], COMPARE_C_peak_rss, 1048576 + 512, 0, 5);
	fill(&c->rows[1], COMPARE_C_dirty, NAN, 0, 5);
	strcpy(c->rows[2].left_out, "exit status 1");
	assert_int_equal(compare_judge(c), 0);
	return c;
}

static void marks(void **state)
{
	struct compare *c = example();
	char text[64];
	assert_true(c->rows[1].cells[COMPARE_C_wall].differs);
	assert_false(c->rows[0].cells[COMPARE_C_wall].differs);
	assert_false(c->rows[1].cells[COMPARE_C_live].differs);
	/* certain, and too small for a mark */
	assert_true(c->rows[1].cells[COMPARE_C_peak_rss].p < STATISTICS_LEVEL);
	assert_false(c->rows[1].cells[COMPARE_C_peak_rss].differs);
	compare_cell_text(&c->rows[1].cells[COMPARE_C_wall], COMPARE_NS, text, sizeof text);
	assert_string_equal(text, "0.20 s (0.0%)*");
	compare_cell_text(&c->rows[1].cells[COMPARE_C_dirty], COMPARE_BYTES, text, sizeof text);
	assert_string_equal(text, "-");
	compare_change_text(&c->rows[0].cells[COMPARE_C_wall], &c->rows[1].cells[COMPARE_C_wall], text, sizeof text);
	assert_string_equal(text, "-33.3%");
	compare_change_text(&c->rows[0].cells[COMPARE_C_dirty], &c->rows[1].cells[COMPARE_C_wall], text, sizeof text);
	assert_string_equal(text, "");
	compare_finish(c);
	free(c);
}

static void too_few_are_not_marked(void **state)
{
	char *const commands[] = { (char[]){ "a" }, (char[]){ "b" } };
	const struct compare_request q = { .commands = commands, .command_count = 2 };
	struct compare *c = calloc(1, sizeof *c);
	make(&q, c);
	fill(&c->rows[0], COMPARE_C_wall, 1, 1, STATISTICS_RUNS_MIN - 1);
	fill(&c->rows[1], COMPARE_C_wall, 100, 1, STATISTICS_RUNS_MIN - 1);
	assert_int_equal(compare_judge(c), 0);
	assert_false(c->rows[1].cells[COMPARE_C_wall].differs);
	compare_finish(c);
	free(c);
}

static char *printed(struct compare *c, const char *format, size_t width)
{
	struct compare_view v = { .compare = c, .sort = COMPARE_C_wall, .width = width };
	char *text;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	for (int i = 0; i < COMPARE_COLUMNS; i++)
		v.columns[v.column_count++] = (enum compare_column)i;
	compare_format_by_name(format)(&v, f);
	fclose(f);
	return text;
}

static void other_work_is_told(void **state)
{
	static const struct { double step; bool told; } cases[] = { { 0, false }, { 1, false }, { 10, true } };
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct compare *c = example();
		fill(&c->rows[1], COMPARE_C_allocations, 1000, cases[i].step, 5);
		assert_int_equal(compare_judge(c), 0);
		char *text = printed(c, "text", 100);
		assert_int_equal(strstr(text, "row 2 does not do the same work each time: 1,000 to 1,040 allocations\n") != NULL, cases[i].told);
		free(text);
		compare_finish(c);
		free(c);
	}
}

static void tables_fit(void **state)
{
	struct compare *c = example();
	for (size_t width = 60; width <= 160; width += 20) {
		char *text = printed(c, "text", width);
		for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1)
			if (strncmp(line, "Medians", 7)) /* one sentence of its own length */
				assert_true((size_t)(end - line) <= (width < 100 ? 100 : width));
		assert_non_null(strstr(text, "row 3 is left out: exit status 1\n"));
		assert_non_null(strstr(text, "  2  wall -33.3%\n"));
		free(text);
	}
	compare_finish(c);
	free(c);
}

static void formats_agree(void **state)
{
	struct compare *c = example();
	char *csv = printed(c, "csv", 0), *json = printed(c, "json", 0), *markdown = printed(c, "markdown", 0);
	assert_non_null(strstr(csv, "row,command,allocator,left_out,file_bytes,"));
	assert_true(strstr(csv, "\r\n2,b,,,") < strstr(csv, "\r\n1,a|b,,,")); /* sorted by wall */
	assert_non_null(strstr(csv, ",200200000,100000,5,1,"));
	assert_non_null(strstr(csv, "\r\n3,c,,exit status 1,,,0,0,"));
	assert_non_null(strstr(json, "\"median\": 200200000"));
	assert_non_null(strstr(json, "\"differs\": true"));
	assert_non_null(strstr(json, "\"dirty_bytes\": null"));
	assert_non_null(strstr(markdown, "| 1 | a\\|b | "));
	assert_non_null(strstr(markdown, "0.20 s (0.0%)\\*"));
	assert_null(compare_format_by_name("html"));
	free(csv), free(json), free(markdown);
	compare_finish(c);
	free(c);
}

static void files(void **state)
{
	int64_t bytes = 0, all = 0;
	assert_int_equal(compare_file_size("/proc/self/exe", &all), 0);
	assert_int_equal(compare_file_stripped_size("/proc/self/exe", &bytes), 0);
	assert_true(bytes > 1000 && bytes < all); /* a test program has its symbols */
	assert_int_equal(compare_file_stripped_size("/dev/null", &bytes), -ENOEXEC);
	assert_int_equal(compare_file_stripped_size("/no/such/file", &bytes), -ENOENT);
	assert_non_null(compare_file_no_allocator("/proc/self/exe"));
	assert_string_equal(compare_file_no_allocator("/no/such/file"), "does not exist");
}

/* Cut anywhere, an ELF file is an error or a number. */
static void cut_files(void **state)
{
	static char bytes[1 << 20];
	char name[] = "/tmp/memwhy-compare-XXXXXX";
	FILE *self = fopen("/proc/self/exe", "r");
	size_t size = fread(bytes, 1, sizeof bytes, self);
	int64_t got;
	fclose(self);
	int fd = mkstemp(name);
	assert_true(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
	for (size_t cut = size; cut > 0; cut = cut * 3 / 4) {
		assert_int_equal(ftruncate(fd, (off_t)cut), 0);
		assert_true(compare_file_stripped_size(name, &got) == -ENOEXEC || got <= (int64_t)size);
		compare_file_no_allocator(name);
	}
	for (size_t at = 0; at < 64; at++) { /* each byte of its header wrong */
		assert_int_equal(pwrite(fd, bytes, size, 0), size);
		assert_int_equal(pwrite(fd, "\xff", 1, (off_t)at), 1);
		compare_file_stripped_size(name, &got);
		compare_file_no_allocator(name);
	}
	close(fd);
	unlink(name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_as_a_shell_has_them), cmocka_unit_test(products), cmocka_unit_test(bad_requests),
		cmocka_unit_test(marks), cmocka_unit_test(too_few_are_not_marked), cmocka_unit_test(other_work_is_told), cmocka_unit_test(tables_fit),
		cmocka_unit_test(formats_agree), cmocka_unit_test(files), cmocka_unit_test(cut_files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
