/* How a container uses a secret: the option --secret, and its place in the container's record. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "ctrlite/secret.h"
#include "fd.h"
#include "path.h"

#define SECRETS_DIR "/run/secrets"
#define MODE_DEFAULT 0444u
#define PARTS 6	/* of a record's item, before the target */

void ctr_secret_use_done(struct ctr_secret_use *u)
{
	free(u->name);
	free(u->target);
	*u = (struct ctr_secret_use)CTR_SECRET_USE_INIT;
}

static int set_text(char **to, const char *s, struct err *e)
{
	free(*to);
	*to = strdup(s);
	return *to ? 0 : err_sys(e, ENOMEM, "parse --secret");
}

static int set_id(const char *what, const char *s, uint32_t *ret, struct err *e)
{
	return str_u32(s, UINT32_MAX - 1, ret) < 0
		       ? err_set(e, ERR_INVALID, "%s %s invalid: parsing secret", what, s)
		       : 0;
}

static int set_mode(const char *s, uint32_t *ret, struct err *e)
{
	if (!*s || strlen(s) > 5 || s[strspn(s, "01234567")] || strtoul(s, NULL, 8) > 07777)
		return err_set(e, ERR_INVALID, "mode %s invalid: parsing secret", s);
	*ret = (uint32_t)strtoul(s, NULL, 8);
	return 0;
}

struct seen {
	bool type, file_only;
};

static int set_part(struct ctr_secret_use *u, const char *part, struct seen *seen, struct err *e)
{
	const char *value = strchr(part, '=');
	size_t len = value ? (size_t)(value - part) : 0;

#define IS(word) (len == sizeof(word) - 1 && strncmp(part, word, len) == 0)
	if (!value++)
		return err_set(e, ERR_INVALID, "option %s invalid: parsing secret", part);
	if (IS("source"))
		return set_text(&u->name, value, e);
	if (IS("target"))
		return set_text(&u->target, value, e);
	if (IS("type")) {
		if (seen->type)
			return err_set(e, ERR_INVALID, "more than one secret type: parsing secret");
		seen->type = true;
		u->env = streq(value, "env");
		return u->env || streq(value, "mount")
			       ? 0
			       : err_set(e, ERR_INVALID, "type %s is invalid: parsing secret", value);
	}
	seen->file_only = seen->file_only || IS("uid") || IS("UID") || IS("gid") || IS("GID") || IS("mode");
	if (IS("uid") || IS("UID"))
		return set_id("UID", value, &u->uid, e);
	if (IS("gid") || IS("GID"))
		return set_id("GID", value, &u->gid, e);
	if (IS("mode"))
		return set_mode(value, &u->mode, e);
#undef IS
	return err_set(e, ERR_INVALID, "option %s invalid: parsing secret", part);
}

/* A file's target is one below a directory: cleaned, without "..", not the directory itself. */
static int clean_target(struct ctr_secret_use *u, struct err *e)
{
	auto_free char *below = NULL, *clean = NULL;

	if (u->env) {
		if (strchr(u->target, '='))
			return err_set(e, ERR_INVALID, "target %s is no name of a variable: parsing "
				       "secret", u->target);
		return 0;
	}
	below = u->target[0] == '/' ? strdup(u->target) : path_join(SECRETS_DIR, u->target);
	clean = below ? path_clean_abs(below) : NULL;
	if (!clean)
		return err_sys(e, ENOMEM, "parse --secret");
	if (streq(clean, "/") || streq(clean, SECRETS_DIR) ||
	    (u->target[0] != '/' && !str_starts(clean, SECRETS_DIR "/")))
		return err_set(e, ERR_INVALID, "target %s names no file: parsing secret", u->target);
	return set_text(&u->target, str_starts(clean, SECRETS_DIR "/") ? clean + sizeof(SECRETS_DIR)
									: clean, e);
}

int ctr_secret_use_parse(const char *option, struct ctr_secret_use *ret, struct err *e)
{
	struct ctr_secret_use u = { .mode = MODE_DEFAULT };
	auto_strv struct strv parts = STRV_INIT;
	struct seen seen = { false, false };
	size_t i = 0;
	int rc = strv_split(&parts, option, ',') < 0 ? err_sys(e, ENOMEM, "parse --secret") : 0;

	if (rc == 0 && (parts.n == 1 || !strchr(parts.items[0], '=')))
		rc = set_text(&u.name, parts.items[i++], e);
	for (; rc == 0 && i < parts.n; i++)
		rc = set_part(&u, parts.items[i], &seen, e);
	if (rc == 0 && !u.name)
		rc = err_set(e, ERR_INVALID, "no source found %s: parsing secret", option);
	if (rc == 0 && u.env && seen.file_only)
		rc = err_set(e, ERR_INVALID, "UID, GID, Mode options cannot be set with secret type env: "
			     "parsing secret");
	if (rc == 0 && (!u.target || !*u.target))
		rc = set_text(&u.target, u.name, e);
	/* without a name there is nothing: the look-up says so */
	if (rc == 0 && *u.name)
		rc = clean_target(&u, e);
	if (rc < 0) {
		ctr_secret_use_done(&u);
		return rc;
	}
	*ret = u;
	return 0;
}

/* TYPE/UID/GID/MODE/ID/NAME/TARGET: a name holds no slash. */
char *ctr_secret_use_format(const struct ctr_secret_use *u)
{
	return str_printf("%s/%u/%u/%o/%s/%s/%s", u->env ? "env" : "mount", u->uid, u->gid, u->mode, u->id,
			  u->name, u->target);
}

static int read_parts(char *const *p, struct ctr_secret_use *u, struct err *e)
{
	u->env = streq(p[0], "env");
	if (set_id("UID", p[1], &u->uid, e) < 0 || set_id("GID", p[2], &u->gid, e) < 0 ||
	    set_mode(p[3], &u->mode, e) < 0 || strlen(p[4]) != CTR_SECRET_ID_LEN ||
	    p[4][strspn(p[4], "0123456789abcdef")] || !*p[5] || !*p[6])
		return -EBADMSG;
	(void)snprintf(u->id, sizeof(u->id), "%s", p[4]); /* of that length */
	return set_text(&u->name, p[5], e) < 0 ? -ENOMEM : set_text(&u->target, p[6], e);
}

int ctr_secret_use_read(const char *item, struct ctr_secret_use *ret, struct err *e)
{
	struct ctr_secret_use u = CTR_SECRET_USE_INIT;
	auto_free char *copy = strdup(item);
	char *parts[PARTS + 1], *s = copy;
	int n = 0, rc;

	if (!copy)
		return err_sys(e, ENOMEM, "read the container's secrets");
	while (n < PARTS && (parts[n] = strsep(&s, "/")) && s)
		n++;
	parts[PARTS] = s;
	rc = n == PARTS ? read_parts(parts, &u, e) : -EBADMSG;
	if (rc < 0) {
		ctr_secret_use_done(&u);
		return err_set(e, ERR_CORRUPT, "$.secrets: bad item \"%.60s\"", item);
	}
	*ret = u;
	return 0;
}

int ctr_secret_request(struct ctr_engine *eng, const char *option, struct strv *items, struct err *e)
{
	struct ctr_secret_use u = CTR_SECRET_USE_INIT;
	struct ctr_secret s = CTR_SECRET_INIT;
	int rc = ctr_secret_use_parse(option, &u, e);

	if (rc == 0)
		rc = ctr_secret_find(eng, u.name, &s, e);
	if (rc == 0) {
		memcpy(u.id, s.id, sizeof(u.id));
		rc = set_text(&u.name, s.name, e);
	}
	if (rc == 0 && strv_add_take(items, ctr_secret_use_format(&u)) < 0)
		rc = err_sys(e, ENOMEM, "use secret %s", u.name);
	ctr_secret_use_done(&u);
	ctr_secret_done(&s);
	return rc;
}
