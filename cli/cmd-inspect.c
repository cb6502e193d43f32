/* `inspect`, `container inspect`, `image inspect`: everything about an object, as JSON. */
#include <errno.h>

#include <ctrlite/image.h>
#include <ctrlite/inspect.h>

#include "cli.h"
#include "commands.h"
#include "fd.h"
#include "json.h"
#include "out.h"

#define INDENT 5

enum type { TYPE_ALL, TYPE_CONTAINER, TYPE_IMAGE };

struct inspect_args {
	const char *type_name;
	const char *format;
	bool size, latest;
};

#define ARG(m) offsetof(struct inspect_args, m)
/* clang-format off */
#define OPT_FORMAT { 'f', "format", "FORMAT", OPT_STRING, ARG(format), "Format the output by a Go template, or json" }
#define OPT_LATEST { 'l', "latest", NULL, OPT_FLAG, ARG(latest), "Act on the latest container" }
#define OPT_SIZES { 's', "size", NULL, OPT_FLAG, ARG(size), "Display total file size of containers" }
static const struct opt opts[] = {
	OPT_FORMAT, OPT_LATEST, OPT_SIZES,
	{ 't', "type", "TYPE", OPT_STRING, ARG(type_name), "Specify the type of object: all, container, image" },
	{ 0 },
};
static const struct opt container_opts[] = { OPT_FORMAT, OPT_LATEST, OPT_SIZES, { 0 } };
static const struct opt image_opts[] = {
	OPT_FORMAT,
	{ 0, "platform", "PLATFORM", OPT_REFUSED, .text = "images of this machine's platform are shown" },
	{ 0 },
};

/* What templates have to know beyond the document itself. */
static const struct tmpl_field fields[] = {
	{ "ImageID", "Image", 0 },
	{ "Src", "Source", 0 },
	{ "Dst", "Destination", 0 },
	{ "HealthCheck", "Healthcheck", TMPL_OPTIONAL },
	{ "Healthcheck", NULL, TMPL_OPTIONAL },
	{ "State.Healthcheck", "Health", TMPL_OPTIONAL },
	{ "Config.HealthMaxLogCount", "HealthcheckMaxLogCount", TMPL_OPTIONAL },
	{ "Config.HealthMaxLogSize", "HealthcheckMaxLogSize", TMPL_OPTIONAL },
	{ "StartupHealthCheck", NULL, TMPL_OPTIONAL },
	{ "Test", NULL, TMPL_OPTIONAL },
	{ "Interval", NULL, TMPL_OPTIONAL },
	{ "Timeout", NULL, TMPL_OPTIONAL },
	{ "Retries", NULL, TMPL_OPTIONAL },
	{ "StartPeriod", NULL, TMPL_OPTIONAL },
	{ "StartInterval", NULL, TMPL_OPTIONAL },
	{ "Successes", NULL, TMPL_OPTIONAL },
	{ "Created", NULL, TMPL_TIME },
	{ "StartedAt", NULL, TMPL_TIME },
	{ "FinishedAt", NULL, TMPL_TIME },
	{ "CheckpointedAt", NULL, TMPL_TIME },
	{ "RestoredAt", NULL, TMPL_TIME },
	{ "History.Created", "created", TMPL_OPTIONAL },
	{ "History.CreatedBy", "created_by", TMPL_OPTIONAL },
	{ "History.Comment", "comment", TMPL_OPTIONAL },
	{ "History.Author", "author", TMPL_OPTIONAL },
	{ "History.EmptyLayer", "empty_layer", TMPL_OPTIONAL },
	{ "Labels", NULL, TMPL_MAP | TMPL_OPTIONAL },
	{ "Annotations", NULL, TMPL_MAP | TMPL_OPTIONAL },
	{ "Volumes", NULL, TMPL_MAP | TMPL_OPTIONAL },
	{ "ExposedPorts", NULL, TMPL_MAP | TMPL_OPTIONAL },
	{ "Ports", NULL, TMPL_MAP },
	{ "PortBindings", NULL, TMPL_MAP },
	{ "Networks", NULL, TMPL_MAP },
	{ "Tmpfs", NULL, TMPL_MAP },
	{ "DriverOpts", NULL, TMPL_MAP },
	{ "GraphDriver.Data", NULL, TMPL_MAP },
	{ "LogConfig.Config", NULL, TMPL_MAP },
	{ "CgroupConf", NULL, TMPL_MAP },
	{ "SizeRw", NULL, TMPL_OPTIONAL },
	{ "SizeRootFs", NULL, TMPL_OPTIONAL },
	{ "Config.User", NULL, TMPL_OPTIONAL },
	{ "Config.Env", NULL, TMPL_OPTIONAL },
	{ "Config.Cmd", NULL, TMPL_OPTIONAL },
	{ "Config.Entrypoint", NULL, TMPL_OPTIONAL },
	{ "Config.WorkingDir", NULL, TMPL_OPTIONAL },
	{ "Config.StopSignal", NULL, TMPL_OPTIONAL },
	{ "Config.OnBuild", NULL, TMPL_OPTIONAL },
	{ "Config.Shell", NULL, TMPL_OPTIONAL },
	{ "Config.ArgsEscaped", NULL, TMPL_OPTIONAL },
	{ "Config.Timezone", NULL, TMPL_OPTIONAL },
	{ "Config.Secrets", NULL, TMPL_OPTIONAL },
	{ "Config.SystemdMode", NULL, TMPL_OPTIONAL },
	{ NULL, NULL, 0 },
};
/* clang-format on */

static int describe_id(struct cmd *c, const char *id, bool size, json_t **ret, struct err *e)
{
	struct ctr_container ctr = { .req = CTR_REQUEST_INIT };
	int r = ctr_container_load(c->eng, id, &ctr.req, e);

	if (r >= 0)
		r = ctr_container_status(c->eng, id, &ctr.status, e);
	if (r >= 0 && ctr.status.state == CTR_LOST) {
		r = ctr_container_settle(c->eng, id, e);
		if (r >= 0)
			r = ctr_container_status(c->eng, id, &ctr.status, e);
	}
	if (r >= 0)
		r = ctr_container_inspect(c->eng, &ctr, size, ret, e);
	ctr_request_done(&ctr.req);
	return r;
}

static int describe_container(struct cmd *c, const char *name, bool size, json_t **ret,
			      struct err *e)
{
	char id[65];
	int r = ctr_container_find(c->eng, name, id, e);

	return r < 0 ? r : describe_id(c, id, size, ret, e);
}

static int describe_image(struct cmd *c, const char *name, json_t **ret, struct err *e)
{
	struct ctr_image i = CTR_IMAGE_INIT;
	int r = ctr_image_get(c->eng, name, &i, NULL, e);

	if (r < 0)
		return r;
	r = ctr_image_inspect(c->eng, &i, ret, e);
	ctr_image_done(&i);
	return r;
}

static int describe(struct cmd *c, enum type type, const char *name, bool size, json_t **ret,
		    struct err *e)
{
	int r = -ENOENT;

	if (type != TYPE_IMAGE)
		r = describe_container(c, name, size, ret, e);
	if (type == TYPE_CONTAINER || r >= 0 || (type == TYPE_ALL && e->kind != ERR_NOT_FOUND))
		return r;
	r = describe_image(c, name, ret, e);
	if (r < 0 && type == TYPE_ALL && e->kind == ERR_NOT_FOUND) {
		auto_free char *shown = str_quote(name);
		return err_set(e, ERR_NOT_FOUND, "no such object: %s", shown ? shown : "");
	}
	return r;
}

static int print(const struct inspect_args *a, json_t *found, struct err *e)
{
	auto_format struct out_format f = OUT_FORMAT_INIT;
	struct out_list l = { .views = found, .json = found, .fields = fields, .indent = INDENT };
	int r;

	if (!a->format || !*a->format)
		return out_json(found, INDENT, e);
	r = out_format_parse("inspect", a->format, NULL, false, &f, e);
	return r < 0 ? r : out_list_print(&f, &l, false, e);
}

static int latest(struct cmd *c, bool size, json_t **ret, struct err *e)
{
	struct ctr_container_list l = CTR_CONTAINER_LIST_INIT;
	int r = ctr_container_list(c->eng, &l, e);

	if (r >= 0 && !l.n)
		r = err_set(e, ERR_NOT_FOUND, "no containers to inspect: no such container");
	if (r >= 0)
		r = describe_id(c, l.items[l.n - 1].req.id, size, ret, e);
	ctr_container_list_done(&l);
	return r;
}

static int inspect(struct cmd *c, const struct inspect_args *a, enum type type, struct err *e)
{
	auto_json json_t *found = json_array();
	struct err first = ERR_INIT, why = ERR_INIT;
	json_t *one = NULL;
	int r;

	if (a->latest && c->n_args)
		return err_set(e, ERR_INVALID, "--latest and arguments cannot be used together");
	if (!a->latest && !c->n_args)
		return err_set(e, ERR_INVALID, "no names or ids specified");
	if (a->latest && type == TYPE_IMAGE)
		return err_set(e, ERR_INVALID, "latest flag requires type to be container");
	if (a->latest) {
		r = latest(c, a->size, &one, e);
		if (r < 0 || json_array_append_new(found, one) < 0)
			return r < 0 ? r : err_sys(e, ENOMEM, "inspect the latest container");
	}
	for (size_t i = 0; i < c->n_args; i++) {
		if (describe(c, type, c->args[i], a->size, &one, &why) < 0) {
			/* the others are shown, then each failure */
			if (first.kind == ERR_NONE)
				first = why;
			continue;
		}
		if (json_array_append_new(found, one) < 0)
			return err_sys(e, ENOMEM, "inspect %s", c->args[i]);
	}
	if (!a->format || json_array_size(found)) {
		r = print(a, found, e);
		if (r < 0)
			return r;
	}
	if (first.kind == ERR_NONE)
		return 0;
	*e = first;
	return err_wrap(e, err_kind_errno(first.kind), "inspecting object");
}

static int parse_type(const char *name, enum type *ret, struct err *e)
{
	static const char *const later[] = { "artifact", "network", "pod", "volume" };

	if (!name || !*name || streq(name, "all"))
		*ret = TYPE_ALL;
	else if (streq(name, "container"))
		*ret = TYPE_CONTAINER;
	else if (streq(name, "image"))
		*ret = TYPE_IMAGE;
	else {
		auto_free char *shown = str_quote(name);

		for (size_t i = 0; i < sizeof(later) / sizeof(*later); i++)
			if (streq(name, later[i]))
				return err_set(e, ERR_UNSUPPORTED,
					       "--type %s is not supported yet: there "
					       "are containers and images",
					       name);
		return err_set(e, ERR_INVALID,
			       "invalid type %s: must be one of all, container, image",
			       shown ? shown : "");
	}
	return 0;
}

static int inspect_main(struct cmd *c, void *args, struct err *e)
{
	const struct inspect_args *a = args;
	enum type type = TYPE_ALL;
	int r = parse_type(a->type_name, &type, e);

	return r < 0 ? r : inspect(c, a, type, e);
}

static int container_main(struct cmd *c, void *args, struct err *e)
{
	return inspect(c, args, TYPE_CONTAINER, e);
}

static int image_main(struct cmd *c, void *args, struct err *e)
{
	return inspect(c, args, TYPE_IMAGE, e);
}

const struct command cmd_inspect = {
	.summary = "Display the configuration of object denoted by ID",
	.usage = "[options] {CONTAINER|IMAGE} [...]",
	.description = "Displays what is known of containers and images, as JSON.\n"
		       "A name that both have means the container.",
	.examples = "inspect alpine\ninspect --format '{{.State.Status}}' web",
	.run = inspect_main, .opts = opts, .args_size = sizeof(struct inspect_args),
	.max_args = ARGS_ANY, .needs = NEED_STORE, .complete = COMPLETE_OBJECT,
};

const struct command cmd_container_inspect = {
	.summary = "Display the configuration of a container",
	.usage = "[options] CONTAINER [CONTAINER...]",
	.examples = "container inspect web",
	.run = container_main, .opts = container_opts, .args_size = sizeof(struct inspect_args),
	.max_args = ARGS_ANY, .needs = NEED_STORE, .complete = COMPLETE_CONTAINER,
};

const struct command cmd_image_inspect = {
	.summary = "Display the configuration of an image",
	.usage = "[options] IMAGE [IMAGE...]",
	.examples = "image inspect alpine\nimage inspect --format '{{json .Config}}' alpine",
	.run = image_main, .opts = image_opts, .args_size = sizeof(struct inspect_args),
	.max_args = ARGS_ANY, .needs = NEED_STORE, .complete = COMPLETE_IMAGE,
};
