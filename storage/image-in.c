/* An image on its way into the store. */
#include "image-in.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file-list.h"
#include "file.h"
#include "hash.h"
#include "implicit.h"
#include "json.h"
#include "path.h"
#include "store-internal.h"
#include "str.h"

#define COPY_BYTES (256u << 10)
static_assert(LAYER_SUM_LEN == FILE_SUM_LEN, "one kind of checksum");
#define UNPACK_AT_ONCE 32	/* workers; an image may have hundreds of layers */

int image_in_begin(struct store *s, const struct idmap *m, struct image_in *ret, struct err *e)
{
	struct image_in in = { .store = s, .idmap = m, .stage = STAGE_INIT };
	int r = unpack_limits_parse(getenv(UNPACK_LIMITS_ENV), &in.limits, e);

	if (r == 0)
		r = store_init_images(s, e);
	if (r < 0)
		return r;
	r = store_stage_new(s, &in.stage, e);
	if (r < 0)
		return r;
	*ret = in;
	return 0;
}

static struct image_in_blob *find_blob(struct image_in *in, const struct digest *d)
{
	for (size_t i = 0; i < in->n_blobs; i++)
		if (digest_eq(&in->blobs[i]->digest, d))
			return in->blobs[i];
	return NULL;
}

static struct image_in_blob *add_blob(struct image_in *in)
{
	struct image_in_blob **list, *b;

	list = realloc(in->blobs, (in->n_blobs + 1) * sizeof(struct image_in_blob *));
	if (!list)
		return NULL;
	in->blobs = list;
	b = calloc(1, sizeof(*b));
	if (!b)
		return NULL;
	b->hold_fd = FD_NONE;
	b->writer = (struct blob_writer)BLOB_WRITER_INIT;
	b->partial = (struct partial)PARTIAL_INIT;
	in->blobs[in->n_blobs++] = b;
	return b;
}

static void look_for_blob(struct image_in *in, struct image_in_blob *b)
{
	b->hold_fd = layout_blob_hold(in->store, &b->digest, NULL);
	b->present = b->hold_fd >= 0;
}

/* @digest may be NULL. */
int image_in_announce(struct image_in *in, const struct digest *digest, uint64_t size_bytes,
		      struct image_in_blob **ret, struct err *e)
{
	struct image_in_blob *b = digest ? find_blob(in, digest) : NULL;

	if (!b) {
		b = add_blob(in);
		if (!b)
			return err_sys(e, ENOMEM, "stage a blob");
		b->size_bytes = size_bytes;
		if (digest) {
			b->digest = *digest;
			look_for_blob(in, b);
		}
	}
	*ret = b;
	return b->present || b->finished;
}

int image_in_blob(struct image_in *in, const struct digest *digest, uint64_t size_bytes,
		  struct image_in_blob **ret, struct err *e)
{
	struct image_in_blob *b;
	int r = image_in_announce(in, digest, size_bytes, &b, e);

	if (r < 0)
		return r;
	*ret = b;
	if (b->present || b->finished)
		return 1;
	if (b->writer.fd >= 0)
		return 0;
	r = blob_new(in->stage.fd, digest, size_bytes, &b->writer, e);
	return r < 0 ? r : 0;
}

int image_in_blob_finish(struct image_in *in, struct image_in_blob *b, struct err *e)
{
	int r;

	(void)in;
	if (b->present || b->finished)
		return 0;
	r = blob_finish(&b->writer, e);
	if (r < 0)
		return r;
	b->digest = b->writer.digest;
	b->size_bytes = b->writer.written;
	b->finished = true;
	return 0;
}

int image_in_fetch(struct image_in *in, const struct digest *digest, uint64_t size_bytes,
		   struct image_in_blob **ret, struct err *e)
{
	struct image_in_blob *b;
	int dir, r = image_in_announce(in, digest, size_bytes, &b, e);

	if (r < 0)
		return r;
	*ret = b;
	if (b->partial.fd >= 0)
		return 0;
	if (!b->present)
		look_for_blob(in, b); /* another process may have brought it */
	if (b->present || b->finished)
		return 1;
	dir = partial_dir(in->store, e);
	if (dir < 0)
		return dir;
	r = partial_open(dir, digest, size_bytes, &b->partial, e);
	(void)fd_close(dir);
	if (r <= 0)
		return r < 0 ? r : -EAGAIN;
	in->reused |= b->partial.found;
	return 0;
}

int image_in_fetched(struct image_in *in, struct image_in_blob *b, struct err *e)
{
	int r = partial_finish(&b->partial, e);

	(void)in;
	if (r == 0)
		b->finished = true;
	return r;
}

int image_in_blob_fd(const struct image_in_blob *b)
{
	return b->partial.fd >= 0 ? b->partial.fd : b->hold_fd;
}

int image_in_blob_open(struct image_in *in, const struct digest *d, struct err *e)
{
	struct image_in_blob *b = find_blob(in, d);
	int fd;

	if (!b || b->present)
		return layout_blob_open(in->store, d, e);
	if (!b->finished && !b->partial.complete)
		return err_set(e, ERR_BUSY, "blob %.12s is not complete", d->hex);
	fd = b->partial.fd >= 0 ? fd_reopen(b->partial.fd, O_RDONLY) :
				  path_open_beneath(in->stage.fd, b->writer.name, O_RDONLY);
	return fd < 0 ? err_sys(e, fd, "open blob %.12s", d->hex) : fd;
}

int image_in_json(struct image_in *in, const void *data, size_t len, const struct digest *want,
		  struct digest *ret, struct err *e)
{
	struct image_in_blob *b;
	struct digest d;
	int r = digest_of(data, len, &d, e);

	if (r == 0 && want && !digest_eq(&d, want))
		r = err_set(e, ERR_CORRUPT, "document has the digest sha256:%s, expected was sha256:%s",
			    d.hex, want->hex);
	if (r == 0)
		r = image_in_blob(in, &d, len, &b, e);
	if (r == 0) {
		r = blob_write(&b->writer, data, len, e);
		if (r == 0)
			r = image_in_blob_finish(in, b, e);
	}
	if (r < 0)
		return r;
	if (ret)
		*ret = d;
	return 0;
}

int image_in_document(struct image_in *in, const struct digest *d, struct err *e)
{
	char path[BLOB_PATH_MAX];
	auto_close int fd = FD_NONE;
	auto_free char *buf = NULL;
	struct image_in_blob *b;
	size_t len;
	int r;

	layout_blob_path(d, path);
	if (!in->store->n_more || find_blob(in, d) ||
	    faccessat(in->store->images_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	fd = layout_blob_open(in->store, d, e);
	r = fd < 0 ? fd : fd_read_file(fd, LAYOUT_MANIFEST_MAX_BYTES, &buf, &len);
	if (r < 0)
		return fd < 0 ? r : err_sys(e, r, "read blob %.12s", d->hex);
	b = add_blob(in);
	if (!b)
		return err_sys(e, ENOMEM, "stage a blob");
	b->digest = *d;
	b->size_bytes = len;
	r = blob_new(in->stage.fd, d, len, &b->writer, e);
	if (r == 0)
		r = blob_write(&b->writer, buf, len, e);
	return r == 0 ? image_in_blob_finish(in, b, e) : r;
}

/* A JSON blob of the image, verified or present. */
static int read_json(struct image_in *in, const struct digest *d, size_t max_bytes, json_t **ret,
		     struct err *e)
{
	auto_close int fd = image_in_blob_open(in, d, e);
	auto_free char *buf = NULL;
	struct digest got;
	char what[40];
	size_t len;
	int r;

	if (fd < 0)
		return fd;
	(void)snprintf(what, sizeof(what), "blob %.12s", d->hex);
	r = fd_read_file(fd, max_bytes, &buf, &len);
	if (r == -EFBIG)
		return err_set(e, ERR_LIMIT, "%s is larger than the limit of %zu bytes", what, max_bytes);
	if (r < 0)
		return err_sys(e, r, "read %s", what);
	/* Another tool may have put it there. */
	r = digest_of(buf, len, &got, e);
	if (r == 0 && !digest_eq(&got, d))
		r = err_set(e, ERR_CORRUPT, "%s has the digest %.12s", what, got.hex);
	return r < 0 ? r : json_parse(buf, len, max_bytes, what, ret, e);
}

/* One more line in the note for whoever comes after us if we die, see collect.c. */
static int note_pending(struct image_in *in, const char *kind, const char *hex, struct err *e)
{
	auto_close int fd = openat(in->stage.fd, STAGE_PENDING,
				   O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	char line[DIGEST_HEX_LEN + 16];
	int r = fd < 0 ? -errno : 0;

	(void)snprintf(line, sizeof(line), "%s %s\n", kind, hex);
	if (r == 0)
		r = fd_write_all(fd, line, strlen(line));
	return r < 0 ? err_sys(e, r, "note what is put into place") : 0;
}

/* Is the layer in the store, or being brought in by a process that lives?  Then it is held. */
static int find_layer(struct image_in *in, struct image_in_layer *l, struct err *e)
{
	int r = layer_find(in->store, &l->diff_id, &l->chain, l->key, e);

	if (r <= 0)
		return r;
	l->hold_fd = layer_hold(in->store, l->key, NULL);
	if (l->hold_fd < 0)
		return 0; /* it is being removed: unpack it again */
	r = store_layer_settle(in->store, l->key, l->hold_fd, &in->stage, e);
	if (r == STORE_LAYER_NEW)
		r = note_pending(in, "layer", l->key, e); /* should its maker fail, it is ours */
	else if (r == STORE_LAYER_DEAD)
		l->hold_fd = fd_close(l->hold_fd);
	l->present = l->hold_fd >= 0;
	return r < 0 ? r : 0;
}

int image_in_look_again(struct image_in *in, size_t i, struct err *e)
{
	struct image_in_layer *l = &in->layers[i];

	return l->present || l->started ? 0 : find_layer(in, l, e);
}

static int init_layer(struct image_in *in, size_t i, const char *diff_id, struct err *e)
{
	struct image_in_layer *l = &in->layers[i];
	int r;

	l->job = (struct unpack_job)UNPACK_JOB_INIT;
	l->hold_fd = FD_NONE;
	if (!diff_id)
		return err_set(e, ERR_CORRUPT, "$.rootfs.diff_ids[%zu]: expected a string", i);
	r = digest_parse(diff_id, &l->diff_id, e);
	if (r < 0)
		return err_wrap(e, r, "$.rootfs.diff_ids[%zu]", i);
	r = digest_chain(i ? &in->layers[i - 1].chain : NULL, &l->diff_id, &l->chain, e);
	return r < 0 ? r : find_layer(in, l, e);
}

int image_in_config(struct image_in *in, const struct digest *config, size_t n_layers, struct err *e)
{
	auto_json json_t *doc = NULL;
	const json_t *ids;
	int r = read_json(in, config, LAYOUT_CONFIG_MAX_BYTES, &doc, e);

	if (r < 0)
		return err_wrap(e, r, "image config");
	ids = json_object_get(json_object_get(doc, "rootfs"), "diff_ids");
	if (!json_is_array(ids) || json_array_size(ids) != n_layers)
		return err_set(e, ERR_CORRUPT, "image config %.12s has %zu diff_ids, the manifest has %zu "
			       "layers", config->hex, json_array_size(ids), n_layers);
	if (n_layers > LAYOUT_LAYERS_MAX)
		return err_set(e, ERR_LIMIT, "image config %.12s has %zu layers, the limit is %d",
			       config->hex, n_layers, LAYOUT_LAYERS_MAX);
	in->layers = calloc(n_layers + 1, sizeof(*in->layers));
	if (!in->layers)
		return err_sys(e, ENOMEM, "image config %.12s", config->hex);
	in->config = *config;
	for (size_t i = 0; r == 0 && i < n_layers; i++) {
		in->n_layers = i + 1;
		r = init_layer(in, i, json_string_value(json_array_get(ids, i)), e);
	}
	return r < 0 ? err_wrap(e, r, "image config %.12s", config->hex) : 0;
}

static void layer_name(size_t i, char buf[32])
{
	(void)snprintf(buf, 32, STAGE_LAYER "%zu", i);
}

static bool has_twin(const struct image_in *in, size_t i)
{
	for (size_t j = 0; j < in->n_layers; j++)
		if (j != i && in->layers[j].started &&
		    digest_eq(&in->layers[j].diff_id, &in->layers[i].diff_id))
			return true;
	return false;
}

static int start_layer(struct image_in *in, size_t i, const char *media_type, struct err *e)
{
	struct image_in_layer *l = &in->layers[i];
	char name[32];
	int r;

	layer_name(i, name);
	r = unpack_start(in->stage.fd, name, in->idmap, media_type, &in->limits, &l->job, e);
	if (r < 0)
		return err_wrap(e, r, "layer %.12s", l->diff_id.hex);
	l->started = true;
	return 0;
}

int image_in_unpack(struct image_in *in, size_t i, const char *media_type, struct unpack_job **ret,
		    struct err *e)
{
	int r;

	if (in->layers[i].present || has_twin(in, i))
		return 1;
	r = start_layer(in, i, media_type, e);
	if (r < 0)
		return r;
	*ret = &in->layers[i].job;
	return 0;
}

int image_in_new_layer_on(struct image_in *in, const json_t *diff_ids, struct unpack_job **ret,
			  struct err *e)
{
	size_t n = diff_ids ? json_array_size(diff_ids) : 0;
	struct image_in_layer *l;
	int r = 0;

	if (n >= LAYOUT_LAYERS_MAX)
		return err_set(e, ERR_LIMIT, "the image has %zu layers already, the limit is %d", n,
			       LAYOUT_LAYERS_MAX);
	in->layers = calloc(n + 1, sizeof(*in->layers));
	if (!in->layers)
		return err_sys(e, ENOMEM, "make a layer");
	for (size_t i = 0; r == 0 && i < n; i++) {
		in->n_layers = i + 1;
		r = init_layer(in, i, json_string_value(json_array_get(diff_ids, i)), e);
	}
	if (r < 0)
		return err_wrap(e, r, "the image's config");
	l = &in->layers[n];
	l->job = (struct unpack_job)UNPACK_JOB_INIT;
	l->hold_fd = FD_NONE;
	in->n_layers = n + 1;
	r = start_layer(in, n, NULL, e);
	if (r < 0)
		return r;
	*ret = &l->job;
	return 0;
}

int image_in_new_layer(struct image_in *in, struct unpack_job **ret, struct err *e)
{
	return image_in_new_layer_on(in, NULL, ret, e);
}

int image_in_new_layer_end(struct image_in *in, struct digest *ret_diff_id, struct err *e)
{
	struct image_in_layer *l = &in->layers[in->n_layers - 1];
	int r = unpack_finish(&l->job, &l->result, e);

	if (r < 0)
		return r;
	l->diff_id = l->result.diff_id;
	r = digest_chain(in->n_layers > 1 ? &l[-1].chain : NULL, &l->diff_id, &l->chain, e);
	if (r < 0)
		return r;
	l->finished = true;
	*ret_diff_id = l->diff_id;
	return 0;
}

void image_in_new_config(struct image_in *in, const struct digest *config)
{
	in->config = *config;
}

/* The blob in the layout is not what its name says: nobody may use it again. */
static void discard_blob(struct image_in *in, const struct digest *d)
{
	auto_close int lock = layout_lock(in->store, NULL);
	char path[BLOB_PATH_MAX];

	layout_blob_path(d, path);
	if (lock >= 0)
		(void)unlinkat(in->store->images_fd, path, 0); /* else the next one to read it tries */
}

void image_in_reject(struct image_in *in, struct image_in_blob *b)
{
	if (b->partial.fd >= 0)
		partial_drop(&b->partial);
	else if (b->present)
		discard_blob(in, &b->digest);
}

static int finish_layer(struct image_in *in, size_t i, struct err *e)
{
	struct image_in_layer *l = &in->layers[i];
	int r;

	if (!l->started || l->finished)
		return 0;
	r = unpack_finish(&l->job, &l->result, e);
	if (r == 0 && !digest_eq(&l->result.diff_id, &l->diff_id))
		r = err_set(e, ERR_CORRUPT, "its diffID is sha256:%s, the image config says another",
			    l->result.diff_id.hex);
	if (r < 0)
		return err_wrap(e, r, "layer %.12s", l->diff_id.hex);
	l->finished = true;
	return 0;
}

static bool is_base(const struct image_in_layer *l)
{
	return digest_eq(&l->chain, &l->diff_id);
}

static bool needs_fix(const struct image_in_layer *l)
{
	return l->result.implicit_parents && !is_base(l);
}

/* A layer that is unpacked from a blob: what is read is hashed too. */
struct feed {
	size_t layer;
	struct digest blob;
	int fd;
	char *buf;
	size_t len, pos;	/* what is read and not yet written */
	struct hash *hash;
	bool worker_gone;	/* the digest decides whose fault that was */
	bool done;
};

static int feed_start(struct image_in *in, const struct image_in_source *src, struct feed *f,
		      struct err *e)
{
	int r;

	f->layer = src->layer;
	f->blob = src->blob;
	f->fd = image_in_blob_open(in, &src->blob, e);
	if (f->fd < 0)
		return f->fd;
	f->buf = malloc(COPY_BYTES);
	f->hash = hash_new();
	if (!f->buf || !f->hash)
		return err_sys(e, ENOMEM, "read a blob");
	r = start_layer(in, src->layer, src->media_type, e);
	if (r == 0)
		r = fd_set_nonblock(in->layers[src->layer].job.data_fd, true);
	return r;
}

static void feed_done(struct feed *f)
{
	f->fd = fd_close(f->fd);
	free(f->buf);
	hash_free(f->hash);
	f->buf = NULL;
	f->hash = NULL;
}

/* Write what the pipe takes; read on when all is written. */
static int feed_step(struct image_in *in, struct feed *f, struct err *e)
{
	int out = in->layers[f->layer].job.data_fd;
	ssize_t n;
	int r;

	if (f->pos == f->len) {
		do
			n = read(f->fd, f->buf, COPY_BYTES);
		while (n < 0 && errno == EINTR);
		if (n < 0)
			return err_sys(e, errno, "read blob %.12s", f->blob.hex);
		f->pos = 0;
		f->len = (size_t)n;
		f->done = n == 0;
		if (f->done) {
			unpack_end_input(&in->layers[f->layer].job);
			return 0;
		}
		r = hash_add(f->hash, f->buf, f->len);
		if (r < 0)
			return err_sys(e, r, "hash blob %.12s", f->blob.hex);
	}
	n = f->worker_gone ? (ssize_t)(f->len - f->pos) : write(out, f->buf + f->pos, f->len - f->pos);
	if (n < 0 && errno == EPIPE)
		f->worker_gone = true;
	else if (n < 0 && errno != EAGAIN && errno != EINTR)
		return err_sys(e, errno, "feed the unpacking process");
	else if (n > 0)
		f->pos += (size_t)n;
	return 0;
}

static int feed_all(struct image_in *in, struct feed *f, size_t n, int (*stop)(struct err *e),
		    struct err *e)
{
	auto_free struct pollfd *p = calloc(n + 1, sizeof(*p));
	size_t left;
	int r;

	if (!p)
		return err_sys(e, ENOMEM, "unpack");
	do {
		bool busy = false;

		left = 0;
		for (size_t i = 0; i < n; i++) {
			/* A negative descriptor is left out by poll(). */
			p[i].fd = f[i].done ? -1 : in->layers[f[i].layer].job.data_fd;
			p[i].events = POLLOUT;
			left += !f[i].done;
			busy |= !f[i].done && f[i].worker_gone;
		}
		r = stop ? stop(e) : 0;
		if (r == 0 && left && poll(p, n, busy ? 0 : -1) < 0 && errno != EINTR)
			r = err_sys(e, errno, "poll");
		for (size_t i = 0; r == 0 && i < n; i++)
			if (!f[i].done && (p[i].revents || f[i].worker_gone))
				r = feed_step(in, &f[i], e);
	} while (r == 0 && left);
	return r;
}

static int feed_check(struct image_in *in, struct feed *f, struct err *e)
{
	struct image_in_blob *b = find_blob(in, &f->blob);
	struct digest got;
	int r = hash_finish(f->hash, &got);

	if (r < 0)
		return err_sys(e, r, "hash blob %.12s", f->blob.hex);
	if (digest_eq(&got, &f->blob))
		return finish_layer(in, f->layer, e);
	if (b && b->present)
		discard_blob(in, &f->blob);
	return err_set(e, ERR_CORRUPT, "blob %.12s in the store has changed: its digest is %.12s; it was "
		       "removed, get the image again", f->blob.hex, got.hex);
}

/* Start what needs unpacking among @src[*at..], and see it through. */
static int unpack_batch(struct image_in *in, const struct image_in_source *src, size_t n, size_t *at,
			int (*stop)(struct err *e), struct err *e)
{
	struct feed f[UNPACK_AT_ONCE];
	size_t started = 0;
	int r = 0;

	for (; r == 0 && *at < n && started < UNPACK_AT_ONCE; ++*at) {
		const struct image_in_layer *l = &in->layers[src[*at].layer];

		if (l->present || l->started || has_twin(in, src[*at].layer))
			continue;
		f[started] = (struct feed){ .fd = FD_NONE };
		r = feed_start(in, &src[*at], &f[started++], e);
	}
	if (r == 0)
		r = feed_all(in, f, started, stop, e);
	for (size_t i = 0; r == 0 && i < started; i++)
		r = feed_check(in, &f[i], e);
	for (size_t i = 0; i < started; i++)
		feed_done(&f[i]);
	return r;
}

int image_in_unpack_blobs(struct image_in *in, const struct image_in_source *src, size_t n,
			  int (*stop)(struct err *e), struct err *e)
{
	size_t at = 0;
	int r = 0;

	while (r == 0 && at < n)
		r = unpack_batch(in, src, n, &at, stop, e);
	return r;
}

int image_in_unpack_blob(struct image_in *in, size_t i, const char *media_type,
			 const struct digest *d, struct err *e)
{
	const struct image_in_source src = { .layer = i, .blob = *d, .media_type = media_type };
	struct feed f = { .fd = FD_NONE };
	int r;

	if (in->layers[i].present || in->layers[i].finished)
		return 0;
	r = feed_start(in, &src, &f, e);
	if (r == 0)
		r = feed_all(in, &f, 1, NULL, e);
	if (r == 0)
		r = feed_check(in, &f, e);
	feed_done(&f);
	return r;
}

/* Digest and media type of the manifest's layer @i. */
static int manifest_layer(const json_t *manifest, size_t i, struct digest *ret, const char **ret_type,
			  struct err *e)
{
	const json_t *l = json_array_get(json_object_get(manifest, "layers"), i);
	const char *d = json_string_value(json_object_get(l, "digest"));

	*ret_type = json_string_value(json_object_get(l, "mediaType"));
	if (!d)
		return err_set(e, ERR_CORRUPT, "manifest: $.layers[%zu].digest: missing", i);
	return digest_parse(d, ret, e);
}

/* A layer that occurs twice was unpacked once: the other is the same, unless its directories
 * take something from what is below. */
static int resolve_twin(struct image_in *in, size_t i, const json_t *manifest, struct err *e)
{
	struct image_in_layer *l = &in->layers[i];
	const char *type;
	struct digest d;
	int r;

	for (size_t j = 0; j < in->n_layers; j++) {
		const struct image_in_layer *t = &in->layers[j];

		if (j != i && t->finished && digest_eq(&t->diff_id, &l->diff_id) &&
		    (!t->result.implicit_parents || digest_eq(&t->chain, &l->chain)))
			return 0;
	}
	r = manifest_layer(manifest, i, &d, &type, e);
	return r < 0 ? r : image_in_unpack_blob(in, i, type, &d, e);
}

static int check_layers(struct image_in *in, const json_t *manifest, struct err *e)
{
	const char *type;
	struct digest d;
	int r;

	for (size_t i = 0; i < in->n_layers; i++) {
		r = finish_layer(in, i, e);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < in->n_layers; i++) {
		struct image_in_layer *l = &in->layers[i];

		r = manifest_layer(manifest, i, &d, &type, e);
		if (r == 0 && !find_blob(in, &d))
			r = layout_blob_open(in->store, &d, e);
		if (r > 0)
			(void)fd_close(r);
		if (r >= 0 && !l->present && !l->finished)
			r = resolve_twin(in, i, manifest, e);
		if (r < 0)
			return r;
		if (!l->present)
			memcpy(l->key, l->finished && needs_fix(l) ? l->chain.hex : l->diff_id.hex,
			       sizeof(l->key));
	}
	return 0;
}

/* Bottom up, because a fixed layer is what the next one looks at. */
static int fix_implicit(struct image_in *in, struct err *e)
{
	auto_free struct implicit_layer *all = calloc(in->n_layers + 1, sizeof(*all));
	auto_free char (*names)[32] = calloc(in->n_layers + 1, sizeof(*names));
	int r = 0;

	if (!all || !names)
		return err_sys(e, ENOMEM, "complete the layers");
	for (size_t i = 0; r == 0 && i < in->n_layers; i++) {
		struct image_in_layer *l = &in->layers[i];
		size_t src = i;

		/* A twin without implicit directories: the other one's directory will do. */
		for (size_t j = 0; !l->present && !l->finished && j < in->n_layers; j++)
			if (in->layers[j].finished && streq(in->layers[j].key, l->key))
				src = j;
		layer_name(src, names[i]);
		all[i] = l->present || in->layers[src].placed
			? (struct implicit_layer){ in->store->layers_fd, l->key }
			: (struct implicit_layer){ in->stage.fd, names[i] };
		if (l->finished && needs_fix(l))
			r = implicit_fix(all, i + 1, in->idmap, e);
	}
	return r;
}

static struct layer_info result_info(const struct image_in_layer *l)
{
	struct layer_info info = {
		.diff_id = l->diff_id,
		.size_bytes = l->result.size_bytes,
		.n_entries = l->result.n_entries,
		.squashed_owners = l->result.squashed_owners,
		.implicit_parents = l->result.implicit_parents,
		.has_root = l->result.has_root,
		.opaque_root = l->result.opaque_root,
	};

	if (strcmp(l->key, l->diff_id.hex) != 0)
		info.chain = l->chain;
	return info;
}

static int sum_list(int dir_fd, char ret[LAYER_SUM_LEN + 1])
{
	auto_close int fd = path_open_beneath(dir_fd, FILE_LIST, O_RDONLY);

	return fd < 0 ? fd : file_sum_fd(fd, ret);
}

/* Its layer.json, and the mark that it is new: who made it. */
static int write_info(struct image_in *in, size_t i, struct err *e)
{
	struct image_in_layer *l = &in->layers[i];
	struct layer_info info = result_info(l);
	auto_close int fd = FD_NONE;
	char name[32];
	int r;

	layer_name(i, name);
	fd = path_open_beneath(in->stage.fd, name, O_RDONLY | O_DIRECTORY);
	r = fd < 0 ? fd : sum_list(fd, info.list_sum);
	if (r == 0)
		r = layer_info_write(fd, &info);
	if (r == 0)
		r = file_replace(fd, LAYER_NEW, in->stage.name, strlen(in->stage.name), 0600,
				 FILE_SYNC_NONE);
	if (r < 0)
		return err_sys(e, r, "write layer.json of layer %.12s", l->diff_id.hex);
	(void)unlinkat(fd, UNPACK_IMPLICIT, 0); /* no harm in it */
	return 0;
}

static int write_infos(struct image_in *in, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < in->n_layers; i++)
		if (in->layers[i].finished && !in->layers[i].placed)
			r = write_info(in, i, e);
	return r;
}

int image_in_layer_ready(struct image_in *in, size_t i, struct err *e)
{
	struct image_in_layer *l = &in->layers[i];
	char name[32];
	int r = finish_layer(in, i, e);

	if (r < 0 || !l->finished || l->placed || needs_fix(l))
		return r;
	memcpy(l->key, l->diff_id.hex, sizeof(l->key));
	layer_name(i, name);
	r = write_info(in, i, e);
	if (r == 0)
		r = note_pending(in, "layer", l->key, e);
	if (r < 0)
		return r;
	l->hold_fd = path_open_beneath(in->stage.fd, name, O_RDONLY | O_DIRECTORY);
	r = l->hold_fd < 0 ? l->hold_fd : file_lock(l->hold_fd, false, false);
	if (r == 0 && renameat2(in->stage.fd, name, in->store->layers_fd, l->key, RENAME_NOREPLACE) < 0)
		r = -errno;
	l->placed = r == 0;
	if (r == 0 || r == -EEXIST) /* another one was faster: that is seen to at the end */
		return 0;
	return err_sys(e, r, "put layer %.12s into place", l->key);
}

static int layer_facts(struct image_in *in, size_t i, struct layer_info *ret, struct err *e)
{
	struct image_in_layer *l = &in->layers[i];

	for (size_t j = 0; !l->present && j < in->n_layers; j++)
		if (in->layers[j].finished && streq(in->layers[j].key, l->key)) {
			*ret = result_info(&in->layers[j]);
			return 0;
		}
	return layer_info(in->store, l->key, ret, e);
}

static int write_record(struct image_in *in, const struct image_record *rec, struct err *e)
{
	auto_free char *text = image_record_text(rec);
	char name[IMAGE_RECORD_NAME_MAX];
	int r;

	image_record_name(&rec->manifest, name);
	r = text ? file_replace(in->stage.fd, name, text, strlen(text), 0600, FILE_SYNC_NONE) : -ENOMEM;
	return r < 0 ? err_sys(e, r, "write the image's record") : 0;
}

static int make_record(struct image_in *in, const struct digest *manifest, struct image_record *rec,
		       struct err *e)
{
	size_t first = 0, root = in->n_layers ? in->n_layers - 1 : 0;
	struct layer_info info;
	int r = 0;

	rec->manifest = *manifest;
	rec->config = in->config;
	for (size_t i = 0; r == 0 && i < in->n_layers; i++) {
		r = layer_facts(in, i, &info, e);
		if (r < 0)
			return r;
		rec->size_bytes += info.size_bytes;
		if (info.opaque_root)
			first = i;
		if (info.has_root)
			root = i;
	}
	if (root < first)
		root = first;
	in->first_used = first;
	for (size_t i = first; r == 0 && i < in->n_layers; i++)
		r = strv_add(&rec->layers, in->layers[i].key);
	rec->root_layer = (uint32_t)(root - first);
	return r < 0 ? err_sys(e, r, "make the image's record") : 0;
}

/* All that is about to be put into place. */
static int write_pending(struct image_in *in, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < in->n_blobs; i++)
		if (in->blobs[i]->finished)
			r = note_pending(in, "blob", in->blobs[i]->digest.hex, e);
	for (size_t i = 0; r == 0 && i < in->n_layers; i++)
		if (in->layers[i].finished && !in->layers[i].placed)
			r = note_pending(in, "layer", in->layers[i].key, e);
	for (size_t i = 0; r == 0 && i < in->dropped.n; i++)
		r = note_pending(in, "blob", in->dropped.items[i], e);
	return r;
}

/* Into place, unless another process was faster with the same: then 1. */
static int move_in(int from_fd, const char *from, int to_fd, const char *to, struct err *e)
{
	if (renameat2(from_fd, from, to_fd, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno == EEXIST)
		return 1;
	return err_sys(e, errno, "put %.12s into place", to);
}

/* The same; also in the place of a layer that was found damaged, which goes with the stage. */
static int replace_layer(struct image_in *in, const char *from, const char *key, struct err *e)
{
	if (!layer_is_damaged(in->store, key))
		return move_in(in->stage.fd, from, in->store->layers_fd, key, e);
	if (renameat2(in->stage.fd, from, in->store->layers_fd, key, RENAME_EXCHANGE) < 0)
		return err_sys(e, errno, "replace the damaged layer %.12s", key);
	return 0;
}

static bool is_used(const struct image_in *in, const char *key)
{
	for (size_t i = in->first_used; i < in->n_layers; i++)
		if (streq(in->layers[i].key, key))
			return true;
	return false;
}

static int place_blobs(struct image_in *in, int dir_fd, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < in->n_blobs; i++) {
		struct image_in_blob *b = in->blobs[i];

		if (b->finished)
			r = b->partial.fd >= 0 ? partial_place(&b->partial, dir_fd, e) :
						 move_in(in->stage.fd, b->writer.name, dir_fd, b->digest.hex, e);
	}
	return r < 0 ? r : 0;
}

static int place_all(struct image_in *in, struct err *e)
{
	auto_close int blobs = path_open_beneath(in->store->images_fd, "blobs/sha256",
						 O_RDONLY | O_DIRECTORY);
	bool others = false;
	char name[32];
	int r = blobs < 0 ? err_sys(e, blobs, "open %s/images/blobs", in->store->root) : 0;

	if (r == 0)
		r = place_blobs(in, blobs, e);
	for (size_t i = 0; r >= 0 && i < in->n_layers; i++) {
		if (!in->layers[i].finished || in->layers[i].placed || !is_used(in, in->layers[i].key))
			continue;
		layer_name(i, name);
		r = replace_layer(in, name, in->layers[i].key, e);
		others |= r == 1;
	}
	/* The index must not reach the disk before what it names. */
	if (r >= 0 && others)
		r = store_sync(in->store, e);
	if (r >= 0 && (fsync(blobs) < 0 || fsync(in->store->layers_fd) < 0))
		r = err_sys(e, errno, "write %s to disk", in->store->root);
	return r < 0 ? r : 0;
}

static void unmark_layers(struct image_in *in)
{
	for (size_t i = 0; i < in->n_layers; i++) {
		char path[DIGEST_HEX_LEN + 16];

		(void)snprintf(path, sizeof(path), "%s/" LAYER_NEW, in->layers[i].key);
		if (in->layers[i].finished || in->layers[i].present)
			(void)unlinkat(in->store->layers_fd, path, 0); /* it is mostly not there */
	}
}

static int publish(struct image_in *in, const char *ref, const struct digest *manifest,
		   const char *media_type, uint64_t size_bytes, struct err *e)
{
	auto_close int lock = layout_lock(in->store, e);
	char name[IMAGE_RECORD_NAME_MAX];
	int r = lock < 0 ? lock : place_all(in, e);

	if (r < 0)
		return r;
	image_record_name(manifest, name);
	if (renameat(in->stage.fd, name, in->store->meta_fd, name) < 0)
		return err_sys(e, errno, "put the image's record into place");
	if (media_type)
		r = layout_tag_locked(in->store, ref, manifest, size_bytes, media_type, e);
	if (r == 0)
		unmark_layers(in);
	return r;
}

int image_in_commit(struct image_in *in, const char *ref, const struct digest *manifest,
		    const char *media_type, struct err *e)
{
	struct image_record rec = IMAGE_RECORD_INIT;
	auto_json json_t *doc = NULL;
	auto_close int fd = FD_NONE;
	struct stat st;
	int r = read_json(in, manifest, LAYOUT_MANIFEST_MAX_BYTES, &doc, e);

	if (r == 0)
		r = check_layers(in, doc, e);
	if (r == 0)
		r = fix_implicit(in, e);
	if (r == 0)
		r = write_infos(in, e);
	if (r == 0)
		r = make_record(in, manifest, &rec, e);
	if (r == 0)
		r = write_record(in, &rec, e);
	if (r == 0)
		r = write_pending(in, e);
	if (r == 0)
		r = store_sync(in->store, e);
	if (r == 0) {
		fd = image_in_blob_open(in, manifest, e);
		r = fd < 0 ? fd : fstat(fd, &st) < 0 ? err_sys(e, errno, "stat the manifest") : 0;
	}
	if (r == 0)
		r = publish(in, ref, manifest, media_type, (uint64_t)st.st_size, e);
	image_record_done(&rec);
	return r;
}

int image_in_commit_list(struct image_in *in, const char *ref, const struct digest *list,
			 const char *media_type, const json_t *annotations, struct err *e)
{
	auto_close int fd = image_in_blob_open(in, list, e);
	struct stat st;
	int r = fd < 0 ? fd : fstat(fd, &st) < 0 ? err_sys(e, errno, "stat the list") : 0;

	if (r == 0)
		r = write_pending(in, e);
	if (r == 0)
		r = store_sync(in->store, e);
	if (r == 0)
		r = place_all(in, e);
	if (r == 0)
		r = layout_put_list_locked(in->store, ref, list, (uint64_t)st.st_size, media_type, annotations, e);
	return r;
}

void image_in_abort(struct image_in *in)
{
	for (size_t i = 0; i < in->n_layers; i++) {
		unpack_abort(&in->layers[i].job);
		in->layers[i].hold_fd = fd_close(in->layers[i].hold_fd);
	}
	for (size_t i = 0; i < in->n_blobs; i++) {
		blob_done(&in->blobs[i]->writer);
		if (in->no_room && !in->blobs[i]->finished)
			partial_drop(&in->blobs[i]->partial);
		partial_close(&in->blobs[i]->partial);
		in->blobs[i]->hold_fd = fd_close(in->blobs[i]->hold_fd);
		free(in->blobs[i]);
	}
	strv_done(&in->dropped);
	free(in->layers);
	free(in->blobs);
	in->layers = NULL;
	in->blobs = NULL;
	in->n_layers = in->n_blobs = 0;
	if (in->stage.fd >= 0) {
		/* What was put into place without an index that names it goes again.  What cannot be
		 * removed now is left to the next command's collection. */
		(void)store_collect_pending(in->store, &in->stage, NULL);
		(void)store_stage_drop(in->store, &in->stage, in->idmap, NULL);
	}
	store_stage_release(&in->stage);
}
