/* The options of health checks. */
#include "health-opts.h"

#define ARG(m) (HEALTH_ARGS_AT + offsetof(struct health_args, m))
/* clang-format off */
const struct opt health_opts[] = {
	{ 0,   "health-cmd",   "COMMAND",  OPT_STRING,  ARG(cmd),           "check its health with this: a string for /bin/sh -c, a JSON array, or none" },
	{ 0,   "health-interval", "TIME",  OPT_STRING,  ARG(interval),      "time between checks, or disable (default 30s)" },
	{ 0,   "health-log-destination", "WHERE", OPT_STRING, ARG(log_destination), "where results go: local (default), events_logger, or a directory" },
	{ 0,   "health-max-log-count", "N", OPT_U64,    ARG(log_count),     "results that are kept; 0: no limit (default 5)" },
	{ 0,   "health-max-log-size", "BYTES", OPT_U64, ARG(log_size),      "bytes that are kept of what a check prints; 0: no limit (default 500)" },
	{ 0,   "health-on-failure", "ACTION", OPT_STRING, ARG(on_failure),  "what is done about an unhealthy container: none (default), kill, restart, stop" },
	{ 0,   "health-retries", "N",      OPT_U64,     ARG(retries),       "failures in a row that make it unhealthy (default 3)" },
	{ 0,   "health-start-interval", "TIME", OPT_STRING, ARG(start_interval), "time between checks during the start period" },
	{ 0,   "health-start-period", "TIME", OPT_STRING, ARG(start_period), "time after the start during which failures do not count (default 0s)" },
	{ 0,   "health-startup-cmd", "COMMAND", OPT_STRING, ARG(startup_cmd), "check with this until it succeeds; only then with --health-cmd" },
	{ 0,   "health-startup-interval", "TIME", OPT_STRING, ARG(startup_interval), "time between startup checks (default 30s)" },
	{ 0,   "health-startup-retries", "N", OPT_U64,  ARG(startup_retries), "failed startup checks after which it is restarted; 0: never (default)" },
	{ 0,   "health-startup-success", "N", OPT_U64,  ARG(startup_success), "successes in a row that end the startup checks (default 1)" },
	{ 0,   "health-startup-timeout", "TIME", OPT_STRING, ARG(startup_timeout), "time that a startup check may take (default 30s)" },
	{ 0,   "health-timeout", "TIME",   OPT_STRING,  ARG(timeout),       "time that a check may take: then it is killed and has failed (default 30s)" },
	{ 0,   "healthcheck-command", "COMMAND", OPT_ALIAS, 0,              NULL, OPT_HIDDEN, .text = "health-cmd" },
	{ 0,   "healthcheck-interval", "TIME", OPT_ALIAS, 0,                NULL, OPT_HIDDEN, .text = "health-interval" },
	{ 0,   "healthcheck-retries", "N", OPT_ALIAS,   0,                  NULL, OPT_HIDDEN, .text = "health-retries" },
	{ 0,   "healthcheck-start-period", "TIME", OPT_ALIAS, 0,            NULL, OPT_HIDDEN, .text = "health-start-period" },
	{ 0,   "healthcheck-timeout", "TIME", OPT_ALIAS, 0,                 NULL, OPT_HIDDEN, .text = "health-timeout" },
	{ 0,   "no-healthcheck", NULL,     OPT_FLAG,    ARG(none),          "no health check, also not the image's" },
	{ 0 },
};
/* clang-format on */

bool health_options(const struct cmd *c, const struct health_args *a,
		    struct ctr_healthcheck_options *ret)
{
	struct ctr_healthcheck_options o = {
		.none = a->none,
		.cmd = a->cmd,
		.interval = a->interval,
		.timeout = a->timeout,
		.start_period = a->start_period,
		.start_interval = a->start_interval,
		.on_failure = a->on_failure,
		.startup_cmd = a->startup_cmd,
		.startup_interval = a->startup_interval,
		.startup_timeout = a->startup_timeout,
		.log_destination = a->log_destination,
		.retries = opt_seen(c->opts, "health-retries") ? &a->retries : NULL,
		.startup_retries =
			opt_seen(c->opts, "health-startup-retries") ? &a->startup_retries : NULL,
		.startup_success =
			opt_seen(c->opts, "health-startup-success") ? &a->startup_success : NULL,
		.log_count = opt_seen(c->opts, "health-max-log-count") ? &a->log_count : NULL,
		.log_size = opt_seen(c->opts, "health-max-log-size") ? &a->log_size : NULL,
	};

	*ret = o;
	return o.none || o.cmd || o.interval || o.timeout || o.start_period || o.start_interval ||
	       o.on_failure || o.startup_cmd || o.startup_interval || o.startup_timeout ||
	       o.log_destination || o.retries || o.startup_retries || o.startup_success ||
	       o.log_count || o.log_size;
}
