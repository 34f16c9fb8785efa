/* SPDX-License-Identifier: MIT */
/* Tags, varints and lengths; see protobuf.h. */
#include "util/protobuf.h"

#include <stdlib.h>
#include <string.h>

enum { WIRE_VARINT = 0, WIRE_LENGTH = 2 };

static void append(struct protobuf *p, const void *bytes, size_t size)
{
	if (size > p->slots - p->size) {
		size_t slots = 2 * (p->size + size) + 64;
		uint8_t *more = realloc(p->bytes, slots);
		if (!more) {
			p->failed = true;
			return;
		}
		p->bytes = more;
		p->slots = slots;
	}
	if (size)
		memcpy(p->bytes + p->size, bytes, size);
	p->size += size;
}

static void append_varint(struct protobuf *p, uint64_t value)
{
	uint8_t bytes[10];
	size_t n = 0;
	for (; value >= 0x80; value >>= 7)
		bytes[n++] = (uint8_t)(value | 0x80);
	bytes[n++] = (uint8_t)value;
	append(p, bytes, n);
}

void protobuf_integer(struct protobuf *p, unsigned field, int64_t value)
{
	if (!value)
		return;
	append_varint(p, field << 3 | WIRE_VARINT);
	append_varint(p, (uint64_t)value);
}

void protobuf_bytes(struct protobuf *p, unsigned field, const void *bytes, size_t size)
{
	append_varint(p, field << 3 | WIRE_LENGTH);
	append_varint(p, size);
	append(p, bytes, size);
}

void protobuf_text(struct protobuf *p, unsigned field, const char *text)
{
	protobuf_bytes(p, field, text, strlen(text));
}

void protobuf_message(struct protobuf *p, unsigned field, struct protobuf *message)
{
	p->failed = p->failed || message->failed;
	protobuf_bytes(p, field, message->bytes, message->size);
	message->size = 0;
}

void protobuf_packed(struct protobuf *p, int64_t value)
{
	append_varint(p, (uint64_t)value);
}

void protobuf_finish(struct protobuf *p)
{
	free(p->bytes);
	*p = (struct protobuf){ 0 };
}
