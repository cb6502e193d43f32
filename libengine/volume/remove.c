/* Who uses a volume, and taking one away. */
#include "volume-priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctrlite/container.h"
#include "ctrlite/idmap.h"
#include "fd.h"
#include "proc.h"

#define FORCE_TRIES 20

static int add_uses(const struct ctr_request *r, struct strv *ret)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < r->anon_volumes.n; i++)
		rc = strv_addf(ret, "%s\t%s", r->anon_volumes.items[i], r->id);
	for (size_t i = 0; rc == 0 && i < r->named_volumes.n; i++)
		rc = strv_addf(ret, "%s\t%s", r->named_volumes.items[i], r->id);
	return rc;
}

int ctr_volume_uses(struct ctr_engine *eng, struct strv *ret, struct err *e)
{
	auto_strv struct strv ids = STRV_INIT;
	int rc = ctr_container_ids(eng, &ids, e);

	for (size_t i = 0; rc == 0 && i < ids.n; i++) {
		struct ctr_request r = CTR_REQUEST_INIT;

		rc = ctr_container_load(eng, ids.items[i], &r, e);
		if (rc == -ENOENT) { /* removed meanwhile */
			if (e)
				*e = (struct err)ERR_INIT;
			rc = 0;
			continue;
		}
		if (rc == 0 && add_uses(&r, ret) < 0)
			rc = err_sys(e, ENOMEM, "look who uses volumes");
		ctr_request_done(&r);
	}
	return rc;
}

static const char *user_of(const char *line, const char *name)
{
	const char *rest = str_after(line, name);

	return rest && *rest == '\t' ? rest + 1 : NULL;
}

size_t ctr_volume_count(const struct strv *uses, const char *name)
{
	size_t n = 0;

	for (size_t i = 0; i < uses->n; i++)
		n += user_of(uses->items[i], name) != NULL;
	return n;
}

static int in_use(const struct strv *uses, const char *name, struct err *e)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;

	for (size_t i = 0; i < uses->n; i++) {
		const char *id = user_of(uses->items[i], name);

		if (id && b.len < 300) /* a message has its end */
			strbuf_addf(&b, "%s%s", b.len ? ", " : "", id);
	}
	return err_set(e, ERR_BUSY, "volume %.255s is being used by the following container(s): %s: volume "
		       "is being used", name, b.failed || !b.data ? "" : b.data);
}

/* Take away the containers that use it; the lock is not held meanwhile, as stopping takes time. */
static int remove_users(struct ctr_engine *eng, const struct strv *uses, const char *name,
			int64_t timeout_s, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < uses->n; i++) {
		const char *id = user_of(uses->items[i], name);
		struct ctr_request r = CTR_REQUEST_INIT;
		int64_t wait_s = timeout_s;

		if (!id)
			continue;
		if (wait_s < 0 && ctr_container_load(eng, id, &r, NULL) == 0)
			wait_s = r.stop_timeout_s;
		ctr_request_done(&r);
		rc = ctr_container_remove(eng, id, true, false, wait_s, e);
		if (rc == -ENOENT) {
			if (e)
				*e = (struct err)ERR_INIT;
			rc = 0;
		}
	}
	return rc;
}

static int drop(struct ctr_engine *eng, struct stage *st, struct err *e)
{
	const struct idmap *map = NULL;
	int rc = ctr_engine_idmap(eng, &map, e);

	return rc < 0 ? rc : store_stage_drop(&eng->store, st, map, e);
}

/* 1 removed, 0 used (and @uses says by whom), or an error. */
static int try_remove(struct ctr_engine *eng, const char *name, struct strv *uses, struct err *e)
{
	auto_close int lock = volume_lock(eng, name, true, e);
	struct stage st = STAGE_INIT;
	int rc = lock < 0 ? lock : ctr_volume_uses(eng, uses, e);

	if (rc < 0)
		return rc;
	if (ctr_volume_count(uses, name))
		return 0;
	/* As store_stage_take() does; the lock that a stage has we hold already. */
	rc = str_random_hex(8, st.name);
	if (rc == 0 && renameat2(eng->store.volumes_fd, name, eng->store.tmp_fd, st.name,
				 RENAME_NOREPLACE) < 0)
		rc = -errno;
	if (rc == -ENOENT)
		return err_set(e, ERR_NOT_FOUND, "no such volume %.255s", name);
	if (rc < 0)
		return err_sys(e, rc, "remove volume %.255s", name);
	ctr_volume_event(eng, "remove", name);
	st.fd = take_fd(&lock);
	rc = drop(eng, &st, e);
	return rc < 0 ? err_wrap(e, rc, "remove volume %.255s", name) : 1;
}

int ctr_volume_remove(struct ctr_engine *eng, const char *name, bool force, int64_t timeout_s,
		      struct err *e)
{
	for (int i = 0;; i++) {
		auto_strv struct strv uses = STRV_INIT;
		int rc = try_remove(eng, name, &uses, e);

		if (rc != 0)
			return rc < 0 ? rc : 0;
		if (!force || i == FORCE_TRIES)
			return in_use(&uses, name, e);
		rc = remove_users(eng, &uses, name, timeout_s, e);
		if (rc < 0)
			return rc;
	}
}
