/* SPDX-License-Identifier: MIT */
/* Showing untrusted strings; see text.h. */
#include "util/text.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static size_t sequence_length(unsigned char first)
{
	return first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 :
	       first < 0xf5 ? 4 : 0;
}

size_t text_utf8_length(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t n = sequence_length(s[0]);
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	/* overlong forms, surrogates, beyond U+10FFFF */
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

static int is_control(const char *text, size_t length)
{
	const unsigned char *s = (const unsigned char *)text;
	if (length == 1)
		return s[0] < 0x20 || s[0] == 0x7f;
	return length == 2 && s[0] == 0xc2 && s[1] < 0xa0; /* C1, terminals obey these too */
}

static size_t count_characters(const char *text)
{
	size_t n = 0;
	while (*text) {
		size_t length = text_utf8_length(text);
		text += length ? length : 1;
		n++;
	}
	return n;
}

size_t text_print_safe(FILE *out, const char *text, size_t max_columns, int utf8)
{
	size_t all = count_characters(text), n = 0;
	int cut = max_columns && all > max_columns;
	size_t shown = !cut ? all : max_columns > 3 ? max_columns - 3 : 0;
	for (; n < shown; n++) {
		size_t length = text_utf8_length(text);
		if (*text == '\n' || *text == '\t')
			fputc(' ', out);
		else if (!length || is_control(text, length) || (length > 1 && !utf8))
			fputc('?', out);
		else
			fwrite(text, 1, length, out);
		text += length ? length : 1;
	}
	for (; cut && n < max_columns; n++)
		fputc('.', out);
	return n;
}

void text_print_quoted(FILE *out, const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_-+=./,:@%^";
	if (*word && !word[strspn(word, plain)]) {
		fputs(word, out);
		return;
	}
	fputc('\'', out);
	for (; *word; word++)
		if (*word == '\'')
			fputs("'\\''", out);
		else
			fputc(*word, out);
	fputc('\'', out);
}

/* Bytes of the next word; a number takes the word behind it along ("4.0 MiB"). */
static size_t word_length(const char *text)
{
	size_t n = strcspn(text, " ");
	if (n && text[n - 1] >= '0' && text[n - 1] <= '9' && text[n] && text[n + 1] && text[n + 1] != ' ')
		n += 1 + strcspn(text + n + 1, " ");
	return n;
}

void text_print_wrapped(FILE *out, const char *text, size_t column, size_t indent, size_t width, int utf8)
{
	bool first = true;
	while (*(text += strspn(text, " "))) {
		char word[256];
		size_t n = word_length(text);
		n = n < sizeof word ? n : sizeof word - 1;
		memcpy(word, text, n);
		word[n] = 0;
		text += n;
		size_t columns = count_characters(word);
		if (!first && column + 1 + columns > width) {
			fprintf(out, "\n%*s", (int)indent, "");
			column = indent;
		} else if (!first) {
			fputc(' ', out);
			column++;
		}
		text_print_safe(out, word, 0, utf8);
		column += columns;
		first = false;
	}
	fputc('\n', out);
}

const char *text_base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}
