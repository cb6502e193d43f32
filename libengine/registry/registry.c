/* One registry: requests, who we are to it, and what its refusals mean. */
#include "registry.h"

#include <errno.h>
#include <stdlib.h>

#include "blob.h"
#include "certs.h"
#include "fd.h"
#include "json.h"
#include "layout.h"
#include "log.h"
#include "manifest.h"
#include "str.h"
#include "token.h"
#include "www-authenticate.h"

#define AUTH_ROUNDS_MAX 1	/* authorisations that are sought for one request ... */
#define AUTH_RENEWALS_MAX 5	/* ... where they are good, but not for long */
#define CHALLENGES_MAX 8
#define STEP_MS 250		/* so often is a signal noticed at the latest */

static unsigned int default_retries = 3;
static int64_t default_retry_delay_ms;

void registry_defaults(int retries, int64_t retry_delay_ms)
{
	if (retries >= 0)
		default_retries = (unsigned int)retries;
	default_retry_delay_ms = retry_delay_ms;
}

int registry_new(struct http *h, const struct ctr_reference *ref, const struct registry_opts *o,
		 struct registry **ret, struct err *e)
{
	struct registry *reg = calloc(1, sizeof(*reg));
	/* docker.io is a name; the registry behind it has another. */
	const char *server = streq(ref->domain, "docker.io") ? "registry-1.docker.io" : ref->domain;
	int r;

	if (!reg)
		return err_sys(e, ENOMEM, "open registry %s", ref->domain);
	reg->http = h;
	reg->opts = *o;
	if (o->retries == REGISTRY_RETRIES_DEFAULT)
		reg->opts.retries = default_retries;
	if (o->retry_delay_ms == 0)
		reg->opts.retry_delay_ms = default_retry_delay_ms;
	reg->may_fall_back = o->insecure;
	reg->peer.insecure = o->insecure;
	reg->host = strdup(ref->domain);
	reg->repo = strdup(ref->path);
	reg->base = str_printf("https://%s", server);
	r = reg->host && reg->repo && reg->base &&
	    (!*ref->path || strv_addf(&reg->scopes, "repository:%s:pull", ref->path) >= 0)
	    ? 0 : err_sys(e, ENOMEM, "open registry %s", ref->domain);
	if (r == 0)
		r = certs_load(o->cert_dir, ref->domain, &reg->peer, e);
	if (r < 0) {
		registry_free(reg);
		return r;
	}
	*ret = reg;
	return 0;
}

static void erase(char **s)
{
	if (*s)
		explicit_bzero(*s, strlen(*s));
	free(*s);
	*s = NULL;
}

void registry_free(struct registry *reg)
{
	if (!reg)
		return;
	http_request_done(&reg->token);
	http_peer_done(&reg->peer);
	credentials_done(&reg->creds);
	erase(&reg->authorization);
	erase(&reg->token_basic);
	erase(&reg->token_form);
	erase(&reg->token_body);
	strv_done(&reg->scopes);
	free(reg->token_url);
	free(reg->token_challenge);
	free(reg->host);
	free(reg->repo);
	free(reg->base);
	free(reg);
}

int registry_for_push(struct registry *reg, const struct strv *mount_from)
{
	int r;

	strv_done(&reg->scopes);
	r = strv_addf(&reg->scopes, "repository:%s:pull,push", reg->repo);
	for (size_t i = 0; r >= 0 && i < mount_from->n; i++)
		r = strv_addf(&reg->scopes, "repository:%s:pull", mount_from->items[i]);
	return r < 0 ? r : 0;
}

/* Ends and refusals */

static void get_ended(struct registry_get *g, int r)
{
	g->done(g, r);
}

/* What the registry says about its refusal, in at most a line; "" where nothing. */
static void remote_message(const struct http_request *q, char *buf, size_t cap)
{
	auto_json json_t *j = json_loadb(q->error_body, q->error_len, 0, NULL);
	const json_t *first = json_array_get(json_object_get(j, "errors"), 0);
	const char *msg = json_string_value(json_object_get(first, "message"));

	if (!msg || !*msg)
		msg = json_string_value(json_object_get(first, "code"));
	(void)snprintf(buf, cap, "%s%.150s", msg && *msg ? ": " : "", msg && *msg ? msg : "");
}

/* What is unknown when it is a 404? */
static int not_found(const struct registry_get *g, const char *msg, struct err *e)
{
	if (g->method != HTTP_GET && g->method != HTTP_HEAD)
		return err_set(e, ERR_NOT_FOUND, "the registry has no such repository, or does not make it%s",
			       msg);
	if (g->path && *g->path == '/')
		return err_set(e, ERR_NOT_FOUND, "the registry does not know %s%s", g->path, msg);
	if (g->path && str_starts(g->path, "manifests/"))
		return err_set(e, ERR_NOT_FOUND, "manifest unknown%s",
			       streq(msg, ": manifest unknown") ? "" : msg);
	return err_set(e, ERR_NOT_FOUND, "blob unknown to the registry%s", msg);
}

int registry_refused(struct registry_get *g, struct err *e)
{
	const struct http_request *q = &g->http;
	auto_free char *url = http_url_show(q->url);
	const char *method = http_method_str(g->method);
	char msg[200];

	remote_message(q, msg, sizeof(msg));
	if (q->moved)
		return err_set(e, ERR_REMOTE, "%s %s: it was redirected, and the other server answers with "
			       "status %ld (it gets no credentials)", method, url ? url : "", q->status);
	switch (q->status) {
	case 401:
		return err_set(e, ERR_DENIED, "unauthorized%s%s", msg,
			       g->reg->token_withheld
			       ? ": the token server is of another domain, so it got no credentials"
			       : reg_has_creds(g->reg) ? ": the credentials are not accepted"
						     : ": no credentials for this registry");
	case 403:
		return err_set(e, ERR_DENIED, "requested access to the resource is denied%s", msg);
	case 404:
		return not_found(g, msg, e);
	case 429:
		return err_set(e, ERR_REMOTE, "too many requests%s", msg);
	default:
		return err_set(e, ERR_REMOTE, "%s %s: status %ld%s", method, url ? url : "", q->status, msg);
	}
}

/* Authorisation */

bool reg_has_creds(const struct registry *reg)
{
	return reg->creds.user || reg->creds.identity_token;
}

static int load_creds(struct registry *reg, struct err *e)
{
	auto_free char *name = str_printf("%s/%s", reg->host, reg->repo);
	int r;

	if (reg->creds_known)
		return 0;
	if (!name)
		return err_sys(e, ENOMEM, "find the credentials");
	if (reg->opts.creds) {
		reg->creds.user = strdup(reg->opts.creds->user);
		reg->creds.password = strdup(reg->opts.creds->password);
		r = reg->creds.user && reg->creds.password ? 0 : err_sys(e, ENOMEM, "copy credentials");
	} else {
		r = credentials_find(reg->opts.authfile, name, &reg->creds, e);
	}
	if (r < 0)
		return r;
	reg->creds_known = true;
	return 0;
}

static int launch(struct registry_get *g, struct err *e);

/* Everything that waited for an authorisation goes on, or fails with @e. */
static void wake_waiting(struct registry *reg, int r, const struct err *e)
{
	struct registry_get *g = reg->waiting, *next;

	for (reg->waiting = NULL; g; g = next) {
		next = g->next_waiting;
		g->next_waiting = NULL;
		if (r < 0)
			g->err = *e;
		if (r < 0 || launch(g, &g->err) < 0)
			get_ended(g, r < 0 ? r : -EIO);
	}
}

/* @value is taken over. */
static void set_authorization(struct registry *reg, char *value)
{
	erase(&reg->authorization);
	reg->authorization = value;
	reg->token_worked = false;
	reg->auth_serial++;
}

static void on_token(struct registry *reg, int r, char *authorization, const struct err *e)
{
	if (r == 0)
		set_authorization(reg, authorization);
	wake_waiting(reg, r, e);
}

static int pick_challenge(const struct http_request *q, struct www_challenge *ret, struct err *e)
{
	int best = WWW_OTHER;

	for (size_t i = 0; i < q->challenges.n; i++) {
		struct www_challenge list[CHALLENGES_MAX];
		int n = www_authenticate_parse(q->challenges.items[i], list, CHALLENGES_MAX, e);

		if (n < 0)
			return n;
		for (int k = 0; k < n; k++) {
			if ((int)list[k].scheme <= best)
				continue;
			best = (int)list[k].scheme;
			*ret = list[k];
		}
	}
	return best;
}

/* Answer a 401.  0: @g runs or waits again; else the error. */
static int authorize(struct registry_get *g, struct err *e)
{
	struct registry *reg = g->reg;
	struct www_challenge ch = { 0 };
	int r;

	if (g->http.moved)
		return registry_refused(g, e);
	if (g->auth_serial != reg->auth_serial)
		return launch(g, e); /* another request has got a newer one meanwhile */
	if (++g->auth_rounds > (reg->token_worked ? AUTH_RENEWALS_MAX : AUTH_ROUNDS_MAX))
		return registry_refused(g, e);
	r = load_creds(reg, e);
	if (r == 0)
		r = pick_challenge(&g->http, &ch, e);
	if (r < 0)
		return r;
	if (ch.scheme == WWW_BASIC && reg->creds.user &&
	    !(reg->authorization && str_starts(reg->authorization, "Basic "))) {
		char *basic = credentials_basic(&reg->creds);

		if (!basic)
			return err_sys(e, ENOMEM, "log in");
		set_authorization(reg, basic);
		return launch(g, e);
	}
	if (ch.scheme != WWW_BEARER)
		return registry_refused(g, e);
	if (!http_active(&reg->token)) {
		r = token_request(reg, &ch, on_token, e);
		if (r < 0)
			return r;
	}
	g->next_waiting = reg->waiting;
	reg->waiting = g;
	return 0;
}

/* Requests */

static bool never_answered(CURLcode code)
{
	return code == CURLE_COULDNT_CONNECT || code == CURLE_SSL_CONNECT_ERROR ||
	       code == CURLE_OPERATION_TIMEDOUT || code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR ||
	       code == CURLE_GOT_NOTHING;
}

/* An insecure registry may speak only http; that shows when https gets no answer. */
static bool fall_back(struct registry *reg, CURLcode code)
{
	auto_free char *base = NULL;

	if (!reg->may_fall_back || !never_answered(code))
		return false;
	base = str_printf("http://%s", reg->base + strlen("https://"));
	if (!base)
		return false;
	reg->may_fall_back = false;
	free(reg->base);
	reg->base = take_ptr(&base);
	log_debug("registry %s does not speak https, trying http", reg->host);
	return true;
}

/* Another request found out while this one was on its way. */
static bool has_fallen_back(const struct registry_get *g)
{
	return !g->at && str_starts(g->url, "https:") && str_starts(g->reg->base, "http:");
}

static void on_done(struct http_request *q, int r)
{
	struct registry_get *g = q->arg;

	if (r < 0 && (fall_back(g->reg, q->curl_code) || has_fallen_back(g))) {
		r = launch(g, &g->err);
		if (r == 0)
			return;
	} else if (r < 0) {
		g->err = q->err;
	} else {
		g->reg->may_fall_back = false;
		g->reg->peer.answered = true;
		if (q->status != 401 && !q->moved && g->auth_serial == g->reg->auth_serial)
			g->reg->token_worked = true;
		if (q->status == 401) {
			r = authorize(g, &g->err);
			if (r == 0)
				return;
		} else if (!g->any_status && q->status != 200 && q->status != 206) {
			r = registry_refused(g, &g->err);
		}
	}
	get_ended(g, r);
}

static int on_body(void *arg, const void *data, size_t len, struct err *e)
{
	struct registry_get *g = arg;

	return g->body(g->arg, data, len, e);
}

static void on_sent(void *arg, uint64_t bytes)
{
	struct registry_get *g = arg;

	g->sent(g->arg, bytes);
}

static void on_rewind(void *arg)
{
	struct registry_get *g = arg;

	if (g->rewind)
		g->rewind(g->arg);
}

/* An upload may be sent elsewhere, but not in the clear when the registry itself is asked by https. */
static int check_elsewhere(const struct registry *reg, const char *at, struct err *e)
{
	auto_free char *shown = http_url_show(at);

	if (!str_starts(at, "http:") && !str_starts(at, "https:"))
		return err_set(e, ERR_REMOTE, "the registry wants the upload at %.100s, which is no http or https "
			       "URL", shown ? shown : "");
	if (!str_starts(reg->base, "https:") || str_starts(at, "https:") || reg->peer.insecure)
		return 0;
	return err_set(e, ERR_REMOTE, "the registry, which is asked by https, wants the upload at %s, which "
		       "is refused (is a proxy before it that does not pass on X-Forwarded-Proto?)",
		       shown ? shown : "");
}

static int launch(struct registry_get *g, struct err *e)
{
	struct registry *reg = g->reg;
	struct http_request *q = &g->http;
	int r = g->at ? check_elsewhere(reg, g->at, e) : 0;

	if (r < 0)
		return r;
	free(g->url);
	erase(&g->authorization);
	if (g->at)
		g->url = strdup(g->at);
	else if (*g->path == '/')
		g->url = str_printf("%s%s", reg->base, g->path);
	else
		g->url = str_printf("%s/v2/%s/%s", reg->base, reg->repo, g->path);
	g->authorization = reg->authorization ? strdup(reg->authorization) : NULL;
	if (!g->url || (reg->authorization && !g->authorization))
		return err_sys(e, ENOMEM, "%s %s", http_method_str(g->method), g->path ? g->path : "");
	q->url = g->url;
	q->home = reg->base;
	q->method = g->method;
	q->send = g->send;
	q->sent = g->sent ? on_sent : NULL;
	q->start_delay_ms = g->start_delay_ms;
	q->accept = g->accept;
	q->authorization = g->authorization;
	q->peer = &reg->peer;
	/* While it is open whether https is spoken at all, a failure is information. */
	q->retries = reg->may_fall_back || g->once ? 0 : reg->opts.retries;
	q->retry_delay_ms = reg->opts.retry_delay_ms;
	q->document = g->document;
	q->max_bytes = g->max_bytes;
	q->expect_bytes = g->expect_bytes;
	q->body = g->body ? on_body : NULL;
	q->rewind = on_rewind;
	q->done = on_done;
	q->arg = g;
	g->auth_serial = reg->auth_serial;
	return http_start(reg->http, q, e);
}

int registry_get_start(struct registry *reg, struct registry_get *g, const char *path, struct err *e)
{
	g->reg = reg;
	g->auth_rounds = 0;
	g->http.received = g->from;
	g->http.until = g->until;
	g->http.only_range = g->only_range;
	free(g->path);
	g->path = path ? strdup(path) : NULL;
	return g->path || !path ? launch(g, e) : err_sys(e, ENOMEM, "fetch %s", path);
}

void registry_get_done(struct registry_get *g)
{
	if (g->reg) {
		struct registry_get **p = &g->reg->waiting;

		while (*p && *p != g)
			p = &(*p)->next_waiting;
		if (*p)
			*p = g->next_waiting;
	}
	http_request_done(&g->http);
	free(g->path);
	free(g->url);
	g->path = g->url = NULL;
	erase(&g->authorization);
}

/* Whole documents */

struct document {
	struct strbuf buf;
	bool ended;
	int result;
};

static int document_body(void *arg, const void *data, size_t len, struct err *e)
{
	struct document *d = arg;

	strbuf_addn(&d->buf, data, len);
	return d->buf.failed ? err_sys(e, ENOMEM, "read a document") : 0;
}

static void document_rewind(void *arg)
{
	struct document *d = arg;

	strbuf_done(&d->buf);
}

static void document_done(struct registry_get *g, int r)
{
	struct document *d = g->arg;

	d->ended = true;
	d->result = r;
}

static int run_document(struct registry *reg, struct registry_get *g, struct document *d,
			const char *path, struct err *e)
{
	int r;

	g->document = g->method == HTTP_GET;
	g->body = document_body;
	g->rewind = document_rewind;
	g->done = document_done;
	g->arg = d;
	r = registry_get_start(reg, g, path, e);
	while (r == 0 && !d->ended) {
		r = reg->opts.interrupted ? reg->opts.interrupted(e) : 0;
		if (r == 0)
			r = http_step(reg->http, NULL, 0, STEP_MS, e);
	}
	if (r == 0 && d->result < 0) {
		r = d->result;
		if (e)
			*e = g->err;
	}
	if (r == 0)
		strbuf_addn(&d->buf, "", 0);
	return r == 0 && d->buf.failed ? err_sys(e, ENOMEM, "fetch %s", path) : r;
}

/* What the header promises about a manifest must be true. */
static int check_announced(const char *announced, const struct digest *is, struct err *e)
{
	struct digest d;

	if (!*announced || (!str_starts(announced, "sha256:") && strchr(announced, ':')))
		return 0; /* nothing, or an algorithm that we do not compute */
	if (digest_parse(announced, &d, NULL) < 0)
		return err_set(e, ERR_CORRUPT, "Docker-Content-Digest \"%.80s\" is no digest", announced);
	if (!digest_eq(&d, is))
		return err_set(e, ERR_CORRUPT, "the registry announces the manifest %.80s but sends sha256:%s",
			       announced, is->hex);
	return 0;
}

int registry_manifest(struct registry *reg, const char *tag, const struct digest *digest,
		      char **ret_buf, size_t *ret_len, char ret_type[128], struct digest *ret_digest,
		      struct err *e)
{
	struct registry_get g = { .accept = MANIFEST_ACCEPT, .max_bytes = LAYOUT_MANIFEST_MAX_BYTES,
				  .expect_bytes = UINT64_MAX };
	struct document d = { .buf = STRBUF_INIT };
	char path[DIGEST_STR_MAX + REF_TAG_MAX];
	struct digest is;
	int r;

	(void)snprintf(path, sizeof(path), "manifests/%s%s", tag ? "" : "sha256:",
		       tag ? tag : digest->hex);
	r = run_document(reg, &g, &d, path, e);
	if (r == 0)
		r = digest_of(d.buf.data, d.buf.len, &is, e);
	if (r == 0)
		r = check_announced(g.http.content_digest, &is, e);
	if (r == 0 && digest && !digest_eq(digest, &is))
		r = err_set(e, ERR_CORRUPT, "the manifest's digest is sha256:%s, not sha256:%s", is.hex,
			    digest->hex);
	if (r == 0) {
		(void)snprintf(ret_type, 128, "%s", g.http.content_type);
		*ret_digest = is;
		*ret_len = d.buf.len;
		*ret_buf = strbuf_take(&d.buf);
	}
	registry_get_done(&g);
	strbuf_done(&d.buf);
	return r;
}

/* Old registries know docker's formats only, and say so in various ways. */
static int manifest_refused(struct registry_get *g, const char *type, struct err *e)
{
	struct err why = ERR_INIT;
	int r = registry_refused(g, &why);

	switch (g->http.status) {
	case 400:
	case 405:
	case 406:
	case 415:
	case 422:
		if (str_starts(type, "application/vnd.oci."))
			return err_set(e, why.kind, "%s (if the registry takes no OCI manifests: --format v2s2)",
				       why.text);
		break;
	default:
		break;
	}
	if (e)
		*e = why;
	return r;
}

int registry_put_manifest(struct registry *reg, const char *tag, const struct digest *digest,
			  const char *type, const void *buf, size_t len, struct err *e)
{
	struct registry_get g = {
		.method = HTTP_PUT, .any_status = true, .max_bytes = HTTP_ERROR_BODY_MAX_BYTES,
		.expect_bytes = UINT64_MAX,
		.send = { .data = buf, .fd = FD_NONE, .size_bytes = len, .content_type = type },
	};
	struct document d = { .buf = STRBUF_INIT };
	char path[DIGEST_STR_MAX + REF_TAG_MAX];
	struct digest kept;
	int r;

	(void)snprintf(path, sizeof(path), "manifests/%s%s", tag ? "" : "sha256:",
		       tag ? tag : digest->hex);
	r = run_document(reg, &g, &d, path, e);
	if (r == 0 && (g.http.status < 200 || g.http.status >= 300))
		r = manifest_refused(&g, type, e);
	/* An announcement that we cannot read says nothing about what is kept. */
	if (r == 0 && digest_parse(g.http.content_digest, &kept, NULL) == 0 && !digest_eq(&kept, digest))
		r = err_set(e, ERR_CORRUPT, "the registry keeps it as sha256:%s, not as the sha256:%s that was "
			    "sent", kept.hex, digest->hex);
	registry_get_done(&g);
	strbuf_done(&d.buf);
	return r < 0 ? err_wrap(e, r, "put the manifest") : 0;
}

int registry_small_blob(struct registry *reg, const struct digest *digest, uint64_t size,
			char **ret_buf, struct err *e)
{
	struct registry_get g = { .max_bytes = size, .expect_bytes = size };
	struct document d = { .buf = STRBUF_INIT };
	char path[DIGEST_STR_MAX + 10];
	struct digest is;
	int r;

	(void)snprintf(path, sizeof(path), "blobs/sha256:%s", digest->hex);
	r = run_document(reg, &g, &d, path, e);
	if (r == 0)
		r = digest_of(d.buf.data, d.buf.len, &is, e);
	if (r == 0 && !digest_eq(digest, &is))
		r = err_set(e, ERR_CORRUPT, "the digest is sha256:%s", is.hex);
	if (r == 0)
		*ret_buf = strbuf_take(&d.buf);
	registry_get_done(&g);
	strbuf_done(&d.buf);
	return r < 0 ? err_wrap(e, r, "blob sha256:%s", digest->hex) : 0;
}

/* <URL>; rel="next": its path, where it is of the same server.  NULL: there is no such page. */
static char *next_page(const struct registry *reg, const struct registry_get *g)
{
	auto_free char *inner = NULL, *url = NULL;
	const char *link = g->http.link;
	const char *end = link ? strchr(link, '>') : NULL;

	if (!end || *link != '<' || !strstr(end, "next"))
		return NULL;
	inner = strndup(link + 1, (size_t)(end - link - 1));
	url = inner ? http_url_join(g->url, inner) : NULL;
	if (!url || !http_same_origin(url, reg->base))
		return NULL;
	end = strchr(strstr(url, "://") + 3, '/');
	return end ? strdup(end) : NULL;
}

int registry_page(struct registry *reg, const char *path, uint64_t max_bytes, char **ret_buf,
		  size_t *ret_len, char **ret_next, struct err *e)
{
	struct registry_get g = { .accept = "application/json", .max_bytes = max_bytes,
				  .expect_bytes = UINT64_MAX, .at = *path == '/' ? NULL : path };
	struct document d = { .buf = STRBUF_INIT };
	int r = run_document(reg, &g, &d, g.at ? NULL : path, e);

	if (r == 0 && ret_next)
		*ret_next = next_page(reg, &g);
	if (r == 0) {
		*ret_len = d.buf.len;
		*ret_buf = strbuf_take(&d.buf);
	}
	registry_get_done(&g);
	strbuf_done(&d.buf);
	return r;
}
