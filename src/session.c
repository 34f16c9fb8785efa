/* SPDX-License-Identifier: MIT */
/*
 * The socket and the table; see session.h. One thread polls the listener, connections
 * whose hello has not come yet, and an eventfd by which collectors and the launching
 * thread make themselves heard. Only that thread touches the table while it runs.
 *
 * A hello from a pid that is in the table already is an exec in place: the old image has
 * ended. If that one was a stopgap (pages only, for want of a hello), its record goes on.
 */
#include "session.h"
#include "control_session.h"
#include "exec_kind.h"
#include "ipc.h"
#include "plans.h"
#include "platform.h"
#include "sampler.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define PENDING_MAX       32
#define PENDING_NS        2000000000ull  /* a connection without a hello */
#define HELLO_GRACE_NS    20000000ull    /* then the launched process is followed by pages */
#define ANCESTORS_MAX     16
#define FILES_FOR_ONE     10             /* descriptors that following one process takes */
#define NO_FILES "too few file descriptors (ulimit -n) to follow it"
#define NO_HELLO "the probe did not report (disabled, or its loader ignored it)"
#define NO_FILE_SIZE "file sizes are limited (ulimit -f): no room for the probe's map"

struct pending { int fd; uint64_t since_ns; };

struct session {
	struct session_options options;
	struct collector_run run;
	bool blind;                /* nobody can be followed: there is no thread */
	int listener, news;
	int reserve;               /* given up to accept, and so refuse, when there are no more */
	char name[IPC_NAME_BYTES], token[IPC_TOKEN_BYTES];
	char env[IPC_NAME_BYTES + IPC_TOKEN_BYTES + 32];
	pthread_t thread;
	pthread_mutex_t lock;      /* guards the five below, until `known` is set */
	pthread_cond_t changed;
	bool known;
	pid_t launched;
	uint64_t launched_ns;
	char *command, *why_no_probe;
	uint32_t closing;          /* atomic */
	/* the thread's own */
	bool launched_seen;        /* it has had a record */
	int spare_memory;          /* made ahead, for the next hello */
	uint32_t last_id;
	unsigned not_followed;
	int memory_error;          /* of the last hello that had to be refused for it */
	struct pending pending[PENDING_MAX];
	unsigned pending_count;
	/* written by the session's thread under table_lock, so that it may read without */
	pthread_mutex_t table_lock;
	struct collector *table[SESSION_PROCESSES_MAX];
	unsigned count;
	struct control_session *control; /* NULL: nobody can be answered */
};

/* ---- the table -------------------------------------------------------------------- */

static struct collector *find(const struct session *s, pid_t pid)
{
	for (unsigned i = 0; i < s->count; i++)
		if (collector_pid(s->table[i]) == pid && collector_is_current(s->table[i]))
			return s->table[i];
	return NULL;
}

/* The nearest ancestor that is followed; what is orphaned belongs to the launched one. */
static struct collector *find_ancestor(const struct session *s, pid_t pid)
{
	for (int i = 0; i < ANCESTORS_MAX; i++) {
		if (ipc_parent(pid, &pid) != 0 || pid <= 1)
			break;
		struct collector *c = find(s, pid);
		if (c)
			return c;
	}
	return find(s, s->launched);
}

static void put(struct session *s, struct collector *c)
{
	pthread_mutex_lock(&s->table_lock);
	s->table[s->count++] = c;
	pthread_mutex_unlock(&s->table_lock);
}

static void remove_at(struct session *s, unsigned at)
{
	struct collector *c = s->table[at];
	pthread_mutex_lock(&s->table_lock);
	s->table[at] = s->table[--s->count];
	pthread_mutex_unlock(&s->table_lock);
	collector_finish(c);
}

/* A control_find_fn: for the thread that answers memwhy ctl. */
static struct collector *find_for_control(void *arg, pid_t pid)
{
	struct session *s = arg;
	pthread_mutex_lock(&s->lock);
	pid_t launched = s->launched;
	pthread_mutex_unlock(&s->lock);
	pthread_mutex_lock(&s->table_lock);
	struct collector *c = find(s, pid == getpid() ? launched : pid);
	if (c)
		collector_ref(c);
	pthread_mutex_unlock(&s->table_lock);
	return c;
}

/* ---- starting collectors ------------------------------------------------------------ */

struct identity { char command[1024], exe[1024]; };

static void identify(pid_t pid, const char *fallback, struct identity *ret)
{
	struct platform_process p = { .best_source = PAGES_NONE };
	snprintf(ret->command, sizeof ret->command, "%s", fallback);
	ret->exe[0] = 0;
	if (platform_process_init(&p, pid, NULL) != 0)
		return;
	platform_read_exe(&p, ret->exe, sizeof ret->exe);
	if (platform_read_command(&p, ret->command, sizeof ret->command) != 0 || !ret->command[0])
		if (platform_read_comm(&p, ret->command, sizeof ret->command) != 0)
			snprintf(ret->command, sizeof ret->command, "%s", fallback);
	platform_process_finish(&p);
}

/* Takes birth's descriptors; true if the process is followed from now on. */
static bool add(struct session *s, struct collector_birth *birth)
{
	struct collector *c;
	if (!birth->id)
		birth->id = ++s->last_id;
	birth->launched = birth->pid == s->launched;
	int error = collector_start(&s->run, birth, &c);
	if (error) {
		s->not_followed += error != -ESRCH; /* that one has ended already */
		return false;
	}
	put(s, c);
	if (birth->launched)
		s->launched_seen = true;
	return true;
}

/* The launched process, or an image that came without a hello, by its pages. */
static void add_pages_only(struct session *s, pid_t pid, uint32_t parent_id, const char *why)
{
	struct identity who;
	identify(pid, pid == s->launched ? s->command : "?", &who);
	struct collector_birth birth = {
		.parent_id = parent_id, .pid = pid, .memory = -1, .start_ns = platform_now_ns(),
		.why_no_probe = why, .command = who.command, .exe = who.exe,
	};
	if (pid == s->launched && !s->launched_seen)
		birth.start_ns = s->launched_ns;
	birth.pidfd = platform_pidfd_open(pid);
	if (birth.pidfd >= 0 && s->count < SESSION_PROCESSES_MAX)
		add(s, &birth);
}

/* Collectors that are done are joined; an image lost to one without a probe is followed
 * by its pages from then on. */
static void tidy(struct session *s)
{
	for (unsigned i = s->count; i-- > 0; ) {
		struct collector *c = s->table[i];
		if (!collector_is_done(c))
			continue;
		bool lost = collector_lost_image(c);
		pid_t pid = collector_pid(c);
		uint32_t parent_id = collector_parent_id(c);
		char exe[64];
		remove_at(s, i);
		if (!lost || find(s, pid))
			continue;
		struct exec_kind kind;
		snprintf(exe, sizeof exe, "/proc/%d/exe", (int)pid);
		exec_kind(exe, &kind);
		const char *why = exec_kind_clause(&kind);
		add_pages_only(s, pid, parent_id, *why ? why : NO_HELLO);
	}
}

/* ---- hellos --------------------------------------------------------------------------- */

static int create_memory(const struct session *s)
{
	int memory = ipc_create_memory(SAMPLER_LIVE_MIN_BYTES);
	const struct run_stacks *stacks = &s->options.stacks;
	int error = memory < 0 || stacks->mode == WIRE_STACKS_NONE ? 0 : ipc_write_stacks(memory, stacks->mode, stacks->mean_bytes);
	if (!error)
		return memory;
	close(memory);
	return error;
}

static int take_memory(struct session *s)
{
	int memory = s->spare_memory >= 0 ? s->spare_memory : create_memory(s);
	s->spare_memory = -1;
	return memory;
}

static bool is_ours(const struct session *s, const struct wire_hello *h)
{
	return h->magic == WIRE_MAGIC && h->version == WIRE_VERSION &&
	       (h->kind == WIRE_HELLO_IMAGE || h->kind == WIRE_HELLO_FORK) &&
	       !memcmp(h->token, s->token, WIRE_TOKEN_LEN);
}

/* Taken from the hello where it can be true, for it came before the queueing here. */
static uint64_t start_time(const struct wire_hello *h)
{
	uint64_t now = platform_now_ns();
	return h->start_ns <= now && now - h->start_ns < 1000000000u ? h->start_ns : now;
}

static int dup_cloexec(int fd)
{
	return fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

static void refuse(int connection)
{
	const struct wire_welcome no = { .magic = WIRE_MAGIC, .version = WIRE_VERSION };
	ipc_send_welcome(connection, &no, -1);
}

/* Whose child it is; the collector that its pid had so far, or NULL. */
static struct collector *relate(struct session *s, const struct wire_hello *h, struct collector_birth *birth)
{
	struct collector *old = find(s, birth->pid);
	if (old) {
		birth->parent_id = collector_parent_id(old);
		birth->follows_pages = !collector_has_probe(old);
		if (birth->follows_pages)
			birth->id = collector_id(old);
		return old;
	}
	if (birth->pid == s->launched)
		return NULL;
	struct collector *parent = find_ancestor(s, birth->pid);
	birth->parent_id = parent ? collector_id(parent) : 1;
	if (h->kind == WIRE_HELLO_FORK && parent && collector_has_probe(parent))
		birth->forked_from = parent;
	return NULL;
}

static bool may_follow(const struct session *s, pid_t pid)
{
	return s->options.follow ? s->count < SESSION_PROCESSES_MAX : pid == s->launched;
}

static void drop(struct collector_birth *birth)
{
	if (birth->memory >= 0)
		close(birth->memory);
	if (birth->pidfd >= 0)
		close(birth->pidfd);
}

/* The plan for a new image's own allocator goes into the memory before the probe sees it. */
static const struct plans_answer *put_plan(struct session *s, const struct wire_hello *h, pid_t pid, int memory,
					   const char *exe)
{
	char open_path[64];
	if (!s->options.plans || h->kind != WIRE_HELLO_IMAGE || !*exe)
		return NULL;
	snprintf(open_path, sizeof open_path, "/proc/%d/exe", (int)pid);
	const struct plans_answer *a = plans_for(s->options.plans, open_path, exe);
	if (a && a->plan && ipc_write_plan(memory, a->plan) != 0)
		return NULL;
	return a;
}

static void welcome(struct session *s, int connection, pid_t pid, const struct wire_hello *h)
{
	struct identity who;
	struct wire_welcome yes = { WIRE_MAGIC, WIRE_VERSION, 1, s->options.follow };
	struct collector_birth birth = { .pid = pid, .start_ns = start_time(h) };
	birth.pidfd = platform_pidfd_open(pid);
	birth.memory = take_memory(s);
	if (birth.memory < 0)
		s->memory_error = birth.memory;
	if (birth.memory < 0 || (birth.pidfd < 0 && birth.pidfd != -ESRCH)) {
		s->not_followed++;
		refuse(connection);
		drop(&birth);
		return;
	}
	struct collector *old = relate(s, h, &birth);
	/* a forked child is what its parent was, until it execs, which may be at once */
	identify(pid, birth.forked_from ? collector_command(birth.forked_from) : "?", &who);
	birth.linked = put_plan(s, h, pid, birth.memory, who.exe);
	if (ipc_send_welcome(connection, &yes, birth.memory) != 0) {
		drop(&birth); /* it was killed meanwhile */
		return;
	}
	if (old)
		collector_tell(old, birth.follows_pages ? COLLECTOR_SUPERSEDED : COLLECTOR_REPLACED);
	birth.command = birth.forked_from ? collector_command(birth.forked_from) : who.command;
	birth.exe = birth.forked_from ? collector_exe(birth.forked_from) : who.exe;
	add(s, &birth);
}

/* True when the connection is done with. */
static bool greet(struct session *s, int connection)
{
	struct wire_hello hello;
	pid_t pid;
	int error = ipc_receive_hello(connection, &hello);
	if (error == -EAGAIN)
		return false;
	if (error || ipc_peer(connection, &pid) != 0 || !is_ours(s, &hello)) {
		refuse(connection);
		return true;
	}
	tidy(s);
	if (may_follow(s, pid)) {
		welcome(s, connection, pid, &hello);
		return true;
	}
	refuse(connection);
	s->not_followed += s->options.follow;
	return true;
}

/* No descriptors are left: who waits for an answer gets a refusal. */
static bool refuse_one(struct session *s)
{
	close(s->reserve);
	int connection = ipc_accept(s->listener);
	if (connection >= 0) {
		refuse(connection);
		close(connection);
		s->not_followed++;
	}
	s->reserve = dup_cloexec(s->listener);
	return connection >= 0;
}

static void accept_all(struct session *s)
{
	int connection;
	for (;;) {
		connection = ipc_accept(s->listener);
		if ((connection == -EMFILE || connection == -ENFILE) && refuse_one(s))
			continue;
		if (connection < 0)
			break;
		if (greet(s, connection) || s->pending_count == PENDING_MAX) {
			close(connection);
			continue;
		}
		s->pending[s->pending_count++] = (struct pending){ connection, platform_now_ns() };
	}
}

static void look_at_pending(struct session *s, uint64_t now_ns)
{
	for (unsigned i = s->pending_count; i-- > 0; ) {
		struct pending *p = &s->pending[i];
		if (!greet(s, p->fd) && now_ns - p->since_ns < PENDING_NS)
			continue;
		close(p->fd);
		*p = s->pending[--s->pending_count];
	}
}

/* ---- the thread ------------------------------------------------------------------------- */

static void wait_for_launch(struct session *s)
{
	pthread_mutex_lock(&s->lock);
	while (!s->known)
		pthread_cond_wait(&s->changed, &s->lock);
	pthread_mutex_unlock(&s->lock);
	if (s->why_no_probe && s->launched)
		add_pages_only(s, s->launched, 0, s->why_no_probe);
}

/* -1: nothing to wait for but news. */
static int poll_timeout_ms(const struct session *s, uint64_t now_ns)
{
	if (!s->launched_seen && s->launched) {
		uint64_t due = s->launched_ns + HELLO_GRACE_NS;
		return due > now_ns ? (int)((due - now_ns) / 1000000u) + 1 : 0;
	}
	return s->pending_count ? 100 : -1;
}

static void wait_for_news(struct session *s)
{
	struct pollfd fds[2 + PENDING_MAX] = { { s->news, POLLIN, 0 }, { s->listener, POLLIN, 0 } };
	uint64_t count;
	for (unsigned i = 0; i < s->pending_count; i++)
		fds[2 + i] = (struct pollfd){ s->pending[i].fd, POLLIN, 0 };
	if (s->spare_memory < 0)
		s->spare_memory = create_memory(s);
	if (poll(fds, 2 + s->pending_count, poll_timeout_ms(s, platform_now_ns())) <= 0)
		return;
	if ((fds[0].revents & POLLIN) && read(s->news, &count, sizeof count) < 0)
		return; /* somebody else's wake; the next poll knows */
}

static void *serve_hellos(void *arg)
{
	struct session *s = arg;
	wait_for_launch(s);
	while (!__atomic_load_n(&s->closing, __ATOMIC_ACQUIRE)) {
		wait_for_news(s);
		accept_all(s);
		look_at_pending(s, platform_now_ns());
		tidy(s);
		if (!s->launched_seen && s->launched && poll_timeout_ms(s, platform_now_ns()) == 0) {
			s->launched_seen = true; /* one attempt */
			add_pages_only(s, s->launched, 0, s->memory_error == -EFBIG ? NO_FILE_SIZE : NO_HELLO);
		}
	}
	return NULL;
}

/* ---- life ------------------------------------------------------------------------------- */

static void wake(struct session *s)
{
	const uint64_t one = 1;
	if (write(s->news, &one, sizeof one) < 0)
		return; /* full: it is awake */
}

static void discard(struct session *s)
{
	int fds[] = { s->listener, s->news, s->spare_memory, s->reserve };
	control_session_destroy(s->control);
	for (unsigned i = 0; i < sizeof fds / sizeof *fds; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	pthread_mutex_destroy(&s->table_lock);
	free(s->command);
	free(s->why_no_probe);
	free(s);
}

/* Signals are the launching thread's; collectors inherit the mask. */
static int start_thread(struct session *s)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int error = pthread_create(&s->thread, NULL, serve_hellos, s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -error;
}

static bool has_files_for_one(int any)
{
	int fds[FILES_FOR_ONE], n = 0;
	while (n < FILES_FOR_ONE && (fds[n] = dup_cloexec(any)) >= 0)
		n++;
	for (int i = 0; i < n; i++)
		close(fds[i]);
	return n == FILES_FOR_ONE;
}

static int open_files(struct session *s)
{
	s->news = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->news < 0)
		return -errno;
	s->listener = ipc_listen(s->name);
	if (s->listener < 0)
		return s->listener;
	s->reserve = dup_cloexec(s->listener);
	return has_files_for_one(s->listener) ? 0 : -EMFILE;
}

static int open_all(struct session *s)
{
	int error = ipc_random_token(s->token);
	if (!error)
		error = open_files(s);
	s->blind = error == -EMFILE || error == -ENFILE;
	if (error)
		return s->blind ? 0 : error;
	snprintf(s->env, sizeof s->env, "%u:%s:%s:%u", WIRE_VERSION, s->name, s->token,
		 s->options.follow ? WIRE_ENV_FOLLOW : 0);
	collector_run_init(&s->run, s->options.store, s->options.hold, s->options.every_ns, s->news);
	s->run.plans = s->options.plans;
	s->run.snapshot_every_ns = s->options.snapshot_every_ns;
	s->run.purge_at_exit = s->options.purge_at_exit;
	s->run.until = s->options.until;
	control_session_create(find_for_control, s, &s->control); /* where it fails nobody answers ctl */
	return start_thread(s);
}

int session_create(const struct session_options *options, struct session **ret_session)
{
	struct session *s = calloc(1, sizeof *s);
	if (!s)
		return -ENOMEM;
	s->options = *options;
	s->listener = s->news = s->spare_memory = s->reserve = -1;
	pthread_mutex_init(&s->lock, NULL);
	pthread_mutex_init(&s->table_lock, NULL);
	pthread_cond_init(&s->changed, NULL);
	int error = open_all(s);
	if (error)
		discard(s);
	else
		*ret_session = s;
	return error;
}

const char *session_env(const struct session *s)
{
	return s->blind ? NULL : s->env;
}

void session_begins(struct session *s, uint64_t start_ns)
{
	if (s->control)
		control_session_begins(s->control, start_ns);
}

void session_launched(struct session *s, pid_t pid, uint64_t start_ns, const char *command, const char *why_no_probe)
{
	pthread_mutex_lock(&s->lock);
	s->known = true;
	s->launched = pid;
	s->launched_ns = start_ns;
	s->command = strdup(command);
	s->why_no_probe = why_no_probe ? strdup(why_no_probe) : NULL;
	pthread_cond_signal(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

/* It ended before anything was seen of it: what wait4 says is still worth a record. */
static void record_unseen(struct session *s, const struct collector_wait *wait)
{
	bool by_signal = (wait->status & 0x7f) != 0;
	const char *why = s->blind ? NO_FILES : s->why_no_probe ? s->why_no_probe : "ended before the probe could report";
	struct store_process p = {
		.id = ++s->last_id, .pid = s->launched, .start_ns = s->launched_ns,
		.command = s->command, .exe = "", .probe_state = why,
	};
	struct store_process_end e = {
		.id = p.id, .end_ns = platform_now_ns(), .how = by_signal ? STORE_END_SIGNAL : STORE_END_EXIT,
		.status = by_signal ? wait->status & 0x7f : wait->status >> 8 & 0xff,
		.ru_maxrss_bytes = wait->ru_maxrss_bytes, .vm_hwm_bytes = -1,
		.user_ns = wait->user_ns, .system_ns = wait->system_ns,
		.minor_faults = wait->minor_faults, .major_faults = wait->major_faults,
	};
	snprintf(e.probe_state, sizeof e.probe_state, "%s", why);
	store_add_process(s->options.store, &p);
	store_end_process(s->options.store, &e);
}

static void end_collectors(struct session *s, const struct collector_wait *wait)
{
	bool seen = false;
	for (unsigned i = 0; i < s->count; i++) {
		if (wait && collector_is_launched(s->table[i]) && !collector_is_done(s->table[i])) {
			collector_set_wait(s->table[i], wait);
			seen = true;
		}
		collector_tell(s->table[i], COLLECTOR_STOPPED);
	}
	while (s->count)
		remove_at(s, s->count - 1);
	if (wait && !seen)
		record_unseen(s, wait);
}

static void end_thread(struct session *s)
{
	__atomic_store_n(&s->closing, 1, __ATOMIC_RELEASE);
	wake(s);
	pthread_join(s->thread, NULL);
	/* who knocks from now on is told at once that nobody is there */
	close(s->listener);
	close(s->reserve);
	s->listener = s->reserve = -1;
	while (s->pending_count)
		close(s->pending[--s->pending_count].fd);
}

void session_finish(struct session *s, const struct collector_wait *wait, struct session_totals *ret_totals)
{
	if (!s->known)
		session_launched(s, 0, 0, "", NULL);
	if (!s->blind)
		end_thread(s);
	end_collectors(s, wait);
	control_session_destroy(s->control); /* whoever it asked was told by now */
	s->control = NULL;
	ret_totals->sum_peak_bytes = s->run.sum_peak_bytes;
	ret_totals->sum_peak_ns = s->run.sum_peak_ns;
	ret_totals->processes = s->last_id;
	ret_totals->not_followed = s->not_followed;
	discard(s);
}
