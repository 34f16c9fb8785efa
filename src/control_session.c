/* SPDX-License-Identifier: MIT */
/* From a request to a collector's answer, and into the answer's wire form. */
#include "control_session.h"
#include "collector.h"
#include "control_server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct control_session {
	control_find_fn *find;
	void *arg;
	uint64_t start_ns; /* atomic */
	struct control_server *server;
};

static const enum collector_ask asks[CONTROL_WHATS] = {
	[CONTROL_SNAPSHOT] = COLLECTOR_ASK_SNAPSHOT, [CONTROL_PURGE] = COLLECTOR_ASK_PURGE,
	[CONTROL_MARK] = COLLECTOR_ASK_MARK,
};

static enum control_result result_of(int error)
{
	switch (error) {
	case 0: return CONTROL_DONE;
	case -EBUSY: return CONTROL_BUSY;
	case -EOPNOTSUPP: return CONTROL_NOT_FOLLOWED;
	case -ENOSPC: return CONTROL_FULL;
	case -ETIMEDOUT: return CONTROL_NO_SAFE_POINT;
	case -EIO: return CONTROL_NO_WAY;
	default: return CONTROL_FAILED;
	}
}

static void put_answer(const struct control_session *s, const struct collector_answer *a, struct control_answer *ret)
{
	uint64_t start_ns = __atomic_load_n(&s->start_ns, __ATOMIC_RELAXED);
	ret->time_ns = a->time_ns > start_ns ? (int64_t)(a->time_ns - start_ns) : 0;
	ret->took_ns = (int64_t)a->took_ns;
	ret->has_before = a->has_before;
	ret->has_after = a->has_after;
	ret->absent[0] = a->before.absent;
	ret->absent[1] = a->after.absent;
	memcpy(ret->before, a->before.bytes, sizeof ret->before);
	memcpy(ret->after, a->after.bytes, sizeof ret->after);
	memcpy(ret->why, a->why, sizeof ret->why);
}

static void serve(void *arg, const struct control_request *request, struct control_answer *ret)
{
	struct control_session *s = arg;
	struct collector_answer answer;
	memset(&answer, 0, sizeof answer);
	struct collector *c = s->find(s->arg, request->pid);
	if (!c) {
		ret->result = CONTROL_NOT_MINE;
		return;
	}
	int error = collector_ask(c, asks[request->what], request->text, &answer);
	collector_unref(c);
	put_answer(s, &answer, ret);
	ret->result = result_of(error);
}

int control_session_create(control_find_fn *find, void *arg, struct control_session **ret_session)
{
	struct control_session *s = calloc(1, sizeof *s);
	if (!s)
		return -ENOMEM;
	s->find = find;
	s->arg = arg;
	int error = control_server_create(serve, s, &s->server);
	if (error)
		free(s);
	else
		*ret_session = s;
	return error;
}

void control_session_begins(struct control_session *s, uint64_t start_ns)
{
	__atomic_store_n(&s->start_ns, start_ns, __ATOMIC_RELAXED);
}

void control_session_destroy(struct control_session *s)
{
	if (!s)
		return;
	control_server_destroy(s->server);
	free(s);
}
