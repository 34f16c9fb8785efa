/* SPDX-License-Identifier: MIT */
/* introspect_environ.h - the variables that allocators read, as they were at the start. */
#ifndef MEMWHY_INTROSPECT_ENVIRON_H
#define MEMWHY_INTROSPECT_ENVIRON_H

#include "introspect_writer.h"

/* Copies them while the process has one thread: later another may change the environment. */
void introspect_copy_environment(char *const *environment);
void introspect_put_environment(struct introspect_writer *w);

#endif
