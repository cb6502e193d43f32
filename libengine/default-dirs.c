/* Where the store and the run directory are when nobody says. */
#include "ctrlite/default-dirs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fd.h"
#include "path.h"
#include "str.h"
#include "userns.h"

/* An absolute directory from the environment, or NULL. */
static const char *env_dir(const char *name)
{
	const char *s = getenv(name);

	return s && s[0] == '/' ? s : NULL;
}

/* The home directory without NSS, which would load libraries: $HOME or /etc/passwd. */
static char *home_dir(void)
{
	auto_file FILE *f = NULL;
	const char *env = env_dir("HOME");
	char line[4096];

	if (env)
		return strdup(env);
	f = fopen("/etc/passwd", "re");
	while (f && fgets(line, sizeof(line), f)) {
		auto_strv struct strv v = STRV_INIT;
		uint32_t uid;

		line[strcspn(line, "\n")] = '\0';
		if (strv_split(&v, line, ':') == 0 && v.n == 7 &&
		    str_u32(v.items[2], UINT32_MAX, &uid) == 0 && uid == geteuid() &&
		    v.items[5][0] == '/')
			return strdup(v.items[5]);
	}
	return NULL;
}

/* Root of a user namespace, and where `unshare` told it that the store is; else NULL. */
static const char *unshared_dir(const char *name)
{
	const char *dir = geteuid() == 0 ? env_dir(name) : NULL;

	return dir && !userns_is_initial() ? dir : NULL;
}

bool ctr_in_unshare(void)
{
	return unshared_dir(CTR_UNSHARE_ROOT_ENV) != NULL;
}

char *ctr_default_root(void)
{
	const char *data = env_dir("XDG_DATA_HOME"), *unshared = unshared_dir(CTR_UNSHARE_ROOT_ENV);
	auto_free char *home = NULL;

	if (unshared)
		return strdup(unshared);
	if (geteuid() == 0)
		return strdup("/var/lib/ctr-lite");
	if (data)
		return path_join(data, "ctr-lite");
	home = home_dir();
	return home ? path_join(home, ".local/share/ctr-lite") : NULL;
}

static bool is_ours(const char *dir)
{
	struct stat st;

	return lstat(dir, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
	       access(dir, W_OK | X_OK) == 0;
}

/* Without a login session there is no $XDG_RUNTIME_DIR, and su and sudo may leave that of another
 * user; /run/user/UID may exist all the same. */
bool ctr_user_run_dir(char ret[PATH_MAX])
{
	const char *xdg = env_dir("XDG_RUNTIME_DIR");

	if (xdg && strlen(xdg) < PATH_MAX && is_ours(xdg)) {
		memcpy(ret, xdg, strlen(xdg) + 1);
		return true;
	}
	(void)snprintf(ret, PATH_MAX, "/run/user/%u", (unsigned int)geteuid());
	return is_ours(ret);
}

/* The last resort is a directory in /tmp, whose owner and mode store_open() checks. */
char *ctr_default_runroot(void)
{
	const char *unshared = unshared_dir(CTR_UNSHARE_RUN_ENV);
	char dir[PATH_MAX];

	if (unshared)
		return strdup(unshared);
	if (geteuid() == 0)
		return strdup("/run/ctr-lite");
	return ctr_user_run_dir(dir) ? path_join(dir, "ctr-lite")
				     : str_printf("/tmp/ctr-lite-%u", (unsigned int)geteuid());
}
