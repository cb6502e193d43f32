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

static int print(const struct inspect_args *a, json_t *found, struct err *e)
{
	auto_format struct out_format f = OUT_FORMAT_INIT;
	struct out_list l = { .views = found, .json = found, .fields = volume_fields, .indent = 5 };
	int r;

	if (!a->format || !*a->format)
		return out_json(found, 5, e);
	r = out_format_parse("volume inspect", a->format, NULL, false, &f, e);
	return r < 0 ? r : out_list_print(&f, &l, false, e);
}

static int add(struct cmd *c, json_t *found, const struct ctr_volume *v, const struct strv *uses,
	       struct err *e)
{
	return json_array_append_new(found, volume_json(c, v, uses)) < 0
		       ? err_sys(e, ENOMEM, "inspect volumes") : 0;
}

static int add_all(struct cmd *c, json_t *found, const struct strv *uses, struct err *e)
{
	struct ctr_volume_list l = CTR_VOLUME_LIST_INIT;
	int r = ctr_volume_list(c->eng, &l, e);

	for (size_t i = 0; r == 0 && i < l.n; i++)
		r = add(c, found, &l.items[i], uses, e);
	ctr_volume_list_done(&l);
	return r;
}

static int run(struct cmd *c, void *args, struct err *e)
{
	const struct inspect_args *a = args;
	auto_strv struct strv uses = STRV_INIT;
	json_t *found = json_array();
	struct err first = ERR_INIT, why = ERR_INIT;
	int r;

	if (a->all ? c->n_args > 0 : c->n_args == 0)
		r = err_set(e, ERR_INVALID, "provide one or more volume names or use --all");
	else
		r = ctr_volume_uses(c->eng, &uses, e);
	if (r == 0 && a->all)
		r = add_all(c, found, &uses, e);
	for (size_t i = 0; r == 0 && i < c->n_args; i++) {
		auto_volume struct ctr_volume v = CTR_VOLUME_INIT;

		if (ctr_volume_get(c->eng, c->args[i], &v, &why) == 0)
			r = add(c, found, &v, &uses, e);
		else if (first.kind == ERR_NONE)
			first = why;
	}
	if (r == 0 && (!a->format || json_array_size(found)))
		r = print(a, found, e);
	json_decref(found);
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
