/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "image.h"
#include "make_image.h"

#include <elf.h>
#include <errno.h>
#include <link.h>
#include <unistd.h>

#define JEMALLOC "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2"
#define FROM_DATA (-1)

static struct image *open_bytes(const void *bytes, size_t size)
{
	char path[64];
	struct image *im = NULL;
	int fd = make_file(bytes, size, path);
	int rc = image_open(path, &im);
	close(fd);
	return rc == 0 ? im : NULL;
}

static struct image *open_made(void)
{
	uint8_t bytes[MADE_BYTES];
	make_image(bytes);
	struct image *im = open_bytes(bytes, sizeof bytes);
	assert_non_null(im);
	return im;
}

/* How many references of this kind lead from the function at `from` to target. */
static unsigned count(struct image *im, int64_t from, enum image_reference_kind kind, uint64_t target)
{
	const struct image_reference *r;
	size_t n;
	unsigned found = 0;
	uint32_t index = from == FROM_DATA ? UINT32_MAX : (uint32_t)image_function_at(im, (uint64_t)from);
	assert_int_equal(image_references(im, &r, &n), 0);
	for (size_t i = 0; i < n; i++)
		found += r[i].from == index && r[i].kind == kind && r[i].target == target;
	return found;
}

/* ---- the image made by hand ------------------------------------------------------- */

static void test_headers_and_bytes(void **state)
{
	struct image *im = open_made();
	assert_int_equal(image_low(im), 0);
	assert_int_equal(image_high(im), MADE_BYTES);
	assert_memory_equal(image_bytes(im, MADE_TEXT, 4), "<jem", 4);
	assert_non_null(image_bytes(im, MADE_BYTES - 1, 1));
	assert_null(image_bytes(im, MADE_BYTES - 1, 2));
	assert_null(image_bytes(im, MADE_BYTES - 1, SIZE_MAX));
	assert_null(image_bytes(im, UINT64_MAX, 1));
	assert_true(image_is_code(im, MADE_CALLER));
	assert_false(image_is_code(im, MADE_BYTES));
	image_close(im);
}

static void test_texts(void **state)
{
	struct image *im = open_made();
	uint64_t at[2];
	assert_true(image_has_text(im, "<jemalloc>"));
	assert_false(image_has_text(im, "<jemalloc>: mode"));
	assert_int_equal(image_find_texts(im, "jemalloc>", at, 2), 1);
	assert_int_equal(at[0], MADE_TEXT + 1);
	assert_int_equal(image_find_texts(im, "\x7f" "ELF", at, 2), 1);
	assert_int_equal(at[0], 0);
	assert_int_equal(image_find_texts(im, "", at, 2), 0);
	image_close(im);
}

static void test_functions(void **state)
{
	struct image *im = open_made();
	const struct image_function *f;
	size_t n;
	assert_int_equal(image_functions(im, &f, &n), 0);
	assert_int_equal(n, 6);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(f[i].start, MADE_CALLER + 0x40 * i);
		assert_int_equal(f[i].end, f[i].start + 0x40);
		assert_int_equal(f[i].fragment, f[i].start == MADE_FRAGMENT);
		assert_int_equal(f[i].owner, f[i].fragment ? 0 : i);
	}
	assert_int_equal(image_function_at(im, MADE_FRAGMENT + 5), 0);
	assert_int_equal(image_function_at(im, MADE_TARGET + 0x3f), 1);
	assert_int_equal(image_function_at(im, MADE_STUB), -1);
	assert_int_equal(image_function_at(im, 0), -1);
	assert_int_equal(image_function_at(im, UINT64_MAX), -1);
	image_close(im);
}

static void test_references(void **state)
{
	struct image *im = open_made();
	assert_int_equal(count(im, MADE_CALLER, IMAGE_CALL, MADE_TARGET), 1);
	/* thunk, slot and stub are all calls of what they lead to */
	assert_int_equal(count(im, MADE_USER, IMAGE_CALL, MADE_TARGET), 3);
	assert_int_equal(count(im, MADE_USER, IMAGE_CALL, MADE_THUNK), 0);
	assert_int_equal(count(im, MADE_THUNK, IMAGE_JUMP, MADE_TARGET), 0);
	/* the fragment's call is its owner's; the jump to it is none */
	assert_int_equal(count(im, MADE_CALLER, IMAGE_CALL, MADE_USER), 1);
	assert_int_equal(count(im, MADE_CALLER, IMAGE_JUMP, MADE_FRAGMENT), 0);
	assert_int_equal(count(im, MADE_LOADER, IMAGE_TAKES, MADE_TARGET), 1);
	assert_int_equal(count(im, MADE_LOADER, IMAGE_DATA, MADE_VARIABLE), 1);
	assert_int_equal(count(im, MADE_TARGET, IMAGE_TAKES, MADE_TEXT), 1);
	assert_int_equal(count(im, FROM_DATA, IMAGE_TAKES, MADE_TARGET), 1);
	assert_int_equal(count(im, FROM_DATA, IMAGE_TAKES, MADE_CALLER), 1);
	image_close(im);
}

static void test_id_without_note(void **state)
{
	uint8_t bytes[MADE_BYTES];
	char a[IMAGE_ID_BYTES], b[IMAGE_ID_BYTES];
	struct image *im = open_made();
	assert_int_equal(image_id(im, a), 0);
	assert_int_equal(strncmp(a, "text-", 5), 0);
	image_close(im);
	make_image(bytes);
	bytes[MADE_STUB + 20] ^= 1;
	im = open_bytes(bytes, sizeof bytes);
	assert_int_equal(image_id(im, b), 0);
	assert_string_not_equal(a, b);
	image_close(im);
}

/* ---- real files ---------------------------------------------------------------------- */

__attribute__((noinline)) static int test_callee(int n)
{
	__asm__ volatile("");
	return n + 1;
}

__attribute__((noinline)) static int test_caller(int n)
{
	return test_callee(n) + test_callee(n + 1);
}

int (*volatile test_pointer)(int) = test_callee;

static int take_bias(struct dl_phdr_info *info, size_t size, void *arg)
{
	*(uint64_t *)arg = info->dlpi_addr;
	return 1; /* the first one is the program */
}

static void test_own_program(void **state)
{
	struct image *im;
	uint64_t bias;
	dl_iterate_phdr(take_bias, &bias);
	uint64_t caller = (uint64_t)(uintptr_t)test_caller - bias, callee = (uint64_t)(uintptr_t)test_callee - bias;
	assert_int_equal(test_caller(1), test_pointer(1) + test_callee(2));
	assert_int_equal(image_open("/proc/self/exe", &im), 0);
	const struct image_function *f;
	size_t n;
	assert_int_equal(image_functions(im, &f, &n), 0);
	assert_int_equal(f[image_function_at(im, callee)].start, callee);
	assert_true(count(im, (int64_t)caller, IMAGE_CALL, callee) >= 1);
	assert_int_equal(count(im, FROM_DATA, IMAGE_TAKES, callee), 1);
	image_close(im);
}

static bool expect_function(void *arg, const struct image_symbol *s)
{
	const struct image_function *f;
	size_t n;
	if (!s->function)
		return true;
	assert_int_equal(image_functions(arg, &f, &n), 0);
	int64_t i = image_function_at(arg, s->address);
	assert_true(i >= 0);
	assert_int_equal(f[i].start, s->address);
	assert_false(f[i].fragment);
	return true;
}

static void test_jemalloc(void **state)
{
	struct image *im;
	const struct image_function *f;
	const struct image_reference *r;
	size_t n, m;
	if (image_open(JEMALLOC, &im) < 0) {
		print_message("no " JEMALLOC "\n");
		skip();
	}
	assert_int_equal(image_symbols(im, expect_function, im), 0);
	assert_int_equal(image_functions(im, &f, &n), 0);
	for (size_t i = 0; i < n; i++) {
		assert_true(f[i].start < f[i].end);
		assert_true(i == 0 || f[i - 1].end <= f[i].start);
		assert_true(f[i].fragment ? f[i].owner < n : f[i].owner == i);
	}
	assert_int_equal(image_references(im, &r, &m), 0);
	for (size_t i = 1; i < m; i++)
		assert_true(r[i - 1].target < r[i].target || (r[i - 1].target == r[i].target && r[i - 1].from <= r[i].from));
	image_close(im);
}

/* ---- what is no image, or lies ----------------------------------------------------------- */

static int open_error(const void *bytes, size_t size)
{
	char path[64];
	struct image *im = NULL;
	int fd = make_file(bytes, size, path);
	int rc = image_open(path, &im);
	close(fd);
	if (rc == 0)
		image_close(im);
	return rc;
}

static void test_no_images(void **state)
{
	struct image *im = NULL;
	uint8_t bytes[MADE_BYTES];
	assert_int_equal(image_open("/nonexistent", &im), -ENOENT);
	assert_int_equal(image_open("/", &im), -ENOEXEC);
	assert_int_equal(image_open("/dev/null", &im), -ENOEXEC);
	assert_null(im);
	assert_int_equal(open_error("", 0), -ENOEXEC);
	assert_int_equal(open_error("#!/bin/sh\n", 10), -ENOEXEC);
	make_image(bytes);
	for (size_t n = 1; n < MADE_BYTES; n += 61)
		assert_int_equal(open_error(bytes, n), -ENOEXEC);
	bytes[offsetof(Elf64_Ehdr, e_machine)] = EM_AARCH64;
	assert_int_equal(open_error(bytes, sizeof bytes), -ENOEXEC);
}

static void expect_refused(size_t at, uint64_t value)
{
	uint8_t bytes[MADE_BYTES];
	make_image(bytes);
	memcpy(bytes + sizeof(Elf64_Ehdr) + at, &value, sizeof value);
	assert_int_equal(open_error(bytes, sizeof bytes), -ENOEXEC);
}

static void test_segments_that_lie(void **state)
{
	expect_refused(offsetof(Elf64_Phdr, p_filesz), MADE_BYTES + 1);
	expect_refused(offsetof(Elf64_Phdr, p_filesz), UINT64_MAX);
	expect_refused(offsetof(Elf64_Phdr, p_offset), UINT64_MAX - 8);
	expect_refused(offsetof(Elf64_Phdr, p_memsz), MADE_BYTES - 1);
	expect_refused(offsetof(Elf64_Phdr, p_memsz), 1ull << 40);
	expect_refused(offsetof(Elf64_Phdr, p_vaddr), UINT64_MAX - 100);
}

static size_t functions_with(size_t at, uint32_t value)
{
	uint8_t bytes[MADE_BYTES];
	const struct image_function *f;
	size_t n = 0;
	make_image(bytes);
	memcpy(bytes + at, &value, sizeof value);
	struct image *im = open_bytes(bytes, sizeof bytes);
	int rc = image_functions(im, &f, &n);
	assert_true(rc == 0 || ((rc == -ENODATA || rc == -EBADMSG) && n == 0));
	image_close(im);
	return n;
}

static void test_frames_that_lie(void **state)
{
	assert_int_equal(functions_with(0x208, UINT32_MAX), 0); /* more entries than there are */
	assert_int_equal(functions_with(0x208, 0), 0);
	assert_int_equal(functions_with(0x208, 2), 2);
	assert_int_equal(functions_with(0x200, 0x3b03ff01), 0);   /* encodings that are none */
	assert_int_equal(functions_with(0x20c, 0x7fffffff), 0);   /* a start that its description denies */
	assert_int_equal(functions_with(0x210, 0x7fffffff), 5);   /* a description outside */
	assert_int_equal(functions_with(0x418 + 12, 0), 5);       /* an empty function */
	assert_int_equal(functions_with(0x418 + 12, UINT32_MAX), 6); /* one over all of them */
	assert_int_equal(functions_with(0x418, UINT32_MAX - 1), 5);
	assert_int_equal(functions_with(0x400, UINT32_MAX), 0);   /* the common part is damaged */
	assert_int_equal(functions_with(0x418 + 4, 0), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_headers_and_bytes), cmocka_unit_test(test_texts), cmocka_unit_test(test_functions),
		cmocka_unit_test(test_references), cmocka_unit_test(test_id_without_note), cmocka_unit_test(test_own_program),
		cmocka_unit_test(test_jemalloc), cmocka_unit_test(test_no_images),
		cmocka_unit_test(test_segments_that_lie), cmocka_unit_test(test_frames_that_lie),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
