/* SPDX-License-Identifier: MIT */
/* control_client.h - the asking end of wire_control.h. */
#ifndef MEMWHY_CONTROL_CLIENT_H
#define MEMWHY_CONTROL_CLIENT_H

#include "wire_control.h"

#include <sys/types.h>

/* Asks every memwhy that may be asked at once; the one that runs the process answers. owner:
 * the process's user. Bounded (CONTROL_LIMIT_MS). 0 and a checked answer whose text is
 * terminated; -ESRCH: none runs it; -EACCES: one refused; -ETIMEDOUT: one did not answer. */
#define CONTROL_LIMIT_MS 20000
int control_ask(const struct control_request *request, uid_t owner, struct control_answer *ret_answer);

#endif
