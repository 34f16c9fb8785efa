/* SPDX-License-Identifier: MIT */
/*
 * demangle.h - a linker's name as its author wrote it: C++ (Itanium ABI) and Rust (legacy
 * and v0), by libiberty. Names come out of other people's files: a few hundred bytes can
 * ask for more text than there is memory, or for recursion without end; both have a bound.
 * Not for signal handlers.
 */
#ifndef MEMWHY_DEMANGLE_H
#define MEMWHY_DEMANGLE_H

#define DEMANGLE_NAME_MAX 8192  /* bytes of a mangled name */
#define DEMANGLE_TEXT_MAX 32768 /* bytes of what it may become */

/* *ret_text: the caller frees. Rust's hash is left out. -ENOENT: no mangled name, or a
 * damaged one; -E2BIG: longer than the bounds; -ENOMEM. */
int demangle_name(const char *name, char **ret_text);

#endif
