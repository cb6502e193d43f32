/*
 * dir:DIR as a sink, see source-dir.c for what is in it.  manifest.json, which makes the image
 * visible, is written at the end; what an earlier image left there goes then.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dir-names.h"
#include "fd.h"
#include "file.h"
#include "path.h"
#include "str.h"
#include "transport.h"

#define PARTIAL ".partial"

struct sink_dir {
	struct image_sink base;
	int fd;
	struct strv kept;	/* names of files that belong to what is put */
	struct digest top;
	char *made;		/* the directory, where it was made for this image; or NULL */
	bool done;		/* the image is visible */
	char *manifest;		/* the top document */
	size_t manifest_len;
};

static int keep(struct sink_dir *s, const char *name, struct err *e)
{
	return strv_add(&s->kept, name) < 0 ? err_sys(e, ENOMEM, "write %s", name) : 0;
}

static int to_file(void *arg, const void *data, size_t len, struct err *e)
{
	const int *fd = arg;
	int r = fd_write_all(*fd, data, len);

	return r < 0 ? err_sys(e, r, "write a blob") : 0;
}

static int put_part(struct sink_dir *s, const struct image_part *p, struct err *e)
{
	const char *name = p->blob.digest.hex;
	auto_close int fd = FD_NONE;
	int r;

	if (strv_has(&s->kept, name))
		return 0;
	(void)unlinkat(s->fd, PARTIAL, 0); /* of a process that died */
	fd = openat(s->fd, PARTIAL, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_sys(e, errno, "make a file");
	r = image_part_read(p, s->base.ctx->events, to_file, &fd, e);
	if (r == 0 && renameat(s->fd, PARTIAL, s->fd, name) < 0)
		r = err_sys(e, errno, "put blob %.12s into place", name);
	if (r < 0)
		(void)unlinkat(s->fd, PARTIAL, 0); /* the failure is reported already */
	return r < 0 ? r : keep(s, name, e);
}

static int put_document(struct sink_dir *s, const struct image_document *d, bool instance,
			struct err *e)
{
	char name[DIR_NAME_MAX];
	int r;

	if (instance) {
		(void)dir_manifest_name(&d->digest, name);
		r = file_replace(s->fd, name, d->data, d->len, 0644, FILE_SYNC_NONE);
		return r < 0 ? err_sys(e, r, "write %s", name) : keep(s, name, e);
	}
	free(s->manifest);
	s->manifest = strndup(d->data, d->len);
	s->manifest_len = d->len;
	s->top = d->digest;
	return s->manifest ? 0 : err_sys(e, ENOMEM, "write manifest.json");
}

static int dir_put_image(struct image_sink *base, const struct image_parts *p, bool instance,
			 struct err *e)
{
	struct sink_dir *s = (struct sink_dir *)base;
	int r = put_part(s, &p->config, e);

	for (size_t i = 0; r == 0 && i < p->n_layers; i++)
		r = put_part(s, &p->layers[i], e);
	return r < 0 ? r : put_document(s, p->document, instance, e);
}

static int dir_put_index(struct image_sink *base, const struct image_document *index, struct err *e)
{
	return put_document((struct sink_dir *)base, index, false, e);
}

static int dir_put_signatures(struct image_sink *base, const struct digest *manifest,
			      const struct image_signatures *sigs, struct err *e)
{
	struct sink_dir *s = (struct sink_dir *)base;
	const struct digest *d = digest_eq(manifest, &s->top) ? NULL : manifest;
	int r = 0;

	for (size_t i = 0; r == 0 && i < sigs->n; i++) {
		char name[DIR_NAME_MAX];

		(void)dir_signature_name(d, (unsigned int)i + 1, name);
		r = file_replace(s->fd, name, sigs->items[i].data, sigs->items[i].len, 0644,
				 FILE_SYNC_NONE);
		r = r < 0 ? err_sys(e, r, "write %s", name) : keep(s, name, e);
	}
	return r;
}

/* Does a file of this name belong to an image, that is: did an earlier copy write it? */
static bool is_ours(const char *name)
{
	struct digest d;
	char hex[DIGEST_HEX_LEN + 1];

	if (str_starts(name, "signature-"))
		return true;
	if (strlen(name) < DIGEST_HEX_LEN)
		return false;
	memcpy(hex, name, DIGEST_HEX_LEN);
	hex[DIGEST_HEX_LEN] = '\0';
	name += DIGEST_HEX_LEN;
	return digest_parse_hex(hex, &d, NULL) == 0 &&
	       (!*name || streq(name, ".manifest.json") || str_starts(name, ".signature-"));
}

/* What the image before this one had here and this one has not. */
static void remove_rest(const struct sink_dir *s)
{
	int fd = openat(s->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_dir DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *de;

	while (dir && (de = readdir(dir)))
		if (is_ours(de->d_name) && !strv_has(&s->kept, de->d_name))
			(void)unlinkat(s->fd, de->d_name, 0); /* what stays is named by nothing */
}

static int dir_commit(struct image_sink *base, struct err *e)
{
	struct sink_dir *s = (struct sink_dir *)base;
	int r = syncfs(s->fd) < 0 ? -errno : 0;

	if (r == 0)
		r = file_replace(s->fd, "manifest.json", s->manifest, s->manifest_len, 0644,
				 FILE_SYNC_FULL);
	if (r < 0)
		return err_sys(e, r, "write manifest.json");
	remove_rest(s);
	s->done = true;
	return 0;
}

static void dir_free(struct image_sink *base)
{
	struct sink_dir *s = (struct sink_dir *)base;

	/* A directory with nothing but our mark in it goes again. */
	if (!s->done && s->made && s->kept.n == 0 && unlinkat(s->fd, "version", 0) == 0)
		(void)rmdir(s->made);
	(void)fd_close(s->fd);
	free(s->made);
	strv_done(&s->kept);
	free(s->manifest);
	free(s);
}

static const struct image_sink_ops dir_ops = {
	.put_image = dir_put_image,
	.put_index = dir_put_index,
	.put_signatures = dir_put_signatures,
	.commit = dir_commit,
	.free = dir_free,
};

/* 1 when there is nothing in it. */
static int is_empty(int dir_fd)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_dir DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *de;

	if (!dir)
		return -errno;
	while ((de = readdir(dir)))
		if (!streq(de->d_name, ".") && !streq(de->d_name, ".."))
			return 0;
	return 1;
}

/* Somebody's own files are not mixed with ours, and not taken for an old image.  The mark comes first,
 * so that a copy that broke can be repeated. */
static int check_place(int fd, struct err *e)
{
	int r = is_empty(fd);

	if (r < 0)
		return err_sys(e, r, "read the directory");
	if (r == 0 && faccessat(fd, "version", F_OK, 0) < 0)
		return err_set(e, ERR_EXISTS, "there are files that are no image: give an empty directory, or one "
			       "that does not exist");
	r = file_replace(fd, "version", DIR_VERSION, strlen(DIR_VERSION), 0644, FILE_SYNC_NONE);
	return r < 0 ? err_sys(e, r, "write the file \"version\"") : 0;
}

int sink_dir_open(const struct ctr_location *l, const struct transport_ctx *ctx,
		  struct image_sink **ret, struct err *e)
{
	auto_close int fd = FD_NONE;
	struct sink_dir *s;
	bool there = access(l->path, F_OK) == 0;
	int r = path_mkdirs(l->path, 0755);

	(void)ctx;
	if (r < 0)
		return err_sys(e, r, "make the directory");
	fd = open(l->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, errno, "open the directory");
	r = check_place(fd, e);
	if (r < 0)
		return r;
	s = calloc(1, sizeof(*s));
	if (!s)
		return err_sys(e, ENOMEM, "open the directory");
	s->base = (struct image_sink){ .ops = &dir_ops, .oci = true, .docker = true };
	s->fd = take_fd(&fd);
	s->made = there ? NULL : strdup(l->path); /* without it an empty one may stay */
	*ret = &s->base;
	return 0;
}
