/* SPDX-License-Identifier: MIT */
/*
 * shadow_view.h - reads the probe's shadow map (wire.h) into live bytes by page.
 * Only pages that changed since the last scan are read again. The peer is hostile:
 * no content of the memfd can make this crash, hang or read out of bounds; it can
 * make the figures wrong. One thread at a time.
 */
#ifndef MEMWHY_SHADOW_VIEW_H
#define MEMWHY_SHADOW_VIEW_H

#include "wire.h"

#include <stdbool.h>
#include <stdint.h>

struct shadow_view;

/* What is known of the 8192 pages of one region, after shadow_view_scan(). */
struct shadow_pages {
	uint16_t live_requested[WIRE_PAGES]; /* bytes on this page, 0..4096 */
	uint16_t live_footprint[WIRE_PAGES]; /* >= live_requested; 0: no live block here */
	uint8_t ever[WIRE_PAGES];            /* 1: held a block once, or holds one */
};

/* fd is taken over on success only. -EPROTO: not a sealed memory file of WIRE_BYTES. */
int shadow_view_create(int fd, struct shadow_view **ret_view);
void shadow_view_destroy(struct shadow_view *v);

/* The file itself; stays the view's. */
int shadow_view_memory(const struct shadow_view *v);

/* The head of the file, mapped for reading and writing; valid until destroy. */
struct wire_control *shadow_view_control(struct shadow_view *v);
const struct wire_thread *shadow_view_threads(struct shadow_view *v);
const struct wire_event *shadow_view_events(struct shadow_view *v);
/* Slots in use, never above WIRE_THREADS_MAX. */
uint32_t shadow_view_thread_count(struct shadow_view *v);

/* Brings all regions up to date. 0, or -ENOMEM (then they are as they were or partly newer). */
int shadow_view_scan(struct shadow_view *v);
/* As of the last scan: NULL when the region never held a block. */
const struct shadow_pages *shadow_view_pages(const struct shadow_view *v, uint64_t region);
/* Sum of live_requested over all pages. */
int64_t shadow_view_live_bytes(const struct shadow_view *v);
/* The largest block that was inside realloc during the last scan (requested bytes), 0: none. */
uint64_t shadow_view_moving_bytes(const struct shadow_view *v);
/* Live bytes over the pages of [start, end). */
int64_t shadow_view_live_bytes_in(const struct shadow_view *v, uint64_t start, uint64_t end);
/* True when a page of [start, end) ever held a block. */
bool shadow_view_has_ever(const struct shadow_view *v, uint64_t start, uint64_t end);

#endif
