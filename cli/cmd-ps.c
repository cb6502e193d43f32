/* `ps`: the containers of the store. */
#include <errno.h>
#include <regex.h>
#include <stdlib.h>
#include <time.h>

#include <ctrlite/image.h>
#include <ctrlite/size.h>

#include "commands.h"
#include "out.h"
#include "ps.h"
#include "targets.h"

#define ARG(m) offsetof(struct ps_args, m)
/* clang-format off */
static const struct opt opts[] = {
	{ 'a', "all",        NULL,     OPT_FLAG,    ARG(all),        "Show all the containers, default is only running containers" },
	{ 0,   "external",   NULL,     OPT_FLAG,    ARG(external),   "Show containers of other programs too (this store holds none)", OPT_COMPAT },
	{ 'f', "filter",     "FILTER", OPT_LIST,    ARG(filters),    "Show only containers that fit (name=, id=, status=, health=, label=, ancestor=, exited=, before=, since=, until=, volume=, health=, pod=, network=, restart-policy=, command=, should-start-on-boot=)" },
	{ 0,   "format",     "FORMAT", OPT_STRING,  ARG(format),     "Print as json, or by a Go template" },
	{ 'n', "last",       "N",      OPT_I64,     ARG(last),       "Print the n last created containers (all states)" },
	{ 'l', "latest",     NULL,     OPT_FLAG,    ARG(latest),     "Show the latest container created (all states)" },
	{ 0,   "namespace",  NULL,     OPT_ALIAS,   .text = "ns", .flags = OPT_HIDDEN },
	{ 0,   "no-trunc",   NULL,     OPT_FLAG,    ARG(no_trunc),   "Display the extended information" },
	{ 0,   "noheading",  NULL,     OPT_FLAG,    ARG(no_heading), "Do not print headers" },
	{ 0,   "notruncate", NULL,     OPT_ALIAS,   .text = "no-trunc", .flags = OPT_HIDDEN },
	{ 0,   "ns",         NULL,     OPT_FLAG,    ARG(ns),         "Display namespace information" },
	{ 'p', "pod",        NULL,     OPT_FLAG,    ARG(pod),        "Print the ID and name of the pod the containers are associated with" },
	{ 'q', "quiet",      NULL,     OPT_FLAG,    ARG(quiet),      "Print the numeric IDs of the containers only" },
	{ 's', "size",       NULL,     OPT_FLAG,    ARG(size),       "Display the total file sizes" },
	{ 0,   "sort",       "FIELD",  OPT_ENUM,    ARG(sort),       "Sort output by command, created, id, image, names, runningfor, size, or status", .choices = ps_sorts },
	{ 0,   "storage",    NULL,     OPT_ALIAS,   .text = "external", .flags = OPT_HIDDEN },
	{ 0,   "sync",       NULL,     OPT_FLAG,    ARG(sync),       "Read the containers' state afresh (which is always done)", OPT_COMPAT },
	{ 'w', "watch",      "SECONDS",OPT_U64,     ARG(watch_s),    "Print again every so many seconds" },
	{ 0 },
};
/* clang-format on */
static const struct ps_args defaults = { .sort = PS_SORT_CREATED };

static void row_done(struct ps_row *row)
{
	free(row->command);
	free(row->status);
}

/* Is the state asked for by a filter?  Then all states are looked at. */
static bool any_state(const struct ps_args *a)
{
	for (size_t i = 0; i < a->filters.n; i++)
		if (str_starts(a->filters.items[i], "status") ||
		    str_starts(a->filters.items[i], "exited"))
			return true;
	return a->all || a->latest || a->last > 0;
}

static char *join(const struct strv *words)
{
	struct strbuf b = STRBUF_INIT;

	for (size_t i = 0; i < words->n; i++)
		strbuf_addf(&b, "%s%s", i ? " " : "", words->items[i]);
	return strbuf_take(&b);
}

static int make_rows(struct ps_context *x, const struct filters *f, bool running_only,
		     struct ps_rows *ret, struct err *e)
{
	ret->items = calloc(x->list.n + 1, sizeof(*ret->items));
	if (!ret->items)
		return err_sys(e, ENOMEM, "list containers");
	for (size_t i = 0; i < x->list.n; i++) {
		struct ctr_container *c = &x->list.items[i];
		struct ps_row row = { .c = c };

		if (running_only && c->status.paused)
			continue;
		row.command = join(&c->req.cmd);
		/* Unreadable, it is not known; the rest is. */
		(void)ctr_health_status(x->c->eng, &c->req, &c->status, &row.health, NULL);
		row.status = ps_status_text(&c->status, row.health);
		if (!row.command || !row.status) {
			row_done(&row);
			return err_sys(e, ENOMEM, "list containers");
		}
		if (filters_match(f, x, &row))
			ret->items[ret->n++] = row;
		else
			row_done(&row);
	}
	return 0;
}

/* The newest @n, still oldest first. */
static void keep_last(struct ps_rows *rows, size_t n)
{
	size_t drop = rows->n > n ? rows->n - n : 0;

	for (size_t i = 0; i < drop; i++)
		row_done(&rows->items[i]);
	memmove(rows->items, rows->items + drop, (rows->n - drop) * sizeof(*rows->items));
	rows->n -= drop;
}

static int read_sizes(struct cmd *c, struct ps_rows *rows, struct err *e)
{
	for (size_t i = 0; i < rows->n; i++) {
		struct ps_row *row = &rows->items[i];
		struct ctr_image image = CTR_IMAGE_INIT;
		int r = ctr_container_size(c->eng, row->c->req.id, &row->size_rw, e);

		if (r < 0)
			return r;
		if (ctr_image_get(c->eng, row->c->req.image_id, &image, NULL, NULL) < 0)
			continue; /* the image is gone: only what was written is known */
		row->size_image = image.size_bytes;
		ctr_image_done(&image);
	}
	return 0;
}

#define CLEAR_SCREEN "\033[2J\033[1;1H"
#define TABLE_NS "{{.ID}}\t{{.Names}}\t{{.Pid}}\t{{.CGROUPNS}}\t{{.IPC}}\t{{.MNT}}\t{{.NET}}\t" \
		 "{{.PIDNS}}\t{{.USERNS}}\t{{.UTS}}"
#define TABLE "{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.CreatedHuman}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}"
#define TABLE_POD "\t{{.Pod}}\t{{.PodName}}"
#define TABLE_SIZE "\t{{.Size}}"

/* The table that is shown without --format. */
static const char *table(const struct ps_args *a)
{
	static const char *const tables[2][2] = {
		{ TABLE, TABLE TABLE_SIZE },
		{ TABLE TABLE_POD, TABLE TABLE_POD TABLE_SIZE },
	};

	return a->ns ? TABLE_NS : tables[a->pod][a->size];
}

static int print_rows(const struct ps_rows *rows, const struct ps_args *a, struct err *e)
{
	auto_format struct out_format f = OUT_FORMAT_INIT;
	struct out_list l = {
		.views = json_array(), .json = json_array(), .fields = ps_fields, .indent = 2
	};
	/* {{json .}} as well */
	bool with_json = a->format && strstr(a->format, "json");
	int r;

	r = out_format_parse("ps", a->format, table(a), false, &f, e);
	l.headings = json_pack("{s:s, s:s, s:s, s:s, s:s}", "ID", "CONTAINER ID", "CreatedHuman",
			       "CREATED", "RunningFor", "CREATED", "Pod", "POD ID", "PodName", "PODNAME");
	for (size_t i = 0; r >= 0 && i < rows->n; i++) {
		if (json_array_append_new(l.views, ps_row_view(&rows->items[i], a)) < 0 ||
		    (with_json && json_array_append_new(l.json, ps_row_json(&rows->items[i], a)) < 0))
			r = err_sys(e, ENOMEM, "list containers");
	}
	if (r >= 0)
		r = out_list_print(&f, &l, a->no_heading, e);
	json_decref(l.views);
	json_decref(l.json);
	json_decref(l.headings);
	return r;
}

static int list(struct ps_context *x, const struct ps_args *a, const struct filters *f,
		struct err *e)
{
	struct ps_rows rows = { 0 };
	int r = make_rows(x, f, !any_state(a), &rows, e);

	if (r >= 0 && (a->latest || a->last > 0))
		keep_last(&rows, a->latest ? 1 : (size_t)a->last);
	if (r >= 0 && (a->size || a->sort == PS_SORT_SIZE))
		r = read_sizes(x->c, &rows, e);
	if (r >= 0)
		ps_sort(&rows, a->sort);
	if (r >= 0 && a->quiet) {
		for (size_t i = 0; i < rows.n; i++)
			printf("%.*s\n", a->no_trunc ? 64 : SHORT_ID, rows.items[i].c->req.id);
	} else if (r >= 0) {
		r = print_rows(&rows, a, e);
	}
	for (size_t i = 0; i < rows.n; i++)
		row_done(&rows.items[i]);
	free(rows.items);
	return r;
}

static void context_done(struct ps_context *x)
{
	for (size_t i = 0; i < x->n_regexes; i++)
		regfree(&x->regexes[i]);
	free(x->regexes);
	ctr_container_list_done(&x->list);
}

static int run_once(struct cmd *c, const struct ps_args *a, struct err *e)
{
	auto_filters struct filters f = FILTERS_INIT;
	struct ps_context x = { .c = c, .list = CTR_CONTAINER_LIST_INIT };
	int r = filters_parse(&a->filters, ps_filter_keys, &ps_filter_words, &x, &f, e);

	if (r >= 0)
		r = any_state(a) ? ctr_container_list(c->eng, &x.list, e)
				 : ctr_container_list_running(c->eng, &x.list, e);
	if (r >= 0)
		r = list(&x, a, &f, e);
	context_done(&x);
	return r;
}

static int run(struct cmd *c, void *args, struct err *e)
{
	const struct ps_args *a = args;
	const struct timespec pause = { .tv_sec = (time_t)a->watch_s };
	int r;

	if (a->quiet && (a->size || a->ns))
		return err_set(e, ERR_INVALID, "quiet conflicts with size and namespace");
	if (a->latest && a->last > 0)
		return err_set(e, ERR_INVALID, "last and latest are mutually exclusive");
	if (a->size && a->ns)
		return err_set(e, ERR_INVALID, "size and namespace options conflict");
	if (a->watch_s && a->latest)
		return err_set(e, ERR_INVALID, "the watch and latest flags cannot be used together");
	if (a->watch_s > INT32_MAX)
		return err_set(e, ERR_INVALID, "watch: at most %d seconds", INT32_MAX);
	if (!a->watch_s)
		return run_once(c, a, e);
	do {
		fputs(CLEAR_SCREEN, stdout);
		r = run_once(c, a, e);
		if (r >= 0 && fflush(stdout) != 0)
			r = err_sys(e, errno, "print the containers");
	} while (r >= 0 && nanosleep(&pause, NULL) == 0);
	return r;
}

int ps_choose(struct cmd *c, const struct strv *filters, struct strv *ret, struct err *e)
{
	auto_filters struct filters f = FILTERS_INIT;
	struct ps_context x = { .c = c, .list = CTR_CONTAINER_LIST_INIT };
	struct ps_rows rows = { 0 };
	int r = filters_parse(filters, ps_filter_keys, &ps_filter_words, &x, &f, e);

	if (r >= 0)
		r = ctr_container_list(c->eng, &x.list, e);
	if (r >= 0)
		r = make_rows(&x, &f, false, &rows, e);
	for (size_t i = 0; i < rows.n; i++) {
		if (r >= 0 && strv_add(ret, rows.items[i].c->req.id) < 0)
			r = err_sys(e, ENOMEM, "list containers");
		row_done(&rows.items[i]);
	}
	free(rows.items);
	context_done(&x);
	return r;
}

const struct command cmd_ps = {
	.summary = "List containers",
	.usage = "[options]",
	.description = "Prints out information about the containers, oldest first.",
	.examples = "ps -a\nps -a --format '{{.ID}}  {{.Image}}  {{.Labels}}  {{.Mounts}}'\n"
		    "ps --filter status=exited --quiet",
	.run = run,
	.opts = opts,
	.args_size = sizeof(struct ps_args),
	.defaults = &defaults,
	.needs = NEED_STORE,
};
