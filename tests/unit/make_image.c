/* SPDX-License-Identifier: MIT */
#include "make_image.h"

#include <assert.h>
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define HEADER_AT 0x200u
#define FRAMES_AT 0x400u
#define DYNAMIC_AT 0x800u
#define RELA_AT 0x900u
#define RELR_AT 0xa40u
#define FUNCTIONS 6u
#define FUNCTION_BYTES 0x40u
#define FDE_BYTES 24u
#define CIE_BYTES 24u

static void put32(uint8_t *at, uint32_t v)
{
	memcpy(at, &v, sizeof v);
}

static void put64(uint8_t *at, uint64_t v)
{
	memcpy(at, &v, sizeof v);
}

static void put_headers(uint8_t *b)
{
	Elf64_Ehdr e = {
		.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT }, .e_type = ET_DYN,
		.e_machine = EM_X86_64, .e_version = 1, .e_phoff = sizeof e, .e_ehsize = sizeof e,
		.e_phentsize = sizeof(Elf64_Phdr), .e_phnum = 3,
	};
	Elf64_Phdr ph[3] = {
		{ .p_type = PT_LOAD, .p_flags = PF_R | PF_W | PF_X, .p_filesz = MADE_BYTES, .p_memsz = MADE_BYTES },
		{ .p_type = PT_GNU_EH_FRAME, .p_offset = HEADER_AT, .p_vaddr = HEADER_AT, .p_filesz = 0x100, .p_memsz = 0x100 },
		{ .p_type = PT_DYNAMIC, .p_offset = DYNAMIC_AT, .p_vaddr = DYNAMIC_AT, .p_filesz = 0x100, .p_memsz = 0x100 },
	};
	memcpy(b, &e, sizeof e);
	memcpy(b + sizeof e, ph, sizeof ph);
}

static void put_frame(uint8_t *b, unsigned i)
{
	static const uint8_t cie[CIE_BYTES] = { 20, 0, 0, 0, 0, 0, 0, 0, 1, 'z', 'R', 0, 1, 0x78, 16, 1, 0x1b };
	static const uint8_t whole[] = { 0x41, 0x0e, 16 }, fragment[] = { 0x0e, 16 };
	uint32_t start = MADE_CALLER + i * FUNCTION_BYTES, at = FRAMES_AT + CIE_BYTES + i * FDE_BYTES;
	memcpy(b + FRAMES_AT, cie, sizeof cie);
	put32(b + at, FDE_BYTES - 4);
	put32(b + at + 4, at + 4 - FRAMES_AT);
	put32(b + at + 8, start - (at + 8));
	put32(b + at + 12, FUNCTION_BYTES);
	if (start == MADE_FRAGMENT)
		memcpy(b + at + 17, fragment, sizeof fragment);
	else
		memcpy(b + at + 17, whole, sizeof whole);
	put32(b + HEADER_AT + 12 + 8 * i, start - HEADER_AT);
	put32(b + HEADER_AT + 16 + 8 * i, at - HEADER_AT);
}

static void put_frames(uint8_t *b)
{
	const uint8_t head[] = { 1, 0x1b, 0x03, 0x3b };
	memcpy(b + HEADER_AT, head, sizeof head);
	put32(b + HEADER_AT + 4, FRAMES_AT - (HEADER_AT + 4));
	put32(b + HEADER_AT + 8, FUNCTIONS);
	for (unsigned i = 0; i < FUNCTIONS; i++)
		put_frame(b, i);
}

static void put_pointers(uint8_t *b)
{
	const Elf64_Dyn dynamic[] = {
		{ DT_RELA, { RELA_AT } }, { DT_RELASZ, { sizeof(Elf64_Rela) } }, { 36, { RELR_AT } }, { 35, { 16 } }, { DT_NULL, { 0 } },
	};
	Elf64_Rela rela = { MADE_SLOT, R_X86_64_RELATIVE, MADE_TARGET };
	memcpy(b + DYNAMIC_AT, dynamic, sizeof dynamic);
	memcpy(b + RELA_AT, &rela, sizeof rela);
	put64(b + RELR_AT, MADE_POINTER - 16); /* a word of zero, then by a bit the second behind it */
	put64(b + RELR_AT + 8, 2u << 1 | 1);
	put64(b + MADE_POINTER, MADE_CALLER);
	strcpy((char *)b + MADE_TEXT, "<jemalloc>: made");
}

/* Opcode bytes and a 32-bit displacement to target; tail: bytes of the instruction behind it. */
static uint32_t put_code(uint8_t *b, uint32_t at, const char *opcode, size_t n, uint32_t target, unsigned tail)
{
	memcpy(b + at, opcode, n);
	put32(b + at + n, target - (at + (uint32_t)n + 4 + tail));
	return at + (uint32_t)n + 4 + tail;
}

static void put_text(uint8_t *b)
{
	memset(b + MADE_CALLER, 0x90, FUNCTIONS * FUNCTION_BYTES);
	uint32_t at = put_code(b, MADE_CALLER, "\xe8", 1, MADE_TARGET, 0);
	put_code(b, at, "\x0f\x85", 2, MADE_FRAGMENT, 0);
	put_code(b, MADE_TARGET, "\x48\x8d\x3d", 3, MADE_TEXT, 0);
	put_code(b, MADE_THUNK, "\xe9", 1, MADE_TARGET, 0);
	at = put_code(b, MADE_USER, "\xe8", 1, MADE_THUNK, 0);
	at = put_code(b, at, "\xff\x15", 2, MADE_SLOT, 0);
	put_code(b, at, "\xe8", 1, MADE_STUB, 0);
	at = put_code(b, MADE_FRAGMENT, "\xe8", 1, MADE_USER, 0);
	put_code(b, at, "\xe9", 1, MADE_CALLER + 16, 0);
	at = put_code(b, MADE_LOADER, "\x48\x8b\x05", 3, MADE_SLOT, 0);
	put_code(b, at, "\x83\x3d", 2, MADE_VARIABLE, 1);
	memcpy(b + MADE_STUB, "\xf3\x0f\x1e\xfa", 4);
	put_code(b, MADE_STUB + 4, "\xf2\xff\x25", 3, MADE_SLOT, 0);
}

void make_image(uint8_t bytes[MADE_BYTES])
{
	memset(bytes, 0, MADE_BYTES);
	put_headers(bytes);
	put_frames(bytes);
	put_pointers(bytes);
	put_text(bytes);
}

/* ---- a graph ------------------------------------------------------------------------ */

/* Behind the made image's own page of headers: table, descriptions, relocations, text, code. */
struct layout { uint32_t table, frames, rela, pointers, text, code, size; };

static struct layout lay_out(const struct made_graph *g)
{
	struct layout l = { .table = 0x1000 };
	l.frames = l.table + 16 + 8 * g->functions;
	l.rela = l.frames + CIE_BYTES + FDE_BYTES * g->functions;
	l.pointers = (l.rela + 24 * g->pointer_count + 7) & ~7u;
	l.text = l.pointers + 8 * g->pointer_count;
	l.code = (l.text + 256 + 0xfff) & ~0xfffu;
	l.size = l.code + g->functions * g->function_bytes;
	return l;
}

uint64_t made_start(const struct made_graph *g, unsigned function)
{
	return lay_out(g).code + (uint64_t)function * g->function_bytes;
}

static void put_graph_frames(uint8_t *b, const struct made_graph *g, const struct layout *l)
{
	memcpy(b + l->frames, b + FRAMES_AT, CIE_BYTES);
	memcpy(b + l->table, b + HEADER_AT, 4);
	put32(b + l->table + 4, l->frames - (l->table + 4));
	put32(b + l->table + 8, g->functions);
	for (unsigned i = 0; i < g->functions; i++) {
		uint32_t start = l->code + i * g->function_bytes, at = l->frames + CIE_BYTES + i * FDE_BYTES;
		put32(b + at, FDE_BYTES - 4);
		put32(b + at + 4, at + 4 - l->frames);
		put32(b + at + 8, start - (at + 8));
		put32(b + at + 12, g->function_bytes);
		put32(b + l->table + 12 + 8 * i, start - l->table);
		put32(b + l->table + 16 + 8 * i, at - l->table);
	}
}

static void put_graph_pointers(uint8_t *b, const struct made_graph *g, const struct layout *l)
{
	const Elf64_Dyn dynamic[] = { { DT_RELA, { l->rela } }, { DT_RELASZ, { 24 * g->pointer_count } }, { DT_NULL, { 0 } } };
	memcpy(b + DYNAMIC_AT, dynamic, sizeof dynamic);
	for (unsigned i = 0; i < g->pointer_count; i++) {
		Elf64_Rela rela = { l->pointers + 8 * i, R_X86_64_RELATIVE, (int64_t)made_start(g, g->pointers[i]) };
		memcpy(b + l->rela + 24 * i, &rela, sizeof rela);
	}
}

static void put_graph_code(uint8_t *b, const struct made_graph *g, const struct layout *l)
{
	memset(b + l->code, 0x90, g->functions * g->function_bytes);
	for (unsigned i = 0; i < g->user_count; i++)
		put_code(b, (uint32_t)made_start(g, g->users[i]) + 50, "\x48\x8d\x3d", 3, l->text, 0);
	for (unsigned i = 0; i < g->call_count; i++) {
		uint32_t at = (uint32_t)made_start(g, g->calls[i].from);
		while (b[at] != 0x90)
			at += 5;
		assert(at + 5 <= made_start(g, g->calls[i].from) + 50);
		put_code(b, at, "\xe8", 1, (uint32_t)made_start(g, g->calls[i].to), 0);
	}
}

uint8_t *make_graph(const struct made_graph *g, size_t *ret_size)
{
	struct layout l = lay_out(g);
	uint8_t *b = calloc(1, l.size < MADE_BYTES ? MADE_BYTES : l.size);
	assert(b);
	put_headers(b);
	put_frames(b);
	uint64_t size = l.size, table = l.table;
	Elf64_Phdr *ph = (Elf64_Phdr *)(void *)(b + sizeof(Elf64_Ehdr));
	ph[0].p_filesz = ph[0].p_memsz = size;
	ph[1].p_vaddr = ph[1].p_offset = table;
	put_graph_frames(b, g, &l);
	put_graph_pointers(b, g, &l);
	strcpy((char *)b + l.text, g->text);
	put_graph_code(b, g, &l);
	*ret_size = l.size;
	return b;
}

int make_file(const void *bytes, size_t size, char ret_path[64])
{
	int fd = memfd_create("image", MFD_CLOEXEC);
	assert(fd >= 0);
	for (size_t done = 0; done < size;) {
		ssize_t n = write(fd, (const char *)bytes + done, size - done);
		assert(n > 0);
		done += (size_t)n;
	}
	snprintf(ret_path, 64, "/proc/self/fd/%d", fd);
	return fd;
}
