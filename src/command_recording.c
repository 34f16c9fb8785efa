/* SPDX-License-Identifier: MIT */
/* See command_recording.h. */
#include "command_recording.h"
#include "command.h"
#include "recording_path.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int command_complain(const char *command, const char *what, const char *value, const char *advice)
{
	fprintf(stderr, "memwhy: %s: %s \"%s\": %s\n", command, what, value, advice);
	return EXIT_USAGE;
}

int command_bad_option(const char *command, int c, const char *option)
{
	char advice[64];
	snprintf(advice, sizeof advice, "see memwhy %s --help", command);
	return command_complain(command, c == ':' ? "needs a value:" : "unknown option", option, advice);
}

int command_set_pid(const char *command, const char *text, int64_t *ret_pid)
{
	char *end;
	errno = 0;
	long pid = strtol(text, &end, 10);
	if (errno || end == text || *end || pid <= 0 || pid > INT_MAX)
		return command_complain(command, "bad --pid", text, "use a process id of the run");
	*ret_pid = pid;
	return 0;
}

int command_set_path(const char *command, int count, char **operands, const char **ret_path)
{
	if (count > 1)
		return command_complain(command, "too many arguments at", operands[1], "one recording at a time");
	*ret_path = operands[0];
	return 0;
}

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

int command_on_recording(int parsed, const char *given, command_recording_fn *fn, const void *request)
{
	char last[PATH_MAX];
	if (parsed)
		return parsed < 0 ? 0 : parsed;
	const char *path = command_recording_path(given, last);
	return path ? fn(request, path) : EXIT_MEMWHY;
}

int command_print(const char *path, command_print_fn *print, const struct report_options *options, const char *what)
{
	struct recording *r = command_recording_open(path);
	if (!r)
		return EXIT_MEMWHY;
	int result = print(r, options, stdout);
	if (result)
		fprintf(stderr, "memwhy: %s\n", report_error_text(r, result));
	else if (fflush(stdout) || ferror(stdout)) {
		result = -errno;
		fprintf(stderr, "memwhy: cannot write %s: %s\n", what, strerror(errno));
	}
	recording_close(r);
	return result ? EXIT_MEMWHY : 0;
}
