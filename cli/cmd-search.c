/* `search` and `list-tags`: what registries have, asked by ctr-lite-transfer. */
#include <errno.h>

#include <ctrlite/transfer.h>

#include "cli.h"
#include "commands.h"
#include "fd.h"
#include "filter.h"
#include "json.h"
#include "out.h"
#include "registry-opts.h"

#define DESCRIPTION_COLUMNS 44	/* of a list; the rest is cut */

struct search_args {
	struct registry_args registry;
	struct strv filters;
	const char *format;
	uint64_t limit;
	bool compatible, list_tags, no_trunc;
};

#define ARG(m) offsetof(struct search_args, m)
/* clang-format off */
static const struct opt search_opts[] = {
	{ .kind = OPT_INCLUDE, .table = registry_opts },
	{ 0,   "compatible", NULL,     OPT_FLAG,   ARG(compatible), "List stars, official and automated images as well" },
	{ 'f', "filter",     "FILTER", OPT_LIST,   ARG(filters),    "Show only what fits (stars=N, is-official, is-automated)" },
	{ 0,   "format",     "FORMAT", OPT_STRING, ARG(format),     "Print as json, or by a Go template" },
	{ 0,   "limit",      "N",      OPT_U64,    ARG(limit),      "At most N results of each registry (default 25)" },
	{ 0,   "list-tags",  NULL,     OPT_FLAG,   ARG(list_tags),  "List the tags of the repository that TERM names" },
	{ 0,   "no-trunc",   NULL,     OPT_FLAG,   ARG(no_trunc),   "Do not cut descriptions" },
	{ 0 },
};

static const struct opt tags_opts[] = {
	{ .kind = OPT_INCLUDE, .table = registry_opts },
	{ 0,   "format",     "FORMAT", OPT_STRING, ARG(format),     "Print as json, or by a Go template" },
	{ 0 },
};
/* clang-format on */
static const struct search_args search_defaults = { .registry = REGISTRY_ARGS_DEFAULT };

static int ask(struct cmd *c, const struct search_args *a, const char *command, json_t **ret,
	       struct err *e)
{
	auto_strv struct strv v = STRV_INIT;
	auto_free char *out = NULL;
	struct ctr_transfer t = { 0 };
	char *creds = NULL;
	int r = strv_add(&v, command);

	if (r >= 0)
		r = registry_opts_pass(c, &a->registry, "", &v, e);
	if (r >= 0 && opt_seen(c->opts, "limit"))
		r = strv_addf(&v, "--limit=%llu", (unsigned long long)a->limit);
	if (r >= 0 && a->list_tags)
		r = strv_add(&v, "--list-tags");
	if (r >= 0)
		r = strv_add(&v, "--");
	if (r >= 0)
		r = strv_add(&v, c->args[0]);
	if (r >= 0)
		r = registry_take_creds(a->registry.creds, &creds, e);
	t.creds = creds;
	if (r >= 0)
		r = ctr_transfer_run(&t, (const char *const *)strv_argv(&v), &out, e);
	registry_creds_free(creds);
	if (r < 0)
		return e->kind == ERR_NONE ? err_sys(e, r, "search") : r;
	return json_parse(out, strlen(out), strlen(out), "ctr-lite-transfer", ret, e);
}

/* Filters */

static bool is_ok(const json_t *row, const char *key)
{
	return *json_string_value(json_object_get(row, key));
}

static int read_stars(void *ctx, struct filter *f, struct err *e)
{
	(void)ctx;
	if (str_i64(f->value, 0, INT64_MAX, &f->number) < 0)
		return err_set(e, ERR_INVALID, "incorrect value type for stars filter: \"%s\" is no number",
			       f->value);
	return 0;
}

static bool match_official(void *ctx, const struct filter *f, const void *row)
{
	(void)ctx;
	return is_ok(row, "Official") == (f->number != 0);
}

static bool match_automated(void *ctx, const struct filter *f, const void *row)
{
	(void)ctx;
	return is_ok(row, "Automated") == (f->number != 0);
}

static bool match_stars(void *ctx, const struct filter *f, const void *row)
{
	(void)ctx;
	return json_integer_value(json_object_get(row, "Stars")) >= f->number;
}

static const struct filter_key filter_keys[] = {
	{ "is-automated", false, filter_read_bool, match_automated },
	{ "is-official", false, filter_read_bool, match_official },
	{ "stars", false, read_stars, match_stars },
	{ NULL, false, NULL, NULL },
};
static const struct filter_words filter_words = {
	.malformed = "invalid filter type \"%s\"",
	.unknown = "invalid filter type \"%s\"",
};

/* "is-official" alone means that it is. */
static int parse_filters(const struct search_args *a, struct strv *texts, struct filters *ret,
			 struct err *e)
{
	for (size_t i = 0; i < a->filters.n; i++) {
		const char *s = a->filters.items[i];
		bool alone = streq(s, "is-official") || streq(s, "is-automated");

		if (strv_addf(texts, "%s%s", s, alone ? "=true" : "") < 0)
			return err_sys(e, ENOMEM, "search");
	}
	return filters_parse(texts, filter_keys, &filter_words, NULL, ret, e);
}

/* Rows */

/* A description is one line; in columns it is a short one.  Only whole characters are kept. */
static char *one_line(const char *s, bool cut)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;
	size_t columns = 0;

	for (; *s; s++) {
		bool begins = ((unsigned char)*s & 0xc0) != 0x80;

		if (begins && cut && columns++ == DESCRIPTION_COLUMNS) {
			strbuf_add(&b, "...");
			break;
		}
		strbuf_addc(&b, *s == '\n' || *s == '\r' || *s == '\t' ? ' ' : *s);
	}
	strbuf_addn(&b, "", 0);
	return strbuf_take(&b);
}

/* What templates see has docker's names of the fields, too. */
static json_t *view_of(const json_t *row, bool cut)
{
	json_t *view = json_copy((json_t *)(uintptr_t)row);
	auto_free char *text = one_line(json_string_value(json_object_get(row, "Description")), cut);

	if (!view || !text || json_object_set_new(view, "Description", json_string(text)) < 0 ||
	    json_object_set(view, "StarCount", json_object_get(row, "Stars")) < 0 ||
	    json_object_set(view, "IsOfficial", json_object_get(row, "Official")) < 0 ||
	    json_object_set(view, "IsAutomated", json_object_get(row, "Automated")) < 0) {
		json_decref(view);
		return NULL;
	}
	return view;
}

static int add_found(const json_t *found, const struct search_args *a, const struct filters *f,
		     json_t *views, json_t *json, struct err *e)
{
	for (size_t i = 0; i < json_array_size(found); i++) {
		json_t *row = json_array_get(found, i);

		if (!filters_match(f, NULL, row))
			continue;
		if (json_array_append_new(views, view_of(row, !a->no_trunc && !a->format)) < 0 ||
		    json_array_append(json, row) < 0)
			return err_sys(e, ENOMEM, "search");
	}
	return 0;
}

/* One row for each tag. */
static int add_tags(const json_t *found, json_t *views, struct err *e)
{
	for (size_t i = 0; i < json_array_size(found); i++) {
		json_t *repo = json_array_get(found, i), *tags = json_object_get(repo, "Tags");

		for (size_t k = 0; k < json_array_size(tags); k++)
			if (json_array_append_new(views, json_pack("{s:O, s:O, s:s, s:s, s:i, s:s, s:s}", "Name",
								   json_object_get(repo, "Name"), "Tag",
								   json_array_get(tags, k), "Index", "",
								   "Description", "", "Stars", 0, "Official", "",
								   "Automated", "")) < 0)
				return err_sys(e, ENOMEM, "search");
	}
	return 0;
}

static int check_args(struct cmd *c, const struct search_args *a, struct err *e)
{
	if (a->list_tags && a->filters.n)
		return err_set(e, ERR_INVALID, "filters are not applicable to list tags result");
	if (!*c->args[0])
		return err_set(e, ERR_INVALID, "search needs a term");
	return 0;
}

static int search_main(struct cmd *c, void *args, struct err *e)
{
	const struct search_args *a = args;
	auto_format struct out_format format = OUT_FORMAT_INIT;
	auto_filters struct filters filters = FILTERS_INIT;
	auto_strv struct strv texts = STRV_INIT;
	auto_json json_t *found = NULL;
	auto_json json_t *views = json_array();
	auto_json json_t *json = json_array();
	const char *table = a->list_tags ? "{{.Name}}\t{{.Tag}}"
			    : a->compatible
				    ? "{{.Name}}\t{{.Description}}\t{{.Stars}}\t{{.Official}}\t{{.Automated}}"
				    : "{{.Name}}\t{{.Description}}";
	struct out_list l = { .views = views, .indent = 4 };
	int r = check_args(c, a, e);

	if (r >= 0)
		r = parse_filters(a, &texts, &filters, e);
	if (r >= 0)
		r = out_format_parse("search", a->format, table, true, &format, e);
	if (r >= 0)
		r = ask(c, a, "search", &found, e);
	if (r >= 0)
		r = a->list_tags ? add_tags(found, views, e) : add_found(found, a, &filters, views, json, e);
	l.json = a->list_tags ? found : json;
	return r < 0 ? r : out_list_print(&format, &l, false, e);
}

static int tags_main(struct cmd *c, void *args, struct err *e)
{
	const struct search_args *a = args;
	auto_format struct out_format format = OUT_FORMAT_INIT;
	auto_json json_t *found = NULL;
	auto_json json_t *list = json_array();
	struct out_list l = { .views = list, .json = list, .indent = 4 };
	int r = 0;

	if (a->format)
		r = out_format_parse("list-tags", a->format, "{{.Tags}}", false, &format, e);
	if (r >= 0)
		r = ask(c, a, "list-tags", &found, e);
	if (r < 0)
		return r;
	if (!a->format || format.kind == OUT_JSON)
		return out_json(found, 4, e);
	return json_array_append(list, found) < 0 ? err_sys(e, ENOMEM, "list the tags")
						  : out_list_print(&format, &l, false, e);
}

const struct command cmd_search = {
	.summary = "Search registries for images",
	.usage = "[options] TERM",
	.description =
		"Asks registries for repositories that have TERM in their name or description.  The\n"
		"registry stands before the first slash of TERM; without one all of\n"
		"unqualified-search-registries in registries.conf are asked.  A registry that has no search\n"
		"has its catalog looked through.",
	.examples = "search docker.io/busybox\nsearch --filter is-official --limit 5 alpine\n"
		    "search --list-tags quay.io/prometheus/busybox",
	.run = search_main,
	.opts = search_opts,
	.args_size = sizeof(struct search_args),
	.defaults = &search_defaults,
	.min_args = 1,
	.max_args = 1,
};

const struct command cmd_list_tags = {
	.summary = "List the tags of a repository of a registry",
	.usage = "[options] [docker://]REPOSITORY",
	.description = "Prints the repository's name and all of its tags as JSON, as skopeo does.",
	.examples = "list-tags docker://quay.io/prometheus/busybox",
	.run = tags_main,
	.opts = tags_opts,
	.args_size = sizeof(struct search_args),
	.defaults = &search_defaults,
	.min_args = 1,
	.max_args = 1,
};
