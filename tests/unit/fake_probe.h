/* SPDX-License-Identifier: MIT */
/*
 * fake_probe.h - a probe that no malloc stands behind: says hello on the socket that an
 * environment value names, maps the memory it is given, asks for snapshots.
 */
#ifndef MEMWHY_FAKE_PROBE_H
#define MEMWHY_FAKE_PROBE_H

#include "wire.h"

#include <stdbool.h>

/* env: "VERSION:SOCKET:TOKEN:FLAGS". change: called on the hello before it is sent, or
 * NULL. 0 and the mapped control block; -EACCES: refused; else -errno. */
typedef void fake_hello_fn(struct wire_hello *hello);
int fake_probe_attach(const char *env, uint32_t kind, fake_hello_fn *change, struct wire_control **ret_control);
/* As the contract has it: bits, number, wake, wait. True when it was served in time. */
bool fake_probe_ask(struct wire_control *c, uint32_t kinds, unsigned limit_ms);

/* The last one that attached in this process found a plan in its memory. */
extern bool fake_probe_has_plan;

#endif
