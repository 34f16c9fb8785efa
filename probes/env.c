/* SPDX-License-Identifier: MIT */
/*
 * env.c - see env.h.
 *
 * The form of an LD_PRELOAD that memwhy extended is "OURS" where there was none and
 * "OURS:old value" where there was one, even an empty one: taking ours out then gives
 * back exactly what was there. Entries of LD_PRELOAD end at ':' or ' ' (ld.so(8)).
 */
#include "env.h"

#include "../src/wire_identify.h"

#include <string.h>

#define PRELOAD "LD_PRELOAD="
#define PRELOAD_LENGTH (sizeof PRELOAD - 1)
#define WIRE_PREFIX WIRE_ENV "="
#define IDENTIFY_PREFIX WIRE_IDENTIFY_ENV "="
#define WIRE_PREFIX_LENGTH (sizeof WIRE_PREFIX - 1)

static bool is_preload(const char *entry)
{
	return !strncmp(entry, PRELOAD, PRELOAD_LENGTH);
}

/* Also the variable that makes a throwaway process (wire_identify.h): a stray here. */
static bool is_ours(const char *entry)
{
	return !strncmp(entry, WIRE_PREFIX, WIRE_PREFIX_LENGTH) ||
	       !strncmp(entry, IDENTIFY_PREFIX, sizeof IDENTIFY_PREFIX - 1);
}

const char *env_get(char *const *list, const char *name)
{
	size_t n = strlen(name);
	for (; list && *list; list++)
		if (!strncmp(*list, name, n) && (*list)[n] == '=')
			return *list + n + 1;
	return NULL;
}

bool env_parse_number(const char **at, char end, uint32_t *ret)
{
	uint64_t n = 0;
	const char *p = *at;
	for (; *p >= '0' && *p <= '9' && n <= UINT32_MAX; p++)
		n = n * 10 + (uint64_t)(*p - '0');
	if (p == *at || *p != end || n > UINT32_MAX)
		return false;
	*at = *p ? p + 1 : p;
	*ret = (uint32_t)n;
	return true;
}

/* One text of 1 to size - 1 bytes that ends at ':'. */
static bool parse_text(const char **at, char *ret, size_t size)
{
	size_t n = strcspn(*at, ":");
	if (n == 0 || n >= size || (*at)[n] != ':')
		return false;
	memcpy(ret, *at, n);
	ret[n] = 0;
	*at += n + 1;
	return true;
}

bool env_parse_wire(const char *value, struct env_wire *ret)
{
	struct env_wire w;
	memset(&w, 0, sizeof w);
	if (!env_parse_number(&value, ':', &w.version) ||
	    !parse_text(&value, w.socket_name, sizeof w.socket_name) ||
	    !parse_text(&value, w.token, sizeof w.token) ||
	    strspn(w.token, "0123456789abcdef") != WIRE_TOKEN_LEN ||
	    !env_parse_number(&value, 0, &w.flags))
		return false;
	*ret = w;
	return true;
}

/* Our entry within the value of LD_PRELOAD; its length, 0 if there is none. */
static size_t find_library(const char *value, const char **ret_at)
{
	const size_t name = sizeof ENV_LIBRARY_NAME - 1;
	for (const char *p = value; *p;) {
		size_t n = strcspn(p, ": ");
		bool named = n >= name && !memcmp(p + n - name, ENV_LIBRARY_NAME, name);
		if (named && (n == name || p[n - name - 1] == '/')) {
			*ret_at = p;
			return n;
		}
		p += p[n] ? n + 1 : n;
	}
	return 0;
}

/* Takes our entry out of one LD_PRELOAD string; false when nothing is left to keep. */
static bool edit_preload(char *entry, struct env_ours *ours)
{
	char *value = entry + PRELOAD_LENGTH;
	const char *found;
	size_t n = find_library(value, &found);
	if (n == 0 || n >= sizeof ours->library)
		return true;
	char *at = value + (found - value);
	memcpy(ours->library, at, n);
	ours->library[n] = 0;
	if (!at[n] && at == value)
		return false;
	if (!at[n])
		at[-1] = 0;
	else
		memmove(at, at + n + 1, strlen(at + n + 1) + 1);
	return true;
}

bool env_take(char **list, struct env_ours *ret)
{
	const char *wire = env_get(list, WIRE_ENV);
	if (!wire || strlen(wire) + WIRE_PREFIX_LENGTH >= sizeof ret->wire)
		return false;
	memset(ret, 0, sizeof *ret);
	memcpy(ret->wire, WIRE_PREFIX, WIRE_PREFIX_LENGTH);
	memcpy(ret->wire + WIRE_PREFIX_LENGTH, wire, strlen(wire) + 1);
	char **to = list, **from = list;
	for (; *from; from++)
		if (!is_ours(*from) && (!is_preload(*from) || edit_preload(*from, ret)))
			*to++ = *from;
	/* All of them NULL: whoever looks for the auxiliary vector behind the list's end
	 * finds AT_NULL there, and not half a list. */
	while (to < from)
		*to++ = NULL;
	return true;
}

/* ld.so takes the last LD_PRELOAD of a list. */
static size_t last_preload(char *const *list, size_t count)
{
	for (size_t i = count; i > 0; i--)
		if (is_preload(list[i - 1]))
			return i - 1;
	return count;
}

static size_t list_count(char *const *list)
{
	size_t n = 0;
	while (list && list[n])
		n++;
	return n;
}

size_t env_put_size(char *const *list, const struct env_ours *ours)
{
	size_t count = list_count(list), at = last_preload(list, count);
	size_t old = at < count ? strlen(list[at]) : 0;
	return (count + 3) * sizeof(char *) + PRELOAD_LENGTH + strlen(ours->library) + old + 2;
}

/* Writes "LD_PRELOAD=OURS[:old value]" for the entry `old`, or for none. */
static void write_preload(char *to, const char *library, const char *old)
{
	size_t n = strlen(library);
	memcpy(to, PRELOAD, PRELOAD_LENGTH);
	memcpy(to + PRELOAD_LENGTH, library, n + 1);
	if (!old)
		return;
	to += PRELOAD_LENGTH + n;
	*to++ = ':';
	memcpy(to, old + PRELOAD_LENGTH, strlen(old + PRELOAD_LENGTH) + 1);
}

char *const *env_put(char *const *list, const struct env_ours *ours, void *buffer)
{
	size_t count = list_count(list), at = last_preload(list, count), n = count;
	char **put = buffer, *text = (char *)(put + count + 3);
	const char *found;
	if (env_get(list, WIRE_ENV))
		return list;
	if (count)
		memcpy(put, list, count * sizeof *put);
	if (ours->library[0] && !(at < count && find_library(list[at] + PRELOAD_LENGTH, &found))) {
		write_preload(text, ours->library, at < count ? list[at] : NULL);
		put[at] = text;
		n += at == count;
	}
	if (ours->wire[0])
		put[n++] = (char *)(uintptr_t)ours->wire;
	put[n] = NULL;
	return put;
}
