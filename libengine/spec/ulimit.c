/* Parsing --ulimit and making it fit what the caller may have. */
#include "ulimit.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/resource.h>

#include "fd.h"

static const struct {
	const char *type;
	int resource;
} limits[] = {
	{ "RLIMIT_AS", RLIMIT_AS },		{ "RLIMIT_CORE", RLIMIT_CORE },
	{ "RLIMIT_CPU", RLIMIT_CPU },		{ "RLIMIT_DATA", RLIMIT_DATA },
	{ "RLIMIT_FSIZE", RLIMIT_FSIZE },	{ "RLIMIT_LOCKS", RLIMIT_LOCKS },
	{ "RLIMIT_MEMLOCK", RLIMIT_MEMLOCK },	{ "RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE },
	{ "RLIMIT_NICE", RLIMIT_NICE },		{ "RLIMIT_NOFILE", RLIMIT_NOFILE },
	{ "RLIMIT_NPROC", RLIMIT_NPROC },	{ "RLIMIT_RSS", RLIMIT_RSS },
	{ "RLIMIT_RTPRIO", RLIMIT_RTPRIO },	{ "RLIMIT_RTTIME", RLIMIT_RTTIME },
	{ "RLIMIT_SIGPENDING", RLIMIT_SIGPENDING }, { "RLIMIT_STACK", RLIMIT_STACK },
};
#define N_LIMITS (sizeof(limits) / sizeof(limits[0]))
static_assert(N_LIMITS == sizeof(((struct spec_ulimits *)NULL)->items) / sizeof(struct spec_ulimit),
	      "room for each resource");

/* What podman gives where nothing is asked. */
static const struct {
	int resource;
	uint64_t value;
} defaults[] = {
	{ RLIMIT_NOFILE, 1048576 },
	{ RLIMIT_NPROC, 1048576 },
};

static int parse_value(const char *s, uint64_t *ret)
{
	if (streq(s, "-1") || streq(s, "unlimited")) {
		*ret = SPEC_RLIMIT_INFINITY;
		return 0;
	}
	return str_u64(s, INT64_MAX, ret);
}

static struct spec_ulimit *find(struct spec_ulimits *u, int resource)
{
	for (size_t i = 0; i < u->n; i++)
		if (u->items[i].resource == resource)
			return &u->items[i];
	return NULL;
}

static size_t find_name(const char *name)
{
	const char *bare = strncasecmp(name, "RLIMIT_", 7) == 0 ? name + 7 : name;
	size_t i = 0;

	while (i < N_LIMITS && strcasecmp(bare, limits[i].type + 7) != 0)
		i++;
	return i;
}

static int parse(char *text, const char *value, struct spec_ulimit *l, struct err *e)
{
	char *eq = strchr(text, '='), *colon;
	size_t i;

	if (!eq)
		return err_set(e, ERR_INVALID, "ulimit \"%s\": expected NAME=SOFT[:HARD]", value);
	*eq = '\0';
	i = find_name(text);
	if (i == N_LIMITS)
		return err_set(e, ERR_INVALID, "ulimit \"%s\": unknown limit \"%s\"", value, text);
	l->type = limits[i].type;
	l->resource = limits[i].resource;
	colon = strchr(eq + 1, ':');
	if (colon)
		*colon = '\0';
	if (parse_value(eq + 1, &l->soft) < 0 || (colon && parse_value(colon + 1, &l->hard) < 0))
		return err_set(e, ERR_INVALID, "ulimit \"%s\": a limit is a number, -1 or unlimited",
			       value);
	if (!colon)
		l->hard = l->soft;
	if (l->soft > l->hard)
		return err_set(e, ERR_INVALID, "ulimit \"%s\": the soft limit is above the hard one",
			       value);
	return 0;
}

int spec_ulimits_add(struct spec_ulimits *u, const char *value, struct err *e)
{
	auto_free char *text = strdup(value);
	struct spec_ulimit l = { 0 }, *known;
	bool host = streq(value, "host");
	int r;

	if (!text)
		return err_sys(e, -ENOMEM, "ulimit");
	if ((host && u->n > 0) || (!host && u->host))
		return err_set(e, ERR_INVALID, "ulimit \"host\" cannot be used with other limits");
	if (host) {
		u->host = true;
		return 0;
	}
	r = parse(text, value, &l, e);
	if (r < 0)
		return r;
	known = find(u, l.resource);
	if (known)
		*known = l;
	else
		u->items[u->n++] = l;
	return 0;
}

static int check_asked(const struct spec_ulimit *l, struct err *e)
{
	struct rlimit own;

	if (getrlimit((__rlimit_resource_t)l->resource, &own) < 0)
		return err_sys(e, errno, "ask for %s", l->type);
	if (own.rlim_max != RLIM_INFINITY && l->hard > own.rlim_max)
		return err_set(e, ERR_DENIED, "ulimit %s: the hard limit of this user is %llu; it can "
			       "be raised in /etc/security/limits.conf or with LimitNOFILE= and its "
			       "like of the user's service", l->type + 7,
			       (unsigned long long)own.rlim_max);
	return 0;
}

static void add_default(struct spec_ulimits *u, int resource, uint64_t value, bool may_raise)
{
	struct rlimit own;
	size_t i = 0;

	if (find(u, resource))
		return;
	if (!may_raise && getrlimit((__rlimit_resource_t)resource, &own) == 0 &&
	    own.rlim_max != RLIM_INFINITY && own.rlim_max < value)
		value = own.rlim_max;
	while (limits[i].resource != resource)
		i++;
	u->items[u->n++] = (struct spec_ulimit){ limits[i].type, resource, value, value };
}

int spec_ulimits_finish(struct spec_ulimits *u, bool may_raise, struct err *e)
{
	if (u->host)
		return 0;
	for (size_t i = 0; !may_raise && i < u->n; i++) {
		int r = check_asked(&u->items[i], e);

		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++)
		add_default(u, defaults[i].resource, defaults[i].value, may_raise);
	return 0;
}
