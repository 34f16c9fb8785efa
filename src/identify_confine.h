/* SPDX-License-Identifier: MIT */
/*
 * identify_confine.h - what a process gives up before it becomes the throwaway process:
 * streams, terminal, other descriptors, core files, new privileges, and every system call
 * that a program needs for more than to be loaded.
 */
#ifndef MEMWHY_IDENTIFY_CONFINE_H
#define MEMWHY_IDENTIFY_CONFINE_H

#include <sys/types.h>

/* In a forked child, with all signals blocked; async-signal-safe. fd becomes number `wanted`
 * (> 2), and is the only descriptor that is left and the only one that can be written to.
 * The process dies with its parent. 0 or -errno: then it must not exec. */
int identify_confine(int fd, int wanted, pid_t parent);

#endif
