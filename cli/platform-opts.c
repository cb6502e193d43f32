/* --platform and its parts. */
#include "platform-opts.h"

#include <errno.h>

#include "platform.h"

int platform_opts_text(const struct platform_args *a, char **ret, struct err *e)
{
	char buf[PLATFORM_STR_MAX];
	struct ctr_platform p;
	int r = 0;

	if (a->platform && (a->arch || a->os || a->variant))
		return err_set(e, ERR_INVALID, "--platform option can not be specified with --arch, --os or "
			       "--variant");
	if (!a->platform && !a->arch && !a->os && !a->variant)
		return 0;
	if (a->platform) {
		r = ctr_platform_parse(a->platform, &p, e);
	} else {
		ctr_platform_host(&p);
		r = ctr_platform_set(&p, a->os, a->arch, a->variant, e);
	}
	if (r < 0)
		return r;
	*ret = strdup(ctr_platform_str(&p, buf));
	return *ret ? 0 : err_sys(e, ENOMEM, "read the platform");
}
