/*
 * A scanner for the JSON that this program itself writes: one object, compact, of strings, integers,
 * booleans and lists of strings.  It makes no document, so it is several times as fast as a full
 * parser.  It refuses what is merely unusual (blanks, \u, fractions, nested objects): whoever scans
 * parses such a text with json_parse() instead, and that parser's verdict counts.
 *
 *	struct jscan s = jscan_begin(text, len);
 *	while (jscan_member(&s, &name, &name_len))
 *		... exactly one of jscan_str(), jscan_strv(), jscan_int(), jscan_bool() ...
 *	if (!jscan_end(&s))
 *		... use the full parser ...
 */
#ifndef BASE_JSCAN_H
#define BASE_JSCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "str.h"

struct jscan {
	const char *p, *end;
	bool failed;	/* everything refuses from here on */
	bool begun;	/* a member has been seen */
	bool closed;	/* the object's end has been */
};

struct jscan jscan_begin(const char *text, size_t len);
/* The next member's name, borrowed and not terminated; false at the end of the object or of what is
 * understood. */
bool jscan_member(struct jscan *s, const char **ret_name, size_t *ret_len);
/* The value, or false; then the scan has failed.  Lack of memory is a failure too. */
bool jscan_str(struct jscan *s, char **ret);	/* fresh */
bool jscan_strv(struct jscan *s, struct strv *ret, size_t max);
bool jscan_int(struct jscan *s, int64_t *ret);
bool jscan_bool(struct jscan *s, bool *ret);
/* Was the whole text understood? */
bool jscan_end(struct jscan *s);

#endif
