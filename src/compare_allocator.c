/* SPDX-License-Identifier: MIT */
/* Allocators by their names, where distributions put them; see compare_rows.h. */
#include "compare_file.h"
#include "compare_rows.h"

#include <errno.h>
#include <glob.h>
#include <string.h>

struct known { const char *name, *files[3]; };
static const struct known knowns[];
static const char *const folders[] = { "/usr/local/lib", "/usr/lib/*-linux-gnu", "/usr/lib64", "/usr/lib", NULL };

static int accept(const char *path, char *ret_path, size_t size)
{
	if (compare_file_no_allocator(path) || strlen(path) >= size || strpbrk(path, " :"))
		return -ENOENT;
	memcpy(ret_path, path, strlen(path) + 1);
	return 0;
}

static int look_in(const char *folder, const char *file, char *ret_path, size_t size)
{
	char pattern[256];
	glob_t found;
	int error = -ENOENT;
	snprintf(pattern, sizeof pattern, "%s/%s", folder, file);
	if (glob(pattern, 0, NULL, &found) != 0)
		return error;
	for (size_t i = 0; i < found.gl_pathc && error; i++)
		error = accept(found.gl_pathv[i], ret_path, size);
	globfree(&found);
	return error;
}

static int look_for(const struct known *k, char *ret_path, size_t size)
{
	for (size_t i = 0; i < sizeof k->files / sizeof *k->files && k->files[i]; i++)
		for (size_t j = 0; folders[j]; j++)
			if (look_in(folders[j], k->files[i], ret_path, size) == 0)
				return 0;
	return -ENOENT;
}

static int take_path(const char *path, char *ret_path, size_t size, char *ret_error, size_t error_size)
{
	const char *why = strpbrk(path, " :") ? "cannot be preloaded, its path has a blank or a colon" :
			  strlen(path) >= size ? "has too long a path" : compare_file_no_allocator(path);
	if (!why) {
		memcpy(ret_path, path, strlen(path) + 1);
		return 0;
	}
	snprintf(ret_error, error_size, "the allocator %s %s", path, why);
	return -EINVAL;
}

int compare_find_allocator(const char *name, char *ret_path, size_t size, char *ret_error, size_t error_size)
{
	if (strchr(name, '/'))
		return take_path(name, ret_path, size, ret_error, error_size);
	if (!strcmp(name, "glibc")) {
		*ret_path = 0;
		return 0;
	}
	for (const struct known *k = knowns; k->name; k++) {
		if (strcmp(k->name, name))
			continue;
		if (look_for(k, ret_path, size) == 0)
			return 0;
		snprintf(ret_error, error_size, "no library of %s is installed; install it, or give the path of one", name);
		return -EINVAL;
	}
	snprintf(ret_error, error_size, "unknown allocator '%s'; use glibc, jemalloc, mimalloc, tcmalloc or the path of a library", name);
	return -EINVAL;
}

static const struct known knowns[] = {
	{ "jemalloc", { "libjemalloc.so.2", "libjemalloc.so" } },
	{ "mimalloc", { "libmimalloc.so.3", "libmimalloc.so.2*", "libmimalloc.so" } },
	{ "tcmalloc", { "libtcmalloc_minimal.so.4", "libtcmalloc.so.4", "libtcmalloc_minimal.so" } },
	{ NULL, { NULL } },
};
