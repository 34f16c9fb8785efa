/* SPDX-License-Identifier: MIT */
/* Who is followed: the table of collectors, and how one gets into it; see session_private.h. */
#include "session_private.h"

#include "exec_kind.h"
#include "platform.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ANCESTORS_MAX     16

struct collector *session_find(const struct session *s, pid_t pid)
{
	for (unsigned i = 0; i < s->count; i++)
		if (collector_pid(s->table[i]) == pid && collector_is_current(s->table[i]))
			return s->table[i];
	return NULL;
}

struct collector *session_find_ancestor(const struct session *s, pid_t pid)
{
	for (int i = 0; i < ANCESTORS_MAX; i++) {
		if (ipc_parent(pid, &pid) != 0 || pid <= 1)
			break;
		struct collector *c = session_find(s, pid);
		if (c)
			return c;
	}
	return session_find(s, s->launched);
}

static void put(struct session *s, struct collector *c)
{
	pthread_mutex_lock(&s->table_lock);
	s->table[s->count++] = c;
	pthread_mutex_unlock(&s->table_lock);
}

void session_remove_at(struct session *s, unsigned at)
{
	struct collector *c = s->table[at];
	pthread_mutex_lock(&s->table_lock);
	s->table[at] = s->table[--s->count];
	pthread_mutex_unlock(&s->table_lock);
	collector_finish(c);
}

struct collector *session_find_for_control(void *arg, pid_t pid)
{
	struct session *s = arg;
	pthread_mutex_lock(&s->lock);
	pid_t launched = s->launched;
	pthread_mutex_unlock(&s->lock);
	pthread_mutex_lock(&s->table_lock);
	struct collector *c = session_find(s, pid == getpid() ? launched : pid);
	if (c)
		collector_ref(c);
	pthread_mutex_unlock(&s->table_lock);
	return c;
}

/* ---- starting collectors ------------------------------------------------------------ */

void session_identify(pid_t pid, const char *fallback, struct session_identity *ret)
{
	struct platform_process p = { .best_source = PAGES_NONE };
	snprintf(ret->command, sizeof ret->command, "%s", fallback);
	ret->exe[0] = 0;
	if (platform_process_init(&p, pid, NULL) != 0)
		return;
	platform_read_exe(&p, ret->exe, sizeof ret->exe);
	if (platform_read_command(&p, ret->command, sizeof ret->command) != 0 || !ret->command[0])
		if (platform_read_comm(&p, ret->command, sizeof ret->command) != 0)
			snprintf(ret->command, sizeof ret->command, "%s", fallback);
	platform_process_finish(&p);
}

bool session_add(struct session *s, struct collector_birth *birth)
{
	struct collector *c;
	if (!birth->id)
		birth->id = ++s->last_id;
	birth->launched = birth->pid == s->launched;
	int error = collector_start(&s->run, birth, &c);
	if (error) {
		s->not_followed += error != -ESRCH; /* that one has ended already */
		return false;
	}
	put(s, c);
	if (birth->launched)
		s->launched_seen = true;
	return true;
}

void session_add_pages_only(struct session *s, pid_t pid, uint32_t parent_id, const char *why)
{
	struct session_identity who;
	session_identify(pid, pid == s->launched ? s->command : "?", &who);
	struct collector_birth birth = {
		.parent_id = parent_id, .pid = pid, .memory = -1, .start_ns = platform_now_ns(),
		.why_no_probe = why, .command = who.command, .exe = who.exe,
	};
	if (pid == s->launched && !s->launched_seen)
		birth.start_ns = s->launched_ns;
	birth.pidfd = platform_pidfd_open(pid);
	if (birth.pidfd >= 0 && s->count < SESSION_PROCESSES_MAX)
		session_add(s, &birth);
}

void session_tidy(struct session *s)
{
	for (unsigned i = s->count; i-- > 0; ) {
		struct collector *c = s->table[i];
		if (!collector_is_done(c))
			continue;
		bool lost = collector_lost_image(c);
		pid_t pid = collector_pid(c);
		uint32_t parent_id = collector_parent_id(c);
		char exe[64];
		session_remove_at(s, i);
		if (!lost || session_find(s, pid))
			continue;
		struct exec_kind kind;
		snprintf(exe, sizeof exe, "/proc/%d/exe", (int)pid);
		exec_kind(exe, &kind);
		const char *why = exec_kind_clause(&kind);
		session_add_pages_only(s, pid, parent_id, *why ? why : NO_HELLO);
	}
}
