/* SPDX-License-Identifier: MIT */
/*
 * stack_labels.h - the names that stacks are made of, each kept once: a text and the module it
 * is of, so that equal functions of equal modules have one number. Two recordings that share
 * a list can be compared by number alone, whatever their builds.
 */
#ifndef MEMWHY_STACK_LABELS_H
#define MEMWHY_STACK_LABELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stack_name {
	const char *text;    /* as it is shown */
	const char *module;  /* base name of its file; "" */
	bool known;          /* false: an address stands for it */
	uint32_t next;       /* in its bucket, +1 */
};
struct stack_labels {
	struct stack_name *all;
	uint32_t count, slots;
	uint32_t *buckets;   /* index + 1 of the first; as many as slots */
};
/* Zero-initialized is empty. Strings are copied. 0 or -ENOMEM. */
int stack_labels_add(struct stack_labels *n, const char *text, const char *module, bool known, uint32_t *ret_index);
void stack_labels_finish(struct stack_labels *n);

/* A zeroed place behind the `count` elements of a list, which doubles when it is full. list:
 * the address of the pointer to it, of any type. NULL: out of memory, and nothing changed. */
void *stack_grow(void *list, size_t count, size_t *slots, size_t element_size);

#endif
