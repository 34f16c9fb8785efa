/* SPDX-License-Identifier: MIT */
/* See command_recording.h. */
#include "command_recording.h"
#include "recording_path.h"

#include <stdio.h>

const char *command_recording_path(const char *given, char last[static PATH_MAX])
{
	if (given)
		return given;
	if (recording_path_last(last, PATH_MAX) == 0)
		return last;
	fputs("memwhy: there is no recording yet; make one with: memwhy -- COMMAND, or name a file\n", stderr);
	return NULL;
}

struct recording *command_recording_open(const char *path)
{
	struct recording *r;
	char error[512];
	if (recording_open(path, &r, error, sizeof error) == 0)
		return r;
	fprintf(stderr, "memwhy: %s\n", error);
	return NULL;
}
