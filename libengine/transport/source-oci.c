/* oci:DIR as a source: an image layout in a directory. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fd.h"
#include "path.h"
#include "source-layout.h"

static int open_file(void *arg, const char *path, int *ret_fd, uint64_t *ret_offset,
		     uint64_t *ret_size, struct err *e)
{
	const int *dir = arg;
	auto_close int fd = path_open_beneath(*dir, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0)
		return err_sys(e, fd, "open %s", path);
	if (fstat(fd, &st) < 0)
		return err_sys(e, errno, "stat %s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_CORRUPT, "%s is no file", path);
	*ret_fd = take_fd(&fd);
	*ret_offset = 0;
	*ret_size = (uint64_t)st.st_size;
	return 0;
}

static void close_dir(void *arg)
{
	int *dir = arg;

	(void)fd_close(*dir);
	free(dir);
}

static int open_dir(const char *path, struct layout_files *ret, struct err *e)
{
	int *dir = malloc(sizeof(*dir));

	if (!dir)
		return err_sys(e, ENOMEM, "open the image layout");
	*dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*dir < 0) {
		int r = err_sys(e, errno, "open the directory");

		free(dir);
		return r;
	}
	*ret = (struct layout_files){ open_file, close_dir, dir };
	return 0;
}

int source_oci_count(const char *path, size_t *ret, struct err *e)
{
	struct layout_files files;
	int r = open_dir(path, &files, e);

	if (r < 0)
		return r;
	r = source_layout_count(&files, ret, e);
	close_dir(files.arg);
	return r;
}

int source_oci_open(const struct ctr_location *l, const struct transport_ctx *ctx,
		    struct image_source **ret, struct err *e)
{
	struct layout_files files;
	int r = open_dir(l->path, &files, e);

	(void)ctx;
	return r < 0 ? r : source_layout_new(l, &files, ret, e);
}
