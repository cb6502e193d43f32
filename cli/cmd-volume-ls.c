/* `volume ls`: the volumes of the store, oldest first. */
#include <errno.h>

#include "commands.h"
#include "volumes.h"

struct ls_args {
	bool quiet, no_heading;
	const char *format;
	struct strv filters;
};

#define ARG(m) offsetof(struct ls_args, m)
/* clang-format off */
static const struct opt opts[] = {
	{ 0,   "cluster",   NULL,     OPT_REFUSED, .text = "volumes of a cluster are docker swarm's" },
	{ 'f', "filter",    "FILTER", OPT_LIST,    ARG(filters),    "Show only volumes that fit (dangling=, driver=, label=, name=, opt=, scope=, since=, until=)" },
	{ 0,   "format",    "FORMAT", OPT_STRING,  ARG(format),     "Print as json, or by a Go template" },
	{ 'n', "noheading", NULL,     OPT_FLAG,    ARG(no_heading), "Do not print column headings" },
	{ 'q', "quiet",     NULL,     OPT_FLAG,    ARG(quiet),      "Print names only" },
	{ 0 },
};
/* clang-format on */

static int print(struct cmd *c, const struct ls_args *a, const struct volumes *v, struct err *e)
{
	auto_format struct out_format f = OUT_FORMAT_INIT;
	struct out_list l = {
		.views = json_array(), .json = json_array(), .fields = volume_fields, .indent = 2
	};
	int r = out_format_parse("volume ls", a->format, "{{.Driver}}\t{{.Name}}", true, &f, e);

	l.headings = json_pack("{s:s, s:s}", "Name", "VOLUME NAME", "Driver", "DRIVER");
	for (size_t i = 0; r >= 0 && i < v->list.n; i++)
		if (json_array_append_new(l.views, volume_json(c, &v->list.items[i], &v->uses, true)) < 0 ||
		    json_array_append_new(l.json, volume_json(c, &v->list.items[i], &v->uses, false)) < 0)
			r = err_sys(e, ENOMEM, "list volumes");
	/* podman prints no headings over nothing */
	if (r >= 0 && (v->list.n || f.kind == OUT_JSON))
		r = out_list_print(&f, &l, a->no_heading, e);
	json_decref(l.views);
	json_decref(l.json);
	json_decref(l.headings);
	return r;
}

static int run(struct cmd *c, void *args, struct err *e)
{
	const struct ls_args *a = args;
	auto_volumes struct volumes v = VOLUMES_INIT;
	int r;

	if (a->quiet && a->format)
		return err_set(e, ERR_INVALID, "quiet and format are mutually exclusive");
	r = volumes_choose(c, &a->filters, &v, e);
	if (r < 0 || !a->quiet)
		return r < 0 ? r : print(c, a, &v, e);
	for (size_t i = 0; i < v.list.n; i++)
		printf("%s\n", v.list.items[i].name);
	return 0;
}

const struct command cmd_volume_ls = {
	.summary = "List volumes",
	.usage = "[options]",
	.description = "Lists the volumes, oldest first.",
	.examples = "volume ls\nvolume ls --filter dangling=true -q\n"
		    "volume ls --format '{{.Name}} {{.Mountpoint}}'",
	.run = run, .opts = opts, .args_size = sizeof(struct ls_args), .needs = NEED_STORE,
};
