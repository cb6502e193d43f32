/* `logs`: what containers have written. */
#include "commands.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <ctrlite/logs.h>

#include "fd.h"
#include "out.h"
#include "stamp.h"
#include "targets.h"

#define OUT_BYTES (256u << 10)
#define SHORT_ID 12
#define NS_PER_S 1000000000
#define ZONE_SPAN_S 900		/* no zone changes its offset within a quarter of an hour */

struct logs_args {
	bool follow, latest, names, timestamps, color, details;
	const char *since, *until, *tail;
};

#define ARG(m) offsetof(struct logs_args, m)
/* clang-format off */
static const struct opt opts[] = {
	{ 0,   "color",      NULL,   OPT_FLAG,   ARG(color),      "show each container in a colour of its own" },
	{ 0,   "details",    NULL,   OPT_FLAG,   ARG(details),    "docker's: labels and variables of the log (there are none)", OPT_HIDDEN | OPT_COMPAT },
	{ 'f', "follow",     NULL,   OPT_FLAG,   ARG(follow),     "go on as it writes, until it stops" },
	{ 'l', "latest",     NULL,   OPT_FLAG,   ARG(latest),     "act on the newest container" },
	{ 'n', "names",      NULL,   OPT_FLAG,   ARG(names),      "with several containers: prefix their names, not IDs" },
	{ 0,   "since",      "TIME", OPT_STRING, ARG(since),      "only what was written after TIME (RFC 3339, seconds, or 10m for ten minutes ago)" },
	{ 0,   "tail",       "N",    OPT_STRING, ARG(tail),       "only the last N lines (default: all)" },
	{ 't', "timestamps", NULL,   OPT_FLAG,   ARG(timestamps), "show when each line was written" },
	{ 0,   "until",      "TIME", OPT_STRING, ARG(until),      "only what was written before TIME (10m is in ten minutes)" },
	{ 0 },
};
/* clang-format on */

/* What is on its way to stdout or stderr. */
struct stream {
	int fd;
	char *buf;
	size_t len;
};

struct printer {
	struct stream streams[2];
	bool one;		/* stdout and stderr are the same file: what came first goes first */
	bool timestamps, color;
	char **prefixes;	/* by container; NULL: none */
	bool (*mid_line)[2];	/* by container and stream: the last piece had no end of line */
	int64_t zone_from_s;	/* where zone[] is valid */
	char zone[8];
	int64_t zone_offset_s;
};

static int stream_flush(struct stream *s)
{
	int r = s->len ? fd_write_all(s->fd, s->buf, s->len) : 0;

	s->len = 0;
	return r;
}

static int stream_put(struct stream *s, const char *p, size_t len)
{
	int r = 0;

	if (len > OUT_BYTES - s->len)
		r = stream_flush(s);
	if (r == 0 && len > OUT_BYTES)
		return fd_write_all(s->fd, p, len);
	memcpy(s->buf + s->len, p, len);
	s->len += len;
	return r;
}

static void find_zone(struct printer *p, int64_t s)
{
	time_t t = (time_t)s;
	struct tm tm;
	long off = localtime_r(&t, &tm) ? tm.tm_gmtoff : 0;

	p->zone_from_s = s - s % ZONE_SPAN_S;
	p->zone_offset_s = off;
	if (off)
		(void)snprintf(p->zone, sizeof(p->zone), "%c%02d:%02d", off < 0 ? '-' : '+',
			       (int)(labs(off) / 3600 % 100), (int)(labs(off) / 60 % 60));
	else
		memcpy(p->zone, "Z", 2);
}

static int put_stamp(struct printer *p, struct stream *s, int64_t ns)
{
	char text[STAMP_LEN + sizeof(p->zone) + 1];
	size_t zone_len;

	if (!p->zone[0] || ns / NS_PER_S - p->zone_from_s >= ZONE_SPAN_S ||
	    ns / NS_PER_S < p->zone_from_s)
		find_zone(p, ns / NS_PER_S);
	zone_len = strlen(p->zone);
	stamp_format(ns + p->zone_offset_s * NS_PER_S, text);
	memcpy(text + STAMP_LEN, p->zone, zone_len);
	text[STAMP_LEN + zone_len] = ' ';
	return stream_put(s, text, STAMP_LEN + zone_len + 1);
}

/* podman's, in its order. */
static const char *color_of(size_t container)
{
	static const char *const colors[] = { "\033[37m", "\033[31m", "\033[33m", "\033[34m",
					      "\033[35m", "\033[36m", "\033[32m" };

	return colors[container % (sizeof(colors) / sizeof(colors[0]))];
}

static int put_head(struct printer *p, struct stream *s, const struct ctr_log_line *l)
{
	int r = 0;

	if (p->color)
		r = stream_put(s, color_of(l->container), 5);
	if (r == 0 && p->prefixes) {
		const char *prefix = p->prefixes[l->container];

		r = stream_put(s, prefix, strlen(prefix));
	}
	return r == 0 && p->timestamps ? put_stamp(p, s, l->stamp_ns) : r;
}

static int print_line(void *arg, const struct ctr_log_line *l)
{
	struct printer *p = arg;
	struct stream *s = &p->streams[p->one ? 0 : l->is_stderr];
	bool *mid = &p->mid_line[l->container][l->is_stderr];
	int r = *mid ? 0 : put_head(p, s, l);

	*mid = l->partial;
	r = r < 0 ? r : stream_put(s, l->text, l->len);
	if (r < 0 || l->partial)
		return r;
	return p->color ? stream_put(s, "\033[0m\n", 5) : stream_put(s, "\n", 1);
}

static int flush(void *arg)
{
	struct printer *p = arg;
	int r = stream_flush(&p->streams[0]);

	return r < 0 ? r : stream_flush(&p->streams[1]);
}

static int make_prefixes(struct cmd *c, const struct logs_args *a, const struct targets *t,
			 struct printer *p, struct err *e)
{
	p->prefixes = calloc(t->n, sizeof(*p->prefixes));
	if (!p->prefixes)
		return err_sys(e, ENOMEM, "read logs");
	for (size_t i = 0; i < t->n; i++) {
		struct ctr_request req = CTR_REQUEST_INIT;
		int r = ctr_container_load(c->eng, t->items[i].id, &req, e);

		if (r < 0)
			return r;
		p->prefixes[i] = a->names ? str_printf("%s ", req.name)
					  : str_printf("%.*s ", SHORT_ID, req.id);
		ctr_request_done(&req);
		if (!p->prefixes[i])
			return err_sys(e, ENOMEM, "read logs");
	}
	return 0;
}

static int printer_init(struct cmd *c, const struct logs_args *a, const struct targets *t,
			struct printer *p, struct err *e)
{
	struct stat out, err;

	*p = (struct printer){
		.streams = { { STDOUT_FILENO, malloc(OUT_BYTES), 0 },
			     { STDERR_FILENO, malloc(OUT_BYTES), 0 } },
		.timestamps = a->timestamps, .color = a->color,
		.mid_line = calloc(t->n, sizeof(*p->mid_line)),
	};
	if (!p->streams[0].buf || !p->streams[1].buf || !p->mid_line)
		return err_sys(e, ENOMEM, "read logs");
	p->one = fstat(STDOUT_FILENO, &out) == 0 && fstat(STDERR_FILENO, &err) == 0 &&
		 out.st_dev == err.st_dev && out.st_ino == err.st_ino;
	return t->n > 1 ? make_prefixes(c, a, t, p, e) : 0;
}

static void printer_done(struct printer *p, const struct targets *t)
{
	for (size_t i = 0; p->prefixes && i < t->n; i++)
		free(p->prefixes[i]);
	free(p->prefixes);
	free(p->mid_line);
	free(p->streams[0].buf);
	free(p->streams[1].buf);
}

static int show(struct cmd *c, const struct logs_args *a, const struct ctr_logs_opts *o,
		const struct targets *t, struct err *e)
{
	struct printer p;
	const struct ctr_logs_callbacks cb = { .line = print_line, .idle = flush, .arg = &p };
	auto_strv struct strv ids = STRV_INIT;
	int r = printer_init(c, a, t, &p, e), flushed;

	for (size_t i = 0; r >= 0 && i < t->n; i++)
		r = strv_add(&ids, t->items[i].id) < 0 ? err_sys(e, ENOMEM, "read logs") : 0;
	if (r >= 0) {
		r = ctr_logs_read(c->eng, &ids, o, &cb, e);
		flushed = flush(&p);
		if (r == 0 && flushed < 0)
			r = flushed == -EPIPE ? flushed : err_sys(e, flushed, "write the log");
	}
	printer_done(&p, t);
	return r;
}

/* As podman has it, a duration is in the future here. */
static int read_until(const char *s, int64_t *ret_ns, struct err *e)
{
	int64_t duration;

	if (strspn(s, "0123456789.") != strlen(s) && str_duration(s, &duration) == 0) {
		*ret_ns = out_now_ns() + duration;
		return 0;
	}
	return out_time_parse(s, ret_ns, e);
}

static int run(struct cmd *c, void *args, struct err *e)
{
	struct logs_args *a = args;
	struct target_args ta = { .latest = a->latest };
	struct ctr_logs_opts o = { .follow = a->follow, .tail = -1, .stamps = a->timestamps,
				   .reader_fd = STDOUT_FILENO };
	auto_targets struct targets t = TARGETS_INIT;
	int r;

	if (a->tail && !streq(a->tail, "all") && str_i64(a->tail, INT64_MIN, INT64_MAX, &o.tail) < 0)
		return err_set(e, ERR_INVALID, "invalid argument \"%s\" for \"--tail\" flag: a number of "
			       "lines, -1 or all is expected", a->tail);
	if (a->since && *a->since && (r = out_time_parse(a->since, &o.since_ns, e)) < 0)
		return err_wrap(e, r, "parsing --since");
	if (a->until && *a->until && (r = read_until(a->until, &o.until_ns, e)) < 0)
		return err_wrap(e, r, "parsing --until");
	if (a->latest && c->n_args)
		return err_set(e, ERR_INVALID, "--latest and containers cannot be used together");
	if (!a->latest && !c->n_args)
		return err_set(e, ERR_INVALID, "specify at least one container name or ID to log");
	r = targets_find(c, &ta, TARGETS_ATOMIC, &t, e);
	if (r < 0)
		return r;
	r = show(c, a, &o, &t, e);
	/* Whoever read our output has seen enough: that is no failure. */
	return r == -EPIPE ? 0 : r < 0 ? r : c->status;
}

const struct command cmd_logs = {
	.summary = "Show what containers have written",
	.usage = "[options] CONTAINER [CONTAINER...]",
	.description = "Prints the container's output again, stdout on stdout and stderr on stderr.  With "
		       "several containers each line begins with the ID or name of its container.",
	.examples = "logs web\nlogs --follow --tail 20 web\nlogs --since 10m --timestamps web",
	.run = run, .opts = opts, .args_size = sizeof(struct logs_args),
	.max_args = ARGS_ANY, .needs = NEED_STORE, .complete = COMPLETE_CONTAINER,
};
