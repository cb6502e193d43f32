/* The parts of `ps`: filters, columns, orders. */
#ifndef CLI_PS_H
#define CLI_PS_H

#include <jansson.h>
#include <regex.h>

#include <ctrlite/health.h>

#include "cli.h"
#include "filter.h"
#include "template.h"

#define SHORT_ID 12

enum ps_sort {
	PS_SORT_COMMAND,
	PS_SORT_CREATED,
	PS_SORT_ID,
	PS_SORT_IMAGE,
	PS_SORT_NAMES,
	PS_SORT_RUNNINGFOR,
	PS_SORT_SIZE,
	PS_SORT_STATUS,
};

struct ps_args {
	bool all, external, latest, no_trunc, no_heading, ns, pod, quiet, size, sync;
	int64_t last;
	uint64_t watch_s; /* 0: once */
	const char *format;
	int sort; /* enum ps_sort */
	struct strv filters;
};

/* The namespaces of a running container as numbers (the kernel's inodes); "" where not known. */
enum ps_ns {
	PS_NS_CGROUP,
	PS_NS_IPC,
	PS_NS_MNT,
	PS_NS_NET,
	PS_NS_PID,
	PS_NS_USER,
	PS_NS_UTS,
	PS_NS_COUNT_
};
struct ps_namespaces {
	char id[PS_NS_COUNT_][16];
};

struct ps_row {
	struct ctr_container *c;
	char *command;			/* whole; without the entrypoint, as podman has it */
	char *status;			/* "Up 3 minutes (healthy)" */
	enum ctr_hc_status health;
	uint64_t size_rw, size_image;	/* with --size */
};

struct ps_rows {
	struct ps_row *items;
	size_t n;
};

/* What filters are matched with. */
struct ps_context {
	struct cmd *c;
	struct ctr_container_list list;
	regex_t *regexes; /* of name filters, by their number */
	size_t n_regexes;
};

/* ps-filter.c: they match a struct ps_row with a struct ps_context. */
extern const struct filter_key ps_filter_keys[];
extern const struct filter_words ps_filter_words;

/* ps-columns.c.  Fresh; NULL: memory is gone. */
char *ps_status_text(const struct ctr_status *s, enum ctr_hc_status health);
json_t *ps_row_json(const struct ps_row *row, const struct ps_args *a);
/* What templates see: without --format only what the table shows. */
json_t *ps_row_view(const struct ps_row *row, const struct ps_args *a);
extern const struct tmpl_field ps_fields[];

/* ps-ns.c */
void ps_read_namespaces(const struct ctr_status *s, struct ps_namespaces *ret);
/* Podman's "Namespaces" object, without members that are empty where @sparse. */
json_t *ps_namespaces_json(const struct ps_namespaces *n, bool sparse);
/* Their columns into a view. */
void ps_namespaces_view(const struct ps_namespaces *n, json_t *view);

/* ps-sort.c */
extern const struct opt_choice ps_sorts[];
void ps_sort(struct ps_rows *rows, int by);

#endif
