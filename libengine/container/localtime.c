/* --tz: the zone's rules, copied from the host to be the container's /etc/localtime. */
#include <errno.h>
#include <stdlib.h>

#include "container-priv.h"
#include "file.h"
#include "oci.h"
#include "path.h"

#define ZONES "/usr/share/zoneinfo/"
#define HOST_ZONE "/etc/localtime"
#define ZONE_MAX_BYTES (1u << 20)
#define ZONE_MAGIC "TZif" /* tzfile(5) */

static int read_zone(const char *zone, char **ret, size_t *ret_len, struct err *e)
{
	bool local = streq(zone, "local");
	auto_free char *joined = local ? strdup(HOST_ZONE) : str_printf(ZONES "%s", zone);
	auto_free char *path = joined ? path_clean_abs(joined) : NULL;
	auto_free char *text = NULL;
	int rc;

	if (!path)
		return err_sys(e, ENOMEM, "--tz");
	if (!local && !str_starts(path, ZONES))
		return err_set(e, ERR_INVALID, "--tz %s: that is no time zone, as in Europe/Berlin, or local",
			       zone);
	rc = file_read_path(path, ZONE_MAX_BYTES, &text, ret_len);
	if (rc < 0 && local)
		return err_sys(e, rc, "--tz local: read %s", path);
	if (rc < 0)
		return err_sys(e, rc, "--tz %s: read %s (package tzdata)", zone, path);
	if (!str_starts(text, ZONE_MAGIC))
		return err_set(e, ERR_INVALID, "--tz %s: %s holds no time zone", zone, path);
	*ret = take_ptr(&text);
	return 0;
}

int localtime_check(const struct ctr_request *r, struct err *e)
{
	auto_free char *text = NULL;
	size_t len;

	return r->tz ? read_zone(r->tz, &text, &len, e) : 0;
}

int localtime_write(int run_fd, const struct ctr_request *r, struct err *e)
{
	auto_free char *text = NULL;
	size_t len;
	int rc = read_zone(r->tz, &text, &len, e);

	if (rc < 0)
		return rc;
	rc = file_replace(run_fd, "localtime", text, len, 0644, FILE_SYNC_NONE);
	return rc < 0 ? err_sys(e, rc, "write the container's localtime") : 0;
}
