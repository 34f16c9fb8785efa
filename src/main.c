/* SPDX-License-Identifier: MIT */
/*
 * memwhy: why a program is bigger than its data. Finds the subcommand in the table at
 * the end of this file; without one the arguments are run's.
 */
#include "command.h"
#include "launch.h"
#include "version.h"

#include <malloc.h>
#include <stdio.h>
#include <string.h>

static const struct command *const commands[];

static const struct command *find_command(const char *name)
{
	for (int i = 0; commands[i]; i++)
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	return NULL;
}

static int finish_output(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	fprintf(stderr, "memwhy: cannot write to standard output\n");
	return EXIT_MEMWHY;
}

static int print_help(void)
{
	puts("usage: memwhy [run] [OPTIONS] -- COMMAND [ARG...]");
	for (int i = 0; commands[i]; i++)
		if (strcmp(commands[i]->name, "run"))
			printf("       memwhy %s %s\n", commands[i]->name, commands[i]->usage);
	puts("\nRuns a program and says why it is bigger than its data: live heap bytes beside\n"
	     "resident pages, split into causes that sum.\n");
	for (int i = 0; commands[i]; i++)
		printf("  %-9s %s\n", commands[i]->name, commands[i]->summary);
	puts("\nmemwhy COMMAND --help tells the options of each; memwhy --version the versions.");
	return finish_output();
}

static int print_version(void)
{
	version_print(stdout);
	return finish_output();
}

static int complain(const char *argument)
{
	if (!argument)
		fprintf(stderr, "memwhy: nothing to run; try memwhy -- COMMAND, or memwhy --help\n");
	else
		fprintf(stderr, "memwhy: unknown command '%s'; to run a program: memwhy -- %s\n", argument, argument);
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	launch_secure_streams();
	/* a thread for each process: arenas of their own would cost each its mappings */
	mallopt(M_ARENA_MAX, 2);
	if (argc < 2)
		return complain(NULL);
	const char *first = argv[1];
	if (!strcmp(first, "--help") || !strcmp(first, "-h") || !strcmp(first, "help"))
		return print_help();
	if (!strcmp(first, "--version") || !strcmp(first, "-V"))
		return print_version();
	if (first[0] == '-')
		return cmd_run.run(argc, argv);
	const struct command *command = find_command(first);
	return command ? command->run(argc - 1, argv + 1) : complain(first);
}

static const struct command *const commands[] = {
	&cmd_run, &cmd_report, &cmd_why, &cmd_top, &cmd_diff, &cmd_compare, &cmd_export, &cmd_check, &cmd_symbolize, &cmd_doctor, &cmd_ctl, &cmd_tui, NULL
};
