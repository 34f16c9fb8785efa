/* SPDX-License-Identifier: MIT */
/* Names: in this program, packed into a file, beside it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "image.h"
#include "make_image.h"

#include <elf.h>
#include <link.h>
#include <lzma.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static struct image *open_bytes(const void *bytes, size_t size)
{
	char path[64];
	struct image *im = NULL;
	int fd = make_file(bytes, size, path);
	int rc = image_open(path, &im);
	close(fd);
	return rc == 0 ? im : NULL;
}

static int take_bias(struct dl_phdr_info *info, size_t size, void *arg)
{
	*(uint64_t *)arg = info->dlpi_addr;
	return 1; /* the first one is the program */
}

struct wanted { const char *name; uint64_t address; };

static bool match_name(void *arg, const struct image_symbol *s)
{
	struct wanted *w = arg;
	if (s->function && !strcmp(s->name, w->name))
		w->address = s->address;
	return w->address == 0;
}

static void test_own_symbols(void **state)
{
	struct image *im;
	uint64_t bias;
	struct wanted w = { "main", 0 };
	dl_iterate_phdr(take_bias, &bias);
	assert_int_equal(image_open("/proc/self/exe", &im), 0);
	assert_int_equal(image_symbols(im, match_name, &w), 0);
	if (strcmp(image_symbol_source(im), ".symtab"))
		skip();
	int main(void);
	assert_int_equal(w.address, (uint64_t)(uintptr_t)main - bias);
	image_close(im);
}

/* ---- symbols that are elsewhere -------------------------------------------------------- */

struct buffer { uint8_t *bytes; size_t size; };

static struct buffer read_file(const char *path)
{
	struct stat st;
	FILE *file = fopen(path, "rb");
	assert_non_null(file);
	assert_int_equal(fstat(fileno(file), &st), 0);
	struct buffer b = { malloc((size_t)st.st_size), (size_t)st.st_size };
	assert_int_equal(fread(b.bytes, 1, b.size, file), b.size);
	fclose(file);
	return b;
}

/* The made image in a segment that is large enough for this program's symbols, with one
 * more section. */
static struct buffer make_with_section(const char *name, const void *content, size_t size)
{
	struct buffer b = { calloc(1, MADE_BYTES + size + 4096), MADE_BYTES + size + 4096 };
	Elf64_Ehdr e;
	size_t names_at = MADE_BYTES + size, table_at = (names_at + 255) & ~(size_t)63;
	make_image(b.bytes);
	memcpy(&e, b.bytes, sizeof e);
	e.e_shoff = table_at;
	e.e_shentsize = sizeof(Elf64_Shdr);
	e.e_shnum = 3;
	e.e_shstrndx = 1;
	memcpy(b.bytes, &e, sizeof e);
	uint64_t memory = 1u << 31;
	memcpy(b.bytes + sizeof e + offsetof(Elf64_Phdr, p_memsz), &memory, sizeof memory);
	memcpy(b.bytes + MADE_BYTES, content, size);
	memcpy(b.bytes + names_at + 1, name, strlen(name));
	Elf64_Shdr s[3] = {
		{ 0 }, { .sh_type = SHT_STRTAB, .sh_offset = names_at, .sh_size = 64 },
		{ .sh_name = 1, .sh_type = SHT_PROGBITS, .sh_offset = MADE_BYTES, .sh_size = size },
	};
	memcpy(b.bytes + table_at, s, sizeof s);
	return b;
}

static void test_packed_symbols(void **state)
{
	struct buffer own = read_file("/proc/self/exe");
	size_t room = lzma_stream_buffer_bound(own.size), size = 0;
	uint8_t *packed = malloc(room);
	assert_int_equal(lzma_easy_buffer_encode(0, LZMA_CHECK_CRC32, NULL, own.bytes, own.size, packed, &size, room), LZMA_OK);
	struct buffer whole = make_with_section(".gnu_debugdata", packed, size);
	struct buffer damaged = make_with_section(".gnu_debugdata", packed, size / 2);
	struct image *im = open_bytes(whole.bytes, whole.size);
	struct wanted w = { "main", 0 };
	assert_int_equal(image_symbols(im, match_name, &w), 0);
	assert_string_equal(image_symbol_source(im), ".gnu_debugdata");
	assert_true(w.address != 0);
	image_close(im);
	im = open_bytes(damaged.bytes, damaged.size);
	assert_string_equal(image_symbol_source(im), "");
	image_close(im);
	free(own.bytes);
	free(packed);
	free(whole.bytes);
	free(damaged.bytes);
}

static void write_file(const char *path, struct buffer b)
{
	FILE *file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(b.bytes, 1, b.size, file), b.size);
	fclose(file);
}

static const char *source_of(const char *path)
{
	static char source[32];
	struct image *im;
	assert_int_equal(image_open(path, &im), 0);
	snprintf(source, sizeof source, "%s", image_symbol_source(im));
	image_close(im);
	return source;
}

static void test_linked_symbols(void **state)
{
	char folder[] = "/tmp/memwhy-image-XXXXXX", path[64], debug[64];
	struct { char name[8]; uint32_t crc; } link = { "d.debug", 0 };
	struct buffer own = read_file("/proc/self/exe");
	link.crc = lzma_crc32(own.bytes, own.size, 0);
	struct buffer right = make_with_section(".gnu_debuglink", &link, sizeof link);
	link.crc ^= 1;
	struct buffer wrong = make_with_section(".gnu_debuglink", &link, sizeof link);
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/program", folder);
	snprintf(debug, sizeof debug, "%s/d.debug", folder);
	write_file(path, right);
	assert_string_equal(source_of(path), "");
	write_file(debug, own);
	assert_string_equal(source_of(path), "debug file");
	write_file(path, wrong);
	assert_string_equal(source_of(path), "");
	unlink(path);
	unlink(debug);
	rmdir(folder);
	free(own.bytes);
	free(right.bytes);
	free(wrong.bytes);
}

/* A table of names whose last one has no end is not read at all. */
static void test_names_without_end(void **state)
{
	struct buffer own = read_file("/proc/self/exe");
	Elf64_Ehdr e;
	Elf64_Shdr s, names;
	struct wanted w = { "main", 0 };
	memcpy(&e, own.bytes, sizeof e);
	for (unsigned i = 0; i < e.e_shnum; i++) {
		memcpy(&s, own.bytes + e.e_shoff + i * sizeof s, sizeof s);
		if (s.sh_type != SHT_SYMTAB && s.sh_type != SHT_DYNSYM)
			continue;
		memcpy(&names, own.bytes + e.e_shoff + s.sh_link * sizeof s, sizeof names);
		own.bytes[names.sh_offset + names.sh_size - 1] = 'x';
	}
	struct image *im = open_bytes(own.bytes, own.size);
	assert_non_null(im);
	assert_int_equal(image_symbols(im, match_name, &w), 0);
	assert_int_equal(w.address, 0);
	assert_string_equal(image_symbol_source(im), "");
	image_close(im);
	free(own.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_symbols), cmocka_unit_test(test_packed_symbols), cmocka_unit_test(test_linked_symbols),
		cmocka_unit_test(test_names_without_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
