/* SPDX-License-Identifier: MIT */
/*
 * target_view.h - the collector's eye on one process: its shadow (memfd) and
 * its pages (platform.h) joined into ledgers. One thread at a time per view.
 * Nothing here writes to the target but control words of wire.h that are the
 * collector's. Every value read from the memfd is checked: the peer is hostile.
 * Errors: 0 or -errno; outputs untouched on failure.
 */
#ifndef MEMWHY_TARGET_VIEW_H
#define MEMWHY_TARGET_VIEW_H

#include "snapshot.h"
#include "wire.h"
#include <sys/types.h>

struct target_view;

/* pid: in the collector's namespace. memfd: taken over (closed by destroy), or -1
 * for a process without a probe: then only page-level terms are had. */
int target_view_create(pid_t pid, int memfd, struct target_view **ret_view);
void target_view_destroy(struct target_view *v);

/* Never use a better source of page states than this one: for tests, and for comparing. */
void target_view_limit_source(struct target_view *v, enum page_source best);

/* The control block, mapped; NULL without a probe. Fields the probe writes may
 * change at any moment: read each once, with __atomic loads. */
struct wire_control *target_view_control(struct target_view *v);

/* The program has an allocator of its own that the probe does not follow: what the shadow
 * knows is libc's small part. From now on everything about blocks is absent; mappings that
 * the program made, its allocator's among them, stay known. Any thread. */
void target_view_set_foreign_heap(struct target_view *v);

/* Cheap (a few us): statm and the counters. -ESRCH when the process is gone. */
int target_view_sample(struct target_view *v, struct sample *ret_sample);
/* Counters alone; works after the process died. */
int target_view_counters(struct target_view *v, struct counters *ret_counters);

/* Takes new events off the ring, in order: applies MAP/UNMAP... to the view's own
 * interval map, and hands each to fn (may be NULL). Call before each snapshot and at
 * every sample (it is cheap when the ring is empty). Returns the number taken. */
typedef void target_event_fn(void *arg, const struct wire_event *e);
int target_view_drain(struct target_view *v, target_event_fn *fn, void *arg);

/* No thread is inside a realloc, where its block is in no word of the shadow. Held threads
 * get there in microseconds; cheap enough to ask a few times. True without a probe. */
bool target_view_is_settled(struct target_view *v);

/* A full snapshot: shadow scan (changed pages only, after the first), page scan,
 * ledger. The caller arranges hold (freeze, waiting thread, SIGSTOP) and says what it
 * was. The mappings are filled when want_mappings. *ret must be zeroed or finished.
 * The view drains the event ring by itself first (fn as in target_view_drain).
 * -EAGAIN: TRIGGER_RSS_GROWTH while the probe is still setting itself up; -ESRCH: gone. */
int target_view_snapshot(struct target_view *v, enum snapshot_trigger trigger,
			 enum snapshot_hold hold, bool want_mappings,
			 target_event_fn *fn, void *arg, struct snapshot *ret_snapshot);

/* The file that an address lies in, by the mappings of the last snapshot: its name, which lives
 * until the next one, and how far behind the file's first address it is. False: not known. */
bool target_view_find_module(const struct target_view *v, uint64_t address, const char **ret_name, uint64_t *ret_offset);

/* ---- call stacks (target_stacks.c) ---- */
struct stack_figures;
struct stack_names;
struct stack_view;
/* The trie of this image, the view's own; NULL: it has none. */
struct stack_view *target_view_stacks(struct target_view *v);
/* Right after a snapshot, with the target still held: sums of that moment by stack. figures:
 * fresh or cleared. -ENODATA: pages or blocks are not known. */
int target_view_scan_stacks(struct target_view *v, struct stack_figures *figures);
/* Finds the modules of new nodes, by the mappings of the last snapshot. */
int target_view_name_stacks(struct target_view *v, struct stack_names *names);

/* For a forked child whose shadow was copied: takes over parent's record of mappings. */
int target_view_inherit(struct target_view *child, const struct target_view *parent);

#endif
