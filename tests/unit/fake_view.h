/* SPDX-License-Identifier: MIT */
/* fake_view.h - what a test may set and see of fake_view.c. */
#ifndef MEMWHY_FAKE_VIEW_H
#define MEMWHY_FAKE_VIEW_H

#include "plans.h"

/* What plans_for() says of any executable. */
extern const struct plans_answer *fake_plans_answer;
/* Somebody said that a program's own allocator is not followed. */
extern bool fake_view_is_foreign;

#endif
