/* `inspect`, `container inspect`, `image inspect`: everything about an object, as JSON. */
#include <errno.h>
#include <stdlib.h>

#include <ctrlite/image.h>
#include <ctrlite/inspect.h>

#include "cli.h"
#include "commands.h"
#include "fd.h"
#include "inspect-remote.h"
#include "json.h"
#include "out.h"
#include "volumes.h"

#define INDENT 5

enum type { TYPE_ALL, TYPE_CONTAINER, TYPE_IMAGE, TYPE_NETWORK, TYPE_POD, TYPE_VOLUME };

struct inspect_args {
	struct inspect_remote_args remote;
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
	{ .kind = OPT_INCLUDE, .table = inspect_remote_opts },
	OPT_FORMAT, OPT_LATEST, OPT_SIZES,
	{ 't', "type", "TYPE", OPT_STRING, ARG(type_name), "Specify the type of object: all, container, image, network, pod, volume" },
	{ 0 },
};
static const struct opt container_opts[] = { OPT_FORMAT, OPT_LATEST, OPT_SIZES, { 0 } };
static const struct opt image_opts[] = {
	{ .kind = OPT_INCLUDE, .table = inspect_remote_opts },
	OPT_FORMAT,
	{ 0, "platform", "PLATFORM", OPT_REFUSED, .text = "images of this machine's platform are shown" },
	{ 0 },
};

static const struct inspect_args inspect_defaults = { .remote = INSPECT_REMOTE_ARGS_DEFAULT };

/* What templates have to know beyond the document itself. */
static const struct tmpl_field fields[] = {
	{ "ImageID", "Image", 0 },
	{ "Src", "Source", 0 },
	{ "Dst", "Destination", 0 },
	{ "HealthCheck", "Healthcheck", TMPL_OPTIONAL },
	{ "Healthcheck", NULL, TMPL_OPTIONAL },
	{ "State.Healthcheck", "Health", TMPL_OPTIONAL },
	{ "State.Health", NULL, TMPL_OPTIONAL },
	{ "Config.HealthMaxLogCount", "HealthcheckMaxLogCount", TMPL_OPTIONAL },
	{ "Config.HealthMaxLogSize", "HealthcheckMaxLogSize", TMPL_OPTIONAL },
	{ "StartupHealthCheck", NULL, TMPL_OPTIONAL },
	{ "Test", NULL, TMPL_OPTIONAL },
	{ "Healthcheck.Interval", NULL, TMPL_DURATION },
	{ "HealthCheck.Interval", NULL, TMPL_DURATION },
	{ "StartupHealthCheck.Interval", NULL, TMPL_DURATION },
	{ "Healthcheck.Timeout", NULL, TMPL_DURATION },
	{ "HealthCheck.Timeout", NULL, TMPL_DURATION },
	{ "StartupHealthCheck.Timeout", NULL, TMPL_DURATION },
	{ "Retries", NULL, TMPL_OPTIONAL },
	{ "Healthcheck.StartPeriod", NULL, TMPL_DURATION },
	{ "HealthCheck.StartPeriod", NULL, TMPL_DURATION },
	{ "StartupHealthCheck.StartPeriod", NULL, TMPL_DURATION },
	{ "Healthcheck.StartInterval", NULL, TMPL_DURATION },
	{ "HealthCheck.StartInterval", NULL, TMPL_DURATION },
	{ "StartupHealthCheck.StartInterval", NULL, TMPL_DURATION },
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
	{ "Ports", NULL, TMPL_MAP | TMPL_LISTS },
	{ "PortBindings", NULL, TMPL_MAP | TMPL_LISTS },
	{ "Networks", NULL, TMPL_MAP },
	{ "Tmpfs", NULL, TMPL_MAP },
	{ "Sysctls", NULL, TMPL_MAP },
	{ "StorageOpt", NULL, TMPL_MAP },
	{ "HostIP", "HostIp", 0 },
	{ "CreatedAt", NULL, TMPL_TIME },
	{ "UIDMap", "UidMap", 0 },
	{ "GIDMap", "GidMap", 0 },
	{ "HostConfig.IDMappings", NULL, TMPL_OPTIONAL },
	{ "Config.SdNotifySocket", NULL, TMPL_OPTIONAL },
	{ "Mounts.Name", NULL, TMPL_EMPTY },
	{ "Mounts.SubPath", NULL, TMPL_EMPTY },
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

static int describe_volume(struct cmd *c, const char *name, json_t **ret, json_t **ret_view,
			   struct err *e)
{
	auto_volume struct ctr_volume v = CTR_VOLUME_INIT;
	auto_strv struct strv uses = STRV_INIT;
	int r = ctr_volume_get(c->eng, name, &v, e);

	if (r == 0)
		r = ctr_volume_uses(c->eng, &uses, e);
	if (r < 0)
		return r;
	*ret = volume_json(c, &v, &uses, false);
	*ret_view = volume_json(c, &v, &uses, true);
	return *ret && *ret_view ? 0 : err_sys(e, ENOMEM, "inspect volume %s", name);
}

/* Podman's words for what is not there. */
static int none_such(enum type type, const char *name, struct err *e)
{
	auto_free char *quoted = str_quote(name), *plain = str_printable(name);

	if (!quoted || !plain)
		return err_sys(e, ENOMEM, "inspect");
	switch (type) {
	case TYPE_ALL:
		return err_set(e, ERR_NOT_FOUND, "no such object: %s", quoted);
	case TYPE_CONTAINER:
		return err_set(e, ERR_NOT_FOUND, "no such container %s", plain);
	case TYPE_IMAGE:
		return err_set(e, ERR_NOT_FOUND, "%s: image not known", plain);
	case TYPE_NETWORK:
		return err_set(e, ERR_NOT_FOUND,
			       "network %s: unable to find network with name or ID %s: "
			       "network not found",
			       plain, plain);
	case TYPE_VOLUME:
		return err_set(e, ERR_NOT_FOUND, "no such volume %s", plain);
	case TYPE_POD:
		return err_set(e, ERR_NOT_FOUND, "no such pod %s", plain);
	}
	return -EINVAL;
}

/* *@ret_view, what templates see, is NULL where that is the same. */
static int describe(struct cmd *c, enum type type, const char *name, bool size, json_t **ret,
		    json_t **ret_view, struct err *e)
{
	int r = err_set(e, ERR_NOT_FOUND,
			"there is none"); /* of networks and pods there are none yet */

	if (type == TYPE_ALL || type == TYPE_CONTAINER)
		r = describe_container(c, name, size, ret, e);
	if (r < 0 && e->kind == ERR_NOT_FOUND && (type == TYPE_ALL || type == TYPE_IMAGE))
		r = describe_image(c, name, ret, e);
	if (r < 0 && e->kind == ERR_NOT_FOUND && (type == TYPE_ALL || type == TYPE_VOLUME))
		r = describe_volume(c, name, ret, ret_view, e);
	return r < 0 && e->kind == ERR_NOT_FOUND ? none_such(type, name, e) : r;
}

static int print(const struct inspect_args *a, json_t *found, json_t *views, struct err *e)
{
	auto_format struct out_format f = OUT_FORMAT_INIT;
	struct out_list l = { .views = views, .json = found, .fields = fields, .indent = INDENT };
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

static int add(json_t *found, json_t *views, json_t *one, json_t *view)
{
	if (json_array_append_new(views, view ? view : json_incref(one)) < 0)
		return -ENOMEM;
	return json_array_append_new(found, one) < 0 ? -ENOMEM : 0;
}

/* What is found is shown, then what is not is told. */
static int inspect(struct cmd *c, const struct inspect_args *a, enum type type, struct err *e)
{
	auto_free struct err *failures = calloc(c->n_args + 1, sizeof(*failures));
	auto_json json_t *found = json_array(), *views = json_array();
	json_t *one = NULL, *view = NULL;
	size_t n = 0;
	int r;

	if (!failures || !found || !views)
		return err_sys(e, ENOMEM, "inspect");
	if (a->latest && c->n_args)
		return err_set(e, ERR_INVALID, "--latest and arguments cannot be used together");
	if (!a->latest && !c->n_args)
		return err_set(e, ERR_INVALID, "no names or ids specified");
	if (a->latest && type != TYPE_ALL && type != TYPE_CONTAINER)
		return err_set(e, ERR_INVALID, "latest flag requires type to be container");
	if (a->latest) {
		r = latest(c, a->size, &one, e);
		if (r == -ENOENT && !a->format)
			(void)out_json(found, INDENT, NULL); /* as for other names: an empty list */
		if (r < 0 || add(found, views, one, NULL) < 0)
			return r < 0 ? r : err_sys(e, ENOMEM, "inspect the latest container");
	}
	for (size_t i = 0; i < c->n_args; i++) {
		failures[n] = (struct err)ERR_INIT;
		view = NULL;
		if (describe(c, type, c->args[i], a->size, &one, &view, &failures[n]) < 0)
			n++;
		else if (add(found, views, one, view) < 0)
			return err_sys(e, ENOMEM, "inspect %s", c->args[i]);
	}
	if (!a->format || json_array_size(found)) {
		r = print(a, found, views, e);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < n; i++)
		cmd_fail(c, &failures[i]);
	return c->status;
}

static const struct opt_choice types[] = {
	{ "all", TYPE_ALL },
	{ "container", TYPE_CONTAINER },
	{ "image", TYPE_IMAGE },
	{ "network", TYPE_NETWORK },
	{ "pod", TYPE_POD },
	{ "volume", TYPE_VOLUME },
	{ NULL, 0 },
};

static int parse_type(const char *name, enum type *ret, struct err *e)
{
	auto_free char *shown = NULL;

	*ret = TYPE_ALL;
	if (!name || !*name)
		return 0;
	for (const struct opt_choice *t = types; t->name; t++) {
		if (streq(t->name, name)) {
			*ret = (enum type)t->value;
			return 0;
		}
	}
	if (streq(name, "artifact"))
		return err_set(e, ERR_UNSUPPORTED,
			       "--type artifact is not supported: this store holds none");
	shown = str_quote(name);
	return err_set(e, ERR_INVALID,
		       "invalid type %s: must be \"image\", \"container\", \"pod\", "
		       "\"network\", \"volume\", or \"all\"",
		       shown ? shown : "");
}

/* Images of this store, and with a transport before its name one that is elsewhere. */
static int inspect_images(struct cmd *c, const struct inspect_args *a, enum type type, struct err *e)
{
	int r = inspect_is_remote(c, e);

	if (r < 0)
		return r;
	return r ? inspect_remote(c, &a->remote, a->format, NULL, e) : inspect(c, a, type, e);
}

static int inspect_main(struct cmd *c, void *args, struct err *e)
{
	const struct inspect_args *a = args;
	enum type type = TYPE_ALL;
	int r = parse_type(a->type_name, &type, e);

	if (r == 0 && type != TYPE_ALL && type != TYPE_IMAGE)
		return inspect(c, a, type, e);
	return r < 0 ? r : inspect_images(c, a, type, e);
}

static int container_main(struct cmd *c, void *args, struct err *e)
{
	return inspect(c, args, TYPE_CONTAINER, e);
}

static int image_main(struct cmd *c, void *args, struct err *e)
{
	return inspect_images(c, args, TYPE_IMAGE, e);
}

const struct command cmd_inspect = {
	.summary = "Display the configuration of object denoted by ID",
	.usage = "[options] {CONTAINER|IMAGE|VOLUME} [...]",
	.description = "Displays what is known of containers, images and volumes, as JSON.\n"
		       "A name that both have means the container.  An image that is elsewhere (docker://NAME,\n"
		       "oci:DIR, ...) is not brought here: what skopeo would show of it is displayed.",
	.examples = "inspect alpine\ninspect docker://quay.io/prometheus/busybox\ninspect --format '{{.State.Status}}' web",
	.run = inspect_main,
	.opts = opts,
	.defaults = &inspect_defaults,
	.args_size = sizeof(struct inspect_args),
	.max_args = ARGS_ANY,
	.needs = NEED_STORE,
	.complete = COMPLETE_OBJECT,
};

const struct command cmd_container_inspect = {
	.summary = "Display the configuration of a container",
	.usage = "[options] CONTAINER [CONTAINER...]",
	.examples = "container inspect web",
	.run = container_main,
	.opts = container_opts,
	.args_size = sizeof(struct inspect_args),
	.max_args = ARGS_ANY,
	.needs = NEED_STORE,
	.complete = COMPLETE_CONTAINER,
};

const struct command cmd_image_inspect = {
	.summary = "Display the configuration of an image",
	.usage = "[options] IMAGE [IMAGE...]",
	.examples = "image inspect alpine\nimage inspect --format '{{json .Config}}' alpine",
	.run = image_main,
	.opts = image_opts,
	.defaults = &inspect_defaults,
	.args_size = sizeof(struct inspect_args),
	.max_args = ARGS_ANY,
	.needs = NEED_STORE,
	.complete = COMPLETE_IMAGE,
};
