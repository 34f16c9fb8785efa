/* SPDX-License-Identifier: MIT */
/*
 * This very program is the module: it knows where its functions and lines are. binutils make
 * the other forms of it: stripped, with its debug file apart, compressed, packed, damaged.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "symbolize.h"

#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[256], self[4096];
static uint64_t call_address, function_start; /* the file's */
static int inner_line, outer_line;

static int take_bias(struct dl_phdr_info *info, size_t size, void *arg)
{
	*(uint64_t *)arg = info->dlpi_addr;
	return 1; /* the first one is the program */
}

__attribute__((noinline)) static void note_caller(void)
{
	uint64_t bias = 0;
	dl_iterate_phdr(take_bias, &bias);
	call_address = (uint64_t)(uintptr_t)__builtin_return_address(0) - 1 - bias;
}

__attribute__((always_inline)) static inline void symbolize_inner(void)
{
	inner_line = __LINE__ + 1;
	note_caller();
	__asm__ volatile("" ::: "memory"); /* no tail call */
}

__attribute__((noinline)) static void symbolize_outer(void)
{
	outer_line = __LINE__ + 1;
	symbolize_inner();
	__asm__ volatile("" ::: "memory");
}

static int run(const char *format, ...) __attribute__((format(printf, 1, 2)));
static int run(const char *format, ...)
{
	char line[8192];
	va_list args;
	va_start(args, format);
	vsnprintf(line, sizeof line, format, args);
	va_end(args);
	return system(line);
}

/* Formats of the program that binutils make; skipped where they are not there. */
static void make(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void make(const char *format, ...)
{
	char line[8192];
	va_list args;
	va_start(args, format);
	vsnprintf(line, sizeof line, format, args);
	va_end(args);
	if (run("command -v objcopy > /dev/null") != 0)
		skip();
	assert_int_equal(system(line), 0);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	return remove(path);
}

static int leave(void **state)
{
	return chdir("/") || nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static int enter(void **state)
{
	const char *tmp = getenv("TMPDIR");
	uint64_t bias = 0;
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	snprintf(folder, sizeof folder, "%s/memwhy-symbolize-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	if (n <= 0 || !mkdtemp(folder) || chdir(folder) != 0)
		return -1;
	symbolize_outer();
	dl_iterate_phdr(take_bias, &bias);
	function_start = (uint64_t)(uintptr_t)symbolize_outer - bias;
	return 0;
}

/* ---- what is expected ------------------------------------------------------------------- */

static struct symbolize_file *open_file(const char *path, const char *const *debug_dirs)
{
	struct symbolize_file *f = NULL;
	assert_int_equal(symbolize_open(path, NULL, debug_dirs, &f), 0);
	return f;
}

static void expect_lines(const char *path, const char *const *debug_dirs)
{
	struct symbolize_file *f = open_file(path, debug_dirs);
	struct symbolize_names n;
	assert_int_equal(symbolize_address(f, call_address, &n), 0);
	assert_int_equal(n.count, 2);
	assert_string_equal(n.names[0].function, "symbolize_inner");
	assert_string_equal(n.names[1].function, "symbolize_outer");
	assert_int_equal(n.names[0].line, inner_line);
	assert_int_equal(n.names[1].line, outer_line);
	assert_string_equal(strrchr(n.names[0].file, '/'), "/test_symbolize.c");
	assert_string_equal(strrchr(n.names[1].file, '/'), "/test_symbolize.c");
	assert_string_equal(n.names[0].source, "dwarf");
	symbolize_close(f);
}

static void expect_name(const char *path, const char *const *debug_dirs, const char *function, const char *source)
{
	struct symbolize_file *f = open_file(path, debug_dirs);
	struct symbolize_names n;
	assert_int_equal(symbolize_address(f, call_address, &n), 0);
	assert_int_equal(n.count, 1);
	assert_string_equal(n.names[0].function, function);
	assert_string_equal(n.names[0].source, source);
	assert_int_equal(n.names[0].line, 0);
	symbolize_close(f);
}

static void expect_start(const char *path, const char *const *debug_dirs)
{
	char name[64];
	snprintf(name, sizeof name, "%s+0x%" PRIx64, path, function_start);
	expect_name(path, debug_dirs, name, "eh_frame");
}

/* Of self.plain. */
static void read_id(char ret[256])
{
	FILE *f = popen("readelf -n self.plain 2>/dev/null | sed -n 's/.*Build ID: *//p'", "r");
	assert_non_null(f);
	ret[0] = 0;
	if (fscanf(f, "%255s", ret) != 1)
		ret[0] = 0;
	pclose(f);
}

/* ---- tests -------------------------------------------------------------------------------- */

static void own_dwarf(void **state)
{
	expect_lines(self, NULL);
}

static void compressed(void **state)
{
	make("objcopy --compress-debug-sections=zlib %s packed-sections", self);
	expect_lines("packed-sections", NULL);
	make("objcopy --compress-debug-sections=zlib-gnu %s packed-old", self);
	expect_lines("packed-old", NULL);
}

static void symbol_table(void **state)
{
	make("objcopy --strip-debug %s symbols", self);
	expect_name("symbols", NULL, "symbolize_outer", "symtab");
}

static void stripped(void **state)
{
	make("objcopy --strip-all %s bare", self);
	expect_start("bare", NULL);
}

static void debug_link(void **state)
{
	make("mkdir -p link/.debug && objcopy --only-keep-debug %s link/self.debug && objcopy --strip-all "
	     "--add-gnu-debuglink=link/self.debug %s link/self", self, self);
	expect_lines("link/self", NULL);
	make("mv link/self.debug link/.debug");
	expect_lines("link/self", NULL);
}

/* Without build ids the link's checksum decides. */
static void checksum(void **state)
{
	make("mkdir -p sum && objcopy --remove-section=.note.gnu.build-id %s sum/whole && objcopy --only-keep-debug "
	     "sum/whole sum/self.debug && objcopy --strip-all --add-gnu-debuglink=sum/self.debug sum/whole sum/self",
	     self);
	expect_lines("sum/self", NULL);
	make("printf x >> sum/self.debug");
	struct symbolize_file *f = open_file("sum/self", NULL);
	struct symbolize_names n;
	assert_non_null(symbolize_refused(f));
	assert_int_equal(symbolize_address(f, call_address, &n), 0);
	assert_string_equal(n.names[0].source, "eh_frame");
	symbolize_close(f);
}

static void debug_dirs(void **state)
{
	char id[256];
	const char *const dirs[] = { "empty", "dirs", NULL }, *const flat[] = { "flat", NULL };
	make("mkdir -p empty dirs flat && cp %s self.plain && objcopy --strip-all self.plain elsewhere", self);
	read_id(id);
	if (!*id)
		skip(); /* a linker that makes no build ids */
	expect_start("elsewhere", dirs);
	make("mkdir -p dirs/.build-id/%.2s && objcopy --only-keep-debug self.plain dirs/.build-id/%.2s/%s.debug", id, id, id + 2);
	expect_lines("elsewhere", dirs);
	make("objcopy --only-keep-debug self.plain flat/elsewhere.debug");
	expect_lines("elsewhere", flat);
	make("cp self.plain flat/elsewhere && rm flat/elsewhere.debug");
	expect_lines("elsewhere", flat);
}

static void another_build(void **state)
{
	char id[256];
	const char *const dirs[] = { "wrong", NULL };
	make("mkdir -p wrong && cp %s self.plain && objcopy --strip-all self.plain odd", self);
	read_id(id);
	if (!*id)
		skip();
	/* the note's head, then another id */
	make("objcopy --dump-section .note.gnu.build-id=note self.plain && head -c 16 note > other && "
	     "head -c 20 /dev/zero >> other && objcopy --update-section .note.gnu.build-id=other self.plain wrong/odd.debug");
	expect_start("odd", dirs);
	struct symbolize_file *f = open_file("odd", dirs);
	assert_string_equal(symbolize_refused(f), "wrong/odd.debug");
	symbolize_close(f);
}

static void replaced(void **state)
{
	char id[256];
	struct symbolize_file *f = NULL;
	make("cp %s self.plain", self);
	read_id(id);
	if (!*id)
		skip();
	assert_int_equal(symbolize_open("self.plain", id, NULL, &f), 0);
	symbolize_close(f);
	f = NULL;
	id[3] ^= 1;
	assert_int_equal(symbolize_open("self.plain", id, NULL, &f), -ESTALE);
	id[4] = 0;
	assert_int_equal(symbolize_open("self.plain", id, NULL, &f), -ESTALE);
	assert_int_equal(symbolize_open("self.plain", "", NULL, &f), -ESTALE);
	assert_int_equal(symbolize_open("nothing-here", NULL, NULL, &f), -ENOENT);
	assert_null(f);
}

static void packed_symbols(void **state)
{
	if (run("command -v xz > /dev/null") != 0)
		skip();
	make("objcopy --strip-debug %s mini && xz -k mini && objcopy --strip-all --add-section .gnu_debugdata=mini.xz %s with-mini",
	     self, self);
	expect_name("with-mini", NULL, "symbolize_outer", "debugdata");
}

static void no_modules(void **state)
{
	struct symbolize_file *f = NULL;
	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_int_equal(run("printf '\\177ELF' > short && : > empty-file && echo text > text"), 0);
	static const char *const paths[] = { "fifo", "short", "empty-file", "text", "/dev/zero", "." };
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		assert_true(symbolize_open(paths[i], NULL, NULL, &f) < 0);
	assert_null(f);
}

static void addresses_outside(void **state)
{
	struct symbolize_file *f = open_file(self, NULL);
	struct symbolize_names n = { .count = 77 };
	static const uint64_t odd[] = { 0, 1, UINT64_MAX, UINT64_MAX / 2, UINT64_C(1) << 63 };
	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
		assert_int_equal(symbolize_address(f, odd[i], &n), -ENOENT);
	assert_int_equal(n.count, 77);
	symbolize_close(f);
}

/* ---- damage -------------------------------------------------------------------------------- */

static uint64_t seed = 88172645463325252u;
static uint64_t next_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	return seed ^= seed << 17;
}

static void write_file(const char *path, const uint8_t *bytes, size_t n)
{
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

/* Whatever it says, it ends, and hands out nothing that can't be read. */
static void ask_all(const char *path)
{
	struct symbolize_file *f;
	struct symbolize_names n;
	size_t letters = 0;
	if (symbolize_open(path, NULL, NULL, &f) < 0)
		return;
	for (int i = 0; i < 64; i++) {
		uint64_t address = i < 8 ? call_address + (uint64_t)i : call_address - 8192 + next_random() % 16384;
		if (symbolize_address(f, address, &n) < 0)
			continue;
		assert_in_range(n.count, 1, SYMBOLIZE_INLINED_MAX);
		for (size_t k = 0; k < n.count; k++)
			letters += (n.names[k].function ? strlen(n.names[k].function) : 0) +
				   (n.names[k].file ? strlen(n.names[k].file) : 0);
	}
	assert_true(letters < 64u << 20);
	symbolize_close(f);
}

static void damaged(void **state)
{
	make("objcopy --compress-debug-sections=none %s whole", self);
	FILE *f = fopen("whole", "r");
	struct stat st;
	assert_non_null(f);
	assert_int_equal(fstat(fileno(f), &st), 0);
	size_t size = (size_t)st.st_size, tail = size > 8192 ? size - 8192 : 0;
	uint8_t *bytes = malloc(size), *copy = malloc(size);
	assert_true(bytes && copy && fread(bytes, 1, size, f) == size);
	fclose(f);
	for (int i = 0; i < 300; i++) {
		memcpy(copy, bytes, size);
		/* the headers at either end are hit more often than a fair die would */
		for (uint64_t k = next_random() % 24; k-- > 0;) {
			uint64_t r = next_random() % 4;
			size_t at = r == 0 ? next_random() % 1024 : r == 1 ? tail + next_random() % (size - tail) : next_random() % size;
			copy[at] ^= (uint8_t)(1u << next_random() % 8);
		}
		write_file("damaged", copy, i % 3 ? size : next_random() % size);
		ask_all("damaged");
	}
	free(bytes);
	free(copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(own_dwarf), cmocka_unit_test(compressed), cmocka_unit_test(symbol_table),
		cmocka_unit_test(stripped), cmocka_unit_test(debug_link), cmocka_unit_test(checksum),
		cmocka_unit_test(debug_dirs), cmocka_unit_test(another_build), cmocka_unit_test(replaced),
		cmocka_unit_test(packed_symbols), cmocka_unit_test(no_modules), cmocka_unit_test(addresses_outside),
		cmocka_unit_test(damaged),
	};
	return cmocka_run_group_tests(tests, enter, leave);
}
