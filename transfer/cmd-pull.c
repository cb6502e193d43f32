/*
 * pull [--platform P] [--tls-verify[=BOOL]] [--authfile F] [--creds-fd N] [--cert-dir D]
 *      [--retry N] [--retry-delay TIME] [--quiet] NAME
 *
 * Prints the image's ID.  Credentials come over a descriptor ("USER:PASSWORD"), never as an
 * argument, which every user of the host could read.
 */
#include "transfer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fd.h"
#include "pull-progress.h"
#include "pull.h"
#include "str.h"

#define CREDS_MAX_BYTES 65536
#define RETRIES_DEFAULT 3
#define RETRIES_MAX 20
#define RETRY_DELAY_MAX_NS (INT64_C(3600) * 1000000000)

struct pull_args {
	struct ctr_pull_opts opts;
	struct credentials creds;
	bool quiet;
};

static int set_platform(void *arg, const char *v, struct err *e)
{
	struct pull_args *a = arg;

	a->opts.have_platform = true;
	return ctr_platform_parse(v, &a->opts.platform, e);
}

static int set_tls_verify(void *arg, const char *v, struct err *e)
{
	static const char *const yes[] = { "true", "1", "t", "T", "TRUE", "True" };
	static const char *const no[] = { "false", "0", "f", "F", "FALSE", "False" };
	struct pull_args *a = arg;

	for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++) {
		if (streq(v, yes[i]) || streq(v, no[i])) {
			a->opts.have_tls_verify = true;
			a->opts.tls_verify = streq(v, yes[i]);
			return 0;
		}
	}
	return err_set(e, ERR_INVALID, "--tls-verify=%s: neither true nor false", v);
}

static int set_authfile(void *arg, const char *v, struct err *e)
{
	struct pull_args *a = arg;

	(void)e;
	a->opts.authfile = v;
	return 0;
}

static int set_cert_dir(void *arg, const char *v, struct err *e)
{
	struct pull_args *a = arg;

	(void)e;
	a->opts.cert_dir = v;
	return 0;
}

static int set_creds_fd(void *arg, const char *v, struct err *e)
{
	struct pull_args *a = arg;
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
	a->opts.creds = &a->creds;
	return r;
}

static int set_retry(void *arg, const char *v, struct err *e)
{
	struct pull_args *a = arg;
	uint32_t n;

	if (str_u32(v, RETRIES_MAX, &n) < 0)
		return err_set(e, ERR_INVALID, "--retry %s: not a number up to %d", v, RETRIES_MAX);
	a->opts.retries = n;
	return 0;
}

static int set_retry_delay(void *arg, const char *v, struct err *e)
{
	struct pull_args *a = arg;
	int64_t ns;

	if (str_duration(v, &ns) < 0 || ns < 0 || ns > RETRY_DELAY_MAX_NS)
		return err_set(e, ERR_INVALID, "--retry-delay %s: not a duration up to an hour", v);
	a->opts.retry_delay_ms = ns / 1000000;
	return 0;
}

static int set_quiet(void *arg, const char *v, struct err *e)
{
	struct pull_args *a = arg;

	(void)v;
	(void)e;
	a->quiet = true;
	return 0;
}

static const struct transfer_opt pull_opts[] = {
	{ "platform", 0, true, set_platform },
	{ "tls-verify", 0, true, set_tls_verify },
	{ "authfile", 0, true, set_authfile },
	{ "cert-dir", 0, true, set_cert_dir },
	{ "creds-fd", 0, true, set_creds_fd },
	{ "retry", 0, true, set_retry },
	{ "retry-delay", 0, true, set_retry_delay },
	{ "quiet", 'q', false, set_quiet },
	{ NULL, 0, false, NULL },
};

/* Ask on the terminal which registry a short name means. */
static int ask(void *arg, const struct ctr_candidates *c, size_t *ret_index, struct err *e)
{
	char name[REF_STR_MAX], line[32];
	uint32_t n;

	(void)arg;
	(void)fprintf(stderr, "The short name has several meanings:\n");
	for (size_t i = 0; i < c->n; i++)
		(void)fprintf(stderr, "  %zu) %s\n", i + 1, ctr_reference_str(&c->items[i], name));
	(void)fprintf(stderr, "Which one? [1-%zu] ", c->n);
	if (!fgets(line, sizeof(line), stdin)) {
		int r = transfer_interrupted(e);

		return r < 0 ? r : err_set(e, ERR_INVALID, "no registry was chosen: end of file");
	}
	line[strcspn(line, "\n")] = '\0';
	if (str_u32(line, (uint32_t)c->n, &n) < 0 || n == 0)
		return err_set(e, ERR_INVALID, "no registry was chosen");
	*ret_index = n - 1;
	return 0;
}

int transfer_cmd_pull(struct transfer *t, int argc, char **argv, struct err *e)
{
	struct pull_args a = { .opts.retries = RETRIES_DEFAULT, .creds = CREDENTIALS_INIT };
	struct pull_progress *progress = NULL;
	struct digest id = { "" };
	int n, r;

	r = transfer_getopt(argc, argv, pull_opts, &a, &n, e);
	if (r == 0 && n != 1)
		r = err_set(e, ERR_INVALID, "pull needs the name of one image");
	if (r == 0) {
		progress = pull_progress_new(t->quiet || a.quiet);
		if (!progress)
			r = err_sys(e, ENOMEM, "pull %s", argv[1]);
	}
	if (r == 0) {
		pull_progress_events(progress, &a.opts.events);
		a.opts.events.interrupted = transfer_interrupted;
		if (isatty(STDIN_FILENO) && isatty(STDERR_FILENO))
			a.opts.events.choose = ask;
		r = ctr_pull(&t->store, t->idmap, argv[1], &a.opts, &id, e);
	}
	pull_progress_free(progress, transfer_interrupted(NULL) == 0);
	credentials_done(&a.creds);
	if (r < 0)
		return r;
	printf("%s\n", id.hex);
	return 0;
}
