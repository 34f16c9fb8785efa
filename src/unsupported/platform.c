/* SPDX-License-Identifier: MIT */
/* A system that nobody has written a folder for yet: memwhy builds, and says so. What
 * POSIX has is here; everything else answers -ENOSYS. */
#include "../platform.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

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
	return -ENOSYS;
}

int platform_membarrier_global(void)
{
	return -ENOSYS;
}

int64_t platform_read_memory(struct platform_process *p, uint64_t address, void *ret_bytes, size_t size)
{
	return -ENOSYS;
}

int platform_open_mapped(struct platform_process *p, const struct platform_mapping *m)
{
	return -ENOSYS;
}

int platform_check_memfd(int fd, uint64_t bytes)
{
	return -ENOSYS;
}

int platform_process_init(struct platform_process *ret_p, pid_t pid, const char *proc_root)
{
	return -ENOSYS;
}

void platform_process_finish(struct platform_process *p)
{
}

int platform_read_resident(struct platform_process *p, int64_t *ret_rss_bytes, int64_t *ret_mapped_bytes)
{
	return -ENOSYS;
}

int platform_read_status(struct platform_process *p, struct platform_status *ret_status)
{
	return -ENOSYS;
}

int platform_read_cgroup_bytes(struct platform_process *p, int64_t *ret_bytes)
{
	return -ENOSYS;
}

int platform_read_command(struct platform_process *p, char *ret_text, size_t size)
{
	return -ENOSYS;
}

int platform_read_exe(struct platform_process *p, char *ret_path, size_t size)
{
	return -ENOSYS;
}

int platform_read_comm(struct platform_process *p, char *ret_name, size_t size)
{
	return -ENOSYS;
}

int platform_read_mappings(struct platform_process *p, struct platform_mappings *ret_list)
{
	return -ENOSYS;
}

void platform_mappings_finish(struct platform_mappings *list)
{
	free(list->items);
	free(list->text);
	*list = (struct platform_mappings){ 0 };
}

int platform_read_pages(struct platform_process *p, const struct platform_mappings *list,
			struct platform_runs *ret_runs)
{
	return -ENOSYS;
}

int platform_read_smaps(struct platform_process *p, platform_smap_fn *fn, void *arg)
{
	return -ENOSYS;
}

void platform_facts(platform_fact_fn *fn, void *arg)
{
	const struct platform_fact fact = {
		.name = "system", .state = PLATFORM_FACT_MISSING,
		.finding = "memwhy does not know this operating system yet",
		.advice = "it works on Linux; a port is a folder beside src/linux, see src/platform.h",
	};
	fn(arg, &fact);
}
