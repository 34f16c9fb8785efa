/* SPDX-License-Identifier: MIT */
/*
 * Keys in, cells out. Signals that end a program only leave a note, for the terminal has to be
 * restored first; ^Z and a new size are curses' own. A run that goes on is read again now and
 * then, more seldom the longer that takes.
 */
#include "shell.h"

#include "theme.h"
#include "util/terminal.h"

#include <curses.h>
#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

#define WAIT_MS 500            /* a size that changed between two calls is seen by then */
#define RELOAD_NS INT64_C(1000000000)
#define RELOAD_SHARE 50        /* at most a 50th of the time goes into it */

struct shell {
	struct tui_view *v;
	struct grid grid;
	bool utf8, stale, gone;
	int64_t reload_at_ns;
};

static volatile sig_atomic_t caught;

static void note_signal(int number)
{
	caught = number;
}

static void catch_signals(void)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	struct sigaction a = { .sa_handler = note_signal };
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		sigaction(numbers[i], &a, NULL);
}

static int64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

bool shell_can_run(void)
{
	const char *term = getenv("TERM");
	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && term && *term && strcmp(term, "dumb");
}

/* ---- cells out -------------------------------------------------------------------------------- */

static int resize(struct shell *s)
{
	int height, width;
	getmaxyx(stdscr, height, width);
	if (s->grid.cells && s->grid.width == width && s->grid.height == height)
		return 0;
	width = width > GRID_WIDTH_MAX ? GRID_WIDTH_MAX : width;
	height = height > GRID_HEIGHT_MAX ? GRID_HEIGHT_MAX : height;
	grid_finish(&s->grid);
	return grid_init(&s->grid, width, height, s->utf8, !theme_tells_causes());
}

static void show_row(const struct grid *g, int y)
{
	wchar_t text[GRID_WIDTH_MAX];
	const struct grid_cell *row = &g->cells[y * g->width];
	for (int x = 0; x < g->width;) {
		int n = 0;
		while (x + n < g->width && row[x + n].role == row[x].role) {
			text[n] = (wchar_t)row[x + n].character;
			n++;
		}
		attrset((int)theme_attributes(row[x].role));
		mvaddnwstr(y, x, text, n);
		x += n;
	}
}

static int show(struct shell *s)
{
	int result = resize(s);
	if (result)
		return result;
	tui_view_draw(s->v, &s->grid);
	for (int y = 0; y < s->grid.height; y++)
		show_row(&s->grid, y);
	refresh();
	s->stale = false;
	return 0;
}

/* ---- keys in ---------------------------------------------------------------------------------- */

static const struct { wint_t curses; int key; } special[] = {
	{ KEY_UP, TUI_UP }, { KEY_DOWN, TUI_DOWN }, { KEY_LEFT, TUI_LEFT }, { KEY_RIGHT, TUI_RIGHT },
	{ KEY_PPAGE, TUI_PAGE_UP }, { KEY_NPAGE, TUI_PAGE_DOWN }, { KEY_HOME, TUI_HOME }, { KEY_END, TUI_END },
	{ KEY_BTAB, TUI_BACK_TAB }, { KEY_BACKSPACE, TUI_BACKSPACE }, { KEY_ENTER, TUI_ENTER },
};

static int special_key(wint_t c)
{
	for (size_t i = 0; i < sizeof special / sizeof *special; i++)
		if (special[i].curses == c)
			return special[i].key;
	return c > KEY_F(0) && c <= KEY_F(12) ? TUI_F1 + (int)(c - KEY_F(1)) : TUI_OTHER;
}

static void take_keys(struct shell *s)
{
	wint_t c;
	int r;
	while (!s->v->quit && !caught && (r = get_wch(&c)) != ERR) {
		s->stale = true;
		if (r == KEY_CODE_YES && c == KEY_RESIZE)
			clearok(curscr, TRUE);
		else if (r == KEY_CODE_YES)
			tui_view_key(s->v, special_key(c));
		else
			tui_view_key(s->v, c == '\r' ? TUI_ENTER : c == '\b' ? TUI_BACKSPACE : c < 0x110000 ? (int)c : TUI_OTHER);
	}
}

/* False: the terminal is not there any more. */
static bool wait_for_keys(void)
{
	struct pollfd p = { STDIN_FILENO, POLLIN, 0 };
	return poll(&p, 1, WAIT_MS) <= 0 || !(p.revents & (POLLHUP | POLLERR | POLLNVAL));
}

static void reload_if_due(struct shell *s)
{
	int64_t begin = now_ns();
	if (!tui_view_is_growing(s->v) || begin < s->reload_at_ns)
		return;
	tui_view_reload(s->v);
	int64_t end = now_ns(), pause = (end - begin) * RELOAD_SHARE;
	s->reload_at_ns = end + (pause > RELOAD_NS ? pause : RELOAD_NS);
	s->stale = true;
}

static int loop(struct shell *s)
{
	while (!s->v->quit && !caught) {
		int result = s->stale ? show(s) : 0;
		if (result)
			return result;
		if (!wait_for_keys())
			return -EIO;
		take_keys(s);
		reload_if_due(s);
	}
	return 0;
}

/* ---- begin and end ------------------------------------------------------------------------------ */

static bool wants_colour(void)
{
	return terminal_has_colour(stdout);
}

static void start(void)
{
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	set_escdelay(25);
	curs_set(0);
	theme_start(wants_colour());
}

/* In the background the terminal is somebody else's, and ^Z has restored it already. */
static void stop(SCREEN *screen)
{
	signal(SIGTTOU, SIG_IGN);
	if (tcgetpgrp(STDIN_FILENO) == getpgrp() || caught == SIGHUP)
		endwin();
	delscreen(screen);
}

int shell_run(struct tui_view *v, int *ret_signal)
{
	struct shell s = { .v = v, .stale = true, .reload_at_ns = now_ns() + RELOAD_NS };
	/* characters alone: figures keep their decimal point */
	s.utf8 = setlocale(LC_CTYPE, "") && terminal_has_utf8();
	catch_signals();
	SCREEN *screen = newterm(NULL, stdout, stdin);
	if (!screen)
		return -ENOTTY;
	start();
	int result = loop(&s);
	stop(screen);
	grid_finish(&s.grid);
	*ret_signal = caught;
	return result;
}
