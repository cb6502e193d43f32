/*
 * Users and groups of an image.  The files belong to an attacker: a line without a valid number is
 * an error for who asks for it and never user 0, and nothing here goes through NSS.
 */
#include "user.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "fd.h"
#include "passwd-table.h"

#define HOME_MAX_BYTES 4096

static bool is_number(const char *s)
{
	return *s && s[strspn(s, "0123456789")] == '\0';
}

static int parse_id(const char *s, const char *what, uint32_t *ret, struct err *e)
{
	if (str_u32(s, SPEC_USER_ID_MAX, ret) < 0)
		return err_set(e, ERR_INVALID, "%s %s is out of range, ids are 0 to %d", what, s,
			       SPEC_USER_ID_MAX);
	return 0;
}

/* A home that is no clean absolute path would become a working directory or variable. */
static char *usable_home(const char *home)
{
	bool ok = *home == '/' && strlen(home) < HOME_MAX_BYTES;

	for (const char *p = home; ok && *p; p++)
		ok = (unsigned char)*p >= 0x20 && *p != 0x7f;
	return strdup(ok ? home : "/");
}

struct files {
	const char *passwd, *group;
	size_t passwd_len, group_len;
	bool passwd_bad, group_bad;	/* there, but no regular file of bearable size */
};

static int take_line(struct table *t, struct spec_user *u, struct err *e)
{
	u->name = strdup(t->field[0]);
	u->home = usable_home(t->n > 5 ? t->field[5] : "");
	return u->name && u->home ? 0 : err_sys(e, -ENOMEM, "resolve user");
}

static int find_by_name(const struct files *f, const char *name, struct spec_user *u, struct err *e)
{
	auto_table struct table t = table_open(f->passwd, f->passwd_len);
	int r;

	while ((r = table_next(&t, 4)) > 0) {
		if (!streq(t.field[0], name))
			continue;
		if (str_u32(t.field[2], SPEC_USER_ID_MAX, &u->uid) < 0 ||
		    str_u32(t.field[3], SPEC_USER_ID_MAX, &u->gid) < 0)
			return err_set(e, ERR_CORRUPT, "/etc/passwd of the image: the line of user "
				       "%s has no valid uid and gid", name);
		return take_line(&t, u, e);
	}
	if (r < 0)
		return err_sys(e, r, "resolve user %s", name);
	if (f->passwd_bad)
		return err_set(e, ERR_CORRUPT, "unable to find user %s: /etc/passwd of the image "
			       "is no regular file of at most %u bytes", name,
			       SPEC_USER_FILE_MAX_BYTES);
	return err_set(e, ERR_NOT_FOUND, "unable to find user %s: no matching entries in passwd "
		       "file", name);
}

/* An id need not be in the file; where it is, the line gives gid, name and home. */
static int find_by_id(const struct files *f, uint32_t uid, struct spec_user *u, struct err *e)
{
	auto_table struct table t = table_open(f->passwd, f->passwd_len);
	int r;

	u->uid = uid;
	while ((r = table_next(&t, 4)) > 0) {
		uint32_t id, gid;

		if (str_u32(t.field[2], SPEC_USER_ID_MAX, &id) < 0 || id != uid)
			continue;
		if (str_u32(t.field[3], SPEC_USER_ID_MAX, &gid) < 0)
			return err_set(e, ERR_CORRUPT, "/etc/passwd of the image: the line of uid "
				       "%u has no valid gid", uid);
		u->gid = gid;
		return take_line(&t, u, e);
	}
	if (r < 0)
		return err_sys(e, r, "resolve user %u", uid);
	u->gid = 0;
	u->home = strdup("/");
	return u->home ? 0 : err_sys(e, -ENOMEM, "resolve user %u", uid);
}

static int find_group(const struct files *f, const char *group, uint32_t *ret, struct err *e)
{
	auto_table struct table t = table_open(f->group, f->group_len);
	int r;

	if (is_number(group))
		return parse_id(group, "gid", ret, e);
	while ((r = table_next(&t, 3)) > 0) {
		if (!streq(t.field[0], group))
			continue;
		if (str_u32(t.field[2], SPEC_USER_ID_MAX, ret) < 0)
			return err_set(e, ERR_CORRUPT, "/etc/group of the image: the line of group "
				       "%s has no valid gid", group);
		return 0;
	}
	if (r < 0)
		return err_sys(e, r, "resolve group %s", group);
	if (f->group_bad)
		return err_set(e, ERR_CORRUPT, "unable to find group %s: /etc/group of the image is "
			       "no regular file of at most %u bytes", group,
			       SPEC_USER_FILE_MAX_BYTES);
	return err_set(e, ERR_NOT_FOUND, "unable to find group %s: no matching entries in group "
		       "file", group);
}

static int add_group(struct spec_user *u, uint32_t gid, struct err *e)
{
	uint32_t *grown;

	if (gid == u->gid)
		return 0;
	for (size_t i = 0; i < u->n_groups; i++)
		if (u->groups[i] == gid)
			return 0;
	if (u->n_groups >= SPEC_USER_GROUPS_MAX)
		return err_set(e, ERR_LIMIT, "more than %d supplementary groups",
			       SPEC_USER_GROUPS_MAX);
	grown = reallocarray(u->groups, u->n_groups + 1, sizeof(*grown));
	if (!grown)
		return err_sys(e, -ENOMEM, "supplementary groups");
	u->groups = grown;
	u->groups[u->n_groups++] = gid;
	return 0;
}

static bool is_member(char *members, const char *name)
{
	char *save = NULL;

	for (char *w = strtok_r(members, ",", &save); w; w = strtok_r(NULL, ",", &save))
		if (streq(w, name))
			return true;
	return false;
}

/* Groups whose line lists the user; lines without a valid gid give nothing. */
static int add_memberships(const struct files *f, struct spec_user *u, struct err *e)
{
	auto_table struct table t = table_open(f->group, f->group_len);
	int r;

	if (!u->name)
		return 0;
	while ((r = table_next(&t, 4)) > 0) {
		uint32_t gid;

		if (!is_member(t.field[3], u->name) ||
		    str_u32(t.field[2], SPEC_USER_ID_MAX, &gid) < 0)
			continue;
		r = add_group(u, gid, e);
		if (r < 0)
			return r;
	}
	return r < 0 ? err_sys(e, r, "supplementary groups") : 0;
}

static int add_extra(const struct files *f, const struct strv *extra, struct spec_user *u,
		     struct err *e)
{
	for (size_t i = 0; extra && i < extra->n; i++) {
		uint32_t gid = 0;
		int r;

		if (streq(extra->items[i], "keep-groups"))
			return err_set(e, ERR_UNSUPPORTED, "group-add keep-groups is not supported "
				       "yet");
		if (!*extra->items[i])
			return err_set(e, ERR_INVALID, "group-add: the group is empty");
		r = find_group(f, extra->items[i], &gid, e);
		if (r == 0)
			r = add_group(u, gid, e);
		if (r < 0)
			return err_wrap(e, r, "group-add");
	}
	return 0;
}

static int resolve(const struct files *f, const char *user, const struct strv *extra,
		   struct spec_user *u, struct err *e)
{
	auto_free char *who = strdup(*user ? user : "0");
	char *group;
	uint32_t id = 0;
	int r;

	if (!who)
		return err_sys(e, -ENOMEM, "resolve user");
	group = strchr(who, ':');
	if (group)
		*group++ = '\0';
	if (!*who)
		return err_set(e, ERR_INVALID, "user \"%s\": no user in front of the colon", user);
	if (is_number(who)) {
		r = parse_id(who, "uid", &id, e);
		if (r == 0)
			r = find_by_id(f, id, u, e);
	} else {
		r = find_by_name(f, who, u, e);
	}
	if (r < 0)
		return r;
	/* "1000:" is what an unset variable leaves of "$UID:$GID": runc takes it as "1000". */
	if (group && *group)
		r = find_group(f, group, &u->gid, e);
	else
		r = add_memberships(f, u, e);
	return r < 0 ? r : add_extra(f, extra, u, e);
}

void spec_user_done(struct spec_user *u)
{
	free(u->groups);
	free(u->name);
	free(u->home);
	*u = (struct spec_user)SPEC_USER_INIT;
}

static int resolve_or_done(const struct files *f, const char *user, const struct strv *extra,
			   struct spec_user *ret, struct err *e)
{
	struct spec_user u = SPEC_USER_INIT;
	int r = resolve(f, user, extra, &u, e);

	if (r < 0) {
		spec_user_done(&u);
		return r;
	}
	*ret = u;
	return 0;
}

int spec_user_resolve_text(const char *passwd, size_t passwd_len, const char *group,
			   size_t group_len, const char *user, const struct strv *group_add,
			   struct spec_user *ret, struct err *e)
{
	struct files f = { .passwd = passwd, .passwd_len = passwd_len, .group = group,
			   .group_len = group_len };

	return resolve_or_done(&f, user, group_add, ret, e);
}

/* An absent file is no file; what is no readable regular file is remembered as bad. */
static int load(struct merged *root, const char *path, char **text, size_t *len, bool *bad,
		struct err *e)
{
	int r = merged_read(root, path, SPEC_USER_FILE_MAX_BYTES, text, len);

	if (r == -EINVAL || r == -EFBIG || r == -ELOOP || r == -EACCES)
		*bad = true;
	else if (r < 0 && r != -ENOENT && r != -ENOTDIR)
		return err_sys(e, r, "read %s of the image", path);
	return 0;
}

int spec_user_resolve(struct merged *root, const char *user, const struct strv *group_add,
		      struct spec_user *ret, struct err *e)
{
	auto_free char *passwd = NULL;
	auto_free char *group = NULL;
	struct files f = { 0 };
	int r = load(root, "/etc/passwd", &passwd, &f.passwd_len, &f.passwd_bad, e);

	if (r == 0)
		r = load(root, "/etc/group", &group, &f.group_len, &f.group_bad, e);
	if (r < 0)
		return r;
	f.passwd = passwd;
	f.group = group;
	return resolve_or_done(&f, user, group_add, ret, e);
}

uint32_t spec_user_highest_id(const char *text, size_t len)
{
	const char *end = text + len, *line_end;
	uint32_t most = 0;

	for (const char *line = text; line < end; line = line_end + 1) {
		const char *id;
		char num[12] = "";
		uint32_t v;
		size_t n;

		line_end = memchr(line, '\n', (size_t)(end - line));
		line_end = line_end ? line_end : end;
		if (str_starts(line, "nobody:") || str_starts(line, "nogroup:"))
			continue;
		id = memchr(line, ':', (size_t)(line_end - line));
		id = id ? memchr(id + 1, ':', (size_t)(line_end - id - 1)) : NULL;
		n = id ? strspn(id + 1, "0123456789") : 0;
		if (n == 0 || n >= sizeof(num) || id + 1 + n > line_end)
			continue;
		memcpy(num, id + 1, n);
		if (str_u32(num, SPEC_USER_ID_MAX, &v) == 0 && v > most)
			most = v;
	}
	return most;
}
