/* SPDX-License-Identifier: MIT */
/*
 * exec_kind.h - what the kernel and ld.so would make of a file given to exec: whether
 * it runs, and whether a glibc object of this machine may be preloaded into it.
 * The launcher asks it once, the probe before each exec of the target: everything here
 * is async-signal-safe, allocates nothing, keeps errno, needs < 2 KiB of stack
 * (exec_kind_search: PATH_MAX more), and may run in a vfork child.
 * It looks, and so can be wrong a moment later: the kernel's own answer counts.
 */
#ifndef MEMWHY_EXEC_KIND_H
#define MEMWHY_EXEC_KIND_H

#include <stdbool.h>
#include <stddef.h>

enum exec_class {
	EXEC_DYNAMIC,      /* 64-bit of this machine, glibc's loader: a preload fits */
	EXEC_STATIC,       /* no loader: LD_PRELOAD is not looked at */
	EXEC_OTHER_LIBC,   /* another libc's loader: a glibc object would break it */
	EXEC_FOREIGN,      /* 32-bit or another machine: its ld.so would complain */
	EXEC_SECURE,       /* setuid, setgid or file capabilities: ld.so ignores preloads */
	EXEC_UNREADABLE,   /* may be run and not read: nobody can tell */
	EXEC_UNKNOWN,      /* neither ELF nor script, and no /bin/sh to try it with */
	EXEC_NOT_FOUND,
	EXEC_NOT_EXECUTABLE,
	EXEC_DIRECTORY,
	EXEC_NO_INTERPRETER, /* of a script, or the ELF loader: see .interpreter */
	EXEC_TOO_DEEP,     /* more than EXEC_SCRIPT_DEPTH scripts in a row */
	EXEC_CLASSES
};
#define EXEC_SCRIPT_DEPTH 4

struct exec_kind {
	enum exec_class kind;
	int error;             /* what execve would set errno to, as far as one can tell; 0: it would run */
	unsigned scripts;      /* how many "#!" were followed */
	char interpreter[256]; /* the last "#!" or PT_INTERP name, "" if none, cut if longer */
};

/* path: as execve takes it. A file that is neither ELF nor "#!" gets ENOEXEC and the
 * kind of /bin/sh, with which execvp would run it. Returns ret->error negated. */
int exec_kind(const char *path, struct exec_kind *ret);

/* The same for a name as execvp takes it: without a slash it is looked for in the list
 * `path` (the value of PATH; NULL: the system's default). ret_path: what was found (the
 * name itself when nothing was). -ENAMETOOLONG when it does not fit. */
int exec_kind_search(const char *name, const char *path, char *ret_path, size_t size,
		     struct exec_kind *ret);

static inline bool exec_kind_takes_preload(const struct exec_kind *k)
{
	return k->kind == EXEC_DYNAMIC;
}
/* Why not, as one clause ("statically linked: the probe cannot be preloaded"); "" when it does. */
const char *exec_kind_clause(const struct exec_kind *k);

#endif
