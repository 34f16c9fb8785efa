/* SPDX-License-Identifier: MIT */
/* Reading procfs; see proc_file.h. procfs hands out at most a page or so at each read,
 * so everything is a loop; a file that never ends is cut off by its bound. */
#include "proc_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static ssize_t read_retry(int fd, char *to, size_t n)
{
	ssize_t got;
	do
		got = read(fd, to, n);
	while (got < 0 && errno == EINTR);
	return got < 0 ? -errno : got;
}

int proc_read_small(int directory, const char *name, char *ret_text, size_t size, size_t *ret_length)
{
	int fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	size_t length = 0;
	ssize_t got = 1;
	while (length + 1 < size && (got = read_retry(fd, ret_text + length, size - 1 - length)) > 0)
		length += (size_t)got;
	close(fd);
	if (got < 0)
		return (int)got;
	ret_text[length] = 0;
	if (ret_length)
		*ret_length = length;
	return 0;
}

static int grow_text(char **text, size_t *capacity, size_t max)
{
	size_t bigger = *capacity ? *capacity * 2 : 65536;
	if (*capacity >= max)
		return -EFBIG;
	char *moved = realloc(*text, bigger);
	if (!moved)
		return -ENOMEM;
	*text = moved;
	*capacity = bigger;
	return 0;
}

int proc_read_whole(int directory, const char *name, size_t max, char **text, size_t *capacity, size_t *ret_length)
{
	int fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	size_t length = 0;
	ssize_t got;
	for (;;) {
		if (*capacity - length < 8192 && (got = grow_text(text, capacity, max)) < 0)
			break;
		got = read_retry(fd, *text + length, *capacity - length - 1);
		if (got <= 0)
			break;
		length += (size_t)got;
	}
	close(fd);
	if (got < 0)
		return (int)got;
	(*text)[length] = 0;
	*ret_length = length;
	return 0;
}

int64_t proc_find_kib(const char *text, const char *key)
{
	size_t n = strlen(key);
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, n))
			continue;
		const char *at = line + n, *end = at + strcspn(at, "\n");
		while (at < end && (*at == ' ' || *at == '\t'))
			at++;
		uint64_t kib;
		return proc_take_decimal(&at, end, &kib) && kib < INT64_MAX / 1024 ? (int64_t)kib * 1024 : -1;
	}
	return -1;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool proc_take_hex(const char **at, const char *end, uint64_t *ret_value)
{
	const char *from = *at;
	uint64_t value = 0;
	while (*at < end && hex_digit(**at) >= 0 && *at - from < 16)
		value = value << 4 | (unsigned)hex_digit(*(*at)++);
	*ret_value = value;
	return *at > from;
}

bool proc_take_decimal(const char **at, const char *end, uint64_t *ret_value)
{
	const char *from = *at;
	uint64_t value = 0;
	while (*at < end && **at >= '0' && **at <= '9' && *at - from < 19)
		value = value * 10 + (unsigned)(*(*at)++ - '0');
	*ret_value = value;
	return *at > from;
}

bool proc_take_char(const char **at, const char *end, char c)
{
	if (*at >= end || **at != c)
		return false;
	(*at)++;
	return true;
}
