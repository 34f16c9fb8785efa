/* SPDX-License-Identifier: MIT */
/*
 * The recording's writer: callers put items into a bounded queue, one thread writes
 * them, a transaction for what came within GATHER_MS (so a commit is never later than
 * that plus its own time). The first error ends the writing: the queue takes nothing
 * more, and store_close() tells.
 */
#include "store.h"

#include "store_queue.h"
#include "store_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define GATHER_MS 100

struct store {
	struct store_queue queue;
	struct store_writer writer; /* the thread's, until it was joined */
	pthread_t thread;
	char *path;
	int error;                  /* -errno of the first write that failed; as writer */
};

static int errno_of(struct store_writer *w, int code)
{
	int system = w->system_errno;
	switch (code & 0xff) {
	case SQLITE_OK: return 0;
	case SQLITE_NOMEM: return -ENOMEM;
	case SQLITE_FULL: return system ? -system : -ENOSPC;
	case SQLITE_READONLY: return -EROFS;
	case SQLITE_PERM: return -EACCES;
	case SQLITE_BUSY: return -EBUSY;
	case SQLITE_CORRUPT: case SQLITE_NOTADB: return -EBADMSG;
	default: return system ? -system : -EIO;
	}
}

static void *write_all(void *arg)
{
	struct store *s = arg;
	uint64_t dropped[ITEM_KINDS];
	struct store_item *chain;
	while ((chain = store_queue_take(&s->queue, GATHER_MS, dropped))) {
		int r = store_writer_write(&s->writer, chain, dropped);
		while (chain) {
			struct store_item *next = chain->next;
			free(chain);
			chain = next;
		}
		if (r != SQLITE_OK) {
			s->error = errno_of(&s->writer, r);
			store_queue_fail(&s->queue);
		}
	}
	return NULL;
}

/* SQLite gives some names a meaning (":memory:", ""); with a slash it does not. */
static char *plain_path(const char *path)
{
	char *plain = malloc(strlen(path) + 3);
	if (plain)
		sprintf(plain, "%s%s", path[0] == '/' ? "" : "./", path);
	return plain;
}

static int remove_old(const char *path)
{
	static const char *const suffixes[] = { "", "-wal", "-shm", "-journal" };
	struct stat st;
	if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
		char name[PATH_MAX];
		if (snprintf(name, sizeof name, "%s%s", path, suffixes[i]) >= (int)sizeof name)
			return -ENAMETOOLONG;
		if (unlink(name) && errno != ENOENT)
			return -errno;
	}
	return 0;
}

/* O_EXCL makes "does not exist yet" hold at the moment of creation. */
static int create_file(const char *path, bool force)
{
	if (force) {
		int r = remove_old(path);
		if (r)
			return r;
	}
	int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOCTTY, 0666);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

/* The thread takes no signals: they are the launcher's. */
static int start_thread(struct store *s)
{
	sigset_t all, old;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int r = pthread_create(&s->thread, NULL, write_all, s);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -r;
}

static void store_free(struct store *s)
{
	free(s->path);
	free(s);
}

static int open_writer(struct store *s)
{
	int r = store_writer_init(&s->writer, s->path);
	if (r == SQLITE_OK)
		return 0;
	r = errno_of(&s->writer, r);
	store_writer_finish(&s->writer);
	return r;
}

int store_create(const char *path, bool force, struct store **ret_store)
{
	struct store *s = calloc(1, sizeof *s);
	if (!s)
		return -ENOMEM;
	s->path = plain_path(path);
	int r = s->path ? create_file(s->path, force) : -ENOMEM;
	if (r) {
		store_free(s);
		return r;
	}
	r = store_queue_init(&s->queue);
	if (r)
		goto fail_file;
	r = open_writer(s);
	if (r)
		goto fail_queue;
	r = start_thread(s);
	if (r)
		goto fail_writer;
	*ret_store = s;
	return 0;

fail_writer:
	store_writer_finish(&s->writer);
fail_queue:
	store_queue_finish(&s->queue);
fail_file:
	remove_old(s->path);
	store_free(s);
	return r;
}

void store_begin(struct store *s, const struct store_run *run)
{
	store_queue_put(&s->queue, ITEM_RUN, store_item_run(run));
}

void store_add_process(struct store *s, const struct store_process *p)
{
	store_queue_put(&s->queue, ITEM_PROCESS, store_item_process(p));
}

void store_update_process(struct store *s, const struct store_process *p)
{
	store_queue_put(&s->queue, ITEM_PROCESS, store_item_process(p));
}

void store_add_sample(struct store *s, uint32_t process_id, const struct sample *sample)
{
	store_queue_put(&s->queue, ITEM_SAMPLE, store_item_sample(process_id, sample));
}

void store_add_snapshot(struct store *s, uint32_t process_id, const struct snapshot *snap)
{
	store_queue_put(&s->queue, ITEM_SNAPSHOT, store_item_snapshot(process_id, snap));
}

void store_add_event(struct store *s, uint32_t process_id, uint64_t time_ns, const char *kind,
		     uint64_t address, uint64_t length, uint64_t arg, const char *text)
{
	struct store_item *item = store_item_event(process_id, kind, text);
	if (item) {
		item->u.event.time_ns = time_ns;
		item->u.event.address = address;
		item->u.event.length = length;
		item->u.event.arg = arg;
	}
	store_queue_put(&s->queue, ITEM_EVENT, item);
}

void store_add_unknown(struct store *s, uint32_t process_id, const char *module, uint64_t offset,
		       const char *kind, uint64_t count)
{
	struct store_item *item = store_item_unknown(process_id, module, kind);
	if (item) {
		item->u.unknown.offset = offset;
		item->u.unknown.count = count;
	}
	store_queue_put(&s->queue, ITEM_UNKNOWN, item);
}

void store_add_rows(struct store *s, uint32_t process_id, enum store_table table,
		    const struct store_cell *cells, size_t row_count)
{
	store_queue_put(&s->queue, ITEM_ROWS, store_item_rows(process_id, table, cells, row_count));
}

bool store_has_room(struct store *s, size_t bytes)
{
	return store_queue_has_room(&s->queue, bytes);
}

void store_end_process(struct store *s, const struct store_process_end *e)
{
	store_queue_put(&s->queue, ITEM_END_PROCESS, store_item_end_process(e));
}

void store_end_run(struct store *s, uint64_t end_ns, int wait_status, int64_t tree_peak_rss_bytes,
		   uint64_t tree_peak_ns)
{
	struct store_item *item = store_item_end_run();
	if (item) {
		item->u.end_run.end_ns = end_ns;
		item->u.end_run.wait_status = wait_status;
		item->u.end_run.tree_peak_rss_bytes = tree_peak_rss_bytes;
		item->u.end_run.tree_peak_ns = tree_peak_ns;
	}
	store_queue_put(&s->queue, ITEM_END_RUN, item);
}

int store_close(struct store *s, char *ret_error, size_t error_size)
{
	store_queue_close(&s->queue);
	pthread_join(s->thread, NULL);
	uint64_t last_ns = s->writer.last_ns;
	int r = store_writer_finish(&s->writer);
	int error = s->error ? s->error : errno_of(&s->writer, r);
	if (error_size)
		ret_error[0] = 0;
	if (error)
		snprintf(ret_error, error_size, "%s could not be written any further (%s); it holds the first %.1f s", s->path, strerror(-error), (double)last_ns / 1e9);
	store_queue_finish(&s->queue);
	store_free(s);
	return error;
}
