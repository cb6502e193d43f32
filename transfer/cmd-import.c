/*
 * ctr-lite-transfer import FILE|- [REFERENCE]: a root file system tarball becomes an image of one
 * layer.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "archive-in.h"
#include "change.h"
#include "check.h"
#include "compress.h"
#include "fd.h"
#include "image-in.h"
#include "inflate.h"
#include "json.h"
#include "platform.h"
#include "reference.h"
#include "str.h"
#include "transfer.h"
#include "unfilter.h"

#define COPY_BYTES (256u << 10)

struct import_args {
	struct strv changes;
	const char *message, *os, *arch, *variant;
};

static int add_change(void *arg, const char *v, struct err *e)
{
	struct import_args *a = arg;

	return strv_add(&a->changes, v) < 0 ? err_sys(e, ENOMEM, "--change") : 0;
}

#define SETTER(field)                                                     \
	static int set_##field(void *arg, const char *v, struct err *e)   \
	{                                                                 \
		struct import_args *a = arg;                              \
                                                                          \
		(void)e;                                                  \
		a->field = v;                                             \
		return 0;                                                 \
	}
SETTER(message)
SETTER(os)
SETTER(arch)
SETTER(variant)

static const struct transfer_opt import_opts[] = {
	{ "change", 'c', true, add_change },
	{ "message", 'm', true, set_message },
	{ "os", 0, true, set_os },
	{ "arch", 0, true, set_arch },
	{ "variant", 0, true, set_variant },
	{ 0 },
};

/* One tarball on its way: read here, stored as the layer's blob and fed to the worker. */
struct importer {
	int fd;			/* what is read: the file, or the decompressor's output */
	struct image_in in;
	struct image_in_blob *blob;
	struct unpack_job *job;
	struct compressor *gzip;	/* NULL: the file is stored as it came */
	struct proc filter;
	bool worker_gone;
};

static int to_blob(void *arg, const void *data, size_t len, struct err *e)
{
	struct importer *im = arg;

	return blob_write(&im->blob->writer, data, len, e);
}

static int take_chunk(struct importer *im, const void *data, size_t len, struct err *e)
{
	int r;

	if (im->gzip)
		r = compressor_add(im->gzip, data, len, e);
	else
		r = blob_write(&im->blob->writer, data, len, e);
	if (r < 0)
		return r;
	r = fd_write_all(im->job->data_fd, data, len);
	if (r == -EPIPE)
		im->worker_gone = true;
	else if (r < 0)
		return err_sys(e, r, "feed the unpacking process");
	return 0;
}

/* At least enough to tell the compression by; fewer only at the end of the file. */
static ssize_t read_start(int fd, char *buf, size_t cap, const char *name, struct err *e)
{
	size_t n = 0;

	while (n < COMPRESSION_MAGIC_BYTES) {
		ssize_t k = read(fd, buf + n, cap - n);

		if (k < 0 && errno == EINTR) {
			int r = transfer_interrupted(e);

			if (r < 0)
				return r;
			continue;
		}
		if (k < 0)
			return err_sys(e, errno, "read %s", name);
		if (k == 0)
			break;
		n += (size_t)k;
	}
	return (ssize_t)n;
}

static int copy_rest(struct importer *im, char *buf, const char *name, struct err *e)
{
	while (!im->worker_gone) {
		ssize_t n = read(im->fd, buf, COPY_BYTES);
		int r = transfer_interrupted(e);

		if (r < 0)
			return r;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, errno, "read %s", name);
		if (n == 0)
			break;
		r = take_chunk(im, buf, (size_t)n, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static const char *layer_type(const struct importer *im, enum compression c)
{
	if (im->gzip || c == COMPRESSION_GZIP)
		return MEDIA_OCI_LAYER "+gzip";
	return c == COMPRESSION_ZSTD ? MEDIA_OCI_LAYER "+zstd" : MEDIA_OCI_LAYER;
}

/* Read the whole tarball; *@ret_type is what the blob is. */
static int take_file(struct importer *im, const char *name, const char **ret_type, struct err *e)
{
	auto_free char *buf = malloc(COPY_BYTES);
	ssize_t n = buf ? read_start(im->fd, buf, COPY_BYTES, name, e) : -ENOMEM;
	enum compression c;
	int r = 0;

	if (n < 0)
		return buf ? (int)n : err_sys(e, ENOMEM, "read %s", name);
	if (n == 0)
		return err_set(e, ERR_INVALID, "%s is empty", name);
	c = compression_detect(buf, (size_t)n);
	if (c != COMPRESSION_GZIP && c != COMPRESSION_ZSTD)
		r = compressor_new(COMPRESSION_GZIP, -1, to_blob, im, &im->gzip, e);
	if (r == 0 && (c == COMPRESSION_XZ || c == COMPRESSION_BZIP2)) {
		const struct unfilter_in what = { buf, (size_t)n, im->fd, UINT64_MAX };

		r = unfilter_start(im->in.stage.fd, "decompress", im->in.idmap, &im->in.limits, &what,
				   &im->fd, &im->filter, e);
		n = 0;
	}
	*ret_type = layer_type(im, c);
	if (r == 0 && n > 0)
		r = take_chunk(im, buf, (size_t)n, e);
	if (r == 0)
		r = copy_rest(im, buf, name, e);
	/* A worker that gave up says why; otherwise the decompressor comes first. */
	if (r == 0 && im->filter.pid > 0)
		r = unfilter_finish(&im->filter, im->worker_gone, e);
	if (r == 0 && im->gzip)
		r = compressor_end(im->gzip, e);
	compressor_free(im->gzip);
	im->gzip = NULL;
	return r;
}

static void now_rfc3339(char buf[64])
{
	struct timespec ts;
	struct tm tm;
	char sec[32];

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	(void)gmtime_r(&ts.tv_sec, &tm);
	(void)strftime(sec, sizeof(sec), "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(buf, 64, "%s.%09ldZ", sec, ts.tv_nsec);
}

static int make_config(const struct import_args *a, const char *name, const struct digest *diff_id,
		       json_t **ret, struct err *e)
{
	auto_json json_t *config = json_object(), *doc = NULL;
	auto_free char *comment = a->message ? strdup(a->message) : str_printf("Imported from %s", name);
	struct ctr_platform host;
	char diff[DIGEST_STR_MAX], created[64], by[128];
	int r = 0;

	for (size_t i = 0; r == 0 && i < a->changes.n; i++)
		r = change_apply(config, a->changes.items[i], e);
	if (r < 0)
		return r;
	ctr_platform_host(&host);
	now_rfc3339(created);
	(void)snprintf(by, sizeof(by), "/bin/sh -c #(nop) ADD file:%s in / ", diff_id->hex);
	doc = json_pack("{s:s, s:s, s:s, s:O, s:{s:s, s:[s]}, s:[{s:s, s:s, s:s}]}", "created", created,
			"architecture", a->arch ? a->arch : host.arch, "os", a->os ? a->os : host.os,
			"config", config, "rootfs", "type", "layers", "diff_ids",
			digest_str(diff_id, diff), "history", "created", created, "created_by", by,
			"comment", comment ? comment : "");
	if (!doc)
		return err_set(e, ERR_INVALID, "--message, --os or --arch is not UTF-8");
	if (a->variant && json_object_set_new(doc, "variant", json_string(a->variant)) < 0)
		return err_set(e, ERR_INVALID, "--variant is not UTF-8");
	*ret = take_ptr(&doc);
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

static int store_manifest(struct importer *im, const struct digest *config, size_t config_len,
			  const char *type, struct digest *ret, struct err *e)
{
	char c[DIGEST_STR_MAX], l[DIGEST_STR_MAX];
	auto_json json_t *doc = json_pack("{s:i, s:s, s:{s:s, s:s, s:I}, s:[{s:s, s:s, s:I}]}",
		"schemaVersion", 2, "mediaType", MEDIA_OCI_MANIFEST, "config", "mediaType",
		MEDIA_OCI_CONFIG, "digest", digest_str(config, c), "size", (json_int_t)config_len,
		"layers", "mediaType", type, "digest", digest_str(&im->blob->digest, l), "size",
		(json_int_t)im->blob->size_bytes);
	size_t len;

	return doc ? store_json(&im->in, doc, ret, &len, e) : err_sys(e, ENOMEM, "make the manifest");
}

static int import_image(struct importer *im, const struct import_args *a, const char *name,
			const char *ref, struct digest *ret_id, struct err *e)
{
	auto_json json_t *config = NULL;
	const char *type = NULL;
	struct digest diff_id, manifest;
	size_t len = 0;
	int r = image_in_blob(&im->in, NULL, BLOB_SIZE_UNKNOWN, &im->blob, e);

	if (r == 0)
		r = image_in_new_layer(&im->in, &im->job, e);
	if (r == 0)
		r = take_file(im, name, &type, e);
	if (r == 0)
		r = image_in_new_layer_end(&im->in, &diff_id, e);
	if (r == 0 && im->worker_gone)
		r = err_set(e, ERR_CORRUPT, "the unpacking process stopped reading");
	if (r == 0)
		r = image_in_blob_finish(&im->in, im->blob, e);
	if (r == 0)
		r = make_config(a, name, &diff_id, &config, e);
	if (r == 0)
		r = store_json(&im->in, config, ret_id, &len, e);
	if (r < 0)
		return r;
	image_in_new_config(&im->in, ret_id);
	r = store_manifest(im, ret_id, len, type, &manifest, e);
	return r < 0 ? r : image_in_commit(&im->in, ref, &manifest, MEDIA_OCI_MANIFEST, e);
}

/* The name of what is made here: unqualified, it belongs to localhost. */
static int full_reference(const char *arg, char buf[REF_STR_MAX], struct err *e)
{
	struct ctr_reference r, full;
	int ret = ctr_reference_parse(arg, &r, e);

	if (ret < 0)
		return ret;
	if (r.digest.hex[0])
		return err_set(e, ERR_INVALID, "%s: an image that is made here cannot be named by a digest",
			       arg);
	ret = ctr_reference_qualify(&r, "localhost", &full, e);
	if (ret < 0)
		return ret;
	ctr_reference_default_tag(&full);
	(void)ctr_reference_str(&full, buf);
	return 0;
}

/* Refused before anything is read. */
static int check_changes(const struct import_args *a, struct err *e)
{
	auto_json json_t *scratch = json_object();
	int r = 0;

	for (size_t i = 0; r == 0 && i < a->changes.n; i++)
		r = change_apply(scratch, a->changes.items[i], e);
	return r;
}

static void say(const char *text)
{
	fprintf(stderr, "%s\n", text);
}

static int run_import(struct transfer *t, const struct import_args *a, const char *file,
		      const char *ref, struct err *e)
{
	struct importer im = { .fd = archive_in_open(t, file, t->quiet ? NULL : say, e), .in = IMAGE_IN_INIT, .filter = PROC_INIT };
	int file_fd = im.fd, r;
	struct digest id;

	if (im.fd < 0)
		return im.fd;
	r = image_in_begin(&t->store, t->idmap, &im.in, e);
	if (r == 0)
		r = import_image(&im, a, file, ref, &id, e);
	(void)unfilter_finish(&im.filter, true, NULL);
	image_in_abort(&im.in);
	if (im.fd != file_fd)
		(void)fd_close(im.fd);
	(void)fd_close(file_fd);
	if (r == 0)
		printf("%s\n", id.hex);
	return r;
}

int transfer_cmd_import(struct transfer *t, int argc, char **argv, struct err *e)
{
	struct import_args a = { .changes = STRV_INIT };
	char ref[REF_STR_MAX];
	int n, r = transfer_getopt(argc, argv, import_opts, &a, &n, e);

	if (r == 0 && (n < 1 || n > 2))
		r = err_set(e, ERR_INVALID, "import: expected a tarball (or -) and a name for the image");
	if (r == 0 && n == 2)
		r = full_reference(argv[2], ref, e);
	if (r == 0)
		r = check_changes(&a, e);
	if (r == 0)
		r = trust_check_transport(&t->store, "tarball", e);
	if (r == 0) {
		r = run_import(t, &a, argv[1], n == 2 ? ref : NULL, e);
		if (r < 0)
			(void)err_wrap(e, r, "import %s", argv[1]);
	}
	strv_done(&a.changes);
	return r;
}
