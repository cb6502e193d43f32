/* Images of this store as a source. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "fd.h"
#include "layout.h"
#include "lookup.h"
#include "source-list.h"
#include "source-podman-store.h"
#include "transport.h"

struct source_store {
	struct image_source base;
	struct store *store;
	struct digest top;
};

static int store_document(struct image_source *base, const struct digest *d,
			  struct image_document *ret, struct err *e)
{
	struct source_store *s = (struct source_store *)base;
	const struct digest *want = d ? d : &s->top;
	auto_close int fd = layout_blob_hold(s->store, want, e);
	char *data = NULL;
	size_t len;
	int r;

	if (fd < 0)
		return fd;
	r = fd_read_file(fd, LAYOUT_MANIFEST_MAX_BYTES, &data, &len);
	if (r == -EFBIG)
		return err_set(e, ERR_LIMIT, "manifest %.12s is larger than %u bytes", want->hex,
			       LAYOUT_MANIFEST_MAX_BYTES);
	if (r < 0)
		return err_sys(e, r, "read manifest %.12s", want->hex);
	return image_document_take(data, len, "", want, ret, e);
}

static int store_open_part(struct image_source *base, struct image_part *p, struct err *e)
{
	struct source_store *s = (struct source_store *)base;
	auto_close int fd = layout_blob_hold(s->store, &p->blob.digest, e);
	struct stat st;

	if (fd == -ENOENT)
		return err_set(e, ERR_NOT_FOUND, "blob %.12s of the image is not in the store: pull the "
			       "image again", p->blob.digest.hex);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return err_sys(e, errno, "stat blob %.12s", p->blob.digest.hex);
	if ((uint64_t)st.st_size != p->blob.size_bytes)
		return err_set(e, ERR_CORRUPT, "blob %.12s in the store has %" PRIu64 " bytes, its manifest says "
			       "%" PRIu64 ": pull the image again", p->blob.digest.hex,
			       (uint64_t)st.st_size, p->blob.size_bytes);
	p->fd = take_fd(&fd);
	p->offset = 0;
	return 0;
}

static void store_free(struct image_source *base)
{
	free(base);
}

static const struct image_source_ops store_ops = {
	.document = store_document,
	.open = store_open_part,
	.free = store_free,
};

/* All names of the image, the one that was asked for first. */
static int add_names(const struct layout_index *x, struct source_store *s, const char *first, struct err *e)
{
	int r = first ? strv_add(&s->base.names, first) : 0;

	for (size_t i = 0; r == 0 && i < x->n; i++)
		if (x->entries[i].ref && digest_eq(&x->entries[i].manifest, &s->top) &&
		    !strv_has(&s->base.names, x->entries[i].ref))
			r = strv_add(&s->base.names, x->entries[i].ref);
	return r < 0 ? err_sys(e, r, "read the names of %s", s->top.hex) : 0;
}

int source_store_open(const struct ctr_location *l, const struct transport_ctx *ctx,
		      struct image_source **ret, struct err *e)
{
	auto_layout_index struct layout_index x = LAYOUT_INDEX_INIT;
	const struct layout_entry *entry = NULL;
	struct source_store *s;
	bool by_id = false;
	int r;

	if (l->root && !l->ref)
		return err_set(e, ERR_INVALID, "a name is expected behind the brackets");
	if (l->root)
		return source_podman_store_open(l->root, l->driver, l->ref, ctx, ret, e);
	r = layout_read(ctx->store, &x, e);
	if (r == 0)
		r = ctr_image_lookup_entry(ctx->store, &x, l->ref, &entry, &by_id, e);
	if (r == -ENOENT && l->transport == TRANSPORT_STORAGE) {
		struct err why = ERR_INIT;

		if (source_podman_store_open(NULL, NULL, l->ref, ctx, ret, &why) == 0)
			return 0;
	}
	if (r < 0)
		return r;
	s = calloc(1, sizeof(*s));
	if (!s)
		return err_sys(e, ENOMEM, "open the image");
	s->base.ops = &store_ops;
	s->store = ctx->store;
	s->top = entry->manifest;
	r = add_names(&x, s, by_id ? NULL : entry->ref, e);
	if (r == 0 && source_list_is_needed(entry->annotations))
		r = source_list_open(&s->base, entry->annotations, ret, e);
	else if (r == 0)
		*ret = &s->base;
	if (r < 0)
		image_source_free(&s->base);
	return r;
}
