/*
 * --hooks-dir: OCI hooks by files (oci-hooks(5), version 1.0.0): *.json, in the order of their names
 * over all directories; of one name that of the last directory counts.
 */
#include <dirent.h>
#include <errno.h>
#include <regex.h>
#include <stdlib.h>
#include <unistd.h>

#include "container-priv.h"
#include "ctrlite/explain.h"
#include "file.h"
#include "json.h"
#include "oci.h"
#include "path.h"

#define HOOK_FILE_MAX_BYTES (1u << 20)
#define HOOK_VERSION "1.0.0"

static const char *const stage_names[] = { "prestart",	     "createRuntime", "createContainer",
					   "startContainer", "poststart",     "poststop" };

/* "NAME/DIR" items, so that sorting puts the same names together, later directories behind. */
static int list_files(const struct strv *dirs, struct strv *ret, struct err *e)
{
	for (size_t i = 0; i < dirs->n; i++) {
		auto_dir DIR *d = opendir(dirs->items[i]);

		if (!d)
			return err_sys(e, errno, "--hooks-dir: open %s", dirs->items[i]);
		for (struct dirent *de; (de = readdir(d));)
			if (str_ends(de->d_name, ".json") &&
			    strv_addf(ret, "%s/%04zu", de->d_name, i) < 0)
				return err_sys(e, ENOMEM, "read the hooks");
	}
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int matches(const char *pattern, const char *text, struct err *e)
{
	regex_t re;
	int found;

	if (!pattern || regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB))
		return err_set(e, ERR_INVALID, "\"%s\" is no regular expression", pattern ? pattern : "");
	found = regexec(&re, text, 0, NULL, 0) == 0;
	regfree(&re);
	return found;
}

/* Is there an annotation whose key and value both match? */
static int match_annotation(const struct ctr_request *r, const char *key_pattern, const char *pattern,
			    struct err *e)
{
	for (size_t i = 0; i < r->annotations.n; i++) {
		const char *eq = strchr(r->annotations.items[i], '=');
		auto_free char *key = eq ? strndup(r->annotations.items[i],
						   (size_t)(eq - r->annotations.items[i])) : NULL;
		int rc = key ? matches(key_pattern, key, e) : 0;

		if (rc > 0)
			rc = matches(pattern, eq + 1, e);
		if (rc)
			return rc;
	}
	return 0;
}

static int match_command(const struct ctr_request *r, const json_t *patterns, struct err *e)
{
	const char *first = r->entrypoint.n ? r->entrypoint.items[0] : r->cmd.n ? r->cmd.items[0] : "";
	const json_t *p;
	size_t i;

	json_array_foreach(patterns, i, p) {
		int rc = matches(json_string_value(p), first, e);

		if (rc)
			return rc;
	}
	return 0;
}

/* All conditions that there are, and at least one. */
static int applies(const struct oci_build *b, json_t *when, struct err *e)
{
	const json_t *always = json_object_get(when, "always"), *binds = json_object_get(when, "hasBindMounts"),
		     *commands = json_object_get(when, "commands");
	json_t *annotations = json_object_get(when, "annotations"), *value;
	bool any = false;
	const char *key;
	int rc;

	if (always && !json_is_true(always))
		return 0;
	if (binds && !(json_is_true(binds) && b->n_user_dests))
		return 0;
	any = always || binds;
	json_object_foreach(annotations, key, value) {
		rc = match_annotation(b->req, key, json_string_value(value), e);
		if (rc <= 0)
			return rc;
		any = true;
	}
	if (json_array_size(commands))
		return match_command(b->req, commands, e);
	return any;
}

static bool is_stage(const char *name)
{
	for (size_t i = 0; name && i < sizeof(stage_names) / sizeof(stage_names[0]); i++)
		if (streq(stage_names[i], name))
			return true;
	return false;
}

static int add_hook(json_t *hooks, json_t *hook, const json_t *stages, struct err *e)
{
	const json_t *s;
	size_t i;

	json_array_foreach(stages, i, s) {
		const char *stage = json_string_value(s);
		json_t *list;

		if (!is_stage(stage))
			return err_set(e, ERR_INVALID, "unknown stage \"%.60s\"", stage ? stage : "");
		list = json_object_get(hooks, stage);
		if (!list && json_object_set_new(hooks, stage, json_array()) < 0)
			return err_sys(e, ENOMEM, "read the hooks");
		list = json_object_get(hooks, stage);
		if (json_array_append(list, hook) < 0)
			return err_sys(e, ENOMEM, "read the hooks");
	}
	return 0;
}

static int add_file(const struct oci_build *b, const char *path, json_t *hooks, struct err *e)
{
	auto_free char *text = NULL;
	auto_json json_t *j = NULL;
	const json_t *stages;
	const char *version, *program;
	json_t *hook;
	size_t len;
	int rc = file_read_path(path, HOOK_FILE_MAX_BYTES, &text, &len);

	if (rc < 0)
		return err_sys(e, rc, "read the hook %s", path);
	rc = json_parse(text, len, HOOK_FILE_MAX_BYTES, path, &j, e);
	if (rc < 0)
		return rc;
	version = json_string_value(json_object_get(j, "version"));
	hook = json_object_get(j, "hook");
	program = json_string_value(json_object_get(hook, "path"));
	stages = json_object_get(j, "stages");
	if (!version || !streq(version, HOOK_VERSION))
		return err_set(e, ERR_INVALID, "hook %s: unrecognized hook version \"%.20s\": " HOOK_VERSION
			       " is read", path, version ? version : "");
	if (!program || program[0] != '/' || access(program, X_OK) < 0)
		return err_set(e, ERR_INVALID, "hook %s: its path \"%.200s\" is no program", path,
			       program ? program : "");
	if (!json_array_size(stages))
		return err_set(e, ERR_INVALID, "hook %s: missing stages", path);
	rc = applies(b, json_object_get(j, "when"), e);
	if (rc > 0)
		rc = add_hook(hooks, hook, stages, e);
	return rc < 0 ? err_wrap(e, rc, "hook %s", path) : 0;
}

int oci_hooks(const struct oci_build *b, json_t **ret, struct err *e)
{
	const struct strv *dirs = &b->eng->hooks_dirs;
	auto_strv struct strv files = STRV_INIT;
	auto_json json_t *hooks = NULL;
	int rc = dirs->n ? list_files(dirs, &files, e) : 0;

	if (rc < 0 || !files.n)
		return rc;
	hooks = json_object();
	qsort(files.items, files.n, sizeof(char *), by_name);
	for (size_t i = 0; rc == 0 && i < files.n; i++) {
		char *slash = strrchr(files.items[i], '/');
		size_t len = (size_t)(slash - files.items[i]) + 1;
		auto_free char *path = NULL;

		if (i + 1 < files.n && strncmp(files.items[i], files.items[i + 1], len) == 0)
			continue;	/* the same name in a later directory */
		*slash = '\0';
		path = path_join(dirs->items[strtoul(slash + 1, NULL, 10)], files.items[i]);
		rc = path ? add_file(b, path, hooks, e) : err_sys(e, ENOMEM, "read the hooks");
	}
	ctr_origin(b->req, "hooks", "", "--hooks-dir");
	if (rc == 0 && json_object_size(hooks))
		*ret = json_incref(hooks);
	return rc;
}
