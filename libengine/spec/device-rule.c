/* Parsing --device-cgroup-rule. */
#include "device-rule.h"

#include <errno.h>

#include "device.h"
#include "fd.h"
#include "str.h"

static int parse_number(const char *s, int64_t *ret)
{
	if (streq(s, "*")) {
		*ret = -1;
		return 0;
	}
	return str_i64(s, 0, UINT32_MAX, ret);
}

int spec_device_rule_parse(const char *text, struct spec_device_rule *ret, struct err *e)
{
	auto_strv struct strv parts = STRV_INIT, nr = STRV_INIT;
	struct spec_device_rule r = { 0 };

	if (strv_split(&parts, text, ' ') < 0)
		return err_sys(e, ENOMEM, "device cgroup rule");
	if (parts.n != 3)
		return err_set(e, ERR_INVALID, "invalid device cgroup rule requires type, major:Minor, and "
			       "access rules: \"%s\"", text);
	if (strlen(parts.items[0]) != 1 || !strchr("abc", parts.items[0][0]))
		return err_set(e, ERR_INVALID, "invalid device type in device-access: %s",
			       parts.items[0]);
	r.type = parts.items[0][0];
	if (strv_split(&nr, parts.items[1], ':') < 0)
		return err_sys(e, ENOMEM, "device cgroup rule");
	if (nr.n != 2 || parse_number(nr.items[0], &r.major) < 0 ||
	    parse_number(nr.items[1], &r.minor) < 0)
		return err_set(e, ERR_INVALID, "invalid major:minor in device cgroup rule \"%s\": numbers, "
			       "or * for all", text);
	if (spec_device_access(parts.items[2], r.access) < 0)
		return err_set(e, ERR_INVALID, "invalid device access in device-access: %s",
			       parts.items[2]);
	*ret = r;
	return 0;
}
