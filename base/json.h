/*
 * JSON rows over jansson: a table of name, kind, offset, flags and limit says what a document
 * must look like, and errors carry the path ($.layers[2].size: expected 0..68719476736).
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "str.h"

void auto_json_done(json_t **j);
#define auto_json __attribute__((cleanup(auto_json_done)))

enum json_kind {
	JSON_KIND_STR,		/* const char *, borrowed from the document; limit: bytes */
	JSON_KIND_U64,		/* uint64_t; limit: largest */
	JSON_KIND_I64,		/* int64_t */
	JSON_KIND_U32,		/* uint32_t; limit: largest (0: UINT32_MAX) */
	JSON_KIND_BOOL,		/* bool */
	JSON_KIND_OBJECT,	/* const json_t *, borrowed */
	JSON_KIND_ARRAY,	/* const json_t *, borrowed; limit: elements */
	JSON_KIND_ANY,		/* const json_t *, borrowed */
};

enum { JSON_REQUIRED = 1 };		/* field flag: must be there and not null */

struct json_field {
	const char *name;
	enum json_kind kind;
	size_t offset;
	unsigned int flags;
	uint64_t limit;		/* 0: none */
};

enum { JSON_ALLOW_UNKNOWN = 1 };		/* without it unknown members are refused */

/* Fill the struct at @dst from @obj.  A missing or null optional field leaves its member alone.
 * @where names the object in errors ("$", "$.process").  -EBADMSG (ERR_CORRUPT) with @e. */
int json_read(const json_t *obj, const struct json_field *fields, void *dst, unsigned int flags,
	      const char *where, struct err *e);

/* Parse @len bytes: duplicates rejected, at most @max_bytes.  @what names the document. */
int json_parse(const char *buf, size_t len, size_t max_bytes, const char *what, json_t **ret,
	       struct err *e);
/* Read and parse a file of ours (path_open_beneath). */
int json_parse_file(int dir_fd, const char *name, size_t max_bytes, json_t **ret, struct err *e);

/* An array of strings into @v, at most @max of them; elements of another kind are an error. */
int json_read_strv(const json_t *arr, struct strv *v, size_t max, const char *where, struct err *e);
json_t *json_from_strv(const struct strv *v);	/* new array, or NULL */

#endif
