/* SPDX-License-Identifier: MIT */
/*
 * What exec would make of a file; see exec_kind.h. The order of the tests is the
 * kernel's: access, "#!" (followed), ELF header, loader, then privileges of the file
 * that is run in the end (a script's own setuid bit means nothing).
 * Only plain system calls, small buffers, no allocation.
 */
#include "exec_kind.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#define HEAD_BYTES 256      /* the kernel's BINPRM_BUF_SIZE */
#define PHDRS_AT_ONCE 8
#define PHDRS_MAX 1170      /* 64 KiB of them: the kernel takes no more */

#if defined(__x86_64__)
#define MACHINE_HERE EM_X86_64
#elif defined(__aarch64__)
#define MACHINE_HERE EM_AARCH64
#else
#define MACHINE_HERE EM_NONE
#endif

static int settle(struct exec_kind *k, enum exec_class kind, int error)
{
	k->kind = kind;
	k->error = error;
	return 0;
}

static void set_interpreter(struct exec_kind *k, const char *name, size_t length)
{
	if (length >= sizeof k->interpreter)
		length = sizeof k->interpreter - 1;
	memcpy(k->interpreter, name, length);
	k->interpreter[length] = 0;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

static bool is_glibc_loader(const char *path)
{
	return !strncmp(base_name(path), "ld-linux", 8);
}

/* AT_SECURE after exec: the effective ids will not be the real ones, or a user who is
 * not root gains capabilities. Neither happens from a nosuid mount or under no_new_privs. */
static bool is_secure(int fd, const struct stat *st)
{
	struct statvfs fs;
	bool grants = !(fstatvfs(fd, &fs) == 0 && (fs.f_flag & ST_NOSUID)) &&
		      prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1;
	uid_t uid = grants && (st->st_mode & S_ISUID) ? st->st_uid : geteuid();
	bool setgid = (st->st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP);
	gid_t gid = grants && setgid ? st->st_gid : getegid();
	if (uid != getuid() || gid != getgid())
		return true;
	return grants && getuid() != 0 && fgetxattr(fd, "security.capability", NULL, 0) > 0;
}

/* The file offset and size of PT_INTERP's name; false if there is none. */
static bool find_loader(int fd, const Elf64_Ehdr *e, Elf64_Phdr *ret_interp)
{
	Elf64_Phdr ph[PHDRS_AT_ONCE];
	for (unsigned i = 0; i < e->e_phnum && i < PHDRS_MAX; i += PHDRS_AT_ONCE) {
		ssize_t got = pread(fd, ph, sizeof ph, (off_t)(e->e_phoff + i * sizeof ph[0]));
		for (unsigned j = 0; j < PHDRS_AT_ONCE && i + j < e->e_phnum; j++) {
			if (got < (ssize_t)((j + 1) * sizeof ph[0]))
				return false;
			if (ph[j].p_type == PT_INTERP) {
				*ret_interp = ph[j];
				return true;
			}
		}
	}
	return false;
}

static int judge_loader(int fd, const Elf64_Phdr *interp, struct exec_kind *k)
{
	char name[HEAD_BYTES];
	size_t size = interp->p_filesz < sizeof name ? interp->p_filesz : sizeof name - 1;
	ssize_t got = pread(fd, name, size, (off_t)interp->p_offset);
	if (got <= 0)
		return settle(k, EXEC_UNKNOWN, ENOEXEC);
	name[got] = 0;
	set_interpreter(k, name, strlen(name));
	if (access(name, F_OK) != 0)
		return settle(k, EXEC_NO_INTERPRETER, ENOENT);
	return settle(k, is_glibc_loader(name) ? EXEC_DYNAMIC : EXEC_OTHER_LIBC, 0);
}

static int judge_elf(int fd, const struct stat *st, const char *path, const Elf64_Ehdr *e,
		     struct exec_kind *k)
{
	Elf64_Phdr interp;
	if (e->e_ident[EI_CLASS] != ELFCLASS64 || e->e_ident[EI_DATA] != ELFDATA2LSB ||
	    e->e_machine != MACHINE_HERE)
		return settle(k, EXEC_FOREIGN, 0);
	if ((e->e_type != ET_EXEC && e->e_type != ET_DYN) || e->e_phentsize != sizeof interp)
		return settle(k, EXEC_UNKNOWN, ENOEXEC);
	if (find_loader(fd, e, &interp))
		judge_loader(fd, &interp, k);
	else /* the loader run by hand ("ld-linux-x86-64.so.2 PROGRAM") does preload */
		settle(k, is_glibc_loader(path) ? EXEC_DYNAMIC : EXEC_STATIC, 0);
	if (k->kind == EXEC_DYNAMIC && is_secure(fd, st))
		k->kind = EXEC_SECURE;
	return 0;
}

/* "#!", blanks, NAME, then a blank, the line's end or the buffer's. */
static int read_script(const char *head, size_t size, struct exec_kind *k)
{
	size_t from = 2, to;
	while (from < size && (head[from] == ' ' || head[from] == '\t'))
		from++;
	for (to = from; to < size; to++)
		if (head[to] == ' ' || head[to] == '\t' || head[to] == '\n' || head[to] == 0)
			break;
	if (to == from || (to == size && size == HEAD_BYTES))
		return settle(k, EXEC_UNKNOWN, ENOEXEC);
	set_interpreter(k, head + from, to - from);
	k->scripts++;
	return 1;
}

static int judge_unopened(int error, struct exec_kind *k)
{
	if (error == EACCES || error == EPERM)
		return settle(k, EXEC_UNREADABLE, 0);
	return settle(k, EXEC_UNKNOWN, error);
}

/* Exists, is a plain file, may be executed. */
static bool judge_access(const char *path, struct exec_kind *k)
{
	struct stat st;
	enum exec_class missing = k->scripts ? EXEC_NO_INTERPRETER : EXEC_NOT_FOUND;
	if (stat(path, &st) != 0)
		settle(k, errno == EACCES ? EXEC_NOT_EXECUTABLE : missing, errno);
	else if (S_ISDIR(st.st_mode))
		settle(k, EXEC_DIRECTORY, EACCES);
	else if (!S_ISREG(st.st_mode) || faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) != 0)
		settle(k, EXEC_NOT_EXECUTABLE, EACCES);
	else
		return true;
	if (k->scripts)
		k->kind = EXEC_NO_INTERPRETER;
	return false;
}

/* 1: a script, go on with k->interpreter; 0: settled. */
static int judge_file(const char *path, struct exec_kind *k)
{
	union { char bytes[HEAD_BYTES]; Elf64_Ehdr elf; } head;
	struct stat st;
	if (!judge_access(path, k))
		return 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return judge_unopened(errno, k);
	int ret;
	ssize_t got = pread(fd, head.bytes, sizeof head.bytes, 0);
	if (got < 0 || fstat(fd, &st) != 0)
		ret = judge_unopened(EIO, k);
	else if (got >= 2 && head.bytes[0] == '#' && head.bytes[1] == '!')
		ret = read_script(head.bytes, (size_t)got, k);
	else if (got >= (ssize_t)sizeof head.elf && !memcmp(head.bytes, ELFMAG, SELFMAG))
		ret = judge_elf(fd, &st, path, &head.elf, k);
	else
		ret = settle(k, EXEC_UNKNOWN, ENOEXEC);
	close(fd);
	return ret;
}

static void judge(const char *path, struct exec_kind *k)
{
	char name[sizeof k->interpreter];
	memset(k, 0, sizeof *k);
	int more = judge_file(path, k);
	while (more && k->scripts <= EXEC_SCRIPT_DEPTH) {
		memcpy(name, k->interpreter, sizeof name);
		more = judge_file(name, k);
	}
	if (more)
		settle(k, EXEC_TOO_DEEP, ELOOP);
}

int exec_kind(const char *path, struct exec_kind *ret)
{
	int saved = errno;
	struct exec_kind k;
	judge(path, &k);
	if (k.kind == EXEC_UNKNOWN && k.error == ENOEXEC && k.scripts == 0) {
		judge("/bin/sh", &k);
		settle(&k, k.kind == EXEC_DYNAMIC ? EXEC_DYNAMIC : EXEC_UNKNOWN, ENOEXEC);
	}
	*ret = k;
	errno = saved;
	return -k.error;
}

static int join(char *ret, size_t size, const char *dir, size_t dir_length, const char *name)
{
	size_t n = strlen(name), slash = dir_length > 0;
	if (dir_length + slash + n + 1 > size)
		return -ENAMETOOLONG;
	memcpy(ret, dir, dir_length);
	if (slash)
		ret[dir_length] = '/';
	memcpy(ret + dir_length + slash, name, n + 1);
	return 0;
}

/* One element of PATH; true when the search ends here. As execvp: what may not be run
 * is remembered and the search goes on. */
static bool search_one(char *path, struct exec_kind *ret, bool *denied)
{
	struct exec_kind k;
	exec_kind(path, &k);
	/* a folder that may not be looked into counts as one without the file */
	if (k.kind == EXEC_NOT_FOUND || access(path, F_OK) != 0)
		return false;
	if (k.kind == EXEC_NOT_EXECUTABLE || k.kind == EXEC_DIRECTORY) {
		if (!*denied)
			*ret = k;
		*denied = true;
		return false;
	}
	*ret = k;
	return true;
}

int exec_kind_search(const char *name, const char *path, char *ret_path, size_t size,
		     struct exec_kind *ret)
{
	char at[PATH_MAX];
	bool denied = false;
	if (strlen(name) >= size)
		return -ENAMETOOLONG;
	memcpy(ret_path, name, strlen(name) + 1);
	if (strchr(name, '/'))
		return exec_kind(name, ret);
	memset(ret, 0, sizeof *ret);
	settle(ret, EXEC_NOT_FOUND, ENOENT);
	for (const char *p = path ? path : "/bin:/usr/bin"; *name && p; ) {
		size_t n = strcspn(p, ":");
		bool was_denied = denied;
		bool fits = join(at, sizeof at < size ? sizeof at : size, p, n, name) == 0;
		bool found = fits && search_one(at, ret, &denied);
		if (found || denied != was_denied)
			memcpy(ret_path, at, strlen(at) + 1);
		if (found)
			break;
		p = p[n] ? p + n + 1 : NULL;
	}
	return -ret->error;
}

static const char *const clauses[EXEC_CLASSES] = {
	[EXEC_DYNAMIC]        = "",
	[EXEC_STATIC]         = "statically linked: the probe cannot be preloaded",
	[EXEC_OTHER_LIBC]     = "runs on another libc than glibc: the probe does not fit",
	[EXEC_FOREIGN]        = "32-bit or for another machine: the probe does not fit",
	[EXEC_SECURE]         = "setuid, setgid or with file capabilities: the loader ignores the probe",
	[EXEC_UNREADABLE]     = "not readable: memwhy cannot tell whether the probe fits",
	[EXEC_UNKNOWN]        = "of an unknown format: memwhy cannot tell whether the probe fits",
	[EXEC_NOT_FOUND]      = "not found",
	[EXEC_NOT_EXECUTABLE] = "not executable",
	[EXEC_DIRECTORY]      = "a directory",
	[EXEC_NO_INTERPRETER] = "its interpreter is missing",
	[EXEC_TOO_DEEP]       = "a script of a script of a script, too deep",
};

const char *exec_kind_clause(const struct exec_kind *k)
{
	return (unsigned)k->kind < EXEC_CLASSES ? clauses[k->kind] : "";
}
