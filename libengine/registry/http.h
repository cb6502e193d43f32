/*
 * HTTP transfers side by side in one thread (curl's multi interface): redirects followed by our
 * own rules, retries with back-off, broken bodies resumed by range, every body bounded.
 *
 * Rules that hold for every request: the Authorization header and the client certificate go to the
 * scheme, host and port of the request's own URL and nowhere else; a redirect never leads from
 * https to http unless the registry is insecure anyway; names and passwords in a redirect's URL are
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
};
void http_peer_done(struct http_peer *p);

enum { HTTP_BODY_PAUSE = 1 };

struct http_request {
	/* Set by the caller.  The strings and @peer are borrowed until done() was called. */
	const char *url;
	const char *accept;		/* or NULL */
	const char *authorization;	/* the header's value, or NULL */
	const char *post;		/* a form: the request is a POST of it; or NULL */
	const struct http_peer *peer;
	unsigned int retries;		/* how often it is tried again; 3 is usual */
	int64_t retry_delay_ms;		/* pause before each; 0: they grow */
	bool document;			/* small: has a deadline, and starts anew when it broke */
	uint64_t max_bytes;		/* of the body; 0: none at all */
	uint64_t expect_bytes;		/* what the body must have; UINT64_MAX: unknown */
	/*
	 * The body of a 200 arrives: 0; HTTP_BODY_PAUSE, having taken nothing (it comes again after
	 * http_resume()); or a negative errno with @e filled, which ends the request.
	 */
	int (*body)(void *arg, const void *data, size_t len, struct err *e);
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
	struct strv challenges;		/* WWW-Authenticate */
	bool moved;			/* the answer came from another origin than the url's */
	char error_body[HTTP_ERROR_BODY_MAX_BYTES];
	size_t error_len;
	uint64_t received;		/* of the body, over all attempts */
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
	bool no_range, ranged, paused, clipped, body_failed;
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
/* Go on with a request whose body() asked for a pause. */
void http_resume(struct http_request *q);
bool http_active(const struct http_request *q);
/* Release what @q owns; it must not be active. */
void http_request_done(struct http_request *q);

/* One turn of the loop: wait for the network or for one of @extra at most @timeout_ms, do what can
 * be done, call done() of what has ended. */
int http_step(struct http *h, struct curl_waitfd *extra, unsigned int n_extra, int timeout_ms,
	      struct err *e);

/* "scheme://host:port/path" without user, query and fragment: for messages.  Fresh or NULL. */
char *http_url_show(const char *url);
/* The URL without name and password; fresh, or NULL where it is none. */
char *http_url_without_user(const char *url);
/* Same scheme, host and port? */
bool http_same_origin(const char *a, const char *b);
/* Parts of an URL in fresh memory (any may be NULL); lower-case host.  -EINVAL. */
int http_url_split(const char *url, char **ret_scheme, char **ret_host, char **ret_port);

#endif
