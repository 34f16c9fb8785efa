/* SPDX-License-Identifier: MIT */
/* size_class.c - see size_class.h. The sources are jemalloc's sz.h (sz_s2u, sz_sa2u) and
 * mimalloc's page-queue.c, segment.c, os.c and alloc-aligned.c; the test asks the libraries. */
#include "size_class.h"

#define KIB 1024u
#define MIB (1024u * 1024u)
#define PAGE 4096u
#define LARGEST ((size_t)1 << 62)

static size_t round_up(size_t n, size_t to)
{
	return (n + to - 1) & ~(to - 1);
}

/* Four classes to a doubling. */
static size_t spaced_class(size_t n)
{
	if (n <= 8)
		return 8;
	if (n <= 64)
		return round_up(n, 16);
	int log = 63 - __builtin_clzll(n - 1);
	return round_up(n, (size_t)1 << (log - 2));
}

/* ---- jemalloc ---------------------------------------------------------------------- */

#define JEMALLOC_SMALL_MAX (14 * KIB)
#define JEMALLOC_LARGE_MIN (16 * KIB)

static size_t jemalloc_plain(const struct size_rules *rules, size_t n)
{
	(void)rules;
	return n <= LARGEST ? spaced_class(n) : 0;
}

/* Small classes are naturally aligned, so a multiple of the alignment will do, up to
 * natural_max (a page; below a page before 5.3). Anything else becomes a large block. */
static size_t jemalloc_aligned(const struct size_rules *rules, size_t n, size_t alignment)
{
	if (n > LARGEST || alignment > LARGEST)
		return 0;
	if (n <= JEMALLOC_SMALL_MAX && alignment <= rules->natural_max) {
		size_t usable = spaced_class(round_up(n ? n : 1, alignment));
		if (usable < JEMALLOC_LARGE_MIN)
			return usable;
	}
	return n <= JEMALLOC_LARGE_MIN ? JEMALLOC_LARGE_MIN : spaced_class(n);
}

/* ---- mimalloc ---------------------------------------------------------------------- */

/* _mi_os_good_alloc_size() */
static size_t mimalloc_good_size(size_t n)
{
	size_t step = n < 512 * KIB ? PAGE : n < 2 * MIB ? 64 * KIB : n < 8 * MIB ? 256 * KIB :
		      n < 32 * MIB ? MIB : 4 * MIB;
	return round_up(n, step);
}

static size_t mimalloc_plain(const struct size_rules *rules, size_t n)
{
	if (n <= rules->class_max)
		return spaced_class(n);
	if (n > LARGEST)
		return 0;
	size_t run = mimalloc_good_size(n) + rules->run_head;
	return round_up(run, run > rules->run_large ? rules->run_large : rules->run_small) - rules->run_head;
}

static bool is_power_of_two(size_t n)
{
	return (n & (n - 1)) == 0;
}

/* 3.x looks at powers of two only, but a small block that happens to be aligned is taken. */
#define MIMALLOC_SMALL_MAX KIB
static bool mimalloc_is_natural(const struct size_rules *rules, size_t n, size_t alignment)
{
	size_t usable = spaced_class(n);
	if (alignment > n || usable % alignment != 0)
		return false;
	return usable <= rules->natural_max || usable <= MIMALLOC_SMALL_MAX ||
	       (rules->version >= 30000 && usable <= 64 * KIB && is_power_of_two(usable));
}

/* Else it is cut out of a larger block: at most all of that. */
static size_t mimalloc_aligned(const struct size_rules *rules, size_t n, size_t alignment)
{
	if (n > LARGEST || alignment > LARGEST)
		return 0;
	if (mimalloc_is_natural(rules, n, alignment))
		return mimalloc_plain(rules, n);
	return mimalloc_plain(rules, (n < 16 ? 16 : n) + alignment - 1);
}

/* ---- the table ---------------------------------------------------------------------- */

#define JEMALLOC(since, natural) { .family = WIRE_FAMILY_JEMALLOC, .version = (since), .plain_alignment = 8, \
	.plain = jemalloc_plain, .aligned = jemalloc_aligned, .natural_max = (natural) }
#define MIMALLOC(since, unchanged, largest, natural, small, large, head) \
	{ .family = WIRE_FAMILY_MIMALLOC, .version = (since), .plain_alignment = (unchanged), \
	  .aligned_varies = true, .keeps_in_place = true, .plain = mimalloc_plain, .aligned = mimalloc_aligned, \
	  .class_max = (largest), .natural_max = (natural), .run_small = (small), .run_large = (large), .run_head = (head) }

/* Of one family, ascending. */
static const struct size_rules table[] = {
	JEMALLOC(0, PAGE / 2),
	JEMALLOC(50300, PAGE),
	MIMALLOC(0,     16, 2 * MIB,   128 * KIB, PAGE, PAGE, 0),
	/* a head of 256 bytes before the block, in a segment of 256 KiB steps */
	MIMALLOC(10800, 16, 2 * MIB,   128 * KIB, 256 * KIB, 256 * KIB, 256),
	MIMALLOC(10902, 16, 1 * MIB,   64 * KIB,  256 * KIB, 256 * KIB, 256),
	MIMALLOC(20000, 16, 128 * KIB, 128 * KIB, PAGE, PAGE, 0),
	/* sizes over 128 bytes are cut out of larger ones for an alignment of 2 already */
	MIMALLOC(20003, 1,  128 * KIB, 128,       PAGE, PAGE, 0),
	MIMALLOC(20006, 1,  128 * KIB, 128,       64 * KIB, 512 * KIB, 0),
	MIMALLOC(20105, 16, 128 * KIB, 128 * KIB, PAGE, PAGE, 0),
	MIMALLOC(20200, 16, 64 * KIB,  64 * KIB,  PAGE, PAGE, 0),
	MIMALLOC(30000, 8,  64 * KIB,  128,       PAGE, PAGE, 0),
	MIMALLOC(30106, 8,  512 * KIB, 128,       PAGE, PAGE, 0),
};

static const struct { uint32_t family, version; } usual[] = {
	{ WIRE_FAMILY_JEMALLOC, 50300 }, { WIRE_FAMILY_MIMALLOC, 20200 },
};

/* "2.1.7-..." to 20107; 0: no digit. */
static uint32_t parse_version(const char *text)
{
	uint32_t parts[3] = { 0, 0, 0 };
	for (int i = 0; i < 3; i++) {
		for (; *text >= '0' && *text <= '9'; text++)
			parts[i] = parts[i] < 100 ? parts[i] * 10 + (uint32_t)(*text - '0') : parts[i];
		if (*text++ != '.')
			break;
	}
	return parts[0] * 10000 + parts[1] * 100 + parts[2];
}

const struct size_rules *size_rules_find(uint32_t family, const char *version)
{
	const struct size_rules *found = NULL;
	uint32_t wanted = parse_version(version);
	for (size_t i = 0; i < sizeof usual / sizeof *usual && wanted == 0; i++)
		if (usual[i].family == family)
			wanted = usual[i].version;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (table[i].family == family && table[i].version <= wanted)
			found = &table[i];
	return found;
}

void size_rules_fill_table(const struct size_rules *rules, uint16_t *ret_table)
{
	for (size_t i = 0; i < SIZE_TABLE_ENTRIES; i++)
		ret_table[i] = (uint16_t)rules->plain(rules, i * 8);
}
