/*
 * Containers that depend on others: they share a namespace of theirs, or name them with --requires.
 *
 * Each has an empty file dependents/<its id> in the directory of what it depends on, so that whoever
 * removes that need not read every record of the store.  The record of the dependent is what counts:
 * a file without one, or whose record names somebody else by now, says nothing.
 */
#include "depends.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "container-priv.h"
#include "namespaces.h"
#include "path.h"

#define DEPENDENTS "dependents"
#define DEPTH_MAX 32

static int add(struct strv *to, const char *id)
{
	return strv_has(to, id) ? 0 : strv_add(to, id);
}

int container_dependencies(const struct ctr_request *r, struct strv *ret, struct err *e)
{
	const char *const modes[] = { r->pid_mode, r->ipc_mode,	     r->uts_mode,
				      r->userns,   r->cgroupns_mode, ns_network(r) };
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < sizeof(modes) / sizeof(modes[0]); i++) {
		const char *id = modes[i] ? str_after(modes[i], "container:") : NULL;

		if (id)
			rc = add(ret, id);
	}
	for (size_t i = 0; rc == 0 && i < r->requires_.n; i++)
		rc = add(ret, r->requires_.items[i]);
	return rc < 0 ? err_sys(e, ENOMEM, "look at what container %.12s depends on", r->id) : 0;
}

int container_resolve_requires(struct ctr_engine *eng, struct ctr_request *r, struct err *e)
{
	for (size_t i = 0; i < r->requires_.n; i++) {
		char id[65];
		int rc = ctr_container_find(eng, r->requires_.items[i], id, e);

		if (rc < 0)
			return err_wrap(e, rc, "\"%s\" is not a valid container, cannot be used as a "
					"dependency", r->requires_.items[i]);
		free(r->requires_.items[i]);
		r->requires_.items[i] = strdup(id);
		if (!r->requires_.items[i])
			return err_sys(e, ENOMEM, "keep what the container requires");
	}
	return 0;
}

static int mark_one(struct ctr_engine *eng, const char *of, const char *id, struct err *e)
{
	auto_close int dir = container_dir(eng, of, e);
	auto_close int deps = FD_NONE, fd = FD_NONE;

	if (dir < 0)
		return dir;
	if (mkdirat(dir, DEPENDENTS, 0700) < 0 && errno != EEXIST)
		return err_sys(e, errno, "make the list of dependents of container %.12s", of);
	deps = path_open_beneath(dir, DEPENDENTS, O_RDONLY | O_DIRECTORY);
	fd = deps < 0 ? deps : openat(deps, id, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fd < 0 ? err_sys(e, deps < 0 ? deps : errno, "add to the dependents of container %.12s", of)
		      : 0;
}

int container_mark_dependent(struct ctr_engine *eng, const struct ctr_request *r, struct err *e)
{
	auto_strv struct strv deps = STRV_INIT;
	int rc = container_dependencies(r, &deps, e);

	for (size_t i = 0; rc == 0 && i < deps.n; i++)
		rc = mark_one(eng, deps.items[i], r->id, e);
	return rc;
}

void container_unmark_dependent(struct ctr_engine *eng, const struct ctr_request *r)
{
	auto_strv struct strv deps = STRV_INIT;

	if (container_dependencies(r, &deps, NULL) < 0)
		return;
	for (size_t i = 0; i < deps.n; i++) {
		auto_free char *path = str_printf("%s/" DEPENDENTS "/%s", deps.items[i], r->id);

		/* What it depended on may be gone. */
		if (path)
			(void)unlinkat(eng->store.containers_fd, path, 0);
	}
}

/* Does @other, if it is there, depend on @id? */
static bool depends_on(struct ctr_engine *eng, const char *other, const char *id)
{
	struct ctr_request req = CTR_REQUEST_INIT;
	auto_strv struct strv deps = STRV_INIT;
	bool r = ctr_container_load(eng, other, &req, NULL) == 0 &&
		 container_dependencies(&req, &deps, NULL) == 0 && strv_has(&deps, id);

	ctr_request_done(&req);
	return r;
}

int ctr_container_dependents(struct ctr_engine *eng, const char *id, struct strv *ret, struct err *e)
{
	auto_free char *path = str_printf("%s/" DEPENDENTS, id);
	auto_dir DIR *d = NULL;
	struct dirent *de;
	int fd = path ? path_open_beneath(eng->store.containers_fd, path, O_RDONLY | O_DIRECTORY)
		      : -ENOMEM;

	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return err_sys(e, fd, "read the dependents of container %.12s", id);
	d = fdopendir(fd);
	if (!d) {
		(void)fd_close(fd);
		return err_sys(e, ENOMEM, "read the dependents of container %.12s", id);
	}
	while ((de = readdir(d)))
		if (de->d_name[0] != '.' && depends_on(eng, de->d_name, id) &&
		    strv_add(ret, de->d_name) < 0)
			return err_sys(e, ENOMEM, "read the dependents of container %.12s", id);
	return 0;
}

int container_refuse_dependents(struct ctr_engine *eng, const char *id, struct err *e)
{
	auto_strv struct strv deps = STRV_INIT;
	auto_strbuf struct strbuf b = STRBUF_INIT;
	int rc = ctr_container_dependents(eng, id, &deps, e);

	if (rc < 0 || !deps.n)
		return rc;
	for (size_t i = 0; i < deps.n; i++)
		strbuf_addf(&b, "%s%s", i ? ", " : "", deps.items[i]);
	/* podman's own words, and kind: 125 */
	return err_set(e, ERR_EXISTS, "container %.64s has dependent containers which must be removed "
		       "before it: %s: container already exists", id, b.failed ? "" : b.data);
}

int container_start_dependencies(struct ctr_engine *eng, const struct ctr_request *r,
				 unsigned int depth, struct err *e)
{
	static const struct ctr_start_opts quiet = { 0 };
	auto_strv struct strv deps = STRV_INIT;
	int rc = container_dependencies(r, &deps, e);

	if (rc == 0 && deps.n && depth >= DEPTH_MAX)
		return err_set(e, ERR_LIMIT, "containers depend on one another more than %d deep",
			       DEPTH_MAX);
	for (size_t i = 0; rc == 0 && i < deps.n; i++) {
		int sock = FD_NONE;

		rc = container_start_at(eng, deps.items[i], &quiet, depth + 1, &sock, e);
		if (rc < 0)
			(void)err_wrap(e, 0, "starting container %.12s, which %.12s depends on",
				       deps.items[i], r->id);
	}
	return rc;
}
