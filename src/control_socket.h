/* SPDX-License-Identifier: MIT */
/*
 * control_socket.h - how `memwhy ctl` and a memwhy that runs processes find each other, as
 * the operating system provides it (wire_control.h), and who is at the other end.
 * 0 (or a descriptor, always close-on-exec) or -errno.
 */
#ifndef MEMWHY_CONTROL_SOCKET_H
#define MEMWHY_CONTROL_SOCKET_H

#include <stdbool.h>
#include <sys/types.h>

/* Listens under a name with this process's id; never waits in accept. */
int control_socket_listen(void);
/* Whoever connected is this process's user, or root. */
bool control_socket_is_allowed(int connection);

/* The real user of a process. -ESRCH: there is none of that id (a zombie is one still). */
int control_socket_owner(pid_t pid, uid_t *ret_owner);
/* A zombie, which has ended and is not waited for yet. */
bool control_socket_has_ended(pid_t pid);

/* Connections to all that listen under such a name and are who the name says: processes of
 * this user, of root, and if this is root of `owner` too. Never waits. Returns how many, at
 * most max; the caller closes them. */
unsigned control_socket_connect_all(uid_t owner, int *ret_fds, unsigned max);

#endif
