/* SPDX-License-Identifier: MIT */
/*
 * The launcher, by what a launched program finds: sh reports its own limits, signals,
 * descriptors and environment through /proc, from a process whose own were made strange.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "command.h"
#include "launch.h"
#include "wire.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/memwhy-launch-XXXXXX";

static const char *in_folder(const char *name)
{
	static char path[256];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	return path;
}

static const char *value(char *const *env, const char *name)
{
	size_t n = strlen(name);
	for (; *env; env++)
		if (!strncmp(*env, name, n) && (*env)[n] == '=')
			return *env + n + 1;
	return NULL;
}

/* ---- environment ------------------------------------------------------------------ */

static void environment_is_extended(void **state)
{
	char a[] = "A=1", p[] = "LD_PRELOAD=liba.so libb.so:libc.so", b[] = "B=", odd[] = "odd";
	char *const env[] = { a, p, odd, b, NULL };
	char **got = launch_environment(env, "/x/probe.so", "1:s:t:1");
	assert_string_equal(got[0], "A=1");
	assert_string_equal(got[1], "LD_PRELOAD=/x/probe.so:liba.so libb.so:libc.so");
	assert_string_equal(got[2], "odd");
	assert_string_equal(got[3], "B=");
	assert_string_equal(got[4], WIRE_ENV "=1:s:t:1");
	assert_null(got[5]);
	free(got);
}

static void environment_without_preload(void **state)
{
	char a[] = "A=1", w[] = WIRE_ENV "=old", stray[] = "MEMWHY_IDENTIFY=2:1", empty[] = "LD_PRELOAD=";
	char *const env[] = { a, w, stray, NULL }, *const with_empty[] = { empty, NULL }, *const nothing[] = { NULL };
	char **got = launch_environment(env, "/p.so", "new");
	assert_string_equal(value(got, "LD_PRELOAD"), "/p.so");
	assert_string_equal(value(got, WIRE_ENV), "new");
	assert_string_equal(got[0], "A=1");
	assert_null(got[3]);
	free(got);
	got = launch_environment(with_empty, "/p.so", "w");
	assert_string_equal(got[0], "LD_PRELOAD=/p.so:"); /* taking ours out leaves what was there */
	free(got);
	got = launch_environment(nothing, NULL, NULL);
	assert_null(got[0]);
	free(got);
	got = launch_environment(env, NULL, NULL);
	assert_string_equal(got[0], "A=1");
	assert_null(got[1]);
	free(got);
}

static void the_last_preload_counts(void **state)
{
	char a[] = "LD_PRELOAD=a.so", b[] = "LD_PRELOAD=b.so";
	char *const env[] = { a, b, NULL };
	char **got = launch_environment(env, "/p.so", NULL);
	assert_string_equal(got[0], "LD_PRELOAD=a.so");
	assert_string_equal(got[1], "LD_PRELOAD=/p.so:b.so");
	assert_null(got[2]);
	free(got);
}

/* ---- launching --------------------------------------------------------------------- */

static int launch(char *const *argv, pid_t *ret_pid)
{
	struct launch_command c;
	int error = launch_find(argv, &c);
	return error ? error : launch_start(&c, environ, ret_pid);
}

static int finish(pid_t pid)
{
	int status = -1;
	assert_int_equal(launch_wait(pid), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	launch_end();
	return status;
}

/* Runs a shell script that writes its findings to the file `out`; returns those. */
static char *ask_shell(const char *script)
{
	static char text[8192], command[2048];
	char *const argv[] = { (char *)(uintptr_t)"sh", (char *)(uintptr_t)"-c", command, NULL };
	pid_t pid;
	snprintf(command, sizeof command, "exec >%s; %s", in_folder("out"), script);
	assert_int_equal(launch(argv, &pid), 0);
	assert_int_equal(finish(pid), 0);
	FILE *f = fopen(in_folder("out"), "r");
	assert_non_null(f);
	text[fread(text, 1, sizeof text - 1, f)] = 0;
	fclose(f);
	return text;
}

/* The same with a program run as it is: a shell has its own mind about signals. */
static char *ask_program(char *const *argv)
{
	static char text[8192];
	pid_t pid;
	int out = open(in_folder("out"), O_RDWR | O_CREAT | O_TRUNC, 0600), stdout_was = dup(1);
	dup2(out, 1);
	int error = launch(argv, &pid);
	dup2(stdout_was, 1);
	close(stdout_was);
	assert_int_equal(error, 0);
	assert_int_equal(finish(pid), 0);
	text[pread(out, text, sizeof text - 1, 0)] = 0;
	close(out);
	return text;
}

static void status_and_signal_are_seen(void **state)
{
	char *const exit7[] = { (char *)(uintptr_t)"sh", (char *)(uintptr_t)"-c", (char *)(uintptr_t)"exit 7", NULL };
	char *const die[] = { (char *)(uintptr_t)"sh", (char *)(uintptr_t)"-c", (char *)(uintptr_t)"kill -9 $$", NULL };
	pid_t pid;
	assert_int_equal(launch(exit7, &pid), 0);
	int status = finish(pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 7);
	assert_int_equal(launch(die, &pid), 0);
	status = finish(pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
}

static void the_target_gets_the_original_signals(void **state)
{
	char *const grep[] = { (char *)(uintptr_t)"grep", (char *)(uintptr_t)"-E", (char *)(uintptr_t)"Sig(Blk|Ign)",
			       (char *)(uintptr_t)"/proc/self/status", NULL };
	/* strange ones: USR1 blocked, TERM and CHLD ignored, INT default */
	sigset_t usr1;
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	sigprocmask(SIG_BLOCK, &usr1, NULL);
	signal(SIGTERM, SIG_IGN);
	launch_begin();
	unsigned long long blocked = 0, ignored = 0;
	char *text = ask_program(grep);
	assert_int_equal(sscanf(text, "SigBlk: %llx SigIgn: %llx", &blocked, &ignored), 2);
	assert_int_equal(blocked, 1ull << (SIGUSR1 - 1));
	assert_true(ignored >> (SIGTERM - 1) & 1);
	for (int quiet[] = { SIGINT, SIGQUIT, SIGHUP, SIGPIPE, SIGXFSZ, SIGTSTP, SIGTTIN, SIGTTOU }, i = 0; i < 8; i++)
		assert_false(ignored >> (quiet[i] - 1) & 1);
	signal(SIGTERM, SIG_DFL);
	sigprocmask(SIG_UNBLOCK, &usr1, NULL);
}

static void the_target_gets_the_original_limits(void **state)
{
	pid_t pid = fork();
	if (pid == 0) { /* limits of a process of its own */
		const struct rlimit few = { 40, 60 }, small = { 1 << 20, 1 << 21 };
		if (setrlimit(RLIMIT_NOFILE, &few) || setrlimit(RLIMIT_FSIZE, &small))
			_exit(1);
		launch_begin();
		char *text = ask_shell("ulimit -S -n; ulimit -H -n; ulimit -S -f; ulimit -H -f");
		_exit(strcmp(text, "40\n60\n2048\n4096\n") ? 2 : 0);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void closed_streams_stay_closed(void **state)
{
	pid_t pid = fork();
	if (pid == 0) {
		struct stat null, st;
		close(0);
		close(2);
		launch_secure_streams();
		if (fstat(0, &st) || stat("/dev/null", &null) || st.st_rdev != null.st_rdev || fstat(2, &st))
			_exit(1);
		char *text = ask_shell("for f in 0 1 2; do test -e /proc/$$/fd/$f && echo $f; done; true");
		_exit(strcmp(text, "1\n") ? 2 : 0);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void pid_and_group_are_those_of_a_plain_child(void **state)
{
	char expect[64];
	snprintf(expect, sizeof expect, "%d %d\n", (int)getpid(), (int)getpgrp());
	assert_string_equal(ask_shell("cut -d' ' -f4,5 /proc/$$/stat"), expect);
}

static void term_is_passed_on_once(void **state)
{
	char *const argv[] = { (char *)(uintptr_t)"sleep", (char *)(uintptr_t)"20", NULL };
	pid_t pid;
	launch_begin();
	assert_int_equal(launch(argv, &pid), 0);
	kill(getpid(), SIGINT); /* ignored: the terminal would have sent it to both */
	kill(getpid(), SIGTERM);
	int status = finish(pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGTERM);
	struct sigaction now;
	sigaction(SIGTERM, NULL, &now);
	assert_true(now.sa_handler == SIG_DFL);
}

/* ---- what can't be run ---------------------------------------------------------------- */

static void make_file(const char *name, const char *text, mode_t mode)
{
	unlink(in_folder(name));
	int fd = open(in_folder(name), O_WRONLY | O_CREAT, 0600);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	chmod(in_folder(name), mode);
}

static int explain(const char *name, char *why, size_t size)
{
	char path[512];
	snprintf(path, sizeof path, "%s", name);
	char *const argv[] = { path, NULL };
	struct launch_command c;
	int error = launch_find(argv, &c);
	assert_true(error < 0);
	return launch_explain(&c, -error, why, size);
}

static void bad_commands_are_explained(void **state)
{
	char why[512];
	assert_int_equal(explain("no-such-command-here", why, sizeof why), EXIT_NOT_FOUND);
	assert_non_null(strstr(why, "not found in PATH"));
	assert_int_equal(explain("/nowhere/x", why, sizeof why), EXIT_NOT_FOUND);
	assert_int_equal(explain(folder, why, sizeof why), EXIT_NOT_EXECUTABLE);
	assert_non_null(strstr(why, "directory"));
	make_file("data", "x", 0644);
	assert_int_equal(explain(in_folder("data"), why, sizeof why), EXIT_NOT_EXECUTABLE);
	assert_non_null(strstr(why, "permissions"));
	make_file("script", "#!/nowhere/interpreter\n", 0755);
	assert_int_equal(explain(in_folder("script"), why, sizeof why), EXIT_NOT_EXECUTABLE);
	assert_non_null(strstr(why, "/nowhere/interpreter"));
}

static void a_foreign_program_fails_at_exec(void **state)
{
	/* an s390x header: no machine with such a processor runs this test */
	static const char elf[64] = { 0x7f, 'E', 'L', 'F', 2, 2, 1, [17] = 2, [19] = 22, [23] = 1 };
	char path[256], why[512];
	snprintf(path, sizeof path, "%s", in_folder("foreign"));
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0700);
	assert_int_equal(write(fd, elf, sizeof elf), sizeof elf);
	close(fd);
	char *const argv[] = { path, NULL };
	struct launch_command c;
	pid_t pid = 0;
	assert_int_equal(launch_find(argv, &c), 0);
	assert_int_equal(launch_start(&c, environ, &pid), -ENOEXEC);
	assert_int_equal(pid, 0);
	assert_int_equal(waitpid(-1, NULL, 0), -1); /* nothing is left behind */
	assert_int_equal(launch_explain(&c, ENOEXEC, why, sizeof why), EXIT_NOT_EXECUTABLE);
}

static void a_text_without_shebang_is_sh_s(void **state)
{
	make_file("text", "exit $(($1 + 1))\n", 0755);
	char path[256];
	snprintf(path, sizeof path, "%s", in_folder("text"));
	char *const argv[] = { path, (char *)(uintptr_t)"4", NULL };
	pid_t pid;
	assert_int_equal(launch(argv, &pid), 0);
	assert_int_equal(WEXITSTATUS(finish(pid)), 5);
}

static void the_probe_is_looked_for(void **state)
{
	char path[512];
	setenv("MEMWHY_PROBE_LIB", "/nowhere/libmemwhy-probe.so", 1);
	assert_int_equal(launch_find_probe(path, sizeof path), -ENOENT);
	assert_string_equal(path, "/nowhere/libmemwhy-probe.so");
	make_file("a b.so", "", 0644);
	setenv("MEMWHY_PROBE_LIB", in_folder("a b.so"), 1);
	assert_int_equal(launch_find_probe(path, sizeof path), -EINVAL);
	make_file("ok.so", "", 0644);
	setenv("MEMWHY_PROBE_LIB", in_folder("ok.so"), 1);
	assert_int_equal(launch_find_probe(path, sizeof path), 0);
	unsetenv("MEMWHY_PROBE_LIB");
}

static int make_folder(void **state)
{
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	char command[256];
	snprintf(command, sizeof command, "rm -rf '%s'", folder);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(environment_is_extended),
		cmocka_unit_test(environment_without_preload),
		cmocka_unit_test(the_last_preload_counts),
		cmocka_unit_test(status_and_signal_are_seen),
		cmocka_unit_test(the_target_gets_the_original_signals),
		cmocka_unit_test(the_target_gets_the_original_limits),
		cmocka_unit_test(closed_streams_stay_closed),
		cmocka_unit_test(pid_and_group_are_those_of_a_plain_child),
		cmocka_unit_test(term_is_passed_on_once),
		cmocka_unit_test(bad_commands_are_explained),
		cmocka_unit_test(a_foreign_program_fails_at_exec),
		cmocka_unit_test(a_text_without_shebang_is_sh_s),
		cmocka_unit_test(the_probe_is_looked_for),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
