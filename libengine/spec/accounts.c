/* Lines for passwd and group, see accounts.h. */
#include "accounts.h"

#include <errno.h>
#include <stdlib.h>

#include "fd.h"
#include "passwd-table.h"

struct texts {
	const char *passwd, *group;
	size_t passwd_len, group_len;
};

void spec_account_done(struct spec_account *a)
{
	free(a->name);
	free(a->gecos);
	free(a->home);
	free(a->group);
	*a = (struct spec_account){ 0 };
}

/* May it be a field of a line? */
static bool field_ok(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f || *s == ':')
			return false;
	return true;
}

static int no_memory(struct err *e)
{
	return err_sys(e, ENOMEM, "add to /etc/passwd");
}

/* Is there a line whose name is @name, or whose third field is @id?  1, 0, -ENOMEM. */
static int has_line(const char *text, size_t len, const char *name, uint32_t id)
{
	auto_table struct table t = table_open(text, len);
	int r;

	while ((r = table_next(&t, 3)) > 0) {
		uint32_t there;

		if ((name && streq(t.field[0], name)) ||
		    (str_u32(t.field[2], UINT32_MAX, &there) == 0 && there == id))
			return 1;
	}
	return r;
}

static int group_name(const char *text, size_t len, uint32_t gid, char **ret)
{
	auto_table struct table t = table_open(text, len);
	uint32_t id;
	int r;

	while ((r = table_next(&t, 3)) > 0) {
		if (str_u32(t.field[2], UINT32_MAX, &id) < 0 || id != gid)
			continue;
		*ret = strdup(t.field[0]);
		return *ret ? 0 : -ENOMEM;
	}
	return r;
}

int spec_account_find(const char *passwd, size_t passwd_len, const char *group, size_t group_len,
		      const char *name, uint32_t uid, struct spec_account *ret, struct err *e)
{
	auto_table struct table t = table_open(passwd, passwd_len);
	struct spec_account a = { 0 };
	int r;

	while ((r = table_next(&t, 6)) > 0) {
		if (str_u32(t.field[2], UINT32_MAX - 1, &a.uid) < 0 ||
		    str_u32(t.field[3], UINT32_MAX - 1, &a.gid) < 0)
			continue;
		if (name ? streq(t.field[0], name) : a.uid == uid)
			break;
	}
	if (r == 0)
		return name ? err_set(e, ERR_NOT_FOUND, "user: unknown user %s", name)
			    : err_set(e, ERR_NOT_FOUND, "user: unknown userid %u", uid);
	if (r > 0) {
		a.name = strdup(t.field[0]);
		a.gecos = strdup(t.field[4]);
		a.home = strdup(t.field[5]);
		r = a.name && a.gecos && a.home ? group_name(group, group_len, a.gid, &a.group)
						: -ENOMEM;
	}
	if (r < 0) {
		spec_account_done(&a);
		return no_memory(e);
	}
	*ret = a;
	return 0;
}

int spec_account_template(const char *option, const char *text, struct err *e)
{
	for (const char *p = text ? text : ""; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return err_set(e, ERR_INVALID, "--%s: control characters are not permitted",
				       option);
	return 0;
}

/* A template with its $WORDS replaced, and a newline. */
static int expand(struct strbuf *out, const char *template, const char *const (*words)[2],
		  const char *option, struct err *e)
{
	int r = spec_account_template(option, template, e);

	if (r < 0)
		return r;
	for (const char *p = template; *p;) {
		size_t i = 0;

		while (words[i][0] && !str_starts(p, words[i][0]))
			i++;
		if (words[i][0]) {
			strbuf_add(out, words[i][1]);
			p += strlen(words[i][0]);
		} else {
			strbuf_addc(out, *p++);
		}
	}
	strbuf_addc(out, '\n');
	return 0;
}

static int passwd_line(const struct spec_accounts_args *a, const struct spec_account *who,
		       struct strbuf *out, struct err *e)
{
	char uid[16], gid[16];
	const char *const words[][2] = {
		{ "$USERNAME", who->name }, { "$UID", uid }, { "$GID", gid },
		{ "$NAME", who->gecos }, { "$HOME", who->home }, { NULL, NULL },
	};

	(void)snprintf(uid, sizeof(uid), "%u", who->uid);
	(void)snprintf(gid, sizeof(gid), "%u", who->gid);
	if (a->passwd_entry)
		return expand(out, a->passwd_entry, words, "passwd-entry", e);
	strbuf_addf(out, "%s:*:%s:%s:%s:%s:/bin/sh\n", who->name, uid, gid, who->gecos, who->home);
	return 0;
}

static int group_line(const struct spec_accounts_args *a, const char *name, uint32_t id,
		      const char *members, struct strbuf *out, struct err *e)
{
	char gid[16];
	const char *const words[][2] = {
		{ "$GROUPNAME", name }, { "$GID", gid }, { "$USERLIST", members }, { NULL, NULL },
	};

	(void)snprintf(gid, sizeof(gid), "%u", id);
	if (a->group_entry)
		return expand(out, a->group_entry, words, "group-entry", e);
	strbuf_addf(out, "%s:x:%s:%s\n", name, gid, members);
	return 0;
}

struct work {
	const struct texts *t;
	const struct spec_accounts_args *a;
	struct spec_user *who;
	struct strbuf passwd, group;
};

/* The process's own name and home, when the line is its. */
static int adopt(struct work *w, const struct spec_account *acc)
{
	char *name, *home;

	if (acc->uid != w->who->uid || w->who->name)
		return 0;
	name = strdup(acc->name);
	home = strdup(acc->home);
	if (!name || !home) {
		free(name);
		free(home);
		return -ENOMEM;
	}
	free(w->who->home);
	w->who->name = name;
	w->who->home = home;
	return 0;
}

static int add_account(struct work *w, const struct spec_account *acc, struct err *e)
{
	int r;

	if (w->t->passwd && field_ok(acc->name) && field_ok(acc->gecos) && field_ok(acc->home)) {
		r = has_line(w->t->passwd, w->t->passwd_len, acc->name, acc->uid);
		if (r == 0) {
			r = passwd_line(w->a, acc, &w->passwd, e);
			r = r < 0 ? r : adopt(w, acc) < 0 ? no_memory(e) : 0;
		}
		if (r < 0)
			return r == -ENOMEM ? no_memory(e) : r;
	}
	if (!w->t->group || !acc->group || !field_ok(acc->group))
		return 0;
	r = has_line(w->t->group, w->t->group_len, acc->group, acc->gid);
	if (r == 0)
		r = group_line(w->a, acc->group, acc->gid, acc->name, &w->group, e);
	return r == -ENOMEM ? no_memory(e) : r < 0 ? r : 0;
}

/* Did one of the accounts of the host bring the id? */
static bool is_added(const struct spec_accounts_args *a, uint32_t id, bool group)
{
	for (size_t i = 0; i < a->n_extra; i++)
		if (id == (group ? a->extra[i].gid : a->extra[i].uid))
			return true;
	return false;
}

/* A user by number that the image does not name: podman's "container user". */
static int add_number(struct work *w, const char *user, struct err *e)
{
	char name[16], home[] = "/", gecos[] = "container user";
	const char *cwd = w->a->cwd && field_ok(w->a->cwd) ? w->a->cwd : home;
	struct spec_account acc = { .name = name, .gecos = gecos, .home = (char *)(uintptr_t)cwd,
				    .uid = w->who->uid, .gid = w->who->gid };

	if (w->who->name || is_added(w->a, w->who->uid, false))
		return 0;
	(void)snprintf(name, sizeof(name), "%.10s", user);
	return add_account(w, &acc, e);
}

/* The group by number, or of a user by number the group of the same number, as podman has it. */
static int add_group(struct work *w, const char *user, const char *group, struct err *e)
{
	uint32_t gid;
	int r;

	if (!w->t->group || str_u32(group, SPEC_USER_ID_MAX, &gid) < 0 || is_added(w->a, gid, true))
		return 0;
	r = has_line(w->t->group, w->t->group_len, NULL, gid);
	if (r == 0 && field_ok(user))
		r = group_line(w->a, group, gid, user, &w->group, e);
	return r == -ENOMEM ? no_memory(e) : r < 0 ? r : 0;
}

static int add_all(struct work *w, struct err *e)
{
	auto_free char *user = strdup(w->a->user);
	char *colon = user ? strchr(user, ':') : NULL, *group = user;
	uint32_t id;
	int r = user ? 0 : no_memory(e);

	for (size_t i = 0; r == 0 && i < w->a->n_extra; i++)
		r = add_account(w, &w->a->extra[i], e);
	if (r < 0)
		return r;
	if (colon) {
		*colon = '\0';
		group = colon[1] ? colon + 1 : user;
	}
	if (str_u32(user, SPEC_USER_ID_MAX, &id) == 0)
		r = add_number(w, user, e);
	return r < 0 ? r : add_group(w, user, group, e);
}

int spec_accounts_text(const char *passwd, size_t passwd_len, const char *group, size_t group_len,
		       const struct spec_accounts_args *a, struct spec_user *who,
		       char **ret_passwd, char **ret_group, struct err *e)
{
	const struct texts t = { passwd, group, passwd_len, group_len };
	struct work w = { .t = &t, .a = a, .who = who };
	auto_free char *p = NULL, *g = NULL;
	size_t p_len, g_len;
	int r = add_all(&w, e);

	p_len = w.passwd.len;
	g_len = w.group.len;
	p = strbuf_take(&w.passwd);
	g = strbuf_take(&w.group);
	if (r < 0)
		return r;
	if (!p || !g)
		return no_memory(e);
	*ret_passwd = p_len ? take_ptr(&p) : NULL;
	*ret_group = g_len ? take_ptr(&g) : NULL;
	return 0;
}

/* What is no readable regular file of bearable size gets nothing appended. */
static int load(struct merged *root, const char *path, char **text, size_t *len, struct err *e)
{
	int r = merged_read(root, path, SPEC_USER_FILE_MAX_BYTES, text, len);

	return r == -ENOMEM ? no_memory(e) : 0;
}

int spec_accounts(struct merged *root, const struct spec_accounts_args *a, struct spec_user *who,
		  char **ret_passwd, char **ret_group, struct err *e)
{
	auto_free char *passwd = NULL, *group = NULL;
	size_t passwd_len = 0, group_len = 0;
	int r = load(root, "/etc/passwd", &passwd, &passwd_len, e);

	if (r == 0)
		r = load(root, "/etc/group", &group, &group_len, e);
	if (r < 0)
		return r;
	return spec_accounts_text(passwd, passwd_len, group, group_len, a, who, ret_passwd, ret_group,
				  e);
}
