/* SPDX-License-Identifier: MIT */
/* The JSON report against its golden file, and its keys against the shipped schema. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "make_recording.h"
#include "recording.h"
#include "report.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char schema[1 << 18];

static char *json_of(const char *path, struct report_options o)
{
	struct recording *r;
	char error[256] = "", *text;
	size_t size;
	if (recording_open(path, &r, error, sizeof error))
		fail_msg("%s", error);
	FILE *f = open_memstream(&text, &size);
	int result = report_print_json(r, &o, f);
	fclose(f);
	recording_close(r);
	assert_int_equal(result, 0);
	return text;
}

static const struct report_options plain = REPORT_OPTIONS_DEFAULT;

static void test_golden(void **state)
{
	char *text = json_of(GOLDEN_NAME, plain);
	compare_with_golden("report.json", text);
	free(text);
}

/* Every key that is printed is declared in the schema. */
static void test_keys_are_in_schema(void **state)
{
	struct report_options o = plain;
	o.at = REPORT_AT_TIME;
	char *text = json_of(GOLDEN_NAME, o), key[128], pattern[160];
	int keys = 0;
	for (const char *s = text; (s = strstr(s, "\": ")); s += 3) {
		const char *from = s;
		while (from > text && from[-1] != '"')
			from--;
		snprintf(key, sizeof key, "%.*s", (int)(s - from), from);
		snprintf(pattern, sizeof pattern, "\"%s\": {", key);
		if (!strstr(schema, pattern))
			fail_msg("\"%s\" is not in the schema", key);
		keys++;
	}
	assert_true(keys > 200);
	free(text);
}

/* Every term and every counter is required by the schema and printed. */
static void test_terms_are_everywhere(void **state)
{
	char *text = json_of(GOLDEN_NAME, plain), pattern[96];
	static const char *const names[] = {
#define TERM(name, kind, label, ret, meaning) #name "_bytes",
#include "ledger_terms.def"
#undef TERM
#define COUNTER(name, min, max) #name,
#include "counters.def"
#undef COUNTER
	};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(pattern, sizeof pattern, "\"%s\": ", names[i]);
		assert_non_null(strstr(text, pattern));
		assert_non_null(strstr(schema, pattern));
		snprintf(pattern, sizeof pattern, "\"%s\"%s\n", names[i], i + 1 == LEDGER_TERMS ||
			 i + 1 == sizeof names / sizeof *names ? "" : ",");
		if (!strstr(schema, pattern))
			fail_msg("\"%s\" is not required by the schema", names[i]);
	}
	free(text);
}

static void test_required_keys_are_printed(void **state)
{
	/* the first "required" list after "title" in the file is the document's own */
	static const char *const keys[] = { "schema", "schema_version", "memwhy_version", "recording", "run",
		"process", "live", "at", "moments", "why", "other_processes", "terms" };
	char *text = json_of(GOLDEN_NAME, plain), pattern[96];
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		snprintf(pattern, sizeof pattern, "\n  \"%s\": ", keys[i]);
		assert_non_null(strstr(text, pattern));
		snprintf(pattern, sizeof pattern, "\n    \"%s\"", keys[i]);
		assert_non_null(strstr(schema, pattern));
	}
	free(text);
}

/* Absent figures are null, not zero. */
static void test_absent_is_null(void **state)
{
	struct report_options o = plain;
	o.pid = 4712;
	char *text = json_of(GOLDEN_NAME, o);
	assert_non_null(strstr(text, "\"live_requested_bytes\": null"));
	assert_non_null(strstr(text, "\"trust\": \"unknown\""));
	assert_non_null(strstr(text, "\"reason\": \"statically linked: nothing can be preloaded\""));
	assert_non_null(strstr(text, "\"exit\": null"));
	free(text);
}

static int set_up(void **state)
{
	const char *source = getenv("srcdir");
	char path[4096];
	snprintf(path, sizeof path, "%s/data/memwhy-report.schema.json", source ? source : ".");
	FILE *f = fopen(path, "r");
	if (!f)
		return -1;
	schema[fread(schema, 1, sizeof schema - 1, f)] = 0;
	fclose(f);
	enter_temporary_folder();
	make_golden(GOLDEN_NAME, true);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden), cmocka_unit_test(test_keys_are_in_schema),
		cmocka_unit_test(test_terms_are_everywhere), cmocka_unit_test(test_required_keys_are_printed),
		cmocka_unit_test(test_absent_is_null),
	};
	return cmocka_run_group_tests(tests, set_up, leave_folder);
}
