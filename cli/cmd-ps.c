/* `ps`: the containers of the store. */
#include <errno.h>
#include <regex.h>
#include <stdlib.h>

#include <ctrlite/container.h>
#include <ctrlite/image.h>
#include <ctrlite/network.h>
#include <ctrlite/size.h>

#include "cli.h"
#include "commands.h"
#include "fd.h"
#include "filter.h"
#include "out.h"
#include "targets.h"

#define COMMAND_WIDTH 17
#define SHORT_ID 12

struct ps_args {
	bool all, latest, no_trunc, no_heading, quiet, size;
	int64_t last;
	const char *format, *sort;
	struct strv filters;
};

#define ARG(m) offsetof(struct ps_args, m)
/* clang-format off */
static const struct opt opts[] = {
	{ 'a', "all",        NULL,     OPT_FLAG,    ARG(all),        "Show all the containers, default is only running containers" },
	{ 0,   "external",   NULL,     OPT_REFUSED, .text = "containers of other tools are not looked at" },
	{ 'f', "filter",     "FILTER", OPT_LIST,    ARG(filters),    "Show only containers that fit (name=, id=, status=, label=, ancestor=, exited=, before=, since=, until=, volume=, network=, command=)" },
	{ 0,   "format",     "FORMAT", OPT_STRING,  ARG(format),     "Print as json, or by a Go template" },
	{ 'n', "last",       "N",      OPT_I64,     ARG(last),       "Print the n last created containers (all states)" },
	{ 'l', "latest",     NULL,     OPT_FLAG,    ARG(latest),     "Show the latest container created (all states)" },
	{ 0,   "namespace",  NULL,     OPT_ALIAS,   .text = "ns", .flags = OPT_HIDDEN },
	{ 0,   "no-trunc",   NULL,     OPT_FLAG,    ARG(no_trunc),   "Display the extended information" },
	{ 0,   "noheading",  NULL,     OPT_FLAG,    ARG(no_heading), "Do not print headers" },
	{ 0,   "notruncate", NULL,     OPT_ALIAS,   .text = "no-trunc", .flags = OPT_HIDDEN },
	{ 0,   "ns",         NULL,     OPT_REFUSED, .text = "inspect and /proc show the namespaces" },
	{ 'p', "pod",        NULL,     OPT_REFUSED, .text = "there are no pods yet" },
	{ 'q', "quiet",      NULL,     OPT_FLAG,    ARG(quiet),      "Print the numeric IDs of the containers only" },
	{ 's', "size",       NULL,     OPT_FLAG,    ARG(size),       "Display the total file sizes" },
	{ 0,   "sort",       "FIELD",  OPT_STRING,  ARG(sort),       "Sort output by command, created, id, image, names, runningfor, size, or status" },
	{ 0,   "storage",    NULL,     OPT_ALIAS,   .text = "external", .flags = OPT_HIDDEN },
	{ 0,   "sync",       NULL,     OPT_REFUSED, .text = "states are always read afresh" },
	{ 'w', "watch",      "SECONDS",OPT_REFUSED, .text = "run ps again, or by watch(1)" },
	{ 0 },
};
/* clang-format on */
static const struct ps_args defaults = { .last = -1, .sort = "created" };

struct row {
	struct ctr_container *c;
	char *command;			/* whole */
	char *status;			/* "Up 3 minutes" */
	uint64_t size_rw, size_image;
};

struct rows {
	struct row *items;
	size_t n;
};

struct context {
	struct cmd *c;
	struct ctr_container_list list;
	regex_t *regexes;		/* of name filters, by their number */
	size_t n_regexes;
};

/* before=CONTAINER, since=CONTAINER: its time */
static int read_container(void *ctx, struct filter *f, struct err *e)
{
	struct context *x = ctx;
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
	struct context *x = ctx;
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
		"created", "initialized", "running", "stopped", "paused", "exited", "removing",
		"stopping", "unknown",
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
	const struct row *row = object;

	return &row->c->req;
}

static bool match_id(void *ctx, const struct filter *f, const void *o)
{
	(void)ctx;
	return str_starts(request(o)->id, f->value);
}

static bool match_name(void *ctx, const struct filter *f, const void *o)
{
	const struct context *x = ctx;

	return !regexec(&x->regexes[f->number], request(o)->name, 0, NULL, 0);
}

static bool match_label(void *ctx, const struct filter *f, const void *o)
{
	(void)ctx;
	return filter_match_label(f->value, &request(o)->labels);
}

static bool match_exited(void *ctx, const struct filter *f, const void *o)
{
	const struct row *row = o;

	(void)ctx;
	return row->c->status.state == CTR_EXITED && row->c->status.exit_code == f->number;
}

static bool match_status(void *ctx, const struct filter *f, const void *o)
{
	const struct row *row = o;
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

/* Is @part a field of the colon- or comma-separated option text? */
static bool has_field(const char *text, const char *part, size_t len)
{
	while (*text) {
		size_t n = strcspn(text, ":,=");

		if (n == len && !strncmp(text, part, len))
			return true;
		text += n + (text[n] != '\0');
	}
	return false;
}

static bool match_volume(void *ctx, const struct filter *f, const void *o)
{
	const struct ctr_request *r = request(o);
	size_t len = strcspn(f->value, ":");

	(void)ctx;
	for (size_t i = 0; i < r->volumes.n; i++)
		if (has_field(r->volumes.items[i], f->value, len))
			return true;
	for (size_t i = 0; i < r->mounts.n; i++)
		if (has_field(r->mounts.items[i], f->value, len))
			return true;
	return strv_has(&r->anon_volumes, f->value) || strv_has(&r->anon_dests, f->value);
}

static bool match_health(void *ctx, const struct filter *f, const void *o)
{
	(void)ctx;
	(void)o;
	return streq(f->value, "none");	/* no container has a health check */
}

static bool match_pod(void *ctx, const struct filter *f, const void *o)
{
	(void)ctx;
	(void)o;
	return !*f->value;		/* no container is in a pod */
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
	(void)ctx;
	(void)o;
	return !*f->value || streq(f->value, "no") || streq(f->value, "never");
}

static bool match_command(void *ctx, const struct filter *f, const void *o)
{
	const struct row *row = o;
	const char *rest = str_after(row->command, f->value);

	(void)ctx;
	return rest && (!*rest || *rest == ' ');
}

static bool match_boot(void *ctx, const struct filter *f, const void *o)
{
	(void)ctx;
	(void)o;
	return f->number == 0;		/* that needs a restart policy */
}

static const struct filter_key filter_keys[] = {
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

static const struct filter_words filter_words = {
	.malformed = "invalid filter \"%s\"",
	.unknown = "%s is an invalid filter",
};

static char *status_text(const struct ctr_status *s)
{
	auto_free char *since = NULL;

	switch (s->state) {
	case CTR_CREATED:
		return strdup("Created");
	case CTR_RUNNING:
		if (s->paused)
			return strdup("Paused");
		since = out_duration(out_now_ns() - s->started_ns);
		return since ? str_printf("Up %s", since) : NULL;
	case CTR_EXITED:
	case CTR_LOST:
		since = out_ago(s->finished_ns);
		return since ? str_printf("Exited (%d) %s", s->exit_code, since) : NULL;
	}
	return NULL;
}

static char *ports_text(const struct ctr_request *r)
{
	struct strbuf b = STRBUF_INIT;

	for (size_t i = 0; i < r->publish.n; i++) {
		struct ctr_net_port p;
		auto_free char *text = NULL;

		if (ctr_net_port_parse(r->publish.items[i], &p, NULL) < 0)
			continue;	/* of a newer version: shown by inspect */
		text = ctr_net_port_ps(&p);
		strbuf_addf(&b, "%s%s", b.len ? ", " : "", text ? text : "");
	}
	return strbuf_take(&b);
}

static char *size_text(const struct row *row)
{
	auto_free char *rw = out_size(row->size_rw, 3, "");
	auto_free char *all = out_size(row->size_rw + row->size_image, 3, "");

	return rw && all ? str_printf("%s (virtual %s)", rw, all) : NULL;
}

static json_t *strings(const struct strv *v)
{
	json_t *a = json_array();

	for (size_t i = 0; a && i < v->n; i++)
		json_array_append_new(a, json_string(v->items[i]));
	return a;
}

static json_t *labels(const struct ctr_request *r)
{
	json_t *map = json_object();

	for (size_t i = 0; map && i < r->labels.n; i++) {
		const char *l = r->labels.items[i];
		size_t len = strcspn(l, "=");
		auto_free char *key = strndup(l, len);

		if (key)
			json_object_set_new(map, key, json_string(l[len] ? l + len + 1 : ""));
	}
	return map;
}

static json_t *mounts(const struct ctr_request *r)
{
	json_t *a = json_array();

	for (size_t i = 0; i < r->volumes.n; i++) {
		auto_strv struct strv parts = STRV_INIT;

		if (strv_split(&parts, r->volumes.items[i], ':') == 0)
			json_array_append_new(a, json_string(parts.items[parts.n > 1 ? 1 : 0]));
	}
	for (size_t i = 0; i < r->anon_dests.n; i++)
		json_array_append_new(a, json_string(r->anon_dests.items[i]));
	return a;
}

static json_t *ports_json(const struct ctr_request *r)
{
	json_t *a = json_array();

	for (size_t i = 0; i < r->publish.n; i++) {
		struct ctr_net_port p;

		if (ctr_net_port_parse(r->publish.items[i], &p, NULL) < 0)
			continue;
		json_array_append_new(a, json_pack("{s:s, s:i, s:i, s:i, s:s}", "host_ip",
						   p.host_ip, "container_port", p.ctr_port,
						   "host_port", p.host_port, "range", p.count,
						   "protocol", p.udp ? "udp" : "tcp"));
	}
	if (json_array_size(a))
		return a;
	json_decref(a);
	return json_null();
}

static json_t *command_json(const struct ctr_request *r)
{
	json_t *a = strings(&r->entrypoint);

	for (size_t i = 0; i < r->cmd.n; i++)
		json_array_append_new(a, json_string(r->cmd.items[i]));
	return a;
}

#define NEVER_S (-62135596800LL)	/* Go's zero time */

static int64_t seconds(int64_t ns)
{
	return ns ? ns / 1000000000 : NEVER_S;
}

static json_t *row_json(const struct row *row, bool size)
{
	const struct ctr_request *r = &row->c->req;
	const struct ctr_status *s = &row->c->status;
	auto_free char *ago = out_ago(r->created_ns);
	json_t *j;

	j = json_pack("{s:b, s:o, s:s?, s:s, s:b, s:I, s:i, s:n, s:s, s:s, s:s, s:b}", "AutoRemove",
		      r->rm, "Command", command_json(r), "CreatedAt", ago, "CIDFile",
		      r->cidfile ? r->cidfile : "", "Exited", s->state == CTR_EXITED, "ExitedAt",
		      (json_int_t)seconds(s->state == CTR_RUNNING ? 0 : s->finished_ns), "ExitCode",
		      s->exit_code, "ExposedPorts", "Id", r->id, "Image", r->image, "ImageID",
		      r->image_id, "IsInfra", false);
	json_object_set_new(j, "Labels", r->labels.n ? labels(r) : json_null());
	json_object_set_new(j, "Mounts", mounts(r));
	json_object_set_new(j, "Names", json_pack("[s]", r->name));
	json_object_set_new(j, "Namespaces", json_object());
	json_object_set_new(j, "Networks", json_array());
	json_object_set_new(j, "Pid", json_integer(s->state == CTR_RUNNING ? s->pid : 0));
	json_object_set_new(j, "Pod", json_string(""));
	json_object_set_new(j, "PodName", json_string(""));
	json_object_set_new(j, "Ports", ports_json(r));
	json_object_set_new(j, "Restarts", json_integer(0));
	if (size)
		json_object_set_new(j, "Size",
				    json_pack("{s:I, s:I}", "rootFsSize",
					      (json_int_t)(row->size_rw + row->size_image),
					      "rwSize", (json_int_t)row->size_rw));
	else
		json_object_set_new(j, "Size", json_null());
	json_object_set_new(j, "StartedAt", json_integer(seconds(s->started_ns)));
	json_object_set_new(j, "State", json_string(ctr_status_str(s)));
	json_object_set_new(j, "Status", json_string(row->status));
	json_object_set_new(j, "Created", json_integer(seconds(r->created_ns)));
	return j;
}

/* What the table without --format shows. */
static json_t *row_columns(const struct row *row, const struct ps_args *a)
{
	const struct ctr_request *r = &row->c->req;
	auto_free char *ago = out_ago(r->created_ns), *ports = ports_text(r);
	auto_free char *size = a->size ? size_text(row) : NULL;
	auto_free char *command = NULL,
		       *id = a->no_trunc ? strdup(r->id) : strndup(r->id, SHORT_ID);
	json_t *j;

	if (!a->no_trunc && strlen(row->command) > COMMAND_WIDTH) {
		int cut = COMMAND_WIDTH;

		while (cut && ((unsigned char)row->command[cut] & 0xc0) == 0x80)
			cut--;	/* not within a character */
		command = str_printf("%.*s...", cut, row->command);
	}
	j = json_pack("{s:s?, s:s, s:s, s:s?, s:s, s:s?, s:s}", "ID", id, "Image", r->image, "Command",
		      command ? command : row->command, "CreatedHuman", ago, "Status", row->status,
		      "Ports", ports, "Names", r->name);
	if (size)
		json_object_set_new(j, "Size", json_string(size));
	return j;
}

/* What templates see of a row. */
static json_t *row_view(const struct row *row, const struct ps_args *a)
{
	const struct ctr_request *r = &row->c->req;
	const struct ctr_status *s = &row->c->status;
	auto_free char *created = NULL;
	json_t *j = row_columns(row, a);

	if (!a->format)
		return j;
	created = out_rfc3339(r->created_ns, false);
	json_object_set_new(j, "ImageID", json_string(r->image_id));
	json_object_set_new(j, "CreatedAt", json_string(created));
	json_object_set_new(j, "Created", json_string(created));
	json_object_set(j, "RunningFor", json_object_get(j, "CreatedHuman"));
	json_object_set_new(j, "State", json_string(ctr_status_str(s)));
	if (!a->size)
		json_object_set_new(j, "Size", json_string(""));
	json_object_set_new(j, "Networks", json_string(""));
	json_object_set_new(j, "Labels", labels(r));
	json_object_set_new(j, "Label", labels(r));
	json_object_set_new(j, "Mounts", mounts(r));
	json_object_set_new(j, "AutoRemove", json_boolean(r->rm));
	json_object_set_new(j, "CIDFile", json_string(r->cidfile ? r->cidfile : ""));
	json_object_set_new(j, "Exited", json_boolean(s->state == CTR_EXITED));
	json_object_set_new(j, "ExitedAt", json_integer(seconds(s->finished_ns)));
	json_object_set_new(j, "ExitCode", json_integer(s->exit_code));
	json_object_set_new(j, "ExposedPorts", json_object());
	json_object_set_new(j, "IsInfra", json_false());
	json_object_set_new(j, "Pid", json_integer(s->state == CTR_RUNNING ? s->pid : 0));
	json_object_set_new(j, "Pod", json_string(""));
	json_object_set_new(j, "PodName", json_string(""));
	json_object_set_new(j, "Restarts", json_integer(0));
	json_object_set_new(j, "StartedAt", json_integer(seconds(s->started_ns)));
	return j;
}

static const struct tmpl_field fields[] = {
	{ "Labels", NULL, TMPL_MAP },
	{ "Label", NULL, TMPL_MAP | TMPL_METHOD },
	{ "ExposedPorts", NULL, TMPL_MAP },
	{ "Created", NULL, TMPL_TIME },
	{ "CreatedAt", NULL, TMPL_TIME },
	{ NULL, NULL, 0 },
};

static int compare_int(int64_t a, int64_t b)
{
	return a < b ? -1 : a > b;
}

static int by_created(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int r = compare_int(x->c->req.created_ns, y->c->req.created_ns);

	return r ? r : strcmp(x->c->req.id, y->c->req.id);
}

static int by_command(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int r = strcmp(x->command, y->command);

	return r ? r : by_created(a, b);
}

static int by_id(const void *a, const void *b)
{
	return strcmp(request(a)->id, request(b)->id);
}

static int by_image(const void *a, const void *b)
{
	int r = strcmp(request(a)->image, request(b)->image);

	return r ? r : by_created(a, b);
}

static int by_names(const void *a, const void *b)
{
	return strcmp(request(a)->name, request(b)->name);
}

static int by_running(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int r = compare_int(x->c->status.started_ns, y->c->status.started_ns);

	return r ? r : by_created(a, b);
}

static int by_size(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int r = compare_int((int64_t)(x->size_rw + x->size_image),
			    (int64_t)(y->size_rw + y->size_image));

	return r ? r : by_created(a, b);
}

static int by_status(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int r = strcmp(ctr_status_str(&x->c->status), ctr_status_str(&y->c->status));

	return r ? r : by_created(a, b);
}

static const struct {
	const char *name;
	int (*compare)(const void *a, const void *b);
} sorts[] = {
	{ "command", by_command }, { "created", by_created }, { "id", by_id },
	{ "image", by_image },	   { "names", by_names },     { "runningfor", by_running },
	{ "size", by_size },	   { "status", by_status },
};

static int sort_rows(struct rows *rows, const char *field, struct err *e)
{
	for (size_t i = 0; i < sizeof(sorts) / sizeof(*sorts); i++) {
		if (streq(sorts[i].name, field)) {
			if (rows->n)
				qsort(rows->items, rows->n, sizeof(*rows->items), sorts[i].compare);
			return 0;
		}
	}
	auto_free char *shown = str_quote(field);
	return err_set(e, ERR_INVALID, "%s is not a valid field for sorting. Choose from: command, "
		       "created, id, image, names, runningfor, size, status", shown ? shown : "");
}

static void row_done(struct row *row)
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
	return a->all || a->latest || a->last >= 0;
}

static int make_rows(struct context *x, const struct filters *f, bool running_only, struct rows *ret,
		     struct err *e)
{
	ret->items = calloc(x->list.n + 1, sizeof(*ret->items));
	if (!ret->items)
		return err_sys(e, ENOMEM, "list containers");
	for (size_t i = 0; i < x->list.n; i++) {
		struct ctr_container *c = &x->list.items[i];
		struct row row = { .c = c };

		if (running_only && c->status.paused)
			continue;
		row.command = ctr_request_command(&c->req);
		row.status = status_text(&c->status);
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
static void keep_last(struct rows *rows, size_t n)
{
	size_t drop = rows->n > n ? rows->n - n : 0;

	for (size_t i = 0; i < drop; i++)
		row_done(&rows->items[i]);
	memmove(rows->items, rows->items + drop, (rows->n - drop) * sizeof(*rows->items));
	rows->n -= drop;
}

static int read_sizes(struct cmd *c, struct rows *rows, struct err *e)
{
	for (size_t i = 0; i < rows->n; i++) {
		struct row *row = &rows->items[i];
		struct ctr_image image = CTR_IMAGE_INIT;
		int r = ctr_container_size(c->eng, row->c->req.id, &row->size_rw, e);

		if (r < 0)
			return r;
		if (ctr_image_get(c->eng, row->c->req.image_id, &image, NULL, NULL) < 0)
			continue;	/* the image is gone: only what was written is known */
		row->size_image = image.size_bytes;
		ctr_image_done(&image);
	}
	return 0;
}

static int print_rows(const struct rows *rows, const struct ps_args *a, struct err *e)
{
	auto_format struct out_format f = OUT_FORMAT_INIT;
	struct out_list l = {
		.views = json_array(), .json = json_array(), .fields = fields, .indent = 2
	};
	int r;

	r = out_format_parse(
		"ps", a->format,
		a->size ? "{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.CreatedHuman}}\t{{.Status}}\t"
			  "{{.Ports}}\t{{.Names}}\t{{.Size}}"
			: "{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.CreatedHuman}}\t{{.Status}}\t"
			  "{{.Ports}}\t{{.Names}}",
		true, &f, e);
	l.headings = json_pack("{s:s, s:s, s:s}", "ID", "CONTAINER ID", "CreatedHuman", "CREATED",
			       "RunningFor", "CREATED");
	for (size_t i = 0; r >= 0 && i < rows->n; i++) {
		if (json_array_append_new(l.views, row_view(&rows->items[i], a)) < 0 ||
		    (a->format &&
		     json_array_append_new(l.json, row_json(&rows->items[i], a->size)) < 0))
			r = err_sys(e, ENOMEM, "list containers");
	}
	if (r >= 0)
		r = out_list_print(&f, &l, a->no_heading, e);
	json_decref(l.views);
	json_decref(l.json);
	json_decref(l.headings);
	return r;
}

static int list(struct context *x, const struct ps_args *a, const struct filters *f, struct err *e)
{
	struct rows rows = { 0 };
	int r = make_rows(x, f, !any_state(a), &rows, e);

	if (r >= 0 && (a->latest || a->last >= 0))
		keep_last(&rows, a->latest ? 1 : (size_t)a->last);
	if (r >= 0 && (a->size || streq(a->sort, "size")))
		r = read_sizes(x->c, &rows, e);
	if (r >= 0)
		r = sort_rows(&rows, a->sort, e);
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

static void context_done(struct context *x)
{
	for (size_t i = 0; i < x->n_regexes; i++)
		regfree(&x->regexes[i]);
	free(x->regexes);
	ctr_container_list_done(&x->list);
}

static int run(struct cmd *c, void *args, struct err *e)
{
	const struct ps_args *a = args;
	auto_filters struct filters f = FILTERS_INIT;
	struct context x = { .c = c, .list = CTR_CONTAINER_LIST_INIT };
	int r;

	if (a->quiet && a->size)
		return err_set(e, ERR_INVALID, "quiet conflicts with size and namespace");
	if (a->latest && a->last >= 0)
		return err_set(e, ERR_INVALID, "last and latest are mutually exclusive");
	r = filters_parse(&a->filters, filter_keys, &filter_words, &x, &f, e);
	if (r >= 0)
		r = any_state(a) ? ctr_container_list(c->eng, &x.list, e)
				 : ctr_container_list_running(c->eng, &x.list, e);
	if (r >= 0)
		r = list(&x, a, &f, e);
	context_done(&x);
	return r;
}

int ps_choose(struct cmd *c, const struct strv *filters, struct strv *ret, struct err *e)
{
	auto_filters struct filters f = FILTERS_INIT;
	struct context x = { .c = c, .list = CTR_CONTAINER_LIST_INIT };
	struct rows rows = { 0 };
	int r = filters_parse(filters, filter_keys, &filter_words, &x, &f, e);

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
	.run = run, .opts = opts, .args_size = sizeof(struct ps_args), .defaults = &defaults,
	.needs = NEED_STORE,
};
