/* Reading and applying --filter, see filter.h. */
#include "filter.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>

#include "fd.h"
#include "out.h"

void filters_done(struct filters *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->copies[i]);
	free(f->copies);
	free(f->items);
	*f = (struct filters)FILTERS_INIT;
}

static const struct filter_key *find_key(const struct filter_key *keys, const char *name)
{
	for (; keys->name; keys++)
		if (streq(keys->name, name))
			return keys;
	return NULL;
}

static int __attribute__((format(printf, 2, 0)))
fail(struct err *e, const char *fmt, const char *what)
{
	auto_free char *shown = str_printable(what);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	return err_set(e, ERR_INVALID, fmt, shown ? shown : "");
#pragma GCC diagnostic pop
}

static int parse_one(const char *text, const struct filter_key *keys,
		     const struct filter_words *words, void *ctx, struct filter *f, char **ret_copy,
		     struct err *e)
{
	const char *eq = strchr(text, '=');
	char *key;
	size_t len;

	if (!eq || eq == text)
		return fail(e, words->malformed, text);
	f->negate = eq[-1] == '!';
	f->value = eq + 1;
	len = (size_t)(eq - text) - f->negate;
	key = strndup(text, len);
	if (!key)
		return err_sys(e, ENOMEM, "read the filter");
	*ret_copy = key;
	f->key = find_key(keys, key);
	if (!f->key)
		return fail(e, words->unknown, key);
	return f->key->read ? f->key->read(ctx, f, e) : 0;
}

int filters_parse(const struct strv *texts, const struct filter_key *keys,
		  const struct filter_words *words, void *ctx, struct filters *ret, struct err *e)
{
	int r;

	ret->items = calloc(texts->n + 1, sizeof(*ret->items));
	ret->copies = calloc(texts->n + 1, sizeof(*ret->copies));
	if (!ret->items || !ret->copies)
		return err_sys(e, ENOMEM, "read the filters");
	for (; ret->n < texts->n; ret->n++) {
		size_t i = ret->n;

		r = parse_one(texts->items[i], keys, words, ctx, &ret->items[i], &ret->copies[i],
			      e);
		if (r < 0) {
			ret->n++;
			return r;
		}
	}
	return 0;
}

static bool first_of_key(const struct filters *f, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (f->items[k].key == f->items[i].key)
			return false;
	return true;
}

static bool match_key(const struct filters *f, const struct filter_key *key, void *ctx,
		      const void *object)
{
	bool any = false, one;

	for (size_t i = 0; i < f->n; i++) {
		if (f->items[i].key != key)
			continue;
		one = key->match(ctx, &f->items[i], object) != f->items[i].negate;
		/* "not a" and "not b" both hold: negations are no alternatives */
		if (!one && (key->all || f->items[i].negate))
			return false;
		any |= one;
	}
	return any;
}

bool filters_ask(const struct filters *f, const char *name)
{
	for (size_t i = 0; i < f->n; i++)
		if (streq(f->items[i].key->name, name))
			return true;
	return false;
}

bool filters_match(const struct filters *f, void *ctx, const void *object)
{
	for (size_t i = 0; i < f->n; i++)
		if (first_of_key(f, i) && !match_key(f, f->items[i].key, ctx, object))
			return false;
	return true;
}

int filter_read_bool(void *ctx, struct filter *f, struct err *e)
{
	static const char *const yes[] = { "1", "t", "T", "TRUE", "true", "True" };
	static const char *const no[] = { "0", "f", "F", "FALSE", "false", "False" };

	(void)ctx;
	for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++) {
		if (streq(f->value, yes[i]) || streq(f->value, no[i])) {
			f->number = streq(f->value, yes[i]);
			return 0;
		}
	}
	auto_free char *shown = str_quote(f->value);
	return err_set(e, ERR_INVALID, "non-boolean value %s for %s filter", shown ? shown : "",
		       f->key->name);
}

int filter_read_time(void *ctx, struct filter *f, struct err *e)
{
	(void)ctx;
	return out_time_parse(f->value, &f->number, e);
}

bool filter_match_label(const char *wanted, const struct strv *labels)
{
	size_t len = strlen(wanted);
	bool has_value = strchr(wanted, '=') != NULL;

	for (size_t i = 0; i < labels->n; i++) {
		const char *l = labels->items[i];

		if (streq(l, wanted))
			return true;
		if (!has_value && !strncmp(l, wanted, len) && (l[len] == '=' || !l[len]))
			return true;
	}
	return false;
}

bool filter_match_reference(const char *pattern, const char *ref)
{
	auto_free char *bare = strdup(ref);
	char *tag = bare ? strrchr(bare, ':') : NULL;

	if (!bare)
		return false;
	if (tag && !strchr(tag, '/'))
		*tag = '\0';
	for (const char *full = ref, *repo = bare; full;) {
		if (!fnmatch(pattern, full, FNM_PATHNAME) || !fnmatch(pattern, repo, FNM_PATHNAME))
			return true;
		full = strchr(full, '/');
		repo = strchr(repo, '/');
		if (!full || !repo)
			break;
		full++;
		repo++;
	}
	return false;
}
