/*
 * save --format FORMAT (--fd N | --output PATH) [--multi] [--compress] [--uncompressed]
 *      [--platform P] [--quiet] IMAGE [IMAGE|TAG...]
 *
 * Write images of the store to a file, a directory, or (an archive) the descriptor N.  Without --multi what follows the image are more names for it.  Prints
 * a line "ID NAME" for each image (ID alone where it has no name there).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "archive.h"
#include "copy.h"
#include "fd.h"
#include "lookup.h"
#include "pull-progress.h"
#include "str.h"
#include "transfer.h"

enum format { FORMAT_DOCKER_ARCHIVE, FORMAT_OCI_ARCHIVE, FORMAT_OCI_DIR, FORMAT_DOCKER_DIR };

static const char *const format_names[] = { "docker-archive", "oci-archive", "oci-dir", "docker-dir" };

struct saver {
	struct transfer *t;
	enum format format;
	uint32_t fd;
	const char *output;		/* a file or directory; NULL: @fd */
	bool multi, compress, uncompressed, quiet;
	struct ctr_copy_opts opts;
	struct transport_ctx ctx;
	struct image_sink *sink;
};

static int set_format(void *arg, const char *v, struct err *e)
{
	struct saver *s = arg;

	for (size_t i = 0; i < sizeof(format_names) / sizeof(*format_names); i++)
		if (streq(format_names[i], v)) {
			s->format = (enum format)i;
			return 0;
		}
	return err_set(e, ERR_INVALID, "--format %s: not one of docker-archive, oci-archive, oci-dir, "
		       "docker-dir", v);
}

static int set_fd(void *arg, const char *v, struct err *e)
{
	struct saver *s = arg;

	return str_u32(v, 1u << 20, &s->fd) < 0 ? err_set(e, ERR_INVALID, "--fd %s: not a descriptor", v)
						: 0;
}

static int set_output(void *arg, const char *v, struct err *e)
{
	struct saver *s = arg;

	(void)e;
	s->output = v;
	return 0;
}

static int set_platform(void *arg, const char *v, struct err *e)
{
	struct saver *s = arg;

	s->opts.have_platform = true;
	return ctr_platform_parse(v, &s->opts.platform, e);
}

#define SET_FLAG(member)                                                                          \
	static int set_##member(void *arg, const char *v, struct err *e)                          \
	{                                                                                         \
		struct saver *s = arg;                                                            \
												  \
		(void)v;                                                                          \
		(void)e;                                                                          \
		s->member = true;                                                                 \
		return 0;                                                                         \
	}
SET_FLAG(multi)
SET_FLAG(compress)
SET_FLAG(uncompressed)
SET_FLAG(quiet)

static const struct transfer_opt save_opts[] = {
	{ "format", 0, true, set_format },
	{ "fd", 0, true, set_fd },
	{ "output", 0, true, set_output },
	{ "multi", 0, false, set_multi },
	{ "compress", 0, false, set_compress },
	{ "uncompressed", 0, false, set_uncompressed },
	{ "platform", 0, true, set_platform },
	{ "quiet", 'q', false, set_quiet },
	{ NULL, 0, false, NULL },
};

/* What an image that is named @text is called in an archive: nothing, where it was named by its ID.
 * Fresh in *@ret, or NULL. */
static int name_of(struct saver *s, const char *text, char **ret, struct err *e)
{
	auto_image_found struct ctr_image_found f = CTR_IMAGE_FOUND_INIT;
	int r = ctr_image_lookup(&s->t->store, text, &f, e);
	struct ctr_reference ref;

	if (r < 0)
		return r;
	*ret = NULL;
	/* What another tool put into the store under a name that is none says nothing elsewhere. */
	if (!f.name || ctr_reference_parse(f.name, &ref, NULL) < 0 || !ref.tag[0])
		return 0;
	*ret = take_ptr(&f.name);
	return 0;
}

static int dir_location(const struct saver *s, const char *ref, struct ctr_location *ret,
			struct err *e)
{
	ret->transport = s->format == FORMAT_OCI_DIR ? TRANSPORT_OCI : TRANSPORT_DIR;
	ret->path = strdup(s->output);
	ret->ref = ref && s->format == FORMAT_OCI_DIR ? strdup(ref) : NULL;
	ret->text = str_printf("%s:%s", ctr_transport_str(ret->transport), s->output);
	return ret->path && ret->text ? 0 : err_sys(e, ENOMEM, "save to %s", s->output);
}

static int open_archive(struct saver *s, const char *ref, struct err *e)
{
	struct tar_out out = TAR_OUT_INIT;
	int r = s->output ? tar_out_open(s->output, false, &out, e) : tar_out_fd((int)s->fd, &out, e);

	if (r == 0 && s->format == FORMAT_DOCKER_ARCHIVE)
		r = sink_docker_archive_new(&out, &s->ctx, &s->sink, e);
	else if (r == 0)
		r = sink_oci_archive_new(&out, ref, &s->sink, e);
	return r;
}

static int open_sink(struct saver *s, const char *ref, struct ctr_location *where, struct err *e)
{
	int r;

	if (s->format == FORMAT_OCI_DIR || s->format == FORMAT_DOCKER_DIR) {
		r = dir_location(s, ref, where, e);
		if (r == 0)
			r = image_sink_open(where, &s->ctx, &s->sink, e);
	} else {
		where->transport = s->format == FORMAT_OCI_ARCHIVE ? TRANSPORT_OCI_ARCHIVE
								   : TRANSPORT_DOCKER_ARCHIVE;
		where->text = strdup(s->output ? s->output : "the archive");
		r = where->text ? open_archive(s, ref, e) : err_sys(e, ENOMEM, "save");
		if (r == 0) {
			s->sink->where = where;
			s->sink->ctx = &s->ctx;
		}
	}
	if (r == 0 && s->uncompressed)
		s->sink->layers = SINK_LAYERS_AS_THEY_ARE;
	if (r == 0 && s->compress)
		s->sink->layers = SINK_LAYERS_COMPRESS;
	return r;
}

static int put_image(struct saver *s, const char *text, struct ctr_copy_result *ret, struct err *e)
{
	auto_location struct ctr_location from = { .transport = TRANSPORT_STORAGE, .index = -1 };
	struct image_source *src = NULL;
	int r;

	from.text = strdup(text);
	from.ref = strdup(text);
	if (!from.text || !from.ref)
		return err_sys(e, ENOMEM, "save %s", text);
	r = image_source_open(&from, &s->ctx, &src, e);
	if (r == 0 && s->opts.events.restart)
		s->opts.events.restart(s->opts.events.arg);
	if (r == 0)
		r = ctr_copy_put(&s->t->store, s->t->idmap, src, s->sink, &s->opts, ret, e);
	image_source_free(src);
	return r;
}

/* The images of argv, each under the name that it was called by. */
static int save_each(struct saver *s, char **images, int n, struct err *e)
{
	int r = 0;

	for (int i = 0; r == 0 && i < n; i++) {
		auto_strv struct strv names = STRV_INIT;
		auto_free char *name = NULL;
		struct ctr_copy_result result;

		r = name_of(s, images[i], &name, e);
		if (r == 0 && name && strv_add(&names, name) < 0)
			r = err_sys(e, ENOMEM, "save %s", images[i]);
		if (r == 0)
			r = sink_docker_archive_names(s->sink, &names, e);
		if (r == 0)
			r = put_image(s, images[i], &result, e);
		if (r == 0)
			printf("%s%s%s\n", result.config.hex, name ? " " : "", name ? name : "");
	}
	return r;
}

/* One image, with more tags for it. */
static int save_one(struct saver *s, const char *image, const char *name, char **tags, int n,
		    struct err *e)
{
	auto_strv struct strv names = STRV_INIT;
	struct ctr_copy_result result;
	int r = 0;

	for (int i = 0; r == 0 && i < n; i++) {
		char *full = NULL;

		r = sink_store_name(tags[i], &full, e);
		if (r == 0)
			r = strv_add_take(&names, full);
	}
	if (r == 0 && name)
		r = strv_add(&names, name);
	if (r == 0 && s->format == FORMAT_DOCKER_ARCHIVE)
		r = sink_docker_archive_names(s->sink, &names, e);
	if (r == 0)
		r = put_image(s, image, &result, e);
	if (r == 0)
		printf("%s%s%s\n", result.config.hex, name ? " " : "", name ? name : "");
	return r;
}

static int save(struct saver *s, char **args, int n, struct err *e)
{
	auto_location struct ctr_location where = CTR_LOCATION_INIT;
	auto_free char *name = NULL;
	int r = name_of(s, args[0], &name, e);

	/* All of them before a byte is written. */
	for (int i = 1; r == 0 && s->multi && i < n; i++) {
		auto_free char *other = NULL;

		r = name_of(s, args[i], &other, e);
	}
	if (r == 0)
		r = open_sink(s, name, &where, e);
	if (r == 0)
		r = s->multi ? save_each(s, args, n, e) : save_one(s, args[0], name, args + 1, n - 1, e);
	if (r == 0)
		r = ctr_copy_commit(s->sink, &s->opts.events, e);
	image_sink_free(s->sink);
	return r;
}

static int check(const struct saver *s, int n, struct err *e)
{
	bool dir = s->format == FORMAT_OCI_DIR || s->format == FORMAT_DOCKER_DIR;

	if (n < 1)
		return err_set(e, ERR_INVALID, "save needs an image");
	if ((s->output != NULL) == (s->fd != 0) || (dir && !s->output))
		return err_set(e, ERR_INVALID, "save: either --output or, for an archive, --fd");
	if (n > 1 && s->format != FORMAT_DOCKER_ARCHIVE)
		return err_set(e, ERR_INVALID, "%s holds one image of one name: several images and tags are "
			       "for docker-archive", format_names[s->format]);
	return 0;
}

int transfer_cmd_save(struct transfer *t, int argc, char **argv, struct err *e)
{
	struct saver s = { .t = t, .opts = CTR_COPY_OPTS_INIT, .quiet = t->quiet };
	struct pull_progress *progress;
	int n, r = transfer_getopt(argc, argv, save_opts, &s, &n, e);

	if (r == 0)
		r = check(&s, n, e);
	if (r < 0)
		return r;
	progress = pull_progress_new(s.quiet);
	if (!progress)
		return err_sys(e, ENOMEM, "save %s", argv[1]);
	pull_progress_events(progress, &s.opts.events);
	s.opts.events.interrupted = transfer_interrupted;
	s.opts.format = s.format == FORMAT_DOCKER_DIR ? COPY_FORMAT_DOCKER :
			s.format == FORMAT_DOCKER_ARCHIVE ? COPY_FORMAT_AS_IS : COPY_FORMAT_OCI;
	s.ctx = (struct transport_ctx){ &t->store, t->idmap, &s.opts.src,
					s.opts.have_platform ? &s.opts.platform : NULL, &s.opts.events };
	r = save(&s, argv + 1, n, e);
	pull_progress_free(progress, transfer_interrupted(NULL) == 0);
	return r;
}
