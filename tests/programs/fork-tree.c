/* SPDX-License-Identifier: MIT */
/*
 * fork-tree MODE... - processes in every way that Linux has of making one.
 *
 * Model: a child's exit status and what it writes are the same with and without memwhy; a
 * child of fork frees and reallocates what it inherited, and that is no unknown free; a
 * vfork or posix_spawn child leaves its parent's heap figures alone. Every mode prints one
 * line that doesn't depend on timing. "inherit" also states what the child holds.
 * With no mode all are run in turn.
 */
#include "say.h"
#include <spawn.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

enum { BLOCKS = 2000, SIZE = 300 };
extern char **environ;
static char *self;
static void *block[BLOCKS];

static void fill(void)
{
	for (int i = 0; i < BLOCKS; i++)
		memset(block[i] = must_not_be_null(malloc(SIZE)), i, SIZE);
}

static void drop(int step)
{
	for (int i = 0; i < BLOCKS; i += step) {
		free(block[i]);
		block[i] = NULL;
	}
}

static int status_of(pid_t pid)
{
	int status = 0;
	MUST(waitpid(pid, &status, 0) == pid);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* The heap of a forked child: inherited blocks freed, grown and joined by its own. */
static void inherit(void)
{
	fill();
	pid_t pid = fork();
	MUST(pid >= 0);
	if (pid == 0) {
		drop(2);
		for (int i = 1; i < BLOCKS; i += 4)
			block[i] = must_not_be_null(realloc(block[i], 2 * SIZE));
		memset(must_not_be_null(malloc(100000)), 1, 100000);
		say("child: expect live_requested %d %ld\n",
		    BLOCKS / 2 * SIZE + BLOCKS / 4 * SIZE + 100000, 128 * KIB);
		_exit(7);
	}
	say("inherit %d\n", status_of(pid));
	say("expect live_requested %d %ld\n", BLOCKS * SIZE, 128 * KIB);
}

/* Forks that fork, each level with a heap of its own. */
static int nest(int depth)
{
	fill();
	pid_t pid = fork();
	if (pid == 0)
		_exit(depth == 0 ? 1 : nest(depth - 1) + 1);
	drop(1);
	return status_of(pid);
}

static void nested(void)
{
	say("nested %d\n", nest(8));
}

static pid_t fork_exec(char *const argv[])
{
	pid_t pid = fork();
	if (pid == 0) {
		execv(argv[0], argv);
		_exit(126);
	}
	return pid;
}

static void exec_chain(void)
{
	char *argv[] = { self, (char *)"chain-link", (char *)"12", NULL };
	say("exec-chain %d\n", status_of(fork_exec(argv)));
}

/* execs itself in place, N times, then ends with 21. */
static void chain_link(const char *left)
{
	char next[16];
	int n = atoi(left);
	fill();
	if (n == 0)
		_exit(21);
	snprintf(next, sizeof next, "%d", n - 1);
	char *argv[] = { self, (char *)"chain-link", next, NULL };
	execve(self, argv, environ);
	_exit(126);
}

static pid_t vfork_exec(void)
{
	char *argv[] = { self, (char *)"leaf", (char *)"5", NULL };
	pid_t pid = vfork();
	if (pid == 0) {
		execv(self, argv);
		_exit(126);
	}
	return pid;
}

static pid_t vfork_exit(void)
{
	pid_t pid = vfork();
	if (pid == 0)
		_exit(9);
	return pid;
}

static void vforks(void)
{
	int sum = 0;
	for (int i = 0; i < 10; i++)
		sum += status_of(vfork_exec());
	say("vfork %d %d\n", sum, status_of(vfork_exit()));
}

static void spawns(void)
{
	int sum = 0, missing;
	pid_t pid;
	char *argv[] = { self, (char *)"leaf", (char *)"4", NULL };
	for (int i = 0; i < 10; i++) {
		MUST(posix_spawn(&pid, self, NULL, NULL, argv, environ) == 0);
		sum += status_of(pid);
	}
	missing = posix_spawnp(&pid, "/nonexistent/program", NULL, NULL, argv, environ);
	MUST(posix_spawnp(&pid, "true", NULL, NULL, argv, environ) == 0);
	say("spawn %d %d %d\n", sum, missing, status_of(pid));
}

static void shells(void)
{
	char text[64] = "";
	int status = system("exit 6");
	FILE *p = popen("echo from popen", "r");
	MUST(p != NULL && fgets(text, sizeof text, p) != NULL);
	text[strcspn(text, "\n")] = 0;
	say("system %d popen '%s' %d\n", WEXITSTATUS(status), text, pclose(p));
}

/* The classic double fork; the daemon outlives its parent and reports by a pipe. */
static void daemons(void)
{
	int pipes[2];
	char answer = 0;
	MUST(pipe(pipes) == 0);
	fill();
	pid_t pid = fork();
	if (pid == 0) {
		setsid();
		if (fork() != 0)
			_exit(0);
		drop(1);
		fill();
		usleep(20000);
		answer = 'd';
		_exit(write(pipes[1], &answer, 1) != 1);
	}
	close(pipes[1]);
	int status = status_of(pid);
	MUST(read(pipes[0], &answer, 1) == 1);
	close(pipes[0]);
	drop(1);
	say("daemon %d %c\n", status, answer);
}

static volatile sig_atomic_t forked_status;

static void on_signal(int number)
{
	int status;
	pid_t pid = fork();
	if (pid == 0)
		_exit(13);
	waitpid(pid, &status, 0);
	forked_status += WEXITSTATUS(status);
}

/* fork() from a signal handler, while the main program is not inside malloc. */
static void fork_in_handler(void)
{
	signal(SIGUSR1, on_signal);
	for (int i = 0; i < 5; i++) {
		fill();
		raise(SIGUSR1);
		drop(1);
	}
	signal(SIGUSR1, SIG_DFL);
	say("fork-in-handler %d\n", (int)forked_status);
}

static void killed(void)
{
	int sum = 0;
	uint64_t state = 7;
	for (int i = 0; i < 20; i++) {
		pid_t pid = fork();
		if (pid == 0)
			for (;;) {
				fill();
				drop(1);
			}
		usleep(next_random(&state) % 4000);
		kill(pid, i % 2 ? SIGKILL : SIGTERM);
		sum += status_of(pid);
	}
	say("killed %d\n", sum);
}

/* The parent dies first; the orphan goes on. */
static void orphan(void)
{
	int pipes[2];
	char answer = 0;
	MUST(pipe(pipes) == 0);
	pid_t pid = fork();
	if (pid == 0) {
		fill();
		if (fork() == 0) {
			close(pipes[0]);
			usleep(50000);
			drop(1);
			answer = 'o';
			_exit(write(pipes[1], &answer, 1) != 1);
		}
		kill(getpid(), SIGKILL);
	}
	close(pipes[1]);
	int status = status_of(pid);
	MUST(read(pipes[0], &answer, 1) == 1);
	close(pipes[0]);
	say("orphan %d %c\n", status, answer);
}

/* exec that fails leaves everything as it was. */
static void failed_exec(void)
{
	char *argv[] = { (char *)"x", NULL };
	int failures = 0;
	fill();
	failures += execv("/nonexistent/program", argv) == -1;
	failures += execvp("no-such-program-anywhere", argv) == -1;
	failures += execve("/", argv, environ) == -1;
	failures += execle("/nonexistent/program", "x", (char *)NULL, environ) == -1;
	drop(1);
	say("failed-exec %d\n", failures);
}

static void exec_family(void)
{
	int sum = 0;
	for (int i = 0; i < 6; i++) {
		char *argv[] = { self, (char *)"leaf", (char *)"3", NULL };
		pid_t pid = fork();
		if (pid == 0) {
			switch (i) {
			case 0: execl(self, self, "leaf", "3", (char *)NULL); break;
			case 1: execlp(self, self, "leaf", "3", (char *)NULL); break;
			case 2: execle(self, self, "leaf", "3", (char *)NULL, environ); break;
			case 3: execvp(self, argv); break;
			case 4: execvpe(self, argv, environ); break;
			case 5: fexecve(open(self, O_RDONLY | O_CLOEXEC), argv, environ); break;
			}
			_exit(126);
		}
		sum += status_of(pid);
	}
	char *none[] = { NULL }, *argv[] = { self, (char *)"leaf", (char *)"2", NULL };
	pid_t pid = fork();
	if (pid == 0) {
		execve(self, argv, none);
		_exit(126);
	}
	sum += status_of(pid);
	say("exec-family %d\n", sum);
}

static void leaf(const char *status)
{
	fill();
	drop(3);
	exit(atoi(status));
}

static const struct { const char *name; void (*run)(void); } modes[] = {
	{ "inherit", inherit }, { "nested", nested }, { "exec-chain", exec_chain }, { "vfork", vforks },
	{ "spawn", spawns }, { "shells", shells }, { "daemon", daemons }, { "fork-in-handler", fork_in_handler },
	{ "killed", killed }, { "orphan", orphan }, { "failed-exec", failed_exec }, { "exec-family", exec_family },
};

static void run_mode(const char *name)
{
	for (size_t i = 0; i < COUNT(modes); i++)
		if (!strcmp(name, modes[i].name)) {
			modes[i].run();
			return;
		}
	fail("no such mode");
}

int main(int argc, char **argv)
{
	static char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
	self = n > 0 ? path : argv[0];
	if (argc == 3 && !strcmp(argv[1], "leaf"))
		leaf(argv[2]);
	if (argc == 3 && !strcmp(argv[1], "chain-link"))
		chain_link(argv[2]);
	for (int i = 1; i < argc; i++)
		run_mode(argv[i]);
	for (size_t i = 0; argc < 2 && i < COUNT(modes); i++)
		if (strcmp(modes[i].name, "inherit"))
			modes[i].run();
	_exit(0);
}
