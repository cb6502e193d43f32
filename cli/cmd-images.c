/* `images`: the images of the store, one row for each name. */
#include <errno.h>
#include <stdlib.h>

#include <ctrlite/container.h>
#include <ctrlite/image.h>

#include "cli.h"
#include "commands.h"
#include "fd.h"
#include "filter.h"
#include "out.h"

enum sort { SORT_CREATED, SORT_ID, SORT_REPOSITORY, SORT_SIZE, SORT_TAG };

struct images_args {
	bool all, digests, no_trunc, no_heading, quiet, history;
	const char *format, *sort;
	struct strv filters;
};

#define ARG(m) offsetof(struct images_args, m)
/* clang-format off */
static const struct opt opts[] = {
	{ 'a', "all",        NULL,     OPT_FLAG,    ARG(all),        "Show also those without a name that others were made from" },
	{ 0,   "digests",    NULL,     OPT_FLAG,    ARG(digests),    "Show digests" },
	{ 'f', "filter",     "FILTER", OPT_LIST,    ARG(filters),    "Show only images that fit (reference=, label=, dangling=, before=, since=, until=, id=, digest=, containers=)" },
	{ 0,   "format",     "FORMAT", OPT_STRING,  ARG(format),     "Print as json, or by a Go template" },
	{ 0,   "history",    NULL,     OPT_REFUSED, 0,               "Display the image name history", .text = "names are not recorded over time" },
	{ 0,   "no-trunc",   NULL,     OPT_FLAG,    ARG(no_trunc),   "Do not cut IDs" },
	{ 'n', "noheading",  NULL,     OPT_FLAG,    ARG(no_heading), "Do not print column headings" },
	{ 'q', "quiet",      NULL,     OPT_FLAG,    ARG(quiet),      "Print IDs only" },
	{ 0,   "sort",       "FIELD",  OPT_STRING,  ARG(sort),       "Sort by created, id, repository, size or tag" },
	{ 0,   "tree",       NULL,     OPT_REFUSED, 0,               "Show platforms", .text = "images of one platform are stored" },
	{ 0 },
};
/* clang-format on */
static const struct images_args defaults = { .sort = "created" };

/* One row: an image under one of its names. */
struct row {
	const struct ctr_image *image;
	const char *ref;		/* NULL: untagged */
	char *repository, *tag;
	const struct ctr_image *parent;
	bool has_children;
};

struct context {
	struct cmd *c;
	struct strv users;		/* "<manifest> <container>" */
	bool users_read;
};

static int users_read(struct context *x, struct err *e)
{
	auto_strv struct strv keys = STRV_INIT;

	if (x->users_read)
		return 0;
	x->users_read = true;
	return ctr_container_uses(x->c->eng, &keys, &x->users, e);
}

static size_t users_of(const struct context *x, const struct ctr_image *i)
{
	size_t n = 0;

	for (size_t k = 0; k < x->users.n; k++)
		n += str_starts(x->users.items[k], i->manifest.hex) ||
		     str_starts(x->users.items[k], i->digest.hex);
	return n;
}

/* before=IMAGE, since=IMAGE: its time */
static int read_image(void *ctx, struct filter *f, struct err *e)
{
	struct context *x = ctx;
	struct ctr_image i = CTR_IMAGE_INIT;
	int r = ctr_image_get(x->c->eng, f->value, &i, NULL, e);

	if (r < 0)
		return r;
	f->number = i.created_ns;
	ctr_image_done(&i);
	return 0;
}

static int read_users(void *ctx, struct filter *f, struct err *e)
{
	int r = streq(f->value, "external") ? 0 : filter_read_bool(ctx, f, e);

	return r < 0 ? r : users_read(ctx, e);
}

static bool match_before(void *ctx, const struct filter *f, const void *object)
{
	const struct row *row = object;

	(void)ctx;
	return row->image->created_ns < f->number;
}

static bool match_since(void *ctx, const struct filter *f, const void *object)
{
	const struct row *row = object;

	(void)ctx;
	return row->image->created_ns > f->number;
}

static bool match_containers(void *ctx, const struct filter *f, const void *object)
{
	const struct row *row = object;

	/* every container here is our own, none is external */
	return !streq(f->value, "external") && (users_of(ctx, row->image) > 0) == (f->number != 0);
}

static bool is_dangling(const struct row *row)
{
	return !row->ref && !row->has_children;
}

/* It has no name, and is only there for what was made from it. */
static bool is_intermediate(const struct row *row)
{
	return !row->ref && row->has_children;
}

static bool match_dangling(void *ctx, const struct filter *f, const void *object)
{
	const struct row *row = object;

	(void)ctx;
	return is_dangling(row) == (f->number != 0);
}

/* digest=sha256:HEX, of which the beginning will do */
static int read_digest(void *ctx, struct filter *f, struct err *e)
{
	const char *hex = str_after(f->value, "sha256:");

	(void)ctx;
	hex = hex ? hex : f->value;
	if (!*hex || hex[strspn(hex, "0123456789abcdef")])
		return err_set(e, ERR_INVALID, "invalid value \"%s\" for digest filter", f->value);
	return 0;
}

static bool match_digest(void *ctx, const struct filter *f, const void *object)
{
	const struct row *row = object;
	const char *hex = str_after(f->value, "sha256:");

	(void)ctx;
	return str_starts(row->image->digest.hex, hex ? hex : f->value);
}

static bool match_id(void *ctx, const struct filter *f, const void *object)
{
	const struct row *row = object;
	const char *hex = str_after(f->value, "sha256:");

	(void)ctx;
	return str_starts(row->image->id.hex, hex ? hex : f->value);
}

static bool match_intermediate(void *ctx, const struct filter *f, const void *object)
{
	(void)ctx;
	return is_intermediate(object) == (f->number != 0);
}

/* What no image here is: a read-only one of another store. */
static bool match_read_only(void *ctx, const struct filter *f, const void *object)
{
	const struct row *row = object;

	(void)ctx;
	return row->image->read_only == (f->number != 0);
}

static bool match_list(void *ctx, const struct filter *f, const void *object)
{
	const struct row *row = object;

	(void)ctx;
	return row->image->is_list == (f->number != 0);
}

static const json_t *labels_of(const struct ctr_image *i)
{
	return json_object_get(json_object_get(i->config, "config"), "Labels");
}

static bool match_label(void *ctx, const struct filter *f, const void *object)
{
	const struct row *row = object;
	const json_t *labels = labels_of(row->image);
	const char *eq = strchr(f->value, '=');
	auto_free char *key = eq ? strndup(f->value, (size_t)(eq - f->value)) : strdup(f->value);
	const char *value = key ? json_string_value(json_object_get(labels, key)) : NULL;

	(void)ctx;
	return value && (!eq || streq(value, eq + 1));
}

static bool match_reference(void *ctx, const struct filter *f, const void *object)
{
	const struct row *row = object;

	(void)ctx;
	return row->ref && filter_match_reference(f->value, row->ref);
}

static const struct filter_key filter_keys[] = {
	{ "after", false, read_image, match_since },
	{ "before", false, read_image, match_before },
	{ "containers", false, read_users, match_containers },
	{ "dangling", false, filter_read_bool, match_dangling },
	{ "digest", false, read_digest, match_digest },
	{ "id", false, NULL, match_id },
	{ "intermediate", false, filter_read_bool, match_intermediate },
	{ "label", true, NULL, match_label },
	{ "manifest", false, filter_read_bool, match_list },
	{ "readonly", false, filter_read_bool, match_read_only },
	{ "reference", false, NULL, match_reference },
	{ "since", false, read_image, match_since },
	{ "until", false, filter_read_time, match_before },
	{ NULL, false, NULL, NULL },
};

static const struct filter_words filter_words = {
	.malformed = "invalid image filter \"%s\": must be in the format \"filter=value or "
		     "filter!=value\"",
	.unknown = "unsupported image filter \"%s\"",
};

/* "localhost/x/y:1" is the repository localhost/x/y with the tag 1. */
static int split_ref(struct row *row)
{
	const char *at = row->ref ? strchr(row->ref, '@') : NULL;
	size_t len = at ? (size_t)(at - row->ref) : row->ref ? strlen(row->ref) : 0;
	size_t end = len;

	while (end && row->ref[end - 1] != ':' && row->ref[end - 1] != '/')
		end--;
	if (!row->ref) {
		row->repository = strdup("<none>");
		row->tag = strdup("<none>");
	} else if (end && row->ref[end - 1] == ':') {
		row->repository = strndup(row->ref, end - 1);
		row->tag = strndup(row->ref + end, len - end);
	} else {
		row->repository = strndup(row->ref, len);
		row->tag = strdup("<none>");
	}
	return row->repository && row->tag ? 0 : -ENOMEM;
}

struct rows {
	struct row *items;
	size_t n;
};

static void rows_done(struct rows *rows)
{
	for (size_t i = 0; i < rows->n; i++) {
		free(rows->items[i].repository);
		free(rows->items[i].tag);
	}
	free(rows->items);
}

static int add_row(struct rows *rows, const struct ctr_image_list *l, const struct ctr_image *image,
		   const char *ref)
{
	struct row *row = &rows->items[rows->n++];

	*row = (struct row){ .image = image, .ref = ref,
			     .parent = ctr_image_parent(l, image),
			     .has_children = !ref && ctr_image_has_children(l, image) };
	return split_ref(row);
}

static int make_rows(const struct ctr_image_list *l, struct rows *ret, struct err *e)
{
	size_t n = l->n;
	int r = 0;

	for (size_t i = 0; i < l->n; i++)
		n += l->items[i].names.n;
	ret->items = calloc(n + 1, sizeof(*ret->items));
	if (!ret->items)
		return err_sys(e, ENOMEM, "list images");
	for (size_t i = 0; r >= 0 && i < l->n; i++) {
		const struct ctr_image *image = &l->items[i];

		for (size_t k = 0; r >= 0 && k < image->names.n; k++)
			r = add_row(ret, l, image, image->names.items[k]);
		if (!image->names.n)
			r = add_row(ret, l, image, NULL);
	}
	return r < 0 ? err_sys(e, r, "list images") : 0;
}

static int by_id(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	return strcmp(x->image->id.hex, y->image->id.hex);
}

static int by_repository(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int r = strcmp(x->repository, y->repository);

	return r ? r : strcmp(x->tag, y->tag);
}

static int by_size(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->image->size_bytes != y->image->size_bytes)
		return x->image->size_bytes < y->image->size_bytes ? -1 : 1;
	return by_repository(a, b);
}

static int by_tag(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int r = strcmp(x->tag, y->tag);

	return r ? r : strcmp(x->repository, y->repository);
}

static int by_created(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->image->created_ns != y->image->created_ns)
		return x->image->created_ns < y->image->created_ns ? 1 : -1;
	return x->image != y->image ? by_id(a, b) : by_repository(a, b);
}

static const struct {
	const char *name;
	int (*compare)(const void *a, const void *b);
} sorts[] = {
	{ "tag", by_tag }, { "created", by_created }, { "id", by_id },
	{ "repository", by_repository }, { "size", by_size },
};

static int sort_rows(struct rows *rows, const char *field, struct err *e)
{
	for (size_t i = 0; i < sizeof(sorts) / sizeof(*sorts); i++) {
		if (streq(sorts[i].name, field)) {
			qsort(rows->items, rows->n, sizeof(*rows->items), sorts[i].compare);
			return 0;
		}
	}
	auto_free char *shown = str_quote(field);
	return err_set(e, ERR_INVALID,
		       "%s is not a valid field for sorting. Choose from: tag, created, "
		       "id, repository, size",
		       shown ? shown : "");
}

static json_t *string_list(const struct strv *v)
{
	json_t *a = json_array();

	for (size_t i = 0; a && i < v->n; i++)
		json_array_append_new(a, json_string(v->items[i]));
	return a;
}

static json_t *labels_json(const struct ctr_image *i)
{
	const json_t *l = labels_of(i);

	return json_is_object(l) && json_object_size(l) ? json_deep_copy(l) : json_null();
}

static const char *parent_id(const struct row *row)
{
	return row->parent ? row->parent->id.hex : "";
}

/* @line: as {{json .}} of a template shows it, with the row's own name. */
static json_t *row_json(const struct context *x, const struct row *row, bool line)
{
	const struct ctr_image *i = row->image;
	auto_free char *created = out_rfc3339(i->created_ns / 1000000000 * 1000000000, true);
	char digest[DIGEST_STR_MAX];
	json_t *j;

	j = json_pack("{s:s, s:s, s:n, s:o, s:I, s:i, s:I, s:o, s:i}", "Id", i->id.hex, "ParentId",
		      parent_id(row), "RepoTags", "RepoDigests", string_list(&i->repo_digests), "Size",
		      (json_int_t)i->size_bytes, "SharedSize", 0, "VirtualSize",
		      (json_int_t)i->size_bytes, "Labels", labels_json(i), "Containers",
		      (int)users_of(x, i));
	if (line) {
		json_object_set_new(j, "repository", json_string(row->repository));
		json_object_set_new(j, "tag", json_string(row->tag));
		json_object_set_new(j, "RepoTags", string_list(&i->names));
	}
	if (i->names.n)
		json_object_set_new(j, "Names", string_list(&i->names));
	else if (is_dangling(row))
		json_object_set_new(j, "Dangling", json_true());
	json_object_set_new(j, "Digest", json_string(digest_str(&i->digest, digest)));
	if (i->names.n)
		json_object_set_new(j, "History", string_list(&i->names));
	json_object_set_new(j, "Created", json_integer(i->created_ns / 1000000000));
	json_object_set_new(j, "CreatedAt", json_string(created ? created : ""));
	return j;
}

/* What templates see of a row. */
static json_t *row_view(const struct context *x, const struct row *row, bool no_trunc)
{
	const struct ctr_image *i = row->image;
	auto_free char *ago = out_ago(i->created_ns), *size = out_size(i->size_bytes, 3, " ");
	auto_free char *created = out_rfc3339(i->created_ns / 1000000000 * 1000000000, true);
	auto_free char *id = no_trunc ? str_printf("sha256:%s", i->id.hex) : strndup(i->id.hex, 12);
	const char *arch = json_string_value(json_object_get(i->config, "architecture"));
	const char *os = json_string_value(json_object_get(i->config, "os"));
	char digest[DIGEST_STR_MAX];
	json_t *labels = labels_json(i), *j;

	if (json_is_null(labels))
		labels = json_object();
	j = json_pack("{s:s?, s:s, s:s, s:s, s:s?, s:s?, s:s?, s:s?, s:s?, s:s}", "ID", id, "Id",
		      i->id.hex, "Repository", row->repository, "Tag", row->tag, "Created", ago,
		      "CreatedSince", ago, "CreatedAt", created, "CreatedTime", created, "Size",
		      size, "Digest", digest_str(&i->digest, digest));
	json_object_set_new(j, "Labels", labels);
	json_object_set_new(j, "Names", string_list(&i->names));
	json_object_set_new(j, "RepoTags", string_list(&i->names));
	json_object_set_new(j, "RepoDigests", string_list(&i->repo_digests));
	json_object_set_new(j, "History", string_list(&i->names));
	json_object_set_new(j, "ParentId", json_string(parent_id(row)));
	json_object_set_new(j, "SharedSize", json_integer(0));
	json_object_set_new(j, "VirtualSize", json_integer((json_int_t)i->size_bytes));
	json_object_set_new(j, "Containers", json_integer((json_int_t)users_of(x, i)));
	json_object_set_new(j, "Dangling", json_boolean(is_dangling(row)));
	json_object_set_new(j, "IsDangling", json_boolean(is_dangling(row)));
	json_object_set_new(j, "ReadOnly", json_boolean(i->read_only));
	json_object_set_new(j, "IsReadOnly", json_boolean(i->read_only));
	json_object_set_new(j, "IsManifestList", json_boolean(i->is_list));
	json_object_set_new(j, "Arch", json_string(arch ? arch : ""));
	json_object_set_new(j, "Os", json_string(os ? os : ""));
	return j;
}

static const struct tmpl_field fields[] = {
	{ "Labels", NULL, TMPL_MAP },
	{ "CreatedAt", NULL, TMPL_TIME },
	{ "CreatedTime", NULL, TMPL_TIME },
	{ NULL, NULL, 0 },
};

static int print_quiet(const struct rows *rows, bool no_trunc)
{
	for (size_t i = 0; i < rows->n; i++) {
		bool seen = false;

		for (size_t k = 0; k < i && !seen; k++)
			seen = rows->items[k].image == rows->items[i].image;
		if (!seen)
			printf("%s%.*s\n", no_trunc ? "sha256:" : "", no_trunc ? 64 : 12,
			       rows->items[i].image->id.hex);
	}
	return 0;
}

static int print_rows(struct context *x, const struct rows *rows, const struct images_args *a,
		      struct err *e)
{
	auto_format struct out_format f = OUT_FORMAT_INIT;
	struct out_list l = {
		.views = json_array(), .json = json_array(), .fields = fields, .indent = 4
	};
	int r;

	r = out_format_parse(
		"images", a->format,
		a->digests
			? "{{.Repository}}\t{{.Tag}}\t{{.Digest}}\t{{.ID}}\t{{.Created}}\t{{.Size}}"
			: "{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.Created}}\t{{.Size}}",
		false, &f, e);
	/* who uses an image costs reading every container: only where it may be shown */
	if (r >= 0 && a->format)
		r = users_read(x, e);
	l.headings = json_pack("{s:s, s:s}", "ID", "IMAGE ID", "Id", "IMAGE ID");
	for (size_t i = 0; r >= 0 && i < rows->n; i++) {
		if (json_array_append_new(l.views, row_view(x, &rows->items[i], a->no_trunc)) < 0 ||
		    (a->format && json_array_append_new(l.json, row_json(x, &rows->items[i], f.kind != OUT_JSON)) < 0))
			r = err_sys(e, ENOMEM, "list images");
	}
	if (r >= 0)
		r = out_list_print(&f, &l, a->no_heading, e);
	json_decref(l.views);
	json_decref(l.json);
	json_decref(l.headings);
	return r;
}

static void keep_matching(struct rows *rows, const struct filters *f, bool all, struct context *x)
{
	size_t n = 0;

	for (size_t i = 0; i < rows->n; i++) {
		struct row row = rows->items[i];

		if (filters_match(f, x, &row) && (all || !is_intermediate(&row))) {
			rows->items[n++] = row;
			continue;
		}
		free(row.repository);
		free(row.tag);
	}
	rows->n = n;
}

static int list(struct context *x, const struct images_args *a, const struct strv *filters,
		struct err *e)
{
	auto_filters struct filters f = FILTERS_INIT;
	struct ctr_image_list l = CTR_IMAGE_LIST_INIT;
	/* as podman has it: of the two, JSON wins over quiet and quiet over a template */
	bool quiet = a->quiet && !(a->format && streq(a->format, "json"));
	struct rows rows = { 0 };
	int r;

	r = filters_parse(filters, filter_keys, &filter_words, x, &f, e);
	if (r >= 0)
		r = ctr_image_list(x->c->eng, &l, e);
	if (r >= 0)
		r = make_rows(&l, &rows, e);
	if (r >= 0) {
		keep_matching(&rows, &f, a->all || filters_ask(&f, "intermediate"), x);
		r = sort_rows(&rows, a->sort, e);
	}
	if (r >= 0)
		r = quiet ? print_quiet(&rows, a->no_trunc) : print_rows(x, &rows, a, e);
	rows_done(&rows);
	ctr_image_list_done(&l);
	return r;
}

static int run(struct cmd *c, void *args, struct err *e)
{
	struct images_args *a = args;
	struct context x = { .c = c, .users = STRV_INIT };
	int r = 0;

	if (c->n_args && opt_seen(c->opts, "filter"))
		return err_set(e, ERR_INVALID, "cannot specify an image and a filter(s)");
	if (c->n_args)
		r = strv_addf(&a->filters, "reference=%s", c->args[0]);
	if (r < 0)
		return err_sys(e, r, "list images");
	r = list(&x, a, &a->filters, e);
	strv_done(&x.users);
	return r;
}

const struct command cmd_images = {
	.summary = "List images in local storage",
	.usage = "[options] [IMAGE]",
	.description = "Lists the images of the store, newest first, one row for each name.",
	.examples = "images\nimages --filter dangling=true\nimages --format "
		    "'{{.Repository}}:{{.Tag}} {{.ID}}'",
	.run = run,
	.opts = opts,
	.args_size = sizeof(struct images_args),
	.defaults = &defaults,
	.max_args = 1,
	.needs = NEED_STORE,
	.complete = COMPLETE_IMAGE,
};
