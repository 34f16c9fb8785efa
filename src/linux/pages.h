/* SPDX-License-Identifier: MIT */
/* pages.h - what pages.c shares with the rest of this folder and its tests. */
#ifndef MEMWHY_LINUX_PAGES_H
#define MEMWHY_LINUX_PAGES_H

#include "../platform.h"

/* True when /proc/self/pagemap shows frame numbers to this user. */
bool pages_frame_numbers_visible(void);

#endif
