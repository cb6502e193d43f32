/* Strings: buffers, lists, strict numbers, quoting. */
#include "str.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "fd.h"

bool str_ends(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && streq(s + n - m, suffix);
}

const char *str_after(const char *s, const char *prefix)
{
	return str_starts(s, prefix) ? s + strlen(prefix) : NULL;
}

char *str_printf(const char *fmt, ...)
{
	char *out = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&out, fmt, ap);
	va_end(ap);
	return n < 0 ? NULL : out;
}

void strbuf_done(struct strbuf *b)
{
	int saved = errno;

	free(b->data);
	*b = (struct strbuf)STRBUF_INIT;
	errno = saved;
}

static bool strbuf_grow(struct strbuf *b, size_t more)
{
	size_t want, cap;
	char *data;

	if (b->failed)
		return false;
	if (__builtin_add_overflow(b->len, more, &want) || want >= SIZE_MAX / 2) {
		b->failed = true;
		return false;
	}
	if (want + 1 <= b->cap)
		return true;
	cap = b->cap ? b->cap : 64;
	while (cap < want + 1)
		cap *= 2;
	data = realloc(b->data, cap);
	if (!data) {
		b->failed = true;
		return false;
	}
	b->data = data;
	b->cap = cap;
	return true;
}

void strbuf_addn(struct strbuf *b, const void *s, size_t n)
{
	if (!strbuf_grow(b, n))
		return;
	if (n)
		memcpy(b->data + b->len, s, n);
	b->len += n;
	b->data[b->len] = '\0';
}

void strbuf_add(struct strbuf *b, const char *s)
{
	strbuf_addn(b, s, strlen(s));
}

void strbuf_addc(struct strbuf *b, char c)
{
	strbuf_addn(b, &c, 1);
}

void strbuf_addf(struct strbuf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || !strbuf_grow(b, (size_t)n)) {
		b->failed = true;
		return;
	}
	va_start(ap, fmt);
	(void)vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap); /* sized above */
	va_end(ap);
	b->len += (size_t)n;
}

char *strbuf_take(struct strbuf *b)
{
	char *out = NULL;

	strbuf_addn(b, "", 0);
	if (!b->failed)
		out = take_ptr(&b->data);
	strbuf_done(b);
	return out;
}

void strv_done(struct strv *v)
{
	int saved = errno;

	for (size_t i = 0; i < v->n; i++)
		free(v->items[i]);
	free(v->items);
	*v = (struct strv)STRV_INIT;
	errno = saved;
}

int strv_add_take(struct strv *v, char *s)
{
	if (!s)
		return -ENOMEM;
	if (v->n + 2 > v->cap) {
		size_t cap = v->cap ? v->cap * 2 : 8;
		char **items = reallocarray(v->items, cap, sizeof(*items));

		if (!items) {
			free(s);
			return -ENOMEM;
		}
		v->items = items;
		v->cap = cap;
	}
	v->items[v->n++] = s;
	v->items[v->n] = NULL;
	return 0;
}

int strv_add(struct strv *v, const char *s)
{
	return strv_add_take(v, strdup(s));
}

int strv_addf(struct strv *v, const char *fmt, ...)
{
	char *out = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&out, fmt, ap);
	va_end(ap);
	return strv_add_take(v, n < 0 ? NULL : out);
}

int strv_split(struct strv *v, const char *s, char sep)
{
	for (;;) {
		const char *end = strchrnul(s, sep);
		int r = strv_add_take(v, strndup(s, (size_t)(end - s)));

		if (r < 0)
			return r;
		if (!*end)
			return 0;
		s = end + 1;
	}
}

bool strv_has(const struct strv *v, const char *s)
{
	for (size_t i = 0; i < v->n; i++)
		if (streq(v->items[i], s))
			return true;
	return false;
}

char *const *strv_argv(const struct strv *v)
{
	static char *const none[] = { NULL };

	return v->items ? v->items : none;
}

static size_t env_index(const struct strv *v, const char *key)
{
	size_t len = strlen(key), i;

	for (i = 0; i < v->n; i++)
		if (strncmp(v->items[i], key, len) == 0 && v->items[i][len] == '=')
			break;
	return i;
}

const char *strv_env_get(const struct strv *v, const char *key)
{
	size_t i = env_index(v, key);

	return i < v->n ? v->items[i] + strlen(key) + 1 : NULL;
}

int strv_env_set(struct strv *v, const char *key, const char *value)
{
	size_t i = env_index(v, key);
	char *s = str_printf("%s=%s", key, value);

	if (!s)
		return -ENOMEM;
	if (i == v->n)
		return strv_add_take(v, s);
	free(v->items[i]);
	v->items[i] = s;
	return 0;
}

int str_u64(const char *s, uint64_t max, uint64_t *ret)
{
	uint64_t v = 0;

	if (!*s)
		return -EINVAL;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return -EINVAL;
		if (__builtin_mul_overflow(v, 10u, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*s - '0'), &v))
			return -ERANGE;
	}
	if (v > max)
		return -ERANGE;
	*ret = v;
	return 0;
}

int str_u32(const char *s, uint32_t max, uint32_t *ret)
{
	uint64_t v;
	int r = str_u64(s, max, &v);

	if (r == 0)
		*ret = (uint32_t)v;
	return r;
}

int str_i64(const char *s, int64_t min, int64_t max, int64_t *ret)
{
	bool neg = *s == '-';
	uint64_t v;
	int64_t i;
	int r;

	if (*s == '-' || *s == '+')
		s++;
	r = str_u64(s, (uint64_t)INT64_MAX + (neg ? 1 : 0), &v);
	if (r < 0)
		return r;
	i = neg ? (int64_t)(0 - v) : (int64_t)v;
	if (i < min || i > max)
		return -ERANGE;
	*ret = i;
	return 0;
}

int str_size(const char *s, uint64_t *ret_bytes)
{
	static const char units[] = "bkmgtp";
	size_t digits = strspn(s, "0123456789");
	uint64_t v, fraction = 0, parts = 1; /* v and fraction/parts */
	char num[32];
	int r;

	if (digits == 0 || digits >= sizeof(num))
		return -EINVAL;
	memcpy(num, s, digits);
	num[digits] = '\0';
	r = str_u64(num, UINT64_MAX, &v);
	if (r < 0)
		return r;
	s += digits;
	if (s[0] == '.' && isdigit((unsigned char)s[1])) {
		/* four digits, and the rest is cut off: more would overflow below */
		for (s++; isdigit((unsigned char)*s); s++)
			if (parts < 10000) {
				fraction = fraction * 10 + (uint64_t)(*s - '0');
				parts *= 10;
			}
	}
	if (*s) {
		const char *u = strchr(units, tolower((unsigned char)*s));

		if (!u)
			return -EINVAL;
		s++;
		if (u != units && (*s == 'i' || *s == 'I'))
			s++;
		if (u != units && (*s == 'b' || *s == 'B'))
			s++;
		if (*s)
			return -EINVAL;
		for (const char *p = units; p < u; p++) {
			fraction *= 1024; /* stays below 10^4 * 2^50 */
			if (__builtin_mul_overflow(v, 1024u, &v))
				return -ERANGE;
		}
	}
	if (__builtin_add_overflow(v, fraction / parts, &v))
		return -ERANGE;
	*ret_bytes = v;
	return 0;
}

int str_duration(const char *s, int64_t *ret_ns)
{
	static const struct {
		const char *unit;
		int64_t ns;
	} units[] = {
		{ "ns", 1 },		 { "us", 1000 },	      { "ms", 1000000 },
		{ "s", 1000000000 },	 { "m", 60000000000 },	      { "h", 3600000000000 },
	};
	bool neg = *s == '-';
	double total = 0;

	if (*s == '-' || *s == '+')
		s++;
	if (streq(s, "0")) {
		*ret_ns = 0;
		return 0;
	}
	if (!*s)
		return -EINVAL;
	while (*s) {
		char *end;
		double v;
		size_t best = SIZE_MAX;

		if (!isdigit((unsigned char)*s) && *s != '.')
			return -EINVAL;
		v = strtod(s, &end);
		if (end == s || memchr(s, 'x', (size_t)(end - s)) || memchr(s, 'e', (size_t)(end - s)))
			return -EINVAL;
		s = end;
		for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
			if (str_starts(s, units[i].unit) &&
			    (best == SIZE_MAX || strlen(units[i].unit) > strlen(units[best].unit)))
				best = i;
		if (best == SIZE_MAX)
			return -EINVAL;
		s += strlen(units[best].unit);
		total += v * (double)units[best].ns;
	}
	if (total >= 9.2e18)
		return -ERANGE;
	*ret_ns = (int64_t)(neg ? -total : total);
	return 0;
}

/* Escapes what a terminal acts on: C0, DEL, the two-byte UTF-8 form of C1, and stray bytes that
 * some terminals take for 8-bit C1.  Well-formed UTF-8 passes. */
static void add_printable(struct strbuf *b, const char *s, size_t limit, const char *also)
{
	const unsigned char *p = (const unsigned char *)s;

	while (*p && b->len < limit) {
		size_t n = *p < 0x80 ? 1 : (*p & 0xe0) == 0xc0 ? 2 : (*p & 0xf0) == 0xe0 ? 3
			 : (*p & 0xf8) == 0xf0 ? 4 : 0;
		bool ok = n == 1 ? *p >= 0x20 && *p != 0x7f : n > 1;

		for (size_t i = 1; ok && i < n; i++)
			ok = (p[i] & 0xc0) == 0x80;
		if (ok && n == 2 && (p[0] < 0xc2 || (p[0] == 0xc2 && p[1] < 0xa0)))
			ok = false;
		if (ok && n == 1 && strchr(also, *p)) {
			strbuf_addc(b, '\\');
			strbuf_addc(b, (char)*p);
		} else if (ok) {
			strbuf_addn(b, p, n);
		} else {
			strbuf_addf(b, "\\x%02x", *p);
			n = 1;
		}
		p += n;
	}
	if (*p)
		strbuf_add(b, "...");
}

char *str_quote(const char *s)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;

	strbuf_addc(&b, '"');
	add_printable(&b, s, 200, "\"\\");
	strbuf_addc(&b, '"');
	return strbuf_take(&b);
}

char *str_printable(const char *s)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;

	add_printable(&b, s, SIZE_MAX, "");
	return strbuf_take(&b);
}

void str_hex(const void *bytes, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *p = bytes;

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[p[i] >> 4];
		out[2 * i + 1] = digits[p[i] & 15];
	}
	out[2 * n] = '\0';
}

int str_random_hex(size_t n, char *out)
{
	unsigned char buf[256];

	if (n > sizeof(buf))
		return -EINVAL;
	if (getrandom(buf, n, 0) != (ssize_t)n)
		return -EIO;
	str_hex(buf, n, out);
	return 0;
}

uint64_t str_hash64(const void *data, size_t len)
{
	const unsigned char *p = data;
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 0x100000001b3u;
	return h;
}
