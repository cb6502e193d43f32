/* Opening the engine: where the store is, who we are, which ids we map. */
#include "ctrlite/engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctrlite/idmap.h"
#include "path.h"
#include "str.h"

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

static char *default_root(void)
{
	const char *data = env_dir("XDG_DATA_HOME");
	auto_free char *home = NULL;

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

/* Without a login session there is no $XDG_RUNTIME_DIR; /run/user/UID may exist all the same
 * (su, cron); else a directory in /tmp, whose owner and mode store_open() checks. */
static char *default_run(void)
{
	const char *xdg = env_dir("XDG_RUNTIME_DIR");
	char dir[64];

	if (geteuid() == 0)
		return strdup("/run/ctr-lite");
	if (xdg && is_ours(xdg))
		return path_join(xdg, "ctr-lite");
	(void)snprintf(dir, sizeof(dir), "/run/user/%u", (unsigned int)geteuid());
	if (is_ours(dir))
		return path_join(dir, "ctr-lite");
	return str_printf("/tmp/ctr-lite-%u", (unsigned int)geteuid());
}

static char *absolute(const char *path)
{
	auto_free char *cwd = NULL, *joined = NULL;

	if (path[0] == '/')
		return strdup(path);
	cwd = getcwd(NULL, 0);
	joined = cwd ? path_join(cwd, path) : NULL;
	return joined ? path_clean_abs(joined) : NULL;
}

static int map_for_collect(void *arg, struct idmap *ret, struct err *e)
{
	const struct idmap *map;
	int r = ctr_engine_idmap(arg, &map, e);

	if (r < 0)
		return r;
	if (!map)
		return -ENOENT;
	*ret = *map;
	return 0;
}

int ctr_engine_open(struct ctr_engine *eng, const struct ctr_engine_opts *o, struct err *e)
{
	auto_free char *root = o->root ? absolute(o->root) : default_root();
	auto_free char *run = o->runroot ? absolute(o->runroot) : default_run();
	int r;

	*eng = (struct ctr_engine)CTR_ENGINE_INIT;
	eng->rootless = geteuid() != 0;
	if (!root)
		return err_set(e, ERR_INVALID, "no home directory for uid %u: set HOME or give --root",
			       (unsigned int)geteuid());
	if (!run)
		return err_sys(e, ENOMEM, "open the store");
	if (o->runtime && !(eng->runtime = strdup(o->runtime)))
		return err_sys(e, ENOMEM, "open the store");
	r = store_open(&eng->store, root, run, e);
	if (r == 0)
		r = store_collect(&eng->store, map_for_collect, eng, e);
	if (r < 0)
		ctr_engine_close(eng);
	return r;
}

void ctr_engine_close(struct ctr_engine *eng)
{
	store_close(&eng->store);
	free(take_ptr(&eng->runtime));
	free(take_ptr(&eng->idmap));
}

int ctr_engine_idmap(struct ctr_engine *eng, const struct idmap **ret, struct err *e)
{
	auto_free struct idmap *map = NULL;
	int r;

	*ret = NULL;
	if (!eng->rootless)
		return 0;
	if (!eng->idmap) {
		map = calloc(1, sizeof(*map));
		if (!map)
			return err_sys(e, ENOMEM, "read the id ranges");
		r = ctr_idmap_default(eng->store.run_fd, map, NULL, e);
		if (r < 0)
			return r;
		eng->idmap = take_ptr(&map);
	}
	*ret = eng->idmap;
	return 0;
}
