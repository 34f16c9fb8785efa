/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "make_stacks.h"
#include "stack_shims.h"
#include "stack_tree.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#define KIB 1024

struct loaded { struct recording *recording; struct stack_labels names; struct stack_model model; };

static int load(struct loaded *l, const char *path, enum stack_by by, enum report_moment at)
{
	struct stack_query q = STACK_QUERY_DEFAULT;
	char error[256];
	q.by = by;
	q.report.at = at;
	l->names = (struct stack_labels){ 0 };
	assert_int_equal(recording_open(path, &l->recording, error, sizeof error), 0);
	return stack_model_init(&l->model, l->recording, &q, &l->names);
}

static void unload(struct loaded *l)
{
	stack_model_finish(&l->model);
	stack_labels_finish(&l->names);
	recording_close(l->recording);
}

static const char *line_name(const struct loaded *l, uint32_t line)
{
	return l->names.all[l->model.lines[line].names[STACK_GROUP_FUNCTION]].text;
}

static uint32_t node_by_id(const struct stack_model *m, uint32_t id)
{
	for (uint32_t i = 1; i < m->node_count; i++)
		if (m->nodes[i].id == id)
			return i;
	fail();
	return 0;
}

/* The chain as one text, ';' between. */
static const char *chain(const struct loaded *l, uint32_t id, bool bare)
{
	static char text[1024];
	const uint32_t *lines;
	size_t n = stack_model_chain(&l->model, id ? node_by_id(&l->model, id) : 0, bare, &lines);
	text[0] = 0;
	for (size_t i = 0; i < n && strlen(text) < 900; i++) {
		strcat(text, i ? ";" : "");
		strcat(text, line_name(l, lines[i]));
	}
	return text;
}

static void test_chains(void **state)
{
	struct loaded l;
	assert_int_equal(load(&l, STACKS_NAME, STACK_BY_LIVE, REPORT_AT_PEAK), 0);
	assert_string_equal(chain(&l, 4, false), "operator new(unsigned long);intern;name;parse;main");
	assert_string_equal(chain(&l, 4, true), "intern;name;parse;main");
	assert_string_equal(chain(&l, 6, false), "malloc;[libx.so+0x66];main");
	assert_string_equal(chain(&l, 6, true), "[libx.so+0x66];main");
	assert_string_equal(chain(&l, 7, true), "name;parse;main;(cut off here)");
	assert_string_equal(chain(&l, 0, true), "(stack not known)");
	unload(&l);
}

static void test_loop_ends(void **state)
{
	struct loaded l;
	const uint32_t *lines;
	make_stacks("loop.memwhy", &(struct make_stacks){ .scale = KIB, .loop = true });
	assert_int_equal(load(&l, "loop.memwhy", STACK_BY_TOTAL, REPORT_AT_PEAK), 0);
	assert_int_equal(stack_model_chain(&l.model, node_by_id(&l.model, 8), true, &lines), 512);
	unload(&l);
}

static void test_hide_and_filter(void **state)
{
	struct loaded l;
	char error[256] = "";
	assert_int_equal(load(&l, STACKS_NAME, STACK_BY_LIVE, REPORT_AT_PEAK), 0);
	assert_int_equal(stack_model_mark(&l.model, "lexer\\.c|^parse$", "^(intern|parse)$", error, sizeof error), 0);
	assert_string_equal(chain(&l, 4, true), "name;main");
	assert_true(stack_model_is_chosen(&l.model, node_by_id(&l.model, 4)));
	assert_false(stack_model_is_chosen(&l.model, node_by_id(&l.model, 6)));
	assert_int_equal(stack_model_mark(&l.model, NULL, ".", error, sizeof error), 0);
	assert_string_equal(chain(&l, 4, true), "main"); /* something is always left */
	assert_int_equal(stack_model_mark(&l.model, "a(", NULL, error, sizeof error), -EINVAL);
	assert_non_null(strstr(error, "--filter \"a(\""));
	assert_int_equal(stack_model_mark(&l.model, "x", "[", error, sizeof error), -EINVAL);
	assert_non_null(strstr(error, "--hide \"[\""));
	unload(&l);
}

static void check_total(enum stack_by by, int64_t kib, int64_t count)
{
	struct loaded l;
	assert_int_equal(load(&l, STACKS_NAME, by, REPORT_AT_PEAK), 0);
	struct stack_sum s = stack_model_total(&l.model);
	assert_int_equal(s.bytes, kib * KIB);
	assert_int_equal(s.count, count);
	unload(&l);
}

static void test_totals(void **state)
{
	check_total(STACK_BY_LIVE, 10000, 3114);
	check_total(STACK_BY_PEAK, 20000, 3114);
	check_total(STACK_BY_PINNED, 5240, 960);
	check_total(STACK_BY_ROUNDING, 159, 3114);
	check_total(STACK_BY_DIRTY, 56, 0);
	check_total(STACK_BY_TOTAL, 29001, 4301);
}

static void test_nearest_moment(void **state)
{
	struct loaded l;
	assert_int_equal(load(&l, STACKS_NAME, STACK_BY_LIVE, REPORT_AT_PEAK), 0);
	assert_false(l.model.elsewhere);
	assert_int_equal(l.model.snapshot.s.time_ns, 300000000);
	unload(&l);
	assert_int_equal(load(&l, STACKS_NAME, STACK_BY_LIVE, REPORT_AT_EXIT), 0);
	assert_true(l.model.elsewhere); /* no stacks were read at the exit */
	assert_int_equal(l.model.snapshot.s.time_ns, 300000000);
	unload(&l);
}

static uint32_t find(const struct loaded *l, const struct stack_tree *t, uint32_t parent, const char *name)
{
	for (uint32_t i = t->nodes[parent].first; i; i = t->nodes[i].sibling)
		if (!strcmp(l->names.all[t->nodes[i].name].text, name))
			return i;
	fail_msg("no %s", name);
	return 0;
}

/* A node's sum is that of its children and of what ends in it. */
static void check_tree(const struct stack_tree *t)
{
	for (uint32_t i = 0; i < t->count; i++) {
		int64_t sum = t->nodes[i].own[0].bytes;
		for (uint32_t c = t->nodes[i].first; c; c = t->nodes[c].sibling)
			sum += t->nodes[c].sum[0].bytes;
		assert_int_equal(sum, t->nodes[i].sum[0].bytes);
	}
}

static void test_tree(void **state)
{
	struct loaded l;
	struct stack_tree t = { 0 };
	size_t count;
	assert_int_equal(load(&l, STACKS_NAME, STACK_BY_LIVE, REPORT_AT_PEAK), 0);
	assert_int_equal(stack_tree_add(&t, &l.model, STACK_GROUP_FUNCTION, STACK_CALLERS, true, 0), 0);
	check_tree(&t);
	uint32_t *rows = stack_tree_ranked(&t, &l.names, 0, stack_rank_sum, &count);
	assert_int_equal(count, 4);
	assert_int_equal(rows[0], find(&l, &t, 0, "intern"));
	assert_int_equal(t.nodes[rows[0]].sum[0].bytes, 6000 * KIB);
	assert_int_equal(rows[3], find(&l, &t, 0, "(stack not known)"));
	free(rows);
	stack_tree_finish(&t);
	assert_int_equal(stack_tree_add(&t, &l.model, STACK_GROUP_FUNCTION, STACK_CALLEES, false, 0), 0);
	check_tree(&t);
	uint32_t main_node = find(&l, &t, 0, "main");
	assert_int_equal(t.nodes[main_node].sum[0].bytes, 9000 * KIB);
	assert_int_equal(t.nodes[stack_tree_heaviest(&t, main_node)].sum[0].bytes, 6000 * KIB);
	stack_tree_finish(&t);
	unload(&l);
}

static void test_groups(void **state)
{
	struct loaded l;
	struct stack_tree t = { 0 };
	assert_int_equal(load(&l, STACKS_NAME, STACK_BY_LIVE, REPORT_AT_PEAK), 0);
	assert_int_equal(stack_tree_add(&t, &l.model, STACK_GROUP_MODULE, STACK_CALLERS, true, 0), 0);
	assert_int_equal(t.nodes[find(&l, &t, 0, "libx.so")].sum[0].bytes, 3000 * KIB);
	uint32_t app = find(&l, &t, 0, "app");
	assert_int_equal(t.nodes[app].sum[0].bytes, 6990 * KIB);
	assert_int_equal(t.nodes[app].own[0].bytes, 6000 * KIB); /* the cut stack goes on with its mark */
	stack_tree_finish(&t);
	assert_int_equal(stack_tree_add(&t, &l.model, STACK_GROUP_FILE, STACK_CALLERS, true, 0), 0);
	assert_int_equal(t.nodes[find(&l, &t, 0, "/src/intern.c")].sum[0].bytes, 6000 * KIB);
	assert_int_equal(t.nodes[find(&l, &t, 0, "[libx.so]")].sum[0].bytes, 3000 * KIB);
	stack_tree_finish(&t);
	unload(&l);
}

static void test_shims(void **state)
{
	static const char *const yes[] = { "malloc", "operator new(unsigned long)", "operator new[](unsigned long)",
		"__rust_alloc", "__rdl_alloc", "alloc::raw_vec::RawVec<T,A>::grow_one", "<alloc::raw_vec::RawVec<T>>::grow_one",
		"g_malloc0", "PyMem_RawMalloc", "void std::vector<int>::_M_realloc_insert<int>(int&&)" };
	static const char *const no[] = { "main", "malloc_users", "my_malloc", "operator==", "alloc", "rust_alloc_count",
		"PyDict_New", "" };
	for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
		assert_true(stack_is_shim(yes[i]));
	for (size_t i = 0; i < sizeof no / sizeof *no; i++)
		assert_false(stack_is_shim(no[i]));
}

static void test_no_stacks(void **state)
{
	struct loaded l;
	assert_int_equal(load(&l, GOLDEN_NAME, STACK_BY_LIVE, REPORT_AT_PEAK), -ENOENT);
	assert_non_null(strstr(stack_error_text(l.recording, -ENOENT), "--stacks"));
	stack_labels_finish(&l.names);
	recording_close(l.recording);
}

static void change(const char *path, const char *sql)
{
	sqlite3 *db;
	make_stacks(path, &(struct make_stacks){ .scale = KIB });
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void test_damaged(void **state)
{
	static const struct { const char *sql; int result; } cases[] = {
		{ "UPDATE stack_figure SET live_bytes = 'much'", -EBADMSG },
		{ "UPDATE stack SET parent = -1", -EBADMSG },
		{ "UPDATE symbol SET line = -5", -EBADMSG },
		{ "UPDATE stack SET frame_id = 77, parent = 99", 0 },   /* points nowhere: not known */
		{ "UPDATE frame SET module_id = 77", 0 },
		{ "UPDATE stack_figure SET stack_id = stack_id + 1000", 0 },
		{ "DELETE FROM stack", -ENOENT },
		{ "DELETE FROM stack_figure", -ENOMSG },
		{ "DROP TABLE stack", -ENOENT },
		{ "DROP TABLE symbol", 0 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char path[32];
		struct loaded l;
		snprintf(path, sizeof path, "bad-%zu.memwhy", i);
		change(path, cases[i].sql);
		assert_int_equal(load(&l, path, STACK_BY_LIVE, REPORT_AT_PEAK), cases[i].result);
		assert_true(*stack_error_text(l.recording, cases[i].result));
		if (!cases[i].result) { /* nothing is lost, whatever the names are */
			assert_int_equal(stack_model_total(&l.model).bytes, 10000 * KIB);
			stack_model_finish(&l.model);
		}
		stack_labels_finish(&l.names);
		recording_close(l.recording);
	}
}

static void test_standard_errors(void **state)
{
	struct loaded l;
	make_stacks("sampled.memwhy", &(struct make_stacks){ .scale = KIB, .sampled = true });
	assert_int_equal(load(&l, "sampled.memwhy", STACK_BY_LIVE, REPORT_AT_PEAK), 0);
	assert_true(l.model.sampled);
	struct stack_sum s = stack_model_total(&l.model);
	assert_true(s.variance == 500.0 * KIB * 500.0 * KIB); /* 300 and 400 */
	unload(&l);
}

static int set_up(void **state)
{
	enter_temporary_folder();
	make_golden(GOLDEN_NAME, true);
	make_stacks(STACKS_NAME, &(struct make_stacks){ .scale = KIB });
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chains), cmocka_unit_test(test_loop_ends), cmocka_unit_test(test_hide_and_filter),
		cmocka_unit_test(test_totals), cmocka_unit_test(test_nearest_moment), cmocka_unit_test(test_tree),
		cmocka_unit_test(test_groups), cmocka_unit_test(test_shims), cmocka_unit_test(test_no_stacks),
		cmocka_unit_test(test_damaged), cmocka_unit_test(test_standard_errors),
	};
	return cmocka_run_group_tests(tests, set_up, leave_folder);
}
