/* SPDX-License-Identifier: MIT */
/*
 * The chain of functions at an address. The tree below the function leads to it through the
 * blocks and inlined calls around the address; each inlined call says where it was made, the
 * line table says where the innermost code is from. A name without its linkage form (what is
 * static in C++) is looked up in the symbol table, which has it with its scope and arguments.
 */
#include "symbolize_private.h"

#include <dwarf.h>
#include <limits.h>
#include <string.h>

#define DEPTH_MAX 1024 /* of blocks and inlined calls */

struct chain {
	Dwarf_Die dies[SYMBOLIZE_INLINED_MAX]; /* outermost first: the function, then what is inlined */
	size_t count;
};

static bool is_around(Dwarf_Die *die, int tag, uint64_t address)
{
	return (tag == DW_TAG_inlined_subroutine || tag == DW_TAG_lexical_block || tag == DW_TAG_try_block ||
		tag == DW_TAG_catch_block) && dwarf_haspc(die, address) > 0;
}

/* One level down; false: nothing below is around the address. Siblings that lead back are a lie. */
static bool descend(Dwarf_Die *die, uint64_t address, int *ret_tag)
{
	Dwarf_Die child;
	Dwarf_Off last = dwarf_dieoffset(die);
	if (dwarf_child(die, &child) != 0)
		return false;
	do {
		if (dwarf_dieoffset(&child) <= last)
			return false;
		last = dwarf_dieoffset(&child);
		*ret_tag = dwarf_tag(&child);
		if (is_around(&child, *ret_tag, address)) {
			*die = child;
			return true;
		}
	} while (dwarf_siblingof(&child, &child) == 0);
	return false;
}

/* More than there is room for: those between the function and the innermost ones are left out. */
static void push(struct chain *c, const Dwarf_Die *die)
{
	if (c->count == SYMBOLIZE_INLINED_MAX) {
		memmove(&c->dies[1], &c->dies[2], (c->count - 2) * sizeof *die);
		c->count--;
	}
	c->dies[c->count++] = *die;
}

static void find_chain(Dwarf_Die function, uint64_t address, struct chain *ret)
{
	int tag;
	ret->count = 0;
	push(ret, &function);
	for (unsigned depth = 0; depth < DEPTH_MAX && descend(&function, address, &tag); depth++)
		if (tag == DW_TAG_inlined_subroutine)
			push(ret, &function);
}

static const char *text_of(Dwarf_Die *die, unsigned attribute)
{
	Dwarf_Attribute a;
	return dwarf_attr_integrate(die, attribute, &a) ? dwarf_formstring(&a) : NULL;
}

static const char *linkage_name(Dwarf_Die *die)
{
	const char *name = text_of(die, DW_AT_linkage_name);
	return name ? name : text_of(die, DW_AT_MIPS_linkage_name);
}

static const char *name_inlined(struct symbolize_file *f, Dwarf_Die *die)
{
	const char *name = linkage_name(die);
	if (!name)
		name = text_of(die, DW_AT_name);
	return name && *name ? symbolize_text(&f->texts, name) : NULL;
}

/* The symbol of its first part, so that the parts that were split off have the same name. */
static const char *name_function(struct symbolize_file *f, const struct symbolize_unit *u, Dwarf_Die *die)
{
	const struct symbolize_symbol *s = NULL;
	Dwarf_Addr base, low = 0, high;
	if (!u->plain_names && !linkage_name(die) && dwarf_ranges(die, 0, &base, &low, &high) > 0)
		s = symbolize_symbol_at(f, low);
	return s && s->start == low ? symbolize_text(&f->texts, s->name) : name_inlined(f, die);
}

/* ---- places ---------------------------------------------------------------------------- */

static const char *compile_folder(struct symbolize_unit *u)
{
	const char *folder = text_of(&u->lines, DW_AT_comp_dir);
	return folder && *folder == '/' ? folder : NULL;
}

static const char *path_of(struct symbolize_file *f, struct symbolize_unit *u, const char *file)
{
	return file && *file ? symbolize_path(&f->paths, compile_folder(u), file) : NULL;
}

/* Where the inlined call was made: the place in the function around it. */
static void place_call(struct symbolize_file *f, struct symbolize_unit *u, Dwarf_Die *die, struct symbolize_name *n)
{
	Dwarf_Attribute a;
	Dwarf_Word line, file;
	Dwarf_Files *files;
	size_t count;
	if (dwarf_formudata(dwarf_attr(die, DW_AT_call_line, &a), &line) == 0 && line <= INT_MAX)
		n->line = (int)line;
	if (dwarf_formudata(dwarf_attr(die, DW_AT_call_file, &a), &file) == 0 &&
	    dwarf_getsrcfiles(&u->die, &files, &count) == 0 && file < count)
		n->file = path_of(f, u, dwarf_filesrc(files, file, NULL, NULL));
}

static void place_code(struct symbolize_file *f, struct symbolize_unit *u, uint64_t address, struct symbolize_name *n)
{
	int line = 0;
	Dwarf_Line *at = dwarf_getsrc_die(&u->lines, address);
	if (!at)
		return;
	n->file = path_of(f, u, dwarf_linesrc(at, NULL, NULL));
	if (dwarf_lineno(at, &line) == 0 && line > 0)
		n->line = line;
}

bool symbolize_by_dwarf(struct symbolize_file *f, uint64_t address, struct symbolize_names *ret_names)
{
	struct symbolize_unit *u = f->dwarf.dwarf ? symbolize_unit_at(&f->dwarf, address) : NULL;
	struct chain c = { .count = 0 };
	Dwarf_Die function;
	if (!u)
		return false;
	if (symbolize_function_at(u, address, &function))
		find_chain(function, address, &c);
	memset(ret_names, 0, sizeof *ret_names);
	place_code(f, u, address, &ret_names->names[0]);
	for (size_t i = 0; i < c.count; i++) {
		struct symbolize_name *n = &ret_names->names[i];
		Dwarf_Die *die = &c.dies[c.count - 1 - i];
		bool is_outermost = i + 1 == c.count;
		n->source = "dwarf";
		n->function = is_outermost ? name_function(f, u, die) : name_inlined(f, die);
		if (!is_outermost)
			place_call(f, u, die, &ret_names->names[i + 1]);
	}
	ret_names->count = c.count;
	return c.count || ret_names->names[0].file;
}
