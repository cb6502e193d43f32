/* What a health check is: reading it from images and options. */
#include "ctrlite/healthcheck.h"

#include <errno.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>

#include "fd.h"
#include "json.h"
#include "path.h"

#define TEST_MAX 4096
#define SECOND_NS 1000000000LL
#define INTERVAL_NS (30 * SECOND_NS)
#define TIMEOUT_NS (30 * SECOND_NS)
#define RETRIES 3
#define DURATION_MAX_NS (INT64_MAX / 4) /* times are added to it */

void ctr_healthcheck_done(struct ctr_healthcheck *h)
{
	strv_done(&h->test);
	strv_done(&h->startup_test);
	free(h->on_failure);
	free(h->log_destination);
	*h = (struct ctr_healthcheck){ .retries = 0 };
}

static bool is_test(const struct strv *t)
{
	return t->n && t->items[0][0] && !streq(t->items[0], "NONE");
}

bool ctr_healthcheck_defined(const struct ctr_healthcheck *h)
{
	return is_test(&h->test);
}

bool ctr_healthcheck_has_startup(const struct ctr_healthcheck *h)
{
	return is_test(&h->test) && is_test(&h->startup_test);
}

int ctr_healthcheck_argv(const struct strv *test, struct strv *ret, struct err *e)
{
	bool shell = test->n && streq(test->items[0], "CMD-SHELL");
	size_t first = test->n && (shell || streq(test->items[0], "CMD")) ? 1 : 0;
	auto_strbuf struct strbuf text = STRBUF_INIT;
	int r = 0;

	if (test->n <= first || !test->items[first][0])
		return err_set(e, ERR_INVALID, "the health check has no command");
	if (!shell) {
		for (size_t i = first; r == 0 && i < test->n; i++)
			r = strv_add(ret, test->items[i]);
		return r < 0 ? err_sys(e, r, "run the health check") : 0;
	}
	for (size_t i = first; i < test->n; i++)
		strbuf_addf(&text, "%s%s", i > first ? " " : "", test->items[i]);
	r = text.failed ? -ENOMEM : strv_add(ret, "/bin/sh");
	r = r < 0 ? r : strv_add(ret, "-c");
	r = r < 0 ? r : strv_add(ret, text.data);
	return r < 0 ? err_sys(e, r, "run the health check") : 0;
}

static int64_t sane_ns(int64_t ns, int64_t fallback)
{
	return ns <= 0 ? fallback : ns > DURATION_MAX_NS ? DURATION_MAX_NS : ns;
}

int ctr_healthcheck_read(const json_t *j, struct ctr_healthcheck *ret, struct err *e)
{
	struct doc {
		const json_t *test;
		int64_t interval, timeout, start_period, start_interval, retries;
	} d = { .test = NULL };
	static const struct json_field rows[] = {
		{ "Test", JSON_KIND_ARRAY, offsetof(struct doc, test), 0, TEST_MAX },
		{ "Interval", JSON_KIND_I64, offsetof(struct doc, interval), 0, 0 },
		{ "Timeout", JSON_KIND_I64, offsetof(struct doc, timeout), 0, 0 },
		{ "StartPeriod", JSON_KIND_I64, offsetof(struct doc, start_period), 0, 0 },
		{ "StartInterval", JSON_KIND_I64, offsetof(struct doc, start_interval), 0, 0 },
		{ "Retries", JSON_KIND_I64, offsetof(struct doc, retries), 0, 0 },
		{ 0 },
	};
	int r = json_read(j, rows, &d, JSON_ALLOW_UNKNOWN, "$.config.Healthcheck", e);

	if (r == 0 && d.test)
		r = json_read_strv(d.test, &ret->test, TEST_MAX, "$.config.Healthcheck.Test", e);
	ret->interval_ns = sane_ns(d.interval, INTERVAL_NS);
	ret->timeout_ns = sane_ns(d.timeout, TIMEOUT_NS);
	ret->start_period_ns = sane_ns(d.start_period, 0);
	ret->start_interval_ns = sane_ns(d.start_interval, 0);
	ret->retries = d.retries > 0 && d.retries <= INT32_MAX ? (uint32_t)d.retries : RETRIES;
	return r;
}

static int nomem(struct err *e)
{
	return err_sys(e, ENOMEM, "read the health check");
}

/* The words of @s; podman cuts CMD so, without quoting. */
static int add_words(struct strv *to, const char *s)
{
	int r = 0;

	while (r == 0 && *(s += strspn(s, " \t\n"))) {
		size_t n = strcspn(s, " \t\n");

		r = strv_addf(to, "%.*s", (int)n, s);
		s += n;
	}
	return r;
}

/* A JSON array is a command with its arguments, or one word of a shell; CMD, CMD-SHELL and NONE are
 * understood in both spellings; anything else is for the shell. */
static int parse_test(const char *text, struct strv *to, struct err *e)
{
	auto_json json_t *j =
		text[0] == '[' ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
	auto_strv struct strv words = STRV_INIT;
	auto_free char *word = NULL;
	bool list = json_is_array(j);
	int r = 0;

	if (list) {
		r = json_read_strv(j, &words, TEST_MAX, "the health check", e);
		if (r < 0)
			return err_set(e, ERR_INVALID, "the health check %s is no list of strings",
				       text);
	}
	if (!text[0] || (list && !words.n))
		return err_set(e, ERR_INVALID,
			       "must define a healthcheck command for all healthchecks");
	strv_done(to);
	word = list ? strdup(words.items[0]) : strndup(text, strcspn(text, " "));
	if (!word)
		return nomem(e);
	if (strcasecmp(word, "none") == 0) {
		r = strv_add(to, "NONE");
	} else if (!list && strcasecmp(word, "CMD") == 0) {
		r = add_words(to, text);
	} else if (list && (words.n > 1 || strcasecmp(word, "CMD") == 0)) {
		if (strcasecmp(word, "CMD") != 0 && strcasecmp(word, "CMD-SHELL") != 0)
			r = strv_add(to, "CMD");
		for (size_t i = 0; r == 0 && i < words.n; i++)
			r = strv_add(to, words.items[i]);
	} else {
		r = strv_add(to, "CMD-SHELL");
		if (strcasecmp(word, "CMD-SHELL") == 0)
			r = r < 0 ? r : strv_add(to, text + strlen("CMD-SHELL") + (text[9] == ' '));
		else
			r = r < 0 ? r : strv_add(to, list ? word : text);
	}
	return r < 0 ? nomem(e) : 0;
}

static int parse_duration(const char *text, const char *option, int64_t min_ns, int64_t *ret,
			  struct err *e)
{
	int64_t ns;

	if (!text)
		return 0;
	if (str_duration(text, &ns) < 0 && !(streq(text, "0") && (ns = 0) == 0))
		return err_set(e, ERR_INVALID,
			       "invalid healthcheck-%s: time: invalid duration \"%s\"", option,
			       text);
	if (ns < min_ns)
		return err_set(e, ERR_INVALID, "healthcheck-%s must be %s", option,
			       min_ns ? "at least 1 second" : "0 seconds or greater");
	*ret = sane_ns(ns, 0);
	return 0;
}

static int apply_times(struct ctr_healthcheck *h, const struct ctr_healthcheck_options *o,
		       struct err *e)
{
	const char *interval = o->interval && streq(o->interval, "disable") ? "0" : o->interval;
	int r = parse_duration(interval, "interval", 0, &h->interval_ns, e);

	r = r < 0 ? r : parse_duration(o->timeout, "timeout", 1, &h->timeout_ns, e);
	r = r < 0 ? r : parse_duration(o->start_period, "start-period", 0, &h->start_period_ns, e);
	r = r < 0 ? r
		  : parse_duration(o->start_interval, "start-interval", 0, &h->start_interval_ns,
				   e);
	r = r < 0 ? r
		  : parse_duration(o->startup_interval, "startup-interval", 1,
				   &h->startup_interval_ns, e);
	return r < 0 ? r
		     : parse_duration(o->startup_timeout, "startup-timeout", 1,
				      &h->startup_timeout_ns, e);
}

static int apply_number(const uint64_t *from, const char *option, uint32_t *to, struct err *e)
{
	if (from && *from > INT32_MAX)
		return err_set(e, ERR_INVALID, "healthcheck-%s is too large", option);
	if (from)
		*to = (uint32_t)*from;
	return 0;
}

static void apply_limit(const uint64_t *from, int64_t *to)
{
	if (from)
		*to = *from == 0 || *from > INT32_MAX ? -1 : (int64_t)*from;
}

static int apply_on_failure(struct ctr_healthcheck *h, const char *s, struct err *e)
{
	if (!s)
		return 0;
	if (!streq(s, "none") && s[0] && !streq(s, "kill") && !streq(s, "restart") &&
	    !streq(s, "stop"))
		return err_set(e, ERR_INVALID,
			       "invalid on-failure action \"%s\" for health check: supported "
			       "actions are none, kill, restart, stop",
			       s);
	free(h->on_failure);
	h->on_failure = streq(s, "none") || !s[0] ? NULL : strdup(s);
	return h->on_failure || streq(s, "none") || !s[0] ? 0 : nomem(e);
}

static int apply_destination(struct ctr_healthcheck *h, const char *s, struct err *e)
{
	auto_free char *path = NULL;
	struct stat st;

	if (!s)
		return 0;
	free(h->log_destination);
	h->log_destination = NULL;
	if (!s[0] || streq(s, "local"))
		return 0;
	if (!streq(s, "events_logger")) {
		path = realpath(s, NULL);
		if (!path)
			return err_sys(e, errno, "health-log-destination %s", s);
		if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
			return err_set(e, ERR_INVALID, "health-log-destination %s is no directory",
				       s);
	}
	h->log_destination = path ? take_ptr(&path) : strdup(s);
	return h->log_destination ? 0 : nomem(e);
}

static int apply_none(struct ctr_healthcheck *h, const struct ctr_healthcheck_options *o,
		      struct err *e)
{
	if (o->cmd || o->startup_cmd)
		return err_set(e, ERR_INVALID,
			       "cannot specify both --no-healthcheck and --health-%scmd",
			       o->cmd ? "" : "startup-");
	ctr_healthcheck_done(h);
	return strv_add(&h->test, "NONE") < 0 ? nomem(e) : 0;
}

int ctr_healthcheck_apply(struct ctr_healthcheck *h, const struct ctr_healthcheck_options *o,
			  struct err *e)
{
	int r = o->none ? apply_none(h, o, e) : 0;

	if (r == 0 && !o->none && !ctr_healthcheck_defined(h)) {
		h->interval_ns = INTERVAL_NS;
		h->timeout_ns = TIMEOUT_NS;
		h->retries = RETRIES;
	}
	if (r == 0 && !h->startup_test.n) {
		h->startup_interval_ns = INTERVAL_NS;
		h->startup_timeout_ns = TIMEOUT_NS;
	}
	if (r == 0 && o->cmd)
		r = parse_test(o->cmd, &h->test, e);
	if (r == 0 && o->startup_cmd)
		r = parse_test(o->startup_cmd, &h->startup_test, e);
	r = r < 0 ? r : apply_times(h, o, e);
	if (r == 0 && o->retries && *o->retries < 1)
		r = err_set(e, ERR_INVALID, "healthcheck-retries must be greater than 0");
	r = r < 0 ? r : apply_number(o->retries, "retries", &h->retries, e);
	r = r < 0 ? r : apply_number(o->startup_retries, "startup-retries", &h->startup_retries, e);
	r = r < 0 ? r : apply_number(o->startup_success, "startup-success", &h->startup_success, e);
	apply_limit(o->log_count, &h->log_count);
	apply_limit(o->log_size, &h->log_size);
	r = r < 0 ? r : apply_destination(h, o->log_destination, e);
	r = r < 0 ? r : apply_on_failure(h, o->on_failure, e);
	if (r == 0 && h->on_failure && !ctr_healthcheck_defined(h))
		r = err_set(e, ERR_INVALID,
			    "cannot set on-failure action to %s without a health check",
			    h->on_failure);
	if (r == 0 && is_test(&h->startup_test) && !ctr_healthcheck_defined(h))
		r = err_set(e, ERR_INVALID,
			    "cannot set a startup healthcheck when there is no regular "
			    "healthcheck: invalid argument");
	if (r == 0 && !ctr_healthcheck_defined(h) && !h->test.n) {
		/* Times without a command mean nothing. */
		h->interval_ns = h->timeout_ns = h->start_period_ns = h->start_interval_ns = 0;
		h->retries = 0;
	}
	if (r == 0 && !is_test(&h->startup_test))
		h->startup_interval_ns = h->startup_timeout_ns = 0;
	return r;
}
