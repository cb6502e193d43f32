/* Archives of images that are open for reading. */
#include "archive.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "fd.h"
#include "spool.h"

static int open_path(const char *path, struct err *e)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat st;

	if (fd < 0)
		return err_sys(e, errno, "open the archive");
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
		return err_set(e, ERR_INVALID, "it is a directory, not an archive");
	return take_fd(&fd);
}

static int spool(struct archive *a, int from, const struct transport_ctx *ctx, struct err *e)
{
	struct unpack_limits lim;
	struct spool_opts o = { .tmp = getenv("TMPDIR"), .idmap = ctx->idmap, .lim = &lim,
				.stop = ctx->events->interrupted };
	int r = unpack_limits_parse(getenv(UNPACK_LIMITS_ENV), &lim, e);

	if (r == 0)
		r = store_stage_new(ctx->store, &a->stage, e);
	if (r < 0)
		return r;
	o.dir_fd = a->stage.fd;
	if (o.tmp && !*o.tmp)
		o.tmp = NULL;
	return spool_open(from, &o, &a->fd, e);
}

int archive_open(const char *path, int fd, const struct transport_ctx *ctx, struct archive **ret,
		 struct err *e)
{
	struct archive *a = calloc(1, sizeof(*a));
	auto_close int own = FD_NONE;
	int r = 0;

	if (!a)
		return err_sys(e, ENOMEM, "open the archive");
	*a = (struct archive){ .users = 1, .fd = FD_NONE, .stage = STAGE_INIT, .store = ctx->store,
			       .idmap = ctx->idmap };
	if (path)
		fd = own = r = open_path(path, e);
	if (r >= 0)
		r = spool(a, fd, ctx, e);
	if (r == 0)
		r = tar_index_read(a->fd, &a->index, e);
	if (r < 0) {
		archive_unref(a);
		return r;
	}
	*ret = a;
	return 0;
}

struct archive *archive_ref(struct archive *a)
{
	a->users++;
	return a;
}

void archive_unref(struct archive *a)
{
	if (!a || --a->users)
		return;
	docker_archive_done(&a->docker);
	tar_index_done(&a->index);
	(void)fd_close(a->fd);
	if (a->stage.fd >= 0)
		(void)store_stage_drop(a->store, &a->stage, a->idmap, NULL); /* else collected later */
	free(a);
}

int archive_docker(struct archive *a, struct err *e)
{
	return a->docker.n ? 0 : docker_archive_read(a->fd, &a->index, &a->docker, e);
}

bool archive_is_layout(const struct archive *a)
{
	const struct tar_member *m;

	return tar_index_find(&a->index, "oci-layout", &m, NULL) == 0;
}
