/* SPDX-License-Identifier: MIT */
/*
 * shm - shared memory of the program's own: 16 MiB MAP_SHARED|MAP_ANONYMOUS, 8 MiB of a
 * memfd, 4 MiB System V; and 6 MiB of an ordinary file mapped shared and read.
 *
 * Model: the first three are shared_memory, to the page, and the probe's own shared map
 * isn't; the file is file_backed, beside libc and the executable (lower bound only, so it is
 * not stated). Tolerance: 16 pages.
 */
#include "say.h"
#include <sys/mman.h>
#include <sys/shm.h>

static void fill(void *p, long length)
{
	MUST(p != MAP_FAILED);
	memset(p, 1, (size_t)length);
}

int main(void)
{
	long expected = 16 * MIB + 8 * MIB;
	fill(mmap(NULL, (size_t)(16 * MIB), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0), 16 * MIB);
	int fd = memfd_create("shm-test", MFD_CLOEXEC);
	MUST(fd >= 0 && ftruncate(fd, 8 * MIB) == 0);
	fill(mmap(NULL, (size_t)(8 * MIB), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), 8 * MIB);
	int id = shmget(IPC_PRIVATE, (size_t)(4 * MIB), 0600);
	if (id >= 0) {
		char *p = shmat(id, NULL, 0);
		shmctl(id, IPC_RMID, NULL);
		if (p != (char *)-1) {
			fill(p, 4 * MIB);
			expected += 4 * MIB;
		}
	}
	say("expect shared_memory %ld %ld\n", expected, (long)(16 * PAGE));
	say("expect live_requested 0 %ld\n", 128 * KIB);
	_exit(0);
}
