/* SPDX-License-Identifier: MIT */
/* channel.c - see channel.h. */
#define _GNU_SOURCE
#include "channel.h"
#include "life.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

/* Most answers take a fraction of a millisecond; the first one about a program whose own
 * allocator has to be looked for takes as long as identify.h allows. */
#define LIMIT_SECONDS 6
#define LIMIT_NS (LIMIT_SECONDS * 1000000000ull)

/* Repeats what a signal interrupted, as long as the limit allows. */
#define RETRY(call)                                                          \
	({                                                                   \
		uint64_t until = life_now_ns() + LIMIT_NS;                   \
		long result;                                                 \
		do                                                           \
			result = (call);                                     \
		while (result == -EINTR && life_now_ns() < until);           \
		result == -EINTR || result == -EAGAIN ? (long)-ETIMEDOUT : result; \
	})

static int connect_to(int fd, const char *name)
{
	struct timeval limit = { .tv_sec = LIMIT_SECONDS };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t n = strlen(name);
	if (n >= sizeof address.sun_path)
		return -ENAMETOOLONG;
	memcpy(address.sun_path + 1, name, n);
	life_syscall(SYS_setsockopt, fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	life_syscall(SYS_setsockopt, fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
	return (int)RETRY(life_syscall(SYS_connect, fd, &address, offsetof(struct sockaddr_un, sun_path) + 1 + n));
}

static int send_hello(int fd, const struct env_wire *wire, uint32_t kind)
{
	struct wire_hello hello;
	memset(&hello, 0, sizeof hello);
	hello.magic = WIRE_MAGIC;
	hello.version = WIRE_VERSION;
	memcpy(hello.token, wire->token, sizeof hello.token);
	hello.kind = kind;
	hello.ppid = (uint32_t)getppid();
	hello.start_ns = life_now_ns();
	long sent = RETRY(life_syscall(SYS_sendto, fd, &hello, sizeof hello, MSG_NOSIGNAL, 0, 0));
	return sent == sizeof hello ? 0 : sent < 0 ? (int)sent : -EPROTO;
}

/* The first descriptor of a message; whatever else came is closed. */
static int take_descriptor(struct msghdr *m)
{
	int ret = -1;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
			if (ret < 0)
				ret = fd;
			else
				life_syscall(SYS_close, fd);
		}
	}
	return ret;
}

static int judge_welcome(long got, const struct wire_welcome *w, int memfd)
{
	if (got < 0)
		return (int)got;
	if (got != sizeof *w || w->magic != WIRE_MAGIC)
		return -EPROTO;
	if (!w->accepted)
		return -EACCES;
	return w->version == WIRE_VERSION && memfd >= 0 ? 0 : -EPROTO;
}

static int receive_welcome(int fd, int *ret_memfd, struct wire_welcome *ret_welcome)
{
	union { struct cmsghdr align; char bytes[CMSG_SPACE(4 * sizeof(int))]; } control;
	struct wire_welcome w;
	struct iovec part = { &w, sizeof w };
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1,
			    .msg_control = &control, .msg_controllen = sizeof control };
	memset(&control, 0, sizeof control);
	long got = RETRY(life_syscall(SYS_recvmsg, fd, &m, MSG_CMSG_CLOEXEC));
	int memfd = got >= 0 ? take_descriptor(&m) : -1;
	int err = judge_welcome(got, &w, memfd);
	if (err == 0) {
		*ret_memfd = memfd;
		*ret_welcome = w;
	} else if (memfd >= 0) {
		life_syscall(SYS_close, memfd);
	}
	return err;
}

static int32_t peer_pid(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof peer;
	long err = life_syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_PEERCRED, &peer, &size);
	return err == 0 && size == sizeof peer ? peer.pid : 0;
}

int channel_open(const struct env_wire *wire, uint32_t hello_kind, int *ret_memfd,
		 struct wire_welcome *ret_welcome, int32_t *ret_collector_pid)
{
	long fd = life_syscall(SYS_socket, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return (int)fd;
	int err = connect_to((int)fd, wire->socket_name);
	int32_t pid = err == 0 ? peer_pid((int)fd) : 0;
	if (err == 0)
		err = send_hello((int)fd, wire, hello_kind);
	if (err == 0)
		err = receive_welcome((int)fd, ret_memfd, ret_welcome);
	life_syscall(SYS_close, fd);
	if (err == 0)
		*ret_collector_pid = pid;
	return err;
}
