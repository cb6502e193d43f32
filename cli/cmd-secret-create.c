/* `secret create`: keep a blob for containers. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <ctrlite/event.h>
#include <ctrlite/secret.h>

#include "cli.h"
#include "commands.h"
#include "fd.h"

struct create_args {
	const char *driver;
	struct strv labels, driver_opts;
	bool env, ignore, replace;
};

#define ARG(m) offsetof(struct create_args, m)
/* clang-format off */
static const struct opt opts[] = {
	{ 'd', "driver",      "DRIVER",    OPT_STRING,  ARG(driver),      "Who keeps the secret: file (default)" },
	{ 0,   "driver-opts", "KEY=VALUE", OPT_CSVLIST, ARG(driver_opts), "Options of the driver; they are kept with the secret" },
	{ 0,   "env",         NULL,        OPT_FLAG,    ARG(env),         "The second argument names an environment variable" },
	{ 0,   "ignore",      NULL,        OPT_FLAG,    ARG(ignore),      "When there is one of that name, print its ID and keep it" },
	{ 'l', "label",       "KEY=VALUE", OPT_LIST,    ARG(labels),      "Set metadata" },
	{ 0,   "replace",     NULL,        OPT_FLAG,    ARG(replace),     "Replace one of that name; containers keep the old content" },
	{ 0,   "template-driver", "DRIVER", OPT_REFUSED, 0,               "Template driver", .text = "secrets are given as they are" },
	{ 0 },
};
/* clang-format on */
#undef ARG

static int check_driver(const char *driver, struct err *e)
{
	auto_free char *shown = str_quote(driver ? driver : "");

	if (!driver || !*driver || streq(driver, "file"))
		return 0;
	if (streq(driver, "pass") || streq(driver, "shell"))
		return err_set(e, ERR_UNSUPPORTED, "--driver=%s is not supported yet: secrets are kept in "
			       "files that only you can read (driver file)", driver);
	return err_set(e, ERR_INVALID, "%s: invalid driver: the only one is file", shown ? shown : "");
}

static int read_fd(int fd, const char *what, char **ret, size_t *ret_len, struct err *e)
{
	int r = fd_read_file(fd, CTR_SECRET_MAX_BYTES, ret, ret_len);

	if (r == -EFBIG)
		return err_set(e, ERR_INVALID, "secret data must be larger than 0 and less than %u bytes",
			       CTR_SECRET_MAX_BYTES);
	return r < 0 ? err_sys(e, r, "read %s", what) : 0;
}

static int read_data(const char *from, bool env, char **ret, size_t *ret_len, struct err *e)
{
	auto_close int fd = FD_NONE;
	const char *value;

	if (env) {
		value = getenv(from);
		if (!value)
			return err_set(e, ERR_NOT_FOUND, "cannot create store secret data: environment "
				       "variable %s is not set", from);
		*ret = strdup(value);
		*ret_len = strlen(value);
		return *ret ? 0 : err_sys(e, ENOMEM, "read the variable %s", from);
	}
	if (streq(from, "-")) {
		if (isatty(STDIN_FILENO))
			return err_set(e, ERR_INVALID, "if `-` is used, data must be passed into stdin");
		return read_fd(STDIN_FILENO, "stdin", ret, ret_len, e);
	}
	fd = open(from, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? err_sys(e, errno, "open %s", from) : read_fd(fd, from, ret, ret_len, e);
}

/* KEY alone is KEY= */
static int add_pairs(struct strv *to, const struct strv *from, struct err *e)
{
	for (size_t i = 0; i < from->n; i++) {
		auto_free char *key = strdup(from->items[i]);
		char *eq = key ? strchr(key, '=') : NULL;

		if (eq)
			*eq++ = '\0';
		if (key && !*key)
			return err_set(e, ERR_INVALID, "invalid label format: %s", from->items[i]);
		if (!key || strv_env_set(to, key, eq ? eq : "") < 0)
			return err_sys(e, ENOMEM, "create a secret");
	}
	return 0;
}

static int run(struct cmd *c, void *args, struct err *e)
{
	const struct create_args *a = args;
	struct ctr_secret s = CTR_SECRET_INIT;
	char *data = NULL;
	size_t len = 0;
	int r;

	if (c->n_args != 2)
		return err_set(e, ERR_INVALID, "accepts 2 arg(s), received %zu", c->n_args);
	if (a->ignore && a->replace)
		return err_set(e, ERR_INVALID, "ignore and replace cannot be used together");
	r = check_driver(a->driver, e);
	if (r >= 0)
		r = add_pairs(&s.labels, &a->labels, e);
	if (r >= 0)
		r = add_pairs(&s.driver_opts, &a->driver_opts, e);
	if (r >= 0)
		r = read_data(c->args[1], a->env, &data, &len, e);
	if (r >= 0 && !(s.name = strdup(c->args[0])))
		r = err_sys(e, ENOMEM, "create a secret");
	if (r >= 0)
		r = ctr_secret_create(c->eng, &s, data, len,
				      (a->replace ? CTR_SECRET_REPLACE : 0) |
					      (a->ignore ? CTR_SECRET_IGNORE : 0), e);
	if (r >= 0) {
		ctr_event(c->eng, &(struct ctr_event){ .type = "secret", .status = "create", .id = s.id,
						       .name = s.name });
		printf("%s\n", s.id);
	}
	ctr_secret_data_free(data, len);
	ctr_secret_done(&s);
	return r;
}

const struct command cmd_secret_create = {
	.summary = "Create a new secret",
	.usage = "[options] NAME FILE|-",
	.description = "Keeps the content of a file, of stdin (-) or of a variable (--env) under a name, to be\n"
		       "given to containers by run --secret NAME. It has at most 512000 bytes, and is kept in\n"
		       "a file that only you can read.",
	.examples = "secret create token token.txt\nsecret create --env db-password DB_PASSWORD\n"
		    "run --rm --secret token alpine cat /run/secrets/token",
	.run = run, .opts = opts, .args_size = sizeof(struct create_args), .max_args = ARGS_ANY,
	.needs = NEED_STORE, .complete = COMPLETE_FILE,
};
