/* SPDX-License-Identifier: MIT */
/*
 * modules.c - see modules.h. Asks the collector about each object once, when the loader has
 * mapped it (loader_hook.h): its constructors, and whoever calls it, come later. Small objects,
 * and those that are known to have no heap of their own, are not asked about: most programs'
 * libraries. All that are new go into one question.
 */
#define _GNU_SOURCE
#include "modules.h"

#include "life.h"
#include "linked.h"
#include "loader_hook.h"
#include "unwind.h"

#include <link.h>
#include <string.h>

#define OBJECTS 1024u
/* The smallest allocator is larger: mimalloc's code takes 60 KiB. */
#define CODE_MIN (48u << 10)
#define PATH_ROOM 4096u
/* The first time it may be identified, in 10 s of wall time at most (identify_process.c). */
#define LIMIT_NS 12000000000ull
#define LOOK_NS     50000000ull

enum { UNASKED, ASKED };

struct object {
	uint64_t bias;
	uint32_t name;           /* a hash: another object may come to the same place */
	int16_t slot;            /* of linked.h; -1: not patched */
	uint8_t state;
	uint8_t seen;            /* in this look */
};

/* All of it belongs to who has `looking`. */
static struct object objects[OBJECTS];
static uint32_t object_count, looking;
static unsigned long long adds, subs; /* ld.so's counts at the last look */
static uint16_t asked[OBJECTS];       /* objects in the list, in order */
static uint32_t asked_count;

static struct wire_modules *list(void)
{
	return (struct wire_modules *)(void *)(probe.base + WIRE_OFF_MODULES);
}

/* ---- which ones ------------------------------------------------------------------ */

static uint32_t hash(const char *name)
{
	uint32_t h = 2166136261u;
	for (; *name; name++)
		h = (h ^ (uint8_t)*name) * 16777619u;
	return h;
}

static bool has_address(const struct dl_phdr_info *info, uint64_t address)
{
	for (unsigned i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_LOAD &&
		    address - info->dlpi_addr - info->dlpi_phdr[i].p_vaddr < info->dlpi_phdr[i].p_memsz)
			return true;
	return false;
}

static uint64_t code_bytes(const struct dl_phdr_info *info)
{
	uint64_t bytes = 0;
	for (unsigned i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_LOAD && info->dlpi_phdr[i].p_flags & PF_X)
			bytes += info->dlpi_phdr[i].p_memsz;
	return bytes;
}

/* Behind the preloaded hooks are libc and perhaps another allocator, whose blocks are counted
 * there; ld.so and the probe have none. */
static bool is_behind_hooks(const struct dl_phdr_info *info)
{
	const void *const *functions = (const void *const *)(const void *)&real;
	for (size_t i = 0; i < sizeof real / sizeof *functions; i++)
		if (functions[i] && has_address(info, (uintptr_t)functions[i]))
			return true;
	return has_address(info, _r_debug.r_brk) || has_address(info, (uintptr_t)modules_start);
}

/* A name without a slash is the kernel's vdso; none at all is the executable. */
static bool is_worth_asking(const struct dl_phdr_info *info)
{
	return strchr(info->dlpi_name, '/') && strlen(info->dlpi_name) < PATH_ROOM && code_bytes(info) >= CODE_MIN &&
	       !is_behind_hooks(info);
}

/* ---- the table ------------------------------------------------------------------- */

static struct object *find(uint64_t bias, uint32_t name)
{
	for (uint32_t i = 0; i < object_count; i++)
		if (objects[i].bias == bias && objects[i].name == name)
			return &objects[i];
	return NULL;
}

/* What does not fit waits for the next question. */
static void put_in_list(struct object *o, const char *name)
{
	struct wire_modules *l = list();
	size_t n = strlen(name) + 1;
	if (n > sizeof l->text - l->bytes)
		return;
	memcpy(l->text + l->bytes, name, n);
	l->bytes += (uint32_t)n;
	l->count++;
	asked[asked_count++] = (uint16_t)(o - objects);
}

static int note(struct dl_phdr_info *info, size_t size, void *arg)
{
	uint32_t name = hash(info->dlpi_name);
	struct object *o = find(info->dlpi_addr, name);
	(void)size;
	(void)arg;
	adds = info->dlpi_adds;
	subs = info->dlpi_subs;
	if (!o && object_count < OBJECTS) {
		o = &objects[object_count++];
		*o = (struct object){ info->dlpi_addr, name, -1, is_worth_asking(info) ? UNASKED : ASKED, 0 };
	}
	if (!o)
		return 0;
	o->seen = 1;
	if (o->state == UNASKED)
		put_in_list(o, info->dlpi_name);
	return 0;
}

static int counts_changed(struct dl_phdr_info *info, size_t size, void *arg)
{
	(void)size;
	(void)arg;
	return info->dlpi_adds != adds || info->dlpi_subs != subs ? 2 : 1;
}

static void forget_unloaded(void)
{
	for (uint32_t i = object_count; i-- > 0;) {
		if (objects[i].seen)
			continue;
		if (objects[i].slot >= 0)
			linked_release(objects[i].slot);
		objects[i] = objects[--object_count];
	}
}

static void make_list(void)
{
	asked_count = 0;
	list()->count = list()->bytes = 0;
	dl_iterate_phdr(note, NULL);
}

/* ---- asking ---------------------------------------------------------------------- */

/* Not probe_request(): that holds the other threads while it waits, and is for later. */
static uint32_t send_list(struct wire_control *c)
{
	uint32_t seq = __atomic_add_fetch(&c->module_seq, 1, __ATOMIC_ACQ_REL);
	__atomic_fetch_or(&c->request_kinds, WIRE_REQUEST_MODULES, __ATOMIC_ACQ_REL);
	__atomic_add_fetch(&c->request_seq, 1, __ATOMIC_ACQ_REL);
	life_futex_wake(&c->request_seq);
	return seq;
}

static bool may_wait(const struct wire_control *c)
{
	return !__atomic_load_n(&c->detach, __ATOMIC_ACQUIRE) && !__atomic_load_n(&c->collector_gone, __ATOMIC_ACQUIRE) &&
	       (life.collector_pid <= 0 || life_syscall(SYS_kill, life.collector_pid, 0) != -ESRCH);
}

/* 0: none of them has a plan, or no answer came in time; else 1 + its index in the list. */
static uint32_t ask(struct wire_control *c)
{
	if (__atomic_load_n(&c->module_done, __ATOMIC_ACQUIRE) != c->module_seq)
		return 0; /* one wait in vain is enough, as long as that answer has not come */
	uint32_t seq = send_list(c);
	uint64_t start = life_now_ns();
	while (may_wait(c) && life_now_ns() - start < LIMIT_NS) {
		uint32_t done = __atomic_load_n(&c->module_done, __ATOMIC_ACQUIRE);
		if (done == seq)
			return c->module_answer <= asked_count ? c->module_answer : 0;
		life_futex_wait(&c->module_done, done, LOOK_NS);
	}
	/* it takes long where there is something to be found: live is not known from here on */
	__atomic_fetch_add(&c->modules_left_out, 1, __ATOMIC_RELAXED);
	return 0;
}

static const char *path_at(uint32_t index)
{
	const char *at = list()->text;
	while (index-- > 0)
		at += strlen(at) + 1;
	return at;
}

/* All of the list up to the answer has been judged. */
static void take_answer(uint32_t answer)
{
	const struct wire_plan *plan = (const struct wire_plan *)(const void *)(probe.base + WIRE_OFF_PLAN);
	uint32_t judged = answer ? answer : asked_count;
	for (uint32_t i = 0; i < judged; i++)
		objects[asked[i]].state = ASKED;
	if (answer) {
		struct object *o = &objects[asked[answer - 1]];
		o->slot = (int16_t)linked_install(plan, path_at(answer - 1), o->bias);
	}
}

static void look(void)
{
	for (uint32_t i = 0; i < object_count; i++)
		objects[i].seen = 0;
	make_list();
	forget_unloaded();
	for (make_list(); asked_count; make_list())
		take_answer(ask(probe.control));
}

/* The mark is the process: a thread that is not in a forked child may have left it there. */
static bool take_turn(void)
{
	uint32_t other = __atomic_load_n(&looking, __ATOMIC_ACQUIRE);
	return other != probe.pid && __atomic_compare_exchange_n(&looking, &other, probe.pid, false,
								 __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

static void look_once(void)
{
	int saved = errno;
	if (dl_iterate_phdr(counts_changed, NULL) == 2 && take_turn()) {
		look();
		__atomic_store_n(&looking, 0, __ATOMIC_RELEASE);
	}
	errno = saved;
}

/* In a forked child without a shadow what is loaded is looked at with the next object. */
static void on_loader_event(void)
{
	unwind_forget();
	if (life_owns_process())
		look_once();
}

void modules_start(void)
{
	look_once();
	loader_hook_install(on_loader_event);
}
