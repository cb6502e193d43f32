/* Moving ourselves to where the user's systemd has a say. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "cgroup-plan.h"
#include "cgroup.h"
#include "ctrlite/helper-path.h"
#include "fd.h"

/*
 * A session's cgroup is root's: from there nobody but systemd may move a process into a container's.
 * Our own runtime has it done for the one process; others write the process's number themselves,
 * which works from a scope of the user's own, as podman puts itself into one.
 */
int cgroup_enter_user_scope(struct ctr_engine *eng, struct err *e)
{
	auto_free char *own = NULL, *helper = NULL;
	const struct ctr_cgroup_host *h;
	struct proc p = PROC_INIT;
	struct proc_spawn s = { .dir_fd = FD_NONE };
	char unit[40], pid[16];
	int status = 0, r = ctr_engine_cgroups(eng, &h, e);

	if (r < 0 || h->manager != CTR_CGROUP_SYSTEMD || !eng->rootless)
		return r;
	if (cgroup_of_pid(0, &own) == 0 && str_starts(own, h->base))
		return 0;
	r = ctr_helper_path("ctr-lite-systemd", &helper, e);
	if (r < 0)
		return r;
	(void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
	(void)snprintf(unit, sizeof(unit), "ctr-lite-%s.scope", pid);
	{
		char arg0[] = "ctr-lite-systemd", verb[] = "start-scope", slice[] = "--slice=user.slice",
		     of[] = "--pid";
		char *argv[] = { arg0, verb, unit, slice, of, pid, NULL };

		s.path = helper;
		s.argv = argv;
		r = proc_spawn(&s, &p, e);
	}
	if (r == 0 && proc_wait(&p, &status) < 0)
		r = err_sys(e, errno, "wait for ctr-lite-systemd");
	proc_done(&p);
	if (r == 0 && status != 0)
		r = err_set(e, ERR_OS, "systemd made no scope for this command (see above)");
	return r;
}
