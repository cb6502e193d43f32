/* Compression of a layer (isa-l). */
#include "gzip.h"

#include <errno.h>
#include <isa-l.h>
#include <stdlib.h>

#include "fd.h"

#define LEVEL 1
#define OUT_BYTES (128u << 10)

struct gzip {
	struct isal_zstream z;
	unsigned char *out;
	unsigned char *level_buf;
};

int gzip_new(struct gzip **ret, struct err *e)
{
	struct gzip *g = calloc(1, sizeof(*g));

	if (g) {
		g->out = malloc(OUT_BYTES);
		g->level_buf = malloc(ISAL_DEF_LVL1_DEFAULT);
	}
	if (!g || !g->out || !g->level_buf) {
		gzip_free(g);
		return err_sys(e, ENOMEM, "compress");
	}
	isal_deflate_init(&g->z);
	g->z.gzip_flag = IGZIP_GZIP;
	g->z.level = LEVEL;
	g->z.level_buf = g->level_buf;
	g->z.level_buf_size = ISAL_DEF_LVL1_DEFAULT;
	*ret = g;
	return 0;
}

void gzip_free(struct gzip *g)
{
	if (!g)
		return;
	free(g->out);
	free(g->level_buf);
	free(g);
}

int gzip_add(struct gzip *g, const void *data, size_t len, bool end,
	     int (*sink)(void *arg, const void *data, size_t len, struct err *e), void *arg,
	     struct err *e)
{
	g->z.next_in = (unsigned char *)(uintptr_t)data; /* isa-l reads it only */
	g->z.avail_in = (uint32_t)len;
	g->z.end_of_stream = end;
	do {
		int r;

		g->z.next_out = g->out;
		g->z.avail_out = OUT_BYTES;
		if (isal_deflate(&g->z) != COMP_OK)
			return err_set(e, ERR_OS, "compress: isa-l failed");
		r = sink(arg, g->out, OUT_BYTES - g->z.avail_out, e);
		if (r < 0)
			return r;
	} while (g->z.avail_out == 0 || g->z.avail_in > 0 ||
		 (end && g->z.internal_state.state != ZSTATE_END));
	return 0;
}
