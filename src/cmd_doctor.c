/* SPDX-License-Identifier: MIT */
/*
 * memwhy doctor: what this machine allows. The findings come from preload_fact.h and
 * platform.h, which try each thing on memwhy itself; here they are one line each on
 * standard output, with what to do below where there is something to do.
 * Status 0: recording works, 1: something that it needs is missing.
 */
#include "command.h"
#include "doctor_program.h"
#include "launch.h"
#include "plan_cache.h"
#include "platform.h"
#include "preload_fact.h"
#include "util/terminal.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct doctor_state_look {
	const char *word;
	const char *colour; /* SGR parameters */
};
static const struct doctor_state_look doctor_states[] = {
	[PLATFORM_FACT_OK] = { "ok", "32" },
	[PLATFORM_FACT_LIMITED] = { "limited", "33" },
	[PLATFORM_FACT_MISSING] = { "missing", "31" },
};

struct doctor {
	bool colour;
	unsigned count[sizeof(doctor_states) / sizeof(doctor_states[0])];
};

static void doctor_print_fact(void *arg, const struct platform_fact *fact)
{
	struct doctor *d = arg;
	const struct doctor_state_look *look = &doctor_states[fact->state];

	d->count[fact->state]++;
	if (d->colour)
		printf("%-14s \033[%sm%-8s\033[0m %s\n", fact->name, look->colour, look->word, fact->finding);
	else
		printf("%-14s %-8s %s\n", fact->name, look->word, fact->finding);
	if (fact->advice && *fact->advice)
		printf("%-14s %-8s %s\n", "", "", fact->advice);
}

static void doctor_print_verdict(const struct doctor *d)
{
	unsigned limited = d->count[PLATFORM_FACT_LIMITED];

	if (d->count[PLATFORM_FACT_MISSING])
		puts("\nrecording does not work here until what is missing above is mended");
	else if (limited)
		puts("\nrecording works; what is limited above costs terms of the ledger or time");
	else
		puts("\nrecording works, with every term of the ledger");
}

static void doctor_print_help(void)
{
	printf("usage: memwhy doctor %s\n\n"
	       "Tries each thing that a recording uses and prints one line for it: its name, ok, limited or\n"
	       "missing, what was found, and what to do. Changes nothing on the machine.\n\n"
	       "  -- COMMAND     instead: what is found in this program, which allocator is linked into it,\n"
	       "                 its entry points, and how each was found; COMMAND is not run\n"
	       "      --forget   drop what was found in programs so far, all of it\n"
	       "      --help\n\n"
	       "exit status: 0 recording works, 1 something that it needs is missing, 2 wrong usage\n",
	       cmd_doctor.usage);
}

static int doctor_forget(void)
{
	int count = plan_cache_forget();
	if (count < 0) {
		fprintf(stderr, "memwhy: the cache cannot be cleared: %s\n", strerror(-count));
		return EXIT_MEMWHY;
	}
	printf("%d program%s forgotten\n", count, count == 1 ? "" : "s");
	return fflush(stdout) ? EXIT_MEMWHY : EXIT_SUCCESS;
}

static int doctor_machine(void)
{
	struct doctor d = { .colour = terminal_has_colour(stdout) };
	struct platform_fact preload;

	preload_fact(&preload);
	doctor_print_fact(&d, &preload);
	platform_facts(doctor_print_fact, &d);
	doctor_print_verdict(&d);
	if (fflush(stdout)) {
		fprintf(stderr, "memwhy: cannot write the findings to standard output: %m\n");
		return EXIT_MEMWHY;
	}
	return d.count[PLATFORM_FACT_MISSING] ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int doctor_run(int argc, char **argv)
{
	if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		doctor_print_help();
		return fflush(stdout) ? EXIT_MEMWHY : EXIT_SUCCESS;
	}
	bool is_program = argc > 2 && !strcmp(argv[1], "--");
	if (argc == 2 && !strcmp(argv[1], "--forget"))
		return doctor_forget();
	if (argc > 1 && !is_program) {
		fprintf(stderr, "memwhy: doctor takes no '%s'; see memwhy doctor --help\n", argv[1]);
		return EXIT_USAGE;
	}
	/* the conditions of a run: limits raised, no death by SIGXFSZ; a closed pipe may end this */
	launch_begin();
	signal(SIGPIPE, SIG_DFL);
	return is_program ? doctor_program(argv + 2) : doctor_machine();
}

const struct command cmd_doctor = {
	.name = "doctor",
	.usage = "[-- COMMAND | --forget]",
	.summary = "what this machine allows, and what to do about what it doesn't",
	.run = doctor_run,
};
