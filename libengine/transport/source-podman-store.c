/* Podman's own store as a source. */
#include "source-podman-store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "blob.h"
#include "fd.h"
#include "json.h"
#include "layout.h"
#include "podman-store.h"
#include "spool.h"
#include "storage-conf.h"
#include "str.h"
#include "tar-split.h"

#define MEDIA_DOCKER_LAYER "application/vnd.docker.image.rootfs.diff.tar"

struct source_podman {
	struct image_source base;
	struct podman_store store;
	const struct transport_ctx *ctx;
	char *config;
	size_t config_len;
	struct digest config_digest;
	struct podman_layer layers[LAYOUT_LAYERS_MAX];
	size_t n_layers;
	struct image_document document;
};

static int podman_document(struct image_source *base, const struct digest *d,
			   struct image_document *ret, struct err *e)
{
	struct source_podman *s = (struct source_podman *)base;
	char *copy;

	if (d && !digest_eq(d, &s->document.digest))
		return err_set(e, ERR_NOT_FOUND, "manifest sha256:%s is not in podman's store", d->hex);
	copy = strdup(s->document.data);
	if (!copy)
		return err_sys(e, ENOMEM, "read podman's store");
	return image_document_take(copy, s->document.len, s->document.media_type, NULL, ret, e);
}

static int open_config(const struct source_podman *s, struct image_part *p, struct err *e)
{
	auto_close int fd = memfd_create("config", MFD_CLOEXEC);
	int r;

	if (fd < 0)
		return err_sys(e, errno, "read podman's store");
	r = fd_write_all(fd, s->config, s->config_len);
	if (r < 0)
		return err_sys(e, r, "read podman's store");
	p->fd = take_fd(&fd);
	return 0;
}

static int open_layer(const struct source_podman *s, const struct podman_layer *l, struct image_part *p,
		      struct err *e)
{
	auto_close int split = FD_NONE, root = FD_NONE, out = spool_file(s->ctx->store->tmp_fd);
	int r;

	if (out < 0)
		return err_sys(e, out, "make a file in the store");
	r = podman_store_layer_open(&s->store, l->id, &split, &root, e);
	if (r == 0)
		r = tar_split_assemble(split, root, out, l->size_bytes, s->ctx->idmap, e);
	if (r < 0)
		return err_wrap(e, r, "layer %.12s of podman's store", l->id);
	p->fd = take_fd(&out);
	return 0;
}

static int podman_open(struct image_source *base, struct image_part *p, struct err *e)
{
	struct source_podman *s = (struct source_podman *)base;

	p->offset = 0;
	if (digest_eq(&p->blob.digest, &s->config_digest))
		return open_config(s, p, e);
	for (size_t i = 0; i < s->n_layers; i++)
		if (digest_eq(&p->blob.digest, &s->layers[i].diff_id))
			return open_layer(s, &s->layers[i], p, e);
	return err_set(e, ERR_NOT_FOUND, "blob %.12s is not in podman's store", p->blob.digest.hex);
}

static void podman_free(struct image_source *base)
{
	struct source_podman *s = (struct source_podman *)base;

	image_document_done(&s->document);
	podman_store_done(&s->store);
	free(s->config);
	free(s);
}

static const struct image_source_ops podman_ops = {
	.document = podman_document,
	.open = podman_open,
	.free = podman_free,
};

/* The manifest that podman keeps says what the config is; *@ret_docker: in docker's format. */
static int read_config(struct source_podman *s, const json_t *image, bool *ret_docker, struct err *e)
{
	auto_manifest struct manifest m = MANIFEST_INIT;
	auto_free char *buf = NULL;
	char key[DIGEST_STR_MAX];
	size_t len;
	int r = podman_store_document(&s->store, image, "manifest", LAYOUT_MANIFEST_MAX_BYTES, &buf, &len, e);

	if (r == 0)
		r = manifest_parse(buf, len, "", &m, e);
	if (r == 0 && m.is_index)
		r = err_set(e, ERR_UNSUPPORTED, "it is a list of images: name one of them by its ID");
	if (r < 0)
		return r;
	*ret_docker = streq(m.media_type, MEDIA_DOCKER_MANIFEST);
	s->config_digest = m.config.digest;
	r = podman_store_document(&s->store, image, digest_str(&m.config.digest, key),
				  LAYOUT_CONFIG_MAX_BYTES, &s->config, &s->config_len, e);
	return r;
}

/* The config's diffIDs are what podman's layers must be. */
static int check_layers(struct source_podman *s, struct err *e)
{
	auto_json json_t *config = NULL;
	const json_t *ids;
	int r = json_parse(s->config, s->config_len, LAYOUT_CONFIG_MAX_BYTES, "the config", &config, e);

	if (r < 0)
		return r;
	ids = json_object_get(json_object_get(config, "rootfs"), "diff_ids");
	if (json_array_size(ids) != s->n_layers)
		return err_set(e, ERR_CORRUPT, "podman's store has %zu layers of the image, its config says %zu",
			       s->n_layers, json_array_size(ids));
	for (size_t i = 0; i < s->n_layers; i++) {
		const char *text = json_string_value(json_array_get(ids, i));
		struct digest d;

		r = digest_parse(text ? text : "", &d, e);
		if (r == 0 && !digest_eq(&d, &s->layers[i].diff_id))
			r = err_set(e, ERR_CORRUPT, "layer %.12s of podman's store is not the one that the "
				    "config means", s->layers[i].id);
		if (r < 0)
			return r;
	}
	return 0;
}

static json_t *descriptor(const char *type, const struct digest *d, uint64_t size_bytes)
{
	char text[DIGEST_STR_MAX];

	return json_pack("{s:s, s:s, s:I}", "mediaType", type, "digest", digest_str(d, text), "size",
			 (json_int_t)size_bytes);
}

static int make_document(struct source_podman *s, bool docker, struct err *e)
{
	const char *type = docker ? MEDIA_DOCKER_MANIFEST : MEDIA_OCI_MANIFEST;
	auto_json json_t *layers = json_array(), *doc = NULL;
	char *text;

	for (size_t i = 0; i < s->n_layers; i++)
		if (json_array_append_new(layers, descriptor(docker ? MEDIA_DOCKER_LAYER : MEDIA_OCI_LAYER,
							     &s->layers[i].diff_id,
							     s->layers[i].size_bytes)) < 0)
			return err_sys(e, ENOMEM, "read podman's store");
	doc = json_pack("{s:i, s:s, s:o, s:O}", "schemaVersion", 2, "mediaType", type, "config",
			descriptor(docker ? MEDIA_DOCKER_CONFIG : MEDIA_OCI_CONFIG, &s->config_digest,
				   s->config_len), "layers", layers);
	text = doc ? json_dumps(doc, JSON_COMPACT) : NULL;
	if (!text)
		return err_sys(e, ENOMEM, "read podman's store");
	return image_document_take(text, strlen(text), type, NULL, &s->document, e);
}

static int read_image(struct source_podman *s, const char *text, struct err *e)
{
	const json_t *image = NULL;
	const char *name = NULL;
	bool docker = false;
	int r = podman_store_find(&s->store, text, &image, &name, e);

	if (r == 0 && name && strv_add(&s->base.names, name) < 0)
		r = err_sys(e, ENOMEM, "read podman's store");
	if (r == 0)
		r = read_config(s, image, &docker, e);
	if (r == 0)
		r = podman_store_layers(&s->store, image, s->layers, LAYOUT_LAYERS_MAX, e);
	if (r < 0)
		return r;
	s->n_layers = (size_t)r;
	r = check_layers(s, e);
	return r < 0 ? r : make_document(s, docker, e);
}

int source_podman_store_open(const char *root, const char *driver, const char *text,
			     const struct transport_ctx *ctx, struct image_source **ret, struct err *e)
{
	auto_storage_conf struct storage_conf conf = STORAGE_CONF_INIT;
	struct source_podman *s;
	int r = root ? 0 : storage_conf_load(&conf, e);

	if (r < 0)
		return r;
	if (!root && !conf.podman_root)
		return err_set(e, ERR_NOT_FOUND, "where podman's store is cannot be said: HOME is not set");
	s = calloc(1, sizeof(*s));
	if (!s)
		return err_sys(e, ENOMEM, "read podman's store");
	s->base = (struct image_source){ .ops = &podman_ops, .no_digests = true };
	s->store = (struct podman_store)PODMAN_STORE_INIT;
	s->ctx = ctx;
	r = podman_store_open(root ? root : conf.podman_root, driver, &s->store, e);
	if (r == 0)
		r = read_image(s, text, e);
	if (r < 0) {
		image_source_free(&s->base);
		return r;
	}
	*ret = &s->base;
	return 0;
}
