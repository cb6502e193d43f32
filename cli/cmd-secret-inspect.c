/* `secret inspect`: what is known of secrets, and on request what they hold. */
#include <errno.h>
#include <stdlib.h>

#include <ctrlite/secret.h>

#include "cli.h"
#include "commands.h"
#include "fd.h"
#include "json.h"
#include "out.h"

struct inspect_args {
	const char *format;
	bool pretty, show;
};

#define ARG(m) offsetof(struct inspect_args, m)
/* clang-format off */
static const struct opt opts[] = {
	{ 'f', "format",     "FORMAT", OPT_STRING, ARG(format), "Print as json, or by a Go template" },
	{ 0,   "pretty",     NULL,     OPT_FLAG,   ARG(pretty), "Print lines for people" },
	{ 0,   "showsecret", NULL,     OPT_FLAG,   ARG(show),   "Show the content too" },
	{ 0 },
};
/* clang-format on */
#undef ARG

static const char pretty[] =
	"ID:              {{.ID}}\n"
	"Name:              {{.Spec.Name}}\n"
	"{{- if .Spec.Labels}}\nLabels:\n"
	"{{- range $k, $v := .Spec.Labels}}\n - {{$k}}{{if $v}}={{$v}}{{end}}{{end}}{{end}}\n"
	"Driver:            {{.Spec.Driver.Name}}\n"
	"Created at:        {{.CreatedAt}}\n"
	"Updated at:        {{.UpdatedAt}}\n"
	"{{- if .SecretData}}\nSecret:            {{.SecretData}}{{end}}";

static const struct tmpl_field fields[] = {
	{ "CreatedAt", NULL, TMPL_TIME },
	{ "UpdatedAt", NULL, TMPL_TIME },
	{ "Labels", NULL, TMPL_MAP },
	{ "Options", NULL, TMPL_MAP },
	{ "SecretData", NULL, TMPL_OPTIONAL },
	{ NULL, NULL, 0 },
};

static int add_pairs(json_t *to, const struct strv *from)
{
	for (size_t i = 0; i < from->n; i++) {
		const char *eq = strchr(from->items[i], '=');
		auto_free char *key = eq ? strndup(from->items[i], (size_t)(eq - from->items[i])) : NULL;

		if (!key || json_object_set_new(to, key, json_string(eq + 1)) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int add_data(struct cmd *c, const struct ctr_secret *s, json_t *to, struct err *e)
{
	char *data = NULL;
	size_t len = 0;
	int r = ctr_secret_data(c->eng, s->id, &data, &len, e);

	if (r == 0 && json_object_set_new(to, "SecretData", json_stringn(data, len)) < 0)
		r = err_set(e, ERR_INVALID, "secret %s is not text: give it to a container to read it",
			    s->name);
	ctr_secret_data_free(data, len);
	return r;
}

static int describe(struct cmd *c, const char *name, bool show, json_t *to, struct err *e)
{
	struct ctr_secret s = CTR_SECRET_INIT;
	auto_json json_t *labels = json_object(), *options = json_object(), *j = NULL;
	auto_free char *created = NULL, *updated = NULL, *path = NULL;
	int r = ctr_secret_find(c->eng, name, &s, e);

	if (r < 0)
		return r;
	created = out_rfc3339(s.created_ns, true);
	updated = out_rfc3339(s.updated_ns, true);
	path = str_printf("%s/secrets", c->eng->store.root);
	if (add_pairs(labels, &s.labels) < 0 || add_pairs(options, &s.driver_opts) < 0 || !path ||
	    (!json_object_get(options, "path") &&
	     json_object_set_new(options, "path", json_string(path)) < 0))
		r = err_sys(e, ENOMEM, "inspect a secret");
	if (r == 0)
		j = json_pack("{s:s, s:s?, s:s?, s:{s:s, s:{s:s, s:O}, s:O}}", "ID", s.id, "CreatedAt",
			      created, "UpdatedAt", updated, "Spec", "Name", s.name, "Driver", "Name",
			      "file", "Options", options, "Labels", labels);
	if (r == 0 && show && j)
		r = add_data(c, &s, j, e);
	if (r == 0 && json_array_append(to, j) < 0)
		r = err_sys(e, ENOMEM, "inspect a secret");
	ctr_secret_done(&s);
	return r;
}

static int print(const struct inspect_args *a, json_t *found, struct err *e)
{
	auto_format struct out_format f = OUT_FORMAT_INIT;
	struct out_list l = { .views = found, .json = found, .fields = fields, .indent = 4 };
	int r;

	if (!a->pretty && !a->format)
		return out_json(found, 4, e);
	r = out_format_parse("inspect", a->pretty ? pretty : a->format, NULL, false, &f, e);
	return r < 0 ? r : out_list_print(&f, &l, false, e);
}

static int run(struct cmd *c, void *args, struct err *e)
{
	const struct inspect_args *a = args;
	auto_json json_t *found = json_array();
	struct err first = ERR_INIT, why = ERR_INIT;
	int r;

	if (a->pretty && a->format)
		return err_set(e, ERR_INVALID, "format and pretty cannot be used together");
	for (size_t i = 0; i < c->n_args; i++)
		if (describe(c, c->args[i], a->show, found, &why) < 0 && first.kind == ERR_NONE)
			first = why;
	if (json_array_size(found) || (!a->format && !a->pretty)) {
		r = print(a, found, e);
		if (r < 0)
			return r;
	}
	if (first.kind == ERR_NONE)
		return 0;
	*e = first;
	return err_wrap(e, err_kind_errno(first.kind), "inspecting secret");
}

const struct command cmd_secret_inspect = {
	.summary = "Inspect a secret",
	.usage = "[options] SECRET [SECRET...]",
	.description = "Displays what is known of secrets, as JSON; what they hold only with --showsecret.",
	.examples = "secret inspect token\nsecret inspect --showsecret --format '{{.SecretData}}' token",
	.run = run, .opts = opts, .args_size = sizeof(struct inspect_args), .min_args = 1,
	.max_args = ARGS_ANY, .needs = NEED_STORE, .complete = COMPLETE_SECRET,
};
