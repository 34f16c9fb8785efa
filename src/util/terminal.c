/* SPDX-License-Identifier: MIT */
/* Width, colour and charset of the output; see terminal.h. */
#include "util/terminal.h"

#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

int terminal_width(FILE *out)
{
	struct winsize size;
	int fd = fileno(out), width = TERMINAL_WIDTH_DEFAULT;
	if (fd >= 0 && isatty(fd) && !ioctl(fd, TIOCGWINSZ, &size) && size.ws_col)
		width = size.ws_col;
	return width < TERMINAL_WIDTH_MIN ? TERMINAL_WIDTH_MIN :
	       width > TERMINAL_WIDTH_MAX ? TERMINAL_WIDTH_MAX : width;
}

bool terminal_has_colour(FILE *out)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
	int fd = fileno(out);
	return fd >= 0 && isatty(fd) && (!no || !*no) && term && *term && strcmp(term, "dumb");
}

bool terminal_has_utf8(void)
{
	locale_t locale = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
	if (!locale)
		return false;
	bool utf8 = !strcasecmp(nl_langinfo_l(CODESET, locale), "UTF-8");
	freelocale(locale);
	return utf8;
}
