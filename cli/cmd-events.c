/* `events`: what happens to containers, images and the rest. */
#include <errno.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include <ctrlite/event.h>

#include "cli.h"
#include "commands.h"
#include "fd.h"
#include "filter.h"
#include "json.h"
#include "out.h"

#define SHORT_ID 12
#define NS_PER_S 1000000000

struct events_args {
	struct strv filters;
	const char *format, *since, *until;
	bool no_trunc, stream;
};

#define ARG(m) offsetof(struct events_args, m)
/* clang-format off */
static const struct opt opts[] = {
	{ 'f', "filter",   "KEY=VALUE", OPT_LIST,   ARG(filters),  "Show only events of: container, event, image, label, network, pod, type, volume" },
	{ 0,   "format",   "FORMAT",    OPT_STRING, ARG(format),   "Print as json, or by a Go template" },
	{ 0,   "no-trunc", NULL,        OPT_FLAG,   ARG(no_trunc), "Do not cut IDs (default true)" },
	{ 0,   "since",    "TIME",      OPT_STRING, ARG(since),    "Begin with events after TIME (RFC 3339, seconds, or 10m for ten minutes ago)" },
	{ 0,   "stream",   NULL,        OPT_FLAG,   ARG(stream),   "Go on as things happen; with =false end at the last event (default true)" },
	{ 0,   "until",    "TIME",      OPT_STRING, ARG(until),    "End with events before TIME (10m is in ten minutes)" },
	{ 0 },
};
/* clang-format on */
static const struct events_args defaults = { .no_trunc = true, .stream = true };

static bool is_type(const struct ctr_event *ev, const char *type)
{
	return streq(ev->type, type);
}

static bool is_named(const struct ctr_event *ev, const char *value)
{
	return (ev->name && streq(ev->name, value)) ||
	       (ev->id && *value && str_starts(ev->id, value));
}

static bool match_container(void *ctx, const struct filter *f, const void *o)
{
	(void)ctx;
	return is_type(o, "container") && is_named(o, f->value);
}

static bool match_pod(void *ctx, const struct filter *f, const void *o)
{
	(void)ctx;
	return is_type(o, "pod") && is_named(o, f->value);
}

static bool match_image(void *ctx, const struct filter *f, const void *o)
{
	const struct ctr_event *ev = o;

	(void)ctx;
	if (!is_type(ev, "image"))
		return false;
	return is_named(ev, f->value) || (ev->name && filter_match_reference(f->value, ev->name));
}

static bool match_volume(void *ctx, const struct filter *f, const void *o)
{
	const struct ctr_event *ev = o;

	(void)ctx;
	return is_type(ev, "volume") && ev->name && str_starts(ev->name, f->value);
}

static bool match_network(void *ctx, const struct filter *f, const void *o)
{
	const struct ctr_event *ev = o;

	(void)ctx;
	return is_type(ev, "network") &&
	       (is_named(ev, f->value) || (ev->network && streq(ev->network, f->value)));
}

/* docker has other words for two of them. */
static bool match_event(void *ctx, const struct filter *f, const void *o)
{
	const struct ctr_event *ev = o;
	const char *word = streq(f->value, "die") ? "died"
			   : streq(f->value, "destroy") ? "remove" : f->value;

	(void)ctx;
	return streq(ev->status, word);
}

static bool match_type(void *ctx, const struct filter *f, const void *o)
{
	(void)ctx;
	return is_type(o, f->value);
}

static bool match_label(void *ctx, const struct filter *f, const void *o)
{
	const struct ctr_event *ev = o;

	(void)ctx;
	return filter_match_label(f->value, ev->attrs);
}

static const struct filter_key keys[] = {
	{ "container", .match = match_container },
	{ "event", .match = match_event },
	{ "image", .match = match_image },
	{ "label", .all = true, .match = match_label },
	{ "network", .match = match_network },
	{ "pod", .match = match_pod },
	{ "status", .match = match_event },
	{ "type", .match = match_type },
	{ "volume", .match = match_volume },
	{ NULL },
};
static const struct filter_words words = {
	"failed to parse event filters: %s is an invalid filter",
	"failed to parse event filters: %s is an invalid filter",
};

static const struct tmpl_field fields[] = {
	{ "Attributes", NULL, TMPL_MAP },
	{ "Actor.Attributes", NULL, TMPL_MAP },
	{ "ContainerExitCode", NULL, TMPL_OPTIONAL },
	{ NULL },
};

struct printer {
	const struct filters *filters;
	bool human, no_trunc;
	struct out_format format;
};

static json_t *text(const char *s)
{
	return json_string(s ? s : "");
}

static void set_text(json_t *j, const char *key, const char *s)
{
	if (s && *s)
		json_object_set_new(j, key, json_string(s));
}

static json_t *attributes(const struct ctr_event *ev)
{
	json_t *j = json_object();

	for (size_t i = 0; i < ev->attrs->n; i++) {
		const char *s = ev->attrs->items[i], *eq = strchr(s, '=');

		json_object_setn_new(j, s, (size_t)(eq - s), json_string(eq + 1));
	}
	return j;
}

/* Members and order as podman has them. */
static json_t *as_json(const struct ctr_event *ev)
{
	json_t *j = json_object();

	if (ev->has_exit_code)
		json_object_set_new(j, "ContainerExitCode", json_integer(ev->exit_code));
	set_text(j, "ID", ev->id);
	set_text(j, "Image", ev->image);
	set_text(j, "Name", ev->name);
	set_text(j, "network", ev->network);
	json_object_set_new(j, "Status", text(ev->status));
	json_object_set_new(j, "time", json_integer(ev->time_ns / NS_PER_S));
	json_object_set_new(j, "timeNano", json_integer(ev->time_ns));
	json_object_set_new(j, "Type", text(ev->type));
	set_text(j, "health_status", ev->health);
	set_text(j, "error", ev->error);
	set_text(j, "PodID", ev->pod_id);
	json_object_set_new(j, "Attributes", ev->attrs->n ? attributes(ev) : json_null());
	return j;
}

/* What templates see: all members, and docker's names beside podman's. */
static json_t *as_view(const struct ctr_event *ev)
{
	json_t *attrs = attributes(ev);
	json_t *j = json_pack("{s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:o, s:o, s:o, s:s, s:o, s:O}", "ID",
			      text(ev->id), "Image", text(ev->image), "Name", text(ev->name),
			      "Network", text(ev->network), "Status", text(ev->status), "Time",
			      (json_int_t)(ev->time_ns / NS_PER_S), "TimeNano",
			      (json_int_t)ev->time_ns, "Type", text(ev->type), "HealthStatus",
			      text(ev->health), "Error", text(ev->error), "ContainerInspectData", "",
			      "PodID", text(ev->pod_id), "Attributes", attrs);

	if (ev->has_exit_code)
		json_object_set_new(j, "ContainerExitCode", json_integer(ev->exit_code));
	json_object_set_new(j, "Action", text(ev->status));
	json_object_set_new(j, "From", text(ev->image));
	json_object_set_new(j, "Scope", json_string("local"));
	json_object_set_new(j, "Actor", json_pack("{s:o, s:o}", "ID", text(ev->id), "Attributes", attrs));
	return j;
}

/* 2006-01-02 15:04:05.999999999 -0700 MST */
static void add_time(struct strbuf *b, int64_t ns)
{
	time_t s = (time_t)(ns / NS_PER_S);
	char date[32], zone[40], fraction[24] = "";
	int64_t f = ns % NS_PER_S;
	int digits = 9;
	struct tm tm;

	if (!localtime_r(&s, &tm))
		return;
	strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", &tm);
	strftime(zone, sizeof(zone), "%z %Z", &tm);
	if (f) {
		for (; f % 10 == 0; digits--)
			f /= 10;
		snprintf(fraction, sizeof(fraction), ".%0*lld", digits, (long long)f);
	}
	strbuf_addf(b, "%s%s %s", date, fraction, zone);
}

static void add_container(struct strbuf *b, const struct ctr_event *ev)
{
	strbuf_addf(b, " (image=%s, name=%s", ev->image ? ev->image : "", ev->name ? ev->name : "");
	if (ev->pod_id)
		strbuf_addf(b, ", pod_id=%s", ev->pod_id);
	if (ev->health)
		strbuf_addf(b, ", health_status=%s", ev->health);
	for (size_t i = 0; i < ev->attrs->n; i++)
		strbuf_addf(b, ", %s", ev->attrs->items[i]);
	strbuf_addc(b, ')');
}

static void print_human(const struct ctr_event *ev, bool no_trunc)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;
	auto_free char *clean = NULL;
	const char *id = ev->id ? ev->id : "", *name = ev->name ? ev->name : "";
	int id_len = no_trunc ? (int)strlen(id) : SHORT_ID;

	add_time(&b, ev->time_ns);
	strbuf_addf(&b, " %s %s", ev->type, ev->status);
	if (streq(ev->type, "container") || streq(ev->type, "pod")) {
		strbuf_addf(&b, " %.*s", id_len, id);
		add_container(&b, ev);
	} else if (streq(ev->type, "network")) {
		strbuf_addf(&b, " %.*s (container=%.*s, name=%s)", id_len, id, id_len, id,
			    ev->network ? ev->network : name);
	} else if (streq(ev->type, "image")) {
		strbuf_addf(&b, " %.*s %s", id_len, id, name);
	} else if (streq(ev->type, "secret")) {
		strbuf_addf(&b, " %.*s", id_len, id);
	} else if (*name) {
		strbuf_addf(&b, " %s", name);
	}
	clean = b.failed ? NULL : str_printable(b.data);
	if (clean)
		puts(clean);
}

static int print_event(void *arg, const struct ctr_event *ev)
{
	struct printer *p = arg;
	struct err e = ERR_INIT;
	int r = 0;

	if (!filters_match(p->filters, NULL, ev))
		return 0;
	if (p->human) {
		print_human(ev, p->no_trunc);
	} else {
		auto_json json_t *json = as_json(ev);
		auto_json json_t *view = as_view(ev);

		if (p->format.kind == OUT_JSON) {
			auto_free char *line = json_dumps(json, JSON_COMPACT);

			if (line)
				puts(line);
		} else {
			auto_json json_t *views = json_pack("[O]", view);
			auto_json json_t *all = json_pack("[O]", json);
			const struct out_list l = { .views = views, .json = all, .fields = fields };

			r = out_list_print(&p->format, &l, true, &e);
			if (r < 0)
				(void)fprintf(stderr, "Error: %s\n", e.text);
		}
	}
	/* Whoever reads this line by line waits for it. */
	if (fflush(stdout) != 0)
		return -EPIPE;
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
	const struct events_args *a = args;
	struct ctr_events_opts o = { .stream = a->stream, .old = a->since || a->until || !a->stream,
				     .reader_fd = STDOUT_FILENO };
	auto_filters struct filters filters = FILTERS_INIT;
	struct printer p = { .filters = &filters, .human = !a->format || !*a->format,
			     .no_trunc = a->no_trunc };
	int r = filters_parse(&a->filters, keys, &words, NULL, &filters, e);

	if (r >= 0 && a->since && *a->since)
		if ((r = out_time_parse(a->since, &o.since_ns, e)) < 0)
			r = err_wrap(e, r, "failed to parse event filters: since");
	if (r >= 0 && a->until && *a->until)
		if ((r = read_until(a->until, &o.until_ns, e)) < 0)
			r = err_wrap(e, r, "failed to parse event filters: until");
	if (r >= 0 && !p.human)
		r = out_format_parse("events", a->format, NULL, true, &p.format, e);
	if (r >= 0)
		r = ctr_events_read(c->eng, &o, print_event, &p, e);
	out_format_done(&p.format);
	return r < 0 && r != -EPIPE ? r : 0;
}

const struct command cmd_events = {
	.summary = "Show what happens to containers, images, volumes and secrets",
	.usage = "[options]",
	.description = "Prints events as they happen, until interrupted.  With --since or --until also "
		       "those that have happened already, as far as they are kept: the last one or two "
		       "megabytes since the host was started.\n"
		       "Filters with the same key are alternatives, but all labels must match.",
	.examples = "events\nevents --since 1h --filter container=web\n"
		    "events --stream=false --filter event=died --format '{{.Name}} "
		    "{{.ContainerExitCode}}'",
	.run = run, .opts = opts, .args_size = sizeof(struct events_args), .defaults = &defaults,
	.needs = NEED_STORE,
};
