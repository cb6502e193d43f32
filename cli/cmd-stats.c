/* `stats`: what containers use, once or again and again. */
#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <ctrlite/stats.h>

#include "cli.h"
#include "commands.h"
#include "fd.h"
#include "log.h"
#include "out.h"

#define SHORT_ID 12
#define CLEAR_SCREEN "\033[2J\033[1;1H"

struct stats_args {
	bool all, latest, no_reset, no_stream, no_trunc;
	int64_t interval_s;
	const char *format;
};

#define ARG(m) offsetof(struct stats_args, m)
/* clang-format off */
static const struct opt opts[] = {
	{ 'a', "all",       NULL,      OPT_FLAG,   ARG(all),        "Show all containers, also those that do not run" },
	{ 0,   "format",    "FORMAT",  OPT_STRING, ARG(format),     "Print as json, or by a Go template" },
	{ 'i', "interval",  "SECONDS", OPT_I64,    ARG(interval_s), "Time between two reports (default 5)" },
	{ 'l', "latest",    NULL,      OPT_FLAG,   ARG(latest),     "Show the newest container" },
	{ 0,   "no-reset",  NULL,      OPT_FLAG,   ARG(no_reset),   "Do not clear the screen between two reports" },
	{ 0,   "no-stream", NULL,      OPT_FLAG,   ARG(no_stream),  "Report once" },
	{ 0,   "no-trunc",  NULL,      OPT_FLAG,   ARG(no_trunc),   "Do not cut IDs" },
	{ 0 },
};
/* clang-format on */
static const struct stats_args defaults = { .interval_s = 5 };

/* What the last report said of a container. */
struct sample {
	char id[65];
	struct ctr_stats stats;
	double percent, average;
	uint64_t n;		/* reports that the average is over */
};

struct samples {
	struct sample *items;
	size_t n;
};

static const struct sample *sample_find(const struct samples *s, const char *id)
{
	for (size_t i = 0; i < s->n; i++)
		if (streq(s->items[i].id, id))
			return &s->items[i];
	return NULL;
}

/* CPU time a time, in hundredths of one processor: since the last report, or the start. */
static double cpu_percent(const struct ctr_stats *now, const struct ctr_stats *before, int64_t start_ns)
{
	uint64_t used = now->cpu_ns - (before && before->cpu_ns <= now->cpu_ns ? before->cpu_ns : 0);
	int64_t passed = now->at_ns - (before ? before->at_ns : start_ns);

	return passed > 0 ? 100.0 * (double)used / (double)passed : 0;
}

static int take_sample(struct cmd *c, const struct ctr_container *ctr, const struct samples *last,
		       struct sample *ret, struct err *e)
{
	const struct sample *before = sample_find(last, ctr->req.id);
	int r;

	*ret = (struct sample){ .n = 0 };
	memcpy(ret->id, ctr->req.id, sizeof(ret->id));
	if (ctr->status.state != CTR_RUNNING)
		return 0;
	r = ctr_container_stats(c->eng, ctr, &ret->stats, e);
	if (r < 0)
		return r;
	if (before && !before->n)
		before = NULL; /* it has been started since */
	ret->n = before ? before->n + 1 : 1;
	ret->percent = cpu_percent(&ret->stats, before ? &before->stats : NULL, ctr->status.started_ns);
	ret->average = before ? before->average + (ret->percent - before->average) / (double)ret->n
			      : ret->percent;
	return 0;
}

static char *percent_text(double p)
{
	return str_printf("%.2f%%", p);
}

static double memory_percent(const struct ctr_stats *s)
{
	return s->mem_limit ? 100.0 * (double)s->mem_bytes / (double)s->mem_limit : 0;
}

/* Powers of 1024 with four digits: 1.5MiB. */
static char *binary_size(uint64_t bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double x = (double)bytes;
	size_t unit = 0;

	while (x >= 1024 && unit + 1 < sizeof(units) / sizeof(*units)) {
		x /= 1024;
		unit++;
	}
	return str_printf("%.4g%s", x, units[unit]);
}

static char *decimal_size(uint64_t bytes)
{
	return out_size(bytes, 4, "");
}

static char *pair_text(uint64_t a, uint64_t b, char *(*size)(uint64_t))
{
	auto_free char *x = size(a), *y = size(b);

	return x && y ? str_printf("%s / %s", x, y) : NULL;
}

/* As Go prints a time.Duration: 1m2.5s, 15.234ms. */
static char *go_duration(uint64_t ns)
{
	static const struct {
		uint64_t ns;
		const char *unit;
	} small[] = { { 1000000, "ms" }, { 1000, "\xc2\xb5s" }, { 1, "ns" } };
	uint64_t minutes = ns / 60000000000u;
	size_t i = 0;

	if (!ns)
		return strdup("0s");
	if (ns >= 1000000000) {
		double s = (double)(ns % 60000000000u) / 1e9;

		return minutes >= 60 ? str_printf("%lluh%llum%.9gs", (unsigned long long)minutes / 60,
						  (unsigned long long)minutes % 60, s)
		       : minutes     ? str_printf("%llum%.9gs", (unsigned long long)minutes, s)
				     : str_printf("%.9gs", s);
	}
	while (ns < small[i].ns)
		i++;
	return str_printf("%.9g%s", (double)ns / (double)small[i].ns, small[i].unit);
}

/* The texts that tables, templates and JSON show. */
enum text { T_CPU, T_AVG, T_MEM, T_MEM_BYTES, T_MEM_PERC, T_NET, T_BLOCK, T_PIDS, T_UP, T_COUNT_ };

struct texts {
	char *items[T_COUNT_];
};

static void texts_done(struct texts *t)
{
	for (size_t i = 0; i < T_COUNT_; i++)
		free(t->items[i]);
}
#define auto_texts __attribute__((cleanup(texts_done)))

static int texts_make(const struct sample *s, struct texts *t, struct err *e)
{
	const struct ctr_stats *st = &s->stats;

	*t = (struct texts){ {
		[T_CPU] = percent_text(s->percent),
		[T_AVG] = percent_text(s->average),
		[T_MEM] = pair_text(st->mem_bytes, st->mem_limit, decimal_size),
		[T_MEM_BYTES] = pair_text(st->mem_bytes, st->mem_limit, binary_size),
		[T_MEM_PERC] = percent_text(memory_percent(st)),
		[T_NET] = pair_text(st->net_in, st->net_out, decimal_size),
		[T_BLOCK] = pair_text(st->block_in, st->block_out, decimal_size),
		[T_PIDS] = str_printf("%llu", (unsigned long long)st->pids),
		[T_UP] = go_duration(st->cpu_ns),
	} };
	for (size_t i = 0; i < T_COUNT_; i++)
		if (!t->items[i])
			return err_sys(e, ENOMEM, "show the statistics");
	return 0;
}

static json_t *json_of(const struct ctr_container *c, const struct texts *t, bool no_trunc)
{
	return json_pack("{s:s%, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "id", c->req.id,
			 no_trunc ? 64 : SHORT_ID, "name", c->req.name, "cpu_time", t->items[T_UP],
			 "cpu_percent", t->items[T_CPU], "avg_cpu", t->items[T_AVG], "mem_usage",
			 t->items[T_MEM], "mem_percent", t->items[T_MEM_PERC], "net_io",
			 t->items[T_NET], "block_io", t->items[T_BLOCK], "pids", t->items[T_PIDS]);
}

/* podman's fields; those with texts are what its tables show. */
static json_t *view_of(const struct ctr_container *c, const struct sample *s, const struct texts *t,
		       bool no_trunc)
{
	static const struct {
		const char *name;
		enum text text;
	} shown[] = {
		{ "CPUPerc", T_CPU }, { "AVGCPU", T_AVG }, { "MemUsage", T_MEM },
		{ "MemUsageBytes", T_MEM_BYTES }, { "MemPerc", T_MEM_PERC }, { "NetIO", T_NET },
		{ "BlockIO", T_BLOCK }, { "PIDS", T_PIDS }, { "UpTime", T_UP }, { "Up", T_UP },
	};
	const struct ctr_stats *st = &s->stats;
	const struct {
		const char *name;
		uint64_t value;
	} numbers[] = {
		{ "CPUNano", st->cpu_ns }, { "Duration", st->cpu_ns }, { "CPUSystemNano", 0 },
		{ "SystemNano", (uint64_t)st->at_ns }, { "MemLimit", st->mem_limit },
		{ "NetInput", st->net_in }, { "NetOutput", st->net_out },
		{ "BlockInput", st->block_in }, { "BlockOutput", st->block_out }, { "PIDs", st->pids },
	};
	json_t *j = json_pack("{s:s%, s:s, s:s, s:s, s:f, s:f, s:n}", "ID", c->req.id,
			      no_trunc ? 64 : SHORT_ID, "ContainerID", c->req.id, "Container",
			      c->req.id, "Name", c->req.name, "CPU", s->percent, "AvgCPU", s->average,
			      "PerCPU");

	for (size_t i = 0; i < sizeof(shown) / sizeof(*shown); i++)
		json_object_set_new(j, shown[i].name, json_string(t->items[shown[i].text]));
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		json_object_set_new(j, numbers[i].name, json_integer((json_int_t)numbers[i].value));
	return j;
}

static int add_row(const struct ctr_container *c, const struct sample *s, bool no_trunc,
		   struct out_list *l, struct err *e)
{
	auto_texts struct texts t = { { NULL } };
	int r = texts_make(s, &t, e);

	if (r < 0)
		return r;
	if (json_array_append_new(l->views, view_of(c, s, &t, no_trunc)) < 0 ||
	    json_array_append_new(l->json, json_of(c, &t, no_trunc)) < 0)
		return err_sys(e, ENOMEM, "show the statistics");
	return 0;
}

/* The containers of the next report. */
static int choose(struct cmd *c, const struct stats_args *a, struct ctr_container_list *ret,
		  struct err *e)
{
	int r;

	if (a->all || a->latest || !c->n_args) {
		r = a->all || a->latest ? ctr_container_list(c->eng, ret, e)
					: ctr_container_list_running(c->eng, ret, e);
		if (r == 0 && a->latest && !ret->n)
			return err_set(e, ERR_NOT_FOUND, "no containers to use with --latest: no such container");
		return r;
	}
	ret->items = calloc(c->n_args, sizeof(*ret->items));
	if (!ret->items)
		return err_sys(e, ENOMEM, "list the containers");
	for (size_t i = 0; i < c->n_args; i++) {
		struct ctr_container *x = &ret->items[ret->n];
		char id[65];

		r = ctr_container_find(c->eng, c->args[i], id, e);
		if (r == 0)
			r = ctr_container_load(c->eng, id, &x->req, e);
		if (r < 0)
			return err_wrap(e, r, "unable to get list of containers");
		ret->n++;
		r = ctr_container_status(c->eng, id, &x->status, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int report_list(struct cmd *c, const struct stats_args *a, const struct ctr_container_list *list,
		       struct samples *last, struct out_list *l, struct err *e)
{
	struct samples now = { calloc(list->n + 1, sizeof(*now.items)), 0 };
	size_t first = a->latest && list->n ? list->n - 1 : 0;
	int r = now.items ? 0 : err_sys(e, ENOMEM, "show the statistics");

	for (size_t i = first; r == 0 && i < list->n; i++) {
		const struct ctr_container *ctr = &list->items[i];
		struct sample *s = &now.items[now.n];

		r = take_sample(c, ctr, last, s, e);
		if (r == -ENOENT) { /* it has just ended */
			*e = (struct err)ERR_INIT;
			r = 0;
			continue;
		}
		if (r == -EOPNOTSUPP && !c->n_args) { /* it has no cgroup: the others count */
			log_warn("%s", e->text);
			*e = (struct err)ERR_INIT;
			r = 0;
		}
		if (r == 0)
			r = add_row(ctr, s, a->no_trunc, l, e);
		now.n++;
	}
	free(last->items);
	*last = now;
	return r;
}

static int report(struct cmd *c, const struct stats_args *a, const struct out_format *f,
		  struct samples *last, struct err *e)
{
	struct ctr_container_list list = CTR_CONTAINER_LIST_INIT;
	struct out_list l = { .views = json_array(), .json = json_array(), .indent = 1 };
	int r = choose(c, a, &list, e);

	l.headings = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "CPUPerc", "CPU %",
			       "MemUsage", "MEM USAGE / LIMIT", "MemUsageBytes", "MEM USAGE / LIMIT",
			       "MemPerc", "MEM %", "NetIO", "NET IO", "BlockIO", "BLOCK IO", "PIDS",
			       "PIDS", "UpTime", "CPU TIME", "AVGCPU", "AVG CPU %");
	if (r == 0)
		r = report_list(c, a, &list, last, &l, e);
	if (r == 0 && !a->no_stream && !a->no_reset && f->kind != OUT_JSON)
		fputs(CLEAR_SCREEN, stdout);
	if (r == 0)
		r = out_list_print(f, &l, false, e);
	if (r == 0 && fflush(stdout) != 0)
		r = err_sys(e, errno, "write the statistics");
	json_decref(l.views);
	json_decref(l.json);
	json_decref(l.headings);
	ctr_container_list_done(&list);
	return r;
}

static int run(struct cmd *c, void *args, struct err *e)
{
	const struct stats_args *a = args;
	auto_format struct out_format f = OUT_FORMAT_INIT;
	const struct timespec pause = { .tv_sec = a->interval_s };
	struct samples last = { NULL, 0 };
	int r;

	if ((a->all && a->latest) || ((a->all || a->latest) && c->n_args))
		return err_set(e, ERR_INVALID, "--all, --latest and containers cannot be used together");
	if (a->interval_s < 1 || a->interval_s > INT32_MAX)
		return err_set(e, ERR_INVALID, "invalid interval, must be a positive number greater zero");
	r = out_format_parse("stats", a->format,
			     "{{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}"
			     "\t{{.BlockIO}}\t{{.PIDS}}\t{{.UpTime}}\t{{.AVGCPU}}", true, &f, e);
	while (r == 0) {
		r = report(c, a, &f, &last, e);
		if (r < 0 || a->no_stream)
			break;
		(void)nanosleep(&pause, NULL);
	}
	free(last.items);
	return r;
}

const struct command cmd_stats = {
	.summary = "Display a live stream of container resource usage statistics",
	.usage = "[options] [CONTAINER...]",
	.description = "Shows what containers use, of all running ones when none is named: CPU and "
		       "memory, network, block devices and processes, read from their cgroups. "
		       "Containers without a cgroup of their own have no figures: see host.rungs of info.",
	.examples = "stats --no-stream\nstats web db\nstats --all --no-stream --format json",
	.run = run, .opts = opts, .args_size = sizeof(struct stats_args), .defaults = &defaults,
	.max_args = ARGS_ANY, .needs = NEED_STORE, .complete = COMPLETE_CONTAINER_RUNNING,
};
