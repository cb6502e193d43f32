/* Records of file lists, from a tree and from a list. */
#include "file-walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <xxhash.h>

#include "fd.h"
#include "path.h"

#define XATTRS_MAX_BYTES 65536u		/* the kernel's limit of a list and of a value, xattr(7) */
#define RECORD_MAX_BYTES (NAME_MAX + 256)
#define DEPTH_MAX 4096			/* more than any path of the system can have */
#define BLOCK_BYTES 512			/* of st_blocks, stat(2) */

static int compare_str(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

/* Those that make a difference to who uses the layer; labels are the host's. */
static bool is_ours(const char *name)
{
	return str_starts(name, "user.") || streq(name, "security.capability") ||
	       str_starts(name, "system.posix_acl_");
}

static int sum_xattr(const char *path, const char *name, char *value, XXH3_state_t *state)
{
	ssize_t n = lgetxattr(path, name, value, XATTRS_MAX_BYTES);
	uint64_t len = (uint64_t)n;

	if (n < 0)
		return errno == ENODATA ? 0 : -errno;
	(void)XXH3_64bits_update(state, name, strlen(name) + 1); /* fails for NULL only */
	(void)XXH3_64bits_update(state, &len, sizeof(len));
	(void)XXH3_64bits_update(state, value, (size_t)n);
	return 0;
}

static int sum_list(const char *path, char *list, ssize_t n, char *value, uint64_t *ret)
{
	XXH3_state_t *state = XXH3_createState();
	auto_strv struct strv names = STRV_INIT;
	int r = state ? 0 : -ENOMEM;

	for (ssize_t i = 0; r == 0 && i < n; i += (ssize_t)strlen(list + i) + 1)
		if (is_ours(list + i))
			r = strv_add(&names, list + i);
	if (r == 0 && names.n) {
		(void)XXH3_64bits_reset(state);
		qsort(names.items, names.n, sizeof(names.items[0]), compare_str);
		for (size_t i = 0; r == 0 && i < names.n; i++)
			r = sum_xattr(path, names.items[i], value, state);
		if (r == 0)
			*ret = XXH3_64bits_digest(state);
	}
	(void)XXH3_freeState(state); /* takes NULL */
	return r;
}

/* @name in the working directory, links not followed. */
static int sum_xattrs(const char *name, uint64_t *ret)
{
	ssize_t n = llistxattr(name, NULL, 0);
	char *list;
	int r;

	*ret = 0;
	if (n <= 0)
		return n < 0 && errno != EOPNOTSUPP ? -errno : 0;
	list = malloc(2 * XATTRS_MAX_BYTES);
	if (!list)
		return -ENOMEM;
	n = llistxattr(name, list, XATTRS_MAX_BYTES);
	r = n < 0 ? -errno : sum_list(name, list, n, list + XATTRS_MAX_BYTES, ret);
	free(list);
	return r;
}

int file_walk_init(struct file_walk *w, int root_fd, bool xattrs)
{
	*w = (struct file_walk){ .fd = fd_dup(root_fd), .xattrs = xattrs, .path = STRBUF_INIT };
	w->cwd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (w->fd < 0)
		return w->fd;
	return w->cwd < 0 || fchdir(w->fd) < 0 ? -errno : 0;
}

static void dir_done(struct file_walk_dir *d)
{
	free(d->names);
	free(d->text);
}

void file_walk_done(struct file_walk *w)
{
	if (w->cwd >= 0)
		(void)fchdir(w->cwd); /* then relative names of ours would lead astray: there are none */
	w->cwd = fd_close(w->cwd);
	w->fd = fd_close(w->fd);
	while (w->depth > 0)
		dir_done(&w->dirs[--w->depth]);
	free(w->dirs);
	strbuf_done(&w->path);
	file_sums_map_done(&w->links);
}

static char type_of(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return 'f';
	case S_IFDIR:
		return 'd';
	case S_IFLNK:
		return 'l';
	case S_IFCHR:
		return 'c';
	case S_IFBLK:
		return 'b';
	case S_IFIFO:
		return 'p';
	default:
		return 's';
	}
}

/* Which record was the first of this file: 0 for the first itself. */
static uint64_t first_record(struct file_sum *f, uint64_t this)
{
	uint64_t first = f->link;

	if (!first)
		f->link = this;
	return first;
}

static int find_link(struct file_walk *w, const struct stat *st, uint64_t *ret)
{
	struct file_sum *f;

	f = file_sums_map_at(&w->links, st->st_ino, SIZE_MAX);
	if (!f)
		return -ENOMEM;
	*ret = first_record(f, w->n);
	return 0;
}

static int sum_target(const struct file_walk *w, const char *name, uint64_t *ret)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(w->fd, name, target, sizeof(target));

	if (n < 0)
		return -errno;
	*ret = XXH3_64bits(target, (size_t)n);
	return 0;
}

static void take_known(struct file_walk *w, struct file_sum *f, struct file_record *ret)
{
	*ret = (struct file_record){ .type = 'f', .mode = f->mode, .uid = f->uid, .gid = f->gid,
				     .size = f->size, .mtime = f->mtime, .content = f->content,
				     .link = first_record(f, w->n), .dense = true, .known = true };
}

static int look_at(struct file_walk *w, const char *name, struct file_record *ret)
{
	struct stat st;
	int r;

	if (fstatat(w->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	*ret = (struct file_record){ .type = type_of(st.st_mode), .mode = st.st_mode & 07777,
				     .uid = st.st_uid, .gid = st.st_gid, .mtime = st.st_mtim };
	if (ret->type == 'f')
		ret->size = (uint64_t)st.st_size;
	else if (ret->type == 'c' || ret->type == 'b')
		ret->size = st.st_rdev;
	ret->dense = st.st_blocks >= st.st_size / BLOCK_BYTES;
	ret->shared = !S_ISDIR(st.st_mode) && st.st_nlink > 1;
	r = ret->shared ? find_link(w, &st, &ret->link) : 0;
	return r == 0 && ret->type == 'l' ? sum_target(w, name, &ret->content) : r;
}

static int look(struct file_walk *w, const struct file_walk_name *n, struct file_record *ret)
{
	struct file_sum *f = n->type == DT_REG ? file_sums_get(w->known, n->ino) : NULL;
	int r = 0;

	w->n++;
	if (f)
		take_known(w, f, ret);
	else
		r = look_at(w, n->name, ret);
	(void)snprintf(ret->name, sizeof(ret->name), "%s", n->name);
	return r == 0 && w->xattrs ? sum_xattrs(n->name, &ret->xattrs) : r;
}

static int by_name(const void *a, const void *b)
{
	const struct file_walk_name *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int add_name(struct file_walk_dir *d, size_t *cap, const struct dirent *de)
{
	if (streq(de->d_name, ".") || streq(de->d_name, ".."))
		return 0;
	if (d->n == *cap) {
		size_t more = *cap ? *cap * 2 : 32;
		struct file_walk_name *p = reallocarray(d->names, more, sizeof(*p));

		if (!p)
			return -ENOMEM;
		d->names = p;
		*cap = more;
	}
	d->names[d->n++] = (struct file_walk_name){ .ino = de->d_ino, .type = de->d_type };
	return 1;
}

/* All names of the directory; where its text lies is known at the end only. */
static int list(int fd, struct file_walk_dir *d)
{
	auto_strbuf struct strbuf text = STRBUF_INIT;
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	auto_dir DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	const struct dirent *de;
	size_t cap = 0, at = 0;

	if (!dir) {
		r = -errno;
		(void)fd_close(copy);
		return r;
	}
	while (r >= 0 && (errno = 0, de = readdir(dir))) {
		r = add_name(d, &cap, de);
		if (r > 0)
			strbuf_addn(&text, de->d_name, strlen(de->d_name) + 1);
	}
	if (r < 0 || errno || text.failed)
		return r < 0 ? r : errno ? -errno : -ENOMEM;
	d->text = take_ptr(&text.data);
	for (size_t i = 0; i < d->n; i++) {
		d->names[i].name = d->text + at;
		at += strlen(d->text + at) + 1;
	}
	if (d->n)
		qsort(d->names, d->n, sizeof(d->names[0]), by_name);
	return 0;
}

/* Into the directory @name of the present one, which becomes the working directory. */
static int enter(struct file_walk *w, const char *name)
{
	struct file_walk_dir d = { .path_len = w->path.len };
	int fd, r;

	if (w->depth == w->cap) {
		size_t cap = w->cap ? w->cap * 2 : 16;
		struct file_walk_dir *p = reallocarray(w->dirs, cap, sizeof(*p));

		if (!p)
			return -ENOMEM;
		w->dirs = p;
		w->cap = cap;
	}
	if (w->depth == DEPTH_MAX)
		return -ELOOP;
	fd = openat(w->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	(void)fd_close(w->fd);
	w->fd = fd;
	r = list(fd, &d);
	if (r == 0 && fchdir(fd) < 0)
		r = -errno;
	if (r == 0 && !streq(name, "."))
		strbuf_addf(&w->path, "%s/", name);
	if (r < 0 || w->path.failed) {
		dir_done(&d);
		return r < 0 ? r : -ENOMEM;
	}
	w->dirs[w->depth++] = d;
	return 0;
}

static int leave(struct file_walk *w)
{
	struct file_walk_dir *d = &w->dirs[--w->depth];
	int fd;

	dir_done(d);
	w->path.len = d->path_len;
	if (w->path.data)
		w->path.data[w->path.len] = '\0';
	if (w->depth == 0)
		return 0;
	fd = openat(w->fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	(void)fd_close(w->fd);
	w->fd = fd;
	return fchdir(fd) < 0 ? -errno : 0;
}

int file_walk_next(struct file_walk *w, struct file_record *ret)
{
	struct file_walk_name root = { .name = (char[]){ "." }, .type = DT_DIR }, *name = &root;
	struct file_walk_dir *d;
	int r;

	if (w->enter) {
		r = enter(w, w->last);
		if (r < 0)
			return r;
		w->enter = false;
	}
	if (w->leave) {
		r = leave(w);
		if (r < 0)
			return r;
		w->leave = false;
	}
	if (w->n > 0) {
		if (w->depth == 0)
			return 0;
		d = &w->dirs[w->depth - 1];
		if (d->next == d->n) {
			*ret = (struct file_record){ .type = '.', .name = ".." };
			w->leave = true;
			return 1;
		}
		name = &d->names[d->next++];
	}
	r = look(w, name, ret);
	if (r < 0)
		return r;
	w->enter = ret->type == 'd';
	memcpy(w->last, ret->name, sizeof(w->last));
	return 1;
}

int file_walk_open(const struct file_walk *w, const struct file_record *rec)
{
	int fd = openat(w->fd, rec->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* Faster than printf, of which this would need ten times the time of all the rest. */
static char *put(char *p, uint64_t n, unsigned int base, size_t least, char behind)
{
	char digits[24];
	size_t k = 0;

	do
		digits[k++] = "0123456789abcdef"[n % base];
	while ((n /= base) || k < least);
	while (k)
		*p++ = digits[--k];
	*p++ = behind;
	return p;
}

void file_record_write(struct strbuf *b, const struct file_record *rec)
{
	size_t len = strlen(rec->name) + 1;
	char text[RECORD_MAX_BYTES], *p = text;

	if (rec->type == '.') {
		strbuf_addn(b, "..", 3);
		return;
	}
	*p++ = rec->type;
	*p++ = ' ';
	p = put(p, rec->mode, 8, 1, ' ');
	p = put(p, rec->uid, 10, 1, ' ');
	p = put(p, rec->gid, 10, 1, ' ');
	p = put(p, rec->size, 10, 1, ' ');
	if (rec->mtime.tv_sec < 0)
		*p++ = '-';
	p = put(p, rec->mtime.tv_sec < 0 ? -(uint64_t)rec->mtime.tv_sec : (uint64_t)rec->mtime.tv_sec, 10,
		1, '.');
	p = put(p, (uint64_t)rec->mtime.tv_nsec, 10, 9, ' ');
	p = put(p, rec->content, 16, 1, ' ');
	p = put(p, rec->xattrs, 16, 1, ' ');
	p = put(p, rec->link, 10, 1, ' ');
	memcpy(p, rec->name, len);
	strbuf_addn(b, text, (size_t)(p - text) + len);
}

/* A number up to @max and the byte behind it. */
static bool number(char **p, int base, uint64_t max, char behind, uint64_t *ret)
{
	char *end;

	if (!((**p >= '0' && **p <= '9') || (base == 16 && **p >= 'a' && **p <= 'f')))
		return false;
	errno = 0;
	*ret = strtoull(*p, &end, base);
	if (errno || *ret > max || *end != behind)
		return false;
	*p = end + 1;
	return true;
}

static bool parse(char *p, struct file_record *rec)
{
	uint64_t mode, uid, gid, sec, nsec;
	bool negative;

	if (!p[0] || !strchr("fgdlcbps", p[0]) || p[1] != ' ')
		return false;
	*rec = (struct file_record){ .type = p[0] };
	p += 2;
	if (!number(&p, 8, 07777, ' ', &mode) || !number(&p, 10, UINT32_MAX, ' ', &uid) ||
	    !number(&p, 10, UINT32_MAX, ' ', &gid) || !number(&p, 10, UINT64_MAX, ' ', &rec->size))
		return false;
	negative = *p == '-';
	p += negative;
	if (!number(&p, 10, INT64_MAX, '.', &sec) || !number(&p, 10, 999999999, ' ', &nsec) ||
	    !number(&p, 16, UINT64_MAX, ' ', &rec->content) ||
	    !number(&p, 16, UINT64_MAX, ' ', &rec->xattrs) ||
	    !number(&p, 10, UINT64_MAX, ' ', &rec->link) || strlen(p) > NAME_MAX)
		return false;
	rec->mode = (mode_t)mode;
	rec->uid = (uint32_t)uid;
	rec->gid = (uint32_t)gid;
	rec->mtime.tv_sec = negative ? -(time_t)sec : (time_t)sec;
	rec->mtime.tv_nsec = (long)nsec;
	(void)snprintf(rec->name, sizeof(rec->name), "%s", p);
	return streq(p, ".") || path_is_component(p);
}

/* Up to the next NUL. */
static int read_text(FILE *f, char buf[RECORD_MAX_BYTES])
{
	size_t n = 0;
	int c;

	while ((c = getc_unlocked(f)) > 0) {
		if (n + 1 == RECORD_MAX_BYTES)
			return -EBADMSG;
		buf[n++] = (char)c;
	}
	buf[n] = '\0';
	if (c == 0)
		return 1;
	return ferror(f) ? -EIO : n ? -EBADMSG : 0;
}

int file_record_read(FILE *f, struct file_record *ret)
{
	char buf[RECORD_MAX_BYTES];
	int r = read_text(f, buf);

	if (r <= 0)
		return r;
	if (streq(buf, "..")) {
		*ret = (struct file_record){ .type = '.', .name = ".." };
		return 1;
	}
	return parse(buf, ret) ? 1 : -EBADMSG;
}
