/* SPDX-License-Identifier: MIT */
/*
 * A wish of somebody else's thread (memwhy ctl), done by the collector's own: a box for one
 * at a time. POSTED by the asker, AT_WORK while the target is to come to a safe point (a
 * purge), DONE when the answer lies there; the asker makes it FREE. An asker that has waited
 * too long leaves, and the box is freed by whoever comes to it next.
 *
 * A purge is an errand of wire_reading.h: the target asks for a look before and after it,
 * and those two snapshots pass by here.
 */
#include "collector_private.h"
#include "platform.h"
#include "util/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define MARKS_STORED    4096u        /* of one process */
#define SAFE_POINT_NS   2000000000ull /* for a thread of the target to come to an allocation */
#define PURGE_NS        5000000000ull /* and then for the purge itself */
#define NO_WAY_NS       100000000ull  /* the errand is taken and nothing comes of it */
#define LAST_LOOK_NS    500000000ull  /* from the purge to the snapshot after it */
#define ASKER_NS        15000000000ull
#define TOOK_MAX_NS     3600000000000ull /* the target says how long it took */

void collector_init_asks(struct collector_mailbox *m)
{
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_mutex_init(&m->lock, NULL);
	pthread_cond_init(&m->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
}

void collector_finish_asks(struct collector_mailbox *m)
{
	pthread_cond_destroy(&m->changed);
	pthread_mutex_destroy(&m->lock);
}

/* ---- the asker ------------------------------------------------------------------- */

/* Guarded by the box's lock; false: too long. */
static bool await_done(struct collector_mailbox *m)
{
	uint64_t until = platform_now_ns() + ASKER_NS;
	const struct timespec t = { (time_t)(until / 1000000000u), (long)(until % 1000000000u) };
	while (m->state != ASK_DONE)
		if (pthread_cond_timedwait(&m->changed, &m->lock, &t) == ETIMEDOUT)
			return m->state == ASK_DONE;
	return true;
}

static int post(struct collector_mailbox *m, enum collector_ask what, const char *text)
{
	if (m->closed)
		return -ESRCH;
	if (m->state != ASK_FREE)
		return -EBUSY;
	m->what = what;
	m->left = false;
	snprintf(m->text, sizeof m->text, "%s", text ? text : "");
	memset(&m->answer, 0, sizeof m->answer);
	m->state = ASK_POSTED;
	return 0;
}

int collector_ask(struct collector *c, enum collector_ask what, const char *text, struct collector_answer *ret)
{
	struct collector_mailbox *m = &c->asks;
	pthread_mutex_lock(&m->lock);
	int error = post(m, what, text);
	if (!error) {
		collector_wake(c);
		if (await_done(m)) {
			error = m->result;
			*ret = m->answer;
			m->state = ASK_FREE;
		} else {
			error = -ETIMEDOUT;
			m->left = true;
		}
	}
	pthread_mutex_unlock(&m->lock);
	return error;
}

/* ---- the collector --------------------------------------------------------------- */

static enum collector_ask_state state_of(struct collector_mailbox *m)
{
	pthread_mutex_lock(&m->lock);
	enum collector_ask_state state = m->state;
	pthread_mutex_unlock(&m->lock);
	return state;
}

static void answer(struct collector_mailbox *m, int result)
{
	pthread_mutex_lock(&m->lock);
	m->result = result;
	m->state = m->left ? ASK_FREE : ASK_DONE;
	pthread_cond_broadcast(&m->changed);
	pthread_mutex_unlock(&m->lock);
}

static void answer_why(struct collector_mailbox *m, int result, const char *why)
{
	snprintf(m->answer.why, sizeof m->answer.why, "%s", why);
	answer(m, result);
}

/* Control characters and what is no UTF-8 as \xNN; a backslash as two. */
static void escape(const char *text, char *ret, size_t size)
{
	size_t n = 0;
	while (*text && n + 5 < size) {
		size_t length = text_utf8_length(text);
		unsigned char byte = (unsigned char)*text;
		bool control = byte < 0x20 || byte == 0x7f || (length == 2 && byte == 0xc2 && (unsigned char)text[1] < 0xa0);
		if (!length || control)
			n += (size_t)snprintf(ret + n, size - n, "\\x%02x", byte);
		else if (byte == '\\')
			n += (size_t)snprintf(ret + n, size - n, "\\\\");
		else
			n += (size_t)snprintf(ret + n, size - n, "%.*s", (int)length, text);
		text += length && !control ? length : 1;
	}
	ret[n] = 0;
}

static void mark(struct collector *c)
{
	struct collector_mailbox *m = &c->asks;
	char text[4 * COLLECTOR_TEXT_BYTES + 8];
	if (m->marks >= MARKS_STORED) {
		answer(m, -ENOSPC);
		return;
	}
	m->marks++;
	escape(m->text, text, sizeof text);
	m->answer.time_ns = platform_now_ns();
	store_add_event(c->run->store, c->id, m->answer.time_ns, "mark", 0, 0, 0, text);
	answer(m, 0);
}

static void snap(struct collector *c)
{
	int error = collector_look(c);
	if (!error)
		error = collector_snap(c, TRIGGER_ASKED, false);
	answer(&c->asks, error ? error : c->asks.answer.has_after ? 0 : -ESRCH);
}

void collector_note_asked(struct collector *c, const struct snapshot *s)
{
	struct collector_mailbox *m = &c->asks;
	struct collector_answer *a = &m->answer;
	if (s->trigger != TRIGGER_ASKED && s->trigger != TRIGGER_PURGED)
		return;
	enum collector_ask_state state = state_of(m);
	if (state != ASK_POSTED && state != ASK_AT_WORK)
		return;
	if (m->what == COLLECTOR_ASK_PURGE && s->trigger == TRIGGER_ASKED) {
		a->before = s->ledger;
		a->has_before = true;
	} else if (m->what == COLLECTOR_ASK_SNAPSHOT || s->trigger == TRIGGER_PURGED) {
		a->after = s->ledger;
		a->has_after = true;
		a->time_ns = s->time_ns;
	}
}

/* ---- a purge --------------------------------------------------------------------- */

static void begin_purge(struct collector *c)
{
	struct collector_mailbox *m = &c->asks;
	m->purges_before = collector_load(&c->control->purge.count);
	m->since_ns = platform_now_ns();
	m->made_ns = m->taken_ns = 0;
	pthread_mutex_lock(&m->lock);
	m->state = ASK_AT_WORK;
	pthread_mutex_unlock(&m->lock);
	collector_begin_purge(c);
}

/* Its times are the target's own claim. */
static uint64_t took_ns(const struct wire_purge *p)
{
	uint64_t begin = __atomic_load_n(&p->begin_ns, __ATOMIC_RELAXED), end = __atomic_load_n(&p->end_ns, __ATOMIC_RELAXED);
	return end >= begin && end - begin < TOOK_MAX_NS ? end - begin : 0;
}

static void finish_purge(struct collector *c)
{
	uint32_t result = __atomic_load_n(&c->control->purge.result, __ATOMIC_RELAXED);
	c->asks.answer.took_ns = took_ns(&c->control->purge);
	if (result == WIRE_READING_NO_WAY || result == WIRE_READING_REFUSED)
		answer_why(&c->asks, -EIO, result == WIRE_READING_NO_WAY ? "its allocator has no interface for it that can be reached"
									 : "its allocator refused");
	else
		answer(&c->asks, result == WIRE_READING_OK ? 0 : -ETIMEDOUT);
}

static bool came_to_nothing(const struct collector *c, uint64_t now_ns)
{
	uint32_t result = __atomic_load_n(&c->control->purge.result, __ATOMIC_RELAXED);
	return now_ns - c->asks.taken_ns > NO_WAY_NS && (result == WIRE_READING_NO_WAY || result == WIRE_READING_REFUSED);
}

static void watch_purge(struct collector *c)
{
	struct collector_mailbox *m = &c->asks;
	uint64_t now = platform_now_ns();
	bool waits = collector_load(&c->control->errand) & WIRE_ERRAND_PURGE;
	if (collector_load(&c->control->purge.count) != m->purges_before) {
		if (!m->made_ns)
			m->made_ns = now;
		if (m->answer.has_after || now - m->made_ns > LAST_LOOK_NS)
			finish_purge(c);
	} else if (!waits) {
		if (!m->taken_ns)
			m->taken_ns = now;
		if (came_to_nothing(c, now) || now - m->taken_ns > PURGE_NS)
			finish_purge(c);
	} else if (now - m->since_ns < SAFE_POINT_NS) {
		collector_call_for_purge(c);
	} else if (collector_drop_purge(c)) {
		answer(m, -ETIMEDOUT);
	}
}

/* ---- the loop's part --------------------------------------------------------------- */

static bool is_followed(const struct collector *c)
{
	return c->control && collector_load(&c->control->state) != WIRE_STATE_OFF;
}

static void begin(struct collector *c)
{
	if (!is_followed(c))
		answer_why(&c->asks, -EOPNOTSUPP, c->probe_state);
	else if (c->asks.what == COLLECTOR_ASK_MARK)
		mark(c);
	else if (c->asks.what == COLLECTOR_ASK_SNAPSHOT)
		snap(c);
	else
		begin_purge(c);
}

void collector_serve_asks(struct collector *c)
{
	enum collector_ask_state state = state_of(&c->asks);
	if (state == ASK_POSTED)
		begin(c);
	else if (state == ASK_AT_WORK)
		watch_purge(c);
}

void collector_close_asks(struct collector *c)
{
	struct collector_mailbox *m = &c->asks;
	pthread_mutex_lock(&m->lock);
	m->closed = true;
	bool open = m->state == ASK_POSTED || m->state == ASK_AT_WORK;
	pthread_mutex_unlock(&m->lock);
	if (open && c->control)
		collector_drop_purge(c);
	if (open)
		answer(m, -ESRCH);
}
