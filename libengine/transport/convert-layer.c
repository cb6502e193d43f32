/*
 * A layer compressed otherwise: hashed first, then decompressed in a confined worker and compressed
 * here on all cores, side by side, so that no layer is held whole.
 */
#include "convert.h"

#include <errno.h>
#include <stdlib.h>

#include "compress.h"
#include "fd.h"
#include "hash.h"
#include "layer-bytes.h"
#include "spool.h"

struct converter {
	int fd;			/* the new file */
	uint64_t written;
	struct hash *hash;	/* of what is written */
	struct compressor *compressor;
};

static int write_out(void *arg, const void *data, size_t len, struct err *e)
{
	struct converter *c = arg;
	int r = fd_write_all(c->fd, data, len);

	if (r == 0)
		r = hash_add(c->hash, data, len);
	c->written += len;
	return r < 0 ? err_sys(e, r, "write a layer") : 0;
}

static int take_plain(void *arg, const void *data, size_t len, struct err *e)
{
	struct converter *c = arg;

	return compressor_add(c->compressor, data, len, e);
}

static int run(struct converter *c, const struct image_part *p, const struct ctr_copy_opts *o,
	       enum compression to, const struct stage *spool, const struct transport_ctx *ctx,
	       struct err *e)
{
	struct layer_bytes plain;
	int r;

	c->hash = hash_new();
	c->fd = spool_file(spool->fd);
	if (!c->hash || c->fd < 0)
		return err_sys(e, c->fd < 0 ? c->fd : -ENOMEM, "convert a layer");
	r = compressor_new(to, o->compression_level, write_out, c, &c->compressor, e);
	if (r == 0)
		r = image_part_read(p, NULL, NULL, NULL, e);
	if (r == 0)
		r = layer_bytes_read(p, spool, ctx, take_plain, c, &plain, e);
	return r < 0 ? r : compressor_end(c->compressor, e);
}

int convert_layer(struct image_part *p, const struct ctr_copy_opts *o, enum compression to,
		  const struct stage *spool, const struct transport_ctx *ctx, struct err *e)
{
	struct converter c = { .fd = FD_NONE };
	struct digest digest;
	int r = run(&c, p, o, to, spool, ctx, e);

	if (r == 0 && hash_finish(c.hash, &digest) < 0)
		r = err_sys(e, EIO, "hash a layer");
	compressor_free(c.compressor);
	hash_free(c.hash);
	if (r < 0) {
		(void)fd_close(c.fd);
		return err_wrap(e, r, "layer sha256:%s", p->blob.digest.hex);
	}
	image_part_done(p);
	p->fd = c.fd;
	p->offset = 0;
	p->blob.digest = digest;
	p->blob.size_bytes = c.written;
	return 0;
}
