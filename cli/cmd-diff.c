/* `diff`, `container diff`, `image diff`: what has been changed of what is below. */
#include "commands.h"

#include <errno.h>

#include "cli.h"
#include "ctrlite/changes.h"
#include "fd.h"
#include "json.h"
#include "out.h"
#include "targets.h"

#define INDENT 5

struct diff_args {
	const char *format;
	bool latest;
};

#define ARG(m) offsetof(struct diff_args, m)
/* clang-format off */
#define OPT_FORMAT { 0, "format", "FORMAT", OPT_STRING, ARG(format), "change the output format (json)" }
static const struct opt opts[] = {
	OPT_FORMAT,
	{ 'l', "latest", NULL, OPT_FLAG, ARG(latest), "act on the newest container" },
	{ 0 },
};
static const struct opt image_opts[] = { OPT_FORMAT, { 0 } };
/* clang-format on */

static int print_json(const struct ctr_changes *l, struct err *e)
{
	static const struct {
		const char *key;
		enum ctr_change kind;
	} lists[] = { { "changed", CTR_CHANGED }, { "added", CTR_ADDED }, { "deleted", CTR_DELETED } };
	auto_json json_t *doc = json_object();

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		json_t *list = json_array();

		for (size_t k = 0; k < l->n; k++) {
			auto_free char *shown = NULL;
			json_t *s;

			if (l->items[k].kind != lists[i].kind)
				continue;
			s = json_string(l->items[k].path);
			if (!s && (shown = str_printable(l->items[k].path))) /* a name that is not UTF-8 */
				s = json_string(shown);
			if (json_array_append_new(list, s) < 0)
				return err_sys(e, ENOMEM, "print the changes");
		}
		if (!json_array_size(list))
			json_decref(list);
		else if (json_object_set_new(doc, lists[i].key, list) < 0)
			return err_sys(e, ENOMEM, "print the changes");
	}
	return out_json(doc, INDENT, e);
}

static int print(const struct diff_args *a, const struct ctr_changes *l, struct err *e)
{
	if (a->format)
		return print_json(l, e);
	for (size_t i = 0; i < l->n; i++) {
		auto_free char *shown = str_printable(l->items[i].path);

		printf("%c %s\n", "CAD"[l->items[i].kind], shown ? shown : "?");
	}
	return 0;
}

static int check(struct cmd *c, const struct diff_args *a, struct err *e)
{
	if (a->format && strcmp(a->format, "json") != 0)
		return err_set(e, ERR_INVALID, "only supported value for '--format' is 'json'");
	if (a->latest ? c->n_args != 0 : c->n_args == 0)
		return err_set(e, ERR_INVALID, a->latest ? "--latest and a name exclude one another" :
			       "\"" PROG " %s\" requires a name, id, or the \"--latest\" flag", c->path);
	if (c->n_args > 2)
		return err_set(e, ERR_INVALID, "accepts at most 2 arg(s), received %zu", c->n_args);
	return 0;
}

static int run_with(struct cmd *c, const struct diff_args *a, bool containers, bool images, struct err *e)
{
	struct ctr_changes l = CTR_CHANGES_INIT;
	size_t used;
	char id[65];
	int r = check(c, a, e);

	if (r < 0)
		return r;
	if (c->n_args == 2) {
		r = ctr_changes_between(c->eng, c->args[0], c->args[1], containers, images, &l, e);
		if (r == 0)
			r = print(a, &l, e);
		ctr_changes_done(&l);
		return r;
	}
	r = containers ? target_one(c, a->latest, NULL, id, &used, e) : -ENOENT;
	if (r == 0) {
		r = ctr_container_changes(c->eng, id, &l, e);
	} else if (r == -ENOENT && images && !a->latest) {
		*e = (struct err)ERR_INIT;
		r = ctr_image_changes(c->eng, c->args[0], &l, e);
		if (r == -ENOENT && containers && e->kind == ERR_NOT_FOUND)
			r = err_set(e, ERR_NOT_FOUND, "%s not found: neither a container nor an image",
				    c->args[0]);
	}
	if (r == 0)
		r = print(a, &l, e);
	ctr_changes_done(&l);
	return r;
}

static int run(struct cmd *c, void *args, struct err *e)
{
	return run_with(c, args, true, true, e);
}

static int run_container(struct cmd *c, void *args, struct err *e)
{
	return run_with(c, args, true, false, e);
}

static int run_image(struct cmd *c, void *args, struct err *e)
{
	return run_with(c, args, false, true, e);
}

#define KINDS "C before a path says that it was changed, A that it was added, D that it was deleted."

const struct command cmd_diff = {
	.summary = "Display the changes to the object's file system",
	.usage = "[options] CONTAINER|IMAGE [CONTAINER|IMAGE]",
	.description = "Lists the files in which a container differs from its image, or the topmost layer "
		       "of an image from those below; with a second one, in what the first "
		       "differs from that. " KINDS,
	.examples = "diff web\ndiff --format json web\ndiff alpine",
	.run = run, .opts = opts, .args_size = sizeof(struct diff_args), .max_args = ARGS_ANY,
	.needs = NEED_STORE, .complete = COMPLETE_OBJECT,
};

const struct command cmd_container_diff = {
	.summary = "Inspect changes to the container's file systems",
	.usage = "[options] CONTAINER [CONTAINER]",
	.description = "Lists the files in which a container differs from its image, or from "
		       "a second container. " KINDS,
	.examples = "container diff web",
	.run = run_container, .opts = opts, .args_size = sizeof(struct diff_args), .max_args = ARGS_ANY,
	.needs = NEED_STORE, .complete = COMPLETE_CONTAINER,
};

const struct command cmd_image_diff = {
	.summary = "Inspect changes to the image's file systems",
	.usage = "[options] IMAGE [IMAGE]",
	.description = "Lists the files in which the topmost layer of an image differs from those below, "
		       "or the image from a second one. " KINDS,
	.examples = "image diff alpine\nimage diff --format json alpine",
	.run = run_image, .opts = image_opts, .args_size = sizeof(struct diff_args), .max_args = ARGS_ANY,
	.needs = NEED_STORE, .complete = COMPLETE_IMAGE,
};
