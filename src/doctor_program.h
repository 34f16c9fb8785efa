/* SPDX-License-Identifier: MIT */
/*
 * doctor_program.h - what memwhy finds in one program: the allocator that is linked into it,
 * its entry points and how each was found, and the settings that it would take. Runs the
 * identification if there is no answer in the cache, and never the program itself.
 */
#ifndef MEMWHY_DOCTOR_PROGRAM_H
#define MEMWHY_DOCTOR_PROGRAM_H

/* Prints on standard output; the exit status. argv: as after "--", its arguments unused. */
int doctor_program(char *const *argv);

#endif
