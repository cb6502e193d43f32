/* The options of every command that talks to a registry. */
#include "registry-opts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fd.h"
#include "str.h"

#define CREDS_MAX_BYTES 65536
#define RETRIES_MAX 20
#define RETRY_DELAY_MAX_NS (INT64_C(3600) * 1000000000)

void registry_args_done(struct registry_args *a)
{
	credentials_done(&a->creds);
	a->access.creds = NULL;
}

int registry_set_authfile(void *arg, const char *v, struct err *e)
{
	struct registry_args *a = arg;

	(void)e;
	a->access.authfile = v;
	return 0;
}

int registry_set_cert_dir(void *arg, const char *v, struct err *e)
{
	struct registry_args *a = arg;

	(void)e;
	a->access.cert_dir = v;
	return 0;
}

int registry_set_creds_fd(void *arg, const char *v, struct err *e)
{
	struct registry_args *a = arg;
	char *text = NULL;
	uint32_t fd;
	size_t len;
	int r;

	if (str_u32(v, 1u << 20, &fd) < 0)
		return err_set(e, ERR_INVALID, "--creds-fd %s: not a descriptor's number", v);
	r = fd_read_file((int)fd, CREDS_MAX_BYTES, &text, &len);
	if (r < 0)
		return err_sys(e, r, "read the credentials from descriptor %s", v);
	text[strcspn(text, "\n")] = '\0';
	credentials_done(&a->creds);
	r = credentials_parse(text, &a->creds, e);
	explicit_bzero(text, len);
	free(text);
	a->access.creds = &a->creds;
	return r;
}

int registry_set_retry(void *arg, const char *v, struct err *e)
{
	struct registry_args *a = arg;
	uint32_t n;

	if (str_u32(v, RETRIES_MAX, &n) < 0)
		return err_set(e, ERR_INVALID, "--retry %s: not a number up to %d", v, RETRIES_MAX);
	a->access.retries = n;
	return 0;
}

int registry_set_retry_delay(void *arg, const char *v, struct err *e)
{
	struct registry_args *a = arg;
	int64_t ns;

	if (str_duration(v, &ns) < 0 || ns < 0 || ns > RETRY_DELAY_MAX_NS)
		return err_set(e, ERR_INVALID, "--retry-delay %s: not a duration up to an hour", v);
	a->access.retry_delay_ms = ns / 1000000;
	return 0;
}

int registry_set_tls_verify(void *arg, const char *v, struct err *e)
{
	static const char *const yes[] = { "true", "1", "t", "T", "TRUE", "True" };
	static const char *const no[] = { "false", "0", "f", "F", "FALSE", "False" };
	struct registry_args *a = arg;

	for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++) {
		if (streq(v, yes[i]) || streq(v, no[i])) {
			a->access.have_tls_verify = true;
			a->access.tls_verify = streq(v, yes[i]);
			return 0;
		}
	}
	return err_set(e, ERR_INVALID, "--tls-verify=%s: neither true nor false", v);
}
