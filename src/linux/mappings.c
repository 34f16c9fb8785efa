/* SPDX-License-Identifier: MIT */
/* /proc/PID/maps as a list. The text is kept; names point into it. A line that is not
 * understood, or does not ascend, is left out and counted: one odd driver's name must
 * not cost the whole snapshot. */
#include "../platform.h"
#include "proc_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAPS_TEXT_MAX (256u << 20)

static bool parse_place(const char **at, const char *end, struct platform_mapping *m)
{
	uint64_t major, minor;
	if (!proc_take_hex(at, end, &m->offset) || !proc_take_char(at, end, ' ') ||
	    !proc_take_hex(at, end, &major) || !proc_take_char(at, end, ':') ||
	    !proc_take_hex(at, end, &minor) || !proc_take_char(at, end, ' ') ||
	    !proc_take_decimal(at, end, &m->inode))
		return false;
	m->device_major = (uint32_t)major;
	m->device_minor = (uint32_t)minor;
	return true;
}

static bool parse_line(char *line, char *end, struct platform_mapping *ret_m)
{
	struct platform_mapping m = { .name = "" };
	const char *at = line;
	if (!proc_take_hex(&at, end, &m.start) || !proc_take_char(&at, end, '-') ||
	    !proc_take_hex(&at, end, &m.end) || !proc_take_char(&at, end, ' ') || end - at < 5)
		return false;
	memcpy(m.perms, at, 4);
	at += 4;
	m.shared = m.perms[3] == 's';
	if (!proc_take_char(&at, end, ' ') || !parse_place(&at, end, &m))
		return false;
	while (at < end && *at == ' ')
		at++;
	m.name = at;
	if (m.start >= m.end || (m.start | m.end) % PLATFORM_PAGE_BYTES)
		return false;
	*ret_m = m;
	return true;
}

static int add_mapping(struct platform_mappings *list, const struct platform_mapping *m)
{
	if (list->count == list->capacity) {
		size_t bigger = list->capacity ? list->capacity * 2 : 256;
		struct platform_mapping *moved = realloc(list->items, bigger * sizeof *moved);
		if (!moved)
			return -ENOMEM;
		list->items = moved;
		list->capacity = bigger;
	}
	list->items[list->count++] = *m;
	return 0;
}

static int parse_text(struct platform_mappings *list)
{
	char *line = list->text, *end = list->text + list->text_bytes;
	while (line < end) {
		char *eol = memchr(line, '\n', (size_t)(end - line));
		if (!eol)
			eol = end;
		*eol = 0; /* the text is one byte longer than its length */
		struct platform_mapping m;
		uint64_t floor = list->count ? list->items[list->count - 1].end : 0;
		if (list->count == PLATFORM_MAPPINGS_MAX) {
			list->truncated = true;
			return 0;
		}
		if (!parse_line(line, eol, &m) || m.start < floor)
			list->strange_lines++;
		else if (add_mapping(list, &m) < 0)
			return -ENOMEM;
		line = eol + 1;
	}
	return 0;
}

int platform_read_mappings(struct platform_process *p, struct platform_mappings *ret_list)
{
	/* a fresh list, so that a failure leaves the caller's as it was */
	struct platform_mappings list = { 0 };
	int rc = proc_read_whole(p->directory, "maps", MAPS_TEXT_MAX, &list.text, &list.text_capacity,
				 &list.text_bytes);
	if (rc == 0)
		rc = parse_text(&list);
	if (rc == 0 && list.count == 0)
		rc = list.strange_lines ? -EPROTO : -ESRCH;
	if (rc < 0) {
		platform_mappings_finish(&list);
		return rc;
	}
	platform_mappings_finish(ret_list);
	*ret_list = list;
	return 0;
}

int64_t platform_read_memory(struct platform_process *p, uint64_t address, void *ret_bytes, size_t size)
{
	int fd = openat(p->directory, "mem", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ssize_t got = pread(fd, ret_bytes, size, (off_t)address);
	int64_t rc = got < 0 ? -errno : got;
	close(fd);
	return rc;
}

/* A dead process has no root any more: then the name is tried as it stands. */
int platform_open_mapped(struct platform_process *p, const struct platform_mapping *m)
{
	const int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	char path[4200];
	struct stat st;
	if (m->name[0] != '/' || snprintf(path, sizeof path, "root%s", m->name) >= (int)sizeof path)
		return -ENOENT;
	int fd = openat(p->directory, path, flags);
	if (fd < 0)
		fd = open(m->name, flags);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_ino == m->inode)
		return fd;
	close(fd);
	return -ESTALE;
}

void platform_mappings_finish(struct platform_mappings *list)
{
	free(list->items);
	free(list->text);
	*list = (struct platform_mappings){ 0 };
}
