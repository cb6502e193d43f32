/*
 * The options of every command that talks to a registry:
 *	--authfile F --cert-dir D --creds-fd N --retry N --retry-delay TIME --tls-verify=BOOL
 * Credentials come over a descriptor ("USER:PASSWORD"), never as an argument, which every user of
 * the host could read.
 */
#ifndef TRANSFER_REGISTRY_OPTS_H
#define TRANSFER_REGISTRY_OPTS_H

#include "registry-access.h"
#include "transfer.h"

struct registry_args {
	struct registry_access access;
	struct credentials creds;
};
#define REGISTRY_ARGS_INIT { .access = REGISTRY_ACCESS_INIT, .creds = CREDENTIALS_INIT }
void registry_args_done(struct registry_args *a);

/* Rows for a table of options; @prefix is "", "src-" or "dest-", @offset that of a struct
 * registry_args in what the command hands to transfer_getopt(). */
#define REGISTRY_OPTS(prefix, offset) \
	{ prefix "authfile", 0, true, registry_set_authfile, offset }, \
	{ prefix "cert-dir", 0, true, registry_set_cert_dir, offset }, \
	{ prefix "creds-fd", 0, true, registry_set_creds_fd, offset }, \
	{ prefix "retry", 0, true, registry_set_retry, offset }, \
	{ prefix "retry-delay", 0, true, registry_set_retry_delay, offset }, \
	{ prefix "tls-verify", 0, true, registry_set_tls_verify, offset }

int registry_set_authfile(void *arg, const char *v, struct err *e);
int registry_set_cert_dir(void *arg, const char *v, struct err *e);
int registry_set_creds_fd(void *arg, const char *v, struct err *e);
int registry_set_retry(void *arg, const char *v, struct err *e);
int registry_set_retry_delay(void *arg, const char *v, struct err *e);
int registry_set_tls_verify(void *arg, const char *v, struct err *e);

#endif
