/* SPDX-License-Identifier: MIT */
/*
 * Symbols that were moved out of the file: by build id below /usr/lib/debug/.build-id, by
 * .gnu_debuglink beside the file, in .debug there and below /usr/lib/debug; or packed into
 * it, as xz in .gnu_debugdata. A debug file must have the same build id, or the link's
 * checksum where there is none; unpacking has a bound, for a small file can unpack to much.
 */
#include "image_private.h"

#include <errno.h>
#include <limits.h>
#include <lzma.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEBUG_FOLDER "/usr/lib/debug"
#define ID_BYTES_MAX 64
#define UNPACKED_MAX (256u << 20)
#define UNPACK_MEMORY_MAX (128u << 20)

static bool has_same_id(const struct image *im, struct elf_bytes file)
{
	const uint8_t *a, *b;
	size_t n, m;
	return elf_build_id(im->file, &a, &n) == 0 && elf_build_id(file, &b, &m) == 0 && n == m && !memcmp(a, b, n);
}

static int find_by_id(struct image *im, struct elf_bytes *ret)
{
	char path[sizeof DEBUG_FOLDER + 2 * ID_BYTES_MAX + 32];
	const uint8_t *id;
	size_t n;
	if (elf_build_id(im->file, &id, &n) < 0 || n < 2 || n > ID_BYTES_MAX)
		return -ENOENT;
	int length = snprintf(path, sizeof path, DEBUG_FOLDER "/.build-id/%02x/", id[0]);
	for (size_t i = 1; i < n; i++)
		length += snprintf(path + length, sizeof path - (size_t)length, "%02x", id[i]);
	snprintf(path + length, sizeof path - (size_t)length, ".debug");
	struct elf_bytes file;
	int rc = image_map_file(path, &file);
	if (rc == 0 && !has_same_id(im, file)) {
		image_unmap_file(&file);
		rc = -ENOENT;
	}
	if (rc == 0)
		*ret = file;
	return rc;
}

/* The link's file name, which has no folder, and the checksum behind it. */
static int read_link(const struct image *im, const char **ret_name, uint32_t *ret_crc)
{
	Elf64_Shdr s;
	if (!elf_find_section(im->file, ".gnu_debuglink", 0, &s))
		return -ENOENT;
	const char *name = (const char *)elf_at(im->file, s.sh_offset, s.sh_size);
	size_t n = name ? strnlen(name, s.sh_size) : 0, crc = (n + 4) & ~(size_t)3;
	if (n == 0 || n > NAME_MAX || crc + 4 > s.sh_size || strchr(name, '/'))
		return -ENOENT;
	*ret_name = name;
	*ret_crc = image_u32((const uint8_t *)name + crc);
	return 0;
}

static int try_link(struct image *im, const char *path, uint32_t crc, struct elf_bytes *ret)
{
	const uint8_t *id;
	size_t n;
	struct elf_bytes file;
	int rc = image_map_file(path, &file);
	if (rc < 0)
		return rc;
	bool ours = elf_build_id(im->file, &id, &n) == 0 && elf_build_id(file, &id, &n) == 0
		? has_same_id(im, file) : lzma_crc32(file.bytes, file.size, 0) == crc;
	if (!ours) {
		image_unmap_file(&file);
		return -ENOENT;
	}
	*ret = file;
	return 0;
}

static int find_by_link(struct image *im, struct elf_bytes *ret)
{
	static const char *const patterns[] = { "%s/%s", "%s/.debug/%s", DEBUG_FOLDER "%s/%s" };
	char folder[PATH_MAX], path[PATH_MAX];
	const char *name;
	uint32_t crc;
	int rc = read_link(im, &name, &crc);
	if (rc < 0 || !realpath(im->path, folder))
		return rc < 0 ? rc : -errno;
	*strrchr(folder, '/') = 0;
	for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		int n = snprintf(path, sizeof path, patterns[i], folder, name);
#pragma GCC diagnostic pop
		if (n > 0 && (size_t)n < sizeof path && try_link(im, path, crc, ret) == 0)
			return 0;
	}
	return -ENOENT;
}

int image_find_debug_file(struct image *im, struct elf_bytes *ret_file)
{
	return find_by_id(im, ret_file) == 0 ? 0 : find_by_link(im, ret_file);
}

/* Room for more output; twice as much as before, up to the bound. */
static int grow(uint8_t **bytes, lzma_stream *z, size_t *capacity)
{
	size_t bigger = *capacity ? *capacity * 2 : 1u << 20;
	uint8_t *moved = bigger > UNPACKED_MAX ? NULL : realloc(*bytes, bigger);
	if (!moved)
		return -ENOMEM;
	z->next_out = moved + *capacity;
	z->avail_out = bigger - *capacity;
	*bytes = moved;
	*capacity = bigger;
	return 0;
}

static int unpack(lzma_stream *z, uint8_t **bytes)
{
	size_t capacity = 0;
	for (lzma_ret r = LZMA_OK; r != LZMA_STREAM_END; r = lzma_code(z, LZMA_FINISH)) {
		if (r != LZMA_OK)
			return -ENODATA;
		if (z->avail_out == 0 && grow(bytes, z, &capacity) < 0)
			return -ENOMEM;
	}
	return 0;
}

int image_unpack_debugdata(struct image *im, struct elf_bytes *ret_file)
{
	Elf64_Shdr s;
	lzma_stream z = LZMA_STREAM_INIT;
	uint8_t *bytes = NULL;
	if (!elf_find_section(im->file, ".gnu_debugdata", 0, &s))
		return -ENOENT;
	z.next_in = elf_at(im->file, s.sh_offset, s.sh_size);
	z.avail_in = s.sh_size;
	if (!z.next_in || lzma_stream_decoder(&z, UNPACK_MEMORY_MAX, 0) != LZMA_OK)
		return -ENODATA;
	int rc = unpack(&z, &bytes);
	size_t size = z.total_out;
	lzma_end(&z);
	if (rc < 0) {
		free(bytes);
		return rc;
	}
	*ret_file = (struct elf_bytes){ bytes, size };
	return 0;
}

int image_debugdata(struct image *im, void **ret_bytes, size_t *ret_size)
{
	struct elf_bytes file;
	int rc = image_unpack_debugdata(im, &file);
	if (rc < 0)
		return rc;
	*ret_bytes = (void *)(uintptr_t)file.bytes;
	*ret_size = file.size;
	return 0;
}
