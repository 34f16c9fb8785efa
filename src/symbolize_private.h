/* SPDX-License-Identifier: MIT */
/*
 * symbolize_private.h - how the files symbolize*.c share one module. What is costly is done
 * when it is first asked for: the module's debug file and symbols at its opening, a unit's
 * functions and lines when an address falls into it, .eh_frame when nothing else has a name.
 * libelf and libdw check what they read; counts and depths that they hand on are bounded here.
 */
#ifndef MEMWHY_SYMBOLIZE_PRIVATE_H
#define MEMWHY_SYMBOLIZE_PRIVATE_H

#include "symbolize.h"

#include <elfutils/libdw.h>
#include <gelf.h>
#include <stdbool.h>

struct image;

/* An ELF file that is open: on disk, or unpacked into memory (owned). */
struct symbolize_elf { int fd; Elf *elf; void *memory; };
#define SYMBOLIZE_NO_ELF ((struct symbolize_elf){ .fd = -1 })
/* -ENOEXEC: no ELF file of 64 bits; -EINVAL: not a regular file. */
int symbolize_elf_open(const char *path, struct symbolize_elf *ret_elf);
void symbolize_elf_close(struct symbolize_elf *e);
bool symbolize_elf_section(Elf *elf, const char *name, Elf_Scn **ret_section, GElf_Shdr *ret_header);
/* The build id's bytes, of the file's lifetime; 0: it has none. */
size_t symbolize_elf_id(Elf *elf, const uint8_t **ret_id);

/* symbolize_texts.c: names as they are shown, each made once; the key is where the raw name
 * lies, which stays as long as its file is open, or the start that stands for the name. */
struct symbolize_text { uint64_t key; const char *shown; bool owned; };
struct symbolize_texts { struct symbolize_text *slots; size_t size, used; };
/* raw itself where it is no mangled name, or memory is short. */
const char *symbolize_text(struct symbolize_texts *t, const char *raw);
/* file below folder (NULL: not known) where it is no absolute path; without "." and "..". */
const char *symbolize_path(struct symbolize_texts *t, const char *folder, const char *file);
/* "BASE+0xSTART", by its start; NULL: memory is short. */
const char *symbolize_start(struct symbolize_texts *t, const char *base, uint64_t start);
void symbolize_texts_finish(struct symbolize_texts *t);

/* symbolize_symbols.c: function symbols of one or more tables. */
struct symbolize_symbol {
	uint64_t start, end;
	const char *name, *source;
	const char *file; /* of a local symbol, as its table says; else NULL */
	uint8_t rank;  /* among those that start together; more is better */
	bool sized;    /* false: it has no size, and ends where the next one starts */
};
struct symbolize_symbols { struct symbolize_symbol *items; size_t count, capacity; };
/* type: SHT_SYMTAB or SHT_DYNSYM. A file without such a table adds none. 0 or -ENOMEM. */
int symbolize_symbols_add(struct symbolize_symbols *s, Elf *elf, uint32_t type, const char *source);
void symbolize_symbols_sort(struct symbolize_symbols *s); /* after the last add */
const struct symbolize_symbol *symbolize_symbols_at(const struct symbolize_symbols *s, uint64_t address);
void symbolize_symbols_finish(struct symbolize_symbols *s);

/* symbolize_units.c: which unit and function of the DWARF has an address. */
struct symbolize_range { uint64_t low, high; uint32_t unit; Dwarf_Off die; };
struct symbolize_ranges { struct symbolize_range *items; size_t count, capacity; };
struct symbolize_unit {
	Dwarf_Die lines;     /* the unit in this file: it has the line table */
	Dwarf_Die die;       /* the unit with the functions: the same, or its split part */
	bool plain_names;    /* of a language without mangled names */
	bool loaded;         /* functions */
	struct symbolize_ranges functions;
};
struct symbolize_dwarf {
	Dwarf *dwarf;
	struct symbolize_unit *units;
	size_t unit_count, unit_capacity;
	struct symbolize_ranges ranges;
};
int symbolize_dwarf_open(Elf *elf, struct symbolize_dwarf *ret_dwarf);
void symbolize_dwarf_close(struct symbolize_dwarf *d);
struct symbolize_unit *symbolize_unit_at(struct symbolize_dwarf *d, uint64_t address);
bool symbolize_function_at(struct symbolize_unit *u, uint64_t address, Dwarf_Die *ret_function);

/* symbolize_debug.c: the separate debug file, or -ENOENT. *ret_refused: a file that would be
 * it by its name and is of another build; the caller frees; NULL: none. */
int symbolize_find_debug(const char *path, Elf *elf, const char *const *debug_dirs, struct symbolize_elf *ret_elf,
			 char **ret_refused);

struct symbolize_file {
	char *path;
	struct symbolize_elf file, debug, packed;
	struct symbolize_dwarf dwarf;
	struct symbolize_symbols symbols;
	struct symbolize_texts texts, starts, paths;
	struct image *image;
	bool image_tried;
	char *refused;
};
/* symbolize_dwarf.c: what the DWARF says; false: nothing. */
bool symbolize_by_dwarf(struct symbolize_file *f, uint64_t address, struct symbolize_names *ret_names);
/* The symbol around address that can be trusted, or NULL. */
const struct symbolize_symbol *symbolize_symbol_at(struct symbolize_file *f, uint64_t address);

#endif
