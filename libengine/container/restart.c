/* Restarting on request. */
#include <errno.h>
#include <poll.h>
#include <time.h>

#include "container-priv.h"
#include "ctrlite/event.h"

#define POLL_MS 5

/*
 * A container that goes when it ends cannot be stopped and started: its own monitor takes it through
 * both, with the parameters that it has.  Until it runs again, or is gone.
 */
static int restart_in_place(struct ctr_engine *eng, const struct ctr_request *req,
			    const struct ctr_status *was, const struct ctr_stop_opts *o, struct err *e)
{
	const struct mon_restart_how how = {
		.sig = (uint32_t)o->signal,
		.timeout_s = o->timeout_s < 0 ? -1 : (int32_t)o->timeout_s,
	};
	int r = container_tell(eng, req->id, MON_RESTART, &how, sizeof(how), e);

	while (r == 0) {
		struct ctr_status st;

		(void)poll(NULL, 0, POLL_MS);
		r = ctr_container_status(eng, req->id, &st, e);
		if (r < 0)
			break;
		if (st.state != CTR_RUNNING)
			return err_set(e, ERR_OS, "container %.12s could not be started again, and with --rm "
				       "it is gone%s%s", req->id, st.error[0] ? ": " : "", st.error);
		if (!st.restarting && st.pid != was->pid)
			return 0;
	}
	return r;
}

int ctr_container_restart(struct ctr_engine *eng, const char *id, const struct ctr_stop_opts *o,
			  bool *ret_killed, struct err *e)
{
	static const struct ctr_start_opts quiet = { 0 };
	struct ctr_request req = CTR_REQUEST_INIT;
	struct ctr_status st;
	int sock = FD_NONE, r;

	*ret_killed = false;
	r = ctr_container_settle(eng, id, e);
	if (r == 0)
		r = ctr_container_load(eng, id, &req, e);
	if (r == 0)
		r = ctr_container_status(eng, id, &st, e);
	if (r == 0 && st.state == CTR_RUNNING && st.paused)
		r = err_set(e, ERR_BUSY, "unable to restart a container in a paused or unknown state: "
			    "container state improper");
	if (r == 0 && st.state == CTR_RUNNING && req.rm) {
		r = restart_in_place(eng, &req, &st, o, e);
	} else if (r == 0) {
		if (st.state == CTR_RUNNING)
			r = container_end(eng, id, o, ret_killed, e);
		if (r == 0)
			r = ctr_container_start(eng, id, &quiet, &sock, e);
	}
	if (r == 0)
		ctr_event_of(eng, &req, "restart");
	ctr_request_done(&req);
	return r;
}
