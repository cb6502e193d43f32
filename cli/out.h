/*
 * Results on stdout: lists as tables, JSON or templates, and the human forms of times and sizes.
 * What goes to a terminal is cleaned of control bytes, whatever image or container it came from.
 */
#ifndef CLI_OUT_H
#define CLI_OUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "str.h"
#include "template.h"

/* Cells in rows: columns at least 12 wide with 2 blanks between, as podman's. */
struct out_table {
	struct strv cells;	/* one line each, cells separated by tabs */
};
#define OUT_TABLE_INIT { .cells = STRV_INIT }
/* Print to stdout. */
int out_table_print(const struct out_table *t, struct err *e);

/* What a --format asks for. */
struct out_format {
	enum out_format_kind {
		OUT_JSON,
		OUT_TEMPLATE,
		OUT_TABLE,	/* a template in columns, with headings */
	} kind;
	struct tmpl *tmpl;	/* NULL with OUT_JSON */
};
#define OUT_FORMAT_INIT { 0 }
void out_format_done(struct out_format *f);
#define auto_format __attribute__((cleanup(out_format_done)))

/*
 * Understand --format @text of the command @name: "json", "{{json .}}" where @json_list,
 * "table TEMPLATE", or a template, in which \n and \t are what they say.  NULL or "table" or "":
 * @table, a template whose cells are separated by tabs.
 */
int out_format_parse(const char *name, const char *text, const char *table, bool json_list,
		     struct out_format *ret, struct err *e);

/* Objects to show.  The two arrays go together: what templates see, and what JSON shows. */
struct out_list {
	json_t *views, *json;			/* arrays */
	const struct tmpl_field *fields;	/* of views */
	json_t *headings;			/* object: column heading of a field; NULL: none */
	int indent;				/* of JSON */
};
/* JSON: the whole array.  Templates: one line for each object.  Tables: with headings unless
 * @no_heading. */
int out_list_print(const struct out_format *f, const struct out_list *l, bool no_heading,
		   struct err *e);

/* A JSON document and a newline to stdout, @indent blanks deep; control characters escaped. */
int out_json(const json_t *j, int indent, struct err *e);
/* Text of a template: on a terminal control bytes but \n and \t are escaped. */
void out_text(const char *s, size_t len);

/* 2 MB, 1.98 MB, 512 B: decimal, @digits significant ones, @blank before the unit or "". */
char *out_size(uint64_t bytes, int digits, const char *blank);
/* "Less than a second", "3 minutes", "About an hour", "2 weeks". */
char *out_duration(int64_t ns);
/* The time since @then_ns (CLOCK_REALTIME) with " ago". */
char *out_ago(int64_t then_ns);
int64_t out_now_ns(void);
/* RFC 3339 with as many fraction digits as it takes, local offset or Z; 0 is Go's zero time. */
char *out_rfc3339(int64_t ns, bool utc);
/* The reverse; -EINVAL. */
int out_rfc3339_parse(const char *s, int64_t *ret_ns);
/*
 * The times that --since, --until and filters take: RFC 3339, date and time or date without zone,
 * seconds since 1970 with a fraction, or a Go duration before now.
 */
int out_time_parse(const char *s, int64_t *ret_ns, struct err *e);

#endif
