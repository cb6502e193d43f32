/*
 * oci:DIR as a sink.  Blobs are written beside their final names and renamed when their digest is
 * right; index.json, which alone makes an image visible, is replaced at the end under a lock.
 */
#include "sink-oci.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fd.h"
#include "file.h"
#include "json.h"
#include "layout.h"
#include "path.h"
#include "source-layout.h"
#include "str.h"

#define LAYOUT_TEXT "{\"imageLayoutVersion\":\"1.0.0\"}"
#define REF_NAME "org.opencontainers.image.ref.name"
#define PARTIAL ".partial-"

struct sink_oci {
	struct image_sink base;
	int dir_fd, blobs_fd;
	char *ref;
	char *made;		/* the directory, where it was made for this image; or NULL */
	bool done;		/* the image is visible */
	struct digest top;
	char media_type[128];
	size_t len;
};

static bool has_blob(const struct sink_oci *s, const struct digest *d, uint64_t size_bytes)
{
	struct stat st;

	return fstatat(s->blobs_fd, d->hex, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
	       (uint64_t)st.st_size == size_bytes;
}

static int oci_have(struct image_sink *base, struct image_part *const *parts, size_t n, struct err *e)
{
	const struct sink_oci *s = (const struct sink_oci *)base;

	(void)e;
	for (size_t i = 0; i < n; i++)
		parts[i]->present = has_blob(s, &parts[i]->blob.digest, parts[i]->blob.size_bytes);
	return 0;
}

static int to_file(void *arg, const void *data, size_t len, struct err *e)
{
	const int *fd = arg;
	int r = fd_write_all(*fd, data, len);

	return r < 0 ? err_sys(e, r, "write a blob") : 0;
}

static int put_part(struct sink_oci *s, const struct image_part *p, struct err *e)
{
	char name[sizeof(PARTIAL) + 16] = PARTIAL;
	auto_close int fd = FD_NONE;
	int r = str_random_hex(8, name + strlen(PARTIAL));

	if (p->present || has_blob(s, &p->blob.digest, p->blob.size_bytes))
		return 0;
	if (r < 0)
		return err_sys(e, r, "get random bytes");
	fd = openat(s->blobs_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_sys(e, errno, "make a file in blobs/sha256");
	r = image_part_read(p, s->base.ctx->events, to_file, &fd, e);
	if (r == 0 && fsync(fd) < 0)
		r = err_sys(e, errno, "write blob %.12s", p->blob.digest.hex);
	if (r == 0 && renameat(s->blobs_fd, name, s->blobs_fd, p->blob.digest.hex) < 0)
		r = err_sys(e, errno, "put blob %.12s into place", p->blob.digest.hex);
	if (r < 0)
		(void)unlinkat(s->blobs_fd, name, 0); /* the failure is reported already */
	return r;
}

static int put_document(struct sink_oci *s, const struct image_document *d, const char *media_type,
			bool top, struct err *e)
{
	int r = file_replace(s->blobs_fd, d->digest.hex, d->data, d->len, 0644, FILE_SYNC_FULL);

	if (r < 0)
		return err_sys(e, r, "write manifest %.12s", d->digest.hex);
	if (!top)
		return 0;
	s->top = d->digest;
	s->len = d->len;
	(void)snprintf(s->media_type, sizeof(s->media_type), "%s", media_type);
	return 0;
}

static int oci_put_image(struct image_sink *base, const struct image_parts *p, bool instance,
			 struct err *e)
{
	struct sink_oci *s = (struct sink_oci *)base;
	int r = put_part(s, &p->config, e);

	for (size_t i = 0; r == 0 && i < p->n_layers; i++)
		r = put_part(s, &p->layers[i], e);
	return r < 0 ? r : put_document(s, p->document, p->manifest->media_type, !instance, e);
}

static int oci_put_index(struct image_sink *base, const struct image_document *index, struct err *e)
{
	return put_document((struct sink_oci *)base, index, MEDIA_OCI_INDEX, true, e);
}

/* index.json */

static json_t *new_descriptor(const struct sink_oci *s)
{
	char text[DIGEST_STR_MAX];
	json_t *d = json_pack("{s:s, s:s, s:I}", "mediaType", s->media_type, "digest",
			      digest_str(&s->top, text), "size", (json_int_t)s->len);

	if (d && s->ref &&
	    json_object_set_new(d, "annotations", json_pack("{s:s}", REF_NAME, s->ref)) < 0) {
		json_decref(d);
		return NULL;
	}
	return d;
}

/* Take the name from whatever has it; an image may lose its name but does not vanish. */
static void release_ref(json_t *list, const char *ref)
{
	size_t i;
	json_t *d;

	json_array_foreach(list, i, d) {
		const char *has = layout_descriptor_ref(d);
		json_t *notes = json_object_get(d, "annotations");

		if (!has || !streq(has, ref))
			continue;
		(void)json_object_del(notes, REF_NAME);
		if (json_object_size(notes) == 0)
			(void)json_object_del(d, "annotations");
	}
}

static int add_entry(const struct sink_oci *s, json_t *list, struct err *e)
{
	json_t *entry = new_descriptor(s);
	size_t i;
	json_t *d;

	if (!entry)
		return err_sys(e, ENOMEM, "write index.json");
	if (s->ref)
		release_ref(list, s->ref);
	json_array_foreach(list, i, d) {
		const char *digest = json_string_value(json_object_get(d, "digest"));

		if (digest && str_starts(digest, "sha256:") && streq(digest + 7, s->top.hex) &&
		    !layout_descriptor_ref(d))
			return json_array_set_new(list, i, entry) < 0 ? err_sys(e, ENOMEM, "index.json") : 0;
	}
	return json_array_append_new(list, entry) < 0 ? err_sys(e, ENOMEM, "write index.json") : 0;
}

static int load_index(const struct sink_oci *s, json_t **ret, struct err *e)
{
	int r = json_parse_file(s->dir_fd, "index.json", LAYOUT_INDEX_MAX_BYTES, ret, e);

	if (r == -ENOENT) {
		if (e)
			*e = (struct err)ERR_INIT;
		*ret = json_pack("{s:i, s:[]}", "schemaVersion", 2, "manifests");
		return *ret ? 0 : err_sys(e, ENOMEM, "write index.json");
	}
	if (r == 0 && !json_is_array(json_object_get(*ret, "manifests")))
		r = err_set(e, ERR_CORRUPT, "index.json: $.manifests: expected an array");
	return r;
}

static int oci_commit(struct image_sink *base, struct err *e)
{
	struct sink_oci *s = (struct sink_oci *)base;
	auto_close int lock = openat(s->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_free char *text = NULL;
	auto_json json_t *j = NULL;
	int r = lock < 0 ? -errno : file_lock(lock, true, true);

	if (r < 0)
		return err_sys(e, r, "lock the directory");
	if (fsync(s->blobs_fd) < 0)
		return err_sys(e, errno, "write blobs/sha256 to disk");
	r = load_index(s, &j, e);
	if (r == 0)
		r = add_entry(s, json_object_get(j, "manifests"), e);
	if (r < 0)
		return r;
	text = json_dumps(j, JSON_COMPACT);
	r = text ? file_replace(s->dir_fd, "oci-layout", LAYOUT_TEXT, strlen(LAYOUT_TEXT), 0644,
				FILE_SYNC_FULL) : -ENOMEM;
	if (r == 0)
		r = file_replace(s->dir_fd, "index.json", text, strlen(text), 0644, FILE_SYNC_FULL);
	s->done = r == 0;
	return r < 0 ? err_sys(e, r, "write index.json") : 0;
}

/* Nothing came of it: directories with nothing in them go, what can be used again stays. */
static void undo(const struct sink_oci *s)
{
	if (unlinkat(s->dir_fd, "blobs/sha256", AT_REMOVEDIR) == 0 &&
	    unlinkat(s->dir_fd, "blobs", AT_REMOVEDIR) == 0 && s->made)
		(void)rmdir(s->made); /* as far as it is empty */
}

static void oci_free(struct image_sink *base)
{
	struct sink_oci *s = (struct sink_oci *)base;

	if (!s->done && s->dir_fd >= 0)
		undo(s);

	(void)fd_close(s->dir_fd);
	(void)fd_close(s->blobs_fd);
	free(s->ref);
	free(s->made);
	free(s);
}

static const struct image_sink_ops oci_ops = {
	.have = oci_have,
	.put_image = oci_put_image,
	.put_index = oci_put_index,
	.commit = oci_commit,
	.free = oci_free,
};

static int make_dir(int dir_fd, const char *name, struct err *e)
{
	if (mkdirat(dir_fd, name, 0755) < 0 && errno != EEXIST)
		return err_sys(e, errno, "make %s", name);
	return 0;
}

int sink_oci_at(int dir_fd, const char *ref, const struct transport_ctx *ctx,
		struct image_sink **ret, struct err *e)
{
	struct sink_oci *s = calloc(1, sizeof(*s));
	int r;

	(void)ctx;
	if (!s)
		return err_sys(e, ENOMEM, "open the image layout");
	s->base = (struct image_sink){ .ops = &oci_ops, .oci = true, .layers = SINK_LAYERS_COMPRESS };
	s->blobs_fd = FD_NONE;
	s->ref = ref ? strdup(ref) : NULL;
	s->dir_fd = fd_dup(dir_fd);
	r = s->dir_fd < 0 || (ref && !s->ref) ? err_sys(e, ENOMEM, "open the image layout") : 0;
	if (r == 0)
		r = make_dir(s->dir_fd, "blobs", e);
	if (r == 0)
		r = make_dir(s->dir_fd, "blobs/sha256", e);
	if (r == 0) {
		s->blobs_fd = path_open_beneath(s->dir_fd, "blobs/sha256", O_RDONLY | O_DIRECTORY);
		r = s->blobs_fd < 0 ? err_sys(e, s->blobs_fd, "open blobs/sha256") : 0;
	}
	if (r < 0) {
		oci_free(&s->base);
		return r;
	}
	*ret = &s->base;
	return 0;
}

int sink_oci_open(const struct ctr_location *l, const struct transport_ctx *ctx,
		  struct image_sink **ret, struct err *e)
{
	bool there = access(l->path, F_OK) == 0;
	auto_close int fd = FD_NONE;
	int r;

	if (l->index >= 0)
		return err_set(e, ERR_INVALID, "@%ld names no image to be written: give a name", l->index);
	r = path_mkdirs(l->path, 0755);
	if (r < 0)
		return err_sys(e, r, "make the directory");
	fd = open(l->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, errno, "open the directory");
	r = sink_oci_at(fd, l->ref, ctx, ret, e);
	if (r == 0 && !there)
		((struct sink_oci *)*ret)->made = strdup(l->path); /* without it an empty one may stay */
	return r;
}
