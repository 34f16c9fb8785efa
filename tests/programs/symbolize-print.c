/* SPDX-License-Identifier: MIT */
/*
 * symbolize-print.c - symbolize-print FILE [DEBUG-DIR...] < ADDRESSES: for each address (hex,
 * one a line) "ADDRESS", then for each frame, innermost first, its function and
 * "FILE:LINE", and what it is known by, one line each; what is not known is "??" or 0.
 */
#include "symbolize.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void print_names(struct symbolize_file *f, uint64_t address)
{
	struct symbolize_names names;
	printf("0x%" PRIx64 "\n", address);
	if (symbolize_address(f, address, &names) < 0)
		names = (struct symbolize_names){ .count = 1 };
	for (size_t i = 0; i < names.count; i++) {
		const struct symbolize_name *n = &names.names[i];
		printf("%s\n%s:%d\n%s\n", n->function ? n->function : "??", n->file ? n->file : "??", n->line,
		       n->source ? n->source : "none");
	}
}

int main(int argc, char **argv)
{
	struct symbolize_file *f;
	uint64_t address;
	int rc = argc < 2 ? -1 : symbolize_open(argv[1], NULL, (const char *const *)argv + 2, &f);
	if (rc < 0) {
		fprintf(stderr, "symbolize-print: %s\n", argc < 2 ? "no file" : strerror(-rc));
		return 1;
	}
	while (scanf("%" SCNx64, &address) == 1)
		print_names(f, address);
	symbolize_close(f);
	return 0;
}
