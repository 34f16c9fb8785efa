/* SPDX-License-Identifier: MIT */
/*
 * Names, from up to three tables: the full one (the file's .symtab, else that of a separate
 * debug file, else the packed one in .gnu_debugdata) and .dynsym, which is always there. The
 * tables stay where they are, mapped; that of the names ends with a zero, so all of them end.
 */
#include "image_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TABLES_MAX 3

static bool read_table(struct elf_bytes e, uint32_t type, const char *source, struct image_symbol_table *ret)
{
	Elf64_Shdr s, names;
	Elf64_Ehdr h;
	if (!elf_find_section(e, NULL, type, &s) || s.sh_type != type || s.sh_entsize != sizeof(Elf64_Sym))
		return false;
	memcpy(&h, e.bytes, sizeof h);
	const uint8_t *at = s.sh_link < h.e_shnum ? elf_at(e, h.e_shoff, ((uint64_t)s.sh_link + 1) * sizeof names) : NULL;
	if (!at)
		return false;
	memcpy(&names, at + s.sh_link * sizeof names, sizeof names);
	struct image_symbol_table t = {
		.symbols = elf_at(e, s.sh_offset, s.sh_size), .symbol_bytes = s.sh_size,
		.names = elf_at(e, names.sh_offset, names.sh_size), .names_bytes = names.sh_size, .source = source,
	};
	if (!t.symbols || !t.names || names.sh_type != SHT_STRTAB || !names.sh_size || t.names[names.sh_size - 1])
		return false;
	*ret = t;
	return true;
}

static bool add_table(struct image *im, struct elf_bytes e, uint32_t type, const char *source)
{
	if (!read_table(e, type, source, &im->tables[im->table_count]))
		return false;
	im->table_count++;
	return true;
}

static bool add_debug_file(struct image *im)
{
	struct elf_bytes file;
	if (image_find_debug_file(im, &file) < 0)
		return false;
	if (!add_table(im, file, SHT_SYMTAB, "debug file")) {
		image_unmap_file(&file);
		return false;
	}
	im->tables[im->table_count - 1].owned = file;
	im->tables[im->table_count - 1].is_mapped = true;
	return true;
}

static bool add_debugdata(struct image *im)
{
	struct elf_bytes file;
	if (image_unpack_debugdata(im, &file) < 0)
		return false;
	if (!add_table(im, file, SHT_SYMTAB, ".gnu_debugdata")) {
		free((void *)(uintptr_t)file.bytes);
		return false;
	}
	im->tables[im->table_count - 1].owned = file;
	return true;
}

int image_load_symbols(struct image *im)
{
	if (im->symbols_rc != IMAGE_NOT_YET)
		return im->symbols_rc;
	im->tables = calloc(TABLES_MAX, sizeof *im->tables);
	im->symbols_rc = im->tables ? 0 : -ENOMEM;
	if (im->symbols_rc < 0)
		return im->symbols_rc;
	if (!add_table(im, im->file, SHT_SYMTAB, ".symtab") && !add_debug_file(im))
		add_debugdata(im);
	add_table(im, im->file, SHT_DYNSYM, ".dynsym");
	return 0;
}

void image_release_symbols(struct image *im)
{
	for (size_t i = 0; i < im->table_count; i++) {
		struct image_symbol_table *t = &im->tables[i];
		if (t->is_mapped)
			image_unmap_file(&t->owned);
		else
			free((void *)(uintptr_t)t->owned.bytes);
	}
	free(im->tables);
}

static bool make_symbol(const struct image *im, const struct image_symbol_table *t, size_t index, struct image_symbol *ret)
{
	Elf64_Sym s;
	memcpy(&s, t->symbols + index * sizeof s, sizeof s);
	unsigned type = ELF64_ST_TYPE(s.st_info);
	if (s.st_shndx == SHN_UNDEF || (type != STT_FUNC && type != STT_OBJECT))
		return false;
	if (s.st_value < image_low(im) || s.st_value >= image_high(im) || s.st_name >= t->names_bytes || !s.st_name)
		return false;
	*ret = (struct image_symbol){ (const char *)t->names + s.st_name, s.st_value, s.st_size, type == STT_FUNC };
	return true;
}

int image_symbols(struct image *im, image_symbol_fn *fn, void *arg)
{
	struct image_symbol s;
	int rc = image_load_symbols(im);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < im->table_count; i++)
		for (size_t j = 0; j < im->tables[i].symbol_bytes / sizeof(Elf64_Sym); j++)
			if (make_symbol(im, &im->tables[i], j, &s) && !fn(arg, &s))
				return 0;
	return 0;
}

const char *image_symbol_source(struct image *im)
{
	return image_load_symbols(im) == 0 && im->table_count ? im->tables[0].source : "";
}
