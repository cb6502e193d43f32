/*
 * login [--authfile F | --compat-auth-file F] [--cert-dir D] [--tls-verify=BOOL] [--username U]
 *       [--creds-fd N | --password-stdin] [--get-login] [--verbose] [REGISTRY]
 * logout [--authfile F | --compat-auth-file F] [--all] [REGISTRY]
 *
 * Prints what a user of podman expects.  The password comes over the descriptor, from stdin, or is
 * asked for on the terminal.
 */
#include "transfer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ask.h"
#include "auth-store.h"
#include "fd.h"
#include "log.h"
#include "reference.h"
#include "registries-conf.h"
#include "registry-host.h"
#include "registry-opts.h"
#include "str.h"

#define PASSWORD_MAX_BYTES 65536

struct login_args {
	struct registry_args registry;
	const char *compat, *user;
	char *password;
	bool from_stdin, get_login, verbose, all;
};

static int set_compat(void *arg, const char *v, struct err *e)
{
	(void)e;
	((struct login_args *)arg)->compat = v;
	return 0;
}

static int set_user(void *arg, const char *v, struct err *e)
{
	(void)e;
	((struct login_args *)arg)->user = v;
	return 0;
}

static int set_flag(void *arg, const char *v, struct err *e)
{
	(void)v;
	(void)e;
	*(bool *)arg = true;
	return 0;
}

/* One password, without the end of its line. */
static int read_password(int fd, const char *from, char **ret, struct err *e)
{
	size_t len;
	int r = fd_read_file(fd, PASSWORD_MAX_BYTES, ret, &len);

	if (r < 0)
		return err_sys(e, r, "read the password from %s", from);
	while (len > 0 && strchr("\r\n", (*ret)[len - 1]))
		(*ret)[--len] = '\0';
	if (strlen(*ret) == len && !strpbrk(*ret, "\r\n"))
		return 0;
	return err_set(e, ERR_INVALID, "the password from %s has a line break or a NUL in it", from);
}

static int set_password_fd(void *arg, const char *v, struct err *e)
{
	struct login_args *a = arg;
	uint32_t fd;

	if (str_u32(v, 1u << 20, &fd) < 0)
		return err_set(e, ERR_INVALID, "--creds-fd %s: not a descriptor's number", v);
	return read_password((int)fd, "--password", &a->password, e);
}

#define AT(m) offsetof(struct login_args, m)
static const struct transfer_opt login_opts[] = {
	{ "authfile", 0, true, registry_set_authfile, AT(registry) },
	{ "cert-dir", 0, true, registry_set_cert_dir, AT(registry) },
	{ "tls-verify", 0, true, registry_set_tls_verify, AT(registry) },
	{ "compat-auth-file", 0, true, set_compat, 0 },
	{ "username", 0, true, set_user, 0 },
	{ "creds-fd", 0, true, set_password_fd, 0 },
	{ "password-stdin", 0, false, set_flag, AT(from_stdin) },
	{ "get-login", 0, false, set_flag, AT(get_login) },
	{ "verbose", 0, false, set_flag, AT(verbose) },
	{ 0 },
};

static const struct transfer_opt logout_opts[] = {
	{ "authfile", 0, true, registry_set_authfile, AT(registry) },
	{ "compat-auth-file", 0, true, set_compat, 0 },
	{ "all", 0, false, set_flag, AT(all) },
	{ 0 },
};

static void erase(char **s)
{
	if (*s)
		explicit_bzero(*s, strlen(*s));
	free(*s);
	*s = NULL;
}

static void args_done(struct login_args *a)
{
	erase(&a->password);
	registry_args_done(&a->registry);
}

/* Which registry */

static int first_search_registry(char **ret, struct err *e)
{
	auto_registries_conf struct registries_conf conf = REGISTRIES_CONF_INIT;
	int r = registries_conf_load(&conf, e);

	if (r < 0)
		return r;
	if (conf.search.n == 0)
		return err_set(e, ERR_INVALID, "no registries found in registries.conf, a registry must be "
			       "provided");
	*ret = strndup(conf.search.items[0], strcspn(conf.search.items[0], "/"));
	return *ret ? 0 : err_sys(e, ENOMEM, "find the registry");
}

/* The key that @arg means, "host[:port][/path]": an URL stands for its host. */
static int find_key(const char *arg, char **ret, struct err *e)
{
	const char *rest = arg ? str_after(arg, "https://") : NULL;
	struct ctr_reference ref;
	auto_free char *key = NULL;
	int r;

	if (!arg)
		return first_search_registry(ret, e);
	if (!rest)
		rest = str_after(arg, "http://");
	key = rest ? strndup(rest, strcspn(rest, "/")) : strdup(arg);
	if (!key)
		return err_sys(e, ENOMEM, "find the registry");
	if (!rest && strchr(key, '/')) {
		r = ctr_reference_parse(key, &ref, e);
		if (r == 0 && (ctr_reference_is_short(&ref) || ref.tag[0] || ref.digest.hex[0]))
			r = err_set(e, ERR_INVALID, "a registry is expected, or a part of one without tag and "
				    "digest");
		if (r < 0)
			return err_wrap(e, r, "%s", arg);
	}
	*ret = take_ptr(&key);
	return 0;
}

/* Asking on the terminal */

#define NO_TERMINAL "give --username and --password-stdin"

static int ask_credentials(const struct login_args *a, const char *known, struct credentials *c,
			   struct err *e)
{
	auto_free char *prompt = known ? str_printf("Username (%s): ", known) : strdup("Username: ");
	int r = 0;

	if (!prompt)
		return err_sys(e, ENOMEM, "log in");
	if (a->user)
		c->user = strdup(a->user);
	else
		r = transfer_ask(prompt, false, NO_TERMINAL, &c->user, e);
	if (r == 0 && known && c->user && !*c->user) {
		free(c->user);
		c->user = strdup(known);
	}
	if (r == 0 && a->password)
		c->password = strdup(a->password);
	else if (r == 0)
		r = transfer_ask("Password: ", true, NO_TERMINAL, &c->password, e);
	if (r == 0 && (!c->user || !c->password))
		return err_sys(e, ENOMEM, "log in");
	if (r == 0 && (!*c->user || strchr(c->user, ':')))
		return err_set(e, ERR_INVALID, "the user name %s", *c->user ? "has a colon in it" : "is empty");
	return r;
}

/* Logging in */

static int known_credentials(const struct login_args *a, const char *key, struct credentials *c,
			     struct err *e)
{
	const char *file = a->registry.access.authfile ? a->registry.access.authfile : a->compat;

	if (!file)
		file = getenv("REGISTRY_AUTH_FILE");
	if (file && !*file)
		file = NULL;
	if (file && access(file, F_OK) < 0 && errno == ENOENT)
		return 0; /* it is about to be made */
	return credentials_find(file, key, c, e);
}

static int get_login(const char *key, const struct credentials *c, int found, struct err *e)
{
	if (!found || !c->user)
		return err_set(e, ERR_NOT_FOUND, "not logged into %s", key);
	printf("%s\n", c->user);
	return 0;
}

static int check(const struct login_args *a, const char *host, const struct credentials *c, struct err *e)
{
	struct registry_access access = a->registry.access;
	int r;

	access.creds = c;
	access.authfile = NULL;
	r = registry_login(host, &access, transfer_interrupted, e);
	if (r < 0 && e->kind == ERR_DENIED && str_starts(e->text, "unauthorized"))
		return err_set(e, ERR_DENIED, "logging into \"%s\": invalid username/password", host);
	return r < 0 ? err_wrap(e, r, "authenticating creds for \"%s\"", host) : 0;
}

static int log_in(const struct login_args *a, const char *key, const char *host,
		  const struct credentials *known, struct err *e)
{
	const struct auth_target target = { a->registry.access.authfile, a->compat };
	auto_credentials struct credentials c = CREDENTIALS_INIT;
	auto_free char *where = NULL;
	int r;

	if (known->identity_token)
		return err_set(e, ERR_BUSY, "currently logged in to %s, auth file contains an Identity token: "
			       "log out first", key);
	if (!a->user && !a->password && known->user && known->password) {
		struct err why = ERR_INIT;

		(void)fprintf(stderr, "Authenticating with existing credentials for %s\n", key);
		if (check(a, host, known, &why) == 0) {
			printf("Existing credentials are valid. Already logged in to %s\n", host);
			return 0;
		}
		r = transfer_interrupted(e);
		if (r < 0)
			return r;
		(void)fprintf(stderr, "Existing credentials are invalid (%s), please enter valid username and "
			      "password\n", why.text);
	}
	r = ask_credentials(a, known->user, &c, e);
	if (r == 0)
		r = check(a, host, &c, e);
	if (r == 0)
		r = auth_store_put(&target, key, &c, &where, e);
	if (r < 0)
		return r;
	if (a->verbose)
		printf("Used:  %s\n", where);
	printf("Login Succeeded!\n");
	return 0;
}

static int login(struct login_args *a, const char *arg, struct err *e)
{
	auto_credentials struct credentials known = CREDENTIALS_INIT;
	auto_free char *key = NULL, *host = NULL;
	int found, r;

	if (a->from_stdin && a->password)
		return err_set(e, ERR_INVALID, "--password and --password-stdin exclude each other");
	if (a->from_stdin && !a->user)
		return err_set(e, ERR_INVALID, "Must provide --username with --password-stdin");
	r = find_key(arg, &key, e);
	if (r < 0)
		return r;
	host = strndup(key, strcspn(key, "/"));
	if (!host)
		return err_sys(e, ENOMEM, "log in");
	found = known_credentials(a, key, &known, e);
	if (found < 0)
		return found;
	if (a->get_login)
		return get_login(key, &known, found, e);
	if (a->from_stdin)
		r = read_password(STDIN_FILENO, "stdin", &a->password, e);
	return r < 0 ? r : log_in(a, key, host, &known, e);
}

int transfer_cmd_login(struct transfer *t, int argc, char **argv, struct err *e)
{
	struct login_args a = { .registry = REGISTRY_ARGS_INIT };
	int n, r = transfer_getopt(argc, argv, login_opts, &a, &n, e);

	(void)t;
	if (r == 0 && n > 1)
		r = err_set(e, ERR_INVALID, "login takes one registry");
	if (r == 0)
		r = login(&a, n ? argv[1] : NULL, e);
	args_done(&a);
	return r;
}

/* Logging out */

/* Nothing of ours: perhaps another tool keeps some in a file that is only read. */
static int elsewhere(const struct login_args *a, const char *key, struct err *e)
{
	auto_credentials struct credentials c = CREDENTIALS_INIT;
	int r = known_credentials(a, key, &c, e);

	if (r < 0)
		return r;
	if (r == 0)
		return err_set(e, ERR_NOT_FOUND, "not logged into %s", key);
	printf("Not logged into %s with current tool. Existing credentials were established via docker "
	       "login. Please use docker logout instead.\n", key);
	return 0;
}

static int log_out(const struct login_args *a, const char *arg, struct err *e)
{
	const struct auth_target target = { a->registry.access.authfile, a->compat };
	auto_free char *key = NULL;
	int r;

	if (a->all && arg)
		return err_set(e, ERR_INVALID, "--all takes no arguments");
	if (a->all) {
		r = auth_store_remove_all(&target, e);
		if (r == 0)
			printf("Removed login credentials for all registries\n");
		return r;
	}
	r = find_key(arg, &key, e);
	if (r == 0)
		r = auth_store_remove(&target, key, e);
	if (r == 0)
		return elsewhere(a, key, e);
	if (r > 0)
		printf("Removed login credentials for %s\n", key);
	return r < 0 ? r : 0;
}

int transfer_cmd_logout(struct transfer *t, int argc, char **argv, struct err *e)
{
	struct login_args a = { .registry = REGISTRY_ARGS_INIT };
	int n, r = transfer_getopt(argc, argv, logout_opts, &a, &n, e);

	(void)t;
	if (r == 0 && n > 1)
		r = err_set(e, ERR_INVALID, "logout takes one registry");
	if (r == 0)
		r = log_out(&a, n ? argv[1] : NULL, e);
	args_done(&a);
	return r;
}
