/* `mount`, `unmount`: a container's files at a path of the host. */
#include "commands.h"

#include <errno.h>
#include <stdlib.h>

#include "cli.h"
#include "ctrlite/mount.h"
#include "fd.h"
#include "json.h"
#include "out.h"
#include "targets.h"

struct mount_args {
	struct target_args t;
	const char *format;
	bool no_trunc, force;
};

#define ARG(m) offsetof(struct mount_args, m)
/* clang-format off */
static const struct opt mount_opts[] = {
	{ 'a', "all",      NULL,     OPT_FLAG,   ARG(t.all),    "mount all containers" },
	{ 0,   "format",   "FORMAT", OPT_STRING, ARG(format),   "print the mounted containers in this format (json)" },
	{ 'l', "latest",   NULL,     OPT_FLAG,   ARG(t.latest), "act on the newest container" },
	{ 0,   "no-trunc", NULL,     OPT_FLAG,   ARG(no_trunc), "do not shorten IDs" },
	{ 0,   "notruncate", NULL,   OPT_ALIAS,  0,             NULL, OPT_HIDDEN, .text = "no-trunc" },
	{ 0 },
};
static const struct opt unmount_opts[] = {
	{ 'a', "all",    NULL, OPT_FLAG, ARG(t.all),    "unmount all mounted containers" },
	{ 'f', "force",  NULL, OPT_FLAG, ARG(force),    "unmount it also while files in it are in use" },
	{ 'l', "latest", NULL, OPT_FLAG, ARG(t.latest), "act on the newest container" },
	{ 0 },
};
/* clang-format on */

/* Of all that are mounted; the lines or the JSON. */
static int list(struct cmd *c, const struct mount_args *a, struct err *e)
{
	struct ctr_container_list l = CTR_CONTAINER_LIST_INIT;
	auto_json json_t *doc = json_array();
	int r = ctr_container_list(c->eng, &l, e);

	for (size_t i = 0; r == 0 && i < l.n; i++) {
		const struct ctr_request *req = &l.items[i].req;
		auto_free char *path = NULL;

		r = ctr_container_mountpoint(c->eng, req->id, &path, e);
		if (r < 0 || !path)
			continue;
		if (!a->format)
			printf("%.*s  %s\n", a->no_trunc ? 64 : 12, req->id, path);
		else if (json_array_append_new(doc, json_pack("{s:s, s:[s], s:s}", "id", req->id, "Names",
							      req->name, "mountpoint", path)) < 0)
			r = err_sys(e, ENOMEM, "list the mounts");
	}
	ctr_container_list_done(&l);
	return r == 0 && a->format ? out_json(doc, 1, e) : r;
}

/* Said before anything else: nothing can be there to list either. */
static int check_rootless(const struct cmd *c, struct err *e)
{
	if (!c->eng->rootless)
		return 0;
	return err_set(e, ERR_DENIED, "cannot run command \"" PROG " %s\" in rootless mode, must execute `"
		       PROG " unshare` first", c->path);
}

static int run_mount(struct cmd *c, void *args, struct err *e)
{
	struct mount_args *a = args;
	auto_targets struct targets t = TARGETS_INIT;
	int r = 0;

	if (a->format && strcmp(a->format, "json") != 0)
		return err_set(e, ERR_INVALID, "unknown --format argument: %s", a->format);
	r = check_rootless(c, e);
	if (r < 0)
		return r;
	if (!c->n_args && !a->t.all && !a->t.latest)
		return list(c, a, e);
	r = targets_find(c, &a->t, 0, &t, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < t.n; i++) {
		auto_free char *path = NULL;

		if (ctr_container_mount(c->eng, t.items[i].id, &path, e) < 0)
			cmd_fail(c, e);
		else
			printf("%s\n", path);
	}
	return c->status;
}

static int unmount_one(struct cmd *c, const char *id, void *args, struct err *e)
{
	const struct mount_args *a = args;
	auto_free char *path = NULL;
	int r = ctr_container_mountpoint(c->eng, id, &path, e);

	if (r == 0 && !path && a->t.all)
		return 1;
	return r < 0 ? r : ctr_container_unmount(c->eng, id, a->force, e);
}

static int run_unmount(struct cmd *c, void *args, struct err *e)
{
	struct mount_args *a = args;
	auto_targets struct targets t = TARGETS_INIT;
	int r = targets_find(c, &a->t, 0, &t, e);

	if (r < 0)
		return r;
	return targets_each(c, &t, unmount_one, a, e);
}

const struct command cmd_mount = {
	.summary = "Mount a working container's root filesystem",
	.usage = "[options] [CONTAINER...]",
	.description = "Mounts the files of containers and prints where. Without a container those that "
		       "are mounted are listed. Only root can mount on the host; for other users mounts "
		       "exist inside of `" PROG " unshare` and end with it, and a running container can "
		       "only be read there.",
	.examples = "mount web\nunshare sh -c 'cat $(ctr-lite mount web)/etc/os-release'",
	.run = run_mount, .opts = mount_opts, .args_size = sizeof(struct mount_args), .max_args = ARGS_ANY,
	.needs = NEED_STORE, .complete = COMPLETE_CONTAINER,
};

const struct command cmd_unmount = {
	.summary = "Unmount working container's root filesystem",
	.usage = "[options] CONTAINER [CONTAINER...]",
	.description = "Takes the mounts of `mount` down again. A container that is not mounted is no error.",
	.examples = "unmount web\nunmount --all",
	.run = run_unmount, .opts = unmount_opts, .args_size = sizeof(struct mount_args), .max_args = ARGS_ANY,
	.needs = NEED_STORE, .complete = COMPLETE_CONTAINER,
};
