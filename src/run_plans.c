/* SPDX-License-Identifier: MIT */
/* run_plans.c - see run_plans.h. */
#include "run_plans.h"

#include "util/text.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct run_plans {
	struct plans *plans;
	bool quiet;
	pthread_mutex_t lock; /* guards what follows */
	bool launched;
	unsigned kept;
	uint64_t kept_ns;
	char name[64]; /* of the first that was kept */
};

static void tell(void *arg, const char *path, const struct plans_answer *a)
{
	struct run_plans *p = arg;
	pthread_mutex_lock(&p->lock);
	if (p->launched) {
		if (!p->kept++)
			snprintf(p->name, sizeof p->name, "%s", text_base_name(path));
		p->kept_ns += a->report.wall_ns;
	} else if (!p->quiet) {
		fprintf(stderr, "memwhy: looked for the allocator in %s: %.1f s, once for this build\n",
			text_base_name(path), (double)a->report.wall_ns / 1e9);
	}
	pthread_mutex_unlock(&p->lock);
}

int run_plans_create(enum identify_mode mode, const char *probe_path, bool quiet, struct run_plans **ret_plans)
{
	struct run_plans *p = calloc(1, sizeof *p);
	if (!p)
		return -ENOMEM;
	p->quiet = quiet;
	pthread_mutex_init(&p->lock, NULL);
	const struct plans_options o = { .mode = mode, .probe_path = probe_path, .on_identified = tell, .arg = p };
	int error = plans_create(&o, &p->plans);
	if (error)
		free(p);
	else
		*ret_plans = p;
	return error;
}

struct plans *run_plans_get(struct run_plans *p)
{
	return p->plans;
}

void run_plans_launched(struct run_plans *p)
{
	pthread_mutex_lock(&p->lock);
	p->launched = true;
	pthread_mutex_unlock(&p->lock);
}

void run_plans_say(struct run_plans *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	double seconds = (double)p->kept_ns / 1e9;
	if (p->kept == 1 && !p->quiet)
		fprintf(stderr, "memwhy: looked for the allocator in %s meanwhile: %.1f s, once for this build\n", p->name, seconds);
	else if (p->kept && !p->quiet)
		fprintf(stderr, "memwhy: looked for the allocators of %u programs meanwhile: %.1f s, once for these builds\n",
			p->kept, seconds);
	p->kept = 0;
	p->kept_ns = 0;
	pthread_mutex_unlock(&p->lock);
}

void run_plans_destroy(struct run_plans *p)
{
	if (!p)
		return;
	run_plans_say(p);
	plans_destroy(p->plans);
	pthread_mutex_destroy(&p->lock);
	free(p);
}
