/* SPDX-License-Identifier: MIT */
/*
 * A producer takes an index, fills the slot and writes seq last. One that dies in between
 * leaves a slot that never completes: after a while it is given up, or the ring would
 * stand still for good.
 */
#include "target_events.h"
#include "platform.h"

#define STUCK_NS 100000000ull
#define EVENT_ANONYMOUS 1u

static uint64_t page_floor(uint64_t a)
{
	return a & ~(PLATFORM_PAGE_BYTES - 1);
}

/* A page that was written again stays in the list: it may be muzzy for all that is known. */
static void apply_offer(struct target_events *events, const struct wire_event *e, uint64_t start, uint64_t end)
{
	if (e->kind == WIRE_EVENT_MADV_FREE)
		region_map_add(&events->offered, start, end, WIRE_OWNER_ALLOCATOR);
	else if (e->kind == WIRE_EVENT_MAP || e->kind == WIRE_EVENT_UNMAP || e->kind == WIRE_EVENT_DONTNEED)
		region_map_remove(&events->offered, start, end);
}

static void apply_event(struct target_events *events, struct region_map *records, const struct wire_event *e)
{
	events->offers += e->kind == WIRE_EVENT_MADV_FREE;
	uint64_t limit = 1ull << WIRE_ADDRESS_BITS;
	if (e->address >= limit || e->length == 0 || e->length > limit - e->address)
		return;
	uint64_t start = page_floor(e->address);
	uint64_t end = page_floor(e->address + e->length + PLATFORM_PAGE_BYTES - 1);
	apply_offer(events, e, start, end);
	bool is_owned = e->arg == WIRE_OWNER_PROGRAM || e->arg == WIRE_OWNER_ALLOCATOR;
	if (e->kind == WIRE_EVENT_MAP && e->flags & EVENT_ANONYMOUS && is_owned)
		region_map_add(records, start, end, (uint32_t)e->arg);
	else if (e->kind == WIRE_EVENT_MAP || e->kind == WIRE_EVENT_UNMAP)
		region_map_remove(records, start, end);
}

/* Copies the slot if it is complete, and was so until after the copy. */
static bool read_slot(const struct wire_event *slot, uint64_t index, struct wire_event *ret_event)
{
	if (__atomic_load_n(&slot->seq, __ATOMIC_ACQUIRE) != index + 1)
		return false;
	*ret_event = *slot;
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return __atomic_load_n(&slot->seq, __ATOMIC_RELAXED) == index + 1;
}

/* True when the incomplete event at e->next is to be given up. */
static bool is_given_up(struct target_events *e)
{
	uint64_t now = platform_now_ns();
	if (e->stuck_since_ns == 0)
		e->stuck_since_ns = now;
	return now - e->stuck_since_ns >= STUCK_NS;
}

bool target_events_none_offered(const struct target_events *e, uint64_t calls)
{
	return calls == e->offers && e->offered.count == 0 && e->offered.dropped == 0;
}

int target_events_inherit(struct target_events *child, const struct target_events *parent)
{
	int rc = region_map_copy(&child->offered, &parent->offered);
	if (rc == 0)
		child->offers = parent->offers;
	return rc;
}

void target_events_finish(struct target_events *e)
{
	region_map_finish(&e->offered);
}

int target_events_take(struct target_events *e, struct shadow_view *shadow, struct region_map *records,
		       target_event_fn *fn, void *arg)
{
	struct wire_control *control = shadow_view_control(shadow);
	const struct wire_event *ring = shadow_view_events(shadow);
	uint64_t head = __atomic_load_n(&control->event_head, __ATOMIC_ACQUIRE);
	int taken = 0;
	if (head - e->next > WIRE_EVENTS) { /* overrun, or a head that went back */
		e->skipped += head > e->next ? head - e->next - WIRE_EVENTS : 1;
		e->next = head > WIRE_EVENTS ? head - WIRE_EVENTS : 0;
	}
	for (; e->next < head; e->next++) {
		struct wire_event event;
		if (read_slot(&ring[e->next % WIRE_EVENTS], e->next, &event)) {
			apply_event(e, records, &event);
			if (fn && event.kind < WIRE_EVENT_KINDS)
				fn(arg, &event);
			taken++;
		} else if (is_given_up(e)) {
			e->skipped++;
		} else {
			break;
		}
		e->stuck_since_ns = 0;
	}
	__atomic_store_n(&control->event_tail, e->next, __ATOMIC_RELEASE);
	return taken;
}
