/* SPDX-License-Identifier: MIT */
/*
 * wire_identify.h - what memwhy and the throwaway process tell each other: "which of these
 * kinds is the function at this address, given these entries that are known?"
 *
 * The throwaway process is the target's executable with the probe preloaded (for a module,
 * that of the process that loaded it: its symbols and libraries are the module's); the probe's
 * constructor serves requests on one SOCK_SEQPACKET socket and never returns. One request,
 * one answer, each one datagram of fixed size; end of file is the end of the other side.
 * Nothing is shared but these messages. The peer is hostile, both ways: the process runs
 * functions of the target, so memwhy believes no field without checking it.
 */
#ifndef MEMWHY_WIRE_IDENTIFY_H
#define MEMWHY_WIRE_IDENTIFY_H

#include "wire_plan.h"

/* Value: "VERSION:PID", of WIRE_IDENTIFY_VERSION and of memwhy, which is the parent. Whoever
 * it is true for never gets to its main, and serves if memwhy is at the other end of
 * WIRE_IDENTIFY_FD. For all others, above all for whoever has WIRE_ENV too, the variable is
 * a stray and means nothing. */
#define WIRE_IDENTIFY_ENV     "MEMWHY_IDENTIFY"
/* Path of the module that the functions are in: loaded by the probe's server before its
 * hello. Not set: they are the executable's own. */
#define WIRE_IDENTIFY_MODULE_ENV "MEMWHY_IDENTIFY_MODULE"
#define WIRE_IDENTIFY_FD      3
#define WIRE_IDENTIFY_MAGIC   0x544e4449u /* "IDNT" */
#define WIRE_IDENTIFY_VERSION 2
#define WIRE_IDENTIFY_KNOWN   32u

/* Value of a hello. */
enum { WIRE_IDENTIFY_READY = 1, WIRE_IDENTIFY_NOT_LOADED = 2 };

enum wire_identify_op {
	WIRE_IDENTIFY_HELLO,   /* the first answer, to no request: sequence 0 */
	WIRE_IDENTIFY_TEST,    /* candidate against each of kinds, the first that fits wins */
	WIRE_IDENTIFY_WRAPS,   /* known entries with .trap get a breakpoint, candidate is called as
				* the one kind in kinds: is one of them reached by every call? */
	WIRE_IDENTIFY_CALL,    /* candidate(): its value, as of mi_version() */
	WIRE_IDENTIFY_OPS
};

/* WIRE_IDENTIFY_TEST: the candidate's name says what it is. What tells one unnamed kind
 * from another isn't asked for then, and running out of memory may end the call. */
#define WIRE_IDENTIFY_NAMED 1u
/* The allocator hands a freed block out again at once (jemalloc), or by the batch. */
#define WIRE_IDENTIFY_LIFO  2u

struct wire_identify_known {
	uint64_t address;
	uint32_t kind;  /* enum wire_entry_kind */
	uint32_t trap;
};

struct wire_identify_request {
	uint32_t magic, version, sequence, op;
	uint64_t candidate;   /* module address, as in wire_plan.h */
	uint64_t kinds;       /* bits 1 << kind */
	uint64_t context;     /* module address of a function that makes the context argument; 0:
			       * 4 KiB of zeros do */
	uint32_t flags, known_count;
	struct wire_identify_known known[WIRE_IDENTIFY_KNOWN]; /* known[0]: makes the blocks */
};

struct wire_identify_answer {
	uint32_t magic, version, sequence, op;
	uint64_t frees;       /* bit i: it is a free, and takes what known[i] makes */
	uint64_t crashed;     /* bits 1 << kind: tests that did not come to their end */
	uint64_t value;       /* WIRE_IDENTIFY_CALL */
	uint64_t cpu_ns;      /* of the forks of this request */
	uint32_t kind;        /* enum wire_entry_kind; WIRE_ENTRY_NONE: none of them */
	uint32_t forks;
	uint32_t calls, traps;/* WIRE_IDENTIFY_WRAPS */
	char text[32];        /* WIRE_ENTRY_MALLCTL: the version; ends with a NUL */
};

_Static_assert(WIRE_ENTRY_KINDS <= 64, "kinds are bits");
_Static_assert(WIRE_IDENTIFY_KNOWN <= 64, "known entries are bits");
_Static_assert(sizeof(struct wire_identify_request) == 48 + 16 * WIRE_IDENTIFY_KNOWN, "wire_identify_request");
_Static_assert(sizeof(struct wire_identify_answer) == 96, "wire_identify_answer");

#endif
