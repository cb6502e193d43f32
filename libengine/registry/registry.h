/*
 * One repository of a registry: OCI distribution and docker v2, anonymous, with a password or with
 * bearer tokens.
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
#include "registry-access.h"

struct registry_opts {
	bool insecure;		/* http and unverified certificates are allowed */
	const char *cert_dir;	/* or NULL */
	const char *authfile;	/* or NULL */
	const struct credentials *creds;	/* given by the user; or NULL */
	unsigned int retries;	/* REGISTRY_RETRIES_DEFAULT: see registry_defaults() */
	int64_t retry_delay_ms;	/* 0: see registry_defaults() */
	/* Asked on every turn of the loop: 0, or a negative errno with @e to stop. */
	int (*interrupted)(struct err *e);
};

struct registry_get;
struct www_challenge;

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
	struct strv scopes;		/* of the tokens to ask for, "repository:NAME:pull"; ours is first */
	bool scopes_refused;		/* all but the first were dropped */
	char *authorization;		/* what is sent, or NULL */
	unsigned int auth_serial;	/* counts changes of @authorization */
	struct registry_get *waiting;	/* for the token */
	struct http_request token;	/* the request for one */
	void (*token_done)(struct registry *reg, int r, char *authorization, const struct err *e);
	struct www_challenge *token_challenge;	/* that is being answered */
	bool token_worked;		/* the one in use was accepted: when it is not any more, it is too old */
	bool token_withheld;		/* its server was not trusted with our credentials */
	char *token_url, *token_basic, *token_form, *token_body;
	size_t token_len;
};

/* What is done where the user said nothing: @retries (-1: 3), pauses of @retry_delay_ms (0: they
 * grow).  For the whole program. */
void registry_defaults(int retries, int64_t retry_delay_ms);

/* @ref: the repository (domain and path count), to pull from: registry_for_push() asks for more.
 * Without a path it is the registry as a whole, for registry_page().
 * Free it with registry_free(). */
int registry_new(struct http *h, const struct ctr_reference *ref, const struct registry_opts *o,
		 struct registry **ret, struct err *e);
void registry_free(struct registry *reg);

/*
 * Tokens are to allow pushing, too, and pulling from the repositories @mount_from of the same
 * registry.  Before the first request.  A token server that refuses the latter is asked again
 * without (then reg->scopes_refused).  0 or -ENOMEM.
 */
int registry_for_push(struct registry *reg, const struct strv *mount_from);

/* A running request; all members before @done are the caller's. */
struct registry_get {
	uint64_t max_bytes, expect_bytes;	/* as of struct http_request */
	uint64_t from;			/* so many bytes are here already */
	uint64_t until;			/* as of struct http_request */
	bool only_range;		/* as of struct http_request */
	const char *accept;
	bool document;
	enum http_method method;	/* HTTP_GET */
	struct http_send send;
	void (*sent)(void *arg, uint64_t bytes);
	const char *at;			/* the whole URL, in the place of the path (an upload's
					 * location): where it is elsewhere, no credentials go there */
	bool any_status;		/* a status other than 200 is no failure: see g->http */
	bool once;			/* it is not tried again (but for a new token) */
	int64_t start_delay_ms;
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

/* Start it for /v2/<repo>/<path>, as in "blobs/sha256:...", or from the server's root where it
 * begins with '/'; @path may be NULL when g->at is set. */
int registry_get_start(struct registry *reg, struct registry_get *g, const char *path, struct err *e);
/* Stop it if it runs, and release what it owns. */
void registry_get_done(struct registry_get *g);
/* What the status of an ended request means, for people: always negative, with @e. */
int registry_refused(struct registry_get *g, struct err *e);

/*
 * A whole manifest or index of at most LAYOUT_MANIFEST_MAX_BYTES: @tag or, where it is NULL,
 * @digest, which the bytes must hash to.  *@ret_digest is what they hash to; a registry that
 * announces another digest for them is ERR_CORRUPT.  The caller frees *@ret_buf.
 */
int registry_manifest(struct registry *reg, const char *tag, const struct digest *digest,
		      char **ret_buf, size_t *ret_len, char ret_type[128], struct digest *ret_digest,
		      struct err *e);
/*
 * Put a manifest or index of the media type @type under @tag or, where it is NULL, under its
 * @digest.  A registry that says that it keeps other bytes is ERR_CORRUPT.
 */
int registry_put_manifest(struct registry *reg, const char *tag, const struct digest *digest,
			  const char *type, const void *buf, size_t len, struct err *e);
/* A whole small blob of exactly @size bytes, verified. */
int registry_small_blob(struct registry *reg, const struct digest *digest, uint64_t size,
			char **ret_buf, struct err *e);

/*
 * A document at @path of the registry's server ("/v2/", "/v2/_catalog?n=100"), or at a whole URL of
 * another server, which gets no credentials; at most @max_bytes.  *@ret_next (fresh; may be NULL) is
 * the path of the next page where the answer has such a link to the same server.
 */
int registry_page(struct registry *reg, const char *path, uint64_t max_bytes, char **ret_buf,
		  size_t *ret_len, char **ret_next, struct err *e);

#endif
