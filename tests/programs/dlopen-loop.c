/* SPDX-License-Identifier: MIT */
/*
 * dlopen-loop PLUGIN - loads and unloads a module 300 times.
 *
 * Model: every unload leaves 48 bytes, the module that is still loaded at the end 1000 bytes.
 * What the dynamic linker keeps for itself is libc's: 128 KiB of tolerance, as in frag.c.
 */
#include "say.h"
#include <dlfcn.h>

int main(int argc, char **argv)
{
	int sum = 0;
	MUST(argc > 1);
	for (int i = 0; i <= 300; i++) {
		void *plugin = dlopen(argv[1], i % 2 ? RTLD_NOW | RTLD_GLOBAL : RTLD_LAZY);
		if (plugin == NULL)
			fail(dlerror());
		int (*answer)(int) = (int (*)(int))dlsym(plugin, "plugin_answer");
		MUST(answer != NULL && dlsym(plugin, "no_such_symbol") == NULL);
		sum += answer(i);
		if (i < 300)
			MUST(dlclose(plugin) == 0);
	}
	MUST(dlopen("/nonexistent/plugin.so", RTLD_NOW) == NULL);
	say("answers %d\n", sum);
	say("expect live_requested %d %ld\n", 300 * 48 + 1000, 128 * KIB);
	_exit(0);
}
