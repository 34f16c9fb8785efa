/* SPDX-License-Identifier: MIT */
/*
 * Who knocks: a probe's hello is answered with memory for its map and a plan for its own
 * allocator, or refused. A hello from a pid that is in the table already is an exec in place:
 * the old image has ended. If that one was a stopgap (pages only, for want of a hello), its
 * record goes on.
 */
#include "session_private.h"

#include "plans.h"
#include "platform.h"
#include "sampler.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PENDING_NS        2000000000ull  /* a connection without a hello */

int session_create_memory(const struct session *s)
{
	int memory = ipc_create_memory(SAMPLER_LIVE_MIN_BYTES);
	const struct run_stacks *stacks = &s->options.stacks;
	int error = memory < 0 || stacks->mode == WIRE_STACKS_NONE ? 0 : ipc_write_stacks(memory, stacks->mode, stacks->mean_bytes);
	if (!error)
		return memory;
	close(memory);
	return error;
}

static int take_memory(struct session *s)
{
	int memory = s->spare_memory >= 0 ? s->spare_memory : session_create_memory(s);
	s->spare_memory = -1;
	return memory;
}

static bool is_ours(const struct session *s, const struct wire_hello *h)
{
	return h->magic == WIRE_MAGIC && h->version == WIRE_VERSION &&
	       (h->kind == WIRE_HELLO_IMAGE || h->kind == WIRE_HELLO_FORK) &&
	       !memcmp(h->token, s->token, WIRE_TOKEN_LEN);
}

/* Taken from the hello where it can be true, for it came before the queueing here. */
static uint64_t start_time(const struct wire_hello *h)
{
	uint64_t now = platform_now_ns();
	return h->start_ns <= now && now - h->start_ns < 1000000000u ? h->start_ns : now;
}

static int dup_cloexec(int fd)
{
	return fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

static void refuse(int connection)
{
	const struct wire_welcome no = { .magic = WIRE_MAGIC, .version = WIRE_VERSION };
	ipc_send_welcome(connection, &no, -1);
}

/* Whose child it is; the collector that its pid had so far, or NULL. */
static struct collector *relate(struct session *s, const struct wire_hello *h, struct collector_birth *birth)
{
	struct collector *old = session_find(s, birth->pid);
	if (old) {
		birth->parent_id = collector_parent_id(old);
		birth->follows_pages = !collector_has_probe(old);
		if (birth->follows_pages)
			birth->id = collector_id(old);
		return old;
	}
	if (birth->pid == s->launched)
		return NULL;
	struct collector *parent = session_find_ancestor(s, birth->pid);
	birth->parent_id = parent ? collector_id(parent) : 1;
	if (h->kind == WIRE_HELLO_FORK && parent && collector_has_probe(parent))
		birth->forked_from = parent;
	return NULL;
}

static bool may_follow(const struct session *s, pid_t pid)
{
	return s->options.follow ? s->count < SESSION_PROCESSES_MAX : pid == s->launched;
}

static void drop(struct collector_birth *birth)
{
	if (birth->memory >= 0)
		close(birth->memory);
	if (birth->pidfd >= 0)
		close(birth->pidfd);
}

/* The plan for a new image's own allocator goes into the memory before the probe sees it. */
static const struct plans_answer *put_plan(struct session *s, const struct wire_hello *h, pid_t pid, int memory,
					   const char *exe)
{
	char open_path[64];
	if (!s->options.plans || h->kind != WIRE_HELLO_IMAGE || !*exe)
		return NULL;
	snprintf(open_path, sizeof open_path, "/proc/%d/exe", (int)pid);
	const struct plans_answer *a = plans_for(s->options.plans, open_path, exe);
	if (a && a->plan && ipc_write_plan(memory, a->plan) != 0)
		return NULL;
	return a;
}

static void welcome(struct session *s, int connection, pid_t pid, const struct wire_hello *h)
{
	struct session_identity who;
	struct wire_welcome yes = { WIRE_MAGIC, WIRE_VERSION, 1, s->options.follow };
	struct collector_birth birth = { .pid = pid, .start_ns = start_time(h) };
	birth.pidfd = platform_pidfd_open(pid);
	birth.memory = take_memory(s);
	if (birth.memory < 0)
		s->memory_error = birth.memory;
	if (birth.memory < 0 || (birth.pidfd < 0 && birth.pidfd != -ESRCH)) {
		s->not_followed++;
		refuse(connection);
		drop(&birth);
		return;
	}
	struct collector *old = relate(s, h, &birth);
	/* a forked child is what its parent was, until it execs, which may be at once */
	session_identify(pid, birth.forked_from ? collector_command(birth.forked_from) : "?", &who);
	birth.linked = put_plan(s, h, pid, birth.memory, who.exe);
	if (ipc_send_welcome(connection, &yes, birth.memory) != 0) {
		drop(&birth); /* it was killed meanwhile */
		return;
	}
	if (old)
		collector_tell(old, birth.follows_pages ? COLLECTOR_SUPERSEDED : COLLECTOR_REPLACED);
	birth.command = birth.forked_from ? collector_command(birth.forked_from) : who.command;
	birth.exe = birth.forked_from ? collector_exe(birth.forked_from) : who.exe;
	session_add(s, &birth);
}

/* True when the connection is done with. */
static bool greet(struct session *s, int connection)
{
	struct wire_hello hello;
	pid_t pid;
	int error = ipc_receive_hello(connection, &hello);
	if (error == -EAGAIN)
		return false;
	if (error || ipc_peer(connection, &pid) != 0 || !is_ours(s, &hello)) {
		refuse(connection);
		return true;
	}
	session_tidy(s);
	if (may_follow(s, pid)) {
		welcome(s, connection, pid, &hello);
		return true;
	}
	refuse(connection);
	s->not_followed += s->options.follow;
	return true;
}

/* No descriptors are left: who waits for an answer gets a refusal. */
static bool refuse_one(struct session *s)
{
	close(s->reserve);
	int connection = ipc_accept(s->listener);
	if (connection >= 0) {
		refuse(connection);
		close(connection);
		s->not_followed++;
	}
	s->reserve = dup_cloexec(s->listener);
	return connection >= 0;
}

void session_accept_all(struct session *s)
{
	int connection;
	for (;;) {
		connection = ipc_accept(s->listener);
		if ((connection == -EMFILE || connection == -ENFILE) && refuse_one(s))
			continue;
		if (connection < 0)
			break;
		if (greet(s, connection) || s->pending_count == PENDING_MAX) {
			close(connection);
			continue;
		}
		s->pending[s->pending_count++] = (struct pending){ connection, platform_now_ns() };
	}
}

void session_look_at_pending(struct session *s, uint64_t now_ns)
{
	for (unsigned i = s->pending_count; i-- > 0; ) {
		struct pending *p = &s->pending[i];
		if (!greet(s, p->fd) && now_ns - p->since_ns < PENDING_NS)
			continue;
		close(p->fd);
		*p = s->pending[--s->pending_count];
	}
}
