/*
 * Where in a JSON text an object stands, without parsing it: most of config.json is the seccomp
 * profile, and whoever has its filter compiled already need not read it again.
 */
#ifndef RUNTIME_JSON_SECTION_H
#define RUNTIME_JSON_SECTION_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Find the object at @path (member names, NULL-terminated) in @text: true with its place.  False when
 * there is none, when it is no object, and for whatever is odd (names written with escapes, an end
 * that does not come): who parses the whole will see.  Nothing inside the object is checked but where
 * it ends.
 */
bool json_section(const char *text, size_t len, const char *const *path, size_t *ret_at,
		  size_t *ret_len);

#endif
