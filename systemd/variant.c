/* A parser for the part of GVariant's text format that properties of units need. */
#include "variant.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "str.h"

static const struct {
	const char *word;
	char type;
	int64_t min;
	uint64_t max;
} kinds[] = {
	{ "byte", 'y', 0, UINT8_MAX },	  { "int16", 'n', INT16_MIN, INT16_MAX },
	{ "uint16", 'q', 0, UINT16_MAX }, { "int32", 'i', INT32_MIN, INT32_MAX },
	{ "uint32", 'u', 0, UINT32_MAX }, { "int64", 'x', INT64_MIN, INT64_MAX },
	{ "uint64", 't', 0, UINT64_MAX }, { "boolean", 'b', 0, 0 },
	{ "double", 'd', 0, 0 },	  { "string", 's', 0, 0 },
	{ "objectpath", 'o', 0, 0 },
};

void variant_done(struct variant *v)
{
	for (size_t i = 0; i < v->n; i++)
		free(v->items[i].s);
	free(v->items);
	*v = (struct variant){ 0 };
}

static const char *skip(const char *p)
{
	while (isspace((unsigned char)*p))
		p++;
	return p;
}

/* 'it''s' is not known: backslash escapes the next byte. */
static int parse_string(const char **at, char **ret)
{
	const char *p = *at;
	char quote = *p++;
	auto_strbuf struct strbuf b = STRBUF_INIT;

	strbuf_add(&b, "");
	for (; *p && *p != quote; p++) {
		if (*p == '\\') {
			p++;
			if (!*p)
				return -EINVAL;
			strbuf_addc(&b, *p == 'n' ? '\n' : *p == 't' ? '\t' : *p);
		} else {
			strbuf_addc(&b, *p);
		}
	}
	if (!*p)
		return -EINVAL;
	*at = p + 1;
	*ret = strbuf_take(&b);
	return *ret ? 0 : -ENOMEM;
}

static int parse_number(const char **at, char type, struct variant_item *ret)
{
	char word[64], *end;
	size_t n = strspn(*at, "0123456789abcdefABCDEFxX.+-");

	if (n == 0 || n >= sizeof(word))
		return -EINVAL;
	memcpy(word, *at, n);
	word[n] = '\0';
	*at += n;
	errno = 0;
	if (type == 'd') {
		ret->d = strtod(word, &end);
		return *end || !isfinite(ret->d) ? -EINVAL : 0;
	}
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (kinds[i].type != type)
			continue;
		if (kinds[i].min < 0) {
			ret->i = strtoll(word, &end, 0);
			if (*end)
				return -EINVAL;
			return errno || ret->i < kinds[i].min || ret->i > (int64_t)kinds[i].max
				       ? -ERANGE
				       : 0;
		}
		if (word[0] == '-')
			return -ERANGE;
		ret->u = strtoull(word, &end, 0);
		if (*end)
			return -EINVAL;
		return errno || ret->u > kinds[i].max ? -ERANGE : 0;
	}
	return -EINVAL;
}

/* The type that a word before the value gives it, or what the value looks like. */
static char find_type(const char **at)
{
	const char *p = *at;
	size_t n = strspn(p, "abcdefghijklmnopqrstuvwxyz0123456789");

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strlen(kinds[i].word) == n && strncmp(p, kinds[i].word, n) == 0 &&
		    isspace((unsigned char)p[n])) {
			*at = skip(p + n);
			return kinds[i].type;
		}
	if (*p == '\'' || *p == '"')
		return 's';
	if (n == 4 && strncmp(p, "true", 4) == 0)
		return 'b';
	if (n == 5 && strncmp(p, "false", 5) == 0)
		return 'b';
	return strcspn(p, ",] ") != strcspn(p, ".,] ") ? 'd' : 'i';
}

static int parse_item(const char **at, char type, struct variant_item *ret)
{
	switch (type) {
	case 's':
	case 'o':
		return **at == '\'' || **at == '"' ? parse_string(at, &ret->s) : -EINVAL;
	case 'b':
		ret->i = strncmp(*at, "true", 4) == 0;
		if (!ret->i && strncmp(*at, "false", 5) != 0)
			return -EINVAL;
		*at += ret->i ? 4 : 5;
		return 0;
	default:
		return parse_number(at, type, ret);
	}
}

static int add_item(struct variant *v, const char **at)
{
	const char *p = skip(*at);
	struct variant_item item = { 0 }, *grown;
	char type = find_type(&p);
	int r;

	/* The first says what all are, as "[byte 1, 2]". */
	if (v->n == 0)
		v->type = type;
	else if (type != v->type && !(type == 'i' && strchr("ynquxtd", v->type)))
		return -EINVAL;
	if (v->n == VARIANT_ITEMS_MAX)
		return -E2BIG;
	grown = reallocarray(v->items, v->n + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	v->items = grown;
	r = parse_item(&p, v->type, &item);
	if (r < 0)
		return r;
	v->items[v->n++] = item;
	*at = skip(p);
	return 0;
}

static int parse_array(struct variant *v, const char **at)
{
	const char *p = skip(*at + 1);
	int r = 0;

	v->array = true;
	if (*p == ']') {
		*at = skip(p + 1);
		return v->type ? 0 : -EINVAL; /* of what? */
	}
	for (;;) {
		r = add_item(v, &p);
		if (r < 0)
			return r;
		if (*p == ']') {
			*at = skip(p + 1);
			return 0;
		}
		if (*p++ != ',')
			return -EINVAL;
	}
}

int variant_parse(const char *text, struct variant *ret)
{
	struct variant v = { 0 };
	const char *p = skip(text);
	int r;

	if (strlen(text) > VARIANT_TEXT_MAX)
		return -E2BIG;
	/* "@as []": the only way to write an empty array. */
	if (p[0] == '@' && p[1] == 'a' && p[2] && strchr("bynqiuxtdso", p[2]) && p[3] == ' ') {
		v.type = p[2];
		p = skip(p + 3);
		if (*p != '[' || *skip(p + 1) != ']')
			return -EINVAL;
	}
	r = *p == '[' ? parse_array(&v, &p) : add_item(&v, &p);
	if (r == 0 && *p)
		r = -EINVAL;
	if (r < 0) {
		variant_done(&v);
		return r;
	}
	*ret = v;
	return 0;
}

int variant_sec_to_usec(struct variant *v)
{
	double sec;

	if (v->array || v->n != 1)
		return -EINVAL;
	switch (v->type) {
	case 'd':
		sec = v->items[0].d;
		break;
	case 'n':
	case 'i':
	case 'x':
		sec = (double)v->items[0].i;
		break;
	case 'y':
	case 'q':
	case 'u':
	case 't':
		/* "infinity" */
		if (v->items[0].u == UINT64_MAX) {
			v->type = 't';
			return 0;
		}
		sec = (double)v->items[0].u;
		break;
	default:
		return -EINVAL;
	}
	if (sec < 0 || sec > 1e12)
		return -ERANGE;
	v->type = 't';
	v->items[0].u = (uint64_t)(sec * 1e6);
	return 0;
}
