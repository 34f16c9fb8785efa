/* SPDX-License-Identifier: MIT */
/* A file's bytes, mapped read-only. Only regular files: a name from a hostile debuglink must
 * not make anyone wait at a FIFO. */
#include "image_private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int map_descriptor(int fd, struct elf_bytes *ret_file)
{
	struct stat st;
	if (fstat(fd, &st) != 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size <= 0)
		return -ENOEXEC;
	void *at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (at == MAP_FAILED)
		return -errno;
	*ret_file = (struct elf_bytes){ at, (size_t)st.st_size };
	return 0;
}

int image_map_file(const char *path, struct elf_bytes *ret_file)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	int rc = map_descriptor(fd, ret_file);
	close(fd);
	return rc;
}

void image_unmap_file(struct elf_bytes *file)
{
	if (file->bytes)
		munmap((void *)(uintptr_t)file->bytes, file->size);
	*file = (struct elf_bytes){ 0 };
}
