/* SPDX-License-Identifier: MIT */
/* verdict_words.h - the holders of a finding in words; see verdict.h. Pure. */
#ifndef MEMWHY_VERDICT_WORDS_H
#define MEMWHY_VERDICT_WORDS_H

#include "verdict.h"

#define VERDICT_HOLDERS_TEXT 640

/* "312 KiB of intern survivors pin 41.0 MiB; 20.0 KiB of parse survivors 3.0 MiB"; "" where
 * nobody is named. */
void verdict_holders_text(const struct verdict_finding *f, char ret_text[VERDICT_HOLDERS_TEXT]);

#endif
