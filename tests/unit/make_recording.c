/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "make_recording.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char temporary[256], before[4096];

void enter_temporary_folder(void)
{
	const char *tmp = getenv("TMPDIR");
	assert_non_null(getcwd(before, sizeof before));
	snprintf(temporary, sizeof temporary, "%s/memwhy-test-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(temporary));
	assert_int_equal(chdir(temporary), 0);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	return remove(path);
}

void leave_temporary_folder(void)
{
	assert_int_equal(chdir(before), 0);
	assert_int_equal(nftw(temporary, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

int leave_folder(void **state)
{
	leave_temporary_folder();
	return 0;
}

struct ledger make_ledger(int64_t net_bytes, int64_t live_bytes, int64_t dirty_bytes)
{
	struct ledger l = { 0 };
	int64_t fixed = live_bytes + dirty_bytes;
	l.bytes[LEDGER_T_rss] = net_bytes + 2 * MIB;
	l.bytes[LEDGER_T_live_requested_resident] = live_bytes;
	l.bytes[LEDGER_T_rounding] = live_bytes / 16;
	l.bytes[LEDGER_T_fragmentation] = live_bytes / 8;
	l.bytes[LEDGER_T_retained_dirty] = dirty_bytes;
	l.bytes[LEDGER_T_stacks] = 65536;
	l.bytes[LEDGER_T_allocator_metadata] = 40960;
	l.bytes[LEDGER_T_probe] = 2 * MIB;
	fixed += live_bytes / 16 + live_bytes / 8 + 65536 + 40960;
	l.bytes[LEDGER_T_file_backed] = net_bytes - fixed - 4096;
	l.bytes[LEDGER_T_live_requested] = live_bytes + 131072 + 4096;
	l.bytes[LEDGER_T_live_untouched] = 131072;
	l.bytes[LEDGER_T_live_swapped] = 4096;
	l.bytes[LEDGER_T_mapped] = 4 * net_bytes;
	l.bytes[LEDGER_T_page_tables] = 204800;
	ledger_set_absent(&l, LEDGER_T_cgroup_current);
	ledger_close(&l);
	assert_true(ledger_is_balanced(&l));
	return l;
}

struct ledger make_ledger_without_probe(int64_t rss_bytes)
{
	struct ledger l = { 0 };
	for (int t = 0; t < LEDGER_TERMS; t++)
		ledger_set_absent(&l, t);
	l.absent &= ~(1u << LEDGER_T_rss | 1u << LEDGER_T_file_backed | 1u << LEDGER_T_stacks |
		      1u << LEDGER_T_unexplained);
	l.bytes[LEDGER_T_rss] = rss_bytes;
	l.bytes[LEDGER_T_file_backed] = rss_bytes / 2;
	l.bytes[LEDGER_T_stacks] = 65536;
	ledger_close(&l);
	return l;
}

struct counters make_counters(int64_t live_bytes, uint64_t allocations)
{
	return (struct counters){
		.live_bytes = live_bytes, .live_peak_bytes = live_bytes, .live_peak_ns = START_NS + 300000000,
		.allocated_bytes = (uint64_t)live_bytes * 3, .freed_bytes = (uint64_t)live_bytes * 2,
		.allocations = allocations, .frees = allocations - allocations / 10, .threads = 3,
	};
}

struct snapshot make_snapshot(int ms, enum snapshot_trigger trigger, struct ledger ledger)
{
	struct snapshot s = {
		.time_ns = START_NS + (uint64_t)ms * 1000000, .duration_ns = 2500000, .trigger = trigger,
		.hold = trigger == TRIGGER_EXIT ? HOLD_WAITING : HOLD_FROZEN, .pages = PAGES_PAGEMAP_SCAN,
		.ledger = ledger, .vm_hwm_bytes = ledger.bytes[LEDGER_T_rss], .mapping_count = 2,
	};
	if (ledger_has(&ledger, LEDGER_T_live_requested))
		s.counters = make_counters(ledger.bytes[LEDGER_T_live_requested], 1000u * (unsigned)ms);
	s.mappings = calloc(2, sizeof *s.mappings);
	assert_non_null(s.mappings);
	s.mappings[0] = (struct snapshot_mapping){ 0x555555554000, 0x555555654000, "rw-p", "heap", NULL, MIB, MIB / 2, 4096 };
	s.mappings[0].name = strdup("[heap]");
	s.mappings[1] = (struct snapshot_mapping){ 0x7ffff7d00000, 0x7ffff7f00000, "r-xp", "file", NULL, 2 * MIB, -1, -1 };
	s.mappings[1].name = strdup("/usr/lib/odd, \"quoted\".so");
	return s;
}

void free_snapshot(struct snapshot *s)
{
	snapshot_finish(s);
}

struct store_process make_process(uint32_t id, int pid, const char *command, const char *exe)
{
	struct store_process p = {
		.id = id, .parent_id = id == 1 ? 0 : 1, .pid = pid, .start_ns = START_NS + (id - 1) * 10000000u,
		.command = command, .exe = exe, .probe_state = "on",
	};
	strcpy(p.heaps[0].name, "glibc");
	strcpy(p.heaps[0].version, "2.36");
	strcpy(p.heaps[0].path, "/lib/x86_64-linux-gnu/libc.so.6");
	return p;
}

struct store *make_store(const char *path)
{
	static const char *const argv[] = { "ruff", "check", "it's \"here\"", NULL };
	struct store *s;
	struct store_run run = {
		.argv = argv, .cwd = "/home/someone", .start_ns = START_NS,
		.start_realtime_ns = INT64_C(1700000000000000000), .options = "--hold=soft",
	};
	assert_int_equal(store_create(path, false, &s), 0);
	store_begin(s, &run);
	return s;
}

void close_store(struct store *s)
{
	char error[256] = "?";
	assert_int_equal(store_close(s, error, sizeof error), 0);
	assert_string_equal(error, "");
}

static void add_snapshot(struct store *s, uint32_t id, int ms, enum snapshot_trigger trigger, struct ledger ledger)
{
	struct snapshot n = make_snapshot(ms, trigger, ledger);
	store_add_snapshot(s, id, &n);
	free_snapshot(&n);
}

static void add_samples(struct store *s, uint32_t id, int from_ms, int to_ms)
{
	for (int ms = from_ms; ms < to_ms; ms += 100) {
		struct sample n = { START_NS + (uint64_t)ms * 1000000, (10 + ms / 20) * MIB,
				    make_counters(ms * 30000 + 1, 1000u * (unsigned)ms + 5) };
		store_add_sample(s, id, &n);
	}
}

static void end_process(struct store *s, uint32_t id, int ms, int how, int status, const char *state,
			struct counters counters)
{
	struct store_process_end e = {
		.id = id, .end_ns = START_NS + (uint64_t)ms * 1000000, .how = how, .status = status,
		.ru_maxrss_bytes = id == 1 ? 47 * MIB : -1, .vm_hwm_bytes = 46 * MIB, .rss_peak_bytes = 46 * MIB,
		.user_ns = 400000000, .system_ns = 50000000, .minor_faults = 12345, .major_faults = id == 1 ? 0 : -1,
		.counters = counters,
	};
	snprintf(e.probe_state, sizeof e.probe_state, "%s", state);
	if (id == 2)
		e.rss_peak_bytes = 12 * MIB;
	strcpy(e.heaps[0].name, id == 2 ? "" : "glibc");
	strcpy(e.heaps[0].version, "2.36");
	store_end_process(s, &e);
}

static void add_main_process(struct store *s, bool ended)
{
	struct store_process p = make_process(1, 4711, "ruff check it's", "/usr/bin/ruff");
	store_add_process(s, &p);
	add_samples(s, 1, 0, 500);
	add_snapshot(s, 1, 100, TRIGGER_RSS_GROWTH, make_ledger(20 * MIB, 6 * MIB, MIB));
	add_snapshot(s, 1, 250, TRIGGER_LIVE_PEAK, make_ledger(40 * MIB, 16 * MIB, 8 * MIB));
	add_snapshot(s, 1, 300, TRIGGER_RSS_GROWTH, make_ledger(436 * MIB / 10, 15 * MIB, 13 * MIB));
	add_snapshot(s, 1, 350, TRIGGER_SHRINK, make_ledger(44 * MIB, 14 * MIB, 15 * MIB));
	if (!ended)
		return;
	add_snapshot(s, 1, 510, TRIGGER_EXIT, make_ledger(43 * MIB, 300000, 28 * MIB));
	store_add_event(s, 1, START_NS + 20000000, "fork", 0, 0, 4712, NULL);
	end_process(s, 1, 520, STORE_END_EXIT, 0, "on", make_counters(16 * MIB + 135168, 1234567));
}

static void add_child_without_probe(struct store *s, bool ended)
{
	struct store_process p = make_process(2, 4712, "helper --quiet\033[31m", "/usr/bin/helper");
	p.probe_state = "statically linked: nothing can be preloaded";
	memset(p.heaps, 0, sizeof p.heaps);
	store_add_process(s, &p);
	struct sample n = { START_NS + 50000000, 11 * MIB, { 0 } };
	store_add_sample(s, 2, &n);
	add_snapshot(s, 2, 60, TRIGGER_TIMER, make_ledger_without_probe(12 * MIB));
	if (ended)
		end_process(s, 2, 90, STORE_END_SIGNAL, 9, "", (struct counters){ 0 });
}

static void add_doubtful_child(struct store *s, bool ended)
{
	struct store_process p = make_process(3, 4713, "odd", "/usr/bin/odd");
	struct counters c = make_counters(MIB, 10000);
	c.unknown_frees = 40;
	c.double_allocations = 2;
	store_add_process(s, &p);
	store_add_unknown(s, 3, "/usr/bin/odd", 0x1234, "free", 38);
	store_add_unknown(s, 3, "", 0x7f0000001000, "realloc", 2);
	add_snapshot(s, 3, 200, TRIGGER_LAST, make_ledger(9 * MIB, MIB, MIB));
	if (ended)
		end_process(s, 3, 210, STORE_END_EXIT, 3, "on", c);
}

void make_golden(const char *path, bool ended)
{
	struct store *s = make_store(path);
	add_main_process(s, ended);
	add_child_without_probe(s, ended);
	add_doubtful_child(s, ended);
	if (ended)
		store_end_run(s, START_NS + 530000000, 0, 62 * MIB, START_NS + 310000000);
	close_store(s);
}

/* ---- golden files ------------------------------------------------------------------ */

static char *read_stream(FILE *f)
{
	static char text[1 << 20];
	size_t n = fread(text, 1, sizeof text - 1, f);
	text[n] = 0;
	return text;
}

/* The version changes with each release; in the files it is "VERSION". */
static char *mask_version(const char *text)
{
	static const char key[] = "\"memwhy_version\": \"";
	static char masked[1 << 20];
	const char *at = strstr(text, key);
	if (!at)
		return strcpy(masked, text);
	const char *end = strchr(at + sizeof key, '"');
	snprintf(masked, sizeof masked, "%.*sVERSION%s", (int)(at + sizeof key - 1 - text), text, end);
	return masked;
}

void compare_with_golden(const char *name, const char *text)
{
	/* relative to where the test was started, not to the temporary folder */
	const char *source = getenv("srcdir");
	char path[8192];
	snprintf(path, sizeof path, "%s/%s/tests/golden/%s", source && *source == '/' ? "" : before,
		 source ? source : ".", name);
	const char *masked = mask_version(text);
	if (getenv("UPDATE_GOLDEN")) {
		FILE *to = fopen(path, "w");
		assert_non_null(to);
		fputs(masked, to);
		assert_int_equal(fclose(to), 0);
	}
	FILE *f = fopen(path, "r");
	if (!f)
		fail_msg("no golden file %s", path);
	char *golden = read_stream(f);
	fclose(f);
	assert_string_equal(masked, golden);
}
