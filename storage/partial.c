/* Blobs that are being fetched. */
#include "partial.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "file.h"
#include "store-internal.h"

#define DIR_NAME "partial"
#define NOTE_MAGIC UINT64_C(0x31747261702d7463)
#define OPEN_TRIES 16		/* files that others rename or remove before we lock them */
#define IMAGE_PREFIX "image-"

/* Behind the bytes of a blob that is not complete.  Of this machine only: its byte order. */
struct note {
	uint64_t magic, size_bytes, n;
	struct partial_piece pieces[PARTIAL_PIECES_MAX];
};

int partial_dir(struct store *s, struct err *e)
{
	int fd;

	if (mkdirat(s->root_fd, DIR_NAME, 0700) < 0 && errno != EEXIST)
		return err_sys(e, errno, "make %s/" DIR_NAME, s->root);
	fd = openat(s->root_fd, DIR_NAME, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_sys(e, errno, "open %s/" DIR_NAME, s->root) : fd;
}

/* Is the file @name still the one that is open? */
static bool is_same(int fd, int dir_fd, const char *name)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && fstatat(dir_fd, name, &b, AT_SYMLINK_NOFOLLOW) == 0 &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* A locked descriptor of the file that has the name; -EWOULDBLOCK: it is another's. */
static int open_locked(int dir_fd, const char *name, bool exclusive, int flags)
{
	for (int i = 0; i < OPEN_TRIES; i++) {
		auto_close int fd = openat(dir_fd, name, flags | O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
					   0600);
		int r = fd < 0 ? -errno : file_lock(fd, exclusive, false);

		if (r < 0)
			return r;
		if (is_same(fd, dir_fd, name))
			return take_fd(&fd);
	}
	return -EWOULDBLOCK;
}

static int by_start(const void *a, const void *b)
{
	const struct partial_piece *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

/* In order, and those that touch as one. */
static void merge(struct partial *p)
{
	size_t n = 0;

	qsort(p->pieces, p->n, sizeof(p->pieces[0]), by_start);
	for (size_t i = 0; i < p->n; i++) {
		struct partial_piece *last = n ? &p->pieces[n - 1] : NULL;

		if (last && p->pieces[i].start <= last->end) {
			if (p->pieces[i].end > last->end)
				last->end = p->pieces[i].end;
		} else if (p->pieces[i].end > p->pieces[i].start) {
			p->pieces[n++] = p->pieces[i];
		}
	}
	p->n = n;
}

/* What is there of it: a note that makes no sense is none. */
static void read_note(struct partial *p)
{
	struct note note = { 0 };

	ssize_t len;

	p->n = 0;
	len = pread(p->fd, &note, sizeof(note), (off_t)p->size_bytes);

	if (len < (ssize_t)offsetof(struct note, pieces) || note.magic != NOTE_MAGIC ||
	    note.size_bytes != p->size_bytes || note.n > PARTIAL_PIECES_MAX ||
	    len < (ssize_t)(offsetof(struct note, pieces) + note.n * sizeof(note.pieces[0])))
		return;
	for (size_t i = 0; i < note.n; i++)
		if (note.pieces[i].start > note.pieces[i].end || note.pieces[i].end > p->size_bytes)
			return;
	memcpy(p->pieces, note.pieces, sizeof(note.pieces));
	p->n = note.n;
	merge(p);
}

static int write_note(const struct partial *p)
{
	struct note note;
	size_t len = offsetof(struct note, pieces) + p->n * sizeof(p->pieces[0]);
	ssize_t n;

	note.magic = NOTE_MAGIC;
	note.size_bytes = p->size_bytes;
	note.n = p->n;
	memcpy(note.pieces, p->pieces, p->n * sizeof(p->pieces[0]));
	do
		n = pwrite(p->fd, &note, len, (off_t)p->size_bytes);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)len ? 0 : n < 0 ? -errno : -ENOSPC;
}

static bool is_complete(const struct partial *p)
{
	struct stat st;

	return fstat(p->fd, &st) == 0 && (uint64_t)st.st_size == p->size_bytes && st.st_size > 0;
}

static void set_complete(struct partial *p)
{
	p->complete = true;
	p->pieces[0] = (struct partial_piece){ 0, p->size_bytes };
	p->n = 1;
}

int partial_open(int dir_fd, const struct digest *digest, uint64_t size_bytes, struct partial *ret,
		 struct err *e)
{
	struct partial p = { .fd = FD_NONE, .dir_fd = FD_NONE, .digest = *digest,
			     .size_bytes = size_bytes };
	bool exclusive = true;
	int r;

	p.fd = open_locked(dir_fd, digest->hex, true, O_CREAT);
	if (p.fd == -EWOULDBLOCK) {
		/* complete ones are shared */
		exclusive = false;
		p.fd = open_locked(dir_fd, digest->hex, false, 0);
	}
	if (p.fd == -EWOULDBLOCK || p.fd == -ENOENT)
		return 0;
	if (p.fd < 0)
		return err_sys(e, p.fd, "open the partial blob %.12s", digest->hex);
	if (is_complete(&p)) {
		set_complete(&p);
	} else if (!exclusive) {
		(void)fd_close(p.fd); /* its maker has just gone: the next try gets it */
		return 0;
	} else {
		read_note(&p);
		/* whatever a wrong note or a blob of another length left */
		if (p.n == 0 && ftruncate(p.fd, 0) < 0) {
			r = err_sys(e, errno, "empty the partial blob %.12s", digest->hex);
			(void)fd_close(p.fd);
			return r;
		}
	}
	p.found = p.n > 0;
	p.dir_fd = fd_dup(dir_fd);
	r = p.dir_fd < 0 ? p.dir_fd : p.complete && exclusive ? file_lock(p.fd, false, true) : 0;
	if (r < 0) {
		partial_close(&p);
		return err_sys(e, r, "share the partial blob %.12s", digest->hex);
	}
	*ret = p;
	return 1;
}

int partial_write(struct partial *p, size_t i, const void *data, size_t len, struct err *e)
{
	struct partial_piece *piece = &p->pieces[i];
	const char *at = data;
	size_t left = len;
	int r;

	if (len > p->size_bytes - piece->end)
		return err_set(e, ERR_CORRUPT, "blob %.12s is longer than it was announced", p->digest.hex);
	while (left) {
		ssize_t n = pwrite(p->fd, at, left, (off_t)(piece->end + (len - left)));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, errno, "write a blob");
		at += n;
		left -= (size_t)n;
	}
	piece->end += len;
	r = write_note(p);
	return r < 0 ? err_sys(e, r, "write a blob") : 0;
}

int partial_copy(struct partial *p, uint64_t start, int fd, uint64_t at, uint64_t len, struct err *e)
{
	off_t from = (off_t)at, to = (off_t)start;
	int i = partial_add_piece(p, start);

	if (i < 0)
		return err_sys(e, i, "copy a part of a blob");
	while (len > 0) {
		ssize_t n = copy_file_range(fd, &from, p->fd, &to, len, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_sys(e, n < 0 ? errno : ENODATA, "copy a part of a blob");
		len -= (size_t)n;
		p->pieces[i].end += (uint64_t)n;
	}
	return 0;
}

int partial_take_note(struct partial *p, struct err *e)
{
	int r = write_note(p);

	return r < 0 ? err_sys(e, r, "write a blob") : 0;
}

int partial_add_piece(struct partial *p, uint64_t start)
{
	if (p->n == PARTIAL_PIECES_MAX)
		return -ENOSPC;
	p->pieces[p->n] = (struct partial_piece){ start, start };
	return (int)p->n++;
}

uint64_t partial_known_end(const struct partial *p, uint64_t at)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->pieces[i].start <= at && at < p->pieces[i].end) {
			at = p->pieces[i].end;
			i = (size_t)-1; /* another one may go on there */
		}
	return at;
}

uint64_t partial_next_start(const struct partial *p, uint64_t at)
{
	uint64_t next = p->size_bytes;

	for (size_t i = 0; i < p->n; i++)
		if (p->pieces[i].start > at && p->pieces[i].start < next)
			next = p->pieces[i].start;
	return next;
}

uint64_t partial_have(const struct partial *p)
{
	uint64_t n = 0;

	for (size_t i = 0; i < p->n; i++)
		n += p->pieces[i].end - p->pieces[i].start;
	return n;
}

int partial_finish(struct partial *p, struct err *e)
{
	if (p->complete)
		return 0;
	if (ftruncate(p->fd, (off_t)p->size_bytes) < 0 || fchmod(p->fd, 0644) < 0)
		return err_sys(e, errno, "complete blob %.12s", p->digest.hex);
	set_complete(p);
	/* Whoever gets the lock in between sees that it is complete and shares it at once. */
	if (file_lock(p->fd, false, true) < 0)
		return err_sys(e, errno, "share blob %.12s", p->digest.hex);
	return 0;
}

int partial_place(struct partial *p, int to_fd, struct err *e)
{
	if (is_same(p->fd, p->dir_fd, p->digest.hex) &&
	    renameat2(p->dir_fd, p->digest.hex, to_fd, p->digest.hex, RENAME_NOREPLACE) < 0 &&
	    errno != EEXIST)
		return err_sys(e, errno, "put blob %.12s into place", p->digest.hex);
	/* Where it was put by another process that holds it, too, all is well. */
	if (faccessat(to_fd, p->digest.hex, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, errno, "put blob %.12s into place", p->digest.hex);
	if (is_same(p->fd, p->dir_fd, p->digest.hex))
		(void)unlinkat(p->dir_fd, p->digest.hex, 0); /* what stays is collected */
	return 0;
}

void partial_drop(struct partial *p)
{
	if (p->fd >= 0 && is_same(p->fd, p->dir_fd, p->digest.hex))
		(void)unlinkat(p->dir_fd, p->digest.hex, 0); /* what stays fails its check again */
	partial_close(p);
}

void partial_close(struct partial *p)
{
	p->fd = fd_close(p->fd);
	p->dir_fd = fd_close(p->dir_fd);
}

static void image_name(const struct digest *d, char buf[DIGEST_HEX_LEN + 16])
{
	(void)snprintf(buf, DIGEST_HEX_LEN + 16, IMAGE_PREFIX "%s", d->hex);
}

int partial_image_lock(int dir_fd, const struct digest *manifest, struct err *e)
{
	char name[DIGEST_HEX_LEN + 16];
	int fd;

	image_name(manifest, name);
	fd = open_locked(dir_fd, name, true, O_CREAT);
	return fd < 0 && fd != -EWOULDBLOCK ? err_sys(e, fd, "lock image %.12s", manifest->hex) : fd;
}

void partial_image_unlock(int dir_fd, const struct digest *manifest, int fd)
{
	char name[DIGEST_HEX_LEN + 16];

	if (fd < 0)
		return;
	image_name(manifest, name);
	(void)unlinkat(dir_fd, name, 0); /* what stays is collected */
	(void)fd_close(fd);
}

/* Removing what is stale */

struct leftover {
	const char *name;
	time_t changed;
	uint64_t bytes;
};

static int newest_first(const void *a, const void *b)
{
	const struct leftover *x = a, *y = b;

	return x->changed > y->changed ? -1 : x->changed < y->changed;
}

static void remove_unused(int dir_fd, const char *name)
{
	auto_close int fd = open_locked(dir_fd, name, true, 0);

	if (fd >= 0)
		(void)unlinkat(dir_fd, name, 0); /* the next collection tries again */
}

int partial_collect(struct store *s, bool all, struct err *e)
{
	auto_close int dir = openat(s->root_fd, DIR_NAME, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	auto_strv struct strv names = STRV_INIT;
	auto_free struct leftover *list = NULL;
	uint64_t sum = 0;
	size_t n = 0;
	int r;

	if (dir < 0)
		return errno == ENOENT ? 0 : err_sys(e, errno, "open %s/" DIR_NAME, s->root);
	r = store_list_dir(dir, ".", &names);
	if (r < 0)
		return err_sys(e, r, "list %s/" DIR_NAME, s->root);
	list = calloc(names.n + 1, sizeof(*list));
	if (!list)
		return err_sys(e, ENOMEM, "list %s/" DIR_NAME, s->root);
	for (size_t i = 0; i < names.n; i++) {
		struct stat st;

		if (fstatat(dir, names.items[i], &st, AT_SYMLINK_NOFOLLOW) == 0)
			list[n++] = (struct leftover){ names.items[i], st.st_mtime,
						       (uint64_t)st.st_blocks * 512 };
	}
	qsort(list, n, sizeof(*list), newest_first);
	for (size_t i = 0; i < n; i++) {
		sum += list[i].bytes;
		if (all || list[i].changed < time(NULL) - PARTIAL_KEEP_S || sum > PARTIAL_KEEP_MAX_BYTES)
			remove_unused(dir, list[i].name);
	}
	return 0;
}
