/* SPDX-License-Identifier: MIT */
/*
 * The frames come sorted by module and address, so that one module is open at a time and
 * neighbours find its caches warm. What is found goes into a table in memory; only at the
 * end is the recording written, so a run that is still recorded is not kept waiting. A name
 * replaces one that is known by less: a line of DWARF a symbol, a symbol a start.
 */
#include "recording_symbols.h"

#include "demangle.h"
#include "recording_open.h"
#include "recording_value.h"
#include "store_schema.h"
#include "symbolize.h"
#include "util/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct lookup {
	const struct recording_symbols_options *options;
	struct recording_symbols_result *result;
	uint64_t deadline_ns;      /* 0: none */
	sqlite3_stmt *insert;
	char *path, *build_id;     /* of the module that is open, or that was tried; NULL: none yet */
	struct symbolize_file *file;
	uint64_t address;          /* that names are of; valid with has_names */
	bool has_names;
	int names_rc;
	struct symbolize_names names;
};

/* What a name is known by, from the best; a source that is not here is no source. */
static const char *const sources[] = { "dwarf", "symtab", "debugdata", "dynsym", "eh_frame" };
#define SOURCES (sizeof sources / sizeof sources[0])

static int rank_of(const char *source)
{
	for (size_t i = 0; i < SOURCES; i++)
		if (source && !strcmp(source, sources[i]))
			return (int)(SOURCES - i);
	return 0;
}

static uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- rows ------------------------------------------------------------------------------ */

/* A file's name may hold anything; a recording's texts are plain and have a bound. */
static void bind_text(sqlite3_stmt *st, int column, const char *text)
{
	size_t n = text ? strnlen(text, DEMANGLE_TEXT_MAX + 1) : 0;
	char *plain = n && n <= DEMANGLE_TEXT_MAX ? strdup(text) : NULL;
	if (!plain) {
		sqlite3_bind_null(st, column);
		return;
	}
	for (char *at = plain; *at;) {
		size_t length = text_utf8_length(at);
		if (!length || (unsigned char)*at < ' ' || *at == 0x7f)
			*at = '?';
		at += length ? length : 1;
	}
	sqlite3_bind_text(st, column, plain, -1, free);
}

static int insert_names(struct lookup *l, int64_t process_id, int64_t frame_id)
{
	int rc = SQLITE_DONE;
	for (size_t i = 0; i < l->names.count && rc == SQLITE_DONE; i++) {
		const struct symbolize_name *n = &l->names.names[i];
		sqlite3_bind_int64(l->insert, 1, process_id);
		sqlite3_bind_int64(l->insert, 2, frame_id);
		sqlite3_bind_int64(l->insert, 3, (int64_t)i);
		bind_text(l->insert, 4, n->function);
		bind_text(l->insert, 5, n->file);
		if (n->line > 0)
			sqlite3_bind_int(l->insert, 6, n->line);
		else
			sqlite3_bind_null(l->insert, 6);
		bind_text(l->insert, 7, n->source);
		rc = sqlite3_step(l->insert);
		sqlite3_reset(l->insert);
	}
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* ---- modules --------------------------------------------------------------------------- */

static bool is_skipped(const struct lookup *l, const char *path)
{
	for (const char *const *s = l->options->skip; s && *s; s++)
		if (!strcmp(*s, path))
			return true;
	return false;
}

static void close_module(struct lookup *l)
{
	symbolize_close(l->file);
	free(l->path);
	free(l->build_id);
	l->file = NULL;
	l->path = l->build_id = NULL;
	l->has_names = false;
}

static void note_failure(struct lookup *l, int rc)
{
	bool is_gone = rc == -ESTALE || rc == -ENOENT || rc == -ENOTDIR;
	l->result->gone += is_gone;
	l->result->unreadable += !is_gone;
	if (!l->result->example[0])
		snprintf(l->result->example, sizeof l->result->example, "%s", l->path);
}

/* build_id "": the module had none when it was loaded. */
static int open_module(struct lookup *l, const char *path, const char *build_id)
{
	close_module(l);
	l->path = strdup(path);
	l->build_id = strdup(build_id);
	if (!l->path || !l->build_id)
		return SQLITE_NOMEM;
	if (l->options->current)
		snprintf(l->options->current, PATH_MAX, "%s", path);
	l->result->modules++;
	int rc = is_skipped(l, path) ? -EBADMSG : symbolize_open(path, build_id, l->options->debug_dirs, &l->file);
	if (rc < 0)
		note_failure(l, rc);
	else if (symbolize_refused(l->file) && !l->result->refused[0])
		snprintf(l->result->refused, sizeof l->result->refused, "%s", symbolize_refused(l->file));
	return SQLITE_OK;
}

static void find_names(struct lookup *l, uint64_t address)
{
	if (l->has_names && l->address == address)
		return;
	l->names_rc = symbolize_address(l->file, address, &l->names);
	l->address = address;
	l->has_names = true;
}

/* The outermost has the name that counts: the function that the code is in. */
static bool is_better(const struct lookup *l, int had)
{
	const struct symbolize_name *n = &l->names.names[l->names.count - 1];
	int rank = n->function ? rank_of(n->source) : 0;
	return rank > had || (rank && l->options->anew);
}

static void count_frame(struct lookup *l, bool named, bool with_line)
{
	l->result->named += named;
	l->result->with_lines += with_line;
}

static int look_up(struct lookup *l, int64_t process_id, int64_t frame_id, uint64_t address, const char *had)
{
	int rank = rank_of(had);
	bool is_done = rank == (int)SOURCES && !l->options->anew;
	bool is_late = !is_done && l->deadline_ns && now_ns() >= l->deadline_ns;
	l->result->late += is_late && l->file;
	if (is_done || is_late || !l->file) {
		count_frame(l, rank > 0, rank == (int)SOURCES);
		return SQLITE_OK;
	}
	find_names(l, address);
	if (l->names_rc < 0 || !is_better(l, rank)) {
		count_frame(l, rank > 0, rank == (int)SOURCES);
		return SQLITE_OK;
	}
	count_frame(l, true, l->names.names[0].line > 0);
	return insert_names(l, process_id, frame_id);
}

static int take_row(struct lookup *l, sqlite3_stmt *st, const char **ret_bad)
{
	struct recording_row row = recording_row_begin(st);
	int64_t process_id = recording_row_integer(&row, 1, UINT32_MAX);
	int64_t frame_id = recording_row_integer(&row, 1, UINT32_MAX);
	uint64_t address = recording_row_address(&row);
	const char *path = recording_row_text(&row), *build_id = recording_row_text(&row), *had = recording_row_text(&row);
	*ret_bad = row.bad;
	if (row.bad)
		return SQLITE_CORRUPT;
	l->result->frames++;
	int rc = SQLITE_OK;
	if (!l->path || strcmp(l->path, path) != 0 || strcmp(l->build_id, build_id) != 0)
		rc = open_module(l, path, build_id);
	return rc == SQLITE_OK ? look_up(l, process_id, frame_id, address, had) : rc;
}

/* ---- the recording ----------------------------------------------------------------------- */

static int fail(char *error, size_t size, const char *path, int result, const char *what, const char *why)
{
	snprintf(error, size, "%s: %s%s", path, what, why);
	return result;
}

static int fail_sqlite(char *error, size_t size, const char *path, sqlite3 *db, const char *what)
{
	int code = sqlite3_errcode(db) & 0xff;
	int result = code == SQLITE_NOMEM ? -ENOMEM : code == SQLITE_FULL ? -ENOSPC : code == SQLITE_READONLY ? -EROFS :
		     code == SQLITE_BUSY ? -EBUSY : code == SQLITE_IOERR ? -EIO : -EBADMSG;
	return fail(error, size, path, result, what, sqlite3_errmsg(db));
}

static int64_t count(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *st;
	if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK)
		return -1;
	int64_t n = sqlite3_step(st) == SQLITE_ROW ? sqlite3_column_int64(st, 0) : -1;
	sqlite3_finalize(st);
	return n;
}

/* Plain tables, as recording_open.c has the others. */
static int check_tables(sqlite3 *db, const char *path, char *error, size_t size)
{
#define OURS "('module', 'frame', 'symbol')"
	int64_t there = count(db, "SELECT count(*) FROM sqlite_schema WHERE name IN " OURS);
	int64_t plain = count(db, "SELECT count(*) FROM sqlite_schema WHERE name IN " OURS
			      " AND type = 'table' AND rootpage > 1 AND tbl_name = name");
	int64_t odd = count(db, "SELECT count(*) FROM sqlite_schema s, pragma_table_xinfo(s.name) x"
			    " WHERE s.name IN " OURS " AND x.hidden <> 0");
	static const char none[] = "no call stacks were recorded";
	int64_t frames = count(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'frame'");
	if (frames == 0)
		return fail(error, size, path, -ENODATA, none, "");
	if (frames != 1 || there != plain || odd != 0)
		return fail(error, size, path, -EBADMSG, "damaged", " (a table of call stacks is none)");
	/* tables come with their first row, and a program may have been killed in between */
	if (store_schema_add(db, TABLE_MODULE) != SQLITE_OK || store_schema_add(db, TABLE_SYMBOL) != SQLITE_OK)
		return fail(error, size, path, -EROFS, "cannot be written", "");
	return count(db, "SELECT EXISTS (SELECT 1 FROM frame)") == 0 ? fail(error, size, path, -ENODATA, none, "") : 0;
}

static int open_for_writing(const char *path, sqlite3 **ret_db, char *error, size_t size)
{
	char clause[400], name[PATH_MAX + 8];
	sqlite3 *db = NULL;
	int rc = recording_open_database(path, &db, clause, sizeof clause); /* is it one? */
	if (rc)
		return fail(error, size, path, rc, clause, "");
	sqlite3_close(db);
	db = NULL;
	snprintf(name, sizeof name, "%s%s", path[0] == '/' ? "" : "./", path);
	if (sqlite3_open_v2(name, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK ||
	    sqlite3_db_readonly(db, "main") != 0)
		rc = fail(error, size, path, -EROFS, "cannot be written", "");
	else {
		recording_open_harden(db, false);
		rc = check_tables(db, path, error, size);
	}
	if (rc)
		sqlite3_close(db);
	else
		*ret_db = db;
	return rc;
}

static int find_all(struct lookup *l, sqlite3 *db, const char *path, char *error, size_t size)
{
	static const char create[] = "PRAGMA temp_store = MEMORY; CREATE TEMP TABLE found (process_id, frame_id, depth,"
		" function, file, line, source)";
	static const char insert[] = "INSERT INTO temp.found VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
	static const char select[] = "SELECT f.process_id, f.id, f.address, m.path, m.build_id,"
		" (SELECT s.source FROM symbol s WHERE s.process_id = f.process_id AND s.frame_id = f.id"
		" AND s.function IS NOT NULL ORDER BY s.depth DESC LIMIT 1)"
		" FROM frame f JOIN module m ON m.process_id = f.process_id AND m.id = f.module_id"
		" WHERE substr(m.path, 1, 1) = '/' ORDER BY 4, 5, 3";
	sqlite3_stmt *rows = NULL;
	const char *bad = NULL;
	int rc = sqlite3_exec(db, create, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v2(db, insert, -1, &l->insert, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v2(db, select, -1, &rows, NULL);
	while (rc == SQLITE_OK && (rc = sqlite3_step(rows)) == SQLITE_ROW)
		rc = take_row(l, rows, &bad);
	int result = rc == SQLITE_DONE || rc == SQLITE_OK ? 0 :
		     bad ? fail(error, size, path, -EBADMSG, "damaged: impossible frame or module: ", bad) :
		     fail_sqlite(error, size, path, db, "its call stacks cannot be read: ");
	sqlite3_finalize(rows);
	sqlite3_finalize(l->insert);
	close_module(l);
	return result;
}

static int write_found(sqlite3 *db, const char *path, char *error, size_t size)
{
	static const char sql[] = "BEGIN IMMEDIATE;"
		" DELETE FROM symbol WHERE (process_id, frame_id) IN (SELECT process_id, frame_id FROM temp.found);"
		" INSERT OR REPLACE INTO symbol (process_id, frame_id, depth, function, file, line, source)"
		" SELECT process_id, frame_id, depth, function, file, line, source FROM temp.found; COMMIT";
	if (count(db, "SELECT EXISTS (SELECT 1 FROM temp.found)") == 0 || sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK)
		return 0;
	int result = fail_sqlite(error, size, path, db, "the names cannot be written, those of before are kept: ");
	if (!sqlite3_get_autocommit(db))
		sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return result;
}

int recording_symbols_add(const char *path, const struct recording_symbols_options *options,
			  struct recording_symbols_result *ret_result, char *ret_error, size_t error_size)
{
	struct recording_symbols_result result = { 0 };
	struct lookup l = { .options = options, .result = &result };
	sqlite3 *db;
	l.deadline_ns = options->limit_ns ? now_ns() + options->limit_ns : 0;
	int rc = open_for_writing(path, &db, ret_error, error_size);
	if (rc)
		return rc;
	rc = find_all(&l, db, path, ret_error, error_size);
	if (!rc)
		rc = write_found(db, path, ret_error, error_size);
	sqlite3_close(db);
	if (!rc)
		*ret_result = result;
	return rc;
}
