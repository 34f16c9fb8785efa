/* SPDX-License-Identifier: MIT */
/*
 * stack_sample.c - see stack_sample.h. Fixed point: fractions are in units of 2^-62.
 */
#include "stack_sample.h"

typedef unsigned __int128 wide;

#define ONE (1ull << 62)
#define LN2 0x2c5c85fdf473de6bull /* ln 2, in units of 2^-62 */
#define LOG_BITS 40u

uint64_t stack_sample_random(uint64_t *state) /* splitmix64 */
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ull;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

/* -log2(u / 2^64), in units of 2^-40; u is not 0. The bits of the mantissa's logarithm come
 * from squaring it. */
static uint64_t minus_log2(uint64_t u)
{
	unsigned zeros = (unsigned)__builtin_clzll(u);
	uint64_t mantissa = u << zeros, log = 0;
	for (unsigned i = 0; i < LOG_BITS; i++) {
		wide square = (wide)mantissa * mantissa; /* in [2^126, 2^128) */
		unsigned two = (unsigned)(square >> 127);
		log = log << 1 | two;
		mantissa = (uint64_t)(square >> (63 + two));
	}
	return ((uint64_t)zeros + 1) * (1ull << LOG_BITS) - log;
}

/* The number of bytes is -ln(u) * mean, rounded up. */
uint64_t stack_sample_gap(uint64_t *state, uint64_t mean_bytes)
{
	uint64_t log = minus_log2(stack_sample_random(state) | 1);
	wide gap = (wide)log * LN2 >> 22;               /* -ln(u) in units of 2^-80 */
	gap = (gap >> 30) * mean_bytes;                 /* 2^-50 */
	return (uint64_t)(gap >> 50) + 1;
}

/* 1 - exp(-x), x at most 1: the series, which alternates and falls. */
static uint64_t one_minus_exp_small(uint64_t x)
{
	uint64_t term = x, sum = 0;
	for (unsigned k = 1; term; k++) {
		sum = k & 1 ? sum + term : sum - term;
		term = (uint64_t)((wide)term * x >> 62) / (k + 1);
	}
	return sum;
}

/* Of a block, in units of 2^-62. Beyond 40 means it is 1 but for 4e-18. */
static uint64_t probability(uint64_t bytes, uint64_t mean_bytes)
{
	uint64_t wholes = bytes / mean_bytes;
	if (wholes >= 40)
		return ONE;
	uint64_t p = one_minus_exp_small((uint64_t)(((wide)(bytes % mean_bytes) << 62) / mean_bytes));
	uint64_t once = one_minus_exp_small(ONE);
	for (; wholes > 0; wholes--) /* 1 - q*e = 1 - (1 - p)(1 - once) */
		p += (uint64_t)((wide)(ONE - p) * once >> 62);
	return p;
}

/* value / p, rounded at random. */
static uint64_t weigh(uint64_t *state, uint64_t value, uint64_t p)
{
	wide scaled = (wide)value << 62;
	uint64_t whole = (uint64_t)(scaled / p), rest = (uint64_t)(scaled % p);
	return whole + ((uint64_t)((wide)stack_sample_random(state) * p >> 64) < rest);
}

struct stack_weight stack_sample_weight(uint64_t *state, uint64_t bytes, uint64_t mean_bytes)
{
	uint64_t p = probability(bytes ? bytes : 1, mean_bytes);
	return (struct stack_weight){ weigh(state, bytes, p), weigh(state, 1, p) };
}
