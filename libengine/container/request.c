/* The request that made a container: container.json and back, one table for both directions. */
#include "container-priv.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "file.h"
#include "jscan.h"
#include "json.h"
#include "path.h"

enum kind { K_STR, K_STRV, K_BOOL, K_U64, K_U32, K_I64, K_INT };

#define F(kind, member) { #member, kind, offsetof(struct ctr_request, member) }
/* clang-format off */
static const struct field {
	const char *name;
	enum kind kind;
	size_t offset;
} fields[] = {
	F(K_STR, id), F(K_STR, name), F(K_I64, created_ns),
	F(K_STR, image), F(K_STR, image_id), F(K_STR, manifest), F(K_STR, rootfs), F(K_BOOL, rootfs_overlay), F(K_STRV, layers), F(K_U32, root_layer),
	F(K_STRV, entrypoint), F(K_STRV, cmd), F(K_STRV, env), F(K_STRV, labels),
	F(K_STRV, annotations), F(K_STR, user), F(K_STRV, group_add), F(K_STR, cwd),
	F(K_BOOL, cwd_required), F(K_STR, hostname), F(K_STR, umask),
	F(K_BOOL, tty), F(K_BOOL, open_stdin), F(K_BOOL, rm), F(K_BOOL, privileged),
	F(K_BOOL, read_only), F(K_BOOL, read_only_tmpfs), F(K_BOOL, init), F(K_BOOL, no_new_privs),
	F(K_STRV, cap_add), F(K_STRV, cap_drop), F(K_STR, seccomp), F(K_STRV, mask),
	F(K_STR, apparmor), F(K_STRV, labels_lsm), F(K_STRV, proc_opts), F(K_STR, init_path),
	F(K_STR, personality), F(K_STR, domainname), F(K_STR, tz), F(K_BOOL, no_passwd), F(K_BOOL, current_user),
	F(K_STR, passwd_entry), F(K_STR, group_entry), F(K_STRV, host_users), F(K_STRV, device_rules),
	F(K_STRV, unmask), F(K_STRV, volumes), F(K_STRV, mounts), F(K_STRV, tmpfs), F(K_STR, base_dir),
	F(K_STRV, secrets), F(K_STRV, image_volumes), F(K_STRV, anon_volumes), F(K_STRV, anon_dests), F(K_STRV, named_volumes), F(K_STRV, image_mounts),
	F(K_STRV, volumes_from), F(K_STRV, devices),
	F(K_STRV, ulimits), F(K_STRV, sysctls), F(K_U64, shm_size_bytes),
	F(K_STR, pid_mode), F(K_STR, ipc_mode), F(K_STR, uts_mode), F(K_STR, cgroupns_mode),
	F(K_STR, userns), F(K_STRV, uidmaps), F(K_STRV, gidmaps), F(K_STR, subuidname),
	F(K_STR, subgidname), F(K_STR, inner_uidmap), F(K_STR, inner_gidmap),
	F(K_STR, runtime), F(K_I64, limits.memory), F(K_I64, limits.memory_reservation), F(K_I64, limits.memory_swap),
	F(K_U64, limits.cpu_shares), F(K_U64, limits.cpu_period_us), F(K_I64, limits.cpu_quota_us),
	F(K_STR, limits.cpuset_cpus), F(K_STR, limits.cpuset_mems), F(K_I64, limits.pids),
	F(K_U32, limits.blkio_weight), F(K_STRV, limits.blkio_weight_device),
	F(K_STRV, limits.device_read_bps), F(K_STRV, limits.device_write_bps),
	F(K_STRV, limits.device_read_iops), F(K_STRV, limits.device_write_iops),
	F(K_STRV, limits.unified), F(K_STR, cgroup_parent), F(K_STR, cgroups_mode),
	F(K_BOOL, has_oom_score_adj), F(K_INT, oom_score_adj),
	F(K_STRV, networks), F(K_STRV, publish), F(K_STRV, dns), F(K_STRV, dns_search),
	F(K_STRV, dns_option), F(K_STRV, add_hosts), F(K_BOOL, no_hosts),
	F(K_BOOL, no_hostname), F(K_STR, hosts_file), F(K_STRV, exposed), F(K_BOOL, publish_all),
	F(K_BOOL, remove_image), F(K_STR, pidfile), F(K_STR, conmon_pidfile), F(K_BOOL, systemd),
	F(K_U64, systemd_size_bytes), F(K_STR, sdnotify),
	F(K_STR, log_driver), F(K_STR, log_path), F(K_STR, log_tag), F(K_STRV, log_labels),
	F(K_U32, log_max_files), F(K_U64, log_max_bytes), F(K_INT, stop_signal),
	F(K_U32, stop_timeout_s), F(K_U32, timeout_s), F(K_STR, restart), F(K_U32, restart_max), F(K_STR, cidfile), { "requires", K_STRV, offsetof(struct ctr_request, requires_) }, F(K_STRV, command_line),
	F(K_STRV, health.test), F(K_I64, health.interval_ns), F(K_I64, health.timeout_ns),
	F(K_I64, health.start_period_ns), F(K_I64, health.start_interval_ns), F(K_U32, health.retries),
	F(K_STRV, health.startup_test), F(K_I64, health.startup_interval_ns),
	F(K_I64, health.startup_timeout_ns), F(K_U32, health.startup_retries),
	F(K_U32, health.startup_success), F(K_STR, health.on_failure), F(K_STR, health.log_destination),
	F(K_I64, health.log_count), F(K_I64, health.log_size),
};
/* clang-format on */
#define N_FIELDS (sizeof(fields) / sizeof(fields[0]))

static void *at(const struct ctr_request *r, const struct field *f)
{
	return (char *)(uintptr_t)r + f->offset;
}

void ctr_request_done(struct ctr_request *r)
{
	for (size_t i = 0; i < N_FIELDS; i++) {
		if (fields[i].kind == K_STR)
			free(*(char **)at(r, &fields[i]));
		else if (fields[i].kind == K_STRV)
			strv_done(at(r, &fields[i]));
	}
	*r = (struct ctr_request)CTR_REQUEST_INIT;
}

char *ctr_request_command(const struct ctr_request *r)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;

	for (size_t i = 0; i < r->entrypoint.n; i++)
		strbuf_addf(&b, "%s%s", b.len ? " " : "", r->entrypoint.items[i]);
	for (size_t i = 0; i < r->cmd.n; i++)
		strbuf_addf(&b, "%s%s", b.len ? " " : "", r->cmd.items[i]);
	return strbuf_take(&b);
}

static json_t *field_to_json(const struct ctr_request *r, const struct field *f)
{
	const void *p = at(r, f);
	json_int_t number = 0;
	const char *s;

	switch (f->kind) {
	case K_STR:
		s = *(char *const *)p;
		return s ? json_string(s) : NULL;
	case K_STRV:
		return ((const struct strv *)p)->n ? json_from_strv(p) : NULL;
	case K_BOOL:
		return *(const bool *)p ? json_true() : NULL;
	case K_U64:
		number = (json_int_t)*(const uint64_t *)p;
		break;
	case K_U32:
		number = *(const uint32_t *)p;
		break;
	case K_I64:
		number = *(const int64_t *)p;
		break;
	case K_INT:
		number = *(const int *)p;
		break;
	}
	return number ? json_integer(number) : NULL; /* what is not there reads as zero */
}

int request_text(const struct ctr_request *r, char **ret, struct err *e)
{
	auto_json json_t *j = json_pack("{s:i}", "version", REQUEST_VERSION);

	for (size_t i = 0; j && i < N_FIELDS; i++) {
		json_t *v = field_to_json(r, &fields[i]);

		if (v && json_object_set_new_nocheck(j, fields[i].name, v) < 0)
			return err_sys(e, ENOMEM, "write container.json");
	}
	*ret = json_dumps(j, JSON_COMPACT);
	return *ret ? 0 : err_set(e, ERR_INVALID, "a value of the container is not valid UTF-8");
}

int request_replace(int dir_fd, const struct ctr_request *r, struct err *e)
{
	auto_free char *text = NULL;
	int rc = request_text(r, &text, e);

	if (rc < 0)
		return rc;
	rc = file_replace(dir_fd, "container.json", text, strlen(text), 0600, FILE_SYNC_FULL);
	return rc < 0 ? err_sys(e, rc, "write container.json") : 0;
}

int request_write(int dir_fd, const struct ctr_request *r, struct err *e)
{
	auto_free char *text = NULL;
	int rc = request_text(r, &text, e);

	if (rc < 0)
		return rc;
	/* The caller's staging directory is renamed into place: that makes it appear whole. */
	rc = write_file_at(dir_fd, "container.json", text, strlen(text), 0600);
	return rc < 0 ? err_sys(e, rc, "write container.json") : 0;
}

static int field_from_json(struct ctr_request *r, const struct field *f, const json_t *v,
			   struct err *e)
{
	void *p = at(r, f);
	json_int_t i = json_integer_value(v);

	switch (f->kind) {
	case K_STR:
		if (!json_is_string(v))
			break;
		*(char **)p = strdup(json_string_value(v));
		return *(char **)p ? 0 : err_sys(e, ENOMEM, "read container.json");
	case K_STRV:
		return json_read_strv(v, p, REQUEST_LIST_MAX, f->name, e);
	case K_BOOL:
		if (!json_is_boolean(v))
			break;
		*(bool *)p = json_is_true(v);
		return 0;
	case K_U64:
		if (!json_is_integer(v) || i < 0)
			break;
		*(uint64_t *)p = (uint64_t)i;
		return 0;
	case K_U32:
		if (!json_is_integer(v) || i < 0 || i > UINT32_MAX)
			break;
		*(uint32_t *)p = (uint32_t)i;
		return 0;
	case K_I64:
		if (!json_is_integer(v))
			break;
		*(int64_t *)p = i;
		return 0;
	case K_INT:
		if (!json_is_integer(v) || i < INT32_MIN || i > INT32_MAX)
			break;
		*(int *)p = (int)i;
		return 0;
	}
	return err_set(e, ERR_CORRUPT, "$.%s has the wrong type", f->name);
}

static int request_from_json(json_t *j, struct ctr_request *ret, struct err *e)
{
	const char *key;
	size_t next = 0; /* members come in the order they were written: the search is short */
	json_t *v;
	int r;

	if (json_integer_value(json_object_get(j, "version")) != REQUEST_VERSION)
		return err_set(e, ERR_CORRUPT, "container.json has version %" JSON_INTEGER_FORMAT
			       ", this program knows %d",
			       json_integer_value(json_object_get(j, "version")), REQUEST_VERSION);
	json_object_foreach(j, key, v) {
		size_t tried;

		if (streq(key, "version"))
			continue;
		for (tried = 0; tried < N_FIELDS; tried++, next = (next + 1) % N_FIELDS)
			if (streq(fields[next].name, key))
				break;
		if (tried == N_FIELDS)
			return err_set(e, ERR_CORRUPT, "$: unknown member %.60s", key);
		r = field_from_json(ret, &fields[next], v, e);
		if (r < 0)
			return r;
		next = (next + 1) % N_FIELDS;
	}
	if (!ret->id || !ret->name || !ret->image_id)
		return err_set(e, ERR_CORRUPT, "container.json lacks id, name or image_id");
	return 0;
}

/* The field @name, from @next on: members come in the order of the table. */
static const struct field *field_find(const char *name, size_t len, size_t *next)
{
	for (size_t tried = 0; tried < N_FIELDS; tried++) {
		const struct field *f = &fields[*next];

		*next = (*next + 1) % N_FIELDS;
		if (strncmp(f->name, name, len) == 0 && !f->name[len])
			return f;
	}
	return NULL;
}

static bool field_scan(struct ctr_request *r, const struct field *f, struct jscan *s)
{
	void *p = at(r, f);
	int64_t i = 0;

	switch (f->kind) {
	case K_STR:
		return jscan_str(s, p);
	case K_STRV:
		return jscan_strv(s, p, REQUEST_LIST_MAX);
	case K_BOOL:
		return jscan_bool(s, p);
	case K_U64:
		if (!jscan_int(s, &i) || i < 0)
			return false;
		*(uint64_t *)p = (uint64_t)i;
		return true;
	case K_U32:
		if (!jscan_int(s, &i) || i < 0 || i > UINT32_MAX)
			return false;
		*(uint32_t *)p = (uint32_t)i;
		return true;
	case K_I64:
		return jscan_int(s, p);
	case K_INT:
		if (!jscan_int(s, &i) || i < INT32_MIN || i > INT32_MAX)
			return false;
		*(int *)p = (int)i;
		return true;
	}
	return false;
}

bool request_scan(const char *text, size_t len, struct ctr_request *ret)
{
	struct jscan s = jscan_begin(text, len);
	bool seen[N_FIELDS] = { false };
	const char *name = NULL;
	int64_t version = 0;
	size_t name_len = 0, next = 0;

	if (!jscan_member(&s, &name, &name_len) || name_len != 7 || memcmp(name, "version", 7) != 0 ||
	    !jscan_int(&s, &version) || version != REQUEST_VERSION)
		return false;
	while (jscan_member(&s, &name, &name_len)) {
		const struct field *f = field_find(name, name_len, &next);

		if (!f || seen[f - fields] || !field_scan(ret, f, &s))
			return false;
		seen[f - fields] = true;
	}
	return jscan_end(&s) && ret->id && ret->name && ret->image_id;
}

int request_parse(const char *text, size_t len, struct ctr_request *ret, struct err *e)
{
	auto_json json_t *j = NULL;
	int r = json_parse(text, len, REQUEST_MAX_BYTES, "container.json", &j, e);

	return r < 0 ? r : request_from_json(j, ret, e);
}

/* What is unusual, long, or wrong. */
static int load_fully(struct ctr_engine *eng, const char *path, struct ctr_request *ret, struct err *e)
{
	auto_free char *text = NULL;
	size_t len;
	int r = file_read(eng->store.containers_fd, path, REQUEST_MAX_BYTES, &text, &len);

	return r < 0 ? r : request_parse(text, len, ret, e);
}

int ctr_container_load(struct ctr_engine *eng, const char *id, struct ctr_request *ret, struct err *e)
{
	struct ctr_request req = CTR_REQUEST_INIT;
	char path[96], buf[RECORD_BUF];
	ssize_t n;
	int r = 0;

	(void)snprintf(path, sizeof(path), "%s/container.json", id);
	n = file_peek(eng->store.containers_fd, path, buf, sizeof(buf));
	if (n < 0)
		return n == -ENOENT ? err_set(e, ERR_NOT_FOUND, "no such container %.64s", id)
				    : err_sys(e, (int)n, "read the record of container %.64s", id);
	if (!request_scan(buf, (size_t)n, &req)) {
		ctr_request_done(&req);
		r = load_fully(eng, path, &req, e);
	}
	if (r < 0) {
		ctr_request_done(&req);
		return err_wrap(e, r, "container %.64s", id);
	}
	*ret = req;
	return 0;
}

int ctr_request_inner_map(const struct ctr_request *r, struct idmap *ret, struct err *e)
{
	if (!r->inner_uidmap && !r->inner_gidmap)
		return 0;
	if (!r->inner_uidmap || !r->inner_gidmap ||
	    idmap_parse(r->inner_uidmap, ret->uid, &ret->n_uid) < 0 ||
	    idmap_parse(r->inner_gidmap, ret->gid, &ret->n_gid) < 0)
		return err_set(e, ERR_CORRUPT, "container %.12s: bad id map", r->id);
	return 1;
}
