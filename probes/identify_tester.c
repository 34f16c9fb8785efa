/* SPDX-License-Identifier: MIT */
/*
 * identify_tester.c - the forked child: locked in, it tries the kinds one after the other.
 *
 * A test that crashes, waits, exits or takes more than 12 ms of CPU lands: a signal on a
 * stack of its own, and a jump back. If the known entry still makes blocks the next kind is
 * tried here, else a fresh tester goes on. Handlers are entered with SA_NODEFER, so that
 * leaving them by a jump needs no system call. Two timers stand behind it all, which nothing
 * but identify_own_syscall() can set: CPU, to land, and wall, to die.
 */
#define _GNU_SOURCE
#include "identify.h"
#include "life.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>

#define KIND_CPU_NS  12000000
#define WALL_SECONDS 2
#define STACK_BYTES  65536
#define DATA_LIMIT   (8ull << 30)
#define LATE_MAX     2 /* kinds: who takes that long as two of them is none of them */
#define STEPS_MAX    (WIRE_ENTRY_KINDS + 2 * WIRE_IDENTIFY_KNOWN)

enum outcome { MISSED, HIT, CRASHED };
struct step { uint32_t kind, known; };

/* Likely first, and what would mislead a later one before it. */
static const uint8_t kind_order[] = {
	WIRE_ENTRY_MALLOC, WIRE_ENTRY_MALLOCX, WIRE_ENTRY_MALLOC_ALIGNED, WIRE_ENTRY_CALLOC,
	WIRE_ENTRY_CALLOC_ALIGNED, WIRE_ENTRY_ALIGNED_ALLOC, WIRE_ENTRY_VALLOC, WIRE_ENTRY_PVALLOC, WIRE_ENTRY_FREE,
	WIRE_ENTRY_RALLOCX, WIRE_ENTRY_REALLOC, WIRE_ENTRY_REALLOC_ALIGNED, WIRE_ENTRY_RECALLOC, WIRE_ENTRY_POSIX_MEMALIGN,
	WIRE_ENTRY_XALLOCX, WIRE_ENTRY_USABLE_SIZE, WIRE_ENTRY_MALLCTL, WIRE_ENTRY_CTX_MALLOC,
	WIRE_ENTRY_CTX_CALLOC, WIRE_ENTRY_CTX_FREE, WIRE_ENTRY_CTX_REALLOC_OLD, WIRE_ENTRY_CTX_REALLOC,
};
static const int landing_signals[] = {
	SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS, SIGABRT, SIGALRM, SIGVTALRM, SIGPROF, SIGXCPU,
};

static void *landing[5];
static volatile int airborne, landed_by;
static int cpu_timer = -1;
static char zeros[4096] __attribute__((aligned(64))); /* the context that nobody knows */

static void end(void)
{
	for (;;)
		identify_own_syscall(SYS_exit_group, 0, 0, 0, 0);
}

static void land(int number)
{
	landed_by = number;
	if (airborne) {
		airborne = 0;
		__builtin_longjmp(landing, 1);
	}
	if (number != SIGPROF)
		end();
}

static void arm(long ns)
{
	const struct itimerspec limit = { .it_value = { 0, ns }, .it_interval = { 0, ns } };
	identify_own_syscall(SYS_timer_settime, cpu_timer, 0, (long)&limit, 0);
}

/* ---- the lock ------------------------------------------------------------------------ */

static long make_timer(clockid_t clock, int number, int *ret_timer)
{
	struct sigevent event;
	memset(&event, 0, sizeof event);
	event.sigev_notify = SIGEV_SIGNAL;
	event.sigev_signo = number;
	return life_syscall(SYS_timer_create, clock, &event, ret_timer);
}

static bool start_timers(void)
{
	const struct itimerspec limit = { .it_value = { WALL_SECONDS, 0 } };
	int wall_timer;
	return make_timer(CLOCK_PROCESS_CPUTIME_ID, SIGPROF, &cpu_timer) == 0 &&
	       make_timer(CLOCK_MONOTONIC, SIGKILL, &wall_timer) == 0 &&
	       life_syscall(SYS_timer_settime, wall_timer, 0, &limit, 0) == 0;
}

static bool catch_signals(void)
{
	static char stack[STACK_BYTES] __attribute__((aligned(64)));
	const stack_t alternate = { .ss_sp = stack, .ss_size = sizeof stack };
	struct sigaction a;
	sigset_t none;
	memset(&a, 0, sizeof a);
	a.sa_handler = land;
	a.sa_flags = SA_ONSTACK | SA_NODEFER;
	for (size_t i = 0; i < sizeof landing_signals / sizeof *landing_signals; i++)
		if (sigaction(landing_signals[i], &a, NULL) != 0)
			return false;
	sigemptyset(&none);
	return sigprocmask(SIG_SETMASK, &none, NULL) == 0 && life_syscall(SYS_sigaltstack, &alternate, 0) == 0;
}

static void close_all(void)
{
	if (life_syscall(SYS_close_range, 0, ~0u, 0) == 0)
		return;
	for (int fd = 0; fd < 4096; fd++)
		life_syscall(SYS_close, fd);
}

static bool lock_in(void)
{
	const struct rlimit none = { 0, 0 }, data = { DATA_LIMIT, DATA_LIMIT }, cpu = { 2, 2 };
	life_syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);
	life_syscall(SYS_prctl, PR_SET_DUMPABLE, 0);
	life_syscall(SYS_prlimit64, 0, RLIMIT_CORE, &none, 0);
	life_syscall(SYS_prlimit64, 0, RLIMIT_FSIZE, &none, 0);
	life_syscall(SYS_prlimit64, 0, RLIMIT_DATA, &data, 0);
	life_syscall(SYS_prlimit64, 0, RLIMIT_CPU, &cpu, 0);
	close_all();
	return catch_signals() && start_timers() && identify_lock_down() == 0;
}

/* ---- one test -------------------------------------------------------------------------- */

static __attribute__((noinline)) enum outcome fly(identify_contract *contract, const struct identify_case *c)
{
	if (__builtin_setjmp(landing)) {
		arm(0);
		return CRASHED;
	}
	airborne = 1;
	arm(KIND_CPU_NS);
	bool hit = contract(c);
	arm(0);
	airborne = 0;
	return hit ? HIT : MISSED;
}

static uint64_t context_maker, context;
static bool make_context(const struct identify_case *c)
{
	context = context_maker ? identify_call(context_maker) : (uint64_t)(uintptr_t)zeros;
	return context != 0;
}

static bool call_only(const struct identify_case *c)
{
	c->result->value = identify_call(c->candidate.address);
	return true;
}

/* ---- the steps of a request ------------------------------------------------------------ */

static unsigned list_steps(const struct wire_identify_request *r, struct step *ret_steps)
{
	unsigned n = 0;
	for (size_t i = 0; i < sizeof kind_order; i++) {
		uint32_t kind = kind_order[i];
		bool frees = kind == WIRE_ENTRY_FREE || kind == WIRE_ENTRY_CTX_FREE;
		if (!(r->kinds >> kind & 1) || !identify_contract_for(kind))
			continue;
		if (!frees && (r->known_count || !identify_kind_needs_known(kind)))
			ret_steps[n++] = (struct step){ kind, 0 };
		for (uint32_t k = 0; frees && k < r->known_count; k++)
			if (identify_kind_makes(r->known[k].kind))
				ret_steps[n++] = (struct step){ kind, k };
	}
	return n;
}

/* Books one outcome; true: that was the last step that was needed. */
static bool book(const struct identify_case *c, struct step step, enum outcome outcome, bool more_of_kind)
{
	struct identify_result *r = c->result;
	if (outcome == CRASHED) {
		r->crashed |= 1ull << step.kind;
		r->shaken |= !r->kind;
	}
	if (outcome == HIT) {
		r->kind = step.kind;
		if (identify_kind_needs_known(step.kind))
			r->frees |= 1ull << step.known;
	}
	return r->kind && !more_of_kind;
}

static void test_kinds(const struct wire_identify_request *r, struct identify_case *c, uint32_t first)
{
	static struct step steps[STEPS_MAX];
	const struct identify_entry *known = c->known;
	unsigned count = list_steps(r, steps), late = 0;
	for (uint32_t s = first; s < count; s++) {
		c->result->step = s;
		c->candidate.kind = steps[s].kind;
		c->known = known + steps[s].known;
		enum outcome outcome = fly(identify_contract_for(steps[s].kind), c);
		if (book(c, steps[s], outcome, s + 1 < count && steps[s + 1].kind == steps[s].kind))
			break;
		late += outcome == CRASHED && landed_by == SIGPROF;
		if (late == LATE_MAX)
			break;
		if (outcome == CRASHED && r->known_count && fly(identify_still_answers, c) != HIT) {
			c->result->step = s + 1;
			end();
		}
	}
	c->result->done = 1;
}

static void test_wraps(struct identify_case *c)
{
	c->result->done = 1; /* a fresh one would fare no better */
	if (fly(identify_wraps_prepare, c) != HIT)
		return;
	for (uint32_t i = 0; i < IDENTIFY_WRAPS_CALLS; i++) {
		enum outcome outcome = fly(identify_wraps_call, c);
		if (outcome == CRASHED && landed_by != SIGTRAP)
			return;
		c->result->calls++;
		c->result->traps += outcome == CRASHED;
	}
}

void identify_test(const struct wire_identify_request *request, uint32_t first, struct identify_result *result)
{
	static struct identify_entry known[WIRE_IDENTIFY_KNOWN];
	struct identify_case c = { .known = known, .known_count = request->known_count,
				   .flags = request->flags, .result = result };
	if (!lock_in())
		end();
	result->value = 1; /* locked in: what the server's first tester is for */
	for (uint32_t i = 0; i < request->known_count; i++)
		known[i] = (struct identify_entry){ request->known[i].address, request->known[i].kind, request->known[i].trap };
	c.candidate.address = request->candidate;
	context_maker = request->context;
	if (request->op != WIRE_IDENTIFY_HELLO && fly(make_context, &c) == HIT) {
		c.context = context;
		if (request->op == WIRE_IDENTIFY_TEST)
			test_kinds(request, &c, first);
		c.candidate.kind = request->kinds ? (uint32_t)__builtin_ctzll(request->kinds) : WIRE_ENTRY_NONE;
		if (request->op == WIRE_IDENTIFY_WRAPS)
			test_wraps(&c);
		if (request->op == WIRE_IDENTIFY_CALL && fly(call_only, &c) == HIT)
			result->kind = 1;
	}
	result->done = 1;
	end();
	__builtin_unreachable();
}
