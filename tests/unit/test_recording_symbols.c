/* SPDX-License-Identifier: MIT */
/*
 * What becomes of the names that a lookup finds: written, kept, left. The lookup itself is
 * replaced here, so that a module can be damaged, gone, slow or the end of its reader at will.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "make_recording.h"
#include "recording_symbols.h"
#include "symbolize.h"

#include <errno.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the lookup -------------------------------------------------------------------------- */

struct symbolize_file { const char *path; };
static const char *known_by = "symtab"; /* the source of what is found */
static const char *prefix = "f";
static int opened;

int symbolize_open(const char *path, const char *build_id, const char *const *debug_dirs, struct symbolize_file **ret_file)
{
	opened++;
	if (strstr(path, "crash"))
		raise(SIGKILL);
	if (strstr(path, "hang"))
		pause();
	if (strstr(path, "gone"))
		return -ENOENT;
	if (strstr(path, "replaced"))
		return -ESTALE;
	if (strstr(path, "damaged"))
		return -ENOEXEC;
	struct symbolize_file *f = calloc(1, sizeof *f);
	assert_non_null(f);
	f->path = path;
	*ret_file = f;
	return 0;
}

void symbolize_close(struct symbolize_file *f)
{
	free(f);
}

const char *symbolize_refused(const struct symbolize_file *f)
{
	return strstr(f->path, "refused") ? "/debug/of-another-build" : NULL;
}

int symbolize_address(struct symbolize_file *f, uint64_t address, struct symbolize_names *ret_names)
{
	static char inner[64], outer[64];
	if (address == 0)
		return -ENOENT;
	if (strstr(f->path, "slow"))
		usleep(20000);
	snprintf(inner, sizeof inner, "%s\001in\xff%llx", prefix, (unsigned long long)address);
	snprintf(outer, sizeof outer, "%s%llx", prefix, (unsigned long long)address);
	*ret_names = (struct symbolize_names){ .count = 2 };
	ret_names->names[0] = (struct symbolize_name){ inner, "/src/\303\244.c", 7, known_by };
	ret_names->names[1] = (struct symbolize_name){ outer, NULL, 0, known_by };
	return 0;
}

/* ---- recordings ---------------------------------------------------------------------------- */

static void add_module(struct store *s, uint32_t process_id, int id, const char *path)
{
	struct store_cell cells[] = { store_integer(id), store_text(path), store_text("abcd"), store_integer(0),
				      store_integer(4096), store_integer(0) };
	store_add_rows(s, process_id, TABLE_MODULE, cells, 1);
}

static void add_frames(struct store *s, uint32_t process_id, int module_id, int first_id, int count)
{
	for (int i = 0; i < count; i++) {
		struct store_cell cells[] = { store_integer(first_id + i), store_integer(module_id), store_integer(256 + i) };
		store_add_rows(s, process_id, TABLE_FRAME, cells, 1);
	}
}

/* Of one process, a module each with three frames from 1, 11, 21, ... */
static void make_stacks(const char *path, const char *const *modules)
{
	unlink(path);
	struct store *s = make_store(path);
	struct store_process p = make_process(1, 4711, "x", "/bin/x");
	store_add_process(s, &p);
	for (int i = 0; modules[i]; i++) {
		add_module(s, 1, i + 1, modules[i]);
		add_frames(s, 1, i + 1, 10 * i + 1, 3);
	}
	close_store(s);
}

static int64_t ask(const char *path, const char *sql)
{
	sqlite3 *db;
	sqlite3_stmt *st;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	int64_t value = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(db);
	return value;
}

static void change(const char *path, const char *sql)
{
	sqlite3 *db;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

typedef int add_fn(const char *, const struct recording_symbols_options *, struct recording_symbols_result *, char *, size_t);

static struct recording_symbols_result add_by(add_fn *fn, bool anew, uint64_t limit_ns)
{
	struct recording_symbols_options o = { .anew = anew, .limit_ns = limit_ns };
	struct recording_symbols_result r;
	char error[256] = "";
	int rc = fn("r", &o, &r, error, sizeof error);
	if (rc)
		fail_msg("%d: %s", rc, error);
	return r;
}

static struct recording_symbols_result add(bool anew)
{
	return add_by(recording_symbols_add, anew, 0);
}

static const char *const one[] = { "/bin/x", NULL };

/* ---- tests ----------------------------------------------------------------------------------- */

static void written(void **state)
{
	make_stacks("r", one);
	known_by = "dwarf";
	struct recording_symbols_result r = add(false);
	assert_int_equal(r.frames, 3);
	assert_int_equal(r.named, 3);
	assert_int_equal(r.with_lines, 3);
	assert_int_equal(r.modules, 1);
	assert_int_equal(ask("r", "SELECT count(*) FROM symbol"), 6);
	assert_int_equal(ask("r", "SELECT count(*) FROM symbol WHERE process_id = 1 AND frame_id = 2 AND depth = 0"
			     " AND function = 'f?in?101' AND file = '/src/\303\244.c' AND line = 7 AND source = 'dwarf'"), 1);
	assert_int_equal(ask("r", "SELECT count(*) FROM symbol WHERE frame_id = 2 AND depth = 1 AND function = 'f101'"
			     " AND file IS NULL AND line IS NULL"), 1);
	assert_int_equal(access("r-journal", F_OK), -1);
}

/* A symbol replaces a start and not the other way round, unless it is asked for. */
static void better_ones(void **state)
{
	make_stacks("r", one);
	known_by = "eh_frame";
	prefix = "start";
	assert_int_equal(add(false).named, 3);
	known_by = "symtab";
	prefix = "f";
	assert_int_equal(add(false).named, 3);
	assert_int_equal(ask("r", "SELECT count(*) FROM symbol WHERE function LIKE 'f%'"), 6);
	known_by = "eh_frame";
	prefix = "start";
	assert_int_equal(add(false).named, 3);
	assert_int_equal(ask("r", "SELECT count(*) FROM symbol WHERE function LIKE 'f%'"), 6);
	assert_int_equal(add(true).named, 3);
	assert_int_equal(ask("r", "SELECT count(*) FROM symbol WHERE function LIKE 'start%'"), 6);
	prefix = "f";
}

static void gone(void **state)
{
	static const char *const modules[] = { "/gone", "/replaced", "/damaged", "/bin/x", "[vdso]", NULL };
	char text[1024];
	make_stacks("r", modules);
	known_by = "symtab";
	struct recording_symbols_result r = add(true);
	assert_int_equal(r.frames, 12); /* [vdso] is no file */
	assert_int_equal(r.named, 3);
	assert_int_equal(r.modules, 4);
	assert_int_equal(r.gone, 2);
	assert_int_equal(r.unreadable, 1);
	assert_true(recording_symbols_complaint(&r, text, sizeof text));
	assert_non_null(strstr(text, "9 of 12 frames"));
	assert_int_equal(ask("r", "SELECT count(*) FROM symbol WHERE frame_id < 30"), 0);
	/* names of before stay when the file is gone later, with --force too */
	change("r", "UPDATE module SET path = '/gone'");
	r = add(true);
	assert_int_equal(r.named, 3);
	assert_int_equal(ask("r", "SELECT count(*) FROM symbol"), 6);
}

static void said(void **state)
{
	char text[1024];
	struct recording_symbols_result r;
	static const char *const modules[] = { "/refused", NULL };
	make_stacks("r", one);
	r = add(false);
	assert_false(recording_symbols_complaint(&r, text, sizeof text));
	make_stacks("r", modules);
	r = add(false);
	assert_true(recording_symbols_complaint(&r, text, sizeof text));
	assert_non_null(strstr(text, "/debug/of-another-build"));
}

/* The same file in two processes, and the same address, is looked at once. */
static void shared(void **state)
{
	unlink("r");
	struct store *s = make_store("r");
	for (uint32_t id = 1; id <= 2; id++) {
		struct store_process p = make_process(id, 4710 + (int)id, "x", "/bin/x");
		store_add_process(s, &p);
		add_module(s, id, 5, "/bin/x");
		add_frames(s, id, 5, 1, 100);
	}
	close_store(s);
	opened = 0;
	struct recording_symbols_result r = add(false);
	assert_int_equal(r.named, 200);
	assert_int_equal(opened, 1);
	assert_int_equal(ask("r", "SELECT count(*) FROM symbol a JOIN symbol b USING (frame_id, depth, function)"
			     " WHERE a.process_id = 1 AND b.process_id = 2"), 200);
}

static void out_of_time(void **state)
{
	static const char *const modules[] = { "/slow", NULL };
	char text[1024];
	make_stacks("r", modules);
	struct recording_symbols_result r = add_by(recording_symbols_add, false, 30000000);
	assert_in_range(r.late, 1, 2);
	assert_int_equal(r.named + r.late, 3);
	assert_true(recording_symbols_complaint(&r, text, sizeof text));
	assert_int_equal(add(false).named, 3);
}

static void child_dies(void **state)
{
	static const char *const modules[] = { "/a", "/crash", "/z", NULL };
	make_stacks("r", modules);
	struct recording_symbols_result r = add_by(recording_symbols_guarded, false, 0);
	assert_int_equal(r.named, 6);
	assert_int_equal(r.unreadable, 1);
	assert_string_equal(r.example, "/crash");
	assert_int_equal(ask("r", "SELECT count(*) FROM symbol"), 12);
}

static void child_hangs(void **state)
{
	static const char *const modules[] = { "/a", "/hang", "/z", NULL };
	make_stacks("r", modules);
	struct recording_symbols_result r = add_by(recording_symbols_guarded, false, 1000000);
	assert_int_equal(r.unreadable, 1);
	assert_string_equal(r.example, "/hang");
}

static void refuse(const char *path, int error, const char *why)
{
	struct recording_symbols_options o = { .anew = true };
	struct recording_symbols_result r = { .frames = 99 };
	char text[512] = "";
	assert_int_equal(recording_symbols_guarded(path, &o, &r, text, sizeof text), error);
	assert_int_equal(r.frames, 99);
	assert_ptr_equal(strstr(text, path), text);
	if (!strstr(text, why))
		fail_msg("%s", text);
}

static void no_recording(void **state)
{
	static const char *const none[] = { NULL };
	refuse("missing", -ENOENT, "no such recording");
	make_stacks("r", none);
	refuse("r", -ENODATA, "no call stacks");
	make_stacks("r", one);
	change("r", "UPDATE frame SET address = 'here'");
	refuse("r", -EBADMSG, "address");
	make_stacks("r", one);
	change("r", "DROP TABLE IF EXISTS symbol; CREATE VIEW symbol AS SELECT 1 AS process_id, 1 AS frame_id");
	refuse("r", -EBADMSG, "damaged");
	make_stacks("r", one);
	change("r", "DROP TABLE frame; CREATE VIEW frame AS SELECT 1 AS process_id");
	refuse("r", -EBADMSG, "damaged");
	make_stacks("r", one);
	change("r", "DROP TABLE frame");
	refuse("r", -ENODATA, "no call stacks");
}

/* The disk is full: what was there before is still there, and whole. */
static void full_disk(void **state)
{
	static const char *const modules[] = { "/a", NULL };
	struct rlimit before, tight;
	struct stat st;
	unlink("r");
	struct store *s = make_store("r");
	struct store_process p = make_process(1, 4711, "x", "/bin/x");
	store_add_process(s, &p);
	add_module(s, 1, 1, modules[0]);
	add_frames(s, 1, 1, 1, 5000);
	const struct store_cell old[] = {
		store_integer(1), store_integer(0), store_text("old"), store_null(), store_null(), store_text("eh_frame"),
	};
	store_add_rows(s, 1, TABLE_SYMBOL, old, 1);
	close_store(s);
	assert_int_equal(stat("r", &st), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	tight = (struct rlimit){ (rlim_t)st.st_size + 8192, before.rlim_max };
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
	struct recording_symbols_options o = { .anew = true };
	struct recording_symbols_result r;
	char text[512] = "";
	int rc = recording_symbols_guarded("r", &o, &r, text, sizeof text);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	if (rc != -ENOSPC && rc != -EIO)
		fail_msg("%d: %s", rc, text);
	assert_non_null(strstr(text, "kept"));
	assert_int_equal(ask("r", "SELECT count(*) FROM symbol"), 1);
	assert_int_equal(ask("r", "SELECT count(*) FROM symbol WHERE function = 'old'"), 1);
	assert_int_equal(ask("r", "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"), 1);
	assert_int_equal(add(false).named, 5000);
}

static int enter(void **state)
{
	enter_temporary_folder();
	return 0;
}

static int leave(void **state)
{
	leave_temporary_folder();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(written), cmocka_unit_test(better_ones), cmocka_unit_test(gone), cmocka_unit_test(said),
		cmocka_unit_test(shared), cmocka_unit_test(out_of_time), cmocka_unit_test(child_dies),
		cmocka_unit_test(child_hangs), cmocka_unit_test(no_recording), cmocka_unit_test(full_disk),
	};
	return cmocka_run_group_tests(tests, enter, leave);
}
