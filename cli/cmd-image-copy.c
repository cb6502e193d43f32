/* `image copy`: an image from any place to any other, as skopeo's copy does it. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <ctrlite/event.h>
#include <ctrlite/transfer.h>

#include "cli.h"
#include "commands.h"
#include "fd.h"
#include "location.h"
#include "platform-opts.h"
#include "registry-opts.h"
#include "signature-opts.h"

struct copy_args {
	struct registry_args src, dest;
	struct platform_args platform;
	struct sign_args sign;
	bool all, preserve_digests, remove_signatures, quiet, compress, decompress, force, accept_plain;
	const char *authfile, *multi_arch, *format, *compress_format,
		*digestfile, *retry_delay;
	uint64_t retry, level;
};

#define ARG(m) offsetof(struct copy_args, m)
/* clang-format off */
static const struct opt copy_opts[] = {
	{ 'a', "all",           NULL,   OPT_FLAG,   ARG(all),           "Copy all images of a list, and the list" },
	PLATFORM_OPTS(ARG(platform)),
	{ 0,   "authfile",      "FILE", OPT_STRING, ARG(authfile),      "Path of the authentication file, for both sides", 0, COMPLETE_FILE },
	{ 0,   "dest-authfile", "FILE", OPT_STRING, ARG(dest.authfile), "Path of the authentication file for the destination", 0, COMPLETE_FILE },
	{ 0,   "dest-cert-dir", "DIR",  OPT_STRING, ARG(dest.cert_dir), "TLS certificates and keys for the destination", 0, COMPLETE_DIR },
	{ 0,   "dest-compress", NULL,   OPT_FLAG,   ARG(compress),      "Compress layers by gzip that are not compressed" },
	{ 0,   "dest-compress-format", "FORMAT", OPT_STRING, ARG(compress_format), "Compress layers by gzip, zstd or zstd:chunked" },
	{ 0,   "dest-compress-level", "LEVEL", OPT_U64, ARG(level),     "Level of the compression: gzip 1 to 9, zstd 1 to 22" },
	{ 0,   "dest-creds",    "USER:PASSWORD", OPT_STRING, ARG(dest.creds), "Credentials for the destination (a --dest-authfile does not show them to other users)" },
	{ 0,   "dest-daemon-host", "HOST", OPT_REFUSED, .text = "there is no daemon to copy to" },
	{ 0,   "dest-decompress", NULL, OPT_FLAG,   ARG(decompress),    "Decompress the layers" },
	{ 0,   "dest-force-compress-format", NULL, OPT_FLAG, ARG(force), "Compress anew what another format has compressed than --dest-compress-format says (default true)" },
	{ 0,   "dest-oci-accept-uncompressed-layers", NULL, OPT_FLAG, ARG(accept_plain), "Leave layers uncompressed that are not compressed" },
	{ 0,   "dest-tls-verify", NULL, OPT_FLAG,   ARG(dest.tls_verify), "Require HTTPS and verify certificates at the destination (default true)" },
	{ 0,   "digestfile",    "FILE", OPT_STRING, ARG(digestfile),    "Write the digest of the manifest at the destination to a file", 0, COMPLETE_FILE },
	{ 0,   "encryption-key","KEY",  OPT_REFUSED, .text = "images are not encrypted here" },
	{ 0,   "decryption-key","KEY",  OPT_REFUSED, .text = "encrypted images cannot be read" },
	{ 'f', "format",        "FORMAT", OPT_STRING, ARG(format),      "Format of the manifest at the destination: oci or v2s2 (default as it is)" },
	{ 0,   "multi-arch",    "WHICH", OPT_STRING, ARG(multi_arch),   "Of a list copy the image of this system, or all (system, all)" },
	{ 0,   "preserve-digests", NULL, OPT_FLAG,  ARG(preserve_digests), "Fail where a manifest would have to be changed" },
	{ 'q', "quiet",         NULL,   OPT_FLAG,   ARG(quiet),         "Suppress progress" },
	{ 0,   "remove-signatures", NULL, OPT_FLAG, ARG(remove_signatures), "Do not copy signatures" },
	{ 0,   "retry",         "N",    OPT_U64,    ARG(retry),         "Number of times to retry a failed transfer, with growing pauses (default 3)" },
	{ 0,   "retry-delay",   "DURATION", OPT_STRING, ARG(retry_delay), "Pause between retries (default: it grows from a second on)" },
	{ 0,   "retry-times",   "N",    OPT_ALIAS,  .text = "retry" },
	SIGN_OPTS(ARG(sign)),
	{ .kind = OPT_INCLUDE, .table = signature_policy_opts },
	{ 0,   "src-authfile",  "FILE", OPT_STRING, ARG(src.authfile),  "Path of the authentication file for the source", 0, COMPLETE_FILE },
	{ 0,   "src-cert-dir",  "DIR",  OPT_STRING, ARG(src.cert_dir),  "TLS certificates and keys for the source", 0, COMPLETE_DIR },
	{ 0,   "src-creds",     "USER:PASSWORD", OPT_STRING, ARG(src.creds), "Credentials for the source (a --src-authfile does not show them to other users)" },
	{ 0,   "src-daemon-host", "HOST", OPT_REFUSED, .text = "there is no daemon to copy from" },
	{ 0,   "src-tls-verify", NULL,  OPT_FLAG,   ARG(src.tls_verify), "Require HTTPS and verify certificates at the source (default true)" },
	{ 0 },
};
/* clang-format on */
static const struct copy_args copy_defaults = { .src = REGISTRY_ARGS_DEFAULT,
						.dest = REGISTRY_ARGS_DEFAULT, .force = true };

static int check(const struct cmd *c, const struct copy_args *a, struct err *e)
{
	int r = opt_exclusive(c->opts, "dest-compress", "dest-decompress", e);

	if (r >= 0)
		r = opt_exclusive(c->opts, "dest-compress-format", "dest-decompress", e);
	if (r >= 0)
		r = opt_exclusive(c->opts, "all", "multi-arch", e);
	if (r >= 0 && a->multi_arch && !streq(a->multi_arch, "all") && !streq(a->multi_arch, "system"))
		r = err_set(e, ERR_INVALID, "--multi-arch %s: expected system or all", a->multi_arch);
	return r;
}

static const char *compression(const struct copy_args *a)
{
	if (a->compress_format)
		return a->compress_format;
	return a->decompress ? "none" : a->compress ? "gzip" : a->accept_plain ? "keep" : NULL;
}

static int add(struct strv *v, const char *option, const char *value)
{
	return value ? strv_addf(v, "--%s=%s", option, value) : 0;
}

static int add_flag(struct strv *v, const char *option, bool on)
{
	return on ? strv_addf(v, "--%s", option) : 0;
}

static int add_image_args(const struct cmd *c, const struct copy_args *a, struct strv *v,
			  struct err *e)
{
	auto_free char *platform = NULL;
	int r = platform_opts_text(&a->platform, &platform, e);

	if (r < 0)
		return r;
	r = add(v, "platform", platform);
	if (r >= 0)
		r = add_flag(v, "all", a->all || (a->multi_arch && streq(a->multi_arch, "all")));
	if (r >= 0)
		r = add_flag(v, "preserve-digests", a->preserve_digests);
	if (r >= 0)
		r = add_flag(v, "remove-signatures", a->remove_signatures);
	if (r >= 0)
		r = add(v, "format", a->format);
	if (r >= 0)
		r = add(v, "compression", compression(a));
	if (r >= 0 && opt_seen(c->opts, "dest-compress-level"))
		r = strv_addf(v, "--compression-level=%llu", (unsigned long long)a->level);
	if (r >= 0)
		r = add_flag(v, "force-compression", a->force && a->compress_format);
	return r < 0 ? err_sys(e, r, "pass the options on") : sign_opts_pass(&a->sign, v, e);
}

/* What is said for both sides goes to each. */
static int add_side(const struct cmd *c, const struct copy_args *a, struct registry_args side,
		    const char *prefix, struct strv *v, struct err *e)
{
	int r;

	if (!side.authfile)
		side.authfile = a->authfile;
	side.retry_delay = a->retry_delay;
	r = registry_opts_pass(c, &side, prefix, v, e);
	if (r >= 0 && opt_seen(c->opts, "retry") &&
	    strv_addf(v, "--%sretry=%llu", prefix, (unsigned long long)a->retry) < 0)
		r = err_sys(e, ENOMEM, "pass the options on");
	return r;
}

/* "sha256:... ID" */
static int report(struct cmd *c, const struct copy_args *a, const char *out, struct err *e)
{
	size_t len = strcspn(out, " ");
	struct ctr_location l = CTR_LOCATION_INIT;

	if (ctr_location_parse(c->args[1], &l, NULL) == 0 && out[len] &&
	    (l.transport == TRANSPORT_NAME || l.transport == TRANSPORT_STORAGE))
		ctr_image_event(c->eng, "pull", out + len + 1, c->args[0]);
	ctr_location_done(&l);
	return a->digestfile ? digestfile_write(a->digestfile, out, e) : 0;
}

static int run_copy(struct cmd *c, const struct copy_args *a, const char *src_creds,
		    const char *dest_creds, struct err *e)
{
	const struct ctr_transfer t = { .root = c->eng->store.root, .run = c->eng->store.run,
					.quiet = a->quiet, .src_creds = src_creds,
					.dest_creds = dest_creds };
	auto_strv struct strv v = STRV_INIT;
	auto_free char *out = NULL;
	int r = strv_add(&v, "copy");

	if (r >= 0)
		r = add_image_args(c, a, &v, e);
	if (r >= 0)
		r = add_side(c, a, a->src, "src-", &v, e);
	if (r >= 0)
		r = add_side(c, a, a->dest, "dest-", &v, e);
	if (r < 0)
		return r;
	if (strv_add(&v, "--") < 0 || strv_add(&v, c->args[0]) < 0 || strv_add(&v, c->args[1]) < 0)
		return err_sys(e, ENOMEM, "copy %s", c->args[0]);
	r = ctr_transfer_run(&t, (const char *const *)strv_argv(&v), &out, e);
	return r < 0 ? r : report(c, a, out, e);
}

static int copy_main(struct cmd *c, void *args, struct err *e)
{
	const struct copy_args *a = args;
	char *src = NULL, *dest = NULL;
	int r = check(c, a, e);

	if (r >= 0)
		r = registry_take_creds(a->src.creds, &src, e);
	if (r >= 0)
		r = registry_take_creds(a->dest.creds, &dest, e);
	if (r >= 0)
		r = run_copy(c, a, src, dest, e);
	registry_creds_free(src);
	registry_creds_free(dest);
	return r;
}

const struct command cmd_image_copy = {
	.summary = "Copy an image from one place to another",
	.usage = "[options] SOURCE DESTINATION",
	.description =
		"Copies an image between registries (docker://NAME), image layouts (oci:DIR[:NAME]), "
		"archives (oci-archive:FILE[:NAME], docker-archive:FILE[:NAME]), directories (dir:DIR) and "
		"the images here (NAME, or containers-storage:NAME).\n"
		"Digests stay what they are unless the format or the compression has to change.",
	.examples = "image copy docker://quay.io/prometheus/busybox:latest oci:/srv/images:busybox\n"
		    "image copy --all docker://docker.io/library/debian:12 docker://registry.lan/debian:12\n"
		    "image copy --dest-compress-format zstd web:latest oci:/tmp/web",
	.run = copy_main,
	.opts = copy_opts,
	.args_size = sizeof(struct copy_args),
	.defaults = &copy_defaults,
	.min_args = 2,
	.max_args = 2,
	.needs = NEED_STORE,
	.complete = COMPLETE_IMAGE,
};
