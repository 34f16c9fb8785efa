/* SPDX-License-Identifier: MIT */
/*
 * cxx_hooks.c - every form of operator new and delete, under their mangled names.
 *
 * Over libstdc++ they end in malloc and free, which are hooked: then these forward
 * only. Where the allocator's own object provides them (jemalloc, mimalloc, tcmalloc)
 * they mostly don't, and are booked here.
 *
 * The provider may have been loaded by a dlopen() with RTLD_LOCAL, out of RTLD_NEXT's
 * sight; it is then looked for where the caller would have found it. Exceptions pass
 * through these frames: no state is held across the real call.
 */
#define _GNU_SOURCE
#include "record.h"

#include <dlfcn.h>
#include <malloc.h>
#include <stdlib.h>

struct cxx_function {
	const char *name;
	void *real;
	bool direct; /* provided by the allocator itself: booked here */
};

/* By the Itanium C++ ABI's mangling, size_t = m. */
enum cxx_index {
#define CXX(name) CXX_##name,
#include "hooks_cxx.def"
#undef CXX
	CXX_COUNT
};

static struct cxx_function functions[CXX_COUNT] = {
#define CXX(mangled) { .name = #mangled },
#include "hooks_cxx.def"
#undef CXX
};

static void *object_of(const void *address)
{
	Dl_info info;
	return address && dladdr(address, &info) ? info.dli_fbase : NULL;
}

/* As the object at this address would find it. That object isn't kept from being unloaded;
 * the provider is, for its function is kept. */
static void *look_up_as(const void *address, const char *name)
{
	Dl_info info;
	void *found = NULL;
	if (!dladdr(address, &info) || !info.dli_fname)
		return NULL;
	void *object = dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
	if (!object)
		return NULL;
	found = dlsym(object, name);
	if (found && object_of(found) == object_of(functions))
		found = NULL;
	if (found && dladdr(found, &info) && info.dli_fname)
		dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
	dlclose(object);
	return found;
}

/* libstdc++'s sized delete jumps to the plain one: it has the return address of our hook,
 * and the provider of the sized one is the provider. */
static void *look_up(const char *name, void *caller)
{
	void *found = dlsym(RTLD_NEXT, name);
	if (!found)
		found = look_up_as(caller, name);
	for (int i = 0; i < CXX_COUNT && !found; i++)
		if (functions[i].real)
			found = look_up_as(functions[i].real, name);
	return found;
}

static struct cxx_function *resolve(enum cxx_index i, void *caller)
{
	struct cxx_function *f = &functions[i];
	if (likely(f->real != NULL))
		return f;
	if (unlikely(!probe.on))
		record_start();
	void *found = look_up(f->name, caller);
	f->direct = real_is_allocator((uintptr_t)found);
	__atomic_store_n(&f->real, found, __ATOMIC_RELEASE);
	return f;
}

/* Nobody provides it, though somebody calls it: as libstdc++ would, without the throw
 * that can't be had. */
static void *without_provider(size_t bytes, size_t alignment)
{
	return alignment ? memalign(alignment, bytes ? bytes : 1) : malloc(bytes ? bytes : 1);
}

/* Where the call ended in a hooked function the block is booked already, though maybe not
 * with the size that was asked for: libstdc++ rounds it up to the alignment, and 0 to 1. */
static inline void book_new(const struct cxx_function *f, void *p, size_t bytes, size_t alignment)
{
	struct recorder r;
	if (likely(!f->direct && !alignment && bytes) || !p || !recorder_begin(&r))
		return;
	struct record_place at = record_find(p);
	if (at.word)
		record_resize(r, p, at, bytes);
	else if (alignment)
		record_aligned(r, p, bytes);
	else
		record_alloc(r, p, bytes);
}

static inline void book_delete(const struct cxx_function *f, void *p, void *caller)
{
	struct recorder r;
	if (likely(!f->direct) || !p || !recorder_begin(&r))
		return;
	struct record_place at = record_find(p);
	if (likely(at.word != NULL))
		record_free(r, p, at);
	else
		record_unknown(r, p, false, caller);
	record_being_freed = p;
}

struct nothrow;
#define CALLER __builtin_return_address(0)

#define NEW_HOOK(name, params, args, bytes, alignment)                              \
	void *name params;                                                          \
	PROBE_EXPORT void *name params                                              \
	{                                                                           \
		struct cxx_function *f = resolve(CXX_##name, CALLER);               \
		if (unlikely(!f->real))                                             \
			return without_provider(bytes, alignment);                  \
		void *p = ((void *(*) params)f->real)args;                          \
		book_new(f, p, bytes, alignment);                                   \
		return p;                                                           \
	}

#define DELETE_HOOK(name, params, args)                                             \
	void name params;                                                           \
	PROBE_EXPORT void name params                                               \
	{                                                                           \
		struct cxx_function *f = resolve(CXX_##name, CALLER);               \
		if (unlikely(!f->real)) {                                           \
			free(p);                                                    \
			return;                                                     \
		}                                                                   \
		book_delete(f, p, CALLER);                                          \
		((void (*) params)f->real)args;                                     \
		if (unlikely(f->direct))                                            \
			record_being_freed = NULL;                                  \
	}

NEW_HOOK(_Znwm, (size_t n), (n), n, 0)
NEW_HOOK(_Znam, (size_t n), (n), n, 0)
NEW_HOOK(_ZnwmRKSt9nothrow_t, (size_t n, const struct nothrow *t), (n, t), n, 0)
NEW_HOOK(_ZnamRKSt9nothrow_t, (size_t n, const struct nothrow *t), (n, t), n, 0)
NEW_HOOK(_ZnwmSt11align_val_t, (size_t n, size_t a), (n, a), n, a)
NEW_HOOK(_ZnamSt11align_val_t, (size_t n, size_t a), (n, a), n, a)
NEW_HOOK(_ZnwmSt11align_val_tRKSt9nothrow_t, (size_t n, size_t a, const struct nothrow *t), (n, a, t), n, a)
NEW_HOOK(_ZnamSt11align_val_tRKSt9nothrow_t, (size_t n, size_t a, const struct nothrow *t), (n, a, t), n, a)
DELETE_HOOK(_ZdlPv, (void *p), (p))
DELETE_HOOK(_ZdaPv, (void *p), (p))
DELETE_HOOK(_ZdlPvm, (void *p, size_t n), (p, n))
DELETE_HOOK(_ZdaPvm, (void *p, size_t n), (p, n))
DELETE_HOOK(_ZdlPvRKSt9nothrow_t, (void *p, const struct nothrow *t), (p, t))
DELETE_HOOK(_ZdaPvRKSt9nothrow_t, (void *p, const struct nothrow *t), (p, t))
DELETE_HOOK(_ZdlPvSt11align_val_t, (void *p, size_t a), (p, a))
DELETE_HOOK(_ZdaPvSt11align_val_t, (void *p, size_t a), (p, a))
DELETE_HOOK(_ZdlPvmSt11align_val_t, (void *p, size_t n, size_t a), (p, n, a))
DELETE_HOOK(_ZdaPvmSt11align_val_t, (void *p, size_t n, size_t a), (p, n, a))
DELETE_HOOK(_ZdlPvSt11align_val_tRKSt9nothrow_t, (void *p, size_t a, const struct nothrow *t), (p, a, t))
DELETE_HOOK(_ZdaPvSt11align_val_tRKSt9nothrow_t, (void *p, size_t a, const struct nothrow *t), (p, a, t))
