/* SPDX-License-Identifier: MIT */
/* rules.h - the rules by name, for their registry and for tests. */
#ifndef MEMWHY_RULES_H
#define MEMWHY_RULES_H

#include "verdict.h"

extern const struct rule rule_decay_never_ran, rule_decay_too_slow, rule_no_background_thread,
	rule_pinned_by_survivors, rule_too_many_arenas, rule_thread_caches, rule_size_class_rounding,
	rule_transient_live_peak, rule_live_growth, rule_huge_page_fill, rule_program_mmap_cache,
	rule_file_backed, rule_thread_stacks, rule_shared_memory, rule_top_trapped,
	rule_mmap_threshold_raised, rule_retained_is_not_memory, rule_live_is_it;

#endif
