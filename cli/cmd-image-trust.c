/* `image trust show` and `image trust set`: the policy about signatures. */
#include <errno.h>
#include <string.h>

#include <ctrlite/engine.h>
#include <ctrlite/transfer.h>

#include "cli.h"
#include "commands.h"
#include "fd.h"
#include "file.h"
#include "json.h"
#include "out.h"
#include "policy-edit.h"

/* show */

struct show_args {
	bool json, no_heading, raw;
	const char *policy, *registries_d;
};

#define ARG(m) offsetof(struct show_args, m)
/* clang-format off */
static const struct opt show_opts[] = {
	{ 'j', "json",         NULL,   OPT_FLAG,   ARG(json),       "Print as json" },
	{ 'n', "noheading",    NULL,   OPT_FLAG,   ARG(no_heading), "Do not print column headings" },
	{ 0,   "policypath",   "FILE", OPT_STRING, ARG(policy),     "Show this file", OPT_HIDDEN, COMPLETE_FILE },
	{ 0,   "raw",          NULL,   OPT_FLAG,   ARG(raw),        "Print the policy file as it is" },
	{ 0,   "registrypath", "DIR",  OPT_STRING, ARG(registries_d), "Look for signatures as the files of this directory say", OPT_HIDDEN, COMPLETE_DIR },
	{ 0 },
};
/* clang-format on */
#undef ARG

static int print_raw(const char *given, struct err *e)
{
	auto_free char *path = given ? strdup(given) : policy_path(), *text = NULL;
	size_t len;
	int r = path ? file_read_path(path, POLICY_MAX_BYTES, &text, &len) : -ENOMEM;

	if (r < 0)
		return err_sys(e, r, "read %s", path ? path : "the policy");
	out_text(text, len);
	if (!len || text[len - 1] != '\n')
		putchar('\n');
	return 0;
}

static int get_rows(struct cmd *c, const struct show_args *a, json_t **ret, struct err *e)
{
	const struct ctr_transfer t = { .root = c->eng->store.root, .run = c->eng->store.run };
	auto_strv struct strv v = STRV_INIT;
	auto_free char *out = NULL;
	int r = strv_add(&v, "trust-show");

	if (r >= 0 && a->policy)
		r = strv_addf(&v, "--policypath=%s", a->policy);
	if (r >= 0 && a->registries_d)
		r = strv_addf(&v, "--registrypath=%s", a->registries_d);
	if (r >= 0)
		r = strv_add(&v, "--");
	if (r >= 0 && c->n_args)
		r = strv_add(&v, c->args[0]);
	if (r < 0)
		return err_sys(e, r, "show the policy");
	r = ctr_transfer_run(&t, (const char *const *)strv_argv(&v), &out, e);
	return r < 0 ? r : json_parse(out, strlen(out), POLICY_MAX_BYTES, "ctr-lite-transfer", ret, e);
}

static const char *member(const json_t *row, const char *name)
{
	const char *s = json_string_value(json_object_get(row, name));

	return s ? s : "";
}

static int print_table(const json_t *rows, bool no_heading, struct err *e)
{
	struct out_table t = OUT_TABLE_INIT;
	const json_t *row;
	size_t i;
	int r = no_heading ? 0 : strv_add(&t.cells, "TRANSPORT\tNAME\tTYPE\tID\tSTORE");

	json_array_foreach(rows, i, row)
		if (r >= 0)
			r = strv_addf(&t.cells, "%s\t%s\t%s\t%s\t%s", member(row, "transport"),
				      member(row, "repo_name"), member(row, "type"), member(row, "gpg_id"),
				      member(row, "sigstore"));
	r = r < 0 ? err_sys(e, r, "show the policy") : out_table_print(&t, e);
	strv_done(&t.cells);
	return r;
}

static int show_main(struct cmd *c, void *args, struct err *e)
{
	const struct show_args *a = args;
	auto_json json_t *rows = NULL;
	int r;

	if (a->raw)
		return print_raw(a->policy, e);
	r = get_rows(c, a, &rows, e);
	if (r < 0)
		return r;
	return a->json ? out_json(rows, 2, e) : print_table(rows, a->no_heading, e);
}

const struct command cmd_image_trust_show = {
	.summary = "Display trust policy for the system",
	.usage = "[options] [REGISTRY]",
	.description =
		"Displays which images are accepted: the requirements of ~/.config/containers/policy.json\n"
		"or /etc/containers/policy.json, whose keys they name, and where signatures are looked for.\n"
		"With the name of an image or repository only what counts for that.",
	.examples = "image trust show\nimage trust show --raw\nimage trust show docker.io/library/alpine",
	.run = show_main, .opts = show_opts, .args_size = sizeof(struct show_args), .max_args = 1,
	.needs = NEED_STORE,
};

/* set */

struct set_args {
	int type;
	struct strv keys;
	const char *policy;
};

static const struct opt_choice types[] = {
	{ "accept", POLICY_ACCEPT },
	{ "insecureAcceptAnything", POLICY_ACCEPT },
	{ "reject", POLICY_REJECT },
	{ "signedBy", POLICY_SIGNED_BY },
	{ "sigstoreSigned", POLICY_SIGSTORE_SIGNED },
	{ NULL, 0 },
};

#define ARG(m) offsetof(struct set_args, m)
/* clang-format off */
static const struct opt set_opts[] = {
	{ 0,   "policypath",  "FILE", OPT_STRING,  ARG(policy), "Change this file", OPT_HIDDEN, COMPLETE_FILE },
	{ 'f', "pubkeysfile", "FILE", OPT_CSVLIST, ARG(keys), "Public key to trust; several must all have signed", 0, COMPLETE_FILE },
	{ 't', "type",        "TYPE", OPT_ENUM,    ARG(type), "Trust type: signedBy (default), sigstoreSigned, accept, reject", .choices = types },
	{ 0 },
};
/* clang-format on */
#undef ARG
static const struct set_args set_defaults = { .type = POLICY_SIGNED_BY };

static int check_scope(const char *s, struct err *e)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
	const char *host = str_starts(s, "*.") ? s + 2 : s;
	size_t n = strspn(host, letters);
	auto_free char *shown = str_quote(s);

	if (n == 0 || strspn(host + n, "abcdefghijklmnopqrstuvwxyz"
				       "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:/@") != strlen(host + n))
		return err_set(e, ERR_INVALID, "invalid image uri: %s", shown ? shown : "");
	return 0;
}

static int set_main(struct cmd *c, void *args, struct err *e)
{
	const struct set_args *a = args;
	auto_free char *path = NULL;
	int r = check_scope(c->args[0], e);

	if (r == 0)
		r = policy_edit_path(a->policy, &path, e);
	return r < 0 ? r : policy_edit(path, c->args[0], (enum policy_type)a->type, &a->keys, e);
}

const struct command cmd_image_trust_set = {
	.summary = "Set default trust policy or a new trust policy for a registry",
	.usage = "[options] REGISTRY",
	.description =
		"Says which images of a registry, or of a repository in it, are accepted; `default` is\n"
		"everything without a rule of its own.  Root changes /etc/containers/policy.json; others their\n"
		"~/.config/containers/policy.json, which begins as a copy of the system's.",
	.examples = "image trust set -t reject default\nimage trust set -t accept docker.io/library\n"
		    "image trust set -f key.gpg registry.example.com/team",
	.run = set_main, .opts = set_opts, .args_size = sizeof(struct set_args), .defaults = &set_defaults,
	.min_args = 1, .max_args = 1,
};
