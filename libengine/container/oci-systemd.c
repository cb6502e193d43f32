/* What systemd wants of a container that it runs in (systemd's CONTAINER_INTERFACE). */
#include <errno.h>
#include <stdio.h>

#include "container-priv.h"
#include "ctrlite/explain.h"
#include "oci.h"

/* Does the user, or what every container has, mount something there already? */
static bool is_mounted(const struct oci_build *b, const char *path)
{
	for (size_t i = 0; i < b->n_user_dests; i++)
		if (streq(b->user_dests[i], path))
			return true;
	for (size_t i = 0; i < json_array_size(b->mounts); i++)
		if (streq(json_string_value(json_object_get(json_array_get(b->mounts, i), "destination")),
			  path))
			return true;
	return false;
}

int oci_systemd_mounts(struct oci_build *b, struct err *e)
{
	static const char *const dirs[] = { "/run", "/run/lock", "/tmp", "/var/log/journal" };
	char size[40];
	int rc = 0;

	if (!b->req->systemd)
		return 0;
	(void)snprintf(size, sizeof(size), "size=%llu", (unsigned long long)b->req->systemd_size_bytes);
	for (size_t i = 0; rc == 0 && i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		json_t *options;

		if (is_mounted(b, dirs[i]))
			continue;
		options = json_pack("[s, s, s, s, s]", "rw", "rprivate", "nosuid", "nodev", "tmpcopyup");
		if (b->req->systemd_size_bytes)
			(void)json_array_append_new(options, json_string(size)); /* checked by the dump */
		ctr_origin(b->req, "mounts", dirs[i], "--systemd");
		rc = oci_add_mount(b->mounts, dirs[i], "tmpfs", "tmpfs", options, e);
	}
	return rc;
}
