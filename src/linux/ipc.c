/* SPDX-License-Identifier: MIT */
/*
 * ipc.h on Linux: memfd, futex, an abstract SOCK_SEQPACKET socket (no file to clean up,
 * works without a writable folder), SO_PEERCRED, pidfd, /proc/PID/stat.
 */
#include "../ipc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static int fill_memory(int fd, uint64_t live_trigger_bytes)
{
	const uint32_t head[2] = { WIRE_MAGIC, WIRE_VERSION };
	const off_t trigger_at = (off_t)(WIRE_OFF_CONTROL + offsetof(struct wire_control, live_trigger_bytes));
	if (ftruncate(fd, (off_t)WIRE_BYTES) == 0 &&
	    pwrite(fd, head, sizeof head, (off_t)WIRE_OFF_CONTROL) == (ssize_t)sizeof head &&
	    pwrite(fd, &live_trigger_bytes, sizeof live_trigger_bytes, trigger_at) == (ssize_t)sizeof live_trigger_bytes &&
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
		return 0;
	return -errno;
}

int ipc_create_memory(uint64_t live_trigger_bytes)
{
	int fd = memfd_create("memwhy", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	int error = fill_memory(fd, live_trigger_bytes);
	if (!error)
		return fd;
	close(fd);
	return error;
}

int ipc_write_plan(int memory, const struct wire_plan *plan)
{
	ssize_t n = pwrite(memory, plan, sizeof *plan, (off_t)WIRE_OFF_PLAN);
	return n == (ssize_t)sizeof *plan ? 0 : n < 0 ? -errno : -ENOSPC;
}

int ipc_write_stacks(int memory, enum wire_stack_mode mode, uint64_t mean_bytes)
{
	const struct wire_stacks head = { .mode = mode, .mean_bytes = mean_bytes, .nodes_used = 1 };
	ssize_t n = pwrite(memory, &head, sizeof head, (off_t)WIRE_OFF_STACKS);
	return n == (ssize_t)sizeof head ? 0 : n < 0 ? -errno : -ENOSPC;
}

void ipc_wait(uint32_t *word, uint32_t value, uint64_t timeout_ns)
{
	struct timespec t = { (time_t)(timeout_ns / 1000000000u), (long)(timeout_ns % 1000000000u) };
	syscall(SYS_futex, word, FUTEX_WAIT, value, &t, NULL, 0);
}

void ipc_wake(uint32_t *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE, 0x7fffffff, NULL, NULL, 0);
}

int ipc_random_token(char ret_token[IPC_TOKEN_BYTES])
{
	unsigned char bytes[WIRE_TOKEN_LEN / 2];
	if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
		return -errno;
	for (size_t i = 0; i < sizeof bytes; i++)
		snprintf(ret_token + 2 * i, 3, "%02x", bytes[i]);
	return 0;
}

int ipc_listen(char ret_name[IPC_NAME_BYTES])
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	char token[IPC_TOKEN_BYTES], name[IPC_NAME_BYTES];
	int error = ipc_random_token(token);
	if (error)
		return error;
	int n = snprintf(name, sizeof name, "memwhy-%.16s", token);
	memcpy(at.sun_path + 1, name, (size_t)n);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
	if (bind(fd, (struct sockaddr *)&at, size) == 0 && listen(fd, 4096) == 0) {
		memcpy(ret_name, name, sizeof name);
		return fd;
	}
	error = errno;
	close(fd);
	return -error;
}

int ipc_accept(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

int ipc_peer(int connection, pid_t *ret_pid)
{
	struct ucred who;
	socklen_t size = sizeof who;
	if (getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0)
		return -errno;
	if (who.pid <= 0)
		return -ESRCH;
	*ret_pid = who.pid;
	return 0;
}

int ipc_receive_hello(int connection, struct wire_hello *ret_hello)
{
	struct wire_hello hello;
	ssize_t got = recv(connection, &hello, sizeof hello, MSG_DONTWAIT | MSG_TRUNC);
	if (got < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	if (got != (ssize_t)sizeof hello)
		return -EPROTO;
	*ret_hello = hello;
	return 0;
}

int ipc_send_welcome(int connection, const struct wire_welcome *welcome, int memory)
{
	union { struct cmsghdr align; char bytes[CMSG_SPACE(sizeof(int))]; } control;
	struct iovec part = { (void *)(uintptr_t)welcome, sizeof *welcome };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	memset(&control, 0, sizeof control);
	if (memory >= 0) {
		message.msg_control = control.bytes;
		message.msg_controllen = sizeof control.bytes;
		struct cmsghdr *c = CMSG_FIRSTHDR(&message);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof memory);
		memcpy(CMSG_DATA(c), &memory, sizeof memory);
	}
	return sendmsg(connection, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* Fields of /proc/PID/stat behind the name, which may hold blanks and brackets. */
static int read_stat(const char *path, char *text, size_t size, const char **ret_fields)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	ssize_t got = read(fd, text, size - 1);
	close(fd);
	if (got <= 0)
		return -ESRCH;
	text[got] = 0;
	const char *bracket = strrchr(text, ')');
	if (!bracket || bracket[1] != ' ')
		return -EPROTO;
	*ret_fields = bracket + 2; /* field 3, the state */
	return 0;
}

static int read_stat_of(pid_t pid, char *text, size_t size, const char **ret_fields)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	return read_stat(path, text, size, ret_fields);
}

static uint64_t stat_field(const char *fields, int number)
{
	for (int at = 3; at < number && fields; at++) {
		fields = strchr(fields, ' ');
		fields = fields ? fields + 1 : NULL;
	}
	return fields ? strtoull(fields, NULL, 10) : 0;
}

int ipc_parent(pid_t pid, pid_t *ret_parent)
{
	char text[1024];
	const char *fields;
	int error = read_stat_of(pid, text, sizeof text, &fields);
	if (error)
		return error;
	*ret_parent = (pid_t)stat_field(fields, 4);
	return 0;
}

int ipc_image_mark(pid_t pid, uint64_t *ret_mark)
{
	char text[1024];
	const char *fields;
	int error = read_stat_of(pid, text, sizeof text, &fields);
	if (error)
		return error;
	*ret_mark = stat_field(fields, 28); /* the stack's start, at random in each image */
	return 0;
}

/* linux/pidfd.h of kernel 6.15 and later; older headers have neither. */
struct pidfd_info_here {
	uint64_t mask, cgroup;
	uint32_t ids[11];
	int32_t exit_code;
	uint32_t more[16];
};
#define PIDFD_GET_INFO_HERE(size) _IOC(_IOC_READ | _IOC_WRITE, 0xFF, 11, (size))
#define PIDFD_INFO_EXIT_HERE (1ull << 3)
_Static_assert(offsetof(struct pidfd_info_here, exit_code) == 60, "PIDFD_INFO_SIZE_VER0 is 64");

/* Once it was reaped. */
static int status_by_pidfd(int pidfd, int *ret_status)
{
	struct pidfd_info_here info;
	memset(&info, 0, sizeof info);
	info.mask = PIDFD_INFO_EXIT_HERE;
	if (ioctl(pidfd, PIDFD_GET_INFO_HERE(64), &info) != 0)
		return -errno;
	if (!(info.mask & PIDFD_INFO_EXIT_HERE))
		return -EAGAIN;
	*ret_status = info.exit_code;
	return 0;
}

/* While it is a zombie. */
static int status_by_stat(pid_t pid, int *ret_status)
{
	char text[1024];
	const char *fields;
	int error = read_stat_of(pid, text, sizeof text, &fields);
	if (error)
		return error;
	if (fields[0] != 'Z')
		return -EAGAIN;
	*ret_status = (int)stat_field(fields, 52);
	return 0;
}

int ipc_exit_status(int pidfd, pid_t pid, int *ret_status)
{
	const struct timespec pause = { 0, 500000 };
	for (int i = 0; i < 10; i++) {
		if (status_by_pidfd(pidfd, ret_status) == 0 || status_by_stat(pid, ret_status) == 0)
			return 0;
		nanosleep(&pause, NULL);
	}
	return -ENODATA;
}

static int send_signal(int pidfd, int signal_number)
{
	return syscall(SYS_pidfd_send_signal, pidfd, signal_number, NULL, 0) == 0 ? 0 : -errno;
}

static bool all_threads_stopped(pid_t pid)
{
	char path[320], text[1024];
	const char *fields;
	bool stopped = true;
	snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
	DIR *tasks = opendir(path);
	if (!tasks)
		return true;
	for (struct dirent *e; stopped && (e = readdir(tasks)); ) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "/proc/%d/task/%s/stat", (int)pid, e->d_name);
		if (read_stat(path, text, sizeof text, &fields) == 0)
			stopped = strchr("TtZX", fields[0]) != NULL;
	}
	closedir(tasks);
	return stopped;
}

int ipc_stop(int pidfd, pid_t pid)
{
	const struct timespec pause = { 0, 50000 };
	int error = send_signal(pidfd, SIGSTOP);
	for (int i = 0; !error && i < 2000; i++) {
		if (all_threads_stopped(pid))
			return 0;
		nanosleep(&pause, NULL);
	}
	return error ? error : -ETIMEDOUT;
}

int ipc_continue(int pidfd)
{
	return send_signal(pidfd, SIGCONT);
}
