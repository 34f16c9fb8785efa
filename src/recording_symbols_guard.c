/* SPDX-License-Identifier: MIT */
/*
 * The lookup in a child process. What it found it writes itself; how it went comes back in
 * shared memory, with the module that it reads just now. A child that crashes or hangs is
 * followed by another one that leaves that module out, a few times. Its end shows at a pipe,
 * whose writing end nobody else has.
 */
#include "recording_symbols.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRIES 8
#define GRACE_MS 2000
#define DATA_BYTES_MAX ((rlim_t)8 << 30) /* what the child may allocate */

struct outcome {
	char current[PATH_MAX];
	char error[512];
	int rc;
	bool done;
	struct recording_symbols_result result;
};

static void confine(void)
{
	struct rlimit none = { 0, 0 };
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	setrlimit(RLIMIT_CORE, &none);
#ifndef __SANITIZE_ADDRESS__ /* its shadow counts */
	struct rlimit data;
	if (getrlimit(RLIMIT_DATA, &data) == 0 && data.rlim_max > DATA_BYTES_MAX) {
		data = (struct rlimit){ DATA_BYTES_MAX, DATA_BYTES_MAX };
		setrlimit(RLIMIT_DATA, &data);
	}
#endif
}

static void run_child(const char *path, const struct recording_symbols_options *options, struct outcome *o)
{
	confine();
	o->rc = recording_symbols_add(path, options, &o->result, o->error, sizeof o->error);
	o->done = true;
	_exit(0);
}

/* -1: no limit. */
static int patience_ms(uint64_t limit_ns)
{
	uint64_t ms = limit_ns / 1000000;
	return limit_ns ? (int)(ms < 3600000 ? ms : 3600000) + GRACE_MS : -1;
}

static void await(pid_t pid, int fd, uint64_t limit_ns)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int n;
	while ((n = poll(&p, 1, patience_ms(limit_ns))) < 0 && errno == EINTR)
		;
	if (n <= 0)
		kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static int try_once(const char *path, const struct recording_symbols_options *options, struct outcome *o)
{
	int fds[2];
	if (pipe2(fds, O_CLOEXEC) != 0)
		return -errno;
	pid_t pid = fork();
	if (pid == 0)
		run_child(path, options, o);
	int error = errno;
	close(fds[1]);
	if (pid > 0)
		await(pid, fds[0], options->limit_ns);
	close(fds[0]);
	return pid < 0 ? -error : 0;
}

/* False: no module was being read, so there is none to leave out. */
static bool leave_out(struct outcome *o, const char **skip, size_t *count)
{
	char *name = o->current[0] ? strdup(o->current) : NULL;
	if (!name)
		return false;
	skip[(*count)++] = name;
	o->current[0] = 0;
	return true;
}

static int run_tries(const char *path, struct recording_symbols_options *options, struct outcome *o, const char **skip)
{
	size_t count = 0, tries = options->limit_ns ? 2 : TRIES;
	int rc;
	options->skip = skip;
	do
		rc = try_once(path, options, o);
	while (rc == 0 && !o->done && count + 1 < tries && leave_out(o, skip, &count));
	for (size_t i = 0; i < count; i++)
		free((char *)(uintptr_t)skip[i]);
	return rc < 0 ? rc : o->done ? 0 : -EIO;
}

int recording_symbols_guarded(const char *path, const struct recording_symbols_options *options,
			      struct recording_symbols_result *ret_result, char *ret_error, size_t error_size)
{
	struct recording_symbols_options mine = *options;
	const char *skip[TRIES + 1] = { NULL };
	struct outcome *o = mmap(NULL, sizeof *o, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (o == MAP_FAILED) {
		snprintf(ret_error, error_size, "%s: names cannot be looked up: %s", path, strerror(errno));
		return -ENOMEM;
	}
	mine.current = o->current;
	int rc = run_tries(path, &mine, o, skip);
	if (rc < 0)
		snprintf(ret_error, error_size, "%s: names cannot be looked up: %s", path,
			 rc == -EIO ? "the files of the program are damaged" : strerror(-rc));
	else if (o->rc < 0)
		snprintf(ret_error, error_size, "%s", o->error);
	else
		*ret_result = o->result;
	rc = rc < 0 ? rc : o->rc;
	munmap(o, sizeof *o);
	return rc;
}

bool recording_symbols_complaint(const struct recording_symbols_result *r, char *ret_text, size_t size)
{
	char gone[PATH_MAX + 128] = "", late[96] = "", refused[PATH_MAX + 64] = "";
	if (r->gone + r->unreadable)
		snprintf(gone, sizeof gone, "; %u of %u modules %s (%s)", r->gone + r->unreadable, r->modules,
			 !r->unreadable ? "were replaced or deleted since they were loaded" :
			 !r->gone ? "could not be read" : "are gone or could not be read", r->example);
	if (r->late)
		snprintf(late, sizeof late, "; %llu frames were left for memwhy symbolize", (unsigned long long)r->late);
	if (r->refused[0])
		snprintf(refused, sizeof refused, "; %s is of another build and was not used", r->refused);
	snprintf(ret_text, size, "%llu of %llu frames have no names%s%s%s", (unsigned long long)(r->frames - r->named),
		 (unsigned long long)r->frames, gone, late, refused);
	return gone[0] || late[0] || refused[0];
}
