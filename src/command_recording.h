/* SPDX-License-Identifier: MIT */
/* command_recording.h - what commands about a recording share: which one, and opening it. */
#ifndef MEMWHY_COMMAND_RECORDING_H
#define MEMWHY_COMMAND_RECORDING_H

#include "recording.h"

#include <limits.h>

/* given: as on the command line; NULL: the last recording, whose path comes into last. NULL:
 * there is none, which was said on standard error. */
const char *command_recording_path(const char *given, char last[static PATH_MAX]);
/* NULL: it could not be read, which was said. */
struct recording *command_recording_open(const char *path);

#endif
