/* SPDX-License-Identifier: MIT */
/*
 * attach.c - how a process gets its shadow, and how it goes without.
 *
 * A new image attaches at its first hook call (or in the constructor): reads and removes
 * memwhy's variables, asks the collector for a memfd, maps it, and only then turns the
 * hooks on. A forked child finds the page wiped and asks for a memfd of its own. Nothing
 * stays open: no descriptor of the probe is ever seen by the target. In any trouble the
 * hooks stay off; where a memfd was had, its head says why.
 */
#define _GNU_SOURCE
#include "channel.h"
#include "heap.h"
#include "identify.h"
#include "introspect.h"
#include "life.h"
#include "linked.h"
#include "modules.h"

#include <linux/membarrier.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

/* In zero-initialized data: its page is anonymous memory, as MADV_WIPEONFORK demands. */
union probe_page probe_page __attribute__((aligned(4096)));
struct life_facts life;

void life_resolve(void)
{
	static uint32_t resolving; /* also in a forked child, which inherits `real` */
	if (__atomic_exchange_n(&resolving, 1, __ATOMIC_ACQ_REL) == 0)
		real_resolve();
}

/* Says in the memfd why this process has no shadow: its head alone is small enough even
 * under RLIMIT_AS. */
static void publish_off(int memfd, enum wire_reason reason)
{
	struct wire_control *c;
	long at = life_syscall(SYS_mmap, 0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
	if (at < 0)
		return;
	c = (struct wire_control *)at;
	c->pid = (uint32_t)getpid();
	c->ppid = (uint32_t)getppid();
	c->start_ns = life_now_ns();
	c->reason = reason;
	__atomic_store_n(&c->state, WIRE_STATE_OFF, __ATOMIC_RELEASE);
	life_syscall(SYS_munmap, at, 4096);
}

/* A limit on address space leaves no room for the reservation, and what it left to the
 * target is the target's. */
static bool address_space_is_limited(void)
{
	struct rlimit limit;
	return getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
}

/* 0 and probe.base, or the reason. */
static enum wire_reason map_shadow(int memfd)
{
	char *base;
	if (address_space_is_limited())
		return WIRE_REASON_ADDRESS_LIMIT;
	if (life_syscall(SYS_madvise, &probe_page, sizeof probe_page, MADV_WIPEONFORK) != 0)
		return WIRE_REASON_NO_WIPEONFORK;
	if (!real.malloc || !real.free)
		return WIRE_REASON_NO_SYMBOLS;
	int err = shadow_map(memfd, &base);
	if (err != 0)
		return err == -EPROTO ? WIRE_REASON_VERSION : WIRE_REASON_MMAP;
	probe.base = base;
	probe.control = (struct wire_control *)base;
	probe.directory = (uint32_t *)(base + WIRE_OFF_DIRECTORY);
	return WIRE_REASON_NONE;
}

static void fill_control(struct wire_control *c, uint32_t hello_kind)
{
	probe.pid = (uint32_t)getpid();
	probe.follow = life.follow;
	probe.epoch = ++life.epoch;
	c->pid = probe.pid;
	c->ppid = (uint32_t)getppid();
	c->start_ns = life_now_ns();
	c->forked = hello_kind == WIRE_HELLO_FORK;
	c->membarrier = life_syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0) == 0;
}

int life_attach(uint32_t hello_kind)
{
	struct wire_welcome welcome;
	int memfd, err = channel_open(&life.wire, hello_kind, &memfd, &welcome, &life.collector_pid);
	if (err != 0)
		return err;
	life.admitted = true;
	enum wire_reason reason = map_shadow(memfd);
	if (reason != WIRE_REASON_NONE)
		publish_off(memfd, reason);
	life_syscall(SYS_close, memfd);
	if (reason != WIRE_REASON_NONE)
		return -EOPNOTSUPP;
	life.follow = life.follow && welcome.follow;
	fill_control(probe.control, hello_kind);
	return 0;
}

void life_attach_off(uint32_t hello_kind, enum wire_reason reason)
{
	struct wire_welcome welcome;
	int memfd;
	if (channel_open(&life.wire, hello_kind, &memfd, &welcome, &life.collector_pid) != 0)
		return;
	publish_off(memfd, address_space_is_limited() ? WIRE_REASON_ADDRESS_LIMIT : reason);
	life_syscall(SYS_close, memfd);
}

void life_turn_on(void)
{
	life.base = probe.base;
	life.shrunk = false;
	life_reset_exit();
	__atomic_store_n(&probe.control->state, WIRE_STATE_ON, __ATOMIC_RELEASE);
	/* Last: a hook that sees it may use everything above. */
	__atomic_store_n(&probe.on, 1, __ATOMIC_RELEASE);
	life_send_early_events();
}

/* memwhy's variables go, whatever comes of the rest: the target never sees them. */
static bool learn_facts(void)
{
	if (!env_take(environ, &life.ours))
		return false;
	life.known = env_parse_wire(life.ours.wire + sizeof WIRE_ENV, &life.wire);
	life.follow = life.known && (life.wire.flags & WIRE_ENV_FOLLOW);
	return life.known;
}

void probe_start(void)
{
	uint32_t fresh = 0;
	if (!environ || !__atomic_compare_exchange_n(&probe.started, &fresh, 1, false,
						     __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		return;
	int saved = errno;
	life_resolve();
	/* Known already: a fork that libc made inside itself, with no hook to copy the shadow. */
	if (!life.known && learn_facts() && life_attach(WIRE_HELLO_IMAGE) == 0) {
		heap_identify();
		linked_install_executable();
		modules_start();
		introspect_start();
		life_turn_on();
	}
	__atomic_store_n(&probe.started, 2, __ATOMIC_RELEASE);
	errno = saved;
}

static void start_before_main(void) __attribute__((constructor(101)));
static void start_before_main(void)
{
	if (environ && identify_is_asked()) {
		/* Hooks are bare forwarders from here on, and main is never reached. */
		__atomic_store_n(&probe.started, 2, __ATOMIC_RELEASE);
		life_resolve();
		identify_serve();
	}
	if (probe.started != 2)
		probe_start();
}
