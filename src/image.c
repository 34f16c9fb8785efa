/* SPDX-License-Identifier: MIT */
/*
 * The file's headers; see image.h. Only program headers are believed to say where things
 * are in memory: section headers may be missing or lie, and nothing but names of functions
 * comes from them. Odd but loadable files (overlapping or descending segments, a span of
 * 4 GiB, 1 GiB of bytes) are refused, which makes everything behind simple and bounded.
 */
#include "image_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HEADERS_MAX 1170 /* 64 KiB of them: the kernel takes no more */
#define SPAN_MAX (1ull << 32)
#define BYTES_MAX (1ull << 30)

static int read_elf_header(struct image *im, Elf64_Ehdr *ret_header)
{
	Elf64_Ehdr e;
	if (im->file.size < sizeof e)
		return -ENOEXEC;
	memcpy(&e, im->file.bytes, sizeof e);
	if (memcmp(e.e_ident, ELFMAG, SELFMAG) || e.e_ident[EI_CLASS] != ELFCLASS64 ||
	    e.e_ident[EI_DATA] != ELFDATA2LSB || e.e_machine != EM_X86_64)
		return -ENOEXEC;
	if ((e.e_type != ET_EXEC && e.e_type != ET_DYN) || e.e_phentsize != sizeof(Elf64_Phdr) ||
	    e.e_phnum == 0 || e.e_phnum > HEADERS_MAX)
		return -ENOEXEC;
	*ret_header = e;
	return 0;
}

static int read_program_headers(struct image *im, const Elf64_Ehdr *e)
{
	size_t bytes = e->e_phnum * sizeof *im->headers;
	const uint8_t *at = elf_at(im->file, e->e_phoff, bytes);
	if (!at)
		return -ENOEXEC;
	im->headers = malloc(bytes);
	im->segments = calloc(e->e_phnum, sizeof *im->segments);
	if (!im->headers || !im->segments)
		return -ENOMEM;
	memcpy(im->headers, at, bytes);
	im->header_count = e->e_phnum;
	return 0;
}

/* Segments follow each other; what they take from the file they have of their own. */
static int add_segment(struct image *im, const Elf64_Phdr *ph, uint64_t *total)
{
	uint64_t low = im->segment_count ? im->segments[im->segment_count - 1].end : 0;
	const uint8_t *bytes = elf_at(im->file, ph->p_offset, ph->p_filesz);
	uint64_t end;
	if (!bytes || ph->p_vaddr < low || ph->p_filesz > ph->p_memsz ||
	    __builtin_add_overflow(ph->p_vaddr, ph->p_memsz, &end))
		return -ENOEXEC;
	*total += ph->p_filesz;
	uint64_t first = im->segment_count ? im->segments[0].address : ph->p_vaddr;
	if (*total > 2 * (uint64_t)im->file.size || *total > BYTES_MAX || end - first >= SPAN_MAX)
		return -ENOEXEC;
	im->segments[im->segment_count++] = (struct image_segment){
		.address = ph->p_vaddr, .end = end, .file_end = ph->p_vaddr + ph->p_filesz,
		.bytes = bytes, .is_code = (ph->p_flags & PF_X) != 0,
	};
	return 0;
}

static int read_segments(struct image *im)
{
	uint64_t total = 0;
	for (size_t i = 0; i < im->header_count; i++) {
		const Elf64_Phdr *ph = &im->headers[i];
		int rc = ph->p_type == PT_LOAD && ph->p_memsz ? add_segment(im, ph, &total) : 0;
		if (rc < 0)
			return rc;
	}
	return im->segment_count ? 0 : -ENOEXEC;
}

static int read_headers(struct image *im)
{
	Elf64_Ehdr e;
	int rc = read_elf_header(im, &e);
	if (rc == 0)
		rc = read_program_headers(im, &e);
	if (rc == 0)
		rc = read_segments(im);
	if (rc == 0)
		im->is_fixed = e.e_type == ET_EXEC;
	return rc;
}

int image_open(const char *path, struct image **ret_image)
{
	struct image *im = calloc(1, sizeof *im);
	if (!im)
		return -ENOMEM;
	im->slots_rc = im->functions_rc = im->references_rc = im->symbols_rc = IMAGE_NOT_YET;
	im->path = strdup(path);
	int rc = im->path ? image_map_file(path, &im->file) : -ENOMEM;
	if (rc == 0)
		rc = read_headers(im);
	if (rc < 0) {
		image_close(im);
		return rc;
	}
	*ret_image = im;
	return 0;
}

void image_close(struct image *im)
{
	if (!im)
		return;
	for (size_t i = 0; i < im->segment_count; i++) {
		address_set_finish(&im->segments[i].starts);
		address_set_finish(&im->segments[i].slots);
	}
	image_release_symbols(im);
	free(im->slot_values);
	free(im->functions);
	free(im->resolved);
	free(im->references);
	free(im->segments);
	free(im->headers);
	free(im->path);
	image_unmap_file(&im->file);
	free(im);
}

uint64_t image_low(const struct image *im)
{
	return im->segments[0].address;
}

uint64_t image_high(const struct image *im)
{
	return im->segments[im->segment_count - 1].end;
}

const struct image_segment *image_segment_at(const struct image *im, uint64_t address)
{
	size_t low = 0, high = im->segment_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (im->segments[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low < im->segment_count && im->segments[low].address <= address ? &im->segments[low] : NULL;
}

const uint8_t *image_bytes(const struct image *im, uint64_t address, size_t n)
{
	const struct image_segment *s = image_segment_at(im, address);
	if (!s || address > s->file_end || n > s->file_end - address)
		return NULL;
	return s->bytes + (address - s->address);
}

bool image_is_code(const struct image *im, uint64_t address)
{
	const struct image_segment *s = image_segment_at(im, address);
	return s && s->is_code && address < s->file_end;
}

const Elf64_Phdr *image_header(const struct image *im, uint32_t type)
{
	for (size_t i = 0; i < im->header_count; i++)
		if (im->headers[i].p_type == type)
			return &im->headers[i];
	return NULL;
}

struct image_cursor image_cursor_at(const struct image *im, uint64_t address)
{
	const struct image_segment *s = image_segment_at(im, address);
	if (!s || address >= s->file_end)
		return (struct image_cursor){ .bad = true };
	return (struct image_cursor){ s->bytes + (address - s->address), s->bytes + (s->file_end - s->address), address, false };
}
