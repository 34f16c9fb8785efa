/* SPDX-License-Identifier: MIT */
/* real_types.h - the system headers that the hooks' signatures need. */
#ifndef MEMWHY_REAL_TYPES_H
#define MEMWHY_REAL_TYPES_H
#include <pthread.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/types.h>
#endif
