/* How the user wants registries to be reached: the same for every command that talks to one. */
#ifndef REGISTRY_ACCESS_H
#define REGISTRY_ACCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "credentials.h"

struct registry_access {
	bool have_tls_verify, tls_verify;	/* overrides registries.conf */
	const char *authfile, *cert_dir;	/* or NULL */
	const struct credentials *creds;	/* or NULL */
	unsigned int retries;		/* REGISTRY_RETRIES_DEFAULT: as registry_defaults() says */
	int64_t retry_delay_ms;		/* 0: as registry_defaults() says */
};
#define REGISTRY_RETRIES_DEFAULT (~0u)
#define REGISTRY_ACCESS_INIT { .retries = REGISTRY_RETRIES_DEFAULT }

#endif
