/* SPDX-License-Identifier: MIT */
/* plugin - a module for dlopen-loop and chaos: allocates in its constructor, frees that in its
 * destructor, and leaves one block of 48 bytes behind each time that it is unloaded. */
#include <stdlib.h>
#include <string.h>

static char *held;
int plugin_answer(int question);

__attribute__((constructor)) static void on_load(void)
{
	held = malloc(1000);
	if (held != NULL)
		memset(held, 1, 1000);
}

__attribute__((destructor)) static void on_unload(void)
{
	char *left = malloc(48);
	if (left != NULL)
		left[0] = 1;
	free(held);
}

int plugin_answer(int question)
{
	void *p = malloc((size_t)question + 1);
	free(p);
	return question + (p != NULL);
}
