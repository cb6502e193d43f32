/*
 * ctr-lite-transfer commit: a layer that comes as a tar archive through a descriptor, on top of an
 * image's layers or alone, becomes an image.
 *
 * Descriptors from TRANSFER_FD_FIRST on: the archive; a pipe that says one byte when the archive is
 * whole; a JSON document:
 *	{ "config": an image's config, to whose rootfs.diff_ids the new layer is added,
 *	  "layers": the descriptors of the layers below it, as manifests have them }
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "change.h"
#include "compress.h"
#include "ctrlite/transfer.h"
#include "fd.h"
#include "image-in.h"
#include "json.h"
#include "str.h"
#include "transfer.h"

#define COPY_BYTES (512u << 10)
#define DOCUMENT_MAX_BYTES (16u << 20)
#define PROGRESS_FIRST_NS 1000000000
#define PROGRESS_NS 200000000

enum { FD_TAR = TRANSFER_FD_FIRST, FD_WHOLE, FD_DOCUMENT };

struct commit_args {
	struct strv changes;
	bool docker;
};

static int add_change(void *arg, const char *v, struct err *e)
{
	struct commit_args *a = arg;

	return strv_add(&a->changes, v) < 0 ? err_sys(e, ENOMEM, "--change") : 0;
}

static int set_docker(void *arg, const char *v, struct err *e)
{
	struct commit_args *a = arg;

	(void)v;
	(void)e;
	a->docker = true;
	return 0;
}

static const struct transfer_opt commit_opts[] = {
	{ "change", 'c', true, add_change },
	{ "docker", 0, false, set_docker },
	{ 0 },
};

struct committer {
	struct image_in in;
	struct image_in_blob *blob;
	struct unpack_job *job;
	struct compressor *gzip;
	bool show; /* progress */
	int64_t begun_ns, shown_ns;
	uint64_t bytes;
};

static int64_t now_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void show(struct committer *m)
{
	int64_t now = m->show ? now_ns() : 0;

	if (!m->show || now - m->begun_ns < PROGRESS_FIRST_NS || now - m->shown_ns < PROGRESS_NS)
		return;
	m->shown_ns = now;
	fprintf(stderr, "\rCommitting: %" PRIu64 " MB\033[K", m->bytes / 1000000);
	(void)fflush(stderr);
}

static void show_end(struct committer *m)
{
	if (m->shown_ns)
		fputs("\r\033[K", stderr);
}

static int to_blob(void *arg, const void *data, size_t len, struct err *e)
{
	struct committer *m = arg;

	return blob_write(&m->blob->writer, data, len, e);
}

/* The worker, which has more to do, gets the bytes first. */
static int take_chunk(struct committer *m, const void *data, size_t len, struct err *e)
{
	int r = fd_write_all(m->job->data_fd, data, len);

	if (r == -EPIPE)
		return 1; /* it says why */
	if (r < 0)
		return err_sys(e, r, "feed the unpacking process");
	return compressor_add(m->gzip, data, len, e);
}

static int take_layer(struct committer *m, struct err *e)
{
	auto_free char *buf = malloc(COPY_BYTES);
	char byte;
	int r = buf ? compressor_new(COMPRESSION_GZIP, -1, to_blob, m, &m->gzip, e)
		    : err_sys(e, ENOMEM, "commit");

	while (r == 0) {
		ssize_t n = read(FD_TAR, buf, COPY_BYTES);

		r = transfer_interrupted(e);
		if (r < 0 || n == 0)
			break;
		if (n < 0 && errno != EINTR)
			return err_sys(e, errno, "read the layer");
		if (n > 0) {
			r = take_chunk(m, buf, (size_t)n, e);
			m->bytes += (uint64_t)n;
			show(m);
		}
	}
	if (r < 0)
		return r;
	if (r == 0 && read(FD_WHOLE, &byte, 1) != 1)
		return err_set(e, ERR_OS, "the container's files could not be read");
	return r > 0 ? 0 : compressor_end(m->gzip, e);
}

/* What a layer of the one kind of manifest is called in the other. */
static const char *layer_type(const char *type, bool docker, struct err *e)
{
	bool gzip = str_ends(type, "gzip"), zstd = str_ends(type, "zstd");

	if (!docker)
		return gzip   ? MEDIA_OCI_LAYER "+gzip"
		       : zstd ? MEDIA_OCI_LAYER "+zstd"
			      : MEDIA_OCI_LAYER;
	if (zstd) {
		(void)err_set(e, ERR_UNSUPPORTED,
			      "docker's format has no zstd, which layers of this image "
			      "are compressed by: give --format=oci, or --squash");
		return NULL;
	}
	return gzip ? MEDIA_DOCKER_LAYER_GZ : "application/vnd.docker.image.rootfs.diff.tar";
}

/* Keep the blobs below from being collected, and list them. */
static int base_layers(struct committer *m, const json_t *layers, bool docker, json_t *list,
		       struct err *e)
{
	for (size_t i = 0; i < json_array_size(layers); i++) {
		const json_t *l = json_array_get(layers, i);
		const char *text = json_string_value(json_object_get(l, "digest"));
		const char *type = json_string_value(json_object_get(l, "mediaType"));
		json_int_t size = json_integer_value(json_object_get(l, "size"));
		struct image_in_blob *b;
		struct digest d;
		int r = text && type && size >= 0
				? digest_parse(text, &d, e)
				: err_set(e, ERR_CORRUPT, "the image's manifest is damaged");

		if (r == 0)
			r = image_in_blob(&m->in, &d, (uint64_t)size, &b, e);
		if (r == 0)
			r = err_set(e, ERR_NOT_FOUND,
				    "layer %.12s of the image is not in the store: pull "
				    "the image again, or give --squash",
				    d.hex);
		if (r < 0)
			return r;
		type = layer_type(type, docker, e);
		if (!type)
			return -EOPNOTSUPP;
		if (json_array_append_new(list, json_pack("{s:s, s:s, s:I}", "mediaType", type,
							  "digest", text, "size", size)) < 0)
			return err_sys(e, ENOMEM, "make the manifest");
	}
	return 0;
}

static int store_json(struct image_in *in, const json_t *doc, struct digest *ret, size_t *ret_len,
		      struct err *e)
{
	auto_free char *text = json_dumps(doc, JSON_COMPACT);

	if (!text)
		return err_sys(e, ENOMEM, "write the image's JSON");
	*ret_len = strlen(text);
	return image_in_json(in, text, *ret_len, NULL, ret, e);
}

static int finish_config(json_t *config, const struct commit_args *a, const struct digest *diff_id,
			 struct err *e)
{
	json_t *ids = json_object_get(json_object_get(config, "rootfs"), "diff_ids");
	json_t *inner = json_object_get(config, "config");
	char text[DIGEST_STR_MAX];
	int r = 0;

	if (!json_is_array(ids) || !json_is_object(inner))
		return err_set(e, ERR_INVALID, "the config has no rootfs.diff_ids or no config");
	for (size_t i = 0; r == 0 && i < a->changes.n; i++)
		r = change_apply(inner, a->changes.items[i], e);
	if (r == 0 && diff_id &&
	    json_array_append_new(ids, json_string(digest_str(diff_id, text))) < 0)
		r = err_sys(e, ENOMEM, "make the config");
	return r;
}

static int store_manifest(struct committer *m, const struct commit_args *a, json_t *layers,
			  const struct digest *config, size_t config_len, struct digest *ret,
			  struct err *e)
{
	char c[DIGEST_STR_MAX], l[DIGEST_STR_MAX];
	auto_json json_t *doc = NULL;
	size_t len;

	if (json_array_append_new(layers, json_pack("{s:s, s:s, s:I}", "mediaType",
						    a->docker ? MEDIA_DOCKER_LAYER_GZ
							      : MEDIA_OCI_LAYER "+gzip",
						    "digest", digest_str(&m->blob->digest, l),
						    "size", (json_int_t)m->blob->size_bytes)) < 0)
		return err_sys(e, ENOMEM, "make the manifest");
	doc = json_pack("{s:i, s:s, s:{s:s, s:s, s:I}, s:O}", "schemaVersion", 2, "mediaType",
			a->docker ? MEDIA_DOCKER_MANIFEST : MEDIA_OCI_MANIFEST, "config",
			"mediaType", a->docker ? MEDIA_DOCKER_CONFIG : MEDIA_OCI_CONFIG, "digest",
			digest_str(config, c), "size", (json_int_t)config_len, "layers", layers);
	return doc ? store_json(&m->in, doc, ret, &len, e)
		   : err_sys(e, ENOMEM, "make the manifest");
}

static int commit_image(struct committer *m, const struct commit_args *a, json_t *document,
			const char *ref, struct digest *ret_id, struct err *e)
{
	auto_json json_t *layers = json_array();
	json_t *config = json_object_get(document, "config");
	const json_t *ids = json_object_get(json_object_get(config, "rootfs"), "diff_ids");
	struct digest diff_id, manifest;
	size_t len = 0;
	int r = finish_config(config, a, NULL, e);
	struct commit_args done = { .docker = a->docker };

	if (r == 0)
		r = base_layers(m, json_object_get(document, "layers"), a->docker, layers, e);
	if (r == 0)
		r = image_in_blob(&m->in, NULL, BLOB_SIZE_UNKNOWN, &m->blob, e);
	if (r == 0)
		r = image_in_new_layer_on(&m->in, ids, &m->job, e);
	if (r == 0)
		r = take_layer(m, e);
	compressor_free(m->gzip); /* with its threads: what follows may clone */
	m->gzip = NULL;
	if (r == 0)
		r = image_in_new_layer_end(&m->in, &diff_id, e);
	if (r == 0)
		r = image_in_blob_finish(&m->in, m->blob, e);
	if (r == 0)
		r = finish_config(config, &done, &diff_id, e);
	if (r == 0)
		r = store_json(&m->in, config, ret_id, &len, e);
	if (r < 0)
		return r;
	image_in_new_config(&m->in, ret_id);
	r = store_manifest(m, a, layers, ret_id, len, &manifest, e);
	return r < 0 ? r
		     : image_in_commit(&m->in, ref, &manifest,
				       a->docker ? MEDIA_DOCKER_MANIFEST : MEDIA_OCI_MANIFEST, e);
}

static int read_document(json_t **ret, struct err *e)
{
	auto_free char *text = NULL;
	size_t len;
	int r = fd_read_file(FD_DOCUMENT, DOCUMENT_MAX_BYTES, &text, &len);

	if (r < 0)
		return err_sys(e, r, "read the image's configuration");
	return json_parse(text, len, DOCUMENT_MAX_BYTES, "configuration", ret, e);
}

int transfer_cmd_commit(struct transfer *t, int argc, char **argv, struct err *e)
{
	struct commit_args a = { .changes = STRV_INIT };
	struct committer m = { .in = IMAGE_IN_INIT, .begun_ns = now_ns() };
	auto_json json_t *document = NULL;
	struct digest id;
	int n, r = transfer_getopt(argc, argv, commit_opts, &a, &n, e);

	m.show = !t->quiet && isatty(STDERR_FILENO);
	if (r == 0 && n > 1)
		r = err_set(e, ERR_INVALID, "commit: expected at most a name for the image");
	if (r == 0)
		r = read_document(&document, e);
	if (r == 0)
		r = image_in_begin(&t->store, t->idmap, &m.in, e);
	if (r == 0) {
		r = commit_image(&m, &a, document, n ? argv[1] : NULL, &id, e);
		show_end(&m);
	}
	image_in_abort(&m.in);
	strv_done(&a.changes);
	if (r == 0)
		printf("%s\n", id.hex);
	return r;
}
