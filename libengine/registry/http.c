/* HTTP transfers over curl's multi interface. */
#include "http.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "config.h"
#include "fd.h"
#include "file.h"
#include "log.h"

#define CONNECT_TIMEOUT_S 20L
#define DOCUMENT_TIMEOUT_S 60L		/* for a whole small document */
#define STALL_BYTES_PER_S 1000L		/* a body slower than this ... */
#define STALL_S 30L			/* ... for this long is given up */
#define SEND_ANSWER_S 300L		/* after the body of an upload: storing it may take long */
#define STALLS_MAX 2			/* stalled attempts of one request */
#define TRIES_MAX 100			/* attempts of one request, progress or not */
#define PROGRESS_BYTES (1u << 20)	/* so much more starts the count of retries anew */
#define BACKOFF_FIRST_MS 500
#define RECEIVE_BUFFER_BYTES (256L << 10)
#define SEND_BUFFER_BYTES (256L << 10)
#define HEADER_VALUE_MAX_BYTES 8192	/* an upload's location carries the registry's state */
#define CA_FILE_MAX_BYTES (8u << 20)

struct http {
	CURLM *multi;
	struct http_request *requests;	/* active ones */
	char *system_ca;		/* PEM of the system's authorities, once needed */
	size_t system_ca_len;
};

static const char *const method_names[] = { "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE" };
static_assert(sizeof(method_names) / sizeof(*method_names) == HTTP_METHODS, "a name for each");

const char *http_method_str(enum http_method m)
{
	return method_names[m];
}

static bool has_send(const struct http_request *q)
{
	return q->method == HTTP_POST || q->method == HTTP_PUT || q->method == HTTP_PATCH;
}

void http_peer_done(struct http_peer *p)
{
	free(p->ca_pem);
	free(p->cert_file);
	free(p->key_file);
	*p = (struct http_peer){ 0 };
}

static int64_t now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int fail(struct http_request *q, int r)
{
	if (q->failure == 0)
		q->failure = r;
	return r;
}

/* Headers */

static void header_value(const char *line, size_t n, size_t name_len, char *dst, size_t cap)
{
	const char *v = line + name_len + 1, *end = line + n;

	while (v < end && (*v == ' ' || *v == '\t'))
		v++;
	while (end > v && isspace((unsigned char)end[-1]))
		end--;
	/* A value that does not fit is no value that we understand. */
	n = (size_t)(end - v) < cap ? (size_t)(end - v) : 0;
	memcpy(dst, v, n);
	dst[n] = '\0';
}

static bool header_is(const char *line, size_t n, const char *name, size_t *ret_len)
{
	*ret_len = strlen(name);
	return n > *ret_len && line[*ret_len] == ':' && strncasecmp(line, name, *ret_len) == 0;
}

static void forget_answer(struct http_request *q)
{
	q->content_type[0] = q->content_digest[0] = q->content_range[0] = '\0';
	q->range[0] = q->chunk_min[0] = '\0';
	free(q->location);
	free(q->link);
	q->location = q->link = NULL;
	q->content_length = -1;
	q->retry_after_s = 0;
	q->error_len = 0;
	strv_done(&q->challenges);
}

static size_t on_header(char *line, size_t size, size_t n, void *arg)
{
	struct http_request *q = arg;
	char value[HEADER_VALUE_MAX_BYTES];
	size_t len;

	n *= size;
	q->header_bytes += n;
	if (q->header_bytes > HTTP_HEADERS_MAX_BYTES) {
		(void)fail(q, err_set(&q->err, ERR_LIMIT, "headers of more than %u bytes",
				      HTTP_HEADERS_MAX_BYTES));
		return 0;
	}
	if (n >= 5 && strncmp(line, "HTTP/", 5) == 0) {
		forget_answer(q); /* of an interim answer */
	} else if (header_is(line, n, "Content-Type", &len)) {
		header_value(line, n, len, q->content_type, sizeof(q->content_type));
		q->content_type[strcspn(q->content_type, "; \t")] = '\0';
		for (char *p = q->content_type; *p; p++)
			*p = (char)tolower((unsigned char)*p);
	} else if (header_is(line, n, "Docker-Content-Digest", &len)) {
		header_value(line, n, len, q->content_digest, sizeof(q->content_digest));
	} else if (header_is(line, n, "Content-Range", &len)) {
		header_value(line, n, len, q->content_range, sizeof(q->content_range));
	} else if (header_is(line, n, "Range", &len)) {
		header_value(line, n, len, q->range, sizeof(q->range));
	} else if (header_is(line, n, "OCI-Chunk-Min-Length", &len)) {
		header_value(line, n, len, q->chunk_min, sizeof(q->chunk_min));
	} else if (header_is(line, n, "Location", &len)) {
		header_value(line, n, len, value, sizeof(value));
		free(q->location);
		q->location = *value ? http_url_join(q->at, value) : NULL;
	} else if (header_is(line, n, "Link", &len)) {
		header_value(line, n, len, value, sizeof(value));
		free(q->link);
		q->link = *value ? strdup(value) : NULL;
	} else if (header_is(line, n, "WWW-Authenticate", &len)) {
		header_value(line, n, len, value, sizeof(value));
		if (q->challenges.n < 8 && strv_add(&q->challenges, value) < 0)
			return 0;
	}
	return n;
}

/* Bodies */

/* "bytes START-END/TOTAL": does the answer go on where we stopped? */
static bool range_fits(const struct http_request *q)
{
	const char *p = str_after(q->content_range, "bytes ");
	char *end;

	if (!p || !isdigit((unsigned char)*p))
		return false;
	errno = 0;
	return strtoull(p, &end, 10) == q->received && errno == 0 && *end == '-';
}

/* The first bytes of an answer: is it what was asked for?  0, or a verdict. */
static int check_start(struct http_request *q)
{
	curl_off_t length = -1;
	uint64_t whole;

	if (q->status == 206 && (!q->ranged || !range_fits(q))) {
		q->no_range = true; /* try once more without */
		return fail(q, -EAGAIN);
	}
	if (q->status == 200 && q->only_range)
		return fail(q, err_set(&q->err, ERR_UNSUPPORTED, "the registry does not send ranges"));
	q->skip = q->status == 200 ? q->received : 0;
	(void)curl_easy_getinfo(q->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
	if (length < 0)
		return 0;
	whole = (uint64_t)length + (q->status == 206 ? q->received : 0);
	if (q->expect_bytes != UINT64_MAX && whole != q->expect_bytes &&
	    !(q->status == 206 && q->until > 0 && whole == q->until))
		return fail(q, err_set(&q->err, ERR_CORRUPT, "the registry sends %" PRIu64 " bytes, the "
				       "manifest says %" PRIu64, whole, q->expect_bytes));
	if (whole > q->max_bytes)
		return fail(q, err_set(&q->err, ERR_LIMIT, "%" PRIu64 " bytes, more than %" PRIu64
				       " are not accepted", whole, q->max_bytes));
	return 0;
}

static size_t keep_error_body(struct http_request *q, const char *data, size_t n)
{
	size_t room = sizeof(q->error_body) - q->error_len, take = n < room ? n : room;

	memcpy(q->error_body + q->error_len, data, take);
	q->error_len += take;
	if (take < n)
		q->clipped = true; /* enough of it: end the transfer, the answer stands */
	return take < n ? 0 : n;
}

/* Is the answer the one that the caller wants to read? */
static bool takes_body(const struct http_request *q)
{
	return q->body && (q->status == 200 || q->status == 206);
}

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
	struct http_request *q = arg;
	size_t all = n *= size, skip;
	int r;

	if (q->status == 0) {
		(void)curl_easy_getinfo(q->easy, CURLINFO_RESPONSE_CODE, &q->status);
		if (takes_body(q) && check_start(q) < 0)
			return 0;
	}
	if (!takes_body(q))
		return keep_error_body(q, data, n);
	skip = q->skip < n ? q->skip : n;
	if (skip == n) {
		q->skip -= skip;
		return all;
	}
	if (q->received + (n - skip) > q->max_bytes) {
		(void)fail(q, err_set(&q->err, ERR_LIMIT, "more than %" PRIu64 " bytes", q->max_bytes));
		return 0;
	}
	r = q->body(q->arg, data + skip, n - skip, &q->err);
	if (r < 0) {
		q->body_failed = true; /* it said itself what it was about */
		(void)fail(q, r);
		return 0;
	}
	q->skip = 0;
	q->received += n - skip;
	q->enough = r == HTTP_BODY_ENOUGH;
	return q->enough ? 0 : all;
}

/* What is sent */

static size_t on_send(char *buf, size_t size, size_t n, void *arg)
{
	struct http_request *q = arg;
	uint64_t left = q->send.size_bytes - q->send_at;
	ssize_t got;

	n *= size;
	if (n > left)
		n = (size_t)left;
	if (n == 0)
		return 0;
	if (q->send.data) {
		memcpy(buf, (const char *)q->send.data + q->send_at, n);
		got = (ssize_t)n;
	} else {
		do
			got = pread(q->send.fd, buf, n, (off_t)(q->send.offset + q->send_at));
		while (got < 0 && errno == EINTR);
	}
	if (got <= 0) {
		if (got < 0)
			(void)fail(q, err_sys(&q->err, errno, "read what is to be sent"));
		else
			(void)fail(q, err_set(&q->err, ERR_CORRUPT, "what is to be sent ends after %" PRIu64
					      " of %" PRIu64 " bytes", q->send_at, q->send.size_bytes));
		return CURL_READFUNC_ABORT;
	}
	q->send_at += (uint64_t)got;
	return (size_t)got;
}

/* curl starts over where a connection that it reused was dead already. */
static int on_seek(void *arg, curl_off_t offset, int origin)
{
	struct http_request *q = arg;

	if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > q->send.size_bytes)
		return CURL_SEEKFUNC_FAIL;
	q->send_at = (uint64_t)offset;
	return CURL_SEEKFUNC_OK;
}

/* curl's own measure of slowness would count the time in which a registry stores what it got. */
static int on_progress(void *arg, curl_off_t dltotal, curl_off_t dlnow, curl_off_t ultotal,
		       curl_off_t ulnow)
{
	struct http_request *q = arg;
	uint64_t now = (uint64_t)ulnow;
	int64_t limit_s;

	(void)dltotal;
	(void)ultotal;
	if (now != q->sent_bytes) {
		q->sent_bytes = now;
		q->moved_at_ms = now_ms();
		if (q->sent)
			q->sent(q->arg, now);
	}
	if (dlnow > 0)
		q->moved_at_ms = now_ms(); /* an answer comes: small, and bounded */
	limit_s = now < q->send.size_bytes ? STALL_S : SEND_ANSWER_S;
	q->too_slow = now_ms() - q->moved_at_ms > limit_s * 1000;
	return q->too_slow;
}

static int set_method(struct http_request *q)
{
	CURL *c = q->easy;

	switch (q->method) {
	case HTTP_GET:
		return 0;
	case HTTP_HEAD:
		return curl_easy_setopt(c, CURLOPT_NOBODY, 1L) == CURLE_OK ? 0 : -ENOMEM;
	case HTTP_DELETE:
		return curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, "DELETE") == CURLE_OK ? 0 : -ENOMEM;
	case HTTP_POST:
	case HTTP_PUT:
	case HTTP_PATCH:
		break;
	}
	q->send_at = q->sent_bytes = 0;
	q->moved_at_ms = now_ms();
	(void)curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
	(void)curl_easy_setopt(c, CURLOPT_INFILESIZE_LARGE, (curl_off_t)q->send.size_bytes);
	(void)curl_easy_setopt(c, CURLOPT_UPLOAD_BUFFERSIZE, SEND_BUFFER_BYTES);
	(void)curl_easy_setopt(c, CURLOPT_READFUNCTION, on_send);
	(void)curl_easy_setopt(c, CURLOPT_READDATA, q);
	(void)curl_easy_setopt(c, CURLOPT_SEEKFUNCTION, on_seek);
	(void)curl_easy_setopt(c, CURLOPT_SEEKDATA, q);
	(void)curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
	(void)curl_easy_setopt(c, CURLOPT_XFERINFODATA, q);
	(void)curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
	if (!q->document)
		(void)curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, 0L);
	return curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, method_names[q->method]) == CURLE_OK ? 0 : -ENOMEM;
}

/* Starting */

static bool is_loopback(const char *url)
{
	auto_free char *host = NULL;

	return http_url_split(url, NULL, &host, NULL) == 0 &&
	       (streq(host, "localhost") || streq(host, "[::1]") || str_starts(host, "127."));
}

/* As Go's programs and OpenSSL's take them: in the place of those that curl was built for. */
static int set_system_authorities(CURL *c)
{
	const char *file = getenv("SSL_CERT_FILE"), *dir = getenv("SSL_CERT_DIR");

	if (file && *file && curl_easy_setopt(c, CURLOPT_CAINFO, file) != CURLE_OK)
		return -ENOMEM;
	if (dir && *dir && curl_easy_setopt(c, CURLOPT_CAPATH, dir) != CURLE_OK)
		return -ENOMEM;
	return 0;
}

/* The system's authorities and the registry's own, as one text: curl takes only one. */
static int set_authorities(struct http *h, CURL *c, const char *pem)
{
	auto_strbuf struct strbuf all = STRBUF_INIT;
	struct curl_blob blob;
	char *file = NULL;

	if (!h->system_ca && curl_easy_getinfo(c, CURLINFO_CAINFO, &file) == CURLE_OK && file)
		(void)file_read_path(file, CA_FILE_MAX_BYTES, &h->system_ca, &h->system_ca_len);
	if (h->system_ca)
		strbuf_addn(&all, h->system_ca, h->system_ca_len);
	strbuf_addc(&all, '\n');
	strbuf_add(&all, pem);
	if (all.failed)
		return -ENOMEM;
	blob = (struct curl_blob){ all.data, all.len, CURL_BLOB_COPY };
	return curl_easy_setopt(c, CURLOPT_CAINFO_BLOB, &blob) == CURLE_OK ? 0 : -ENOMEM;
}

static int set_tls(struct http *h, struct http_request *q, bool home)
{
	const struct http_peer *p = q->peer;
	CURL *c = q->easy;
	int r = 0;

	(void)curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (set_system_authorities(c) < 0)
		return -ENOMEM;
	if (p->insecure) {
		(void)curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 0L);
		(void)curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 0L);
	} else if (p->ca_pem && str_starts(q->at, "https:")) {
		r = set_authorities(h, c, p->ca_pem);
	}
	if (home && p->cert_file && p->key_file) {
		if (curl_easy_setopt(c, CURLOPT_SSLCERT, p->cert_file) != CURLE_OK ||
		    curl_easy_setopt(c, CURLOPT_SSLKEY, p->key_file) != CURLE_OK)
			r = -ENOMEM;
	}
	return r;
}

static int add_header(struct http_request *q, const char *name, const char *value)
{
	auto_free char *line = str_printf("%s: %s", name, value);
	struct curl_slist *list = line ? curl_slist_append(q->headers, line) : NULL;

	if (line)
		explicit_bzero(line, strlen(line));
	if (!list)
		return -ENOMEM;
	q->headers = list;
	return 0;
}

static int set_headers(struct http_request *q, bool home)
{
	int r = 0;

	curl_slist_free_all(q->headers);
	q->headers = NULL;
	if (q->accept)
		r = add_header(q, "Accept", q->accept);
	if (r == 0 && home && q->authorization)
		r = add_header(q, "Authorization", q->authorization);
	if (r == 0 && has_send(q) && q->send.content_type)
		r = add_header(q, "Content-Type", q->send.content_type);
	if (r == 0 && has_send(q) && q->send.content_range)
		r = add_header(q, "Content-Range", q->send.content_range);
	if (r == 0 && curl_easy_setopt(q->easy, CURLOPT_HTTPHEADER, q->headers) != CURLE_OK)
		r = -ENOMEM;
	return r;
}

static int set_range(struct http_request *q)
{
	char range[48];
	int n;

	q->ranged = q->method == HTTP_GET && (q->received > 0 || q->until > 0) && !q->no_range;
	if (!q->ranged)
		return 0;
	n = snprintf(range, sizeof(range), "%" PRIu64 "-", q->received);
	if (q->until > 0)
		(void)snprintf(range + n, sizeof(range) - (size_t)n, "%" PRIu64, q->until - 1);
	return curl_easy_setopt(q->easy, CURLOPT_RANGE, range) == CURLE_OK ? 0 : -ENOMEM;
}

static void set_options(struct http_request *q)
{
	CURL *c = q->easy;

	(void)curl_easy_setopt(c, CURLOPT_PRIVATE, q);
	(void)curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	(void)curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	(void)curl_easy_setopt(c, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	(void)curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	(void)curl_easy_setopt(c, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	/* Layers come over connections of their own: one that is paused holds up no other. */
	(void)curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	(void)curl_easy_setopt(c, CURLOPT_USERAGENT, "ctr-lite/" CTR_VERSION);
	(void)curl_easy_setopt(c, CURLOPT_TCP_KEEPALIVE, 1L);
	(void)curl_easy_setopt(c, CURLOPT_BUFFERSIZE, RECEIVE_BUFFER_BYTES);
	(void)curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_S);
	if (q->document)
		(void)curl_easy_setopt(c, CURLOPT_TIMEOUT, DOCUMENT_TIMEOUT_S);
	(void)curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, STALL_BYTES_PER_S);
	(void)curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, STALL_S);
	(void)curl_easy_setopt(c, CURLOPT_ERRORBUFFER, q->curl_error);
	(void)curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	(void)curl_easy_setopt(c, CURLOPT_HEADERDATA, q);
	(void)curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	(void)curl_easy_setopt(c, CURLOPT_WRITEDATA, q);
}

/* curl reads the environment itself, but for HTTP_PROXY, which it leaves to CGI programs. */
static void set_proxy(struct http_request *q)
{
	const char *upper = getenv("HTTP_PROXY");

	if (is_loopback(q->at))
		(void)curl_easy_setopt(q->easy, CURLOPT_NOPROXY, "*");
	else if (upper && *upper && !getenv("http_proxy") && !getenv("REQUEST_METHOD") &&
		 str_starts(q->at, "http:"))
		(void)curl_easy_setopt(q->easy, CURLOPT_PROXY, upper);
}

/* Put one attempt on the wire. */
static int launch(struct http_request *q)
{
	bool home = http_same_origin(q->at, q->home ? q->home : q->url);
	int r;

	q->status = 0;
	q->skip = 0;
	q->header_bytes = 0;
	q->failure = 0;
	q->enough = q->clipped = q->body_failed = q->too_slow = false;
	q->curl_error[0] = '\0';
	q->retry_at_ms = 0;
	q->err = (struct err)ERR_INIT;
	q->moved = !home;
	forget_answer(q);
	if (q->document && q->received > 0) {
		q->received = 0;
		if (q->rewind)
			q->rewind(q->arg);
	}
	curl_easy_reset(q->easy);
	set_options(q);
	r = curl_easy_setopt(q->easy, CURLOPT_URL, q->at) == CURLE_OK ? 0 : -ENOMEM;
	if (r == 0)
		r = set_tls(q->http, q, home);
	if (r == 0)
		r = set_headers(q, home);
	if (r == 0)
		r = set_range(q);
	if (r == 0)
		r = set_method(q);
	if (r == 0)
		set_proxy(q);
	if (r == 0 && curl_multi_add_handle(q->http->multi, q->easy) != CURLM_OK)
		r = -ENOMEM;
	if (log_max <= LOG_DEBUG) {
		auto_free char *shown = http_url_show(q->at);

		log_debug("%s %s%s", method_names[q->method], shown ? shown : "",
			  q->ranged ? " (rest)" : "");
	}
	return r;
}

static void unlink_request(struct http_request *q)
{
	struct http_request **p = &q->http->requests;

	while (*p && *p != q)
		p = &(*p)->next;
	if (*p)
		*p = q->next;
	q->next = NULL;
}

/* Take it off the wire and out of the list. */
static void settle(struct http_request *q)
{
	if (!q->http)
		return;
	if (q->easy) {
		(void)curl_multi_remove_handle(q->http->multi, q->easy); /* it may not be in */
		curl_easy_cleanup(q->easy);
		q->easy = NULL;
	}
	for (struct curl_slist *s = q->headers; s; s = s->next)
		explicit_bzero(s->data, strlen(s->data));
	curl_slist_free_all(q->headers);
	q->headers = NULL;
	unlink_request(q);
	q->http = NULL;
}

int http_start(struct http *h, struct http_request *q, struct err *e)
{
	int r;

	free(q->at);
	q->at = strdup(q->url);
	q->easy = curl_easy_init();
	if (!q->at || !q->easy) {
		curl_easy_cleanup(q->easy);
		q->easy = NULL;
		return err_sys(e, ENOMEM, "%s %s", method_names[q->method], q->url);
	}
	q->redirects = q->tries = q->all_tries = q->stalls = 0;
	q->mark = q->received;
	q->no_range = false;
	q->http = h;
	q->next = h->requests;
	h->requests = q;
	q->retry_at_ms = q->start_delay_ms > 0 ? now_ms() + q->start_delay_ms : 0;
	r = q->retry_at_ms ? 0 : launch(q);
	if (r < 0) {
		settle(q);
		return err_sys(e, r, "%s %s", method_names[q->method], q->url);
	}
	return 0;
}

void http_cancel(struct http_request *q)
{
	settle(q);
}

bool http_active(const struct http_request *q)
{
	return q->http != NULL;
}

void http_request_done(struct http_request *q)
{
	settle(q);
	free(q->at);
	q->at = NULL;
	forget_answer(q);
}

/* Ending */

static void finish(struct http_request *q, int r)
{
	settle(q);
	if (r < 0 && q->err.kind == ERR_NONE)
		(void)err_sys(&q->err, r, "transfer");
	if (r < 0 && !q->body_failed) {
		auto_free char *url = http_url_show(q->at);

		(void)err_wrap(&q->err, r, "%s %s", method_names[q->method], url ? url : q->url);
	}
	q->done(q, r);
}

static bool curl_may_pass(const struct http_request *q, CURLcode code)
{
	switch (code) {
	case CURLE_COULDNT_CONNECT:
		return q->peer->answered;
	case CURLE_PARTIAL_FILE:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
	case CURLE_GOT_NOTHING:
	case CURLE_OPERATION_TIMEDOUT:
	case CURLE_HTTP2:
	case CURLE_HTTP2_STREAM:
		return true;
	default:
		return false;
	}
}

static bool status_may_pass(long status)
{
	return status == 408 || status == 429 || status == 500 || status == 502 || status == 503 ||
	       status == 504;
}

int64_t http_backoff_ms(unsigned int tries)
{
	int64_t ms = BACKOFF_FIRST_MS << (tries < 7 ? tries : 7);
	uint32_t rnd = 0;

	(void)getrandom(&rnd, sizeof(rnd), 0); /* without it there is no jitter, which is all right */
	return ms / 2 + (int64_t)(rnd % (uint32_t)(ms / 2 + 1));
}

/* Try again in @delay_ms (negative: the back-off); false when it was tried often enough. */
static bool again(struct http_request *q, int64_t delay_ms)
{
	char *home;

	if (q->received >= q->mark + PROGRESS_BYTES) {
		q->mark = q->received;
		q->tries = q->stalls = 0;
	}
	/* From the start: what it was redirected to may have been good for a short time only. */
	home = strdup(q->url);
	if (q->tries >= q->retries || q->all_tries >= TRIES_MAX || !home) {
		free(home);
		return false;
	}
	free(q->at);
	q->at = home;
	q->redirects = 0;
	q->retry_at_ms = now_ms() + (delay_ms >= 0 ? delay_ms : q->retry_delay_ms ? q->retry_delay_ms
										: http_backoff_ms(q->tries));
	q->tries++;
	q->all_tries++;
	(void)curl_multi_remove_handle(q->http->multi, q->easy);
	return true;
}

static int follow(struct http_request *q)
{
	auto_free char *from = NULL, *to = NULL, *next = NULL, *shown = NULL;
	char *target = NULL;
	int r;

	(void)curl_easy_getinfo(q->easy, CURLINFO_REDIRECT_URL, &target);
	if (!target)
		return err_set(&q->err, ERR_REMOTE, "redirected without a location");
	if (++q->redirects > HTTP_REDIRECTS_MAX)
		return err_set(&q->err, ERR_REMOTE, "redirected more than %d times", HTTP_REDIRECTS_MAX);
	next = http_url_without_user(target);
	if (!next || http_url_split(next, &to, NULL, NULL) < 0 ||
	    (!streq(to, "http") && !streq(to, "https")))
		return err_set(&q->err, ERR_REMOTE, "redirected to something that is no http or https URL");
	if (has_send(q) && q->status == 303)
		return err_set(&q->err, ERR_REMOTE, "status 303: the registry wants another request in the "
			       "place of this one, which is refused");
	if (has_send(q) && q->send.secret && !http_same_origin(next, q->home ? q->home : q->url))
		return err_set(&q->err, ERR_REMOTE, "redirected to another server, which gets no "
			       "credentials");
	r = http_url_split(q->at, &from, NULL, NULL);
	shown = http_url_show(next);
	if (r < 0 || !shown)
		return err_sys(&q->err, ENOMEM, "follow a redirect");
	if (streq(from, "https") && streq(to, "http") && !q->peer->insecure)
		return err_set(&q->err, ERR_REMOTE, "redirected from https to %s, which is refused", shown);
	(void)curl_multi_remove_handle(q->http->multi, q->easy);
	free(q->at);
	q->at = take_ptr(&next);
	return launch(q);
}

static bool is_redirect(long status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* A whole answer arrived. */
static void ended_well(struct http_request *q)
{
	curl_off_t wait_s = 0, length = -1;
	int r;

	(void)curl_easy_getinfo(q->easy, CURLINFO_RESPONSE_CODE, &q->status);
	(void)curl_easy_getinfo(q->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
	(void)curl_easy_getinfo(q->easy, CURLINFO_RETRY_AFTER, &wait_s);
	q->content_length = length;
	q->retry_after_s = wait_s;
	if (is_redirect(q->status)) {
		r = follow(q);
		if (r < 0)
			finish(q, r);
		return;
	}
	if (q->status == 416 && q->ranged) {
		q->no_range = true;
		if (again(q, 0))
			return;
	}
	if (status_may_pass(q->status)) {
		if (wait_s > HTTP_RETRY_AFTER_MAX_S) {
			finish(q, err_set(&q->err, ERR_REMOTE, "status %ld, and the registry asks to wait %"
					  CURL_FORMAT_CURL_OFF_T " seconds", q->status, wait_s));
			return;
		}
		if (again(q, wait_s > 0 ? (int64_t)wait_s * 1000 : -1))
			return;
	}
	if (takes_body(q) && q->expect_bytes != UINT64_MAX &&
	    q->received < (q->status == 206 && q->until > 0 ? q->until : q->expect_bytes)) {
		/* Without a length an end of file is no proof that this was all. */
		if (length < 0 && again(q, -1))
			return;
		finish(q, err_set(&q->err, ERR_CORRUPT, "size is %" PRIu64 ", manifest says %" PRIu64,
				  q->received, q->expect_bytes));
		return;
	}
	finish(q, 0);
}

static void ended(struct http_request *q, CURLcode code)
{
	bool stalled;

	if (q->too_slow)
		code = CURLE_OPERATION_TIMEDOUT;
	q->curl_code = code;
	stalled = code == CURLE_OPERATION_TIMEDOUT && ++q->stalls >= STALLS_MAX;

	if (q->enough) {
		finish(q, 0);
	} else if (code == CURLE_OK || q->clipped) {
		ended_well(q);
	} else if (q->failure == -EAGAIN && again(q, 0)) {
		return;
	} else if (q->failure < 0 && q->failure != -EAGAIN) {
		finish(q, q->failure);
	} else if (!(curl_may_pass(q, code) && !stalled && again(q, -1))) {
		const char *why = q->curl_error[0] ? q->curl_error : curl_easy_strerror(code);
		char verify[CURL_ERROR_SIZE + 80];

		if (code == CURLE_OUT_OF_MEMORY) /* what it says of a line that passes its own limit */
			why = "a header is too long, or memory is short";
		if (code == CURLE_SSL_CONNECT_ERROR && strstr(why, "wrong version number"))
			why = "the server does not speak TLS (for plain http: --tls-verify=false, or insecure in "
			      "registries.conf)";
		if (code == CURLE_PEER_FAILED_VERIFICATION) {
			(void)snprintf(verify, sizeof(verify), "%s (an authority of your own belongs into "
				       "certs.d/HOST/ca.crt or --cert-dir)", why);
			why = verify;
		}
		if (q->too_slow)
			why = q->sent_bytes < q->send.size_bytes
			      ? "too slow: the other side takes no more bytes"
			      : "too slow: no answer to what was sent";
		if (q->failure == -EAGAIN)
			why = "the registry sends another range than was asked for";
		finish(q, err_set(&q->err, ERR_REMOTE, "%s", why));
	}
}

/* The loop */

static int wait_at_most(const struct http *h, int timeout_ms)
{
	int64_t now = now_ms(), left = timeout_ms;

	for (const struct http_request *q = h->requests; q; q = q->next)
		if (q->retry_at_ms && q->retry_at_ms - now < left)
			left = q->retry_at_ms - now;
	return left < 0 ? 0 : (int)left;
}

static void launch_due(struct http *h)
{
	struct http_request *q = h->requests;

	while (q) {
		struct http_request *next = q->next;
		int r;

		if (q->retry_at_ms && q->retry_at_ms <= now_ms()) {
			r = launch(q);
			if (r < 0) {
				finish(q, r);
				next = h->requests; /* done() may have changed the list */
			}
		}
		q = next;
	}
}

int http_step(struct http *h, struct curl_waitfd *extra, unsigned int n_extra, int timeout_ms,
	      struct err *e)
{
	CURLMsg *msg;
	int n;

	if (curl_multi_poll(h->multi, extra, n_extra, wait_at_most(h, timeout_ms), NULL) != CURLM_OK ||
	    curl_multi_perform(h->multi, &n) != CURLM_OK)
		return err_set(e, ERR_OS, "libcurl's loop failed");
	while ((msg = curl_multi_info_read(h->multi, &n))) {
		struct http_request *q = NULL;
		CURLcode code = msg->data.result;

		if (msg->msg != CURLMSG_DONE)
			continue;
		(void)curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &q);
		ended(q, code);
	}
	launch_due(h);
	return 0;
}

int http_new(struct http **ret, struct err *e)
{
	struct http *h = calloc(1, sizeof(*h));

	if (!h || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		free(h);
		return err_sys(e, ENOMEM, "start libcurl");
	}
	h->multi = curl_multi_init();
	if (!h->multi) {
		free(h);
		return err_sys(e, ENOMEM, "start libcurl");
	}
	*ret = h;
	return 0;
}

void http_free(struct http *h)
{
	if (!h)
		return;
	while (h->requests)
		settle(h->requests);
	(void)curl_multi_cleanup(h->multi);
	free(h->system_ca);
	free(h);
}
