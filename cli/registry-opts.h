/* The options of every command that talks to a registry, and how they reach ctr-lite-transfer. */
#ifndef CLI_REGISTRY_OPTS_H
#define CLI_REGISTRY_OPTS_H

#include "cli.h"

/* The first member of the arguments of a command that has registry_opts. */
struct registry_args {
	bool tls_verify;
	const char *authfile, *cert_dir, *creds, *retry_delay;
	uint64_t retry;
};
#define REGISTRY_ARGS_DEFAULT { .tls_verify = true }

extern const struct opt registry_opts[];

/*
 * The arguments for ctr-lite-transfer: --PREFIXtls-verify and so on for what was given on the
 * command line; @prefix is "", "src-" or "dest-".
 */
int registry_opts_pass(const struct cmd *c, const struct registry_args *a, const char *prefix,
		       struct strv *v, struct err *e);

/* The same where the option is --GIVENtls-verify here and --PASSEDtls-verify there. */
int registry_opts_pass_as(const struct cmd *c, const struct registry_args *a, const char *given,
			  const char *passed, struct strv *v, struct err *e);

/* --digestfile: write the digest that @text begins with (up to a space) to the file @path. */
int digestfile_write(const char *path, const char *text, struct err *e);

/* Take @creds (of --creds; may be NULL) out of our argv, where every user of the host reads it:
 * *@ret is fresh, or left alone where there are none.  ERR_INVALID without a password. */
int registry_take_creds(const char *creds, char **ret, struct err *e);
/* Erase and free what registry_take_creds() gave. */
void registry_creds_free(char *creds);

#endif
