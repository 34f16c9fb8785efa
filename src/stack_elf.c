/* SPDX-License-Identifier: MIT */
/* See stack_elf.h. Sizes are bounded before anything is read by them. */
#include "stack_elf.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define HEADERS_MAX 128
#define NOTES_MAX 4096u
#define PAGE_MASK 4095ull
#define BUILD_ID_MAX 64u

struct headers { Elf64_Phdr items[HEADERS_MAX]; unsigned count; };

static int read_headers(stack_elf_read_fn *read, void *arg, struct headers *ret)
{
	Elf64_Ehdr e;
	int rc = read(arg, 0, 0, &e, sizeof e);
	if (rc < 0)
		return rc;
	if (memcmp(e.e_ident, ELFMAG, SELFMAG) || e.e_ident[EI_CLASS] != ELFCLASS64 ||
	    e.e_phentsize != sizeof(Elf64_Phdr) || e.e_phnum == 0)
		return -ENOEXEC;
	ret->count = e.e_phnum < HEADERS_MAX ? e.e_phnum : HEADERS_MAX;
	if (e.e_phoff > INT64_MAX)
		return -ENOEXEC;
	return read(arg, e.e_phoff, e.e_phoff, ret->items, ret->count * sizeof *ret->items);
}

/* Segments are mapped by whole pages. */
static bool holds(const Elf64_Phdr *ph, uint64_t offset)
{
	uint64_t end;
	return ph->p_type == PT_LOAD && (ph->p_offset & ~PAGE_MASK) <= offset &&
	       !__builtin_add_overflow(ph->p_offset, ph->p_filesz, &end) && offset < ((end + PAGE_MASK) & ~PAGE_MASK);
}

static const Elf64_Phdr *find_segment(const struct headers *h, uint64_t offset)
{
	const Elf64_Phdr *found = NULL;
	for (unsigned i = 0; i < h->count; i++)
		if (holds(&h->items[i], offset) && (!found || h->items[i].p_flags & PF_X))
			found = &h->items[i];
	return found;
}

static void write_hex(char *to, const uint8_t *bytes, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < n; i++) {
		*to++ = digits[bytes[i] >> 4];
		*to++ = digits[bytes[i] & 15];
	}
	*to = 0;
}

static uint64_t padded(uint64_t size, uint64_t align)
{
	return (size + align - 1) & ~(align - 1);
}

/* True if the build id is among these notes. */
static bool find_build_id(const uint8_t *notes, size_t size, uint64_t align, char *ret_hex)
{
	Elf64_Nhdr n;
	for (size_t at = 0; size - at >= sizeof n;) {
		memcpy(&n, notes + at, sizeof n);
		uint64_t text = at + sizeof n, bytes = padded(text + n.n_namesz, align), end = padded(bytes + n.n_descsz, align);
		if (bytes > size || n.n_descsz > size - bytes)
			return false;
		if (n.n_type == NT_GNU_BUILD_ID && n.n_namesz == 4 && !memcmp(notes + text, "GNU", 4) &&
		    n.n_descsz && n.n_descsz <= BUILD_ID_MAX) {
			write_hex(ret_hex, notes + bytes, n.n_descsz);
			return true;
		}
		if (end > size)
			return false;
		at = end;
	}
	return false;
}

static void read_build_id(stack_elf_read_fn *read, void *arg, const struct headers *h, char *ret_hex)
{
	uint8_t notes[NOTES_MAX];
	*ret_hex = 0;
	for (unsigned i = 0; i < h->count; i++) {
		const Elf64_Phdr *ph = &h->items[i];
		size_t size = ph->p_filesz < NOTES_MAX ? (size_t)ph->p_filesz : NOTES_MAX;
		if (ph->p_type != PT_NOTE || read(arg, ph->p_offset, ph->p_vaddr, notes, size) < 0)
			continue;
		if (find_build_id(notes, size, ph->p_align == 8 ? 8 : 4, ret_hex))
			return;
	}
}

int stack_elf_read(stack_elf_read_fn *read, void *arg, uint64_t offset, struct stack_elf *ret_elf)
{
	struct headers h;
	struct stack_elf elf;
	int rc = read_headers(read, arg, &h);
	if (rc < 0)
		return rc;
	const Elf64_Phdr *segment = find_segment(&h, offset);
	if (!segment)
		return -ENOEXEC;
	elf.address = offset - segment->p_offset + segment->p_vaddr;
	read_build_id(read, arg, &h, elf.build_id);
	*ret_elf = elf;
	return 0;
}
