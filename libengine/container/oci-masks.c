/* Paths of /proc and /sys that the container sees empty or cannot write. */
#include <fnmatch.h>
#include <strings.h>

#include "ctrlite/explain.h"
#include "fd.h"
#include "oci.h"
#include "str.h"

#define MASKED "linux.maskedPaths"

static const char *const masked[] = {
	"/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/sched_debug",
	"/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/sys/dev/block",
	"/sys/devices/virtual/powercap", "/sys/firmware", "/sys/fs/selinux", "/proc/interrupts",
	NULL,
};
static const char *const read_only[] = {
	"/proc/asound", "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
	NULL,
};

/* unmask=ALL, or colon-separated paths in which * and its kind stand for one component or less. */
static bool unmasked(const struct strv *unmask, const char *path)
{
	for (size_t i = 0; i < unmask->n; i++) {
		auto_strv struct strv parts = STRV_INIT;

		if (strcasecmp(unmask->items[i], "ALL") == 0)
			return true;
		(void)strv_split(&parts, unmask->items[i], ':'); /* without memory it stays masked */
		for (size_t k = 0; k < parts.n; k++)
			if (fnmatch(parts.items[k], path, FNM_PATHNAME) == 0)
				return true;
	}
	return false;
}

bool oci_unmasked(const struct ctr_request *r, const char *path)
{
	return r->privileged || unmasked(&r->unmask, path);
}

static json_t *path_list(const struct ctr_request *r, const char *kind, const char *const *list,
			 const struct strv *more)
{
	json_t *arr = json_array();

	ctr_origin(r, kind, "", "default");
	for (; *list; list++)
		if (!oci_unmasked(r, *list))
			(void)json_array_append_new(arr, json_string(*list));
	for (size_t i = 0; more && i < more->n; i++) {
		auto_strv struct strv parts = STRV_INIT;

		(void)strv_split(&parts, more->items[i], ':'); /* lost memory shows in the dump */
		for (size_t k = 0; k < parts.n; k++) {
			(void)json_array_append_new(arr, json_string(parts.items[k]));
			ctr_origin(r, kind, parts.items[k], "--security-opt mask=%s", more->items[i]);
		}
	}
	return arr;
}

json_t *oci_masked_paths(const struct oci_build *b)
{
	json_t *arr = path_list(b->req, MASKED, masked, &b->req->mask);

	/* There the host's /sys is bound, with all that is mounted in it: tracing, security, debug. */
	if (b->host_net && b->map && !oci_unmasked(b->req, "/sys/kernel")) {
		(void)json_array_append_new(arr, json_string("/sys/kernel"));
		ctr_origin(b->req, MASKED, "/sys/kernel", "--network: the host's /sys is there");
	}
	return arr;
}

json_t *oci_read_only_paths(const struct ctr_request *r)
{
	return path_list(r, "linux.readonlyPaths", read_only, NULL);
}
