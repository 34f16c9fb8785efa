/* SPDX-License-Identifier: MIT */
/* Cells, cuts, lists and scrolling pages, without a recording. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "grid.h"
#include "key.h"
#include "list.h"
#include "page.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct grid make_grid(int width, int height, bool utf8)
{
	struct grid g;
	assert_int_equal(grid_init(&g, width, height, utf8, false), 0);
	return g;
}

static void expect(const struct grid *g, const char *text)
{
	char *seen = NULL;
	size_t size;
	FILE *f = open_memstream(&seen, &size);
	grid_print(g, f);
	fclose(f);
	assert_string_equal(seen, text);
	free(seen);
}

static void test_sizes(void **state)
{
	struct grid g;
	assert_int_equal(grid_init(&g, 0, 5, true, false), -EINVAL);
	assert_int_equal(grid_init(&g, 5, GRID_HEIGHT_MAX + 1, true, false), -EINVAL);
	g = make_grid(3, 1, false);
	assert_true(g.letters); /* without UTF-8 there are no blocks */
	grid_finish(&g);
}

static void test_cut_has_a_mark(void **state)
{
	struct grid g = make_grid(10, 3, false);
	assert_int_equal(grid_text(&g, 0, 0, 10, ROLE_TEXT, "0123456789"), 10);
	assert_int_equal(grid_text(&g, 0, 1, 10, ROLE_TEXT, "0123456789a"), 10);
	assert_int_equal(grid_text(&g, 6, 2, 10, ROLE_TEXT, "abcdef"), 4); /* the grid ends before max */
	expect(&g, "0123456789\n01234567..\n      ab..\n");
	assert_int_equal(grid_text(&g, 0, 0, 0, ROLE_TEXT, "x"), 0);
	assert_int_equal(grid_text(&g, 0, 0, -4, ROLE_TEXT, "x"), 0);
	grid_finish(&g);
}

static void test_outside_is_nothing(void **state)
{
	struct grid g = make_grid(4, 1, false);
	grid_put(&g, -1, 0, ROLE_TEXT, 'x', 'x');
	grid_put(&g, 0, 1, ROLE_TEXT, 'x', 'x');
	grid_text(&g, 9, 0, 4, ROLE_TEXT, "x");
	grid_paint(&g, 3, 0, 50, ROLE_BAD);
	expect(&g, "\n");
	assert_int_equal(g.cells[3].role, ROLE_BAD);
	grid_finish(&g);
}

/* Escapes, wide characters, combining ones and half of a sequence: none reaches a terminal. */
static void test_untrusted_text(void **state)
{
	struct grid g = make_grid(12, 2, true);
	grid_text(&g, 0, 0, 12, ROLE_TEXT, "a\033[1m\xe6\x97\xa5" "e\xcc\x81\xc3");
	grid_text(&g, 0, 1, 12, ROLE_TEXT, "\xc3\xa9\xc2\x9b\t\xe2\x96\x88");
	expect(&g, "a?[1m?e??\n\xc3\xa9? \xe2\x96\x88\n");
	g.utf8 = false;
	grid_text(&g, 0, 1, 12, ROLE_TEXT, "\xc3\xa9\xc2\x9b\t\xe2\x96\x88");
	expect(&g, "a?[1m?e??\n?? ?\n");
	grid_finish(&g);
}

static void test_right_and_wrapped(void **state)
{
	struct grid g = make_grid(12, 4, false);
	grid_right(&g, 2, 0, 8, ROLE_TEXT, "4.0 MiB");
	assert_int_equal(grid_wrapped(&g, (struct grid_area){ 0, 1, 12, 2 }, ROLE_TEXT, "one two three four five six"), 2);
	expect(&g, "   4.0 MiB\none two\nthree four..\n\n");
	assert_int_equal(grid_wrapped_rows(12, "one two three four five six"), 3);
	assert_int_equal(grid_wrapped(&g, (struct grid_area){ 0, 1, 12, 0 }, ROLE_TEXT, "one"), 0);
	grid_finish(&g);
}

static void test_bars(void **state)
{
	struct grid g = make_grid(9, 5, true);
	grid_bar(&g, 0, 0, 8, ROLE_LIVE, 0.5, 'L');
	grid_bar(&g, 0, 1, 8, ROLE_LIVE, 0.0001, 'L'); /* what isn't nothing is seen */
	grid_bar(&g, 0, 2, 8, ROLE_LIVE, 7, 'L');
	grid_bar(&g, 0, 3, 8, ROLE_LIVE, -1, 'L');
	g.letters = true;
	grid_bar(&g, 0, 4, 8, ROLE_LIVE, 0.26, 'L');
	assert_int_equal(g.cells[0].role, ROLE_LIVE);
	expect(&g, "\u2588\u2588\u2588\u2588\n\u258f\n\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u2588\n\nLL\n");
	grid_finish(&g);
}

static void check_list(const struct tui_list *l)
{
	assert_true(l->selected < l->count || (!l->count && !l->selected));
	assert_true(l->top <= l->selected && l->selected < l->top + (size_t)l->rows);
}

static void test_list_keeps_its_invariant(void **state)
{
	static const int keys[] = { TUI_UP, TUI_DOWN, TUI_PAGE_UP, TUI_PAGE_DOWN, TUI_HOME, TUI_END, 'j', 'k', 'g', 'G', ' ' };
	struct tui_list l = { 0 };
	srand(7);
	for (int i = 0; i < 20000; i++) {
		assert_true(tui_list_key(&l, keys[(size_t)rand() % (sizeof keys / sizeof *keys)]));
		tui_list_fit(&l, i % 50 ? l.count : (size_t)(rand() % 60), i % 50 ? l.rows : rand() % 20);
		check_list(&l);
	}
	assert_false(tui_list_key(&l, 'x'));
}

static void test_list_moves(void **state)
{
	struct tui_list l = { 0 };
	tui_list_fit(&l, 100, 10);
	tui_list_key(&l, TUI_END);
	tui_list_fit(&l, 100, 10);
	assert_int_equal(l.selected, 99);
	assert_int_equal(l.top, 90);
	tui_list_key(&l, TUI_PAGE_UP);
	tui_list_fit(&l, 5, 10); /* it got shorter meanwhile */
	assert_int_equal(l.selected, 4);
	assert_int_equal(l.top, 0);
}

static void test_page_scrolls(void **state)
{
	struct grid g = make_grid(16, 3, false);
	struct tui_list l = { 0 };
	const char *text = "Head\n  one\n  two\n  three\n";
	tui_page_draw(&g, grid_whole(&g), &l, text);
	expect(&g, " Head\n   one\n 2 lines more\n");
	assert_int_equal(g.cells[1].role, ROLE_HEADING);
	tui_list_key(&l, TUI_END);
	grid_clear(&g);
	tui_page_draw(&g, grid_whole(&g), &l, text);
	expect(&g, "   two\n   three\n\n");
	grid_finish(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes), cmocka_unit_test(test_cut_has_a_mark), cmocka_unit_test(test_outside_is_nothing),
		cmocka_unit_test(test_untrusted_text), cmocka_unit_test(test_right_and_wrapped), cmocka_unit_test(test_bars),
		cmocka_unit_test(test_list_keeps_its_invariant), cmocka_unit_test(test_list_moves),
		cmocka_unit_test(test_page_scrolls),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
