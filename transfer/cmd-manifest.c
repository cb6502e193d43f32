/*
 * manifest create|add|annotate|remove [options] LIST [IMAGE|DIGEST...]
 * manifest inspect [options] IMAGE
 *
 * Changes a list of the store and prints its ID; or prints the document of an image that is elsewhere.
 */
#include <errno.h>
#include <stdio.h>

#include "edit.h"
#include "fd.h"
#include "transport.h"
#include "pull-progress.h"
#include "registry-opts.h"
#include "str.h"
#include "transfer.h"

struct manifest_args {
	struct registry_args registry;
	struct list_change change;
	struct strv annotations, features, os_features;
};

static int set_flag(void *arg, const char *v, struct err *e)
{
	(void)v;
	(void)e;
	*(bool *)arg = true;
	return 0;
}

static int set_text(void *arg, const char *v, struct err *e)
{
	(void)e;
	*(const char **)arg = v;
	return 0;
}

static int add_text(void *arg, const char *v, struct err *e)
{
	return strv_add(arg, v) < 0 ? err_sys(e, ENOMEM, "read the options") : 0;
}

#define ARG(m) offsetof(struct manifest_args, m)
static const struct transfer_opt opts[] = {
	{ "all", 'a', false, set_flag, ARG(change.all) },
	{ "amend", 0, false, set_flag, ARG(change.amend) },
	{ "annotation", 0, true, add_text, ARG(annotations) },
	{ "arch", 0, true, set_text, ARG(change.platform.arch) },
	{ "feature", 0, true, add_text, ARG(features) },
	{ "index", 0, false, set_flag, ARG(change.of_index) },
	{ "os", 0, true, set_text, ARG(change.platform.os) },
	{ "os-feature", 0, true, add_text, ARG(os_features) },
	{ "os-version", 0, true, set_text, ARG(change.platform.os_version) },
	{ "subject", 0, true, set_text, ARG(change.subject) },
	{ "variant", 0, true, set_text, ARG(change.platform.variant) },
	REGISTRY_OPTS("", offsetof(struct manifest_args, registry)),
	{ 0 },
};

static int parse_op(const char *word, enum list_op *ret, struct err *e)
{
	static const char *const words[] = { "create", "add", "annotate", "remove" };

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (streq(words[i], word)) {
			*ret = (enum list_op)i;
			return 0;
		}
	}
	return err_set(e, ERR_INVALID, "manifest %s: unknown", word);
}

static int change(struct transfer *t, struct manifest_args *a, struct digest *ret, struct err *e)
{
	struct pull_progress *progress = pull_progress_new(t->quiet);
	struct ctr_pull_events events = { 0 };
	int r;

	if (!progress)
		return err_sys(e, ENOMEM, "change the list %s", a->change.list);
	pull_progress_events(progress, &events);
	events.interrupted = transfer_interrupted;
	a->change.annotations = &a->annotations;
	a->change.platform.features = &a->features;
	a->change.platform.os_features = &a->os_features;
	r = manifest_list_change(&t->store, t->idmap, &a->change, &a->registry.access, &events, ret, e);
	pull_progress_free(progress, transfer_interrupted(NULL) == 0);
	return r;
}

/* As it is there, byte for byte; a name without a transport is a registry's. */
static int inspect(struct transfer *t, const struct manifest_args *a, const char *image, struct err *e)
{
	static const struct ctr_pull_events events = { .interrupted = transfer_interrupted };
	const struct transport_ctx ctx = { &t->store, t->idmap, &a->registry.access, NULL, &events };
	auto_image_document struct image_document d = IMAGE_DOCUMENT_INIT;
	auto_free char *text = ctr_location_has_transport(image) ? strdup(image)
								 : str_printf("docker://%s", image);
	auto_location struct ctr_location l = CTR_LOCATION_INIT;
	auto_manifest struct manifest m = MANIFEST_INIT;
	struct image_source *src = NULL;
	int r = text ? ctr_location_parse(text, &l, e) : err_sys(e, ENOMEM, "inspect %s", image);

	if (r == 0)
		r = image_source_open(&l, &ctx, &src, e);
	if (r == 0)
		r = src->ops->document(src, NULL, &d, e);
	if (r == 0)
		r = manifest_parse(d.data, d.len, d.media_type, &m, e);
	image_source_free(src);
	if (r == 0)
		printf("%s\n", d.data);
	return r < 0 ? err_wrap(e, r, "%s", text ? text : image) : 0;
}

int transfer_cmd_manifest(struct transfer *t, int argc, char **argv, struct err *e)
{
	struct manifest_args a = { .registry = REGISTRY_ARGS_INIT, .annotations = STRV_INIT,
				   .features = STRV_INIT, .os_features = STRV_INIT };
	struct digest id;
	int n, r = transfer_getopt(argc, argv, opts, &a, &n, e);

	if (r == 0 && n < 2)
		r = err_set(e, ERR_INVALID, "manifest needs what to do, and a list");
	if (r == 0 && streq(argv[1], "inspect")) {
		r = inspect(t, &a, argv[2], e);
		registry_args_done(&a.registry);
		return r;
	}
	if (r == 0)
		r = parse_op(argv[1], &a.change.op, e);
	if (r == 0) {
		argv[n + 1] = NULL;	/* transfer_getopt() leaves room: the command's own name */
		a.change.list = argv[2];
		a.change.images = (const char *const *)&argv[3];
		r = change(t, &a, &id, e);
	}
	registry_args_done(&a.registry);
	strv_done(&a.annotations);
	strv_done(&a.features);
	strv_done(&a.os_features);
	if (r == 0)
		printf("%s\n", id.hex);
	return r;
}
