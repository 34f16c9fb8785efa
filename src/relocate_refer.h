/* SPDX-License-Identifier: MIT */
/*
 * relocate_refer.h - which functions of an image may refer to the first bytes of some of
 * them, other than by a plain call, jump or lea of the function itself. One pass over the
 * text for all of them: a filter, which finds too many, for those that decode.
 */
#ifndef MEMWHY_RELOCATE_REFER_H
#define MEMWHY_RELOCATE_REFER_H

#include "image.h"

#define RELOCATE_WINDOW 24u /* bytes of a function's start: what a patch displaces, at most */

struct relocate_referrers;

/* functions: sorted by nothing, count of them at most UINT16_MAX. */
int relocate_referrers_find(struct image *im, const uint64_t *functions, size_t count,
			    struct relocate_referrers **ret_referrers);
void relocate_referrers_free(struct relocate_referrers *r);
/* The next index (of image_functions()) that may refer to `function`, from *at on, which
 * begins as 0; -1: no more. */
int64_t relocate_referrers_next(const struct relocate_referrers *r, uint64_t function, size_t *at);

#endif
