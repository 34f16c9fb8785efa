/* SPDX-License-Identifier: MIT */
/* Everything that can be asked, of many damaged files: an error or an answer, never a crash.
 * The damage is the same each time. Worth most under the address sanitizer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "candidates.h"
#include "make_image.h"

#include <elf.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define JEMALLOC "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2"

static uint64_t random_state;

static uint32_t next_random(void)
{
	random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(random_state >> 33);
}

static bool read_symbol(void *arg, const struct image_symbol *s)
{
	*(size_t *)arg += strlen(s->name) + (s->address & 1);
	return true;
}

static void ask_candidates(struct image *im)
{
	struct candidates *c;
	const struct candidate *list = NULL;
	size_t n = 0;
	if (candidates_create(im, &c) < 0)
		return;
	for (int f = WIRE_FAMILY_NONE; f < WIRE_FAMILIES; f++) {
		candidates_has_family(c, (enum wire_family)f);
		assert_int_equal(candidates_list(c, (enum wire_family)f, &list, &n), 0);
		for (size_t i = 0; i < n; i++)
			assert_true(image_is_code(im, list[i].address));
		if (n)
			candidates_enters(c, list[0].address, list[n - 1].address);
		assert_int_equal(candidates_outside(c, (enum wire_family)f, &list, &n), 0);
	}
	uint64_t entries[] = { image_low(im), n ? list[0].address : 0, UINT64_MAX };
	assert_int_equal(candidates_related(c, WIRE_FAMILY_JEMALLOC, entries, 3, &list, &n), 0);
	assert_int_equal(candidates_mallctl(c, &list, &n), 0);
	candidates_destroy(c);
}

static void ask_everything(const uint8_t *bytes, size_t size)
{
	char path[64], id[IMAGE_ID_BYTES];
	struct image *im;
	size_t sum = 0;
	int fd = make_file(bytes, size, path);
	if (image_open(path, &im) == 0) {
		image_id(im, id);
		image_symbols(im, read_symbol, &sum);
		image_has_text(im, "mimalloc: ");
		image_function_at(im, image_low(im) + sum % 4096);
		ask_candidates(im);
		image_close(im);
	}
	close(fd);
}

static void damage(uint8_t *bytes, size_t from, size_t size)
{
	static const uint8_t odd[] = { 0, 1, 0x7f, 0x80, 0xfe, 0xff };
	for (unsigned n = 1 + next_random() % 4; n; n--) {
		size_t at = from + next_random() % size;
		bytes[at] = next_random() % 2 ? odd[next_random() % sizeof odd] : (uint8_t)next_random();
	}
}

static void test_made_image_damaged(void **state)
{
	uint8_t whole[MADE_BYTES], copy[MADE_BYTES];
	make_image(whole);
	random_state = 1;
	for (unsigned round = 0; round < 20000; round++) {
		memcpy(copy, whole, sizeof copy);
		damage(copy, 0, round % 2 ? 0x100 : sizeof copy / 2 + 0x240);
		ask_everything(copy, sizeof copy);
	}
}

struct part { size_t at, size; };

/* The headers, then what the program headers name: relocations and frames are among it. */
static size_t find_parts(const uint8_t *bytes, struct part *parts, size_t max)
{
	Elf64_Ehdr e;
	Elf64_Phdr ph;
	size_t n = 0;
	memcpy(&e, bytes, sizeof e);
	parts[n++] = (struct part){ 0, 0x300 };
	parts[n++] = (struct part){ e.e_shoff, e.e_shnum * sizeof(Elf64_Shdr) };
	for (unsigned i = 0; i < e.e_phnum && n < max; i++) {
		memcpy(&ph, bytes + e.e_phoff + i * sizeof ph, sizeof ph);
		if (ph.p_filesz)
			parts[n++] = (struct part){ ph.p_offset, ph.p_filesz };
	}
	return n;
}

static uint8_t *read_allocator(size_t *ret_size)
{
	struct stat st;
	FILE *file = fopen(JEMALLOC, "rb");
	if (!file) {
		print_message("no " JEMALLOC "\n");
		skip();
	}
	assert_int_equal(fstat(fileno(file), &st), 0);
	uint8_t *bytes = malloc((size_t)st.st_size);
	assert_int_equal(fread(bytes, 1, (size_t)st.st_size, file), st.st_size);
	fclose(file);
	*ret_size = (size_t)st.st_size;
	return bytes;
}

static void test_real_file_damaged(void **state)
{
	struct part parts[32];
	size_t size;
	uint8_t *whole = read_allocator(&size), *copy = malloc(size);
	size_t n = find_parts(whole, parts, 32);
	random_state = 2;
	for (unsigned round = 0; round < 300; round++) {
		memcpy(copy, whole, size);
		for (unsigned i = 0; i < 8; i++)
			damage(copy, parts[round % n].at, parts[round % n].size);
		ask_everything(copy, size);
	}
	free(whole);
	free(copy);
}

static void test_real_file_cut(void **state)
{
	size_t size;
	uint8_t *whole = read_allocator(&size);
	for (size_t n = 1; n < size; n += size / 97)
		ask_everything(whole, n);
	ask_everything(whole, size - 1);
	free(whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_made_image_damaged), cmocka_unit_test(test_real_file_damaged),
		cmocka_unit_test(test_real_file_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
