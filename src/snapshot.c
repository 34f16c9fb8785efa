/* SPDX-License-Identifier: MIT */
/* Names and ownership of snapshot.h. The names are part of the recording's format. */
#include "snapshot.h"

#include <stdlib.h>

static const char *const trigger_names[TRIGGERS] = {
	[TRIGGER_LIVE_PEAK] = "live-peak", [TRIGGER_RSS_GROWTH] = "rss-growth", [TRIGGER_SHRINK] = "shrink",
	[TRIGGER_EXIT] = "exit", [TRIGGER_EXEC] = "exec", [TRIGGER_TIMER] = "timer", [TRIGGER_LAST] = "last",
	[TRIGGER_ASKED] = "asked", [TRIGGER_PURGED] = "purged",
};
static const char *const hold_names[HOLDS] = {
	[HOLD_RUNNING] = "running", [HOLD_WAITING] = "waiting", [HOLD_FROZEN] = "frozen", [HOLD_STOPPED] = "stopped",
};
static const char *const source_names[PAGE_SOURCES] = {
	[PAGES_NONE] = "none", [PAGES_PAGEMAP_SCAN] = "pagemap-scan", [PAGES_PAGEMAP] = "pagemap",
	[PAGES_SMAPS] = "smaps",
};

static const char *name_of(const char *const *names, unsigned count, unsigned value)
{
	return value < count && names[value] ? names[value] : "unknown";
}

const char *snapshot_trigger_name(enum snapshot_trigger t)
{
	return name_of(trigger_names, TRIGGERS, (unsigned)t);
}

const char *snapshot_hold_name(enum snapshot_hold h)
{
	return name_of(hold_names, HOLDS, (unsigned)h);
}

const char *page_source_name(enum page_source s)
{
	return name_of(source_names, PAGE_SOURCES, (unsigned)s);
}

void snapshot_finish(struct snapshot *s)
{
	for (size_t i = 0; i < s->mapping_count; i++)
		free(s->mappings[i].name);
	free(s->mappings);
	s->mappings = NULL;
	s->mapping_count = 0;
}
