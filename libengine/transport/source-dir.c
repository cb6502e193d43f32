/*
 * dir:DIR as a source: manifest.json, every blob under its digest's digits, signature-N beside
 * them (containers/image's directory transport).  With an index manifest.json is the index, and the
 * manifests in it are DIGEST.manifest.json.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dir-names.h"
#include "fd.h"
#include "file.h"
#include "layout.h"
#include "path.h"
#include "str.h"
#include "transport.h"

#define VERSION_MAX_BYTES 256

struct source_dir {
	struct image_source base;
	int fd;
	struct digest top;	/* of manifest.json, once it was read */
};

static int dir_document(struct image_source *base, const struct digest *d, struct image_document *ret,
			struct err *e)
{
	struct source_dir *s = (struct source_dir *)base;
	char name[DIR_NAME_MAX], *data = NULL;
	size_t len;
	int r;

	(void)dir_manifest_name(d, name);
	r = file_read(s->fd, name, LAYOUT_MANIFEST_MAX_BYTES, &data, &len);
	if (r == -EFBIG)
		return err_set(e, ERR_LIMIT, "%s is larger than %u bytes", name, LAYOUT_MANIFEST_MAX_BYTES);
	if (r < 0)
		return err_sys(e, r, "open %s", name);
	r = image_document_take(data, len, "", d, ret, e);
	if (r == 0 && !d)
		s->top = ret->digest;
	return r < 0 ? err_wrap(e, r, "%s", name) : 0;
}

static int dir_open(struct image_source *base, struct image_part *p, struct err *e)
{
	const struct source_dir *s = (const struct source_dir *)base;
	const char *name = p->blob.digest.hex;
	auto_close int fd = path_open_beneath(s->fd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0)
		return err_sys(e, fd, "open %s", name);
	if (fstat(fd, &st) < 0)
		return err_sys(e, errno, "stat %s", name);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_CORRUPT, "%s is no file", name);
	if ((uint64_t)st.st_size != p->blob.size_bytes)
		return err_set(e, ERR_CORRUPT, "%s has %" PRIu64 " bytes, its manifest says %" PRIu64, name,
			       (uint64_t)st.st_size, p->blob.size_bytes);
	p->fd = take_fd(&fd);
	p->offset = 0;
	return 0;
}

static int dir_signatures(struct image_source *base, const struct digest *manifest,
			  struct image_signatures *ret, struct err *e)
{
	const struct source_dir *s = (const struct source_dir *)base;
	const struct digest *d = digest_eq(manifest, &s->top) ? NULL : manifest;

	for (unsigned int i = 1; i <= SIGNATURES_MAX; i++) {
		auto_free char *data = NULL;
		char name[DIR_NAME_MAX];
		size_t len;
		int r;

		(void)dir_signature_name(d, i, name);
		r = file_read(s->fd, name, SIGNATURE_MAX_BYTES, &data, &len);
		if (r == -ENOENT)
			return 0;
		r = r < 0 ? err_sys(e, r, "read %s", name) : image_signatures_add(ret, data, len, e);
		if (r < 0)
			return r;
	}
	return err_set(e, ERR_LIMIT, "there are more than %d signatures", SIGNATURES_MAX);
}

static void dir_free(struct image_source *base)
{
	struct source_dir *s = (struct source_dir *)base;

	(void)fd_close(s->fd);
	free(s);
}

static const struct image_source_ops dir_ops = {
	.document = dir_document,
	.open = dir_open,
	.signatures = dir_signatures,
	.free = dir_free,
};

/* A directory of another version is laid out otherwise; one without the file is skopeo's oldest. */
static int check_version(int fd, struct err *e)
{
	auto_free char *text = NULL;
	size_t len;
	int r = file_read(fd, "version", VERSION_MAX_BYTES, &text, &len);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return err_sys(e, r, "read the file \"version\"");
	if (!str_starts(text, "Directory Transport Version: 1."))
		return err_set(e, ERR_UNSUPPORTED, "the file \"version\" is of no version that is known here");
	return 0;
}

int source_dir_open(const struct ctr_location *l, const struct transport_ctx *ctx,
		    struct image_source **ret, struct err *e)
{
	auto_close int fd = open(l->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct source_dir *s;
	int r;

	(void)ctx;
	if (fd < 0)
		return err_sys(e, errno, "open the directory");
	r = check_version(fd, e);
	if (r < 0)
		return r;
	s = calloc(1, sizeof(*s));
	if (!s)
		return err_sys(e, ENOMEM, "open the directory");
	s->base.ops = &dir_ops;
	s->fd = take_fd(&fd);
	*ret = &s->base;
	return 0;
}
