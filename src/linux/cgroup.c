/* SPDX-License-Identifier: MIT */
/* What the kernel charges to the cgroup of a process: memory.current (v2) or
 * memory.usage_in_bytes (v1). /proc/PID/cgroup names it relative to a namespace that
 * may not be ours, so parents are tried when the path itself cannot be read. */
#include "../platform.h"
#include "proc_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static bool is_line_of_memory(char *line, bool *ret_v1, char **ret_path)
{
	char *controllers = strchr(line, ':');
	char *path = controllers ? strchr(controllers + 1, ':') : NULL;
	if (!path || path[1] != '/' || strstr(path, "/.."))
		return false;
	*path++ = 0;
	*ret_path = path;
	*ret_v1 = controllers[1] != 0;
	if (!*ret_v1)
		return !strncmp(line, "0:", 2);
	for (char *save, *c = strtok_r(controllers + 1, ",", &save); c; c = strtok_r(NULL, ",", &save))
		if (!strcmp(c, "memory"))
			return true;
	return false;
}

static int read_value(const char *proc_root, bool v1, const char *path, int64_t *ret_bytes)
{
	char file[8192], text[64];
	if (snprintf(file, sizeof file, "%s/../sys/fs/cgroup%s%s/%s", proc_root, v1 ? "/memory" : "", path,
		     v1 ? "memory.usage_in_bytes" : "memory.current") >= (int)sizeof file)
		return -ENAMETOOLONG;
	int rc = proc_read_small(AT_FDCWD, file, text, sizeof text, NULL);
	if (rc < 0)
		return rc;
	const char *at = text;
	uint64_t bytes;
	if (!proc_take_decimal(&at, text + strlen(text), &bytes) || bytes > INT64_MAX)
		return -EPROTO;
	*ret_bytes = (int64_t)bytes;
	return 0;
}

static int read_innermost(const char *proc_root, bool v1, char *path, int64_t *ret_bytes)
{
	for (;;) {
		char *slash = strrchr(path, '/');
		if (slash && slash[1] == 0)
			*slash = 0; /* "/" is "", so that no "//" comes up */
		int rc = read_value(proc_root, v1, path, ret_bytes);
		if (rc == 0 || !*path)
			return rc;
		slash = strrchr(path, '/');
		*(slash ? slash : path) = 0;
	}
}

int platform_read_cgroup_bytes(struct platform_process *p, int64_t *ret_bytes)
{
	char text[16384], *save, *path;
	int rc = proc_read_small(p->directory, "cgroup", text, sizeof text, NULL);
	if (rc < 0)
		return rc;
	rc = -ENOENT;
	for (char *line = strtok_r(text, "\n", &save); line && rc < 0; line = strtok_r(NULL, "\n", &save)) {
		bool v1;
		if (is_line_of_memory(line, &v1, &path))
			rc = read_innermost(p->proc_root, v1, path, ret_bytes);
	}
	return rc;
}
