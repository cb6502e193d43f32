/* Skipping through JSON by its brackets and strings. */
#include "json-section.h"

#include <string.h>

struct scan {
	const char *s, *end;
};

static void skip_space(struct scan *c)
{
	while (c->s < c->end && memchr(" \t\r\n", *c->s, 4))
		c->s++;
}

static bool take(struct scan *c, char ch)
{
	skip_space(c);
	if (c->s == c->end || *c->s != ch)
		return false;
	c->s++;
	return true;
}

/* Behind the closing quote; @c stands on the opening one. */
static bool skip_string(struct scan *c)
{
	for (c->s++; c->s < c->end; c->s++) {
		if (*c->s == '\\')
			c->s++;
		else if (*c->s == '"')
			return c->s++, true;
	}
	return false;
}

/* Behind the bracket that closes the one that @c stands on. */
static bool skip_nested(struct scan *c)
{
	size_t depth = 0;

	while (c->s < c->end) {
		if (*c->s == '"') {
			if (!skip_string(c))
				return false;
			continue;
		}
		if (*c->s == '{' || *c->s == '[')
			depth++;
		else if ((*c->s == '}' || *c->s == ']') && --depth == 0)
			return c->s++, true;
		c->s++;
	}
	return false;
}

static bool skip_value(struct scan *c)
{
	if (c->s == c->end)
		return false;
	if (*c->s == '"')
		return skip_string(c);
	if (*c->s == '{' || *c->s == '[')
		return skip_nested(c);
	while (c->s < c->end && !memchr(",}] \t\r\n", *c->s, 7))
		c->s++;
	return true;
}

/* Stand on the value of the member @name of the object that @c stands on. */
static bool enter(struct scan *c, const char *name)
{
	size_t len = strlen(name);

	if (!take(c, '{'))
		return false;
	do {
		const char *key;
		bool is;

		skip_space(c);
		key = c->s + 1;
		if (c->s == c->end || *c->s != '"' || !skip_string(c))
			return false;
		is = (size_t)(c->s - key) == len + 1 && memcmp(key, name, len) == 0;
		if (!take(c, ':'))
			return false;
		skip_space(c);
		if (is)
			return c->s < c->end;
		if (!skip_value(c))
			return false;
	} while (take(c, ','));
	return false;
}

bool json_section(const char *text, size_t len, const char *const *path, size_t *ret_at,
		  size_t *ret_len)
{
	struct scan c = { text, text + len };
	const char *start;

	for (; *path; path++)
		if (!enter(&c, *path))
			return false;
	start = c.s;
	if (*start != '{' || !skip_nested(&c))
		return false;
	*ret_at = (size_t)(start - text);
	*ret_len = (size_t)(c.s - start);
	return true;
}
