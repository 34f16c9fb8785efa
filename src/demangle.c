/* SPDX-License-Identifier: MIT */
/*
 * libiberty hands its text on in pieces; at the bound we leave it by longjmp, which it
 * survives, for what it needs is on the stack (Rust's punycode apart, a few bytes). It
 * refuses names over 1024 bytes because of its recursion; C++ templates are longer, so
 * those are demangled without its limit, on a stack that is large enough for the worst.
 */
#include "demangle.h"

#include <errno.h>
#include <libiberty/demangle.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define PLAIN_NAME_MAX (DEMANGLE_RECURSION_LIMIT / 2)
#define LARGE_STACK_BYTES (256u << 20) /* touched as far as it is used */
#define OPTIONS (DMGL_PARAMS | DMGL_ANSI)

struct output {
	const char *name;
	int options, rc;
	char *text;
	size_t length, capacity;
	jmp_buf leave;
};

static void append(const char *piece, size_t n, void *arg)
{
	struct output *o = arg;
	if (n > DEMANGLE_TEXT_MAX - o->length)
		longjmp(o->leave, -E2BIG);
	if (o->length + n + 1 > o->capacity) {
		size_t capacity = 2 * (o->length + n + 1);
		char *more = realloc(o->text, capacity);
		if (!more)
			longjmp(o->leave, -ENOMEM);
		o->text = more;
		o->capacity = capacity;
	}
	memcpy(o->text + o->length, piece, n);
	o->length += n;
	o->text[o->length] = 0;
}

/* Legacy Rust names look like C++, so Rust comes first, as in libiberty itself. */
static void *run(void *arg)
{
	struct output *o = arg;
	int code = setjmp(o->leave);
	if (code) {
		o->rc = code;
		return NULL;
	}
	bool done = rust_demangle_callback(o->name, o->options, append, o);
	if (!done) {
		o->length = 0;
		done = cplus_demangle_v3_callback(o->name, o->options, append, o);
	}
	o->rc = done && o->length ? 0 : -ENOENT;
	return NULL;
}

static void run_on_large_stack(struct output *o)
{
	pthread_attr_t attributes;
	pthread_t thread;
	o->options |= DMGL_NO_RECURSE_LIMIT;
	o->rc = -ENOMEM;
	if (pthread_attr_init(&attributes) != 0)
		return;
	if (pthread_attr_setstacksize(&attributes, LARGE_STACK_BYTES) == 0 &&
	    pthread_create(&thread, &attributes, run, o) == 0)
		pthread_join(thread, NULL);
	pthread_attr_destroy(&attributes);
}

int demangle_name(const char *name, char **ret_text)
{
	size_t n = strnlen(name, DEMANGLE_NAME_MAX + 1);
	struct output o = { .name = name, .options = OPTIONS };
	if (strncmp(name, "_Z", 2) != 0 && strncmp(name, "_R", 2) != 0)
		return -ENOENT;
	if (n > DEMANGLE_NAME_MAX)
		return -E2BIG;
	if (n <= PLAIN_NAME_MAX)
		run(&o);
	else
		run_on_large_stack(&o);
	if (o.rc < 0)
		free(o.text);
	else
		*ret_text = o.text;
	return o.rc;
}
