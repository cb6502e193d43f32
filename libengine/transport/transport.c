/* The drivers, and what they share. */
#include "transport.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "blob.h"
#include "fd.h"
#include "hash.h"
#include "str.h"

#define READ_BYTES (512u << 10)

static const struct {
	int (*source)(const struct ctr_location *l, const struct transport_ctx *ctx,
		      struct image_source **ret, struct err *e);
	int (*sink)(const struct ctr_location *l, const struct transport_ctx *ctx,
		    struct image_sink **ret, struct err *e);
} drivers[] = {
	[TRANSPORT_NAME] = { source_store_open, sink_store_open },
	[TRANSPORT_DOCKER] = { source_registry_open, sink_registry_open },
	[TRANSPORT_DIR] = { source_dir_open, sink_dir_open },
	[TRANSPORT_OCI] = { source_oci_open, sink_oci_open },
	[TRANSPORT_OCI_ARCHIVE] = { source_oci_archive_open, sink_oci_archive_open },
	[TRANSPORT_DOCKER_ARCHIVE] = { source_docker_archive_open, sink_docker_archive_open },
	[TRANSPORT_STORAGE] = { source_store_open, sink_store_open },
	[TRANSPORT_COUNT_] = { NULL, NULL },
};

int image_source_open(const struct ctr_location *l, const struct transport_ctx *ctx,
		      struct image_source **ret, struct err *e)
{
	int r;

	if (!drivers[l->transport].source)
		return err_set(e, ERR_UNSUPPORTED, "%s: images cannot be read from %s: yet", l->text,
			       ctr_transport_str(l->transport));
	r = drivers[l->transport].source(l, ctx, ret, e);
	if (r < 0)
		return err_wrap(e, r, "%s", l->text);
	(*ret)->where = l;
	(*ret)->ctx = ctx;
	return 0;
}

void image_source_free(struct image_source *s)
{
	if (!s)
		return;
	strv_done(&s->names);
	s->ops->free(s);
}

int image_sink_open(const struct ctr_location *l, const struct transport_ctx *ctx,
		    struct image_sink **ret, struct err *e)
{
	int r;

	if (!drivers[l->transport].sink)
		return err_set(e, ERR_UNSUPPORTED, "%s: images cannot be written to %s: yet", l->text,
			       ctr_transport_str(l->transport));
	r = drivers[l->transport].sink(l, ctx, ret, e);
	if (r < 0)
		return err_wrap(e, r, "%s", l->text);
	(*ret)->where = l;
	(*ret)->ctx = ctx;
	return 0;
}

void image_sink_free(struct image_sink *s)
{
	if (s)
		s->ops->free(s);
}

/* Documents */

void image_document_done(struct image_document *d)
{
	int saved = errno;

	free(d->data);
	*d = (struct image_document)IMAGE_DOCUMENT_INIT;
	errno = saved;
}

int image_document_take(char *data, size_t len, const char *media_type, const struct digest *want,
			struct image_document *ret, struct err *e)
{
	struct image_document d = { .data = data, .len = len };
	int r = digest_of(data, len, &d.digest, e);

	if (r == 0 && want && !digest_eq(want, &d.digest))
		r = err_set(e, ERR_CORRUPT, "manifest has the digest sha256:%s, expected was sha256:%s",
			    d.digest.hex, want->hex);
	if (r < 0) {
		image_document_done(&d);
		return r;
	}
	if (strlen(media_type) < sizeof(d.media_type)) /* a longer one is none that we know */
		memcpy(d.media_type, media_type, strlen(media_type) + 1);
	*ret = d;
	return 0;
}

/* Parts */

void image_part_done(struct image_part *p)
{
	p->fd = fd_close(p->fd);
}

static int read_some(const struct image_part *p, char *buf, uint64_t at, size_t *ret, struct err *e)
{
	uint64_t left = p->blob.size_bytes - at;
	ssize_t n;

	do
		n = pread(p->fd, buf, left < READ_BYTES ? (size_t)left : READ_BYTES,
			  (off_t)(p->offset + at));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_sys(e, errno, "read blob %.12s", p->blob.digest.hex);
	if (n == 0)
		return err_set(e, ERR_CORRUPT, "blob %.12s ends after %" PRIu64 " of %" PRIu64 " bytes",
			       p->blob.digest.hex, at, p->blob.size_bytes);
	*ret = (size_t)n;
	return 0;
}

/* All of the part, hashed. */
static int read_all(const struct image_part *p, const struct ctr_pull_events *ev,
		    int (*fn)(void *arg, const void *data, size_t len, struct err *e), void *arg,
		    struct digest *ret, struct err *e)
{
	auto_free char *buf = malloc(READ_BYTES);
	struct hash *h = hash_new();
	int r = buf && h ? 0 : err_sys(e, ENOMEM, "read blob %.12s", p->blob.digest.hex);

	for (uint64_t at = 0; r == 0 && at < p->blob.size_bytes;) {
		size_t n = 0;

		r = ev && ev->interrupted ? ev->interrupted(e) : 0;
		if (r == 0)
			r = read_some(p, buf, at, &n, e);
		if (r == 0 && hash_add(h, buf, n) < 0)
			r = err_sys(e, EIO, "hash blob %.12s", p->blob.digest.hex);
		if (r == 0 && fn)
			r = fn(arg, buf, n, e);
		at += n;
		if (r == 0 && ev && ev->progress)
			ev->progress(ev->arg, p->slot, at);
		if (r == 0 && ev && ev->tick)
			ev->tick(ev->arg);
	}
	if (r == 0 && hash_finish(h, ret) < 0)
		r = err_sys(e, EIO, "hash blob %.12s", p->blob.digest.hex);
	hash_free(h);
	return r;
}

int image_part_digest(const struct image_part *p, struct digest *ret, struct err *e)
{
	return read_all(p, NULL, NULL, NULL, ret, e);
}

int image_part_read(const struct image_part *p, const struct ctr_pull_events *ev,
		    int (*fn)(void *arg, const void *data, size_t len, struct err *e), void *arg,
		    struct err *e)
{
	struct digest got;
	int r = read_all(p, ev, fn, arg, &got, e);

	if (r == 0 && !digest_eq(&got, &p->blob.digest))
		r = err_set(e, ERR_CORRUPT, "blob has the digest sha256:%s, expected was sha256:%s",
			    got.hex, p->blob.digest.hex);
	return r;
}

static int append(void *arg, const void *data, size_t len, struct err *e)
{
	struct strbuf *b = arg;

	strbuf_addn(b, data, len);
	return b->failed ? err_sys(e, ENOMEM, "read a blob") : 0;
}

int image_part_read_all(const struct image_part *p, size_t max_bytes, char **ret, size_t *ret_len,
			struct err *e)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;
	size_t len;
	int r;

	if (p->blob.size_bytes > max_bytes)
		return err_set(e, ERR_LIMIT, "blob %.12s is larger than %zu bytes", p->blob.digest.hex,
			       max_bytes);
	r = image_part_read(p, NULL, append, &b, e);
	len = b.len;
	if (r < 0)
		return r;
	*ret = strbuf_take(&b);
	*ret_len = len;
	return *ret ? 0 : err_sys(e, ENOMEM, "read a blob");
}

