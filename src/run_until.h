/* SPDX-License-Identifier: MIT */
/*
 * run_until.h - a recording that ends before the program does (memwhy run --until): at a
 * time, or when a followed process has become that large. 0 or -errno.
 */
#ifndef MEMWHY_RUN_UNTIL_H
#define MEMWHY_RUN_UNTIL_H

#include <stdbool.h>
#include <stdint.h>

/* One of them; 0: not that one. Sizes are of one process, resident net of memwhy's part. */
struct run_until_limit { int64_t time_ns, rss_bytes, live_bytes; };
/* "90s", "rss=512M", "live=1.5G" (K, M, G, T: powers of 1024; "iB" or "B" may follow). -EINVAL. */
int run_until_parse(const char *text, struct run_until_limit *ret_limit);

struct run_until;
int run_until_create(const struct run_until_limit *limit, struct run_until **ret_until);
/* Starts the thread that calls end(arg), once, when the limit is reached; start_ns: when the
 * time begins, CLOCK_MONOTONIC. */
int run_until_start(struct run_until *u, uint64_t start_ns, void (*end)(void *arg), void *arg);
/* By the collectors' threads, at each sample; u may be NULL. Never waits. */
void run_until_note(struct run_until *u, int64_t rss_bytes, int64_t live_bytes);
/* The program has ended: waits for end() where it is at work. True: it was called. NULL: false. */
bool run_until_stop(struct run_until *u);
/* No collector and no thread knows it any more. */
void run_until_destroy(struct run_until *u);

#endif
