/* SPDX-License-Identifier: MIT */
/*
 * recording_path.h - where recordings lie: $XDG_STATE_HOME/memwhy/, else
 * ~/.local/state/memwhy/, one file COMMAND-DATE-TIME-PID.memwhy each, the newest 20
 * kept; or wherever -o says. All paths are NUL-terminated into the caller's buffer.
 * Errors: 0 or -errno, the buffer untouched on failure. -ENAMETOOLONG: it is too small.
 */
#ifndef MEMWHY_RECORDING_PATH_H
#define MEMWHY_RECORDING_PATH_H

#include <stddef.h>

#define RECORDING_SUFFIX ".memwhy"
#define RECORDINGS_KEPT 20

/* A new name in the default folder, which is made (0700) if it isn't there. command:
 * argv[0] of the target. -ENOENT: no home folder is known. */
int recording_path_default(const char *command, char *ret, size_t size);
/* %p: memwhy's pid, %n: the command's base name, %%: a percent sign. -EINVAL: another %. */
int recording_path_expand(const char *pattern, const char *command, char *ret, size_t size);
/* The recording that was begun last: the remembered one if it is still there, else the
 * newest of the default folder. -ENOENT: there is none. */
int recording_path_last(char *ret, size_t size);
/* Call once the file at `path` was created: it is the "last recording" from now on,
 * wherever it lies. Failure is of no consequence. */
void recording_path_remember(const char *path);
/* Deletes all but the newest RECORDINGS_KEPT of the default folder; never one that a
 * living memwhy still writes. Failure is of no consequence. */
void recording_path_rotate(void);

#endif
