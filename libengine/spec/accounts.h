/*
 * What /etc/passwd and /etc/group of an image lack about who runs in the container: the lines that
 * podman appends, so that programs find a name and a home for an id that the image has never heard of.
 */
#ifndef SPEC_ACCOUNTS_H
#define SPEC_ACCOUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "merged.h"
#include "str.h"
#include "user.h"

/* An account of the host that the container gets (--hostuser, keep-id). */
struct spec_account {
	char *name, *gecos, *home, *group;	/* owned; @group NULL: no line for it */
	uint32_t uid, gid;
};
void spec_account_done(struct spec_account *a);
/* The account @name (or, for NULL, the first one of @uid) in the text of a passwd file, its group's
 * name from the text of a group file.  ERR_NOT_FOUND. */
int spec_account_find(const char *passwd, size_t passwd_len, const char *group, size_t group_len,
		      const char *name, uint32_t uid, struct spec_account *ret, struct err *e);

/* Is @text (may be NULL), the value of @option, a template of one line?  ERR_INVALID. */
int spec_account_template(const char *option, const char *text, struct err *e);

struct spec_accounts_args {
	const char *user;		/* as asked for: "", uid, name, with ":group" */
	const char *cwd;		/* the home of who has none */
	const char *passwd_entry, *group_entry;	/* templates, or NULL */
	const struct spec_account *extra;	/* accounts of the host; homes as they are inside */
	size_t n_extra;
};

/*
 * The lines to append, in fresh memory; NULL where there are none, or no such file.  A line is never
 * made of what could end it: a home or name with ':' or control bytes is left out.  @who gets name
 * and home of its own line.  ERR_INVALID for templates with control bytes.
 */
int spec_accounts(struct merged *root, const struct spec_accounts_args *a, struct spec_user *who,
		  char **ret_passwd, char **ret_group, struct err *e);
/* The same on texts (NULL: no such file), for tests. */
int spec_accounts_text(const char *passwd, size_t passwd_len, const char *group, size_t group_len,
		       const struct spec_accounts_args *a, struct spec_user *who,
		       char **ret_passwd, char **ret_group, struct err *e);

#endif
