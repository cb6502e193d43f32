/* Image references: the strict grammar, and what short names become. */
#include "reference.h"

#include <stdio.h>
#include <string.h>

#include "fd.h"
#include "str.h"

#define DEFAULT_DOMAIN "docker.io"
#define LEGACY_DOMAIN "index.docker.io"
#define OFFICIAL_REPO "library/"

static int bad(const char *s, struct err *e, const char *why)
{
	auto_free char *quoted = str_quote(s);

	return err_set(e, ERR_INVALID, "parsing reference %s: invalid reference format%s%s",
		       quoted ? quoted : "", *why ? ": " : "", why);
}

static bool is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
	return is_lower(c) || is_upper(c) || is_digit(c);
}

/* Labels of letters, digits and inner '-', joined by '.', or [IPv6]; then perhaps :port. */
static bool domain_ok(const char *p, size_t n)
{
	const char *end = p + n, *start = p, *port;

	if (n > 0 && *p == '[') {
		for (p++; p < end && (is_digit(*p) || *p == ':' ||
				      ((*p | 0x20) >= 'a' && (*p | 0x20) <= 'f')); p++)
			;
		if (p == end || *p != ']' || p - start < 3)
			return false;
		p++;
	} else {
		for (; p < end && *p != ':'; p++) {
			bool edge = p == start || p[-1] == '.' || p + 1 == end || p[1] == '.' ||
				    p[1] == ':';

			if (!is_alnum(*p) && ((*p != '-' && *p != '.') || edge))
				return false;
		}
		if (p == start)
			return false;
	}
	if (p == end)
		return true;
	if (*p != ':')
		return false;
	for (port = ++p; p < end && is_digit(*p); p++)
		;
	return p == end && p > port && p - port <= 5;
}

/* Lower-case letters and digits, separated by one '.', one or two '_', or any number of '-'. */
static bool component_ok(const char *p, const char *end)
{
	if (p == end || !(is_lower(*p) || is_digit(*p)))
		return false;
	while (p < end) {
		size_t sep;

		if (is_lower(*p) || is_digit(*p)) {
			p++;
			continue;
		}
		if (*p == '.')
			sep = 1;
		else if (*p == '_')
			sep = end - p > 1 && p[1] == '_' ? 2 : 1;
		else
			for (sep = 0; p + sep < end && p[sep] == '-'; sep++)
				;
		p += sep;
		if (sep == 0 || p == end || !(is_lower(*p) || is_digit(*p)))
			return false;
	}
	return true;
}

static const char *path_fault(const char *p, size_t n)
{
	const char *end = p + n;
	bool upper = false;

	for (const char *q = p; q < end; q++)
		upper |= is_upper(*q);
	if (upper)
		return "repository name must be lowercase";
	if (n > REF_PATH_MAX)
		return "repository name must not be more than 255 characters";
	for (;;) {
		const char *slash = memchr(p, '/', (size_t)(end - p));

		if (!component_ok(p, slash ? slash : end))
			return "";
		if (!slash)
			return NULL;
		p = slash + 1;
	}
}

static bool tag_ok(const char *s)
{
	const char *p = s;

	for (; *p; p++)
		if (!is_alnum(*p) && *p != '_' && ((*p != '.' && *p != '-') || p == s))
			return false;
	return p > s && p - s <= REF_TAG_MAX;
}

/* Does the first component name a host? */
static bool is_domain(const char *s, size_t n)
{
	if (n == strlen("localhost") && strncmp(s, "localhost", n) == 0)
		return true;
	return memchr(s, '.', n) || memchr(s, ':', n);
}

static bool is_hex64(const char *s)
{
	struct digest d;

	return strlen(s) == DIGEST_HEX_LEN && digest_parse_hex(s, &d, NULL) == 0;
}

/* Cut "@digest" and ":tag" off the end of @name; what is left is domain and path. */
static int split_suffixes(char *name, const char *s, struct ctr_reference *r, struct err *e)
{
	char *at = strchr(name, '@'), *slash, *colon;

	if (at) {
		if (digest_parse(at + 1, &r->digest, NULL) < 0)
			return bad(s, e, "the digest must be sha256: and 64 lower-case hex digits");
		*at = '\0';
	}
	slash = strrchr(name, '/');
	colon = strrchr(slash ? slash : name, ':');
	if (!colon)
		return 0;
	if (!tag_ok(colon + 1))
		return bad(s, e, "the tag must be 1 to 128 letters, digits, '_', '.' and '-'");
	(void)snprintf(r->tag, sizeof(r->tag), "%s", colon + 1);
	*colon = '\0';
	return 0;
}

int ctr_reference_parse(const char *s, struct ctr_reference *ret, struct err *e)
{
	struct ctr_reference r = { 0 };
	char name[REF_STR_MAX];
	const char *path = name, *slash, *fault;
	size_t n = strlen(s);
	bool official;
	int res;

	if (n == 0)
		return bad(s, e, "it is empty");
	if (n >= sizeof(name))
		return bad(s, e, "it is too long");
	memcpy(name, s, n + 1);
	res = split_suffixes(name, s, &r, e);
	if (res < 0)
		return res;
	slash = strchr(name, '/');
	if (slash && is_domain(name, (size_t)(slash - name))) {
		n = (size_t)(slash - name);
		if (n > REF_DOMAIN_MAX || !domain_ok(name, n))
			return bad(s, e, "");
		memcpy(r.domain, name, n);
		if (streq(r.domain, LEGACY_DOMAIN))
			(void)snprintf(r.domain, sizeof(r.domain), DEFAULT_DOMAIN);
		path = slash + 1;
	}
	fault = path_fault(path, strlen(path));
	if (fault)
		return bad(s, e, fault);
	if (!slash && is_hex64(name))
		return bad(s, e, "64 hexadecimal digits are an image ID and cannot be a name");
	official = streq(r.domain, DEFAULT_DOMAIN) && !strchr(path, '/');
	n = (size_t)snprintf(r.path, sizeof(r.path), "%s%s", official ? OFFICIAL_REPO : "", path);
	if (n >= sizeof(r.path))
		return bad(s, e, "repository name must not be more than 255 characters");
	*ret = r;
	return 0;
}

int ctr_reference_qualify(const struct ctr_reference *r, const char *registry,
			  struct ctr_reference *ret, struct err *e)
{
	auto_free char *s = NULL;
	char buf[REF_STR_MAX];

	if (!ctr_reference_is_short(r)) {
		*ret = *r;
		return 0;
	}
	s = str_printf("%s/%s", registry, ctr_reference_str(r, buf));
	if (!s)
		return err_sys(e, ENOMEM, "parsing reference");
	return ctr_reference_parse(s, ret, e);
}

void ctr_reference_default_tag(struct ctr_reference *r)
{
	if (!r->tag[0] && !r->digest.hex[0])
		(void)snprintf(r->tag, sizeof(r->tag), "latest");
}

const char *ctr_reference_name(const struct ctr_reference *r, char buf[REF_STR_MAX])
{
	(void)snprintf(buf, REF_STR_MAX, "%s%s%s", r->domain, r->domain[0] ? "/" : "", r->path);
	return buf;
}

const char *ctr_reference_str(const struct ctr_reference *r, char buf[REF_STR_MAX])
{
	(void)snprintf(buf, REF_STR_MAX, "%s%s%s%s%s%s%s", r->domain, r->domain[0] ? "/" : "",
		       r->path, r->tag[0] ? ":" : "", r->tag, r->digest.hex[0] ? "@sha256:" : "",
		       r->digest.hex);
	return buf;
}

const char *ctr_reference_base(const struct ctr_reference *r)
{
	const char *slash = strrchr(r->path, '/');

	return slash ? slash + 1 : r->path;
}
