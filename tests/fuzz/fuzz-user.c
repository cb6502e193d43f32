/*
 * /etc/passwd and /etc/group of strangers.  Input: the user, a newline, passwd, a line "==", group.
 * What is accepted has ids in range, and digits are exactly the id they are; what is appended for it
 * is whole lines, one to each file at most.
 */
#include <string.h>

#include "fuzz.h"
#include "spec/accounts.h"
#include "spec/user.h"

static const char *find(const char *p, const char *end, const char *what)
{
	return p < end ? memmem(p, (size_t)(end - p), what, strlen(what)) : NULL;
}

static void check_line(const char *text)
{
	FUZZ_CHECK(!text || strchr(text, '\n') == text + strlen(text) - 1);
}

/* The user's own text is also what the image's working directory may be. */
static void accounts(const char *p, size_t p_len, const char *g, size_t g_len, const char *user,
		     struct spec_user *u)
{
	struct spec_accounts_args a = { .user = user, .cwd = user };
	char *passwd = NULL, *group = NULL;

	if (spec_accounts_text(p, p_len, g, g_len, &a, u, &passwd, &group, NULL) < 0)
		return;
	check_line(passwd);
	check_line(group);
	free(passwd);
	free(group);
}

int fuzz_one(const uint8_t *data, size_t len)
{
	const char *p = (const char *)data, *end = p + len, *nl = find(p, end, "\n"), *cut;
	struct spec_user u = SPEC_USER_INIT;
	struct err e = ERR_INIT;
	uint32_t id;
	char *user;
	int r;

	user = nl ? fuzz_string(data, (size_t)(nl - p)) : NULL;
	if (!user)
		return 0;
	p = nl + 1;
	cut = find(p, end, "\n==\n");
	r = spec_user_resolve_text(p, (size_t)((cut ? cut + 1 : end) - p), cut ? cut + 4 : NULL,
				   cut ? (size_t)(end - cut - 4) : 0, user, NULL, &u, &e);
	if (r < 0) {
		FUZZ_CHECK(e.kind != ERR_NONE && e.text[0] && !u.home && !u.groups);
	} else {
		FUZZ_CHECK(u.uid <= SPEC_USER_ID_MAX && u.gid <= SPEC_USER_ID_MAX);
		FUZZ_CHECK(u.home && u.home[0] == '/');
		for (size_t i = 0; i < u.n_groups; i++)
			FUZZ_CHECK(u.groups[i] <= SPEC_USER_ID_MAX && u.groups[i] != u.gid);
		accounts(p, (size_t)((cut ? cut + 1 : end) - p), cut ? cut + 4 : NULL,
			 cut ? (size_t)(end - cut - 4) : 0, user, &u);
		user[strcspn(user, ":")] = '\0';
		if (str_u32(user, UINT32_MAX, &id) == 0)
			FUZZ_CHECK(id == u.uid);
	}
	spec_user_done(&u);
	free(user);
	return r == 0;
}
