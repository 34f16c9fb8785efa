/* SPDX-License-Identifier: MIT */
/* Where recordings lie, which is the last, which may go; see recording_path.h. */
#include "recording_path.h"

#include "util/folder.h"
#include "util/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define NAME_MAX_COMMAND 64
#define LINK_NAME "last" /* a symbolic link to the recording that was begun last */

static int state_folder(char *ret, size_t size)
{
	return folder_of_user("XDG_STATE_HOME", "/.local/state", ret, size);
}

static int copy_out(char *ret, size_t size, const char *path)
{
	size_t n = strlen(path) + 1;
	if (n > size)
		return -ENAMETOOLONG;
	memcpy(ret, path, n);
	return 0;
}

/* The command's base name as part of a file name that needs no quoting. */
static void plain_name(const char *command, char ret[static NAME_MAX_COMMAND + 1])
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-";
	const char *name = text_base_name(command);
	size_t n = 0;
	for (; name[n] && n < NAME_MAX_COMMAND; n++)
		ret[n] = strchr(plain, name[n]) && (n || (name[n] != '.' && name[n] != '-')) ? name[n] : '_';
	ret[n] = 0;
	if (!n)
		strcpy(ret, "command");
}

int recording_path_default(const char *command, char *ret, size_t size)
{
	char folder[PATH_MAX], name[NAME_MAX_COMMAND + 1], date[32], path[PATH_MAX];
	int r = state_folder(folder, sizeof folder);
	if (!r)
		r = folder_make(folder);
	if (r)
		return r;
	plain_name(command, name);
	time_t now = time(NULL);
	struct tm tm;
	if (!localtime_r(&now, &tm) || !strftime(date, sizeof date, "%Y%m%d-%H%M%S", &tm))
		strcpy(date, "0");
	int n = snprintf(path, sizeof path, "%s/%s-%s-%d%s", folder, name, date, (int)getpid(), RECORDING_SUFFIX);
	return n < 0 || (size_t)n >= sizeof path ? -ENAMETOOLONG : copy_out(ret, size, path);
}

/* What stands for the escape `c`, NULL if nothing does. */
static const char *escape(char c, const char *command, const char *pid)
{
	const char *name = text_base_name(command);
	switch (c) {
	case 'p': return pid;
	case 'n': return *name ? name : "command";
	case '%': return "%";
	default: return NULL;
	}
}

int recording_path_expand(const char *pattern, const char *command, char *ret, size_t size)
{
	char path[PATH_MAX], pid[16], one[2] = "";
	size_t n = 0;
	snprintf(pid, sizeof pid, "%d", (int)getpid());
	if (!*pattern)
		return -EINVAL;
	for (; *pattern; pattern++) {
		one[0] = *pattern;
		const char *put = *pattern == '%' ? escape(*++pattern, command, pid) : one;
		if (!put)
			return -EINVAL;
		if (n + strlen(put) >= sizeof path)
			return -ENAMETOOLONG;
		n = (size_t)(stpcpy(path + n, put) - path);
	}
	return copy_out(ret, size, path);
}

/* ---- the folder's recordings ------------------------------------------------------ */

struct entry {
	char *name;
	struct timespec changed;
};

static bool is_recording_name(const char *name)
{
	size_t n = strlen(name), s = strlen(RECORDING_SUFFIX);
	return n > s && !strcmp(name + n - s, RECORDING_SUFFIX);
}

static int newest_first(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	if (x->changed.tv_sec != y->changed.tv_sec)
		return x->changed.tv_sec < y->changed.tv_sec ? 1 : -1;
	if (x->changed.tv_nsec != y->changed.tv_nsec)
		return x->changed.tv_nsec < y->changed.tv_nsec ? 1 : -1;
	return strcmp(y->name, x->name);
}

static void entries_free(struct entry *entries, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(entries[i].name);
	free(entries);
}

static int add_entry(struct entry **entries, size_t *count, const char *name, const struct stat *st)
{
	struct entry *more = reallocarray(*entries, *count + 1, sizeof *more);
	if (!more)
		return -ENOMEM;
	*entries = more;
	more[*count] = (struct entry){ strdup(name), st->st_mtim };
	if (!more[*count].name)
		return -ENOMEM;
	++*count;
	return 0;
}

/* Newest first; a file in WAL mode counts by the newer of itself and its -wal. */
static int list_entries(int folder, struct entry **ret_entries, size_t *ret_count)
{
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (!d) {
		int r = -errno;
		if (fd >= 0)
			close(fd);
		return r;
	}
	struct entry *entries = NULL;
	size_t count = 0;
	int r = 0;
	for (struct dirent *e = readdir(d); e && !r; e = readdir(d)) {
		struct stat st, wal;
		char name[NAME_MAX + 8];
		if (!is_recording_name(e->d_name) || fstatat(folder, e->d_name, &st, AT_SYMLINK_NOFOLLOW) ||
		    !S_ISREG(st.st_mode))
			continue;
		snprintf(name, sizeof name, "%s-wal", e->d_name);
		if (!fstatat(folder, name, &wal, AT_SYMLINK_NOFOLLOW) && wal.st_mtim.tv_sec >= st.st_mtim.tv_sec)
			st.st_mtim = wal.st_mtim;
		r = add_entry(&entries, &count, e->d_name, &st);
	}
	closedir(d);
	if (r) {
		entries_free(entries, count);
		return r;
	}
	if (count)
		qsort(entries, count, sizeof *entries, newest_first);
	*ret_entries = entries;
	*ret_count = count;
	return 0;
}

static int open_folder(void)
{
	char folder[PATH_MAX];
	int r = state_folder(folder, sizeof folder);
	if (r)
		return r;
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int last_by_link(int folder, char *ret, size_t size)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(folder, LINK_NAME, target, sizeof target - 1);
	if (n < 0)
		return -errno;
	target[n] = 0;
	struct stat st;
	if (target[0] != '/' || stat(target, &st) || !S_ISREG(st.st_mode))
		return -ENOENT;
	return copy_out(ret, size, target);
}

static int last_by_time(int folder, char *ret, size_t size)
{
	struct entry *entries = NULL;
	size_t count = 0;
	char path[PATH_MAX];
	int r = list_entries(folder, &entries, &count);
	if (!r && !count)
		r = -ENOENT;
	if (!r)
		r = state_folder(path, sizeof path);
	if (!r) {
		size_t n = strlen(path);
		int m = snprintf(path + n, sizeof path - n, "/%s", entries[0].name);
		r = m < 0 || (size_t)m >= sizeof path - n ? -ENAMETOOLONG : copy_out(ret, size, path);
	}
	entries_free(entries, count);
	return r;
}

int recording_path_last(char *ret, size_t size)
{
	int folder = open_folder();
	if (folder < 0)
		return folder;
	int r = last_by_link(folder, ret, size);
	if (r)
		r = last_by_time(folder, ret, size);
	close(folder);
	return r;
}

void recording_path_remember(const char *path)
{
	char folder[PATH_MAX], whole[PATH_MAX], name[64];
	if (state_folder(folder, sizeof folder) || folder_make(folder) || !realpath(path, whole))
		return;
	int fd = open_folder();
	if (fd < 0)
		return;
	/* renamed into place: two runs at once leave one link or the other */
	snprintf(name, sizeof name, LINK_NAME ".%d", (int)getpid());
	if (!symlinkat(whole, fd, name) && renameat(fd, name, fd, LINK_NAME))
		unlinkat(fd, name, 0);
	close(fd);
}

/* Its -wal is there and the memwhy whose pid its name ends in is too. */
static bool is_written(int folder, const char *name)
{
	char wal[NAME_MAX + 8];
	snprintf(wal, sizeof wal, "%s-wal", name);
	if (faccessat(folder, wal, F_OK, AT_SYMLINK_NOFOLLOW))
		return false;
	const char *dash = strrchr(name, '-');
	long pid = dash ? strtol(dash + 1, NULL, 10) : 0;
	return pid > 0 && pid <= INT_MAX && (!kill((pid_t)pid, 0) || errno == EPERM);
}

static void delete_recording(int folder, const char *name)
{
	static const char *const suffixes[] = { "", "-wal", "-shm", "-journal" };
	char file[NAME_MAX + 16];
	for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
		snprintf(file, sizeof file, "%s%s", name, suffixes[i]);
		unlinkat(folder, file, 0);
	}
}

void recording_path_rotate(void)
{
	int folder = open_folder();
	if (folder < 0)
		return;
	struct entry *entries = NULL;
	size_t count = 0;
	if (!list_entries(folder, &entries, &count)) {
		for (size_t i = RECORDINGS_KEPT; i < count; i++)
			if (!is_written(folder, entries[i].name))
				delete_recording(folder, entries[i].name);
		entries_free(entries, count);
	}
	close(folder);
}
