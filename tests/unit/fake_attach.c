/* SPDX-License-Identifier: MIT */
/*
 * fake_attach.c - stands in for the probe's life-cycle half in unit tests: a shadow of
 * its own memfd, no collector. Requests are counted, not served.
 */
#include "fake_attach.h"
#include "../../probes/introspect.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

union probe_page probe_page __attribute__((aligned(4096)));
struct fake_calls fake_calls;

void introspect_run_errands(void)
{
}

int fake_new_map(char **ret_base)
{
	struct wire_control c = { .magic = WIRE_MAGIC, .version = WIRE_VERSION };
	int fd = memfd_create("memwhy", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, (off_t)WIRE_BYTES) != 0 || pwrite(fd, &c, sizeof c, 0) != (ssize_t)sizeof c)
		return -1;
	int r = shadow_map(fd, ret_base);
	close(fd);
	return r;
}

void fake_attach(void)
{
	char *base;
	memset(&probe_page, 0, sizeof probe_page);
	memset(&fake_calls, 0, sizeof fake_calls);
	probe_thread_forget();
	if (fake_new_map(&base) != 0)
		_exit(99);
	probe.base = base;
	probe.control = (struct wire_control *)base;
	probe.directory = (uint32_t *)(base + WIRE_OFF_DIRECTORY);
	probe.pid = (uint32_t)getpid();
	probe.on = 1;
	probe.started = 2;
}

void fake_detach(void)
{
	probe.on = 0;
	shadow_unmap(probe.base);
}

void probe_start(void)
{
}

void probe_event(enum wire_event_kind kind, uint64_t address, uint64_t length, uint64_t arg, uint32_t flags)
{
	fake_calls.events[kind]++;
	(void)address, (void)length, (void)arg, (void)flags;
}

bool probe_request(uint32_t kind, bool wait, unsigned limit_ms)
{
	fake_calls.requests++;
	fake_calls.last_kind = kind;
	(void)wait, (void)limit_ms;
	return true;
}

void probe_freeze_wait(void)
{
	fake_calls.freezes++;
}

void probe_turn_off(enum wire_reason reason)
{
	fake_calls.off_reason = reason;
	probe.on = 0;
}
