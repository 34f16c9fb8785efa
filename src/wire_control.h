/* SPDX-License-Identifier: MIT */
/*
 * wire_control.h - what passes between `memwhy ctl` and the memwhy that runs a process: one
 * request, one answer, over an abstract SOCK_SEQPACKET socket. Each memwhy listens under
 * "memwhy-ctl-PID-RANDOM", PID its own; /proc/net/unix lists the names. Nobody can take such a
 * name beforehand, and what another user listens under proves nothing: both ends ask the
 * kernel who the other is (SO_PEERCRED), and want the same user, or root.
 *
 * Both peers may be hostile all the same: sizes are fixed, every value is checked, each wait
 * has a bound, and a text is escaped before it is kept or shown. Same machine, same version.
 */
#ifndef MEMWHY_WIRE_CONTROL_H
#define MEMWHY_WIRE_CONTROL_H

#include "ledger.h"

#include <stdint.h>

#define CONTROL_MAGIC       0x4c544357u /* "WCTL" */
#define CONTROL_VERSION     1u
#define CONTROL_NAME_PREFIX "memwhy-ctl-"
#define CONTROL_TEXT_BYTES  256u        /* NUL included; of a mark, and of a clause */

enum control_what { CONTROL_SNAPSHOT, CONTROL_PURGE, CONTROL_MARK, CONTROL_WHATS };

struct control_request {
	uint32_t magic, version;
	uint32_t what;                   /* enum control_what */
	int32_t pid;                     /* of the target, as memwhy's pid namespace has it; memwhy's own
	                                  * means the process that it launched */
	char text[CONTROL_TEXT_BYTES];   /* of a mark; NUL-terminated */
};

enum control_result {
	CONTROL_DONE,
	CONTROL_NOT_MINE,                /* this memwhy does not run it, or no longer */
	CONTROL_NOT_FOLLOWED,            /* it has no probe; why says it */
	CONTROL_BUSY,                    /* somebody else's request is being served */
	CONTROL_NO_SAFE_POINT,           /* no thread came to an allocation in time */
	CONTROL_NO_WAY,                  /* its allocator cannot be asked to; why says it */
	CONTROL_FULL,                    /* too many marks */
	CONTROL_REFUSED,                 /* not a request of this version, or not from this user */
	CONTROL_FAILED,                  /* it ended meanwhile, or could not be looked at */
	CONTROL_RESULTS
};

struct control_answer {
	uint32_t magic, version;
	uint32_t result;                 /* enum control_result */
	uint32_t terms;                  /* LEDGER_TERMS of the answerer */
	uint32_t has_before, has_after;  /* 1: the ledger is there */
	int64_t time_ns;                 /* since the run's start: of the mark, or of the snapshot `after` */
	int64_t took_ns;                 /* the purge, the allocators' calls alone */
	uint32_t absent[2];              /* as in struct ledger, of before and after */
	int64_t before[LEDGER_TERMS], after[LEDGER_TERMS];
	char why[CONTROL_TEXT_BYTES];    /* a clause, or "" */
};

_Static_assert(sizeof(struct control_request) == 16 + CONTROL_TEXT_BYTES, "control_request");
_Static_assert(sizeof(struct control_answer) == 48 + 16 * LEDGER_TERMS + CONTROL_TEXT_BYTES, "control_answer");

#endif
