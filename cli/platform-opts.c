/* --platform, or --os, --arch and --variant. */
#include "platform-opts.h"

#include <errno.h>

#include "platform.h"

int platform_choose(const struct cmd *c, const char *platform, const char *os, const char *arch,
		    const char *variant, char **ret, struct err *e)
{
	static const char *const parts[] = { "arch", "os", "variant" };
	struct ctr_platform host;
	int r = 0;

	for (size_t i = 0; r >= 0 && i < sizeof(parts) / sizeof(*parts); i++)
		r = opt_exclusive(c->opts, "platform", parts[i], e);
	if (r < 0)
		return r;
	ctr_platform_host(&host);
	if (platform)
		*ret = strdup(platform);
	else if (os || arch || variant)
		*ret = str_printf("%s/%s%s%s", os ? os : host.os, arch ? arch : host.arch,
				  variant ? "/" : "", variant ? variant : "");
	else
		return 0;
	return *ret ? 0 : err_sys(e, ENOMEM, "read the platform");
}
