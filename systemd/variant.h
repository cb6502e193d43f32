/* GVariant text, as far as properties of units need it: 'x', true, 5, uint64 5, ['a', 'b']. */
#ifndef SYSTEMD_VARIANT_H
#define SYSTEMD_VARIANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VARIANT_ITEMS_MAX 4096
#define VARIANT_TEXT_MAX 65536

struct variant_item {
	int64_t i;  /* y n i x, and b */
	uint64_t u; /* q u t */
	double d;
	char *s;
};

struct variant {
	char type; /* D-Bus type of an item: b y n q i u x t d s o */
	bool array;
	struct variant_item *items;
	size_t n; /* 1 unless it is an array */
};

/* Parse all of @text; -EINVAL, -ERANGE, -E2BIG or -ENOMEM. */
int variant_parse(const char *text, struct variant *ret);
void variant_done(struct variant *v);
/* A number of seconds as uint64 microseconds: what properties "...Sec" are behind "...USec".
 * -EINVAL for anything else than a number. */
int variant_sec_to_usec(struct variant *v);

#endif
