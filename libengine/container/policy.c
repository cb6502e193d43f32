/* Restart policies: their spelling, and what they mean after a boot. */
#include "container-priv.h"

#include <errno.h>
#include <stdlib.h>

#include "str.h"

static const char *const words[] = {
	[MON_RESTART_NO] = "no",
	[MON_RESTART_ALWAYS] = "always",
	[MON_RESTART_ON_FAILURE] = "on-failure",
	[MON_RESTART_UNLESS_STOPPED] = "unless-stopped",
};
_Static_assert(sizeof(words) / sizeof(words[0]) == MON_RESTART_COUNT_, "a word for every policy");

uint32_t restart_number(const char *policy)
{
	for (uint32_t i = 0; policy && i < MON_RESTART_COUNT_; i++)
		if (streq(words[i], policy))
			return i;
	return MON_RESTART_NO;
}

int ctr_restart_parse(const char *text, char **ret, uint32_t *ret_max, struct err *e)
{
	size_t len = strcspn(text, ":");
	auto_free char *name = strndup(text, len);
	uint32_t max = 0;

	if (!name)
		return err_sys(e, ENOMEM, "read the restart policy");
	if (text[len] && strchr(text + len + 1, ':'))
		return err_set(e, ERR_INVALID, "invalid restart policy: may specify retries at most once");
	if (text[len] && !streq(name, words[MON_RESTART_ON_FAILURE]))
		return err_set(e, ERR_INVALID, "restart policy retries can only be specified with "
			       "on-failure restart policy");
	if (text[len] && text[len + 1] == '-')
		return err_set(e, ERR_INVALID, "must specify restart policy retry count as a number "
			       "greater than 0");
	if (text[len] && str_u32(text + len + 1, UINT32_MAX, &max) < 0)
		return err_set(e, ERR_INVALID, "parsing restart policy retry count: \"%.40s\" is no number "
			       "from 0 on", text + len + 1);
	*ret_max = max;
	*ret = NULL;
	if (!name[0] || streq(name, words[MON_RESTART_NO]) || streq(name, "never"))
		return 0;
	if (restart_number(name) == MON_RESTART_NO)
		return err_set(e, ERR_INVALID, "\"%.40s\" is not a valid restart policy: "
			       "invalid argument", name);
	*ret = take_ptr(&name);
	return 0;
}

bool ctr_starts_on_boot(const struct ctr_request *r, const struct ctr_status *s)
{
	switch ((enum mon_restart)restart_number(r->restart)) {
	case MON_RESTART_ALWAYS:
		return true;
	case MON_RESTART_UNLESS_STOPPED:
		return !s->stopped_by_user;
	case MON_RESTART_NO:
	case MON_RESTART_ON_FAILURE:
	case MON_RESTART_COUNT_:
		break;
	}
	return false;
}
