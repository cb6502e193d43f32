/* The overlay mount of a root filesystem. */
#include "mnt.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "fd.h"
#include "str.h"

#define MOUNTINFO_MAX_BYTES (16u << 20)

/* overlayfs splits lowerdir at ':' and option strings at ','; a backslash protects both. */
static void add_escaped(struct strbuf *b, const char *path)
{
	for (; *path; path++) {
		if (*path == ':' || *path == ',' || *path == '\\')
			strbuf_addc(b, '\\');
		strbuf_addc(b, *path);
	}
}

static int set_str(int fs, const char *key, const char *value)
{
	return fsconfig(fs, FSCONFIG_SET_STRING, key, value, 0) < 0 ? -errno : 0;
}

/* Unlike "lowerdir+", these two are unescaped by the kernel. */
static int set_escaped(int fs, const char *key, const char *path)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;

	add_escaped(&b, path);
	return b.failed ? -ENOMEM : set_str(fs, key, b.data);
}

static int set_lowers(int fs, const struct mnt_overlay *o)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;
	int r = 0;

	for (size_t i = 0; i < o->n_lower; i++) {
		r = set_str(fs, "lowerdir+", o->lower[i]);
		if (r < 0)
			break;
	}
	if (r == 0 || r != -EINVAL)
		return r;
	/* Before Linux 6.8: all of them in one string of at most 255 bytes here. */
	for (size_t i = 0; i < o->n_lower; i++) {
		if (i)
			strbuf_addc(&b, ':');
		add_escaped(&b, o->lower[i]);
	}
	if (b.failed)
		return -ENOMEM;
	return b.len < 256 ? set_str(fs, "lowerdir", b.data) : -ENAMETOOLONG;
}

static int overlay_new_api(const struct mnt_overlay *o, const char *target)
{
	auto_close int fs = fsopen("overlay", FSOPEN_CLOEXEC);
	auto_close int mnt = FD_NONE;
	int r;

	if (fs < 0)
		return -errno;
	r = set_str(fs, "source", "overlay");
	if (r == 0)
		r = set_lowers(fs, o);
	if (r == 0 && o->upper)
		r = set_escaped(fs, "upperdir", o->upper);
	if (r == 0 && o->upper)
		r = set_escaped(fs, "workdir", o->work);
	if (r == 0 && fsconfig(fs, FSCONFIG_SET_FLAG, "userxattr", NULL, 0) < 0)
		r = -errno;
	if (r == 0 && o->volatile_ && o->upper &&
	    fsconfig(fs, FSCONFIG_SET_FLAG, "volatile", NULL, 0) < 0)
		r = -errno;
	if (r == 0 && fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		r = -errno;
	if (r < 0)
		return r;
	mnt = fsmount(fs, FSMOUNT_CLOEXEC, 0);
	if (mnt < 0)
		return -errno;
	return move_mount(mnt, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH) < 0 ? -errno : 0;
}

static int overlay_old_api(const struct mnt_overlay *o, const char *target)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;

	strbuf_add(&b, "lowerdir=");
	for (size_t i = 0; i < o->n_lower; i++) {
		if (i)
			strbuf_addc(&b, ':');
		add_escaped(&b, o->lower[i]);
	}
	if (o->upper) {
		strbuf_add(&b, ",upperdir=");
		add_escaped(&b, o->upper);
		strbuf_add(&b, ",workdir=");
		add_escaped(&b, o->work);
	}
	strbuf_add(&b, ",userxattr");
	if (o->volatile_ && o->upper)
		strbuf_add(&b, ",volatile");
	if (b.failed)
		return -ENOMEM;
	if (b.len >= (size_t)sysconf(_SC_PAGESIZE))
		return -E2BIG;
	return mount("overlay", target, "overlay", 0, b.data) < 0 ? -errno : 0;
}

int mnt_overlay(const struct mnt_overlay *o, const char *target, struct err *e)
{
	int r;

	if (o->n_lower == 0)
		return err_set(e, ERR_INVALID, "an overlay needs at least one layer");
	if (o->n_lower == 1 && !o->upper) {
		struct mount_attr ro = { .attr_set = MOUNT_ATTR_RDONLY };

		if (mount(o->lower[0], target, NULL, MS_BIND, NULL) < 0 ||
		    mount_setattr(AT_FDCWD, target, 0, &ro, sizeof(ro)) < 0)
			return err_sys(e, errno, "bind the layer on %s", target);
		return 0;
	}
	r = overlay_new_api(o, target);
	if (r == -ENOSYS || r == -ENAMETOOLONG || r == -EINVAL)
		r = overlay_old_api(o, target);
	if (r == -E2BIG)
		return err_set(e, ERR_UNSUPPORTED, "this kernel cannot mount %zu layers at once (Linux "
			       "6.8 can)", o->n_lower);
	if (r < 0)
		return err_sys(e, r, "mount the overlay of %zu layers", o->n_lower);
	return 0;
}

int mnt_propagation(bool slave, struct err *e)
{
	if (mount(NULL, "/", NULL, MS_REC | (slave ? MS_SLAVE : MS_PRIVATE), NULL) < 0)
		return err_sys(e, errno, "make the mounts private");
	return 0;
}

/* "\040" and the like, as the kernel writes blanks in mountinfo. */
static void unescape(char *s)
{
	char *to = s;

	while (*s) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] && s[3]) {
			*to++ = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0'));
			s += 4;
		} else {
			*to++ = *s++;
		}
	}
	*to = '\0';
}

int mnt_is_mounted(const char *path)
{
	auto_close int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	auto_free char *text = NULL;
	size_t len;
	int r = fd < 0 ? -errno : fd_read_file(fd, MOUNTINFO_MAX_BYTES, &text, &len);
	char *save = NULL;

	if (r < 0)
		return r;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *at = line, *end;

		/* ID PARENT DEV ROOT PLACE ... */
		for (int i = 0; at && i < 4; i++)
			if ((at = strchr(at, ' ')))
				at++;
		if (!at || !(end = strchr(at, ' ')))
			continue;
		*end = '\0';
		unescape(at);
		if (streq(at, path))
			return 1;
	}
	return 0;
}
