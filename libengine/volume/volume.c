/* Volumes: their records, making and listing them. */
#include "volume-priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ctrlite/event.h"
#include "ctrlite/idmap.h"
#include "fd.h"
#include "file.h"
#include "json.h"
#include "log.h"
#include "path.h"
#include "spec/mountopt.h"

#define VOLUME_VERSION 1
#define HOLD_TRIES 100

void ctr_volume_done(struct ctr_volume *v)
{
	free(v->name);
	free(v->driver);
	free(v->device);
	free(v->size);
	strv_done(&v->labels);
	strv_done(&v->options);
	strv_done(&v->mount_options);
	*v = (struct ctr_volume)CTR_VOLUME_INIT;
}

void ctr_volume_list_done(struct ctr_volume_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		ctr_volume_done(&l->items[i]);
	free(l->items);
	*l = (struct ctr_volume_list)CTR_VOLUME_LIST_INIT;
}

char *ctr_volume_mountpoint(const struct ctr_engine *eng, const struct ctr_volume *v)
{
	return str_printf("%s/volumes/%s/_data", eng->store.root, v->name);
}

static int write_file(int dir_fd, const char *name, const char *text)
{
	auto_close int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
				   0600);

	return fd < 0 ? -errno : fd_write_all(fd, text, strlen(text));
}

static int write_record(int dir_fd, const struct ctr_volume *v, struct err *e)
{
	auto_json json_t *j = json_pack("{s:i, s:s, s:s, s:I}", "version", VOLUME_VERSION, "name",
					v->name, "driver", v->driver, "created_ns",
					(json_int_t)v->created_ns);
	auto_free char *text = NULL;
	int r = 0;

	if (j && v->labels.n)
		r |= json_object_set_new(j, "labels", json_from_strv(&v->labels));
	if (j && v->options.n)
		r |= json_object_set_new(j, "options", json_from_strv(&v->options));
	if (j && v->anonymous)
		r |= json_object_set_new(j, "anonymous", json_true());
	if (j && v->has_uid)
		r |= json_object_set_new(j, "uid", json_integer(v->uid));
	if (j && v->has_gid)
		r |= json_object_set_new(j, "gid", json_integer(v->gid));
	if (!j || r < 0)
		return err_set(e, ERR_INVALID, "a label or option of the volume is not valid UTF-8");
	text = json_dumps(j, JSON_COMPACT);
	if (!text)
		return err_sys(e, ENOMEM, "write volume.json");
	r = write_file(dir_fd, "volume.json", text);
	return r < 0 ? err_sys(e, r, "write volume.json") : 0;
}

static int record_from_json(const json_t *j, struct ctr_volume *v, struct err *e)
{
	int64_t version = 0, created = 0, uid = -1, gid = -1;
	const char *name = NULL, *driver = NULL;
	const json_t *labels = NULL, *options = NULL;
	int r;

	version = json_integer_value(json_object_get(j, "version"));
	if (version != VOLUME_VERSION)
		return err_set(e, ERR_CORRUPT, "volume.json has version %lld, this program knows %d",
			       (long long)version, VOLUME_VERSION);
	name = json_string_value(json_object_get(j, "name"));
	driver = json_string_value(json_object_get(j, "driver"));
	created = json_integer_value(json_object_get(j, "created_ns"));
	if (!name || !driver)
		return err_set(e, ERR_CORRUPT, "volume.json lacks name or driver");
	labels = json_object_get(j, "labels");
	options = json_object_get(j, "options");
	r = labels ? json_read_strv(labels, &v->labels, 65536, "labels", e) : 0;
	if (r == 0 && options)
		r = json_read_strv(options, &v->options, 65536, "options", e);
	if (r < 0)
		return r;
	v->driver = strdup(driver);
	v->created_ns = created;
	v->anonymous = json_is_true(json_object_get(j, "anonymous"));
	if (json_is_integer(json_object_get(j, "uid")))
		uid = json_integer_value(json_object_get(j, "uid"));
	if (json_is_integer(json_object_get(j, "gid")))
		gid = json_integer_value(json_object_get(j, "gid"));
	if (uid > UINT32_MAX || gid > UINT32_MAX)
		return err_set(e, ERR_CORRUPT, "volume.json has an id out of range");
	v->has_uid = uid >= 0;
	v->has_gid = gid >= 0;
	v->uid = uid >= 0 ? (uint32_t)uid : 0;
	v->gid = gid >= 0 ? (uint32_t)gid : 0;
	return v->driver ? 0 : err_sys(e, ENOMEM, "read volume.json");
}

int ctr_volume_read(struct ctr_engine *eng, const char *name, struct ctr_volume *ret, struct err *e)
{
	struct ctr_volume v = CTR_VOLUME_INIT;
	auto_close int dir = FD_NONE;
	auto_json json_t *j = NULL;
	int r;

	if (!spec_volume_name_ok(name))
		return err_set(e, ERR_NOT_FOUND, "no such volume %.255s", name);
	dir = path_open_beneath(eng->store.volumes_fd, name, O_RDONLY | O_DIRECTORY);
	if (dir == -ENOENT || dir == -ENOTDIR)
		return err_set(e, ERR_NOT_FOUND, "no such volume %.255s", name);
	if (dir < 0)
		return err_sys(e, dir, "open volume %.255s", name);
	r = json_parse_file(dir, "volume.json", CTR_VOLUME_JSON_MAX_BYTES, &j, e);
	if (r == -ENOENT && faccessat(dir, "_data", F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(e, ERR_NOT_FOUND, "no such volume %.255s", name); /* vanished */
	if (r == 0)
		r = record_from_json(j, &v, e);
	if (r == 0)
		r = volume_read_options(&v, eng->rootless, e);
	v.name = strdup(name);
	if (r == 0 && !v.name)
		r = err_sys(e, ENOMEM, "read volume.json");
	if (r < 0) {
		ctr_volume_done(&v);
		return err_wrap(e, r, "volume %.255s", name);
	}
	v.needs_owner = faccessat(dir, CTR_VOLUME_NEEDS_OWNER, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	v.needs_content = faccessat(dir, CTR_VOLUME_NEEDS_CONTENT, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	*ret = v;
	return 0;
}

static int list_names(struct ctr_engine *eng, struct strv *ret, struct err *e)
{
	int fd = path_open_beneath(eng->store.root_fd, "volumes", O_RDONLY | O_DIRECTORY);
	auto_dir DIR *d = NULL;
	struct dirent *de;

	if (fd < 0)
		return fd == -ENOENT ? 0 : err_sys(e, fd, "list the volumes");
	d = fdopendir(fd);
	if (!d) {
		(void)fd_close(fd);
		return err_sys(e, ENOMEM, "list the volumes");
	}
	while ((errno = 0, de = readdir(d)))
		if (spec_volume_name_ok(de->d_name) && strv_add(ret, de->d_name) < 0)
			return err_sys(e, ENOMEM, "list the volumes");
	return errno ? err_sys(e, errno, "list the volumes") : 0;
}

int ctr_volume_get(struct ctr_engine *eng, const char *name, struct ctr_volume *ret, struct err *e)
{
	auto_strv struct strv names = STRV_INIT;
	struct err why = ERR_INIT;
	const char *found = NULL;
	int r = ctr_volume_read(eng, name, ret, &why);

	if (r == -ENOENT && *name) {
		r = list_names(eng, &names, e);
		for (size_t i = 0; r == 0 && i < names.n; i++) {
			if (!str_starts(names.items[i], name))
				continue;
			if (found)
				return err_set(e, ERR_INVALID, "more than one result for volume name "
					       "%.255s: volume already exists", name);
			found = names.items[i];
		}
		if (r < 0)
			return r;
		if (found)
			return ctr_volume_read(eng, found, ret, e);
		r = -ENOENT;
	}
	if (r < 0 && e)
		*e = why;
	return r;
}

static int by_created(const void *a, const void *b)
{
	const struct ctr_volume *x = a, *y = b;

	if (x->created_ns != y->created_ns)
		return x->created_ns < y->created_ns ? -1 : 1;
	return strcmp(x->name, y->name);
}

int ctr_volume_list(struct ctr_engine *eng, struct ctr_volume_list *ret, struct err *e)
{
	auto_strv struct strv names = STRV_INIT;
	struct ctr_volume_list l = CTR_VOLUME_LIST_INIT;
	int r = list_names(eng, &names, e);

	if (r < 0)
		return r;
	l.items = calloc(names.n + 1, sizeof(*l.items));
	if (!l.items)
		return err_sys(e, ENOMEM, "list the volumes");
	for (size_t i = 0; i < names.n; i++) {
		struct err why = ERR_INIT;

		r = ctr_volume_read(eng, names.items[i], &l.items[l.n], &why);
		if (r == 0)
			l.n++;
		else if (r != -ENOENT)
			log_warn("%s", why.text);
	}
	if (l.n)
		qsort(l.items, l.n, sizeof(*l.items), by_created);
	*ret = l;
	return 0;
}

/* The owner that was asked for: an id of containers, which has its meaning in their namespace. */
static int give_owner(struct ctr_engine *eng, int stage_fd, const struct ctr_volume *v, struct err *e)
{
	uid_t uid = v->has_uid ? v->uid : (uid_t)-1;
	gid_t gid = v->has_gid ? v->gid : (gid_t)-1;
	const struct idmap *map;
	struct proc p = PROC_INIT;
	int status = 0, r = ctr_engine_idmap(eng, &map, e);

	if (r < 0)
		return r;
	if (!map)
		return fchownat(stage_fd, "_data", uid, gid, 0) < 0
			       ? err_sys(e, errno, "give the volume the owner %u:%u", v->uid, v->gid)
			       : 0;
	if (v->uid == 0 && v->gid == 0)
		return 0; /* it is ours */
	r = userns_fork(map, 0, &p, e);
	if (r == 0)
		_exit(fchownat(stage_fd, "_data", uid, gid, 0) == 0 ? 0 : errno & 0x7f);
	if (r < 0)
		return r;
	r = proc_wait(&p, &status);
	proc_done(&p);
	if (r == 0 && status)
		r = err_set(e, ERR_INVALID, "give the volume the owner %u:%u: not among the ids that "
			    "you may use", v->has_uid ? v->uid : 0, v->has_gid ? v->gid : 0);
	return r;
}

static int fill_stage(struct ctr_engine *eng, int fd, const struct ctr_volume *v, struct err *e)
{
	int r;

	if (mkdirat(fd, "_data", 0755) < 0 || fchmodat(fd, "_data", 0755, 0) < 0)
		return err_sys(e, errno, "make a volume");
	r = write_record(fd, v, e);
	if (r < 0)
		return r;
	if (!v->has_uid && !v->has_gid)
		r = write_file(fd, CTR_VOLUME_NEEDS_OWNER, "");
	if (r == 0)
		r = write_file(fd, CTR_VOLUME_NEEDS_CONTENT, "");
	if (r < 0)
		return err_sys(e, r, "make a volume");
	if ((v->has_uid || v->has_gid) && v->kind == CTR_VOLUME_DIR)
		r = give_owner(eng, fd, v, e);
	return r;
}

static int sync_stage(int fd, struct err *e)
{
	auto_close int file = openat(fd, "volume.json", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (file < 0 || fsync(file) < 0 || fsync(fd) < 0)
		return err_sys(e, errno, "sync the volume's record");
	return 0;
}

static int make(struct ctr_engine *eng, struct ctr_volume *v, bool sync, struct err *e)
{
	struct stage st = STAGE_INIT;
	struct timespec now;
	int r;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	v->created_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
	free(v->driver);
	v->driver = strdup("local");
	if (!v->driver)
		return err_sys(e, ENOMEM, "make a volume");
	r = store_stage_new(&eng->store, &st, e);
	if (r < 0)
		return r;
	r = fill_stage(eng, st.fd, v, e);
	if (r == 0 && sync)
		r = sync_stage(st.fd, e);
	if (r == 0) {
		r = store_stage_commit(&eng->store, &st, eng->store.volumes_fd, v->name, e);
		if (r == 0)
			ctr_volume_event(eng, "create", v->name);
		if (r == 0 && sync && fsync(eng->store.volumes_fd) < 0)
			r = err_sys(e, errno, "sync the list of volumes");
	}
	if (st.fd >= 0)
		(void)store_stage_drop(&eng->store, &st, NULL, NULL); /* holds an empty directory */
	if (r == -EEXIST)
		return err_set(e, ERR_EXISTS, "volume with name %s already exists: volume already exists",
			       v->name);
	return r;
}

void ctr_volume_event(struct ctr_engine *eng, const char *status, const char *name)
{
	ctr_event(eng, &(struct ctr_event){ .type = "volume", .status = status, .name = name });
}

static int made_up_name(struct ctr_volume *v, struct err *e)
{
	char name[65];
	int r = str_random_hex(32, name);

	v->name = r == 0 ? strdup(name) : NULL;
	return v->name ? 0 : err_sys(e, r < 0 ? r : -ENOMEM, "make up a name");
}

int ctr_volume_create(struct ctr_engine *eng, struct ctr_volume *v, struct err *e)
{
	int r = 0;

	if (v->name && !spec_volume_name_ok(v->name))
		return err_set(e, ERR_INVALID, "running volume create option: names must match "
			       "[a-zA-Z0-9][a-zA-Z0-9_.-]*: invalid argument");
	r = volume_read_options(v, eng->rootless, e);
	if (r == 0 && !v->name)
		r = made_up_name(v, e);
	return r < 0 ? r : make(eng, v, true, e);
}

int volume_lock(struct ctr_engine *eng, const char *name, bool exclusive, struct err *e)
{
	for (int i = 0; i < HOLD_TRIES; i++) {
		auto_close int fd = path_open_beneath(eng->store.volumes_fd, name, O_RDONLY | O_DIRECTORY);
		struct stat held, named;
		int r;

		if (fd == -ENOENT || fd == -ENOTDIR)
			return err_set(e, ERR_NOT_FOUND, "no such volume %.255s", name);
		if (fd < 0 || fstat(fd, &held) < 0)
			return err_sys(e, fd < 0 ? fd : -errno, "open volume %.255s", name);
		r = file_lock(fd, exclusive, true);
		if (r < 0)
			return err_sys(e, r, "lock volume %.255s", name);
		/* Removed, and perhaps made again, while we waited? */
		if (fstatat(eng->store.volumes_fd, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
		    held.st_ino == named.st_ino && held.st_dev == named.st_dev)
			return take_fd(&fd);
	}
	return err_set(e, ERR_BUSY, "volume %.255s keeps being removed and made again", name);
}

static bool looks_anonymous(const char *name)
{
	return strlen(name) == 64 && strspn(name, "0123456789abcdef") == 64;
}

int ctr_volume_hold(struct ctr_engine *eng, const char *name, bool anonymous, bool make_it, bool sync,
		    struct err *e)
{
	for (int i = 0; i < HOLD_TRIES; i++) {
		auto_volume struct ctr_volume v = CTR_VOLUME_INIT;
		auto_close int fd = volume_lock(eng, name, false, e);
		int r;

		if (fd >= 0 && !anonymous && looks_anonymous(name)) {
			r = write_file(fd, CTR_VOLUME_SHARED, "");
			if (r < 0 && r != -EEXIST)
				return err_sys(e, r, "use volume %.255s", name);
		}
		if (fd != -ENOENT || !make_it)
			return take_fd(&fd);
		if (e)
			*e = (struct err)ERR_INIT;
		v.name = strdup(name);
		v.anonymous = anonymous;
		r = v.name ? make(eng, &v, sync, e) : err_sys(e, ENOMEM, "make a volume");
		if (r < 0 && r != -EEXIST)
			return r;
		if (e)
			*e = (struct err)ERR_INIT;
	}
	return err_set(e, ERR_BUSY, "volume %.255s keeps being removed", name);
}
