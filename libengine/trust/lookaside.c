/* Signatures in files, see lookaside.h. */
#include "lookaside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fd.h"
#include "file.h"
#include "path.h"
#include "str.h"

char *lookaside_url(const char *base, const struct digest *d, size_t i)
{
	return str_printf("%s@sha256=%s/signature-%zu", base, d->hex, i);
}

char *lookaside_base_of_dir(const char *dir, const char *repo)
{
	return str_printf("file://%s/%s", dir, repo);
}

int lookaside_read_file(const char *path, struct image_signatures *s, struct err *e)
{
	auto_free char *data = NULL;
	size_t len;
	int r = file_read_path(path, SIGNATURE_MAX_BYTES, &data, &len);

	if (r == -ENOENT || r == -ENOTDIR)
		return 0;
	if (r < 0)
		return err_sys(e, r, "read the signature %s", path);
	r = image_signatures_add(s, data, len, e);
	return r < 0 ? err_wrap(e, r, "%s", path) : 1;
}

static int make_directory(const char *path, struct err *e)
{
	auto_free char *dir = strdup(path);
	char *slash = dir ? strrchr(dir, '/') : NULL;
	int r;

	if (!slash)
		return err_sys(e, ENOMEM, "write the signature %s", path);
	*slash = '\0';
	r = path_mkdirs(dir, 0755);
	if (r < 0)
		return err_sys(e, r, "make the directory %s for a signature", dir);
	r = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return r < 0 ? err_sys(e, errno, "open the directory %s for a signature", dir) : r;
}

/* A name that somebody else takes at the same time is -EEXIST. */
static int write_new(int dir_fd, const char *name, const struct image_signature *sig)
{
	auto_free char *tmp = str_printf(".%s.%ld", name, (long)getpid());
	int r = tmp ? file_replace(dir_fd, tmp, sig->data, sig->len, 0644, FILE_SYNC_FULL) : -ENOMEM;

	if (r < 0)
		return r;
	r = linkat(dir_fd, tmp, dir_fd, name, 0) < 0 ? -errno : 0;
	(void)unlinkat(dir_fd, tmp, 0); /* the link is what counts */
	return r;
}

int lookaside_add(const char *base, const struct digest *d, const struct image_signature *sig,
		  struct err *e)
{
	auto_image_signatures struct image_signatures there = IMAGE_SIGNATURES_INIT;
	const char *rest = str_after(base, "file://");

	if (!rest || *rest != '/')
		return err_set(e, ERR_UNSUPPORTED, "signatures cannot be written to %s: set lookaside-staging "
			       "in registries.d to a file:/// directory", base);
	for (size_t i = 1; i <= SIGNATURES_MAX; i++) {
		auto_free char *path = lookaside_url(rest, d, i);
		size_t before = there.n;
		int r = path ? lookaside_read_file(path, &there, e) : err_sys(e, ENOMEM, "write a signature");

		if (r == 1 && there.n > before && there.items[before].len == sig->len &&
		    memcmp(there.items[before].data, sig->data, sig->len) == 0)
			return 0;
		if (r == 0) {
			auto_close int dir = make_directory(path, e);

			if (dir < 0)
				return dir;
			r = write_new(dir, path_base(path), sig);
			if (r == 0)
				return 0;
			if (r != -EEXIST)
				return err_sys(e, r, "write the signature %s", path);
		}
		if (r < 0 && r != -EEXIST)
			return r;
	}
	return err_set(e, ERR_LIMIT, "there are %d signatures of sha256:%s already", SIGNATURES_MAX, d->hex);
}
