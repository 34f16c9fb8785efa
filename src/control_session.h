/* SPDX-License-Identifier: MIT */
/*
 * control_session.h - what a session does for `memwhy ctl`: a control server whose requests
 * go to the collector of the process they name. 0 or -errno.
 */
#ifndef MEMWHY_CONTROL_SESSION_H
#define MEMWHY_CONTROL_SESSION_H

#include <stdint.h>
#include <sys/types.h>

struct collector;
struct control_session;

/* The collector that stands for this process, with a reference for the caller, or NULL. Called
 * from the server's thread. */
typedef struct collector *control_find_fn(void *arg, pid_t pid);
int control_session_create(control_find_fn *find, void *arg, struct control_session **ret_session);
/* The times in answers count from here, CLOCK_MONOTONIC. */
void control_session_begins(struct control_session *s, uint64_t start_ns);
/* Waits for a request that is being served. NULL: nothing. */
void control_session_destroy(struct control_session *s);

#endif
