/*
 * Compiled seccomp filters on disk.  A file holds the complete text that it was made from and is
 * used only where that is the text at hand, byte for byte; anything odd about a file or its
 * directory means that there is none, and the filter is compiled.
 */
#ifndef RUNTIME_FILTER_CACHE_H
#define RUNTIME_FILTER_CACHE_H

#include "setup.h"

#define FILTER_KEY_MAX (4u << 20)

/* What the result depends on: the profile, our version, libseccomp's and the machine's
 * architecture, as text.  Fresh memory, or NULL (too large, or no memory). */
char *filter_cache_key(const char *profile);
/* Get the filter made from @key; flags and listener of @ret are left alone.  0, or -errno. */
int filter_cache_get(const char *dir, const char *key, struct filter *ret);
/* Keep it.  A cache that cannot be written is none. */
void filter_cache_put(const char *dir, const char *key, const struct filter *f);

/* The same format as one named file of ours: how a running container's filter is kept for exec. */
int filter_file_write(int dir_fd, const char *name, const char *key, const struct filter *f);
int filter_file_read(int dir_fd, const char *name, const char *key, struct filter *ret);

#endif
