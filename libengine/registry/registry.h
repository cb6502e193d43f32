/*
 * One registry as the source of one repository: OCI distribution and docker v2, anonymous, with a
 * password or with bearer tokens.
 */
#ifndef REGISTRY_REGISTRY_H
#define REGISTRY_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>

#include "credentials.h"
#include "digest.h"
#include "err.h"
#include "http.h"
#include "reference.h"

struct registry_opts {
	bool insecure;		/* http and unverified certificates are allowed */
	const char *cert_dir;	/* or NULL */
	const char *authfile;	/* or NULL */
	const struct credentials *creds;	/* given by the user; or NULL */
	unsigned int retries;
	int64_t retry_delay_ms;	/* 0: pauses grow */
	/* Asked on every turn of the loop: 0, or a negative errno with @e to stop. */
	int (*interrupted)(struct err *e);
};

struct registry_get;

struct registry {
	struct http *http;		/* borrowed */
	struct registry_opts opts;
	char *host;			/* as in the reference, with the port */
	char *repo;			/* the repository's path */
	char *base;			/* "https://host" */
	bool may_fall_back;		/* to http, as long as https was never answered */
	struct http_peer peer;
	struct credentials creds;
	bool creds_known;		/* looked up already */
	char *authorization;		/* what is sent, or NULL */
	unsigned int auth_serial;	/* counts changes of @authorization */
	struct registry_get *waiting;	/* for the token */
	struct http_request token;	/* the request for one */
	void (*token_done)(struct registry *reg, int r, char *authorization, const struct err *e);
	bool token_withheld;		/* its server was not trusted with our credentials */
	char *token_url, *token_basic, *token_form, *token_body;
	size_t token_len;
};

/* @ref: where to fetch from (domain and path count).  Free it with registry_free(). */
int registry_new(struct http *h, const struct ctr_reference *ref, const struct registry_opts *o,
		 struct registry **ret, struct err *e);
void registry_free(struct registry *reg);

/* A running fetch of a manifest or blob; all members before @done are the caller's. */
struct registry_get {
	uint64_t max_bytes, expect_bytes;	/* as of struct http_request */
	const char *accept;
	bool document;
	int (*body)(void *arg, const void *data, size_t len, struct err *e);
	void (*rewind)(void *arg);
	/* @r 0: all of the body of a 200 came.  Else @g->err says why not. */
	void (*done)(struct registry_get *g, int r);
	void *arg;
	struct err err;

	struct registry *reg;
	struct http_request http;
	char *path, *url, *authorization;
	unsigned int auth_serial, auth_rounds;
	struct registry_get *next_waiting;
};

/* Start GET /v2/<repo>/<path>, as in "blobs/sha256:...". */
int registry_get_start(struct registry *reg, struct registry_get *g, const char *path, struct err *e);
/* Stop it if it runs, and release what it owns. */
void registry_get_done(struct registry_get *g);

/*
 * A whole manifest or index of at most LAYOUT_MANIFEST_MAX_BYTES: @tag or, where it is NULL,
 * @digest, which the bytes must hash to.  *@ret_digest is what they hash to; a registry that
 * announces another digest for them is ERR_CORRUPT.  The caller frees *@ret_buf.
 */
int registry_manifest(struct registry *reg, const char *tag, const struct digest *digest,
		      char **ret_buf, size_t *ret_len, char ret_type[128], struct digest *ret_digest,
		      struct err *e);
/* A whole small blob of exactly @size bytes, verified. */
int registry_small_blob(struct registry *reg, const struct digest *digest, uint64_t size,
			char **ret_buf, struct err *e);

#endif
