/* SPDX-License-Identifier: MIT */
/* adapters.c - the table of allocators; a new one is a new file and one line here. */
#include "adapters.h"

void adapter_copy_text(char *ret, size_t size, const char *text)
{
	size_t n = 0;
	for (; n + 1 < size && text[n]; n++)
		ret[n] = text[n];
	ret[n] = 0;
}

static size_t put_number(char *to, size_t room, unsigned n)
{
	char digits[12];
	size_t count = 0;
	do {
		digits[count++] = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	if (count > room)
		return 0;
	for (size_t i = 0; i < count; i++)
		to[i] = digits[count - 1 - i];
	return count;
}

void adapter_format_version(char *ret, size_t size, int major, int minor, int patch)
{
	const int parts[] = { major, minor, patch };
	size_t at = 0;
	for (int i = 0; i < 3 && parts[i] >= 0 && at + 13 < size; i++) {
		if (i)
			ret[at++] = '.';
		at += put_number(ret + at, size - at - 1, (unsigned)parts[i]);
	}
	ret[at] = 0;
}

/* glibc last: its marker lies in libc, which every other provider uses too. */
const struct adapter *const adapters[] = {
	&adapter_jemalloc, &adapter_mimalloc, &adapter_tcmalloc, &adapter_glibc, NULL
};
