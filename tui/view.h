/* SPDX-License-Identifier: MIT */
/*
 * view.h - the view model: what is shown and what a key does, without a terminal. It holds a
 * recording's data, the screen that is seen, a cursor on one snapshot for all screens, and
 * draws into a grid. What a screen is, is a const table entry (screen.h).
 * One thread at a time; 0 or -errno.
 */
#ifndef MEMWHY_TUI_VIEW_H
#define MEMWHY_TUI_VIEW_H

#include "allocator_table.h"
#include "data.h"
#include "grid.h"
#include "key.h"
#include "list.h"
#include "mapping_table.h"
#include "stack_table.h"

#define TUI_SCREENS_MAX 12
#define TUI_WIDTH_MIN 60  /* below these a line says that there is no room */
#define TUI_HEIGHT_MIN 16
#define TUI_SEARCH 64

struct tui_view {
	char *path;
	int64_t pid;                    /* 0: the one that the report chooses */
	struct tui_data *data;          /* never NULL */
	unsigned here;                  /* index of tui_screens */
	unsigned before_help;           /* where ? came from */
	size_t cursor;                  /* index of data->snapshots; 0 if there are none */
	int zoom;                       /* the timeline shows 1/2^zoom of the time */
	struct tui_list lists[TUI_SCREENS_MAX];
	bool opened;                    /* Why: a finding with all that is known of it */
	enum stack_by by;
	struct stack_table stacks;
	struct allocator_table allocator;
	struct mapping_table mappings;
	bool asking;                    /* a search is being typed */
	char search[TUI_SEARCH];
	char message[TUI_ERROR];        /* in the last line until the next key */
	bool quit;
};

/* ret_error has a sentence on failure, and nothing is to finish. */
int tui_view_init(struct tui_view *v, const char *path, int64_t pid, char ret_error[static TUI_ERROR]);
void tui_view_finish(struct tui_view *v);

void tui_view_draw(struct tui_view *v, struct grid *g);
void tui_view_key(struct tui_view *v, int key);

/* The run goes on, so that there may be more to read. */
bool tui_view_is_growing(const struct tui_view *v);
/* Reads the recording again; the cursor stays at its time, or at the end if it was there. On
 * failure what was read before stays, and the last line says why. */
int tui_view_reload(struct tui_view *v);
/* The same with another process. */
int tui_view_choose_process(struct tui_view *v, int64_t pid);

/* For screens: the snapshot at the cursor, or NULL; and the list of the screen. */
const struct recording_snapshot *tui_view_snapshot(const struct tui_view *v);
struct tui_list *tui_view_list(struct tui_view *v);
/* "0.30 s in, the resident peak": time and what is known of the snapshot at the cursor. */
void tui_view_describe(const struct tui_view *v, char *ret, size_t size);

#endif
