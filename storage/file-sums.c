/* Checksums of files' content. */
#include "file-sums.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "fd.h"

#define READ_BYTES (256u << 10)

void file_sums_map_done(struct file_sums_map *m)
{
	free(m->slots);
	*m = (struct file_sums_map){ 0 };
}

static struct file_sum *find_slot(const struct file_sums_map *m, uint64_t ino)
{
	/* Inode numbers come in rows: spread them. */
	size_t i = (size_t)((ino * 0x9e3779b97f4a7c15u) >> 32) & (m->cap - 1);

	while (m->slots[i].ino && m->slots[i].ino != ino)
		i = (i + 1) & (m->cap - 1);
	return &m->slots[i];
}

static bool grow(struct file_sums_map *m)
{
	struct file_sums_map n = { .cap = m->cap ? m->cap * 2 : 1024, .n = m->n };

	n.slots = calloc(n.cap, sizeof(*n.slots));
	if (!n.slots)
		return false;
	for (size_t i = 0; i < m->cap; i++)
		if (m->slots[i].ino)
			*find_slot(&n, m->slots[i].ino) = m->slots[i];
	free(m->slots);
	*m = n;
	return true;
}

struct file_sum *file_sums_map_at(struct file_sums_map *m, uint64_t ino, size_t max)
{
	struct file_sum *s = m->cap ? find_slot(m, ino) : NULL;

	if (s && s->ino)
		return s;
	if (m->n >= max || (2 * (m->n + 1) > m->cap && !grow(m)))
		return NULL;
	s = find_slot(m, ino);
	s->ino = ino;
	m->n++;
	return s;
}

struct file_sums {
	struct file_sums_map map;
	XXH3_state_t *state;
	bool gap;	/* in the present file */
};

struct file_sums *file_sums_new(void)
{
	struct file_sums *s = calloc(1, sizeof(*s));

	if (s)
		s->state = XXH3_createState();
	if (s && !s->state) {
		free(s);
		s = NULL;
	}
	return s;
}

void file_sums_free(struct file_sums *s)
{
	if (!s)
		return;
	file_sums_map_done(&s->map);
	(void)XXH3_freeState(s->state); /* cannot fail */
	free(s);
}

void file_sums_begin(struct file_sums *s)
{
	if (!s)
		return;
	(void)XXH3_64bits_reset(s->state); /* fails for NULL only, as the next */
	s->gap = false;
}

void file_sums_data(struct file_sums *s, const void *data, size_t len)
{
	if (s)
		(void)XXH3_64bits_update(s->state, data, len);
}

void file_sums_gap(struct file_sums *s)
{
	if (s)
		s->gap = true;
}

void file_sums_end(struct file_sums *s, const struct stat *st)
{
	/* A file that was replaced may have left its number to this one: overwrite. */
	struct file_sum *f = s ? file_sums_map_at(&s->map, st->st_ino, FILE_SUMS_MAX) : NULL;

	if (f)
		*f = (struct file_sum){ .ino = st->st_ino, .content = st->st_size ?
					XXH3_64bits_digest(s->state) : 0, .size = (uint64_t)st->st_size,
					.mtime = st->st_mtim, .mode = st->st_mode & 07777,
					.uid = st->st_uid, .gid = st->st_gid, .whole = !s->gap };
}

struct file_sum *file_sums_get(struct file_sums *s, uint64_t ino)
{
	struct file_sum *f = s && s->map.cap ? find_slot(&s->map, ino) : NULL;

	return f && f->ino && f->whole ? f : NULL;
}

static int sum_dense(int fd, XXH3_state_t *state, char *buf)
{
	for (;;) {
		ssize_t n = fd_read_full(fd, buf, READ_BYTES);

		if (n <= 0)
			return (int)n;
		(void)XXH3_64bits_update(state, buf, (size_t)n);
	}
}

static bool is_zero(const char *buf, size_t len)
{
	return buf[0] == 0 && memcmp(buf, buf + 1, len - 1) == 0;
}

static int sum_sparse(int fd, XXH3_state_t *state, char *buf)
{
	off_t at = 0;

	for (;;) {
		off_t data = lseek(fd, at, SEEK_DATA);
		uint64_t where;
		ssize_t n;

		if (data < 0 && errno == ENXIO)
			return 0; /* only a hole is left */
		if (data > at)
			at = data / SPARSE_BLOCK * SPARSE_BLOCK;
		if (lseek(fd, at, SEEK_SET) < 0)
			return -errno;
		n = fd_read_full(fd, buf, SPARSE_BLOCK);
		if (n <= 0)
			return (int)n;
		where = (uint64_t)at;
		at += n;
		if (is_zero(buf, (size_t)n))
			continue;
		(void)XXH3_64bits_update(state, &where, sizeof(where));
		(void)XXH3_64bits_update(state, buf, (size_t)n);
	}
}

int file_content_sum(int fd, bool dense, uint64_t *ret)
{
	XXH3_state_t *state = XXH3_createState();
	char *buf = malloc(READ_BYTES);
	int r = -ENOMEM;

	if (state && buf) {
		(void)XXH3_64bits_reset(state);
		r = dense ? sum_dense(fd, state, buf) : sum_sparse(fd, state, buf);
	}
	if (r == 0)
		*ret = XXH3_64bits_digest(state);
	(void)XXH3_freeState(state); /* takes NULL */
	free(buf);
	return r;
}

void file_sum(const void *data, size_t len, char ret[FILE_SUM_LEN + 1])
{
	(void)snprintf(ret, FILE_SUM_LEN + 1, "%016" PRIx64, XXH3_64bits(data, len));
}

int file_sum_fd(int fd, char ret[FILE_SUM_LEN + 1])
{
	uint64_t sum;
	int r = file_content_sum(fd, true, &sum);

	if (r == 0)
		(void)snprintf(ret, FILE_SUM_LEN + 1, "%016" PRIx64, sum);
	return r;
}
