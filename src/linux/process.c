/* SPDX-License-Identifier: MIT */
/* One process by its /proc directory, held open: a pid that is used again cannot
 * be mistaken for it. statm is held open too, because it is read every millisecond;
 * maps and pagemap are not, for they would show the memory before an exec. */
#include "../platform.h"
#include "proc_file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/membarrier.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

uint64_t platform_now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t platform_thread_cpu_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

int platform_pidfd_open(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	return fd < 0 ? -errno : fd;
}

int platform_membarrier_global(void)
{
	return syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0) < 0 ? -errno : 0;
}

int platform_check_memfd(int fd, uint64_t bytes)
{
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);
	if (seals < 0 || fstat(fd, &st) < 0)
		return errno == EBADF ? -EBADF : -EPROTO;
	if (!(seals & F_SEAL_SHRINK) || !S_ISREG(st.st_mode) || (uint64_t)st.st_size != bytes)
		return -EPROTO;
	return 0;
}

int platform_process_init(struct platform_process *ret_p, pid_t pid, const char *proc_root)
{
	char path[4096];
	struct platform_process p = { .pid = pid, .best_source = PAGES_PAGEMAP_SCAN,
				      .proc_root = proc_root ? proc_root : "/proc" };
	if (snprintf(path, sizeof path, "%s/%d", p.proc_root, (int)pid) >= (int)sizeof path)
		return -ENAMETOOLONG;
	p.directory = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (p.directory < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	p.statm = openat(p.directory, "statm", O_RDONLY | O_CLOEXEC);
	if (p.statm < 0) {
		int error = errno;
		close(p.directory);
		return error == ENOENT ? -ESRCH : -error;
	}
	*ret_p = p;
	return 0;
}

void platform_process_finish(struct platform_process *p)
{
	close(p->directory);
	close(p->statm);
	p->directory = p->statm = -1;
}

int platform_read_resident(struct platform_process *p, int64_t *ret_rss_bytes, int64_t *ret_mapped_bytes)
{
	char text[128];
	ssize_t got = pread(p->statm, text, sizeof text - 1, 0);
	if (got < 0)
		return -errno;
	const char *at = text, *end = text + got;
	uint64_t mapped, resident;
	if (!proc_take_decimal(&at, end, &mapped) || !proc_take_char(&at, end, ' ') ||
	    !proc_take_decimal(&at, end, &resident) || (mapped | resident) >> 50)
		return -EPROTO;
	if (mapped == 0)
		return -ESRCH;
	*ret_rss_bytes = (int64_t)(resident << PLATFORM_PAGE_SHIFT);
	*ret_mapped_bytes = (int64_t)(mapped << PLATFORM_PAGE_SHIFT);
	return 0;
}

int platform_read_status(struct platform_process *p, struct platform_status *ret_status)
{
	char text[8192];
	int rc = proc_read_small(p->directory, "status", text, sizeof text, NULL);
	if (rc < 0)
		return rc;
	ret_status->vm_hwm_bytes = proc_find_kib(text, "VmHWM:");
	ret_status->vm_swap_bytes = proc_find_kib(text, "VmSwap:");
	ret_status->vm_pte_bytes = proc_find_kib(text, "VmPTE:");
	return 0;
}

int platform_read_command(struct platform_process *p, char *ret_text, size_t size)
{
	size_t length;
	if (size == 0)
		return -EINVAL;
	int rc = proc_read_small(p->directory, "cmdline", ret_text, size, &length);
	if (rc < 0)
		return rc;
	while (length && ret_text[length - 1] == 0)
		length--;
	for (size_t i = 0; i < length; i++)
		if (ret_text[i] == 0)
			ret_text[i] = ' ';
	return 0;
}

int platform_read_exe(struct platform_process *p, char *ret_path, size_t size)
{
	if (size == 0)
		return -EINVAL;
	ssize_t n = readlinkat(p->directory, "exe", ret_path, size - 1);
	if (n < 0)
		return -errno;
	ret_path[n] = 0;
	return 0;
}

int platform_read_comm(struct platform_process *p, char *ret_name, size_t size)
{
	if (size == 0)
		return -EINVAL;
	int rc = proc_read_small(p->directory, "comm", ret_name, size, NULL);
	if (rc == 0)
		ret_name[strcspn(ret_name, "\n")] = 0;
	return rc;
}
