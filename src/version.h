/* SPDX-License-Identifier: MIT */
/* version.h - what memwhy --version prints. */
#ifndef MEMWHY_VERSION_H
#define MEMWHY_VERSION_H

#include <stdio.h>

/* memwhy's version, those of the libraries it runs with, and where its probe is. */
void version_print(FILE *out);

#endif
