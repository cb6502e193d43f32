/* A tar archive as a table of its members. */
#include "tar-index.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fd.h"
#include "str.h"

#define BLOCK 512u

/* POSIX.1 "ustar Interchange Format". */
struct header {
	char name[100];
	char mode[8], uid[8], gid[8];
	char size[12], mtime[12];
	char chksum[8];
	char typeflag;
	char linkname[100];
	char magic[6], version[2];
	char uname[32], gname[32];
	char devmajor[8], devminor[8];
	char prefix[155];
	char pad[12];
};
_Static_assert(sizeof(struct header) == BLOCK, "a header is one block");

/* Where an old GNU sparse header says that more of its map follows, and where such a block does. */
#define GNU_SPARSE_MORE 482
#define GNU_SPARSE_MORE_EXT 504

struct reader {
	int fd;
	uint64_t size;		/* of the file */
	uint64_t at;		/* the next header */
	struct tar_index x;
	size_t cap, name_bytes;
	/* What extension headers say of the next member. */
	char *name, *link;
	bool have_size, sparse;
	uint64_t member_size;
};

void tar_index_done(struct tar_index *x)
{
	for (size_t i = 0; i < x->n; i++) {
		free(x->members[i].name);
		free(x->members[i].link);
	}
	free(x->members);
	free(x->order);
	*x = (struct tar_index)TAR_INDEX_INIT;
}

static ssize_t read_at(int fd, void *buf, size_t len, uint64_t at)
{
	size_t got = 0;

	while (got < len) {
		ssize_t n = pread(fd, (char *)buf + got, len - got, (off_t)(at + got));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

static int no_tar(const struct reader *t, const char *why, struct err *e)
{
	if (t->at == 0 && t->x.n == 0)
		return err_set(e, ERR_CORRUPT, "not a tar archive (%s)", why);
	return err_set(e, ERR_CORRUPT, "the tar archive is damaged at byte %" PRIu64 ": %s", t->at, why);
}

/* Octal digits between blanks, or (GNU) a big-endian number behind a set top bit. */
static int parse_number(const char *field, size_t len, uint64_t *ret)
{
	const unsigned char *p = (const unsigned char *)field, *end = p + len;
	uint64_t n = 0;

	if (*p & 0x80) {
		if (*p != 0x80)
			return -EINVAL; /* negative, or more than 2^88 */
		while (++p < end) {
			if (n >> 56)
				return -ERANGE;
			n = n << 8 | *p;
		}
		*ret = n;
		return 0;
	}
	while (p < end && *p == ' ')
		p++;
	for (; p < end && *p >= '0' && *p <= '7'; p++) {
		if (n >> 61)
			return -ERANGE;
		n = n << 3 | (uint64_t)(*p - '0');
	}
	while (p < end && (*p == ' ' || *p == '\0'))
		p++;
	if (p < end)
		return -EINVAL;
	*ret = n;
	return 0;
}

/* The sum of all bytes, the field itself being blanks; some old tars added them as signed ones. */
static bool checksum_fits(const struct header *h)
{
	const unsigned char *p = (const unsigned char *)h;
	int64_t plain = 0, with_sign = 0;
	uint64_t want;

	if (parse_number(h->chksum, sizeof(h->chksum), &want) < 0)
		return false;
	for (size_t i = 0; i < BLOCK; i++) {
		bool own = i >= offsetof(struct header, chksum) &&
			   i < offsetof(struct header, chksum) + sizeof(h->chksum);

		plain += own ? ' ' : p[i];
		with_sign += own ? ' ' : (signed char)p[i];
	}
	return want == (uint64_t)plain || (with_sign >= 0 && want == (uint64_t)with_sign);
}

/* Names as they compare: "./a//b/" is "a/b". */
static void clean_name(char *s)
{
	char *out = s;

	if (*s == '/')
		return; /* absolute ones are kept as they are: nothing asks for them */
	for (char *p = s; *p;) {
		size_t n = strcspn(p, "/");

		if (n && !(n == 1 && *p == '.')) {
			if (out != s)
				*out++ = '/';
			memmove(out, p, n);
			out += n;
		}
		p += n;
		p += strspn(p, "/");
	}
	*out = '\0';
}

static int too_long(const struct reader *t, struct err *e)
{
	return err_set(e, ERR_LIMIT, "the tar archive has a name of more than %u bytes at byte %" PRIu64,
		       TAR_NAME_MAX_BYTES, t->at);
}

/* Replace what an earlier header said. */
static int set_name(struct reader *t, char **where, const char *s, size_t len, struct err *e)
{
	len = strnlen(s, len);
	if (len > TAR_NAME_MAX_BYTES)
		return too_long(t, e);
	free(*where);
	*where = strndup(s, len);
	return *where ? 0 : err_sys(e, ENOMEM, "read the archive");
}

static int pax_record(struct reader *t, const char *key, size_t key_len, const char *value,
		      size_t len, struct err *e)
{
	char digits[24];

	if (key_len == 4 && memcmp(key, "path", 4) == 0)
		return set_name(t, &t->name, value, len, e);
	if (key_len == 8 && memcmp(key, "linkpath", 8) == 0)
		return set_name(t, &t->link, value, len, e);
	if (key_len > 11 && memcmp(key, "GNU.sparse.", 11) == 0)
		t->sparse = true;
	if (key_len != 4 || memcmp(key, "size", 4) != 0)
		return 0;
	if (len >= sizeof(digits))
		return no_tar(t, "a pax header with a size that is no number", e);
	memcpy(digits, value, len);
	digits[len] = '\0';
	if (str_u64(digits, INT64_MAX, &t->member_size) < 0)
		return no_tar(t, "a pax header with a size that is no number", e);
	t->have_size = true;
	return 0;
}

/* "LENGTH KEY=VALUE\n", LENGTH being that of the whole record. */
static int parse_pax(struct reader *t, const char *buf, size_t len, struct err *e)
{
	while (len) {
		const char *p = buf, *eq;
		size_t n = 0, head;
		int r;

		while (p < buf + len && *p >= '0' && *p <= '9' && n <= len)
			n = n * 10 + (size_t)(*p++ - '0');
		head = (size_t)(p - buf) + 1;
		if (p == buf || p == buf + len || *p != ' ' || n > len || n < head + 2 ||
		    buf[n - 1] != '\n')
			return no_tar(t, "a pax header that makes no sense", e);
		eq = memchr(buf + head, '=', n - head);
		if (!eq)
			return no_tar(t, "a pax header that makes no sense", e);
		r = pax_record(t, buf + head, (size_t)(eq - buf) - head, eq + 1,
			       (size_t)(buf + n - 1 - (eq + 1)), e);
		if (r < 0)
			return r;
		buf += n;
		len -= n;
	}
	return 0;
}

/* The data of a header that says something of the next member. */
static int read_extension(struct reader *t, char type, uint64_t at, uint64_t size, struct err *e)
{
	auto_free char *buf = NULL;
	ssize_t n;

	if (size > TAR_EXTENSION_MAX_BYTES)
		return err_set(e, ERR_LIMIT, "the tar archive has an extended header of %" PRIu64
			       " bytes, the limit is %u", size, TAR_EXTENSION_MAX_BYTES);
	if (type == 'g')
		return 0; /* of all members: nothing of what we use */
	buf = malloc(size + 1);
	if (!buf)
		return err_sys(e, ENOMEM, "read the archive");
	n = read_at(t->fd, buf, size, at);
	if (n < 0)
		return err_sys(e, (int)n, "read the archive");
	if ((uint64_t)n < size)
		return no_tar(t, "it ends in the middle", e);
	switch (type) {
	case 'x':
		return parse_pax(t, buf, size, e);
	case 'L':
		return set_name(t, &t->name, buf, size, e);
	default:
		return set_name(t, &t->link, buf, size, e);
	}
}

static enum tar_kind kind_of(const struct reader *t, char type, const char *name)
{
	size_t n = strlen(name);

	switch (type) {
	case '\0': /* v7: directories end in a slash */
	case '0':
	case '7':
		if (type == '\0' && n && name[n - 1] == '/')
			return TAR_DIR;
		return t->sparse ? TAR_SPARSE : TAR_FILE;
	case '1':
		return TAR_HARDLINK;
	case '2':
		return TAR_SYMLINK;
	case '5':
		return TAR_DIR;
	case 'S':
		return TAR_SPARSE;
	default:
		return TAR_OTHER;
	}
}

/* Types without data, whatever their size field says, as Go's reader has it. */
static bool header_only(char type)
{
	return type >= '1' && type <= '6';
}

static int name_of(struct reader *t, const struct header *h, struct err *e)
{
	bool ustar = memcmp(h->magic, "ustar\0", 6) == 0;
	size_t prefix = ustar ? strnlen(h->prefix, sizeof(h->prefix)) : 0;
	char buf[sizeof(h->prefix) + sizeof(h->name) + 2];
	size_t n = strnlen(h->name, sizeof(h->name));
	int r = 0;

	if (prefix) {
		memcpy(buf, h->prefix, prefix);
		buf[prefix++] = '/';
	}
	memcpy(buf + prefix, h->name, n);
	if (!t->name)
		r = set_name(t, &t->name, buf, prefix + n, e);
	if (r == 0 && !t->link && (h->typeflag == '1' || h->typeflag == '2'))
		r = set_name(t, &t->link, h->linkname, sizeof(h->linkname), e);
	return r;
}

static void forget_extensions(struct reader *t)
{
	free(take_ptr(&t->name));
	free(take_ptr(&t->link));
	t->have_size = t->sparse = false;
}

static int add_member(struct reader *t, const struct header *h, uint64_t offset, uint64_t size,
		      struct err *e)
{
	struct tar_member *m;
	int r = name_of(t, h, e);

	if (r < 0)
		return r;
	if (t->x.n == TAR_INDEX_MEMBERS_MAX)
		return err_set(e, ERR_LIMIT, "the archive has more than %u members: it holds no images "
			       "(a root file system becomes an image by import)", TAR_INDEX_MEMBERS_MAX);
	t->name_bytes += strlen(t->name) + (t->link ? strlen(t->link) : 0);
	if (t->name_bytes > TAR_INDEX_NAMES_MAX_BYTES)
		return err_set(e, ERR_LIMIT, "the names in the archive take more than %u bytes",
			       TAR_INDEX_NAMES_MAX_BYTES);
	if (t->x.n == t->cap) {
		size_t cap = t->cap ? 2 * t->cap : 64;

		m = reallocarray(t->x.members, cap, sizeof(*m));
		if (!m)
			return err_sys(e, ENOMEM, "read the archive");
		t->x.members = m;
		t->cap = cap;
	}
	m = &t->x.members[t->x.n++];
	*m = (struct tar_member){ .kind = kind_of(t, h->typeflag, t->name), .offset = offset,
				  .size_bytes = size };
	clean_name(t->name);
	m->name = take_ptr(&t->name);
	if (m->kind == TAR_SYMLINK || m->kind == TAR_HARDLINK)
		m->link = take_ptr(&t->link);
	forget_extensions(t);
	return 0;
}

/* Over the rest of an old GNU sparse map. */
static int skip_sparse_map(struct reader *t, const struct header *h, uint64_t *at, struct err *e)
{
	bool more = h->typeflag == 'S' && ((const char *)h)[GNU_SPARSE_MORE];

	while (more) {
		char block[BLOCK];
		ssize_t n = read_at(t->fd, block, BLOCK, *at);

		if (n < 0)
			return err_sys(e, (int)n, "read the archive");
		if (n < (ssize_t)BLOCK)
			return no_tar(t, "it ends in the middle", e);
		more = block[GNU_SPARSE_MORE_EXT];
		*at += BLOCK;
	}
	return 0;
}

/* One header with its data; the reader stands on the next one then. */
static int read_entry(struct reader *t, const struct header *h, struct err *e)
{
	bool extension = h->typeflag && strchr("xgLK", h->typeflag);
	uint64_t size, at = t->at + BLOCK;
	int r;

	if (!checksum_fits(h))
		return no_tar(t, "the header's checksum differs", e);
	if (parse_number(h->size, sizeof(h->size), &size) < 0)
		return no_tar(t, "a size that is no number", e);
	if (t->have_size && !extension)
		size = t->member_size;
	if (header_only(h->typeflag))
		size = 0;
	r = skip_sparse_map(t, h, &at, e);
	if (r < 0)
		return r;
	if (at > t->size || size > t->size - at)
		return no_tar(t, "it ends in the middle", e);
	r = extension ? read_extension(t, h->typeflag, at, size, e) : add_member(t, h, at, size, e);
	/* No overflow: both are no larger than a file is. */
	t->at = at + (size + BLOCK - 1) / BLOCK * BLOCK;
	return r;
}

static bool is_zero(const struct header *h)
{
	static const struct header zero;

	return memcmp(h, &zero, BLOCK) == 0;
}

static int read_all(struct reader *t, struct err *e)
{
	unsigned int zeros = 0;
	int r = 0;

	while (r == 0 && zeros < 2 && t->at < t->size) {
		struct header h;
		ssize_t n = read_at(t->fd, &h, BLOCK, t->at);

		if (n < 0)
			return err_sys(e, (int)n, "read the archive");
		if (n < (ssize_t)BLOCK)
			return no_tar(t, "it ends in the middle of a header", e);
		if (is_zero(&h)) {
			zeros++;
			t->at += BLOCK;
		} else if (zeros) {
			return no_tar(t, "a single block of zeros", e);
		} else {
			r = read_entry(t, &h, e);
		}
	}
	if (r == 0 && t->name)
		return no_tar(t, "it ends behind an extended header", e);
	return r;
}

static int by_name(const void *a, const void *b, void *arg)
{
	const size_t *i = a, *j = b;
	const struct tar_member *m = arg;
	int r = strcmp(m[*i].name, m[*j].name);

	return r ? r : (*i > *j) - (*i < *j);
}

static int sort(struct tar_index *x, struct err *e)
{
	x->order = calloc(x->n + 1, sizeof(*x->order));
	if (!x->order)
		return err_sys(e, ENOMEM, "read the archive");
	for (size_t i = 0; i < x->n; i++)
		x->order[i] = i;
	qsort_r(x->order, x->n, sizeof(*x->order), by_name, x->members);
	return 0;
}

int tar_index_read(int fd, struct tar_index *ret, struct err *e)
{
	struct reader t = { .fd = fd };
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return err_sys(e, errno, "stat the archive");
	t.size = (uint64_t)st.st_size;
	r = t.size ? read_all(&t, e) : err_set(e, ERR_CORRUPT, "the archive is empty");
	if (r == 0 && t.x.n == 0)
		r = err_set(e, ERR_CORRUPT, "the archive is empty");
	if (r == 0)
		r = sort(&t.x, e);
	forget_extensions(&t);
	if (r < 0) {
		tar_index_done(&t.x);
		return r;
	}
	*ret = t.x;
	return 0;
}

/* The first of that name in the sorted table, or x->n. */
static size_t lower_bound(const struct tar_index *x, const char *name)
{
	size_t lo = 0, hi = x->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(x->members[x->order[mid]].name, name) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static int not_there(const char *path, struct err *e)
{
	auto_free char *shown = str_quote(path);

	return err_set(e, ERR_NOT_FOUND, "the archive has no file %s", shown ? shown : "");
}

static int strange(const char *path, const char *why, struct err *e)
{
	auto_free char *shown = str_quote(path);

	return err_set(e, ERR_CORRUPT, "%s in the archive %s", shown ? shown : "", why);
}

static const char *kind_why(enum tar_kind k)
{
	switch (k) {
	case TAR_DIR:
		return "is a directory";
	case TAR_SPARSE:
		return "is a sparse file: write the archive without --sparse";
	case TAR_FILE:
	case TAR_SYMLINK:
	case TAR_HARDLINK:
	case TAR_OTHER:
		break;
	}
	return "is no plain file";
}

/* Where the link @m leads to, as a name of the archive in fresh memory: *@ret, or -ELOOP for one
 * that leads out of it. */
static int link_target(const struct tar_member *m, char **ret)
{
	auto_strv struct strv parts = STRV_INIT;
	const char *slash = m->kind == TAR_SYMLINK ? strrchr(m->name, '/') : NULL;
	auto_free char *all = str_printf("%.*s%s", slash ? (int)(slash - m->name) + 1 : 0, m->name,
					 m->link ? m->link : "");
	size_t n = 0, len = 0;
	char *out;

	if (!all || strv_split(&parts, all, '/') < 0)
		return -ENOMEM;
	if (!m->link || m->link[0] == '/')
		return -ELOOP;
	for (size_t i = 0; i < parts.n; i++) {
		char *part = parts.items[i];

		if (!*part || streq(part, "."))
			continue;
		if (streq(part, "..")) {
			if (n == 0)
				return -ELOOP;
			n--;
			continue;
		}
		parts.items[i] = parts.items[n];
		parts.items[n++] = part;
	}
	for (size_t i = 0; i < n; i++)
		len += strlen(parts.items[i]) + 1;
	*ret = out = malloc(len + 1);
	if (!out)
		return -ENOMEM;
	*out = '\0';
	for (size_t i = 0; i < n; i++)
		out = stpcpy(stpcpy(out, i ? "/" : ""), parts.items[i]);
	return 0;
}

static int find(const struct tar_index *x, const char *path, bool only,
		const struct tar_member **ret, struct err *e)
{
	auto_free char *name = strdup(path);

	if (!name)
		return err_sys(e, ENOMEM, "read the archive");
	if (*name == '/')
		return not_there(path, e);
	clean_name(name);
	for (int hops = 0; hops <= TAR_LINKS_MAX; hops++) {
		size_t i = lower_bound(x, name);
		const struct tar_member *m = i < x->n ? &x->members[x->order[i]] : NULL;
		char *target = NULL;
		int r;

		if (!m || !streq(m->name, name))
			return not_there(path, e);
		if (only && i + 1 < x->n && streq(x->members[x->order[i + 1]].name, name))
			return strange(path, "is there twice", e);
		if (m->kind == TAR_FILE) {
			*ret = m;
			return 0;
		}
		if (m->kind != TAR_SYMLINK && m->kind != TAR_HARDLINK)
			return strange(path, kind_why(m->kind), e);
		r = link_target(m, &target);
		if (r == -ENOMEM)
			return err_sys(e, r, "read the archive");
		if (r < 0)
			return strange(path, "is a link that leads out of it", e);
		free(name);
		name = target;
	}
	return strange(path, "is a link to a link to a link", e);
}

int tar_index_find(const struct tar_index *x, const char *path, const struct tar_member **ret,
		   struct err *e)
{
	return find(x, path, false, ret, e);
}

int tar_index_find_only(const struct tar_index *x, const char *path,
			const struct tar_member **ret, struct err *e)
{
	return find(x, path, true, ret, e);
}

int tar_index_load(int fd, const struct tar_member *m, size_t max_bytes, char **ret_buf,
		   size_t *ret_len, struct err *e)
{
	auto_free char *buf = NULL;
	ssize_t n;

	if (m->size_bytes > max_bytes) {
		auto_free char *shown = str_quote(m->name);

		return err_set(e, ERR_LIMIT, "%s in the archive has %" PRIu64 " bytes, the limit is %zu",
			       shown ? shown : "", m->size_bytes, max_bytes);
	}
	buf = malloc(m->size_bytes + 1);
	if (!buf)
		return err_sys(e, ENOMEM, "read the archive");
	n = read_at(fd, buf, m->size_bytes, m->offset);
	if (n < 0)
		return err_sys(e, (int)n, "read the archive");
	if ((uint64_t)n < m->size_bytes)
		return err_set(e, ERR_CORRUPT, "the archive became shorter while it was read");
	buf[n] = '\0';
	*ret_buf = take_ptr(&buf);
	*ret_len = (size_t)n;
	return 0;
}
