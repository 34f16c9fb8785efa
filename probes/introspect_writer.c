/* SPDX-License-Identifier: MIT */
/* introspect_writer.c - see introspect_writer.h. */
#include "introspect_writer.h"

#include <string.h>

void introspect_begin(struct introspect_writer *w, struct wire_reading *to, uint64_t now_ns)
{
	*w = (struct introspect_writer){ .to = to, .text_bytes = to->text_bytes };
	if (w->text_bytes > WIRE_READING_TEXT)
		w->text_bytes = 0;
	__atomic_store_n(&to->seq, to->seq | 1, __ATOMIC_RELAXED);
	/* what follows must not be seen before the odd number */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	to->time_ns = now_ns;
	to->count = 0;
}

void introspect_end(struct introspect_writer *w, enum wire_reading_result result, uint64_t now_ns)
{
	struct wire_reading *to = w->to;
	to->result = result;
	to->took_ns = now_ns - to->time_ns;
	to->count = w->count;
	to->text_bytes = w->text_bytes;
	to->values_lost += w->lost;
	/* Stored, not added: in a forked child the parent ends the same one. */
	__atomic_store_n(&to->seq, (to->seq | 1) + 1, __ATOMIC_RELEASE);
}

void introspect_put(struct introspect_writer *w, enum wire_figure figure, int32_t arena, int64_t value)
{
	if (w->count == WIRE_READING_VALUES) {
		w->lost++;
		return;
	}
	w->to->values[w->count++] = (struct wire_reading_value){ (uint16_t)figure, 0, arena, value };
}

size_t introspect_append(char *ret, size_t size, size_t at, const char *text)
{
	while (*text && at + 1 < size)
		ret[at++] = *text++;
	if (at < size)
		ret[at] = 0;
	return at;
}

size_t introspect_append_number(char *ret, size_t size, size_t at, int64_t value)
{
	char digits[24];
	size_t i = sizeof digits;
	uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
	digits[--i] = 0;
	do {
		digits[--i] = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest);
	if (value < 0)
		digits[--i] = '-';
	return introspect_append(ret, size, at, digits + i);
}

void introspect_put_text(struct introspect_writer *w, const char *name, const char *value)
{
	size_t name_bytes = strlen(name), value_bytes = strlen(value);
	size_t bytes = name_bytes + value_bytes + 2; /* "=", "\n" */
	if (bytes > WIRE_READING_TEXT - w->text_bytes || strchr(value, '\n'))
		return;
	char *to = w->to->text + w->text_bytes;
	memcpy(to, name, name_bytes);
	to[name_bytes] = '=';
	memcpy(to + name_bytes + 1, value, value_bytes);
	to[bytes - 1] = '\n';
	w->text_bytes += (uint32_t)bytes;
}

void introspect_put_number(struct introspect_writer *w, const char *name, int64_t value)
{
	char text[24];
	introspect_append_number(text, sizeof text, 0, value);
	introspect_put_text(w, name, text);
}

bool introspect_wants_settings(const struct introspect_writer *w)
{
	return w->text_bytes == 0;
}
