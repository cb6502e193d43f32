/* State: what runs, since when, how it ended. */
#include "inspect-priv.h"

#include <stdlib.h>

#include "cgroup/cgroup-plan.h"
#include "container-priv.h"
#include "ctrlite/health.h"
#include "fd.h"

/* Where it runs; "" where it does not, or has no cgroup of its own. */
static char *cgroup_path(struct describe *d)
{
	char *path = NULL;

	if (d->s->state == CTR_RUNNING)
		(void)fd_close(container_cgroup(d->eng, d->r->id, &path, NULL));
	return path ? path : strdup("");
}

/* What cannot be read is not worth the rest. */
static json_t *health(struct describe *d)
{
	json_t *j = NULL;

	return ctr_health_json(d->eng, d->r, d->s, &j, NULL) < 0 ? json_null() : j;
}

json_t *insp_state(struct describe *d)
{
	const struct ctr_status *s = d->s;
	json_t *j = json_object();

	insp_str(d, j, "OciVersion", "1.0.2");
	insp_str(d, j, "Status", ctr_status_str(s));
	insp_bool(d, j, "Running", s->state == CTR_RUNNING && !s->paused && !s->restarting &&
		  !s->initialized);
	insp_bool(d, j, "Paused", s->paused);
	insp_bool(d, j, "Restarting", s->restarting);
	insp_bool(d, j, "OOMKilled", s->oom_killed);
	insp_bool(d, j, "Dead", false);
	insp_int(d, j, "Pid", s->state == CTR_RUNNING ? s->pid : 0);
	insp_int(d, j, "ConmonPid", s->state == CTR_RUNNING ? s->monitor_pid : 0);
	insp_int(d, j, "ExitCode", s->exit_code);
	insp_str(d, j, "Error", s->error);
	insp_time(d, j, "StartedAt", s->started_ns);
	insp_time(d, j, "FinishedAt", s->finished_ns);
	if (ctr_healthcheck_defined(&d->r->health))
		insp_set(d, j, "Health", health(d));
	insp_text(d, j, "CgroupPath", cgroup_path(d));
	insp_time(d, j, "CheckpointedAt", 0);
	insp_time(d, j, "RestoredAt", 0);
	insp_bool(d, j, "StoppedByUser", s->stopped_by_user);
	return j;
}
