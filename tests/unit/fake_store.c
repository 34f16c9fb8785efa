/* SPDX-License-Identifier: MIT */
/* See fake_store.h. */
#include "fake_store.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

struct fake_process fake_processes[FAKE_STORE_MAX];
unsigned fake_process_count;
char fake_store_mark[2048];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct fake_process *find(uint32_t id)
{
	for (unsigned i = 0; i < fake_process_count; i++)
		if (fake_processes[i].id == id)
			return &fake_processes[i];
	return NULL;
}

void fake_store_clear(void)
{
	pthread_mutex_lock(&lock);
	fake_process_count = 0;
	memset(fake_processes, 0, sizeof fake_processes);
	pthread_mutex_unlock(&lock);
}

static struct fake_process *await(uint32_t id, bool end)
{
	const struct timespec pause = { 0, 2000000 };
	for (int i = 0; i < 1000; i++) {
		pthread_mutex_lock(&lock);
		struct fake_process *p = find(id);
		bool there = p && (p->ended || !end);
		pthread_mutex_unlock(&lock);
		if (there)
			return p;
		nanosleep(&pause, NULL);
	}
	return NULL;
}

struct fake_process *fake_store_await(uint32_t id)
{
	return await(id, false);
}

struct fake_process *fake_store_await_end(uint32_t id)
{
	return await(id, true);
}

unsigned fake_store_count(const struct fake_process *p, enum snapshot_trigger trigger)
{
	unsigned n = 0;
	pthread_mutex_lock(&lock);
	for (unsigned i = 0; i < p->snapshots; i++)
		n += p->triggers[i] == trigger;
	pthread_mutex_unlock(&lock);
	return n;
}

static void describe(struct fake_process *to, const struct store_process *p)
{
	to->id = p->id;
	to->parent_id = p->parent_id;
	to->pid = p->pid;
	snprintf(to->command, sizeof to->command, "%s", p->command);
	snprintf(to->probe_state, sizeof to->probe_state, "%s", p->probe_state);
}

void store_add_process(struct store *s, const struct store_process *p)
{
	pthread_mutex_lock(&lock);
	if (fake_process_count < FAKE_STORE_MAX)
		describe(&fake_processes[fake_process_count++], p);
	pthread_mutex_unlock(&lock);
}

void store_update_process(struct store *s, const struct store_process *p)
{
	pthread_mutex_lock(&lock);
	struct fake_process *to = find(p->id);
	if (to) {
		describe(to, p);
		to->updates++;
	}
	pthread_mutex_unlock(&lock);
}

void store_add_sample(struct store *s, uint32_t process_id, const struct sample *sample)
{
	pthread_mutex_lock(&lock);
	struct fake_process *p = find(process_id);
	if (p)
		p->samples++;
	pthread_mutex_unlock(&lock);
}

void store_add_snapshot(struct store *s, uint32_t process_id, const struct snapshot *snap)
{
	pthread_mutex_lock(&lock);
	struct fake_process *p = find(process_id);
	if (p && p->snapshots < FAKE_STORE_MAX) {
		p->triggers[p->snapshots] = snap->trigger;
		p->holds[p->snapshots++] = snap->hold;
	}
	pthread_mutex_unlock(&lock);
}

void store_add_event(struct store *s, uint32_t process_id, uint64_t time_ns, const char *kind,
		     uint64_t address, uint64_t length, uint64_t arg, const char *text)
{
	if (strcmp(kind, "mark") != 0)
		return;
	pthread_mutex_lock(&lock);
	snprintf(fake_store_mark, sizeof fake_store_mark, "%s", text);
	pthread_mutex_unlock(&lock);
}

void store_add_unknown(struct store *s, uint32_t process_id, const char *module, uint64_t offset,
		       const char *kind, uint64_t count)
{
}

void store_add_rows(struct store *s, uint32_t process_id, enum store_table table,
		    const struct store_cell *cells, size_t row_count)
{
}

bool store_has_room(struct store *s, size_t bytes)
{
	return true;
}

void store_end_process(struct store *s, const struct store_process_end *e)
{
	pthread_mutex_lock(&lock);
	struct fake_process *p = find(e->id);
	if (p) {
		p->ended = true;
		p->how = e->how;
		p->status = e->status;
		p->ru_maxrss_bytes = e->ru_maxrss_bytes;
		snprintf(p->probe_state, sizeof p->probe_state, "%s", e->probe_state);
	}
	pthread_mutex_unlock(&lock);
}
