/* SPDX-License-Identifier: MIT */
/* The probe's own account of itself in words; see probe_state.h. */
#include "probe_state.h"

#include <stdio.h>
#include <string.h>

static const char *const reasons[WIRE_REASONS] = {
	[WIRE_REASON_NONE] = "the probe turned itself off",
	[WIRE_REASON_ADDRESS_LIMIT] = "address space is limited (ulimit -v): no room for the probe's map",
	[WIRE_REASON_MMAP] = "the probe's map could not be mapped",
	[WIRE_REASON_LEAVES] = "more heap address space than the probe can follow",
	[WIRE_REASON_NO_SYMBOLS] = "no malloc was found behind the probe's",
	[WIRE_REASON_VERSION] = "the probe is of another version than memwhy",
	[WIRE_REASON_DETACHED] = "memwhy ended before the program",
	[WIRE_REASON_FORK_COPY] = "forked, and the parent's map could not be copied",
	[WIRE_REASON_NO_WIPEONFORK] = "the kernel has no MADV_WIPEONFORK",
};

static const char *text_of(const struct wire_control *control)
{
	uint32_t state = __atomic_load_n(&control->state, __ATOMIC_ACQUIRE);
	uint32_t reason = __atomic_load_n(&control->reason, __ATOMIC_ACQUIRE);
	/* while it starts, the best guess is that it will; a reason comes with OFF */
	if (state != WIRE_STATE_OFF)
		return "on";
	return reason < WIRE_REASONS && reasons[reason] ? reasons[reason] : "the probe turned itself off";
}

void probe_state_text(const struct wire_control *control, char *ret_text, size_t size)
{
	snprintf(ret_text, size, "%s", text_of(control));
}

static const char *const family_names[WIRE_FAMILIES] = {
	[WIRE_FAMILY_JEMALLOC] = "jemalloc", [WIRE_FAMILY_MIMALLOC] = "mimalloc", [WIRE_FAMILY_TCMALLOC] = "tcmalloc",
};

const char *probe_state_family_name(uint32_t family)
{
	return family < WIRE_FAMILIES && family_names[family] ? family_names[family] : "malloc";
}

static const char *const patch_texts[PATCH_RESULTS] = {
	[PATCH_OTHER_BYTES] = "its code in memory is not what its file has",
	[PATCH_NO_ROOM] = "no room for the hooks within 2 GiB of it",
	[PATCH_DENIED] = "this machine does not let its code be changed (SELinux execmod, seccomp)",
	[PATCH_BAD_PLAN] = "its plan was damaged",
	[PATCH_UNDONE] = "not all of its entry points could be patched",
};

const char *probe_state_patch_text(uint32_t result)
{
	return result < PATCH_RESULTS && patch_texts[result] ? patch_texts[result] : "it could not be patched";
}

void probe_state_heaps(const struct wire_control *control, struct wire_heap ret_heaps[WIRE_HEAPS])
{
	memcpy(ret_heaps, control->heaps, sizeof control->heaps);
	for (int i = 0; i < WIRE_HEAPS; i++) {
		struct wire_heap *h = &ret_heaps[i];
		h->name[sizeof h->name - 1] = 0;
		h->version[sizeof h->version - 1] = 0;
		h->path[sizeof h->path - 1] = 0;
	}
}
