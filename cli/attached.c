/* Being the foreground client of a container. */
#include "attached.h"

#include <signal.h>

#include "ctrlite/container.h"

#define EXIT_SIGNAL 1

int attached_keys(const char *given, struct ctr_client_opts *o, struct err *e)
{
	return ctr_detach_keys_parse(given ? given : CTR_DETACH_KEYS_DEFAULT, &o->detach_keys, e);
}

int attached_run(struct cmd *c, const char *id, int sock, const struct ctr_client_opts *o,
		 struct err *e)
{
	struct ctr_client_result res;
	int r = ctr_client_run(sock, o, &res, e), code;

	if (r < 0)
		return r;
	if (res.detached)
		return 0;
	if (res.hung_up)
		return 128 + SIGHUP;
	if (res.signal)
		return EXIT_SIGNAL; /* as podman has it */
	if (res.exited)
		return res.exit_code;
	r = ctr_container_wait(c->eng, id, &code, e);
	return r < 0 ? err_wrap(e, r, "the monitor of container %.12s died", id) : code;
}
