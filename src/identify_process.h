/* SPDX-License-Identifier: MIT */
/*
 * identify_process.h - the throwaway process in which the functions of a file are called
 * (wire_identify.h): the file's program with the probe preloaded, which never gets to its
 * main. Its budget is 2.5 s of CPU of its children; 10 s of wall time stand behind that. It
 * is always reaped. One thread for each object. 0 or -errno.
 */
#ifndef MEMWHY_IDENTIFY_PROCESS_H
#define MEMWHY_IDENTIFY_PROCESS_H

#include "wire_identify.h"

#include <stddef.h>
#include <stdint.h>

struct identify_process;

/* -ENOEXEC: nothing can be preloaded into it, so it is not run at all. -ENOSYS: this kernel
 * can't lock a process in. -EPROTO: it did not say what the probe says. module: the file whose
 * functions are asked about, loaded into the process; NULL: the program itself. -ELIBACC: it
 * could not be loaded there. */
int identify_process_start(const char *path, const char *module, const char *probe_path,
			   struct identify_process **ret_process);
/* Fills magic, version and sequence of the request. The answer has been checked: kind, texts
 * and counts are in range. -ETIME: the budget is spent; -EPIPE: it has ended. */
int identify_process_ask(struct identify_process *p, struct wire_identify_request *request,
			 struct wire_identify_answer *ret_answer);
/* Kills and reaps it. p may be NULL. */
void identify_process_end(struct identify_process *p);

struct identify_spent { unsigned forks; uint64_t cpu_ns; };
struct identify_spent identify_process_spent(const struct identify_process *p);

#endif
