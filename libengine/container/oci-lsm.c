/* AppArmor profiles and SELinux labels, where the host has either. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "container-priv.h"
#include "ctrlite/explain.h"
#include "fd.h"
#include "file.h"
#include "oci.h"
#include "selinux.h"

#define APPARMOR_ENABLED "/sys/module/apparmor/parameters/enabled"
#define APPARMOR_PROFILES "/sys/kernel/security/apparmor/profiles"
#define APPARMOR_DEFAULT "containers-default-"	/* as containers-common names the profile it loads */
#define PROFILES_MAX_BYTES (1u << 20)

static bool apparmor_enabled(void)
{
	auto_close int fd = open(APPARMOR_ENABLED, O_RDONLY | O_CLOEXEC);
	char c = 'N';

	return fd >= 0 && read(fd, &c, 1) == 1 && c == 'Y';
}

/* The loaded profile whose name begins with @prefix (@whole: is it), fresh; NULL.  Only root may
 * read the list: *@ret_known says whether it was read. */
static char *find_profile(const char *prefix, bool whole, bool *ret_known)
{
	auto_free char *text = NULL;
	size_t n = strlen(prefix);

	*ret_known = file_read_path(APPARMOR_PROFILES, PROFILES_MAX_BYTES, &text, NULL) >= 0;
	/* "NAME (mode)" in each line */
	for (const char *s = *ret_known ? text : NULL; s && *s; s = strchr(s, '\n'), s = s ? s + 1 : NULL) {
		size_t len = strcspn(s, " \n");

		if (len >= n && memcmp(s, prefix, n) == 0 && (!whole || len == n))
			return strndup(s, len);
	}
	return NULL;
}

/* *@ret stays NULL where no profile is to be set. */
static int apparmor_profile(const struct ctr_request *r, bool rootless, char **ret, struct err *e)
{
	bool known;

	if (!apparmor_enabled()) {
		if (!r->apparmor || streq(r->apparmor, "unconfined"))
			return 0;
		return err_set(e, ERR_UNSUPPORTED, "apparmor profile \"%s\" specified, but Apparmor is not "
			       "enabled on this system", r->apparmor);
	}
	if (!r->apparmor) {
		/* Loading the default needs root; so does reading whether somebody has. */
		if (!rootless && !r->privileged)
			*ret = find_profile(APPARMOR_DEFAULT, false, &known);
		return 0;
	}
	if (!streq(r->apparmor, "unconfined")) {
		auto_free char *found = find_profile(r->apparmor, true, &known);

		if (known && !found)
			return err_set(e, ERR_NOT_FOUND, "AppArmor profile \"%s\" specified but not loaded; "
				       "load it with: apparmor_parser -r FILE", r->apparmor);
	}
	*ret = strdup(r->apparmor);
	return *ret ? 0 : err_sys(e, ENOMEM, "make config.json");
}

/* Only labels that are asked for: without one the container runs under the caller's. */
static int selinux_labels(const struct ctr_request *r, struct spec_selinux *ret, struct err *e)
{
	if (!r->labels_lsm.n || !spec_selinux_enabled())
		return 0;
	return spec_selinux_labels(&r->labels_lsm, r->id ? r->id : "", ret, e);
}

int oci_check_lsm(const struct ctr_request *r, bool rootless, struct err *e)
{
	struct spec_selinux s = SPEC_SELINUX_INIT;
	auto_free char *profile = NULL;
	int rc;

	if (!r->apparmor && !r->labels_lsm.n)
		return 0;
	rc = apparmor_profile(r, rootless, &profile, e);
	if (rc == 0)
		rc = selinux_labels(r, &s, e);
	spec_selinux_done(&s);
	return rc;
}

int oci_lsm(struct oci_build *b, json_t *process, json_t *linux_, struct err *e)
{
	struct spec_selinux s = SPEC_SELINUX_INIT;
	auto_free char *profile = NULL;
	int rc = apparmor_profile(b->req, b->eng->rootless, &profile, e);

	if (rc == 0)
		rc = selinux_labels(b->req, &s, e);
	ctr_origin(b->req, "process.apparmorProfile", "", b->req->apparmor ? "--security-opt apparmor" : "default");
	ctr_origin(b->req, "process.selinuxLabel", "", "--security-opt label");
	ctr_origin(b->req, "linux.mountLabel", "", "--security-opt label");
	if (rc == 0 && profile &&
	    json_object_set_new(process, "apparmorProfile", json_string(profile)) < 0)
		rc = err_set(e, ERR_INVALID, "the AppArmor profile is not valid UTF-8");
	if (rc == 0 && s.process &&
	    (json_object_set_new(process, "selinuxLabel", json_string(s.process)) < 0 ||
	     json_object_set_new(linux_, "mountLabel", json_string(s.mount)) < 0))
		rc = err_set(e, ERR_INVALID, "the SELinux label is not valid UTF-8");
	spec_selinux_done(&s);
	return rc;
}
