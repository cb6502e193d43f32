/* Parsing and printing of option tables. */
#include "opt.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "str.h"

static int store(const struct opt *o, void *dst, const char *value, struct err *e)
{
	void *at = (char *)dst + o->offset;

	switch (o->kind) {
	case OPT_FLAG:
		if (!value || streq(value, "true") || streq(value, "1"))
			*(bool *)at = true;
		else if (streq(value, "false") || streq(value, "0"))
			*(bool *)at = false;
		else
			return err_set(e, ERR_INVALID, "option --%s: \"%s\" is not true or false",
				       o->name, value);
		return 0;
	case OPT_STRING:
		*(const char **)at = value;
		return 0;
	case OPT_NUMBER:
		if (str_u32(value, INT32_MAX, at) < 0)
			return err_set(e, ERR_INVALID,
				       "option --%s: \"%s\" is not a number from 0 "
				       "to %d",
				       o->name, value, INT32_MAX);
		return 0;
	case OPT_LIST:
		if (strv_add(at, value) < 0)
			return err_sys(e, ENOMEM, "option --%s", o->name);
		return 0;
	}
	return -EINVAL;
}

static const struct opt *find_long(const struct opt *opts, const char *name, size_t len)
{
	for (; opts->name; opts++)
		if (strlen(opts->name) == len && strncmp(opts->name, name, len) == 0)
			return opts;
	return NULL;
}

static const struct opt *find_letter(const struct opt *opts, char letter)
{
	for (; opts->name; opts++)
		if (opts->letter == letter)
			return opts;
	return NULL;
}

static int parse_long(const struct opt *opts, void *dst, int argc, char **argv, int i,
		      struct err *e)
{
	const char *name = argv[i] + 2;
	size_t len = strcspn(name, "=");
	const struct opt *o = find_long(opts, name, len);
	const char *value = name[len] == '=' ? name + len + 1 : NULL;
	int r;

	if (!o)
		return err_set(e, ERR_INVALID, "unknown option --%.*s; see --help", (int)len, name);
	if (!value && o->kind != OPT_FLAG) {
		if (i + 1 >= argc)
			return err_set(e, ERR_INVALID, "option --%s needs a value", o->name);
		value = argv[++i];
	}
	r = store(o, dst, value, e);
	return r < 0 ? r : i + 1;
}

static int parse_letters(const struct opt *opts, void *dst, int argc, char **argv, int i,
			 struct err *e)
{
	for (const char *p = argv[i] + 1; *p; p++) {
		const struct opt *o = find_letter(opts, *p);
		const char *value = NULL;
		int r;

		if (!o)
			return err_set(e, ERR_INVALID, "unknown option -%c; see --help", *p);
		if (o->kind != OPT_FLAG) {
			if (p[1])
				value = p[1] == '=' ? p + 2 : p + 1;
			else if (i + 1 < argc)
				value = argv[++i];
			else
				return err_set(e, ERR_INVALID, "option -%c needs a value", *p);
		}
		r = store(o, dst, value, e);
		if (r < 0)
			return r;
		if (value)
			break;
	}
	return i + 1;
}

int opt_parse(const struct opt *opts, void *dst, int argc, char **argv, struct err *e)
{
	int i = 1;

	while (i < argc) {
		if (streq(argv[i], "--"))
			return i + 1;
		if (argv[i][0] != '-' || argv[i][1] == '\0')
			return i;
		i = argv[i][1] == '-' ? parse_long(opts, dst, argc, argv, i, e)
				      : parse_letters(opts, dst, argc, argv, i, e);
		if (i < 0)
			return i;
	}
	return i;
}

void opt_print(const struct opt *opts)
{
	for (; opts->name; opts++) {
		char left[64];

		(void)snprintf(left, sizeof(left), "%s%c%s--%s%s%s", opts->letter ? "-" : " ",
			       opts->letter ? opts->letter : ' ', opts->letter ? ", " : "  ",
			       opts->name, opts->arg ? " " : "", opts->arg ? opts->arg : "");
		(void)printf("  %-30s %s\n", left, opts->help);
	}
}
