/* SPDX-License-Identifier: MIT */
/*
 * patch_text.c - see patch_text.h. Two ways to write under running threads:
 * where the five bytes lie in one aligned word, one 8-byte store, which instruction fetch
 * sees whole or not at all (AMD's manual promises it, Intel's processors do it). Elsewhere
 * the start becomes `jmp .` (two bytes, one store) where arrivals spin for microseconds,
 * then the tail, then the head; between these every core is made to drop what it fetched
 * (membarrier SYNC_CORE). An int3 would need a SIGTRAP handler of ours in the program.
 */
#include "patch_text.h"

#include "life.h"

#include <fcntl.h>
#include <linux/membarrier.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>

#define PAGE   4096u
#define WORD   8u
#define LINE   64u
#define SPIN_BYTES 2u

bool patch_text_read(uint64_t address, void *ret_bytes, size_t n)
{
	struct iovec to = { ret_bytes, n }, from = { (void *)address, n };
	long got = life_syscall(SYS_process_vm_readv, getpid(), &to, 1, &from, 1, 0);
	if (got == (long)n)
		return true;
	if (got >= 0 || got == -EFAULT)
		return false;
	/* A sandbox without that call: the plan comes from the file of what is mapped here. */
	memcpy(ret_bytes, (const void *)address, n);
	return true;
}

/* A task directory has two links and one for each thread; it costs no descriptor. */
static bool is_alone(void)
{
	struct stat st;
	return life_syscall(SYS_newfstatat, AT_FDCWD, "/proc/self/task", &st, 0) == 0 && st.st_nlink == 3;
}

/* --- under running threads ------------------------------------------------------ */

static int sync_cores(void)
{
	long err = life_syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0);
	if (err == -EPERM) { /* not registered yet */
		life_syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0);
		err = life_syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0);
	}
	return (int)err;
}

/* The aligned word around it with some bytes exchanged; nobody else writes here. Release:
 * what a thread finds behind the jump was written before. */
static void store_in_word(uint64_t address, const uint8_t *bytes, size_t n)
{
	uint64_t *word = (uint64_t *)(address & ~(uint64_t)(WORD - 1));
	uint64_t value = __atomic_load_n(word, __ATOMIC_RELAXED);
	memcpy((uint8_t *)&value + (address - (uint64_t)word), bytes, n);
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
}

static bool fits(uint64_t address, size_t n, size_t unit)
{
	return address / unit == (address + n - 1) / unit;
}

/* Two bytes in one line are stored at once even if a word ends between them. */
static void store_head(uint64_t address, const uint8_t *bytes)
{
	uint16_t value;
	memcpy(&value, bytes, sizeof value);
	if (fits(address, SPIN_BYTES, WORD))
		store_in_word(address, bytes, SPIN_BYTES);
	else
		__asm__ volatile("movw %1, %0" : "=m"(*(uint16_t *)address) : "r"(value) : "memory");
}

static int store_by_spin(uint64_t address, const uint8_t *bytes)
{
	static const uint8_t spin[SPIN_BYTES] = { 0xeb, 0xfe };
	if (!fits(address, SPIN_BYTES, LINE) || sync_cores() != 0)
		return -EBUSY;
	store_head(address, spin);
	sync_cores();
	memcpy((uint8_t *)address + SPIN_BYTES, bytes + SPIN_BYTES, PATCH_JUMP_BYTES - SPIN_BYTES);
	sync_cores();
	store_head(address, bytes);
	sync_cores();
	return 0;
}

static int store_mapped(uint64_t address, const uint8_t *bytes)
{
	if (fits(address, PATCH_JUMP_BYTES, WORD)) {
		store_in_word(address, bytes, PATCH_JUMP_BYTES);
		return 0;
	}
	if (!is_alone())
		return store_by_spin(address, bytes);
	memcpy((uint8_t *)address, bytes, PATCH_JUMP_BYTES);
	return 0;
}

/* --- ways to make the text writable ---------------------------------------------- */

/* Executable all the while: other threads run on these pages. */
static int write_mapped(uint64_t address, const uint8_t *bytes)
{
	uint64_t low = address & ~(uint64_t)(PAGE - 1);
	uint64_t high = (address + PATCH_JUMP_BYTES + PAGE - 1) & ~(uint64_t)(PAGE - 1);
	long err = life_syscall(SYS_mprotect, low, high - low, PROT_READ | PROT_WRITE | PROT_EXEC);
	if (err != 0)
		return (int)err;
	err = store_mapped(address, bytes);
	life_syscall(SYS_mprotect, low, high - low, PROT_READ | PROT_EXEC);
	return (int)err;
}

/* Where writable and executable is forbidden. The kernel copies byte by byte, so only
 * while nobody else can run there. */
static int write_through_proc(uint64_t address, const uint8_t *bytes)
{
	if (!is_alone())
		return -EBUSY;
	long fd = life_syscall(SYS_openat, AT_FDCWD, "/proc/self/mem", O_RDWR | O_CLOEXEC, 0);
	if (fd < 0)
		return (int)fd;
	long n = life_syscall(SYS_pwrite64, fd, bytes, PATCH_JUMP_BYTES, address);
	life_syscall(SYS_close, fd);
	if (n < 0)
		return (int)n;
	return n == PATCH_JUMP_BYTES ? 0 : -EIO;
}

/* A handler that allocates would find its own thread's half-written jump. */
static uint64_t block_signals(void)
{
	uint64_t all = ~(uint64_t)0, old = 0;
	life_syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &old, sizeof all);
	return old;
}

int patch_text_write(uint64_t address, const uint8_t bytes[PATCH_JUMP_BYTES])
{
	uint8_t found[PATCH_JUMP_BYTES];
	uint64_t mask = block_signals();
	int err = write_mapped(address, bytes);
	if (err != 0 && err != -EBUSY)
		err = write_through_proc(address, bytes);
	life_syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof mask);
	if (err != 0)
		return err;
	return patch_text_read(address, found, sizeof found) && memcmp(found, bytes, sizeof found) == 0 ? 0 : -EIO;
}
