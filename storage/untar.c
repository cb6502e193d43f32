/*
 * From a tar stream to entries of a tree.  Parser and hasher see the same bytes: everything that
 * comes out of the decompressor is hashed on its way into libarchive, and what libarchive does
 * not want (it stops at the end of the archive) is hashed too and goes nowhere.
 */
#include "untar.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "fd.h"
#include "file-list.h"
#include "hash.h"
#include "inflate.h"
#include "path.h"
#include "str.h"
#include "tree.h"

#define TAR_BLOCK 512u
#define WHITEOUT_PREFIX ".wh."
#define WHITEOUT_META_PREFIX ".wh..wh."
#define WHITEOUT_OPAQUE ".wh..wh..opq"
#define XATTRS_MAX 64			/* of one entry */
#define XATTR_NAME_MAX_ 255		/* the kernel's limits, xattr(7) */
#define XATTR_VALUE_MAX_BYTES 65536u
#define SPACE_CHECK_BYTES (32u << 20)	/* how often the file system's free space is looked at */

struct untar {
	const struct unpack_limits *lim;
	struct inflate *inflate;
	struct hash *hash;
	struct tree tree;
	int root_fd;
	uint64_t tar_bytes, size_bytes, unchecked_bytes, n_entries;
	uint64_t entry_tail;	/* bytes of the present entry in its last block; 0: a whole block */
	struct err *e;		/* for the callback */
	int failed;		/* what the callback failed with */
};

static int check_amount(struct untar *u, struct err *e)
{
	uint64_t in = inflate_bytes_in(u->inflate);

	if (u->tar_bytes > u->lim->max_bytes)
		return err_set(e, ERR_LIMIT, "the layer is larger than the limit of %" PRIu64
			       " bytes (max_bytes, see " UNPACK_LIMITS_ENV ")", u->lim->max_bytes);
	if (u->lim->max_ratio && u->tar_bytes > u->lim->ratio_floor &&
	    u->tar_bytes / u->lim->max_ratio > in)
		return err_set(e, ERR_LIMIT, "the layer inflates to more than %" PRIu64 " times its size "
			       "(max_ratio, see " UNPACK_LIMITS_ENV "): %" PRIu64 " bytes came out of %"
			       PRIu64,
			       u->lim->max_ratio, u->tar_bytes, in);
	return 0;
}

/* The only source of bytes, for the parser and for the rest behind it. */
static ssize_t next_bytes(struct untar *u, const void **ret_buf, struct err *e)
{
	ssize_t n = inflate_next(u->inflate, ret_buf, e);
	int r;

	if (n <= 0)
		return n;
	u->tar_bytes += (uint64_t)n;
	r = hash_add(u->hash, *ret_buf, (size_t)n);
	if (r < 0)
		return err_sys(e, r, "hash the layer");
	r = check_amount(u, e);
	return r < 0 ? r : n;
}

static la_ssize_t read_cb(struct archive *a, void *arg, const void **ret_buf)
{
	struct untar *u = arg;
	ssize_t n = next_bytes(u, ret_buf, u->e);

	if (n < 0) {
		u->failed = (int)n;
		archive_set_error(a, (int)-n, "input");
		return ARCHIVE_FATAL;
	}
	if (n == 0 && u->entry_tail && u->tar_bytes % TAR_BLOCK == u->entry_tail) {
		/* The archive ends with the last byte of this entry, without filling its block: umoci
		 * writes such layers, and Go's reader takes them. */
		static const char zeros[TAR_BLOCK];

		n = (ssize_t)(TAR_BLOCK - u->entry_tail);
		u->entry_tail = 0;
		*ret_buf = zeros;
	}
	return n;
}

static int bad_archive(struct untar *u, struct archive *a, const char *what, struct err *e)
{
	const char *why = archive_error_string(a);

	if (u->failed)
		return u->failed; /* the callback has said why */
	return err_set(e, ERR_CORRUPT, "%s: %s", what, why ? why : "damaged tar archive");
}

static int check_space(struct untar *u, size_t len, struct err *e)
{
	u->unchecked_bytes += len;
	if (u->unchecked_bytes < SPACE_CHECK_BYTES)
		return 0;
	u->unchecked_bytes = 0;
	return unpack_check_space(u->root_fd, u->lim, e);
}

static int write_at(int fd, const void *buf, size_t len, int64_t at)
{
	const char *p = buf;

	while (len > 0) {
		ssize_t n = pwrite(fd, p, len, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		len -= (size_t)n;
		at += n;
	}
	return 0;
}

/* Data blocks with gaps between them stay holes. */
static int write_content(struct untar *u, struct archive *a, int fd, const char *path, int64_t size,
			 struct err *e)
{
	int64_t end = 0;


	for (;;) {
		const void *buf;
		la_int64_t at;
		size_t len;
		int r = archive_read_data_block(a, &buf, &len, &at);

		if (r == ARCHIVE_EOF)
			break;
		if (r < ARCHIVE_WARN)
			return bad_archive(u, a, path, e);
		if (len == 0)
			continue;
		if (at < end || len > (uint64_t)(INT64_MAX - at))
			return err_set(e, ERR_CORRUPT, "%s: its parts overlap", path);
		r = check_space(u, len, e);
		if (r == 0 && (r = write_at(fd, buf, len, at)) < 0)
			(void)err_sys(e, r, "write %s", path);
		if (r < 0)
			return r;
		if (at > end)
			file_sums_gap(u->tree.sums);
		file_sums_data(u->tree.sums, buf, len);
		end = at + (int64_t)len;
	}
	if (size > end && ftruncate(fd, size) < 0)
		return err_sys(e, errno, "make %s as large as %" PRId64 " bytes", path, size);
	if (size > end)
		file_sums_gap(u->tree.sums);
	u->size_bytes += (uint64_t)(size > end ? size : end);
	return 0;
}

static int add_file(struct untar *u, struct archive *a, struct archive_entry *ae, const char *path,
		    const struct tree_meta *m, struct err *e)
{
	int64_t size = archive_entry_size(ae);
	int fd, r;

	if (size < 0)
		return err_set(e, ERR_CORRUPT, "%s: its size is negative", path);
	if ((uint64_t)size > u->lim->max_bytes)
		return err_set(e, ERR_LIMIT, "%s is larger than the limit of %" PRIu64
			       " bytes (max_bytes, see " UNPACK_LIMITS_ENV ")", path, u->lim->max_bytes);
	fd = tree_file_begin(&u->tree, path, m, e);
	if (fd < 0)
		return fd;
	file_sums_begin(u->tree.sums);
	r = size > 0 ? write_content(u, a, fd, path, size, e) : 0;
	if (r < 0) {
		(void)fd_close(fd);
		return r;
	}
	return tree_file_end(&u->tree, fd, path, m, e);
}

static int read_xattrs(struct archive_entry *ae, const char *path, struct tree_xattr *x, size_t *ret_n,
		       struct err *e)
{
	const char *name;
	const void *value;
	size_t len, n = 0;

	(void)archive_entry_xattr_reset(ae);
	while (archive_entry_xattr_next(ae, &name, &value, &len) == ARCHIVE_OK) {
		if (n == XATTRS_MAX || !name || strlen(name) > XATTR_NAME_MAX_ ||
		    len > XATTR_VALUE_MAX_BYTES)
			return err_set(e, ERR_LIMIT, "%s has more than %d extended attributes, or one with "
				       "a name of more than %d or a value of more than %u bytes", path,
				       XATTRS_MAX, XATTR_NAME_MAX_, XATTR_VALUE_MAX_BYTES);
		x[n++] = (struct tree_xattr){ name, value, len };
	}
	*ret_n = n;
	return 0;
}

static int read_id(int64_t id, const char *what, const char *path, uint32_t *ret, struct err *e)
{
	if (id < 0 || id >= UINT32_MAX)
		return err_set(e, ERR_CORRUPT, "%s: its %s is %" PRId64 ", not 0..4294967294", path, what,
			       id);
	*ret = (uint32_t)id;
	return 0;
}

static int read_meta(struct archive_entry *ae, const char *path, struct tree_xattr *x,
		     struct tree_meta *m, struct err *e)
{
	int r = read_id(archive_entry_uid(ae), "uid", path, &m->uid, e);

	if (r == 0)
		r = read_id(archive_entry_gid(ae), "gid", path, &m->gid, e);
	if (r == 0)
		r = read_xattrs(ae, path, x, &m->n_xattrs, e);
	if (r < 0)
		return r;
	m->xattrs = x;
	m->mode = archive_entry_perm(ae) & 07777;
	m->mtime.tv_sec = archive_entry_mtime(ae);
	m->mtime.tv_nsec = archive_entry_mtime_nsec(ae);
	m->atime = m->mtime;
	if (archive_entry_atime_is_set(ae)) {
		m->atime.tv_sec = archive_entry_atime(ae);
		m->atime.tv_nsec = archive_entry_atime_nsec(ae);
	}
	/* UTIME_NOW and UTIME_OMIT stand outside of this range. */
	if (m->mtime.tv_nsec < 0 || m->mtime.tv_nsec > 999999999)
		m->mtime.tv_nsec = 0;
	if (m->atime.tv_nsec < 0 || m->atime.tv_nsec > 999999999)
		m->atime.tv_nsec = 0;
	return 0;
}

static int clean_target(const char *target, char *out, struct err *e)
{
	return tree_clean_name(target, strlen(target), out, e);
}

static int add_entry(struct untar *u, struct archive *a, struct archive_entry *ae, const char *path,
		     struct err *e)
{
	const char *link = archive_entry_hardlink(ae);
	mode_t type = archive_entry_filetype(ae);
	struct tree_xattr x[XATTRS_MAX];
	struct tree_meta m = { 0 };
	char target[PATH_MAX];
	int r = read_meta(ae, path, x, &m, e);

	if (r < 0)
		return r;
	if (!path[0] && (link || type != AE_IFDIR))
		return err_set(e, ERR_CORRUPT, "the layer's root is not a directory");
	if (link) {
		r = clean_target(link, target, e);
		return r < 0 ? r : tree_hardlink(&u->tree, path, target, e);
	}
	switch (type) {
	case AE_IFDIR:
		return tree_dir(&u->tree, path, &m, e);
	case AE_IFREG:
		return add_file(u, a, ae, path, &m, e);
	case AE_IFLNK:
		link = archive_entry_symlink(ae);
		return tree_symlink(&u->tree, path, link ? link : "", &m, e);
	case AE_IFIFO:
		return tree_node(&u->tree, path, S_IFIFO, 0, &m, e);
	case AE_IFCHR:
	case AE_IFBLK:
		return tree_node(&u->tree, path, type == AE_IFCHR ? S_IFCHR : S_IFBLK,
				 makedev((unsigned int)archive_entry_rdevmajor(ae),
					 (unsigned int)archive_entry_rdevminor(ae)), &m, e);
	default:
		return 0; /* sockets have no meaning in an image */
	}
}

/* Does the path lead through aufs's own directories (.wh..wh.plnk/...)? */
static bool is_aufs_metadata(const char *path)
{
	for (const char *p = path; p; p = strchr(p, '/')) {
		p += *p == '/';
		if (str_starts(p, WHITEOUT_META_PREFIX) && !streq(p, WHITEOUT_OPAQUE))
			return true;
	}
	return false;
}

/* 1 if the entry is a whiteout (and done), 0 if it is content. */
static int add_whiteout(struct untar *u, char *path, struct err *e)
{
	char *base = strrchr(path, '/');
	const char *hidden;
	int r;

	base = base ? base + 1 : path;
	hidden = str_after(base, WHITEOUT_PREFIX);
	if (!hidden)
		return 0;
	if (streq(base, WHITEOUT_OPAQUE)) {
		*(base > path ? base - 1 : base) = '\0';
		r = tree_opaque(&u->tree, path, e);
		return r < 0 ? r : 1;
	}
	if (!path_is_component(hidden)) {
		auto_free char *q = str_quote(path);

		return err_set(e, ERR_CORRUPT, "archive member %s is a whiteout of nothing", q ? q : "?");
	}
	memmove(base, hidden, strlen(hidden) + 1);
	r = tree_whiteout(&u->tree, path, e);
	return r < 0 ? r : 1;
}

static int next_entry(struct untar *u, struct archive *a, struct archive_entry *ae, struct err *e)
{
	const char *name = archive_entry_pathname(ae);
	char path[PATH_MAX];
	int r;

	if (!name || !name[0])
		return err_set(e, ERR_CORRUPT, "an archive member has no name");
	if (++u->n_entries > u->lim->max_entries)
		return err_set(e, ERR_LIMIT, "the layer has more entries than the limit of %" PRIu64
			       " (max_entries, see " UNPACK_LIMITS_ENV ")", u->lim->max_entries);
	r = tree_clean_name(name, strlen(name), path, e);
	if (r < 0 || is_aufs_metadata(path))
		return r;
	r = add_whiteout(u, path, e);
	return r != 0 ? (r < 0 ? r : 0) : add_entry(u, a, ae, path, e);
}

/* Some warnings are only about character sets (we take names as bytes), others are damage. */
static bool is_charset_warning(struct archive *a)
{
	const char *s = archive_error_string(a);

	return s && strstr(s, "can't be converted");
}

static int read_entries(struct untar *u, struct archive *a, struct err *e)
{
	for (;;) {
		struct archive_entry *ae;
		int r = archive_read_next_header(a, &ae);

		if (r == ARCHIVE_EOF)
			return 0;
		if (r < ARCHIVE_WARN || (r == ARCHIVE_WARN && !is_charset_warning(a)))
			return bad_archive(u, a, "read the layer", e);
		u->entry_tail = (uint64_t)archive_entry_size(ae) % TAR_BLOCK;
		r = next_entry(u, a, ae, e);
		if (r < 0)
			return r;
	}
}

static int open_archive(struct untar *u, struct archive **ret, struct err *e)
{
	struct archive *a = archive_read_new();
	int r;

	if (!a || archive_read_support_format_tar(a) != ARCHIVE_OK ||
	    archive_read_support_format_empty(a) != ARCHIVE_OK) {
		(void)archive_read_free(a);
		return err_sys(e, ENOMEM, "read the layer");
	}
	u->e = e;
	if (archive_read_open(a, u, NULL, read_cb, NULL) != ARCHIVE_OK) {
		r = bad_archive(u, a, "read the layer", e);
		(void)archive_read_free(a);
		return r;
	}
	*ret = a;
	return 0;
}

static int drain(struct untar *u, struct err *e)
{
	const void *buf;
	ssize_t n;

	do
		n = next_bytes(u, &buf, e);
	while (n > 0);
	return (int)n;
}

static int unpack_all(struct untar *u, int implicit_fd, int list_fd, struct err *e)
{
	struct archive *a = NULL;
	int r = open_archive(u, &a, e);

	if (r < 0)
		return r;
	r = read_entries(u, a, e);
	(void)archive_read_free(a);
	if (r == 0)
		r = drain(u, e);
	if (r == 0)
		r = tree_finish(&u->tree, e);
	if (r == 0 && u->tree.n_implicit)
		r = tree_write_implicit(&u->tree, implicit_fd, e);
	if (r == 0 && list_fd >= 0)
		r = file_list_write(u->root_fd, list_fd, u->tree.sums, u->tree.has_xattrs, &u->size_bytes, e);
	return r;
}

int untar(int in_fd, int root_fd, int implicit_fd, int list_fd, bool squash,
	  const struct unpack_limits *lim, struct unpack_result *ret, struct err *e)
{
	struct untar u = { .lim = lim, .root_fd = root_fd };
	int r = inflate_new(in_fd, &u.inflate, e);

	if (r == 0)
		inflate_spill(u.inflate, root_fd);

	if (r == 0)
		r = tree_init(&u.tree, root_fd, squash, e);
	u.hash = hash_new();
	if (r == 0 && list_fd >= 0)
		u.tree.sums = file_sums_new();
	if (r == 0 && (!u.hash || (list_fd >= 0 && !u.tree.sums)))
		r = err_sys(e, ENOMEM, "hash the layer");
	if (r == 0)
		r = unpack_all(&u, implicit_fd, list_fd, e);
	if (r == 0) {
		struct unpack_result res = {
			.compressed_bytes = inflate_bytes_in(u.inflate),
			.tar_bytes = u.tar_bytes,
			.size_bytes = u.size_bytes,
			.n_entries = u.n_entries,
			.implicit_parents = u.tree.n_implicit > 0,
			.has_root = u.tree.has_root,
			.opaque_root = u.tree.opaque_root,
			.squashed_owners = squash,
		};

		r = hash_finish(u.hash, &res.diff_id);
		if (r < 0)
			r = err_sys(e, r, "hash the layer");
		else
			*ret = res;
	}
	tree_done(&u.tree);
	hash_free(u.hash);
	inflate_free(u.inflate);
	return r;
}
