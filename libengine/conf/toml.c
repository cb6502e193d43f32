/*
 * TOML 1.0 to JSON.  One pass checks the bytes (UTF-8, control characters), a second parses.
 * Which tables may still be extended is a property of how they were made, so each open table and
 * each array of tables has a mark in a side table keyed by its JSON node; what has no mark (inline
 * tables, arrays of values) is closed.
 */
#include "toml.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fd.h"
#include "json.h"
#include "str.h"

enum mark_kind {
	MARK_NONE,	/* closed */
	MARK_IMPLICIT,	/* made on the way by the header of a table below it: a header may define it */
	MARK_HEADER,	/* defined by its own header */
	MARK_DOTTED,	/* made by a dotted key: only dotted keys of the same section add to it */
	MARK_TABLES,	/* an array of tables: headers lead into its last element */
};

struct mark {
	const json_t *node;
	enum mark_kind kind;
	unsigned int section;
};

struct toml {
	const char *start, *s, *end;
	const char *what;
	struct err *e;
	unsigned int section, sections;	/* the current one, and how many there were */
	unsigned int depth;
	struct mark *marks;
	size_t n_marks, cap_marks;	/* open addressing, cap a power of two */
};

__attribute__((format(printf, 2, 3)))
static int bad(struct toml *t, const char *fmt, ...)
{
	const char *at = t->s < t->end ? t->s : t->end;
	unsigned int line = 1;
	char text[200];
	va_list ap;

	for (const char *p = t->start; p < at && (p = memchr(p, '\n', (size_t)(at - p))); p++)
		line++;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap); /* a cut message is better than none */
	va_end(ap);
	return err_set(t->e, ERR_CORRUPT, "%s: line %u: %s", t->what, line, text);
}

static int oom(struct toml *t)
{
	return err_sys(t->e, ENOMEM, "%s", t->what);
}

static int too_deep(struct toml *t)
{
	(void)bad(t, "nested deeper than %d", TOML_DEPTH_MAX);
	if (t->e)
		t->e->kind = ERR_LIMIT;
	return -E2BIG;
}

/* Bytes */

static size_t utf8_len(const unsigned char *p, size_t left)
{
	size_t n = *p < 0xc2 ? 0 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : *p < 0xf5 ? 4 : 0;

	if (n == 0 || n > left)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((*p == 0xe0 && p[1] < 0xa0) || (*p == 0xed && p[1] > 0x9f) ||
	    (*p == 0xf0 && p[1] < 0x90) || (*p == 0xf4 && p[1] > 0x8f))
		return 0;
	return n;
}

/* Eight bytes of printable ASCII: none below 0x20, none above 0x7e. */
static bool plain_word(uint64_t w)
{
	const uint64_t ones = 0x0101010101010101u, high = ones * 0x80;

	return ((w | (w - ones * 0x20) | (w + ones)) & high) == 0;
}

/* No control character but tab, LF and CR LF is allowed anywhere, and all of it is UTF-8. */
static int check_bytes(struct toml *t)
{
	const unsigned char *p = (const unsigned char *)t->s;
	const unsigned char *end = (const unsigned char *)t->end;

	while (p < end) {
		uint64_t w;
		size_t n;

		if (end - p >= 8) {
			memcpy(&w, p, sizeof(w));
			if (plain_word(w)) {
				p += 8;
				continue;
			}
		}
		if ((*p >= 0x20 && *p < 0x7f) || *p == '\t' || *p == '\n' ||
		    (*p == '\r' && end - p > 1 && p[1] == '\n')) {
			p++;
			continue;
		}
		t->s = (const char *)p;
		if (*p < 0x80)
			return bad(t, "control character 0x%02x", *p);
		n = utf8_len(p, (size_t)(end - p));
		if (n == 0)
			return bad(t, "byte 0x%02x is not UTF-8", *p);
		p += n;
	}
	t->s = t->start;
	return 0;
}

/* Marks */

static size_t mark_slot(const struct mark *marks, size_t cap, const json_t *node)
{
	size_t i = ((uintptr_t)node >> 4) * (size_t)0x9e3779b97f4a7c15u >> 20;

	for (i &= cap - 1; marks[i].node && marks[i].node != node; i = (i + 1) & (cap - 1))
		;
	return i;
}

static struct mark mark_get(const struct toml *t, const json_t *node)
{
	return t->marks[mark_slot(t->marks, t->cap_marks, node)];
}

static int marks_grow(struct toml *t)
{
	size_t cap = t->cap_marks ? t->cap_marks * 2 : 64;
	struct mark *marks = calloc(cap, sizeof(*marks));

	if (!marks)
		return oom(t);
	for (size_t i = 0; i < t->cap_marks; i++)
		if (t->marks[i].node)
			marks[mark_slot(marks, cap, t->marks[i].node)] = t->marks[i];
	free(t->marks);
	t->marks = marks;
	t->cap_marks = cap;
	return 0;
}

static int mark_set(struct toml *t, const json_t *node, enum mark_kind kind)
{
	struct mark *m;

	if (2 * (t->n_marks + 1) > t->cap_marks) {
		int r = marks_grow(t);

		if (r < 0)
			return r;
	}
	m = &t->marks[mark_slot(t->marks, t->cap_marks, node)];
	if (!m->node)
		t->n_marks++;
	*m = (struct mark){ .node = node, .kind = kind, .section = t->section };
	return 0;
}

/* Blanks */

static void skip_blank(struct toml *t)
{
	while (t->s < t->end && (*t->s == ' ' || *t->s == '\t'))
		t->s++;
}

static bool at(const struct toml *t, char c)
{
	return t->s < t->end && *t->s == c;
}

static bool at3(const struct toml *t, char c)
{
	return t->end - t->s >= 3 && t->s[0] == c && t->s[1] == c && t->s[2] == c;
}

static void skip_comment(struct toml *t)
{
	const char *nl;

	if (!at(t, '#'))
		return;
	nl = memchr(t->s, '\n', (size_t)(t->end - t->s));
	t->s = nl ? nl : t->end;
}

/* Blanks, comments and line ends. */
static void skip_lines(struct toml *t)
{
	for (;;) {
		skip_blank(t);
		skip_comment(t);
		if (!at(t, '\n') && !at(t, '\r'))
			return;
		t->s++;
	}
}

static int end_of_line(struct toml *t)
{
	skip_blank(t);
	skip_comment(t);
	if (at(t, '\r'))
		t->s++; /* check_bytes() saw the LF behind it */
	if (t->s == t->end)
		return 0;
	if (*t->s != '\n')
		return bad(t, "expected the end of the line, found \"%c\"", *t->s);
	t->s++;
	return 0;
}

/* Strings */

static int add_utf8(struct toml *t, struct strbuf *b, size_t digits)
{
	uint32_t c = 0;

	for (size_t i = 0; i < digits; i++, t->s++) {
		char h = t->s < t->end ? *t->s : '\0';
		uint32_t v = h >= '0' && h <= '9' ? (uint32_t)(h - '0')
			   : h >= 'a' && h <= 'f' ? (uint32_t)(h - 'a' + 10)
			   : h >= 'A' && h <= 'F' ? (uint32_t)(h - 'A' + 10) : 16;

		if (v == 16)
			return bad(t, "\\%c needs %zu hex digits", digits == 4 ? 'u' : 'U', digits);
		c = c << 4 | v;
	}
	if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return bad(t, "U+%04X is not a character", c);
	if (c < 0x80) {
		strbuf_addc(b, (char)c);
	} else if (c < 0x800) {
		strbuf_addc(b, (char)(0xc0 | c >> 6));
		strbuf_addc(b, (char)(0x80 | (c & 0x3f)));
	} else if (c < 0x10000) {
		strbuf_addc(b, (char)(0xe0 | c >> 12));
		strbuf_addc(b, (char)(0x80 | (c >> 6 & 0x3f)));
		strbuf_addc(b, (char)(0x80 | (c & 0x3f)));
	} else {
		strbuf_addc(b, (char)(0xf0 | c >> 18));
		strbuf_addc(b, (char)(0x80 | (c >> 12 & 0x3f)));
		strbuf_addc(b, (char)(0x80 | (c >> 6 & 0x3f)));
		strbuf_addc(b, (char)(0x80 | (c & 0x3f)));
	}
	return 0;
}

/* In a multi-line string, a backslash as the last thing on a line joins it to the next text. */
static bool line_joined(struct toml *t)
{
	const char *p = t->s;

	while (p < t->end && (*p == ' ' || *p == '\t'))
		p++;
	if (p == t->end || (*p != '\n' && *p != '\r'))
		return false;
	while (p < t->end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
		p++;
	t->s = p;
	return true;
}

static int add_escape(struct toml *t, struct strbuf *b, bool multi)
{
	static const char from[] = "btnfr\"\\", to[] = "\b\t\n\f\r\"\\";
	const char *f;

	if (multi && line_joined(t))
		return 0;
	if (t->s == t->end)
		return bad(t, "the string is not closed");
	if (*t->s == 'u' || *t->s == 'U') {
		t->s++;
		return add_utf8(t, b, t->s[-1] == 'u' ? 4 : 8);
	}
	f = strchr(from, *t->s);
	if (!f || !*f)
		return bad(t, "unknown escape \"\\%c\"", *t->s);
	strbuf_addc(b, to[f - from]);
	t->s++;
	return 0;
}

/* The text of a string whose opening quotes are behind us, for all four kinds. */
static int string_text(struct toml *t, char quote, bool multi, struct strbuf *b)
{
	strbuf_addn(b, "", 0);
	if (multi && at(t, '\r'))
		t->s++;
	if (multi && at(t, '\n'))
		t->s++;
	while (t->s < t->end) {
		const char *run = t->s;

		while (t->s < t->end && *t->s != quote && *t->s != '\n' && *t->s != '\r' &&
		       (*t->s != '\\' || quote == '\''))
			t->s++;
		strbuf_addn(b, run, (size_t)(t->s - run));
		if (t->s == t->end)
			break;
		if (*t->s == '\\') {
			int r;

			t->s++;
			r = add_escape(t, b, multi);
			if (r < 0)
				return r;
		} else if (*t->s != quote) {
			if (!multi)
				return bad(t, "the string is not closed on its line");
			if (*t->s == '\n')
				strbuf_addc(b, '\n'); /* and CR LF counts as LF */
			t->s++;
		} else if (!multi) {
			t->s++;
			return b->failed ? oom(t) : 0;
		} else if (at3(t, quote)) {
			/* Up to two quotes may stand directly before the closing three. */
			for (t->s += 3, run = t->s; at(t, quote) && t->s - run < 2; t->s++)
				strbuf_addc(b, quote);
			return b->failed ? oom(t) : 0;
		} else {
			strbuf_addc(b, *t->s++);
		}
	}
	return bad(t, "the string is not closed");
}

static int parse_string(struct toml *t, json_t **ret)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;
	char quote = *t->s;
	bool multi = at3(t, quote);
	int r;

	t->s += multi ? 3 : 1;
	r = string_text(t, quote, multi, &b);
	if (r < 0)
		return r;
	*ret = json_stringn_nocheck(b.data, b.len);
	return *ret ? 0 : oom(t);
}

/* Numbers, dates */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Digits of @base with single underscores between them; their end, or NULL when there are none. */
static const char *scan_digits(const char *p, const char *end, int base)
{
	const char *start = p;

	for (;; p++) {
		char c = p < end ? *p : '\0';
		bool digit = base == 16 ? is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')
					: c >= '0' && c < '0' + base;

		if (c == '_' && p > start && p[-1] != '_')
			continue;
		if (!digit)
			break;
	}
	return p > start && p[-1] != '_' ? p : NULL;
}

static void copy_digits(char *dst, size_t cap, const char *p, const char *end)
{
	size_t n = 0;

	for (; p < end && n + 1 < cap; p++)
		if (*p != '_')
			dst[n++] = *p;
	dst[n] = '\0';
}

static int make_integer(struct toml *t, const char *p, const char *end, int base, json_t **ret)
{
	bool neg = *p == '-';
	uint64_t v = 0, max = (uint64_t)INT64_MAX + (neg ? 1 : 0);

	if (*p == '-' || *p == '+')
		p++;
	for (; p < end; p++) {
		unsigned int d = is_digit(*p) ? (unsigned int)(*p - '0')
					      : ((unsigned int)*p | 0x20) - 'a' + 10;

		if (*p == '_')
			continue;
		if (__builtin_mul_overflow(v, (uint64_t)base, &v) ||
		    __builtin_add_overflow(v, (uint64_t)d, &v) || v > max)
			return bad(t, "the integer does not fit into 64 bits");
	}
	*ret = json_integer(neg ? (json_int_t)(0 - v) : (json_int_t)v);
	return *ret ? 0 : oom(t);
}

static int parse_based(struct toml *t, const char *end, json_t **ret)
{
	int base = t->s[1] == 'x' ? 16 : t->s[1] == 'o' ? 8 : 2;
	const char *digits = t->s + 2;

	if (scan_digits(digits, end, base) != end)
		return bad(t, "\"%.*s\" is not a number", (int)(end - t->s > 60 ? 60 : end - t->s), t->s);
	return make_integer(t, digits, end, base, ret);
}

static int parse_number(struct toml *t, const char *end, json_t **ret)
{
	const char *p = t->s + (*t->s == '-' || *t->s == '+'), *q;
	bool real = false;
	char text[128];
	double v;

	if (end - p == 3 && (memcmp(p, "inf", 3) == 0 || memcmp(p, "nan", 3) == 0)) {
		*ret = json_stringn_nocheck(t->s, (size_t)(end - t->s));
		return *ret ? 0 : oom(t);
	}
	if (end - t->s > 2 && t->s[0] == '0' && strchr("xob", t->s[1]))
		return parse_based(t, end, ret);
	q = scan_digits(p, end, 10);
	if (q && *p == '0' && q - p > 1)
		return bad(t, "a number must not start with 0");
	if (q && q < end && *q == '.') {
		real = true;
		q = scan_digits(q + 1, end, 10);
	}
	if (q && q < end && (*q == 'e' || *q == 'E')) {
		real = true;
		q++;
		if (q < end && (*q == '+' || *q == '-'))
			q++;
		q = scan_digits(q, end, 10);
	}
	if (q != end)
		return bad(t, "\"%.*s\" is no value (text needs quotes)",
			   (int)(end - t->s > 60 ? 60 : end - t->s), t->s);
	if (!real)
		return make_integer(t, t->s, end, 10, ret);
	if ((size_t)(end - t->s) >= sizeof(text))
		return bad(t, "the number has more than %zu characters", sizeof(text) - 1);
	copy_digits(text, sizeof(text), t->s, end);
	v = strtod(text, NULL);
	if (!isfinite(v))
		return bad(t, "the number is too large");
	*ret = json_real(v);
	return *ret ? 0 : oom(t);
}

/* @pattern: '0' is a digit, anything else itself.  The text behind it, or NULL. */
static const char *match(const char *p, const char *end, const char *pattern)
{
	for (; *pattern; pattern++, p++)
		if (p == end || (*pattern == '0' ? !is_digit(*p) : *p != *pattern))
			return NULL;
	return p;
}

static int two(const char *p)
{
	return (p[0] - '0') * 10 + p[1] - '0';
}

static bool date_ok(const char *p)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int y = two(p) * 100 + two(p + 2), m = two(p + 5), d = two(p + 8);
	bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;

	return m >= 1 && m <= 12 && d >= 1 && d <= days[m - 1] + (m == 2 && leap);
}

/* hh:mm:ss with an optional fraction, and where @zone an optional offset. */
static const char *scan_time(const char *p, const char *end, bool zone)
{
	const char *q = match(p, end, "00:00:00");

	if (!q || two(p) > 23 || two(p + 3) > 59 || two(p + 6) > 60)
		return NULL;
	if (q < end && *q == '.') {
		if (++q == end || !is_digit(*q))
			return NULL;
		while (q < end && is_digit(*q))
			q++;
	}
	if (!zone || q == end)
		return q;
	if (*q == 'Z' || *q == 'z')
		return q + 1;
	if (*q != '+' && *q != '-')
		return q;
	p = q + 1;
	q = match(p, end, "00:00");
	return q && two(p) < 24 && two(p + 3) < 60 ? q : NULL;
}

static const char *token_end(const char *p, const char *end)
{
	while (p < end && (is_digit(*p) || (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
			   strchr("+-_.:", *p)))
		p++;
	return p;
}

static int parse_date(struct toml *t, const char *end, bool date, json_t **ret)
{
	const char *p = t->s;

	if (date) {
		p = date_ok(p) ? p + 10 : NULL;
		/* A blank may stand for the T, so the token can go on behind it. */
		if (p == end && end < t->end && *end == ' ' && match(end + 1, t->end, "00:"))
			end = token_end(end + 1, t->end);
		if (p && p < end && (*p == 'T' || *p == 't' || *p == ' '))
			p = scan_time(p + 1, end, true);
	} else {
		p = scan_time(p, end, false);
	}
	if (p != end)
		return bad(t, "\"%.*s\" is not a date or time",
			   (int)(end - t->s > 60 ? 60 : end - t->s), t->s);
	*ret = json_stringn_nocheck(t->s, (size_t)(end - t->s));
	t->s = end;
	return *ret ? 0 : oom(t);
}

static int parse_scalar(struct toml *t, json_t **ret)
{
	const char *end = token_end(t->s, t->end);
	size_t n = (size_t)(end - t->s);
	int r;

	if (n == 0 && (t->s == t->end || *t->s == '\n' || *t->s == '\r' || *t->s == '#'))
		return bad(t, "the value is missing");
	if (n == 0)
		return bad(t, "unexpected \"%c\"", *t->s);
	if (n == 4 && memcmp(t->s, "true", 4) == 0) {
		*ret = json_true();
	} else if (n == 5 && memcmp(t->s, "false", 5) == 0) {
		*ret = json_false();
	} else if (match(t->s, end, "0000-00-00")) {
		return parse_date(t, end, true, ret);
	} else if (match(t->s, end, "00:")) {
		return parse_date(t, end, false, ret);
	} else {
		r = parse_number(t, end, ret);
		if (r < 0)
			return r;
	}
	t->s = end;
	return 0;
}

/* Keys */

struct key {
	char *parts[TOML_DEPTH_MAX];
	size_t n;
};

static void key_done(struct key *k)
{
	for (size_t i = 0; i < k->n; i++)
		free(k->parts[i]);
	k->n = 0;
}
#define auto_key __attribute__((cleanup(key_done)))

static bool is_bare(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
}

static int parse_key_part(struct toml *t, struct key *k)
{
	const char *start = t->s;
	char *part;

	if (k->n == TOML_DEPTH_MAX)
		return too_deep(t);
	if (at(t, '"') || at(t, '\'')) {
		auto_strbuf struct strbuf b = STRBUF_INIT;
		char quote = *t->s;
		int r;

		if (at3(t, quote))
			return bad(t, "a key cannot be a multi-line string");
		t->s++;
		r = string_text(t, quote, false, &b);
		if (r < 0)
			return r;
		if (memchr(b.data, '\0', b.len))
			return bad(t, "a key with a NUL in it");
		part = strbuf_take(&b);
	} else {
		while (t->s < t->end && is_bare(*t->s))
			t->s++;
		if (t->s == start && (t->s == t->end || *t->s == '\n' || *t->s == '\r'))
			return bad(t, "the key is missing");
		if (t->s == start)
			return bad(t, "expected a key, found \"%c\"", *t->s);
		part = strndup(start, (size_t)(t->s - start));
	}
	if (!part)
		return oom(t);
	k->parts[k->n++] = part;
	return 0;
}

static int parse_key(struct toml *t, struct key *k)
{
	for (;;) {
		int r;

		skip_blank(t);
		r = parse_key_part(t, k);
		if (r < 0)
			return r;
		skip_blank(t);
		if (!at(t, '.'))
			return 0;
		t->s++;
	}
}

/* A new member: the key must not be there. */
static int add_member(struct toml *t, json_t *table, const char *name, json_t *v)
{
	return json_object_set_new_nocheck(table, name, v) < 0 ? oom(t) : 0;
}

static int add_container(struct toml *t, json_t *table, const char *name, json_t *v,
			 enum mark_kind kind)
{
	int r = v ? add_member(t, table, name, v) : oom(t);

	return r < 0 ? r : mark_set(t, v, kind);
}

/* Values */

static int parse_value(struct toml *t, json_t **ret);

/* The table in which the last part of the dotted key @k belongs, made on the way. */
static int dotted_table(struct toml *t, json_t *table, const struct key *k, json_t **ret)
{
	for (size_t i = 0; i + 1 < k->n; i++) {
		json_t *next = json_object_get(table, k->parts[i]);
		int r;

		if (!next) {
			next = json_object();
			r = add_container(t, table, k->parts[i], next, MARK_DOTTED);
			if (r < 0)
				return r;
		} else {
			struct mark m = mark_get(t, next);

			if (m.kind != MARK_DOTTED || m.section != t->section)
				return bad(t, "\"%.60s\" is defined already and cannot be added to",
					   k->parts[i]);
		}
		table = next;
	}
	*ret = table;
	return 0;
}

static int parse_pair(struct toml *t, json_t *table)
{
	auto_key struct key k = { 0 };
	json_t *v = NULL;
	int r = parse_key(t, &k);

	if (r < 0)
		return r;
	if (!at(t, '='))
		return bad(t, "expected \"=\" behind the key \"%.60s\"", k.parts[k.n - 1]);
	t->s++;
	r = dotted_table(t, table, &k, &table);
	if (r < 0)
		return r;
	if (json_object_get(table, k.parts[k.n - 1]))
		return bad(t, "\"%.60s\" is defined twice", k.parts[k.n - 1]);
	skip_blank(t);
	r = parse_value(t, &v);
	return r < 0 ? r : add_member(t, table, k.parts[k.n - 1], v);
}

static int parse_array(struct toml *t, json_t **ret)
{
	auto_json json_t *arr = json_array();

	if (!arr)
		return oom(t);
	for (t->s++;;) {
		json_t *v = NULL;
		int r;

		skip_lines(t);
		if (at(t, ']'))
			break;
		r = parse_value(t, &v);
		if (r < 0)
			return r;
		if (json_array_append_new(arr, v) < 0)
			return oom(t);
		skip_lines(t);
		if (at(t, ','))
			t->s++;
		else if (!at(t, ']'))
			return bad(t, t->s == t->end ? "the array is not closed"
						     : "expected \",\" or \"]\" in the array");
	}
	t->s++;
	*ret = take_ptr(&arr);
	return 0;
}

static int inline_pairs(struct toml *t, json_t *table)
{
	skip_blank(t);
	if (at(t, '}'))
		return 0;
	for (;;) {
		int r = parse_pair(t, table);

		if (r < 0)
			return r;
		skip_blank(t);
		if (at(t, '}'))
			return 0;
		if (!at(t, ','))
			return bad(t, "expected \",\" or \"}\" in the inline table");
		t->s++;
	}
}

static int parse_inline_table(struct toml *t, json_t **ret)
{
	auto_json json_t *table = json_object();
	unsigned int outer = t->section;
	int r;

	if (!table)
		return oom(t);
	t->section = ++t->sections; /* dotted keys outside must not reach in */
	t->s++;
	r = inline_pairs(t, table);
	if (r < 0)
		return r;
	t->section = outer;
	t->s++;
	*ret = take_ptr(&table);
	return 0;
}

static int parse_value(struct toml *t, json_t **ret)
{
	int r;

	if (at(t, '"') || at(t, '\''))
		return parse_string(t, ret);
	if (!at(t, '[') && !at(t, '{'))
		return parse_scalar(t, ret);
	if (t->depth == TOML_DEPTH_MAX)
		return too_deep(t);
	t->depth++;
	r = at(t, '[') ? parse_array(t, ret) : parse_inline_table(t, ret);
	t->depth--;
	return r;
}

/* Headers */

/* Walk to the table that holds the last part of the header's key. */
static int header_parent(struct toml *t, json_t *table, const struct key *k, json_t **ret)
{
	for (size_t i = 0; i + 1 < k->n; i++) {
		json_t *next = json_object_get(table, k->parts[i]);
		enum mark_kind kind;
		int r;

		if (!next) {
			next = json_object();
			r = add_container(t, table, k->parts[i], next, MARK_IMPLICIT);
			if (r < 0)
				return r;
		}
		kind = mark_get(t, next).kind;
		if (kind == MARK_NONE)
			return bad(t, "\"%.60s\" is not a table that can be added to", k->parts[i]);
		if (kind == MARK_TABLES)
			next = json_array_get(next, json_array_size(next) - 1);
		table = next;
	}
	*ret = table;
	return 0;
}

static int open_table(struct toml *t, json_t *parent, const char *name, json_t **ret)
{
	json_t *v = json_object_get(parent, name);
	int r;

	if (!v) {
		v = json_object();
		r = add_container(t, parent, name, v, MARK_HEADER);
	} else if (mark_get(t, v).kind == MARK_IMPLICIT) {
		r = mark_set(t, v, MARK_HEADER);
	} else {
		return bad(t, "\"%.60s\" is defined twice", name);
	}
	if (r == 0)
		*ret = v;
	return r;
}

static int open_tables_element(struct toml *t, json_t *parent, const char *name, json_t **ret)
{
	json_t *arr = json_object_get(parent, name), *v;
	int r;

	if (!arr) {
		arr = json_array();
		r = add_container(t, parent, name, arr, MARK_TABLES);
		if (r < 0)
			return r;
	} else if (mark_get(t, arr).kind != MARK_TABLES) {
		return bad(t, "\"%.60s\" is defined already and is not an array of tables", name);
	}
	v = json_object();
	if (json_array_append_new(arr, v) < 0)
		return oom(t);
	r = mark_set(t, v, MARK_HEADER);
	if (r == 0)
		*ret = v;
	return r;
}

static int parse_header(struct toml *t, json_t *root, json_t **ret_table)
{
	bool tables = t->end - t->s >= 2 && t->s[1] == '[';
	auto_key struct key k = { 0 };
	json_t *parent = NULL;
	int r;

	t->s += tables ? 2 : 1;
	t->section = ++t->sections;
	r = parse_key(t, &k);
	if (r < 0)
		return r;
	if (!at(t, ']') || (tables && (t->end - t->s < 2 || t->s[1] != ']')))
		return bad(t, "expected \"%s\" behind the table's name", tables ? "]]" : "]");
	r = header_parent(t, root, &k, &parent);
	if (r < 0)
		return r;
	r = tables ? open_tables_element(t, parent, k.parts[k.n - 1], ret_table)
		   : open_table(t, parent, k.parts[k.n - 1], ret_table);
	t->s += tables ? 2 : 1;
	return r;
}

static int parse_document(struct toml *t, json_t *root)
{
	json_t *table = root;
	int r = mark_set(t, root, MARK_HEADER);

	while (r == 0) {
		skip_lines(t);
		if (t->s == t->end)
			break;
		r = at(t, '[') ? parse_header(t, root, &table) : parse_pair(t, table);
		if (r == 0)
			r = end_of_line(t);
	}
	return r;
}

int toml_parse(const char *buf, size_t len, const char *what, json_t **ret, struct err *e)
{
	struct toml t = { .start = buf, .s = buf, .end = buf + len, .what = what, .e = e };
	auto_json json_t *root = NULL;
	int r;

	if (len > TOML_MAX_BYTES)
		return err_set(e, ERR_LIMIT, "%s: larger than %u bytes", what, TOML_MAX_BYTES);
	if (len >= 3 && memcmp(buf, "\xef\xbb\xbf", 3) == 0)
		t.start = t.s = buf + 3; /* a byte order mark */
	root = json_object();
	if (!root)
		return oom(&t);
	r = check_bytes(&t);
	if (r == 0)
		r = parse_document(&t, root);
	free(t.marks);
	if (r < 0)
		return r;
	*ret = take_ptr(&root);
	return 0;
}
