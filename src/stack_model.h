/* SPDX-License-Identifier: MIT */
/*
 * stack_model.h - the call stacks of one process of a recording at one moment, in memory:
 * frames with their names, the trie, and each stack's figures. What a name could not be had
 * for is shown by its address in brackets, "[libfoo.so+0x1234]", and never by a guess.
 * Errors: 0 or -errno, stack_error_text() has the sentence; nothing is printed.
 */
#ifndef MEMWHY_STACK_MODEL_H
#define MEMWHY_STACK_MODEL_H

#include "recording_stacks.h"
#include "report_model.h"
#include "stack_labels.h"

enum stack_by {
	STACK_BY_LIVE, STACK_BY_PINNED, STACK_BY_PEAK, STACK_BY_TOTAL, STACK_BY_ROUNDING, STACK_BY_DIRTY,
	STACK_BYS
};
struct stack_entry;
struct stack_sum {            /* of several stacks; saturates */
	int64_t bytes, count;
	double variance;      /* of bytes: the sum of squared standard errors */
};
struct stack_by_info {
	const char *name;     /* "pinned" */
	const char *heading;  /* "live bytes" */
	const char *count;    /* what `count` counts: "blocks", "pages"; NULL: nothing */
	bool has_error;       /* a sampled recording says how far it may be off */
	bool of_run;          /* of the whole run: no moment belongs to it */
	struct stack_sum (*of)(const struct stack_entry *e);
	const char *meaning;  /* for --help */
};
extern const struct stack_by_info stack_by_infos[STACK_BYS];
int stack_by_from_name(const char *name); /* or -1 */

enum stack_group { STACK_GROUP_FUNCTION, STACK_GROUP_FILE, STACK_GROUP_MODULE, STACK_GROUP_STACK, STACK_GROUPS };
#define STACK_NAMED_GROUPS STACK_GROUP_STACK /* those that a line has a name for */

struct stack_line {           /* a function in a frame: each inlined one is a line of its own */
	uint32_t names[STACK_NAMED_GROUPS]; /* of the model's names; file: its path, or the module in brackets */
	int64_t line;         /* 0: not known */
	bool has_file;
	bool shim;            /* an allocator's, or one that only passes on */
	bool hidden, chosen;  /* by stack_model_mark() */
};
struct stack_frame { struct recording_frame of; uint32_t first_line, line_count; };
struct stack_node { uint32_t id, parent, frame, flags, entry; }; /* parent, frame: indexes; entry: + 1 */
struct stack_module { uint32_t id; char *path, *build_id; const char *base; int64_t low, high, bias; };
struct stack_entry {          /* figures of one stack; what was not recorded is 0, errors RECORDING_UNKNOWN */
	uint32_t stack;       /* index of a node; 0: not known */
	struct recording_stack_figure figure;
	struct recording_stack_total total;
};

struct stack_query {
	enum stack_by by;
	struct report_options report; /* at, at_ns, pid */
};
#define STACK_QUERY_DEFAULT { STACK_BY_LIVE, REPORT_OPTIONS_DEFAULT }

struct stack_model {
	struct stack_query query;
	struct report_model report;   /* has pointers into itself: a model stays where it is */
	struct stack_labels *names;    /* borrowed */
	struct recording_snapshot snapshot; /* whose figures these are; of the run if query.by is */
	bool elsewhere;       /* it is the nearest with stacks, not the moment's own */
	bool sampled;         /* figures are estimates */
	struct stack_module *modules;
	struct stack_line *lines;
	struct stack_frame *frames;
	struct stack_node *nodes;     /* 0: the stack that is not known */
	struct stack_entry *entries;
	size_t module_count, line_count, frame_count, node_count, entry_count;
	size_t module_slots, line_slots, frame_slots, node_slots, entry_slots;
	uint32_t *chain;              /* of stack_model_chain() */
};

/* names may already hold another model's. -ENOENT: no stacks were recorded of the process,
 * -ENOMSG: none at that moment; and those of report_print_summary(). */
int stack_model_init(struct stack_model *m, struct recording *r, const struct stack_query *query,
		     struct stack_labels *names);
void stack_model_finish(struct stack_model *m);
/* For stack_model_init(): sets snapshot and elsewhere. -ENOMSG: no snapshot has stacks. */
int stack_model_choose_moment(struct stack_model *m);
const char *stack_error_text(const struct recording *r, int result);

/* Marks lines: hide and filter are extended regular expressions over functions, files and
 * modules; NULL: none. -EINVAL: ret_error says what is wrong with it. */
int stack_model_mark(struct stack_model *m, const char *filter, const char *hide, char *ret_error, size_t error_size);

/* The lines of a stack, innermost first, as indexes of lines; valid until the next call. The
 * first is always there. With `bare`, without hidden lines and without the shims at its
 * inner end, unless nothing else is left. A damaged recording's loop ends after 512 frames. */
#define STACK_CHAIN_MAX 16384 /* lines: 512 frames of 32 inlined functions */
#define STACK_FRAMES_MAX 512
size_t stack_model_chain(const struct stack_model *m, uint32_t node, bool bare, const uint32_t **ret_lines);
/* False if a filter is set and no line of the stack was chosen by it. */
bool stack_model_is_chosen(const struct stack_model *m, uint32_t node);

/* The module of a frame, or NULL. */
const struct stack_module *stack_model_module(const struct stack_model *m, const struct stack_frame *f);
void stack_sum_add(struct stack_sum *to, const struct stack_sum *s);
/* Of all stacks. */
struct stack_sum stack_model_total(const struct stack_model *m);

#endif
