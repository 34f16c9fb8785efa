/* SPDX-License-Identifier: MIT */
/*
 * memwhy ctl PID purge|snapshot|mark TEXT: asks the memwhy that runs a process for something
 * now, and says in one line what came of it. Nothing is done to the process from here.
 */
#include "command.h"
#include "control_client.h"
#include "control_socket.h"
#include "util/text.h"
#include "util/units.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXIT_REFUSED 1           /* it was not done */
#define WORTH_SAYING (512 << 10) /* a smaller change of a term is no news */

struct verb {
	const char *name;
	enum control_what what;
	int operands;
	void (*print)(const struct control_request *request, const struct control_answer *a);
};
static const struct verb verbs[];

static int complain(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int complain(int status, const char *format, ...)
{
	char line[1024];
	va_list args;
	va_start(args, format);
	vsnprintf(line, sizeof line, format, args);
	va_end(args);
	fputs("memwhy: ", stderr);
	text_print_safe(stderr, line, 0, 1);
	fputc('\n', stderr);
	return status;
}

/* ---- what came of it --------------------------------------------------------------- */

static bool has_term(const struct control_answer *a, enum ledger_term t)
{
	return a->has_before && a->has_after && !((a->absent[0] | a->absent[1]) >> t & 1);
}

static int64_t net(const int64_t *bytes)
{
	return bytes[LEDGER_T_rss] - bytes[LEDGER_T_probe];
}

static double mib(int64_t bytes)
{
	return (double)bytes / 1048576;
}

static void print_changes(const struct control_answer *a)
{
	const char *between = " (";
	for (int t = 0; t < LEDGER_TERMS; t++) {
		const struct ledger_term_info *i = &ledger_term_infos[t];
		if (i->kind != LEDGER_SUM || t == LEDGER_T_probe || !has_term(a, t) ||
		    llabs(a->after[t] - a->before[t]) < WORTH_SAYING)
			continue;
		printf("%s%s %.1f -> %.1f", between, i->label, mib(a->before[t]), mib(a->after[t]));
		between = ", ";
	}
	if (between[0] == ',')
		printf(" MiB)");
}

static void print_purge(const struct control_request *q, const struct control_answer *a)
{
	char took[UNITS_SIZE];
	units_duration(a->took_ns, took);
	if (!has_term(a, LEDGER_T_rss)) {
		printf("purged in %s; what it gave back could not be seen\n", took);
		return;
	}
	printf("resident %.1f -> %.1f MiB in %s", mib(net(a->before)), mib(net(a->after)), took);
	print_changes(a);
	putchar('\n');
}

static void print_snapshot(const struct control_request *q, const struct control_answer *a)
{
	char rss[UNITS_SIZE], live[UNITS_SIZE];
	bool has_live = !(a->absent[1] >> LEDGER_T_live_requested & 1);
	printf("snapshot at %.6f s: resident %s, live %s\n", (double)a->time_ns / 1e9, units_bytes(net(a->after), rss),
	       has_live ? units_bytes(a->after[LEDGER_T_live_requested], live) : "-");
}

static void print_mark(const struct control_request *q, const struct control_answer *a)
{
	printf("mark at %.6f s: ", (double)a->time_ns / 1e9);
	text_print_safe(stdout, q->text, 0, 1);
	putchar('\n');
}

static int explain(int pid, const struct control_answer *a)
{
	switch (a->result) {
	case CONTROL_NOT_FOLLOWED: return complain(EXIT_REFUSED, "process %d is not followed: %s", pid, a->why);
	case CONTROL_BUSY: return complain(EXIT_REFUSED, "process %d is being asked for something else; try again", pid);
	case CONTROL_NO_SAFE_POINT:
		return complain(EXIT_REFUSED, "no purge: no thread of process %d came to an allocation within 2 s, and a purge is made there", pid);
	case CONTROL_NO_WAY: return complain(EXIT_REFUSED, "no purge of process %d: %s", pid, a->why);
	case CONTROL_FULL: return complain(EXIT_REFUSED, "process %d has had as many marks as a recording keeps", pid);
	default: return complain(EXIT_REFUSED, "process %d or its recording ended meanwhile, or it could not be looked at", pid);
	}
}

static int explain_error(int pid, int error)
{
	if (error == -EACCES)
		return complain(EXIT_REFUSED, "a memwhy refused, for it runs as somebody else or is of another version");
	if (error == -ETIMEDOUT)
		return complain(EXIT_REFUSED, "no answer from the memwhy that may run process %d; is it stopped?", pid);
	return complain(EXIT_REFUSED, "no memwhy runs process %d; start it with: memwhy -- COMMAND", pid);
}

/* ---- the command line ---------------------------------------------------------------- */

static int parse_pid(const char *text, int *ret_pid)
{
	char *end;
	errno = 0;
	long pid = strtol(text, &end, 10);
	if (end == text || *end || errno || pid <= 0 || pid > 0x7fffffff)
		return complain(EXIT_USAGE, "ctl takes a process id first, not '%s'; see memwhy ctl --help", text);
	*ret_pid = (int)pid;
	return 0;
}

static int parse(int argc, char **argv, struct control_request *ret, const struct verb **ret_verb)
{
	const struct verb *v = verbs;
	if (argc < 3)
		return complain(EXIT_USAGE, "ctl takes a process id and what to do; see memwhy ctl --help");
	int error = parse_pid(argv[1], &ret->pid);
	if (error)
		return error;
	while (v->name && strcmp(v->name, argv[2]) != 0)
		v++;
	if (!v->name)
		return complain(EXIT_USAGE, "ctl does purge, snapshot or mark TEXT, not '%s'", argv[2]);
	if (argc != 3 + v->operands)
		return complain(EXIT_USAGE, "ctl PID %s takes %s", v->name, v->operands ? "one text; quote it" : "nothing more");
	if (v->operands && (!*argv[3] || strlen(argv[3]) >= sizeof ret->text))
		return complain(EXIT_USAGE, "a mark's text has 1 to %zu bytes", sizeof ret->text - 1);
	if (v->operands)
		strcpy(ret->text, argv[3]);
	ret->what = v->what;
	*ret_verb = v;
	return 0;
}

static int ask(struct control_request *q, const struct verb *v)
{
	struct control_answer answer;
	uid_t owner;
	if (control_socket_owner(q->pid, &owner) != 0)
		return complain(EXIT_REFUSED, "there is no process %d; it may have ended", q->pid);
	if (geteuid() != 0 && owner != geteuid())
		return complain(EXIT_REFUSED, "process %d belongs to somebody else", q->pid);
	if (control_socket_has_ended(q->pid))
		return complain(EXIT_REFUSED, "process %d has ended", q->pid);
	int error = control_ask(q, owner, &answer);
	if (error)
		return explain_error(q->pid, error);
	if (answer.result != CONTROL_DONE)
		return explain(q->pid, &answer);
	v->print(q, &answer);
	return fflush(stdout) == 0 ? 0 : complain(EXIT_MEMWHY, "cannot write to standard output");
}

static int run(int argc, char **argv)
{
	struct control_request request = { .magic = CONTROL_MAGIC, .version = CONTROL_VERSION };
	const struct verb *verb = verbs;
	if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		puts("usage: memwhy ctl PID purge | snapshot | mark TEXT\n\n"
		     "Asks the memwhy that runs process PID (or is PID) for something now:\n\n"
		     "  purge      let its allocator give back what it can, and say what that changed\n"
		     "  snapshot   a full snapshot into the recording\n"
		     "  mark TEXT  a line of your own into the recording\n\n"
		     "      --help");
		return fflush(stdout) == 0 ? 0 : EXIT_MEMWHY;
	}
	if (argc > 1 && argv[1][0] == '-' && (argv[1][1] < '0' || argv[1][1] > '9'))
		return complain(EXIT_USAGE, "unknown option '%s'; see memwhy ctl --help", argv[1]);
	int status = parse(argc, argv, &request, &verb);
	return status ? status : ask(&request, verb);
}

static const struct verb verbs[] = {
	{ "purge", CONTROL_PURGE, 0, print_purge },
	{ "snapshot", CONTROL_SNAPSHOT, 0, print_snapshot },
	{ "mark", CONTROL_MARK, 1, print_mark },
	{ NULL, 0, 0, NULL },
};

const struct command cmd_ctl = {
	.name = "ctl",
	.usage = "PID purge|snapshot|mark TEXT",
	.summary = "a purge, a snapshot or a mark, now, in a process that memwhy runs",
	.run = run,
};
