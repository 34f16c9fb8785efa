/* SPDX-License-Identifier: MIT */
/*
 * collector_private.h - what the files of the collector share: collector.c (thread, requests,
 * life), collector_look.c (samples, snapshots), collector_news.c (what the store is told),
 * collector_modules.c (plans of loaded modules), collector_allocator.c (what allocators say),
 * collector_ask.c (wishes of memwhy ctl).
 */
#ifndef MEMWHY_COLLECTOR_PRIVATE_H
#define MEMWHY_COLLECTOR_PRIVATE_H

#include "collector.h"
#include "sampler.h"
#include "target_view.h"

#include <poll.h>

/* collector_ask.c. `state` and `closed` are guarded by lock; the rest belongs to whoever the
 * state says: the asker when FREE or DONE, else the collector's thread. */
enum collector_ask_state { ASK_FREE, ASK_POSTED, ASK_AT_WORK, ASK_DONE };
struct collector_mailbox {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	enum collector_ask_state state;
	bool closed;                       /* the image has ended */
	bool left;                         /* guarded by lock: the asker did not wait for the end */
	enum collector_ask what;
	char text[COLLECTOR_TEXT_BYTES];
	int result;
	struct collector_answer answer;
	uint32_t purges_before, marks;
	uint64_t since_ns, taken_ns, made_ns; /* of a purge: asked for, errand gone, counted */
};

/* What the allocators were asked and have answered; collector_allocator.c. */
struct collector_allocator {
	uint64_t next_ns;                  /* the timer's next reading */
	uint64_t spent_ns, expected_ns;    /* what readings cost the target: all so far, the next one */
	uint64_t read_ns;                  /* the last one: when, and rss then */
	int64_t read_rss_bytes;
	uint64_t rows;                     /* of figures, in the recording */
	unsigned granted;                  /* heaps, by bits, whose reading was asked for and has not come */
	struct { uint32_t seq, result; uint64_t not_safe; bool settings; } heaps[WIRE_HEAPS];
	uint32_t purge_reason;             /* enum purge_reason: of the one that may come */
	uint32_t purges_seen;
	struct { uint64_t time_ns; int64_t net_bytes; } before; /* the snapshot before a purge; time_ns 0: none */
};

struct collector {
	struct collector_run *run;
	uint32_t id, parent_id, refs;      /* refs: atomic */
	pid_t pid;
	int pidfd;
	uint64_t start_ns;
	bool launched;
	char *command, *exe, *why_no_probe;
	pthread_t thread;
	const char *own_allocator;         /* atomic; linked in somewhere, not followed; NULL: none seen */
	char own_path[sizeof ((struct wire_heap *)0)->path]; /* the module that it is in; "": the executable */
	const struct plans_answer *linked; /* what identification said, or NULL */
	bool described;                    /* the store knows what the probe said of itself */
	const char *linked_why;            /* why it is not followed though it was found, or NULL */
	bool is_fork;                      /* of an image that was followed: it has the same allocators */
	struct {
		pthread_t thread;
		bool started;                  /* it is to be joined */
		uint32_t busy;                 /* atomic: it will look at the list once more */
		const struct plans_answer *unplanned; /* atomic: of a module whose allocator has no plan */
		char unplanned_path[sizeof ((struct wire_heap *)0)->path]; /* written before it */
	} modules;
	uint32_t told;                     /* atomic, enum collector_end */
	uint32_t done, lost_image;         /* atomic */
	struct collector *forked_from;     /* until the thread has inherited */
	pthread_mutex_t view_lock;         /* held while the view is used; children inherit from it */
	struct target_view *view;          /* guarded by view_lock */
	struct wire_control *control;      /* NULL without a probe */
	bool let_go;                       /* it outlives the run */
	struct collector_mailbox asks;
	bool has_wait;
	struct collector_wait wait;        /* set before COLLECTOR_STOPPED is told */
	/* the thread's own */
	struct sampler sampler;
	struct counters counters;
	int64_t rss_bytes, rss_peak_bytes, vm_hwm_bytes, in_sum_bytes;
	int64_t past_live_bytes;           /* the maximum that was asked for last; it is over */
	int64_t probe_permille;            /* memwhy's share of rss, at the last snapshot */
	uint64_t image_mark, execing_ns;
	uint32_t served;                   /* the request that is being answered, or was last */
	struct collector_stacks *stacks;   /* NULL: not begun, or the image has none */
	bool stacks_begun;
	struct collector_allocator allocator;
	struct { uint64_t time_ns; int64_t net_bytes; } snapped; /* the last snapshot; net of the probe */
	uint32_t events_stored[WIRE_EVENT_KINDS];
	struct wire_heap heaps[WIRE_HEAPS];
	char probe_state[STORE_PROBE_STATE_BYTES];
};

static inline enum collector_end collector_told(const struct collector *c)
{
	return (enum collector_end)__atomic_load_n(&c->told, __ATOMIC_ACQUIRE);
}

static inline uint32_t collector_load(const uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static inline bool collector_process_ended(const struct collector *c)
{
	struct pollfd p = { c->pidfd, POLLIN, 0 };
	return c->pidfd >= 0 && poll(&p, 1, 0) == 1;
}

/* ---- collector_look.c ---- */
/* Takes a sample. -errno when there is nothing to see (any more). */
int collector_look(struct collector *c);
/* Takes a snapshot. asked: a thread of the target waits for the answer. */
int collector_snap(struct collector *c, int trigger, bool asked);
/* Holds the target's threads at their next hook, or lets them go. */
void collector_set_freeze(struct collector *c, uint32_t on);
/* Lets them go, unless another thread has asked meanwhile: its moment would be gone before
 * it is looked at. Its own answer lets them go, and they wait for a bounded time anyway. */
void collector_thaw(struct collector *c);
/* Its share of the tree's summed rss, net of memwhy's own; 0 when it has ended. */
void collector_put_in_sum(struct collector *c, int64_t rss_bytes, uint64_t now_ns);

/* ---- collector_news.c ---- */
void collector_describe(const struct collector *c, struct store_process *ret);
/* Tells the store when the probe's state or its heaps changed. */
void collector_update_description(struct collector *c);
void collector_take_own_allocator(struct collector *c);
/* A forked child has what its parent has. */
void collector_inherit_own_allocator(struct collector *c, const struct collector *parent);
/* Before anything is made of the shadow: is the executable's own allocator followed? */
void collector_judge_linked(struct collector *c);
/* A target_event_fn. */
void collector_on_event(void *arg, const struct wire_event *e);
void collector_store_samples(struct collector *c, const struct sample *samples, unsigned count);
/* The image's last look and its end record. */
void collector_finish_image(struct collector *c);

/* ---- collector_stacks.c ---- */
/* Whether the snapshot that is about to be taken for this trigger is to be summed by stack. */
bool collector_want_stacks(struct collector *c, int trigger);
/* With the target held, right after its snapshot. */
void collector_scan_stacks(struct collector *c);
/* After the snapshot was stored and the target was let go: what the scan found, if there was
 * one, and the modules of the moment. */
void collector_store_stacks(struct collector *c, const struct snapshot *s);
/* At an image's end: the rest of it, and the totals. */
void collector_finish_stacks(struct collector *c);

/* ---- collector_unknown.c ---- */
/* At an image's end, with its last counters and heaps. */
void collector_take_unknowns(struct collector *c);

/* ---- collector_modules.c ---- */
/* The probe has put a list of modules into the memory: answers from a thread of its own, for
 * it may take seconds, and the target's other requests don't wait for it. */
void collector_answer_modules(struct collector *c);
void collector_finish_modules(struct collector *c);

/* ---- collector_ask.c ---- */
void collector_init_asks(struct collector_mailbox *m);
void collector_finish_asks(struct collector_mailbox *m);
/* Does what was asked for, or looks how far it is. */
void collector_serve_asks(struct collector *c);
/* A snapshot was taken; it may be what is waited for. */
void collector_note_asked(struct collector *c, const struct snapshot *s);
/* Whoever waits is told that the image has ended, and nobody is served any more. */
void collector_close_asks(struct collector *c);

/* ---- collector_readings.c ---- */
/* Stores the readings that are new; what they cost the target, 0: there are none. */
uint64_t collector_read_allocators(struct collector *c);
/* A thread of the target is at it. Asked once more it would begin the next one before this
 * one's cost was seen, and so on: a program that had freed half a million blocks was walked
 * through for seconds. */
bool collector_is_read_now(const struct collector *c);
/* At an image's end: what was asked for and could not be had. */
void collector_store_unread(struct collector *c);
/* Its name in a recording; of any number. */
const char *collector_reading_result(uint32_t result);

/* ---- collector_allocator.c ---- */
/* Before the target runs: whether it purges at its exit. */
void collector_start_allocator(struct collector *c);
/* At each look: takes the readings that have come, and asks for the next one if it is due
 * and within the budget. */
void collector_look_at_allocators(struct collector *c);
/* A request was served, by a snapshot if it was worth one: what came with it. */
void collector_note_served(struct collector *c, uint32_t kinds);
/* The process shall purge its allocators at its next safe point; a row of the recording says
 * what came of it. */
void collector_begin_purge(struct collector *c);
/* Again while it waits: a snapshot, or a thread that may not, ends the call to look at errands. */
void collector_call_for_purge(struct collector *c);
/* True when no thread has taken it: it will not be made any more. */
bool collector_drop_purge(struct collector *c);
/* Without the requests of a purge that nobody wanted. */
uint32_t collector_expected_kinds(const struct collector *c, uint32_t kinds);
/* At an image's end: what is left to be said, also of a purge that was not made. */
void collector_finish_allocators(struct collector *c);

/* ---- collector.c ---- */
/* Ends its sleep. */
void collector_wake(struct collector *c);
void collector_answer(struct collector *c, uint32_t seq);

#endif
