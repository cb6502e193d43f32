/* `image tree`: the layers of an image, and what stands on them. */
#include <errno.h>
#include <stdlib.h>

#include <ctrlite/image.h>

#include "cli.h"
#include "commands.h"
#include "fd.h"
#include "out.h"

struct tree_args {
	bool what_requires;
};

#define ARG(m) offsetof(struct tree_args, m)
/* clang-format off */
static const struct opt opts[] = {
	{ 0, "whatrequires", NULL, OPT_FLAG, ARG(what_requires), "Show what stands on the image's top layer" },
	{ 0 },
};
/* clang-format on */

static const json_t *diff_ids(const struct ctr_image *i)
{
	return json_object_get(json_object_get(i->config, "rootfs"), "diff_ids");
}

/* Are the first @n layers of @a those of @b? */
static bool same_layers(const struct ctr_image *a, const struct ctr_image *b, size_t n)
{
	if (json_array_size(diff_ids(a)) < n || json_array_size(diff_ids(b)) < n)
		return false;
	for (size_t k = n; k-- > 0;)
		if (!json_equal(json_array_get(diff_ids(a), k), json_array_get(diff_ids(b), k)))
			return false;
	return true;
}

static void print_names(const struct strv *names)
{
	for (size_t i = 0; i < names->n; i++) {
		auto_free char *name = str_printable(names->items[i]);

		printf("%s%s", i ? " " : "", name ? name : "");
	}
}

/* Layer @k of @i, and whose top it is. */
static int print_layer(struct cmd *c, const struct ctr_image_list *l, const struct ctr_image *i, size_t k,
		       const char *indent, bool last, struct err *e)
{
	const char *id = json_string_value(json_array_get(diff_ids(i), k)), *hex;
	auto_free uint64_t *sizes = NULL;
	auto_free char *size = NULL;
	bool first = true;
	size_t n = 0;
	int r = ctr_image_layer_sizes(c->eng, i, &sizes, &n, e);

	if (r < 0)
		return r;
	size = out_size(k < n ? sizes[k] : 0, 4, "");
	hex = id ? str_after(id, "sha256:") : NULL;
	printf("%s%s ID: %.12s Size: %7s", indent, last ? "└──" : "├──", hex ? hex : "", size ? size : "");
	for (size_t m = 0; m < l->n; m++) {
		const struct ctr_image *other = &l->items[m];

		if (!other->names.n || json_array_size(diff_ids(other)) != k + 1 ||
		    !same_layers(i, other, k + 1))
			continue;
		printf(first ? " Top Layer of: [" : " ");
		print_names(&other->names);
		first = false;
	}
	printf(first ? "\n" : "]\n");
	return 0;
}

/* The next image after @at with a layer on the first @n of @base that none before it has. */
static size_t next_child(const struct ctr_image_list *l, const struct ctr_image *base, size_t n, size_t at)
{
	for (; at < l->n; at++) {
		const struct ctr_image *i = &l->items[at];
		bool seen = false;

		if (json_array_size(diff_ids(i)) <= n || !same_layers(base, i, n))
			continue;
		for (size_t k = 0; k < at && !seen; k++)
			seen = same_layers(i, &l->items[k], n + 1);
		if (!seen)
			break;
	}
	return at;
}

/* The layers that stand on the first @n of @i, and those on them.  Their depth is that of layers. */
static int print_above(struct cmd *c, const struct ctr_image_list *l, const struct ctr_image *i, size_t n,
		       const char *indent, struct err *e)
{
	int r = 0;

	for (size_t k = next_child(l, i, n, 0); r == 0 && k < l->n;) {
		size_t next = next_child(l, i, n, k + 1);
		auto_free char *deeper = str_printf("%s%s", indent, next < l->n ? "│   " : "    ");

		if (!deeper)
			return err_sys(e, ENOMEM, "print the layers");
		r = print_layer(c, l, &l->items[k], n, indent, next == l->n, e);
		if (r == 0)
			r = print_above(c, l, &l->items[k], n + 1, deeper, e);
		k = next;
	}
	return r;
}

static int print(struct cmd *c, const struct ctr_image_list *l, const struct ctr_image *i,
		 const struct tree_args *a, struct err *e)
{
	auto_free char *size = out_size(i->size_bytes, 4, "");
	size_t n = json_array_size(diff_ids(i));
	int r = 0;

	printf("Image ID: %.12s\nTags:     [", i->id.hex);
	print_names(&i->names);
	printf("]\nSize:     %s\n%s\n", size ? size : "", n ? "Image Layers" : "No Image Layers");
	if (a->what_requires && n) {
		r = print_layer(c, l, i, n - 1, "", true, e);
		return r < 0 ? r : print_above(c, l, i, n, "    ", e);
	}
	for (size_t k = 0; r == 0 && k < n; k++)
		r = print_layer(c, l, i, k, "", k + 1 == n, e);
	return r;
}

static int run(struct cmd *c, void *args, struct err *e)
{
	struct ctr_image_list l = CTR_IMAGE_LIST_INIT;
	struct ctr_image i = CTR_IMAGE_INIT;
	int r = ctr_image_get(c->eng, c->args[0], &i, NULL, e);

	if (r >= 0)
		r = ctr_image_list(c->eng, &l, e);
	if (r >= 0)
		r = print(c, &l, &i, args, e);
	ctr_image_done(&i);
	ctr_image_list_done(&l);
	return r;
}

const struct command cmd_image_tree = {
	.summary = "Show the layers of an image as a tree",
	.usage = "[options] IMAGE",
	.description = "Shows the layers of an image by their diffIDs, the lowest first, and the names of the images\n"
		       "whose top they are; or what stands on the image.",
	.examples = "image tree alpine\nimage tree --whatrequires alpine",
	.run = run,
	.opts = opts,
	.args_size = sizeof(struct tree_args),
	.min_args = 1,
	.max_args = 1,
	.needs = NEED_STORE,
	.complete = COMPLETE_IMAGE,
};
