/* SPDX-License-Identifier: MIT */
/* own_allocator.c - see own_allocator.h. */
#include "own_allocator.h"

#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct marker { const char *allocator, *text; };
static const struct marker markers[];

static const char *search(const char *bytes, size_t size)
{
	for (const struct marker *m = markers; m->text; m++)
		if (memmem(bytes, size, m->text, strlen(m->text)))
			return m->allocator;
	return NULL;
}

static const char *read_file(int fd, const struct stat *st)
{
	char *bytes = mmap(NULL, (size_t)st->st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED)
		return NULL;
	const char *name = search(bytes, (size_t)st->st_size);
	munmap(bytes, (size_t)st->st_size);
	return name;
}

const char *own_allocator_find(const char *exe_path)
{
	struct stat st;
	const char *name = NULL;
	int fd = open(exe_path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0)
		name = read_file(fd, &st);
	close(fd);
	return name;
}

/* Sources of the texts: jemalloc src/malloc_io.c and src/jemalloc.c (every message's
 * prefix), mimalloc src/options.c (likewise), gperftools src/tcmalloc.cc. A shared
 * object's text is in the shared object, not in the executable that links it. */
static const struct marker markers[] = {
	{ "jemalloc", "<jemalloc>: " },
	{ "mimalloc", "mimalloc: warning: " },
	{ "tcmalloc", "tcmalloc.max_total_thread_cache_bytes" },
	{ NULL, NULL },
};
