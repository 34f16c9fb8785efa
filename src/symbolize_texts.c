/* SPDX-License-Identifier: MIT */
/* Shown names by the place of the raw one: open addressing, doubled when half full. */
#include "symbolize_private.h"

#include "demangle.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct symbolize_text *find_slot(struct symbolize_text *slots, size_t size, uint64_t key)
{
	size_t i = (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (size - 1);
	while (slots[i].shown && slots[i].key != key)
		i = (i + 1) & (size - 1);
	return &slots[i];
}

static bool make_room(struct symbolize_texts *t)
{
	if (t->used * 2 < t->size)
		return true;
	size_t size = t->size ? t->size * 2 : 1024;
	struct symbolize_text *slots = calloc(size, sizeof *slots);
	if (!slots)
		return false;
	for (size_t i = 0; i < t->size; i++)
		if (t->slots[i].shown)
			*find_slot(slots, size, t->slots[i].key) = t->slots[i];
	free(t->slots);
	t->slots = slots;
	t->size = size;
	return true;
}

const char *symbolize_text(struct symbolize_texts *t, const char *raw)
{
	char *text;
	if (!make_room(t))
		return raw;
	struct symbolize_text *slot = find_slot(t->slots, t->size, (uintptr_t)raw);
	if (!slot->shown) {
		bool mangled = demangle_name(raw, &text) == 0;
		*slot = (struct symbolize_text){ (uintptr_t)raw, mangled ? text : raw, mangled };
		t->used++;
	}
	return slot->shown;
}

/* Takes out "." and what is undone by "..", in place; the same file by two ways gets one name. */
static void tidy_path(char *path)
{
	char *to = path;
	for (char *from = path, *next; *from; from = next) {
		next = from + 1 + strcspn(from + 1, "/"); /* from is at a slash, or the path's begin */
		size_t n = (size_t)(next - from);
		if (n == 1 || (n == 2 && !memcmp(from, "/.", 2)))
			continue;
		if (n == 3 && !memcmp(from, "/..", 3)) {
			while (to > path && *--to != '/')
				;
			continue;
		}
		memmove(to, from, n);
		to += n;
	}
	*to = 0;
}

const char *symbolize_path(struct symbolize_texts *t, const char *folder, const char *file)
{
	char *text;
	if (!make_room(t))
		return file;
	struct symbolize_text *slot = find_slot(t->slots, t->size, (uintptr_t)file);
	if (slot->shown)
		return slot->shown;
	int n = *file != '/' && folder ? asprintf(&text, "%s/%s", folder, file) : asprintf(&text, "%s", file);
	if (n < 0)
		return file;
	if (*text == '/')
		tidy_path(text);
	*slot = (struct symbolize_text){ (uintptr_t)file, text, true };
	t->used++;
	return text;
}

const char *symbolize_start(struct symbolize_texts *t, const char *base, uint64_t start)
{
	char *text;
	if (!make_room(t))
		return NULL;
	struct symbolize_text *slot = find_slot(t->slots, t->size, start);
	if (!slot->shown && asprintf(&text, "%s+0x%" PRIx64, base, start) >= 0) {
		*slot = (struct symbolize_text){ start, text, true };
		t->used++;
	}
	return slot->shown;
}

void symbolize_texts_finish(struct symbolize_texts *t)
{
	for (size_t i = 0; i < t->size; i++)
		if (t->slots[i].owned)
			free((char *)(uintptr_t)t->slots[i].shown);
	free(t->slots);
	*t = (struct symbolize_texts){ 0 };
}
