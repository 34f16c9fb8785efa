/* SPDX-License-Identifier: MIT */
/*
 * say.h - what the test programs share: output that never allocates (stdio's buffer
 * would be in the heap that is being counted) and the kernel's own word on which pages
 * are resident.
 *
 * Lines that a checker understands (tests/e2e/lib.sh, check_expectations):
 *   expect TERM[+TERM...] BYTES TOLERANCE    the ledger's terms sum to BYTES, within TOLERANCE
 *   counter NAME VALUE                       a counter's difference from a baseline run
 */
#ifndef TESTS_SAY_H
#define TESTS_SAY_H

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAGE 4096ul
#define KIB 1024l
#define MIB (1024l * 1024l)
#define COUNT(a) (sizeof(a) / sizeof *(a))

__attribute__((format(printf, 1, 2), unused))
static void say(const char *format, ...)
{
	char line[1024];
	va_list ap;
	va_start(ap, format);
	int n = vsnprintf(line, sizeof line, format, ap);
	va_end(ap);
	for (int at = 0; at < n;) {
		ssize_t w = write(STDOUT_FILENO, line + at, (size_t)(n - at));
		if (w < 0)
			break;
		at += (int)w;
	}
}

/* A test program that cannot do its part says why and ends as skipped. */
__attribute__((noreturn, unused))
static void skip(const char *why)
{
	say("skip %s\n", why);
	_exit(77);
}

/* A broken promise of the system or of memwhy: never a plain exit 1. */
__attribute__((noreturn, unused))
static void fail(const char *why)
{
	say("FAILED: %s\n", why);
	_exit(99);
}
#define MUST(condition) ((condition) ? (void)0 : fail(#condition))

__attribute__((unused))
static void *must_not_be_null(void *p)
{
	MUST(p != NULL);
	return p;
}

/* Bytes of [start, end) that are in this process's page table as present pages, whole
 * pages only. By /proc/self/pagemap, raw system calls, no allocation. */
__attribute__((unused))
static long resident_bytes(uintptr_t start, uintptr_t end)
{
	uint64_t entries[512];
	long resident = 0;
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		skip("/proc/self/pagemap cannot be read");
	for (uintptr_t page = start / PAGE; page < end / PAGE;) {
		size_t want = end / PAGE - page < COUNT(entries) ? end / PAGE - page : COUNT(entries);
		ssize_t got = pread(fd, entries, want * 8, (off_t)(page * 8));
		if (got < 8)
			break;
		for (size_t i = 0; i < (size_t)got / 8; i++)
			resident += entries[i] >> 63 ? (long)PAGE : 0;
		page += (size_t)got / 8;
	}
	close(fd);
	return resident;
}

/* A small generator of its own: the same on every libc. */
__attribute__((unused))
static uint32_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(*state >> 33);
}

/* Ends the process the way that `how` names. */
__attribute__((noreturn, unused))
static void end_by(const char *how, int status)
{
	static const struct { const char *name; int signal; } signals[] = {
		{ "term", SIGTERM }, { "kill", SIGKILL }, { "segv", SIGSEGV }, { "int", SIGINT },
		{ "abrt", SIGABRT }, { "hup", SIGHUP }, { "bus", SIGBUS }, { "usr1", SIGUSR1 },
	};
	if (!strcmp(how, "exit"))
		exit(status);
	if (!strcmp(how, "_exit"))
		_exit(status);
	if (!strcmp(how, "_Exit"))
		_Exit(status);
	if (!strcmp(how, "quick_exit"))
		quick_exit(status);
	if (!strcmp(how, "abort"))
		abort();
	for (size_t i = 0; i < COUNT(signals); i++)
		if (!strcmp(how, signals[i].name)) {
			signal(signals[i].signal, SIG_DFL);
			kill(getpid(), signals[i].signal);
			for (;;)
				pause();
		}
	fail("no such ending");
}

#endif
