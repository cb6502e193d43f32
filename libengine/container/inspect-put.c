/* Members of what `inspect` shows, by their types. */
#include "inspect-priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "json.h"

#define NS_PER_S 1000000000LL

char *ctr_time_str(int64_t ns)
{
	time_t s = (time_t)(ns / NS_PER_S);
	long fraction = (long)(ns % NS_PER_S), off;
	char date[40], frac[24] = "", zone[48] = "Z";
	int digits = 9;
	struct tm tm;

	if (!ns)
		return strdup("0001-01-01T00:00:00Z");
	if (!localtime_r(&s, &tm))
		return NULL;
	(void)strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	if (fraction) {
		for (; fraction % 10 == 0; digits--)
			fraction /= 10;
		(void)snprintf(frac, sizeof(frac), ".%0*ld", digits, fraction);
	}
	off = labs(tm.tm_gmtoff) / 60;
	if (off)
		(void)snprintf(zone, sizeof(zone), "%c%02ld:%02ld", tm.tm_gmtoff < 0 ? '-' : '+',
			       off / 60, off % 60);
	return str_printf("%s%s%s", date, frac, zone);
}

void insp_set(struct describe *d, json_t *obj, const char *key, json_t *fresh)
{
	if (json_object_set_new(obj, key, fresh) < 0)
		d->failed = true;
}

void insp_str(struct describe *d, json_t *obj, const char *key, const char *s)
{
	insp_set(d, obj, key, json_string(s ? s : ""));
}

void insp_int(struct describe *d, json_t *obj, const char *key, int64_t i)
{
	insp_set(d, obj, key, json_integer(i));
}

void insp_bool(struct describe *d, json_t *obj, const char *key, bool on)
{
	insp_set(d, obj, key, json_boolean(on));
}

void insp_strv(struct describe *d, json_t *obj, const char *key, const struct strv *v)
{
	insp_set(d, obj, key, json_from_strv(v));
}

void insp_time(struct describe *d, json_t *obj, const char *key, int64_t ns)
{
	auto_free char *s = ctr_time_str(ns);

	insp_set(d, obj, key, s ? json_string(s) : NULL);
}

/* @text is a printed string in fresh memory, which is freed. */
void insp_text(struct describe *d, json_t *obj, const char *key, char *text)
{
	insp_set(d, obj, key, text ? json_string(text) : NULL);
	free(text);
}

static int by_bytes(const void *a, const void *b)
{
	char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

/* "KEY=value" strings as an object in order of the keys, as Go prints maps. */
json_t *insp_map(const struct strv *v)
{
	auto_free char **sorted = calloc(v->n + 1, sizeof(*sorted));
	json_t *r = json_object();

	for (size_t i = 0; sorted && i < v->n; i++)
		sorted[i] = v->items[i];
	if (sorted)
		qsort(sorted, v->n, sizeof(*sorted), by_bytes);
	for (size_t i = 0; sorted && i < v->n; i++) {
		size_t len = strcspn(sorted[i], "=");
		auto_free char *key = strndup(sorted[i], len);

		if (!key ||
		    json_object_set_new(
			    r, key, json_string(sorted[i][len] ? sorted[i] + len + 1 : "")) < 0) {
			json_decref(r);
			return NULL;
		}
	}
	if (!sorted) {
		json_decref(r);
		return NULL;
	}
	return r;
}

json_t *insp_map_or_null(const struct strv *v)
{
	return v->n ? insp_map(v) : json_null();
}

json_t *insp_sorted(struct describe *d, json_t *map)
{
	json_t *r = json_object(), *value;
	auto_strv struct strv keys = STRV_INIT;
	const char *key;

	json_object_foreach(map, key, value)
		if (strv_add(&keys, key) < 0)
			d->failed = true;
	if (keys.n)
		qsort(keys.items, keys.n, sizeof(char *), by_bytes);
	for (size_t i = 0; i < keys.n; i++)
		insp_set(d, r, keys.items[i], json_incref(json_object_get(map, keys.items[i])));
	json_decref(map);
	return r;
}
