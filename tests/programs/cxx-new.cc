/* SPDX-License-Identifier: MIT */
/*
 * cxx-new pattern|baseline [no-throw] - every form of operator new and delete.
 *
 * Model: what was asked for by new and not deleted is live, to the byte, whoever provides
 * the operators (libstdc++, jemalloc, mimalloc, tcmalloc); a form that goes through another
 * one, or through malloc, counts once. A new that throws changes nothing. Array forms are
 * called as functions, so that no cookie hides in the size. "baseline" skips the pattern;
 * "no-throw" the failures (Debian's libmimalloc is built as C: it aborts where it should throw).
 */
extern "C" {
#include "say.h"
}
#include <initializer_list>
#include <new>

static struct { long live_bytes, allocations, frees; } expected;
static int handler_calls;

static void *took(void *p, std::size_t n)
{
	MUST(p != nullptr);
	memset(p, 0x5a, n);
	expected.live_bytes += (long)n;
	expected.allocations++;
	return p;
}

static void gone(std::size_t n)
{
	expected.live_bytes -= (long)n;
	expected.frees++;
}

static void plain()
{
	for (std::size_t n : { 0, 1, 8, 16, 17, 100, 5000, 200000 }) {
		void *a = took(::operator new(n), n), *b = took(::operator new[](n), n);
		void *c = took(::operator new(n, std::nothrow), n), *d = took(::operator new[](n, std::nothrow), n);
		took(::operator new(n), n);
		::operator delete(a);
		::operator delete[](b);
		::operator delete(c, std::nothrow);
		::operator delete[](d, std::nothrow);
		for (int i = 0; i < 4; i++)
			gone(n);
		a = took(::operator new(n), n);
		b = took(::operator new[](n), n);
		::operator delete(a, n);
		::operator delete[](b, n);
		gone(n);
		gone(n);
	}
	::operator delete(nullptr);
	::operator delete[](nullptr);
}

static void over_aligned()
{
	for (std::size_t alignment : { 32, 64, 256, 4096 })
		for (std::size_t n : { 64, 100, 5000 }) {
			std::align_val_t by{alignment};
			void *a = took(::operator new(n, by), n), *b = took(::operator new[](n, by), n);
			void *c = took(::operator new(n, by, std::nothrow), n);
			void *d = took(::operator new[](n, by, std::nothrow), n);
			MUST((uintptr_t)a % alignment == 0 && (uintptr_t)b % alignment == 0);
			MUST((uintptr_t)c % alignment == 0 && (uintptr_t)d % alignment == 0);
			took(::operator new(n, by), n);
			::operator delete(a, by);
			::operator delete[](b, by);
			::operator delete(c, n, by);
			::operator delete[](d, n, by);
			for (int i = 0; i < 4; i++)
				gone(n);
			::operator delete(took(::operator new(n, by), n), by, std::nothrow);
			::operator delete[](took(::operator new[](n, by), n), by, std::nothrow);
			gone(n);
			gone(n);
		}
}

struct alignas(128) wide { char bytes[256]; ~wide() { bytes[0] = 1; } };
struct narrow { char bytes[24]; };

static void expressions()
{
	narrow *volatile one = new narrow;
	wide *volatile two = new wide;
	expected.live_bytes += (long)(sizeof(narrow) + sizeof(wide));
	expected.allocations += 2;
	narrow *volatile three = new narrow[10];
	expected.allocations++;
	delete[] three;
	expected.frees++;
	MUST((uintptr_t)two % 128 == 0);
	delete two;
	gone(sizeof(wide));
	MUST(one != nullptr);
}

static void on_new_failure()
{
	if (++handler_calls == 2)
		std::set_new_handler(nullptr);
}

/* The handler is asked, may try again, and gives up: bad_alloc, or a null pointer. */
static void failures()
{
	volatile std::size_t huge = PTRDIFF_MAX - 4096;
	int caught = 0;
	std::set_new_handler(on_new_failure);
	try {
		took(::operator new(huge), 0);
	} catch (const std::bad_alloc &) {
		caught++;
	}
	try {
		took(::operator new[](huge, std::align_val_t{64}), 0);
	} catch (const std::bad_alloc &) {
		caught++;
	}
	MUST(::operator new(huge, std::nothrow) == nullptr);
	MUST(::operator new[](huge, std::nothrow) == nullptr);
	say("caught %d handler_calls %d\n", caught, handler_calls);
}

int main(int argc, char **argv)
{
	/* The run-time's own blocks of exception handling are made in the baseline too. */
	if (argc <= 2 || strcmp(argv[2], "no-throw"))
		failures();
	if (argc <= 1 || strcmp(argv[1], "baseline")) {
		plain();
		over_aligned();
		expressions();
	}
	say("counter live_requested_bytes %ld\n", expected.live_bytes);
	say("counter allocations %ld\ncounter frees %ld\n", expected.allocations, expected.frees);
	_exit(0);
}
