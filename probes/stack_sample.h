/* SPDX-License-Identifier: MIT */
/*
 * stack_sample.h - Poisson sampling by bytes, as jemalloc's PROFILING_INTERNALS derives it:
 * points are thrown on the sequence of a thread's allocated bytes, `mean` apart on average,
 * and a block that one falls on is sampled. So P(sampled) = 1 - exp(-bytes / mean), and
 * 1 / P is the weight that makes sums right on average. Integers only: a floating point
 * operation would leave its flags in the target's state. Pure; callable anywhere.
 */
#ifndef MEMWHY_STACK_SAMPLE_H
#define MEMWHY_STACK_SAMPLE_H

#include <stdint.h>

#define STACK_SAMPLE_MEAN_MAX (1ull << 40)

/* What a sampled block stands for. Rounded up or down at random, so that sums have no bias. */
struct stack_weight { uint64_t bytes, allocations; };

/* The next number; *state: any. */
uint64_t stack_sample_random(uint64_t *state);
/* Bytes to the next point, at least 1; mean_bytes: 1 to STACK_SAMPLE_MEAN_MAX. */
uint64_t stack_sample_gap(uint64_t *state, uint64_t mean_bytes);
/* No block of 0 bytes is ever sampled. */
struct stack_weight stack_sample_weight(uint64_t *state, uint64_t bytes, uint64_t mean_bytes);

#endif
