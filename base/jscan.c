/* A scanner for the JSON that this program itself writes. */
#include "jscan.h"

#include <stdlib.h>
#include <string.h>

struct jscan jscan_begin(const char *text, size_t len)
{
	return (struct jscan){ .p = text, .end = text + len };
}

static bool fail(struct jscan *s)
{
	s->failed = true;
	return false;
}

static bool take(struct jscan *s, char c)
{
	if (s->failed || s->p == s->end || *s->p != c)
		return fail(s);
	s->p++;
	return true;
}

/* Bytes of a string that stand for themselves in ASCII. */
static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

/* The length of the UTF-8 character at @p; 0 when it is none. */
static size_t utf8_len(const unsigned char *p, size_t left)
{
	size_t n = *p >= 0xc2 && *p < 0xe0   ? 2
		   : (*p & 0xf0) == 0xe0     ? 3
		   : *p >= 0xf0 && *p < 0xf5 ? 4
					     : 0;

	if (!n || n > left)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	/* overlong, surrogates, beyond U+10FFFF */
	if ((*p == 0xe0 && p[1] < 0xa0) || (*p == 0xed && p[1] >= 0xa0) ||
	    (*p == 0xf0 && p[1] < 0x90) || (*p == 0xf4 && p[1] >= 0x90))
		return 0;
	return n;
}

/* The simple escapes; 0 for any other. */
static char unescape(char c)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *at = c ? strchr(from, c) : NULL;

	return at ? to[at - from] : '\0';
}

/* Behind the opening quote: find the closing one.  *@ret_len is the text's length once read. */
static bool measure(struct jscan *s, size_t *ret_len, const char **ret_close)
{
	const char *p = s->p;
	size_t len = 0, n;

	while (p < s->end) {
		const char *run = p;

		while (p < s->end && is_plain((unsigned char)*p))
			p++;
		len += (size_t)(p - run);
		if (p == s->end)
			break;
		if (*p == '"') {
			*ret_len = len;
			*ret_close = p;
			return true;
		}
		if (*p == '\\') {
			if (s->end - p < 2 || !unescape(p[1]))
				return fail(s);
			p += 2;
			len++;
			continue;
		}
		n = utf8_len((const unsigned char *)p, (size_t)(s->end - p));
		if (!n)
			return fail(s);
		p += n;
		len += n;
	}
	return fail(s);
}

static void copy_unescaped(char *to, const char *from, const char *end)
{
	while (from < end) {
		if (*from == '\\') {
			*to++ = unescape(from[1]);
			from += 2;
		} else {
			*to++ = *from++;
		}
	}
	*to = '\0';
}

bool jscan_str(struct jscan *s, char **ret)
{
	const char *close;
	size_t len;
	char *text;

	if (!take(s, '"') || !measure(s, &len, &close))
		return false;
	text = malloc(len + 1);
	if (!text)
		return fail(s);
	if (len == (size_t)(close - s->p)) {
		memcpy(text, s->p, len);
		text[len] = '\0';
	} else {
		copy_unescaped(text, s->p, close);
	}
	s->p = close + 1;
	*ret = text;
	return true;
}

bool jscan_strv(struct jscan *s, struct strv *ret, size_t max)
{
	if (!take(s, '['))
		return false;
	if (s->p < s->end && *s->p == ']') {
		s->p++;
		return true;
	}
	for (;;) {
		char *item;

		if (ret->n >= max || !jscan_str(s, &item))
			return fail(s);
		if (strv_add_take(ret, item) < 0)
			return fail(s);
		if (s->p < s->end && *s->p == ']') {
			s->p++;
			return true;
		}
		if (!take(s, ','))
			return false;
	}
}

bool jscan_int(struct jscan *s, int64_t *ret)
{
	bool negative = !s->failed && s->p < s->end && *s->p == '-';
	const char *first;
	int64_t n = 0;

	if (s->failed)
		return false;
	s->p += negative;
	first = s->p;
	for (; s->p < s->end && *s->p >= '0' && *s->p <= '9'; s->p++)
		if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, *s->p - '0', &n))
			return fail(s);
	/* what follows must end it: neither a fraction nor more digits; and no leading zero */
	if (s->p == first || s->p == s->end || (*s->p != ',' && *s->p != '}') ||
	    (*first == '0' && s->p - first > 1) || (negative && n == 0))
		return fail(s);
	*ret = negative ? -n : n;
	return true;
}

static bool word(struct jscan *s, const char *w, size_t len)
{
	if (s->failed || (size_t)(s->end - s->p) < len || memcmp(s->p, w, len) != 0)
		return false;
	s->p += len;
	return true;
}

bool jscan_bool(struct jscan *s, bool *ret)
{
	*ret = word(s, "true", 4);
	return *ret || word(s, "false", 5) || fail(s);
}

bool jscan_member(struct jscan *s, const char **ret_name, size_t *ret_len)
{
	const char *close;

	if (s->closed || s->failed)
		return false;
	if (!s->begun && !take(s, '{'))
		return false;
	if (s->p < s->end && *s->p == '}') {
		s->p++;
		s->closed = true;
		return false;
	}
	if ((s->begun && !take(s, ',')) || !take(s, '"') || !measure(s, ret_len, &close))
		return false;
	if (*ret_len != (size_t)(close - s->p))
		return fail(s); /* names are written without escapes */
	s->begun = true;
	*ret_name = s->p;
	s->p = close + 1;
	return take(s, ':');
}

bool jscan_end(struct jscan *s)
{
	if (s->failed || !s->closed)
		return false;
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\n'))
		s->p++;
	return s->p == s->end;
}
