/* What the monitor runs for a health check: ourselves. */
#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "container/container-priv.h"
#include "health-priv.h"

int health_command(struct ctr_engine *eng, const struct ctr_request *r, struct strv *ret,
		   struct err *e)
{
	char exe[PATH_MAX];
	ssize_t n;
	int rc;

	if (!ctr_healthcheck_defined(&r->health) || !r->health.interval_ns)
		return 0;
	n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	if (n <= 0)
		return err_sys(e, errno, "find our own program");
	exe[n] = '\0';
	rc = strv_add(ret, exe);
	rc = rc < 0 ? rc : strv_addf(ret, "--root=%s", eng->store.root);
	rc = rc < 0 ? rc : strv_addf(ret, "--runroot=%s", eng->store.run);
	if (rc == 0 && eng->cgroup_manager)
		rc = strv_addf(ret, "--cgroup-manager=%s", eng->cgroup_manager);
	rc = rc < 0 ? rc : strv_add(ret, "healthcheck");
	rc = rc < 0 ? rc : strv_add(ret, "run");
	rc = rc < 0 ? rc : strv_add(ret, "--timer");
	rc = rc < 0 ? rc : strv_add(ret, r->id);
	return rc < 0 ? err_sys(e, rc, "start container %.12s", r->id) : 0;
}
