/* `logs`: what containers have written. */
#include "commands.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "out.h"
#include "targets.h"

struct logs_args {
	bool follow, latest, names, timestamps;
	const char *since, *until, *tail;
};

#define ARG(m) offsetof(struct logs_args, m)
/* clang-format off */
static const struct opt opts[] = {
	{ 'f', "follow",     NULL,   OPT_FLAG,   ARG(follow),     "go on as it writes, until it stops" },
	{ 'l', "latest",     NULL,   OPT_FLAG,   ARG(latest),     "act on the newest container" },
	{ 'n', "names",      NULL,   OPT_FLAG,   ARG(names),      "with several containers: prefix their names, not IDs" },
	{ 0,   "since",      "TIME", OPT_STRING, ARG(since),      "only what was written after TIME (RFC 3339, seconds, or 10m for ten minutes ago)" },
	{ 0,   "tail",       "N",    OPT_STRING, ARG(tail),       "only the last N lines (default: all)" },
	{ 't', "timestamps", NULL,   OPT_FLAG,   ARG(timestamps), "show when each line was written" },
	{ 0,   "until",      "TIME", OPT_STRING, ARG(until),      "only what was written before TIME" },
	{ 0 },
};
/* clang-format on */

struct printer {
	bool timestamps;
	const char *prefix;	/* NULL: none */
	bool mid_line[2];	/* the last piece had no end of line */
};

static int print_line(void *arg, const struct ctr_log_line *l)
{
	struct printer *p = arg;
	FILE *f = l->is_stderr ? stderr : stdout;

	if (!p->mid_line[l->is_stderr]) {
		if (p->prefix)
			(void)fprintf(f, "%s ", p->prefix);
		if (p->timestamps)
			(void)fprintf(f, "%.*s ", (int)l->stamp_len, l->stamp);
	}
	(void)fwrite(l->text, 1, l->len, f);
	if (!l->partial)
		(void)putc('\n', f);
	p->mid_line[l->is_stderr] = l->partial;
	return ferror(f) ? -EPIPE : 0;
}

static int show(struct cmd *c, const struct logs_args *a, const struct ctr_logs_opts *o,
		const struct target *t, bool several, struct err *e)
{
	struct printer p = { .timestamps = a->timestamps };
	struct ctr_request req = CTR_REQUEST_INIT;
	char prefix[256];
	int r;

	if (several) {
		r = ctr_container_load(c->eng, t->id, &req, e);
		if (r < 0)
			return r;
		(void)snprintf(prefix, sizeof(prefix), a->names ? "%.250s" : "%.12s",
			       a->names ? req.name : req.id);
		p.prefix = prefix;
		ctr_request_done(&req);
	}
	if (o->follow)
		(void)setvbuf(stdout, NULL, _IOLBF, 65536);
	return ctr_container_logs(c->eng, t->id, o, print_line, &p, e);
}

static int run(struct cmd *c, void *args, struct err *e)
{
	struct logs_args *a = args;
	struct target_args ta = { .latest = a->latest };
	struct ctr_logs_opts o = { .follow = a->follow, .tail = -1 };
	auto_targets struct targets t = TARGETS_INIT;
	int r;

	if (a->tail && !streq(a->tail, "all") && str_i64(a->tail, -1, INT64_MAX, &o.tail) < 0)
		return err_set(e, ERR_INVALID, "--tail: expected a number of lines, -1 or all, not %s",
			       a->tail);
	if (a->since && (r = out_time_parse(a->since, &o.since_ns, e)) < 0)
		return err_wrap(e, r, "--since");
	if (a->until && (r = out_time_parse(a->until, &o.until_ns, e)) < 0)
		return err_wrap(e, r, "--until");
	r = targets_find(c, &ta, TARGETS_ATOMIC, &t, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < t.n; i++) {
		r = show(c, a, &o, &t.items[i], t.n > 1, e);
		if (r == -EPIPE)
			return r;
		if (r < 0)
			cmd_fail(c, e);
	}
	return c->status;
}

const struct command cmd_logs = {
	.summary = "Show what containers have written",
	.usage = "[options] CONTAINER [CONTAINER...]",
	.description = "Prints the container's output again, stdout on stdout and stderr on stderr.",
	.examples = "logs web\nlogs --follow --tail 20 web\nlogs --since 10m --timestamps web",
	.run = run, .opts = opts, .args_size = sizeof(struct logs_args),
	.max_args = ARGS_ANY, .needs = NEED_STORE, .complete = COMPLETE_CONTAINER,
};
