/* SPDX-License-Identifier: MIT */
/* A system that nobody has written a folder for yet: no process can be followed there,
 * and ipc_create_memory() and ipc_listen() say so before anything is started. */
#include "../ipc.h"

#include <errno.h>

int ipc_create_memory(uint64_t live_trigger_bytes)
{
	return -ENOSYS;
}

void ipc_wait(uint32_t *word, uint32_t value, uint64_t timeout_ns)
{
}

void ipc_wake(uint32_t *word)
{
}

int ipc_random_token(char ret_token[IPC_TOKEN_BYTES])
{
	return -ENOSYS;
}

int ipc_listen(char ret_name[IPC_NAME_BYTES])
{
	return -ENOSYS;
}

int ipc_accept(int listener)
{
	return -ENOSYS;
}

int ipc_write_plan(int memory, const struct wire_plan *plan)
{
	return -ENOSYS;
}

int ipc_write_stacks(int memory, enum wire_stack_mode mode, uint64_t mean_bytes)
{
	return -ENOSYS;
}

int ipc_peer(int connection, pid_t *ret_pid)
{
	return -ENOSYS;
}

int ipc_receive_hello(int connection, struct wire_hello *ret_hello)
{
	return -ENOSYS;
}

int ipc_send_welcome(int connection, const struct wire_welcome *welcome, int memory)
{
	return -ENOSYS;
}

int ipc_parent(pid_t pid, pid_t *ret_parent)
{
	return -ENOSYS;
}

int ipc_image_mark(pid_t pid, uint64_t *ret_mark)
{
	return -ENOSYS;
}

int ipc_exit_status(int pidfd, pid_t pid, int *ret_status)
{
	return -ENOSYS;
}

int ipc_stop(int pidfd, pid_t pid)
{
	return -ENOSYS;
}

int ipc_continue(int pidfd)
{
	return -ENOSYS;
}
