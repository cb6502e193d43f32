/* The states of one upload: its requests, and what their answers mean.  See upload.h. */
#include "upload-state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "fd.h"
#include "json.h"
#include "log.h"
#include "str.h"

#define SMALL_BYTES (1u << 20)		/* is sent whole: one request less */
#define CHUNK_LEAST_BYTES (UINT64_C(128) << 10)
#define CHUNK_MIN_LIMIT_BYTES (UINT64_C(1) << 40)	/* more is not believed */
#define PROGRESS_BYTES (1u << 20)	/* so much more starts the count of retries anew */
#define TRIES_MAX 100			/* of one upload, progress or not */
#define DOUBTS_MAX 1			/* how often it is sent again when its digest is doubted */

int upload_range_parse(const char *range, uint64_t *ret_bytes)
{
	const char *p = str_after(range, "bytes=");
	uint64_t end;

	p = str_after(p ? p : range, "0-");
	if (!p || str_u64(p, UINT64_MAX - 1, &end) < 0)
		return -EINVAL;
	/* "0-0" is said of one byte and of none: none is the safe reading. */
	*ret_bytes = end ? end + 1 : 0;
	return 0;
}

static void on_sent(void *arg, uint64_t bytes);
static void on_done(struct registry_get *g, int r);

/* Requests */

static int request(struct upload *u, enum http_method method, const char *at, struct err *e)
{
	struct registry_get *g = &u->get;
	const struct http_send send = g->send;

	registry_get_done(g);
	*g = (struct registry_get){
		.method = method, .send = send, .at = at, .any_status = true,
		.max_bytes = HTTP_ERROR_BODY_MAX_BYTES, .expect_bytes = UINT64_MAX,
		/* a body is only sent again after a look at what arrived */
		.once = send.size_bytes > 0 || u->state == UPLOAD_CLOSE,
		.start_delay_ms = u->delay_ms, .sent = send.size_bytes > 0 ? on_sent : NULL,
		.done = on_done, .arg = u,
	};
	u->delay_ms = 0;
	return registry_get_start(u->all->reg, g, at ? NULL : u->path, e);
}

static int request_empty(struct upload *u, enum http_method method, const char *at, struct err *e)
{
	u->get.send = (struct http_send){ .fd = FD_NONE };
	return request(u, method, at, e);
}

static int head(struct upload *u, struct err *e)
{
	(void)snprintf(u->path, sizeof(u->path), "blobs/sha256:%s", u->digest.hex);
	return request_empty(u, HTTP_HEAD, NULL, e);
}

static int open_session(struct upload *u, struct err *e)
{
	u->at = 0;
	free(u->location);
	u->location = NULL;
	(void)snprintf(u->path, sizeof(u->path), "blobs/uploads/");
	return request_empty(u, HTTP_POST, NULL, e);
}

static int mount(struct upload *u, struct err *e)
{
	struct registry *reg = u->all->reg;
	char *from = curl_easy_escape(NULL, u->mount_from, 0);
	char *at = from ? str_printf("%s/v2/%s/blobs/uploads/?mount=sha256:%s&from=%s", reg->base, reg->repo,
				     u->digest.hex, from) : NULL;
	int r;

	curl_free(from);
	free(u->location);
	u->location = at; /* the request's URL must live as long as it does */
	r = at ? 0 : err_sys(e, ENOMEM, "mount a blob");
	return r < 0 ? r : request_empty(u, HTTP_POST, at, e);
}

/* The session's URL with the digest: what closes it. */
static int put_digest(struct upload *u, struct err *e)
{
	char *at = str_printf("%s%cdigest=sha256%%3A%s", u->location, strchr(u->location, '?') ? '&' : '?',
			      u->digest.hex);

	if (!at)
		return err_sys(e, ENOMEM, "close an upload");
	free(u->location);
	u->location = at; /* a query with a digest does no harm where the session is asked for */
	return request(u, HTTP_PUT, u->location, e);
}

static int put_whole(struct upload *u, struct err *e)
{
	u->end = u->size_bytes;
	u->get.send = (struct http_send){ .fd = u->fd, .offset = u->offset, .size_bytes = u->size_bytes,
					  .content_type = "application/octet-stream" };
	return put_digest(u, e);
}

static int close_session(struct upload *u, struct err *e)
{
	u->get.send = (struct http_send){ .fd = FD_NONE };
	return put_digest(u, e);
}

static int patch(struct upload *u, struct err *e)
{
	bool chunks = u->way == UPLOAD_CHUNKS;

	u->end = u->size_bytes;
	if (chunks && u->end - u->at > u->all->chunk_bytes)
		u->end = u->at + u->all->chunk_bytes;
	(void)snprintf(u->content_range, sizeof(u->content_range), "%" PRIu64 "-%" PRIu64, u->at, u->end - 1);
	u->get.send = (struct http_send){
		.fd = u->fd, .offset = u->offset + u->at, .size_bytes = u->end - u->at,
		.content_type = "application/octet-stream",
		.content_range = chunks || u->at > 0 ? u->content_range : NULL,
	};
	return request(u, HTTP_PATCH, u->location, e);
}

/* Send by the first way that was not refused; small ones try to be sent whole first. */
static int send_it(struct upload *u, struct err *e)
{
	static const enum upload_way orders[2][UPLOAD_WAYS] = {
		{ UPLOAD_STREAM, UPLOAD_CHUNKS, UPLOAD_WHOLE },
		{ UPLOAD_WHOLE, UPLOAD_STREAM, UPLOAD_CHUNKS },
	};
	const enum upload_way *order = orders[u->size_bytes <= SMALL_BYTES];
	size_t i = 0;

	while (i + 1 < UPLOAD_WAYS && u->all->refused[order[i]])
		i++;
	u->way = order[i];
	if (u->at >= u->size_bytes && u->way != UPLOAD_WHOLE)
		return upload_step(u, UPLOAD_CLOSE, e);
	if (u->way == UPLOAD_WHOLE && u->at > 0)
		u->way = UPLOAD_STREAM; /* a part of it arrived: the rest */
	return upload_step(u, u->way == UPLOAD_WHOLE ? UPLOAD_PUT : UPLOAD_PATCH, e);
}

/* Go over to the state @next and start what it does. */
int upload_step(struct upload *u, enum upload_state next, struct err *e)
{
	u->state = next;
	switch (next) {
	case UPLOAD_HEAD:
		return head(u, e);
	case UPLOAD_MOUNT:
		return mount(u, e);
	case UPLOAD_OPEN:
		return open_session(u, e);
	case UPLOAD_PUT:
		return put_whole(u, e);
	case UPLOAD_PATCH:
		return patch(u, e);
	case UPLOAD_CLOSE:
		return close_session(u, e);
	case UPLOAD_ASK:
		return request_empty(u, HTTP_GET, u->location, e);
	case UPLOAD_NEW:
	case UPLOAD_MISSING:
	case UPLOAD_THERE:
		break;
	}
	return 0;
}

/* Failures */

/* One more attempt counts: 0, or no more. */
static int count_try(struct upload *u, const struct http_request *q)
{
	const struct registry_opts *o = &u->all->reg->opts;

	if (u->at >= u->mark + PROGRESS_BYTES) {
		u->mark = u->at;
		u->tries = 0;
	}
	if (u->tries >= o->retries || u->all_tries >= TRIES_MAX)
		return -EIO;
	if (q->retry_after_s > HTTP_RETRY_AFTER_MAX_S)
		return -EIO;
	u->delay_ms = q->retry_after_s > 0 ? q->retry_after_s * 1000
		      : o->retry_delay_ms ? o->retry_delay_ms : http_backoff_ms(u->tries);
	u->tries++;
	u->all_tries++;
	return 0;
}

/* The connection broke, or the registry is busy: how much has arrived? */
static int broke(struct upload *u, struct err *e)
{
	const struct http_request *q = &u->get.http;

	if (count_try(u, q) < 0)
		return u->get.err.kind != ERR_NONE ? u->get.err.code ? -u->get.err.code : -EIO
						   : registry_refused(&u->get, e);
	log_debug("upload of sha256:%.12s broke, trying again", u->digest.hex);
	*e = (struct err)ERR_INIT;
	return upload_step(u, UPLOAD_ASK, e);
}

/* From the beginning. */
static int begin_again(struct upload *u, struct err *e)
{
	if (count_try(u, &u->get.http) < 0)
		return registry_refused(&u->get, e);
	return upload_step(u, UPLOAD_OPEN, e);
}

static bool may_pass(long status)
{
	return status == 408 || status == 429 || status == 500 || status == 502 || status == 503 ||
	       status == 504;
}

static bool good(long status)
{
	return status >= 200 && status < 300;
}

/* Does the registry doubt what came?  (Not that it was sent, but what.) */
static bool doubts_digest(const struct http_request *q)
{
	auto_json json_t *j = json_loadb(q->error_body, q->error_len, 0, NULL);
	const json_t *first = json_array_get(json_object_get(j, "errors"), 0);
	const char *code = json_string_value(json_object_get(first, "code"));

	return code && (streq(code, "DIGEST_INVALID") || streq(code, "SIZE_INVALID"));
}

/* 413: something before the registry takes only smaller pieces. */
static int too_large(struct upload *u, struct err *e)
{
	struct uploads *all = u->all;
	uint64_t was = u->end - u->at, next = was / 4;

	if (next > UPLOAD_CHUNK_BYTES)
		next = UPLOAD_CHUNK_BYTES;
	if (next < all->chunk_min)
		next = all->chunk_min;
	if (next < CHUNK_LEAST_BYTES || next >= was)
		return err_set(e, ERR_REMOTE, "the registry, or a proxy before it, takes no body of %" PRIu64
			       " bytes (status 413)", was);
	all->refused[UPLOAD_WHOLE] = all->refused[UPLOAD_STREAM] = true;
	if (next < all->chunk_bytes)
		all->chunk_bytes = next;
	return upload_step(u, UPLOAD_OPEN, e);
}

/* The registry does not take it in this way: in another. */
static int next_way(struct upload *u, struct err *e)
{
	struct uploads *all = u->all;
	bool left = false;

	all->refused[u->way] = true;
	for (size_t i = 0; i < UPLOAD_WAYS; i++)
		left |= !all->refused[i];
	if (!left)
		return registry_refused(&u->get, e);
	return upload_step(u, UPLOAD_OPEN, e);
}

/* A PUT, PATCH or closing PUT was not taken. */
static int not_taken(struct upload *u, struct err *e)
{
	const struct http_request *q = &u->get.http;

	if (may_pass(q->status)) {
		if (q->retry_after_s > HTTP_RETRY_AFTER_MAX_S)
			return err_set(e, ERR_REMOTE, "status %ld, and the registry asks to wait %" PRId64
				       " seconds", q->status, q->retry_after_s);
		return broke(u, e);
	}
	if (doubts_digest(q)) {
		if (u->doubts++ >= DOUBTS_MAX)
			return err_set(e, ERR_CORRUPT, "the registry says again that what arrives has another "
				       "digest or size");
		return upload_step(u, UPLOAD_OPEN, e);
	}
	switch (q->status) {
	case 401:
	case 403:
		return registry_refused(&u->get, e);
	case 404:
		if (count_try(u, q) < 0)
			return err_set(e, ERR_REMOTE, "the registry forgets the upload again and again");
		return upload_step(u, u->all->no_head ? UPLOAD_OPEN : UPLOAD_HEAD, e);
	case 413:
		return too_large(u, e);
	case 416:
		if (u->at > 0 || u->way == UPLOAD_CHUNKS)
			return begin_again(u, e);
		return next_way(u, e);
	default:
		return next_way(u, e);
	}
}

/* Answers */

/* It is there; or it is to be sent. */
static int there(struct upload *u, struct err *e)
{
	const struct ctr_pull_events *ev = u->all->events;
	struct digest kept;

	(void)e;
	if (u->state != UPLOAD_HEAD && digest_parse(u->get.http.content_digest, &kept, NULL) == 0 &&
	    !digest_eq(&kept, &u->digest))
		return err_set(e, ERR_CORRUPT, "the registry keeps it as sha256:%s", kept.hex);
	u->state = UPLOAD_THERE;
	if (!u->all->finding && ev->progress)
		ev->progress(ev->arg, u->slot, u->size_bytes);
	return 0;
}

int upload_missing(struct upload *u, struct err *e)
{
	u->checked = true;
	if (u->all->finding) {
		u->state = UPLOAD_MISSING;
		return 0;
	}
	return u->location ? send_it(u, e) : upload_step(u, UPLOAD_OPEN, e);
}

static int headed(struct upload *u, struct err *e)
{
	const struct http_request *q = &u->get.http;

	/* One of another length is none that we could refer to. */
	if (q->status == 200 && (q->content_length < 0 || (uint64_t)q->content_length == u->size_bytes))
		return there(u, e);
	if (q->status != 200 && q->status != 404) {
		log_debug("registry %s: HEAD of a blob gives status %ld: it is not asked any more",
			  u->all->reg->host, q->status);
		u->all->no_head = true;
	}
	free(u->location);
	u->location = NULL;
	if (u->mount_from && !u->checked && !u->all->reg->scopes_refused)
		return upload_step(u, UPLOAD_MOUNT, e);
	return upload_missing(u, e);
}

/* Where the session goes on; 0 or an error. */
static int adopt_location(struct upload *u, bool needed, struct err *e)
{
	struct http_request *q = &u->get.http;

	if (!q->location)
		return !needed ? 0 : err_set(e, ERR_CORRUPT, "the registry opened an upload without saying "
					     "where to send it");
	free(u->location);
	u->location = take_ptr(&q->location);
	return 0;
}

static void adopt_chunk_min(struct upload *u)
{
	struct uploads *all = u->all;
	uint64_t min;

	if (str_u64(u->get.http.chunk_min, CHUNK_MIN_LIMIT_BYTES, &min) < 0)
		return;
	all->chunk_min = min;
	if (all->chunk_bytes < min)
		all->chunk_bytes = min;
}

static int mounted(struct upload *u, struct err *e)
{
	const struct http_request *q = &u->get.http;
	int r = 0;

	if (q->status == 201) {
		u->mounted = true;
		return there(u, e);
	}
	free(u->location);
	u->location = NULL;
	if (q->status == 202) { /* it did not want to, but it has opened an upload instead */
		adopt_chunk_min(u);
		r = adopt_location(u, false, e);
	}
	return r < 0 ? r : upload_missing(u, e);
}

static int opened(struct upload *u, struct err *e)
{
	const struct http_request *q = &u->get.http;
	int r;

	if (q->status != 202)
		return good(q->status)
		       ? err_set(e, ERR_CORRUPT, "the registry answers with status %ld when an upload is to be "
				 "opened", q->status)
		       : registry_refused(&u->get, e);
	adopt_chunk_min(u);
	r = adopt_location(u, true, e);
	return r < 0 ? r : send_it(u, e);
}

static int patched(struct upload *u, struct err *e)
{
	const struct http_request *q = &u->get.http;
	uint64_t got = u->end;
	int r;

	if (!good(q->status))
		return not_taken(u, e);
	r = adopt_location(u, false, e);
	if (r < 0)
		return r;
	if (q->range[0] && upload_range_parse(q->range, &got) < 0)
		got = UINT64_MAX;
	if (got == 0 && u->end == 1)
		got = 1; /* this time "0-0" can only mean one byte */
	if (got > u->end || got < u->at) {
		if (count_try(u, q) < 0)
			return err_set(e, ERR_CORRUPT, "the registry says that it has \"%.40s\" of what was sent "
				       "up to byte %" PRIu64, q->range, u->end);
		return upload_step(u, UPLOAD_OPEN, e);
	}
	if (got == u->at && count_try(u, q) < 0)
		return err_set(e, ERR_REMOTE, "the registry takes nothing of what is sent");
	u->at = got;
	return send_it(u, e);
}

static int closed(struct upload *u, struct err *e)
{
	return good(u->get.http.status) ? there(u, e) : not_taken(u, e);
}

static int asked(struct upload *u, struct err *e)
{
	const struct http_request *q = &u->get.http;
	uint64_t got = 0;
	int r;

	if (!good(q->status) || upload_range_parse(q->range, &got) < 0 || got > u->end) {
		log_debug("the upload of sha256:%.12s cannot go on (status %ld): from the beginning",
			  u->digest.hex, q->status);
		return upload_step(u, u->all->no_head ? UPLOAD_OPEN : UPLOAD_HEAD, e);
	}
	r = adopt_location(u, false, e);
	if (r < 0)
		return r;
	if (got == 0)
		return upload_step(u, UPLOAD_OPEN, e);
	u->at = got;
	return send_it(u, e);
}

/* The request was answered, or (@r negative, u->get.err says why) has failed for good. */
static int answered(struct upload *u, int r, struct err *e)
{
	enum upload_state state = u->state;

	*e = u->get.err;
	/* Only what the network did can be mended. */
	if (r < 0 && e->kind == ERR_REMOTE &&
	    (state == UPLOAD_PUT || state == UPLOAD_PATCH || state == UPLOAD_CLOSE))
		return broke(u, e);
	if (r < 0 && e->kind == ERR_DENIED && state == UPLOAD_MOUNT) {
		*e = (struct err)ERR_INIT;
		return upload_step(u, UPLOAD_OPEN, e);
	}
	if (r < 0)
		return r;
	switch (state) {
	case UPLOAD_HEAD:
		return headed(u, e);
	case UPLOAD_MOUNT:
		return mounted(u, e);
	case UPLOAD_OPEN:
		return opened(u, e);
	case UPLOAD_PATCH:
		return patched(u, e);
	case UPLOAD_PUT:
	case UPLOAD_CLOSE:
		return closed(u, e);
	case UPLOAD_ASK:
		return asked(u, e);
	case UPLOAD_NEW:
	case UPLOAD_MISSING:
	case UPLOAD_THERE:
		break;
	}
	return 0;
}

static void on_sent(void *arg, uint64_t bytes)
{
	struct upload *u = arg;
	const struct ctr_pull_events *ev = u->all->events;

	if (ev->progress)
		ev->progress(ev->arg, u->slot, u->at + bytes);
}

static void on_done(struct registry_get *g, int r)
{
	struct upload *u = g->arg;
	struct uploads *all = u->all;
	struct err e = ERR_INIT;

	u->sent_bytes += g->http.sent_bytes;
	r = answered(u, r, &e);
	if (r < 0 && all->result == 0) {
		all->result = err_wrap(&e, r, "blob sha256:%s", u->digest.hex);
		all->err = e;
	}
	if (r < 0 || u->state == UPLOAD_THERE || u->state == UPLOAD_MISSING)
		all->running--;
}
