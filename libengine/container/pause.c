/* Pausing containers: their cgroup is frozen, whichever runtime made it. */
#include <errno.h>

#include "cgroup.h"
#include "container-priv.h"
#include "ctrlite/cgroup.h"
#include "ctrlite/event.h"

#define FREEZE_MS 10000	/* what is in an uninterruptible sleep freezes when it wakes up */

/* Why there is nothing to freeze, or to read. */
int container_lacks_cgroup(struct ctr_engine *eng, const char *id, const char *doing, struct err *e)
{
	const struct ctr_cgroup_host *h;
	int r = ctr_engine_cgroups(eng, &h, e);

	if (r < 0)
		return r;
	return err_set(e, ERR_UNSUPPORTED, "cannot %s container %s as it did not create a cgroup: %s", doing,
		       id, h->manager == CTR_CGROUP_DISABLED ? h->why
		       : "it was started with --cgroups=disabled, or where no manager was reached");
}

static int check_state(const char *id, const struct ctr_status *st, bool pause, struct err *e)
{
	if (pause && st->state == CTR_RUNNING && st->paused)
		return err_set(e, ERR_BUSY, "\"%s\" is already paused: container state improper", id);
	if (pause && (st->state != CTR_RUNNING || st->restarting || st->initialized))
		return err_set(e, ERR_BUSY, "\"%s\" is not running, can't pause: container state improper",
			       ctr_status_str(st));
	if (!pause && !(st->state == CTR_RUNNING && st->paused))
		return err_set(e, ERR_BUSY, "\"%s\" is not paused, can't unpause: container state improper",
			       id);
	return 0;
}

int ctr_container_pause(struct ctr_engine *eng, const char *id, bool pause, struct err *e)
{
	auto_close int fd = FD_NONE;
	struct ctr_status st;
	int r = ctr_container_settle(eng, id, e);

	if (r == 0)
		r = ctr_container_status(eng, id, &st, e);
	if (r == 0)
		r = check_state(id, &st, pause, e);
	if (r < 0)
		return r;
	fd = container_cgroup(eng, id, NULL, e);
	if (fd == -ENOENT)
		return container_lacks_cgroup(eng, id, "pause", e);
	if (fd < 0)
		return fd;
	r = cgroup_freeze(fd, pause, FREEZE_MS);
	if (r == 0) {
		ctr_event_of_id(eng, id, pause ? "pause" : "unpause");
		return 0;
	}
	if (pause)
		(void)cgroup_freeze(fd, false, 0); /* not half of it */
	return err_sys(e, r, "%s container %.12s", pause ? "pause" : "unpause", id);
}
