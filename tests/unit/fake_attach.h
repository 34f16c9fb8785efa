/* SPDX-License-Identifier: MIT */
/* fake_attach.h - see fake_attach.c. */
#ifndef MEMWHY_FAKE_ATTACH_H
#define MEMWHY_FAKE_ATTACH_H
#include "../../probes/probe.h"
#include "../../probes/thread.h"

struct fake_calls {
	unsigned requests, freezes, events[WIRE_EVENT_KINDS];
	uint32_t last_kind;
	enum wire_reason off_reason;
};
extern struct fake_calls fake_calls;

int fake_new_map(char **ret_base);
void fake_attach(void); /* a fresh shadow, recording on */
void fake_detach(void);
#endif
