/* The image that a container is made from: found or pulled, unpacked, and its configuration. */
#include "ensure.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "ctrlite/event.h"
#include "ctrlite/transfer.h"
#include "json.h"
#include "layer.h"
#include "location.h"
#include "log.h"
#include "path.h"
#include "platform.h"

#define CONFIG_LIST_MAX 4096	/* entries of one list of an image's configuration */
#define CONFIG_TEXT_MAX 65536	/* bytes of one value */

void ctr_image_config_done(struct ctr_image_config *c)
{
	strv_done(&c->env);
	strv_done(&c->entrypoint);
	strv_done(&c->cmd);
	strv_done(&c->labels);
	strv_done(&c->volumes);
	strv_done(&c->exposed);
	free(c->user);
	free(c->cwd);
	free(c->stop_signal);
	ctr_healthcheck_done(&c->health);
	*c = (struct ctr_image_config)CTR_IMAGE_CONFIG_INIT;
}

static int dup_text(char **to, const char *from, struct err *e)
{
	*to = from && from[0] ? strdup(from) : NULL;
	return from && from[0] && !*to ? err_sys(e, ENOMEM, "read the image's configuration") : 0;
}

static int read_list(const json_t *arr, struct strv *to, const char *where, struct err *e)
{
	return arr ? json_read_strv(arr, to, CONFIG_LIST_MAX, where, e) : 0;
}

/* {"key": "value"} as KEY=value, {"key": {}} as key. */
static int read_map(const json_t *obj, struct strv *to, const char *where, struct err *e)
{
	json_t *o = (json_t *)(uintptr_t)obj; /* jansson's iterator takes no const */
	const char *key;
	json_t *v;

	if (json_object_size(obj) > CONFIG_LIST_MAX)
		return err_set(e, ERR_LIMIT, "%s: more than %d entries", where, CONFIG_LIST_MAX);
	json_object_foreach(o, key, v) {
		int r;

		if (json_is_string(v))
			r = strv_addf(to, "%s=%s", key, json_string_value(v));
		else if (json_is_object(v) || json_is_null(v))
			r = strv_add(to, key);
		else
			return err_set(e, ERR_CORRUPT, "%s: expected strings", where);
		if (r < 0)
			return err_sys(e, r, "read the image's configuration");
	}
	return 0;
}

static int read_config(struct store *s, const struct digest *id, struct ctr_platform *ret_platform,
		       struct ctr_image_config *ret, struct err *e)
{
	struct top {
		const char *os, *arch, *variant;
		const json_t *config;
	} top = { 0 };
	struct inner {
		const char *user, *cwd, *stop_signal;
		const json_t *env, *entrypoint, *cmd, *labels, *volumes, *exposed, *health;
	} in = { 0 };
	static const struct json_field top_rows[] = {
		{ "os", JSON_KIND_STR, offsetof(struct top, os), 0, PLATFORM_PART_MAX },
		{ "architecture", JSON_KIND_STR, offsetof(struct top, arch), 0, PLATFORM_PART_MAX },
		{ "variant", JSON_KIND_STR, offsetof(struct top, variant), 0, PLATFORM_PART_MAX },
		{ "config", JSON_KIND_OBJECT, offsetof(struct top, config), 0, 0 },
		{ 0 },
	};
	static const struct json_field rows[] = {
		{ "User", JSON_KIND_STR, offsetof(struct inner, user), 0, CONFIG_TEXT_MAX },
		{ "WorkingDir", JSON_KIND_STR, offsetof(struct inner, cwd), 0, CONFIG_TEXT_MAX },
		{ "StopSignal", JSON_KIND_STR, offsetof(struct inner, stop_signal), 0, 64 },
		{ "Env", JSON_KIND_ARRAY, offsetof(struct inner, env), 0, CONFIG_LIST_MAX },
		{ "Entrypoint", JSON_KIND_ARRAY, offsetof(struct inner, entrypoint), 0, CONFIG_LIST_MAX },
		{ "Cmd", JSON_KIND_ARRAY, offsetof(struct inner, cmd), 0, CONFIG_LIST_MAX },
		{ "Labels", JSON_KIND_OBJECT, offsetof(struct inner, labels), 0, 0 },
		{ "Volumes", JSON_KIND_OBJECT, offsetof(struct inner, volumes), 0, 0 },
		{ "ExposedPorts", JSON_KIND_OBJECT, offsetof(struct inner, exposed), 0, 0 },
		{ "Healthcheck", JSON_KIND_OBJECT, offsetof(struct inner, health), 0, 0 },
		{ 0 },
	};
	auto_json json_t *j = NULL;
	int r = layout_blob_json(s, id, LAYOUT_CONFIG_MAX_BYTES, &j, e);

	if (r == 0)
		r = json_read(j, top_rows, &top, JSON_ALLOW_UNKNOWN, "$", e);
	if (r == 0 && top.config)
		r = json_read(top.config, rows, &in, JSON_ALLOW_UNKNOWN, "$.config", e);
	if (r == 0)
		r = read_list(in.env, &ret->env, "$.config.Env", e);
	if (r == 0)
		r = read_list(in.entrypoint, &ret->entrypoint, "$.config.Entrypoint", e);
	if (r == 0)
		r = read_list(in.cmd, &ret->cmd, "$.config.Cmd", e);
	if (r == 0)
		r = read_map(in.labels, &ret->labels, "$.config.Labels", e);
	if (r == 0)
		r = read_map(in.volumes, &ret->volumes, "$.config.Volumes", e);
	if (r == 0)
		r = read_map(in.exposed, &ret->exposed, "$.config.ExposedPorts", e);
	if (r == 0)
		r = dup_text(&ret->user, in.user, e);
	if (r == 0)
		r = dup_text(&ret->cwd, in.cwd, e);
	if (r == 0)
		r = dup_text(&ret->stop_signal, in.stop_signal, e);
	if (r == 0 && in.health)
		r = ctr_healthcheck_read(in.health, &ret->health, e);
	if (r == 0)
		ctr_platform_of(j, ret_platform);
	return r < 0 ? err_wrap(e, r, "image %.12s", id->hex) : 0;
}

static int pull(struct ctr_engine *eng, const char *text, const struct ctr_ensure_opts *o,
		char **ret_id, struct err *e)
{
	struct ctr_transfer t = { .root = eng->store.root, .run = eng->store.run, .quiet = o->quiet,
				.creds = o->creds };
	auto_strv struct strv argv = STRV_INIT;
	int r = strv_add(&argv, "pull");

	for (size_t i = 0; r == 0 && i < o->pull_args.n; i++)
		r = strv_add(&argv, o->pull_args.items[i]);
	if (r == 0 && o->platform)
		r = strv_addf(&argv, "--platform=%s", o->platform);
	if (r == 0)
		r = strv_add(&argv, "--");
	if (r == 0)
		r = strv_add(&argv, text);
	if (r < 0)
		return err_sys(e, r, "pull %s", text);
	return ctr_transfer_run(&t, (const char *const *)argv.items, ret_id, e);
}

/* Is there a store of podman's whose images are to be used? */
static bool podman_has_images(const struct ctr_engine *eng)
{
	static const char *const indexes[] = { "overlay-images/images.json", "vfs-images/images.json" };
	const char *root = eng->storage_conf.podman_root, *wish = getenv("CTR_LITE_PODMAN_STORE");

	if (!eng->usual_store || !root || (wish && streq(wish, "no")))
		return false;
	for (size_t i = 0; i < sizeof(indexes) / sizeof(*indexes); i++) {
		auto_free char *path = path_join(root, indexes[i]);

		if (path && access(path, R_OK) == 0)
			return true;
	}
	return false;
}

/* What podman has need not be fetched again: 1 when it was taken from there. */
static int take_from_podman(struct ctr_engine *eng, const char *text, const struct ctr_ensure_opts *o,
			    char **ret_id)
{
	const struct ctr_transfer t = { .root = eng->store.root, .run = eng->store.run,
					.quiet = o->quiet };
	auto_free char *where = NULL;
	const char *argv[] = { "pull", "--", NULL, NULL };
	struct err why = ERR_INIT;
	int r;

	if (!podman_has_images(eng))
		return 0;
	where = str_printf("containers-storage:[%s]%s", eng->storage_conf.podman_root, text);
	if (!where)
		return 0;
	argv[2] = where;
	r = ctr_transfer_run(&t, argv, ret_id, &why);
	if (r < 0)
		log_info("podman's store: %s", why.text);
	return r == 0;
}

int ctr_image_unpack(struct ctr_engine *eng, const struct digest *manifest, bool quiet, struct err *e)
{
	struct ctr_transfer t = { .root = eng->store.root, .run = eng->store.run, .quiet = quiet };
	char name[DIGEST_STR_MAX];
	const char *argv[] = { "unpack", digest_str(manifest, name), NULL };
	auto_free char *out = NULL;

	return ctr_transfer_run(&t, argv, &out, e);
}

/* The record says which layers there are; each must be there, else it is made again. */
static int make_usable(struct ctr_engine *eng, const char *text, bool quiet,
		       struct ctr_image_found *f, struct err *e)
{
	bool whole = f->unpacked;
	char name[DIGEST_STR_MAX];
	int r;

	for (size_t i = 0; whole && i < f->record.layers.n; i++)
		whole = layer_exists(&eng->store, f->record.layers.items[i]) == 1;
	if (whole)
		return 0;
	r = ctr_image_unpack(eng, &f->manifest, quiet, e);
	if (r < 0)
		return err_wrap(e, r, "unpack image %s", text);
	r = image_record_read(&eng->store, &f->manifest, &f->record, e);
	if (r < 0)
		return err_wrap(e, r, "unpack image %s", digest_str(&f->manifest, name));
	f->unpacked = true;
	return 0;
}

/* A name that the store has for the image @id, which came from @text: what @text calls it, if it
 * does.  Fresh, or NULL. */
static char *name_of(struct ctr_engine *eng, const char *text, const struct digest *manifest,
		     const char *id)
{
	auto_location struct ctr_location l = CTR_LOCATION_INIT;
	auto_image_found struct ctr_image_found f = CTR_IMAGE_FOUND_INIT;
	auto_layout_index struct layout_index x = LAYOUT_INDEX_INIT;

	if (ctr_location_parse(text, &l, NULL) == 0 && l.ref &&
	    ctr_image_lookup(&eng->store, l.ref, &f, NULL) == 0 && streq(f.config.hex, id))
		return take_ptr(&f.name);
	if (layout_read(&eng->store, &x, NULL) < 0)
		return NULL;
	for (size_t i = 0; i < x.n; i++)
		if (x.entries[i].ref && digest_eq(&x.entries[i].manifest, manifest))
			return strdup(x.entries[i].ref);
	return NULL;
}

/* What was brought in from @text is known by its ID, and called as the store calls it. */
static int with_id(struct ctr_engine *eng, const char *text, const char *id,
		   const struct ctr_ensure_opts *o, struct ctr_image_found *ret,
		   struct ctr_image_config *ret_config, struct err *e)
{
	const struct ctr_ensure_opts here = { .policy = CTR_PULL_NEVER, .quiet = o->quiet,
					      .platform = o->platform };
	int r = ctr_image_ensure(eng, id, &here, ret, ret_config, e);

	if (r == 0 && !ret->name)
		ret->name = name_of(eng, text, &ret->manifest, id); /* the ID will do as well */
	return r;
}

static void forget(struct ctr_image_found *f)
{
	ctr_image_found_done(f);
	*f = (struct ctr_image_found)CTR_IMAGE_FOUND_INIT;
}

/* The image that is here; with @want only one for that platform: -ENOENT where there is none. */
static int find_here(struct ctr_engine *eng, const char *text, const struct ctr_platform *want,
		     struct ctr_image_found *f, struct err *e)
{
	struct ctr_image_config c = CTR_IMAGE_CONFIG_INIT;
	char is[PLATFORM_STR_MAX], wanted[PLATFORM_STR_MAX];
	struct ctr_platform p;
	int r = ctr_image_lookup_for(&eng->store, text, want, f, e);

	if (r < 0 || !want)
		return r;
	r = read_config(&eng->store, &f->config, &p, &c, e);
	ctr_image_config_done(&c);
	if (r == 0 && ctr_platform_differs(&p, want))
		r = err_set(e, ERR_NOT_FOUND, "%s: the image here is for %s, not for %s", text,
			    ctr_platform_str(&p, is), ctr_platform_str(want, wanted));
	if (r < 0)
		forget(f);
	return r;
}

/* Bring it, and find what was brought. */
static int find_pulled(struct ctr_engine *eng, const char *text, const struct ctr_ensure_opts *o,
		       const struct ctr_platform *want, struct ctr_image_found *f, struct err *e)
{
	auto_free char *id = NULL, *name = NULL;
	int r = pull(eng, text, o, &id, e);

	if (r == 0)
		ctr_image_event(eng, "pull", id, text);
	if (r < 0 && o->policy == CTR_PULL_NEWER && ctr_image_lookup_for(&eng->store, text, want, f, NULL) == 0) {
		*e = (struct err)ERR_INIT;
		return 0;
	}
	if (r == 0)
		r = ctr_image_lookup_for(&eng->store, text, want, f, e);
	if (!id || (r == 0 && streq(f->config.hex, id)))
		return r;
	/* The name may stand for an index; what was pulled is known by its ID. */
	name = take_ptr(&f->name);
	forget(f);
	*e = (struct err)ERR_INIT;
	r = ctr_image_lookup(&eng->store, id, f, e);
	if (r == 0 && !f->name)
		f->name = take_ptr(&name);
	return r;
}

static void warn_of_platform(const struct ctr_platform *image, const struct ctr_platform *want)
{
	char is[PLATFORM_STR_MAX], wanted[PLATFORM_STR_MAX];

	if (ctr_platform_differs(image, want))
		log_warn("image platform (%s) does not match the expected platform (%s)",
			 ctr_platform_str(image, is), ctr_platform_str(want, wanted));
}

int ctr_image_here(struct ctr_engine *eng, const char *text, const char *platform, struct digest *ret_id,
		   struct err *e)
{
	auto_image_found struct ctr_image_found f = CTR_IMAGE_FOUND_INIT;
	struct ctr_platform want;
	int r = platform ? ctr_platform_parse(platform, &want, e) : 0;

	if (r == 0)
		r = find_here(eng, text, platform ? &want : NULL, &f, e);
	if (r == 0)
		*ret_id = f.config;
	return r;
}

void ctr_image_warn_platform(struct ctr_engine *eng, const struct digest *id, const char *platform)
{
	struct ctr_image_config c = CTR_IMAGE_CONFIG_INIT;
	struct ctr_platform is, want;

	ctr_platform_host(&want);
	if (platform && ctr_platform_parse(platform, &want, NULL) < 0)
		return;
	if (read_config(&eng->store, id, &is, &c, NULL) == 0)
		warn_of_platform(&is, &want);
	ctr_image_config_done(&c);
}

int ctr_image_ensure(struct ctr_engine *eng, const char *text, const struct ctr_ensure_opts *o,
		     struct ctr_image_found *ret, struct ctr_image_config *ret_config, struct err *e)
{
	struct ctr_image_found f = CTR_IMAGE_FOUND_INIT;
	struct ctr_image_config c = CTR_IMAGE_CONFIG_INIT;
	bool elsewhere = ctr_location_is_elsewhere(text);
	struct ctr_platform host, asked, is;
	const struct ctr_platform *want = o->platform ? &asked : NULL;
	int r = o->platform ? ctr_platform_parse(o->platform, &asked, e) : 0;

	if (r < 0)
		return r;
	/* An image that is somewhere else is copied from there every time, as podman does. */
	if (elsewhere) {
		auto_free char *id = NULL;

		r = pull(eng, text, o, &id, e);
		if (r == 0)
			ctr_image_event(eng, "pull", id, text);
		return r < 0 ? r : with_id(eng, text, id, o, ret, ret_config, e);
	}
	r = -ENOENT;
	if (o->policy == CTR_PULL_MISSING || o->policy == CTR_PULL_NEVER)
		r = find_here(eng, text, want, &f, e);
	if (r == -ENOENT && o->policy == CTR_PULL_MISSING && !o->platform) {
		auto_free char *id = NULL;

		if (take_from_podman(eng, text, o, &id) > 0) {
			*e = (struct err)ERR_INIT;
			ctr_image_event(eng, "pull", id, text);
			return with_id(eng, text, id, o, ret, ret_config, e);
		}
	}
	if (r == -ENOENT && o->policy != CTR_PULL_NEVER) {
		*e = (struct err)ERR_INIT;
		r = find_pulled(eng, text, o, want, &f, e);
	}
	if (r == 0)
		r = make_usable(eng, text, o->quiet, &f, e);
	if (r == 0)
		r = read_config(&eng->store, &f.config, &is, &c, e);
	if (r < 0) {
		ctr_image_found_done(&f);
		ctr_image_config_done(&c);
		return r;
	}
	ctr_platform_host(&host);
	warn_of_platform(&is, want ? want : &host);
	*ret = f;
	*ret_config = c;
	return 0;
}
