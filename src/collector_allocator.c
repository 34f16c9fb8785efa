/* SPDX-License-Identifier: MIT */
/*
 * When the target's allocators are asked for a reading, and purges; see wire_reading.h.
 *
 * An errand for a reading is set at all times when one can be paid for, so that a thread
 * that asks for a snapshot, or waits for one, makes a reading with it; a timer that slows
 * down with the run's age has a thread look for errands besides. Readings may take a
 * hundredth of the target's time. What comes of them: collector_readings.c.
 */
#include "collector_private.h"
#include "ipc.h"
#include "platform.h"

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
#define EVERY_HEAP      ((1u << WIRE_HEAPS) - 1)

enum purge_reason { PURGE_NONE, PURGE_EXIT, PURGE_CTL };
static const char *const reason_names[] = { [PURGE_NONE] = NULL, [PURGE_EXIT] = "exit", [PURGE_CTL] = "ctl" };

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
	uint64_t took = collector_read_allocators(c);
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

static void ask_for_reading(struct collector *c, uint64_t now_ns)
{
	struct collector_allocator *a = &c->allocator;
	if (collector_is_read_now(c))
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
	const struct store_cell cells[] = {
		store_time(made ? p.begin_ns : now), store_text(reason_names[a->purge_reason]),
		store_text(collector_reading_result(p.result)), made ? store_integer(p.heaps & EVERY_HEAP) : store_null(),
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
	collector_store_unread(c);
	__atomic_store_n(&c->control->errand, 0, __ATOMIC_RELEASE);
	if (!lacks_purge(c))
		return;
	if (!c->allocator.purge_reason)
		c->allocator.purge_reason = PURGE_EXIT;
	store_purge(c, false);
}
