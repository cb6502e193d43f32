/*
 * --filter key=value: a table of keys says how a value is read and what it matches.  Values of
 * one key are alternatives, those of `label` must all match, different keys must all match.
 */
#ifndef CLI_FILTER_H
#define CLI_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "str.h"

struct filter {
	const struct filter_key *key;
	const char *value;	/* borrowed from the option */
	bool negate;		/* key!=value */
	int64_t number;		/* what read() made of the value */
};

struct filter_key {
	const char *name;	/* NULL ends the table */
	bool all;		/* every value must match */
	/* Understand the value once; NULL: nothing to do.  0 or a negative errno. */
	int (*read)(void *ctx, struct filter *f, struct err *e);
	bool (*match)(void *ctx, const struct filter *f, const void *object);
};

struct filters {
	struct filter *items;
	size_t n;
	char **copies;		/* keys cut from the texts */
};
#define FILTERS_INIT { 0 }
void filters_done(struct filters *f);
#define auto_filters __attribute__((cleanup(filters_done)))

/* How a command's errors are worded: image filters differ from those of containers. */
struct filter_words {
	const char *malformed;	/* "invalid filter \"%s\"" */
	const char *unknown;	/* "%s is an invalid filter" */
};

/* @texts must outlive *@ret. */
int filters_parse(const struct strv *texts, const struct filter_key *keys,
		  const struct filter_words *words, void *ctx, struct filters *ret, struct err *e);
/* Is the key @name among them? */
bool filters_ask(const struct filters *f, const char *name);
bool filters_match(const struct filters *f, void *ctx, const void *object);

/* For read(): "true" and "false" in strconv's spellings, a time before now (until=10m), a number. */
int filter_read_bool(void *ctx, struct filter *f, struct err *e);
int filter_read_time(void *ctx, struct filter *f, struct err *e);
/* label=KEY, label=KEY=VALUE against KEY=value lists. */
bool filter_match_label(const char *wanted, const struct strv *labels);
/* A reference against a pattern that may leave out registry, directories and tag; with wildcards. */
bool filter_match_reference(const char *pattern, const char *ref);

#endif
