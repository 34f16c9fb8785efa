/* SPDX-License-Identifier: MIT */
/* Words of a command line, without a shell; see compare_rows.h. */
#include "compare_rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct words { char **list; size_t count; };

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

/* One word, from `*at` on, written to `to`, which has room for all of the text. False: it
 * does not end. */
static bool take_word(const char **at, char *to)
{
	const char *p = *at;
	char quote = 0;
	for (; *p && (quote || !is_blank(*p)); p++) {
		if (quote ? *p == quote : *p == '\'' || *p == '"') {
			quote = quote ? 0 : *p;
		} else if (*p == '\\' && quote != '\'' && (!quote || strchr("\"\\$`", p[1]))) {
			if (!*++p)
				return false;
			*to++ = *p;
		} else {
			*to++ = *p;
		}
	}
	*to = 0;
	*at = p;
	return !quote;
}

static int add_word(struct words *w, const char *word)
{
	char **list = realloc(w->list, (w->count + 2) * sizeof *list);
	if (!list)
		return -ENOMEM;
	w->list = list;
	list[w->count] = strdup(word);
	list[w->count + 1] = NULL;
	return list[w->count++] ? 0 : -ENOMEM;
}

static int split(const char *at, char *room, struct words *w)
{
	int error = 0;
	for (at += strspn(at, " \t\n"); *at && !error; at += strspn(at, " \t\n"))
		error = take_word(&at, room) ? add_word(w, room) : -EINVAL;
	return error ? error : w->count ? 0 : -ENODATA;
}

int compare_split(const char *text, char ***ret_words)
{
	struct words w = { NULL, 0 };
	char *room = malloc(strlen(text) + 1);
	int error = room ? split(text, room, &w) : -ENOMEM;
	free(room);
	if (!error) {
		*ret_words = w.list;
		return 0;
	}
	for (size_t i = 0; i < w.count; i++)
		free(w.list[i]);
	free(w.list);
	return error;
}
