/* SPDX-License-Identifier: MIT */
/*
 * The list of allocator shims; see stack_shims.h. A name fits an entry if it is the entry, or
 * begins with it where it ends with '*'. Rust's methods of generic types are demangled as
 * "<alloc::vec::Vec<T>>::reserve" or "alloc::vec::Vec<T,A>::reserve": a leading '<' is skipped.
 */
#include "stack_shims.h"

#include <stddef.h>
#include <string.h>

static const char *const shims[] = {
	/* C */
	"malloc", "calloc", "realloc", "reallocarray", "memalign", "posix_memalign", "aligned_alloc", "valloc",
	"pvalloc", "strdup", "__strdup", "strndup", "__strndup", "asprintf", "vasprintf", "__libc_*",
	"xmalloc", "xcalloc", "xrealloc", "xstrdup", "_int_malloc", "_int_realloc", "__GI___*alloc*",
	/* programs' and libraries' own ways to it: redis, SQLite, perl, OpenSSL, git */
	"zmalloc*", "zcalloc*", "zrealloc*", "ztrymalloc*", "ztrycalloc*", "ztryrealloc*",
	"sqlite3_malloc*", "sqlite3_realloc*", "sqlite3Malloc*", "sqlite3Realloc", "sqlite3MemMalloc", "sqlite3MemRealloc",
	"sqlite3DbMalloc*", "sqlite3DbRealloc*", "Perl_safesysmalloc", "Perl_safesyscalloc", "Perl_safesysrealloc",
	"CRYPTO_malloc", "CRYPTO_zalloc", "CRYPTO_realloc", "CRYPTO_strdup", "CRYPTO_memdup",
	"do_xmalloc", "xmallocz", "xmemdupz",
	/* GLib */
	"g_malloc*", "g_try_malloc*", "g_realloc*", "g_try_realloc*", "g_slice_alloc*", "g_strdup*", "g_strndup",
	/* C++ */
	"operator new*", "__gnu_cxx::new_allocator*", "std::__new_allocator*",
	"std::allocator<*", "std::allocator_traits<*", "std::_Vector_base<*", "std::__detail::_Hashtable_alloc<*",
	"std::__cxx11::basic_string<*_M_create*", "std::_Deque_base<*", "std::_Rb_tree<*_M_get_node*",
	"std::__allocate_guarded*", "std::__uniq_ptr*", "std::make_unique<*", "std::__shared_count<*",
	"std::__shared_ptr<*", "std::allocate_shared<*", "std::make_shared<*", "std::__1::__libcpp_allocate*",
	"std::__1::allocator*", "std::vector<*_M_realloc_insert*", "std::vector<*_M_realloc_append*",
	"std::vector<*_M_create_storage*", "std::vector<*_M_allocate*",
	/* Rust */
	"__rust_alloc*", "__rust_realloc", "__rdl_*", "__rg_*", "__rustc::__rust_*", "__rustc::__rdl_*", "__rustc::__rg_*",
	"alloc::alloc::*", "alloc::raw_vec::*", "alloc::boxed::Box<*>::new*", "std::alloc::*", "std::sys::alloc::*",
	"alloc::vec::Vec<*>::with_capacity*", "alloc::vec::Vec<*>::reserve*", "alloc::vec::Vec<*>::push",
	"hashbrown::raw::*", "core::alloc::*", "alloc::sync::Arc<*>::new*", "alloc::rc::Rc<*>::new*",
	"alloc::rc::Rc<*>::allocate*", "alloc::sync::Arc<*>::allocate*",
	/* Python */
	"PyMem_Malloc", "PyMem_Calloc", "PyMem_Realloc", "PyMem_RawMalloc", "PyMem_RawCalloc", "PyMem_RawRealloc",
	"PyObject_Malloc", "PyObject_Calloc", "PyObject_Realloc", "_PyMem_Raw*", "_PyObject_Malloc",
	"_PyObject_Calloc", "_PyObject_Realloc", "pymalloc_alloc", "new_arena", "_PyMem_ArenaAlloc", "_PyObject_Arena*",
	/* allocators themselves */
	"je_*alloc*", "_rjem_*", "mallocx", "rallocx", "imalloc*", "mi_malloc*", "mi_calloc*", "mi_zalloc*",
	"mi_realloc*", "_mi_malloc_generic", "_mi_heap_*", "mi_heap_*alloc*", "tc_malloc*", "tc_new*", "tc_calloc*",
	"tc_realloc*", "do_memalign",
};

/* '*' stands for anything, several may come. No recursion: the last one takes more when stuck. */
static bool matches(const char *pattern, const char *text)
{
	const char *star = NULL, *mark = NULL;
	while (*text) {
		if (*pattern == '*') {
			star = pattern++;
			mark = text;
		} else if (*pattern == *text) {
			pattern++;
			text++;
		} else if (star) {
			pattern = star + 1;
			text = ++mark;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}

bool stack_is_shim(const char *function)
{
	const char *name = *function == '<' ? function + 1 : function;
	if (!strncmp(name, "void ", 5)) /* a template's demangled name begins with what it returns */
		name += 5;
	for (size_t i = 0; i < sizeof shims / sizeof *shims; i++)
		if (matches(shims[i], name))
			return true;
	return false;
}
