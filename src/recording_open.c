/* SPDX-License-Identifier: MIT */
/*
 * Opening a recording: is it one, of this version, with the tables as plain tables? A
 * hostile file may call a view, a virtual table or generated columns by a table's name;
 * those could compute for ever, so they are refused before anything is read.
 */
#include "recording_open.h"

#include "store_schema.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const tables[] = {
	"meta", "run", "process", "heap", "sample", "snapshot", "mapping", "event", NULL
};

static int fail(char *error, size_t size, int result, const char *sentence)
{
	snprintf(error, size, "%s", sentence);
	return result;
}

static int query_integer(sqlite3 *db, const char *sql, const char *argument, int64_t *ret_value)
{
	sqlite3_stmt *st;
	int r = sqlite3_prepare_v2(db, sql, -1, &st, NULL);
	if (r != SQLITE_OK)
		return r;
	if (argument)
		sqlite3_bind_text(st, 1, argument, -1, SQLITE_STATIC);
	r = sqlite3_step(st);
	if (r == SQLITE_ROW)
		*ret_value = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return r == SQLITE_ROW ? SQLITE_OK : r == SQLITE_DONE ? SQLITE_NOTFOUND : r;
}

static bool has_wal(const char *path)
{
	char name[PATH_MAX + 8];
	struct stat st;
	snprintf(name, sizeof name, "%s-wal", path);
	return stat(name, &st) == 0 && st.st_size > 0;
}

#define HEAD_BYTES 100 /* SQLite's file header */

static uint32_t big_endian(const unsigned char *bytes, int count)
{
	uint32_t value = 0;
	for (int i = 0; i < count; i++)
		value = value << 8 | bytes[i];
	return value;
}

/* Shorter than its header says: SQLite would read zeros where the last page is cut. With
 * a -wal the missing pages may be there. */
static bool is_truncated(const char *path, const unsigned char *head, off_t size)
{
	uint32_t page = big_endian(head + 16, 2), pages = big_endian(head + 28, 4);
	bool valid = !memcmp(head + 24, head + 92, 4); /* the page count was kept up to date */
	return valid && !has_wal(path) && (uint64_t)size < (uint64_t)pages * (page == 1 ? 65536 : page);
}

static int check_head(const char *path, const unsigned char *head, ssize_t n, off_t size, char *error, size_t error_size)
{
	if (!n)
		return fail(error, error_size, -EBADMSG, "not a recording (the file is empty)");
	if (n < 16 || memcmp(head, "SQLite format 3", 16))
		return fail(error, error_size, -EBADMSG, "not a memwhy recording (not an SQLite file)");
	if (n < HEAD_BYTES || is_truncated(path, head, size))
		return fail(error, error_size, -EBADMSG, "truncated: the end of the file is missing");
	return 0;
}

/* Refused before SQLite sees it: what is no file, none of SQLite's, or cut short. */
static int check_file(const char *path, char *error, size_t size)
{
	unsigned char head[HEAD_BYTES];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0) {
		int e = errno;
		return fail(error, size, -e, e == ENOENT ? "no such recording" : strerror(e));
	}
	struct stat st;
	int r = fstat(fd, &st) ? -errno : 0;
	if (!r && !S_ISREG(st.st_mode))
		r = -EINVAL;
	ssize_t n = r ? 0 : read(fd, head, sizeof head);
	if (!r && n < 0)
		r = -errno;
	close(fd);
	if (r)
		return fail(error, size, r, r == -EINVAL ? "not a recording (not a regular file)" : strerror(-r));
	return check_head(path, head, n, st.st_size, error, size);
}

static int check_identity(sqlite3 *db, char *error, size_t size)
{
	int64_t id = 0, version = 0;
	int r = query_integer(db, "PRAGMA application_id", NULL, &id);
	if (r == SQLITE_OK)
		r = query_integer(db, "PRAGMA user_version", NULL, &version);
	if (r != SQLITE_OK) {
		snprintf(error, size, "cannot be read: %s", sqlite3_errmsg(db));
		return -EBADMSG;
	}
	if (id != STORE_APPLICATION_ID)
		return fail(error, size, -EBADMSG, "not a memwhy recording (another program's SQLite file)");
	if (version > STORE_USER_VERSION) {
		snprintf(error, size, "written by a newer memwhy (format %lld, this one reads %d); "
			 "use that version", (long long)version, STORE_USER_VERSION);
		return -EPROTONOSUPPORT;
	}
	if (version != STORE_USER_VERSION)
		return fail(error, size, -EBADMSG, "damaged (impossible format version)");
	return 0;
}

static int check_tables(sqlite3 *db, char *error, size_t size)
{
	for (int i = 0; tables[i]; i++) {
		int64_t plain = 0, odd = 0;
		int r = query_integer(db, "SELECT count(*) FROM sqlite_schema WHERE name = ?1 AND type = 'table'"
				      " AND rootpage > 1 AND tbl_name = name", tables[i], &plain);
		if (r == SQLITE_OK)
			r = query_integer(db, "SELECT count(*) FROM pragma_table_xinfo(?1) WHERE hidden <> 0",
					  tables[i], &odd);
		if (r != SQLITE_OK) {
			snprintf(error, size, "damaged: %s", sqlite3_errmsg(db));
			return -EBADMSG;
		}
		if (plain != 1 || odd) {
			snprintf(error, size, "damaged (table \"%s\" is missing or none)", tables[i]);
			return -EBADMSG;
		}
	}
	return 0;
}

/* Shut the doors that SQLite leaves open for its owner's own files. */
void recording_open_harden(sqlite3 *db, bool read_only)
{
	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, (int *)NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, (int *)NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, (int *)NULL);
	sqlite3_limit(db, SQLITE_LIMIT_LENGTH, 64 << 20);
	sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
	sqlite3_busy_timeout(db, 2000);
	sqlite3_exec(db, "PRAGMA cell_size_check=ON; PRAGMA mmap_size=0", NULL, NULL, NULL);
	if (read_only)
		sqlite3_exec(db, "PRAGMA query_only=ON", NULL, NULL, NULL);
}

static int open_plainly(const char *path, sqlite3 **ret_db)
{
	char name[PATH_MAX + 8];
	snprintf(name, sizeof name, "%s%s", path[0] == '/' ? "" : "./", path);
	return sqlite3_open_v2(name, ret_db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);
}

/* A file left in WAL mode in a folder that can't be written, its -wal gone: SQLite needs
 * to be told that nobody changes it. */
static int open_immutable(const char *path, sqlite3 **ret_db)
{
	static const char hex[] = "0123456789abcdef";
	char uri[3 * PATH_MAX + 32], *to = uri + sprintf(uri, "file:%s", path[0] == '/' ? "" : "./");
	for (const unsigned char *s = (const unsigned char *)path; *s; s++) {
		*to++ = '%';
		*to++ = hex[*s >> 4];
		*to++ = hex[*s & 15];
	}
	strcpy(to, "?immutable=1");
	return sqlite3_open_v2(uri, ret_db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI, NULL);
}

static int open_database(const char *path, sqlite3 **ret_db)
{
	int64_t version;
	int r = open_plainly(path, ret_db);
	if (r == SQLITE_OK)
		r = query_integer(*ret_db, "PRAGMA user_version", NULL, &version);
	if ((r & 0xff) != SQLITE_CANTOPEN && (r & 0xff) != SQLITE_READONLY)
		return r;
	if (has_wal(path))
		return r;
	sqlite3_close(*ret_db);
	*ret_db = NULL;
	return open_immutable(path, ret_db);
}

int recording_open_database(const char *path, sqlite3 **ret_db, char *error, size_t size)
{
	if (strlen(path) >= PATH_MAX)
		return fail(error, size, -ENAMETOOLONG, strerror(ENAMETOOLONG));
	int r = check_file(path, error, size);
	if (r)
		return r;
	sqlite3 *db = NULL;
	int code = open_database(path, &db);
	if (code != SQLITE_OK) {
		snprintf(error, size, "cannot be opened: %s%s", db ? sqlite3_errmsg(db) : "out of memory",
			 has_wal(path) ? "; copy it with its -wal file to a folder that you can write" : "");
		r = (code & 0xff) == SQLITE_NOMEM ? -ENOMEM : -EBADMSG;
	} else {
		recording_open_harden(db, true);
		r = check_identity(db, error, size);
		if (!r)
			r = check_tables(db, error, size);
	}
	if (r)
		sqlite3_close(db);
	else
		*ret_db = db;
	return r;
}
