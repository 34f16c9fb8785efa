/* SPDX-License-Identifier: MIT */
/*
 * map_hooks.c - mappings that the program and its allocator make and give back, as
 * events: who made a mapping is told by the object that called. What libc maps inside
 * itself (glibc's heaps, thread stacks) passes no hook. brk and sbrk are not hooked:
 * the kernel labels that mapping itself.
 * These run inside allocators, under their locks: nothing but the event and, before
 * a large shrink that the collector asked for, one bounded wait. They don't attach the
 * probe, nor look real functions up: a dlsym() in vain allocates, and an executable's own
 * malloc would wait for the lock that it holds. The constructor comes, and tells of them.
 */
#define _GNU_SOURCE
#include "life.h"
#include "linked_hooks.h"

#define PAGE 4096ull
#define SHRINK_BYTES 65536u
#define SHRINK_WAIT_MS 200u
#define ANONYMOUS_PRIVATE 1u

#define CALLER ((uintptr_t)__builtin_return_address(0))

/* The probe's own calls pass these hooks like anyone's, and are no news. */
extern const char __ehdr_start[] __attribute__((visibility("hidden")));
extern const char _end[] __attribute__((visibility("hidden")));
static bool is_probe(uintptr_t caller)
{
	return caller - (uintptr_t)__ehdr_start < (uintptr_t)_end - (uintptr_t)__ehdr_start;
}

/* What an allocator maps while the probe attaches, before there is a ring: kept for it. */
#define EARLY_MAX 64u
static struct early_event {
	enum wire_event_kind kind;
	uint32_t flags;
	uint64_t address, length;
	uintptr_t caller;
} early[EARLY_MAX];
static uint32_t early_count;

static void send_event(enum wire_event_kind kind, uint64_t address, uint64_t length,
		       uintptr_t caller, uint32_t flags)
{
	/* a linked allocator calls from the program's own text */
	uint64_t owner = real_is_allocator(caller) || linked_is_inside() ? WIRE_OWNER_ALLOCATOR : WIRE_OWNER_PROGRAM;
	probe_event(kind, address, length, kind == WIRE_EVENT_MAP ? owner : 0, flags);
}

static void note_early(const struct early_event *e)
{
	uint32_t at = __atomic_fetch_add(&early_count, 1, __ATOMIC_RELAXED);
	if (at < EARLY_MAX)
		early[at] = *e;
}

void life_send_early_events(void)
{
	uint32_t count = early_count < EARLY_MAX ? early_count : EARLY_MAX;
	for (struct early_event *e = early; e < early + count; e++)
		send_event(e->kind, e->address, e->length, e->caller, e->flags);
	early_count = 0;
}

static void note(enum wire_event_kind kind, const void *address, size_t length,
		 uintptr_t caller, uint32_t flags)
{
	uint64_t a = (uintptr_t)address, bytes = (length + PAGE - 1) & ~(PAGE - 1);
	if (is_probe(caller))
		return;
	if (likely(probe.on))
		send_event(kind, a, bytes, caller, flags);
	else if (probe.started != 2 && !life.base)
		note_early(&(struct early_event){ kind, flags, a, bytes, caller });
}

static void ask_before_shrink(size_t length)
{
	if (length >= SHRINK_BYTES && probe.on &&
	    __atomic_load_n(&probe.control->shrink_armed, __ATOMIC_RELAXED))
		probe_request(WIRE_REQUEST_SHRINK, true, SHRINK_WAIT_MS);
}

/* The kernel would refuse it: then nothing is given back. */
static bool is_range(const void *address, size_t length)
{
	uintptr_t a = (uintptr_t)address;
	return a % PAGE == 0 && length > 0 && length < 1ull << WIRE_ADDRESS_BITS &&
	       a < 1ull << WIRE_ADDRESS_BITS;
}

static void give_back(enum wire_event_kind kind, void *address, size_t length, uintptr_t caller)
{
	if (is_probe(caller))
		return;
	ask_before_shrink(length);
	note(kind, address, length, caller, 0);
	shadow_forget_pages((uintptr_t)address, (length + PAGE - 1) & ~(PAGE - 1));
}

static void before_map(void *address, size_t length, int flags)
{
	if (flags & MAP_FIXED && is_range(address, length))
		shadow_forget_pages((uintptr_t)address, (length + PAGE - 1) & ~(PAGE - 1));
}

static void *after_map(void *got, size_t length, int flags, uintptr_t caller)
{
	bool own = (flags & MAP_ANONYMOUS) && (flags & MAP_TYPE) == MAP_PRIVATE;
	if (got != MAP_FAILED)
		note(WIRE_EVENT_MAP, got, length, caller, own ? ANONYMOUS_PRIVATE : 0);
	return got;
}


PROBE_EXPORT void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset)
{
	before_map(address, length, flags);
	void *got = real.mmap ? real.mmap(address, length, protection, flags, fd, offset)
			       : (void *)syscall(SYS_mmap, address, length, protection, flags, fd, offset);
	return after_map(got, length, flags, CALLER);
}

PROBE_EXPORT void *mmap64(void *address, size_t length, int protection, int flags, int fd, off64_t offset)
{
	before_map(address, length, flags);
	void *got = real.mmap64 ? real.mmap64(address, length, protection, flags, fd, offset)
				 : (void *)syscall(SYS_mmap, address, length, protection, flags, fd, offset);
	return after_map(got, length, flags, CALLER);
}

/* Before the call: afterwards another thread may have been given the same range. */
PROBE_EXPORT int munmap(void *address, size_t length)
{
	if (is_range(address, length))
		give_back(WIRE_EVENT_UNMAP, address, length, CALLER);
	return real.munmap ? real.munmap(address, length) : (int)syscall(SYS_munmap, address, length);
}

static void *call_mremap(void *old, size_t old_length, size_t length, int flags, void *address)
{
	if (real.mremap)
		return real.mremap(old, old_length, length, flags, address);
	return (void *)syscall(SYS_mremap, old, old_length, length, flags, address);
}

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

PROBE_EXPORT void *mremap(void *old, size_t old_length, size_t length, int flags, ...)
{
	uintptr_t caller = CALLER;
	void *address = NULL;
	if (flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) {
		va_list rest;
		va_start(rest, flags);
		address = va_arg(rest, void *);
		va_end(rest);
	}
	bool known = is_range(old, old_length);
	if (known && length < old_length)
		ask_before_shrink(old_length - length);
	if (known)
		note(WIRE_EVENT_UNMAP, old, old_length, caller, 0);
	void *got = call_mremap(old, old_length, length, flags, address);
	if (known && (got == MAP_FAILED || flags & MREMAP_DONTUNMAP))
		note(WIRE_EVENT_MAP, old, old_length, caller, ANONYMOUS_PRIVATE);
	if (got != MAP_FAILED)
		note(WIRE_EVENT_MAP, got, length, caller, ANONYMOUS_PRIVATE);
	if (known && got != MAP_FAILED && got != old)
		shadow_forget_pages((uintptr_t)old, old_length);
	return got;
}

#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif

PROBE_EXPORT int madvise(void *address, size_t length, int advice)
{
	bool range = is_range(address, length);
	if (range && (advice == MADV_DONTNEED || advice == MADV_DONTNEED_LOCKED || advice == MADV_REMOVE)) {
		give_back(WIRE_EVENT_DONTNEED, address, length, CALLER);
	} else if (range && advice == MADV_FREE) {
		if (probe.on)
			__atomic_fetch_add(&probe.control->madv_free_calls, 1, __ATOMIC_RELAXED);
		note(WIRE_EVENT_MADV_FREE, address, length, CALLER, 0);
	}
	return real.madvise ? real.madvise(address, length, advice)
			     : (int)syscall(SYS_madvise, address, length, advice);
}
