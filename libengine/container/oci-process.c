/* The "process" object of config.json and of exec: user, groups, capabilities, limits, environment. */
#include <errno.h>
#include <stdlib.h>

#include "caps.h"
#include "container-priv.h"
#include "ctrlite/explain.h"
#include "env.h"
#include "json.h"
#include "log.h"
#include "oci.h"

bool oci_has_gid(const struct idmap *map, uint32_t gid)
{
	uint32_t host;

	return !map || idmap_to_host(map->gid, map->n_gid, gid, &host);
}

/* Like the kernel on a change of user: only what was asked for by name stays, also with --privileged. */
int oci_effective_caps(const struct ctr_request *r, bool root, uint64_t bounding, uint64_t *ret,
		       struct err *e)
{
	uint64_t asked = 0;
	int rc = !root && r->cap_add.n ? spec_caps_resolve(0, &r->cap_add, NULL, &asked, e) : 0;

	if (rc == 0)
		*ret = root ? bounding : asked & bounding;
	return rc;
}

/* process.capabilities: what the process may do, by user and options. */
static json_t *capabilities(const struct ctr_request *r, uint32_t uid, uint64_t set_, struct err *e)
{
	auto_strv struct strv names = STRV_INIT, added = STRV_INIT;
	uint64_t eff = 0;

	if (oci_effective_caps(r, uid == 0, set_, &eff, e) < 0)
		return NULL;
	if (spec_caps_names(set_, &names) < 0 || spec_caps_names(eff, &added) < 0) {
		(void)err_sys(e, ENOMEM, "make config.json");
		return NULL;
	}
	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "bounding", json_from_strv(&names), "effective",
			 json_from_strv(&added), "permitted", json_from_strv(&added), "inheritable",
			 uid != 0 ? json_from_strv(&added) : json_array(), "ambient",
			 uid != 0 ? json_from_strv(&added) : json_array());
}

static void cap_origins(const struct ctr_request *r)
{
	ctr_origin(r, "process.capabilities", "", r->privileged ? "--privileged" : "default");
	for (size_t i = 0; i < r->cap_add.n; i++) {
		int cap = spec_cap_parse(r->cap_add.items[i], NULL);

		/* ALL is no name, and adds what is not there by default */
		for (unsigned int c = 0; cap < 0 && !r->privileged && spec_cap_name(c); c++)
			if (!(spec_caps_default() & (UINT64_C(1) << c)))
				ctr_origin(r, "process.capabilities", spec_cap_name(c), "--cap-add ALL");
		if (cap >= 0)
			ctr_origin(r, "process.capabilities", spec_cap_name((unsigned int)cap),
				   "--cap-add %s", r->cap_add.items[i]);
	}
}

int oci_caps(const struct ctr_request *r, uint64_t *ret, struct err *e)
{
	uint64_t base = r->privileged ? spec_caps_all() : spec_caps_default();

	/* Root of another container may have less than our defaults, and cannot give more. */
	if (geteuid() == 0)
		base &= spec_caps_all();
	if (r->origins)
		cap_origins(r);
	return spec_caps_resolve(base, &r->cap_add, &r->cap_drop, ret, e);
}

static json_t *user_json(const struct ctr_request *r, const struct spec_user *u)
{
	json_t *groups = json_array();
	unsigned long mask = r->umask ? strtoul(r->umask, NULL, 8) : 022;

	/* The primary group too: else what a file's mode denies to that group could be had by giving
	 * it up (CVE-2022-2989 and its kind). */
	(void)json_array_append_new(groups, json_integer(u->gid));
	for (size_t i = 0; i < u->n_groups; i++)
		(void)json_array_append_new(groups, json_integer(u->groups[i]));
	return json_pack("{s:I, s:I, s:o, s:i}", "uid", (json_int_t)u->uid, "gid", (json_int_t)u->gid,
			 "additionalGids", groups, "umask", (int)(mask & 0777));
}

static json_t *rlimits(const struct ctr_request *r, bool own_userns, struct err *e)
{
	json_t *arr = json_array();

	if (oci_add_ulimits(arr, r, own_userns, e) < 0) {
		json_decref(arr);
		return NULL;
	}
	return arr;
}

static json_t *args_json(const struct ctr_request *r)
{
	json_t *arr = json_array();

	if (r->init) {
		(void)json_array_append_new(arr, json_string(OCI_INIT_PATH));
		(void)json_array_append_new(arr, json_string("--"));
	}
	for (size_t i = 0; i < r->entrypoint.n; i++)
		(void)json_array_append_new(arr, json_string(r->entrypoint.items[i]));
	for (size_t i = 0; i < r->cmd.n; i++)
		(void)json_array_append_new(arr, json_string(r->cmd.items[i]));
	return arr;
}

json_t *oci_process(struct oci_build *b, const struct spec_user *u, uint64_t caps, struct err *e)
{
	const struct ctr_request *r = b->req;
	auto_strv struct strv env = STRV_INIT;
	json_t *limits = rlimits(r, b->map != NULL, e), *capset, *j;

	if (!limits)
		return NULL;
	for (size_t i = 0; i < r->env.n; i++)
		if (strv_add(&env, r->env.items[i]) < 0)
			return NULL;
	if (spec_env_default(&env, "HOSTNAME", b->hostname) < 0 ||
	    spec_env_default(&env, "HOME", u->home ? u->home : "/") < 0)
		return NULL;
	if ((r->systemd && strv_addf(&env, "container_uuid=%.32s", r->id) < 0) ||
	    (notify_socket(r) && !r->sdnotify &&
	     strv_env_set(&env, "NOTIFY_SOCKET", OCI_NOTIFY_PATH) < 0))
		return NULL;
	if (r->systemd)
		ctr_origin(r, "process.env", "container_uuid", "--systemd");
	if (notify_socket(r) && !r->sdnotify)
		ctr_origin(r, "process.env", "NOTIFY_SOCKET", "default: --sdnotify=container");
	if (oci_secret_env(b->eng, r, b->ns->look_only, &env, e) < 0) {
		json_decref(limits);
		return NULL;
	}
	if (!strv_env_get(&r->env, "HOSTNAME"))
		ctr_origin(r, "process.env", "HOSTNAME", "default: the host name");
	if (!strv_env_get(&r->env, "HOME"))
		ctr_origin(r, "process.env", "HOME", "default: the user's home in /etc/passwd");
	capset = capabilities(r, u->uid, caps, e);
	if (!capset)
		return NULL;
	j = json_pack("{s:b, s:o, s:o, s:o, s:s, s:o, s:o, s:b}", "terminal", r->tty, "user",
			 user_json(r, u), "args", args_json(r), "env", json_from_strv(&env), "cwd",
			 r->cwd && r->cwd[0] ? r->cwd : "/", "capabilities", capset, "rlimits", limits,
			 "noNewPrivileges", r->no_new_privs);
	if (j && r->has_oom_score_adj &&
	    json_object_set_new(j, "oomScoreAdj", json_integer(r->oom_score_adj)) < 0) {
		json_decref(j);
		return NULL;
	}
	return j;
}

/* keep-groups stands alone. */
static const struct strv *extra_groups(const struct ctr_request *r)
{
	return ns_keeps_groups(r) ? NULL : &r->group_add;
}

/* The groups that there can be: with keep-groups none of the image's, else those of the map. */
static void trim_groups(const struct ctr_request *r, const struct idmap *map, bool say,
			struct spec_user *u)
{
	size_t n = 0;

	for (size_t i = 0; i < u->n_groups && !ns_keeps_groups(r); i++) {
		if (oci_has_gid(map, u->groups[i]))
			u->groups[n++] = u->groups[i];
		else if (say)
			log_warn("Additional gid=%u is not present in the user namespace, skip setting it",
				 u->groups[i]);
	}
	u->n_groups = n;
}

/* For exec: the default map has every id that an image can have. */
static int trim_groups_of_record(const struct ctr_request *r, struct spec_user *u, struct err *e)
{
	auto_free struct idmap *m = r->inner_gidmap ? calloc(1, sizeof(*m)) : NULL;

	if (r->inner_gidmap && (!m || idmap_parse(r->inner_gidmap, m->gid, &m->n_gid) < 0))
		return err_set(e, ERR_CORRUPT, "container %.12s: bad id map", r->id);
	trim_groups(r, m, false, u);
	return 0;
}

int oci_user(const struct oci_build *b, struct merged *m, struct spec_user *ret, struct err *e)
{
	const struct ctr_request *r = b->req;
	int rc = spec_user_resolve(m, r->user ? r->user : "", extra_groups(r), ret, e);

	if (rc == 0)
		trim_groups(r, b->map, true, ret);
	if (rc < 0 && e && e->kind == ERR_NOT_FOUND) { /* podman counts it as the command's failure */
		e->kind = ERR_CMD_NOT_EXEC;
		rc = err_kind_errno(e->kind);
	}
	return rc;
}

int oci_process_json(struct ctr_engine *eng, const struct ctr_request *r, int root_fd,
		     const struct oci_process_opts *o, char **ret, struct err *e)
{
	auto_merged struct merged m = MERGED_INIT;
	auto_strv struct strv env = STRV_INIT;
	auto_json json_t *j = NULL;
	struct spec_user user = SPEC_USER_INIT;
	json_t *capset, *args, *limits;
	uint64_t caps;
	int rc;

	merged_init_root(&m, root_fd);
	rc = oci_caps(r, &caps, e);
	if (rc == 0 && o->privileged)
		caps = spec_caps_all();
	if (rc == 0)
		rc = spec_user_resolve(&m, o->user ? o->user : r->user ? r->user : "", extra_groups(r),
				       &user, e);
	if (rc == 0)
		rc = trim_groups_of_record(r, &user, e);
	if (rc < 0)
		return rc;
	for (size_t i = 0; rc == 0 && i < r->env.n; i++)
		rc = strv_add(&env, r->env.items[i]);
	if (rc == 0) {
		rc = oci_secret_env(eng, r, false, &env, e);
		if (rc < 0) {
			spec_user_done(&user);
			return rc;
		}
	}
	for (size_t i = 0; rc == 0 && i < o->env->n; i++) {
		char *eq = strchr(o->env->items[i], '=');

		*eq = '\0'; /* built by spec_env_apply(): there is one */
		rc = strv_env_set(&env, o->env->items[i], eq + 1);
		*eq = '=';
	}
	if (rc == 0 && o->tty)
		rc = spec_env_default(&env, "TERM", "xterm");
	if (rc == 0)
		rc = spec_env_default(&env, "HOME", user.home ? user.home : "/");
	if (rc < 0) {
		rc = err_sys(e, ENOMEM, "make the process");
		goto out;
	}
	limits = rlimits(r, eng->rootless, e);
	capset = limits ? capabilities(r, user.uid, caps, e) : NULL;
	if (!capset) {
		json_decref(limits);
		rc = e && e->kind != ERR_NONE ? err_kind_errno(e->kind) : -ENOMEM;
		goto out;
	}
	args = json_from_strv(o->args);
	j = json_pack("{s:b, s:o, s:o, s:o, s:s, s:o, s:o, s:b}", "terminal", o->tty, "user",
		      user_json(r, &user), "args", args, "env", json_from_strv(&env), "cwd",
		      o->cwd ? o->cwd : r->cwd && r->cwd[0] ? r->cwd : "/", "capabilities", capset,
		      "rlimits", limits, "noNewPrivileges", r->no_new_privs);
	/* A program that asks at once must not be faster than the one who would set it later. */
	if (j && o->rows && o->cols)
		(void)json_object_set_new(j, "consoleSize", json_pack("{s:i, s:i}", "height", o->rows,
								      "width", o->cols));
	*ret = j ? json_dumps(j, JSON_COMPACT) : NULL;
	if (!*ret)
		rc = err_set(e, ERR_INVALID, "an argument is not valid UTF-8");
out:
	spec_user_done(&user);
	return rc;
}
