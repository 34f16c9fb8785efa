/* SPDX-License-Identifier: MIT */
/*
 * plans.c - see plans.h. Files are told apart by device, inode, size and time. A plan that
 * a run has doubted stays in the cache with the hints, and the next run replaces it.
 */
#include "plans.h"

#include "own_allocator.h"
#include "plan_cache.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define TRIES_MAX 3u /* then a doubted plan is as good as it gets */

struct kept {
	struct kept *next;
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec changed;
	struct plans_answer answer;
	struct plan_cached cached;
	char *path;
};

struct names { const char *open_path, *path, *host; };

struct plans {
	struct plans_options options;
	char *probe_path;
	pthread_mutex_t lock; /* guards kept, and is held while an answer is worked out */
	struct kept *kept;
};

int plans_create(const struct plans_options *options, struct plans **ret_plans)
{
	struct plans *p = calloc(1, sizeof *p);
	if (!p)
		return -ENOMEM;
	p->options = *options;
	if (options->probe_path && !(p->probe_path = strdup(options->probe_path))) {
		free(p);
		return -ENOMEM;
	}
	pthread_mutex_init(&p->lock, NULL);
	*ret_plans = p;
	return 0;
}

void plans_destroy(struct plans *p)
{
	if (!p)
		return;
	for (struct kept *k = p->kept, *next; k; k = next) {
		next = k->next;
		free(k->path);
		free(k);
	}
	pthread_mutex_destroy(&p->lock);
	free(p->probe_path);
	free(p);
}

static struct kept *find(const struct plans *p, const struct stat *st)
{
	for (struct kept *k = p->kept; k; k = k->next)
		if (k->dev == st->st_dev && k->ino == st->st_ino && k->size == st->st_size &&
		    k->changed.tv_sec == st->st_mtim.tv_sec && k->changed.tv_nsec == st->st_mtim.tv_nsec)
			return k;
	return NULL;
}

static void set_empty(struct plan_cached *c, struct image *im)
{
	memset(&c->plan, 0, sizeof c->plan);
	c->plan.magic = WIRE_PLAN_MAGIC;
	c->plan.version = WIRE_PLAN_VERSION;
	c->plan.low = image_low(im);
	c->plan.high = image_high(im);
}

static void note_own(struct kept *k, const char *open_path)
{
	const char *own = own_allocator_find(open_path);
	snprintf(k->cached.own, sizeof k->cached.own, "%s", own ? own : "");
}

/* What one machine could not do is not kept for another day: only what was found, and that
 * a whole identification found nothing. */
static void identify(struct plans *p, struct image *im, const struct names *names, struct kept *k)
{
	const struct plan_doubt doubt = k->cached.doubt;
	const struct identify_options o = { .path = names->path, .host = names->host, .probe_path = p->probe_path, .mode = p->options.mode,
					    .hints = doubt.hints, .hint_count = doubt.hint_count };
	int error = -ENOENT;
	memset(&k->cached, 0, sizeof k->cached);
	k->cached.doubt.tries = doubt.tries + (doubt.is_doubted != 0);
	bool has_trace = identify_is_worth_it(names->open_path); /* what note_own() looks for is one, too */
	if (has_trace)
		error = identify_module(&o, &k->cached.plan, &k->answer.report);
	memcpy(k->cached.why, k->answer.report.why, sizeof k->cached.why);
	if (error)
		set_empty(&k->cached, im);
	if (error && has_trace)
		note_own(k, names->open_path);
	if (o.mode == IDENTIFY_ALL && (!error || error == -ENOENT))
		plan_cache_store(im, &k->cached);
	if (k->answer.report.forks && p->options.on_identified)
		p->options.on_identified(p->options.arg, names->path, &k->answer);
}

/* The cache has what a whole identification found; who wants symbols alone takes no more. */
static bool is_wanted(const struct plans *p, const struct plan_cached *c)
{
	for (uint32_t i = 0; p->options.mode != IDENTIFY_ALL && i < c->plan.entry_count; i++)
		if (c->plan.entries[i].found != WIRE_FOUND_SYMBOL)
			return false;
	return true;
}

static bool is_to_be_tried_again(const struct plan_doubt *d)
{
	return d->is_doubted && d->tries < TRIES_MAX;
}

/* A plan that is doubted is better than none. */
static void identify_again(struct plans *p, struct image *im, const struct names *names, struct kept *k)
{
	struct plan_cached *old = malloc(sizeof *old);
	if (!old)
		return;
	*old = k->cached;
	identify(p, im, names, k);
	k->answer.is_cached = !k->cached.plan.entry_count;
	if (k->answer.is_cached) {
		k->cached = *old;
		k->cached.doubt.tries++;
		plan_cache_store(im, &k->cached);
	}
	free(old);
}

static void work_out(struct plans *p, const struct names *names, struct kept *k)
{
	struct image *im;
	if (p->options.mode != IDENTIFY_OFF && p->probe_path && image_open(names->open_path, &im) == 0) {
		k->answer.is_cached = plan_cache_load(im, &k->cached) == 0 && is_wanted(p, &k->cached);
		if (!k->answer.is_cached) {
			k->cached.doubt = (struct plan_doubt){ 0 };
			identify(p, im, names, k);
		} else if (p->options.mode == IDENTIFY_ALL && is_to_be_tried_again(&k->cached.doubt)) {
			identify_again(p, im, names, k);
		}
		image_close(im);
	} else {
		note_own(k, names->open_path);
	}
	if (k->cached.plan.entry_count)
		k->answer.plan = &k->cached.plan;
	if (k->cached.own[0])
		k->answer.own = k->cached.own;
}

static const struct plans_answer *answer_for(struct plans *p, const struct names *names)
{
	struct stat st;
	if (stat(names->open_path, &st) != 0 || !S_ISREG(st.st_mode))
		return NULL;
	pthread_mutex_lock(&p->lock);
	struct kept *k = find(p, &st);
	if (!k && (k = calloc(1, sizeof *k))) {
		*k = (struct kept){ .next = p->kept, .dev = st.st_dev, .ino = st.st_ino, .size = st.st_size,
				    .changed = st.st_mtim, .answer.why = k->cached.why };
		work_out(p, names, k);
		k->path = strdup(names->path);
		p->kept = k;
	}
	pthread_mutex_unlock(&p->lock);
	return k ? &k->answer : NULL;
}

static bool is_by_behaviour(const struct wire_plan *plan)
{
	for (uint32_t i = 0; i < plan->entry_count; i++)
		if (plan->entries[i].found == WIRE_FOUND_BEHAVIOUR)
			return true;
	return false;
}

static void doubt(struct kept *k, const uint64_t *callers, size_t count)
{
	struct plan_doubt *d = &k->cached.doubt;
	struct image *im;
	if (d->is_doubted || d->tries >= TRIES_MAX || !is_by_behaviour(&k->cached.plan) ||
	    !k->path || image_open(k->path, &im) != 0)
		return;
	d->is_doubted = 1;
	d->hint_count = (uint32_t)(count < PLAN_HINTS_MAX ? count : PLAN_HINTS_MAX);
	if (d->hint_count)
		memcpy(d->hints, callers, d->hint_count * sizeof *d->hints);
	if (plan_fits_image(&k->cached.plan, im)) /* else another file has that name by now */
		plan_cache_store(im, &k->cached);
	image_close(im);
}

void plans_doubt(struct plans *p, const struct plans_answer *answer, const uint64_t *callers, size_t count)
{
	if (p->options.mode != IDENTIFY_ALL)
		return;
	pthread_mutex_lock(&p->lock);
	for (struct kept *k = p->kept; k; k = k->next)
		if (&k->answer == answer && answer->plan)
			doubt(k, callers, count);
	pthread_mutex_unlock(&p->lock);
}

const struct plans_answer *plans_for(struct plans *p, const char *open_path, const char *path)
{
	return answer_for(p, &(struct names){ open_path, path, NULL });
}

const struct plans_answer *plans_for_module(struct plans *p, const char *open_path, const char *path, const char *host)
{
	return answer_for(p, &(struct names){ open_path, path, host });
}
