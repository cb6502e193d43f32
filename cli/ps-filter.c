/* The filters of `ps`, which other commands take as well. */
#include <errno.h>
#include <regex.h>
#include <stdlib.h>

#include "ps.h"

/* before=CONTAINER, since=CONTAINER: its time */
static int read_container(void *ctx, struct filter *f, struct err *e)
{
	struct ps_context *x = ctx;
	struct ctr_request req = CTR_REQUEST_INIT;
	char id[65];
	int r = ctr_container_find(x->c->eng, f->value, id, e);

	if (r >= 0)
		r = ctr_container_load(x->c->eng, id, &req, e);
	if (r < 0)
		return r;
	f->number = req.created_ns;
	ctr_request_done(&req);
	return 0;
}

static int read_name(void *ctx, struct filter *f, struct err *e)
{
	struct ps_context *x = ctx;
	regex_t *grown = reallocarray(x->regexes, x->n_regexes + 1, sizeof(*grown));

	if (!grown)
		return err_sys(e, ENOMEM, "read the filter");
	x->regexes = grown;
	if (regcomp(&grown[x->n_regexes], f->value, REG_EXTENDED | REG_NOSUB)) {
		auto_free char *shown = str_quote(f->value);
		return err_set(e, ERR_INVALID, "name filter %s is no regular expression",
			       shown ? shown : "");
	}
	f->number = (int64_t)x->n_regexes++;
	return 0;
}

static int read_code(void *ctx, struct filter *f, struct err *e)
{
	(void)ctx;
	if (str_i64(f->value, 0, 255, &f->number) < 0) {
		auto_free char *shown = str_quote(f->value);
		return err_set(e, ERR_INVALID, "exited=%s: an exit code is a number from 0 to 255",
			       shown ? shown : "");
	}
	return 0;
}

static int read_status(void *ctx, struct filter *f, struct err *e)
{
	static const char *const states[] = {
		"created", "initialized", "running",  "stopped", "paused",
		"exited",  "removing",	  "stopping", "unknown", "restarting",
	};

	(void)ctx;
	for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++)
		if (streq(states[i], f->value))
			return 0;
	auto_free char *shown = str_printable(f->value);
	return err_set(e, ERR_INVALID, "unknown container state: %s", shown ? shown : "");
}

static int read_health(void *ctx, struct filter *f, struct err *e)
{
	(void)ctx;
	if (streq(f->value, "none") || streq(f->value, "starting") || streq(f->value, "healthy") ||
	    streq(f->value, "unhealthy"))
		return 0;
	return err_set(e, ERR_INVALID,
		       "health filter: choose from starting, healthy, unhealthy, none");
}

static const struct ctr_request *request(const void *object)
{
	const struct ps_row *row = object;

	return &row->c->req;
}

static bool match_id(void *ctx, const struct filter *f, const void *o)
{
	(void)ctx;
	return str_starts(request(o)->id, f->value);
}

static bool match_name(void *ctx, const struct filter *f, const void *o)
{
	const struct ps_context *x = ctx;

	return !regexec(&x->regexes[f->number], request(o)->name, 0, NULL, 0);
}

static bool match_label(void *ctx, const struct filter *f, const void *o)
{
	(void)ctx;
	return filter_match_label(f->value, &request(o)->labels);
}

static bool match_exited(void *ctx, const struct filter *f, const void *o)
{
	const struct ps_row *row = o;

	(void)ctx;
	return row->c->status.state == CTR_EXITED && row->c->status.exit_code == f->number;
}

static bool match_status(void *ctx, const struct filter *f, const void *o)
{
	const struct ps_row *row = o;
	const char *state = ctr_status_str(&row->c->status);

	(void)ctx;
	return streq(state, f->value) || (streq(f->value, "stopped") && streq(state, "exited"));
}

static bool match_ancestor(void *ctx, const struct filter *f, const void *o)
{
	const struct ctr_request *r = request(o);
	const char *hex = str_after(f->value, "sha256:");

	(void)ctx;
	return str_starts(r->image_id, hex ? hex : f->value) ||
	       filter_match_reference(f->value, r->image);
}

static bool match_before(void *ctx, const struct filter *f, const void *o)
{
	(void)ctx;
	return request(o)->created_ns < f->number;
}

static bool match_since(void *ctx, const struct filter *f, const void *o)
{
	(void)ctx;
	return request(o)->created_ns > f->number;
}

/* A source and a destination, which need not be terminated. */
struct place {
	const char *from, *to;
	size_t from_len, to_len;
};

/* -v [SOURCE:]DESTINATION[:OPTIONS] */
static struct place place_of_volume(const char *text)
{
	size_t len = strcspn(text, ":");

	if (!text[len])
		return (struct place){ "", text, 0, len };
	return (struct place){ text, text + len + 1, len, strcspn(text + len + 1, ":") };
}

/* --mount type=...,source=...,destination=... */
static struct place place_of_mount(const char *text)
{
	static const char *const from[] = { "source=", "src=" };
	static const char *const to[] = { "destination=", "dst=", "target=" };
	struct place p = { "", "", 0, 0 };

	while (*text) {
		size_t len = strcspn(text, ",");

		for (size_t i = 0; i < 3; i++) {
			const char *f = i < 2 ? str_after(text, from[i]) : NULL;
			const char *t = str_after(text, to[i]);

			if (f)
				p = (struct place){ f, p.to, len - (size_t)(f - text), p.to_len };
			if (t)
				p = (struct place){ p.from, t, p.from_len,
						    len - (size_t)(t - text) };
		}
		text += len + (text[len] != '\0');
	}
	return p;
}

static bool same(const char *a, size_t a_len, const char *b, size_t b_len)
{
	return a_len == b_len && !strncmp(a, b, a_len);
}

/* SOURCE:DESTINATION, or either of them. */
static bool is_place(const char *wanted, struct place p)
{
	const char *colon = strchr(wanted, ':');
	size_t len = strlen(wanted);

	if (colon)
		return same(wanted, (size_t)(colon - wanted), p.from, p.from_len) &&
		       same(colon + 1, strlen(colon + 1), p.to, p.to_len);
	return same(wanted, len, p.from, p.from_len) || same(wanted, len, p.to, p.to_len);
}

static bool match_volume(void *ctx, const struct filter *f, const void *o)
{
	const struct ctr_request *r = request(o);

	(void)ctx;
	for (size_t i = 0; i < r->volumes.n; i++)
		if (is_place(f->value, place_of_volume(r->volumes.items[i])))
			return true;
	for (size_t i = 0; i < r->mounts.n; i++)
		if (is_place(f->value, place_of_mount(r->mounts.items[i])))
			return true;
	for (size_t i = 0; i < r->anon_volumes.n && i < r->anon_dests.n; i++) {
		const char *name = r->anon_volumes.items[i], *to = r->anon_dests.items[i];

		if (is_place(f->value, (struct place){ name, to, strlen(name), strlen(to) }))
			return true;
	}
	return false;
}

static bool match_health(void *ctx, const struct filter *f, const void *o)
{
	const struct ps_row *row = o;
	const char *is = ctr_hc_status_str(row->health);

	(void)ctx;
	return streq(f->value, is[0] ? is : "none");
}

static bool match_pod(void *ctx, const struct filter *f, const void *o)
{
	(void)ctx;
	(void)o;
	return !*f->value; /* no container is in a pod */
}

static bool match_network(void *ctx, const struct filter *f, const void *o)
{
	const struct ctr_request *r = request(o);

	(void)ctx;
	for (size_t i = 0; i < r->networks.n; i++) {
		const char *rest = str_after(r->networks.items[i], f->value);

		if (rest && (!*rest || *rest == ':'))
			return true;
	}
	return false;
}

static bool match_restart(void *ctx, const struct filter *f, const void *o)
{
	const char *policy = request(o)->restart;

	(void)ctx;
	if (!*f->value || streq(f->value, "no") || streq(f->value, "never"))
		return !policy;
	return policy && streq(policy, f->value);
}

static bool match_command(void *ctx, const struct filter *f, const void *o)
{
	const struct ps_row *row = o;
	const char *rest = str_after(row->command, f->value);

	(void)ctx;
	return rest && (!*rest || *rest == ' ');
}

static bool match_boot(void *ctx, const struct filter *f, const void *o)
{
	const struct ps_row *row = o;

	(void)ctx;
	return (f->number != 0) == ctr_starts_on_boot(&row->c->req, &row->c->status);
}

const struct filter_key ps_filter_keys[] = {
	{ "ancestor", false, NULL, match_ancestor },
	{ "before", false, read_container, match_before },
	{ "command", false, NULL, match_command },
	{ "exited", false, read_code, match_exited },
	{ "health", false, read_health, match_health },
	{ "id", false, NULL, match_id },
	{ "label", true, NULL, match_label },
	{ "name", false, read_name, match_name },
	{ "network", false, NULL, match_network },
	{ "pod", false, NULL, match_pod },
	{ "restart-policy", false, NULL, match_restart },
	{ "should-start-on-boot", false, filter_read_bool, match_boot },
	{ "since", false, read_container, match_since },
	{ "status", false, read_status, match_status },
	{ "until", false, filter_read_time, match_before },
	{ "volume", false, NULL, match_volume },
	{ NULL, false, NULL, NULL },
};

const struct filter_words ps_filter_words = {
	.malformed = "invalid filter \"%s\"",
	.unknown = "%s is an invalid filter",
};
