/*
 * HTTP transfers side by side in one thread (curl's multi interface): redirects followed by our
 * own rules, retries with back-off, broken bodies resumed by range, every body bounded.
 *
 * Rules that hold for every request: the Authorization header and the client certificate go to the
 * scheme, host and port of the request's home and nowhere else; a redirect never leads from https
 * to http unless the registry is insecure anyway; names and passwords in a redirect's URL are
 * dropped.  SIGPIPE must be ignored.
 */
#ifndef REGISTRY_HTTP_H
#define REGISTRY_HTTP_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "str.h"

#define HTTP_REDIRECTS_MAX 10
#define HTTP_HEADERS_MAX_BYTES (256u << 10)	/* of one answer */
#define HTTP_ERROR_BODY_MAX_BYTES (8u << 10)	/* kept of an answer that is an error */
#define HTTP_RETRY_AFTER_MAX_S 60		/* a peer that wants more is not waited for */

struct http;

/* How a registry is talked to: outlives its requests. */
struct http_peer {
	bool insecure;		/* certificates are not verified, http is allowed */
	char *ca_pem;		/* more authorities than the system's: PEM text, or NULL */
	char *cert_file, *key_file;	/* client certificate, or NULL */
	bool answered;		/* it was there before: one that is not any more may come back */
};
void http_peer_done(struct http_peer *p);

enum { HTTP_BODY_ENOUGH = 1 };

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_PUT, HTTP_PATCH, HTTP_DELETE };
#define HTTP_METHODS (HTTP_DELETE + 1)
const char *http_method_str(enum http_method m);

/* What a POST, PUT or PATCH sends: bytes in memory, or of a file, which may be shared (pread). */
struct http_send {
	const void *data;		/* or NULL: */
	int fd;				/* from @offset on */
	uint64_t offset;
	uint64_t size_bytes;		/* 0: an empty body */
	const char *content_type;	/* or NULL */
	const char *content_range;	/* or NULL */
	bool secret;			/* it is itself a credential: never sent to another origin */
};

struct http_request {
	/* Set by the caller.  The strings and @peer are borrowed until done() was called. */
	const char *url;
	const char *home;		/* URL of the origin that gets credentials; NULL: that of @url */
	enum http_method method;
	struct http_send send;		/* of a POST, PUT or PATCH; sent anew with each attempt */
	const char *accept;		/* or NULL */
	const char *authorization;	/* the header's value, or NULL */
	const struct http_peer *peer;
	unsigned int retries;		/* how often it is tried again; 3 is usual */
	int64_t retry_delay_ms;		/* pause before each; 0: they grow */
	int64_t start_delay_ms;		/* pause before the first attempt */
	bool document;			/* small: has a deadline, and starts anew when it broke */
	uint64_t max_bytes;		/* of the body; 0: none at all */
	uint64_t expect_bytes;		/* what the body must have; UINT64_MAX: unknown */
	/*
	 * The body of a 200 arrives: 0; HTTP_BODY_ENOUGH, having taken it: the request ends well; or
	 * a negative errno with @e filled, which ends the request.
	 */
	int (*body)(void *arg, const void *data, size_t len, struct err *e);	/* NULL: it is dropped */
	/* So many bytes of the running attempt's body went out; may be NULL. */
	void (*sent)(void *arg, uint64_t bytes);
	/* May be set before the start: so many bytes are here already, @body gets those behind them.
	 * Counts the body over all attempts. */
	uint64_t received;
	uint64_t until;			/* only the bytes before this one are asked for; 0: all */
	bool only_range;		/* and an answer with all of the body is refused (-EOPNOTSUPP) */
	/* A document that broke is fetched from its beginning: forget what came. */
	void (*rewind)(void *arg);
	/* The end.  @r is 0 when there is an answer (see status), else a negative errno and @err says
	 * why.  The request may be started again or freed here. */
	void (*done)(struct http_request *q, int r);
	void *arg;

	/* The answer. */
	long status;
	char content_type[128];		/* without parameters, lower case */
	char content_digest[128];	/* Docker-Content-Digest */
	char range[64];			/* Range: how much of an upload arrived */
	char chunk_min[24];		/* OCI-Chunk-Min-Length */
	char *location;			/* as an absolute URL without name and password; or NULL */
	char *link;			/* Link, as it stands; or NULL */
	int64_t content_length;		/* -1: not said */
	int64_t retry_after_s;		/* 0: not said */
	struct strv challenges;		/* WWW-Authenticate */
	bool moved;			/* the answer came from another origin than the url's */
	char error_body[HTTP_ERROR_BODY_MAX_BYTES];
	size_t error_len;
	CURLcode curl_code;		/* of an attempt that failed */
	struct err err;

	/* Private. */
	struct http *http;
	CURL *easy;
	struct curl_slist *headers;
	char curl_error[CURL_ERROR_SIZE];
	char *at;			/* the URL in use: @url, or where it was redirected */
	unsigned int redirects, all_tries;
	unsigned int tries, stalls;	/* since the last progress */
	uint64_t mark;			/* @received at that time */
	uint64_t skip;			/* bytes of this answer that we have already */
	size_t header_bytes;
	bool no_range, ranged, enough, clipped, body_failed;
	uint64_t send_at, sent_bytes;	/* read of @send, and gone out */
	int64_t moved_at_ms;		/* when the sending last went on */
	bool too_slow;
	char content_range[128];
	int failure;			/* our own verdict on the running transfer */
	int64_t retry_at_ms;		/* 0: not waiting */
	struct http_request *next;
};

int http_new(struct http **ret, struct err *e);
void http_free(struct http *h);

/* Start @q.  It must stay where it is until done() or http_cancel(). */
int http_start(struct http *h, struct http_request *q, struct err *e);
void http_cancel(struct http_request *q);
bool http_active(const struct http_request *q);
/* Release what @q owns; it must not be active. */
void http_request_done(struct http_request *q);

/* One turn of the loop: wait for the network or for one of @extra at most @timeout_ms, do what can
 * be done, call done() of what has ended. */
int http_step(struct http *h, struct curl_waitfd *extra, unsigned int n_extra, int timeout_ms,
	      struct err *e);

/* A pause before the next attempt, growing with their number; half of it fixed, half random, so that
 * many clients do not come back together. */
int64_t http_backoff_ms(unsigned int tries);

/* "scheme://host:port/path" without user, query and fragment: for messages.  Fresh or NULL. */
char *http_url_show(const char *url);
/* The URL without name and password; fresh, or NULL where it is none. */
char *http_url_without_user(const char *url);
/* Same scheme, host and port? */
bool http_same_origin(const char *a, const char *b);
/* @url, which may be relative, as seen from @base: absolute, without name and password.  Fresh or NULL. */
char *http_url_join(const char *base, const char *url);
/* As a parameter's value in an URL; fresh or NULL. */
char *http_url_escape(const char *s);
/* Parts of an URL in fresh memory (any may be NULL); lower-case host.  -EINVAL. */
int http_url_split(const char *url, char **ret_scheme, char **ret_host, char **ret_port);

#endif
