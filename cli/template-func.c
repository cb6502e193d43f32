/* The functions of templates: Go's own and those that podman and docker add. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "fd.h"
#include "template-tree.h"

#define WIDTH_MAX 4096		/* of one padded value */

static const char *text_of(const struct value *v)
{
	const char *s = v->j ? json_string_value(v->j) : NULL;

	return s ? s : "";
}

static const char *kind_of(const struct value *v)
{
	switch (v->j ? json_typeof(v->j) : JSON_NULL) {
	case JSON_NULL:
		return "nil";
	case JSON_TRUE:
	case JSON_FALSE:
		return "bool";
	case JSON_INTEGER:
		return "int";
	case JSON_REAL:
		return "float64";
	case JSON_STRING:
		return "string";
	case JSON_ARRAY:
		return "list";
	case JSON_OBJECT:
		return v->is_map ? "map" : "struct";
	}
	return "nil";
}

static int want_string(struct tmpl_run *run, const char *func, const struct value *v)
{
	if (json_is_string(v->j))
		return 0;
	return run_fail(run, "wrong type for value of %s; expected string; got %s", func,
			kind_of(v));
}

static int want_int(struct tmpl_run *run, const char *func, const struct value *v)
{
	if (json_is_integer(v->j))
		return 0;
	return run_fail(run, "wrong type for value of %s; expected int; got %s", func, kind_of(v));
}

static int func_json(struct tmpl_run *run, const struct value *a, size_t n, struct value *ret)
{
	const json_t *j = run_json_view(run, &a[0]);
	auto_free char *text = NULL;

	(void)n;
	text = j ? json_dumps(j, JSON_COMPACT | JSON_ENCODE_ANY) : strdup("null");
	return run_value(run, text ? json_string_nocheck(text) : NULL, ret);
}

static int func_join(struct tmpl_run *run, const struct value *a, size_t n, struct value *ret)
{
	struct strbuf b = STRBUF_INIT;

	(void)n;
	if ((a[0].j && !json_is_array(a[0].j) && !json_is_null(a[0].j)) || !json_is_string(a[1].j))
		return run_fail(run, "join needs a list and a string; got %s and %s",
				kind_of(&a[0]), kind_of(&a[1]));
	for (size_t i = 0; i < json_array_size(a[0].j); i++) {
		struct value v = value_element(&a[0], i);

		if (i)
			strbuf_add(&b, text_of(&a[1]));
		value_print(&v, &b);
	}
	return run_string(run, &b, ret);
}

static int change_case(struct tmpl_run *run, const char *func, const struct value *v,
		       int (*change)(int c), struct value *ret)
{
	struct strbuf b = STRBUF_INIT;
	int r = want_string(run, func, v);

	if (r < 0)
		return r;
	for (const char *s = text_of(v); *s; s++)
		strbuf_addc(&b, (unsigned char)*s < 0x80 ? (char)change((unsigned char)*s) : *s);
	return run_string(run, &b, ret);
}

static int func_lower(struct tmpl_run *run, const struct value *a, size_t n, struct value *ret)
{
	(void)n;
	return change_case(run, "lower", &a[0], tolower, ret);
}

static int func_upper(struct tmpl_run *run, const struct value *a, size_t n, struct value *ret)
{
	(void)n;
	return change_case(run, "upper", &a[0], toupper, ret);
}

static int func_title(struct tmpl_run *run, const struct value *a, size_t n, struct value *ret)
{
	struct strbuf b = STRBUF_INIT;
	bool in_word = false;
	int r = want_string(run, "title", &a[0]);

	(void)n;
	if (r < 0)
		return r;
	for (const char *s = text_of(&a[0]); *s; s++) {
		unsigned char c = (unsigned char)*s;

		strbuf_addc(&b, !in_word && c < 0x80 ? (char)toupper(c) : *s);
		in_word = c >= 0x80 || isalnum(c) || c == '_' || c == '\'';
	}
	return run_string(run, &b, ret);
}

static bool add_part(json_t *list, const char *s, size_t len)
{
	return json_array_append_new(list, json_stringn_nocheck(s, len)) == 0;
}

static bool split_characters(json_t *list, const char *s)
{
	while (*s) {
		size_t len = 1;

		while (((unsigned char)s[len] & 0xc0) == 0x80)
			len++;
		if (!add_part(list, s, len))
			return false;
		s += len;
	}
	return true;
}

static bool split_by(json_t *list, const char *s, const char *sep)
{
	const char *end;

	while ((end = strstr(s, sep))) {
		if (!add_part(list, s, (size_t)(end - s)))
			return false;
		s = end + strlen(sep);
	}
	return add_part(list, s, strlen(s));
}

static int func_split(struct tmpl_run *run, const struct value *a, size_t n, struct value *ret)
{
	const char *s = text_of(&a[0]), *sep = text_of(&a[1]);
	int r = want_string(run, "split", &a[0]);
	json_t *list;

	(void)n;
	if (r >= 0)
		r = want_string(run, "split", &a[1]);
	if (r < 0)
		return r;
	list = json_array();
	if (!(*sep ? split_by(list, s, sep) : split_characters(list, s))) {
		json_decref(list);
		list = NULL;
	}
	return run_value(run, list, ret);
}

static int func_pad(struct tmpl_run *run, const struct value *a, size_t n, struct value *ret)
{
	json_int_t left = json_integer_value(a[1].j), right = json_integer_value(a[2].j);
	struct strbuf b = STRBUF_INIT;
	int r = want_string(run, "pad", &a[0]);

	(void)n;
	if (r >= 0)
		r = want_int(run, "pad", &a[1]);
	if (r >= 0)
		r = want_int(run, "pad", &a[2]);
	if (r < 0)
		return r;
	if (left < 0 || left > WIDTH_MAX || right < 0 || right > WIDTH_MAX)
		return run_fail(run, "pad takes widths from 0 to %d", WIDTH_MAX);
	if (*text_of(&a[0]))
		strbuf_addf(&b, "%*s%s%*s", (int)left, "", text_of(&a[0]), (int)right, "");
	return run_string(run, &b, ret);
}

static int func_truncate(struct tmpl_run *run, const struct value *a, size_t n, struct value *ret)
{
	json_int_t max = json_integer_value(a[1].j);
	struct strbuf b = STRBUF_INIT;
	const char *s = text_of(&a[0]);
	int r = want_string(run, "truncate", &a[0]);

	(void)n;
	if (r >= 0)
		r = want_int(run, "truncate", &a[1]);
	if (r < 0)
		return r;
	if (max < 0)
		return run_fail(run, "truncate takes no negative length");
	strbuf_addn(&b, s, (json_int_t)strlen(s) < max ? strlen(s) : (size_t)max);
	return run_string(run, &b, ret);
}

static int index_one(struct tmpl_run *run, const struct value *v, const struct value *key,
		     struct value *ret)
{
	json_int_t i = json_integer_value(key->j);

	if (json_is_array(v->j)) {
		if (!json_is_integer(key->j))
			return run_fail(run, "cannot index a list with type %s", kind_of(key));
		if (i < 0 || (size_t)i >= json_array_size(v->j))
			return run_fail(run, "index out of range: %lld", (long long)i);
		*ret = value_element(v, (size_t)i);
		return 0;
	}
	if (json_is_string(v->j)) {
		if (!json_is_integer(key->j))
			return run_fail(run, "cannot index a string with type %s", kind_of(key));
		if (i < 0 || (size_t)i >= json_string_length(v->j))
			return run_fail(run, "index out of range: %lld", (long long)i);
		return run_value(run, json_integer((unsigned char)json_string_value(v->j)[i]), ret);
	}
	if (v->j && !json_is_object(v->j) && !(json_is_null(v->j) && v->is_map))
		return run_fail(run,
				json_is_null(v->j) ? "index of untyped nil"
						   : "can't index item of type %s",
				kind_of(v));
	if (!json_is_string(key->j))
		return run_fail(run, "value is %s; should be string", kind_of(key));
	*ret = value_member(v, json_string_value(key->j));
	if (!ret->j) {
		/* Go gives the zero value of what the map holds */
		void *it = json_object_iter(v->j);
		bool strings = !it || json_is_string(json_object_iter_value(it));

		return run_value(run, strings ? json_string("") : json_null(), ret);
	}
	return 0;
}

static int func_index(struct tmpl_run *run, const struct value *a, size_t n, struct value *ret)
{
	struct value v = a[0];
	int r;

	for (size_t i = 1; i < n; i++) {
		r = index_one(run, &v, &a[i], &v);
		if (r < 0)
			return r;
	}
	*ret = v;
	return 0;
}

static int func_len(struct tmpl_run *run, const struct value *a, size_t n, struct value *ret)
{
	size_t len = 0;

	(void)n;
	if (json_is_string(a[0].j))
		len = json_string_length(a[0].j);
	else if (json_is_array(a[0].j))
		len = json_array_size(a[0].j);
	else if (json_is_object(a[0].j) && a[0].is_map)
		len = json_object_size(a[0].j);
	else if (!json_is_null(a[0].j))
		return run_fail(run, "len of type %s", kind_of(&a[0]));
	return run_value(run, json_integer((json_int_t)len), ret);
}

static int func_slice(struct tmpl_run *run, const struct value *a, size_t n, struct value *ret)
{
	bool list = json_is_array(a[0].j);
	json_int_t len, from = 0, to;
	json_t *part;
	int r;

	if (!list && !json_is_string(a[0].j))
		return run_fail(run, "can't slice item of type %s", kind_of(&a[0]));
	len = (json_int_t)(list ? json_array_size(a[0].j) : json_string_length(a[0].j));
	to = len;
	for (size_t i = 1; i < n; i++) {
		r = want_int(run, "slice", &a[i]);
		if (r < 0)
			return r;
	}
	if (n > 1)
		from = json_integer_value(a[1].j);
	if (n > 2)
		to = json_integer_value(a[2].j);
	if (from < 0 || to > len || from > to)
		return run_fail(run, "index out of range: %lld",
				(long long)(from < 0 || from > to ? from : to));
	if (!list)
		return run_value(run, json_stringn_nocheck(text_of(&a[0]) + from,
							   (size_t)(to - from)), ret);
	part = json_array();
	for (json_int_t i = from; part && i < to; i++)
		if (json_array_append(part, json_array_get(a[0].j, (size_t)i)) < 0)
			return run_value(run, NULL, ret);
	return run_value(run, part, ret);
}

/* -1, 0, 1 into *@ret; an error where the two have no common order. */
static int compare(struct tmpl_run *run, const struct value *a, const struct value *b, bool order,
		   int *ret)
{
	double x, y;

	if (json_is_string(a->j) && json_is_string(b->j)) {
		*ret = strcmp(text_of(a), text_of(b));
		return 0;
	}
	if (json_is_integer(a->j) && json_is_integer(b->j)) {
		json_int_t i = json_integer_value(a->j), k = json_integer_value(b->j);

		*ret = i < k ? -1 : i > k;
		return 0;
	}
	if (json_is_number(a->j) && json_is_number(b->j)) {
		x = json_number_value(a->j);
		y = json_number_value(b->j);
		*ret = x < y ? -1 : x > y;
		return 0;
	}
	if (!order && json_is_boolean(a->j) && json_is_boolean(b->j)) {
		*ret = json_is_true(a->j) != json_is_true(b->j);
		return 0;
	}
	if (!order && (!a->j || json_is_null(a->j) || !b->j || json_is_null(b->j))) {
		*ret = !((!a->j || json_is_null(a->j)) && (!b->j || json_is_null(b->j)));
		return 0;
	}
	if (!strcmp(kind_of(a), kind_of(b)))
		return run_fail(run, "non-comparable type %s", kind_of(a));
	return run_fail(run, "incompatible types for comparison: %s and %s", kind_of(a),
			kind_of(b));
}

static int func_eq(struct tmpl_run *run, const struct value *a, size_t n, struct value *ret)
{
	bool equal = false;
	int r, c = 0;

	for (size_t i = 1; i < n && !equal; i++) {
		r = compare(run, &a[0], &a[i], false, &c);
		if (r < 0)
			return r;
		equal = c == 0;
	}
	return run_value(run, json_boolean(equal), ret);
}

static int func_ne(struct tmpl_run *run, const struct value *a, size_t n, struct value *ret)
{
	int c = 0, r = compare(run, &a[0], &a[1], false, &c);

	(void)n;
	return r < 0 ? r : run_value(run, json_boolean(c != 0), ret);
}

static int func_lt(struct tmpl_run *run, const struct value *a, size_t n, struct value *ret)
{
	int c = 0, r = compare(run, &a[0], &a[1], true, &c);

	(void)n;
	return r < 0 ? r : run_value(run, json_boolean(c < 0), ret);
}

static int func_le(struct tmpl_run *run, const struct value *a, size_t n, struct value *ret)
{
	int c = 0, r = compare(run, &a[0], &a[1], true, &c);

	(void)n;
	return r < 0 ? r : run_value(run, json_boolean(c <= 0), ret);
}

static int func_gt(struct tmpl_run *run, const struct value *a, size_t n, struct value *ret)
{
	int c = 0, r = compare(run, &a[0], &a[1], true, &c);

	(void)n;
	return r < 0 ? r : run_value(run, json_boolean(c > 0), ret);
}

static int func_ge(struct tmpl_run *run, const struct value *a, size_t n, struct value *ret)
{
	int c = 0, r = compare(run, &a[0], &a[1], true, &c);

	(void)n;
	return r < 0 ? r : run_value(run, json_boolean(c >= 0), ret);
}

static int func_not(struct tmpl_run *run, const struct value *a, size_t n, struct value *ret)
{
	(void)n;
	return run_value(run, json_boolean(!value_true(&a[0])), ret);
}

/* fmt.Print: a blank between two values of which neither is a string. */
static int func_print(struct tmpl_run *run, const struct value *a, size_t n, struct value *ret)
{
	struct strbuf b = STRBUF_INIT;

	for (size_t i = 0; i < n; i++) {
		if (i && !json_is_string(a[i].j) && !json_is_string(a[i - 1].j))
			strbuf_addc(&b, ' ');
		value_print(&a[i], &b);
	}
	return run_string(run, &b, ret);
}

static int func_println(struct tmpl_run *run, const struct value *a, size_t n, struct value *ret)
{
	struct strbuf b = STRBUF_INIT;

	for (size_t i = 0; i < n; i++) {
		if (i)
			strbuf_addc(&b, ' ');
		value_print(&a[i], &b);
	}
	strbuf_addc(&b, '\n');
	return run_string(run, &b, ret);
}

/* One %-directive of printf. */
struct directive {
	bool minus, plus, zero, space, sharp;
	int width, precision;	/* -1: none */
	char verb;
};

static const char *parse_directive(const char *s, struct directive *d)
{
	*d = (struct directive){ .width = -1, .precision = -1 };
	for (;; s++) {
		if (*s == '-')
			d->minus = true;
		else if (*s == '+')
			d->plus = true;
		else if (*s == '0')
			d->zero = true;
		else if (*s == ' ')
			d->space = true;
		else if (*s == '#')
			d->sharp = true;
		else
			break;
	}
	if (isdigit((unsigned char)*s))
		for (d->width = 0; isdigit((unsigned char)*s); s++)
			if (d->width <= WIDTH_MAX)
				d->width = d->width * 10 + (*s - '0');
	if (*s == '.')
		for (s++, d->precision = 0; isdigit((unsigned char)*s); s++)
			if (d->precision <= WIDTH_MAX)
				d->precision = d->precision * 10 + (*s - '0');
	d->verb = *s;
	return *s ? s + 1 : s;
}

static size_t characters(const char *s, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += ((unsigned char)s[i] & 0xc0) != 0x80;
	return n;
}

static void add_padded(const struct directive *d, const char *s, size_t len, struct strbuf *out)
{
	size_t have = characters(s, len), pad = 0;

	if (d->width > 0 && (size_t)d->width > have)
		pad = (size_t)d->width - have;
	for (size_t i = 0; i < pad && !d->minus; i++)
		strbuf_addc(out, ' ');
	strbuf_addn(out, s, len);
	for (size_t i = 0; i < pad && d->minus; i++)
		strbuf_addc(out, ' ');
}

static void add_quoted(const char *s, size_t len, struct strbuf *out)
{
	strbuf_addc(out, '"');
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c == '"' || c == '\\')
			strbuf_addf(out, "\\%c", c);
		else if (c == '\n' || c == '\t' || c == '\r')
			strbuf_addf(out, "\\%c", c == '\n' ? 'n' : c == '\t' ? 't' : 'r');
		else if (c < 0x20 || c == 0x7f)
			strbuf_addf(out, "\\x%02x", c);
		else
			strbuf_addc(out, (char)c);
	}
	strbuf_addc(out, '"');
}

/* The bytes that @precision characters take. */
static size_t cut(const char *s, size_t len, int precision)
{
	size_t i = 0;

	for (int n = 0; i < len; i++) {
		if (((unsigned char)s[i] & 0xc0) != 0x80 && n++ == precision)
			break;
	}
	return i;
}

static void add_number(const struct directive *d, const struct value *v, struct strbuf *out)
{
	char format[32];
	int w = d->width > 0 ? d->width : 0;

	if (strchr("dxXobc", d->verb)) {
		long long i = json_integer_value(v->j);
		unsigned long long m = i < 0 ? 0 - (unsigned long long)i : (unsigned long long)i;
		char bits[68], *b = bits + sizeof(bits) - 1;

		if (d->verb == 'c') {
			char c[2] = { i > 0 && i < 0x80 ? (char)i : '?', '\0' };

			add_padded(d, c, 1, out);
			return;
		}
		if (d->verb == 'd') {
			snprintf(format, sizeof(format), "%%%s%s%s%s*lld", d->minus ? "-" : "",
				 d->plus ? "+" : "", d->zero && !d->minus ? "0" : "",
				 d->space ? " " : "");
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
			strbuf_addf(out, format, w, i);
#pragma GCC diagnostic pop
			return;
		}
		*b = '\0';
		do {
			unsigned int base = d->verb == 'b' ? 2 : d->verb == 'o' ? 8 : 16;

			*--b = (d->verb == 'X' ? "0123456789ABCDEF" : "0123456789abcdef")[m % base];
			m /= base;
		} while (m);
		if (i < 0)
			*--b = '-';
		add_padded(d, b, strlen(b), out);
		return;
	}
	snprintf(format, sizeof(format), "%%%s%s%s%s*.*%c", d->minus ? "-" : "", d->plus ? "+" : "",
		 d->zero && !d->minus ? "0" : "", d->space ? " " : "", d->verb);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	strbuf_addf(out, format, w, d->precision < 0 ? 6 : d->precision, json_real_value(v->j));
#pragma GCC diagnostic pop
}

/* Does the verb suit the value?  As fmt decides. */
static bool verb_fits(char verb, const struct value *v)
{
	if (verb == 'v' || verb == 'T')
		return true;
	if (json_is_string(v->j))
		return strchr("sqxX", verb) != NULL;
	if (json_is_integer(v->j))
		return strchr("dxXobc", verb) != NULL;
	if (json_is_real(v->j))
		return strchr("feEgG", verb) != NULL;
	if (json_is_boolean(v->j))
		return verb == 't';
	return (json_is_array(v->j) || json_is_object(v->j)) && strchr("sqd", verb);
}

static void add_directive(const struct directive *d, const struct value *v, struct strbuf *out)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;
	const char *s;
	size_t len;

	if (!verb_fits(d->verb, v)) {
		strbuf_addf(out, "%%!%c(%s", d->verb,
			    v->j && !json_is_null(v->j) ? kind_of(v) : "<nil>");
		if (v->j && !json_is_null(v->j)) {
			strbuf_addc(out, '=');
			value_print(v, out);
		}
		strbuf_addc(out, ')');
		return;
	}
	if (json_is_integer(v->j) && d->verb != 'v' && d->verb != 'T') {
		add_number(d, v, out);
		return;
	}
	if (json_is_real(v->j) && d->verb != 'v' && d->verb != 'T' &&
	    !(strchr("gG", d->verb) && d->precision < 0)) {
		add_number(d, v, out);
		return;
	}
	if (d->verb == 'T')
		strbuf_add(&b, kind_of(v));
	else
		value_print(v, &b);
	if (b.failed) {
		out->failed = true;
		return;
	}
	s = b.data ? b.data : "";
	len = b.len;
	if (d->precision >= 0 && json_is_string(v->j))
		len = cut(s, len, d->precision);
	if (strchr("qxX", d->verb) && json_is_string(v->j)) {
		auto_strbuf struct strbuf q = STRBUF_INIT;

		if (d->verb == 'q')
			add_quoted(s, len, &q);
		for (size_t i = 0; d->verb != 'q' && i < len; i++)
			strbuf_addf(&q, d->verb == 'x' ? "%02x" : "%02X", (unsigned char)s[i]);
		if (q.failed)
			out->failed = true;
		else
			add_padded(d, q.data ? q.data : "", q.len, out);
		return;
	}
	add_padded(d, s, len, out);
}

static int func_printf(struct tmpl_run *run, const struct value *a, size_t n, struct value *ret)
{
	struct strbuf b = STRBUF_INIT;
	struct directive d;
	size_t used = 1;
	int r = want_string(run, "printf", &a[0]);

	if (r < 0)
		return r;
	for (const char *s = text_of(&a[0]); *s;) {
		size_t plain = strcspn(s, "%");

		strbuf_addn(&b, s, plain);
		s += plain;
		if (!*s)
			break;
		s = parse_directive(s + 1, &d);
		if (d.width > WIDTH_MAX || d.precision > WIDTH_MAX) {
			strbuf_done(&b);
			return run_fail(run, "printf takes widths up to %d", WIDTH_MAX);
		}
		if (d.verb == '%')
			strbuf_addc(&b, '%');
		else if (!d.verb)
			strbuf_add(&b, "%!(NOVERB)");
		else if (used >= n)
			strbuf_addf(&b, "%%!%c(MISSING)", d.verb);
		else
			add_directive(&d, &a[used++], &b);
	}
	if (used < n)
		strbuf_add(&b, "%!(EXTRA ");
	for (size_t i = used; i < n; i++) {
		strbuf_addf(&b, "%s%s=", i > used ? ", " : "", kind_of(&a[i]));
		value_print(&a[i], &b);
		if (i + 1 == n)
			strbuf_addc(&b, ')');
	}
	return run_string(run, &b, ret);
}

static void print_all(const struct value *a, size_t n, struct strbuf *b)
{
	for (size_t i = 0; i < n; i++)
		value_print(&a[i], b);
}

static int func_html(struct tmpl_run *run, const struct value *a, size_t n, struct value *ret)
{
	auto_strbuf struct strbuf text = STRBUF_INIT;
	struct strbuf b = STRBUF_INIT;

	print_all(a, n, &text);
	for (size_t i = 0; i < text.len; i++) {
		char c = text.data[i];

		if (c == '<' || c == '>' || c == '&')
			strbuf_add(&b, c == '<' ? "&lt;" : c == '>' ? "&gt;" : "&amp;");
		else if (c == '"' || c == '\'')
			strbuf_add(&b, c == '"' ? "&#34;" : "&#39;");
		else
			strbuf_addc(&b, c);
	}
	return run_string(run, &b, ret);
}

static int func_js(struct tmpl_run *run, const struct value *a, size_t n, struct value *ret)
{
	auto_strbuf struct strbuf text = STRBUF_INIT;
	struct strbuf b = STRBUF_INIT;

	print_all(a, n, &text);
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.data[i];

		if (c == '\\' || c == '\'' || c == '"')
			strbuf_addf(&b, "\\%c", c);
		else if (c < 0x20 || strchr("<>&=", c))
			strbuf_addf(&b, "\\u%04X", c);
		else
			strbuf_addc(&b, (char)c);
	}
	return run_string(run, &b, ret);
}

static int func_urlquery(struct tmpl_run *run, const struct value *a, size_t n, struct value *ret)
{
	auto_strbuf struct strbuf text = STRBUF_INIT;
	struct strbuf b = STRBUF_INIT;

	print_all(a, n, &text);
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.data[i];

		if (c == ' ')
			strbuf_addc(&b, '+');
		else if (c < 0x80 && (isalnum(c) || strchr("-_.~", c)))
			strbuf_addc(&b, (char)c);
		else
			strbuf_addf(&b, "%%%02X", c);
	}
	return run_string(run, &b, ret);
}

#define MANY 32

const struct tmpl_func tmpl_funcs[] = {
	{ "and", 1, MANY, NULL },
	{ "eq", 2, MANY, func_eq },
	{ "ge", 2, 2, func_ge },
	{ "gt", 2, 2, func_gt },
	{ "html", 0, MANY, func_html },
	{ "index", 1, MANY, func_index },
	{ "join", 2, 2, func_join },
	{ "js", 0, MANY, func_js },
	{ "json", 1, 1, func_json },
	{ "le", 2, 2, func_le },
	{ "len", 1, 1, func_len },
	{ "lower", 1, 1, func_lower },
	{ "lt", 2, 2, func_lt },
	{ "ne", 2, 2, func_ne },
	{ "not", 1, 1, func_not },
	{ "or", 1, MANY, NULL },
	{ "pad", 3, 3, func_pad },
	{ "print", 0, MANY, func_print },
	{ "printf", 1, MANY, func_printf },
	{ "println", 0, MANY, func_println },
	{ "slice", 1, 3, func_slice },
	{ "split", 2, 2, func_split },
	{ "title", 1, 1, func_title },
	{ "truncate", 2, 2, func_truncate },
	{ "upper", 1, 1, func_upper },
	{ "urlquery", 0, MANY, func_urlquery },
	{ NULL, 0, 0, NULL },
};

const struct tmpl_func *tmpl_func_find(const char *name, size_t len)
{
	for (const struct tmpl_func *f = tmpl_funcs; f->name; f++)
		if (strlen(f->name) == len && !memcmp(f->name, name, len))
			return f;
	return NULL;
}
