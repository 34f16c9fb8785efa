/* SPDX-License-Identifier: MIT */
/*
 * plan_cache.c - see plan_cache.h. One file an image: a head, then a struct plan_cached. It is
 * written beside its place and renamed, so that readers see all of it or nothing.
 */
#include "plan_cache.h"

#include "util/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CACHE_MAGIC  0x504e574d59574851ull
/* Raise it when identification finds more than it did: old answers are then asked anew. */
#define CACHE_METHOD 2u
#define SUFFIX ".plan"

struct cache_head {
	uint64_t magic, checksum; /* of all that follows the head */
	uint32_t method, plan_version, bytes, pad;
};
struct cache_file {
	struct cache_head head;
	struct plan_cached cached;
};

static size_t used_bytes(const struct plan_cached *c)
{
	return offsetof(struct plan_cached, plan.entries) + c->plan.entry_count * sizeof c->plan.entries[0];
}

/* FNV-1a, 64 bits: against damage, not against an enemy, who could write a plan that fits. */
static uint64_t checksum(const void *bytes, size_t n)
{
	const unsigned char *p = bytes;
	uint64_t h = 0xcbf29ce484222325ull;
	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 0x100000001b3ull;
	return h;
}

static int cache_folder(char *ret, size_t size)
{
	return folder_of_user("XDG_CACHE_HOME", "/.cache", ret, size);
}

static int cache_path(struct image *im, const char *tail, char *ret, size_t size)
{
	char folder[PATH_MAX], id[IMAGE_ID_BYTES];
	int error = image_id(im, id);
	if (!error)
		error = cache_folder(folder, sizeof folder);
	if (error)
		return error;
	int n = snprintf(ret, size, "%s/%s" SUFFIX "%s", folder, id, tail);
	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

/* ---- does it fit? ------------------------------------------------------------------- */

static bool entry_is_sound(const struct wire_plan_entry *e)
{
	bool hooked = e->kind < WIRE_ENTRY_HOOKED;
	if (e->kind == WIRE_ENTRY_NONE || e->kind >= WIRE_ENTRY_KINDS || e->family >= WIRE_FAMILIES ||
	    e->patch_bytes > WIRE_PATCH_MAX || e->code_bytes > WIRE_CODE_MAX || e->fixup_count > WIRE_FIXUPS_MAX ||
	    (hooked && (e->patch_bytes < 5 || e->code_bytes < 5)))
		return false;
	for (unsigned i = 0; i < e->fixup_count; i++)
		if (e->fixups[i].at + 4u > e->code_bytes || e->fixups[i].next > e->code_bytes)
			return false;
	return true;
}

bool plan_fits_image(const struct wire_plan *plan, struct image *im)
{
	if (plan->magic != WIRE_PLAN_MAGIC || plan->version != WIRE_PLAN_VERSION ||
	    plan->entry_count > WIRE_PLAN_ENTRIES || plan->low != image_low(im) || plan->high != image_high(im))
		return false;
	for (uint32_t i = 0; i < plan->entry_count; i++) {
		const struct wire_plan_entry *e = &plan->entries[i];
		if (!entry_is_sound(e) || !image_is_code(im, e->function))
			return false;
		const uint8_t *bytes = e->patch_bytes ? image_bytes(im, e->address, e->patch_bytes) : NULL;
		if (e->patch_bytes && (!bytes || memcmp(bytes, e->original, e->patch_bytes) != 0))
			return false;
	}
	return true;
}

/* ---- files -------------------------------------------------------------------------- */

/* Somebody else's file could say what they like. */
static bool is_ours(int fd)
{
	struct stat st;
	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() && !(st.st_mode & 022);
}

static int read_file(const char *path, struct cache_file *ret_file)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	memset(ret_file, 0, sizeof *ret_file);
	ssize_t got = is_ours(fd) ? read(fd, ret_file, sizeof *ret_file) : -1;
	close(fd);
	if (got < (ssize_t)(sizeof ret_file->head + offsetof(struct plan_cached, plan.entries)) ||
	    ret_file->cached.plan.entry_count > WIRE_PLAN_ENTRIES ||
	    (size_t)got != sizeof ret_file->head + used_bytes(&ret_file->cached))
		return -EBADMSG;
	return 0;
}

int plan_cache_load(struct image *im, struct plan_cached *ret_cached)
{
	static _Thread_local struct cache_file file; /* large for a thread's stack */
	char path[PATH_MAX];
	int error = cache_path(im, "", path, sizeof path);
	if (!error)
		error = read_file(path, &file);
	if (error)
		return error;
	const struct cache_head *h = &file.head;
	if (h->magic != CACHE_MAGIC || h->bytes != used_bytes(&file.cached) ||
	    h->checksum != checksum(&file.cached, used_bytes(&file.cached)))
		return -EBADMSG;
	if (h->method != CACHE_METHOD || h->plan_version != WIRE_PLAN_VERSION)
		return -ENOENT;
	file.cached.why[sizeof file.cached.why - 1] = 0;
	if (file.cached.doubt.hint_count > PLAN_HINTS_MAX || !plan_fits_image(&file.cached.plan, im))
		return -EBADMSG;
	*ret_cached = file.cached;
	return 0;
}

static int write_file(const char *path, const struct cache_file *file)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	size_t n = sizeof file->head + file->head.bytes;
	int error = write(fd, file, n) == (ssize_t)n ? 0 : errno ? -errno : -ENOSPC;
	if (close(fd) != 0 && !error)
		error = -errno;
	if (error)
		unlink(path);
	return error;
}

int plan_cache_store(struct image *im, const struct plan_cached *cached)
{
	static _Thread_local struct cache_file file;
	char folder[PATH_MAX], tail[32], path[PATH_MAX], beside[PATH_MAX];
	int error = cache_folder(folder, sizeof folder);
	if (!error)
		error = folder_make(folder);
	snprintf(tail, sizeof tail, ".%ld", (long)getpid());
	if (!error)
		error = cache_path(im, "", path, sizeof path);
	if (!error)
		error = cache_path(im, tail, beside, sizeof beside);
	if (error)
		return error;
	memset(&file, 0, sizeof file);
	file.cached = *cached;
	file.head = (struct cache_head){ CACHE_MAGIC, checksum(&file.cached, used_bytes(&file.cached)), CACHE_METHOD,
					 WIRE_PLAN_VERSION, (uint32_t)used_bytes(&file.cached), 0 };
	unlink(beside); /* of a memwhy with our pid that was killed */
	error = write_file(beside, &file);
	if (!error && rename(beside, path) != 0) {
		error = -errno;
		unlink(beside);
	}
	return error;
}

int plan_cache_forget(void)
{
	char folder[PATH_MAX];
	int count = 0, error = cache_folder(folder, sizeof folder);
	if (error)
		return error;
	DIR *d = opendir(folder);
	if (!d)
		return errno == ENOENT ? 0 : -errno;
	for (struct dirent *e; (e = readdir(d)); )
		if (strstr(e->d_name, SUFFIX))
			count += unlinkat(dirfd(d), e->d_name, 0) == 0;
	closedir(d);
	return count;
}
