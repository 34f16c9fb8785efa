/* SPDX-License-Identifier: MIT */
/*
 * The program: main calls parse (in which "name", inlined, calls intern) and load (of a library
 * without symbols, frame 6). Stacks, innermost first:
 *   1 main    2 parse+name <- 1    3 intern <- 2    4 operator new <- 3    5 [libx.so+0x66] <- 1
 *   6 malloc <- 5    7 malloc <- 2 (cut)    8 main <- 1, or 8: a loop, as of a damaged file
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "make_stacks.h"

#include "command.h"
#include "wire_stack.h"

#include <stdio.h>
#include <string.h>

static struct store_cell number(int64_t v)
{
	return store_integer(v);
}

static void add_modules(struct store *s)
{
	const struct store_cell cells[] = {
		number(1), store_text("/usr/bin/app"), store_text("0011aabb"), number(0x400000), number(0x500000), number(0),
		number(2), store_text("/usr/lib/libx.so"), store_text(""), number(0x7f0000000000), number(0x7f0000100000),
		number(0x7f0000000000),
	};
	store_add_rows(s, 1, TABLE_MODULE, cells, 2);
}

static void add_frames(struct store *s)
{
	static const struct { int id, module, address; } frames[] = {
		{ 1, 1, 0x401000 }, { 2, 1, 0x402000 }, { 3, 1, 0x403000 }, { 4, 1, 0x404000 },
		{ 5, 1, 0x405000 }, { 6, 2, 0x66 },
	};
	for (size_t i = 0; i < sizeof frames / sizeof *frames; i++) {
		const struct store_cell cells[] = { number(frames[i].id), number(frames[i].module), number(frames[i].address) };
		store_add_rows(s, 1, TABLE_FRAME, cells, 1);
	}
}

static void add_symbols(struct store *s, const char *intern)
{
	const struct { int frame, depth; const char *function, *file; int line; } symbols[] = {
		{ 1, 0, "main", "/src/main.c", 10 }, { 2, 0, "name", "/src/lexer.c", 33 }, { 2, 1, "parse", "/src/parser.c", 22 },
		{ 3, 0, intern, "/src/intern.c", 44 }, { 4, 0, "operator new(unsigned long)", NULL, 0 },
		{ 5, 0, "malloc", NULL, 0 },
	};
	for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++) {
		const struct store_cell cells[] = { number(symbols[i].frame), number(symbols[i].depth),
			store_text(symbols[i].function), store_text(symbols[i].file), number(symbols[i].line), store_text("dwarf") };
		store_add_rows(s, 1, TABLE_SYMBOL, cells, 1);
	}
}

static void add_stacks(struct store *s, bool loop)
{
	const struct { int id, parent, frame, flags; } stacks[] = {
		{ 1, 0, 1, 0 }, { 2, 1, 2, 0 }, { 3, 2, 3, 0 }, { 4, 3, 4, 0 }, { 5, 1, 6, 0 }, { 6, 5, 5, 0 },
		{ 7, 2, 5, WIRE_STACK_CUT }, { 8, loop ? 8 : 1, 1, 0 },
	};
	for (size_t i = 0; i < sizeof stacks / sizeof *stacks; i++) {
		const struct store_cell cells[] = { number(stacks[i].id), number(stacks[i].parent), number(stacks[i].frame),
						    number(stacks[i].flags) };
		store_add_rows(s, 1, TABLE_STACK, cells, 1);
	}
}

/* In KIB: live, blocks (a count), rounding, pinned, pages (a count), dirty, error. */
static const int64_t at_peak[][8] = {
	{ 0, 10, 5, 0, 40, 10, 0, 0 },
	{ 4, 6000, 3000, 100, 200, 50, 8, 300 },
	{ 6, 3000, 10, 50, 5000, 900, 16, 400 },
	{ 7, 990, 99, 9, 0, 0, 32, 0 },
};

static void add_figures(struct store *s, const struct make_stacks *how, int ms, int64_t factor)
{
	int64_t kib = how->scale * factor;
	for (size_t i = 0; i < sizeof at_peak / sizeof *at_peak; i++) {
		const int64_t *f = at_peak[i];
		const struct store_cell error = how->sampled ? number(f[7] * kib) : store_null();
		const struct store_cell cells[] = { store_snapshot_at(START_NS + (uint64_t)ms * 1000000), number(f[0]),
			number(f[1] * kib), number(f[2]), number(f[3] * kib), number(f[4] * kib), number(f[5]),
			number(f[6] * kib), error, error };
		store_add_rows(s, 1, TABLE_STACK_FIGURE, cells, 1);
	}
}

static void add_totals(struct store *s, const struct make_stacks *how)
{
	static const int64_t totals[][3] = { { 4, 9000, 4000 }, { 6, 20000, 300 }, { 8, 1, 1 } };
	for (size_t i = 0; i < sizeof totals / sizeof *totals; i++) {
		const struct store_cell cells[] = { number(totals[i][0]), number(totals[i][1] * how->scale),
						    number(totals[i][2]), number(totals[i][2]) };
		store_add_rows(s, 1, TABLE_STACK_TOTAL, cells, 1);
	}
}

static void add_moment(struct store *s, int ms, enum snapshot_trigger trigger, struct ledger ledger)
{
	struct snapshot n = make_snapshot(ms, trigger, ledger);
	store_add_snapshot(s, 1, &n);
	free_snapshot(&n);
}

void make_stacks(const char *path, const struct make_stacks *how)
{
	struct store *s = make_store(path);
	struct store_process p = make_process(1, 4711, "app --work", "/usr/bin/app");
	store_add_process(s, &p);
	add_moment(s, 250, TRIGGER_LIVE_PEAK, make_ledger(40 * MIB, 20 * MIB, 8 * MIB));
	add_moment(s, 300, TRIGGER_RSS_GROWTH, make_ledger(44 * how->scale * 1024, 10 * MIB, 13 * how->scale * 1024));
	add_moment(s, 510, TRIGGER_EXIT, make_ledger(43 * MIB, 300000, 28 * MIB));
	add_modules(s);
	add_frames(s);
	add_symbols(s, how->extra ? how->extra : "intern");
	add_stacks(s, how->loop);
	add_figures(s, how, 250, 2);
	add_figures(s, how, 300, 1);
	add_totals(s, how);
	struct store_process_end e = { .id = 1, .end_ns = START_NS + 520000000, .how = STORE_END_EXIT,
		.ru_maxrss_bytes = 47 * MIB, .vm_hwm_bytes = 46 * MIB, .rss_peak_bytes = 46 * MIB, .user_ns = 1, .system_ns = 1,
		.minor_faults = 1, .major_faults = 0, .counters = make_counters(20 * MIB, 1234567), .probe_state = "on" };
	strcpy(e.heaps[0].name, "glibc");
	store_end_process(s, &e);
	store_end_run(s, START_NS + 530000000, 0, 46 * MIB, START_NS + 310000000);
	close_store(s);
}

int run_command(const struct command *command, const char *line)
{
	char words[256], *argv[16], *rest = words;
	int argc = 0;
	snprintf(words, sizeof words, "%s", line);
	while ((argv[argc] = strsep(&rest, " ")))
		argc++;
	return command->run(argc, argv);
}
