/* A JSON document as YAML, see yaml.h. */
#include "yaml.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "str.h"

/* Would a YAML reader take the plain text for something else than this string? */
static bool needs_quotes(const char *s)
{
	static const char *const words[] = {
		"true", "false", "yes", "no", "on", "off", "null", "~"
	};
	size_t len = strlen(s);
	char *end;

	if (!len || strchr("-?:,[]{}#&*!|>'\"%@` ", *s) || s[len - 1] == ' ' || s[len - 1] == ':')
		return true;
	if (strstr(s, ": ") || strstr(s, " #"))
		return true;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		size_t k = 0;

		while (words[i][k] && tolower((unsigned char)s[k]) == words[i][k])
			k++;
		if (!words[i][k] && !s[k])
			return true;
	}
	(void)strtod(s, &end);
	return !*end;
}

static bool has_control(const char *s)
{
	for (; *s; s++)
		if (((unsigned char)*s < 0x20 && *s != '\n') || *s == 0x7f ||
		    ((unsigned char)*s == 0xc2 && (unsigned char)s[1] >= 0x80 &&
		     (unsigned char)s[1] < 0xa0))
			return true;
	return false;
}

static void print_escaped(const char *s)
{
	putchar('"');
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\')
			printf("\\%c", c);
		else if (c == 0xc2 && (unsigned char)s[1] >= 0x80 && (unsigned char)s[1] < 0xa0)
			printf("\\x%02x", (unsigned char)*++s);
		else if (c < 0x20 || c == 0x7f)
			printf("\\x%02x", c);
		else
			putchar(c);
	}
	printf("\"\n");
}

static void print_block(const char *s, int depth)
{
	printf("|-\n");
	while (*s) {
		size_t n = strcspn(s, "\n");

		printf("%*s%.*s\n", n ? depth * 2 : 0, "", (int)n, s);
		s += n + (s[n] == '\n');
	}
}

static void print_string(const char *s, int depth)
{
	if (has_control(s))
		print_escaped(s);
	else if (strchr(s, '\n'))
		print_block(s, depth);
	else if (!needs_quotes(s))
		printf("%s\n", s);
	else if (strchr(s, '\'') || !*s)
		print_escaped(s);
	else
		printf("'%s'\n", s);
}

static void print_value(const json_t *j, int depth);

static void print_object(const json_t *j, int depth, bool in_list)
{
	json_t *o = (json_t *)(uintptr_t)j; /* jansson's iterator takes no const */
	const char *key;
	json_t *v;
	bool first = true;

	json_object_foreach(o, key, v) {
		printf("%*s%s:", first && in_list ? 0 : depth * 2, "", key);
		first = false;
		print_value(v, depth);
	}
}

static void print_list(const json_t *j, int depth)
{
	for (size_t i = 0; i < json_array_size(j); i++) {
		const json_t *v = json_array_get(j, i);

		printf("%*s-", depth * 2, "");
		if (json_is_object(v) && json_object_size(v)) {
			putchar(' ');
			print_object(v, depth + 1, true);
		} else {
			print_value(v, depth);
		}
	}
}

/* Behind the colon of a key or the dash of an element. */
static void print_value(const json_t *j, int depth)
{
	switch (json_typeof(j)) {
	case JSON_OBJECT:
		if (!json_object_size(j)) {
			printf(" {}\n");
		} else {
			putchar('\n');
			print_object(j, depth + 1, false);
		}
		break;
	case JSON_ARRAY:
		if (!json_array_size(j)) {
			printf(" []\n");
		} else {
			putchar('\n');
			print_list(j, depth);
		}
		break;
	case JSON_STRING:
		putchar(' ');
		print_string(json_string_value(j), depth + 1);
		break;
	case JSON_INTEGER:
		printf(" %" JSON_INTEGER_FORMAT "\n", json_integer_value(j));
		break;
	case JSON_REAL:
		printf(" %.2f\n", json_real_value(j));
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		printf(" %s\n", json_is_true(j) ? "true" : "false");
		break;
	case JSON_NULL:
		printf(" null\n");
		break;
	}
}

void yaml_print(const json_t *j)
{
	print_object(j, 0, false);
}
