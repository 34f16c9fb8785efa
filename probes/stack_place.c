/* SPDX-License-Identifier: MIT */
/* stack_place.c - see stack_place.h. */
#define _GNU_SOURCE
#include "stack_place.h"
#include "life.h"

#include <fcntl.h>
#include <sys/resource.h>

#define GROWTH_MAX (1ull << 30)

/* A line begins with "LOW-HIGH "; what follows is skipped. */
struct line { uintptr_t number[2]; unsigned field; };

static unsigned digit(char c)
{
	return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'a') + 10;
}

/* True: a line's two numbers are complete. */
static bool take(struct line *l, char c)
{
	if (c == '\n') {
		*l = (struct line){ { 0, 0 }, 0 };
		return false;
	}
	if (l->field > 1)
		return false;
	if (c == '-' || c == ' ')
		return ++l->field == 2;
	l->number[l->field] = l->number[l->field] << 4 | digit(c);
	return false;
}

static bool find(int fd, uintptr_t here, char *buffer, size_t size, struct unwind_stack *ret)
{
	struct line l = { { 0, 0 }, 0 };
	long got;
	while ((got = life_syscall(SYS_read, fd, buffer, size)) > 0)
		for (long i = 0; i < got; i++)
			if (take(&l, buffer[i]) && here >= l.number[0] && here < l.number[1]) {
				*ret = (struct unwind_stack){ l.number[0], l.number[1] };
				return true;
			}
	return false;
}

/* The kernel keeps this much below it free for its growth. */
static void count_growth(struct unwind_stack *s)
{
	struct rlimit limit;
	if (life_syscall(SYS_prlimit64, 0, RLIMIT_STACK, 0, &limit) == 0 && limit.rlim_cur <= GROWTH_MAX &&
	    s->high - limit.rlim_cur < s->low)
		s->low = s->high - limit.rlim_cur;
}

struct unwind_stack stack_place(uintptr_t here, bool is_main, char *buffer, size_t size)
{
	struct unwind_stack s = { 0, 0 };
	long fd = life_syscall(SYS_openat, AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return s;
	if (find((int)fd, here, buffer, size, &s) && is_main)
		count_growth(&s);
	life_syscall(SYS_close, fd);
	return s;
}
