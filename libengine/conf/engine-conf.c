/* [engine] of containers.conf. */
#include "engine-conf.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "conf-file.h"
#include "fd.h"
#include "json.h"

#define ENV_MAX 1000
#define DIRS_MAX 100
#define TEXT_MAX 1000
#define RETRY_DELAY_MAX_NS (INT64_C(3600) * 1000000000)

void engine_conf_done(struct engine_conf *c)
{
	int saved = errno;

	strv_done(&c->env);
	strv_done(&c->helper_dirs);
	free(c->pull_policy);
	free(c->image_format);
	free(c->transport);
	free(c->compression);
	*c = (struct engine_conf)ENGINE_CONF_INIT;
	errno = saved;
}

struct fields {
	const json_t *env, *helper_dirs;
	const char *pull_policy, *image_format, *transport, *compression, *retry_delay;
	int64_t compression_level, retry;
	uint64_t parallel;
};

/* One row for each key: what it is called, and how it is read. */
#define KEYS(X) \
	X("env", JSON_KIND_ARRAY, env, ENV_MAX) \
	X("helper_binaries_dir", JSON_KIND_ARRAY, helper_dirs, DIRS_MAX) \
	X("pull_policy", JSON_KIND_STR, pull_policy, TEXT_MAX) \
	X("image_default_format", JSON_KIND_STR, image_format, TEXT_MAX) \
	X("image_default_transport", JSON_KIND_STR, transport, TEXT_MAX) \
	X("compression_format", JSON_KIND_STR, compression, TEXT_MAX) \
	X("compression_level", JSON_KIND_I64, compression_level, 0) \
	X("retry", JSON_KIND_I64, retry, 0) \
	X("retry_delay", JSON_KIND_STR, retry_delay, TEXT_MAX) \
	X("image_parallel_copies", JSON_KIND_U64, parallel, ENGINE_PARALLEL_MAX)

#define ROW(key, kind, member, limit) { key, kind, offsetof(struct fields, member), 0, limit },
static const struct json_field rows[] = { KEYS(ROW) { 0 } };
#define KEY(key, kind, member, limit) key,
const char *const engine_conf_keys[] = { KEYS(KEY) NULL };

#define WHERE "containers.conf: engine"

/* One of @words, with what it is called here. */
struct word {
	const char *theirs, *ours;
};

static int read_word(const char *key, const char *value, const struct word *words, char **ret,
		     struct err *e)
{
	auto_strbuf struct strbuf list = STRBUF_INIT;

	if (!value || !*value)
		return 0;
	for (const struct word *w = words; w->theirs; w++) {
		strbuf_addf(&list, "%s%s", w == words ? "" : ", ", w->theirs);
		if (!streq(value, w->theirs))
			continue;
		*ret = strdup(w->ours);
		return *ret ? 0 : err_sys(e, ENOMEM, "read containers.conf");
	}
	return err_set(e, ERR_CORRUPT, WHERE ".%s is \"%.60s\", must be one of %s", key, value,
		       list.failed ? "those of containers.conf(5)" : list.data);
}

static int read_words(const struct fields *f, struct engine_conf *c, struct err *e)
{
	static const struct word policies[] = {
		{ "always", "always" }, { "missing", "missing" }, { "never", "never" },
		{ "newer", "newer" }, { "ifmissing", "missing" }, { 0 },
	};
	static const struct word formats[] = {
		{ "oci", "oci" }, { "v2s2", "docker" }, { "docker", "docker" }, { 0 },
	};
	static const struct word compressions[] = {
		{ "gzip", "gzip" }, { "zstd", "zstd" }, { "zstd:chunked", "zstd:chunked" }, { 0 },
	};
	int r = read_word("pull_policy", f->pull_policy, policies, &c->pull_policy, e);

	if (r == 0)
		r = read_word("image_default_format", f->image_format, formats, &c->image_format, e);
	if (r == 0)
		r = read_word("compression_format", f->compression, compressions, &c->compression, e);
	return r;
}

static int read_numbers(const struct fields *f, struct engine_conf *c, struct err *e)
{
	int64_t ns = 0;

	if (f->retry < -1 || f->retry > ENGINE_RETRIES_MAX)
		return err_set(e, ERR_CORRUPT, WHERE ".retry is not a number up to %d", ENGINE_RETRIES_MAX);
	if (f->compression_level < -1 || f->compression_level > 22)
		return err_set(e, ERR_CORRUPT, WHERE ".compression_level is not a level up to 22");
	if (f->retry_delay && *f->retry_delay &&
	    (str_duration(f->retry_delay, &ns) < 0 || ns < 0 || ns > RETRY_DELAY_MAX_NS))
		return err_set(e, ERR_CORRUPT, WHERE ".retry_delay is not a duration up to an hour");
	c->retry = (int)f->retry;
	c->compression_level = (int)f->compression_level;
	c->retry_delay_ms = ns / 1000000;
	c->parallel_copies = (uint32_t)f->parallel;
	return 0;
}

static int read_engine(const json_t *engine, struct engine_conf *c, struct err *e)
{
	struct fields f = { .compression_level = -1, .retry = -1 };
	int r = json_read(engine, rows, &f, JSON_ALLOW_UNKNOWN, WHERE, e);

	if (r == 0 && f.env)
		r = json_read_strv(f.env, &c->env, ENV_MAX, WHERE ".env", e);
	if (r == 0 && f.helper_dirs)
		r = json_read_strv(f.helper_dirs, &c->helper_dirs, DIRS_MAX, WHERE ".helper_binaries_dir", e);
	for (size_t i = 0; r == 0 && i < c->env.n; i++)
		if (!strchr(c->env.items[i], '=') || *c->env.items[i] == '=')
			r = err_set(e, ERR_CORRUPT, WHERE ".env: \"%.60s\" is not KEY=value", c->env.items[i]);
	if (r == 0)
		r = read_words(&f, c, e);
	if (r == 0)
		r = read_numbers(&f, c, e);
	if (r == 0 && f.transport && *f.transport) {
		c->transport = strdup(f.transport);
		r = c->transport ? 0 : err_sys(e, ENOMEM, "read containers.conf");
	}
	return r;
}

int engine_conf_load(struct engine_conf *ret, struct err *e)
{
	struct engine_conf c = ENGINE_CONF_INIT;
	auto_json json_t *all = NULL;
	const char *dir = getenv("CONTAINERS_HELPER_BINARY_DIR");
	const json_t *engine;
	int r = conf_containers_load(geteuid() != 0, &all, e);

	if (r < 0)
		return r;
	if (dir && *dir && strv_add(&c.helper_dirs, dir) < 0)
		return err_sys(e, ENOMEM, "read containers.conf");
	engine = json_object_get(all, "engine");
	if (engine && !json_is_object(engine))
		return err_set(e, ERR_CORRUPT, WHERE " is not a table");
	r = engine ? read_engine(engine, &c, e) : 0;
	if (r < 0) {
		engine_conf_done(&c);
		return r;
	}
	*ret = c;
	return 0;
}

int engine_conf_set_env(const struct engine_conf *c, struct err *e)
{
	for (size_t i = 0; i < c->env.n; i++) {
		const char *eq = strchr(c->env.items[i], '=');
		auto_free char *key = strndup(c->env.items[i], (size_t)(eq - c->env.items[i]));

		if (!key || setenv(key, eq + 1, 1) < 0)
			return err_sys(e, ENOMEM, "set the variables of containers.conf");
	}
	return 0;
}
