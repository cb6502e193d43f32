/*
 * load [--quiet] FILE|DIRECTORY|URL|-
 *
 * Bring in every image of an archive (docker-archive or oci-archive, whatever its compression), or
 * the image of a directory.  Prints a line "ID NAME" for each name that an image got, or "ID" for
 * an image without a name.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "archive-in.h"
#include "archive.h"
#include "copy.h"
#include "fd.h"
#include "lookup.h"
#include "path.h"
#include "pull-progress.h"
#include "str.h"

#define IMAGES_MAX 1024u	/* of an image layout; a docker-archive has its own limit */

struct loader {
	struct transfer *t;
	const char *name;		/* of the archive, as the user gave it */
	struct ctr_copy_opts opts;
	struct transport_ctx ctx;
	bool quiet;
};

static int set_quiet(void *arg, const char *v, struct err *e)
{
	struct loader *l = arg;

	(void)v;
	(void)e;
	l->quiet = true;
	return 0;
}

static const struct transfer_opt load_opts[] = {
	{ "quiet", 'q', false, set_quiet },
	{ NULL, 0, false, NULL },
};

/* Names that were taken from other images: nobody shall wonder later. */

static int config_of(struct store *s, const char *name, struct digest *ret)
{
	auto_layout_index struct layout_index x = LAYOUT_INDEX_INIT;
	int r = layout_read(s, &x, NULL);

	for (size_t i = 0; r == 0 && i < x.n; i++) {
		auto_image_found struct ctr_image_found f = CTR_IMAGE_FOUND_INIT;

		if (!x.entries[i].ref || !streq(x.entries[i].ref, name))
			continue;
		r = ctr_image_resolve(s, &x.entries[i], &f, NULL);
		if (r == 0)
			*ret = f.config;
		return r;
	}
	return r < 0 ? r : -ENOENT;
}

static struct digest *old_configs(struct store *s, const struct strv *names)
{
	struct digest *old = calloc(names->n + 1, sizeof(*old));

	for (size_t i = 0; old && i < names->n; i++) {
		auto_free char *full = NULL;

		if (sink_store_name(names->items[i], &full, NULL) == 0)
			(void)config_of(s, full, &old[i]); /* it stays "": there is none */
	}
	return old;
}

static void tell_taken(const struct strv *names, const struct digest *old, const struct digest *now)
{
	for (size_t i = 0; i < names->n; i++)
		if (old[i].hex[0] && !digest_eq(&old[i], now))
			fprintf(stderr, "%s was the name of image %.12s and is now that of %.12s\n",
				names->items[i], old[i].hex, now->hex);
}

/* One image.  Takes @src over. */
static int bring(struct loader *l, struct image_source *src, const struct ctr_location *where,
		 const struct strv *names, struct err *e)
{
	auto_free struct digest *old = old_configs(&l->t->store, names);
	auto_strv struct strv full = STRV_INIT;
	struct ctr_copy_result result;
	int r = old ? 0 : err_sys(e, ENOMEM, "load %s", l->name);

	src->where = where;
	src->ctx = &l->ctx;
	if (l->opts.events.restart)
		l->opts.events.restart(l->opts.events.arg);
	if (r == 0)
		r = ctr_copy_source_in(src, names, &l->opts, &full, &result, e);
	image_source_free(src);
	if (r < 0)
		return r;
	tell_taken(&full, old, &result.config);
	for (size_t i = 0; i < full.n; i++)
		printf("%s %s\n", result.config.hex, full.items[i]);
	if (full.n == 0)
		printf("%s\n", result.config.hex);
	return 0;
}

/* @i: the number of the image there, or -1. */
static int locate(struct loader *l, enum ctr_transport t, long i, struct ctr_location *ret,
		  struct err *e)
{
	const char *name = ctr_transport_str(t);

	ret->transport = t;
	ret->index = i;
	ret->path = strdup(l->name);
	ret->text = i < 0 ? str_printf("%s:%s", name, l->name) : str_printf("%s:%s:@%ld", name, l->name, i);
	return ret->path && ret->text ? 0 : err_sys(e, ENOMEM, "load %s", l->name);
}

/* Archives */

static int load_docker(struct loader *l, struct archive *a, struct err *e)
{
	int r = archive_docker(a, e);

	for (size_t i = 0; r == 0 && i < a->docker.n; i++) {
		auto_location struct ctr_location where = CTR_LOCATION_INIT;
		struct image_source *src = NULL;

		r = locate(l, TRANSPORT_DOCKER_ARCHIVE, (long)i, &where, e);
		if (r == 0)
			r = source_docker_archive_new(a, i, true, &src, e);
		if (r == 0)
			r = bring(l, src, &where, &src->names, e);
	}
	return r;
}

static int load_layout(struct loader *l, struct archive *a, size_t n, struct err *e)
{
	int r = 0;

	if (n == 0 || n > IMAGES_MAX)
		return err_set(e, n ? ERR_LIMIT : ERR_NOT_FOUND, "its index.json names %zu images", n);
	for (size_t i = 0; r == 0 && i < n; i++) {
		auto_location struct ctr_location where = CTR_LOCATION_INIT;
		struct image_source *src = NULL;

		r = locate(l, TRANSPORT_OCI_ARCHIVE, (long)i, &where, e);
		if (r == 0)
			r = source_oci_archive_new(a, &where, &src, e);
		if (r == 0)
			r = bring(l, src, &where, &src->names, e);
	}
	return r;
}

/* Docker writes both forms into one archive; of several images only manifest.json tells which names
 * belong to one. */
static int load_archive(struct loader *l, struct archive *a, struct err *e)
{
	const struct tar_member *m;
	bool docker = tar_index_find(&a->index, "manifest.json", &m, NULL) == 0;
	size_t n;
	int r;

	if (archive_is_layout(a)) {
		r = archive_count(a, &n, e);
		if (r < 0 || n == 1 || !docker)
			return r < 0 ? r : load_layout(l, a, n, e);
	}
	if (!docker && tar_index_find(&a->index, "repositories", &m, NULL) < 0)
		return err_set(e, ERR_INVALID, "it holds no images: there is neither manifest.json "
			       "(docker-archive) nor oci-layout (oci-archive) in it; a root file system "
			       "becomes an image by import");
	return load_docker(l, a, e);
}

/* Directories */

/* As podman names it: localhost/ and the path. */
static int name_of_path(const char *path, struct strv *ret, struct err *e)
{
	int r;

	while (*path == '/')
		path++;
	r = strv_addf(ret, "localhost/%s", path);
	return r < 0 ? err_sys(e, r, "load %s", path) : 0;
}

static int load_layout_dir(struct loader *l, struct err *e)
{
	size_t n = 0;
	int r = source_oci_count(l->name, &n, e);

	if (r == 0 && (n == 0 || n > IMAGES_MAX))
		return err_set(e, n ? ERR_LIMIT : ERR_NOT_FOUND, "its index.json names %zu images", n);
	for (size_t i = 0; r == 0 && i < n; i++) {
		auto_location struct ctr_location where = CTR_LOCATION_INIT;
		auto_strv struct strv names = STRV_INIT;
		struct image_source *src = NULL;

		r = locate(l, TRANSPORT_OCI, (long)i, &where, e);
		if (r == 0 && n == 1)
			r = name_of_path(l->name, &names, e);
		if (r == 0)
			r = image_source_open(&where, &l->ctx, &src, e);
		if (r == 0)
			r = bring(l, src, &where, n == 1 ? &names : &src->names, e);
	}
	return r;
}

static int load_dir(struct loader *l, struct err *e)
{
	auto_location struct ctr_location where = CTR_LOCATION_INIT;
	auto_free char *layout = path_join(l->name, "oci-layout");
	const struct strv none = STRV_INIT;
	struct image_source *src = NULL;
	struct stat st;
	int r;

	if (!layout)
		return err_sys(e, ENOMEM, "load %s", l->name);
	if (stat(layout, &st) == 0)
		return load_layout_dir(l, e);
	r = locate(l, TRANSPORT_DIR, -1, &where, e);
	if (r == 0)
		r = image_source_open(&where, &l->ctx, &src, e);
	return r < 0 ? r : bring(l, src, &where, &none, e);
}

static void say(const char *text)
{
	fprintf(stderr, "%s\n", text);
}

static int load(struct loader *l, struct err *e)
{
	struct archive *a = NULL;
	auto_close int fd = FD_NONE;
	struct stat st;
	int r;

	if (!streq(l->name, "-") && stat(l->name, &st) == 0 && S_ISDIR(st.st_mode))
		return load_dir(l, e);
	fd = archive_in_open(l->t, l->name, l->quiet ? NULL : say, e);
	if (fd < 0)
		return fd;
	r = archive_open(NULL, fd, &l->ctx, &a, e);
	if (r == 0)
		r = load_archive(l, a, e);
	archive_unref(a);
	return r;
}

int transfer_cmd_load(struct transfer *t, int argc, char **argv, struct err *e)
{
	struct loader l = { .t = t, .opts = CTR_COPY_OPTS_INIT, .quiet = t->quiet };
	struct pull_progress *progress;
	int n, r = transfer_getopt(argc, argv, load_opts, &l, &n, e);

	if (r == 0 && n != 1)
		r = err_set(e, ERR_INVALID, "load needs one archive");
	if (r < 0)
		return r;
	l.name = argv[1];
	progress = pull_progress_new(l.quiet);
	if (!progress)
		return err_sys(e, ENOMEM, "load %s", l.name);
	pull_progress_events(progress, &l.opts.events);
	l.opts.events.interrupted = transfer_interrupted;
	l.ctx = (struct transport_ctx){ &t->store, t->idmap, &l.opts.src, NULL, &l.opts.events };
	r = load(&l, e);
	pull_progress_free(progress, transfer_interrupted(NULL) == 0);
	return r < 0 ? err_wrap(e, r, "load %s", streq(l.name, "-") ? "the standard input" : l.name) : 0;
}
