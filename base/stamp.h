/*
 * Times as logs and events write them, without the C library's time zones (which read a file) and
 * without its locks: RFC 3339 with nine digits of a second.
 */
#ifndef BASE_STAMP_H
#define BASE_STAMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STAMP_LEN 29	/* without a zone: 2006-01-02T15:04:05.000000000 */

/* Nanoseconds since 1970, UTC, into @buf: STAMP_LEN bytes, no terminator, no zone. */
void stamp_format(int64_t ns, char buf[STAMP_LEN]);
/* The reverse: any number of fraction digits (nine count), and Z or an offset.  False when @len
 * bytes at @s are nothing of the kind. */
bool stamp_parse(const char *s, size_t len, int64_t *ret_ns);
/* CLOCK_REALTIME. */
int64_t stamp_now(void);

#endif
