/* SPDX-License-Identifier: MIT */
/* The trie of a peer that may lie, the modules of a real process, and what is told of both. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "shadow_writer.h"
#include "stack_elf.h"
#include "stack_figures.h"
#include "stack_names.h"
#include "stack_totals.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
	struct shadow_writer w;
	struct wire_stacks *head;
	struct wire_stack_node *nodes;
	struct wire_stack_total *totals;
	struct stack_view *v;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	shadow_writer_init(&f->w);
	f->head = (void *)(f->w.base + WIRE_OFF_STACKS);
	f->nodes = (void *)(f->w.base + WIRE_OFF_STACKS + WIRE_STACKS_OFF_NODES);
	f->totals = (void *)(f->w.base + WIRE_OFF_STACKS + WIRE_STACKS_OFF_TOTALS);
	f->head->mode = WIRE_STACKS_ALL;
	f->head->nodes_used = 1;
	*state = f;
	return stack_view_create(f->w.fd, &f->v);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	stack_view_destroy(f->v);
	shadow_writer_finish(&f->w);
	free(f);
	return 0;
}

static uint32_t add(struct fixture *f, uint64_t ip, uint32_t parent)
{
	uint32_t id = f->head->nodes_used++;
	f->nodes[id] = (struct wire_stack_node){ .ip = ip, .parent = parent };
	return id;
}

/* The frames from id outwards, at most max. */
static unsigned depth_of(struct fixture *f, uint32_t id, unsigned max)
{
	unsigned n = 0;
	uint64_t ip;
	uint32_t parent;
	for (; id && n < max && stack_view_node(f->v, id, &ip, &parent) == 0; id = parent)
		n++;
	return n;
}

static void test_modes(void **state)
{
	struct fixture *f = *state;
	struct stack_view *v = NULL;
	assert_int_equal(stack_view_mode(f->v), WIRE_STACKS_ALL);
	f->head->mode = WIRE_STACKS_NONE;
	assert_int_equal(stack_view_create(f->w.fd, &v), -ENODATA);
	f->head->mode = WIRE_STACKS_SAMPLED;
	assert_int_equal(stack_view_create(f->w.fd, &v), -ENODATA); /* by a mean of 0 */
	f->head->mode = 77;
	assert_int_equal(stack_view_create(f->w.fd, &v), -ENODATA);
	assert_null(v);
	f->head->mode = WIRE_STACKS_SAMPLED;
	f->head->mean_bytes = 4096;
	assert_int_equal(stack_view_create(f->w.fd, &v), 0);
	assert_int_equal(stack_view_mean_bytes(v), 4096);
	stack_view_destroy(v);
	assert_int_equal(stack_view_create(-1, &v), -EBADF);
}

static void test_nodes_come_as_they_are_made(void **state)
{
	struct fixture *f = *state;
	uint64_t ip = 1;
	uint32_t parent = 1;
	uint32_t main_id = add(f, 0x1000, 0), a = add(f, 0x2000, main_id);
	assert_int_equal(stack_view_node(f->v, a, &ip, &parent), -ENOENT);
	assert_int_equal(stack_view_update(f->v), 0);
	assert_int_equal(stack_view_node(f->v, a, &ip, &parent), 0);
	assert_int_equal(ip, 0x2000);
	assert_int_equal(parent, main_id);
	assert_int_equal(stack_view_node(f->v, main_id, &ip, &parent), 0);
	assert_int_equal(parent, 0);
	assert_int_equal(stack_view_node(f->v, 0, &ip, &parent), -ENOENT);
	/* claimed, and filled only after it was copied */
	uint32_t late = add(f, 0, 0);
	assert_int_equal(stack_view_update(f->v), 0);
	assert_int_equal(stack_view_node(f->v, late, &ip, &parent), -ENOENT);
	f->nodes[late] = (struct wire_stack_node){ .ip = 0x3000, .parent = a };
	assert_int_equal(stack_view_node(f->v, late, &ip, &parent), 0);
	assert_int_equal(depth_of(f, late, 10), 3);
}

static void test_lying_chains_end(void **state)
{
	struct fixture *f = *state;
	uint32_t self = add(f, 0x10, 1), one = add(f, 0x11, 3), two = add(f, 0x12, 2), beyond = add(f, 0x13, 4000000);
	uint32_t last = 0, first = f->head->nodes_used;
	for (unsigned i = 0; i < 100000; i++)
		last = add(f, 0x1000 + i, last);
	assert_int_equal(self, 1);
	assert_int_equal(one, 2);
	assert_int_equal(stack_view_update(f->v), 0);
	assert_int_equal(depth_of(f, self, 1000), 1);
	assert_int_equal(depth_of(f, two, 1000), 2);
	assert_int_equal(depth_of(f, one, 1000), 1);
	assert_int_equal(depth_of(f, beyond, 1000), 1);
	for (uint32_t id = last; id > first + 101; id -= 101)
		assert_in_range(depth_of(f, id, 1000), 1, WIRE_STACK_DEPTH);
	assert_in_range(depth_of(f, last, 1000), 1, WIRE_STACK_DEPTH);
}

static void count_total(void *arg, uint32_t id, const struct wire_stack_total *total)
{
	(void)id;
	*(uint64_t *)arg += total->allocated_bytes;
}

/* A number that says "all used" makes nobody touch what was never written. */
static void test_holes_stay_holes(void **state)
{
	struct fixture *f = *state;
	struct stat before, after;
	uint64_t sum = 0;
	add(f, 0x10, 0);
	f->totals[1].allocated_bytes = 50;
	f->head->nodes_used = UINT32_MAX;
	fstat(f->w.fd, &before);
	assert_int_equal(stack_view_update(f->v), 0);
	assert_int_equal(stack_view_node_count(f->v), WIRE_STACK_NODES);
	assert_int_equal(stack_view_each_total(f->v, count_total, &sum), 0);
	fstat(f->w.fd, &after);
	assert_int_equal(sum, 50);
	assert_int_equal(before.st_blocks, after.st_blocks);
	assert_int_equal(depth_of(f, 5000, 10), 0);
}

static void test_totals_are_cut_to_the_largest(void **state)
{
	struct fixture *f = *state;
	struct stack_total *totals;
	size_t count;
	uint64_t bytes = 0, allocations = 0;
	for (uint32_t i = 1; i <= 1000; i++) {
		add(f, i, 0);
		f->totals[i] = (struct wire_stack_total){ .allocated_bytes = i * 10, .allocations = 2000 - i, .samples = 1 };
	}
	f->totals[500].allocated_bytes = f->totals[500].allocations = f->totals[500].samples = 0;
	assert_int_equal(stack_view_update(f->v), 0);
	assert_int_equal(stack_totals_read(f->v, 5000, &totals, &count), 0);
	assert_int_equal(count, 999);
	free(totals);
	assert_int_equal(stack_totals_read(f->v, 10, &totals, &count), 0);
	assert_int_equal(count, 21);
	assert_int_equal(totals[0].stack, 1);
	assert_int_equal(totals[19].stack, 1000);
	assert_int_equal(totals[20].stack, STACK_REST);
	for (size_t i = 0; i < count; i++) {
		bytes += totals[i].allocated_bytes;
		allocations += totals[i].allocations;
	}
	assert_int_equal(bytes, 5005000 - 5000);
	assert_int_equal(allocations, 2000000 - 500500 - 1500);
	free(totals);
}

/* ---- modules ---------------------------------------------------------------------------- */

struct look { struct platform_process process; struct platform_mappings list; struct stack_modules *m; };

static void look(struct look *l)
{
	assert_int_equal(platform_read_mappings(&l->process, &l->list), 0);
	stack_modules_look(l->m, &l->process, &l->list);
}

static int set_up_modules(void **state)
{
	struct look *l = calloc(1, sizeof *l);
	*state = l;
	return platform_process_init(&l->process, getpid(), NULL) | stack_modules_create(&l->m);
}

static int tear_down_modules(void **state)
{
	struct look *l = *state;
	stack_modules_destroy(l->m);
	platform_mappings_finish(&l->list);
	platform_process_finish(&l->process);
	free(l);
	return 0;
}

/* What the loader says of the module that has the address. */
struct loaded { uint64_t address, bias; char build_id[129]; };

static int find_loaded(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct loaded *l = arg;
	bool is_it = false;
	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
		is_it |= ph->p_type == PT_LOAD && l->address - info->dlpi_addr - ph->p_vaddr < ph->p_memsz;
	}
	if (is_it)
		l->bias = info->dlpi_addr;
	return is_it;
}

static void test_modules_of_this_process(void **state)
{
	struct look *l = *state;
	const uint64_t addresses[] = { (uint64_t)(uintptr_t)test_modules_of_this_process, (uint64_t)(uintptr_t)memfd_create,
				       (uint64_t)(uintptr_t)dl_iterate_phdr };
	look(l);
	for (size_t i = 0; i < 3; i++) {
		struct loaded loaded = { .address = addresses[i] };
		uint32_t number = stack_modules_find(l->m, addresses[i]);
		assert_int_not_equal(number, 0);
		assert_int_equal(dl_iterate_phdr(find_loaded, &loaded), 1);
		const struct stack_module *m = stack_modules_get(l->m, number);
		assert_true(m->bias == loaded.bias);
		assert_true(m->low <= addresses[i] && addresses[i] < m->high);
		assert_int_equal(strlen(m->build_id) % 2, 0);
		if (i > 0) /* Debian's libc has one */
			assert_true(strlen(m->build_id) >= 16);
		assert_null(strstr(m->path, STACK_MODULE_UNREAD));
	}
	uint32_t before = stack_modules_count(l->m);
	look(l);
	assert_int_equal(stack_modules_find(l->m, addresses[0]), 1);
	assert_int_equal(stack_modules_count(l->m), before);
	assert_int_equal(stack_modules_find(l->m, (uint64_t)(uintptr_t)l), 0); /* the heap */
	assert_int_equal(stack_modules_find(l->m, 1), 0);
}

/* A file of 2 segments at addresses that are not its offsets, with a build id; into a name. */
static void write_module(const char *path, uint8_t id)
{
	struct { Elf64_Ehdr e; Elf64_Phdr p[3]; Elf64_Nhdr n; char name[4]; uint8_t id[8]; } f = {
		.e = { .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB }, .e_phoff = sizeof f.e,
		       .e_phentsize = sizeof f.p[0], .e_phnum = 3 },
		.p = { { .p_type = PT_LOAD, .p_flags = PF_R, .p_filesz = 4096, .p_memsz = 4096 },
		       { .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_offset = 4096, .p_vaddr = 0x20000 + 4096, .p_filesz = 4096, .p_memsz = 4096 },
		       { .p_type = PT_NOTE, .p_filesz = 24, .p_align = 4 } },
		.n = { 4, 8, NT_GNU_BUILD_ID }, .name = "GNU",
	};
	memset(f.id, id, sizeof f.id);
	f.p[2].p_offset = f.p[2].p_vaddr = (uint64_t)((char *)&f.n - (char *)&f);
	int fd = open(path, O_CREAT | O_TRUNC | O_RDWR, 0600);
	assert_true(fd >= 0 && ftruncate(fd, 8192) == 0 && pwrite(fd, &f, sizeof f, 0) == (ssize_t)sizeof f);
	close(fd);
}

static char *map_module(const char *path, char *at)
{
	int fd = open(path, O_RDONLY);
	char *low = mmap(at, 0x22000, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | (at ? MAP_FIXED : 0), -1, 0);
	assert_ptr_not_equal(mmap(low, 4096, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0), MAP_FAILED);
	assert_ptr_not_equal(mmap(low + 0x21000, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, fd, 4096), MAP_FAILED);
	close(fd);
	return low;
}

/* One that was deleted is what it was; another at the same place is another. */
static void test_modules_come_and_go(void **state)
{
	struct look *l = *state;
	char path[] = "./stack-module-XXXXXX";
	close(mkstemp(path));
	write_module(path, 0xab);
	char *low = map_module(path, NULL);
	uint64_t ip = (uint64_t)(uintptr_t)low + 0x21010;
	unlink(path);
	look(l);
	uint32_t first = stack_modules_find(l->m, ip);
	assert_int_equal(first, 1);
	const struct stack_module *m = stack_modules_get(l->m, first);
	assert_string_equal(m->build_id, "abababababababab");
	assert_true(ip - m->bias == 0x21010);
	assert_true(m->low == (uint64_t)(uintptr_t)low && m->high == (uint64_t)(uintptr_t)low + 0x22000);
	assert_non_null(strstr(m->path, path + 1));
	assert_string_equal(m->path + strlen(m->path) - 10, " (deleted)");
	write_module(path, 0xcd);
	map_module(path, low);
	look(l);
	assert_int_equal(stack_modules_find(l->m, ip), 2);
	assert_string_equal(stack_modules_get(l->m, 2)->build_id, "cdcdcdcdcdcdcdcd");
	unlink(path);
	look(l); /* its name has changed, it has not */
	assert_int_equal(stack_modules_find(l->m, ip), 2);
	munmap(low, 0x22000);
	look(l);
	assert_int_equal(stack_modules_find(l->m, ip), 0);
	assert_string_equal(stack_modules_get(l->m, 1)->build_id, "abababababababab");
}

/* A file that is no ELF file: named, but by a name that opens nothing. */
static void test_an_unreadable_module(void **state)
{
	struct look *l = *state;
	char path[] = "./stack-module-XXXXXX";
	int fd = mkstemp(path);
	assert_int_equal(ftruncate(fd, 8192), 0);
	char *at = mmap(NULL, 8192, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	close(fd);
	look(l);
	uint32_t number = stack_modules_find(l->m, (uint64_t)(uintptr_t)at + 5000);
	assert_int_not_equal(number, 0);
	const struct stack_module *m = stack_modules_get(l->m, number);
	assert_string_equal(m->path + strlen(m->path) - strlen(STACK_MODULE_UNREAD), STACK_MODULE_UNREAD);
	assert_true(m->bias == (uint64_t)(uintptr_t)at);
	munmap(at, 8192);
	unlink(path);
}

struct file { uint8_t bytes[4096]; };

static int read_file(void *arg, uint64_t offset, uint64_t address, void *ret_bytes, size_t size)
{
	const struct file *f = arg;
	(void)address;
	if (offset > sizeof f->bytes || size > sizeof f->bytes - offset)
		return -EIO;
	memcpy(ret_bytes, f->bytes + offset, size);
	return 0;
}

/* A real header with flipped bytes: an answer or an error, never more than it may write. */
static void test_hostile_headers(void **state)
{
	struct file good, bad;
	struct stack_elf elf;
	unsigned answers = 0, errors = 0;
	int fd = open("/proc/self/exe", O_RDONLY);
	(void)state;
	assert_int_equal(read(fd, &good, sizeof good), sizeof good);
	close(fd);
	assert_int_equal(stack_elf_read(read_file, &good, 0, &elf), 0);
	srand(3);
	for (unsigned i = 0; i < 200000; i++) {
		bad = good;
		for (unsigned k = 0; k < 1 + i % 8; k++)
			bad.bytes[(unsigned)rand() % (i % 2 ? 64 : 1024)] = (uint8_t)rand();
		int rc = stack_elf_read(read_file, &bad, (uint64_t)rand() << (i % 40), &elf);
		answers += rc == 0;
		errors += rc < 0;
		assert_true(rc < 0 || strlen(elf.build_id) < sizeof elf.build_id);
	}
	assert_true(answers > 100 && errors > 100);
}

/* ---- what is told ------------------------------------------------------------------------ */

struct told { unsigned modules, frames, nodes, refuse_after; uint64_t addresses[100]; uint32_t frame_modules[100], parents[100], frame_of[100]; };

static bool told_module(void *arg, uint32_t id, const struct stack_module *m)
{
	struct told *t = arg;
	assert_int_equal(id, ++t->modules);
	assert_non_null(m->path);
	return true;
}

static bool told_frame(void *arg, const struct stack_names_frame *frame)
{
	struct told *t = arg;
	if (t->refuse_after && t->frames == t->refuse_after)
		return false;
	assert_int_equal(frame->id, ++t->frames);
	t->addresses[frame->id] = frame->address;
	t->frame_modules[frame->id] = frame->module;
	return true;
}

static bool told_node(void *arg, const struct stack_names_node *node)
{
	struct told *t = arg;
	t->nodes++;
	t->parents[node->id] = node->parent;
	t->frame_of[node->id] = node->frame;
	assert_in_range(node->frame, 1, t->frames);
	return true;
}

static void test_only_stacks_in_use_are_told(void **state)
{
	struct fixture *f = *state;
	struct look l = { 0 };
	struct told t = { .refuse_after = 1 };
	const struct stack_names_receiver to = { &t, told_module, told_frame, told_node };
	struct stack_names *n;
	uint64_t here = (uint64_t)(uintptr_t)told_node;
	uint32_t outer = add(f, here, 0), jit = add(f, 0x1234, outer), leaf = add(f, here, jit), unused = add(f, here + 1, outer);
	f->totals[leaf].flags = WIRE_STACK_CUT;
	assert_int_equal(platform_process_init(&l.process, getpid(), NULL), 0);
	assert_int_equal(platform_read_mappings(&l.process, &l.list), 0);
	assert_int_equal(stack_names_create(f->v, &n), 0);
	assert_int_equal(stack_names_use(n, leaf), -ENOENT); /* before it was looked at */
	assert_int_equal(stack_names_look(n, &l.process, &l.list), 0);
	assert_int_equal(stack_names_use(n, leaf), 0);
	assert_int_equal(stack_names_use(n, leaf), 0);
	assert_int_equal(stack_names_use(n, STACK_REST), -ENOENT);
	assert_int_equal(stack_names_use(n, 0), -ENOENT);
	assert_false(stack_names_tell(n, &to));
	t.refuse_after = 0;
	assert_true(stack_names_tell(n, &to));
	assert_int_equal(t.frames, 2); /* the same address twice is one */
	assert_int_equal(t.nodes, 3);
	assert_int_equal(t.frame_of[leaf], t.frame_of[outer]);
	assert_int_equal(t.frame_modules[t.frame_of[jit]], 0);
	assert_true(t.addresses[t.frame_of[jit]] == 0x1234);
	assert_int_equal(t.frame_modules[t.frame_of[leaf]], 1);
	assert_int_equal(t.parents[leaf], jit);
	assert_int_equal(stack_names_use(n, unused), 0);
	assert_true(stack_names_tell(n, &to));
	assert_int_equal(t.nodes, 4);
	assert_int_equal(t.frames, 3);
	stack_names_destroy(n);
	platform_mappings_finish(&l.list);
	platform_process_finish(&l.process);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_modes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_nodes_come_as_they_are_made, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_lying_chains_end, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_holes_stay_holes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_totals_are_cut_to_the_largest, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_modules_of_this_process, set_up_modules, tear_down_modules),
		cmocka_unit_test_setup_teardown(test_modules_come_and_go, set_up_modules, tear_down_modules),
		cmocka_unit_test_setup_teardown(test_an_unreadable_module, set_up_modules, tear_down_modules),
		cmocka_unit_test(test_hostile_headers),
		cmocka_unit_test_setup_teardown(test_only_stacks_in_use_are_told, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
