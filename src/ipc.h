/* SPDX-License-Identifier: MIT */
/*
 * ipc.h - what passes between memwhy and the processes it follows, as the operating
 * system provides it: the memory file of wire.h, the waiting on its words, the socket,
 * and what the kernel says about the process at the other end.
 * 0 (or a descriptor, always close-on-exec) or -errno; outputs untouched on failure.
 */
#ifndef MEMWHY_IPC_H
#define MEMWHY_IPC_H

#include "wire.h"
#include "wire_plan.h"

#include <stdbool.h>
#include <sys/types.h>

/* A memory file of WIRE_BYTES, sealed; its control block has magic, version and this
 * live_trigger_bytes. */
int ipc_create_memory(uint64_t live_trigger_bytes);

/* Into a memory file that the probe does not have yet. */
int ipc_write_plan(int memory, const struct wire_plan *plan);
/* Likewise: which stacks are wanted. */
int ipc_write_stacks(int memory, enum wire_stack_mode mode, uint64_t mean_bytes);

/* Waits while *word == value, at most timeout_ns. Wakes also for no reason. */
void ipc_wait(uint32_t *word, uint32_t value, uint64_t timeout_ns);
void ipc_wake(uint32_t *word);

#define IPC_TOKEN_BYTES (WIRE_TOKEN_LEN + 1)
/* Random hex digits, NUL-terminated. */
int ipc_random_token(char ret_token[IPC_TOKEN_BYTES]);

/* A listening socket by a random name, which is written NUL-terminated. */
#define IPC_NAME_BYTES 64
int ipc_listen(char ret_name[IPC_NAME_BYTES]);
/* Never waits; -EAGAIN: nobody is there. */
int ipc_accept(int listener);
/* Who connected, in memwhy's pid namespace; -ESRCH: not visible from here. */
int ipc_peer(int connection, pid_t *ret_pid);
/* Never waits; -EAGAIN: not there yet; -EPROTO: not a hello, or the peer has gone. */
int ipc_receive_hello(int connection, struct wire_hello *ret_hello);
/* memory: sent along unless -1. Never waits. */
int ipc_send_welcome(int connection, const struct wire_welcome *welcome, int memory);

/* The parent of a process, 0 if it has none that can be seen. */
int ipc_parent(pid_t pid, pid_t *ret_parent);
/* A number that an exec in place changes. */
int ipc_image_mark(pid_t pid, uint64_t *ret_mark);
/* How a process ended that is not memwhy's child: a status as wait4 gives it. For one that
 * has ended; waits a few ms where it is between zombie and gone. -ENODATA: not to be had. */
int ipc_exit_status(int pidfd, pid_t pid, int *ret_status);
/* Stops a process (all its threads; bounded wait until they are) and lets it go on. */
int ipc_stop(int pidfd, pid_t pid);
int ipc_continue(int pidfd);

#endif
