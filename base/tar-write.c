/* Writing tar archives. */
#include "tar-write.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "fd.h"
#include "str.h"

#define BLOCK 512u
#define BUF_BYTES (512u << 10)
#define SEND_MIN_BYTES (128u << 10) /* smaller files go through the buffer with their headers */
#define SEND_BYTES (8u << 20)	    /* at once */
#define RECORD_BYTES 10240u	    /* what archives are filled up to */

struct header {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], chksum[8], typeflag,
		linkname[100];
	char magic[6], version[2], uname[32], gname[32], devmajor[8], devminor[8], prefix[155],
		pad[12];
};
_Static_assert(sizeof(struct header) == BLOCK, "a tar header is one block");

int tar_write_init(struct tar_write *t, int fd)
{
	*t = (struct tar_write){ .fd = fd, .buf = malloc(BUF_BYTES) };
	return t->buf ? 0 : -ENOMEM;
}

void tar_write_done(struct tar_write *t)
{
	free(t->buf);
	t->buf = NULL;
}

static int flush(struct tar_write *t)
{
	int r = fd_write_all(t->fd, t->buf, t->len);

	t->len = 0;
	return r;
}

static int put(struct tar_write *t, const void *data, size_t len)
{
	const char *p = data;

	t->written += len;
	while (len) {
		size_t n = BUF_BYTES - t->len < len ? BUF_BYTES - t->len : len;
		int r;

		memcpy(t->buf + t->len, p, n);
		t->len += n;
		p += n;
		len -= n;
		r = t->len == BUF_BYTES ? flush(t) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

static int put_zeros(struct tar_write *t, uint64_t len)
{
	static const char zeros[BLOCK * 16];
	int r = 0;

	while (r == 0 && len) {
		size_t n = len < sizeof(zeros) ? (size_t)len : sizeof(zeros);

		r = put(t, zeros, n);
		len -= n;
	}
	return r;
}

static int fill_block(struct tar_write *t)
{
	return put_zeros(t, (BLOCK - t->written % BLOCK) % BLOCK);
}

/* One pax record, "LEN KEY=VALUE\n", whose length counts itself. */
static void add_record(struct strbuf *b, const char *key, const void *value, size_t len)
{
	size_t rest = strlen(key) + len + 3, total = rest + 1;
	char digits[24];

	while (rest + (size_t)snprintf(digits, sizeof(digits), "%zu", total) != total)
		total = rest + strlen(digits);
	strbuf_addf(b, "%s %s=", digits, key);
	strbuf_addn(b, value, len);
	strbuf_addc(b, '\n');
}

static void add_number(struct strbuf *b, const char *key, int64_t v)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%lld", (long long)v);
	add_record(b, key, text, strlen(text));
}

/* As octal digits, or zero where it does not fit and a record says it. */
static bool octal(char *field, size_t size, uint64_t v)
{
	bool fits = size > 8 ? v < 1ull << 33 : v < 1u << 21;
	char digits[32];

	(void)snprintf(digits, sizeof(digits), "%0*llo", (int)size - 1,
		       fits ? (unsigned long long)v : 0ull);
	memcpy(field, digits, size);
	return fits;
}

static bool text_field(char *field, size_t size, const char *s)
{
	size_t len = strlen(s);

	memcpy(field, s, len < size ? len : size);
	return len <= size;
}

static int put_header(struct tar_write *t, struct header *h)
{
	unsigned int sum = 0;

	memcpy(h->magic, "ustar", 6);
	memcpy(h->version, "00", 2);
	memset(h->chksum, ' ', sizeof(h->chksum));
	for (size_t i = 0; i < sizeof(*h); i++)
		sum += ((const unsigned char *)h)[i];
	(void)snprintf(h->chksum, sizeof(h->chksum), "%06o", sum);
	h->chksum[7] = ' ';
	return put(t, h, sizeof(*h));
}

static int put_pax(struct tar_write *t, const struct strbuf *b)
{
	struct header h = { .typeflag = 'x' };
	int r;

	(void)text_field(h.name, sizeof(h.name), "PaxHeaders.0/x");
	(void)octal(h.mode, sizeof(h.mode), 0644);
	(void)octal(h.uid, sizeof(h.uid), 0);
	(void)octal(h.gid, sizeof(h.gid), 0);
	(void)octal(h.size, sizeof(h.size), b->len);
	(void)octal(h.mtime, sizeof(h.mtime), 0);
	r = put_header(t, &h);
	r = r < 0 ? r : put(t, b->data, b->len);
	return r < 0 ? r : fill_block(t);
}

static char type_of(const struct tar_entry *e)
{
	if (e->hard_link)
		return '1';
	switch (e->mode & S_IFMT) {
	case S_IFLNK:
		return '2';
	case S_IFCHR:
		return '3';
	case S_IFBLK:
		return '4';
	case S_IFDIR:
		return '5';
	case S_IFIFO:
		return '6';
	default:
		return '0';
	}
}

int tar_write_entry(struct tar_write *t, const struct tar_entry *e)
{
	auto_strbuf struct strbuf pax = STRBUF_INIT;
	auto_free char *dir = NULL;
	struct header h = { .typeflag = type_of(e) };
	const char *path = e->path;
	int r = 0;

	if (h.typeflag == '5') {
		path = dir = str_printf("%s/", e->path);
		if (!dir)
			return -ENOMEM;
	}
	if (!text_field(h.name, sizeof(h.name), path))
		add_record(&pax, "path", path, strlen(path));
	if (e->link && !text_field(h.linkname, sizeof(h.linkname), e->link))
		add_record(&pax, "linkpath", e->link, strlen(e->link));
	(void)octal(h.mode, sizeof(h.mode), e->mode & 07777);
	if (!octal(h.uid, sizeof(h.uid), e->uid))
		add_number(&pax, "uid", e->uid);
	if (!octal(h.gid, sizeof(h.gid), e->gid))
		add_number(&pax, "gid", e->gid);
	if (!octal(h.size, sizeof(h.size), h.typeflag == '0' ? e->size : 0))
		add_number(&pax, "size", (int64_t)e->size);
	if (!octal(h.mtime, sizeof(h.mtime), (uint64_t)e->mtime))
		add_number(&pax, "mtime", e->mtime);
	if (h.typeflag == '3' || h.typeflag == '4') {
		(void)octal(h.devmajor, sizeof(h.devmajor), major(e->rdev));
		(void)octal(h.devminor, sizeof(h.devminor), minor(e->rdev));
	}
	for (size_t i = 0; i < e->n_xattrs; i++) {
		auto_free char *key = str_printf("SCHILY.xattr.%s", e->xattrs[i].name);

		if (!key)
			return -ENOMEM;
		add_record(&pax, key, e->xattrs[i].value, e->xattrs[i].len);
	}
	if (pax.failed)
		return -ENOMEM;
	if (pax.len)
		r = put_pax(t, &pax);
	return r < 0 ? r : put_header(t, &h);
}

/* In the kernel; how much is left for the buffer to do. */
static int send_some(struct tar_write *t, int fd, uint64_t *left, bool (*stop)(void *, uint64_t),
		     void *arg)
{
	int r = flush(t);

	while (r == 0 && *left && !t->no_sendfile) {
		ssize_t n =
			sendfile(t->fd, fd, NULL, *left < SEND_BYTES ? (size_t)*left : SEND_BYTES);

		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n < 0 && (errno == EINVAL || errno == ENOSYS))
			t->no_sendfile = true;
		else if (n < 0)
			return -errno;
		else if (n == 0)
			return 0; /* its end */
		if (n > 0) {
			*left -= (uint64_t)n;
			t->written += (uint64_t)n;
		}
		if (stop && stop(arg, n > 0 ? (uint64_t)n : 0))
			return -EINTR;
	}
	return r;
}

int tar_write_file(struct tar_write *t, int fd, uint64_t size,
		   bool (*stop)(void *arg, uint64_t bytes), void *arg)
{
	uint64_t left = size;
	int r = 0;

	if (size >= SEND_MIN_BYTES && !t->no_sendfile)
		r = send_some(t, fd, &left, stop, arg);
	while (r == 0 && left) {
		size_t room = BUF_BYTES - t->len;
		ssize_t n = read(fd, t->buf + t->len, left < room ? (size_t)left : room);

		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n < 0)
			return -errno;
		else if (n == 0)
			break;
		t->len += (size_t)n;
		t->written += (uint64_t)n;
		left -= (uint64_t)n;
		if (t->len == BUF_BYTES)
			r = flush(t);
		if (stop && stop(arg, (uint64_t)n))
			return -EINTR;
	}
	if (r == 0 && left)
		r = put_zeros(t, left);
	return r < 0 ? r : fill_block(t);
}

int tar_write_end(struct tar_write *t)
{
	int r = put_zeros(t, BLOCK * 2);

	if (r == 0)
		r = put_zeros(t, (RECORD_BYTES - t->written % RECORD_BYTES) % RECORD_BYTES);
	return r < 0 ? r : flush(t);
}
