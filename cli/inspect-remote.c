/* Images that are elsewhere, looked at by ctr-lite-transfer. */
#include "inspect-remote.h"

#include <errno.h>
#include <stdlib.h>

#include <ctrlite/engine.h>
#include <ctrlite/image.h>
#include <ctrlite/transfer.h>

#include "fd.h"
#include "json.h"
#include "location.h"
#include "out.h"

#define ARG(m) offsetof(struct inspect_remote_args, m)
/* clang-format off */
const struct opt inspect_remote_opts[] = {
	{ .kind = OPT_INCLUDE, .table = registry_opts },
	{ 0,   "config",     NULL,     OPT_FLAG,   ARG(config),  "Of an image that is elsewhere, print the config (with --raw byte for byte)" },
	{ 0,   "no-tags",    NULL,     OPT_FLAG,   ARG(no_tags), "Of an image in a registry, leave out the tags of its repository" },
	{ 0,   "raw",        NULL,     OPT_FLAG,   ARG(raw),     "Of an image that is elsewhere, print the manifest or index byte for byte" },
	{ 0 },
};
/* clang-format on */

struct seen {
	const struct cmd *c;
	const char *name;
};

static int find_seen(const struct opt *o, void *arg)
{
	struct seen *s = arg;

	if (!opt_seen(s->c->opts, o->name))
		return 0;
	s->name = o->name;
	return 1;
}

/* "oci:latest" is also a name that an image here may have. */
static bool is_location(const struct cmd *c, const char *text)
{
	struct ctr_image i = CTR_IMAGE_INIT;
	bool here;

	if (!ctr_location_has_transport(text) || str_starts(text, "docker://"))
		return ctr_location_has_transport(text);
	here = ctr_image_get(c->eng, text, &i, NULL, NULL) == 0;
	ctr_image_done(&i);
	return !here;
}

int inspect_is_remote(const struct cmd *c, struct err *e)
{
	struct seen s = { .c = c };
	size_t n = 0;

	for (size_t i = 0; i < c->n_args; i++)
		n += is_location(c, c->args[i]);
	if (n > 0 && c->n_args > 1)
		return err_set(e, ERR_INVALID, "images that are elsewhere are inspected one by one");
	if (n == 0 && opt_each(inspect_remote_opts, find_seen, &s))
		return err_set(e, ERR_INVALID, "--%s is for images that are elsewhere: write docker:// or "
			       "another transport before the name", s.name);
	return n > 0;
}

/* What templates have to know beyond the document itself. */
static const struct tmpl_field fields[] = {
	{ "Name", NULL, TMPL_EMPTY },
	{ "Created", NULL, TMPL_TIME | TMPL_OPTIONAL },
	{ "Labels", NULL, TMPL_MAP | TMPL_OPTIONAL },
	{ "Annotations", NULL, TMPL_MAP | TMPL_OPTIONAL },
	{ "Variant", NULL, TMPL_EMPTY },
	{ NULL, NULL, 0 },
};

static int show(const char *text, const struct inspect_remote_args *a, const char *format, struct err *e)
{
	auto_format struct out_format f = OUT_FORMAT_INIT;
	auto_json json_t *j = NULL, *list = json_array();
	struct out_list l = { .views = list, .json = list, .fields = fields, .indent = 4 };
	int r = 0;

	if (a->raw) {
		(void)fputs(text, stdout); /* main() looks at whether it got out */
		return 0;
	}
	if (format)
		r = out_format_parse("inspect", format, NULL, false, &f, e);
	if (r >= 0)
		r = json_parse(text, strlen(text), strlen(text) + 1, "ctr-lite-transfer", &j, e);
	if (r < 0)
		return r;
	if (!format || f.kind == OUT_JSON)
		return out_json(j, 4, e);
	return json_array_append(list, j) < 0 ? err_sys(e, ENOMEM, "inspect")
					      : out_list_print(&f, &l, false, e);
}

int inspect_remote(struct cmd *c, const struct inspect_remote_args *a, const char *format,
		   const char *platform, struct err *e)
{
	struct ctr_transfer t = { c->eng->store.root, c->eng->store.run, true, NULL };
	auto_strv struct strv v = STRV_INIT;
	auto_free char *out = NULL;
	char *creds = NULL;
	int r = a->raw ? opt_exclusive(c->opts, "raw", "format", e) : 0;

	if (r >= 0)
		r = strv_add(&v, "inspect");
	if (r >= 0)
		r = registry_opts_pass(c, &a->registry, "", &v, e);
	if (r >= 0 && platform)
		r = strv_addf(&v, "--platform=%s", platform);
	if (r >= 0 && (a->config || a->raw))
		r = strv_add(&v, a->config ? "--config" : "--manifest");
	if (r >= 0 && a->no_tags)
		r = strv_add(&v, "--no-tags");
	if (r >= 0)
		r = strv_addf(&v, "--");
	if (r >= 0)
		r = strv_add(&v, c->args[0]);
	if (r >= 0)
		r = registry_take_creds(a->registry.creds, &creds, e);
	t.creds = creds;
	if (r >= 0)
		r = ctr_transfer_run(&t, (const char *const *)strv_argv(&v), &out, e);
	registry_creds_free(creds);
	if (r < 0)
		return e->kind == ERR_NONE ? err_sys(e, r, "inspect") : r;
	return show(out, a, format, e);
}
