/* SPDX-License-Identifier: MIT */
/* The list of plain tables; see store_tables.h and memwhy-recording(5). */
#include "store_tables.h"

#include <string.h>

struct store_cell store_text(const char *text)
{
	if (!text)
		return store_null();
	return (struct store_cell){ CELL_TEXT, 0, text, strlen(text) };
}

const struct store_table_info store_table_infos[STORE_TABLES] = {
	[TABLE_FIGURE] = { "figure", "process_id INTEGER NOT NULL, time_ns INTEGER NOT NULL, heap INTEGER NOT NULL,"
		" arena INTEGER NOT NULL, name TEXT NOT NULL, value INTEGER NOT NULL", 6, "", false },
	[TABLE_SETTING] = { "setting", "process_id INTEGER NOT NULL, heap INTEGER NOT NULL, name TEXT NOT NULL,"
		" value TEXT", 4, ", PRIMARY KEY (process_id, heap, name)", false },
	[TABLE_READING] = { "reading", "process_id INTEGER NOT NULL, time_ns INTEGER NOT NULL, heap INTEGER NOT NULL,"
		" took_ns INTEGER, result TEXT NOT NULL, not_safe INTEGER", 6, "", false },
	[TABLE_PURGE] = { "purge", "process_id INTEGER NOT NULL, time_ns INTEGER NOT NULL, reason TEXT NOT NULL,"
		" result TEXT NOT NULL, heaps INTEGER, took_ns INTEGER, rss_before_bytes INTEGER,"
		" rss_after_bytes INTEGER, before_ns INTEGER, after_ns INTEGER", 10, "", false },
	[TABLE_MODULE] = { "module", "process_id INTEGER NOT NULL, id INTEGER NOT NULL, path TEXT NOT NULL,"
		" build_id TEXT, low INTEGER, high INTEGER, bias INTEGER", 7, ", PRIMARY KEY (process_id, id)", false },
	[TABLE_FRAME] = { "frame", "process_id INTEGER NOT NULL, id INTEGER NOT NULL, module_id INTEGER,"
		" address INTEGER NOT NULL", 4, ", PRIMARY KEY (process_id, id)", false },
	[TABLE_STACK] = { "stack", "process_id INTEGER NOT NULL, id INTEGER NOT NULL, parent INTEGER NOT NULL,"
		" frame_id INTEGER NOT NULL, flags INTEGER NOT NULL", 5, ", PRIMARY KEY (process_id, id)", false },
	[TABLE_STACK_TOTAL] = { "stack_total", "process_id INTEGER NOT NULL, stack_id INTEGER NOT NULL,"
		" allocated_bytes INTEGER NOT NULL, allocations INTEGER NOT NULL, samples INTEGER NOT NULL", 5,
		", PRIMARY KEY (process_id, stack_id)", false },
	[TABLE_STACK_FIGURE] = { "stack_figure", "snapshot_id INTEGER NOT NULL, stack_id INTEGER NOT NULL,"
		" live_bytes INTEGER NOT NULL, live_blocks INTEGER NOT NULL, rounding_bytes INTEGER NOT NULL,"
		" pinned_bytes INTEGER NOT NULL, pinned_pages INTEGER NOT NULL, dirty_bytes INTEGER NOT NULL,"
		" live_error_bytes INTEGER, pinned_error_bytes INTEGER", 10, ", PRIMARY KEY (snapshot_id, stack_id)", true },
	[TABLE_SYMBOL] = { "symbol", "process_id INTEGER NOT NULL, frame_id INTEGER NOT NULL, depth INTEGER NOT NULL,"
		" function TEXT, file TEXT, line INTEGER, source TEXT", 7, ", PRIMARY KEY (process_id, frame_id, depth)", false },
};
