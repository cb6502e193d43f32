/* The conditions of wait: podman's words for the states of a container. */
#include "waiting.h"

#include "ctrlite/health.h"

enum {
	CREATED = 1,
	INITIALIZED = 2,
	RUNNING = 4,
	PAUSED = 8,
	ENDED = 16,
	HEALTHY = 32,
	UNHEALTHY = 64,
	NEVER = 128,	/* podman's states in between: they pass before anybody sees them */
};

static const struct {
	const char *word;
	unsigned int state;
} conditions[] = {
	{ "configured", CREATED }, { "created", CREATED },   { "exited", ENDED },
	{ "healthy", HEALTHY },	   { "initialized", INITIALIZED }, { "paused", PAUSED },
	{ "removing", NEVER },	   { "running", RUNNING },   { "stopped", ENDED },
	{ "stopping", NEVER },	   { "unhealthy", UNHEALTHY },
};

int wait_conditions(const struct strv *words, struct wait_conditions *ret, struct err *e)
{
	ret->states = words->n ? 0 : ENDED;
	for (size_t i = 0; i < words->n; i++) {
		auto_free char *shown = str_printable(words->items[i]);
		size_t k = 0;

		while (k < sizeof(conditions) / sizeof(conditions[0]) &&
		       !streq(conditions[k].word, words->items[i]))
			k++;
		if (k == sizeof(conditions) / sizeof(conditions[0]))
			return err_set(e, ERR_INVALID, "unknown container state: %s: invalid argument",
				       shown ? shown : "");
		ret->states |= conditions[k].state;
	}
	return 0;
}

bool wait_is_end(const struct wait_conditions *w)
{
	return w->states == ENDED;
}

static unsigned int state_of(const struct ctr_status *st)
{
	switch (st->state) {
	case CTR_CREATED:
		return CREATED;
	case CTR_RUNNING:
		return st->paused ? PAUSED : st->initialized ? INITIALIZED : st->restarting ? 0 : RUNNING;
	case CTR_EXITED:
	case CTR_LOST:
		return ENDED;
	}
	return 0;
}

static int health_of(struct cmd *c, const char *id, const struct ctr_status *st, unsigned int *ret,
		     struct err *e)
{
	struct ctr_request req = CTR_REQUEST_INIT;
	enum ctr_hc_status health = CTR_HC_NONE;
	int r = ctr_container_load(c->eng, id, &req, e);

	if (r == 0)
		r = ctr_health_status(c->eng, &req, st, &health, e);
	ctr_request_done(&req);
	*ret = health == CTR_HC_HEALTHY ? HEALTHY : health == CTR_HC_UNHEALTHY ? UNHEALTHY : 0;
	return r;
}

int wait_matches(struct cmd *c, const char *id, const struct ctr_status *st,
		 const struct wait_conditions *w, bool *ret, struct err *e)
{
	unsigned int state = state_of(st), health = 0;
	int r = 0;

	if (w->states & (HEALTHY | UNHEALTHY))
		r = health_of(c, id, st, &health, e);
	*ret = w->states & (state | health);
	return r;
}
