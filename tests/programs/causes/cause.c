/* SPDX-License-Identifier: MIT */
/*
 * cause NAME [fixed] - runs one program of causes/; without NAME it lists them.
 * What is shared is here: touched blocks in a chain.
 */
#include "cause.h"

static const struct cause *const tables[] = { causes_retained, causes_layout, causes_threads, causes_mappings };

struct block *cause_block(size_t size_bytes)
{
	struct block *b = must_not_be_null(malloc(size_bytes));
	memset(b, 1, size_bytes);
	return b;
}

struct block *cause_fill(struct block *chain, long total_bytes, size_t size_bytes)
{
	for (long at = 0; at < total_bytes; at += (long)size_bytes) {
		struct block *b = cause_block(size_bytes);
		b->next = chain;
		chain = b;
	}
	return chain;
}

void cause_free_all(struct block *chain)
{
	while (chain) {
		struct block *next = chain->next;
		free(chain);
		chain = next;
	}
}

void cause_hold_ms(long ms)
{
	usleep((useconds_t)(ms * 1000));
}

static const struct cause *find(const char *name)
{
	for (size_t t = 0; t < COUNT(tables); t++)
		for (const struct cause *c = tables[t]; c->name; c++)
			if (!strcmp(c->name, name))
				return c;
	return NULL;
}

static void list(void)
{
	for (size_t t = 0; t < COUNT(tables); t++)
		for (const struct cause *c = tables[t]; c->name; c++)
			say("%s\n", c->name);
}

int main(int argc, char **argv)
{
	const struct cause *cause = argc > 1 ? find(argv[1]) : NULL;
	if (argc < 2) {
		list();
		return 0;
	}
	if (!cause)
		fail("no such cause");
	cause->run(cause->parameter, argc > 2 && !strcmp(argv[2], "fixed"));
	return 0;
}
