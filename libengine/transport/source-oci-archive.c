/* oci-archive:FILE as a source: an image layout in a tar archive. */
#include <errno.h>
#include <stdlib.h>

#include "archive.h"
#include "fd.h"
#include "source-layout.h"
#include "str.h"

static int open_member(void *arg, const char *path, int *ret_fd, uint64_t *ret_offset,
		       uint64_t *ret_size, struct err *e)
{
	const struct archive *a = arg;
	const struct tar_member *m = NULL;
	/* Blobs are known by their digests; of the rest there must be one only. */
	int r = str_starts(path, "blobs/") ? tar_index_find(&a->index, path, &m, e)
					   : tar_index_find_only(&a->index, path, &m, e);

	if (r < 0)
		return r;
	r = fd_dup(a->fd);
	if (r < 0)
		return err_sys(e, r, "read the archive");
	*ret_fd = r;
	*ret_offset = m->offset;
	*ret_size = m->size_bytes;
	return 0;
}

static void release(void *arg)
{
	archive_unref(arg);
}

int archive_count(struct archive *a, size_t *ret, struct err *e)
{
	const struct layout_files files = { open_member, NULL, a };

	return source_layout_count(&files, ret, e);
}

int source_oci_archive_new(struct archive *a, const struct ctr_location *l, struct image_source **ret,
			   struct err *e)
{
	const struct layout_files files = { open_member, release, archive_ref(a) };

	return source_layout_new(l, &files, ret, e);
}

int source_oci_archive_open(const struct ctr_location *l, const struct transport_ctx *ctx,
			    struct image_source **ret, struct err *e)
{
	struct archive *a = NULL;
	int r = archive_open(l->path, FD_NONE, ctx, &a, e);

	if (r < 0)
		return r;
	r = source_oci_archive_new(a, l, ret, e);
	archive_unref(a);
	return r;
}
