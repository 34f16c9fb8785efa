/* SPDX-License-Identifier: MIT */
/* What is read from any ELF file, a debug file too, whose segments have no bytes: sections by
 * name or type, and the build id. All of it checked against the file's size. */
#include "image_private.h"

#include <errno.h>
#include <string.h>

#define NOTES_MAX 64

const uint8_t *elf_at(struct elf_bytes e, uint64_t offset, uint64_t bytes)
{
	return offset <= e.size && bytes <= e.size - offset ? e.bytes + offset : NULL;
}

static bool read_header(struct elf_bytes e, Elf64_Ehdr *ret)
{
	if (e.size < sizeof *ret)
		return false;
	memcpy(ret, e.bytes, sizeof *ret);
	return !memcmp(ret->e_ident, ELFMAG, SELFMAG) && ret->e_ident[EI_CLASS] == ELFCLASS64 &&
	       ret->e_ident[EI_DATA] == ELFDATA2LSB;
}

static bool read_section(struct elf_bytes e, const Elf64_Ehdr *h, uint64_t index, Elf64_Shdr *ret)
{
	const uint8_t *at = index < h->e_shnum ? elf_at(e, h->e_shoff, (index + 1) * sizeof *ret) : NULL;
	if (!at || h->e_shentsize != sizeof *ret)
		return false;
	memcpy(ret, at + index * sizeof *ret, sizeof *ret);
	return true;
}

static bool has_name(struct elf_bytes e, const Elf64_Shdr *names, uint32_t offset, const char *name)
{
	size_t n = strlen(name) + 1;
	if (offset >= names->sh_size || n > names->sh_size - offset)
		return false;
	const uint8_t *table = elf_at(e, names->sh_offset, names->sh_size);
	return table && !memcmp(table + offset, name, n);
}

bool elf_find_section(struct elf_bytes e, const char *name, uint32_t type, Elf64_Shdr *ret_section)
{
	Elf64_Ehdr h;
	Elf64_Shdr names = { 0 }, s;
	if (!read_header(e, &h))
		return false;
	if (name && !read_section(e, &h, h.e_shstrndx, &names))
		return false;
	for (unsigned i = 0; i < h.e_shnum && read_section(e, &h, i, &s); i++)
		if (name ? has_name(e, &names, s.sh_name, name) : s.sh_type == type) {
			*ret_section = s;
			return true;
		}
	return false;
}

static uint64_t padded(uint64_t bytes, uint64_t alignment)
{
	return alignment == 8 ? (bytes + 7) & ~7ull : (bytes + 3) & ~3ull;
}

/* The build id among the notes [at, at + bytes). */
static bool find_in_notes(struct elf_bytes e, uint64_t offset, uint64_t bytes, uint64_t alignment, struct elf_bytes *ret)
{
	Elf64_Nhdr n;
	const uint8_t *at = elf_at(e, offset, bytes);
	for (unsigned i = 0; at && bytes >= sizeof n && i < NOTES_MAX; i++) {
		memcpy(&n, at, sizeof n);
		uint64_t name = padded(n.n_namesz, alignment), whole = sizeof n + name + padded(n.n_descsz, alignment);
		if (sizeof n + name + n.n_descsz > bytes)
			return false;
		if (n.n_type == NT_GNU_BUILD_ID && n.n_namesz == 4 && !memcmp(at + sizeof n, "GNU", 4)) {
			*ret = (struct elf_bytes){ at + sizeof n + name, n.n_descsz };
			return true;
		}
		if (whole >= bytes)
			return false;
		at += whole;
		bytes -= whole;
	}
	return false;
}

/* By program headers: a debug file has them as well, and its notes with bytes. */
static bool find_by_headers(struct elf_bytes e, const Elf64_Ehdr *h, struct elf_bytes *ret)
{
	Elf64_Phdr ph;
	const uint8_t *at = elf_at(e, h->e_phoff, (uint64_t)h->e_phnum * sizeof ph);
	for (unsigned i = 0; at && h->e_phentsize == sizeof ph && i < h->e_phnum; i++) {
		memcpy(&ph, at + i * sizeof ph, sizeof ph);
		if (ph.p_type == PT_NOTE && find_in_notes(e, ph.p_offset, ph.p_filesz, ph.p_align, ret))
			return true;
	}
	return false;
}

int elf_build_id(struct elf_bytes e, const uint8_t **ret_id, size_t *ret_bytes)
{
	Elf64_Ehdr h;
	Elf64_Shdr s;
	struct elf_bytes id;
	if (!read_header(e, &h))
		return -ENOEXEC;
	bool found = elf_find_section(e, ".note.gnu.build-id", 0, &s) &&
		     find_in_notes(e, s.sh_offset, s.sh_size, s.sh_addralign, &id);
	if (!found && !find_by_headers(e, &h, &id))
		return -ENODATA;
	*ret_id = id.bytes;
	*ret_bytes = id.size;
	return 0;
}
