/* SPDX-License-Identifier: MIT */
/* No process is run here, so nobody is to be found. */
#include "../control_socket.h"

#include <errno.h>

int control_socket_listen(void)
{
	return -ENOSYS;
}

bool control_socket_is_allowed(int connection)
{
	return false;
}

int control_socket_owner(pid_t pid, uid_t *ret_owner)
{
	return -ESRCH;
}

bool control_socket_has_ended(pid_t pid)
{
	return false;
}

unsigned control_socket_connect_all(uid_t owner, int *ret_fds, unsigned max)
{
	return 0;
}
