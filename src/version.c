/* SPDX-License-Identifier: MIT */
/* Versions of what runs, not of what was compiled against; see version.h. */
#include "config.h"
#include "version.h"
#include "launch.h"
#include "wire.h"

#include <errno.h>
#include <gnu/libc-version.h>
#include <limits.h>
#include <lzma.h>
#include <sqlite3.h>
#include <Zydis/Zydis.h>

void version_print(FILE *out)
{
	char probe[PATH_MAX + 64];
	fprintf(out, "memwhy %s (probe contract %u)\n", PACKAGE_VERSION, WIRE_VERSION);
	ZyanU64 zydis = ZydisGetVersion();
	fprintf(out, "SQLite %s, Zydis %u.%u.%u, liblzma %s, glibc %s\n", sqlite3_libversion(),
		(unsigned)ZYDIS_VERSION_MAJOR(zydis), (unsigned)ZYDIS_VERSION_MINOR(zydis),
		(unsigned)ZYDIS_VERSION_PATCH(zydis), lzma_version_string(), gnu_get_libc_version());
	int error = launch_find_probe(probe, sizeof probe);
	fprintf(out, "probe %s%s\n", probe, error == -ENOENT ? " (missing)" : error ? " (unusable path)" : "");
}
