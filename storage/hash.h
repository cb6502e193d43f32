/* A running SHA-256 (libcrypto). */
#ifndef STORAGE_HASH_H
#define STORAGE_HASH_H

#include <stddef.h>

#include "digest.h"

struct hash;

struct hash *hash_new(void);	/* NULL when memory is gone */
void hash_free(struct hash *h);
int hash_add(struct hash *h, const void *data, size_t len);	/* 0 or -errno */
int hash_finish(struct hash *h, struct digest *ret);

#endif
