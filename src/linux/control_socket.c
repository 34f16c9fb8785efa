/* SPDX-License-Identifier: MIT */
/*
 * control_socket.h on Linux: abstract names are listed in /proc/net/unix, of the network
 * namespace in which they can be connected to as well. The list is other people's text: a
 * name leads to a try, and the kernel's word on the peer decides.
 */
#include "../control_socket.h"

#include "../ipc.h"
#include "../wire_control.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define NAME_BYTES 64
#define TRIES_MAX 4096      /* names that lead nowhere */
#define ACCEPTS   0x10000u  /* __SO_ACCEPTCON, in the column Flags */

static socklen_t fill_address(struct sockaddr_un *at, const char *name)
{
	size_t n = strlen(name); /* below NAME_BYTES */
	memset(at, 0, sizeof *at);
	at->sun_family = AF_UNIX;
	memcpy(at->sun_path + 1, name, n);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + n);
}

int control_socket_listen(void)
{
	struct sockaddr_un at;
	char token[IPC_TOKEN_BYTES], name[NAME_BYTES];
	int error = ipc_random_token(token);
	if (error)
		return error;
	snprintf(name, sizeof name, CONTROL_NAME_PREFIX "%d-%.16s", (int)getpid(), token);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&at, fill_address(&at, name)) == 0 && listen(fd, 64) == 0)
		return fd;
	error = errno;
	close(fd);
	return -error;
}

static bool peer(int connection, struct ucred *ret_who)
{
	socklen_t size = sizeof *ret_who;
	return getsockopt(connection, SOL_SOCKET, SO_PEERCRED, ret_who, &size) == 0 && size == sizeof *ret_who;
}

bool control_socket_is_allowed(int connection)
{
	struct ucred who;
	return peer(connection, &who) && (who.uid == geteuid() || who.uid == 0);
}

/* The first line of /proc/PID/status that begins so, behind it; false: no such process. */
static bool read_status(pid_t pid, const char *key, char *ret_value, size_t size)
{
	char path[64], line[256];
	bool found = false;
	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	FILE *f = fopen(path, "re");
	while (f && !found && fgets(line, sizeof line, f))
		if (!strncmp(line, key, strlen(key))) {
			snprintf(ret_value, size, "%s", line + strlen(key));
			found = true;
		}
	if (f)
		fclose(f);
	return found;
}

int control_socket_owner(pid_t pid, uid_t *ret_owner)
{
	char value[64];
	unsigned real;
	if (!read_status(pid, "Uid:", value, sizeof value) || sscanf(value, "%u", &real) != 1)
		return -ESRCH;
	*ret_owner = real;
	return 0;
}

bool control_socket_has_ended(pid_t pid)
{
	char value[64], state;
	return read_status(pid, "State:", value, sizeof value) && sscanf(value, " %c", &state) == 1 &&
	       (state == 'Z' || state == 'X');
}

/* A line of /proc/net/unix: "Num: RefCount Protocol Flags Type St Inode Path". True if it is a
 * socket that listens under such a name. */
static bool parse_line(const char *line, char ret_name[NAME_BYTES], int *ret_pid)
{
	unsigned flags;
	char path[108];
	if (sscanf(line, "%*s %*x %*x %x %*x %*x %*u @%107s", &flags, path) != 2 || !(flags & ACCEPTS))
		return false;
	if (strlen(path) >= NAME_BYTES || strncmp(path, CONTROL_NAME_PREFIX, strlen(CONTROL_NAME_PREFIX)) != 0)
		return false;
	strcpy(ret_name, path);
	return sscanf(path + strlen(CONTROL_NAME_PREFIX), "%d-", ret_pid) == 1 && *ret_pid > 0;
}

/* Who is gone cannot answer, even where a child of its keeps the socket open. */
static bool is_trusted(int fd, int pid, uid_t owner)
{
	struct ucred who;
	uid_t alive;
	return peer(fd, &who) && who.pid == pid && control_socket_owner(pid, &alive) == 0 &&
	       (who.uid == geteuid() || who.uid == 0 || (geteuid() == 0 && who.uid == owner));
}

/* -1: not who it says it is, or its queue is full. */
static int connect_to(const char *name, int pid, uid_t owner)
{
	struct sockaddr_un at;
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&at, fill_address(&at, name)) == 0 && is_trusted(fd, pid, owner))
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

unsigned control_socket_connect_all(uid_t owner, int *ret_fds, unsigned max)
{
	char *line = NULL, name[NAME_BYTES];
	size_t size = 0;
	unsigned n = 0, tries = 0;
	int pid;
	FILE *f = fopen("/proc/net/unix", "re");
	while (f && n < max && tries < TRIES_MAX && getline(&line, &size, f) > 0) {
		if (!parse_line(line, name, &pid))
			continue;
		tries++;
		ret_fds[n] = connect_to(name, pid, owner);
		n += ret_fds[n] >= 0;
	}
	free(line);
	if (f)
		fclose(f);
	return n;
}
