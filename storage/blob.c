/* Writing blobs: staged, hashed while they arrive, verified; and digests of memory. */
#include "blob.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fd.h"
#include "hash.h"
#include "str.h"

struct hash {
	EVP_MD_CTX *ctx;
};

struct hash *hash_new(void)
{
	struct hash *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->ctx = EVP_MD_CTX_new();
	if (!h->ctx || EVP_DigestInit_ex(h->ctx, EVP_sha256(), NULL) != 1) {
		hash_free(h);
		return NULL;
	}
	return h;
}

void hash_free(struct hash *h)
{
	if (h)
		EVP_MD_CTX_free(h->ctx);
	free(h);
}

int hash_add(struct hash *h, const void *data, size_t len)
{
	return EVP_DigestUpdate(h->ctx, data, len) == 1 ? 0 : -EIO;
}

int hash_finish(struct hash *h, struct digest *ret)
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned int n = 0;

	if (EVP_DigestFinal_ex(h->ctx, md, &n) != 1 || n * 2 != DIGEST_HEX_LEN)
		return -EIO;
	str_hex(md, n, ret->hex);
	return 0;
}

int digest_of(const void *data, size_t len, struct digest *ret, struct err *e)
{
	struct hash *h = hash_new();
	int r = h ? hash_add(h, data, len) : -ENOMEM;

	if (r == 0)
		r = hash_finish(h, ret);
	hash_free(h);
	return r < 0 ? err_sys(e, r, "compute a SHA-256") : 0;
}

int digest_chain(const struct digest *below, const struct digest *diff_id, struct digest *ret,
		 struct err *e)
{
	char a[DIGEST_STR_MAX], b[DIGEST_STR_MAX], both[2 * DIGEST_STR_MAX];

	if (!below) {
		*ret = *diff_id;
		return 0;
	}
	(void)snprintf(both, sizeof(both), "%s %s", digest_str(below, a), digest_str(diff_id, b));
	return digest_of(both, strlen(both), ret, e);
}

int blob_new(int dir_fd, const struct digest *digest, uint64_t size_bytes, struct blob_writer *ret,
	     struct err *e)
{
	struct blob_writer w = BLOB_WRITER_INIT;
	int r;

	memcpy(w.name, "blob-", 5);
	r = str_random_hex(8, w.name + 5);
	if (r < 0)
		return err_sys(e, r, "get random bytes");
	if (digest)
		w.digest = *digest;
	w.digest_known = digest != NULL;
	w.size_bytes = size_bytes;
	w.dir_fd = fd_dup(dir_fd);
	w.fd = openat(dir_fd, w.name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	w.hash = hash_new();
	if (w.fd < 0 || w.dir_fd < 0 || !w.hash) {
		r = err_sys(e, w.fd < 0 ? errno : ENOMEM, "stage a blob");
		blob_done(&w);
		return r;
	}
	*ret = w;
	return 0;
}

int blob_write(struct blob_writer *w, const void *data, size_t len, struct err *e)
{
	int r;

	if (len > w->size_bytes - w->written)
		return err_set(e, ERR_CORRUPT, "blob %.12s is longer than the announced %" PRIu64
			       " bytes", w->digest.hex, w->size_bytes);
	r = fd_write_all(w->fd, data, len);
	if (r == 0)
		r = hash_add(w->hash, data, len);
	if (r < 0) {
		/* What was written and what was hashed differ now: nothing can be made of it. */
		blob_done(w);
		return err_sys(e, r, "write a blob");
	}
	w->written += len;
	return 0;
}

static int check_blob(struct blob_writer *w, struct digest *got, struct err *e)
{
	int r;

	if (w->size_bytes != BLOB_SIZE_UNKNOWN && w->written != w->size_bytes)
		return err_set(e, ERR_CORRUPT, "blob %.12s has %" PRIu64 " bytes, announced were %"
			       PRIu64, w->digest.hex, w->written, w->size_bytes);
	r = hash_finish(w->hash, got);
	if (r < 0)
		return err_sys(e, r, "hash a blob");
	if (w->digest_known && !digest_eq(got, &w->digest))
		return err_set(e, ERR_CORRUPT, "blob has the digest sha256:%s, expected was sha256:%s",
			       got->hex, w->digest.hex);
	return 0;
}

int blob_finish(struct blob_writer *w, struct err *e)
{
	struct digest got;
	int r;

	if (w->fd < 0)
		return err_set(e, ERR_CORRUPT, "blob %.12s could not be written", w->digest.hex);
	r = check_blob(w, &got, e);
	if (r == 0 && fchmod(w->fd, 0644) < 0)
		r = err_sys(e, errno, "chmod a blob");
	if (r < 0) {
		blob_done(w);
		return r;
	}
	w->digest = got;
	w->digest_known = true;
	w->size_bytes = w->written;
	w->fd = fd_close(w->fd);
	return 0;
}

void blob_done(struct blob_writer *w)
{
	if (w->fd >= 0)
		(void)unlinkat(w->dir_fd, w->name, 0); /* what stays goes with the stage */
	w->fd = fd_close(w->fd);
	w->dir_fd = fd_close(w->dir_fd);
	hash_free(w->hash);
	w->hash = NULL;
}
