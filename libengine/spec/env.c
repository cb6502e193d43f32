/* Building a container's environment from its sources, in order of precedence. */
#include "env.h"

#include <errno.h>
#include <stdlib.h>

#include "fd.h"
#include "file.h"

static const char *const proxy_names[] = {
	"http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy",
	"HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY",
};

static int no_memory(struct err *e)
{
	return err_sys(e, -ENOMEM, "build the environment");
}

static size_t name_len(const char *entry)
{
	return strcspn(entry, "=");
}

static size_t find(const struct strv *env, const char *entry)
{
	size_t len = name_len(entry), i;

	for (i = 0; i < env->n; i++)
		if (strncmp(env->items[i], entry, len) == 0 && env->items[i][len] == '=')
			break;
	return i;
}

/* @entry is K=V with a name. */
static int set_entry(struct strv *env, const char *entry, struct err *e)
{
	size_t i = find(env, entry);
	char *copy;

	if (i == env->n && env->n >= SPEC_ENV_MAX)
		return err_set(e, ERR_LIMIT, "more than %d environment variables", SPEC_ENV_MAX);
	copy = strdup(entry);
	if (!copy)
		return no_memory(e);
	if (i == env->n)
		return strv_add_take(env, copy) < 0 ? no_memory(e) : 0;
	free(env->items[i]);
	env->items[i] = copy;
	return 0;
}

/* The host's entry of exactly this name (of @len bytes), or NULL. */
static const char *host_entry(const char *const *host, const char *name, size_t len)
{
	for (; host && *host; host++)
		if (strncmp(*host, name, len) == 0 && (*host)[len] == '=')
			return *host;
	return NULL;
}

static int copy_matching(struct strv *env, const char *prefix, size_t len,
			 const char *const *host, struct err *e)
{
	for (; host && *host; host++) {
		int r;

		if (strncmp(*host, prefix, len) != 0 || !strchr(*host, '=') || **host == '=')
			continue;
		r = set_entry(env, *host, e);
		if (r < 0)
			return r;
	}
	return 0;
}

int spec_env_apply(struct strv *env, const char *arg, const char *const *host, struct err *e)
{
	size_t len = name_len(arg);
	const char *found;

	if (len == 0)
		return err_set(e, ERR_INVALID, "invalid environment variable \"%s\": it has no name",
			       arg);
	if (arg[len] == '=')
		return set_entry(env, arg, e);
	if (arg[len - 1] == '*')
		return copy_matching(env, arg, len - 1, host, e);
	found = host_entry(host, arg, len);
	return found ? set_entry(env, found, e) : 0;
}

int spec_env_apply_text(struct strv *env, const char *text, size_t len, const char *what,
			const char *const *host, struct err *e)
{
	const char *end = text + len;
	unsigned int number = 0;

	while (text < end) {
		const char *nl = memchr(text, '\n', (size_t)(end - text));
		const char *stop = nl ? nl : end;
		auto_free char *line = NULL;
		char *p;
		int r;

		number++;
		if (memchr(text, '\0', (size_t)(stop - text)))
			return err_set(e, ERR_INVALID, "%s line %u: NUL byte", what, number);
		line = strndup(text, (size_t)(stop - text));
		if (!line)
			return no_memory(e);
		text = stop + 1;
		if (*line && line[strlen(line) - 1] == '\r')
			line[strlen(line) - 1] = '\0';
		p = line + strspn(line, " \t");
		if (!*p || *p == '#')
			continue;
		if (strcspn(p, " \t") < name_len(p))
			return err_set(e, ERR_INVALID, "%s line %u: the name of a variable holds a "
				       "blank", what, number);
		r = spec_env_apply(env, p, host, e);
		if (r < 0)
			return err_wrap(e, r, "%s line %u", what, number);
	}
	return 0;
}

int spec_env_apply_image(struct strv *env, const struct strv *image, struct err *e)
{
	for (size_t i = 0; i < image->n; i++) {
		const char *entry = image->items[i];
		int r;

		if (*entry == '=' || !strchr(entry, '='))
			continue;
		r = set_entry(env, entry, e);
		if (r < 0)
			return err_wrap(e, r, "environment of the image");
	}
	return 0;
}

int spec_env_default(struct strv *env, const char *key, const char *value)
{
	return strv_env_get(env, key) ? 0 : strv_env_set(env, key, value);
}

static void remove_name(struct strv *env, const char *name)
{
	size_t len = strlen(name), kept = 0;

	for (size_t i = 0; i < env->n; i++) {
		if (strncmp(env->items[i], name, len) == 0 && env->items[i][len] == '=')
			free(env->items[i]);
		else
			env->items[kept++] = env->items[i];
	}
	env->n = kept;
	if (env->items)
		env->items[kept] = NULL;
}

static int apply_file(struct strv *env, const char *path, const char *const *host, struct err *e)
{
	auto_free char *text = NULL;
	size_t len = 0;
	int r = file_read_path(path, SPEC_ENV_FILE_MAX_BYTES, &text, &len);

	if (r == -EFBIG)
		return err_set(e, ERR_LIMIT, "env-file %s is larger than %u bytes", path,
			       SPEC_ENV_FILE_MAX_BYTES);
	if (r < 0)
		return err_sys(e, r, "read env-file %s", path);
	return spec_env_apply_text(env, text, len, path, host, e);
}

static int apply_base(const struct spec_env_args *a, struct strv *env, struct err *e)
{
	int r;

	if (a->unset_all)
		return 0;
	if (strv_env_set(env, "PATH", SPEC_ENV_PATH) < 0)
		return no_memory(e);
	r = a->defaults ? spec_env_apply_image(env, a->defaults, e) : 0;
	if (r == 0 && a->tty && strv_env_set(env, "TERM", "xterm") < 0)
		r = no_memory(e);
	if (r == 0 && a->image)
		r = spec_env_apply_image(env, a->image, e);
	if (r < 0)
		return r;
	for (size_t i = 0; a->unset && i < a->unset->n; i++)
		remove_name(env, a->unset->items[i]);
	return 0;
}

static int apply_proxy(struct strv *env, const char *const *host, struct err *e)
{
	for (size_t i = 0; i < sizeof(proxy_names) / sizeof(proxy_names[0]); i++) {
		const char *v = host_entry(host, proxy_names[i], strlen(proxy_names[i]));
		int r = v ? set_entry(env, v, e) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

static void tell(const struct spec_env_args *a, const struct strv *set, const char *source)
{
	for (size_t i = 0; i < set->n; i++) {
		auto_free char *name = strndup(set->items[i], strcspn(set->items[i], "="));

		if (name)
			a->said(a->said_arg, name, source);
	}
}

/* Each source by itself, as it is applied below: what fails there is said there. */
static void tell_all(const struct spec_env_args *a)
{
	const struct strv none = STRV_INIT, *files = a->files ? a->files : &none;
	const struct strv *env = a->env ? a->env : &none;
	size_t n = files->n + env->n;

	if (!a->unset_all) {
		auto_strv struct strv image = STRV_INIT;

		a->said(a->said_arg, "PATH", "default");
		if (a->defaults)
			tell(a, a->defaults, "default");
		if (a->tty)
			a->said(a->said_arg, "TERM", "--tty");
		if (a->image && spec_env_apply_image(&image, a->image, NULL) == 0)
			tell(a, &image, "image: Env");
	}
	if (a->http_proxy) {
		auto_strv struct strv set = STRV_INIT;

		if (apply_proxy(&set, a->host, NULL) == 0)
			tell(a, &set, "proxy variable of the host (--http-proxy)");
	}
	if (a->env_host) {
		auto_strv struct strv set = STRV_INIT;

		if (copy_matching(&set, "", 0, a->host, NULL) == 0)
			tell(a, &set, "--env-host");
	}
	for (size_t i = 0; i < n; i++) {
		bool file = i < files->n;
		const char *arg = file ? files->items[i] : env->items[i - files->n];
		auto_free char *source = str_printf("--%s %s", file ? "env-file" : "env", arg);
		auto_strv struct strv set = STRV_INIT;

		if (source && (file ? apply_file(&set, arg, a->host, NULL)
				    : spec_env_apply(&set, arg, a->host, NULL)) == 0)
			tell(a, &set, source);
	}
}

int spec_env_build(const struct spec_env_args *a, struct strv *ret, struct err *e)
{
	int r = apply_base(a, ret, e);

	if (a->said)
		tell_all(a);

	if (r == 0 && a->http_proxy)
		r = apply_proxy(ret, a->host, e);
	if (r == 0 && a->env_host)
		r = copy_matching(ret, "", 0, a->host, e);
	for (size_t i = 0; r == 0 && a->files && i < a->files->n; i++)
		r = apply_file(ret, a->files->items[i], a->host, e);
	for (size_t i = 0; r == 0 && a->env && i < a->env->n; i++)
		if (a->env->items[i][0]) /* -e "" of a script whose variable is empty says nothing */
			r = spec_env_apply(ret, a->env->items[i], a->host, e);
	return r;
}
