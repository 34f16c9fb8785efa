/* SPDX-License-Identifier: MIT */
/*
 * packed.c - a self-extracting executable, as packers make them: another program, every byte of
 * it inverted, lies in this one (PAYLOAD, see linked_bad.sh), is unpacked into memory and run
 * from there. Built statically, so that nothing can be preloaded into the stub.
 */
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

__asm__(".section .rodata\npayload: .incbin \"" PAYLOAD "\"\npayload_end: .byte 0\n.text\n");
extern const uint8_t payload[] __attribute__((visibility("hidden"))), payload_end[] __attribute__((visibility("hidden")));
extern char **environ;

int main(int argc, char **argv)
{
	uint8_t part[4096];
	int fd = memfd_create("unpacked", MFD_CLOEXEC);
	for (const uint8_t *at = payload; at < payload_end; at += sizeof part) {
		size_t n = (size_t)(payload_end - at) < sizeof part ? (size_t)(payload_end - at) : sizeof part;
		for (size_t i = 0; i < n; i++)
			part[i] = at[i] ^ 0xff;
		if (write(fd, part, n) != (ssize_t)n)
			return 99;
	}
	fexecve(fd, argv, environ);
	return 98;
}
