/* `secret ls`: the secrets of the store. */
#include <errno.h>
#include <regex.h>
#include <stdlib.h>

#include <ctrlite/secret.h>

#include "cli.h"
#include "commands.h"
#include "fd.h"
#include "filter.h"
#include "json.h"
#include "out.h"

struct ls_args {
	struct strv filters;
	const char *format;
	bool no_heading, quiet;
};

#define ARG(m) offsetof(struct ls_args, m)
/* clang-format off */
static const struct opt opts[] = {
	{ 'f', "filter",    "FILTER", OPT_LIST,   ARG(filters),    "Show only secrets that fit (name=, id=)" },
	{ 0,   "format",    "FORMAT", OPT_STRING, ARG(format),     "Print as json, or by a Go template" },
	{ 'n', "noheading", NULL,     OPT_FLAG,   ARG(no_heading), "Do not print column headings" },
	{ 'q', "quiet",     NULL,     OPT_FLAG,   ARG(quiet),      "Print IDs only" },
	{ 0 },
};
/* clang-format on */
#undef ARG

static bool match_id(void *ctx, const struct filter *f, const void *object)
{
	const struct ctr_secret *s = object;

	(void)ctx;
	return str_starts(s->id, f->value);
}

/* The value is a regular expression, as other filters of names are. */
static int read_name(void *ctx, struct filter *f, struct err *e)
{
	regex_t re;

	(void)ctx;
	if (regcomp(&re, f->value, REG_EXTENDED | REG_NOSUB))
		return err_set(e, ERR_INVALID, "invalid filter \"name=%s\": not a regular expression",
			       f->value);
	regfree(&re);
	return 0;
}

static bool match_name(void *ctx, const struct filter *f, const void *object)
{
	const struct ctr_secret *s = object;
	regex_t re;
	bool found;

	(void)ctx;
	if (regcomp(&re, f->value, REG_EXTENDED | REG_NOSUB))
		return false;
	found = regexec(&re, s->name, 0, NULL, 0) == 0;
	regfree(&re);
	return found;
}

static const struct filter_key filter_keys[] = {
	{ "id", false, NULL, match_id },
	{ "name", false, read_name, match_name },
	{ NULL, false, NULL, NULL },
};
static const struct filter_words filter_words = {
	.malformed = "filter input must be in the form of filter=value: %s is invalid",
	.unknown = "invalid filter \"%s\"",
};

static json_t *row(const struct ctr_secret *s)
{
	auto_free char *created = out_ago(s->created_ns), *updated = out_ago(s->updated_ns);
	json_t *labels = json_object();

	for (size_t i = 0; i < s->labels.n; i++) {
		const char *eq = strchr(s->labels.items[i], '=');
		auto_free char *key = strndup(s->labels.items[i], (size_t)(eq - s->labels.items[i]));

		if (key)
			(void)json_object_set_new(labels, key, json_string(eq + 1)); /* checked below */
	}
	return json_pack("{s:s, s:s, s:s, s:s?, s:s?, s:o}", "ID", s->id, "Name", s->name, "Driver", "file",
			 "CreatedAt", created, "UpdatedAt", updated, "Labels", labels);
}

static const struct tmpl_field fields[] = {
	{ "Labels", NULL, TMPL_MAP },
	{ "Label", "Labels", TMPL_METHOD },
	{ NULL, NULL, 0 },
};

static int print(const struct ctr_secret_list *l, const struct filters *f, const struct ls_args *a,
		 struct err *e)
{
	auto_format struct out_format format = OUT_FORMAT_INIT;
	auto_json json_t *rows = json_array();
	auto_json json_t *headings = json_pack("{s:s, s:s}", "CreatedAt", "CREATED", "UpdatedAt", "UPDATED");
	struct out_list out = { .views = rows, .json = rows, .fields = fields, .headings = headings,
				.indent = 4 };
	int r = out_format_parse("list", a->format,
				 "{{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.CreatedAt}}\t{{.UpdatedAt}}", true,
				 &format, e);

	for (size_t i = 0; r >= 0 && i < l->n; i++)
		if (filters_match(f, NULL, &l->items[i]) &&
		    json_array_append_new(rows, row(&l->items[i])) < 0)
			r = err_sys(e, ENOMEM, "list the secrets");
	return r < 0 ? r : out_list_print(&format, &out, a->no_heading, e);
}

static int run(struct cmd *c, void *args, struct err *e)
{
	auto_filters struct filters f = FILTERS_INIT;
	struct ctr_secret_list l = CTR_SECRET_LIST_INIT;
	const struct ls_args *a = args;
	int r = filters_parse(&a->filters, filter_keys, &filter_words, NULL, &f, e);

	if (r >= 0)
		r = ctr_secret_list(c->eng, &l, e);
	if (r >= 0 && a->quiet && !a->format) {
		for (size_t i = 0; i < l.n; i++)
			if (filters_match(&f, NULL, &l.items[i]))
				printf("%s\n", l.items[i].id);
	} else if (r >= 0) {
		r = print(&l, &f, a, e);
	}
	ctr_secret_list_done(&l);
	return r;
}

const struct command cmd_secret_ls = {
	.summary = "List secrets",
	.usage = "[options]",
	.examples = "secret ls\nsecret ls --filter name=token --format '{{.ID}} {{.Name}}'",
	.run = run, .opts = opts, .args_size = sizeof(struct ls_args), .needs = NEED_STORE,
};
