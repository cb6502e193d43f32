/* `image mount`, `image unmount`: the files of images at a path of the host. */
#include "commands.h"

#include <errno.h>
#include <stdlib.h>

#include "cli.h"
#include "ctrlite/image-mount.h"
#include "fd.h"
#include "json.h"
#include "out.h"

struct image_mount_args {
	bool all, force;
	const char *format;
};

#define ARG(m) offsetof(struct image_mount_args, m)
/* clang-format off */
static const struct opt mount_opts[] = {
	{ 'a', "all",    NULL,     OPT_FLAG,   ARG(all),    "mount all images" },
	{ 0,   "format", "FORMAT", OPT_STRING, ARG(format), "print the mounted images in this format (json)" },
	{ 0 },
};
static const struct opt unmount_opts[] = {
	{ 'a', "all",   NULL, OPT_FLAG, ARG(all),   "unmount all mounted images" },
	{ 'f', "force", NULL, OPT_FLAG, ARG(force), "unmount it also while files in it are in use" },
	{ 0 },
};
/* clang-format on */

/* What is printed, as lines or JSON. */
struct shown {
	json_t *json;	/* NULL: lines */
	bool bare;	/* the path alone */
};

static int show(struct shown *s, const struct ctr_image *img, const char *path, struct err *e)
{
	char digest[DIGEST_STR_MAX];

	if (s->bare) {
		printf("%s\n", path);
		return 0;
	}
	if (!s->json) {
		printf("%s  %s\n", img->names.n ? img->names.items[0] : img->id.hex, path);
		return 0;
	}
	if (json_array_append_new(s->json, json_pack("{s:s, s:[s], s:o, s:s}", "id", img->id.hex, "Names",
						     digest_str(&img->digest, digest), "Repositories",
						     json_from_strv(&img->names), "mountpoint", path)) < 0)
		return err_sys(e, ENOMEM, "list the mounts");
	return 0;
}

static int each_image(struct cmd *c, bool mount, struct shown *s, struct err *e)
{
	struct ctr_image_list l = CTR_IMAGE_LIST_INIT;
	int r = ctr_image_list(c->eng, &l, e);

	for (size_t i = 0; r == 0 && i < l.n; i++) {
		auto_free char *path = NULL;

		r = mount ? ctr_image_mount(c->eng, &l.items[i], &path, e) :
			    ctr_image_mountpoint(c->eng, &l.items[i], &path, e);
		if (r < 0)
			cmd_fail(c, e);
		r = path ? show(s, &l.items[i], path, e) : 0;
	}
	ctr_image_list_done(&l);
	return r;
}

static int run_mount(struct cmd *c, void *args, struct err *e)
{
	const struct image_mount_args *a = args;
	auto_json json_t *doc = a->format ? json_array() : NULL;
	struct shown s = { .json = doc, .bare = !doc && !a->all && c->n_args == 1 };
	int r = 0;

	if (a->format && strcmp(a->format, "json") != 0)
		return err_set(e, ERR_INVALID, "unknown --format argument: %s", a->format);
	if (a->all && c->n_args)
		return err_set(e, ERR_INVALID, "when using the --all switch, you may not pass any image names or IDs");
	if (c->eng->rootless)
		return err_set(e, ERR_DENIED, "cannot run command \"" PROG " image mount\" in rootless mode, must "
			       "execute `" PROG " unshare` first");
	if (!c->n_args)
		r = each_image(c, a->all, &s, e);
	for (size_t i = 0; r == 0 && i < c->n_args; i++) {
		struct ctr_image img = CTR_IMAGE_INIT;
		auto_free char *path = NULL;

		r = ctr_image_get(c->eng, c->args[i], &img, NULL, e);
		if (r == 0)
			r = ctr_image_mount(c->eng, &img, &path, e);
		if (r < 0)
			cmd_fail(c, e);
		r = path ? show(&s, &img, path, e) : 0;
		ctr_image_done(&img);
	}
	if (r == 0 && doc)
		r = out_json(doc, 1, e);
	return r < 0 ? r : c->status;
}

static void unmount(struct cmd *c, const struct ctr_image *img, bool force, struct err *e)
{
	if (ctr_image_unmount(c->eng, img, force, e) < 0)
		cmd_fail(c, e);
	else
		printf("%s\n", img->id.hex);
}

static int unmount_all(struct cmd *c, bool force, struct err *e)
{
	struct ctr_image_list l = CTR_IMAGE_LIST_INIT;
	int r = ctr_image_list(c->eng, &l, e);

	for (size_t i = 0; r == 0 && i < l.n; i++) {
		auto_free char *path = NULL;

		r = ctr_image_mountpoint(c->eng, &l.items[i], &path, e);
		if (r == 0 && path)
			unmount(c, &l.items[i], force, e);
	}
	ctr_image_list_done(&l);
	return r < 0 ? r : c->status;
}

static int run_unmount(struct cmd *c, void *args, struct err *e)
{
	const struct image_mount_args *a = args;

	if (a->all && c->n_args)
		return err_set(e, ERR_INVALID, "when using the --all switch, you may not pass any image names or IDs");
	if (!a->all && !c->n_args)
		return err_set(e, ERR_INVALID, "image name or ID must be specified");
	if (a->all)
		return unmount_all(c, a->force, e);
	for (size_t i = 0; i < c->n_args; i++) {
		struct ctr_image img = CTR_IMAGE_INIT;

		if (ctr_image_get(c->eng, c->args[i], &img, NULL, e) < 0)
			cmd_fail(c, e);
		else
			unmount(c, &img, a->force, e);
		ctr_image_done(&img);
	}
	return c->status;
}

const struct command cmd_image_mount = {
	.summary = "Mount an image's root filesystem",
	.usage = "[options] [IMAGE...]",
	.description = "Mounts the files of images, to be read, and prints where. Without an image those that "
		       "are mounted are listed. Only root can mount on the host; for other users mounts "
		       "exist inside of `" PROG " unshare` and end with it.",
	.examples = "image mount alpine\nunshare sh -c 'ls $(ctr-lite image mount alpine)'",
	.run = run_mount, .opts = mount_opts, .args_size = sizeof(struct image_mount_args),
	.max_args = ARGS_ANY, .needs = NEED_STORE, .complete = COMPLETE_IMAGE,
};

const struct command cmd_image_unmount = {
	.summary = "Unmount an image's root filesystem",
	.usage = "[options] IMAGE [IMAGE...]",
	.description = "Takes the mounts of `image mount` down again and prints the IDs of the images.",
	.examples = "image unmount alpine\nimage unmount --all",
	.run = run_unmount, .opts = unmount_opts, .args_size = sizeof(struct image_mount_args),
	.max_args = ARGS_ANY, .needs = NEED_STORE, .complete = COMPLETE_IMAGE,
};
