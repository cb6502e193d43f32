/* Files of credentials. */
#include "auth-place.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <ctrlite/default-dirs.h>

#include "fd.h"
#include "file.h"
#include "json.h"

int auth_file_read(const char *path, json_t **ret, struct err *e)
{
	struct err why = ERR_INIT;
	char *buf = NULL;
	size_t len;
	int r = file_read_path(path, AUTH_FILE_MAX_BYTES, &buf, &len);

	if (r == -ENOENT || r == -ENOTDIR)
		return 0;
	if (r < 0)
		return err_sys(e, r, "read %s", path);
	if (len > 0) {
		r = json_parse(buf, len, AUTH_FILE_MAX_BYTES, path, ret, &why);
		explicit_bzero(buf, len);
	}
	free(buf);
	if (len == 0)
		return 0;
	if (r < 0 || !json_is_object(*ret)) {
		json_decref(*ret);
		*ret = NULL;
		return err_set(e, ERR_CORRUPT, "%s is not a JSON object", path);
	}
	return 1;
}

static int add_path(struct strv *v, const char *dir, const char *rest)
{
	return dir && *dir == '/' ? strv_addf(v, "%s/%s", dir, rest) : 0;
}

int auth_read_paths(struct strv *v)
{
	const char *conf = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	const char *docker = getenv("DOCKER_CONFIG"), *run = getenv("XDG_RUNTIME_DIR");
	char run_dir[PATH_MAX];
	int r;

	if (geteuid() == 0 && (!run || *run != '/'))
		r = strv_add(v, "/run/containers/0/auth.json");
	else if (geteuid() == 0)
		r = add_path(v, run, "containers/auth.json");
	else if (ctr_user_run_dir(run_dir))
		r = add_path(v, run_dir, "containers/auth.json");
	else
		r = 0; /* then the user's configuration is the first that can be written */
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

char *auth_key_host(const char *key)
{
	const char *p = str_after(key, "https://");

	if (!p)
		p = str_after(key, "http://");
	if (!p)
		p = key;
	return strndup(p, strcspn(p, "/"));
}

bool auth_same_host(const char *a, const char *b)
{
	static const char *const hub[] = { "docker.io", "index.docker.io", "registry-1.docker.io" };
	bool a_hub = false, b_hub = false;

	for (size_t i = 0; i < sizeof(hub) / sizeof(*hub); i++) {
		a_hub |= streq(a, hub[i]);
		b_hub |= streq(b, hub[i]);
	}
	return (a_hub && b_hub) || streq(a, b);
}
