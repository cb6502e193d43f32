/* Finding our own helper programs, see ctrlite/helper-path.h. */
#include <ctrlite/helper-path.h>

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "config.h"
#include "fd.h"
#include "str.h"

/* "<dir>/<sub><name>" if that can be executed, else NULL. */
static char *try_dir(const char *dir, const char *sub, const char *name)
{
	auto_free char *path = str_printf("%s/%s%s", dir, sub, name);

	if (!path || access(path, X_OK) < 0)
		return NULL;
	return take_ptr(&path);
}

/* A build tree keeps ctr-lite-monitor in monitor/, and so on. */
static char *try_build_tree(const char *top, const char *name)
{
	const char *part = str_after(name, "ctr-lite-");

	if (!part)
		return NULL;
	auto_free char *sub = str_printf("%s/", part);
	return sub ? try_dir(top, sub, name) : NULL;
}

static char *beside_us(const char *name)
{
	char exe[PATH_MAX], *slash, *r;
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	if (n <= 0)
		return NULL;
	exe[n] = '\0';
	slash = strrchr(exe, '/');
	if (!slash)
		return NULL;
	*slash = '\0';
	r = try_dir(exe, "", name);
	if (r)
		return r;
	slash = strrchr(exe, '/');
	if (!slash)
		return NULL;
	/* only a build tree has us in cli/ */
	if (streq(slash, "/cli")) {
		*slash = '\0';
		return try_build_tree(exe, name);
	}
	/* an installation that was moved as a whole: bin/ and libexec/ctr-lite/ side by side */
	if (!streq(slash, "/bin"))
		return NULL;
	*slash = '\0';
	return try_dir(exe, "libexec/ctr-lite/", name);
}

int ctr_helper_path(const char *name, char **ret_path, struct err *e)
{
	const char *env = secure_getenv("CTR_LITE_LIBEXEC");
	char *r = NULL;

	if (env && *env == '/') {
		r = try_dir(env, "", name);
		if (!r)
			r = try_build_tree(env, name);
	}
	if (!r)
		r = beside_us(name);
	if (!r)
		r = try_dir(CTR_LIBEXECDIR, "", name);
	if (!r)
		r = try_dir(CTR_BINDIR, "", name);
	if (!r)
		return err_set(e, ERR_NOT_FOUND,
			       "helper program %s is neither beside ctr-lite nor in "
			       "%s or %s: install it, or set CTR_LITE_LIBEXEC to its directory",
			       name, CTR_LIBEXECDIR, CTR_BINDIR);
	*ret_path = r;
	return 0;
}
