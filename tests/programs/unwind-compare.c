/* SPDX-License-Identifier: MIT */
/*
 * unwind-compare.c - preloaded: at every allocation the program's stack is walked by the
 * probe's unwinder, as the probe does it with what it remembers of the last walk, and by
 * libunwind, and both must name the same frames. When the process ends, lines "name value"
 * are appended to the file $UNWIND_COMPARE:
 *   stacks, frames    compared
 *   kept              of these frames, those that were taken over from the last walk
 *   different         of other frames, or longer than libunwind's
 *   shorter           ours ended, and said so, for want of tables or memory; libunwind went on
 * and each of the first few differences as a line "ours ... theirs ...".
 */
#define _GNU_SOURCE
#define UNW_LOCAL_ONLY
#include "../../probes/stack_place.h"
#include "../../probes/unwind.h"

#include <fcntl.h>
#include <libunwind.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DEPTH 1024u
#define SHOWN 4u

extern void *__libc_malloc(size_t bytes);
extern void *__libc_calloc(size_t count, size_t bytes);
extern void *__libc_realloc(void *p, size_t bytes);
extern char __ehdr_start __attribute__((visibility("hidden")));
extern char end __attribute__((visibility("hidden")));

static uint64_t stacks, frames, kept, different, shorter, limit;
static char *path;
static __thread int busy;
static __thread struct unwind_frame remembered[UNWIND_FRAMES];
static __thread struct unwind_memo memo;
static __thread struct unwind_stack place;
static __thread uint64_t ours[DEPTH], theirs[DEPTH]; /* theirs: as in the registers */
static __thread uint8_t interrupted[DEPTH + 1];      /* as libunwind says */

static int is_own(uint64_t ip)
{
	return ip >= (uintptr_t)&__ehdr_start && ip < (uintptr_t)&end;
}

static pid_t first_thread;

static void start_thread(void)
{
	char text[1024];
	memo.frames = remembered;
	place = stack_place((uintptr_t)__builtin_frame_address(0), gettid() == first_thread, text, sizeof text);
}

/* As the probe does. */
static size_t walk_ours(struct unwind_cursor *c)
{
	size_t count = 0;
	unwind_again(c, &memo);
	for (size_t i = memo.total; i-- > 0;)
		if (!remembered[i].own)
			ours[count++] = remembered[i].ip;
	__atomic_fetch_add(&kept, memo.kept, __ATOMIC_RELAXED);
	unwind_keep(&memo);
	return c->end == UNWIND_GOES_ON ? count + unwind_walk(c, ours + count, DEPTH - count) : count;
}

static size_t walk_theirs(uint64_t *ret_ips)
{
	unw_context_t context;
	unw_cursor_t cursor;
	unw_word_t ip;
	size_t count = 0;
	unw_getcontext(&context);
	unw_init_local(&cursor, &context);
	do {
		unw_get_reg(&cursor, UNW_REG_IP, &ip);
		if (is_own(ip) || ip == 0)
			continue;
		interrupted[count] = unw_is_signal_frame(&cursor) > 0;
		ret_ips[count++] = ip;
	} while (count < DEPTH && unw_step(&cursor) > 0);
	interrupted[count] = 0;
	return count;
}

/* Ours is one less but for an interrupted frame and the trampoline in front of it. */
static int is_same(size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (ours[i] != theirs[i] - !(interrupted[i] || interrupted[i + 1]))
			return 0;
	return 1;
}

static void show(const char *who, int fd, const uint64_t *ips, size_t count)
{
	dprintf(fd, "%s %zu:", who, count);
	for (size_t i = 0; i < count && i < 48; i++)
		dprintf(fd, " %llx", (unsigned long long)ips[i]);
}

/* The maps too, so that a person can tell where that is. */
static void show_difference(size_t our_count, size_t their_count)
{
	static char text[1 << 16];
	int fd = path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
	int maps = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	show("ours", fd, ours, our_count);
	show(" theirs", fd, theirs, their_count);
	ssize_t got = getenv("UNWIND_COMPARE_MAPS") ? read(maps, text, sizeof text) : 0;
	dprintf(fd, "\n%.*s", (int)(got > 0 ? got : 0), text);
	close(maps);
	close(fd);
}

static void judge(const struct unwind_cursor *c, size_t our_count, size_t their_count)
{
	size_t same = our_count < their_count ? our_count : their_count;
	__atomic_fetch_add(&stacks, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&frames, our_count, __ATOMIC_RELAXED);
	int prefix = is_same(same);
	if (our_count == their_count && prefix)
		return;
	int cut = our_count < their_count && prefix &&
		  (c->end == UNWIND_NO_TABLES || c->end == UNWIND_UNREADABLE);
	uint64_t before = __atomic_fetch_add(cut ? &shorter : &different, 1, __ATOMIC_RELAXED);
	if (before < SHOWN)
		show_difference(our_count, their_count);
}

static void __attribute__((destructor)) finish(void);

static __attribute__((noinline)) void compare(void)
{
	struct unwind_cursor c;
	if (busy || !path || __atomic_load_n(&stacks, __ATOMIC_RELAXED) >= limit)
		return;
	busy = 1;
	if (!memo.frames)
		start_thread();
	unwind_begin(&c, place);
	size_t our_count = walk_ours(&c);
	judge(&c, our_count, walk_theirs(theirs));
	busy = 0;
}

void *malloc(size_t bytes)
{
	compare();
	return __libc_malloc(bytes);
}

void *calloc(size_t count, size_t bytes)
{
	compare();
	return __libc_calloc(count, bytes);
}

void *realloc(void *p, size_t bytes)
{
	compare();
	return __libc_realloc(p, bytes);
}

static void __attribute__((constructor)) start(void)
{
	struct unwind_slot *rules = mmap(NULL, UNWIND_RULES * sizeof *rules, PROT_READ | PROT_WRITE,
					 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const char *text = getenv("UNWIND_COMPARE_LIMIT");
	limit = text ? strtoull(text, NULL, 10) : UINT64_MAX;
	if (rules == MAP_FAILED)
		_exit(97);
	unw_set_caching_policy(unw_local_addr_space, UNW_CACHE_PER_THREAD);
	unwind_start(rules);
	first_thread = getpid();
	path = getenv("UNWIND_COMPARE");
}

void _exit(int status)
{
	finish();
	syscall(SYS_exit_group, status);
	__builtin_unreachable();
}

static void finish(void)
{
	busy = 1;
	int fd = path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
	if (fd < 0)
		return;
	dprintf(fd, "stacks %llu\nframes %llu\nkept %llu\ndifferent %llu\nshorter %llu\n", (unsigned long long)stacks,
		(unsigned long long)frames, (unsigned long long)kept, (unsigned long long)different, (unsigned long long)shorter);
	close(fd);
}
