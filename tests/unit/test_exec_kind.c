/* SPDX-License-Identifier: MIT */
/* exec_kind on files made for it: the kernel's exec is the judge where it can be asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "exec_kind.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__x86_64__)
#define MACHINE EM_X86_64
#define LOADER "/lib64/ld-linux-x86-64.so.2"
#else
#define MACHINE EM_AARCH64
#define LOADER "/lib/ld-linux-aarch64.so.1"
#endif

static char folder[] = "/tmp/memwhy-exec-kind-XXXXXX";

static const char *in_folder(const char *name)
{
	static char path[PATH_MAX];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	return path;
}

static const char *write_file(const char *name, const void *data, size_t size, mode_t mode)
{
	const char *path = in_folder(name);
	unlink(path);
	int fd = open(path, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, size), size);
	close(fd);
	assert_int_equal(chmod(path, mode), 0);
	return path;
}

static const char *write_text(const char *name, const char *text, mode_t mode)
{
	return write_file(name, text, strlen(text), mode);
}

/* A header and one program header, with this loader (NULL: none). */
static const char *write_elf(const char *name, unsigned char class, uint16_t machine, const char *loader, mode_t mode)
{
	struct { Elf64_Ehdr e; Elf64_Phdr p[2]; char loader[64]; } f;
	memset(&f, 0, sizeof f);
	memcpy(f.e.e_ident, ELFMAG, SELFMAG);
	f.e.e_ident[EI_CLASS] = class;
	f.e.e_ident[EI_DATA] = ELFDATA2LSB;
	f.e.e_type = ET_DYN;
	f.e.e_machine = machine;
	f.e.e_phoff = sizeof f.e;
	f.e.e_phentsize = sizeof f.p[0];
	f.e.e_phnum = 2;
	f.p[0].p_type = PT_LOAD;
	f.p[1].p_type = loader ? PT_INTERP : PT_NULL;
	f.p[1].p_offset = offsetof(__typeof__(f), loader);
	f.p[1].p_filesz = loader ? strlen(loader) + 1 : 0;
	if (loader)
		snprintf(f.loader, sizeof f.loader, "%s", loader);
	return write_file(name, &f, sizeof f, mode);
}

static void check(const char *path, enum exec_class kind, int error)
{
	struct exec_kind k;
	errno = 77;
	int ret = exec_kind(path, &k);
	assert_int_equal(errno, 77);
	assert_int_equal(k.kind, kind);
	assert_int_equal(k.error, error);
	assert_int_equal(ret, -error);
	assert_int_equal(exec_kind_takes_preload(&k), kind == EXEC_DYNAMIC);
	assert_int_equal(strlen(exec_kind_clause(&k)) > 0, kind != EXEC_DYNAMIC);
}

static void elf_files(void **state)
{
	check("/proc/self/exe", EXEC_DYNAMIC, 0);
	check(write_elf("dynamic", ELFCLASS64, MACHINE, LOADER, 0755), EXEC_DYNAMIC, 0);
	check(write_elf("static", ELFCLASS64, MACHINE, NULL, 0755), EXEC_STATIC, 0);
	check(write_elf("32bit", ELFCLASS32, EM_386, "/lib/ld-linux.so.2", 0755), EXEC_FOREIGN, 0);
	check(write_elf("foreign", ELFCLASS64, EM_S390, "/lib/ld64.so.1", 0755), EXEC_FOREIGN, 0);
	check(write_elf("lost", ELFCLASS64, MACHINE, "/nowhere/ld-linux.so.9", 0755), EXEC_NO_INTERPRETER, ENOENT);
	check(LOADER, EXEC_DYNAMIC, 0);
}

static void another_libc(void **state)
{
	char loader[PATH_MAX];
	snprintf(loader, sizeof loader, "%s", write_text("ld-musl-x86_64.so.1", "", 0755));
	check(write_elf("musl", ELFCLASS64, MACHINE, loader, 0755), EXEC_OTHER_LIBC, 0);
}

static void what_cannot_run(void **state)
{
	check(in_folder("nothing"), EXEC_NOT_FOUND, ENOENT);
	check(folder, EXEC_DIRECTORY, EACCES);
	check(write_elf("no-x", ELFCLASS64, MACHINE, LOADER, 0644), EXEC_NOT_EXECUTABLE, EACCES);
	check("/dev/null", EXEC_NOT_EXECUTABLE, EACCES);
	check(write_text("cut", "\177ELF", 0755), EXEC_DYNAMIC, ENOEXEC); /* as execvp: sh tries */
	check(write_text("plain", "exit 3\n", 0755), EXEC_DYNAMIC, ENOEXEC);
	check(write_text("empty", "", 0755), EXEC_DYNAMIC, ENOEXEC);
}

static void scripts(void **state)
{
	struct exec_kind k;
	char line[PATH_MAX + 8];
	check(write_text("sh", "#!/bin/sh -e\nexit 0\n", 0755), EXEC_DYNAMIC, 0);
	check(write_text("env", "#! \t/usr/bin/env python3\n", 0755), EXEC_DYNAMIC, 0);
	check(write_text("missing", "#!/nowhere/python9\n", 0755), EXEC_NO_INTERPRETER, ENOENT);
	exec_kind(in_folder("missing"), &k);
	assert_string_equal(k.interpreter, "/nowhere/python9");
	assert_int_equal(k.scripts, 1);
	snprintf(line, sizeof line, "#!%s\n", folder);
	check(write_text("folder", line, 0755), EXEC_NO_INTERPRETER, EACCES);
	snprintf(line, sizeof line, "#!%s\n", write_elf("static", ELFCLASS64, MACHINE, NULL, 0755));
	check(write_text("to-static", line, 0755), EXEC_STATIC, 0);
	check(write_text("bare", "#!", 0755), EXEC_DYNAMIC, ENOEXEC);
}

static void script_chains(void **state)
{
	char line[PATH_MAX + 8], name[16];
	snprintf(line, sizeof line, "#!/bin/sh\n");
	for (int i = 1; i <= 6; i++) {
		snprintf(name, sizeof name, "s%d", i);
		const char *path = write_text(name, line, 0755);
		check(path, i <= EXEC_SCRIPT_DEPTH ? EXEC_DYNAMIC : EXEC_TOO_DEEP, i <= EXEC_SCRIPT_DEPTH ? 0 : ELOOP);
		snprintf(line, sizeof line, "#!%s\n", path);
	}
	snprintf(line, sizeof line, "#!%s\n", in_folder("loop"));
	check(write_text("loop", line, 0755), EXEC_TOO_DEEP, ELOOP);
}

static void privileges(void **state)
{
	const char *path = write_elf("setuid", ELFCLASS64, MACHINE, LOADER, 0755);
	if (getuid() != 0) {
		/* one's own file: the ids stay the same, and nothing is secure about it */
		assert_int_equal(chmod(path, 04755), 0);
		check(path, EXEC_DYNAMIC, 0);
		return;
	}
	assert_int_equal(chown(path, 12345, 12345), 0);
	assert_int_equal(chmod(path, 04755), 0);
	check(path, EXEC_SECURE, 0);
	assert_int_equal(chmod(path, 02755), 0);
	check(path, EXEC_SECURE, 0);
	assert_int_equal(chmod(path, 02745), 0); /* no S_IXGRP: mandatory locking, not setgid */
	check(path, EXEC_DYNAMIC, 0);
}

static void search(void **state)
{
	struct exec_kind k;
	char found[PATH_MAX], list[3 * PATH_MAX], other[PATH_MAX];
	snprintf(other, sizeof other, "%s/sub", folder);
	mkdir(other, 0700);
	write_elf("tool", ELFCLASS64, MACHINE, LOADER, 0644);
	write_elf("sub/tool", ELFCLASS64, MACHINE, LOADER, 0755);
	snprintf(list, sizeof list, "/nowhere:%s:%s", folder, other);
	assert_int_equal(exec_kind_search("tool", list, found, sizeof found, &k), 0);
	assert_string_equal(found, in_folder("sub/tool"));
	/* what may not be run is told when nothing better comes */
	snprintf(list, sizeof list, "/nowhere:%s", folder);
	assert_int_equal(exec_kind_search("tool", list, found, sizeof found, &k), -EACCES);
	assert_int_equal(k.kind, EXEC_NOT_EXECUTABLE);
	assert_string_equal(found, in_folder("tool"));
	assert_int_equal(exec_kind_search("nosuchtool", list, found, sizeof found, &k), -ENOENT);
	assert_string_equal(found, "nosuchtool");
	assert_int_equal(exec_kind_search("", list, found, sizeof found, &k), -ENOENT);
	assert_int_equal(exec_kind_search("sh", NULL, found, sizeof found, &k), 0);
	assert_int_equal(exec_kind_search("tool", list, found, 4, &k), -ENAMETOOLONG);
	assert_int_equal(exec_kind_search(in_folder("tool"), "", found, sizeof found, &k), -EACCES);
	assert_int_equal(chdir(other), 0);
	assert_int_equal(exec_kind_search("tool", "", found, sizeof found, &k), 0);
	assert_string_equal(found, "tool");
	assert_int_equal(chdir("/"), 0);
}

static int make_folder(void **state)
{
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	char command[PATH_MAX];
	snprintf(command, sizeof command, "rm -rf '%s'", folder);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(elf_files),
		cmocka_unit_test(another_libc),
		cmocka_unit_test(what_cannot_run),
		cmocka_unit_test(scripts),
		cmocka_unit_test(script_chains),
		cmocka_unit_test(privileges),
		cmocka_unit_test(search),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
