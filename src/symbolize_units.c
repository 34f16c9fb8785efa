/* SPDX-License-Identifier: MIT */
/*
 * DWARF's units and functions by address. .debug_aranges is not asked: compilers leave it
 * out. Each unit says its ranges; one that doesn't is as wide as its functions. A unit's
 * functions are listed when the first address falls into it, by one walk over its tree, so
 * that an address costs two binary searches and not a walk of its own.
 */
#include "symbolize_private.h"

#include <dwarf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RANGES_MAX (16u << 20)
#define DEPTH_MAX 64 /* of scopes around a function */

static int add_range(struct symbolize_ranges *r, const struct symbolize_range *range)
{
	if (range->low >= range->high)
		return 0;
	if (r->count == r->capacity) {
		size_t capacity = r->capacity ? r->capacity * 2 : 64;
		struct symbolize_range *more = capacity <= RANGES_MAX ? reallocarray(r->items, capacity, sizeof *more) : NULL;
		if (!more)
			return -ENOMEM;
		r->items = more;
		r->capacity = capacity;
	}
	r->items[r->count++] = *range;
	return 0;
}

/* All ranges of a unit or function; how many, or -ENOMEM. */
static int add_ranges(struct symbolize_ranges *r, Dwarf_Die *die, uint32_t unit)
{
	Dwarf_Addr base;
	struct symbolize_range range = { .unit = unit, .die = dwarf_dieoffset(die) };
	size_t before = r->count;
	ptrdiff_t at = 0;
	while ((at = dwarf_ranges(die, at, &base, &range.low, &range.high)) > 0)
		if (add_range(r, &range) < 0)
			return -ENOMEM;
	return r->count > before;
}

static int by_low(const void *a, const void *b)
{
	const struct symbolize_range *x = a, *y = b;
	if (x->low != y->low)
		return x->low < y->low ? -1 : 1;
	return x->die < y->die ? -1 : x->die > y->die;
}

static void sort_ranges(struct symbolize_ranges *r)
{
	if (r->count)
		qsort(r->items, r->count, sizeof *r->items, by_low);
}

/* The one that begins last of those around address; what begins at 0 was left out by the linker. */
static const struct symbolize_range *range_at(const struct symbolize_ranges *r, uint64_t address)
{
	size_t low = 0, high = r->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (r->items[middle].low <= address)
			low = middle + 1;
		else
			high = middle;
	}
	for (size_t i = low; i-- > 0 && low - i <= DEPTH_MAX;)
		if (address < r->items[i].high)
			return &r->items[i];
	return NULL;
}

/* ---- functions ---------------------------------------------------------------------- */

static bool may_have_functions(int tag)
{
	switch (tag) {
	case DW_TAG_namespace: case DW_TAG_class_type: case DW_TAG_structure_type: case DW_TAG_union_type:
	case DW_TAG_enumeration_type: case DW_TAG_module: case DW_TAG_subprogram: case DW_TAG_lexical_block:
		return true;
	default:
		return false;
	}
}

/* last: the offset of the last one met. A tree that leads back to what was met lies; the walk
 * ends there, for it would have no end. */
static int walk(struct symbolize_unit *u, Dwarf_Die *parent, unsigned depth, Dwarf_Off *last)
{
	Dwarf_Die die;
	int rc = 0;
	if (depth > DEPTH_MAX || dwarf_child(parent, &die) != 0)
		return 0;
	do {
		int tag = dwarf_tag(&die);
		if (dwarf_dieoffset(&die) <= *last)
			return -EBADMSG;
		*last = dwarf_dieoffset(&die);
		if (tag == DW_TAG_subprogram)
			rc = add_ranges(&u->functions, &die, 0);
		if (rc >= 0 && may_have_functions(tag))
			rc = walk(u, &die, depth + 1, last);
	} while (rc >= 0 && dwarf_siblingof(&die, &die) == 0);
	return rc;
}

static void load_functions(struct symbolize_unit *u)
{
	if (u->loaded)
		return;
	u->loaded = true;
	Dwarf_Off last = dwarf_dieoffset(&u->die);
	walk(u, &u->die, 0, &last); /* damaged, or short of memory: the functions that there are */
	sort_ranges(&u->functions);
}

/* ---- units ---------------------------------------------------------------------------- */

/* Of these a function's name in the DWARF is the linker's name too. */
static bool has_plain_names(Dwarf_Die *die)
{
	switch (dwarf_srclang(die)) {
	case DW_LANG_C89: case DW_LANG_C: case DW_LANG_C99: case DW_LANG_C11: case DW_LANG_Mips_Assembler:
	case DW_LANG_Fortran77: case DW_LANG_UPC:
		return true;
	default:
		return false;
	}
}

static int add_unit(struct symbolize_dwarf *d, Dwarf_Die *die, Dwarf_Die *split)
{
	if (d->unit_count == d->unit_capacity) {
		size_t capacity = d->unit_capacity ? d->unit_capacity * 2 : 64;
		struct symbolize_unit *more = capacity <= RANGES_MAX ? reallocarray(d->units, capacity, sizeof *more) : NULL;
		if (!more)
			return -ENOMEM;
		d->units = more;
		d->unit_capacity = capacity;
	}
	bool has_split = split->addr && split->cu;
	d->units[d->unit_count] = (struct symbolize_unit){ .lines = *die, .die = has_split ? *split : *die };
	struct symbolize_unit *u = &d->units[d->unit_count];
	u->plain_names = has_plain_names(&u->die);
	uint32_t index = (uint32_t)d->unit_count++;
	int rc = add_ranges(&d->ranges, die, index);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	load_functions(u);
	for (size_t i = 0; i < u->functions.count && rc == 0; i++) {
		struct symbolize_range r = u->functions.items[i];
		r.unit = index;
		rc = add_range(&d->ranges, &r);
	}
	return rc;
}

static int load_units(struct symbolize_dwarf *d)
{
	Dwarf_CU *cu = NULL;
	Dwarf_Half version;
	uint8_t type;
	Dwarf_Die die, split;
	int rc = 0;
	for (;;) {
		memset(&split, 0, sizeof split);
		if (rc < 0 || dwarf_get_units(d->dwarf, cu, &cu, &version, &type, &die, &split) != 0)
			break;
		if (type == DW_UT_compile || type == DW_UT_skeleton)
			rc = add_unit(d, &die, &split);
	}
	sort_ranges(&d->ranges);
	return rc;
}

int symbolize_dwarf_open(Elf *elf, struct symbolize_dwarf *ret_dwarf)
{
	struct symbolize_dwarf d = { .dwarf = dwarf_begin_elf(elf, DWARF_C_READ, NULL) };
	if (!d.dwarf)
		return -ENODATA;
	int rc = load_units(&d);
	if (rc < 0)
		symbolize_dwarf_close(&d);
	else
		*ret_dwarf = d;
	return rc;
}

void symbolize_dwarf_close(struct symbolize_dwarf *d)
{
	for (size_t i = 0; i < d->unit_count; i++)
		free(d->units[i].functions.items);
	free(d->units);
	free(d->ranges.items);
	dwarf_end(d->dwarf);
	*d = (struct symbolize_dwarf){ 0 };
}

struct symbolize_unit *symbolize_unit_at(struct symbolize_dwarf *d, uint64_t address)
{
	const struct symbolize_range *r = range_at(&d->ranges, address);
	return r ? &d->units[r->unit] : NULL;
}

bool symbolize_function_at(struct symbolize_unit *u, uint64_t address, Dwarf_Die *ret_function)
{
	load_functions(u);
	const struct symbolize_range *r = range_at(&u->functions, address);
	Dwarf *dwarf = dwarf_cu_getdwarf(u->die.cu);
	return r && dwarf && dwarf_offdie(dwarf, r->die, ret_function);
}
