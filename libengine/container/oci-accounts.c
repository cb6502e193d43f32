/* The accounts that /etc/passwd and /etc/group of a container get, see accounts.h. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "accounts.h"
#include "container-priv.h"
#include "ctrlite/explain.h"
#include "file.h"
#include "oci.h"
#include "path.h"

struct host_files {
	char *passwd, *group;
	size_t passwd_len, group_len;
};

static int read_host(struct host_files *f, struct err *e)
{
	int rc = file_read_path("/etc/passwd", SPEC_USER_FILE_MAX_BYTES, &f->passwd, &f->passwd_len);

	if (rc >= 0)
		rc = file_read_path("/etc/group", SPEC_USER_FILE_MAX_BYTES, &f->group, &f->group_len);
	return rc < 0 ? err_sys(e, rc, "read the accounts of the host") : 0;
}

static bool is_number(const char *s)
{
	return *s && s[strspn(s, "0123456789")] == '\0';
}

static int find_one(const struct host_files *f, const char *who, struct spec_account *ret,
		    struct err *e)
{
	uint32_t uid = 0;

	if (is_number(who) && str_u32(who, SPEC_USER_ID_MAX, &uid) < 0)
		return err_set(e, ERR_INVALID, "--hostuser %s: out of range", who);
	return spec_account_find(f->passwd, f->passwd_len, f->group, f->group_len,
				 is_number(who) ? NULL : who, uid, ret, e);
}

/* A home of the host is one inside when something is mounted there or above. */
static int home_inside(const struct oci_build *b, struct spec_account *a, struct err *e)
{
	const char *cwd = b->req->cwd && b->req->cwd[0] ? b->req->cwd : "/";
	auto_free char *home = path_clean_abs(a->home);

	for (size_t i = 0; home && i < b->n_user_dests; i++) {
		const char *rest = str_after(home, b->user_dests[i]);

		if (rest && (*rest == '\0' || *rest == '/'))
			return 0;
	}
	free(a->home);
	a->home = strdup(cwd);
	return home && a->home ? 0 : err_sys(e, ENOMEM, "add to /etc/passwd");
}

static int extra_accounts(const struct oci_build *b, struct spec_account *extra, size_t *n,
			  struct err *e)
{
	struct host_files f = { 0 };
	char self[16];
	int rc = read_host(&f, e);

	(void)snprintf(self, sizeof(self), "%u", (unsigned int)geteuid());
	for (size_t i = 0; rc == 0 && i < b->req->host_users.n + b->req->current_user; i++) {
		bool own = i == b->req->host_users.n;

		rc = find_one(&f, own ? self : b->req->host_users.items[i], &extra[*n], e);
		if (rc == -ENOENT && own) { /* from a directory service: nothing to copy */
			rc = 0;
			continue;
		}
		if (rc == 0)
			rc = home_inside(b, &extra[(*n)++], e);
	}
	free(f.passwd);
	free(f.group);
	return rc;
}

int oci_check_accounts(const struct ctr_request *r, struct err *e)
{
	struct host_files f = { 0 };
	int rc = spec_account_template("passwd-entry", r->passwd_entry, e);

	if (rc == 0)
		rc = spec_account_template("group-entry", r->group_entry, e);
	if (rc == 0 && r->host_users.n)
		rc = read_host(&f, e);

	for (size_t i = 0; rc == 0 && i < r->host_users.n; i++) {
		struct spec_account a = { 0 };

		rc = find_one(&f, r->host_users.items[i], &a, e);
		spec_account_done(&a);
	}
	free(f.passwd);
	free(f.group);
	return rc;
}

static bool is_mounted(const struct oci_build *b, const char *path)
{
	for (size_t i = 0; i < b->n_user_dests; i++)
		if (streq(b->user_dests[i], path))
			return true;
	return false;
}

/* One entry for each line of @text. */
static int add_lines(struct oci_build *b, const char *path, const char *text, struct err *e)
{
	auto_strv struct strv lines = STRV_INIT;
	int rc = 0;

	if (!text || is_mounted(b, path) || is_mounted(b, "/etc"))
		return 0;
	if (strv_split(&lines, text, '\n') < 0)
		return err_sys(e, ENOMEM, "add to %s", path);
	for (size_t i = 0; rc == 0 && i < lines.n; i++)
		if (lines.items[i][0])
			rc = strv_addf(&b->append, "append=%s\t%s", path, lines.items[i]);
	return rc < 0 ? err_sys(e, rc, "add to %s", path) : 0;
}

int oci_accounts(struct oci_build *b, struct merged *m, struct spec_user *who, struct err *e)
{
	const struct ctr_request *r = b->req;
	const char *user = r->user ? r->user : "";
	auto_free char *passwd = NULL, *group = NULL;
	size_t room = r->host_users.n + 1, n = 0;
	struct spec_account *extra;
	struct spec_accounts_args a = { .user = user, .cwd = r->cwd && r->cwd[0] ? r->cwd : "/",
					.passwd_entry = r->passwd_entry,
					.group_entry = r->group_entry };
	int rc = 0;

	/* What names everybody that there is, as a plain run does, needs no look. */
	if (r->no_passwd || (!r->host_users.n && !r->current_user && (!*user || streq(user, "root"))))
		return 0;
	extra = calloc(room, sizeof(*extra));
	if (!extra)
		return err_sys(e, ENOMEM, "add to /etc/passwd");
	if (r->host_users.n || r->current_user)
		rc = extra_accounts(b, extra, &n, e);
	a.extra = extra;
	a.n_extra = n;
	if (rc == 0)
		rc = spec_accounts(m, &a, who, &passwd, &group, e);
	if (rc == 0)
		rc = add_lines(b, "/etc/passwd", passwd, e);
	if (rc == 0)
		rc = add_lines(b, "/etc/group", group, e);
	for (size_t i = 0; i < n; i++)
		spec_account_done(&extra[i]);
	free(extra);
	return rc;
}
