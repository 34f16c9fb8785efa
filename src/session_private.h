/* SPDX-License-Identifier: MIT */
/*
 * session_private.h - what the files of the session share: session.c (the thread, life),
 * session_hellos.c (who knocks), session_table.c (who is followed). All but
 * session_find_for_control() is for the session's thread, or for when there is none.
 */
#ifndef MEMWHY_SESSION_PRIVATE_H
#define MEMWHY_SESSION_PRIVATE_H

#include "collector.h"
#include "ipc.h"
#include "session.h"

#include <pthread.h>

#define PENDING_MAX       32
#define NO_HELLO "the probe did not report (disabled, or its loader ignored it)"

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

/* ---- session_table.c ---- */
struct session_identity { char command[1024], exe[1024]; };
/* fallback: its command where that can't be read. */
void session_identify(pid_t pid, const char *fallback, struct session_identity *ret);
/* The collector of a living image, or NULL. */
struct collector *session_find(const struct session *s, pid_t pid);
/* The nearest ancestor that is followed; what is orphaned belongs to the launched one. */
struct collector *session_find_ancestor(const struct session *s, pid_t pid);
/* A control_find_fn: for the thread that answers memwhy ctl. */
struct collector *session_find_for_control(void *arg, pid_t pid);
/* Takes birth's descriptors; true if the process is followed from now on. */
bool session_add(struct session *s, struct collector_birth *birth);
/* The launched process, or an image that came without a hello, by its pages. */
void session_add_pages_only(struct session *s, pid_t pid, uint32_t parent_id, const char *why);
void session_remove_at(struct session *s, unsigned at);
/* Collectors that are done are joined; an image lost to one without a probe is followed
 * by its pages from then on. */
void session_tidy(struct session *s);

/* ---- session_hellos.c ---- */
/* The memory that the next process will share; a descriptor or -errno. */
int session_create_memory(const struct session *s);
void session_accept_all(struct session *s);
void session_look_at_pending(struct session *s, uint64_t now_ns);

#endif
