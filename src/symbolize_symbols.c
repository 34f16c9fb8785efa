/* SPDX-License-Identifier: MIT */
/*
 * Function symbols by address. A symbol with a size has just those bytes; one without
 * (hand-written assembly) reaches to the next symbol or to its section's end. Of several that
 * start together the best one is shown: a function rather than a label, with a size, global
 * rather than weak or local, for that is the name that its author gave it.
 */
#include "symbolize_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SYMBOLS_MAX (64u << 20)
#define LOOK_BACK 64 /* symbols: how far an outer function may begin before what it has inside */

static uint8_t rank_of(const GElf_Sym *s)
{
	unsigned type = GELF_ST_TYPE(s->st_info), bind = GELF_ST_BIND(s->st_info);
	uint8_t rank = type != STT_NOTYPE ? 8 : 0;
	rank += s->st_size ? 4 : 0;
	return rank + (bind == STB_GLOBAL ? 2 : bind == STB_WEAK ? 1 : 0);
}

/* Where the section of the symbol ends; 0: it is not code. */
static uint64_t code_end(Elf *elf, const GElf_Sym *s)
{
	GElf_Shdr h;
	unsigned type = GELF_ST_TYPE(s->st_info);
	if ((type != STT_FUNC && type != STT_GNU_IFUNC && type != STT_NOTYPE) || s->st_shndx == SHN_UNDEF ||
	    s->st_shndx >= SHN_LORESERVE)
		return 0;
	Elf_Scn *section = elf_getscn(elf, s->st_shndx);
	if (!section || !gelf_getshdr(section, &h) || !(h.sh_flags & SHF_EXECINSTR))
		return 0;
	return s->st_value >= h.sh_addr && s->st_value - h.sh_addr < h.sh_size ? h.sh_addr + h.sh_size : 0;
}

static int append(struct symbolize_symbols *s, const struct symbolize_symbol *symbol)
{
	if (s->count == s->capacity) {
		size_t capacity = s->capacity ? s->capacity * 2 : 1024;
		struct symbolize_symbol *more = capacity <= SYMBOLS_MAX ?
			reallocarray(s->items, capacity, sizeof *more) : NULL;
		if (!more)
			return -ENOMEM;
		s->items = more;
		s->capacity = capacity;
	}
	s->items[s->count++] = *symbol;
	return 0;
}

/* *file: of the table's last STT_FILE, which the local symbols behind it are from. */
static int add_one(struct symbolize_symbols *s, Elf *elf, size_t names, const GElf_Sym *from, const char *source,
		   const char **file)
{
	bool is_local = GELF_ST_BIND(from->st_info) == STB_LOCAL;
	if (GELF_ST_TYPE(from->st_info) == STT_FILE)
		*file = elf_strptr(elf, names, from->st_name);
	uint64_t end = code_end(elf, from);
	const char *name = end ? elf_strptr(elf, names, from->st_name) : NULL;
	if (!name || !*name)
		return 0;
	struct symbolize_symbol symbol = {
		.start = from->st_value, .end = end, .name = name, .source = source,
		.file = is_local && *file && **file ? *file : NULL, .rank = rank_of(from), .sized = from->st_size > 0,
	};
	if (symbol.sized && from->st_size < end - symbol.start)
		symbol.end = symbol.start + from->st_size;
	return append(s, &symbol);
}

int symbolize_symbols_add(struct symbolize_symbols *s, Elf *elf, uint32_t type, const char *source)
{
	GElf_Shdr h;
	GElf_Sym symbol;
	Elf_Scn *section = elf_nextscn(elf, NULL);
	while (section && !(gelf_getshdr(section, &h) && h.sh_type == type))
		section = elf_nextscn(elf, section);
	Elf_Data *data = section ? elf_getdata(section, NULL) : NULL;
	if (!data)
		return 0;
	int rc = 0;
	const char *file = NULL;
	for (int i = 0; rc == 0 && gelf_getsym(data, i, &symbol); i++)
		rc = add_one(s, elf, h.sh_link, &symbol, source, &file);
	return rc;
}

static int by_start(const void *a, const void *b)
{
	const struct symbolize_symbol *x = a, *y = b;
	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return strcmp(y->name, x->name); /* the same one each time */
}

void symbolize_symbols_sort(struct symbolize_symbols *s)
{
	if (s->count)
		qsort(s->items, s->count, sizeof *s->items, by_start);
	uint64_t next = UINT64_MAX; /* the nearest start above */
	for (size_t i = s->count; i-- > 0;) {
		if (i + 1 < s->count && s->items[i + 1].start > s->items[i].start)
			next = s->items[i + 1].start;
		if (!s->items[i].sized && next < s->items[i].end)
			s->items[i].end = next;
	}
}

const struct symbolize_symbol *symbolize_symbols_at(const struct symbolize_symbols *s, uint64_t address)
{
	size_t low = 0, high = s->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (s->items[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	const struct symbolize_symbol *label = NULL;
	for (size_t i = low; i-- > 0 && low - i <= LOOK_BACK;) {
		const struct symbolize_symbol *at = &s->items[i];
		if (address >= at->end)
			continue;
		if (at->rank >= 8)
			return at;
		label = label ? label : at;
	}
	return label;
}

void symbolize_symbols_finish(struct symbolize_symbols *s)
{
	free(s->items);
	*s = (struct symbolize_symbols){ 0 };
}
