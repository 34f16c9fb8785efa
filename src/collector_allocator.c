/* SPDX-License-Identifier: MIT */
/*
 * What the target's allocators say of themselves, and purges; see wire_reading.h.
 *
 * An errand for a reading is set at all times when one can be paid for, so that a thread
 * that asks for a snapshot, or waits for one, makes a reading with it; a timer that slows
 * down with the run's age has a thread look for errands besides. Readings may take a
 * hundredth of the target's time. The peer is hostile: only what was asked for is taken,
 * and every value is checked; a reading with one that can't be is dropped.
 */
#include "collector_private.h"
#include "ipc.h"
#include "platform.h"

#include <stdlib.h>
#include <string.h>

#define MS 1000000ull

#define FIRST_AFTER_NS  (5 * MS)
#define PAUSE_MIN_NS    (100 * MS)
#define PAUSES_A_RUN    50
#define RETRY_MIN_NS    (10 * MS)    /* no thread came by, or none that may */
#define RETRIES_A_RUN   200
#define START_NS        (1 * MS)     /* what readings may cost before the process has lived */
#define BUDGET_ALL      125          /* one part of so many of the run time */
#define BUDGET_TIMER    250
#define REST_FACTOR     20           /* of the last reading's cost, before one that finds rss as it was */
#define ROWS_MAX        500000u      /* of figures, of one process */
#define ARENAS_MAX      65536
#define VALUE_MAX       (1ll << 50)
#define EVERY_HEAP      ((1u << WIRE_HEAPS) - 1)
#define SETTING_MAX     128          /* bytes of a name */

enum purge_reason { PURGE_NONE, PURGE_EXIT, PURGE_CTL };
static const char *const reason_names[] = { [PURGE_NONE] = NULL, [PURGE_EXIT] = "exit", [PURGE_CTL] = "ctl" };

/* As reading_result_name() has them for readers. */
static const char *const result_names[WIRE_READING_RESULTS] = {
	[WIRE_READING_NONE] = "none", [WIRE_READING_OK] = "ok", [WIRE_READING_NOT_SAFE] = "not-safe",
	[WIRE_READING_NO_WAY] = "no-way", [WIRE_READING_REFUSED] = "refused",
	[WIRE_READING_TOO_DEAR] = "too-dear",
};

enum unit { UNIT_BYTES, UNIT_COUNT, UNIT_MS };
static const struct { const char *name; enum unit unit; } figures[WIRE_FIGURES] = {
#define FIGURE(name, unit, meaning) [WIRE_FIGURE_##name] = { #name, UNIT_##unit },
#include "wire_figures.def"
#undef FIGURE
};

static const struct wire_reading *reading_of(const struct collector *c, uint32_t heap)
{
	return (const struct wire_reading *)((const char *)c->control + WIRE_OFF_READINGS + heap * (uint64_t)WIRE_READING_BYTES);
}

/* ---- checks ---------------------------------------------------------------------- */

static bool is_sane_value(const struct wire_reading_value *v)
{
	if (v->figure >= WIRE_FIGURES || v->arena < WIRE_ARENA_ALL || v->arena >= ARENAS_MAX || v->value >= VALUE_MAX)
		return false;
	return v->value >= (figures[v->figure].unit == UNIT_MS ? -1 : 0);
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
		*to++ = store_text(figures[r->values[i].figure].name);
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
		store_time(time_ns), store_integer(heap), store_known(took_ns), store_text(result_names[result]),
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

static uint64_t age_ns(const struct collector *c, uint64_t now_ns)
{
	return now_ns > c->start_ns ? now_ns - c->start_ns : 0;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static void take_readings(struct collector *c, uint64_t now_ns)
{
	struct collector_allocator *a = &c->allocator;
	uint64_t took = 0;
	for (uint32_t heap = 0; heap < WIRE_HEAPS; heap++)
		if (is_used(c, heap))
			took += take_reading(c, heap);
	if (!took)
		return;
	a->spent_ns += took;
	a->expected_ns = took;
	a->read_ns = now_ns;
	a->read_rss_bytes = c->rss_bytes;
	a->next_ns = now_ns + larger(PAUSE_MIN_NS, age_ns(c, now_ns) / PAUSES_A_RUN);
}

/* ---- errands --------------------------------------------------------------------- */

static bool is_affordable(const struct collector *c, uint64_t now_ns, uint64_t part)
{
	return c->allocator.spent_ns + c->allocator.expected_ns <= START_NS + age_ns(c, now_ns) / part;
}

/* Nobody waits; a thread that comes by takes the errands. Not over a hold. */
static void have_them_look(struct collector *c)
{
	uint32_t none = 0;
	__atomic_compare_exchange_n(&c->control->freeze, &none, WIRE_FREEZE_LOOK, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

static void set_errand(struct collector *c, uint32_t errand)
{
	__atomic_fetch_or(&c->control->errand, errand, __ATOMIC_ACQ_REL);
}

static bool is_worth_it(const struct collector *c, uint64_t now_ns)
{
	const struct collector_allocator *a = &c->allocator;
	return c->rss_bytes > a->read_rss_bytes + a->read_rss_bytes / 4 ||
	       now_ns - a->read_ns >= REST_FACTOR * a->expected_ns;
}

/* For whoever asks for a snapshot, or waits for one. An interval of one's own choice has its price. */
static void set_reading(struct collector *c, uint64_t now_ns)
{
	if (!c->run->every_ns && !(is_worth_it(c, now_ns) && is_affordable(c, now_ns, BUDGET_ALL)))
		return;
	c->allocator.granted = EVERY_HEAP;
	set_errand(c, WIRE_ERRAND_READ);
}

/* A thread is at it. Asked once more, it would begin the next one before this one's cost was
 * seen, and so on: a program that freed half a million blocks was walked through for seconds. */
static bool is_reading(const struct collector *c)
{
	for (uint32_t heap = 0; heap < WIRE_HEAPS; heap++)
		if (is_used(c, heap) && (__atomic_load_n(&reading_of(c, heap)->seq, __ATOMIC_ACQUIRE) & 1))
			return true;
	return false;
}

static void ask_for_reading(struct collector *c, uint64_t now_ns)
{
	struct collector_allocator *a = &c->allocator;
	if (is_reading(c))
		return;
	set_reading(c, now_ns);
	if (!c->run->every_ns && (now_ns < a->next_ns || !is_affordable(c, now_ns, BUDGET_TIMER)))
		return;
	a->next_ns = now_ns + larger(RETRY_MIN_NS, age_ns(c, now_ns) / RETRIES_A_RUN);
	have_them_look(c);
}

void collector_call_for_purge(struct collector *c)
{
	have_them_look(c);
}

void collector_begin_purge(struct collector *c)
{
	c->allocator.purge_reason = PURGE_CTL;
	set_errand(c, WIRE_ERRAND_PURGE);
	have_them_look(c);
}

bool collector_drop_purge(struct collector *c)
{
	uint32_t was = __atomic_fetch_and(&c->control->errand, ~WIRE_ERRAND_PURGE, __ATOMIC_ACQ_REL), look = WIRE_FREEZE_LOOK;
	if (!(was & WIRE_ERRAND_PURGE))
		return false;
	c->allocator.purge_reason = PURGE_NONE;
	if (was == WIRE_ERRAND_PURGE)
		__atomic_compare_exchange_n(&c->control->freeze, &look, 0, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
	return true;
}

void collector_start_allocator(struct collector *c)
{
	c->allocator.next_ns = c->start_ns + FIRST_AFTER_NS;
	if (c->run->purge_at_exit && c->launched)
		__atomic_store_n(&c->control->purge_at_exit, 1, __ATOMIC_RELAXED);
}

void collector_look_at_allocators(struct collector *c)
{
	uint64_t now = platform_now_ns();
	take_readings(c, now);
	ask_for_reading(c, now);
}

/* ---- purges ---------------------------------------------------------------------- */

static bool wants_purge_at_exit(const struct collector *c)
{
	return c->run->purge_at_exit && c->launched;
}

uint32_t collector_expected_kinds(const struct collector *c, uint32_t kinds)
{
	if (c->allocator.purge_reason != PURGE_CTL)
		kinds &= ~WIRE_REQUEST_PURGING;
	if (c->allocator.purge_reason == PURGE_NONE)
		kinds &= ~WIRE_REQUEST_PURGED;
	return kinds;
}

static int64_t net_of(uint64_t time_ns, int64_t net_bytes)
{
	return time_ns ? net_bytes : -1;
}

static struct store_cell time_or_null(uint64_t time_ns)
{
	return time_ns ? store_time(time_ns) : store_null();
}

/* after: the snapshot after it was taken. */
static void store_purge(struct collector *c, bool after)
{
	struct collector_allocator *a = &c->allocator;
	const struct wire_purge p = c->control->purge;
	uint64_t now = platform_now_ns(), after_ns = after ? c->snapped.time_ns : 0;
	bool made = after && p.begin_ns >= c->start_ns && p.begin_ns <= p.end_ns && p.end_ns <= now;
	uint32_t result = p.result < WIRE_READING_RESULTS ? p.result : WIRE_READING_NONE;
	const struct store_cell cells[] = {
		store_time(made ? p.begin_ns : now), store_text(reason_names[a->purge_reason]),
		store_text(result_names[result]), made ? store_integer(p.heaps & EVERY_HEAP) : store_null(),
		store_known(made ? (int64_t)(p.end_ns - p.begin_ns) : -1),
		store_known(net_of(a->before.time_ns, a->before.net_bytes)),
		store_known(net_of(after_ns, c->snapped.net_bytes)),
		time_or_null(a->before.time_ns), time_or_null(after_ns),
	};
	store_add_rows(c->run->store, c->id, TABLE_PURGE, cells, 1);
	a->purge_reason = PURGE_NONE;
	a->purges_seen++;
}

static void keep_before(struct collector *c, enum purge_reason reason)
{
	c->allocator.purge_reason = reason;
	c->allocator.before.time_ns = c->snapped.time_ns;
	c->allocator.before.net_bytes = c->snapped.net_bytes;
}

void collector_note_served(struct collector *c, uint32_t kinds)
{
	uint64_t now = platform_now_ns();
	if (kinds & WIRE_REQUEST_EXIT) /* it makes one unasked */
		c->allocator.granted = EVERY_HEAP;
	take_readings(c, now);
	set_reading(c, now);
	if (kinds & WIRE_REQUEST_PURGED)
		store_purge(c, true);
	else if ((kinds & WIRE_REQUEST_EXIT) && wants_purge_at_exit(c))
		keep_before(c, PURGE_EXIT);
	else if (kinds & WIRE_REQUEST_PURGING)
		keep_before(c, PURGE_CTL);
}

/* ---- the end --------------------------------------------------------------------- */

static void store_unread(struct collector *c, uint32_t heap)
{
	const struct wire_reading *r = reading_of(c, heap);
	uint64_t not_safe = r->not_safe;
	uint32_t result = r->result;
	if (result >= WIRE_READING_RESULTS || not_safe == c->allocator.heaps[heap].not_safe)
		return;
	store_reading(c, heap, platform_now_ns(), -1, result == WIRE_READING_NONE ? WIRE_READING_NOT_SAFE : result, not_safe);
}

/* An exec or a process that lives on has no exit to purge at. */
static bool lacks_purge(const struct collector *c)
{
	return wants_purge_at_exit(c) && !c->allocator.purges_seen && collector_told(c) != COLLECTOR_REPLACED &&
	       collector_told(c) != COLLECTOR_SUPERSEDED && !c->lost_image && !c->let_go &&
	       collector_load(&c->control->state) != WIRE_STATE_EXECING;
}

void collector_finish_allocators(struct collector *c)
{
	take_readings(c, platform_now_ns());
	for (uint32_t heap = 0; heap < WIRE_HEAPS; heap++)
		if (is_used(c, heap))
			store_unread(c, heap);
	__atomic_store_n(&c->control->errand, 0, __ATOMIC_RELEASE);
	if (!lacks_purge(c))
		return;
	if (!c->allocator.purge_reason)
		c->allocator.purge_reason = PURGE_EXIT;
	store_purge(c, false);
}
