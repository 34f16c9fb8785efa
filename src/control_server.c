/* SPDX-License-Identifier: MIT */
/*
 * One thread: accept, look who it is, read one request, serve it, answer, close. A peer of
 * another user gets a refusal and no more; one that says nothing is given up after a while.
 * Others wait in the socket's queue: requests are rare, and each has its bound.
 */
#include "control_server.h"
#include "control_socket.h"
#include "ipc.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define REQUEST_LIMIT_MS 1000 /* from the connection to the request */

struct control_server {
	control_serve_fn *fn;
	void *arg;
	int listener, stop;       /* stop: an eventfd */
	pthread_t thread;
};

static bool is_valid(const struct control_request *q, ssize_t got)
{
	return got == (ssize_t)sizeof *q && q->magic == CONTROL_MAGIC && q->version == CONTROL_VERSION &&
	       q->what < CONTROL_WHATS && q->pid > 0 && memchr(q->text, 0, sizeof q->text);
}

/* A wait that the server's end cuts short. */
static bool await_readable(const struct control_server *s, int fd, int limit_ms)
{
	struct pollfd fds[] = { { s->stop, POLLIN, 0 }, { fd, POLLIN, 0 } };
	int n = poll(fds, 2, limit_ms);
	return n > 0 && !fds[0].revents && fds[1].revents;
}

static void serve(struct control_server *s, int connection)
{
	struct control_request request;
	struct control_answer answer;
	memset(&answer, 0, sizeof answer);
	answer.result = CONTROL_REFUSED;
	if (control_socket_is_allowed(connection) && await_readable(s, connection, REQUEST_LIMIT_MS)) {
		ssize_t got = recv(connection, &request, sizeof request, MSG_DONTWAIT | MSG_TRUNC);
		if (is_valid(&request, got))
			s->fn(s->arg, &request, &answer);
	}
	answer.magic = CONTROL_MAGIC;
	answer.version = CONTROL_VERSION;
	answer.terms = LEDGER_TERMS;
	/* who has gone does not want it */
	(void)!send(connection, &answer, sizeof answer, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void *work(void *arg)
{
	struct control_server *s = arg;
	struct pollfd stop = { s->stop, POLLIN, 0 };
	while (poll(&stop, 1, 0) == 0) {
		if (!await_readable(s, s->listener, -1))
			continue;
		int connection = ipc_accept(s->listener);
		if (connection >= 0) {
			serve(s, connection);
			close(connection);
		} else if (connection != -EAGAIN && connection != -ECONNABORTED) {
			poll(&stop, 1, 100); /* no descriptors at the moment: the peer waits */
		}
	}
	return NULL;
}

/* Signals are the launching thread's. */
static int start_thread(struct control_server *s)
{
	sigset_t all, before;
	pthread_attr_t attr;
	sigfillset(&all);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 256 << 10);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int error = pthread_create(&s->thread, &attr, work, s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return -error;
}

static void discard(struct control_server *s)
{
	if (s->listener >= 0)
		close(s->listener);
	if (s->stop >= 0)
		close(s->stop);
	free(s);
}

int control_server_create(control_serve_fn *fn, void *arg, struct control_server **ret_server)
{
	struct control_server *s = calloc(1, sizeof *s);
	if (!s)
		return -ENOMEM;
	s->fn = fn;
	s->arg = arg;
	s->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	s->listener = control_socket_listen();
	int error = s->stop < 0 ? -EMFILE : s->listener < 0 ? s->listener : start_thread(s);
	if (error)
		discard(s);
	else
		*ret_server = s;
	return error;
}

void control_server_destroy(struct control_server *s)
{
	const uint64_t one = 1;
	if (!s)
		return;
	(void)!write(s->stop, &one, sizeof one);
	pthread_join(s->thread, NULL);
	discard(s);
}
