/* SPDX-License-Identifier: MIT */
/* units.h - figures for people: IEC units, grouped counts, times. Pure. */
#ifndef MEMWHY_UNITS_H
#define MEMWHY_UNITS_H

#include <stddef.h>
#include <stdint.h>

#define UNITS_SIZE 32 /* enough for each of these */

/* "82.1 MiB", below a tenth of that "20.5 KiB", below 1 KiB "512 B"; from 10 GiB on
 * "12.25 GiB". */
const char *units_bytes(int64_t bytes, char ret[static UNITS_SIZE]);
/* "8,074,257" */
const char *units_count(uint64_t count, char ret[static UNITS_SIZE]);
/* "0.83 s", "3.2 ms" below a tenth of a second, "2 min 5 s" from two minutes on. */
const char *units_duration(int64_t ns, char ret[static UNITS_SIZE]);

#endif
