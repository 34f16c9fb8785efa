/* SPDX-License-Identifier: MIT */
/* Who ran, how it ended, what it weighed; see report_processes.h. */
#include "report_processes.h"

#include "util/text.h"
#include "util/units.h"

#include <string.h>

#define OTHERS_SHOWN 12
#define COMMAND_COLUMNS 48

static const char *name_of(const struct recording_process *p)
{
	const char *name = text_base_name(p->exe);
	return *name ? name : *p->command ? p->command : "?";
}

static void print_end(const struct report_page *g, const struct recording_process *p)
{
	const char *name;
	FILE *out = g->style.out;
	switch (p->how) {
	case STORE_END_EXIT:
		fprintf(out, "exit %d", p->status);
		break;
	case STORE_END_SIGNAL:
		name = p->status > 0 && p->status < 65 ? sigabbrev_np(p->status) : NULL;
		if (name)
			fprintf(out, "killed by SIG%s", name);
		else
			fprintf(out, "killed by signal %d", p->status);
		break;
	case STORE_END_EXEC:
		fputs("replaced by exec", out);
		break;
	case STORE_END_RUNNING:
		fputs(g->m->run->ended ? "still running" : "no end recorded", out);
		break;
	default:
		fputs("ended, status unknown", out);
	}
}

static void print_duration(const struct report_page *g, const struct recording_process *p)
{
	char text[UNITS_SIZE];
	int64_t end = p->end_ns >= 0 ? p->end_ns : g->m->run->end_ns;
	fprintf(g->style.out, "  %s", units_duration(end > p->start_ns ? end - p->start_ns : 0, text));
}

static const struct { const char *found, *words; } found_words[] = {
	{ "symbols", " linked in (found by its symbols)" },
	{ "behaviour", " linked in (found by behaviour)" },
	{ "not followed", " linked in" },
	{ NULL, "" },
};

static const char *words_of(const struct recording_heap *h)
{
	size_t i = 0;
	while (found_words[i].found && strcmp(found_words[i].found, h->found) != 0)
		i++;
	return found_words[i].words;
}

static void print_heap(const struct report_page *g, const struct recording_heap *h, const char *before)
{
	FILE *out = g->style.out;
	fputs(before, out);
	text_print_safe(out, h->name, 16, g->style.utf8);
	if (*h->version) {
		fputc(' ', out);
		text_print_safe(out, h->version, 24, g->style.utf8);
	}
	fputs(words_of(h), out);
}

/* The program's own allocator first, for most of its blocks are there. */
static void print_heaps(const struct report_page *g, const struct recording_process *p)
{
	const char *before = "  ";
	for (int own = 1; own >= 0; own--)
		for (size_t i = 0; i < p->heap_count; i++) {
			if ((*words_of(&p->heaps[i]) != 0) != own)
				continue;
			print_heap(g, &p->heaps[i], before);
			before = " + ";
		}
}

static void print_command(const struct report_page *g)
{
	FILE *out = g->style.out;
	size_t count = g->m->other_count + 1;
	if (count == 1 && !g->style.verbose)
		return;
	if (count > 1)
		fprintf(out, "one of %zu processes of: ", count);
	else
		fputs("command: ", out);
	text_print_safe(out, g->m->run->command, g->style.verbose ? 0 : COMMAND_COLUMNS, g->style.utf8);
	fputc('\n', out);
}

void report_print_header(const struct report_page *g)
{
	const struct recording_process *p = g->m->process;
	FILE *out = g->style.out;
	if (g->style.colour)
		fputs("\033[1m", out);
	text_print_safe(out, name_of(p), 32, g->style.utf8);
	if (g->style.colour)
		fputs("\033[0m", out);
	fprintf(out, "  pid %lld  ", (long long)p->pid);
	print_end(g, p);
	print_duration(g, p);
	print_heaps(g, p);
	if (g->m->counters && g->m->counters->threads)
		fprintf(out, "  %u thread%s", g->m->counters->threads, g->m->counters->threads == 1 ? "" : "s");
	fputc('\n', out);
	print_command(g);
}

static void print_process(const struct report_page *g, const struct recording_process *p)
{
	char text[UNITS_SIZE];
	FILE *out = g->style.out;
	int64_t peak = report_process_peak(p);
	fprintf(out, "  pid %-8lld%10s  ", (long long)p->pid, peak >= 0 ? units_bytes(peak, text) : "-");
	print_end(g, p);
	print_duration(g, p);
	fputs("  ", out);
	text_print_safe(out, *p->command ? p->command : name_of(p),
			g->style.verbose ? 0 : g->style.width > 60 ? (size_t)g->style.width - 50 : 12, g->style.utf8);
	if (!p->probe_on && g->style.verbose) {
		fputs("  (live unknown: ", out);
		text_print_safe(out, *p->probe_state ? p->probe_state : "no probe", 0, g->style.utf8);
		fputc(')', out);
	}
	fputc('\n', out);
}

void report_print_others(const struct report_page *g)
{
	const struct report_model *m = g->m;
	char a[UNITS_SIZE], b[UNITS_SIZE];
	FILE *out = g->style.out;
	if (!m->other_count)
		return;
	if (m->run->tree_peak_rss_bytes >= 0)
		fprintf(out, "all processes together: %s at %s (shared pages count for each)\n",
			units_bytes(m->run->tree_peak_rss_bytes, a),
			m->run->tree_peak_ns >= 0 ? units_duration(m->run->tree_peak_ns, b) : "?");
	else
		fputs("all processes together: - (the run has no end)\n", out);
	size_t shown = g->style.verbose || m->other_count <= OTHERS_SHOWN ? m->other_count : OTHERS_SHOWN;
	for (size_t i = 0; i < shown; i++)
		print_process(g, m->others[i]);
	if (shown < m->other_count)
		fprintf(out, "  and %zu more (-v shows them)\n", m->other_count - shown);
}
