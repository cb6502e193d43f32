/* Credentials from auth.json, config.json and credential helpers. */
#include "credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "fd.h"
#include "file.h"
#include "json.h"
#include "path.h"
#include "proc.h"
#include "str.h"

#define AUTH_FILE_MAX_BYTES (4u << 20)
#define HELPER_OUT_MAX_BYTES (64u << 10)
#define HELPER_TOKEN_USER "<token>"	/* what a helper says for an identity token */

static void erase(char **s)
{
	if (*s)
		explicit_bzero(*s, strlen(*s));
	free(*s);
	*s = NULL;
}
#define auto_secret __attribute__((cleanup(erase)))

void credentials_done(struct credentials *c)
{
	erase(&c->user);
	erase(&c->password);
	erase(&c->identity_token);
}

int credentials_parse(const char *s, struct credentials *ret, struct err *e)
{
	const char *colon = strchrnul(s, ':');

	if (colon == s)
		return err_set(e, ERR_INVALID, "credentials: the user name is empty");
	ret->user = strndup(s, (size_t)(colon - s));
	ret->password = strdup(*colon ? colon + 1 : "");
	return ret->user && ret->password ? 0 : err_sys(e, ENOMEM, "read the credentials");
}

/* Base64 */

static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

int base64_decode(const char *s, char **ret, size_t *ret_len)
{
	size_t len = strlen(s), n = 0;
	auto_free char *out = malloc(len / 4 * 3 + 4);
	uint32_t bits = 0;
	int have = 0;

	if (!out)
		return -ENOMEM;
	for (int pad = 0; pad < 2 && len > 0 && s[len - 1] == '='; pad++)
		len--;
	if (len % 4 == 1)
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		int v = base64_value(s[i]);

		if (v < 0)
			return -EINVAL;
		bits = bits << 6 | (uint32_t)v;
		have += 6;
		if (have >= 8) {
			have -= 8;
			out[n++] = (char)(bits >> have & 0xff);
		}
	}
	out[n] = '\0';
	*ret_len = n;
	*ret = take_ptr(&out);
	return 0;
}

static char *base64_encode(const char *s)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t len = strlen(s), n = 0;
	char *out = malloc((len + 2) / 3 * 4 + 1);

	for (size_t i = 0; out && i < len; i += 3) {
		uint32_t v = (uint32_t)(unsigned char)s[i] << 16;

		v |= i + 1 < len ? (uint32_t)(unsigned char)s[i + 1] << 8 : 0;
		v |= i + 2 < len ? (uint32_t)(unsigned char)s[i + 2] : 0;
		out[n++] = digits[v >> 18];
		out[n++] = digits[v >> 12 & 63];
		out[n++] = i + 1 < len ? digits[v >> 6 & 63] : '=';
		out[n++] = i + 2 < len ? digits[v & 63] : '=';
	}
	if (out)
		out[n] = '\0';
	return out;
}

char *credentials_basic(const struct credentials *c)
{
	auto_secret char *pair = str_printf("%s:%s", c->user, c->password);
	auto_secret char *coded = pair ? base64_encode(pair) : NULL;

	return coded ? str_printf("Basic %s", coded) : NULL;
}

/* Helpers */

static int run_helper(const char *program, const char *server, char **ret, struct err *e)
{
	auto_free char *path = path_find_program(program);
	char *argv[] = { (char *)(uintptr_t)program, (char *)(uintptr_t)"get", NULL };
	struct proc p = PROC_INIT;
	int in[2], out[2], status, r, w;
	size_t len;

	if (!path)
		return err_set(e, ERR_NOT_FOUND, "credential helper %s is not installed", program);
	if (pipe2(in, O_CLOEXEC) < 0)
		return err_sys(e, errno, "make a pipe");
	auto_close int in_r = in[0];
	auto_close int in_w = in[1];
	if (pipe2(out, O_CLOEXEC) < 0)
		return err_sys(e, errno, "make a pipe");
	auto_close int out_r = out[0];
	auto_close int out_w = out[1];
	const struct proc_fd fds[] = { { in_r, STDIN_FILENO }, { out_w, STDOUT_FILENO } };
	const struct proc_spawn s = { .path = path, .argv = argv, .fds = fds, .n_fds = 2,
				      .dir_fd = FD_NONE, .pdeathsig = SIGTERM };
	r = proc_spawn(&s, &p, e);
	if (r < 0)
		return r;
	in_r = fd_close(in_r);
	out_w = fd_close(out_w);
	w = fd_write_all(in_w, server, strlen(server)); /* a helper that does not read says why itself */
	(void)w;
	in_w = fd_close(in_w);
	r = fd_read_file(out_r, HELPER_OUT_MAX_BYTES, ret, &len);
	if (r < 0)
		(void)proc_signal(&p, SIGKILL);
	w = proc_wait(&p, &status);
	proc_done(&p);
	if (r < 0 || w < 0)
		return err_sys(e, r < 0 ? r : w, "read from %s", program);
	return proc_exit_code(status) == 0 ? 1 : 0; /* it fails where it has nothing */
}

/* 1 found, 0 not, or an error. */
static int ask_helper(const char *suffix, const char *server, struct credentials *c, struct err *e)
{
	auto_free char *program = str_printf("docker-credential-%s", suffix);
	auto_secret char *out = NULL;
	auto_json json_t *j = NULL;
	const char *user, *secret;
	int r;

	if (!program)
		return err_sys(e, ENOMEM, "run a credential helper");
	if (!path_is_component(program))
		return err_set(e, ERR_CORRUPT, "credential helper \"%.60s\": not a program's name", suffix);
	r = run_helper(program, server, &out, e);
	if (r <= 0)
		return r;
	r = json_parse(out, strlen(out), HELPER_OUT_MAX_BYTES, program, &j, NULL);
	user = json_string_value(json_object_get(j, "Username"));
	secret = json_string_value(json_object_get(j, "Secret"));
	if (r < 0 || !user || !secret) /* the parser's message could show the secret */
		return err_set(e, ERR_CORRUPT, "%s: the answer is not what the protocol says", program);
	if (streq(user, HELPER_TOKEN_USER)) {
		c->identity_token = strdup(secret);
		return c->identity_token ? 1 : err_sys(e, ENOMEM, "%s", program);
	}
	c->user = strdup(user);
	c->password = strdup(secret);
	return c->user && c->password ? 1 : err_sys(e, ENOMEM, "%s", program);
}

/* Files */

static int read_auth(const json_t *entry, const char *path, struct credentials *c, struct err *e)
{
	const char *auth = json_string_value(json_object_get(entry, "auth"));
	const char *token = json_string_value(json_object_get(entry, "identitytoken"));
	auto_secret char *plain = NULL;
	size_t len;
	int r;

	if (token && *token) {
		c->identity_token = strdup(token);
		if (!c->identity_token)
			return err_sys(e, ENOMEM, "read %s", path);
	}
	if (!auth || !*auth)
		return token && *token ? 1 : 0;
	r = base64_decode(auth, &plain, &len);
	if (r == 0 && !strchr(plain, ':'))
		r = -EINVAL;
	if (r < 0)
		return err_set(e, ERR_CORRUPT, "%s: an \"auth\" is not base64 of user:password", path);
	r = credentials_parse(plain, c, e);
	return r < 0 ? err_wrap(e, r, "%s", path) : 1;
}

/* The host of a key as docker wrote them once: https://index.docker.io/v1/ */
static char *legacy_host(const char *key)
{
	const char *p = str_after(key, "https://");

	if (!p)
		p = str_after(key, "http://");
	if (!p)
		p = key;
	return strndup(p, strcspn(p, "/"));
}

static bool same_host(const char *a, const char *b)
{
	static const char *const hub[] = { "docker.io", "index.docker.io", "registry-1.docker.io" };
	bool a_hub = false, b_hub = false;

	for (size_t i = 0; i < sizeof(hub) / sizeof(*hub); i++) {
		a_hub |= streq(a, hub[i]);
		b_hub |= streq(b, hub[i]);
	}
	return (a_hub && b_hub) || streq(a, b);
}

/* @name with ever fewer components, then hosts in their old spelling. */
static const json_t *find_auth(const json_t *auths, const char *name)
{
	auto_free char *key = strdup(name), *host = strndup(name, strcspn(name, "/"));
	json_t *o = (json_t *)(uintptr_t)auths; /* jansson's iterator takes no const */
	const char *k;
	json_t *v;

	for (char *slash; key; *slash = '\0') {
		v = json_object_get(auths, key);
		slash = strrchr(key, '/');
		if (v || !slash)
			break;
	}
	v = key ? json_object_get(auths, key) : NULL;
	if (v)
		return v;
	json_object_foreach(o, k, v) {
		auto_free char *other = legacy_host(k);

		/* a key with a path of its own is for that path only */
		if (other && host && same_host(other, host) &&
		    (str_starts(k, "http") || !strchr(k, '/')))
			return v;
	}
	return NULL;
}

static int find_in_file(const char *path, bool must_exist, bool bare, const char *name,
			struct credentials *c, struct err *e)
{
	auto_secret char *buf = NULL;
	auto_free char *host = strndup(name, strcspn(name, "/"));
	auto_json json_t *j = NULL;
	const char *helper;
	const json_t *auth;
	struct err why = ERR_INIT;
	size_t len;
	int r = file_read_path(path, AUTH_FILE_MAX_BYTES, &buf, &len);

	if ((r == -ENOENT || r == -ENOTDIR || r == -EACCES) && !must_exist)
		return 0;
	if (r < 0 || !host)
		return err_sys(e, r < 0 ? r : ENOMEM, "read %s", path);
	if (len == 0)
		return 0;
	if (json_parse(buf, len, AUTH_FILE_MAX_BYTES, path, &j, &why) < 0 || !json_is_object(j))
		return err_set(e, ERR_CORRUPT, "%s is not a JSON object", path); /* shows none of it */
	helper = json_string_value(json_object_get(json_object_get(j, "credHelpers"), host));
	if (helper && *helper) {
		r = ask_helper(helper, host, c, e);
		if (r != 0)
			return r < 0 ? err_wrap(e, r, "%s", path) : r;
	}
	auth = find_auth(bare ? j : json_object_get(j, "auths"), name);
	r = auth ? read_auth(auth, path, c, e) : 0;
	helper = json_string_value(json_object_get(j, "credsStore"));
	if (r == 0 && helper && *helper) {
		r = ask_helper(helper, same_host(host, "docker.io") ? "https://index.docker.io/v1/" : host,
			       c, e);
		if (r < 0)
			(void)err_wrap(e, r, "%s", path);
	}
	return r;
}

static int add_path(struct strv *v, const char *dir, const char *rest)
{
	return dir && *dir == '/' ? strv_addf(v, "%s/%s", dir, rest) : 0;
}

static int default_files(struct strv *v)
{
	const char *run = getenv("XDG_RUNTIME_DIR"), *conf = getenv("XDG_CONFIG_HOME");
	const char *home = getenv("HOME"), *docker = getenv("DOCKER_CONFIG");
	int r = 0;

	if (run && *run == '/')
		r = add_path(v, run, "containers/auth.json");
	else
		r = strv_addf(v, "/run/containers/%u/auth.json", (unsigned int)geteuid());
	if (r == 0 && conf && *conf == '/')
		r = add_path(v, conf, "containers/auth.json");
	else if (r == 0)
		r = add_path(v, home, ".config/containers/auth.json");
	if (r == 0 && docker && *docker)
		r = strv_addf(v, "%s/config.json", docker);
	else if (r == 0)
		r = add_path(v, home, ".docker/config.json");
	return r;
}

int credentials_find(const char *authfile, const char *name, struct credentials *ret, struct err *e)
{
	auto_credentials struct credentials c = CREDENTIALS_INIT;
	auto_strv struct strv files = STRV_INIT;
	auto_free char *old = NULL;
	const char *env = getenv("REGISTRY_AUTH_FILE"), *home = getenv("HOME");
	int r = 0;

	if (!authfile && env && *env)
		authfile = env;
	if (authfile) {
		r = find_in_file(authfile, true, false, name, &c, e);
	} else {
		if (default_files(&files) < 0)
			return err_sys(e, ENOMEM, "find the credentials");
		for (size_t i = 0; r == 0 && i < files.n; i++)
			r = find_in_file(files.items[i], false, false, name, &c, e);
		old = home && *home == '/' ? str_printf("%s/.dockercfg", home) : NULL;
		if (r == 0 && old)
			r = find_in_file(old, false, true, name, &c, e);
	}
	if (r > 0) {
		*ret = c;
		c = (struct credentials)CREDENTIALS_INIT;
	}
	return r;
}
