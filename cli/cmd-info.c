/* `info` and `version`. */
#include <errno.h>

#include <ctrlite/info.h>

#include "cli.h"
#include "commands.h"
#include "config.h"
#include "fd.h"
#include "json.h"
#include "out.h"
#include "yaml.h"

struct info_args {
	const char *format;
	bool debug;		/* what docker's clients give; nothing more is shown */
};

#define ARG(m) offsetof(struct info_args, m)
/* clang-format off */
static const struct opt opts[] = {
	{ 'D', "debug",  NULL,     OPT_FLAG,   ARG(debug), "", OPT_HIDDEN | OPT_COMPAT },
	{ 'f', "format", "FORMAT", OPT_STRING, ARG(format), "Change the output format to json or a Go template" },
	{ 0 },
};

static const struct tmpl_field info_fields[] = {
	{ "CgroupsVersion", "cgroupVersion", 0 },
	{ "DefaultCapabilities", "capabilities", 0 },
	{ "GraphOptions", NULL, TMPL_MAP },
	{ "GraphStatus", NULL, TMPL_MAP },
	{ "Registries", NULL, TMPL_MAP },
	{ NULL, NULL, 0 },
};
/* clang-format on */

static int print_one(const char *name, const char *format, json_t *view, json_t *json,
		     const struct tmpl_field *fields, struct err *e)
{
	auto_format struct out_format f = OUT_FORMAT_INIT;
	auto_json json_t *views = json_pack("[O]", view), *jsons = json_pack("[O]", json);
	struct out_list l = { .views = views, .json = jsons, .fields = fields };
	int r = out_format_parse(name, format, NULL, true, &f, e);

	if (r < 0)
		return r;
	return f.kind == OUT_JSON ? out_json(json, 2, e) : out_list_print(&f, &l, false, e);
}

static int info_main(struct cmd *c, void *args, struct err *e)
{
	const struct info_args *a = args;
	auto_json json_t *j = NULL;
	int r = ctr_info(c->eng, &j, e);

	if (r < 0)
		return r;
	if (a->format && *a->format)
		return print_one("info", a->format, j, j, info_fields, e);
	yaml_print(j);
	return 0;
}

const struct command cmd_info = {
	.summary = "Display ctr-lite system information",
	.usage = "[options]",
	.description = "Displays what the host, the store and this installation are like.\n"
		       "host.rungs says how each feature is done here, and what the host lacks.",
	.examples = "info\ninfo --format '{{.Store.GraphRoot}}'",
	.run = info_main, .opts = opts, .args_size = sizeof(struct info_args),
	.needs = NEED_STORE,
};

static int version_main(struct cmd *c, void *args, struct err *e)
{
	const struct info_args *a = args;
	auto_json json_t *v = ctr_version(), *json = NULL, *view = NULL;

	(void)c;
	/* docker's scripts ask for .Server: there is none, and it is us */
	json = json_pack("{s:O}", "Client", v);
	view = json_pack("{s:O, s:O}", "Client", v, "Server", v);
	if (!json || !view)
		return err_sys(e, ENOMEM, "describe the version");
	if (a->format && *a->format)
		return print_one("version", a->format, view, json, NULL, e);
	printf("Client:       %s\nVersion:      %s\nAPI Version:  %s\nOS/Arch:      %s\n", PROG,
	       CTR_VERSION, CTR_VERSION, json_string_value(json_object_get(v, "OsArch")));
	return 0;
}

static const struct opt version_opts[] = {
	{ 'f', "format", "FORMAT", OPT_STRING, ARG(format),
	  "Change the output format to json or a Go template" },
	{ 0 },
};

const struct command cmd_version = {
	.summary = "Display the ctr-lite version information",
	.usage = "[options]",
	.examples = "version\nversion --format '{{.Client.Version}}'",
	.run = version_main, .opts = version_opts, .args_size = sizeof(struct info_args),
};
