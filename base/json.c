/* JSON rows over jansson. */
#include "json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fd.h"
#include "file.h"

void auto_json_done(json_t **j)
{
	int saved = errno;

	json_decref(*j);
	errno = saved;
}

static int bad(struct err *e, const char *where, const char *name, const char *expected)
{
	return err_set(e, ERR_CORRUPT, "%s.%s: expected %s", where, name, expected);
}

static int bad_range(struct err *e, const char *where, const char *name, int64_t lo, uint64_t hi)
{
	return err_set(e, ERR_CORRUPT, "%s.%s: expected %" PRId64 "..%" PRIu64, where, name, lo, hi);
}

static int read_field(const json_t *v, const struct json_field *f, void *dst, const char *where,
		      struct err *e)
{
	void *at = (char *)dst + f->offset;
	uint64_t max;
	json_int_t i;

	switch (f->kind) {
	case JSON_KIND_STR:
		if (!json_is_string(v))
			return bad(e, where, f->name, "a string");
		if (strlen(json_string_value(v)) != json_string_length(v))
			return bad(e, where, f->name, "a string without NUL");
		if (f->limit && json_string_length(v) > f->limit)
			return err_set(e, ERR_LIMIT, "%s.%s: longer than %" PRIu64 " bytes", where,
				       f->name, f->limit);
		*(const char **)at = json_string_value(v);
		return 0;
	case JSON_KIND_U64:
	case JSON_KIND_U32:
		max = f->limit ? f->limit : f->kind == JSON_KIND_U32 ? UINT32_MAX : INT64_MAX;
		i = json_integer_value(v);
		if (!json_is_integer(v) || i < 0 || (uint64_t)i > max)
			return bad_range(e, where, f->name, 0, max);
		if (f->kind == JSON_KIND_U32)
			*(uint32_t *)at = (uint32_t)i;
		else
			*(uint64_t *)at = (uint64_t)i;
		return 0;
	case JSON_KIND_I64:
		if (!json_is_integer(v))
			return bad(e, where, f->name, "an integer");
		*(int64_t *)at = json_integer_value(v);
		return 0;
	case JSON_KIND_BOOL:
		if (!json_is_boolean(v))
			return bad(e, where, f->name, "true or false");
		*(bool *)at = json_is_true(v);
		return 0;
	case JSON_KIND_OBJECT:
		if (!json_is_object(v))
			return bad(e, where, f->name, "an object");
		*(const json_t **)at = v;
		return 0;
	case JSON_KIND_ARRAY:
		if (!json_is_array(v))
			return bad(e, where, f->name, "an array");
		if (f->limit && json_array_size(v) > f->limit)
			return err_set(e, ERR_LIMIT, "%s.%s: more than %" PRIu64 " elements", where,
				       f->name, f->limit);
		*(const json_t **)at = v;
		return 0;
	case JSON_KIND_ANY:
		*(const json_t **)at = v;
		return 0;
	}
	return -EINVAL;
}

int json_read(const json_t *obj, const struct json_field *fields, void *dst, unsigned int flags,
	      const char *where, struct err *e)
{
	if (!json_is_object(obj))
		return err_set(e, ERR_CORRUPT, "%s: expected an object", where);
	for (const struct json_field *f = fields; f->name; f++) {
		const json_t *v = json_object_get(obj, f->name);
		int r;

		if (!v || json_is_null(v)) {
			if (f->flags & JSON_REQUIRED)
				return err_set(e, ERR_CORRUPT, "%s.%s: missing", where, f->name);
			continue;
		}
		r = read_field(v, f, dst, where, e);
		if (r < 0)
			return r;
	}
	if (!(flags & JSON_ALLOW_UNKNOWN)) {
		json_t *o = (json_t *)(uintptr_t)obj; /* jansson's iterator takes no const */
		const char *key;
		json_t *v;

		json_object_foreach(o, key, v) {
			const struct json_field *f = fields;

			while (f->name && !streq(f->name, key))
				f++;
			if (!f->name)
				return err_set(e, ERR_CORRUPT, "%s: unknown member %.60s", where, key);
		}
	}
	return 0;
}

int json_parse(const char *buf, size_t len, size_t max_bytes, const char *what, json_t **ret,
	       struct err *e)
{
	json_error_t je;
	json_t *j;

	if (len > max_bytes)
		return err_set(e, ERR_LIMIT, "%s: larger than %zu bytes", what, max_bytes);
	j = json_loadb(buf, len, JSON_REJECT_DUPLICATES, &je);
	if (!j)
		return err_set(e, ERR_CORRUPT, "%s: line %d: %s", what, je.line, je.text);
	*ret = j;
	return 0;
}

int json_parse_file(int dir_fd, const char *name, size_t max_bytes, json_t **ret, struct err *e)
{
	auto_free char *buf = NULL;
	size_t len;
	int r = file_read(dir_fd, name, max_bytes, &buf, &len);

	if (r < 0)
		return err_sys(e, r, "read %s", name);
	return json_parse(buf, len, max_bytes, name, ret, e);
}

int json_read_strv(const json_t *arr, struct strv *v, size_t max, const char *where, struct err *e)
{
	if (!json_is_array(arr))
		return err_set(e, ERR_CORRUPT, "%s: expected an array", where);
	if (json_array_size(arr) > max)
		return err_set(e, ERR_LIMIT, "%s: more than %zu elements", where, max);
	for (size_t i = 0; i < json_array_size(arr); i++) {
		const json_t *s = json_array_get(arr, i);

		if (!json_is_string(s) || strlen(json_string_value(s)) != json_string_length(s))
			return err_set(e, ERR_CORRUPT, "%s[%zu]: expected a string", where, i);
		if (strv_add(v, json_string_value(s)) < 0)
			return err_sys(e, ENOMEM, "%s", where);
	}
	return 0;
}

json_t *json_from_strv(const struct strv *v)
{
	json_t *arr = json_array();

	for (size_t i = 0; arr && i < v->n; i++) {
		json_t *s = json_string(v->items[i]);

		if (!s) /* not UTF-8: JSON cannot carry it */
			s = json_string("");
		if (json_array_append_new(arr, s) < 0) {
			json_decref(arr);
			return NULL;
		}
	}
	return arr;
}
