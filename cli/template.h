/*
 * Go templates over JSON: what --format '{{.ID}} {{json .Labels}}' means, in the language of
 * text/template with the functions that podman and docker add.  Data is JSON plus a table of the
 * fields whose Go name, kind or presence JSON alone does not tell.
 */
#ifndef CLI_TEMPLATE_H
#define CLI_TEMPLATE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "err.h"
#include "str.h"

#define TMPL_TEXT_MAX_BYTES (256u << 10)	/* of one template */
#define TMPL_OUT_MAX_BYTES (16u << 20)		/* of what one execution prints */

enum {				/* struct tmpl_field, flags */
	TMPL_MAP = 1,		/* a Go map: any key may be asked for, printed as map[k:v] */
	TMPL_TIME = 2,		/* RFC 3339 in JSON, printed as Go prints time.Time */
	TMPL_OPTIONAL = 4,	/* may be absent: then it is nil instead of an error */
	TMPL_DURATION = 16,	/* nanoseconds in JSON, printed as Go prints time.Duration; absent is 0s */
	TMPL_LISTS = 32,	/* with TMPL_MAP: its values are lists, null is an empty one */
	TMPL_EMPTY = 64,	/* may be absent: then it is an empty string */
	TMPL_METHOD = 8,	/* .Label "key": takes the key of a map as an argument */
};

/*
 * One field that needs saying.  Without a row a field is the JSON member of the same name, or of
 * the same name but for capitals when the template's name is capitalised (ID, Id; Host, host), and
 * an absent one is an error.  "Parent.Name" is a row for one parent only.
 */
struct tmpl_field {
	const char *name;	/* as in templates; NULL ends the table */
	const char *key;	/* JSON member; NULL: found as without a row */
	unsigned int flags;
};

struct tmpl;

/* @name is what errors call it (the command).  ERR_INVALID with line and column. */
int tmpl_parse(const char *name, const char *text, struct tmpl **ret, struct err *e);
void tmpl_free(struct tmpl *t);
void auto_tmpl_done(struct tmpl **t);
#define auto_tmpl __attribute__((cleanup(auto_tmpl_done)))

struct tmpl_data {
	json_t *root;			/* dot; borrowed */
	json_t *json;			/* what {{json .}} shows instead of dot; NULL: dot */
	const struct tmpl_field *fields;/* NULL: none */
	bool headings;			/* every field is its column heading: root maps names to them,
					 * others are the name in capitals */
};

/* Append the output to @out; on failure what came before the failure is there. */
int tmpl_exec(const struct tmpl *t, const struct tmpl_data *d, struct strbuf *out, struct err *e);

#endif
