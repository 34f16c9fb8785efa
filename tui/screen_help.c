/* SPDX-License-Identifier: MIT */
/* Keys of the screen that one came from, keys of all, what the screens and the terms mean. */
#include "screen.h"

#include "causes.h"
#include "page.h"
#include "util/text.h"

#include <stdlib.h>

#define KEYS_COLUMNS 20
#define TERM_COLUMNS 16

static void print_keys(FILE *f, const struct tui_key_help *k, int width)
{
	for (; k->keys; k++) {
		fprintf(f, "  %-*s", KEYS_COLUMNS - 2, k->keys);
		text_print_wrapped(f, k->what, KEYS_COLUMNS, KEYS_COLUMNS, (size_t)width, false);
	}
}

static void print_screens(FILE *f, int width)
{
	fputs("\nScreens\n", f);
	for (unsigned i = 0; tui_screens[i]; i++) {
		fprintf(f, "  %u %-*s", i + 1, TERM_COLUMNS - 4, tui_screens[i]->name);
		text_print_wrapped(f, tui_screens[i]->meaning, TERM_COLUMNS, TERM_COLUMNS, (size_t)width, false);
	}
}

static char letter_of(int term)
{
	for (int i = 0; i < CAUSES; i++)
		if ((int)causes[i].term == term)
			return causes[i].letter;
	return ' ';
}

static void print_terms(FILE *f, int width)
{
	fputs("\nTerms of the ledger, with their letters; memwhy-ledger(7) has the formulas\n", f);
	for (int t = 0; t < LEDGER_TERMS; t++) {
		if (t == LEDGER_T_probe)
			continue; /* in no figure here */
		fprintf(f, "  %c %-*s", letter_of(t), TERM_COLUMNS - 4, ledger_term_infos[t].label);
		text_print_wrapped(f, ledger_term_infos[t].meaning, TERM_COLUMNS, TERM_COLUMNS, (size_t)width, false);
	}
}

static void print_figures(FILE *f, int width)
{
	fputs("\nWhat stacks are sorted by\n", f);
	for (int by = 0; by < STACK_BYS; by++) {
		fprintf(f, "  %-*s", TERM_COLUMNS - 2, stack_by_infos[by].name);
		text_print_wrapped(f, stack_by_infos[by].meaning, TERM_COLUMNS, TERM_COLUMNS, (size_t)width, false);
	}
}

static void draw(struct tui_view *v, struct grid *g, struct grid_area a)
{
	const struct tui_screen *from = tui_screens[v->before_help];
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	if (!f)
		return;
	fprintf(f, "Keys of %s\n", from->name);
	print_keys(f, from->keys, a.width - 3);
	fputs("\nKeys of every screen\n", f);
	print_keys(f, tui_common_keys, a.width - 3);
	print_screens(f, a.width - 3);
	print_terms(f, a.width - 3);
	print_figures(f, a.width - 3);
	fclose(f);
	tui_page_draw(g, a, tui_view_list(v), text);
	free(text);
}

static const struct tui_key_help keys[] = { { "Up,Down", "scroll" }, { "?", "back" }, { NULL, NULL } };

const struct tui_screen screen_help = { .name = "Help", .meaning = "this", .keys = keys, .draw = draw };
