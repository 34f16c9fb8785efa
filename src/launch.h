/* SPDX-License-Identifier: MIT */
/*
 * launch.h - starting the target as if memwhy weren't there. memwhy changes a few things
 * of its own process (limits, signals, descriptors 0-2); launch.c remembers what they
 * were, and the target gets them back before its exec. State of the process, so one
 * launch at a time, from one thread. 0 or -errno.
 */
#ifndef MEMWHY_LAUNCH_H
#define MEMWHY_LAUNCH_H

#include "exec_kind.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* First thing in main: descriptors 0-2 that are closed become /dev/null, for memwhy only,
 * so that no file of memwhy's is ever taken for a standard stream. */
void launch_secure_streams(void);
/* Before any file is written: limits on files and descriptors as high as they go, no
 * death by SIGXFSZ or SIGPIPE, children can be waited for. */
void launch_begin(void);

struct launch_command {
	char *const *argv;
	char path[PATH_MAX];   /* what is run */
	struct exec_kind kind;
};
/* Finds argv[0] as execvp would. 0 if it looks as if it would run, else -errno. */
int launch_find(char *const *argv, struct launch_command *ret_command);
/* One clause for people: why it can't be run ("not found"), and the exit status that
 * belongs to it (126 or 127). error: of launch_find or of the exec, positive. */
int launch_explain(const struct launch_command *command, int error, char *ret_text, size_t size);

/* The probe to preload: $MEMWHY_PROBE_LIB, that of the build tree memwhy runs from, the
 * installed one. -ENOENT: not there (ret_path says where it was looked for last);
 * -EINVAL: its path has a blank or a colon, which LD_PRELOAD can't take. */
int launch_find_probe(char *ret_path, size_t size);

/* A copy of env: probe is put in front of what LD_PRELOAD has, wire becomes WIRE_ENV's
 * value; each NULL: left out. One block, free() it. NULL: no memory. */
char **launch_environment(char *const *env, const char *probe, const char *wire);

/* From here on INT, QUIT and the terminal's stop signals are left to the target, TERM
 * and HUP passed on to it. env: NULL-terminated. Returns when the exec has succeeded
 * (0 and the pid) or failed (-errno, and no process is left). */
int launch_start(const struct launch_command *command, char *const *env, pid_t *ret_pid);

/* Waits for the end, leaves the zombie for wait4. Stops when the target was stopped by
 * the terminal, and goes on with it. */
int launch_wait(pid_t pid);
/* Signals do again what they did before launch_start. */
void launch_end(void);

/* Dies of this signal as the target did, without a core of its own; exits with
 * 128 + signal where that cannot be. Never returns. */
void launch_die_of(int signal_number) __attribute__((noreturn));

#endif
