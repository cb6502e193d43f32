/* --security-opt: what each of its words means for the container's request. */
#include "run-opts.h"

#include <errno.h>
#include <stdlib.h>

static int nomem(struct err *e)
{
	return err_sys(e, ENOMEM, "read --security-opt");
}

static int set_text(char **to, const char *value, struct err *e)
{
	free(*to);
	*to = strdup(value);
	return *to ? 0 : nomem(e);
}

/* Lists grow with each occurrence; PATHS are checked, the rest is for who knows the host. */
static int add(struct strv *to, const char *value, struct err *e)
{
	return strv_add(to, value) < 0 ? nomem(e) : 0;
}

static int set_apparmor(struct ctr_request *r, const char *value, struct err *e)
{
	return set_text(&r->apparmor, value, e);
}

static int set_label(struct ctr_request *r, const char *value, struct err *e)
{
	return add(&r->labels_lsm, value, e);
}

/* Masking a path that is relative to nothing would mask nothing. */
static int set_mask(struct ctr_request *r, const char *value, struct err *e)
{
	auto_strv struct strv parts = STRV_INIT;
	int rc = strv_split(&parts, value, ':') < 0 ? nomem(e) : 0;

	for (size_t i = 0; rc == 0 && i < parts.n; i++)
		if (parts.items[i][0] != '/')
			return err_set(e, ERR_INVALID, "--security-opt mask=%s: \"%s\" is not an absolute "
				       "path", value, parts.items[i]);
	return rc < 0 ? rc : add(&r->mask, value, e);
}

static int set_unmask(struct ctr_request *r, const char *value, struct err *e)
{
	return add(&r->unmask, value, e);
}

static int set_systempaths(struct ctr_request *r, const char *value, struct err *e)
{
	if (!streq(value, "unconfined"))
		return err_set(e, ERR_INVALID, "invalid systempaths option \"%s\", only `unconfined` is "
			       "supported", value);
	return add(&r->unmask, "ALL", e);
}

static int set_proc_opts(struct ctr_request *r, const char *value, struct err *e)
{
	auto_strv struct strv parts = STRV_INIT;
	int rc = strv_split(&parts, value, ',') < 0 ? nomem(e) : 0;

	for (size_t i = 0; rc == 0 && i < parts.n; i++) {
		if (!parts.items[i][0])
			return err_set(e, ERR_INVALID, "--security-opt proc-opts=%s: an empty option",
				       value);
		rc = add(&r->proc_opts, parts.items[i], e);
	}
	return rc;
}

static int set_seccomp(struct ctr_request *r, const char *value, struct err *e)
{
	auto_free char *abs = streq(value, "unconfined") ? strdup(value) : realpath(value, NULL);

	if (!abs)
		return err_sys(e, errno, "opening seccomp profile failed: %s", value);
	return set_text(&r->seccomp, abs, e);
}

static int set_no_new_privs(struct ctr_request *r, const char *value, struct err *e)
{
	if (opt_bool(value, &r->no_new_privs) < 0)
		return err_set(e, ERR_INVALID, "invalid --security-opt 2: \"no-new-privileges=%s\": "
			       "expected true or false", value);
	return 0;
}

/* clang-format off */
static const struct {
	const char *word;
	int (*set)(struct ctr_request *r, const char *value, struct err *e);
	const char *bare;	/* the value of the word alone; NULL: it needs one */
} words[] = {
	{ "apparmor",		set_apparmor },
	{ "label",		set_label },
	{ "mask",		set_mask },
	{ "no-new-privileges",	set_no_new_privs, "true" },
	{ "proc-opts",		set_proc_opts },
	{ "seccomp",		set_seccomp },
	{ "systempaths",	set_systempaths },
	{ "unmask",		set_unmask },
};
/* clang-format on */

/* WORD=VALUE; docker's older WORD:VALUE where there is no '='. */
static int one(const char *text, struct ctr_request *r, struct err *e)
{
	const char *sep = strchr(text, '=');
	size_t len;

	if (!sep)
		sep = strchr(text, ':');
	len = sep ? (size_t)(sep - text) : strlen(text);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		const char *value = sep ? sep + 1 : words[i].bare;

		if (strlen(words[i].word) != len || memcmp(words[i].word, text, len) != 0)
			continue;
		if (!value || !value[0])
			return err_set(e, ERR_INVALID, "invalid --security-opt 1: \"%s\": it needs a "
				       "value", text);
		return words[i].set(r, value, e);
	}
	return err_set(e, ERR_INVALID, "invalid --security-opt 2: \"%s\": there are apparmor, label, mask, "
		       "no-new-privileges, proc-opts, seccomp, systempaths and unmask", text);
}

int run_security(const struct strv *options, struct ctr_request *r, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < options->n; i++)
		rc = one(options->items[i], r, e);
	return rc;
}
