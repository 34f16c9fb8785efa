/* SPDX-License-Identifier: MIT */
/*
 * What the collector tells the store of a process image: who it is, how its probe does,
 * its events, its end.
 */
#include "collector_private.h"
#include "ipc.h"
#include "platform.h"
#include "probe_state.h"

#include <stdio.h>
#include <string.h>

#define BIG_EVENT_BYTES  (1u << 20)   /* smaller mappings are no news */
#define EVENTS_STORED    4096u        /* of one kind and process */
#define LAST_LOOK_NS     20000000ull  /* what a last look at a running process may cost */

static bool has_linked_heap(const struct wire_heap heaps[WIRE_HEAPS])
{
	for (int i = 1; i < WIRE_HEAPS; i++)
		if (heaps[i].state == WIRE_HEAP_FOLLOWED || heaps[i].state == WIRE_HEAP_NOT_PATCHED)
			return true;
	return false;
}

/* ---- what the store is told ----------------------------------------------------- */

void collector_describe(const struct collector *c, struct store_process *ret)
{
	*ret = (struct store_process){
		.id = c->id, .parent_id = c->parent_id, .pid = c->pid, .start_ns = c->start_ns,
		.command = c->command, .exe = c->exe, .probe_state = c->probe_state,
	};
	memcpy(ret->heaps, c->heaps, sizeof ret->heaps);
}

static const char *module_name(const struct collector *c)
{
	const char *slash = strrchr(c->own_path, '/');
	return !*c->own_path ? "the executable" : slash ? slash + 1 : c->own_path;
}

/* An allocator that is linked in is out of the preloaded hooks' sight. */
static void write_probe_state(const struct collector *c, char *ret_text, size_t size)
{
	const char *own = __atomic_load_n(&c->own_allocator, __ATOMIC_ACQUIRE);
	const char *why = c->linked_why ? c->linked_why : c->linked && !*c->own_path ? c->linked->why : "";
	if (own)
		snprintf(ret_text, size, "its own allocator (%s, linked into %.40s) is not followed%s%s", own,
			 module_name(c), *why ? ": " : "", why);
	else
		probe_state_text(c->control, ret_text, size);
}

/* One that the probe knows nothing of still has its line. */
static void add_own_heap(const struct collector *c, struct wire_heap heaps[WIRE_HEAPS])
{
	const char *own = __atomic_load_n(&c->own_allocator, __ATOMIC_ACQUIRE);
	struct wire_heap *h = &heaps[WIRE_HEAPS - 1];
	if (!own || (has_linked_heap(heaps) && !*c->own_path))
		return;
	memset(h, 0, sizeof *h);
	snprintf(h->name, sizeof h->name, "%s", own);
	snprintf(h->path, sizeof h->path, "%s", *c->own_path ? c->own_path : c->exe);
	h->state = WIRE_HEAP_NOT_PATCHED;
}

/* ---- an allocator that is linked in ----------------------------------------------- */

static void set_own_allocator(struct collector *c, const char *own)
{
	if (!own)
		return;
	__atomic_store_n(&c->own_allocator, own, __ATOMIC_RELEASE);
	target_view_set_foreign_heap(c->view);
}

void collector_inherit_own_allocator(struct collector *c, const struct collector *parent)
{
	memcpy(c->own_path, parent->own_path, sizeof c->own_path);
	set_own_allocator(c, __atomic_load_n(&parent->own_allocator, __ATOMIC_ACQUIRE));
	c->linked_why = parent->linked_why;
}

/* One that is not to be followed is known before the first look. */
void collector_take_own_allocator(struct collector *c)
{
	if (c->linked && !c->linked->plan)
		set_own_allocator(c, c->linked->own);
}

/* The name of the heap's module, where that isn't the executable. */
static void take_path(struct collector *c, const struct wire_heap *h)
{
	char path[sizeof h->path];
	memcpy(path, h->path, sizeof path);
	path[sizeof path - 1] = 0;
	if (strcmp(path, c->exe) != 0)
		memcpy(c->own_path, path, sizeof path);
}

static void judge_heap(struct collector *c, const struct wire_heap *h)
{
	uint8_t patch = __atomic_load_n(&h->patch, __ATOMIC_RELAXED);
	/* PATCH_DONE: it is being patched this moment */
	if (__atomic_load_n(&h->state, __ATOMIC_ACQUIRE) != WIRE_HEAP_NOT_PATCHED || patch == PATCH_DONE)
		return;
	c->linked_why = probe_state_patch_text(patch);
	take_path(c, h);
	set_own_allocator(c, probe_state_family_name(__atomic_load_n(&h->family, __ATOMIC_RELAXED)));
}

/* What became of the plans, as soon as the probe has said so; modules come at any time. */
void collector_judge_linked(struct collector *c)
{
	if (!c->control || c->own_allocator || collector_load(&c->control->state) == WIRE_STATE_NEW)
		return;
	for (int i = 1; i < WIRE_HEAPS && !c->own_allocator; i++)
		judge_heap(c, &c->control->heaps[i]);
	if (!c->own_allocator && __atomic_load_n(&c->control->modules_left_out, __ATOMIC_RELAXED)) {
		snprintf(c->own_path, sizeof c->own_path, "modules that could not be followed");
		set_own_allocator(c, "others");
	}
	const struct plans_answer *unplanned = __atomic_load_n(&c->modules.unplanned, __ATOMIC_ACQUIRE);
	if (c->own_allocator || !unplanned)
		return;
	c->linked_why = unplanned->why;
	memcpy(c->own_path, c->modules.unplanned_path, sizeof c->own_path);
	set_own_allocator(c, unplanned->own);
}

/* Tells the store when the probe's state or its heaps changed. */
void collector_update_description(struct collector *c)
{
	struct wire_heap heaps[WIRE_HEAPS];
	char state[sizeof c->probe_state];
	struct store_process p;
	if (!c->control)
		return;
	collector_judge_linked(c);
	write_probe_state(c, state, sizeof state);
	probe_state_heaps(c->control, heaps);
	add_own_heap(c, heaps);
	if (!strcmp(state, c->probe_state) && !memcmp(heaps, c->heaps, sizeof heaps))
		return;
	memcpy(c->probe_state, state, sizeof state);
	memcpy(c->heaps, heaps, sizeof heaps);
	collector_describe(c, &p);
	store_update_process(c->run->store, &p);
}

static const char *const event_names[WIRE_EVENT_KINDS] = {
	[WIRE_EVENT_MAP] = "map", [WIRE_EVENT_UNMAP] = "unmap", [WIRE_EVENT_DONTNEED] = "dontneed",
	[WIRE_EVENT_MADV_FREE] = "madv_free", [WIRE_EVENT_DLOPEN] = "dlopen",
	[WIRE_EVENT_THREAD] = "thread", [WIRE_EVENT_FORK] = "fork", [WIRE_EVENT_EXEC] = "exec",
};

void collector_on_event(void *arg, const struct wire_event *e)
{
	struct collector *c = arg;
	if (e->kind >= WIRE_EVENT_KINDS || !event_names[e->kind])
		return;
	if (e->kind <= WIRE_EVENT_MADV_FREE && e->length < BIG_EVENT_BYTES)
		return;
	if (c->events_stored[e->kind]++ < EVENTS_STORED)
		store_add_event(c->run->store, c->id, e->time_ns, event_names[e->kind], e->address,
				e->length, e->arg, NULL);
}

void collector_store_samples(struct collector *c, const struct sample *samples, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		store_add_sample(c->run->store, c->id, &samples[i]);
}

/* ---- the end of an image ---------------------------------------------------------- */

static void set_status(struct store_process_end *e, int status)
{
	bool by_signal = (status & 0x7f) != 0;
	e->how = by_signal ? STORE_END_SIGNAL : STORE_END_EXIT;
	e->status = by_signal ? status & 0x7f : status >> 8 & 0xff;
}

static void set_how(const struct collector *c, struct store_process_end *e)
{
	int status;
	if (collector_told(c) == COLLECTOR_REPLACED || c->lost_image)
		e->how = STORE_END_EXEC;
	else if (c->has_wait)
		set_status(e, c->wait.status);
	else if (c->let_go || !collector_process_ended(c))
		e->how = STORE_END_RUNNING; /* what it does once it is let go is not seen */
	else if (ipc_exit_status(c->pidfd, c->pid, &status) == 0)
		set_status(e, status);
	else
		e->how = STORE_END_UNKNOWN;
}

static void record_end(struct collector *c)
{
	struct store_process_end e = {
		.id = c->id, .end_ns = platform_now_ns(), .vm_hwm_bytes = c->vm_hwm_bytes,
		.rss_peak_bytes = c->rss_peak_bytes, .ru_maxrss_bytes = -1, .user_ns = -1,
		.system_ns = -1, .minor_faults = -1, .major_faults = -1,
	};
	set_how(c, &e);
	if (c->has_wait && e.how != STORE_END_EXEC) {
		e.ru_maxrss_bytes = c->wait.ru_maxrss_bytes;
		e.user_ns = c->wait.user_ns;
		e.system_ns = c->wait.system_ns;
		e.minor_faults = c->wait.minor_faults;
		e.major_faults = c->wait.major_faults;
	}
	target_view_counters(c->view, &c->counters);
	e.counters = c->counters;
	memcpy(e.probe_state, c->probe_state, sizeof e.probe_state);
	memcpy(e.heaps, c->heaps, sizeof e.heaps);
	store_end_process(c->run->store, &e);
	collector_take_unknowns(c);
}

/* The run is over and the process is not: it is left alone from now on. */
static void let_go(struct collector *c)
{
	if (collector_process_ended(c) || c->has_wait)
		return;
	if (c->sampler.expected_ns <= LAST_LOOK_NS && collector_look(c) == 0)
		collector_snap(c, TRIGGER_LAST, false);
	c->let_go = !collector_process_ended(c);
	if (!c->control)
		return;
	__atomic_store_n(&c->control->purge_at_exit, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&c->control->detach, 1, __ATOMIC_RELEASE);
	collector_answer(c, collector_load(&c->control->request_seq));
}

void collector_finish_image(struct collector *c)
{
	struct sample kept[2];
	target_view_drain(c->view, collector_on_event, c);
	if (collector_told(c) == COLLECTOR_STOPPED)
		let_go(c);
	collector_update_description(c);
	if (c->control)
		collector_finish_allocators(c);
	collector_store_samples(c, kept, sampler_flush(&c->sampler, kept));
	collector_put_in_sum(c, 0, platform_now_ns());
	collector_finish_stacks(c);
	if (collector_told(c) != COLLECTOR_SUPERSEDED)
		record_end(c);
}
