/* SPDX-License-Identifier: MIT */
/* key.h - keys as the view model knows them: Unicode characters, and these beyond them. */
#ifndef MEMWHY_TUI_KEY_H
#define MEMWHY_TUI_KEY_H

enum tui_key {
	TUI_ESCAPE = 27, TUI_ENTER = 10, TUI_TAB = 9, TUI_BACKSPACE = 127,
	TUI_UP = 0x110000, TUI_DOWN, TUI_LEFT, TUI_RIGHT, TUI_PAGE_UP, TUI_PAGE_DOWN, TUI_HOME, TUI_END, TUI_BACK_TAB,
	TUI_F1, TUI_F12 = TUI_F1 + 11,
	TUI_OTHER /* one that nothing is bound to */
};

#endif
