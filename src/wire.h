/* SPDX-License-Identifier: MIT */
/*
 * wire.h - the contract between the probe (in the target) and the collector.
 *
 * The collector creates one memfd for each process image, seals it against
 * shrinking and hands it to the probe over a socket.  Both map it.  The probe
 * writes the shadow of the heap and its counters there; the collector reads
 * them whenever it likes, also after the target was killed.
 *
 * The peer is hostile: the collector bounds-checks every index that it reads
 * here; the probe trusts nothing that it did not write, and waits for nothing
 * without a bound.  Widths are fixed, the layout is versioned, and both ends
 * must have the same WIRE_VERSION.  No pointer ever crosses.
 */
#ifndef MEMWHY_WIRE_H
#define MEMWHY_WIRE_H

#include "wire_plan.h"
#include "wire_reading.h"
#include "wire_stack.h"

#include <stddef.h>
#include <stdint.h>

#define WIRE_MAGIC   0x59485745u /* "EWHY" */
#define WIRE_VERSION 4u

/* Environment variable that leads a process to its collector:
 * "VERSION:SOCKET:TOKEN:FLAGS", SOCKET an abstract AF_UNIX SOCK_SEQPACKET name
 * (no leading NUL), TOKEN 32 hex digits, FLAGS the sum of WIRE_ENV_*. The probe
 * removes it and its own LD_PRELOAD entry from environ before main, and puts
 * both back into what the target hands to exec. */
#define WIRE_ENV "MEMWHY_PROBE"
#define WIRE_ENV_FOLLOW 1u /* children are followed */
#define WIRE_TOKEN_LEN 32

/* ---- the shadow map -------------------------------------------------------
 * Address space below 2^47 in regions of 32 MiB; a region that holds a block
 * (or was touched by one) has a leaf. A leaf has one 4-byte word for each
 * 16-byte granule (plane A), a second plane B of the same shape for blocks
 * whose address is 8 mod 16, and one flag byte for each 4 KiB page.
 * Leaves are sparse: only what was written occupies memory. */
#define WIRE_ADDRESS_BITS   47
#define WIRE_REGION_SHIFT   25
#define WIRE_REGION_BYTES   (1ull << WIRE_REGION_SHIFT)
#define WIRE_REGION_COUNT   (1u << (WIRE_ADDRESS_BITS - WIRE_REGION_SHIFT))
#define WIRE_GRANULE_SHIFT  4
#define WIRE_GRANULES       (1u << (WIRE_REGION_SHIFT - WIRE_GRANULE_SHIFT))
#define WIRE_PAGE_SHIFT     12
#define WIRE_PAGES          (1u << (WIRE_REGION_SHIFT - WIRE_PAGE_SHIFT))
/* words of one page in one plane: 256 words, 1 KiB */
#define WIRE_PAGE_WORDS     (1u << (WIRE_PAGE_SHIFT - WIRE_GRANULE_SHIFT))
/* A block's words 1..5 may spill behind the plane's last granule. */
#define WIRE_SPILL_BYTES    4096u
#define WIRE_PLANE_BYTES    (WIRE_GRANULES * 4ull + WIRE_SPILL_BYTES)
#define WIRE_LEAF_PLANE_A   0ull
#define WIRE_LEAF_PLANE_B   WIRE_PLANE_BYTES
#define WIRE_LEAF_FLAGS     (2 * WIRE_PLANE_BYTES)
#define WIRE_LEAF_BYTES     (WIRE_LEAF_FLAGS + WIRE_PAGES)

/* Flag byte of a page. CHANGED: a word of a block whose head is on this page
 * changed since the collector cleared the flag. EVER: the page held a block
 * (set with CHANGED for the head's page; for the further pages of a block at
 * the latest when it is freed). The probe sets both; the collector clears
 * CHANGED only, then has every thread of the target pass a memory barrier
 * (membarrier GLOBAL_EXPEDITED, which the probe registered for), then reads
 * the words: so the probe may test the flag before it stores it.
 * The probe clears EVER where the target unmapped or MADV_DONTNEEDed pages. */
#define WIRE_PAGE_EVER    1u
#define WIRE_PAGE_CHANGED 2u
#define WIRE_PAGE_ODD     4u /* plane B was written for this page; never cleared */

/* Word 0, at the granule of the block's address:
 *   LIVE(1) | tag(5) | heap(3) | stack id(23)
 * tag 0..16: requested size of a block whose footprint is <= 16 bytes
 * tag 31:    word 1 follows (at the next granule; footprint > 16 bytes)
 * Word 1:  0(1) | slack(14) | requested(17)       slack = footprint - requested
 *   requested == WIRE_SIZE_LONG: words 2,3 = requested (low, high), words 4,5 =
 *   footprint (low, high); such a block's footprint is >= 96 bytes.
 * free clears LIVE and leaves the rest: a tombstone. Bit 31 is set in heads only,
 * so a scan may look at every word of a plane by itself.
 * footprint = bytes that the block takes from its page run: usable size plus,
 * in glibc, the 8-byte header of the chunk behind it. */
#define WIRE_LIVE        0x80000000u
#define WIRE_TAG_SHIFT   26
#define WIRE_TAG_MASK    31u
#define WIRE_TAG_LONG    31u
#define WIRE_HEAP_SHIFT  23
#define WIRE_HEAP_MASK   7u
#define WIRE_STACK_MASK  0x7fffffu
#define WIRE_SIZE_BITS   17
#define WIRE_SIZE_LONG   ((1u << WIRE_SIZE_BITS) - 1)
#define WIRE_SLACK_MAX   ((1u << 14) - 1)
#define WIRE_LONG_WORDS  6

#define WIRE_HEAPS 8
#define WIRE_TINY_SIZES 17

/* ---- threads ------------------------------------------------------------- */
#define WIRE_THREADS_MAX 16384u

/* One writer (its thread), plain stores; sums over all slots are exact.
 * A slot is handed on when its thread is gone; its sums stay. */
struct wire_thread {
	uint32_t tid;          /* 0: never used */
	uint32_t starts;       /* how many threads have used this slot */
	uint64_t tls_address;  /* pthread_self(): lies in the thread's stack mapping */
	uint64_t stack_hint;   /* an address on the thread's stack */
	/* a block inside realloc, in no shadow word: address (0: none), sizes */
	uint64_t inflight_address, inflight_requested, inflight_footprint;
	uint64_t pad[2];
	/* one cache line: what every allocation and free touches */
	uint64_t allocated_bytes, freed_bytes; /* requested */
	uint64_t allocations, frees;           /* realloc counts as one of each */
	int64_t  delta_bytes;      /* not yet in control.live_bytes */
	int64_t  flush_bytes;      /* flush when |delta| reaches it */
	uint64_t sample_at_bytes;  /* a stack is taken at the allocation that brings allocated_bytes to
	                            * it; UINT64_MAX: never, 0: always */
	uint64_t stacks_taken;
	uint64_t unknown_frees, unknown_reallocs, double_allocations;
	uint64_t before_hooks_frees; /* frees of blocks older than the probe */
	uint64_t random;           /* p's own: state of the sampling */
	uint64_t reserved[11];
};

/* ---- events --------------------------------------------------------------
 * Memory mappings and life events, a ring with many producers. A slot is
 * complete when its seq == index + 1. */
#define WIRE_EVENTS 32768u

enum wire_event_kind {
	WIRE_EVENT_NONE,
	WIRE_EVENT_MAP,       /* address, length; owner in arg (WIRE_OWNER_*), anon in flags bit 0 */
	WIRE_EVENT_UNMAP,     /* recorded before the call */
	WIRE_EVENT_DONTNEED,  /* madvise(MADV_DONTNEED) */
	WIRE_EVENT_MADV_FREE, /* madvise(MADV_FREE) */
	WIRE_EVENT_DLOPEN,
	WIRE_EVENT_THREAD,    /* arg = tid */
	WIRE_EVENT_FORK,      /* arg = child pid */
	WIRE_EVENT_EXEC,
	WIRE_EVENT_KINDS
};
enum wire_owner { WIRE_OWNER_PROGRAM = 1, WIRE_OWNER_ALLOCATOR = 2 };

struct wire_event {
	uint64_t seq;      /* index + 1 once complete, written last (release) */
	uint64_t time_ns;  /* CLOCK_MONOTONIC */
	uint64_t address, length;
	uint64_t arg;
	uint32_t kind, flags;
};

/* ---- control ------------------------------------------------------------- */
enum wire_state {
	WIRE_STATE_NEW, WIRE_STATE_ON, WIRE_STATE_OFF, /* off: see reason */
	WIRE_STATE_EXITING, WIRE_STATE_EXECING
};
enum wire_reason {
	WIRE_REASON_NONE,
	WIRE_REASON_ADDRESS_LIMIT,  /* RLIMIT_AS is set: no room for a shadow */
	WIRE_REASON_MMAP,           /* the shadow could not be mapped */
	WIRE_REASON_LEAVES,         /* more heap address space than leaves */
	WIRE_REASON_NO_SYMBOLS,     /* no malloc behind ours */
	WIRE_REASON_VERSION,
	WIRE_REASON_DETACHED,       /* the collector ended it */
	WIRE_REASON_FORK_COPY,      /* forked; the parent's shadow could not be copied */
	WIRE_REASON_NO_WIPEONFORK,
	WIRE_REASONS
};

/* Why the probe wants a snapshot; bits of request_kinds. */
#define WIRE_REQUEST_LIVE_PEAK 1u  /* before the free that ends a live maximum */
#define WIRE_REQUEST_SHRINK    2u  /* before a big munmap, madvise or free */
#define WIRE_REQUEST_EXIT      4u  /* before exit handlers, _exit, abort */
#define WIRE_REQUEST_EXEC      8u
#define WIRE_REQUEST_EVENTS    16u /* the event ring is half full; nobody waits */
#define WIRE_REQUEST_PURGED    64u /* control->purge is filled: look at what is left */
#define WIRE_REQUEST_PURGING  128u /* a purge that was asked for follows: look before it */
#define WIRE_REQUEST_MODULES   32u /* see struct wire_modules; answered apart, by module_done */

/* heaps[0] is the allocator behind the preloaded hooks; the others are linked into modules. */
enum wire_heap_state {
	WIRE_HEAP_UNUSED,
	WIRE_HEAP_RESOLVED,   /* followed by the preloaded hooks */
	WIRE_HEAP_FOLLOWED,   /* linked in; its entry points are patched, all of the plan's */
	WIRE_HEAP_NOT_PATCHED /* linked in and not followed; see patch */
};

struct wire_heap {
	char name[16];      /* "glibc", "jemalloc", ...; "" = slot unused */
	char version[48];
	char path[160];     /* the DSO that provides it, or that it is linked into */
	uint8_t tiny_footprint[WIRE_TINY_SIZES]; /* of tag 0..16; 0: not seen */
	uint8_t state;      /* enum wire_heap_state */
	uint8_t patch;      /* enum patch_result of probes/patch.h; 0: done, or nothing to do */
	uint8_t family;     /* enum wire_family; of linked ones */
	uint8_t entries;    /* how many of its entry points the plan patches */
	uint8_t found;      /* enum wire_found, the weakest of them */
	uint8_t pad[10];
	uint64_t low, high; /* the DSO's address range */
};

struct wire_unknown { uint64_t caller; uint64_t count; uint32_t kind, pad; };
#define WIRE_UNKNOWNS 64u

/* At offset 0. "p" = written by the probe, "c" = by the collector. */
struct wire_control {
	uint32_t magic, version;         /* c, before the probe sees it */
	uint32_t pid, ppid;              /* p, in the target's pid namespace */
	uint64_t start_ns;               /* p, CLOCK_MONOTONIC */
	uint32_t state, reason;          /* p */
	uint32_t membarrier;             /* p: registered GLOBAL_EXPEDITED */
	uint32_t forked;                 /* p: 1 = shadow copied from the parent */
	uint64_t pre_probe_live_bytes;   /* p */
	uint64_t pad0[2];
	/* requests: futex words, shared */
	uint32_t request_seq;            /* p: bumped once for each request */
	uint32_t request_kinds;          /* p sets bits, c takes them (atomic exchange) */
	uint32_t done_seq;               /* c: value of request_seq that is served */
	uint32_t freeze;                 /* c and p: hooks wait while it is 1 (bounded); whoever
	                                  * set it clears it, and a wait that is too long does;
	                                  * WIRE_FREEZE_LOOK: there is an errand, nobody waits */
	uint32_t waits_timed_out;        /* p */
	uint32_t collector_gone;         /* p: it gave up waiting for the collector */
	uint32_t shrink_armed;           /* c: ask before a shrink of >= 64 KiB */
	uint32_t detach;                 /* c: turn off */
	uint64_t live_trigger_bytes;     /* c: ask when live falls off a maximum above this */
	/* modules that were loaded (struct wire_modules) */
	uint32_t module_seq;             /* p: bumped when the list is complete */
	uint32_t module_done;            /* c: value of module_seq that is answered; a futex word */
	uint32_t module_answer;          /* c: 0: none of the list has a plan; else 1 + the index of the
	                                  * first that has, and its plan is at WIRE_OFF_PLAN */
	uint32_t modules_left_out;       /* p: had a plan and there was no room, or no answer came */
	uint32_t errand;                 /* c sets WIRE_ERRAND_*, p takes them (atomic exchange) */
	uint32_t purge_at_exit;          /* c: purge after the exit's snapshot */
	/* live bytes, flushed (exact = live_bytes + sum of the threads' delta) */
	int64_t  live_bytes;             /* p, atomic */
	int64_t  live_peak_bytes;        /* p, atomic max of live_bytes */
	uint64_t live_peak_ns;           /* p, CLOCK_MONOTONIC of that, coarse */
	uint32_t thread_count;           /* p: slots ever used */
	uint32_t leaf_count;             /* p: leaves made */
	uint64_t pad2[4];
	/* calls seen */
	uint64_t madv_free_calls, lost_events, out_of_range;
	uint64_t event_head;             /* p, atomic: next index to write */
	uint64_t event_tail;             /* c: next index to read */
	uint64_t pad3[3];
	struct wire_purge purge;
	struct wire_heap heaps[WIRE_HEAPS];
	struct wire_unknown unknowns[WIRE_UNKNOWNS];
};

/* ---- modules --------------------------------------------------------------
 * Before a loaded module's constructors run, the probe asks whether an allocator is linked
 * into it: paths as the loader has them, several at once. It waits with a bound, holding the
 * loader's lock, so that there is one list at a time. When module_answer names one, the probe
 * takes its plan and asks again for those behind it. */
#define WIRE_MODULES_BYTES 0x4000u
struct wire_modules {
	uint32_t count, bytes;                /* bytes: of text, NULs included */
	char text[WIRE_MODULES_BYTES - 8];    /* count paths, each with its NUL */
};

/* ---- offsets in the memfd ------------------------------------------------ */
#define WIRE_OFF_CONTROL   0ull
#define WIRE_OFF_THREADS   0x10000ull
#define WIRE_OFF_EVENTS    (WIRE_OFF_THREADS + WIRE_THREADS_MAX * 256ull)
#define WIRE_OFF_DIRECTORY (WIRE_OFF_EVENTS + WIRE_EVENTS * 64ull)
/* directory[region] = WIRE_LEAF_ENTRY(leaf index), 0 = none: u32 each */
#define WIRE_OFF_LEAVES    (WIRE_OFF_DIRECTORY + WIRE_REGION_COUNT * 4ull)
/* leaf_region[leaf index] = region: u32 each (lets the collector skip the directory). An
 * entry counts only where directory[region] is its WIRE_LEAF_ENTRY: two threads may race for a
 * region, and the loser's leaf stays empty. */
#define WIRE_LEAVES_MAX    4096u
/* One struct wire_plan. Of the executable: written by the collector before the welcome, read
 * once by the probe when it attaches; its magic is 0 where there is none. Then of modules. */
#define WIRE_OFF_PLAN      (WIRE_OFF_LEAVES + WIRE_LEAVES_MAX * 4ull)
#define WIRE_PLAN_BYTES    0x8000ull
#define WIRE_OFF_MODULES   (WIRE_OFF_PLAN + WIRE_PLAN_BYTES)
/* One struct wire_reading for each heap (wire_reading.h). */
#define WIRE_OFF_READINGS  (WIRE_OFF_MODULES + WIRE_MODULES_BYTES)
/* Stacks (wire_stack.h). Not part of the head: the probe opens what it uses, part by part. */
#define WIRE_OFF_STACKS    (WIRE_OFF_READINGS + WIRE_HEAPS * (uint64_t)WIRE_READING_BYTES)
#define WIRE_OFF_LEAF_DATA (WIRE_OFF_STACKS + WIRE_STACKS_BYTES)
/* A leaf's place in the file, in pages: one shift from its address. */
#define WIRE_LEAF_ENTRY(index) ((uint32_t)((WIRE_OFF_LEAF_DATA + (index) * WIRE_LEAF_BYTES) >> WIRE_PAGE_SHIFT))
#define WIRE_BYTES         (WIRE_OFF_LEAF_DATA + WIRE_LEAVES_MAX * WIRE_LEAF_BYTES)
/* What both ends map at once: everything in front of the stacks and leaves. */
#define WIRE_HEAD_BYTES    WIRE_OFF_STACKS

/* ---- the socket ----------------------------------------------------------
 * probe -> collector: one wire_hello. collector -> probe: one wire_welcome with
 * the memfd as SCM_RIGHTS. Then both close. Process identity is SO_PEERCRED's. */
struct wire_hello {
	uint32_t magic, version;
	char token[WIRE_TOKEN_LEN];
	uint32_t kind;       /* WIRE_HELLO_* */
	uint32_t ppid;
	uint64_t start_ns;
};
enum { WIRE_HELLO_IMAGE = 1, /* first hook call of a new process image */
       WIRE_HELLO_FORK = 2 };/* child of a fork that goes on without exec */
struct wire_welcome { uint32_t magic, version, accepted, follow; };

_Static_assert(sizeof(struct wire_thread) == 256, "wire_thread");
_Static_assert(offsetof(struct wire_thread, allocated_bytes) == 64, "the hot line of wire_thread");
_Static_assert(sizeof(struct wire_event) == 48, "wire_event");
_Static_assert(sizeof(struct wire_heap) == 272, "wire_heap");
_Static_assert(sizeof(struct wire_plan) <= WIRE_PLAN_BYTES, "wire_plan");
_Static_assert(sizeof(struct wire_modules) == WIRE_MODULES_BYTES, "wire_modules");
_Static_assert(sizeof(struct wire_control) < 0x10000, "wire_control");
_Static_assert(WIRE_LEAF_BYTES % 4096 == 0, "leaves are page aligned");
_Static_assert(WIRE_OFF_STACKS % 4096 == 0, "stacks are page aligned");
_Static_assert(WIRE_STACKS_BYTES - WIRE_STACKS_OFF_FRAMES == WIRE_THREADS_MAX * WIRE_STACK_FRAMES_BYTES, "room for each thread");
_Static_assert(WIRE_OFF_LEAF_DATA % 4096 == 0, "leaf data is page aligned");

#endif
