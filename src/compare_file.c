/* SPDX-License-Identifier: MIT */
/* Section headers and dynamic symbols by libelf; see compare_file.h. */
#include "compare_file.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct file { int fd; Elf *elf; int64_t bytes; };

static int open_file(const char *path, struct file *ret_file)
{
	struct stat st;
	struct file f = { .fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) };
	int error = f.fd < 0 || fstat(f.fd, &st) != 0 ? -errno : !S_ISREG(st.st_mode) ? -ENOEXEC : 0;
	if (!error) {
		f.bytes = st.st_size;
		f.elf = elf_version(EV_CURRENT) != EV_NONE ? elf_begin(f.fd, ELF_C_READ, NULL) : NULL;
		error = f.elf && elf_kind(f.elf) == ELF_K_ELF ? 0 : -ENOEXEC;
	}
	if (!error) {
		*ret_file = f;
		return 0;
	}
	elf_end(f.elf);
	if (f.fd >= 0)
		close(f.fd);
	return error;
}

static void close_file(struct file *f)
{
	elf_end(f->elf);
	close(f->fd);
}

int compare_file_size(const char *path, int64_t *ret_bytes)
{
	struct stat st;
	if (stat(path, &st) != 0)
		return -errno;
	*ret_bytes = st.st_size;
	return 0;
}

/* ---- what strip leaves -------------------------------------------------------------- */

struct layout { uint64_t end, names, headers; };

static bool is_debugging(const char *name)
{
	static const char *const begins[] = { ".debug", ".zdebug", ".gnu.debuglto_.debug_", ".gnu.linkonce.wi.", ".line", ".stab", ".gdb_index" };
	for (size_t i = 0; i < sizeof begins / sizeof *begins; i++)
		if (!strncmp(name, begins[i], strlen(begins[i])))
			return true;
	return false;
}

static bool is_kept(const GElf_Shdr *s, const char *name)
{
	if (s->sh_flags & SHF_ALLOC)
		return true;
	switch (s->sh_type) {
	case SHT_SYMTAB: case SHT_STRTAB: case SHT_SYMTAB_SHNDX: case SHT_REL: case SHT_RELA: case SHT_GROUP: return false;
	default: return !is_debugging(name);
	}
}

static uint64_t align(uint64_t at, uint64_t by)
{
	return by > 1 && (by & (by - 1)) == 0 && by <= 4096 ? (at + by - 1) & ~(by - 1) : at;
}

/* False: it reaches beyond the file. loaded: in this pass those that are, else those behind. */
static bool lay(struct file *f, size_t names, bool loaded, struct layout *l)
{
	GElf_Shdr s;
	for (Elf_Scn *scn = NULL; (scn = elf_nextscn(f->elf, scn)); ) {
		if (!gelf_getshdr(scn, &s))
			return false;
		const char *name = elf_strptr(f->elf, names, s.sh_name);
		uint64_t size = s.sh_type == SHT_NOBITS ? 0 : s.sh_size;
		if (!name || size > (uint64_t)f->bytes || s.sh_offset > (uint64_t)f->bytes)
			return false;
		if (!is_kept(&s, name) || loaded != !!(s.sh_flags & SHF_ALLOC))
			continue;
		l->names += strlen(name) + 1;
		l->headers++;
		if (size && loaded)
			l->end = s.sh_offset + size > l->end ? s.sh_offset + size : l->end;
		else if (size)
			l->end = align(l->end, s.sh_addralign) + size;
	}
	return true;
}

static int stripped_size(struct file *f, int64_t *ret_bytes)
{
	static const char table[] = ".shstrtab";
	GElf_Ehdr e;
	size_t names;
	if (!gelf_getehdr(f->elf, &e) || elf_getshdrstrndx(f->elf, &names) != 0)
		return -ENOEXEC;
	struct layout l = { .end = e.e_ehsize + (uint64_t)e.e_phnum * e.e_phentsize, .names = 1 + sizeof table, .headers = 2 };
	if (!e.e_shnum) { /* sstrip'ed: there is nothing more to take */
		*ret_bytes = f->bytes;
		return 0;
	}
	if (!lay(f, names, true, &l) || !lay(f, names, false, &l))
		return -ENOEXEC;
	*ret_bytes = (int64_t)(align(l.end + l.names, 8) + l.headers * e.e_shentsize);
	return 0;
}

int compare_file_stripped_size(const char *path, int64_t *ret_bytes)
{
	struct file f;
	int error = open_file(path, &f);
	if (error)
		return error;
	error = stripped_size(&f, ret_bytes);
	close_file(&f);
	return error;
}

/* ---- an allocator to preload ------------------------------------------------------------ */

static unsigned own_machine(void)
{
#if defined(__x86_64__)
	return EM_X86_64;
#elif defined(__aarch64__)
	return EM_AARCH64;
#else
	return EM_NONE;
#endif
}

/* Bits: 1 malloc, 2 free. */
static unsigned defines(Elf *elf, Elf_Data *data, const GElf_Shdr *s)
{
	unsigned found = 0;
	GElf_Sym symbol;
	for (int i = 0; gelf_getsym(data, i, &symbol) != NULL; i++) {
		const char *name = elf_strptr(elf, s->sh_link, symbol.st_name);
		if (!name || symbol.st_shndx == SHN_UNDEF || GELF_ST_BIND(symbol.st_info) == STB_LOCAL)
			continue;
		found |= !strcmp(name, "malloc") ? 1u : !strcmp(name, "free") ? 2u : 0u;
	}
	return found;
}

static const char *judge_library(struct file *f)
{
	GElf_Ehdr e;
	GElf_Shdr s;
	unsigned found = 0;
	if (!gelf_getehdr(f->elf, &e) || gelf_getclass(f->elf) != ELFCLASS64 || e.e_machine != own_machine())
		return "is for another machine";
	if (e.e_type != ET_DYN)
		return "is not a shared library";
	for (Elf_Scn *scn = NULL; (scn = elf_nextscn(f->elf, scn)); ) {
		Elf_Data *data;
		if (gelf_getshdr(scn, &s) && s.sh_type == SHT_DYNSYM && (data = elf_getdata(scn, NULL)))
			found |= defines(f->elf, data, &s);
	}
	return found == 3 ? NULL : "does not replace malloc and free";
}

const char *compare_file_no_allocator(const char *path)
{
	struct file f;
	int error = open_file(path, &f);
	if (error)
		return error == -ENOENT ? "does not exist" : error == -ENOEXEC ? "is not a shared library" : "cannot be read";
	const char *why = judge_library(&f);
	close_file(&f);
	return why;
}
