/* --log-driver and --log-opt. */
#include "log-opts.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "fd.h"
#include "path.h"

#define FILES_MAX 1000
#define LABELS_MAX 4

/* What a driver can do with options. */
enum { FILE_OPTS = 1, JOURNAL_OPTS = 2 };

static const struct driver {
	const char *name;
	unsigned int opts;
} drivers[] = {
	{ "k8s-file", FILE_OPTS },
	{ "json-file", FILE_OPTS },	/* docker's name, podman's form */
	{ "journald", JOURNAL_OPTS },
	{ "none", 0 },
	{ "passthrough", 0 },
	{ "passthrough-tty", 0 },
};

static const struct driver *find_driver(const char *name)
{
	for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++)
		if (streq(drivers[i].name, name))
			return &drivers[i];
	return NULL;
}

static int set_string(char **dst, const char *value, struct err *e)
{
	free(*dst);
	*dst = strdup(value);
	return *dst ? 0 : err_sys(e, ENOMEM, "keep the log options");
}

/* As go-units reads sizes: decimal, with or without "b" and "ib". */
static int parse_size(const char *s, uint64_t *ret)
{
	static const char units[] = "kmgtp";
	const char *unit;
	double v, factor = 1;
	char *end;

	if (!isdigit((unsigned char)*s) || s[strspn(s, "0123456789.")] == 'e')
		return -EINVAL;
	v = strtod(s, &end);
	end += *end == ' ';
	unit = *end ? strchr(units, tolower((unsigned char)*end)) : NULL;
	for (const char *u = units; unit && u <= unit; u++)
		factor *= 1000;
	end += unit != NULL;
	end += *end == 'i' || *end == 'I';
	end += *end == 'b' || *end == 'B';
	if (*end || v * factor > 1e18)
		return -EINVAL;
	*ret = (uint64_t)(v * factor);
	return 0;
}

static int set_size(struct ctr_request *r, const char *v, struct err *e)
{
	auto_free char *quoted = str_quote(v);

	if (streq(v, "-1")) { /* docker's word for no limit */
		r->log_max_bytes = 0;
		return 0;
	}
	if (parse_size(v, &r->log_max_bytes) < 0)
		return err_set(e, ERR_INVALID, "--log-opt max-size: invalid size: %s", quoted ? quoted : "");
	return 0;
}

static int set_files(struct ctr_request *r, const char *v, struct err *e)
{
	auto_free char *quoted = str_quote(v);

	if (str_u32(v, FILES_MAX, &r->log_max_files) < 0 || r->log_max_files == 0)
		return err_set(e, ERR_INVALID, "--log-opt max-file: %s is no number from 1 to %d",
			       quoted ? quoted : "", FILES_MAX);
	return 0;
}

static int set_path(struct ctr_request *r, const char *v, struct err *e)
{
	auto_free char *cwd = NULL, *joined = NULL;

	if (!*v)
		return err_set(e, ERR_INVALID, "--log-opt path: a file is expected");
	if (v[0] == '/')
		return set_string(&r->log_path, v, e);
	cwd = getcwd(NULL, 0);
	joined = cwd ? path_join(cwd, v) : NULL;
	return joined ? set_string(&r->log_path, joined, e)
		      : err_sys(e, errno ? errno : ENOMEM, "find the log's directory");
}

/* A field of the journal: capitals, digits and '_', not at the beginning. */
static int add_label(struct ctr_request *r, const char *v, struct err *e)
{
	auto_free char *quoted = str_quote(v);
	size_t len = strspn(v, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

	if (!isupper((unsigned char)v[0]) || v[len] != '=' || len > 60)
		return err_set(e, ERR_INVALID, "--log-opt label=%s: FIELD=VALUE is expected, with FIELD of "
			       "capital letters, digits and _", quoted ? quoted : "");
	if (r->log_labels.n == LABELS_MAX)
		return err_set(e, ERR_LIMIT, "--log-opt label: more than %d of them", LABELS_MAX);
	return strv_add(&r->log_labels, v) < 0 ? err_sys(e, ENOMEM, "keep the log options") : 0;
}

static int set_tag(struct ctr_request *r, const char *v, struct err *e)
{
	return set_string(&r->log_tag, v, e);
}

static const struct key {
	const char *prefix;
	unsigned int needs;
	int (*set)(struct ctr_request *r, const char *v, struct err *e);
} keys[] = {
	{ "label=", JOURNAL_OPTS, add_label },
	{ "max-file=", FILE_OPTS, set_files },
	{ "max-size=", FILE_OPTS, set_size },
	{ "path=", FILE_OPTS, set_path },
	{ "tag=", JOURNAL_OPTS, set_tag },
};

static int set_one(const struct driver *d, const char *opt, struct ctr_request *r, struct err *e)
{
	auto_free char *quoted = str_quote(opt);

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const char *v = str_after(opt, keys[i].prefix);

		if (!v)
			continue;
		if (!(d->opts & keys[i].needs))
			return err_set(e, ERR_INVALID, "the log driver %s does not support --log-opt "
				       "%.*s", d->name, (int)strcspn(opt, "="), opt);
		return keys[i].set(r, v, e);
	}
	return err_set(e, ERR_INVALID, "--log-opt %s: max-size=SIZE, max-file=N, path=FILE, tag=TEXT or "
		       "label=FIELD=VALUE is expected", quoted ? quoted : "");
}

int log_opts_parse(const char *driver, const struct strv *opts, struct ctr_request *r, struct err *e)
{
	const struct driver *d = find_driver(driver && *driver ? driver : "k8s-file");
	auto_free char *quoted = str_quote(driver ? driver : "");
	int rc;

	if (!d)
		return err_set(e, ERR_INVALID, "running container create option: invalid log driver %s: "
			       "k8s-file, json-file, journald, none, passthrough or passthrough-tty is "
			       "expected: invalid argument", quoted ? quoted : "");
	rc = set_string(&r->log_driver, d->name, e);
	for (size_t i = 0; rc == 0 && i < opts->n; i++)
		rc = set_one(d, opts->items[i], r, e);
	if (rc == 0 && r->tty && str_starts(d->name, "passthrough"))
		rc = err_set(e, ERR_INVALID, "--tty cannot be used with --log-driver=%s: there is no "
			     "terminal in between: invalid argument", d->name);
	return rc;
}
