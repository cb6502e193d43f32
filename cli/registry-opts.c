/* The options of every command that talks to a registry. */
#include "registry-opts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "fd.h"

#define ARG(m) offsetof(struct registry_args, m)
/* clang-format off */
const struct opt registry_opts[] = {
	{ 0,   "authfile",   "FILE",     OPT_STRING,  ARG(authfile),   "Path of the authentication file", 0, COMPLETE_FILE },
	{ 0,   "cert-dir",   "DIR",      OPT_STRING,  ARG(cert_dir),   "Directory containing TLS certificates and keys", 0, COMPLETE_DIR },
	{ 0,   "creds",      "USER:PASSWORD", OPT_STRING, ARG(creds),  "Credentials for the registry (an --authfile does not show them to other users)" },
	{ 0,   "retry",      "N",        OPT_U64,     ARG(retry),      "Number of times to retry a failed transfer, with growing pauses (default 3)" },
	{ 0,   "retry-delay","DURATION", OPT_STRING,  ARG(retry_delay), "Pause between retries (default: it grows from a second on)" },
	{ 0,   "tls-verify", NULL,       OPT_FLAG,    ARG(tls_verify), "Require HTTPS and verify certificates (default true; false also allows HTTP)" },
	{ 0 },
};
/* clang-format on */

/* Was --PREFIXname given? */
static bool seen(const struct cmd *c, const char *prefix, const char *name)
{
	char full[32];

	(void)snprintf(full, sizeof(full), "%s%s", prefix, name);
	return opt_seen(c->opts, full);
}

static int add(struct strv *v, const char *prefix, const char *name, const char *value)
{
	return value ? strv_addf(v, "--%s%s=%s", prefix, name, value) : 0;
}

int registry_opts_pass_as(const struct cmd *c, const struct registry_args *a, const char *given,
			  const char *passed, struct strv *v, struct err *e)
{
	int r = add(v, passed, "authfile", a->authfile);

	if (r >= 0)
		r = add(v, passed, "cert-dir", a->cert_dir);
	if (r >= 0)
		r = add(v, passed, "retry-delay", a->retry_delay);
	if (r >= 0 && seen(c, given, "retry"))
		r = strv_addf(v, "--%sretry=%llu", passed, (unsigned long long)a->retry);
	if (r >= 0 && seen(c, given, "tls-verify"))
		r = add(v, passed, "tls-verify", a->tls_verify ? "true" : "false");
	return r < 0 ? err_sys(e, r, "pass the options on") : 0;
}

int registry_opts_pass(const struct cmd *c, const struct registry_args *a, const char *prefix,
		       struct strv *v, struct err *e)
{
	return registry_opts_pass_as(c, a, prefix, prefix, v, e);
}

int digestfile_write(const char *path, const char *text, struct err *e)
{
	auto_close int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	int r = fd < 0 ? -errno : fd_write_all(fd, text, strcspn(text, " \n"));

	return r < 0 ? err_sys(e, r, "write the digest to %s", path) : 0;
}

int registry_take_creds(const char *creds, char **ret, struct err *e)
{
	if (!creds)
		return 0;
	if (!strchr(creds, ':'))
		return err_set(e, ERR_INVALID, "--creds: USER:PASSWORD is expected");
	*ret = strdup(creds);
	if (!*ret)
		return err_sys(e, ENOMEM, "read the credentials");
	explicit_bzero((char *)(uintptr_t)creds, strlen(creds)); /* it is memory of argv */
	return 0;
}

void registry_creds_free(char *creds)
{
	if (creds)
		explicit_bzero(creds, strlen(creds));
	free(creds);
}
