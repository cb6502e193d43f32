/* The commands pause and resume. */
#include <errno.h>

#include "cgroup.h"
#include "cgroup-place.h"
#include "found.h"
#include "runtime.h"

#define FREEZE_TIMEOUT_MS 10000

int cmd_pause(struct args *a, struct err *e)
{
	auto_found struct found f = FOUND_INIT;
	auto_place struct place p = PLACE_INIT;
	int r = no_more_args(a, 1, e);

	if (r == 0)
		r = found_open(a, &f, e);
	if (r == 0)
		r = found_check_alive(&f, "pause", e);
	if (r < 0)
		return r;
	if (f.status == STATUS_PAUSED)
		return err_set(e, ERR_BUSY, "container \"%s\" is paused already", a->argv[0]);
	r = place_open(&p, &f.state, "pause", e);
	if (r < 0)
		return r;
	r = cgroup_freeze(p.fd, true, FREEZE_TIMEOUT_MS);
	if (r == 0)
		return 0;
	(void)cgroup_freeze(p.fd, false, 0); /* half frozen is neither */
	return err_sys(e, r, "freeze cgroup %s", p.path);
}

int cmd_resume(struct args *a, struct err *e)
{
	auto_found struct found f = FOUND_INIT;
	auto_place struct place p = PLACE_INIT;
	int r = no_more_args(a, 1, e);

	if (r == 0)
		r = found_open(a, &f, e);
	if (r < 0)
		return r;
	if (f.status != STATUS_PAUSED)
		return err_set(e, ERR_BUSY, "cannot resume container \"%s\": it is %s", a->argv[0],
			       container_status_str(f.status));
	r = place_open(&p, &f.state, "resume", e);
	if (r < 0)
		return r;
	r = cgroup_freeze(p.fd, false, 0);
	return r < 0 ? err_sys(e, r, "thaw cgroup %s", p.path) : 0;
}
