/* SPDX-License-Identifier: MIT */
/* preload_fact.h - memwhy doctor's question that needs the probe itself: can it be preloaded here? */
#ifndef MEMWHY_PRELOAD_FACT_H
#define MEMWHY_PRELOAD_FACT_H

#include "platform.h"

/* Starts a process with the probe preloaded and waits for its end, two seconds at most. */
void preload_fact(struct platform_fact *ret_fact);

#endif
