/* The file of blob locations, see blob-locations.h. */
#include "blob-locations.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fd.h"
#include "file.h"
#include "log.h"
#include "path.h"
#include "str.h"

#define FILE_NAME "blob-locations"

/* Iteration from the end: the line before @end (which is behind a newline, or the text's end). */
static const char *line_before(const char *text, const char *end, size_t *ret_len)
{
	const char *stop = end > text && end[-1] == '\n' ? end - 1 : end;
	const char *p = stop;

	if (end == text)
		return NULL;
	while (p > text && p[-1] != '\n')
		p--;
	*ret_len = (size_t)(stop - p);
	return p;
}

/* "HEX NAME": NAME and its length, or NULL where it is none of @blob's. */
static const char *name_of(const char *line, size_t len, const struct digest *blob, size_t *ret_len)
{
	if (len <= DIGEST_HEX_LEN + 1 || line[DIGEST_HEX_LEN] != ' ' ||
	    memcmp(line, blob->hex, DIGEST_HEX_LEN) != 0)
		return NULL;
	*ret_len = len - DIGEST_HEX_LEN - 1;
	return line + DIGEST_HEX_LEN + 1;
}

static bool is_known(const char *text, size_t len, const struct digest *blob, const char *name)
{
	const char *end = text + len, *line;
	size_t n, name_len;

	while ((line = line_before(text, end, &n))) {
		const char *p = name_of(line, n, blob, &name_len);

		if (p && name_len == strlen(name) && memcmp(p, name, name_len) == 0)
			return true;
		end = line;
	}
	return false;
}

static int read_all(struct store *s, char **ret, size_t *ret_len)
{
	/* Two writers at once may have gone a little beyond the limit. */
	int r = file_read(s->meta_fd, FILE_NAME, 2 * BLOB_LOCATIONS_MAX_BYTES, ret, ret_len);

	if (r == -ENOENT || r == -EFBIG) {
		*ret = calloc(1, 1);
		*ret_len = 0;
		return *ret ? 0 : -ENOMEM;
	}
	return r;
}

static int append(struct store *s, const struct strbuf *lines)
{
	auto_close int fd = path_create_beneath(s->meta_fd, FILE_NAME, O_WRONLY | O_APPEND, 0600);

	return fd < 0 ? fd : fd_write_all(fd, lines->data, lines->len);
}

/* The newer half of what was there, and the new lines. */
static int cut_down(struct store *s, const char *text, size_t len, const struct strbuf *lines)
{
	auto_strbuf struct strbuf all = STRBUF_INIT;
	size_t half = BLOB_LOCATIONS_MAX_BYTES / 2;
	const char *from = len > half ? memchr(text + len - half, '\n', half) : text;

	if (from && from != text)
		from++;
	if (from)
		strbuf_addn(&all, from, len - (size_t)(from - text));
	strbuf_addn(&all, lines->data, lines->len);
	if (all.failed)
		return -ENOMEM;
	return file_replace(s->meta_fd, FILE_NAME, all.data, all.len, 0600, FILE_SYNC_NONE);
}

void blob_locations_add(struct store *s, const struct registry *reg, const struct digest *blobs, size_t n)
{
	auto_free char *name = str_printf("%s/%s", reg->host, reg->repo), *text = NULL;
	auto_strbuf struct strbuf lines = STRBUF_INIT;
	size_t len = 0;
	int r = name ? read_all(s, &text, &len) : -ENOMEM;

	for (size_t i = 0; r == 0 && i < n; i++)
		if (!is_known(text, len, &blobs[i], name))
			strbuf_addf(&lines, "%s %s\n", blobs[i].hex, name);
	if (r == 0 && lines.failed)
		r = -ENOMEM;
	if (r == 0 && lines.len > 0)
		r = len + lines.len > BLOB_LOCATIONS_MAX_BYTES ? cut_down(s, text, len, &lines)
							       : append(s, &lines);
	if (r < 0)
		log_debug("where the blobs of %s are is not remembered: %s", reg->repo, strerror(-r));
}

void blob_locations_add_image(struct store *s, const struct registry *reg, const struct manifest *m)
{
	auto_free struct digest *blobs = calloc(m->n_layers + 1, sizeof(*blobs));
	size_t n = 0;

	if (!blobs || m->is_index)
		return;
	blobs[n++] = m->config.digest;
	for (size_t i = 0; i < m->n_layers; i++)
		blobs[n++] = m->layers[i].digest;
	blob_locations_add(s, reg, blobs, n);
}

void blob_locations_done(struct blob_locations *l)
{
	free(l->text);
	free(l->registry);
	free(l->repo);
	*l = (struct blob_locations)BLOB_LOCATIONS_INIT;
}

int blob_locations_load(struct store *s, const struct registry *reg, struct blob_locations *ret)
{
	struct blob_locations l = BLOB_LOCATIONS_INIT;

	l.registry = str_printf("%s/", reg->host);
	l.repo = strdup(reg->repo);
	if (!l.registry || !l.repo) {
		blob_locations_done(&l);
		return -ENOMEM;
	}
	if (read_all(s, &l.text, &l.len) < 0)
		l.len = 0;
	*ret = l;
	return 0;
}

char *blob_locations_get(const struct blob_locations *l, const struct digest *blob)
{
	size_t host_len = strlen(l->registry), n, name_len;
	const char *end = l->text + l->len, *line;

	if (l->len == 0)
		return NULL;
	while ((line = line_before(l->text, end, &n))) {
		const char *p = name_of(line, n, blob, &name_len);

		end = line;
		if (!p || name_len <= host_len || memcmp(p, l->registry, host_len) != 0)
			continue;
		p += host_len;
		name_len -= host_len;
		if (name_len != strlen(l->repo) || memcmp(p, l->repo, name_len) != 0)
			return strndup(p, name_len);
	}
	return NULL;
}
