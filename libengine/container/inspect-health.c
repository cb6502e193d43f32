/* The health check as it was asked for. */
#include "inspect-priv.h"

#include "json.h"

static void add_ns(json_t *j, const char *key, int64_t n)
{
	if (n)
		(void)json_object_set_new(j, key, json_integer(n));
}

/* podman's names; members that are zero are left out, as in Go's JSON. */
static json_t *health_test(const struct strv *test, int64_t period, int64_t start_interval,
			   int64_t interval, int64_t timeout, uint32_t retries, uint32_t successes)
{
	json_t *j = json_object();

	if (!j || json_object_set_new(j, "Test", json_from_strv(test)) < 0) {
		json_decref(j);
		return NULL;
	}
	add_ns(j, "StartPeriod", period);
	add_ns(j, "StartInterval", start_interval);
	add_ns(j, "Interval", interval);
	add_ns(j, "Timeout", timeout);
	add_ns(j, "Retries", retries);
	add_ns(j, "Successes", successes);
	return j;
}

static int64_t log_limit(int64_t n, int64_t standard)
{
	return n == 0 ? standard : n < 0 ? 0 : n;
}

void insp_health_config(struct describe *d, json_t *j)
{
	const struct ctr_healthcheck *h = &d->r->health;

	if (ctr_healthcheck_has_startup(h))
		insp_set(d, j, "StartupHealthCheck",
			 health_test(&h->startup_test, 0, 0, h->startup_interval_ns,
				     h->startup_timeout_ns, h->startup_retries,
				     h->startup_success));
	if (h->test.n)
		insp_set(d, j, "Healthcheck",
			 health_test(&h->test, h->start_period_ns, h->start_interval_ns,
				     h->interval_ns, h->timeout_ns, h->retries, 0));
	insp_str(d, j, "HealthcheckOnFailureAction", h->on_failure ? h->on_failure : "none");
	insp_str(d, j, "HealthLogDestination", h->log_destination ? h->log_destination : "local");
	insp_int(d, j, "HealthcheckMaxLogCount", log_limit(h->log_count, CTR_HC_LOG_COUNT));
	insp_int(d, j, "HealthcheckMaxLogSize", log_limit(h->log_size, CTR_HC_LOG_SIZE));
}
