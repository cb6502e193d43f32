/* `login` and `logout`: credentials for registries, by ctr-lite-transfer. */
#include <errno.h>
#include <stdlib.h>

#include <ctrlite/engine.h>
#include <ctrlite/secret.h>
#include <ctrlite/transfer.h>

#include "cli.h"
#include "commands.h"
#include "fd.h"

struct login_args {
	bool tls_verify, get_login, password_stdin, verbose, all;
	const char *authfile, *compat, *cert_dir, *user, *password, *secret;
};

#define ARG(m) offsetof(struct login_args, m)
/* clang-format off */
static const struct opt login_opts[] = {
	{ 0,   "authfile",         "FILE", OPT_STRING, ARG(authfile), "Path of the authentication file to read and write (default: $XDG_RUNTIME_DIR/containers/auth.json)", 0, COMPLETE_FILE },
	{ 0,   "cert-dir",         "DIR",  OPT_STRING, ARG(cert_dir), "Directory containing TLS certificates and keys", 0, COMPLETE_DIR },
	{ 0,   "compat-auth-file", "FILE", OPT_STRING, ARG(compat),   "Path of a configuration file of docker's to write instead", 0, COMPLETE_FILE },
	{ 0,   "get-login",        NULL,   OPT_FLAG,   ARG(get_login), "Print the user who is logged in to the registry" },
	{ 'p', "password",         "PASSWORD", OPT_STRING, ARG(password), "Password for the registry (--password-stdin does not show it to other users)" },
	{ 0,   "password-stdin",   NULL,   OPT_FLAG,   ARG(password_stdin), "Read the password from stdin" },
	{ 0,   "secret",           "NAME", OPT_STRING, ARG(secret),   "Take the password from a secret; the user is called as the secret unless --username says otherwise", 0, COMPLETE_SECRET },
	{ 0,   "tls-verify",       NULL,   OPT_FLAG,   ARG(tls_verify), "Require HTTPS and verify certificates (default true; false also allows HTTP)" },
	{ 'u', "username",         "USER", OPT_STRING, ARG(user),     "User name for the registry" },
	{ 'v', "verbose",          NULL,   OPT_FLAG,   ARG(verbose),  "Say where the credentials are kept" },
	{ 0 },
};

static const struct opt logout_opts[] = {
	{ 'a', "all",              NULL,   OPT_FLAG,   ARG(all),      "Remove the credentials of all registries" },
	{ 0,   "authfile",         "FILE", OPT_STRING, ARG(authfile), "Path of the authentication file to edit (default: $XDG_RUNTIME_DIR/containers/auth.json)", 0, COMPLETE_FILE },
	{ 0,   "compat-auth-file", "FILE", OPT_STRING, ARG(compat),   "Path of a configuration file of docker's to edit instead", 0, COMPLETE_FILE },
	{ 0 },
};
/* clang-format on */
static const struct login_args login_defaults = { .tls_verify = true };

static int add_value(struct strv *v, const char *option, const char *value)
{
	return value ? strv_addf(v, "--%s=%s", option, value) : 0;
}

static int add_flag(struct strv *v, const char *option, bool given)
{
	return given ? strv_addf(v, "--%s", option) : 0;
}

/* What login and logout have in common, and the registry behind all options. */
static int finish_args(const struct cmd *c, const struct login_args *a, struct strv *v)
{
	int r = add_value(v, "authfile", a->authfile);

	if (r >= 0)
		r = add_value(v, "compat-auth-file", a->compat);
	if (r >= 0)
		r = strv_add(v, "--");
	if (r >= 0 && c->n_args)
		r = strv_add(v, c->args[0]);
	return r;
}

static int run(const struct strv *v, const char *password, struct err *e)
{
	const struct ctr_transfer t = { .creds = password };
	auto_free char *out = NULL;
	int r = ctr_transfer_run(&t, (const char *const *)strv_argv(v), &out, e);

	if (r >= 0 && *out)
		printf("%s\n", out);
	return r;
}

static int read_secret(struct cmd *c, const char *name, char **ret, struct err *e)
{
	struct ctr_secret s = { 0 };
	char *data = NULL;
	size_t len = 0;
	int r = ctr_secret_find(c->eng, name, &s, e);

	if (r >= 0)
		r = ctr_secret_data(c->eng, s.id, &data, &len, e);
	if (r >= 0) {
		*ret = strndup(data, len);
		r = *ret ? 0 : err_sys(e, ENOMEM, "read the secret %s", name);
	}
	if (data)
		ctr_secret_data_free(data, len);
	ctr_secret_done(&s);
	return r < 0 ? r : 0;
}

/* The password, if it was given: taken out of argv, where every user of the host reads it. */
static int take_password(struct cmd *c, const struct login_args *a, char **ret, struct err *e)
{
	int r = opt_exclusive(c->opts, "password", "secret", e);

	if (r >= 0)
		r = opt_exclusive(c->opts, "password-stdin", "secret", e);
	if (r >= 0)
		r = opt_exclusive(c->opts, "password-stdin", "password", e);
	if (r < 0)
		return r;
	if (a->secret)
		return read_secret(c, a->secret, ret, e);
	if (!a->password)
		return 0;
	*ret = strdup(a->password);
	if (!*ret)
		return err_sys(e, ENOMEM, "read the password");
	explicit_bzero((char *)(uintptr_t)a->password, strlen(a->password)); /* it is memory of argv */
	return 0;
}

static int login_main(struct cmd *c, void *args, struct err *e)
{
	const struct login_args *a = args;
	auto_strv struct strv v = STRV_INIT;
	auto_free char *password = NULL;
	int r = take_password(c, a, &password, e);

	if (r < 0)
		return r;
	r = strv_add(&v, "login");
	if (r >= 0)
		r = add_value(&v, "username", a->user ? a->user : a->secret);
	if (r >= 0)
		r = add_value(&v, "cert-dir", a->cert_dir);
	if (r >= 0 && opt_seen(c->opts, "tls-verify"))
		r = add_value(&v, "tls-verify", a->tls_verify ? "true" : "false");
	if (r >= 0)
		r = add_flag(&v, "get-login", a->get_login);
	if (r >= 0)
		r = add_flag(&v, "password-stdin", a->password_stdin);
	if (r >= 0)
		r = add_flag(&v, "verbose", a->verbose);
	if (r >= 0)
		r = finish_args(c, a, &v);
	r = r < 0 ? err_sys(e, r, "log in") : run(&v, password, e);
	if (password)
		explicit_bzero(password, strlen(password));
	return r;
}

static int logout_main(struct cmd *c, void *args, struct err *e)
{
	const struct login_args *a = args;
	auto_strv struct strv v = STRV_INIT;
	int r = strv_add(&v, "logout");

	if (r >= 0)
		r = add_flag(&v, "all", a->all);
	if (r >= 0)
		r = finish_args(c, a, &v);
	return r < 0 ? err_sys(e, r, "log out") : run(&v, NULL, e);
}

const struct command cmd_login = {
	.summary = "Log in to a container registry",
	.usage = "[options] [REGISTRY]",
	.description =
		"Checks a user name and a password with a registry and keeps them for later commands.\n"
		"What is not given is asked for on the terminal; without a registry the first of\n"
		"unqualified-search-registries in registries.conf is meant.  A path behind the registry\n"
		"(quay.io/team) keeps them for what is below it only.\n"
		"They are kept in auth.json, or by a helper program docker-credential-NAME where the file\n"
		"(credHelpers, credsStore) or registries.conf (credential-helpers) says so.",
	.examples = "login quay.io\necho $TOKEN | login -u ann --password-stdin registry.example.com\n"
		    "login --get-login quay.io",
	.run = login_main,
	.opts = login_opts,
	.args_size = sizeof(struct login_args),
	.defaults = &login_defaults,
	.max_args = 1,
	.needs = NEED_STORE,
};

const struct command cmd_logout = {
	.summary = "Log out of a container registry",
	.usage = "[options] [REGISTRY]",
	.description =
		"Removes the credentials for a registry, or with --all of all of them.  Without a registry\n"
		"the first of unqualified-search-registries in registries.conf is meant.",
	.examples = "logout quay.io\nlogout --all",
	.run = logout_main,
	.opts = logout_opts,
	.args_size = sizeof(struct login_args),
	.max_args = 1,
};
