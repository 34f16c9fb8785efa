/* SPDX-License-Identifier: MIT */
/* The bounded queue in front of a recording's writer thread; see store_queue.h. */
#include "store_queue.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#define MIB ((size_t)1 << 20)

/* A burst this large is written at once, without waiting for more. */
#define QUEUE_URGENT (2 * MIB)

/* Bytes that may wait when an item of the kind comes; more than that drops it. The
 * kinds that the rest hangs on are small and few: they get in as long as anything does. */
static const size_t limits[ITEM_KINDS] = {
	[ITEM_SAMPLE] = 8 * MIB,
	[ITEM_EVENT] = 16 * MIB,
	[ITEM_UNKNOWN] = 64 * MIB,
	[ITEM_ROWS] = 64 * MIB,
	[ITEM_SNAPSHOT] = 32 * MIB,
	[ITEM_RUN] = 64 * MIB,
	[ITEM_PROCESS] = 64 * MIB,
	[ITEM_END_PROCESS] = 64 * MIB,
	[ITEM_END_RUN] = 64 * MIB,
};

int store_queue_init(struct store_queue *q)
{
	*q = (struct store_queue){ .last = &q->first };
	pthread_condattr_t attr;
	int r = pthread_condattr_init(&attr);
	if (r)
		return -r;
	r = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	if (!r)
		r = pthread_cond_init(&q->filled, &attr);
	pthread_condattr_destroy(&attr);
	if (r)
		return -r;
	r = pthread_mutex_init(&q->lock, NULL);
	if (r)
		pthread_cond_destroy(&q->filled);
	return -r;
}

static void free_chain(struct store_item *item)
{
	while (item) {
		struct store_item *next = item->next;
		free(item);
		item = next;
	}
}

void store_queue_finish(struct store_queue *q)
{
	free_chain(q->first);
	pthread_cond_destroy(&q->filled);
	pthread_mutex_destroy(&q->lock);
}

void store_queue_put(struct store_queue *q, enum store_item_kind kind, struct store_item *item)
{
	pthread_mutex_lock(&q->lock);
	bool take = item && !q->failed && !q->closing && q->bytes + item->size <= limits[kind];
	/* The writer sleeps for its gathering time whatever comes, but for these. */
	bool wake = take && (!q->first || q->bytes + item->size >= QUEUE_URGENT);
	if (take) {
		item->next = NULL;
		*q->last = item;
		q->last = &item->next;
		q->bytes += item->size;
	} else {
		q->dropped[kind]++;
	}
	pthread_mutex_unlock(&q->lock);
	if (wake)
		pthread_cond_signal(&q->filled);
	if (!take)
		free(item);
}

static void gather(struct store_queue *q, unsigned gather_ms)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += gather_ms * 1000000l;
	until.tv_sec += until.tv_nsec / 1000000000l;
	until.tv_nsec %= 1000000000l;
	while (!q->closing && q->bytes < QUEUE_URGENT)
		if (pthread_cond_timedwait(&q->filled, &q->lock, &until) == ETIMEDOUT)
			break;
}

struct store_item *store_queue_take(struct store_queue *q, unsigned gather_ms, uint64_t *ret_dropped)
{
	pthread_mutex_lock(&q->lock);
	while (!q->first && !q->closing)
		pthread_cond_wait(&q->filled, &q->lock);
	if (q->first)
		gather(q, gather_ms);
	struct store_item *chain = q->first;
	q->first = NULL;
	q->last = &q->first;
	q->bytes = 0;
	for (int k = 0; k < ITEM_KINDS; k++)
		ret_dropped[k] = q->dropped[k];
	pthread_mutex_unlock(&q->lock);
	return chain;
}

void store_queue_close(struct store_queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->closing = true;
	pthread_mutex_unlock(&q->lock);
	pthread_cond_signal(&q->filled);
}

void store_queue_fail(struct store_queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->failed = true;
	struct store_item *rest = q->first;
	q->first = NULL;
	q->last = &q->first;
	q->bytes = 0;
	pthread_mutex_unlock(&q->lock);
	free_chain(rest);
}
