/*
 * Strings: building, splitting, strict numbers, quoting for people.  Functions that return memory
 * return fresh memory that the caller frees, or NULL when memory is gone.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline bool streq(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}
static inline bool str_starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}
bool str_ends(const char *s, const char *suffix);
/* The rest of @s behind @prefix (borrowed), or NULL. */
const char *str_after(const char *s, const char *prefix);

char *str_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* A growing buffer, always terminated.  After a failed append `failed` stays set and further
 * appends do nothing, so one check at the end is enough. */
struct strbuf {
	char *data;
	size_t len, cap;
	bool failed;
};
#define STRBUF_INIT { 0 }
void strbuf_done(struct strbuf *b);
#define auto_strbuf __attribute__((cleanup(strbuf_done)))
void strbuf_add(struct strbuf *b, const char *s);
void strbuf_addn(struct strbuf *b, const void *s, size_t n);
void strbuf_addc(struct strbuf *b, char c);
void strbuf_addf(struct strbuf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The text (never NULL when not failed), which the caller now owns; NULL if it failed. */
char *strbuf_take(struct strbuf *b);

/* A NULL-terminated list of owned strings. */
struct strv {
	char **items;	/* NULL, or @n strings and a NULL */
	size_t n, cap;
};
#define STRV_INIT { 0 }
void strv_done(struct strv *v);
#define auto_strv __attribute__((cleanup(strv_done)))
int strv_add(struct strv *v, const char *s);			/* copies; 0 or -ENOMEM */
int strv_addf(struct strv *v, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int strv_add_take(struct strv *v, char *s);			/* owns @s in every case */
int strv_split(struct strv *v, const char *s, char sep);	/* empty parts are kept */
bool strv_has(const struct strv *v, const char *s);
/* For passing to exec and the like: never NULL. */
char *const *strv_argv(const struct strv *v);
/* "KEY=value" lists: the value of @key (borrowed) or NULL; set replaces or appends. */
const char *strv_env_get(const struct strv *v, const char *key);
int strv_env_set(struct strv *v, const char *key, const char *value);

/* Strict decimal: digits only (a sign for i64), the whole string, in range.  0, or -EINVAL,
 * or -ERANGE. */
int str_u64(const char *s, uint64_t max, uint64_t *ret);
int str_u32(const char *s, uint32_t max, uint32_t *ret);
int str_i64(const char *s, int64_t min, int64_t max, int64_t *ret);
/* A size, also 1.5g, with an optional unit b k m g t p (either case, "b" or "ib" may follow), powers
 * of 1024; rounded down to a byte. */
int str_size(const char *s, uint64_t *ret_bytes);
/* A Go duration such as 1m30s or 300ms; nanoseconds. */
int str_duration(const char *s, int64_t *ret_ns);

/* Quoted for a message: "..." with control bytes, quotes and invalid bytes escaped, cut at 200. */
char *str_quote(const char *s);
/* What may be shown on a terminal: control bytes (C0, DEL, and C1 as UTF-8) escaped as \xNN. */
char *str_printable(const char *s);
/* Lower-case hex of @n bytes into @out (2n+1 bytes). */
void str_hex(const void *bytes, size_t n, char *out);
/* @n random bytes as lower-case hex; 0 or -errno. */
int str_random_hex(size_t n, char *out);
uint64_t str_hash64(const void *data, size_t len);	/* FNV-1a; not for adversaries */

#endif
