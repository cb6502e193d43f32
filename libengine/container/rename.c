/* Another name for a container. */
#include <errno.h>

#include "container-priv.h"
#include "ctrlite/event.h"
#include "file.h"

/* The new name is claimed before the record has it, and the old one released after: at each moment
 * the name in the record leads to the container. */
static int rename_locked(struct ctr_engine *eng, int dir_fd, struct ctr_request *req, const char *name,
			 struct err *e)
{
	auto_free char *old = NULL;
	char holder[65] = "";
	int r;

	if (streq(req->name, name))
		return err_set(e, ERR_INVALID, "renaming a container with the same name as its current "
			       "name");
	r = store_name_claim(&eng->store, name, req->id, NULL, holder, e);
	if (r == -EEXIST)
		return err_set(e, ERR_EXISTS, "the container name \"%s\" is already in use by %s. You have "
			       "to remove that container to be able to reuse that name: that name is "
			       "already in use", name, holder);
	if (r < 0)
		return r;
	old = req->name;
	req->name = strdup(name);
	r = req->name ? request_replace(dir_fd, req, e) : err_sys(e, ENOMEM, "rename a container");
	if (r < 0) {
		store_name_release(&eng->store, name, req->id);
		return r;
	}
	/* What runs with --rm releases the name at its end. */
	r = container_tell(eng, req->id, MON_NAME, name, strlen(name), e);
	store_name_release(&eng->store, old, req->id);
	ctr_event_of(eng, req, "rename");
	return r;
}

int ctr_container_rename(struct ctr_engine *eng, const char *id, const char *name, struct err *e)
{
	auto_close int dir = container_dir(eng, id, e);
	struct ctr_request req = CTR_REQUEST_INIT;
	int r;

	if (dir < 0)
		return dir;
	r = file_lock(dir, true, true);
	if (r < 0)
		return err_sys(e, r, "lock container %.12s", id);
	r = ctr_container_load(eng, id, &req, e);
	if (r == 0)
		r = rename_locked(eng, dir, &req, name, e);
	ctr_request_done(&req);
	return r;
}
