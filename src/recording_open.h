/* SPDX-License-Identifier: MIT */
/* recording_open.h - an untrusted file to a read-only database that has our tables. */
#ifndef MEMWHY_RECORDING_OPEN_H
#define MEMWHY_RECORDING_OPEN_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>

/* 0 or -errno; error: a clause without the path. The caller closes *ret_db. */
int recording_open_database(const char *path, sqlite3 **ret_db, char *error, size_t size);
/* For another connection to a file that the above let pass. */
void recording_open_harden(sqlite3 *db, bool read_only);

#endif
