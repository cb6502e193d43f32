/* Bearer tokens. */
#include "token.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "fd.h"
#include "json.h"
#include "log.h"
#include "str.h"

#define TOKEN_MAX_BYTES (64u << 10)	/* the whole answer */

static bool is_address(const char *host)
{
	return *host == '[' || host[strspn(host, "0123456789.")] == '\0';
}

bool token_realm_trusted(const char *registry_url, const char *realm)
{
	auto_free char *rs = NULL, *rh = NULL, *ts = NULL, *th = NULL;
	const char *parent;

	if (http_url_split(registry_url, &rs, &rh, NULL) < 0 || http_url_split(realm, &ts, &th, NULL) < 0)
		return false;
	if (streq(rs, "https") && !streq(ts, "https"))
		return false;
	if (streq(rh, th))
		return true;
	if (is_address(rh) || is_address(th))
		return false;
	/* below the registry's host, or beside it in the same domain: auth.docker.io */
	if (str_ends(th, rh) && th[strlen(th) - strlen(rh) - 1] == '.')
		return true;
	parent = strchr(rh, '.');
	if (!parent || !strchr(parent + 1, '.'))
		return false;
	return streq(th, parent + 1) || str_ends(th, parent);
}

static void add_param(struct strbuf *b, const char *name, const char *value)
{
	char *coded = curl_easy_escape(NULL, value, 0);

	if (!coded)
		b->failed = true;
	else if (b->data && b->len > 0)
		strbuf_addf(b, "&%s=%s", name, coded);
	else
		strbuf_addf(b, "%s=%s", name, coded);
	curl_free(coded);
}

/* In a query each is a parameter of its own; in a form they are one, with spaces (RFC 6749 3.3). */
static void add_scopes(struct registry *reg, struct strbuf *b)
{
	for (size_t i = 0; i < reg->scopes.n; i++)
		add_param(b, "scope", reg->scopes.items[i]);
}

static void add_scope_list(struct registry *reg, struct strbuf *b)
{
	auto_strbuf struct strbuf list = STRBUF_INIT;

	for (size_t i = 0; i < reg->scopes.n; i++)
		strbuf_addf(&list, "%s%s", i ? " " : "", reg->scopes.items[i]);
	if (list.failed)
		b->failed = true;
	else if (list.data)
		add_param(b, "scope", list.data);
}

/* GET realm?account=&scope=&service= */
static char *make_url(struct registry *reg, const struct www_challenge *ch, const char *account)
{
	auto_strbuf struct strbuf query = STRBUF_INIT;

	if (account)
		add_param(&query, "account", account);
	add_scopes(reg, &query);
	if (ch->service[0])
		add_param(&query, "service", ch->service);
	if (query.failed)
		return NULL;
	return str_printf("%s%c%s", ch->realm, strchr(ch->realm, '?') ? '&' : '?', query.data);
}

/* POST of an OAuth2 refresh token. */
static char *make_form(struct registry *reg, const struct www_challenge *ch)
{
	auto_strbuf struct strbuf form = STRBUF_INIT;

	add_param(&form, "grant_type", "refresh_token");
	if (ch->service[0])
		add_param(&form, "service", ch->service);
	add_param(&form, "client_id", "ctr-lite");
	add_scope_list(reg, &form);
	add_param(&form, "refresh_token", reg->creds.identity_token);
	return strbuf_take(&form);
}

/* Only what can stand in a header without ending it. */
static bool token_ok(const char *s)
{
	for (const char *p = s; *p; p++)
		if (!isgraph((unsigned char)*p))
			return false;
	return *s;
}

static int read_token(struct registry *reg, char **ret, struct err *e)
{
	auto_free char *url = http_url_show(reg->token.url);
	auto_json json_t *j = NULL;
	const char *token;

	j = reg->token_body ? json_loadb(reg->token_body, reg->token_len, 0, NULL) : NULL;
	token = json_string_value(json_object_get(j, "token"));
	if (!token || !*token)
		token = json_string_value(json_object_get(j, "access_token"));
	if (!token || !token_ok(token)) /* without showing what came */
		return err_set(e, ERR_CORRUPT, "token server %s: the answer has no token",
			       url ? url : "");
	*ret = str_printf("Bearer %s", token);
	return *ret ? 0 : err_sys(e, ENOMEM, "read the token");
}

static int refused(struct registry *reg, struct err *e)
{
	auto_free char *url = http_url_show(reg->token.url);
	const char *why = "";

	if (reg_has_creds(reg) && !reg->token.authorization && !reg->token_form)
		why = " (it is not of the registry's domain, so it got no credentials)";
	else if (reg_has_creds(reg))
		why = ": the credentials are not accepted";
	if (reg->token.status == 401 || reg->token.status == 403)
		return err_set(e, ERR_DENIED, "unauthorized: token server %s answers with status %ld%s",
			       url ? url : "", reg->token.status, why);
	return err_set(e, ERR_REMOTE, "token server %s answers with status %ld%s", url ? url : "",
		       reg->token.status, why);
}

static int start(struct registry *reg, struct err *e);

/* The repositories to mount from are not essential: perhaps one of them is what was refused. */
static int ask_for_less(struct registry *reg, struct err *e)
{
	auto_free char *ours = strdup(reg->scopes.items[0]);

	if (!ours)
		return -ENOMEM;
	strv_done(&reg->scopes);
	reg->scopes_refused = true;
	if (strv_add(&reg->scopes, ours) < 0)
		return -ENOMEM;
	return start(reg, e);
}

static void on_done(struct http_request *q, int r)
{
	struct registry *reg = q->arg;
	struct err e = ERR_INIT;
	char *authorization = NULL;

	if (r == 0 && q->status != 200 && reg->scopes.n > 1 && ask_for_less(reg, &e) == 0)
		return;
	if (r < 0)
		e = q->err;
	else if (q->status != 200)
		r = refused(reg, &e);
	else
		r = read_token(reg, &authorization, &e);
	if (reg->token_body)
		explicit_bzero(reg->token_body, reg->token_len);
	reg->token_done(reg, r, authorization, &e);
}

static int on_body(void *arg, const void *data, size_t len, struct err *e)
{
	struct registry *reg = arg;

	if (!reg->token_body)
		reg->token_body = calloc(1, TOKEN_MAX_BYTES + 1);
	if (!reg->token_body)
		return err_sys(e, ENOMEM, "read the token");
	memcpy(reg->token_body + reg->token_len, data, len); /* max_bytes keeps it in bounds */
	reg->token_len += len;
	return 0;
}

static void on_rewind(void *arg)
{
	struct registry *reg = arg;

	reg->token_len = 0;
}

static int prepare(struct registry *reg, struct err *e)
{
	const struct www_challenge *ch = reg->token_challenge;
	auto_free char *scheme = NULL;
	bool trusted = token_realm_trusted(reg->base, ch->realm);

	reg->token_withheld = !trusted && reg_has_creds(reg);
	if (http_url_split(ch->realm, &scheme, NULL, NULL) < 0 ||
	    (!streq(scheme, "http") && !streq(scheme, "https")))
		return err_set(e, ERR_CORRUPT, "the token realm \"%.100s\" is no http or https URL", ch->realm);
	if (streq(scheme, "http") && str_starts(reg->base, "https:") && !reg->peer.insecure)
		return err_set(e, ERR_REMOTE, "the token realm %.100s of an https registry is plain http",
			       ch->realm);
	/* What asking for a registry as a whole takes, only the registry knows. */
	if (!*reg->repo && reg->scopes.n == 0 && ch->scope[0] && strv_add(&reg->scopes, ch->scope) < 0)
		return err_sys(e, ENOMEM, "ask for a token");
	free(reg->token_url);
	free(reg->token_form);
	free(reg->token_basic);
	reg->token_url = reg->token_form = reg->token_basic = NULL;
	reg->token_len = 0;
	if (trusted && reg->creds.identity_token) {
		reg->token_url = strdup(ch->realm);
		reg->token_form = make_form(reg, ch);
		return reg->token_url && reg->token_form ? 0 : err_sys(e, ENOMEM, "ask for a token");
	}
	trusted = trusted && reg->creds.user;
	if (trusted) {
		reg->token_basic = credentials_basic(&reg->creds);
		if (!reg->token_basic)
			return err_sys(e, ENOMEM, "ask for a token");
	} else if (reg_has_creds(reg)) {
		log_debug("token realm %s is not of the registry's domain: asked without credentials",
			  ch->realm);
	}
	reg->token_url = make_url(reg, ch, trusted ? reg->creds.user : NULL);
	return reg->token_url ? 0 : err_sys(e, ENOMEM, "ask for a token");
}

static int start(struct registry *reg, struct err *e)
{
	struct http_request *q = &reg->token;
	int r = prepare(reg, e);

	if (r < 0)
		return r;
	http_request_done(q);
	*q = (struct http_request){
		.url = reg->token_url, .accept = "application/json", .authorization = reg->token_basic,
		.peer = &reg->peer, .retries = reg->opts.retries,
		.retry_delay_ms = reg->opts.retry_delay_ms,
		.document = true, .max_bytes = TOKEN_MAX_BYTES, .expect_bytes = UINT64_MAX,
		.body = on_body, .rewind = on_rewind, .done = on_done, .arg = reg,
	};
	if (reg->token_form) {
		q->method = HTTP_POST;
		q->send = (struct http_send){ .data = reg->token_form, .fd = FD_NONE, .secret = true,
					      .size_bytes = strlen(reg->token_form),
					      .content_type = "application/x-www-form-urlencoded" };
	}
	return http_start(reg->http, q, e);
}

int token_request(struct registry *reg, const struct www_challenge *ch,
		  void (*done)(struct registry *reg, int r, char *authorization, const struct err *e),
		  struct err *e)
{
	free(reg->token_challenge);
	reg->token_challenge = malloc(sizeof(*ch));
	if (!reg->token_challenge)
		return err_sys(e, ENOMEM, "ask for a token");
	*reg->token_challenge = *ch;
	reg->token_done = done;
	return start(reg, e);
}
