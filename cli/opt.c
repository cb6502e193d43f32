/* Parsing a command line by an option table, see opt.h. */
#include "opt.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "fd.h"

static const struct opt help_opt = { 'h', "help", NULL, OPT_FLAG, 0, "Print this help" };

int opt_each(const struct opt *table, int (*fn)(const struct opt *o, void *arg), void *arg)
{
	int r;

	for (const struct opt *o = table; o && o->kind != OPT_END_; o++) {
		r = o->kind == OPT_INCLUDE ? opt_each(o->table, fn, arg) : fn(o, arg);
		if (r)
			return r;
	}
	return 0;
}

const struct opt *opt_find(const struct opt *table, const char *name, size_t len)
{
	for (const struct opt *o = table; o && o->kind != OPT_END_; o++) {
		if (o->kind == OPT_INCLUDE) {
			const struct opt *r = opt_find(o->table, name, len);

			if (r)
				return r;
		} else if (o->name && strlen(o->name) == len && !memcmp(o->name, name, len)) {
			return o;
		}
	}
	return NULL;
}

const struct opt *opt_find_letter(const struct opt *table, char letter)
{
	for (const struct opt *o = table; o && o->kind != OPT_END_; o++) {
		if (o->kind == OPT_INCLUDE) {
			const struct opt *r = opt_find_letter(o->table, letter);

			if (r)
				return r;
		} else if (letter && o->letter == letter) {
			return o;
		}
	}
	return NULL;
}

struct rows {
	const struct opt **o;
	size_t n, max;
};

static int add_row(const struct opt *o, void *arg)
{
	struct rows *rows = arg;

	if ((o->flags & OPT_HIDDEN) || o->kind == OPT_REFUSED || o->kind == OPT_ALIAS)
		return 0;
	if (rows->n < rows->max)
		rows->o[rows->n++] = o;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	const struct opt *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

size_t opt_visible(const struct opt *table, const struct opt **ret, size_t max)
{
	struct rows rows = { ret, 0, max };

	opt_each(table, add_row, &rows);
	qsort(ret, rows.n, sizeof(*ret), by_name);
	return rows.n;
}

bool opt_takes_value(const struct opt *o)
{
	switch (o->kind) {
	case OPT_END_:
	case OPT_FLAG:
	case OPT_OPTIONAL:
	case OPT_ALIAS:
	case OPT_INCLUDE:
		return false;
	case OPT_REFUSED:
		return o->metavar != NULL;
	case OPT_STRING:
	case OPT_LIST:
	case OPT_CSVLIST:
	case OPT_U64:
	case OPT_I64:
	case OPT_SIZE:
	case OPT_DURATION:
	case OPT_FLOAT:
	case OPT_ENUM:
	case OPT_CUSTOM:
		return true;
	}
	return false;
}

bool opt_seen(const struct opt_parse *p, const char *name)
{
	for (size_t i = 0; i < p->n_seen; i++)
		if (streq(p->seen[i], name))
			return true;
	return false;
}

int opt_exclusive(const struct opt_parse *p, const char *a, const char *b, struct err *e)
{
	if (!opt_seen(p, a) || !opt_seen(p, b))
		return 0;
	return err_set(e, ERR_INVALID, "--%s and --%s cannot be used together", a, b);
}

/* "-n, --last" as pflag's messages name an option. */
static void opt_title(const struct opt *o, char *buf, size_t cap)
{
	if (o->letter)
		snprintf(buf, cap, "-%c, --%s", o->letter, o->name);
	else
		snprintf(buf, cap, "--%s", o->name);
}

static int bad_value(const struct opt *o, const char *value, struct err *e, const char *why)
{
	char title[80];

	opt_title(o, title, sizeof(title));
	auto_free char *quoted = str_quote(value);
	return err_set(e, ERR_INVALID, "invalid argument %s for \"%s\" flag: %s",
		       quoted ? quoted : "\"\"", title, why);
}

static int bad_number(const struct opt *o, const char *value, int r, const char *parser,
		      struct err *e)
{
	auto_free char *quoted = str_quote(value);
	char why[256];

	snprintf(why, sizeof(why), "strconv.%s: parsing %s: %s", parser, quoted ? quoted : "\"\"",
		 r == -ERANGE ? "value out of range" : "invalid syntax");
	return bad_value(o, value, e, why);
}

int opt_bool(const char *s, bool *ret)
{
	static const char *const yes[] = { "1", "t", "T", "TRUE", "true", "True" };
	static const char *const no[] = { "0", "f", "F", "FALSE", "false", "False" };

	for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++) {
		if (streq(s, yes[i])) {
			*ret = true;
			return 0;
		}
		if (streq(s, no[i])) {
			*ret = false;
			return 0;
		}
	}
	return -EINVAL;
}

static int parse_float(const char *s, double *ret)
{
	char *end;
	double v;

	/* strtod also takes blanks, hexadecimal, "nan" and "inf" */
	if (!*s || strspn(s, "+-.0123456789eE") != strlen(s))
		return -EINVAL;
	errno = 0;
	v = strtod(s, &end);
	if (*end)
		return -EINVAL;
	if (errno || !isfinite(v))
		return -ERANGE;
	*ret = v;
	return 0;
}

int opt_split_csv(const char *s, struct strv *ret)
{
	auto_strbuf struct strbuf field = STRBUF_INIT;
	int r;

	if (!*s)
		return 0;
	for (;;) {
		field.len = 0;
		strbuf_addn(&field, "", 0);
		if (*s == '"') {
			for (s++; *s; s++) {
				if (*s == '"' && s[1] != '"')
					break;
				if (*s == '"')
					s++;
				strbuf_addc(&field, *s);
			}
			if (*s != '"' || (s[1] && s[1] != ','))
				return -EINVAL;
			s++;
		} else {
			for (; *s && *s != ','; s++) {
				if (*s == '"')
					return -EINVAL;
				strbuf_addc(&field, *s);
			}
		}
		if (field.failed)
			return -ENOMEM;
		r = strv_add(ret, field.data && field.len ? field.data : "");
		if (r < 0 || !*s)
			return r;
		s++;
	}
}

static int store_enum(const struct opt *o, const char *value, int *dst, struct err *e)
{
	auto_strbuf struct strbuf why = STRBUF_INIT;
	auto_free char *quoted = str_quote(value);

	strbuf_addf(&why, "%s is not a valid value.  Choose from: \"", quoted ? quoted : "\"\"");
	for (const struct opt_choice *c = o->choices; c->name; c++) {
		if (streq(c->name, value)) {
			*dst = c->value;
			return 0;
		}
		strbuf_addf(&why, "%s%s", c == o->choices ? "" : ", ", c->name);
	}
	strbuf_addc(&why, '"');
	return bad_value(o, value, e, why.failed ? "no such choice" : why.data);
}

/* The reason is the table's: "--memory is not supported yet: resource limits need ...". */
static int refuse(const struct opt *o, const char *value, struct err *e)
{
	bool on = true;

	/* --privileged=false asks for nothing */
	if (!o->metavar && value && !opt_bool(value, &on) && !on)
		return 0;
	return err_set(e, ERR_UNSUPPORTED, "--%s is not supported yet: %s", o->name, o->text);
}

/* @value is NULL where a flag or an optional value was given bare. */
static int store(const struct opt *o, const char *value, void *base, struct err *e)
{
	void *dst = (char *)base + o->offset;
	int r;

	switch (o->kind) {
	case OPT_FLAG:
		if (!value) {
			*(bool *)dst = true;
			return 0;
		}
		r = opt_bool(value, dst);
		return r < 0 ? bad_number(o, value, r, "ParseBool", e) : 0;
	case OPT_STRING:
		*(const char **)dst = value;
		return 0;
	case OPT_OPTIONAL:
		*(const char **)dst = value ? value : o->text;
		return 0;
	case OPT_LIST:
		r = strv_add(dst, value);
		return r < 0 ? err_sys(e, r, "keep the value of --%s", o->name) : 0;
	case OPT_CSVLIST:
		r = opt_split_csv(value, dst);
		if (r == -EINVAL)
			return bad_value(o, value, e,
					 "parse error: stray \" in a comma-separated list");
		return r < 0 ? err_sys(e, r, "keep the value of --%s", o->name) : 0;
	case OPT_U64:
		r = str_u64(value, UINT64_MAX, dst);
		return r < 0 ? bad_number(o, value, r, "ParseUint", e) : 0;
	case OPT_I64:
		r = str_i64(value, INT64_MIN, INT64_MAX, dst);
		return r < 0 ? bad_number(o, value, r, "ParseInt", e) : 0;
	case OPT_SIZE:
		r = str_size(value, dst);
		if (r < 0)
			return bad_value(o, value, e, "not a size; a number with an optional unit "
					 "b, k, m, g or t is expected");
		return 0;
	case OPT_DURATION:
		r = str_duration(value, dst);
		if (r < 0)
			return bad_value(o, value, e, "not a duration such as 1m30s or 500ms");
		return 0;
	case OPT_FLOAT:
		r = parse_float(value, dst);
		return r < 0 ? bad_number(o, value, r, "ParseFloat", e) : 0;
	case OPT_ENUM:
		return store_enum(o, value, dst, e);
	case OPT_CUSTOM:
		r = o->parse(value, dst, e);
		return r < 0 ? err_wrap(e, r, "--%s", o->name) : 0;
	case OPT_REFUSED:
		return refuse(o, value, e);
	case OPT_END_:
	case OPT_ALIAS:
	case OPT_INCLUDE:
		break;
	}
	return err_set(e, ERR_INVALID, "unknown flag: --%s", o->name);
}

/* What an option is: its row (behind an alias) and the struct that it fills. */
struct found {
	const struct opt *o;
	void *dst;
};

static const struct opt *behind_alias(const struct opt *table, const struct opt *o)
{
	if (o && o->kind == OPT_ALIAS)
		return opt_find(table, o->text, strlen(o->text));
	return o;
}

static const struct opt *allowed_here(const struct opt_parse *p, const struct opt *o)
{
	return o && p->dst && (o->flags & OPT_FIRST) ? NULL : o;
}

static struct found find_long(struct opt_parse *p, const char *name, size_t len)
{
	const struct opt *o = behind_alias(p->table, opt_find(p->table, name, len));

	if (o)
		return (struct found){ o, p->dst };
	if (len == strlen(help_opt.name) && !memcmp(name, help_opt.name, len))
		return (struct found){ &help_opt, &p->help };
	o = behind_alias(p->global, opt_find(p->global, name, len));
	return (struct found){ allowed_here(p, o), p->global_dst };
}

static struct found find_letter(struct opt_parse *p, char letter)
{
	const struct opt *o = behind_alias(p->table, opt_find_letter(p->table, letter));

	if (o)
		return (struct found){ o, p->dst };
	if (letter == help_opt.letter)
		return (struct found){ &help_opt, &p->help };
	o = behind_alias(p->global, opt_find_letter(p->global, letter));
	return (struct found){ allowed_here(p, o), p->global_dst };
}

static int found_store(struct opt_parse *p, struct found f, const char *value, struct err *e)
{
	if (!opt_seen(p, f.o->name)) {
		if (p->n_seen == OPT_SEEN_MAX)
			return err_set(e, ERR_LIMIT, "more than %d different options",
				       OPT_SEEN_MAX);
		p->seen[p->n_seen++] = f.o->name;
	}
	return store(f.o, value, f.dst, e);
}

/* "--name", "--name=value", "--name value".  Returns how many further arguments it used. */
static int parse_long(struct opt_parse *p, size_t rest, char *const *argv, struct err *e)
{
	const char *name = argv[0] + 2;
	size_t len = strcspn(name, "=");
	const char *value = name[len] == '=' ? name + len + 1 : NULL;
	struct found f;
	int r;

	if (name[0] == '-' || name[0] == '=')
		return err_set(e, ERR_INVALID, "bad flag syntax: %s", argv[0]);
	f = find_long(p, name, len);
	if (!f.o) {
		p->unknown = argv[0];
		return err_set(e, ERR_INVALID, "unknown flag: --%.*s", (int)(len > 200 ? 200 : len),
			       name);
	}
	if (value || !opt_takes_value(f.o)) {
		r = found_store(p, f, value, e);
		return r < 0 ? r : 0;
	}
	if (!rest)
		return err_set(e, ERR_INVALID, "flag needs an argument: --%s", f.o->name);
	r = found_store(p, f, argv[1], e);
	return r < 0 ? r : 1;
}

/* "-itd", "-fv", "-f v", "-f=v".  Returns how many further arguments it used. */
static int parse_letters(struct opt_parse *p, size_t rest, char *const *argv, struct err *e)
{
	struct found f;
	int r;

	for (const char *s = argv[0] + 1; *s; s++) {
		f = find_letter(p, *s);
		if (!f.o)
			return err_set(e, ERR_INVALID, "unknown shorthand flag: '%c' in %.200s", *s,
				       argv[0]);
		if (s[1] == '=') {
			r = found_store(p, f, s + 2, e);
			return r < 0 ? r : 0;
		}
		if (!opt_takes_value(f.o)) {
			r = found_store(p, f, NULL, e);
			if (r < 0)
				return r;
			continue;
		}
		if (s[1]) {
			r = found_store(p, f, s + 1, e);
			return r < 0 ? r : 0;
		}
		if (!rest)
			return err_set(e, ERR_INVALID, "flag needs an argument: '%c' in %.200s", *s,
				       argv[0]);
		r = found_store(p, f, argv[1], e);
		return r < 0 ? r : 1;
	}
	return 0;
}

int opt_parse(struct opt_parse *p, size_t argc, char *const *argv, struct err *e)
{
	size_t i;
	int r;

	p->n_args = p->n_seen = 0;
	p->args = calloc(argc + 1, sizeof(*p->args));
	if (!p->args)
		return err_sys(e, ENOMEM, "read the command line");
	for (i = 0; i < argc; i++) {
		const char *a = argv[i];

		if (streq(a, "--")) {
			i++;
			break;
		}
		if (a[0] != '-' || !a[1]) {
			if (p->stop_at_arg)
				break;
			p->args[p->n_args++] = a;
			continue;
		}
		r = a[1] == '-' ? parse_long(p, argc - i - 1, argv + i, e)
				: parse_letters(p, argc - i - 1, argv + i, e);
		if (r < 0)
			return r;
		i += (size_t)r;
	}
	for (; i < argc; i++)
		p->args[p->n_args++] = argv[i];
	return 0;
}

static int free_lists(const struct opt *o, void *base)
{
	if (o->kind == OPT_LIST || o->kind == OPT_CSVLIST)
		strv_done((struct strv *)((char *)base + o->offset));
	return 0;
}

void opt_parse_done(struct opt_parse *p)
{
	if (p->dst)
		opt_each(p->table, free_lists, p->dst);
	if (p->global_dst)
		opt_each(p->global, free_lists, p->global_dst);
	free(p->args);
	p->args = NULL;
	p->n_args = 0;
}
