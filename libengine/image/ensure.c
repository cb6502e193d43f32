/* The image that a container is made from: found or pulled, unpacked, and its configuration. */
#include "ensure.h"

#include <errno.h>
#include <stdlib.h>

#include "ctrlite/event.h"
#include "ctrlite/transfer.h"
#include "json.h"
#include "layer.h"
#include "location.h"
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

static int read_config(struct store *s, const struct digest *id, const char *platform,
		       struct ctr_image_config *ret, bool *ret_other_platform, struct err *e)
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
	struct ctr_platform want;
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
	*ret_other_platform = false;
	if (r == 0 && platform) {
		r = ctr_platform_parse(platform, &want, e);
		*ret_other_platform = r == 0 && ((top.os && !streq(top.os, want.os)) ||
						 (top.arch && !streq(top.arch, want.arch)));
	}
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

static int unpack(struct ctr_engine *eng, const struct digest *manifest, bool quiet, struct err *e)
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
	r = unpack(eng, &f->manifest, quiet, e);
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
	const struct ctr_ensure_opts here = { .policy = CTR_PULL_NEVER, .quiet = o->quiet };
	int r = ctr_image_ensure(eng, id, &here, ret, ret_config, e);

	if (r == 0 && !ret->name)
		ret->name = name_of(eng, text, &ret->manifest, id); /* the ID will do as well */
	return r;
}

int ctr_image_ensure(struct ctr_engine *eng, const char *text, const struct ctr_ensure_opts *o,
		     struct ctr_image_found *ret, struct ctr_image_config *ret_config, struct err *e)
{
	struct ctr_image_found f = CTR_IMAGE_FOUND_INIT;
	struct ctr_image_config c = CTR_IMAGE_CONFIG_INIT;
	auto_free char *id = NULL;
	bool other = false, elsewhere = ctr_location_is_elsewhere(text);
	int r = -ENOENT;

	/* An image that is somewhere else is copied from there every time, as podman does. */
	if (!elsewhere && (o->policy == CTR_PULL_MISSING || o->policy == CTR_PULL_NEVER)) {
		r = ctr_image_lookup(&eng->store, text, &f, e);
		if (r == 0 && o->platform) {
			r = read_config(&eng->store, &f.config, o->platform, &c, &other, e);
			ctr_image_config_done(&c);
			if (r == 0 && other) {
				ctr_image_found_done(&f);
				f = (struct ctr_image_found)CTR_IMAGE_FOUND_INIT;
				r = o->policy == CTR_PULL_NEVER
					    ? err_set(e, ERR_NOT_FOUND, "%s: the image here is for another "
						      "platform than %s", text, o->platform)
					    : -ENOENT;
			}
		}
		if (r < 0 && (r != -ENOENT || o->policy == CTR_PULL_NEVER))
			return r;
	}
	if (r < 0) {
		*e = (struct err)ERR_INIT;
		r = pull(eng, text, o, &id, e);
		if (r == 0)
			ctr_image_event(eng, "pull", id, text);
		if (r == 0 && elsewhere)
			return with_id(eng, text, id, o, ret, ret_config, e);
		if (r < 0 && o->policy == CTR_PULL_NEWER &&
		    ctr_image_lookup(&eng->store, text, &f, NULL) == 0) {
			*e = (struct err)ERR_INIT;
			r = 0;
		} else if (r == 0) {
			r = ctr_image_lookup(&eng->store, text, &f, e);
			/* The name may stand for an index; what was pulled is known by its ID. */
			if (r < 0 || !streq(f.config.hex, id)) {
				char *name = take_ptr(&f.name);

				ctr_image_found_done(&f);
				f = (struct ctr_image_found)CTR_IMAGE_FOUND_INIT;
				*e = (struct err)ERR_INIT;
				r = ctr_image_lookup(&eng->store, id, &f, e);
				if (r == 0 && !f.name)
					f.name = take_ptr(&name);
				free(name);
			}
		}
	}
	if (r == 0)
		r = make_usable(eng, text, o->quiet, &f, e);
	if (r == 0)
		r = read_config(&eng->store, &f.config, NULL, &c, &other, e);
	if (r < 0) {
		ctr_image_found_done(&f);
		ctr_image_config_done(&c);
		return r;
	}
	*ret = f;
	*ret_config = c;
	return 0;
}
