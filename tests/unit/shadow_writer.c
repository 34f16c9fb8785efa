/* SPDX-License-Identifier: MIT */
/* See shadow_writer.h. */
#include "shadow_writer.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define CHECK(condition) do { if (!(condition)) abort(); } while (0)

void shadow_writer_init(struct shadow_writer *w)
{
	w->fd = memfd_create("memwhy", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	CHECK(w->fd >= 0 && ftruncate(w->fd, WIRE_BYTES) == 0 && fcntl(w->fd, F_ADD_SEALS, F_SEAL_SHRINK) == 0);
	w->base = mmap(NULL, WIRE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, w->fd, 0);
	CHECK(w->base != MAP_FAILED);
	w->control = (void *)(w->base + WIRE_OFF_CONTROL);
	w->threads = (void *)(w->base + WIRE_OFF_THREADS);
	w->control->magic = WIRE_MAGIC;
	w->control->version = WIRE_VERSION;
	w->control->state = WIRE_STATE_ON;
	w->control->membarrier = 1;
}

void shadow_writer_finish(struct shadow_writer *w)
{
	munmap(w->base, WIRE_BYTES);
	if (w->fd >= 0)
		close(w->fd);
}

unsigned char *shadow_writer_leaf(struct shadow_writer *w, uint64_t address)
{
	uint32_t *directory = (void *)(w->base + WIRE_OFF_DIRECTORY);
	uint32_t *regions = (void *)(w->base + WIRE_OFF_LEAVES);
	uint32_t region = (uint32_t)(address >> WIRE_REGION_SHIFT);
	CHECK(region < WIRE_REGION_COUNT);
	if (!directory[region]) {
		CHECK(w->control->leaf_count < WIRE_LEAVES_MAX);
		regions[w->control->leaf_count] = region;
		directory[region] = WIRE_LEAF_ENTRY(w->control->leaf_count++);
	}
	return w->base + ((uint64_t)directory[region] << WIRE_PAGE_SHIFT);
}

uint8_t *shadow_writer_flags(struct shadow_writer *w, uint64_t address)
{
	return shadow_writer_leaf(w, address) + WIRE_LEAF_FLAGS + (address >> WIRE_PAGE_SHIFT) % WIRE_PAGES;
}

static uint32_t *word_of(struct shadow_writer *w, uint64_t address)
{
	unsigned char *plane = shadow_writer_leaf(w, address) + (address & 8 ? WIRE_LEAF_PLANE_B : WIRE_LEAF_PLANE_A);
	return (uint32_t *)(void *)plane + (address >> WIRE_GRANULE_SHIFT) % WIRE_GRANULES;
}

static uint64_t footprint_of(const uint32_t *word)
{
	if ((word[0] >> WIRE_TAG_SHIFT & WIRE_TAG_MASK) != WIRE_TAG_LONG)
		return 16;
	uint32_t requested = word[1] & WIRE_SIZE_LONG;
	return requested == WIRE_SIZE_LONG ? word[4] | (uint64_t)word[5] << 32 : requested + (word[1] >> WIRE_SIZE_BITS);
}

static void touch(struct shadow_writer *w, uint64_t address)
{
	uint8_t odd = address & 8 ? WIRE_PAGE_ODD : 0;
	__atomic_fetch_or(shadow_writer_flags(w, address), WIRE_PAGE_EVER | WIRE_PAGE_CHANGED | odd, __ATOMIC_SEQ_CST);
}

void shadow_writer_alloc(struct shadow_writer *w, uint64_t address, uint64_t requested, uint64_t footprint)
{
	uint32_t *word = word_of(w, address);
	uint64_t slack = footprint - requested;
	uint32_t tag = footprint <= 16 ? (uint32_t)requested : WIRE_TAG_LONG;
	if (tag == WIRE_TAG_LONG && requested < WIRE_SIZE_LONG && slack <= WIRE_SLACK_MAX) {
		word[1] = (uint32_t)(slack << WIRE_SIZE_BITS | requested);
	} else if (tag == WIRE_TAG_LONG) {
		CHECK(footprint >= 96);
		const uint32_t words[] = { WIRE_SIZE_LONG, (uint32_t)requested, (uint32_t)(requested >> 32),
					   (uint32_t)footprint, (uint32_t)(footprint >> 32) };
		memcpy(word + 1, words, sizeof words);
	}
	for (uint64_t a = address; footprint && a < address + footprint; a += WIRE_REGION_BYTES)
		shadow_writer_leaf(w, a);
	shadow_writer_leaf(w, address + (footprint ? footprint - 1 : 0));
	__atomic_store_n(word, WIRE_LIVE | tag << WIRE_TAG_SHIFT, __ATOMIC_RELEASE);
	touch(w, address);
	w->threads[0].allocated_bytes += requested;
	w->threads[0].allocations++;
	w->threads[0].delta_bytes += (int64_t)requested;
}

void shadow_writer_free(struct shadow_writer *w, uint64_t address)
{
	uint32_t *word = word_of(w, address);
	uint64_t requested = word[1] & WIRE_SIZE_LONG, end = address + footprint_of(word);
	if ((*word >> WIRE_TAG_SHIFT & WIRE_TAG_MASK) != WIRE_TAG_LONG)
		requested = *word >> WIRE_TAG_SHIFT & WIRE_TAG_MASK;
	else if (requested == WIRE_SIZE_LONG)
		requested = word[2] | (uint64_t)word[3] << 32;
	*word &= ~WIRE_LIVE;
	touch(w, address);
	for (uint64_t page = (address | 4095) + 1; page < end; page += 4096)
		__atomic_fetch_or(shadow_writer_flags(w, page), WIRE_PAGE_EVER, __ATOMIC_SEQ_CST);
	w->threads[0].freed_bytes += requested;
	w->threads[0].frees++;
	w->threads[0].delta_bytes -= (int64_t)requested;
}

void shadow_writer_event(struct shadow_writer *w, uint32_t kind, uint64_t address, uint64_t length, uint64_t arg)
{
	struct wire_event *ring = (void *)(w->base + WIRE_OFF_EVENTS);
	uint64_t index = w->control->event_head++;
	struct wire_event *slot = &ring[index % WIRE_EVENTS];
	*slot = (struct wire_event){ .address = address, .length = length, .arg = arg, .kind = kind, .flags = 1 };
	__atomic_store_n(&slot->seq, index + 1, __ATOMIC_RELEASE);
}
