/* Opening the engine: where the store is, who we are, which ids we map. */
#include "ctrlite/engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ctrlite/cgroup.h"
#include "ctrlite/default-dirs.h"
#include "ctrlite/idmap.h"
#include "ctrlite/image.h"
#include "ctrlite/transfer.h"
#include "log.h"
#include "path.h"
#include "str.h"

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

static int read_conf(struct ctr_engine *eng, const struct ctr_engine_opts *o, struct err *e)
{
	int r = engine_conf_load(&eng->conf, e);

	if (r == 0)
		r = engine_conf_set_env(&eng->conf, e);
	path_set_helper_dirs(eng->conf.helper_dirs.items, eng->conf.helper_dirs.n);
	if (r == 0)
		r = storage_conf_load(&eng->storage_conf, e);
	for (size_t i = 0; r == 0 && o->storage_opts && i < o->storage_opts->n; i++)
		r = storage_conf_option(&eng->storage_conf, o->storage_opts->items[i], e);
	if (r == 0 && eng->storage_conf.driver && !streq(eng->storage_conf.driver, "overlay"))
		log_info("storage driver %s is configured, but layers are stored for overlay",
			 eng->storage_conf.driver);
	return r;
}

/* The options', else those that are configured, else the usual ones. */
static int find_dirs(const struct ctr_engine *eng, const struct ctr_engine_opts *o, char **ret_root,
		     char **ret_run, struct err *e)
{
	const struct storage_conf *c = &eng->storage_conf;

	if (o->root)
		*ret_root = absolute(o->root);
	else if (c->root && !ctr_in_unshare())
		*ret_root = strdup(c->root);
	else
		*ret_root = ctr_default_root();
	if (o->runroot)
		*ret_run = absolute(o->runroot);
	else if (c->run && !ctr_in_unshare())
		*ret_run = strdup(c->run);
	else
		*ret_run = ctr_default_runroot();
	if (!*ret_root)
		return err_set(e, ERR_INVALID, "no home directory for uid %u: set HOME or give --root",
			       (unsigned int)geteuid());
	return *ret_run ? 0 : err_sys(e, ENOMEM, "open the store");
}

/* One that cannot be read now must not keep us from using ours. */
static void add_stores(struct ctr_engine *eng)
{
	const struct strv *dirs = &eng->storage_conf.additional;

	for (size_t i = 0; i < dirs->n; i++) {
		struct err why = ERR_INIT;

		if (store_add_read_only(&eng->store, dirs->items[i], &why) < 0)
			log_warn("%s", why.text);
	}
	ctr_transfer_stores(dirs->items, dirs->n);
}

int ctr_engine_open(struct ctr_engine *eng, const struct ctr_engine_opts *o, struct err *e)
{
	auto_free char *root = NULL, *run = NULL;
	int r;

	*eng = (struct ctr_engine)CTR_ENGINE_INIT;
	eng->rootless = geteuid() != 0;
	eng->events = o->events;
	eng->usual_store = !o->root;
	r = read_conf(eng, o, e);
	if (r == 0)
		r = find_dirs(eng, o, &root, &run, e);
	if (r < 0) {
		ctr_engine_close(eng);
		return r;
	}
	if ((o->runtime && !(eng->runtime = strdup(o->runtime))) ||
	    (o->cgroup_manager && !(eng->cgroup_manager = strdup(o->cgroup_manager))))
		return err_sys(e, ENOMEM, "open the store");
	for (size_t i = 0; o->runtime_flags && i < o->runtime_flags->n; i++)
		if (strv_addf(&eng->runtime_flags, "--%s", o->runtime_flags->items[i]) < 0)
			return err_sys(e, ENOMEM, "open the store");
	for (size_t i = 0; o->hooks_dirs && i < o->hooks_dirs->n; i++)
		if (strv_add_take(&eng->hooks_dirs, absolute(o->hooks_dirs->items[i])) < 0)
			return err_sys(e, ENOMEM, "open the store");
	r = store_open(&eng->store, root, run, e);
	if (r == 0)
		add_stores(eng);
	if (r < 0) {
		ctr_engine_close(eng);
	} else {
		struct err why = ERR_INIT;

		if (store_collect(&eng->store, map_for_collect, eng, &why) < 0)
			log_warn("cannot remove what an earlier command left: %s", why.text);
		if (eng->store.wants_collect)
			ctr_image_collect_left(eng);
	}
	return r;
}

void ctr_engine_close(struct ctr_engine *eng)
{
	store_close(&eng->store);
	free(take_ptr(&eng->runtime));
	free(take_ptr(&eng->idmap));
	free(take_ptr(&eng->cgroup_manager));
	strv_done(&eng->runtime_flags);
	strv_done(&eng->hooks_dirs);
	path_set_helper_dirs(NULL, 0);
	ctr_transfer_stores(NULL, 0);
	engine_conf_done(&eng->conf);
	storage_conf_done(&eng->storage_conf);
	if (eng->cgroups)
		ctr_cgroup_host_done(eng->cgroups);
	free(take_ptr(&eng->cgroups));
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
