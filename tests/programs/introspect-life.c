/* SPDX-License-Identifier: MIT */
/*
 * introspect-life HOW - a program that keeps freed memory, and then ends in one of the ways
 * that a purge at the exit has to tell apart.
 *
 * It fills 40 MiB, frees all of it but one small block in each MiB, and keeps those. Every
 * allocator can give most of that back: more than half of it, when it is asked.
 * return, exit, _exit: an end of its own. handler: _exit() in a signal handler. raw: the
 * system call. kill, abort: it dies. exec: this program again, with "return".
 * read: 4 threads allocate for a second with malloc, realloc and free, and then it returns.
 */
#include "say.h"
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { BLOCK = 2000, BLOCKS = 40 * 1024 * 1024 / BLOCK, KEPT_EACH = 1024 * 1024 / BLOCK, THREADS = 4 };
static void *blocks[BLOCKS];

static void fill_and_free(void)
{
	for (int i = 0; i < BLOCKS; i++) {
		blocks[i] = malloc(BLOCK);
		MUST(blocks[i] != NULL);
		memset(blocks[i], i, BLOCK);
	}
	for (int i = 0; i < BLOCKS; i++)
		if (i % KEPT_EACH)
			free(blocks[i]);
}

static void end_in_handler(int number)
{
	_exit(number == SIGUSR1 ? 0 : 98);
}

static void *work(void *arg)
{
	void *own[64] = { NULL };
	uint64_t state = (uint64_t)(uintptr_t)arg + 1;
	time_t end = time(NULL) + 2;
	while (time(NULL) < end)
		for (int i = 0; i < 1000; i++) {
			void **p = &own[next_random(&state) % COUNT(own)];
			size_t n = 1 + next_random(&state) % (i % 50 ? 900 : 90000);
			if (i % 3)
				free(*p), *p = malloc(n);
			else
				*p = realloc(*p, n);
			memset(*p, 1, n);
		}
	for (size_t i = 0; i < COUNT(own); i++)
		free(own[i]);
	return NULL;
}

static void run_threads(void)
{
	pthread_t thread[THREADS];
	for (uintptr_t i = 0; i < THREADS; i++)
		MUST(pthread_create(&thread[i], NULL, work, (void *)i) == 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "return";
	fill_and_free();
	if (!strcmp(how, "read"))
		run_threads();
	if (!strcmp(how, "exit"))
		exit(3);
	if (!strcmp(how, "_exit"))
		_exit(3);
	if (!strcmp(how, "raw"))
		syscall(SYS_exit_group, 3);
	if (!strcmp(how, "kill"))
		raise(SIGKILL);
	if (!strcmp(how, "abort"))
		abort();
	if (!strcmp(how, "exec"))
		execl(argv[0], argv[0], "return", (char *)NULL);
	if (!strcmp(how, "handler")) {
		signal(SIGUSR1, end_in_handler);
		raise(SIGUSR1);
	}
	return 0;
}
