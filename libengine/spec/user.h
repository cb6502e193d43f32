/* Who the container's process is: --user and the image's User against /etc/passwd and /etc/group. */
#ifndef SPEC_USER_H
#define SPEC_USER_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "merged.h"
#include "str.h"

#define SPEC_USER_FILE_MAX_BYTES (1u << 20)	/* passwd and group */
#define SPEC_USER_ID_MAX INT32_MAX		/* as runc and crun have it */
#define SPEC_USER_GROUPS_MAX 1024		/* supplementary groups of one process */

struct spec_user {
	uint32_t uid, gid;
	uint32_t *groups;	/* supplementary, each once, without @gid; owned */
	size_t n_groups;
	char *name;		/* of the passwd line, NULL when there is none; owned */
	char *home;		/* absolute; "/" when passwd does not say; owned */
};
#define SPEC_USER_INIT { 0 }
void spec_user_done(struct spec_user *u);

/*
 * Resolve @user: "", uid, name, with ":gid" or ":group" behind.  Digits are always an id, never a
 * name.  Without a group it is the passwd line's (else 0), and the supplementary groups are those
 * that list the user; with one, only @group_add counts.  @group_add (may be NULL) holds names and
 * gids.  Errors are ERR_NOT_FOUND for a name that is not there, ERR_INVALID for what is neither id
 * nor name, ERR_CORRUPT when the line of the user holds no valid id.
 */
int spec_user_resolve(struct merged *root, const char *user, const struct strv *group_add,
		      struct spec_user *ret, struct err *e);

/* The same on the files' texts (NULL: no such file), for tests. */
int spec_user_resolve_text(const char *passwd, size_t passwd_len, const char *group,
			   size_t group_len, const char *user, const struct strv *group_add,
			   struct spec_user *ret, struct err *e);

/* The highest id that the lines of a passwd or group file give somebody; nobody and nogroup do not
 * count. */
uint32_t spec_user_highest_id(const char *text, size_t len);

#endif
