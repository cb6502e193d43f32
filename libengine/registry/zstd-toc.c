/* The table of contents of zstd:chunked layers. */
#include "zstd-toc.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fd.h"
#include "str.h"
#include "unfilter.h"

#define POSITION "io.github.containers.zstd-chunked.manifest-position"
#define START_BYTES (64u << 10)
#define FNV_START UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME UINT64_C(0x100000001b3)
#define ENTRY_DEPTH 3		/* { "entries": [ { */

void zstd_chunks_done(struct zstd_chunks *c)
{
	free(c->list);
	*c = (struct zstd_chunks){ 0 };
}

/* "OFFSET:LENGTH:PLAIN-LENGTH:TYPE" */
int zstd_toc_find(const json_t *descriptor, uint64_t size_bytes, uint64_t *ret_start, uint64_t *ret_end)
{
	const char *s = json_string_value(json_object_get(json_object_get(descriptor, "annotations"),
							  POSITION));
	uint64_t v[4], end;

	for (size_t i = 0; s && i < 4; i++) {
		char *stop;

		if (*s < '0' || *s > '9')
			return 0;
		errno = 0;
		v[i] = strtoull(s, &stop, 10);
		if (errno || *stop != (i < 3 ? ':' : '\0'))
			return 0;
		s = stop + 1;
	}
	if (!s || v[3] != 1 || v[1] == 0 || v[1] > ZSTD_TOC_MAX_BYTES || v[2] > ZSTD_TOC_MAX_PLAIN_BYTES ||
	    __builtin_add_overflow(v[0], v[1], &end) || end > size_bytes)
		return 0;
	*ret_start = v[0];
	*ret_end = end;
	return 1;
}

/* Chunks */

static void add_chunk(struct toc_scan *s, uint64_t end)
{
	struct zstd_chunks *c = s->chunks;

	s->open = false;
	if (end <= s->chunk.start || s->full)
		return;
	if (c->n == c->cap) {
		size_t cap = c->cap ? c->cap * 2 : 1024;
		struct zstd_chunk *list = cap > ZSTD_TOC_CHUNKS_MAX ? NULL :
				realloc(c->list, cap * sizeof(*list));

		if (!list) {
			s->full = true; /* without the others, less is found */
			return;
		}
		c->list = list;
		c->cap = cap;
	}
	s->chunk.end = end;
	c->list[c->n++] = s->chunk;
}

/* An entry of the list has ended. */
static void entry_end(struct toc_scan *s)
{
	if (s->open)
		add_chunk(s, s->type == 'c' ? s->offset : s->file_end);
	if (s->type == 'r')
		s->file_end = s->end_offset;
	if (s->has_sum && s->offset && (s->type == 'r' || s->type == 'c')) {
		s->chunk = (struct zstd_chunk){ .start = s->offset, .blob = s->blob };
		memcpy(s->chunk.sum, s->sum, sizeof(s->sum));
		s->chunk.meta = s->meta;
		s->meta = FNV_START;
		s->open = true;
	}
}

static void entry_begin(struct toc_scan *s)
{
	s->type = 0;
	s->has_sum = false;
	s->offset = s->end_offset = 0;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void take_sum(struct toc_scan *s)
{
	const char *hex = str_after(s->text, "sha256:");

	if (!hex || strlen(hex) != 64)
		return;
	for (size_t i = 0; i < 32; i++) {
		int a = hex_digit(hex[2 * i]), b = hex_digit(hex[2 * i + 1]);

		if (a < 0 || b < 0)
			return;
		s->sum[i] = (unsigned char)(a << 4 | b);
	}
	s->has_sum = true;
}

/* The value of a member of an entry. */
static void take_value(struct toc_scan *s)
{
	if (s->cut)
		return;
	if (streq(s->key, "type"))
		s->type = streq(s->text, "reg") ? 'r' : streq(s->text, "chunk") ? 'c' : 'o';
	else if (streq(s->key, "chunkDigest") || (streq(s->key, "digest") && !s->has_sum))
		take_sum(s); /* a part's own sum counts for more than its file's */
	else if (streq(s->key, "offset"))
		s->offset = strtoull(s->text, NULL, 10);
	else if (streq(s->key, "endOffset"))
		s->end_offset = strtoull(s->text, NULL, 10);
}

/* A string or a number has ended. */
static void token_end(struct toc_scan *s)
{
	bool value = s->is_value && s->depth == ENTRY_DEPTH;

	s->text[s->len] = '\0';
	if (value)
		take_value(s);
	else if (s->depth == ENTRY_DEPTH)
		(void)snprintf(s->key, sizeof(s->key), "%.*s", (int)sizeof(s->key) - 1, s->text);
	/* Where it is in the blob is no property of a file. */
	if (s->depth >= ENTRY_DEPTH && !(value && (streq(s->key, "offset") || streq(s->key, "endOffset"))))
		s->meta = (s->meta ^ s->token) * FNV_PRIME;
	s->len = 0;
	s->cut = s->has_token = false;
	s->token = FNV_START;
}

static void keep(struct toc_scan *s, char c)
{
	s->has_token = true;
	s->token = (s->token ^ (unsigned char)c) * FNV_PRIME;
	if (s->len + 1 < sizeof(s->text))
		s->text[s->len++] = c;
	else
		s->cut = true;
}

static void in_string(struct toc_scan *s, char c)
{
	if (s->escaped) {
		s->escaped = false;
		keep(s, '?'); /* nothing that is looked for has any */
	} else if (c == '\\') {
		s->escaped = true;
	} else if (c == '"') {
		s->in_string = false;
		token_end(s); /* also an empty one */
	} else {
		keep(s, c);
	}
}

static void outside(struct toc_scan *s, char c)
{
	if (c >= '0' && c <= '9') {
		keep(s, c);
		return;
	}
	if (s->has_token)
		token_end(s);
	switch (c) {
	case '"':
		s->in_string = true;
		break;
	case ':':
		s->is_value = true;
		break;
	case ',':
		s->is_value = false;
		break;
	case '{':
	case '[':
		s->depth++;
		s->is_value = false;
		if (s->depth == ENTRY_DEPTH)
			entry_begin(s);
		break;
	case '}':
	case ']':
		if (s->depth == ENTRY_DEPTH)
			entry_end(s);
		s->depth--;
		s->is_value = false;
		break;
	default:
		break;
	}
}

void toc_scan_data(struct toc_scan *s, const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (s->in_string)
			in_string(s, data[i]);
		else
			outside(s, data[i]);
	}
}

void toc_scan_end(struct toc_scan *s)
{
	if (s->open)
		add_chunk(s, s->file_end);
}

/* Reading it */

static int scan_all(int fd, struct toc_scan *s, struct err *e)
{
	auto_free char *buf = malloc(START_BYTES);
	uint64_t sum = 0;
	ssize_t n;

	if (!buf)
		return err_sys(e, ENOMEM, "read a table of contents");
	while ((n = read(fd, buf, START_BYTES)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, errno, "read a table of contents");
		sum += (uint64_t)n;
		if (sum > ZSTD_TOC_MAX_PLAIN_BYTES)
			return err_set(e, ERR_LIMIT, "a table of contents of more than %u bytes",
				       ZSTD_TOC_MAX_PLAIN_BYTES);
		toc_scan_data(s, buf, (size_t)n);
	}
	toc_scan_end(s);
	return 0;
}

int zstd_toc_read(struct image_in *in, const char *name, int fd, uint64_t start, uint64_t end,
		  uint32_t blob, struct zstd_chunks *c, struct err *e)
{
	auto_close int own = fd_reopen(fd, O_RDONLY), out = FD_NONE;
	struct toc_scan scan = { .chunks = c, .blob = blob, .token = FNV_START, .meta = FNV_START };
	struct proc worker = PROC_INIT;
	auto_free char *first = malloc(START_BYTES);
	size_t len = end - start < START_BYTES ? (size_t)(end - start) : START_BYTES;
	struct unfilter_in source;
	int r, r2;

	if (!first || own < 0)
		return err_sys(e, own < 0 ? -own : ENOMEM, "read a table of contents");
	if (lseek(own, (off_t)start, SEEK_SET) < 0 || fd_read_full(own, first, len) != (ssize_t)len)
		return err_set(e, ERR_CORRUPT, "read a table of contents: it ends early");
	source = (struct unfilter_in){ .start = first, .len = len, .fd = own,
				       .max_bytes = end - start - len };
	r = unfilter_start(in->stage.fd, name, in->idmap, &in->limits, &source, &out, &worker, e);
	if (r < 0)
		return r;
	r = scan_all(out, &scan, e);
	out = fd_close(out);
	r2 = unfilter_finish(&worker, r < 0, r < 0 ? NULL : e);
	return r < 0 ? r : r2;
}
