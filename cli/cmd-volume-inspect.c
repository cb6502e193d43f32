/* `volume inspect`: what is known of volumes. */
#include <errno.h>

#include "commands.h"
#include "volumes.h"

struct inspect_args {
	bool all;
	const char *format;
};

#define ARG(m) offsetof(struct inspect_args, m)
/* clang-format off */
static const struct opt opts[] = {
	{ 'a', "all",    NULL,     OPT_FLAG,   ARG(all),    "Inspect all volumes" },
	{ 'f', "format", "FORMAT", OPT_STRING, ARG(format), "Print as json, or by a Go template" },
	{ 0 },
};
/* clang-format on */

/* The same objects twice: as JSON, and as templates see them. */
struct found {
	json_t *json, *views;
};

static int print(const struct inspect_args *a, const struct found *f, struct err *e)
{
	auto_format struct out_format format = OUT_FORMAT_INIT;
	struct out_list l = { .views = f->views, .json = f->json, .fields = volume_fields, .indent = 5 };
	int r;

	if (!a->format || !*a->format)
		return out_json(f->json, 5, e);
	r = out_format_parse("volume inspect", a->format, NULL, false, &format, e);
	return r < 0 ? r : out_list_print(&format, &l, false, e);
}

static int add(struct cmd *c, const struct found *f, const struct ctr_volume *v, const struct strv *uses,
	       struct err *e)
{
	return json_array_append_new(f->json, volume_json(c, v, uses, false)) < 0 ||
	       json_array_append_new(f->views, volume_json(c, v, uses, true)) < 0
		       ? err_sys(e, ENOMEM, "inspect volumes") : 0;
}

static int add_all(struct cmd *c, const struct found *f, const struct strv *uses, struct err *e)
{
	struct ctr_volume_list l = CTR_VOLUME_LIST_INIT;
	int r = ctr_volume_list(c->eng, &l, e);

	for (size_t i = 0; r == 0 && i < l.n; i++)
		r = add(c, f, &l.items[i], uses, e);
	ctr_volume_list_done(&l);
	return r;
}

static int run(struct cmd *c, void *args, struct err *e)
{
	const struct inspect_args *a = args;
	auto_strv struct strv uses = STRV_INIT;
	struct found f = { json_array(), json_array() };
	struct err first = ERR_INIT, why = ERR_INIT;
	int r;

	if (a->all ? c->n_args > 0 : c->n_args == 0)
		r = err_set(e, ERR_INVALID, "provide one or more volume names or use --all");
	else
		r = ctr_volume_uses(c->eng, &uses, e);
	if (r == 0 && a->all)
		r = add_all(c, &f, &uses, e);
	for (size_t i = 0; r == 0 && i < c->n_args; i++) {
		auto_volume struct ctr_volume v = CTR_VOLUME_INIT;

		if (ctr_volume_get(c->eng, c->args[i], &v, &why) == 0)
			r = add(c, &f, &v, &uses, e);
		else if (first.kind == ERR_NONE)
			first = why;
	}
	if (r == 0 && (!a->format || json_array_size(f.json)))
		r = print(a, &f, e);
	json_decref(f.json);
	json_decref(f.views);
	if (r < 0 || first.kind == ERR_NONE)
		return r;
	*e = first;
	return err_kind_errno(first.kind);
}

const struct command cmd_volume_inspect = {
	.summary = "Display detailed information on one or more volumes",
	.usage = "[options] VOLUME [VOLUME...]",
	.description = "Displays what is known of volumes, as JSON.",
	.examples = "volume inspect data\nvolume inspect --format '{{.Mountpoint}}' data",
	.run = run, .opts = opts, .args_size = sizeof(struct inspect_args), .max_args = ARGS_ANY,
	.needs = NEED_STORE, .complete = COMPLETE_VOLUME,
};
