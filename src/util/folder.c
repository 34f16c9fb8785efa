/* SPDX-License-Identifier: MIT */
/* folder.c - see folder.h. */
#include "folder.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *home_folder(void)
{
	const char *home = getenv("HOME");
	if (home && home[0] == '/')
		return home;
	struct passwd *pw = getpwuid(geteuid());
	return pw && pw->pw_dir && pw->pw_dir[0] == '/' ? pw->pw_dir : NULL;
}

int folder_of_user(const char *variable, const char *below_home, char *ret, size_t size)
{
	/* The XDG specification has relative paths ignored. */
	const char *given = getenv(variable);
	if (given && given[0] != '/')
		given = NULL;
	const char *home = given ? given : home_folder();
	if (!home)
		return -ENOENT;
	char path[4096];
	int n = snprintf(path, sizeof path, "%s%s/memwhy", home, given ? "" : below_home);
	if (n < 0 || (size_t)n >= sizeof path || (size_t)n >= size)
		return -ENAMETOOLONG;
	memcpy(ret, path, (size_t)n + 1);
	return 0;
}

int folder_make(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		int r = mkdir(path, 0700) && errno != EEXIST ? -errno : 0;
		*slash = '/';
		/* a parent that is there but can't be written says EROFS or EACCES first */
		if (r && r != -EROFS && r != -EACCES)
			return r;
	}
	return mkdir(path, 0700) && errno != EEXIST ? -errno : 0;
}
