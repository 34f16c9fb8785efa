/* SPDX-License-Identifier: MIT */
/*
 * Where a module's debug file may be, in order: the user's folders, laid out as the system's
 * or flat; then the system's by build id and by the name in .gnu_debuglink. A file that is
 * there counts only if it was made with the module: the same build id, or the link's
 * checksum where one of the two has none. A file with neither proves nothing and is refused.
 */
#include "symbolize_private.h"

#include <errno.h>
#include <limits.h>
#include <lzma.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define ID_BYTES_MAX 64

struct place {
	const char *parts['Z' + 1]; /* by letter; NULL: not known */
	uint32_t crc;               /* valid with the link's name */
	const uint8_t *id;
	size_t id_bytes;
	char id_path[2 * ID_BYTES_MAX + 2], folder[PATH_MAX], module[PATH_MAX];
	struct stat st;             /* of the module */
};

/* %D: folder of debug files, %I: build id as a path, %L: name in the link, %F: the module's
 * folder, %P: its path, %B: its base name */
static const char *const user_patterns[], *const system_patterns[];

static void describe_id(struct place *p, Elf *elf)
{
	p->id_bytes = symbolize_elf_id(elf, &p->id);
	if (p->id_bytes < 2 || p->id_bytes > ID_BYTES_MAX)
		return;
	int n = sprintf(p->id_path, "%02x/", p->id[0]);
	for (size_t i = 1; i < p->id_bytes; i++)
		n += sprintf(p->id_path + n, "%02x", p->id[i]);
	p->parts['I'] = p->id_path;
}

/* The link's file name has no folder; the checksum stands behind it, aligned. */
static void describe_link(struct place *p, Elf *elf)
{
	Elf_Scn *section;
	GElf_Shdr h;
	Elf_Data *data = symbolize_elf_section(elf, ".gnu_debuglink", &section, &h) ? elf_rawdata(section, NULL) : NULL;
	const char *name = data ? data->d_buf : NULL;
	size_t n = name ? strnlen(name, data->d_size) : 0, crc = (n + 4) & ~(size_t)3;
	if (n == 0 || n > NAME_MAX || crc + 4 > data->d_size || memchr(name, '/', n))
		return;
	memcpy(&p->crc, name + crc, sizeof p->crc);
	p->parts['L'] = name;
}

static void describe_path(struct place *p, const char *path)
{
	if (stat(path, &p->st) != 0 || !realpath(path, p->module))
		return;
	strcpy(p->folder, p->module);
	char *slash = strrchr(p->folder, '/');
	*slash = 0;
	p->parts['P'] = p->module;
	p->parts['F'] = p->folder;
	p->parts['B'] = p->module + (slash + 1 - p->folder);
}

/* False: a part of it is not known, or it is too long. */
static bool expand(const struct place *p, const char *pattern, char *ret, size_t size)
{
	size_t n = 0;
	for (; *pattern; pattern++) {
		char one[2] = { *pattern, 0 };
		const char *part = *pattern == '%' ? p->parts[(unsigned char)*++pattern] : one;
		size_t length = part ? strlen(part) : size;
		if (length >= size - n)
			return false;
		memcpy(ret + n, part, length);
		n += length;
	}
	ret[n] = 0;
	return true;
}

static bool has_checksum(const struct place *p, Elf *elf)
{
	size_t size;
	const char *bytes = p->parts['L'] ? elf_rawfile(elf, &size) : NULL;
	return bytes && lzma_crc32((const uint8_t *)bytes, size, 0) == p->crc;
}

static bool was_made_with(const struct place *p, Elf *elf)
{
	const uint8_t *id;
	size_t n = symbolize_elf_id(elf, &id);
	return n && p->id_bytes ? n == p->id_bytes && !memcmp(id, p->id, n) : has_checksum(p, elf);
}

static bool has_anything(Elf *elf)
{
	Elf_Scn *section;
	GElf_Shdr h;
	static const char *const names[] = { ".debug_info", ".zdebug_info", ".symtab" };
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (symbolize_elf_section(elf, names[i], &section, &h) && h.sh_type != SHT_NOBITS)
			return true;
	return false;
}

/* 0: it is the debug file; -ESTALE: of another build; else it is none. */
static int try_file(const struct place *p, const char *path, struct symbolize_elf *ret)
{
	struct stat st;
	struct symbolize_elf e;
	if (stat(path, &st) != 0 || (st.st_dev == p->st.st_dev && st.st_ino == p->st.st_ino))
		return -ENOENT;
	int rc = symbolize_elf_open(path, &e);
	if (rc < 0)
		return rc;
	rc = !has_anything(e.elf) ? -ENOENT : was_made_with(p, e.elf) ? 0 : -ESTALE;
	if (rc < 0)
		symbolize_elf_close(&e);
	else
		*ret = e;
	return rc;
}

static int try_patterns(const struct place *p, const char *const *patterns, struct symbolize_elf *ret, char **refused)
{
	char path[PATH_MAX];
	for (; *patterns; patterns++) {
		int rc = expand(p, *patterns, path, sizeof path) ? try_file(p, path, ret) : -ENOENT;
		if (rc == 0)
			return 0;
		if (rc == -ESTALE && !*refused)
			*refused = strdup(path);
	}
	return -ENOENT;
}

int symbolize_find_debug(const char *path, Elf *elf, const char *const *debug_dirs, struct symbolize_elf *ret_elf,
			 char **ret_refused)
{
	struct place p = { .id = NULL };
	char *refused = NULL;
	int rc = -ENOENT;
	describe_path(&p, path);
	describe_id(&p, elf);
	describe_link(&p, elf);
	for (; rc < 0 && debug_dirs && *debug_dirs; debug_dirs++) {
		p.parts['D'] = *debug_dirs;
		rc = try_patterns(&p, user_patterns, ret_elf, &refused);
	}
	p.parts['D'] = "/usr/lib/debug";
	if (rc < 0)
		rc = try_patterns(&p, system_patterns, ret_elf, &refused);
	*ret_refused = refused;
	return rc;
}

static const char *const user_patterns[] = {
	"%D/.build-id/%I.debug", "%D/%I.debug", "%D%P.debug", "%D%F/%L", "%D%P", "%D/%L", "%D/%B.debug", "%D/%B", NULL
};
static const char *const system_patterns[] = {
	"%D/.build-id/%I.debug", "%F/%L", "%F/.debug/%L", "%D%F/%L", NULL
};
