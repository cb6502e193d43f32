/* Parsing WWW-Authenticate. */
#include "www-authenticate.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

struct parser {
	const char *p;
	struct err *e;
};

static int bad(struct parser *s, const char *why)
{
	return err_set(s->e, ERR_CORRUPT, "WWW-Authenticate: %s", why);
}

static bool is_token(char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

static void skip_space(struct parser *s)
{
	while (*s->p == ' ' || *s->p == '\t')
		s->p++;
}

static int take_token(struct parser *s, char *dst, size_t cap)
{
	size_t n = 0;

	while (is_token(s->p[n]))
		n++;
	if (n == 0)
		return bad(s, "expected a word");
	if (n >= cap)
		return bad(s, "a word is too long");
	memcpy(dst, s->p, n);
	dst[n] = '\0';
	s->p += n;
	return 0;
}

static int take_quoted(struct parser *s, char *dst, size_t cap)
{
	size_t n = 0;

	for (s->p++; *s->p != '"'; s->p++) {
		if (*s->p == '\\')
			s->p++;
		if (!*s->p)
			return bad(s, "a quote is not closed");
		if (n + 1 >= cap)
			return bad(s, "a value is too long");
		dst[n++] = *s->p;
	}
	dst[n] = '\0';
	s->p++;
	return 0;
}

static int store(struct parser *s, struct www_challenge *c, const char *name, const char *value)
{
	const struct {
		const char *name;
		char *dst;
		size_t cap;
	} known[] = {
		{ "realm", c->realm, sizeof(c->realm) },
		{ "service", c->service, sizeof(c->service) },
		{ "scope", c->scope, sizeof(c->scope) },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (strcasecmp(name, known[i].name) != 0)
			continue;
		if (known[i].dst[0])
			return bad(s, "a parameter is there twice");
		if (strlen(value) >= known[i].cap)
			return bad(s, "a value is too long");
		memcpy(known[i].dst, value, strlen(value) + 1);
	}
	return 0;
}

/* name=value or name="value"; the name is behind us already. */
static int take_param(struct parser *s, struct www_challenge *c, const char *name)
{
	char value[2048];
	int r;

	s->p++;
	skip_space(s);
	r = *s->p == '"' ? take_quoted(s, value, sizeof(value)) : take_token(s, value, sizeof(value));
	return r < 0 ? r : store(s, c, name, value);
}

static enum www_scheme scheme_of(const char *word)
{
	return strcasecmp(word, "Basic") == 0 ? WWW_BASIC
	       : strcasecmp(word, "Bearer") == 0 ? WWW_BEARER : WWW_OTHER;
}

int www_authenticate_parse(const char *header, struct www_challenge *out, size_t max, struct err *e)
{
	struct parser s = { .p = header, .e = e };
	struct www_challenge unused, *c = NULL;
	size_t n = 0;

	for (const char *q = header; *q; q++)
		if ((unsigned char)*q < 0x20 && *q != '\t')
			return bad(&s, "control character");
	for (;;) {
		char word[256];
		int r;

		while (*s.p == ' ' || *s.p == '\t' || *s.p == ',')
			s.p++;
		if (!*s.p)
			return (int)n;
		r = take_token(&s, word, sizeof(word));
		if (r < 0)
			return r;
		skip_space(&s);
		if (*s.p == '=') {
			if (!c)
				return bad(&s, "a parameter before any scheme");
			r = take_param(&s, c, word);
			if (r < 0)
				return r;
			skip_space(&s);
			if (*s.p && *s.p != ',')
				return bad(&s, "expected a comma");
			continue;
		}
		/* Credentials in the other form ("Negotiate YII==") come only in answers to ours. */
		c = n < max ? &out[n++] : &unused;
		memset(c, 0, sizeof(*c));
		c->scheme = scheme_of(word);
	}
}
