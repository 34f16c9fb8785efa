/* SPDX-License-Identifier: MIT */
/* Opening an ELF file that may be anything, and finding a section or the build id in it. */
#include "symbolize_private.h"

#include <elfutils/libdwelf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_regular(const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return -errno;
	int rc = fstat(fd, &st) != 0 ? -errno : S_ISREG(st.st_mode) ? 0 : -EINVAL;
	if (rc < 0)
		close(fd);
	return rc < 0 ? rc : fd;
}

int symbolize_elf_open(const char *path, struct symbolize_elf *ret_elf)
{
	if (elf_version(EV_CURRENT) == EV_NONE)
		return -ENOEXEC;
	struct symbolize_elf e = { .fd = open_regular(path) };
	if (e.fd < 0)
		return e.fd;
	e.elf = elf_begin(e.fd, ELF_C_READ_MMAP, NULL);
	if (!e.elf || elf_kind(e.elf) != ELF_K_ELF || gelf_getclass(e.elf) != ELFCLASS64) {
		symbolize_elf_close(&e);
		return -ENOEXEC;
	}
	*ret_elf = e;
	return 0;
}

void symbolize_elf_close(struct symbolize_elf *e)
{
	elf_end(e->elf);
	free(e->memory);
	if (e->fd >= 0)
		close(e->fd);
	*e = SYMBOLIZE_NO_ELF;
}

bool symbolize_elf_section(Elf *elf, const char *name, Elf_Scn **ret_section, GElf_Shdr *ret_header)
{
	size_t names;
	GElf_Shdr header;
	if (elf_getshdrstrndx(elf, &names) != 0)
		return false;
	for (Elf_Scn *s = elf_nextscn(elf, NULL); s; s = elf_nextscn(elf, s)) {
		const char *its = gelf_getshdr(s, &header) ? elf_strptr(elf, names, header.sh_name) : NULL;
		if (its && !strcmp(its, name)) {
			*ret_section = s;
			*ret_header = header;
			return true;
		}
	}
	return false;
}

size_t symbolize_elf_id(Elf *elf, const uint8_t **ret_id)
{
	const void *id;
	ssize_t n = dwelf_elf_gnu_build_id(elf, &id);
	if (n <= 0)
		return 0;
	*ret_id = id;
	return (size_t)n;
}
