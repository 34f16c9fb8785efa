/* SPDX-License-Identifier: MIT */
/*
 * All are asked at the same time, so that one which is stopped or lies does not keep the
 * right one from answering; whoever says that it is not the one is done with.
 */
#include "control_client.h"
#include "control_socket.h"
#include "platform.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PEERS_MAX 64

static bool is_valid(struct control_answer *a, ssize_t got)
{
	a->why[sizeof a->why - 1] = 0;
	return got == (ssize_t)sizeof *a && a->magic == CONTROL_MAGIC && a->version == CONTROL_VERSION &&
	       a->terms == LEDGER_TERMS && a->result < CONTROL_RESULTS && a->has_before <= 1 && a->has_after <= 1;
}

/* What the peer's answer means for the whole: 1: this is it; else go on, and *ret_error may know why. */
static bool take_answer(int fd, struct control_answer *ret_answer, int *ret_error)
{
	struct control_answer a;
	ssize_t got = recv(fd, &a, sizeof a, MSG_DONTWAIT | MSG_TRUNC);
	if (!is_valid(&a, got) || a.result == CONTROL_NOT_MINE)
		return false;
	if (a.result == CONTROL_REFUSED) {
		*ret_error = -EACCES;
		return false;
	}
	*ret_answer = a;
	return true;
}

static void drop(struct pollfd *fds, unsigned *count, unsigned at)
{
	close(fds[at].fd);
	fds[at] = fds[--*count];
}

static int wait_for_answer(struct pollfd *fds, unsigned *count, struct control_answer *ret_answer)
{
	uint64_t until = platform_now_ns() + CONTROL_LIMIT_MS * 1000000ull;
	int error = -ESRCH;
	while (*count) {
		uint64_t now = platform_now_ns();
		if (now >= until)
			return -ETIMEDOUT;
		if (poll(fds, *count, (int)((until - now) / 1000000u) + 1) < 0 && errno != EINTR)
			return -errno;
		for (unsigned i = *count; i-- > 0; ) {
			if (!fds[i].revents)
				continue;
			if (take_answer(fds[i].fd, ret_answer, &error))
				return 0;
			drop(fds, count, i);
		}
	}
	return error;
}

int control_ask(const struct control_request *request, uid_t owner, struct control_answer *ret_answer)
{
	struct pollfd fds[PEERS_MAX];
	int connections[PEERS_MAX];
	unsigned all = control_socket_connect_all(owner, connections, PEERS_MAX), count = 0;
	for (unsigned i = 0; i < all; i++)
		if (send(connections[i], request, sizeof *request, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)sizeof *request)
			fds[count++] = (struct pollfd){ connections[i], POLLIN, 0 };
		else
			close(connections[i]);
	int error = wait_for_answer(fds, &count, ret_answer);
	while (count)
		drop(fds, &count, count - 1);
	return error;
}
