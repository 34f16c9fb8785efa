/* SPDX-License-Identifier: MIT */
/*
 * See stack_modules.h. Each mapping is looked up once for a list: its module is the one of
 * the same file with the same bias and build id, else a new one. (Its name may have changed:
 * the kernel appends " (deleted)".) The bias is known only from the ELF headers, which memory
 * has where the file's first page is mapped; they are read anew, for mappings come and go.
 */
#include "stack_modules.h"

#include "stack_elf.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NEIGHBOURS 64u          /* mappings of one module, as far as they are looked at */
#define UNSEEN UINT32_MAX

struct known { struct stack_module module; uint64_t inode; uint32_t next; };

struct stack_modules {
	struct known *items;
	uint32_t count, capacity;
	uint32_t *buckets;          /* STACK_MODULES_MAX: 1 + index; 0: empty */
	struct platform_process *process;
	const struct platform_mappings *list;
	uint32_t *numbers;          /* by mapping of the list; UNSEEN: not looked up yet */
	size_t number_capacity;
	size_t last;                /* mapping that was found last: the next address is often there too */
};

int stack_modules_create(struct stack_modules **ret_modules)
{
	struct stack_modules *m = calloc(1, sizeof *m);
	if (m)
		m->buckets = calloc(STACK_MODULES_MAX, sizeof *m->buckets);
	if (!m || !m->buckets) {
		free(m);
		return -ENOMEM;
	}
	*ret_modules = m;
	return 0;
}

void stack_modules_destroy(struct stack_modules *m)
{
	if (!m)
		return;
	for (uint32_t i = 0; i < m->count; i++)
		free(m->items[i].module.path);
	free(m->items);
	free(m->buckets);
	free(m->numbers);
	free(m);
}

void stack_modules_look(struct stack_modules *m, struct platform_process *p, const struct platform_mappings *list)
{
	m->list = NULL;
	if (list->count > m->number_capacity) {
		uint32_t *moved = reallocarray(m->numbers, list->count, sizeof *moved);
		if (!moved)
			return; /* nothing is found, which is true of a process without mappings too */
		m->numbers = moved;
		m->number_capacity = list->count;
	}
	if (list->count)
		memset(m->numbers, 0xff, list->count * sizeof *m->numbers);
	m->process = p;
	m->list = list;
}

uint32_t stack_modules_count(const struct stack_modules *m)
{
	return m->count;
}

const struct stack_module *stack_modules_get(const struct stack_modules *m, uint32_t number)
{
	return &m->items[number - 1].module;
}

/* ---- the mappings of one file --------------------------------------------------------- */

static bool is_same_file(const struct platform_mapping *a, const struct platform_mapping *b)
{
	return a->inode == b->inode && a->device_major == b->device_major && a->device_minor == b->device_minor &&
	       strcmp(a->name, b->name) == 0;
}

/* First and last mapping of the file around this one, with what lies unnamed in between.
 * Two copies of one file behind each other are told apart by the one that begins anew. */
static void find_extent(const struct platform_mappings *list, size_t at, size_t *ret_first, size_t *ret_last)
{
	const struct platform_mapping *m = list->items;
	size_t first = at, last = at;
	for (size_t i = at; i-- > 0 && at - i < NEIGHBOURS && m[first].offset && !(*m[i].name && !is_same_file(&m[i], &m[at]));)
		if (is_same_file(&m[i], &m[at]))
			first = i;
	for (size_t i = at + 1; i < list->count && i - at < NEIGHBOURS && !(*m[i].name && !is_same_file(&m[i], &m[at])); i++) {
		if (is_same_file(&m[i], &m[at]) && !m[i].offset)
			break;
		if (is_same_file(&m[i], &m[at]))
			last = i;
	}
	*ret_first = first;
	*ret_last = last;
}

/* ---- what it says of itself ------------------------------------------------------------ */

struct source { struct platform_process *process; uint64_t start; int fd; };

/* The file's first pages are at `start`; notes lie there too, by offset as by address. */
static int read_from_memory(void *arg, uint64_t offset, uint64_t address, void *ret_bytes, size_t size)
{
	struct source *s = arg;
	(void)address;
	if (offset > UINT32_MAX)
		return -EINVAL;
	int64_t got = platform_read_memory(s->process, s->start + offset, ret_bytes, size);
	return got < 0 ? (int)got : (size_t)got == size ? 0 : -EIO;
}

static int read_from_file(void *arg, uint64_t offset, uint64_t address, void *ret_bytes, size_t size)
{
	struct source *s = arg;
	(void)address;
	ssize_t got = offset <= INT64_MAX ? pread(s->fd, ret_bytes, size, (off_t)offset) : -1;
	return got >= 0 && (size_t)got == size ? 0 : -EIO;
}

static int read_elf(struct stack_modules *m, const struct platform_mapping *first, const struct platform_mapping *code,
		    struct stack_elf *ret_elf)
{
	struct source s = { m->process, first->start, -1 };
	int rc = first->offset ? -ENODATA : stack_elf_read(read_from_memory, &s, code->offset, ret_elf);
	if (rc == 0)
		return 0;
	s.fd = platform_open_mapped(m->process, code);
	if (s.fd < 0)
		return s.fd;
	rc = stack_elf_read(read_from_file, &s, code->offset, ret_elf);
	close(s.fd);
	return rc;
}

/* ---- known ones -------------------------------------------------------------------------- */

static uint32_t bucket_of(uint64_t bias, uint64_t inode)
{
	uint64_t h = (bias ^ inode * 0x9e3779b97f4a7c15ull) * 0xbf58476d1ce4e5b9ull;
	return (uint32_t)(h >> 40) & (STACK_MODULES_MAX - 1);
}

static uint32_t find_known(const struct stack_modules *m, const struct platform_mapping *code, const struct stack_elf *elf)
{
	uint64_t bias = code->start - elf->address;
	for (uint32_t i = m->buckets[bucket_of(bias, code->inode)]; i; i = m->items[i - 1].next) {
		const struct known *k = &m->items[i - 1];
		if (k->module.bias == bias && k->inode == code->inode && strcmp(k->module.build_id, elf->build_id) == 0)
			return i;
	}
	return 0;
}

/* Where nothing can be read any more, the process being dead: by its place. */
static uint32_t find_by_place(const struct stack_modules *m, const struct platform_mapping *code)
{
	for (uint32_t i = m->count; i; i--) {
		const struct known *k = &m->items[i - 1];
		if (k->inode == code->inode && k->module.low <= code->start && code->start < k->module.high)
			return i;
	}
	return 0;
}

static struct known *add_known(struct stack_modules *m)
{
	if (m->count == STACK_MODULES_MAX)
		return NULL;
	if (m->count == m->capacity) {
		uint32_t bigger = m->capacity ? m->capacity * 2 : 64;
		struct known *moved = reallocarray(m->items, bigger, sizeof *moved);
		if (!moved)
			return NULL;
		m->items = moved;
		m->capacity = bigger;
	}
	return &m->items[m->count];
}

static char *path_of(const struct platform_mapping *code, bool read)
{
	char *path;
	return asprintf(&path, "%s%s", code->name, read ? "" : STACK_MODULE_UNREAD) < 0 ? NULL : path;
}

static uint32_t add_module(struct stack_modules *m, const struct platform_mapping *code, const struct stack_elf *elf,
			   bool read, uint64_t low, uint64_t high)
{
	struct known *k = add_known(m);
	char *path = k ? path_of(code, read) : NULL;
	if (!path)
		return 0;
	*k = (struct known){ .inode = code->inode };
	k->module = (struct stack_module){ .path = path, .low = low, .high = high, .bias = code->start - elf->address };
	memcpy(k->module.build_id, elf->build_id, sizeof elf->build_id);
	uint32_t *bucket = &m->buckets[bucket_of(k->module.bias, k->inode)];
	k->next = *bucket;
	return *bucket = ++m->count;
}

static uint32_t look_up(struct stack_modules *m, size_t at)
{
	const struct platform_mapping *items = m->list->items, *code = &items[at];
	struct stack_elf elf = { .address = code->offset, .build_id = "" };
	size_t first, last;
	find_extent(m->list, at, &first, &last);
	bool read = read_elf(m, &items[first], code, &elf) == 0;
	uint32_t number = read ? find_known(m, code, &elf) : find_by_place(m, code);
	return number ? number : add_module(m, code, &elf, read, items[first].start, items[last].end);
}

static size_t find_mapping(const struct platform_mappings *list, uint64_t address)
{
	size_t low = 0, high = list->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (list->items[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

uint32_t stack_modules_find(struct stack_modules *m, uint64_t address)
{
	if (!m->list)
		return 0;
	size_t at = m->last;
	if (at >= m->list->count || address < m->list->items[at].start || address >= m->list->items[at].end)
		at = find_mapping(m->list, address);
	if (at == m->list->count || m->list->items[at].start > address)
		return 0;
	m->last = at;
	const struct platform_mapping *code = &m->list->items[at];
	if (m->numbers[at] == UNSEEN) {
		bool is_file = code->name[0] == '/' || strcmp(code->name, "[vdso]") == 0;
		m->numbers[at] = is_file ? look_up(m, at) : 0;
	}
	return m->numbers[at];
}
