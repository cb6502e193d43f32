/*
 * A container's secrets.  Its creation copies the files into <graphroot>/containers/<id>/secrets/N;
 * a start puts them below <rundir>/secrets, with names, modes and owners as the container is to see
 * them, and mounts that read-only on /run/secrets.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "container-priv.h"
#include "ctrlite/explain.h"
#include "ctrlite/secret.h"
#include "file.h"
#include "json.h"
#include "oci.h"
#include "path.h"

#define DEST "/run/secrets"
#define FILES "secrets"		/* in the run directory: what /run/secrets shows */
#define OTHERS "secrets.abs"	/* those that go elsewhere, by number */

static int copy_one(struct ctr_engine *eng, int dir_fd, size_t number, const struct ctr_secret_use *u,
		    struct err *e)
{
	char *data = NULL, name[32];
	size_t len = 0;
	int rc = ctr_secret_data(eng, u->id, &data, &len, e);

	if (rc < 0)
		return rc;
	(void)snprintf(name, sizeof(name), "%zu", number);
	rc = write_file_at(dir_fd, name, data, len, 0600);
	ctr_secret_data_free(data, len);
	return rc < 0 ? err_sys(e, rc, "copy secret %s", u->name) : 0;
}

int container_copy_secrets(struct ctr_engine *eng, int stage_fd, const struct ctr_request *r,
			   struct err *e)
{
	auto_close int dir = FD_NONE;
	int rc = 0;

	if (!r->secrets.n)
		return 0;
	if (mkdirat(stage_fd, FILES, 0700) < 0)
		return err_sys(e, errno, "make " FILES "/");
	dir = path_open_beneath(stage_fd, FILES, O_RDONLY | O_DIRECTORY);
	if (dir < 0)
		return err_sys(e, dir, "open " FILES "/");
	for (size_t i = 0; rc == 0 && i < r->secrets.n; i++) {
		struct ctr_secret_use u = CTR_SECRET_USE_INIT;

		rc = ctr_secret_use_read(r->secrets.items[i], &u, e);
		if (rc == 0 && !u.env)
			rc = copy_one(eng, dir, i, &u, e);
		ctr_secret_use_done(&u);
	}
	return rc;
}

/* Where it is below the run directory. */
static char *run_path(const struct ctr_secret_use *u, size_t number)
{
	return u->target[0] == '/' ? str_printf(OTHERS "/%zu", number)
				   : str_printf(FILES "/%s", u->target);
}

/* The directories above @path, and the file, whose mode does not depend on the umask. */
static int put_file(int run_fd, const char *path, const struct ctr_secret_use *u, const char *data,
		    size_t len)
{
	auto_close int fd = FD_NONE;
	auto_free char *dirs = strdup(path);

	if (!dirs)
		return -ENOMEM;
	for (char *s = strchr(dirs, '/'); s; s = strchr(s + 1, '/')) {
		*s = '\0';
		if (mkdirat(run_fd, dirs, 0755) < 0 && errno != EEXIST)
			return -errno;
		if (fchmodat(run_fd, dirs, 0755, 0) < 0)
			return -errno;
		*s = '/';
	}
	fd = path_create_beneath(run_fd, path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0)
		return fd;
	if (fchmod(fd, u->mode & 07777) < 0)
		return -errno;
	return fd_write_all(fd, data, len);
}

static int place_one(struct ctr_engine *eng, const struct ctr_request *r, int run_fd, size_t number,
		     const struct ctr_secret_use *u, struct err *e)
{
	auto_free char *path = run_path(u, number);
	char *data = NULL, from[128];
	size_t len = 0;
	int rc;

	(void)snprintf(from, sizeof(from), "%s/" FILES "/%zu", r->id, number);
	rc = file_read(eng->store.containers_fd, from, CTR_SECRET_MAX_BYTES, &data, &len);
	if (rc == 0)
		rc = path ? put_file(run_fd, path, u, data, len) : -ENOMEM;
	ctr_secret_data_free(data, len);
	return rc < 0 ? err_sys(e, rc, "give secret %s to the container", u->name) : 0;
}

int container_place_secrets(struct ctr_engine *eng, const struct ctr_request *r, int run_fd,
			    struct err *e)
{
	int rc;

	if (!r->secrets.n)
		return 0;
	/* of an earlier start: it may belong to another id by now */
	rc = path_remove_tree(run_fd, FILES);
	if (rc == 0)
		rc = path_remove_tree(run_fd, OTHERS);
	if (rc < 0)
		return err_sys(e, rc, "remove the secrets of an earlier start");
	for (size_t i = 0; rc == 0 && i < r->secrets.n; i++) {
		struct ctr_secret_use u = CTR_SECRET_USE_INIT;

		rc = ctr_secret_use_read(r->secrets.items[i], &u, e);
		if (rc == 0 && !u.env)
			rc = place_one(eng, r, run_fd, i, &u, e);
		ctr_secret_use_done(&u);
	}
	return rc;
}

int container_secret_owners(const struct ctr_request *r, const struct ns_plan *ns, struct strv *ret,
			    struct err *e)
{
	/* of a user namespace that is joined the monitor is root already */
	const struct idmap *inner = ns->user_path ? ns->inner : NULL;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < r->secrets.n; i++) {
		struct ctr_secret_use u = CTR_SECRET_USE_INIT;
		auto_free char *path = NULL;
		uint32_t uid, gid;

		rc = ctr_secret_use_read(r->secrets.items[i], &u, e);
		if (rc < 0)
			return rc;
		uid = u.uid;
		gid = u.gid;
		if (!u.env && inner &&
		    (!idmap_to_host(inner->uid, inner->n_uid, u.uid, &uid) ||
		     !idmap_to_host(inner->gid, inner->n_gid, u.gid, &gid)))
			rc = err_set(e, ERR_INVALID, "secret %s: the container's user namespace has no "
				     "uid %u and gid %u", u.name, u.uid, u.gid);
		path = run_path(&u, i);
		/* what we write belongs to the container's root already, where that is us */
		if (rc == 0 && !u.env && (ns->inner || u.uid || u.gid) &&
		    (!path || strv_addf(ret, "%u:%u:%s", uid, gid, path) < 0))
			rc = err_sys(e, ENOMEM, "give secret %s to the container", u.name);
		ctr_secret_use_done(&u);
	}
	return rc;
}

/* What the user mounts there wins; then ours are put beside it, one by one. */
static bool user_mounts_below(const struct oci_build *b, const char *dir)
{
	for (size_t i = 0; i < b->n_user_dests; i++) {
		const char *rest = str_after(b->user_dests[i], dir);

		if (rest && (*rest == '\0' || *rest == '/'))
			return true;
	}
	return false;
}

static int add_mount(struct oci_build *b, const char *path, const char *dest, struct err *e)
{
	auto_free char *source = path_join(b->run_dir, path);

	ctr_origin(b->req, "mounts", dest, "--secret");
	return oci_add_mount(b->mounts, dest, "bind", source ? source : "",
			     json_pack("[s, s, s, s, s, s]", "bind", "rprivate", "nosuid", "nodev",
				       "noexec", "ro"), e);
}

static bool user_mounts(const struct oci_build *b, const char *dest)
{
	for (size_t i = 0; i < b->n_user_dests; i++)
		if (streq(b->user_dests[i], dest))
			return true;
	return false;
}

int oci_secret_mounts(struct oci_build *b, struct err *e)
{
	bool single = user_mounts_below(b, DEST), whole = false;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < b->req->secrets.n; i++) {
		struct ctr_secret_use u = CTR_SECRET_USE_INIT;
		auto_free char *dest = NULL, *path = NULL;

		rc = ctr_secret_use_read(b->req->secrets.items[i], &u, e);
		if (rc < 0)
			return rc;
		dest = u.target[0] == '/' ? strdup(u.target) : path_join(DEST, u.target);
		path = run_path(&u, i);
		if (!dest || !path) {
			rc = err_sys(e, ENOMEM, "make config.json");
		} else if (!u.env && u.target[0] != '/' && !single) {
			if (!whole)
				rc = add_mount(b, FILES, DEST, e);
			whole = true;
		} else if (!u.env && !user_mounts(b, dest)) {
			rc = add_mount(b, path, dest, e);
		}
		ctr_secret_use_done(&u);
	}
	return rc;
}

static int set_variable(struct strv *env, const struct ctr_secret_use *u, const char *data, size_t len,
			struct err *e)
{
	auto_json json_t *utf8 = json_stringn(data, len);

	if (!utf8 || strlen(data) != len)
		return err_set(e, ERR_INVALID, "secret %s cannot be a variable: it is not text", u->name);
	return strv_env_set(env, u->target, data) < 0 ? err_sys(e, ENOMEM, "set a variable") : 0;
}

int oci_secret_env(struct ctr_engine *eng, const struct ctr_request *r, bool look_only,
		   struct strv *env, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < r->secrets.n; i++) {
		struct ctr_secret_use u = CTR_SECRET_USE_INIT;
		char *data = NULL;
		size_t len = 0;

		rc = ctr_secret_use_read(r->secrets.items[i], &u, e);
		if (rc == 0 && u.env && look_only)
			rc = strv_env_set(env, u.target, "(a secret)") < 0 ? -ENOMEM : 0;
		else if (rc == 0 && u.env)
			rc = ctr_secret_data(eng, u.id, &data, &len, e);
		if (rc == -ENOENT)
			(void)err_set(e, ERR_NOT_FOUND, "no secret with name or id \"%s\": no such secret",
				      u.name);
		if (rc == 0 && data)
			rc = set_variable(env, &u, data, len, e);
		ctr_origin(r, "process.env", u.env ? u.target : "", "--secret %s", u.name ? u.name : "");
		ctr_secret_data_free(data, len);
		ctr_secret_use_done(&u);
	}
	return rc;
}
