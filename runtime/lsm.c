/* AppArmor and SELinux. */
#include "lsm.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "fd.h"
#include "procfs.h"

bool lsm_has_selinux(void)
{
	struct statfs fs;

	return statfs("/sys/fs/selinux", &fs) == 0 && fs.f_type == SELINUX_MAGIC;
}

bool lsm_has_apparmor(void)
{
	auto_close int fd = open("/sys/module/apparmor/parameters/enabled", O_RDONLY | O_CLOEXEC);
	char answer = 'N';

	return fd >= 0 && read(fd, &answer, 1) == 1 && answer == 'Y';
}

static bool is_asked(const char *label)
{
	return label && label[0];
}

static bool wants_profile(const struct oci_process *p)
{
	return is_asked(p->apparmor_profile) && !streq(p->apparmor_profile, "unconfined");
}

int lsm_check(const struct oci_process *p, const char *mount_label, struct err *e)
{
	if (wants_profile(p) && !lsm_has_apparmor())
		return err_set(
			e, ERR_UNSUPPORTED,
			"$.process.apparmorProfile: \"%.100s\" cannot be applied: AppArmor is "
			"not enabled on this host",
			p->apparmor_profile);
	if (!is_asked(p->selinux_label) && !is_asked(mount_label))
		return 0;
	if (!lsm_has_selinux())
		return err_set(e, ERR_UNSUPPORTED,
			       "%s: \"%.100s\" cannot be applied: SELinux is not enabled on this "
			       "host",
			       is_asked(p->selinux_label) ? "$.process.selinuxLabel"
							  : "$.linux.mountLabel",
			       is_asked(p->selinux_label) ? p->selinux_label : mount_label);
	return 0;
}

static int set_profile(struct setup *s, const char *profile, struct err *e)
{
	auto_free char *text = str_printf("exec %s", profile);
	int r;

	if (!text)
		return err_sys(e, ENOMEM, "set the AppArmor profile");
	r = procfs_write(s->host_proc_fd, "self/attr/apparmor/exec", text);
	if (r == -ENOENT) /* before Linux 5.1 */
		r = procfs_write(s->host_proc_fd, "self/attr/exec", text);
	return r < 0 ? err_sys(e, r, "set the AppArmor profile %s", profile) : 0;
}

int lsm_labels(struct setup *s, struct err *e)
{
	const char *label = s->proc->selinux_label;
	int r = wants_profile(s->proc) ? set_profile(s, s->proc->apparmor_profile, e) : 0;

	if (r < 0 || !is_asked(label))
		return r;
	r = procfs_write(s->host_proc_fd, "self/attr/exec", label);
	if (r == 0)
		r = procfs_write(s->host_proc_fd, "self/attr/keycreate", label);
	return r < 0 ? err_sys(e, r, "set the SELinux label %s", label) : 0;
}
