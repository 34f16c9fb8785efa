/* SPDX-License-Identifier: MIT */
/* shell.h - the view model on a terminal, with curses. Whatever ends it, the terminal is as
 * it was before. */
#ifndef MEMWHY_TUI_SHELL_H
#define MEMWHY_TUI_SHELL_H

#include "view.h"

/* Standard input and output are a terminal that can be drawn on. */
bool shell_can_run(void);
/* Until the user leaves or a signal comes. 0; -ENOTTY: the terminal cannot be drawn on;
 * -ENOMEM; -EIO: it went away. *ret_signal: the signal, or 0; the caller dies by it. */
int shell_run(struct tui_view *v, int *ret_signal);

#endif
