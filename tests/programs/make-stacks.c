/* SPDX-License-Identifier: MIT */
/*
 * make-stacks.c - make-stacks RECORDING MODULE BUILD-ID < ADDRESSES: a recording with one
 * process, one module (BUILD-ID in hex) and a frame for each address of it (hex, one a line).
 */
#include "store.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void add_process(struct store *s, const char *exe)
{
	static const char *const argv[] = { "made", NULL };
	struct store_run run = { .argv = argv, .cwd = "/", .start_ns = 1, .start_realtime_ns = 1, .options = "" };
	struct store_process p = { .id = 1, .pid = 1, .start_ns = 1, .command = "made", .exe = exe, .probe_state = "on" };
	store_begin(s, &run);
	store_add_process(s, &p);
}

int main(int argc, char **argv)
{
	struct store *s;
	uint64_t address;
	char error[256];
	int rc = argc == 4 ? store_create(argv[1], true, &s) : -1;
	if (rc < 0) {
		fprintf(stderr, "make-stacks: %s\n", argc == 4 ? strerror(-rc) : "RECORDING MODULE BUILD-ID");
		return 1;
	}
	add_process(s, argv[2]);
	struct store_cell module[] = { store_integer(1), store_text(argv[2]), store_text(argv[3]), store_integer(0),
				       store_integer(INT64_C(1) << 40), store_integer(0) };
	store_add_rows(s, 1, TABLE_MODULE, module, 1);
	for (int64_t id = 1; scanf("%" SCNx64, &address) == 1; id++) {
		struct store_cell frame[] = { store_integer(id), store_integer(1), store_integer((int64_t)address) };
		store_add_rows(s, 1, TABLE_FRAME, frame, 1);
	}
	store_end_run(s, 2, 0, 0, 0);
	if (store_close(s, error, sizeof error) == 0)
		return 0;
	fprintf(stderr, "make-stacks: %s\n", error);
	return 1;
}
