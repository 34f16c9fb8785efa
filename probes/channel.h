/* SPDX-License-Identifier: MIT */
/*
 * channel.h - the socket to the collector (wire.h): one hello out, one welcome with a
 * memfd in, then both ends close. Raw system calls only: no allocation, errno kept, no
 * cancellation point. Bounded by a second or so for each step.
 */
#ifndef MEMWHY_CHANNEL_H
#define MEMWHY_CHANNEL_H

#include "env.h"

/* 0 and the memfd (close-on-exec, the caller closes it), the collector's answer and its
 * process (0: in another pid namespace); or -errno: nobody there (-ECONNREFUSED), no
 * answer (-ETIMEDOUT), an answer that is none (-EPROTO), refused (-EACCES). */
int channel_open(const struct env_wire *wire, uint32_t hello_kind, int *ret_memfd,
		 struct wire_welcome *ret_welcome, int32_t *ret_collector_pid);

#endif
