/* SPDX-License-Identifier: MIT */
/* The cache of plans, over this program's own file: what comes back, and what must not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "plan_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/memwhy-cache.XXXXXX";
static struct image *image;
static struct plan_cached cached, back;

/* A plan as identification makes it, of one function of this program. */
static void make_plan(void)
{
	const struct image_function *functions;
	size_t count;
	assert_int_equal(image_functions(image, &functions, &count), 0);
	assert_true(count > 10);
	struct wire_plan_entry *e = &cached.plan.entries[0];
	memset(&cached, 0, sizeof cached);
	cached.plan.magic = WIRE_PLAN_MAGIC;
	cached.plan.version = WIRE_PLAN_VERSION;
	cached.plan.low = image_low(image);
	cached.plan.high = image_high(image);
	cached.plan.entry_count = 1;
	*e = (struct wire_plan_entry){ .address = functions[count / 2].start, .function = functions[count / 2].start,
				       .kind = WIRE_ENTRY_MALLOC, .family = WIRE_FAMILY_JEMALLOC,
				       .patch_bytes = 5, .code_bytes = 10, .fixup_count = 1,
				       .fixups = { { .at = 6, .next = 10 } } };
	memcpy(e->original, image_bytes(image, e->address, 5), 5);
	strcpy(cached.why, "a clause");
}

static int set_up(void **state)
{
	char env[64];
	snprintf(env, sizeof env, "%s", mkdtemp(folder));
	setenv("XDG_CACHE_HOME", env, 1);
	return image_open("/proc/self/exe", &image);
}

static int tear_down(void **state)
{
	char path[128];
	plan_cache_forget();
	image_close(image);
	snprintf(path, sizeof path, "%s/memwhy", folder);
	rmdir(path);
	return rmdir(folder);
}

/* The one file of the cache. */
static int open_entry(int flags)
{
	char id[IMAGE_ID_BYTES], path[256];
	assert_int_equal(image_id(image, id), 0);
	snprintf(path, sizeof path, "%s/memwhy/%s.plan", folder, id);
	int fd = open(path, flags);
	assert_true(fd >= 0);
	return fd;
}

static void what_was_stored_comes_back(void **state)
{
	plan_cache_forget();
	make_plan();
	assert_int_equal(plan_cache_load(image, &back), -ENOENT);
	assert_int_equal(plan_cache_store(image, &cached), 0);
	assert_int_equal(plan_cache_load(image, &back), 0);
	assert_memory_equal(&back, &cached, sizeof back);
	cached.plan.entry_count = 0; /* that nothing was found, too */
	assert_int_equal(plan_cache_store(image, &cached), 0);
	assert_int_equal(plan_cache_load(image, &back), 0);
	assert_int_equal(back.plan.entry_count, 0);
	assert_string_equal(back.why, "a clause");
	assert_int_equal(plan_cache_forget(), 1);
	assert_int_equal(plan_cache_load(image, &back), -ENOENT);
}

static void a_flipped_bit_is_noticed(void **state)
{
	struct stat st;
	make_plan();
	assert_int_equal(plan_cache_store(image, &cached), 0);
	int fd = open_entry(O_RDWR);
	assert_int_equal(fstat(fd, &st), 0);
	for (off_t at = 0; at < st.st_size; at += at < 512 ? 1 : 997) {
		unsigned char c, flipped;
		assert_int_equal(pread(fd, &c, 1, at), 1);
		flipped = c ^ 0x10;
		assert_int_equal(pwrite(fd, &flipped, 1, at), 1);
		int error = plan_cache_load(image, &back);
		bool is_head_padding = at >= 28 && at < 32;
		assert_true(error < 0 || is_head_padding);
		assert_int_equal(pwrite(fd, &c, 1, at), 1);
	}
	assert_int_equal(plan_cache_load(image, &back), 0);
	assert_int_equal(ftruncate(fd, st.st_size - 1), 0);
	assert_int_equal(plan_cache_load(image, &back), -EBADMSG);
	close(fd);
}

/* The same build id over other code: the bytes decide. */
static void other_code_is_noticed(void **state)
{
	make_plan();
	cached.plan.entries[0].original[3] ^= 1;
	assert_int_equal(plan_cache_store(image, &cached), 0);
	assert_int_equal(plan_cache_load(image, &back), -EBADMSG);
}

static void nonsense_does_not_fit(void **state)
{
	make_plan();
	assert_true(plan_fits_image(&cached.plan, image));
	struct wire_plan good = cached.plan, *p = &cached.plan;
#define BAD(change) do { *p = good; change; assert_false(plan_fits_image(p, image)); } while (0)
	BAD(p->magic++);
	BAD(p->version++);
	BAD(p->entry_count = WIRE_PLAN_ENTRIES + 1);
	BAD(p->high++);
	BAD(p->entries[0].kind = WIRE_ENTRY_KINDS);
	BAD(p->entries[0].kind = WIRE_ENTRY_NONE);
	BAD(p->entries[0].family = WIRE_FAMILIES);
	BAD(p->entries[0].patch_bytes = 4);
	BAD(p->entries[0].patch_bytes = WIRE_PATCH_MAX + 1);
	BAD(p->entries[0].code_bytes = WIRE_CODE_MAX + 1);
	BAD(p->entries[0].fixup_count = WIRE_FIXUPS_MAX + 1);
	BAD(p->entries[0].fixups[0].at = 7);
	BAD(p->entries[0].fixups[0].next = 11);
	BAD(p->entries[0].function = p->high + 4096);
	BAD(p->entries[0].address = p->high + 4096);
#undef BAD
}

static void files_of_others_are_left_alone(void **state)
{
	make_plan();
	assert_int_equal(plan_cache_store(image, &cached), 0);
	int fd = open_entry(O_RDONLY);
	assert_int_equal(fchmod(fd, 0666), 0); /* anybody could have written it */
	assert_int_equal(plan_cache_load(image, &back), -EBADMSG);
	close(fd);
	assert_int_equal(plan_cache_store(image, &cached), 0); /* and it is replaced */
	assert_int_equal(plan_cache_load(image, &back), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_stored_comes_back),
		cmocka_unit_test(a_flipped_bit_is_noticed),
		cmocka_unit_test(other_code_is_noticed),
		cmocka_unit_test(nonsense_does_not_fit),
		cmocka_unit_test(files_of_others_are_left_alone),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
