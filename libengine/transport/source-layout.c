/* An image layout as a source. */
#include "source-layout.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "fd.h"
#include "json.h"
#include "layout.h"
#include "str.h"

#define REF_NAME "org.opencontainers.image.ref.name"
#define BASE_NAME "io.containerd.image.name"	/* containerd's, with the whole name */

struct source_layout {
	struct image_source base;
	struct layout_files files;
	struct digest top;
	char media_type[128];
};

const char *layout_descriptor_ref(const json_t *descriptor)
{
	return json_string_value(json_object_get(json_object_get(descriptor, "annotations"), REF_NAME));
}

static int read_small(const struct layout_files *files, const char *path, size_t max_bytes,
		      char **ret, size_t *ret_len, struct err *e)
{
	auto_close int fd = FD_NONE;
	auto_free char *buf = NULL;
	uint64_t offset, size;
	int r = files->open(files->arg, path, &fd, &offset, &size, e);

	if (r < 0)
		return r;
	if (size > max_bytes)
		return err_set(e, ERR_LIMIT, "%s: larger than %zu bytes", path, max_bytes);
	buf = malloc((size_t)size + 1);
	if (!buf)
		return err_sys(e, ENOMEM, "read %s", path);
	for (size_t at = 0; at < size;) {
		ssize_t n = pread(fd, buf + at, (size_t)size - at, (off_t)(offset + at));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_sys(e, n < 0 ? errno : EIO, "read %s", path);
		at += (size_t)n;
	}
	buf[size] = '\0';
	*ret = take_ptr(&buf);
	*ret_len = (size_t)size;
	return 0;
}

static void blob_path(const struct digest *d, char buf[80])
{
	(void)snprintf(buf, 80, "blobs/sha256/%s", d->hex);
}

static int layout_document(struct image_source *base, const struct digest *d,
			   struct image_document *ret, struct err *e)
{
	struct source_layout *s = (struct source_layout *)base;
	const struct digest *want = d ? d : &s->top;
	char path[80], *data = NULL;
	size_t len = 0;
	int r;

	blob_path(want, path);
	r = read_small(&s->files, path, LAYOUT_MANIFEST_MAX_BYTES, &data, &len, e);
	return r < 0 ? r : image_document_take(data, len, d ? "" : s->media_type, want, ret, e);
}

static int layout_open(struct image_source *base, struct image_part *p, struct err *e)
{
	struct source_layout *s = (struct source_layout *)base;
	uint64_t offset, size;
	char path[80];
	int fd, r;

	blob_path(&p->blob.digest, path);
	r = s->files.open(s->files.arg, path, &fd, &offset, &size, e);
	if (r < 0)
		return r;
	if (size != p->blob.size_bytes) {
		(void)fd_close(fd);
		return err_set(e, ERR_CORRUPT, "%s has %" PRIu64 " bytes, its manifest says %" PRIu64,
			       path, size, p->blob.size_bytes);
	}
	p->fd = fd;
	p->offset = offset;
	return 0;
}

static void layout_free(struct image_source *base)
{
	struct source_layout *s = (struct source_layout *)base;

	s->files.free(s->files.arg);
	free(s);
}

static const struct image_source_ops layout_ops = {
	.document = layout_document,
	.open = layout_open,
	.free = layout_free,
};

/* The refs that index.json has, for a message. */
static char *list_refs(const json_t *list)
{
	struct strbuf b = STRBUF_INIT;

	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *ref = layout_descriptor_ref(json_array_get(list, i));
		auto_free char *shown = ref ? str_printable(ref) : NULL;

		strbuf_addf(&b, "%s%s", i ? ", " : "", shown ? shown : "(without a name)");
	}
	return strbuf_take(&b);
}

static const json_t *find_descriptor(const struct ctr_location *l, const json_t *list, struct err *e)
{
	size_t n = json_array_size(list);
	auto_free char *refs = list_refs(list);

	if (l->index >= 0 && (size_t)l->index < n)
		return json_array_get(list, (size_t)l->index);
	if (l->index >= 0) {
		(void)err_set(e, ERR_NOT_FOUND, "there is no image @%ld: there are %zu", l->index, n);
		return NULL;
	}
	if (!l->ref && n == 1)
		return json_array_get(list, 0);
	if (!l->ref) {
		(void)err_set(e, ERR_INVALID, n ? "there are %zu images, name one of them: %s" :
			      "there are %zu images in it%s", n, n && refs ? refs : "");
		return NULL;
	}
	for (size_t i = 0; i < n; i++) {
		const json_t *d = json_array_get(list, i);
		const char *ref = layout_descriptor_ref(d);

		if (ref && streq(ref, l->ref))
			return d;
	}
	(void)err_set(e, ERR_NOT_FOUND, "there is no image of that name: there is %s",
		      n && refs ? refs : "none");
	return NULL;
}

static int choose(struct source_layout *s, const struct ctr_location *l, const json_t *index,
		  struct err *e)
{
	const json_t *list = json_object_get(index, "manifests"), *d;
	const char *text, *type, *name;
	int r;

	if (!json_is_array(list))
		return err_set(e, ERR_CORRUPT, "index.json: $.manifests: expected an array");
	d = find_descriptor(l, list, e);
	if (!d)
		return e ? err_kind_errno(e->kind) : -ENOENT;
	text = json_string_value(json_object_get(d, "digest"));
	type = json_string_value(json_object_get(d, "mediaType"));
	r = digest_parse(text ? text : "", &s->top, e);
	if (r < 0)
		return err_wrap(e, r, "index.json");
	(void)snprintf(s->media_type, sizeof(s->media_type), "%s", type ? type : "");
	name = json_string_value(json_object_get(json_object_get(d, "annotations"), BASE_NAME));
	if (!name)
		name = layout_descriptor_ref(d);
	return name && strv_add(&s->base.names, name) < 0 ? err_sys(e, ENOMEM, "read index.json") : 0;
}

static int check_version(struct source_layout *s, struct err *e)
{
	auto_free char *buf = NULL;
	auto_json json_t *j = NULL;
	const char *version;
	size_t len = 0;
	int r = read_small(&s->files, "oci-layout", 65536, &buf, &len, e);

	if (r == -ENOENT)
		return err_set(e, ERR_INVALID, "this is no image layout: it has no file oci-layout");
	if (r == 0)
		r = json_parse(buf, len, 65536, "oci-layout", &j, e);
	if (r < 0)
		return r;
	version = json_string_value(json_object_get(j, "imageLayoutVersion"));
	if (!version || !str_starts(version, "1."))
		return err_set(e, ERR_UNSUPPORTED, "image layout of the unknown version \"%.40s\"",
			       version ? version : "");
	return 0;
}

static int read_index(const struct layout_files *files, json_t **ret, struct err *e)
{
	auto_free char *buf = NULL;
	size_t len = 0;
	int r = read_small(files, "index.json", LAYOUT_INDEX_MAX_BYTES, &buf, &len, e);

	return r < 0 ? r : json_parse(buf, len, LAYOUT_INDEX_MAX_BYTES, "index.json", ret, e);
}

int source_layout_count(const struct layout_files *files, size_t *ret, struct err *e)
{
	auto_json json_t *j = NULL;
	int r = read_index(files, &j, e);

	if (r == 0)
		*ret = json_array_size(json_object_get(j, "manifests"));
	return r;
}

int source_layout_new(const struct ctr_location *l, const struct layout_files *files,
		      struct image_source **ret, struct err *e)
{
	struct source_layout *s = calloc(1, sizeof(*s));
	auto_json json_t *j = NULL;
	int r;

	if (!s) {
		files->free(files->arg);
		return err_sys(e, ENOMEM, "open the image layout");
	}
	s->base.ops = &layout_ops;
	s->files = *files;
	r = check_version(s, e);
	if (r == 0)
		r = read_index(&s->files, &j, e);
	if (r == 0)
		r = choose(s, l, j, e);
	if (r < 0) {
		image_source_free(&s->base);
		return r;
	}
	*ret = &s->base;
	return 0;
}
