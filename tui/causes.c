/* SPDX-License-Identifier: MIT */
/* The table of causes; see causes.h. */
#include "causes.h"

const struct cause causes[CAUSES] = {
	{ LEDGER_T_live_requested_resident, ROLE_LIVE, 'L' },
	{ LEDGER_T_rounding, ROLE_ROUNDING, 'r' },
	{ LEDGER_T_fragmentation, ROLE_FRAGMENTATION, 'f' },
	{ LEDGER_T_retained_dirty, ROLE_DIRTY, 'd' },
	{ LEDGER_T_retained_muzzy, ROLE_MUZZY, 'z' },
	{ LEDGER_T_huge_fill, ROLE_HUGE, 'h' },
	{ LEDGER_T_allocator_metadata, ROLE_METADATA, 'a' },
	{ LEDGER_T_program_mmap, ROLE_PROGRAM, 'm' },
	{ LEDGER_T_stacks, ROLE_STACKS, 's' },
	{ LEDGER_T_file_backed, ROLE_FILES, 'F' },
	{ LEDGER_T_shared_memory, ROLE_SHARED, 'S' },
	{ LEDGER_T_unexplained, ROLE_UNEXPLAINED, '?' },
};
