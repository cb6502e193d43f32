/* Applying limits to a cgroup. */
#include "cgroup-limits.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "cgroup.h"
#include "fd.h"
#include "path.h"
#include "str.h"
#include "userns.h"

/* For a user of systemd: what its administrator has to say. */
#define DELEGATE                                                                               \
	"as root write \"[Service]\" and \"Delegate=cpu cpuset io memory pids\" to "           \
	"/etc/systemd/system/user@.service.d/delegate.conf, run systemctl daemon-reload, and " \
	"log in again"

/* Nobody can pass on what the whole host has not got. */
static bool host_has(const char *controller)
{
	auto_close int fd = cgroup_open_mount();

	return fd < 0 || cgroup_has_controller(fd, controller) != 0;
}

static int explain_controller(const struct limit *it, const char *where, int fd, int r,
			      struct err *e)
{
	auto_free char *have = NULL;
	const char *remedy = DELEGATE;

	if (fd < 0 || cgroup_read(fd, "cgroup.controllers", &have) < 0)
		have = strdup("");
	if (!host_has(it->controller))
		remedy = "the kernel is built or booted without it, or version 1 uses it";
	else if (geteuid() == 0 && userns_is_initial())
		remedy = "the cgroup above does not pass it on";
	if (r == -ENOENT)
		return err_set(
			e, ERR_UNSUPPORTED,
			"$.linux.resources.%s: cgroup %.100s has no controller %s (it has: %s); "
			"%s",
			it->member, where, it->controller, have && *have ? have : "none", remedy);
	if (r == -EBUSY)
		return err_set(
			e, ERR_BUSY,
			"$.linux.resources.%s: cgroup %.80s cannot pass on controller %s, as it "
			"has processes of its own: move them to a cgroup below it, or let "
			"systemd make the cgroup (--systemd-cgroup)",
			it->member, where, it->controller);
	(void)err_sys(e, r, "pass on controller %s in cgroup %.80s", it->controller, where);
	return err_wrap(e, r, "$.linux.resources.%s", it->member);
}

/* Who may not write there needs somebody who may. */
static int explain_denied(const struct limit *it, const char *where, int r, struct err *e)
{
	return err_set(
		e, ERR_DENIED,
		"$.linux.resources.%s: controller %s: we may not write to cgroup %.80s (%s); "
		"use a cgroup that is delegated to us (--systemd-cgroup)%s%s",
		it->member, it->controller, where, strerror(-r),
		userns_is_initial() && geteuid() == 0 ? "" : "; ",
		userns_is_initial() && geteuid() == 0 ? "" : DELEGATE);
}

/* Statistics need controllers as well; whoever refuses them refuses.  What the cgroup has already,
 * or the host has not, is not asked for. */
static void enable_others(int mount_fd, const char *path)
{
	static const char *const wanted[] = { "memory", "pids", "cpu", "io", "cpuset", "hugetlb" };
	auto_close int fd = cgroup_open(mount_fd, path);
	auto_free char *has = NULL, *host = NULL;

	if (fd < 0 || cgroup_read(fd, "cgroup.controllers", &has) < 0 ||
	    cgroup_read(mount_fd, "cgroup.controllers", &host) < 0)
		return;
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		if (!cgroup_has_word(has, wanted[i]) && cgroup_has_word(host, wanted[i]))
			(void)cgroup_enable(mount_fd, path, wanted[i], NULL);
}

int cgroup_limits_enable(int mount_fd, const char *path, const struct limits *l, struct err *e)
{
	const char *done = "";

	for (size_t i = 0; i < l->n; i++) {
		const struct limit *it = &l->items[i];
		auto_free char *where = NULL;
		auto_close int fd = FD_NONE;
		int r;

		if (!it->limits || !it->controller[0] || streq(it->controller, done))
			continue;
		done = it->controller;
		r = cgroup_enable(mount_fd, path, it->controller, &where);
		if (r == 0)
			continue;
		if (r == -EACCES || r == -EPERM || r == -EROFS)
			return explain_denied(it, where ? where : path, r, e);
		fd = cgroup_open(mount_fd, where ? where : path);
		return explain_controller(it, where ? where : path, fd, r, e);
	}
	enable_others(mount_fd, path);
	return 0;
}

static int explain_write(int fd, const char *path, const struct limit *it, const char *file, int r,
			 struct err *e)
{
	if (r == -ENOENT && it->controller[0] && cgroup_has_controller(fd, it->controller) == 0)
		return explain_controller(it, path, fd, r, e);
	if (r == -ENOENT)
		return err_set(
			e, ERR_UNSUPPORTED,
			"$.linux.resources.%s: this kernel has no %s%s; leave the limit away",
			it->member, file,
			streq(file, "memory.swap.max")
				? ", swap is not accounted (kernel parameter swapaccount=1)"
				: "");
	if (r == -EACCES || r == -EPERM || r == -EROFS)
		return explain_denied(it, path, r, e);
	(void)err_sys(e, r, "write \"%.60s\" to %s of cgroup %.80s", it->value, file, path);
	return err_wrap(e, r, "$.linux.resources.%s", it->member);
}

/* "- 50000": the quota that is there, with this period. */
static char *keep_quota(int fd, const char *value)
{
	auto_free char *now = NULL;

	if (cgroup_read(fd, "cpu.max", &now) < 0)
		return str_printf("max%s", value + 1);
	return str_printf("%.*s%s", (int)strcspn(now, " "), now, value + 1);
}

static int write_one(int fd, const struct limit *it, const char **ret_file)
{
	auto_free char *value = str_starts(it->value, "- ") ? keep_quota(fd, it->value) : NULL;
	int r = cgroup_write(fd, it->file, value ? value : it->value);

	*ret_file = it->file;
	if (r == -ENOENT && it->alt_file) {
		*ret_file = it->alt_file;
		r = cgroup_write(fd, it->alt_file, it->alt_value);
	}
	return r;
}

static int check_usage(int fd, const struct limits *l, struct err *e)
{
	uint64_t used;

	if (l->check_usage == 0 || cgroup_read_u64(fd, "memory.current", &used) < 0 ||
	    used <= l->check_usage)
		return 0;
	return err_set(e, ERR_BUSY,
		       "$.linux.resources.memory.limit: %" PRIu64
		       " bytes are less than the %" PRIu64
		       " in use, and checkBeforeUpdate forbids that",
		       l->check_usage, used);
}

int cgroup_limits_write(int fd, const char *path, const struct limits *l, struct err *e)
{
	const struct limit *burst = limits_find(l, "cpu.max.burst");
	int r = check_usage(fd, l, e);

	for (size_t i = 0; r == 0 && i < l->n; i++) {
		const struct limit *it = &l->items[i];
		const char *file, *ignored;

		r = write_one(fd, it, &file);
		/* The burst must not exceed the quota at any time: when both become less, it is the
		 * first to do so. */
		if (r == -EINVAL && burst && streq(it->file, "cpu.max") &&
		    write_one(fd, burst, &ignored) == 0)
			r = write_one(fd, it, &file);
		if (r == -ENOENT && (!it->limits || it->optional))
			r = 0; /* no such controller: then there is no such limit either */
		if (r < 0)
			r = explain_write(fd, path, it, file, r, e);
	}
	return r;
}
