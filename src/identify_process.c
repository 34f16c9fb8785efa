/* SPDX-License-Identifier: MIT */
/*
 * identify_process.c - see identify_process.h. The child gives up what it has before the
 * exec: streams, terminal, descriptors, privileges by setuid, and by a filter all writing and
 * sending, for constructors of the program's libraries run before the probe's. It is the
 * leader of a session, so that killing its group leaves nobody.
 */
#include "identify_process.h"

#include "exec_kind.h"
#include "identify_confine.h"
#include "identify_environment.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CPU_BUDGET_NS 2500000000u
#define WALL_NS 10000000000u

struct identify_process {
	pid_t pid;
	int socket;
	uint32_t sequence;
	uint64_t deadline_ns;
	struct identify_spent spent;
};

static uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- messages -------------------------------------------------------------------------- */

static int receive(struct identify_process *p, uint64_t deadline_ns, struct wire_identify_answer *ret_answer)
{
	for (;;) {
		uint64_t now = now_ns();
		struct pollfd ready = { .fd = p->socket, .events = POLLIN };
		if (now >= deadline_ns)
			return -ETIME;
		int n = poll(&ready, 1, (int)((deadline_ns - now) / 1000000 + 1));
		if (n <= 0)
			continue; /* a signal, or the limit, which is looked at above */
		ssize_t got = recv(p->socket, ret_answer, sizeof *ret_answer, MSG_DONTWAIT | MSG_TRUNC);
		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		return got == sizeof *ret_answer ? 0 : got <= 0 ? -EPIPE : -EPROTO;
	}
}

static bool answer_is_sane(const struct wire_identify_answer *a, uint32_t op, uint32_t sequence)
{
	return a->magic == WIRE_IDENTIFY_MAGIC && a->version == WIRE_IDENTIFY_VERSION && a->op == op &&
	       a->sequence == sequence && a->kind < WIRE_ENTRY_KINDS && a->traps <= a->calls &&
	       a->forks < 1000 && a->cpu_ns < WALL_NS && memchr(a->text, 0, sizeof a->text);
}

static void keep_text_printable(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

static int take_answer(struct identify_process *p, uint32_t op, uint64_t deadline_ns,
		       struct wire_identify_answer *ret_answer)
{
	struct wire_identify_answer a;
	int err = receive(p, deadline_ns, &a);
	if (err != 0)
		return err;
	if (!answer_is_sane(&a, op, p->sequence))
		return -EPROTO;
	keep_text_printable(a.text);
	p->spent.forks += a.forks;
	p->spent.cpu_ns += a.cpu_ns;
	*ret_answer = a;
	return 0;
}

int identify_process_ask(struct identify_process *p, struct wire_identify_request *request,
			 struct wire_identify_answer *ret_answer)
{
	if (p->spent.cpu_ns > CPU_BUDGET_NS)
		return -ETIME;
	request->magic = WIRE_IDENTIFY_MAGIC;
	request->version = WIRE_IDENTIFY_VERSION;
	request->sequence = ++p->sequence;
	if (send(p->socket, request, sizeof *request, MSG_NOSIGNAL | MSG_DONTWAIT) != sizeof *request)
		return -EPIPE;
	return take_answer(p, request->op, p->deadline_ns, ret_answer);
}

struct identify_spent identify_process_spent(const struct identify_process *p)
{
	return p->spent;
}

/* ---- birth and death ------------------------------------------------------------------- */

/* In the child: nothing here allocates. The socket ends up as WIRE_IDENTIFY_FD. */
static void become(const char *path, char **environment, int fd, pid_t parent)
{
	char *const argv[] = { (char *)(uintptr_t)path, NULL };
	if (identify_confine(fd, WIRE_IDENTIFY_FD, parent) == 0)
		execve(path, argv, environment);
	_exit(127);
}

static int start_child(struct identify_process *p, const char *path, char **environment)
{
	int pair[2];
	sigset_t all, old;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return -errno;
	pid_t parent = getpid();
	/* No handler of memwhy's runs in the child. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	p->pid = fork();
	int err = p->pid < 0 ? -errno : 0;
	if (p->pid == 0)
		become(path, environment, pair[1], parent);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	close(pair[1]);
	p->socket = pair[0];
	return err;
}

static int await_hello(struct identify_process *p)
{
	struct wire_identify_answer hello;
	int err = take_answer(p, WIRE_IDENTIFY_HELLO, p->deadline_ns, &hello);
	if (err == -EPIPE)
		return -EPROTO;
	if (err != 0)
		return err;
	return hello.value == WIRE_IDENTIFY_READY ? 0 : hello.value == WIRE_IDENTIFY_NOT_LOADED ? -ELIBACC : -ENOSYS;
}

int identify_process_start(const char *path, const char *module, const char *probe_path,
			   struct identify_process **ret_process)
{
	struct exec_kind kind;
	if (exec_kind(path, &kind) != 0 || !exec_kind_takes_preload(&kind) || kind.scripts)
		return -ENOEXEC;
	struct identify_process *p = calloc(1, sizeof *p);
	char **environment = identify_environment(environ, probe_path, module);
	int err = p && environment ? 0 : -ENOMEM;
	if (err == 0) {
		p->socket = -1;
		p->deadline_ns = now_ns() + WALL_NS;
		err = start_child(p, path, environment);
	}
	if (err == 0)
		err = await_hello(p);
	free(environment);
	if (err == 0)
		*ret_process = p;
	else
		identify_process_end(p);
	return err;
}

void identify_process_end(struct identify_process *p)
{
	if (!p)
		return;
	if (p->socket >= 0)
		close(p->socket);
	if (p->pid > 0) {
		/* Both: the group is there only once the child has come that far. */
		kill(-p->pid, SIGKILL);
		kill(p->pid, SIGKILL);
		while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
			continue;
	}
	free(p);
}
