/* `push` and `manifest push`: images and lists of this store to registries and other places, by ctr-lite-transfer. */
#include <errno.h>

#include <ctrlite/event.h>
#include <ctrlite/image.h>
#include <ctrlite/transfer.h>

#include "cli.h"
#include "commands.h"
#include "fd.h"
#include "location.h"
#include "registry-opts.h"
#include "signature-opts.h"

struct push_args {
	struct registry_args registry;
	struct sign_args sign;
	bool all_tags, all, rm, insecure, quiet, compress, force_compression, remove_signatures;
	const char *digestfile, *platform;
	int format, compression;
	int64_t level;
};

static const struct opt_choice formats[] = { { "oci", 1 }, { "v2s2", 2 }, { 0 } };
static const char *const format_names[] = { NULL, "oci", "v2s2" };
static const struct opt_choice compressions[] = { { "gzip", 1 }, { "zstd", 2 }, { "zstd:chunked", 3 }, { 0 } };
static const char *const compression_names[] = { NULL, "gzip", "zstd", "zstd:chunked" };

#define ARG(m) offsetof(struct push_args, m)
/* clang-format off */
static const struct opt push_opts[] = {
	{ 'a', "all-tags",   NULL,       OPT_FLAG,    ARG(all_tags),   "Push all local tags of the repository IMAGE" },
	{ 0,   "compress",   NULL,       OPT_FLAG,    ARG(compress),   "Compress layers that are not, when pushing to dir:" },
	{ 0,   "compression-format", "FORMAT", OPT_ENUM, ARG(compression), "Compress layers with gzip, zstd or zstd:chunked (default: gzip for those that are not compressed)", .choices = compressions },
	{ 0,   "compression-level", "N", OPT_I64,     ARG(level),      "Compression level of the format" },
	{ 0,   "digestfile", "FILE",     OPT_STRING,  ARG(digestfile), "Write the digest of the pushed manifest to FILE", 0, COMPLETE_FILE },
	{ 0,   "disable-content-trust", NULL, OPT_REFUSED, .text = "there is no content trust to disable" },
	{ 0,   "encrypt-layer", "LAYER", OPT_REFUSED, .text = "images cannot be encrypted" },
	{ 0,   "encryption-key", "KEY",  OPT_REFUSED, .text = "images cannot be encrypted" },
	{ 0,   "force-compression", NULL, OPT_FLAG,   ARG(force_compression), "Compress anew what is compressed by another format (true when --compression-format is given)" },
	{ 'f', "format",     "FORMAT",   OPT_ENUM,    ARG(format),     "Type of the manifest: oci or v2s2 (default: as it is)", .choices = formats },
	{ 0,   "platform",   "PLATFORM", OPT_STRING,  ARG(platform),   "Push only the image for this platform of an index, OS/ARCH[/VARIANT]" },
	{ 'q', "quiet",      NULL,       OPT_FLAG,    ARG(quiet),      "Suppress progress" },
	{ 0,   "remove-signatures", NULL, OPT_FLAG,   ARG(remove_signatures), "Discard signatures of the image" },
	SIGN_OPTS(ARG(sign)),
	{ .kind = OPT_INCLUDE, .table = signature_policy_opts },
	{ .kind = OPT_INCLUDE, .table = registry_opts },
	{ 0 },
};
/* clang-format on */
/* clang-format off */
static const struct opt list_opts[] = {
	{ 0,   "add-compression", "FORMAT", OPT_REFUSED, .text = "what is pushed is in one compression" },
	{ 0,   "all",        NULL,       OPT_FLAG,    ARG(all),        "Push the images of the list too (default true; false where they are there already)" },
	{ 0,   "compression-format", "FORMAT", OPT_ENUM, ARG(compression), "Compress layers with gzip, zstd or zstd:chunked (default: those that are compressed stay as they are)", .choices = compressions },
	{ 0,   "compression-level", "N", OPT_I64,     ARG(level),      "Compression level of the format" },
	{ 0,   "digestfile", "FILE",     OPT_STRING,  ARG(digestfile), "Write the digest of the pushed list to FILE", 0, COMPLETE_FILE },
	{ 0,   "force-compression", NULL, OPT_FLAG,   ARG(force_compression), "Compress anew what is compressed by another format" },
	{ 'f', "format",     "FORMAT",   OPT_ENUM,    ARG(format),     "Type of the list and its manifests: oci or v2s2 (default: as they are)", .choices = formats },
	{ 0,   "insecure",   NULL,       OPT_FLAG,    ARG(insecure),   "As --tls-verify=false", OPT_HIDDEN },
	{ 'p', "purge",      NULL,       OPT_FLAG,    ARG(rm),         "As --rm", OPT_HIDDEN },
	{ 'q', "quiet",      NULL,       OPT_FLAG,    ARG(quiet),      "Suppress progress" },
	{ 0,   "remove-signatures", NULL, OPT_FLAG,   ARG(remove_signatures), "Discard signatures of the images" },
	{ 0,   "rm",         NULL,       OPT_FLAG,    ARG(rm),         "Remove the list from the store when it was pushed" },
	SIGN_OPTS(ARG(sign)),
	{ .kind = OPT_INCLUDE, .table = signature_policy_opts },
	{ .kind = OPT_INCLUDE, .table = registry_opts },
	{ 0 },
};
/* clang-format on */
static const struct push_args push_defaults = { .registry = REGISTRY_ARGS_DEFAULT, .all = true };

static int add_options(struct cmd *c, const struct push_args *a, struct strv *v, struct err *e)
{
	int r = 0;

	/* An index goes with all that it lists. */
	r = a->platform ? strv_addf(v, "--platform=%s", a->platform)
			: strv_add(v, a->all ? "--all" : "--index-only");
	if (r >= 0 && a->insecure)
		r = strv_add(v, "--dest-tls-verify=false");
	if (r >= 0 && a->format)
		r = strv_addf(v, "--format=%s", format_names[a->format]);
	if (r >= 0 && (a->compression || a->compress))
		r = strv_addf(v, "--compression=%s", compression_names[a->compression ? a->compression : 1]);
	if (r >= 0 && opt_seen(c->opts, "compression-level"))
		r = strv_addf(v, "--compression-level=%lld", (long long)a->level);
	if (r >= 0 && (a->force_compression ||
		       (a->compression && !opt_seen(c->opts, "force-compression"))))
		r = strv_add(v, "--force-compression");
	if (r >= 0 && a->remove_signatures)
		r = strv_add(v, "--remove-signatures");
	if (r < 0)
		return err_sys(e, r, "push");
	r = sign_opts_pass(&a->sign, v, e);
	return r < 0 ? r : registry_opts_pass_as(c, &a->registry, "", "dest-", v, e);
}

/* @source in any form that names an image here; @dest with or without a transport. */
static int push_one(struct cmd *c, const struct push_args *a, const char *creds, const char *source,
		    const char *dest, struct err *e)
{
	const struct ctr_transfer t = { .root = c->eng->store.root, .run = c->eng->store.run,
					.quiet = a->quiet, .dest_creds = creds };
	auto_strv struct strv v = STRV_INIT;
	auto_free char *out = NULL;
	const char *usual = c->eng->conf.transport ? c->eng->conf.transport : "docker://", *id;
	int r = strv_add(&v, "copy");

	if (r >= 0)
		r = add_options(c, a, &v, e);
	if (r < 0)
		return e->kind == ERR_NONE ? err_sys(e, r, "push %s", source) : r;
	r = strv_add(&v, "--");
	if (r >= 0)
		r = strv_addf(&v, "containers-storage:%s", source);
	if (r >= 0)
		r = strv_addf(&v, "%s%s", ctr_location_has_transport(dest) ? "" : usual, dest);
	if (r < 0)
		return err_sys(e, r, "push %s", source);
	r = ctr_transfer_run(&t, (const char *const *)strv_argv(&v), &out, e);
	if (r < 0)
		return r;
	id = strchr(out, ' ');
	ctr_image_event(c->eng, "push", id ? id + 1 : "", dest);
	return a->digestfile ? digestfile_write(a->digestfile, out, e) : 0;
}

/* An image's own name is where it goes to, unless it was asked for by its ID. */
static int push_named(struct cmd *c, const struct push_args *a, const char *creds, struct err *e)
{
	const char *image = str_after(c->args[0], "containers-storage:");
	struct ctr_image i = CTR_IMAGE_INIT;
	auto_free char *name = NULL;
	int r;

	if (!image)
		image = c->args[0];
	if (c->n_args > 1)
		return push_one(c, a, creds, image, c->args[1], e);
	r = ctr_image_get(c->eng, image, &i, &name, e);
	if (r == 0 && !name)
		r = err_set(e, ERR_INVALID, "push %s: an ID does not say where to: give a DESTINATION", image);
	if (r == 0)
		r = push_one(c, a, creds, image, name, e);
	ctr_image_done(&i);
	return r;
}

/* Does the full name @full ("host/path:tag") have the repository @repo ("host/path")? */
static bool is_tag_of(const char *full, const char *repo)
{
	const char *rest = str_after(full, repo);

	return rest && *rest == ':' && !strchr(rest, '/') && !strchr(rest, '@');
}

/* The repository that the user means: its full name without a tag. */
static int repository(const char *name, char **ret, struct err *e)
{
	const char *base = strrchr(name, '/');
	int r;

	if (strchr(base ? base : name, ':') || strchr(name, '@'))
		return err_set(e, ERR_INVALID, "push --all-tags %s: a tag cannot be named together with all tags",
			       name);
	r = ctr_image_full_name(name, ret, e);
	if (r == 0)
		(*ret)[strlen(*ret) - strlen(":latest")] = '\0';
	return r;
}

static int push_tags(struct cmd *c, const struct push_args *a, const char *creds, struct err *e)
{
	struct ctr_image_list l = CTR_IMAGE_LIST_INIT;
	auto_free char *repo = NULL;
	size_t found = 0;
	int r;

	if (c->n_args > 1)
		return err_set(e, ERR_INVALID, "push --all-tags pushes to where the tags say: leave out the "
			       "DESTINATION");
	if (a->digestfile)
		return err_set(e, ERR_INVALID, "--digestfile takes one digest: it cannot be used with --all-tags");
	r = repository(c->args[0], &repo, e);
	if (r == 0)
		r = ctr_image_list(c->eng, &l, e);
	for (size_t i = 0; r == 0 && i < l.n; i++) {
		const struct strv *names = &l.items[i].names;

		for (size_t k = 0; r == 0 && k < names->n; k++) {
			if (!is_tag_of(names->items[k], repo))
				continue;
			found++;
			r = push_one(c, a, creds, names->items[k], names->items[k], e);
		}
	}
	ctr_image_list_done(&l);
	if (r == 0 && !found)
		r = err_set(e, ERR_NOT_FOUND, "push --all-tags %s: no image here has a tag of that repository",
			    repo);
	return r;
}

static int check(struct cmd *c, const struct push_args *a, struct err *e)
{
	const char *dest = c->n_args > 1 ? c->args[1] : "";

	if (a->compress && !str_starts(dest, "dir:"))
		return err_set(e, ERR_INVALID, "--compress can only be used with a destination dir: (other "
			       "places compress what is not compressed anyway)");
	if (a->force_compression && !a->compression)
		return err_set(e, ERR_INVALID, "--force-compression needs a --compression-format");
	return 0;
}

static int push_main(struct cmd *c, void *args, struct err *e)
{
	const struct push_args *a = args;
	auto_free char *creds = NULL;
	int r = check(c, a, e);

	if (r >= 0)
		r = registry_take_creds(a->registry.creds, &creds, e);
	if (r < 0)
		return r;
	r = a->all_tags ? push_tags(c, a, creds, e) : push_named(c, a, creds, e);
	registry_creds_free(take_ptr(&creds));
	return r;
}

const struct command cmd_push = {
	.summary = "Push an image to a registry or another place",
	.usage = "[options] IMAGE [DESTINATION]",
	.description =
		"Pushes an image of the store to a registry, under its own name or to DESTINATION, which may\n"
		"have a transport: docker://, oci:, oci-archive:, docker-archive:, dir:.\n"
		"What the registry has already is not sent, blobs that another repository of it is known to\n"
		"have are mounted from there, and an upload that breaks goes on where it broke.\n"
		"What was pulled is pushed with the same digest.",
	.examples = "push quay.io/team/app:1\npush app docker://registry.example.com/team/app:1\n"
		    "push --digestfile digest app localhost:5000/app\npush --all-tags localhost:5000/app\n"
		    "push app oci:layout:1",
	.run = push_main,
	.opts = push_opts,
	.args_size = sizeof(struct push_args),
	.defaults = &push_defaults,
	.min_args = 1,
	.max_args = 2,
	.needs = NEED_STORE,
	.complete = COMPLETE_IMAGE,
};

static int push_list(struct cmd *c, const struct push_args *a, const char *creds, struct err *e)
{
	const struct ctr_image_remove_opts o = { 0 };
	struct ctr_image_removed removed = CTR_IMAGE_REMOVED_INIT;
	struct ctr_image i = CTR_IMAGE_INIT;
	auto_free char *name = NULL;
	int r = ctr_image_get_list(c->eng, c->args[0], &i, &name, e);

	if (r >= 0 && c->n_args < 2 && !name)
		r = err_set(e, ERR_INVALID, "manifest push %s: an ID does not say where to: give a DESTINATION",
			    c->args[0]);
	if (r >= 0)
		r = push_one(c, a, creds, c->args[0], c->n_args > 1 ? c->args[1] : name, e);
	for (size_t k = 0; r >= 0 && a->rm && k < (i.names.n ? i.names.n : 1); k++)
		r = ctr_image_remove(c->eng, i.names.n ? i.names.items[k] : i.id.hex, &o, &removed, e);
	ctr_image_removed_done(&removed);
	ctr_image_done(&i);
	return r < 0 ? r : 0;
}

static int push_list_main(struct cmd *c, void *args, struct err *e)
{
	const struct push_args *a = args;
	char *creds = NULL;
	int r = registry_take_creds(a->registry.creds, &creds, e);

	if (r >= 0)
		r = push_list(c, a, creds, e);
	registry_creds_free(creds);
	return r;
}

const struct command cmd_manifest_push = {
	.summary = "Push a manifest list to a registry or another place",
	.usage = "[options] LIST [DESTINATION]",
	.description = "Pushes a list and the images in it.  Images that were added from a registry are mounted or\n"
		       "brought from there.",
	.examples = "manifest push localhost/mylist:v1.11 registry.example.com/team/mylist:v1.11\n"
		    "manifest push --rm mylist:v1.11 docker://quay.io/team/mylist\nmanifest push mylist oci:layout:1",
	.run = push_list_main,
	.opts = list_opts,
	.args_size = sizeof(struct push_args),
	.defaults = &push_defaults,
	.min_args = 1,
	.max_args = 2,
	.needs = NEED_STORE,
	.complete = COMPLETE_IMAGE,
};
