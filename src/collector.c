/* SPDX-License-Identifier: MIT */
/*
 * One process image, one thread; see collector.h. The loop: serve a request if there is
 * one, else sample if it is time, else sleep on the request word (or on the pidfd when
 * there is no probe). The target waits for an answer, so requests come first.
 */
#include "collector_private.h"
#include "ipc.h"
#include "platform.h"
#include "probe_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define EXEC_GRACE_NS    50000000ull  /* from the exec to the new image's hello */
#define EXEC_POLL_NS      2000000ull
#define SLEEP_MAX_NS     50000000ull  /* whatever the interval: somebody may end or ask */

/* ---- requests ------------------------------------------------------------------- */

static void tell_probe(struct collector *c)
{
	uint64_t now = platform_now_ns();
	__atomic_store_n(&c->control->live_trigger_bytes,
			 sampler_live_trigger_bytes(&c->sampler, now, c->past_live_bytes), __ATOMIC_RELAXED);
	__atomic_store_n(&c->control->shrink_armed, sampler_shrink_armed(&c->sampler, now, c->rss_bytes),
			 __ATOMIC_RELAXED);
}

/* Who asks may have frozen the others by itself, to keep the moment until it is looked at. */
void collector_answer(struct collector *c, uint32_t seq)
{
	c->served = seq;
	if (collector_load(&c->control->freeze) == 1)
		collector_thaw(c);
	__atomic_store_n(&c->control->done_seq, seq, __ATOMIC_RELEASE);
	ipc_wake(&c->control->done_seq);
}

/* True if there was a request. */
static bool serve(struct collector *c)
{
	uint32_t seq = collector_load(&c->control->request_seq);
	if (seq == c->control->done_seq)
		return false;
	uint32_t kinds = __atomic_exchange_n(&c->control->request_kinds, 0, __ATOMIC_ACQ_REL);
	c->served = seq;
	if (kinds & WIRE_REQUEST_MODULES)
		collector_answer_modules(c);
	kinds = collector_expected_kinds(c, kinds & ~WIRE_REQUEST_MODULES);
	if (kinds == WIRE_REQUEST_EVENTS)
		target_view_drain(c->view, collector_on_event, c);
	else if (kinds) {
		collector_look(c);
		int64_t peak = __atomic_load_n(&c->control->live_peak_bytes, __ATOMIC_RELAXED);
		int trigger = sampler_want_asked(&c->sampler, platform_now_ns(), kinds, c->rss_bytes, c->counters.live_bytes);
		bool lasts = kinds & (WIRE_REQUEST_EXIT | WIRE_REQUEST_EXEC | WIRE_REQUEST_PURGING | WIRE_REQUEST_PURGED);
		if (c->run->hold == RUN_HOLD_NONE && !lasts)
			collector_answer(c, seq);
		if (kinds & WIRE_REQUEST_LIVE_PEAK)
			c->past_live_bytes = peak;
		if (trigger != SAMPLER_NO_TRIGGER)
			collector_snap(c, trigger, c->run->hold != RUN_HOLD_NONE || lasts);
		collector_note_served(c, kinds);
		tell_probe(c);
		if (kinds & WIRE_REQUEST_EXEC)
			c->execing_ns = platform_now_ns();
	}
	collector_answer(c, seq);
	return true;
}
/* ---- the loop --------------------------------------------------------------------- */

static bool is_execing(const struct collector *c)
{
	return c->control && collector_load(&c->control->state) == WIRE_STATE_EXECING;
}

/* Between the exec and the new image's hello nothing is sampled. If none comes though
 * another image runs, that one has no probe. */
static void watch_exec(struct collector *c, uint64_t now_ns)
{
	uint64_t mark;
	if (!c->execing_ns)
		c->execing_ns = now_ns;
	if (now_ns - c->execing_ns < EXEC_GRACE_NS || ipc_image_mark(c->pid, &mark) != 0)
		return;
	if (mark != c->image_mark)
		__atomic_store_n(&c->lost_image, 1, __ATOMIC_RELEASE);
	c->execing_ns = now_ns;
}

static void work(struct collector *c)
{
	uint64_t now = platform_now_ns();
	if (is_execing(c)) {
		watch_exec(c, now);
		return;
	}
	c->execing_ns = 0;
	if (now < c->sampler.next_sample_ns)
		return;
	if (collector_look(c) == 0) {
		int trigger = sampler_want(&c->sampler, platform_now_ns(), c->rss_bytes);
		if (trigger != SAMPLER_NO_TRIGGER)
			collector_snap(c, trigger, false);
		if (c->control) {
			tell_probe(c);
			collector_look_at_allocators(c);
		}
	}
	sampler_sampled(&c->sampler, platform_now_ns());
}

static void sleep_until_due(struct collector *c)
{
	uint64_t now = platform_now_ns(), due = c->sampler.next_sample_ns;
	uint64_t left = is_execing(c) ? EXEC_POLL_NS : due > now ? due - now : 0;
	if (!left)
		return;
	if (left > SLEEP_MAX_NS)
		left = SLEEP_MAX_NS;
	if (c->control) {
		uint32_t seq = collector_load(&c->control->done_seq);
		if (collector_told(c) == COLLECTOR_GOES_ON)
			ipc_wait(&c->control->request_seq, seq, left);
		return;
	}
	struct pollfd p = { c->pidfd, POLLIN, 0 };
	struct timespec t = { (time_t)(left / 1000000000u), (long)(left % 1000000000u) };
	ppoll(&p, 1, &t, NULL);
}

static void inherit(struct collector *c)
{
	struct collector *parent = c->forked_from;
	if (!parent)
		return;
	c->is_fork = true;
	pthread_mutex_lock(&parent->view_lock);
	target_view_inherit(c->view, parent->view);
	c->linked = parent->linked;
	collector_inherit_own_allocator(c, parent);
	pthread_mutex_unlock(&parent->view_lock);
	c->forked_from = NULL;
	collector_unref(parent);
}

static void tell_session(struct collector *c)
{
	const uint64_t one = 1;
	__atomic_store_n(&c->done, 1, __ATOMIC_RELEASE);
	if (write(c->run->news, &one, sizeof one) < 0)
		return; /* it is full: the session has enough to wake up for */
}

static void *collect(void *arg)
{
	struct collector *c = arg;
	inherit(c);
	collector_update_description(c);
	ipc_image_mark(c->pid, &c->image_mark);
	while (collector_told(c) == COLLECTOR_GOES_ON && !c->lost_image && !collector_process_ended(c)) {
		pthread_mutex_lock(&c->view_lock);
		while (c->control && collector_told(c) == COLLECTOR_GOES_ON && serve(c))
			;
		collector_serve_asks(c);
		work(c);
		pthread_mutex_unlock(&c->view_lock);
		sleep_until_due(c);
	}
	collector_close_asks(c);
	/* the launched one's end is known to be waited for: what wait4 says comes with it */
	while (c->launched && !c->lost_image && collector_told(c) == COLLECTOR_GOES_ON)
		ipc_wait(&c->told, COLLECTOR_GOES_ON, 1000000000u);
	collector_finish_modules(c);
	pthread_mutex_lock(&c->view_lock);
	collector_finish_image(c);
	pthread_mutex_unlock(&c->view_lock);
	tell_session(c);
	return NULL;
}
/* ---- life ------------------------------------------------------------------------- */

void collector_unref(struct collector *c)
{
	if (__atomic_sub_fetch(&c->refs, 1, __ATOMIC_ACQ_REL) != 0)
		return;
	if (c->forked_from)
		collector_unref(c->forked_from);
	if (c->view)
		target_view_destroy(c->view);
	if (c->pidfd >= 0)
		close(c->pidfd);
	pthread_mutex_destroy(&c->view_lock);
	collector_finish_asks(&c->asks);
	free(c->command);
	free(c->exe);
	free(c->why_no_probe);
	free(c);
}

static char *copy(const char *text)
{
	return strdup(text ? text : "");
}

static struct collector *make(struct collector_run *run, const struct collector_birth *b)
{
	struct collector *c = calloc(1, sizeof *c);
	if (!c)
		return NULL;
	c->run = run;
	c->refs = 1;
	c->id = b->id;
	c->parent_id = b->parent_id;
	c->pid = b->pid;
	c->pidfd = b->pidfd;
	c->start_ns = b->start_ns;
	c->launched = b->launched;
	c->linked = b->linked;
	c->vm_hwm_bytes = -1;
	c->command = copy(b->command);
	c->exe = copy(b->exe);
	c->why_no_probe = copy(b->why_no_probe);
	pthread_mutex_init(&c->view_lock, NULL);
	collector_init_asks(&c->asks);
	sampler_init(&c->sampler, b->start_ns, run->every_ns, b->forked_from != NULL);
	c->sampler.snapshot_every_ns = run->snapshot_every_ns;
	return c;
}

static int start_thread(struct collector *c)
{
	pthread_attr_t attr;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 1 << 20);
	int error = pthread_create(&c->thread, &attr, collect, c);
	pthread_attr_destroy(&attr);
	return -error;
}

static void announce(struct collector *c, bool follows_pages)
{
	struct store_process p;
	if (c->control)
		probe_state_text(c->control, c->probe_state, sizeof c->probe_state);
	else
		strncpy(c->probe_state, c->why_no_probe, sizeof c->probe_state - 1);
	collector_describe(c, &p);
	if (follows_pages)
		store_update_process(c->run->store, &p);
	else
		store_add_process(c->run->store, &p);
}

int collector_start(struct collector_run *run, const struct collector_birth *birth, struct collector **ret_collector)
{
	struct collector *c = make(run, birth);
	if (!c || !c->command || !c->exe || !c->why_no_probe) {
		if (birth->memory >= 0)
			close(birth->memory);
		if (c)
			collector_unref(c);
		else if (birth->pidfd >= 0)
			close(birth->pidfd);
		return -ENOMEM;
	}
	int error = target_view_create(birth->pid, birth->memory, &c->view);
	if (error) {
		collector_unref(c);
		return error;
	}
	c->control = target_view_control(c->view);
	if (c->control) {
		tell_probe(c);
		collector_start_allocator(c);
	}
	if (birth->forked_from) {
		__atomic_add_fetch(&birth->forked_from->refs, 1, __ATOMIC_RELAXED);
		c->forked_from = birth->forked_from;
	}
	else if (c->control)
		collector_take_own_allocator(c); /* before the thread: a child may inherit it at once */
	announce(c, birth->follows_pages);
	error = start_thread(c);
	if (!error) {
		*ret_collector = c;
		return 0;
	}
	if (c->control) /* it asks about its modules: nobody will answer */
		__atomic_store_n(&c->control->detach, 1, __ATOMIC_RELEASE);
	collector_unref(c);
	return error;
}

void collector_tell(struct collector *c, enum collector_end why)
{
	uint32_t none = COLLECTOR_GOES_ON;
	__atomic_compare_exchange_n(&c->told, &none, (uint32_t)why, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
	ipc_wake(&c->told);
	collector_wake(c);
}

void collector_wake(struct collector *c)
{
	if (c->control)
		ipc_wake(&c->control->request_seq);
}

void collector_ref(struct collector *c)
{
	__atomic_add_fetch(&c->refs, 1, __ATOMIC_RELAXED);
}

void collector_set_wait(struct collector *c, const struct collector_wait *w)
{
	c->wait = *w;
	c->has_wait = true;
}

void collector_finish(struct collector *c)
{
	/* a wake may come between its look at `told` and its sleep; it sleeps 50 ms at most */
	pthread_join(c->thread, NULL);
	collector_unref(c);
}

pid_t collector_pid(const struct collector *c) { return c->pid; }
uint32_t collector_id(const struct collector *c) { return c->id; }
uint32_t collector_parent_id(const struct collector *c) { return c->parent_id; }
bool collector_has_probe(const struct collector *c) { return c->control != NULL; }
bool collector_is_launched(const struct collector *c) { return c->launched; }
const char *collector_command(const struct collector *c) { return c->command; }
const char *collector_exe(const struct collector *c) { return c->exe; }

bool collector_is_done(const struct collector *c)
{
	return __atomic_load_n(&c->done, __ATOMIC_ACQUIRE);
}

bool collector_lost_image(const struct collector *c)
{
	return __atomic_load_n(&c->lost_image, __ATOMIC_ACQUIRE);
}

bool collector_is_current(const struct collector *c)
{
	return collector_told(c) == COLLECTOR_GOES_ON && !collector_lost_image(c) && !collector_is_done(c);
}

void collector_run_init(struct collector_run *r, struct store *store, enum run_hold hold, uint64_t every_ns, int news)
{
	memset(r, 0, sizeof *r);
	r->store = store;
	r->hold = hold;
	r->every_ns = every_ns;
	r->news = news;
	pthread_mutex_init(&r->lock, NULL);
}
