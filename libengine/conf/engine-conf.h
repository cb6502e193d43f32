/*
 * What containers.conf(5) says in [engine] about images, and about programs and variables of the
 * engine.  Keys that are not named here have no effect (see contrib/configuration.tsv).
 */
#ifndef CONF_ENGINE_CONF_H
#define CONF_ENGINE_CONF_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "str.h"

#define ENGINE_RETRIES_MAX 20
#define ENGINE_PARALLEL_MAX 64

struct engine_conf {
	struct strv env;		/* KEY=value: set for the engine and its helpers */
	struct strv helper_dirs;	/* $CONTAINERS_HELPER_BINARY_DIR, helper_binaries_dir */
	char *pull_policy;		/* always, missing, never, newer; NULL: not set */
	char *image_format;		/* image_default_format: "oci" or "docker"; NULL: not set */
	char *transport;		/* image_default_transport, "docker://"; NULL: not set */
	char *compression;		/* compression_format: gzip, zstd, zstd:chunked; NULL: not set */
	int compression_level;		/* -1: not set */
	int retry;			/* -1: not set */
	int64_t retry_delay_ms;		/* 0: not set */
	uint32_t parallel_copies;	/* image_parallel_copies; 0: not set */
};
#define ENGINE_CONF_INIT { .compression_level = -1, .retry = -1 }
void engine_conf_done(struct engine_conf *c);
#define auto_engine_conf __attribute__((cleanup(engine_conf_done)))

/* Read the files that conf_containers_paths() names for this user.  ERR_CORRUPT names the key. */
int engine_conf_load(struct engine_conf *ret, struct err *e);
/* The keys that are read; ends with NULL. */
extern const char *const engine_conf_keys[];

/* Put its env into our environment, as podman does: over what is there. */
int engine_conf_set_env(const struct engine_conf *c, struct err *e);

#endif
