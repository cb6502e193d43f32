/* `volume create`: make a volume. */
#include <errno.h>

#include "commands.h"
#include "fd.h"
#include "volumes.h"

struct create_args {
	const char *driver;
	struct strv labels, options;
	bool ignore;
	uint64_t uid, gid;
};

#define ARG(m) offsetof(struct create_args, m)
#define CLUSTER "volumes of a cluster are docker swarm's"
/* clang-format off */
static const struct opt opts[] = {
	{ 0,   "availability", "STATE",    OPT_REFUSED, .text = CLUSTER },
	{ 'd', "driver",       "DRIVER",   OPT_STRING,  ARG(driver),  "Who keeps the volume: local" },
	{ 0,   "gid",          "GID",      OPT_U64,     ARG(gid),     "Group of the volume, as containers see it" },
	{ 0,   "group",        "NAME",     OPT_REFUSED, .text = CLUSTER },
	{ 0,   "ignore",       NULL,       OPT_FLAG,    ARG(ignore),  "A volume that exists already is no error" },
	{ 'l', "label",        "KEY=VALUE", OPT_LIST,   ARG(labels),  "Set metadata" },
	{ 0,   "limit-bytes",  "SIZE",     OPT_REFUSED, .text = CLUSTER },
	{ 'o', "opt",          "KEY=VALUE", OPT_LIST,   ARG(options), "type=tmpfs, or type=none with device=DIR; o=WORDS (uid=, gid=, bind, with tmpfs size= and mode=); copy or nocopy" },
	{ 0,   "required-bytes", "SIZE",   OPT_REFUSED, .text = CLUSTER },
	{ 0,   "scope",        "SCOPE",    OPT_REFUSED, .text = CLUSTER },
	{ 0,   "secret",       "SECRET",   OPT_REFUSED, .text = CLUSTER },
	{ 0,   "sharing",      "MODE",     OPT_REFUSED, .text = CLUSTER },
	{ 0,   "topology-preferred", "TOPOLOGY", OPT_REFUSED, .text = CLUSTER },
	{ 0,   "topology-required", "TOPOLOGY", OPT_REFUSED, .text = CLUSTER },
	{ 0,   "type",         "TYPE",     OPT_REFUSED, .text = CLUSTER },
	{ 0,   "uid",          "UID",      OPT_U64,     ARG(uid),     "Owner of the volume, as containers see it" },
	{ 0 },
};
/* clang-format on */
static const struct create_args defaults = { .driver = "local" };

static int nomem(struct err *e)
{
	return err_sys(e, ENOMEM, "create a volume");
}

static int set_labels(const struct create_args *a, struct ctr_volume *v, struct err *e)
{
	for (size_t i = 0; i < a->labels.n; i++) {
		const char *text = a->labels.items[i], *eq = strchrnul(text, '=');
		auto_free char *key = strndup(text, (size_t)(eq - text));

		if (!key)
			return nomem(e);
		if (!*key)
			return err_set(e, ERR_INVALID, "unable to process labels: invalid label format: "
				       "\"%s\"", text);
		if (strv_env_set(&v->labels, key, *eq ? eq + 1 : "") < 0)
			return nomem(e);
	}
	return 0;
}

static int set_options(struct cmd *c, const struct create_args *a, struct ctr_volume *v, struct err *e)
{
	for (size_t i = 0; i < a->options.n; i++) {
		const char *text = a->options.items[i], *eq = strchrnul(text, '=');
		auto_free char *key = strndup(text, (size_t)(eq - text));

		if (!key || strv_env_set(&v->options, key, *eq ? eq + 1 : "") < 0)
			return nomem(e);
	}
	if ((a->uid > UINT32_MAX - 1) || (a->gid > UINT32_MAX - 1))
		return err_set(e, ERR_INVALID, "an id is out of range");
	v->has_uid = opt_seen(c->opts, "uid");
	v->has_gid = opt_seen(c->opts, "gid");
	v->uid = (uint32_t)a->uid;
	v->gid = (uint32_t)a->gid;
	return 0;
}

static int check_driver(const char *driver, struct err *e)
{
	if (streq(driver, "local") || !*driver)
		return 0;
	if (streq(driver, "image"))
		return err_set(e, ERR_UNSUPPORTED, "the volume driver image is not supported: mount an "
			       "image with --mount type=image,src=IMAGE,dst=DIR");
	return err_set(e, ERR_UNSUPPORTED, "volume uses volume plugin %s but it could not be retrieved: no "
		       "volume plugin with name %s available: there are no plugins", driver, driver);
}

static int run(struct cmd *c, void *args, struct err *e)
{
	const struct create_args *a = args;
	auto_volume struct ctr_volume v = CTR_VOLUME_INIT;
	int r = check_driver(a->driver, e);

	if (r == 0 && c->n_args && c->args[0][0]) {
		v.name = strdup(c->args[0]);
		r = v.name ? 0 : nomem(e);
	}
	/* docker's and podman's: a volume without a name is anonymous only to the containers that
	 * made it, this one is not */
	if (r == 0)
		r = set_labels(a, &v, e);
	if (r == 0)
		r = set_options(c, a, &v, e);
	if (r == 0)
		r = ctr_volume_create(c->eng, &v, e);
	if (r == -EEXIST && a->ignore) {
		*e = (struct err)ERR_INIT;
		r = 0;
	}
	if (r == 0)
		printf("%s\n", v.name);
	return r;
}

const struct command cmd_volume_create = {
	.summary = "Create a new volume",
	.usage = "[options] [NAME]",
	.description = "Makes a volume and prints its name, which is made up where none is given.  A volume\n"
		       "outlives the containers that use it.",
	.examples = "volume create data\nvolume create --label app=db data\n"
		    "volume create -o type=tmpfs -o o=size=64m,mode=700 scratch\n"
		    "volume create -o type=none -o device=/srv/data -o o=bind shared",
	.run = run, .opts = opts, .args_size = sizeof(struct create_args), .defaults = &defaults,
	.max_args = 1, .needs = NEED_STORE,
};
