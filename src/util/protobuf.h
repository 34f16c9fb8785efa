/* SPDX-License-Identifier: MIT */
/*
 * protobuf.h - writes protocol buffer messages: varints and length-delimited fields, which is
 * all that profile.proto has. A library would bring a generator and a runtime for a format
 * whose writer is a page long.
 */
#ifndef MEMWHY_PROTOBUF_H
#define MEMWHY_PROTOBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct protobuf {        /* zero-initialized is empty */
	uint8_t *bytes;
	size_t size, slots;
	bool failed;     /* out of memory: what was added since is lost */
};
/* Integers that are 0 are left out, as the format's default. */
void protobuf_integer(struct protobuf *p, unsigned field, int64_t value);
void protobuf_bytes(struct protobuf *p, unsigned field, const void *bytes, size_t size);
void protobuf_text(struct protobuf *p, unsigned field, const char *text);
/* The message as a field of another, and empties it for the next. */
void protobuf_message(struct protobuf *p, unsigned field, struct protobuf *message);
/* One value of a packed list: no tag. */
void protobuf_packed(struct protobuf *p, int64_t value);
void protobuf_finish(struct protobuf *p);

#endif
