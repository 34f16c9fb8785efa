/* SPDX-License-Identifier: MIT */
/*
 * One module, asked in this order: DWARF (its own, else the debug file's), symbols (.symtab
 * of either file, .dynsym, the packed ones), and the function's start by .eh_frame. A file
 * that is not the one that was loaded has no names to give.
 */
#include "symbolize.h"

#include "image.h"
#include "symbolize_private.h"
#include "util/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool has_id(Elf *elf, const char *hex)
{
	const uint8_t *id;
	size_t n = symbolize_elf_id(elf, &id);
	if (strlen(hex) != 2 * n)
		return false;
	for (size_t i = 0; i < n; i++) {
		char two[3];
		snprintf(two, sizeof two, "%02x", id[i]);
		if (strncmp(hex + 2 * i, two, 2) != 0)
			return false;
	}
	return true;
}

static struct image *image_of(struct symbolize_file *f)
{
	char id[IMAGE_ID_BYTES];
	if (f->image_tried)
		return f->image;
	f->image_tried = true;
	if (image_open(f->path, &f->image) < 0)
		f->image = NULL;
	/* opened by its path once more: it may have been replaced meanwhile */
	else if (image_id(f->image, id) < 0 || (strncmp(id, "text-", 5) != 0 && !has_id(f->file.elf, id))) {
		image_close(f->image);
		f->image = NULL;
	}
	return f->image;
}

static void open_packed(struct symbolize_file *f)
{
	Elf_Scn *section;
	GElf_Shdr h;
	size_t size;
	if (!symbolize_elf_section(f->file.elf, ".gnu_debugdata", &section, &h) || !image_of(f) ||
	    image_debugdata(f->image, &f->packed.memory, &size) < 0)
		return;
	f->packed.elf = elf_memory(f->packed.memory, size);
	if (f->packed.elf && elf_kind(f->packed.elf) == ELF_K_ELF)
		symbolize_symbols_add(&f->symbols, f->packed.elf, SHT_SYMTAB, "debugdata");
}

static bool has_dwarf(Elf *elf)
{
	Elf_Scn *section;
	GElf_Shdr h;
	return (symbolize_elf_section(elf, ".debug_info", &section, &h) ||
		symbolize_elf_section(elf, ".zdebug_info", &section, &h)) && h.sh_type != SHT_NOBITS;
}

static void open_sources(struct symbolize_file *f, const char *const *debug_dirs)
{
	if (!has_dwarf(f->file.elf))
		symbolize_find_debug(f->path, f->file.elf, debug_dirs, &f->debug, &f->refused);
	/* what can't be read gives no names; what is left does */
	if (!f->debug.elf || symbolize_dwarf_open(f->debug.elf, &f->dwarf) < 0)
		symbolize_dwarf_open(f->file.elf, &f->dwarf);
	if (f->debug.elf)
		symbolize_symbols_add(&f->symbols, f->debug.elf, SHT_SYMTAB, "symtab");
	if (!f->symbols.count)
		symbolize_symbols_add(&f->symbols, f->file.elf, SHT_SYMTAB, "symtab");
	if (!f->symbols.count) {
		open_packed(f);
		symbolize_symbols_add(&f->symbols, f->file.elf, SHT_DYNSYM, "dynsym");
	}
	symbolize_symbols_sort(&f->symbols);
}

int symbolize_open(const char *path, const char *build_id, const char *const *debug_dirs, struct symbolize_file **ret_file)
{
	struct symbolize_file *f = calloc(1, sizeof *f);
	if (!f || !(f->path = strdup(path))) {
		free(f);
		return -ENOMEM;
	}
	f->file = f->debug = f->packed = SYMBOLIZE_NO_ELF;
	int rc = symbolize_elf_open(path, &f->file);
	if (rc == 0 && build_id && !has_id(f->file.elf, build_id))
		rc = -ESTALE;
	if (rc < 0) {
		symbolize_close(f);
		return rc;
	}
	open_sources(f, debug_dirs);
	*ret_file = f;
	return 0;
}

void symbolize_close(struct symbolize_file *f)
{
	if (!f)
		return;
	symbolize_texts_finish(&f->texts);
	symbolize_texts_finish(&f->starts);
	symbolize_texts_finish(&f->paths);
	symbolize_symbols_finish(&f->symbols);
	symbolize_dwarf_close(&f->dwarf);
	image_close(f->image);
	symbolize_elf_close(&f->packed);
	symbolize_elf_close(&f->debug);
	symbolize_elf_close(&f->file);
	free(f->refused);
	free(f->path);
	free(f);
}

const char *symbolize_refused(const struct symbolize_file *f)
{
	return f->refused;
}

/* A symbol without a size reaches no further than the function that .eh_frame says starts there. */
const struct symbolize_symbol *symbolize_symbol_at(struct symbolize_file *f, uint64_t address)
{
	uint64_t start;
	const struct symbolize_symbol *s = symbolize_symbols_at(&f->symbols, address);
	if (s && !s->sized && image_of(f) && image_function_start(f->image, address, &start) == 0 && start > s->start)
		return NULL;
	return s;
}

static bool by_symbol(struct symbolize_file *f, uint64_t address, struct symbolize_name *n)
{
	const struct symbolize_symbol *s = symbolize_symbol_at(f, address);
	if (!s)
		return false;
	n->function = symbolize_text(&f->texts, s->name);
	n->source = s->source;
	n->file = n->file ? n->file : s->file;
	return true;
}

static bool by_start(struct symbolize_file *f, uint64_t address, struct symbolize_name *n)
{
	uint64_t start;
	if (!image_of(f) || image_function_start(f->image, address, &start) < 0)
		return false;
	n->function = symbolize_start(&f->starts, text_base_name(f->path), start);
	n->source = "eh_frame";
	return n->function;
}

int symbolize_address(struct symbolize_file *f, uint64_t address, struct symbolize_names *ret_names)
{
	struct symbolize_names names = { .count = 0 };
	if (!symbolize_by_dwarf(f, address, &names))
		memset(&names, 0, sizeof names);
	/* a line without a function, or nothing at all */
	struct symbolize_name *last = &names.names[names.count ? names.count - 1 : 0];
	if (!last->function && !by_symbol(f, address, last) && !by_start(f, address, last) && !names.count && !last->file)
		return -ENOENT;
	if (!names.count)
		names.count = 1;
	*ret_names = names;
	return 0;
}
