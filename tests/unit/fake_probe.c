/* SPDX-License-Identifier: MIT */
/* See fake_probe.h. */
#include "fake_probe.h"
#include "ipc.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static int connect_to(const char *name)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct timeval limit = { 5, 0 };
	size_t n = strlen(name);
	memcpy(at.sun_path + 1, name, n);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	if (connect(fd, (struct sockaddr *)&at, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + n)) == 0)
		return fd;
	int error = errno;
	close(fd);
	return -error;
}

static int receive(int fd, struct wire_welcome *ret_welcome)
{
	union { struct cmsghdr align; char bytes[CMSG_SPACE(sizeof(int))]; } control;
	struct iovec part = { ret_welcome, sizeof *ret_welcome };
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes,
			    .msg_controllen = sizeof control.bytes };
	int memory = -EACCES;
	if (recvmsg(fd, &m, MSG_CMSG_CLOEXEC) != (ssize_t)sizeof *ret_welcome)
		return -EPROTO;
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	if (c && c->cmsg_type == SCM_RIGHTS)
		memcpy(&memory, CMSG_DATA(c), sizeof memory);
	return memory;
}

bool fake_probe_has_plan;

int fake_probe_attach(const char *env, uint32_t kind, fake_hello_fn *change, struct wire_control **ret_control)
{
	struct wire_hello hello = { .magic = WIRE_MAGIC, .kind = kind, .ppid = (uint32_t)getppid() };
	struct wire_welcome welcome;
	uint32_t plan_magic = 0;
	char name[128], token[WIRE_TOKEN_LEN + 1];
	if (sscanf(env, "%u:%100[^:]:%32[^:]:", &hello.version, name, token) != 3)
		return -EINVAL;
	memcpy(hello.token, token, WIRE_TOKEN_LEN);
	if (change)
		change(&hello);
	int fd = connect_to(name);
	if (fd < 0)
		return fd;
	int memory = send(fd, &hello, sizeof hello, MSG_NOSIGNAL) < 0 ? -errno : receive(fd, &welcome);
	close(fd);
	if (memory < 0)
		return memory;
	fake_probe_has_plan = pread(memory, &plan_magic, sizeof plan_magic, (off_t)WIRE_OFF_PLAN) > 0 && plan_magic == WIRE_PLAN_MAGIC;
	void *at = mmap(NULL, 1 << 16, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
	close(memory);
	if (at == MAP_FAILED)
		return -errno;
	*ret_control = at;
	__atomic_store_n(&(*ret_control)->state, WIRE_STATE_ON, __ATOMIC_RELEASE);
	return 0;
}

static uint64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000u + (uint64_t)t.tv_nsec / 1000000u;
}

bool fake_probe_ask(struct wire_control *c, uint32_t kinds, unsigned limit_ms)
{
	uint64_t until = now_ms() + limit_ms;
	__atomic_fetch_or(&c->request_kinds, kinds, __ATOMIC_ACQ_REL);
	uint32_t seq = __atomic_add_fetch(&c->request_seq, 1, __ATOMIC_ACQ_REL), done;
	ipc_wake(&c->request_seq);
	while ((int32_t)((done = __atomic_load_n(&c->done_seq, __ATOMIC_ACQUIRE)) - seq) < 0) {
		if (now_ms() >= until)
			return false;
		ipc_wait(&c->done_seq, done, 5000000);
	}
	return true;
}
