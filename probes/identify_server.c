/* SPDX-License-Identifier: MIT */
/*
 * identify_server.c - the throwaway process: one thread, before main, on one socket. For
 * each request it forks testers until every step has been tried by one of them, and answers
 * with what they left in the shared page. It calls nothing of the target itself, and ends
 * with its socket.
 */
#define _GNU_SOURCE
#include "identify.h"
#include "life.h"

#include <dlfcn.h>
#include <link.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define TESTERS_MAX 12 /* of one request */

/* What is asked about, the executable or a module: where it is, and where its code is. */
struct module { bool known; uint64_t bias; const ElfW(Phdr) *headers; unsigned count; };

/* The parent named itself in the variable. */
static bool is_named_by_parent(const char *value, uint32_t parent)
{
	uint32_t version, pid;
	return env_parse_number(&value, ':', &version) && env_parse_number(&value, 0, &pid) &&
	       version == WIRE_IDENTIFY_VERSION && pid == parent;
}

static bool has_socket_of(uint32_t parent)
{
	struct ucred peer;
	int type;
	socklen_t peer_size = sizeof peer, type_size = sizeof type;
	return getsockopt(WIRE_IDENTIFY_FD, SOL_SOCKET, SO_TYPE, &type, &type_size) == 0 && type == SOCK_SEQPACKET &&
	       getsockopt(WIRE_IDENTIFY_FD, SOL_SOCKET, SO_PEERCRED, &peer, &peer_size) == 0 &&
	       (uint32_t)peer.pid == parent;
}

/* Who is to be followed is no throwaway process, whatever else its environment says. The socket
 * is not asked here: what memwhy named and some library's constructor took the socket from
 * must not go on to its main. */
bool identify_is_asked(void)
{
	const char *value = env_get(environ, WIRE_IDENTIFY_ENV);
	return value && !env_get(environ, WIRE_ENV) && is_named_by_parent(value, (uint32_t)getppid());
}

/* Its constructors run here: what they may do, the filter says that memwhy put on this process. */
static bool load_module(struct module *m)
{
	const char *path = env_get(environ, WIRE_IDENTIFY_MODULE_ENV);
	struct link_map *map = path ? dlopen(path, RTLD_LAZY | RTLD_LOCAL) : NULL;
	if (map)
		m->bias = map->l_addr;
	m->known = false;
	return !path || map;
}

static int take_module(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct module *m = arg;
	(void)size;
	if (m->bias != info->dlpi_addr || !info->dlpi_name[0])
		return 0;
	*m = (struct module){ true, info->dlpi_addr, info->dlpi_phdr, info->dlpi_phnum };
	return 1;
}

static int take_first(struct dl_phdr_info *info, size_t size, void *arg)
{
	*(struct module *)arg = (struct module){ true, info->dlpi_addr, info->dlpi_phdr, info->dlpi_phnum };
	return 1;
}

static bool is_code(const struct module *m, uint64_t address)
{
	for (unsigned i = 0; i < m->count; i++)
		if (m->headers[i].p_type == PT_LOAD && m->headers[i].p_flags & PF_X &&
		    address - m->headers[i].p_vaddr < m->headers[i].p_filesz)
			return true;
	return false;
}

/* Checks a request, and turns its addresses into those in memory. */
static bool take_request(const struct module *m, struct wire_identify_request *r)
{
	if (r->magic != WIRE_IDENTIFY_MAGIC || r->version != WIRE_IDENTIFY_VERSION ||
	    r->known_count > WIRE_IDENTIFY_KNOWN || !is_code(m, r->candidate) ||
	    (r->context && !is_code(m, r->context)))
		return false;
	for (uint32_t i = 0; i < r->known_count; i++) {
		if (!is_code(m, r->known[i].address))
			return false;
		r->known[i].address += m->bias;
	}
	r->candidate += m->bias;
	r->context += r->context ? m->bias : 0;
	return true;
}

static uint64_t cpu_ns(const struct rusage *u)
{
	return ((uint64_t)u->ru_utime.tv_sec + (uint64_t)u->ru_stime.tv_sec) * 1000000000u +
	       ((uint64_t)u->ru_utime.tv_usec + (uint64_t)u->ru_stime.tv_usec) * 1000u;
}

/* Its own timers end a tester that does not end itself. */
static void wait_for(long pid, struct wire_identify_answer *a)
{
	struct rusage usage;
	int status;
	long got;
	memset(&usage, 0, sizeof usage);
	do
		got = life_syscall(SYS_wait4, pid, &status, 0, &usage);
	while (got == -EINTR);
	a->cpu_ns += cpu_ns(&usage);
}

/* One tester, from step `first` on. False: no process. */
static bool run_tester(const struct wire_identify_request *r, uint32_t first, struct identify_result *shared,
		       struct wire_identify_answer *a, struct identify_result *ret_result)
{
	memset(shared, 0, sizeof *shared);
	shared->step = first;
	/* Not fork(): handlers that the target registered for it are the target's code. */
	long pid = life_syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (pid == 0)
		identify_test(r, first, shared);
	if (pid < 0)
		return false;
	a->forks++;
	wait_for(pid, a);
	memcpy(ret_result, shared, sizeof *ret_result);
	return true;
}

/* A hit behind a crash counts if it is one again where nothing has crashed. */
static void confirm(const struct wire_identify_request *r, struct identify_result *shared,
		    struct wire_identify_answer *a, struct identify_result *hit)
{
	struct wire_identify_request again = *r;
	struct identify_result result;
	again.kinds = hit->kind < WIRE_ENTRY_KINDS ? 1ull << hit->kind : 0;
	if (!run_tester(&again, 0, shared, a, &result) || result.kind != hit->kind)
		hit->kind = WIRE_ENTRY_NONE;
	else
		*hit = result;
}

static void take_result(const struct identify_result *result, struct wire_identify_answer *a)
{
	a->kind = result->kind < WIRE_ENTRY_KINDS ? result->kind : WIRE_ENTRY_NONE;
	a->frees |= result->frees;
	a->value = result->value;
	a->calls = result->calls;
	a->traps = result->traps;
	memcpy(a->text, result->text, sizeof a->text);
	a->text[sizeof a->text - 1] = 0;
}

static void serve(const struct wire_identify_request *r, struct identify_result *shared,
		  struct wire_identify_answer *a)
{
	struct identify_result result;
	uint32_t first = 0;
	while (a->forks < TESTERS_MAX && run_tester(r, first, shared, a, &result)) {
		a->crashed |= result.crashed;
		if (result.kind && result.shaken)
			confirm(r, shared, a, &result);
		if (result.kind || result.done) {
			take_result(&result, a);
			return;
		}
		/* Died in a step, or gave up behind one. */
		first = result.step > first && result.step <= WIRE_ENTRY_KINDS + 2 * WIRE_IDENTIFY_KNOWN ? result.step : first + 1;
	}
}

static bool say(struct wire_identify_answer *a, uint32_t op, uint32_t sequence)
{
	a->magic = WIRE_IDENTIFY_MAGIC;
	a->version = WIRE_IDENTIFY_VERSION;
	a->op = op;
	a->sequence = sequence;
	return life_syscall(SYS_sendto, WIRE_IDENTIFY_FD, a, sizeof *a, MSG_NOSIGNAL, 0, 0) == sizeof *a;
}

/* The first tester calls nothing: can this kernel lock one in? */
static bool say_hello(struct identify_result *shared)
{
	const struct wire_identify_request nothing = { .op = WIRE_IDENTIFY_HELLO };
	struct wire_identify_answer hello;
	memset(&hello, 0, sizeof hello);
	serve(&nothing, shared, &hello);
	return say(&hello, WIRE_IDENTIFY_HELLO, 0);
}

void identify_serve(void)
{
	static struct wire_identify_request r;
	static struct module module;
	struct wire_identify_answer a;
	long page = life_syscall(SYS_mmap, 0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct identify_result *shared = page > 0 ? (struct identify_result *)page : NULL;
	life_syscall(SYS_prctl, PR_SET_DUMPABLE, 0);
	signal(SIGCHLD, SIG_DFL);
	if (!has_socket_of((uint32_t)getppid()))
		life_syscall(SYS_exit_group, 0);
	if (!load_module(&module)) {
		memset(&a, 0, sizeof a);
		a.value = WIRE_IDENTIFY_NOT_LOADED;
		say(&a, WIRE_IDENTIFY_HELLO, 0);
		life_syscall(SYS_exit_group, 0);
	}
	dl_iterate_phdr(env_get(environ, WIRE_IDENTIFY_MODULE_ENV) ? take_module : take_first, &module);
	bool going = shared && module.known && say_hello(shared);
	while (going && life_syscall(SYS_recvfrom, WIRE_IDENTIFY_FD, &r, sizeof r, 0, 0, 0) == sizeof r) {
		memset(&a, 0, sizeof a);
		uint32_t op = r.op, sequence = r.sequence;
		if (take_request(&module, &r))
			serve(&r, shared, &a);
		going = say(&a, op, sequence);
	}
	for (;;)
		life_syscall(SYS_exit_group, 0);
}
