/* SPDX-License-Identifier: MIT */
/*
 * A thread sleeps until the time is up or a collector has seen the size, then ends the
 * recording, while the launching thread goes on waiting for the program: signals and job
 * control stay its own. Whoever comes first, the limit or the program's end, decides.
 */
#include "run_until.h"

#include "platform.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define POLL_MAX_NS 3600000000000ull /* poll counts in int milliseconds */

struct run_until {
	struct run_until_limit limit;
	uint64_t start_ns;
	void (*end)(void *arg);
	void *arg;
	int reached, over; /* eventfds: a collector saw the size; the program has ended */
	uint32_t noted;    /* atomic: `reached` was written */
	bool started;
	bool called;       /* the thread's, until it is joined */
	pthread_t thread;
};

void run_until_note(struct run_until *u, int64_t rss_bytes, int64_t live_bytes)
{
	const uint64_t one = 1;
	if (!u)
		return;
	bool reached = (u->limit.rss_bytes && rss_bytes >= u->limit.rss_bytes) ||
		       (u->limit.live_bytes && live_bytes >= u->limit.live_bytes);
	/* relaxed: it only saves writing twice */
	if (reached && !__atomic_exchange_n(&u->noted, 1, __ATOMIC_RELAXED))
		(void)!write(u->reached, &one, sizeof one);
}

/* -1: no time was named. */
static int timeout_ms(const struct run_until *u, uint64_t now_ns)
{
	if (!u->limit.time_ns)
		return -1;
	uint64_t due = u->start_ns + (uint64_t)u->limit.time_ns;
	uint64_t left = due > now_ns ? due - now_ns : 0;
	return left > POLL_MAX_NS ? (int)(POLL_MAX_NS / 1000000u) : (int)((left + 999999) / 1000000u);
}

static void *wait_for_it(void *arg)
{
	struct run_until *u = arg;
	struct pollfd fds[] = { { u->over, POLLIN, 0 }, { u->reached, POLLIN, 0 } };
	int ms;
	do {
		ms = timeout_ms(u, platform_now_ns());
		if (poll(fds, 2, ms) > 0)
			break;
	} while (ms != 0);
	u->called = !fds[0].revents;
	if (u->called)
		u->end(u->arg);
	return NULL;
}

int run_until_create(const struct run_until_limit *limit, struct run_until **ret_until)
{
	struct run_until *u = calloc(1, sizeof *u);
	if (!u)
		return -ENOMEM;
	u->limit = *limit;
	u->reached = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	u->over = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (u->reached >= 0 && u->over >= 0) {
		*ret_until = u;
		return 0;
	}
	run_until_destroy(u);
	return -EMFILE;
}

int run_until_start(struct run_until *u, uint64_t start_ns, void (*end)(void *arg), void *arg)
{
	sigset_t all, before;
	u->start_ns = start_ns;
	u->end = end;
	u->arg = arg;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the launching thread's */
	int error = pthread_create(&u->thread, NULL, wait_for_it, u);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	u->started = error == 0;
	return -error;
}

bool run_until_stop(struct run_until *u)
{
	const uint64_t one = 1;
	if (!u || !u->started)
		return false;
	(void)!write(u->over, &one, sizeof one);
	pthread_join(u->thread, NULL);
	u->started = false;
	return u->called;
}

void run_until_destroy(struct run_until *u)
{
	if (!u)
		return;
	if (u->reached >= 0)
		close(u->reached);
	if (u->over >= 0)
		close(u->over);
	free(u);
}
