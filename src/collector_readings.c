/* SPDX-License-Identifier: MIT */
/*
 * What the target's allocators said of themselves, from the shared memory into the recording;
 * see wire_reading.h. The peer is hostile: only what was asked for is taken, and every value
 * is checked; a reading with one that can't be is dropped.
 */
#include "collector_private.h"
#include "platform.h"
#include "reading_names.h"

#include <stdlib.h>
#include <string.h>

#define ROWS_MAX        500000u      /* of figures, of one process */
#define ARENAS_MAX      65536
#define VALUE_MAX       (1ll << 50)
#define SETTING_MAX     128          /* bytes of a name */

static const struct wire_reading *reading_of(const struct collector *c, uint32_t heap)
{
	return (const struct wire_reading *)((const char *)c->control + WIRE_OFF_READINGS + heap * (uint64_t)WIRE_READING_BYTES);
}

/* ---- checks ---------------------------------------------------------------------- */

static bool is_sane_value(const struct wire_reading_value *v)
{
	if (v->figure >= WIRE_FIGURES || v->arena < WIRE_ARENA_ALL || v->arena >= ARENAS_MAX || v->value >= VALUE_MAX)
		return false;
	return v->value >= (figure_infos[v->figure].unit == FIGURE_MS ? -1 : 0);
}

static bool is_sane(const struct collector *c, const struct wire_reading *r)
{
	uint64_t now = platform_now_ns();
	if (r->result >= WIRE_READING_RESULTS || r->time_ns < c->start_ns || r->time_ns > now || r->took_ns > now - r->time_ns)
		return false;
	for (uint32_t i = 0; i < r->count; i++)
		if (!is_sane_value(&r->values[i]))
			return false;
	return true;
}

/* A consistent copy; false: it is being written, or its counts can't be. */
static bool copy(const struct wire_reading *from, uint32_t seq, struct wire_reading *ret)
{
	ret->count = from->count;
	ret->text_bytes = from->text_bytes;
	if (ret->count > WIRE_READING_VALUES || ret->text_bytes > WIRE_READING_TEXT)
		return false;
	ret->result = from->result;
	ret->time_ns = from->time_ns;
	ret->took_ns = from->took_ns;
	ret->cpu_ns = from->cpu_ns;
	ret->not_safe = from->not_safe;
	memcpy(ret->values, from->values, ret->count * sizeof *ret->values);
	memcpy(ret->text, from->text, ret->text_bytes);
	/* the copy's loads come before this one */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return __atomic_load_n(&from->seq, __ATOMIC_RELAXED) == seq;
}

/* ---- rows ------------------------------------------------------------------------ */

static void store_figures(struct collector *c, uint32_t heap, const struct wire_reading *r)
{
	enum { COLUMNS = 5 };
	struct store_cell *cells = calloc((size_t)r->count * COLUMNS + 1, sizeof *cells), *to = cells;
	if (!cells || !r->count || c->allocator.rows + r->count > ROWS_MAX) {
		free(cells);
		return;
	}
	for (uint32_t i = 0; i < r->count; i++) {
		*to++ = store_time(r->time_ns);
		*to++ = store_integer(heap);
		*to++ = store_integer(r->values[i].arena);
		*to++ = store_text(figure_infos[r->values[i].figure].name);
		*to++ = store_integer(r->values[i].value);
	}
	store_add_rows(c->run->store, c->id, TABLE_FIGURE, cells, r->count);
	c->allocator.rows += r->count;
	free(cells);
}

static void store_reading(struct collector *c, uint32_t heap, uint64_t time_ns, int64_t took_ns, uint32_t result,
			  uint64_t not_safe)
{
	const struct store_cell cells[] = {
		store_time(time_ns), store_integer(heap), store_known(took_ns), store_text(reading_result_name(result)),
		store_integer((int64_t)(not_safe & INT64_MAX)),
	};
	store_add_rows(c->run->store, c->id, TABLE_READING, cells, 1);
	c->allocator.heaps[heap].result = result;
	c->allocator.heaps[heap].not_safe = not_safe;
}

static bool is_plain(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (text[i] < ' ' || text[i] > '~')
			return false;
	return true;
}

/* One line: "name=value". */
static void store_setting(struct collector *c, uint32_t heap, const char *line, size_t size)
{
	const char *equals = memchr(line, '=', size);
	size_t name_size = equals ? (size_t)(equals - line) : 0;
	if (!name_size || name_size > SETTING_MAX || !is_plain(line, size))
		return;
	const struct store_cell cells[] = {
		store_integer(heap), { CELL_TEXT, 0, line, name_size }, { CELL_TEXT, 0, equals + 1, size - name_size - 1 },
	};
	store_add_rows(c->run->store, c->id, TABLE_SETTING, cells, 1);
}

static void store_settings(struct collector *c, uint32_t heap, const struct wire_reading *r)
{
	const char *at = r->text, *end = r->text + r->text_bytes, *stop;
	if (c->allocator.heaps[heap].settings || r->result != WIRE_READING_OK)
		return;
	for (; (stop = memchr(at, '\n', (size_t)(end - at))) != NULL; at = stop + 1)
		store_setting(c, heap, at, (size_t)(stop - at));
	c->allocator.heaps[heap].settings = true;
}

/* ---- readings -------------------------------------------------------------------- */

/* What it cost the target. */
static uint64_t take_copy(struct collector *c, uint32_t heap, const struct wire_reading *r)
{
	if (!is_sane(c, r))
		return 0;
	store_reading(c, heap, r->time_ns, (int64_t)r->took_ns, r->result, r->not_safe);
	store_figures(c, heap, r);
	store_settings(c, heap, r);
	/* on a crowded machine most of the time is other people's */
	return r->cpu_ns < r->took_ns ? r->cpu_ns : r->took_ns;
}

static uint64_t take_reading(struct collector *c, uint32_t heap)
{
	const struct wire_reading *from = reading_of(c, heap);
	uint32_t seq = __atomic_load_n(&from->seq, __ATOMIC_ACQUIRE);
	struct wire_reading *r;
	uint64_t took = 0;
	if ((seq & 1) || seq == c->allocator.heaps[heap].seq || !(c->allocator.granted & 1u << heap) ||
	    !(r = malloc(sizeof *r)))
		return 0;
	if (copy(from, seq, r)) {
		c->allocator.heaps[heap].seq = seq;
		c->allocator.granted &= ~(1u << heap);
		took = take_copy(c, heap, r);
	}
	free(r);
	return took;
}

static bool is_used(const struct collector *c, uint32_t heap)
{
	return __atomic_load_n(&c->control->heaps[heap].state, __ATOMIC_RELAXED) != WIRE_HEAP_UNUSED;
}

bool collector_is_read_now(const struct collector *c)
{
	for (uint32_t heap = 0; heap < WIRE_HEAPS; heap++)
		if (is_used(c, heap) && (__atomic_load_n(&reading_of(c, heap)->seq, __ATOMIC_ACQUIRE) & 1))
			return true;
	return false;
}

uint64_t collector_read_allocators(struct collector *c)
{
	uint64_t took = 0;
	for (uint32_t heap = 0; heap < WIRE_HEAPS; heap++)
		if (is_used(c, heap))
			took += take_reading(c, heap);
	return took;
}

const char *collector_reading_result(uint32_t result)
{
	return reading_result_name(result < WIRE_READING_RESULTS ? result : WIRE_READING_NONE);
}

static void store_unread(struct collector *c, uint32_t heap)
{
	const struct wire_reading *r = reading_of(c, heap);
	uint64_t not_safe = r->not_safe;
	uint32_t result = r->result;
	if (result >= WIRE_READING_RESULTS || not_safe == c->allocator.heaps[heap].not_safe)
		return;
	store_reading(c, heap, platform_now_ns(), -1, result == WIRE_READING_NONE ? WIRE_READING_NOT_SAFE : result, not_safe);
}

void collector_store_unread(struct collector *c)
{
	for (uint32_t heap = 0; heap < WIRE_HEAPS; heap++)
		if (is_used(c, heap))
			store_unread(c, heap);
}
