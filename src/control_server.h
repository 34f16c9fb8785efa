/* SPDX-License-Identifier: MIT */
/*
 * control_server.h - the end of `memwhy ctl` inside the memwhy that runs a process: a socket
 * (wire_control.h) and a thread that serves one peer at a time. 0 or -errno.
 */
#ifndef MEMWHY_CONTROL_SERVER_H
#define MEMWHY_CONTROL_SERVER_H

#include "wire_control.h"

struct control_server;

/* Does what is asked, from the server's thread; fills all of *ret but magic and version.
 * request: checked, its text terminated. Must return within a bound. */
typedef void control_serve_fn(void *arg, const struct control_request *request, struct control_answer *ret);
/* fn may be called at once. */
int control_server_create(control_serve_fn *fn, void *arg, struct control_server **ret_server);
/* Waits for a request that is being served; nobody is listened to any more. NULL: nothing. */
void control_server_destroy(struct control_server *s);

#endif
