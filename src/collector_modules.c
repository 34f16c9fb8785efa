/* SPDX-License-Identifier: MIT */
/*
 * collector_modules.c - answers the probe's "is there an allocator linked into one of these
 * modules?" (wire.h, struct wire_modules). The list is the target's: it is copied, bounded, and
 * each name is only ever opened for reading. One thread at a time works for a process; it looks
 * again before it ends, for the probe may have given up on a slow answer and asked anew.
 */
#include "collector_private.h"
#include "ipc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct wire_modules *list_of(const struct collector *c)
{
	return (struct wire_modules *)(void *)((char *)c->control + WIRE_OFF_MODULES);
}

/* Names are those of the process' own file system and folder. */
static const struct plans_answer *ask_plans(const struct collector *c, const char *name)
{
	char open_path[4200], *path;
	const struct plans_answer *a = NULL;
	int n = snprintf(open_path, sizeof open_path, "/proc/%d/%s/%s", (int)c->pid, *name == '/' ? "root" : "cwd", name);
	if (n < 0 || (size_t)n >= sizeof open_path)
		return NULL;
	path = realpath(open_path, NULL); /* as this process would name it */
	if (path)
		a = plans_for_module(c->run->plans, path, path, c->exe);
	free(path);
	return a;
}

/* Texts of gperftools' settings are in programs that only use it. */
static bool has_unplanned(const struct plans_answer *a)
{
	return a->own && strcmp(a->own, "tcmalloc");
}

static void note_unplanned(struct collector *c, const struct plans_answer *a, const char *name)
{
	if (__atomic_load_n(&c->modules.unplanned, __ATOMIC_ACQUIRE))
		return;
	size_t n = strnlen(name, sizeof c->modules.unplanned_path - 1);
	memcpy(c->modules.unplanned_path, name, n); /* the rest is 0 */
	__atomic_store_n(&c->modules.unplanned, a, __ATOMIC_RELEASE);
}

/* The first that has a plan, from 1 on; 0: none. */
static uint32_t find_plan(struct collector *c, const struct wire_modules *list, const struct wire_plan **ret_plan)
{
	const char *at = list->text, *end = at + list->bytes;
	for (uint32_t i = 0; i < list->count && at < end && memchr(at, 0, (size_t)(end - at)); i++) {
		const struct plans_answer *a = ask_plans(c, at);
		if (a && a->plan) {
			*ret_plan = a->plan;
			return i + 1;
		}
		if (a && has_unplanned(a))
			note_unplanned(c, a, at);
		at += strlen(at) + 1;
	}
	return 0;
}

/* An answer that comes too late must not touch the next one's plan. */
static void reply(struct collector *c, uint32_t seq, uint32_t found, const struct wire_plan *plan)
{
	if (collector_load(&c->control->module_seq) != seq)
		return;
	if (found)
		memcpy((char *)c->control + WIRE_OFF_PLAN, plan, sizeof *plan);
	__atomic_store_n(&c->control->module_answer, found, __ATOMIC_RELAXED);
	__atomic_store_n(&c->control->module_done, seq, __ATOMIC_RELEASE);
	ipc_wake(&c->control->module_done);
}

static void answer(struct collector *c, uint32_t seq)
{
	const struct wire_plan *plan = NULL;
	struct wire_modules *list = malloc(sizeof *list);
	uint32_t found = 0;
	if (list) {
		memcpy(list, list_of(c), sizeof *list);
		if (list->bytes <= sizeof list->text && c->run->plans)
			found = find_plan(c, list, &plan);
	}
	free(list);
	reply(c, seq, found, plan);
}

static void *work(void *arg)
{
	struct collector *c = arg;
	uint32_t seq;
	do {
		seq = collector_load(&c->control->module_seq);
		answer(c, seq);
		__atomic_store_n(&c->modules.busy, 0, __ATOMIC_SEQ_CST);
	} while (collector_load(&c->control->module_seq) != seq &&
		 __atomic_exchange_n(&c->modules.busy, 1, __ATOMIC_SEQ_CST) == 0);
	return NULL;
}

void collector_answer_modules(struct collector *c)
{
	pthread_attr_t attr;
	if (__atomic_exchange_n(&c->modules.busy, 1, __ATOMIC_SEQ_CST))
		return;
	collector_finish_modules(c);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 1 << 20);
	c->modules.started = pthread_create(&c->modules.thread, &attr, work, c) == 0;
	pthread_attr_destroy(&attr);
	if (c->modules.started)
		return;
	reply(c, collector_load(&c->control->module_seq), 0, NULL);
	__atomic_store_n(&c->modules.busy, 0, __ATOMIC_SEQ_CST);
}

void collector_finish_modules(struct collector *c)
{
	if (c->modules.started)
		pthread_join(c->modules.thread, NULL);
	c->modules.started = false;
}
