/* Parsing --device. */
#include "device.h"

#include <errno.h>
#include <stdlib.h>

#include "fd.h"
#include "path.h"
#include "str.h"

#define VALUE_MAX 8192

void spec_device_done(struct spec_device *d)
{
	free(d->source);
	free(d->dest);
	*d = (struct spec_device){ 0 };
}

int spec_device_access(const char *s, char out[4])
{
	static const char order[] = "rwm";
	size_t n = 0;

	if (!*s || s[strspn(s, order)])
		return -EINVAL;
	for (const char *p = order; *p; p++) {
		const char *first = strchr(s, *p);

		if (first && strchr(first + 1, *p))
			return -EINVAL;
		if (first)
			out[n++] = *p;
	}
	out[n] = '\0';
	return 0;
}

static int take_path(const char *s, char **ret, const char *what, struct err *e)
{
	if (*s != '/')
		return err_set(e, ERR_INVALID, "the %s path \"%s\" must be absolute", what, s);
	*ret = path_clean_abs(s);
	if (!*ret)
		return err_sys(e, -ENOMEM, "read it");
	if (streq(*ret, "/"))
		return err_set(e, ERR_INVALID, "the %s path must not be the root", what);
	return 0;
}

static int parse(const struct strv *parts, struct spec_device *d, struct err *e)
{
	const char *last = parts->items[parts->n - 1];
	size_t paths = parts->n;
	int r;

	memcpy(d->access, "rwm", 4);
	if (paths > 3)
		return err_set(e, ERR_INVALID, "too many colons");
	/* Of two parts the second is a path or the access. */
	if (paths == 3 || (paths == 2 && *last != '/')) {
		if (spec_device_access(last, d->access) < 0)
			return err_set(e, ERR_INVALID, "invalid device mode: %s", last);
		paths--;
	}
	r = take_path(parts->items[0], &d->source, "host", e);
	if (r < 0)
		return r;
	return take_path(parts->items[paths - 1], &d->dest, "container", e);
}

int spec_device_parse(const char *value, struct spec_device *ret, struct err *e)
{
	auto_strv struct strv parts = STRV_INIT;
	struct spec_device d = { 0 };
	int r;

	if (strlen(value) > VALUE_MAX)
		return err_set(e, ERR_LIMIT, "device: a value of %zu bytes", strlen(value));
	for (const char *p = value; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return err_set(e, ERR_INVALID, "device \"%s\": control characters are not "
				       "permitted", value);
	if (*value != '/' && strchr(value, '=') && strchr(value, '/'))
		return err_set(e, ERR_UNSUPPORTED, "device \"%s\": CDI devices are not supported yet",
			       value);
	if (strv_split(&parts, value, ':') < 0)
		return err_sys(e, -ENOMEM, "device");
	r = parse(&parts, &d, e);
	if (r < 0) {
		spec_device_done(&d);
		return err_wrap(e, r, "device \"%s\"", value);
	}
	*ret = d;
	return 0;
}
