/* `pull`: images from registries and other places, by ctr-lite-transfer. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <ctrlite/event.h>
#include <ctrlite/image.h>
#include <ctrlite/transfer.h>

#include "cli.h"
#include "commands.h"
#include "ensure.h"
#include "fd.h"
#include "json.h"
#include "location.h"
#include "platform-opts.h"
#include "reference.h"
#include "registry-opts.h"
#include "side-by-side.h"
#include "signature-opts.h"
#include "transfer-args.h"

struct pull_args {
	struct registry_args registry;
	bool quiet, all_tags;
	struct platform_args platform;
	const char *policy;
	uint64_t jobs;
};

#define JOBS_DEFAULT 3	/* images at a time */
#define TAGS_MAX 10000	/* of one repository */

enum policy { POLICY_ALWAYS, POLICY_MISSING, POLICY_NEVER };

#define ARG(m) offsetof(struct pull_args, m)
/* clang-format off */
static const struct opt pull_opts[] = {
	{ 'a', "all-tags",   NULL,       OPT_FLAG,    ARG(all_tags),   "Pull all tags of the repositories" },
	{ 0,   "decryption-key", "KEY",  OPT_REFUSED, .text = "encrypted images cannot be read" },
	{ 0,   "disable-content-trust", NULL, OPT_REFUSED, .text = "there is no content trust to disable" },
	{ 0,   "jobs",       "N",        OPT_U64,     ARG(jobs),       "Pull so many images at a time (default 3, on a terminal 1)" },
	{ 0,   "policy",     "POLICY",   OPT_STRING,  ARG(policy),     "Pull always, when missing, or never (default always)" },
	{ 'q', "quiet",      NULL,       OPT_FLAG,    ARG(quiet),      "Suppress progress" },
	{ .kind = OPT_INCLUDE, .table = signature_policy_opts },
	{ .kind = OPT_INCLUDE, .table = registry_opts },
	PLATFORM_OPTS(ARG(platform)),
	{ 0 },
};
/* clang-format on */
static const struct pull_args pull_defaults = { .registry = REGISTRY_ARGS_DEFAULT, .policy = "always" };

static int parse_policy(const char *s, enum policy *ret, struct err *e)
{
	if (streq(s, "always") || streq(s, "newer") || streq(s, "true"))
		/* newer: what the registry has under the name is what is asked for */
		*ret = POLICY_ALWAYS;
	else if (streq(s, "missing") || streq(s, "ifmissing") || streq(s, "ifnotpresent"))
		*ret = POLICY_MISSING;
	else if (streq(s, "never"))
		*ret = POLICY_NEVER;
	else {
		auto_free char *shown = str_quote(s);
		return err_set(e, ERR_INVALID, "unsupported pull policy %s: choose from always, "
			       "missing, newer, never", shown ? shown : "");
	}
	return 0;
}

/* The ID of an image that is here: 1 with it printed, 0 not here, or an error. */
static int print_local(struct cmd *c, const char *name, const char *platform, struct err *e)
{
	struct digest id;
	int r = ctr_image_here(c->eng, name, platform, &id, e);

	if (r < 0 && e->kind == ERR_NOT_FOUND)
		return 0;
	if (r < 0)
		return r;
	printf("%s\n", id.hex);
	return 1;
}

static int pull_one(struct cmd *c, const struct pull_args *a, const char *platform,
		    const char *creds, const char *name, struct err *e)
{
	auto_strv struct strv v = STRV_INIT;
	auto_free char *id = NULL;
	int r = strv_add(&v, "pull");

	if (r >= 0)
		r = transfer_args_value(&v, "platform", platform);
	if (r < 0)
		return err_sys(e, r, "pull %s", name);
	r = registry_opts_pass(c, &a->registry, "", &v, e);
	if (r < 0)
		return r;
	r = transfer_args_operands(&v, (const char *const[]){ name, NULL });
	if (r < 0)
		return err_sys(e, r, "pull %s", name);
	r = transfer_args_run(c, &v, a->quiet, creds, &id, e);
	if (r >= 0) {
		struct digest d;

		ctr_image_event(c->eng, "pull", id, name);
		printf("%s\n", id);
		if (digest_parse_hex(id, &d, NULL) == 0)
			ctr_image_warn_platform(c->eng, &d, platform);
	}
	return r;
}

/* The tags that the registry has of the repository @name, as full names. */
static int add_tags(struct cmd *c, const struct pull_args *a, const char *creds, const char *name,
		    struct strv *names, struct err *e)
{
	auto_strv struct strv v = STRV_INIT, tags = STRV_INIT;
	auto_free char *text = NULL;
	auto_json json_t *doc = NULL;
	const char *rest = str_after(name, "docker://"), *repository;
	struct ctr_reference ref;
	int r = ctr_reference_parse(rest ? rest : name, &ref, e);

	if (r == 0 && (ref.tag[0] || ref.digest.hex[0]))
		r = err_set(e, ERR_INVALID, "pull --all-tags %s: a tag or a digest cannot be named together with all "
			    "tags", name);
	if (r == 0 && strv_add(&v, "list-tags") < 0)
		r = err_sys(e, ENOMEM, "pull %s", name);
	if (r == 0)
		r = registry_opts_pass(c, &a->registry, "", &v, e);
	if (r == 0 && transfer_args_operands(&v, (const char *const[]){ name, NULL }) < 0)
		r = err_sys(e, ENOMEM, "pull %s", name);
	if (r == 0)
		r = transfer_args_run(c, &v, true, creds, &text, e);
	if (r == 0)
		r = json_parse(text, strlen(text), strlen(text), "tags", &doc, e);
	if (r == 0)
		r = json_read_strv(json_object_get(doc, "Tags"), &tags, TAGS_MAX, "$.Tags", e);
	repository = json_string_value(json_object_get(doc, "Repository"));
	if (r == 0 && !tags.n)
		r = err_set(e, ERR_NOT_FOUND, "pull --all-tags %s: the repository has no tags", name);
	for (size_t i = 0; r == 0 && i < tags.n; i++)
		if (strv_addf(names, "%s:%s", repository ? repository : name, tags.items[i]) < 0)
			r = err_sys(e, ENOMEM, "pull %s", name);
	return r;
}

/* What is to be pulled: what was said, or all tags of it. */
static int list_names(struct cmd *c, const struct pull_args *a, const char *creds, struct strv *names,
		      struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < c->n_args; i++) {
		if (a->all_tags)
			r = add_tags(c, a, creds, c->args[i], names, e);
		else if (strv_add(names, c->args[i]) < 0)
			r = err_sys(e, ENOMEM, "pull %s", c->args[i]);
	}
	return r;
}

/* All that one process of several needs. */
struct pulls {
	struct cmd *c;
	const struct strv *names;
	const struct pull_args *args;
	const char *platform, *creds;
	enum policy policy;
};

static int pull_nth(void *arg, size_t i)
{
	const struct pulls *p = arg;
	struct cmd *c = p->c;
	struct err e = ERR_INIT;
	const char *name = p->names->items[i];
	bool elsewhere = ctr_location_is_elsewhere(name);
	int r = p->policy == POLICY_ALWAYS || elsewhere ? 0 : print_local(c, name, p->platform, &e);

	if (r == 0 && p->policy == POLICY_NEVER && !elsewhere)
		r = err_set(&e, ERR_NOT_FOUND, "%s: image not known", name);
	else if (r == 0)
		r = pull_one(c, p->args, p->platform, p->creds, name, &e);
	if (r < 0)
		cmd_fail(c, &e);
	return c->status;
}

/* One after the other on a terminal, which has room for the bars of one and asks what a name means. */
static int pull_all(struct pulls *p, struct err *e)
{
	size_t n = p->names->n;
	uint64_t jobs = p->args->jobs;

	if (!opt_seen(p->c->opts, "jobs"))
		jobs = isatty(STDERR_FILENO) ? 1 : JOBS_DEFAULT;
	if (jobs == 0 || jobs > SIDE_BY_SIDE_MAX)
		return err_set(e, ERR_INVALID, "--jobs %llu: not a number from 1 to %d",
			       (unsigned long long)jobs, SIDE_BY_SIDE_MAX);
	if (jobs > 1 && n > 1)
		return side_by_side(n, (size_t)jobs, pull_nth, p, e);
	for (size_t i = 0; i < n; i++)
		(void)pull_nth(p, i); /* the status is kept in the command */
	return p->c->status;
}

static int pull_main(struct cmd *c, void *args, struct err *e)
{
	const struct pull_args *a = args;
	auto_free char *platform = NULL;
	auto_strv struct strv names = STRV_INIT;
	char *creds = NULL;
	enum policy policy = POLICY_ALWAYS;
	int r = platform_opts_text(&a->platform, &platform, e);

	if (r >= 0)
		r = parse_policy(a->policy, &policy, e);
	if (r >= 0)
		r = registry_take_creds(a->registry.creds, &creds, e);
	if (r >= 0)
		r = list_names(c, a, creds, &names, e);
	if (r >= 0)
		r = pull_all(&(struct pulls){ c, &names, a, platform, creds, policy }, e);
	registry_creds_free(creds);
	return r;
}

const struct command cmd_pull = {
	.summary = "Pull an image from a registry, or bring it in from another place",
	.usage = "[options] IMAGE [IMAGE...]",
	.description =
		"Pulls images from registries and stores them locally.\n"
		"An image can be pulled by tag or digest.  Without either, the tag is latest.\n"
		"oci:DIR[:NAME], oci-archive:FILE[:NAME], docker-archive:FILE[:NAME] and dir:DIR are "
		"images in files; they are copied each time.\n"
		"Several images are pulled at the same time; a layer that two of them have is\n"
		"fetched once.  What came of a pull that breaks off is kept for a day.",
	.examples = "pull alpine\npull --all-tags quay.io/team/app\npull --jobs 8 alpine debian:12 fedora\npull quay.io/prometheus/busybox:glibc\npull --platform "
		    "linux/arm64 debian:12\npull oci:/srv/images:web",
	.run = pull_main,
	.opts = pull_opts,
	.args_size = sizeof(struct pull_args),
	.defaults = &pull_defaults,
	.min_args = 1,
	.max_args = ARGS_ANY,
	.needs = NEED_STORE,
	.complete = COMPLETE_IMAGE,
};
