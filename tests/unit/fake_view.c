/* SPDX-License-Identifier: MIT */
/*
 * A target_view without pages: rss is what the fake probe wrote into pre_probe_live_bytes
 * (no real probe lives there), live is live_bytes. Enough for the collector's decisions.
 */
#include "fake_view.h"
#include "target_view.h"
#include "platform.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct target_view { pid_t pid; struct wire_control *control; };

int target_view_create(pid_t pid, int memfd, struct target_view **ret_view)
{
	struct target_view *v = calloc(1, sizeof *v);
	if (!v)
		return -ENOMEM;
	v->pid = pid;
	if (memfd >= 0) {
		void *at = mmap(NULL, WIRE_HEAD_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
		close(memfd);
		v->control = at == MAP_FAILED ? NULL : at;
	}
	*ret_view = v;
	return 0;
}

void target_view_destroy(struct target_view *v)
{
	if (v->control)
		munmap(v->control, WIRE_HEAD_BYTES);
	free(v);
}

struct wire_control *target_view_control(struct target_view *v)
{
	return v->control;
}

int target_view_counters(struct target_view *v, struct counters *ret_counters)
{
	memset(ret_counters, 0, sizeof *ret_counters);
	if (v->control)
		ret_counters->live_bytes = __atomic_load_n(&v->control->live_bytes, __ATOMIC_RELAXED);
	return 0;
}

int target_view_sample(struct target_view *v, struct sample *ret_sample)
{
	if (kill(v->pid, 0) != 0)
		return -ESRCH;
	ret_sample->time_ns = platform_now_ns();
	ret_sample->rss_bytes = v->control ? (int64_t)__atomic_load_n(&v->control->pre_probe_live_bytes, __ATOMIC_RELAXED) : 1 << 20;
	return target_view_counters(v, &ret_sample->counters);
}

int target_view_drain(struct target_view *v, target_event_fn *fn, void *arg)
{
	return 0;
}

int target_view_snapshot(struct target_view *v, enum snapshot_trigger trigger,
			 enum snapshot_hold hold, bool want_mappings,
			 target_event_fn *fn, void *arg, struct snapshot *ret_snapshot)
{
	struct sample s;
	int error = target_view_sample(v, &s);
	if (error)
		return error;
	memset(ret_snapshot, 0, sizeof *ret_snapshot);
	ret_snapshot->time_ns = s.time_ns;
	ret_snapshot->trigger = trigger;
	ret_snapshot->hold = hold;
	ret_snapshot->ledger.bytes[LEDGER_T_rss] = s.rss_bytes;
	ret_snapshot->counters = s.counters;
	ret_snapshot->vm_hwm_bytes = -1;
	return 0;
}

int target_view_inherit(struct target_view *child, const struct target_view *parent)
{
	return 0;
}

struct stack_view *target_view_stacks(struct target_view *v)
{
	return NULL;
}

int target_view_scan_stacks(struct target_view *v, struct stack_figures *figures)
{
	return -ENODATA;
}

int target_view_name_stacks(struct target_view *v, struct stack_names *names)
{
	return -ENODATA;
}

bool target_view_is_settled(struct target_view *v)
{
	return true;
}

bool fake_view_is_foreign;

void target_view_set_foreign_heap(struct target_view *v)
{
	fake_view_is_foreign = true;
}

const struct plans_answer *fake_plans_answer;

const struct plans_answer *plans_for(struct plans *p, const char *open_path, const char *path)
{
	return fake_plans_answer;
}

void plans_doubt(struct plans *p, const struct plans_answer *answer, const uint64_t *callers, size_t count)
{
}

bool target_view_find_module(const struct target_view *v, uint64_t address, const char **ret_name, uint64_t *ret_offset)
{
	return false;
}

const struct plans_answer *plans_for_module(struct plans *p, const char *open_path, const char *path, const char *host)
{
	return fake_plans_answer;
}
