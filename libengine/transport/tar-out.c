/* Tar archives that are being written. */
#include "tar-out.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fd.h"
#include "str.h"
#include "tar-header.h"

static const char zeros[TAR_END_BYTES];

static bool can_seek(int fd)
{
	struct stat st;
	int flags = fcntl(fd, F_GETFL);

	/* What is appended to goes to its end, whatever place is asked for. */
	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && flags >= 0 && !(flags & O_APPEND);
}

int tar_out_fd(int fd, struct tar_out *ret, struct err *e)
{
	struct tar_out t = { .fd = fd_dup(fd), .seekable = can_seek(fd) };

	if (t.fd < 0)
		return err_sys(e, t.fd, "write the archive");
	if (t.seekable)
		t.at = (uint64_t)lseek(fd, 0, SEEK_CUR);
	*ret = t;
	return 0;
}

int tar_out_open(const char *path, bool fresh, struct tar_out *ret, struct err *e)
{
	struct tar_out t = TAR_OUT_INIT;
	struct stat st;
	char hex[17];
	int r;

	if (stat(path, &st) == 0) {
		if (S_ISREG(st.st_mode) && fresh)
			return err_set(e, ERR_EXISTS, "the file is there already: remove it, or write to another");
		if (S_ISDIR(st.st_mode))
			return err_set(e, ERR_INVALID, "it is a directory");
		if (!S_ISREG(st.st_mode)) {
			auto_close int fd = open(path, O_WRONLY | O_NOCTTY | O_CLOEXEC);

			return fd < 0 ? err_sys(e, errno, "open %s", path) : tar_out_fd(fd, ret, e);
		}
	}
	r = str_random_hex(8, hex);
	t.path = r == 0 ? strdup(path) : NULL;
	t.tmp = t.path ? str_printf("%s.%s.tmp", path, hex) : NULL;
	t.seekable = true;
	if (!t.tmp)
		r = err_sys(e, r < 0 ? r : ENOMEM, "create %s", path);
	if (r == 0)
		t.fd = open(t.tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (r == 0 && t.fd < 0) {
		r = err_sys(e, errno, "create %s", path);
		free(take_ptr(&t.tmp));
	}
	if (r < 0) {
		tar_out_done(&t);
		return r;
	}
	*ret = t;
	return 0;
}

static int put(struct tar_out *t, const void *data, size_t len, struct err *e)
{
	int r = fd_write_all(t->fd, data, len);

	t->at += len;
	return r < 0 ? err_sys(e, r, "write the archive") : 0;
}

static int put_header(struct tar_out *t, const char *name, enum tar_write_kind kind, uint64_t size,
		      struct err *e)
{
	unsigned char h[TAR_BLOCK_BYTES];

	tar_header(name, kind, size, NULL, h);
	return put(t, h, sizeof(h), e);
}

int tar_out_begin(struct tar_out *t, const char *name, uint64_t size_bytes, struct err *e)
{
	t->left = size_bytes;
	t->header_at = t->at;
	return put_header(t, name, TAR_WRITE_FILE, size_bytes, e);
}

int tar_out_data(struct tar_out *t, const void *data, size_t len, struct err *e)
{
	assert(len <= t->left);
	t->left -= len;
	return put(t, data, len, e);
}

static int pad(struct tar_out *t, uint64_t size, struct err *e)
{
	return put(t, zeros, tar_padding(size), e);
}

int tar_out_end(struct tar_out *t, struct err *e)
{
	assert(t->left == 0);
	return pad(t, t->at - t->header_at, e);
}

int tar_out_begin_unsized(struct tar_out *t, struct err *e)
{
	assert(t->seekable);
	t->left = UINT64_MAX;
	t->header_at = t->at;
	return put(t, zeros, TAR_BLOCK_BYTES, e);
}

int tar_out_end_unsized(struct tar_out *t, const char *name, struct err *e)
{
	uint64_t size = t->at - t->header_at - TAR_BLOCK_BYTES;
	unsigned char h[TAR_BLOCK_BYTES];

	tar_header(name, TAR_WRITE_FILE, size, NULL, h);
	if (pwrite(t->fd, h, sizeof(h), (off_t)t->header_at) != (ssize_t)sizeof(h))
		return err_sys(e, errno ? errno : EIO, "write the archive");
	t->left = 0;
	return pad(t, size, e);
}

int tar_out_file(struct tar_out *t, const char *name, const void *data, size_t len, struct err *e)
{
	int r = tar_out_begin(t, name, len, e);

	if (r == 0)
		r = tar_out_data(t, data, len, e);
	return r < 0 ? r : tar_out_end(t, e);
}

int tar_out_dir(struct tar_out *t, const char *name, struct err *e)
{
	return put_header(t, name, TAR_WRITE_DIR, 0, e);
}

int tar_out_finish(struct tar_out *t, struct err *e)
{
	int r = put(t, zeros, TAR_END_BYTES, e);

	if (r < 0 || !t->tmp)
		return r;
	if (rename(t->tmp, t->path) < 0)
		return err_sys(e, errno, "create %s", t->path);
	free(take_ptr(&t->tmp));
	return 0;
}

void tar_out_done(struct tar_out *t)
{
	if (t->tmp)
		(void)unlink(t->tmp); /* a half archive: the failure is what counts */
	free(t->tmp);
	free(t->path);
	(void)fd_close(t->fd);
	*t = (struct tar_out)TAR_OUT_INIT;
}
