/* SPDX-License-Identifier: MIT */
/* The screens of known recordings against golden files, and their figures against the report's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "causes.h"
#include "make_stacks.h"
#include "screen.h"
#include "util/units.h"
#include "wire_reading.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define UNFINISHED "unfinished.memwhy"
#define BARE "bare.memwhy"
#define TOLD "told.memwhy"

static struct tui_view open_view(const char *path)
{
	struct tui_view v;
	char error[TUI_ERROR] = "";
	if (tui_view_init(&v, path, 0, error))
		fail_msg("%s", error);
	return v;
}

/* The caller's to free. */
static char *draw(struct tui_view *v, int width, int height, bool utf8)
{
	static char *text; /* static, or gcc takes what is returned for an address in here */
	static size_t size;
	struct grid g;
	assert_int_equal(grid_init(&g, width, height, utf8, false), 0);
	tui_view_draw(v, &g);
	FILE *f = open_memstream(&text, &size);
	grid_print(&g, f);
	fclose(f);
	grid_finish(&g);
	return text;
}

static void expect_text(struct tui_view *v, const char *part, bool there)
{
	char *text = draw(v, 120, 40, false);
	if (!strstr(text, part) == there)
		fail_msg("%s \"%s\" in:\n%s", there ? "no" : "a", part, text);
	free(text);
}

/* ---- recordings ------------------------------------------------------------------------------ */

static void add_figure(struct store *s, uint32_t ms, int arena, const char *name, int64_t value)
{
	const struct store_cell cells[] = { store_time(START_NS + ms * UINT64_C(1000000)), store_integer(0),
		store_integer(arena), store_text(name), store_integer(value) };
	store_add_rows(s, 1, TABLE_FIGURE, cells, 1);
}

static void add_said(struct store *s)
{
	const struct store_cell settings[] = { store_integer(0), store_text("opt.narenas"), store_text("8") };
	const struct store_cell reading[] = { store_time(START_NS + 100000000), store_integer(0), store_integer(5000),
		store_text("ok"), store_integer(0) };
	const struct store_cell purge[] = { store_time(START_NS + 400000000), store_text("exit"), store_text("ok"),
		store_integer(1), store_integer(4600000), store_integer(43 * MIB), store_integer(20 * MIB),
		store_time(START_NS + 390000000), store_time(START_NS + 410000000) };
	add_figure(s, 290, WIRE_ARENA_ALL, "dirty", 12 * MIB);
	add_figure(s, 290, WIRE_ARENA_ALL, "dirty_decay", -1);
	add_figure(s, 290, 0, "active", 10 * MIB);
	add_figure(s, 290, 0, "dirty", 5 * MIB);
	add_figure(s, 290, 2, "active", 3 * MIB);
	add_figure(s, 900, WIRE_ARENA_ALL, "dirty", 99 * MIB);
	store_add_rows(s, 1, TABLE_SETTING, settings, 1);
	store_add_rows(s, 1, TABLE_READING, reading, 1);
	store_add_rows(s, 1, TABLE_PURGE, purge, 1);
	store_add_event(s, 1, START_NS + 200000000, "mark", 0, 0, 0, "half way");
}

/* Processes in a circle, and one whose parent nobody knows; one snapshot, readings, a purge. */
static void make_told(void)
{
	struct store *s = make_store(TOLD);
	for (uint32_t id = 1; id <= 4; id++) {
		struct store_process p = make_process(id, 4710 + (int)id, id == 1 ? "told" : "child", "/usr/bin/told");
		p.parent_id = id == 1 ? 2 : id == 2 ? 1 : id == 3 ? 77 : 3;
		store_add_process(s, &p);
	}
	struct snapshot n = make_snapshot(300, TRIGGER_RSS_GROWTH, make_ledger(44 * MIB, 15 * MIB, 13 * MIB));
	store_add_snapshot(s, 1, &n);
	free_snapshot(&n);
	add_said(s);
	close_store(s);
}

/* Nothing but a process and samples. */
static void make_bare(void)
{
	struct store *s = make_store(BARE);
	struct store_process p = make_process(1, 4711, "bare", "/usr/bin/bare");
	store_add_process(s, &p);
	for (int ms = 0; ms < 500; ms += 100) {
		struct sample n = { START_NS + (uint64_t)ms * 1000000, (10 + ms / 20) * MIB, { 0 } };
		store_add_sample(s, 1, &n);
	}
	close_store(s);
}

static int set_up(void **state)
{
	enter_temporary_folder();
	make_golden(GOLDEN_NAME, true);
	make_golden(UNFINISHED, false);
	make_stacks(STACKS_NAME, &(struct make_stacks){ .scale = 1024 });
	make_bare();
	make_told();
	return 0;
}

/* ---- golden screens ------------------------------------------------------------------------------- */

static void golden(struct tui_view *v, const char *name)
{
	static const struct { int width, height; bool utf8; } sizes[] = { { 80, 24, false }, { 120, 40, true } };
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		char file[64], *text = draw(v, sizes[i].width, sizes[i].height, sizes[i].utf8);
		snprintf(file, sizeof file, "tui-%s-%dx%d.txt", name, sizes[i].width, sizes[i].height);
		compare_with_golden(file, text);
		free(text);
	}
}

static void test_golden_screens(void **state)
{
	static const struct { const char *path, *keys, *name; } screens[] = {
		{ GOLDEN_NAME, "1", "timeline" }, { STACKS_NAME, "2\n", "why" }, { STACKS_NAME, "3", "stacks" },
		{ TOLD, "4", "allocator" }, { GOLDEN_NAME, "5j", "map" }, { GOLDEN_NAME, "6j", "processes" },
		{ GOLDEN_NAME, "7", "help" },
	};
	for (size_t i = 0; i < sizeof screens / sizeof *screens; i++) {
		struct tui_view v = open_view(screens[i].path);
		for (const char *k = screens[i].keys; *k; k++)
			tui_view_key(&v, *k);
		golden(&v, screens[i].name);
		tui_view_finish(&v);
	}
}

/* ---- figures -------------------------------------------------------------------------------------- */

static void check_ledger(struct tui_view *v, enum report_moment at)
{
	const struct ledger *l = &v->data->report.moments[at].snapshot.s.ledger;
	char line[64], text[UNITS_SIZE];
	int64_t net = 0;
	assert_true(v->data->report.moments[at].had && report_resident(l, &net));
	snprintf(line, sizeof line, "resident     %11s", units_bytes(net, text));
	expect_text(v, line, true);
	for (int i = 0; i < CAUSES; i++) {
		bool had = ledger_has(l, causes[i].term);
		snprintf(line, sizeof line, "%c %-13s%11s", causes[i].letter, ledger_term_infos[causes[i].term].label,
			 had ? units_bytes(l->bytes[causes[i].term], text) : "-");
		expect_text(v, line, true);
	}
}

/* Each term of each moment that the report has, after the key that leads there. */
static void test_figures_are_the_reports(void **state)
{
	static const char keys[] = { 'P', 'L', 'X' };
	struct tui_view v = open_view(GOLDEN_NAME);
	for (int i = 2; i >= 0; i--) {
		tui_view_key(&v, keys[i]);
		check_ledger(&v, i);
	}
	tui_view_finish(&v);
}

static void test_causes_are_the_sum(void **state)
{
	int terms = 0;
	for (int t = 0; t < LEDGER_TERMS; t++)
		terms += ledger_term_infos[t].kind == LEDGER_SUM && t != LEDGER_T_probe;
	assert_int_equal(terms, CAUSES);
	for (int i = 0; i < CAUSES; i++)
		for (int j = 0; j < i; j++) {
			assert_int_not_equal(causes[i].letter, causes[j].letter);
			assert_int_not_equal(causes[i].role, causes[j].role);
		}
}

/* The column at the cursor is the ledger: cells of each role in proportion. */
static void test_picture_is_the_ledger(void **state)
{
	struct tui_view v = open_view(GOLDEN_NAME);
	struct grid g;
	int seen[GRID_ROLES] = { 0 }, x = 0;
	assert_int_equal(grid_init(&g, 120, 100, true, false), 0);
	tui_view_draw(&v, &g);
	while (g.cells[(2 + 93 - 2) * 120 + x].character != '^') /* the body's height less why, marks and times */
		assert_true(++x < 120);
	for (int y = 2; y < 93; y++)
		seen[g.cells[y * 120 + x].role]++;
	const struct ledger *l = &tui_view_snapshot(&v)->s.ledger;
	int64_t net = l->bytes[LEDGER_T_rss] - l->bytes[LEDGER_T_probe];
	int rows = 91, live = (int)(rows * l->bytes[LEDGER_T_live_requested_resident] / net);
	assert_in_range(seen[ROLE_LIVE] + seen[ROLE_LINE], live - 2, live + 2);
	assert_in_range(seen[ROLE_DIRTY], rows * l->bytes[LEDGER_T_retained_dirty] / net - 2,
			rows * l->bytes[LEDGER_T_retained_dirty] / net + 2);
	grid_finish(&g);
	tui_view_finish(&v);
}

static void test_allocator_beside_the_ledger(void **state)
{
	struct tui_view v = open_view(TOLD);
	expect_text(&v, "m mark, 0.20 s in: half way", true);
	tui_view_key(&v, '4');
	expect_text(&v, "dirty                   12.0 MiB      13.0 MiB", true);
	expect_text(&v, "dirty_decay                never", true);
	expect_text(&v, "99.0 MiB", false); /* of another moment */
	expect_text(&v, "resident 43.0 MiB -> 20.0 MiB, took 4.6 ms (ok)", true);
	tui_view_finish(&v);
}

static void test_stacks_sort_and_search(void **state)
{
	struct tui_view v = open_view(STACKS_NAME);
	tui_view_key(&v, '3');
	expect_text(&v, "5.9 MiB", true);
	for (const char *k = "/LIBX\n"; *k; k++)
		tui_view_key(&v, *k);
	expect_text(&v, "/LIBX", false);
	assert_non_null(strstr(stack_table_name(&v.stacks, v.lists[2].selected), "libx"));
	for (const char *k = "/nowhere\n"; *k; k++)
		tui_view_key(&v, *k);
	expect_text(&v, "not found: nowhere", true);
	for (int by = 1; by <= STACK_BYS; by++) {
		tui_view_key(&v, TUI_F1 + 5);
		expect_text(&v, stack_by_infos[by % STACK_BYS].heading, true);
	}
	tui_view_finish(&v);
}

/* ---- what is missing or bad -------------------------------------------------------------------------- */

static void test_nothing_to_show_is_said(void **state)
{
	struct tui_view v = open_view(BARE);
	expect_text(&v, "no snapshot was taken", true);
	tui_view_key(&v, 'P');
	expect_text(&v, "the resident peak is not known", true);
	tui_view_key(&v, '3');
	expect_text(&v, "--stacks", true);
	tui_view_key(&v, '5');
	expect_text(&v, "No mappings were recorded", true);
	tui_view_finish(&v);
}

static void test_too_small(void **state)
{
	struct tui_view v = open_view(GOLDEN_NAME);
	char *text = draw(&v, 40, 5, false);
	assert_non_null(strstr(text, "too small"));
	free(text);
	text = draw(&v, 60, 16, false);
	assert_non_null(strstr(text, "terms more, in a higher window"));
	free(text);
	tui_view_finish(&v);
}

static void test_processes(void **state)
{
	struct tui_view v = open_view(TOLD);
	struct process_row *rows = v.data->processes;
	assert_int_equal(rows[0].process->id, 3); /* its parent is not there */
	assert_int_equal(rows[1].process->id, 4);
	assert_int_equal(rows[1].depth, 1);
	assert_int_equal(rows[2].process->id, 1); /* the circle */
	assert_int_equal(rows[3].process->id, 2);
	tui_view_finish(&v);
	v = open_view(GOLDEN_NAME);
	tui_view_key(&v, '6');
	expect_text(&v, ">*     4711", true);
	tui_view_key(&v, TUI_DOWN);
	tui_view_key(&v, TUI_ENTER);
	expect_text(&v, ">*     4712", true);
	expect_text(&v, "live unknown: statically linked", true);
	tui_view_finish(&v);
}

static void copy(const char *from, const char *to, size_t bytes)
{
	static char text[1 << 20];
	FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
	size_t n = fread(text, 1, sizeof text < bytes ? sizeof text : bytes, in);
	assert_int_equal(fwrite(text, 1, n, out), n);
	fclose(in);
	fclose(out);
}

/* The cursor stays at its time; at the end it stays at the end; a file that is gone is said. */
static void test_growing(void **state)
{
	copy(UNFINISHED, "growing.memwhy", SIZE_MAX);
	struct tui_view v = open_view("growing.memwhy");
	assert_true(tui_view_is_growing(&v));
	expect_text(&v, "no end yet", true);
	tui_view_key(&v, TUI_HOME);
	copy(GOLDEN_NAME, "growing.memwhy", SIZE_MAX);
	assert_int_equal(tui_view_reload(&v), 0);
	assert_false(tui_view_is_growing(&v));
	assert_int_equal(v.cursor, 0);
	tui_view_key(&v, TUI_END);
	assert_int_equal(tui_view_snapshot(&v)->s.trigger, TRIGGER_EXIT);
	unlink("growing.memwhy");
	tui_view_key(&v, 'r');
	expect_text(&v, "not read again: growing.memwhy", true);
	expect_text(&v, "0.51 s in", true);
	tui_view_finish(&v);
}

/* Cut anywhere: an error with a sentence, or a view that can be looked at. */
static void test_truncated(void **state)
{
	for (size_t bytes = 0; bytes < 60000; bytes += 1789) {
		struct tui_view v;
		char error[TUI_ERROR] = "";
		copy(GOLDEN_NAME, "cut.memwhy", bytes);
		if (tui_view_init(&v, "cut.memwhy", 0, error)) {
			assert_string_not_equal(error, "");
			continue;
		}
		for (int screen = '1'; screen <= '7'; screen++) {
			tui_view_key(&v, screen);
			free(draw(&v, 80, 24, true));
		}
		tui_view_finish(&v);
	}
	struct tui_view v;
	char error[TUI_ERROR] = "";
	assert_int_not_equal(tui_view_init(&v, "missing.memwhy", 0, error), 0);
	assert_non_null(strstr(error, "missing.memwhy"));
	assert_int_not_equal(tui_view_init(&v, GOLDEN_NAME, 99, error), 0);
	assert_non_null(strstr(error, "no process of that pid"));
}

/* ---- any key at any size ------------------------------------------------------------------------------ */

static void press_at_random(const char *path, int keys)
{
	struct tui_view v = open_view(path);
	for (int i = 0; i < keys; i++) {
		int kind = rand() % 3;
		tui_view_key(&v, kind == 0 ? rand() % 128 : kind == 1 ? TUI_UP + rand() % 22 : '1' + rand() % 7);
		v.quit = false;
		struct grid g;
		assert_int_equal(grid_init(&g, 1 + rand() % 240, 1 + rand() % 90, rand() % 2, rand() % 2), 0);
		tui_view_draw(&v, &g);
		for (int c = 0; c < g.width * g.height; c++) {
			assert_true(g.cells[c].character >= ' ' && (g.utf8 || g.cells[c].character < 127));
			assert_true(g.cells[c].role < GRID_ROLES);
		}
		grid_finish(&g);
	}
	tui_view_finish(&v);
}

static void test_random_keys(void **state)
{
	static const char *const paths[] = { GOLDEN_NAME, STACKS_NAME, BARE, TOLD, UNFINISHED };
	srand(11);
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		press_at_random(paths[i], 3000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden_screens), cmocka_unit_test(test_figures_are_the_reports),
		cmocka_unit_test(test_causes_are_the_sum), cmocka_unit_test(test_picture_is_the_ledger),
		cmocka_unit_test(test_allocator_beside_the_ledger), cmocka_unit_test(test_stacks_sort_and_search),
		cmocka_unit_test(test_nothing_to_show_is_said), cmocka_unit_test(test_too_small),
		cmocka_unit_test(test_processes), cmocka_unit_test(test_growing), cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_random_keys),
	};
	return cmocka_run_group_tests(tests, set_up, leave_folder);
}
