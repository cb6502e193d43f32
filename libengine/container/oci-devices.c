/*
 * The devices of a container.  Root of the host has them made as nodes; in a user namespace the
 * kernel permits no mknod, so the host's own are bound.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "container-priv.h"
#include "ctrlite/explain.h"
#include "device-rule.h"
#include "device.h"
#include "json.h"
#include "oci.h"
#include "path.h"

#define DEV_DEPTH_MAX 8		/* directories below a directory of devices */

struct walk {
	struct oci_build *b;
	bool ro;
	const char *option;	/* as typed; NULL: --privileged */
	size_t found;
	int (*each)(struct walk *w, const char *host, const char *ctr, const struct stat *st,
		    struct err *e);
};

static int bind_device(struct walk *w, const char *host, const char *ctr, struct err *e)
{
	auto_json json_t *opts = json_pack("[s, s, s, s, s]", "bind", "rprivate", "nosuid", "noexec",
					   w->ro ? "ro" : "rw");

	return oci_add_mount(w->b->mounts, ctr, "bind", host, json_incref(opts), e);
}

static int add_device(struct walk *w, const char *host, const char *ctr, const struct stat *st,
		      struct err *e)
{
	json_t *node;

	ctr_origin(w->b->req, w->b->map ? "mounts" : "linux.devices", ctr, "--%s%s",
		   w->option ? "device " : "privileged", w->option ? w->option : "");
	if (w->b->map)
		return bind_device(w, host, ctr, e);
	node = json_pack("{s:s, s:s, s:I, s:I, s:i, s:I, s:I}", "path", ctr, "type",
			 S_ISBLK(st->st_mode) ? "b" : "c", "major", (json_int_t)major(st->st_rdev),
			 "minor", (json_int_t)minor(st->st_rdev), "fileMode",
			 (int)(st->st_mode & 0777), "uid", (json_int_t)st->st_uid, "gid",
			 (json_int_t)st->st_gid);
	return json_array_append_new(w->b->devices, node) < 0 ? err_sys(e, ENOMEM, "make config.json")
							      : 0;
}

static int only_look(struct walk *w, const char *host, const char *ctr, const struct stat *st,
		     struct err *e)
{
	(void)w, (void)host, (void)ctr, (void)st, (void)e;
	return 0;
}

static int walk_dir(struct walk *w, const char *host, const char *ctr, int depth, struct err *e)
{
	auto_dir DIR *d = opendir(host);
	struct dirent *de;
	int rc = 0;

	while (rc == 0 && d && (de = readdir(d))) {
		auto_free char *h = path_join(host, de->d_name), *c = path_join(ctr, de->d_name);
		struct stat st;

		if (streq(de->d_name, ".") || streq(de->d_name, ".."))
			continue;
		if (!h || !c)
			return err_sys(e, ENOMEM, "list %s", host);
		if (lstat(h, &st) < 0) /* it went away meanwhile */
			continue;
		if (S_ISDIR(st.st_mode) && depth < DEV_DEPTH_MAX)
			rc = walk_dir(w, h, c, depth + 1, e);
		if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
			continue;
		w->found++;
		rc = w->each(w, h, c, &st, e);
	}
	return rc;
}

/* --device: a device, by way of links too, or every device below a directory. */
static int one_option(struct walk *w, const char *value, struct err *e)
{
	struct spec_device dev = SPEC_DEVICE_INIT;
	auto_free char *host = NULL;
	struct stat st;
	int rc = spec_device_parse(value, &dev, e);

	if (rc < 0)
		return rc;
	w->ro = !strchr(dev.access, 'w');
	w->option = value;
	w->found = 0;
	host = realpath(dev.source, NULL);
	if (!host || stat(host, &st) < 0)
		rc = err_sys(e, errno, "stat %s", dev.source);
	else if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
		rc = w->each(w, host, dev.dest, &st, e);
	else if (!S_ISDIR(st.st_mode))
		rc = err_set(e, ERR_INVALID, "%s: not a device node", dev.source);
	else if ((rc = walk_dir(w, host, dev.dest, 0, e)) == 0 && w->found == 0)
		rc = err_set(e, ERR_INVALID, "no devices found in %s: invalid argument", dev.source);
	spec_device_done(&dev);
	return rc;
}

int oci_check_devices(const struct ctr_request *r, bool own_userns, struct err *e)
{
	struct spec_device_rule rule;
	struct walk w = { .each = only_look };
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < r->devices.n; i++)
		rc = one_option(&w, r->devices.items[i], e);
	for (size_t i = 0; rc == 0 && i < r->device_rules.n; i++)
		rc = spec_device_rule_parse(r->device_rules.items[i], &rule, e);
	if (rc == 0 && r->device_rules.n && own_userns)
		rc = err_set(e, ERR_UNSUPPORTED, "device cgroup rules are not supported in rootless mode "
			     "or in a user namespace: the kernel lets only root attach them; give the "
			     "device itself with --device");
	return rc;
}

static bool runtime_makes(const char *name)
{
	static const char *const own[] = { "null", "zero", "full", "tty", "random", "urandom", "console",
					   "ptmx", "pts", "shm", "mqueue", "fd", "stdin", "stdout",
					   "stderr", "." , ".." };

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (streq(name, own[i]))
			return true;
	return false;
}

/* --privileged: the host's devices.  Of its terminals only root gets hold, as with podman. */
static int all_devices(struct walk *w, struct err *e)
{
	auto_dir DIR *d = opendir("/dev");
	struct dirent *de;
	int rc = 0;

	w->ro = false;
	while (rc == 0 && d && (de = readdir(d))) {
		auto_free char *path = NULL;
		struct stat st;

		if (runtime_makes(de->d_name) || (w->b->map && str_starts(de->d_name, "tty")))
			continue;
		path = path_join("/dev", de->d_name);
		if (!path)
			return err_sys(e, ENOMEM, "list /dev");
		if (lstat(path, &st) < 0)
			continue;
		if (S_ISDIR(st.st_mode))
			rc = walk_dir(w, path, path, 1, e);
		else if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
			rc = w->each(w, path, path, &st, e);
	}
	return rc;
}

int oci_devices(struct oci_build *b, struct err *e)
{
	struct walk w = { .b = b, .each = add_device };
	int rc = b->req->privileged ? all_devices(&w, e) : 0;

	for (size_t i = 0; rc == 0 && i < b->req->devices.n; i++)
		rc = one_option(&w, b->req->devices.items[i], e);
	return rc;
}

static json_t *rule_json(const struct spec_device_rule *r)
{
	const char type[2] = { r->type, '\0' };
	json_t *o = json_pack("{s:b, s:s, s:s}", "allow", 1, "type", type, "access", r->access);

	if (r->major >= 0)
		(void)json_object_set_new(o, "major", json_integer(r->major));
	if (r->minor >= 0)
		(void)json_object_set_new(o, "minor", json_integer(r->minor));
	return o;
}

/* Everything that is not named stays forbidden; the runtime adds what every container has. */
int oci_device_rules(const struct ctr_request *r, json_t *linux_, struct err *e)
{
	json_t *res, *list;
	int rc = 0;

	if (!r->device_rules.n)
		return 0;
	ctr_origin(r, "linux.resources.devices", "", "--device-cgroup-rule");
	list = json_pack("[{s:b, s:s}]", "allow", r->privileged, "access", "rwm");
	for (size_t i = 0; rc == 0 && i < r->device_rules.n; i++) {
		struct spec_device_rule rule;

		rc = spec_device_rule_parse(r->device_rules.items[i], &rule, e);
		if (rc == 0 && json_array_append_new(list, rule_json(&rule)) < 0)
			rc = err_sys(e, ENOMEM, "make config.json");
	}
	res = json_object_get(linux_, "resources");
	if (!res) {
		res = json_object();
		if (json_object_set_new(linux_, "resources", res) < 0)
			res = NULL;
	}
	if (json_object_set_new(res, "devices", list) < 0 && rc == 0)
		rc = err_sys(e, ENOMEM, "make config.json");
	return rc;
}
