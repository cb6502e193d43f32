/*
 * Removing what nobody needs: staging directories of dead processes, and blobs and layers that no
 * image and no container uses.
 *
 * An image that is being put into place lists what it renames in its stage (STAGE_PENDING) before
 * it starts, and its layers carry LAYER_NEW until the index names the image.  So a maker that dies
 * in between leaves a note of exactly what may be an orphan.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "file.h"
#include "image-record.h"
#include "json.h"
#include "layer.h"
#include "layout.h"
#include "path.h"
#include "store-internal.h"
#include "store.h"

#define PENDING_MAX_BYTES (4u << 20)
#define STAGE_COLLECT "collect"	/* in a stage: the note of store_note_collect() */
#define WORKER_END_MS 3000	/* a killed worker's last system call */
#define INDEX_DEPTH_MAX 8	/* of an index in an index */

struct linux_dirent64_ {
	uint64_t ino;
	int64_t off;
	uint16_t reclen;
	uint8_t type;
	char name[];
};

/* The names in a directory, without the memory and the calls of opendir(). */
int store_list_dir(int dir_fd, const char *name, struct strv *ret)
{
	auto_close int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char buf[4096] __attribute__((aligned(8)));

	if (fd < 0)
		return -errno;
	for (;;) {
		long n = syscall(SYS_getdents64, fd, buf, sizeof(buf));

		if (n <= 0)
			return n < 0 ? -errno : 0;
		for (long at = 0; at < n;) {
			const struct linux_dirent64_ *d = (const void *)(buf + at);

			at += d->reclen;
			if (!streq(d->name, ".") && !streq(d->name, "..") && strv_add(ret, d->name) < 0)
				return -ENOMEM;
		}
	}
}

/* A set of 64-hex strings: sorted once, then searched. */
struct hexset {
	struct strv v;
	bool sorted;
};

static int compare_str(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

static bool hexset_has(struct hexset *h, const char *hex)
{
	if (!h->sorted && h->v.n)
		qsort(h->v.items, h->v.n, sizeof(h->v.items[0]), compare_str);
	h->sorted = true;
	return h->v.n && bsearch(&hex, h->v.items, h->v.n, sizeof(h->v.items[0]), compare_str);
}

/* What the index needs. */
struct reach {
	struct store *s;
	struct hexset blobs, layers, manifests;
};

static void reach_done(struct reach *x)
{
	strv_done(&x->blobs.v);
	strv_done(&x->layers.v);
	strv_done(&x->manifests.v);
}

/* Every digest that a document mentions, wherever it stands: an artifact of a kind that we do not
 * know keeps what it refers to. */
static int add_digests(struct reach *x, const json_t *v, int depth)
{
	json_t *o = (json_t *)(uintptr_t)v; /* jansson's iterators take no const */
	const char *key;
	json_t *child;
	struct digest d;
	size_t i;
	int r = 0;

	if (depth > 32)
		return 0;
	if (json_is_object(v)) {
		json_object_foreach(o, key, child) {
			if (json_is_string(child)) {
				if ((streq(key, "digest") || streq(key, "blobSum")) &&
				    digest_parse(json_string_value(child), &d, NULL) == 0)
					r = strv_add(&x->blobs.v, d.hex);
			} else {
				r = add_digests(x, child, depth + 1);
			}
			if (r < 0)
				return r;
		}
	} else if (json_is_array(v)) {
		json_array_foreach(o, i, child) {
			r = add_digests(x, child, depth + 1);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

static int add_record(struct reach *x, const struct digest *manifest, struct err *e)
{
	struct image_record rec = IMAGE_RECORD_INIT;
	int r = image_record_read(x->s, manifest, &rec, NULL);

	if (r == -ENOENT || r == -EBADMSG)
		return 0; /* not unpacked, or to be unpacked again */
	if (r < 0)
		return err_sys(e, r, "read the record of image %.12s", manifest->hex);
	for (size_t i = 0; r == 0 && i < rec.layers.n; i++)
		r = strv_add(&x->layers.v, rec.layers.items[i]);
	image_record_done(&rec);
	return r < 0 ? err_sys(e, r, "image %.12s", manifest->hex) : 0;
}

static int add_manifest(struct reach *x, const struct digest *d, int depth, struct err *e)
{
	auto_json json_t *doc = NULL;
	const json_t *list;
	int r;

	if (strv_add(&x->blobs.v, d->hex) < 0 || strv_add(&x->manifests.v, d->hex) < 0)
		return err_sys(e, ENOMEM, "image %.12s", d->hex);
	r = layout_blob_json(x->s, d, LAYOUT_MANIFEST_MAX_BYTES, &doc, e);
	if (r == -ENOENT)
		return 0; /* a platform that was not fetched, or damage: it keeps nothing */
	if (r < 0)
		return r; /* unreadable: better keep everything */
	if (add_digests(x, doc, 0) < 0)
		return err_sys(e, ENOMEM, "image %.12s", d->hex);
	list = json_object_get(doc, "manifests");
	for (size_t i = 0; depth < INDEX_DEPTH_MAX && i < json_array_size(list); i++) {
		const char *s = json_string_value(json_object_get(json_array_get(list, i), "digest"));
		struct digest sub;

		if (!s || digest_parse(s, &sub, NULL) < 0)
			continue;
		r = add_manifest(x, &sub, depth + 1, e);
		if (r < 0)
			return r;
	}
	return add_record(x, d, e);
}

static int reach_all(struct reach *x, struct err *e)
{
	auto_layout_index struct layout_index index = LAYOUT_INDEX_INIT;
	int r = layout_read(x->s, &index, e);

	for (size_t i = 0; r == 0 && i < index.n; i++)
		r = add_manifest(x, &index.entries[i].manifest, 0, e);
	return r;
}

/* Rename what nobody holds out of the way; it stays locked until the rename is done.  Blobs and
 * layers can have the same name: an uncompressed layer's digest is its diffID. */
static int move_away(int dir_fd, const char *name, char kind, struct stage *st)
{
	char target[DIGEST_HEX_LEN + 16];
	auto_close int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	int r;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	r = file_lock(fd, true, false);
	if (r == -EWOULDBLOCK)
		return 0;
	(void)snprintf(target, sizeof(target), "gone-%c-%.*s", kind, DIGEST_HEX_LEN, name);
	if (r == 0 && renameat(dir_fd, name, st->fd, target) < 0)
		r = -errno;
	return r;
}

/* Move every 64-hex name of @dir that is in neither set into the stage. */
static int sweep(int dir_fd, const char *dir, struct hexset *keep, struct hexset *keep2,
		 struct stage *st, struct err *e)
{
	auto_strv struct strv names = STRV_INIT;
	auto_close int fd = openat(dir_fd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct digest d;
	int r = fd < 0 ? -errno : store_list_dir(fd, ".", &names);

	if (r == -ENOENT)
		return 0;
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		const char *name = names.items[i];

		if (digest_parse_hex(name, &d, NULL) < 0 || hexset_has(keep, name) ||
		    (keep2 && hexset_has(keep2, name)))
			continue;
		r = move_away(fd, name, keep2 ? 'l' : 'b', st);
		if (r < 0)
			return err_sys(e, r, "move %s/%.12s away", dir, name);
	}
	return r < 0 ? err_sys(e, r, "list %s", dir) : 0;
}

static int sweep_records(struct reach *x, struct err *e)
{
	auto_strv struct strv names = STRV_INIT;
	int r = store_list_dir(x->s->meta_fd, ".", &names);

	if (r < 0)
		return err_sys(e, r, "list %s/meta", x->s->root);
	for (size_t i = 0; i < names.n; i++) {
		struct digest d;
		char hex[DIGEST_HEX_LEN + 1];

		if (strlen(names.items[i]) != DIGEST_HEX_LEN + strlen(".json"))
			continue;
		memcpy(hex, names.items[i], DIGEST_HEX_LEN);
		hex[DIGEST_HEX_LEN] = '\0';
		if (digest_parse_hex(hex, &d, NULL) == 0 && !hexset_has(&x->manifests, hex))
			image_record_remove(x->s, &d);
	}
	return 0;
}

int layout_collect(struct store *s, const struct strv *keep_keys, const struct idmap *m, struct err *e)
{
	auto_close int lock = layout_lock(s, e);
	struct reach x = { .s = s };
	struct hexset keep = { 0 };
	struct stage st = STAGE_INIT;
	int r = lock < 0 ? lock : 0, r2;

	for (size_t i = 0; r == 0 && keep_keys && i < keep_keys->n; i++)
		r = strv_add(&keep.v, keep_keys->items[i]);
	if (r == 0)
		r = reach_all(&x, e);
	if (r == 0)
		r = store_stage_new(s, &st, e);
	if (r == 0)
		r = sweep(s->images_fd, "blobs/sha256", &x.blobs, NULL, &st, e);
	if (r == 0)
		r = sweep(s->layers_fd, ".", &x.layers, &keep, &st, e);
	if (r == 0)
		r = sweep_records(&x, e);
	lock = fd_close(lock);
	reach_done(&x);
	strv_done(&keep.v);
	r2 = store_stage_drop(s, &st, m, r == 0 ? e : NULL);
	return r < 0 ? r : r2;
}

/*
 * A worker that unpacks into the stage dies with its maker, but not before the system call that
 * it is in ends.  It locks the directory that it works in.
 */
static int wait_for_workers(struct stage *st)
{
	auto_strv struct strv names = STRV_INIT;
	int r = store_list_dir(st->fd, ".", &names);

	for (size_t i = 0; r == 0 && i < names.n; i++) {
		auto_close int fd = FD_NONE;

		if (!str_starts(names.items[i], STAGE_LAYER))
			continue;
		fd = path_open_beneath(st->fd, names.items[i], O_RDONLY | O_DIRECTORY);
		if (fd >= 0) {
			int diff = openat(fd, "diff", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

			(void)fd_close(fd);
			fd = diff;
		}
		if (fd < 0)
			continue;
		for (int t = 0; t < WORKER_END_MS && file_lock(fd, true, false) == -EWOULDBLOCK; t += 5)
			(void)usleep(5000);
		if (file_lock(fd, true, false) == -EWOULDBLOCK)
			r = -EBUSY;
	}
	return r;
}

/*
 * What a dead maker noted: lines "blob HEX" and "layer HEX".  Whatever of it the index does not
 * reach moves into the maker's stage and goes with it.
 */
int store_collect_pending(struct store *s, struct stage *st, struct err *e)
{
	auto_close int lock = FD_NONE;
	auto_free char *text = NULL;
	struct reach x = { .s = s };
	char *save = NULL;
	size_t len;
	int r = file_read(st->fd, STAGE_PENDING, PENDING_MAX_BYTES, &text, &len);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return err_sys(e, r, "read %s/tmp/%s/" STAGE_PENDING, s->root, st->name);
	lock = layout_lock(s, e);
	r = lock < 0 ? lock : reach_all(&x, e);
	for (char *line = strtok_r(text, "\n", &save); r == 0 && line;
	     line = strtok_r(NULL, "\n", &save)) {
		const char *blob = str_after(line, "blob "), *layer = str_after(line, "layer ");
		char path[DIGEST_HEX_LEN + 16];
		struct digest d;

		if (digest_parse_hex(blob ? blob : layer ? layer : "", &d, NULL) < 0)
			continue; /* the maker died while it wrote the note: it renamed nothing yet */
		if (blob && !hexset_has(&x.blobs, d.hex)) {
			auto_close int dir = openat(s->images_fd, "blobs/sha256",
						    O_PATH | O_DIRECTORY | O_CLOEXEC);

			r = dir < 0 ? 0 : move_away(dir, d.hex, 'b', st);
		} else if (layer) {
			(void)snprintf(path, sizeof(path), "%s/" LAYER_NEW, d.hex);
			if (hexset_has(&x.layers, d.hex))
				(void)unlinkat(s->layers_fd, path, 0);
			else if (faccessat(s->layers_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
				r = move_away(s->layers_fd, d.hex, 'l', st);
		}
		if (r < 0)
			(void)err_sys(e, r, "move %s away", d.hex);
	}
	reach_done(&x);
	return r;
}

struct collect {
	struct store *s;
	int (*get_map)(void *arg, struct idmap *ret, struct err *e);
	void *arg;
	struct idmap *map;	/* once it was needed */
	bool drop_notes;
};

static int drop_dead(struct collect *c, struct stage *st, struct err *e)
{
	int r = path_remove_tree(c->s->tmp_fd, st->name);

	if ((r == -EACCES || r == -EPERM) && c->get_map) {
		if (!c->map) {
			c->map = malloc(sizeof(*c->map));
			r = c->map ? c->get_map(c->arg, c->map, e) : err_sys(e, ENOMEM, "collect");
			if (r < 0)
				return r;
		}
		return store_remove_tree(c->s->tmp_fd, st->name, c->map, e);
	}
	return r < 0 ? err_sys(e, r, "remove %s/tmp/%s", c->s->root, st->name) : 0;
}

/* Does nobody hold this name under tmp/? */
static bool is_dead(struct store *s, const char *name)
{
	auto_close int fd = openat(s->tmp_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	return fd >= 0 && file_lock(fd, true, false) == 0;
}

static int collect_one(struct collect *c, const char *name, struct err *e)
{
	auto_close int fd = openat(c->s->tmp_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stage st = STAGE_INIT;
	struct stat sb;
	int r;

	if (fd < 0)
		return errno == ENOENT ? 0 : err_sys(e, errno, "open %s/tmp/%s", c->s->root, name);
	if (strlen(name) >= sizeof(st.name) || fstat(fd, &sb) < 0)
		return 0;
	r = file_lock(fd, true, false);
	if (r < 0)
		return r == -EWOULDBLOCK ? 0 : err_sys(e, r, "lock %s/tmp/%s", c->s->root, name);
	if (!store_is_named(fd, c->s->tmp_fd, name))
		return 0; /* another collector was quicker */
	(void)snprintf(st.name, sizeof(st.name), "%s", name);
	st.fd = fd;
	if (faccessat(fd, STAGE_COLLECT, F_OK, AT_SYMLINK_NOFOLLOW) == 0 && !c->drop_notes) {
		c->s->wants_collect = true; /* which layers containers need is not known here */
		return 0;
	}
	if (S_ISDIR(sb.st_mode)) {
		r = wait_for_workers(&st);
		if (r < 0)
			return err_sys(e, r, "%s/tmp/%s", c->s->root, name);
		r = store_collect_pending(c->s, &st, e);
		if (r < 0)
			return r;
	}
	return drop_dead(c, &st, e);
}

/* A maker that died left a stage, and perhaps a name that it had claimed for what it made, or the
 * run directory of a container that it was removing. */
static void collect_names(struct store *s)
{
	auto_strv struct strv names = STRV_INIT, runs = STRV_INIT;
	struct digest d;

	if (store_list_dir(s->names_fd, ".", &names) == 0)
		for (size_t i = 0; i < names.n; i++)
			store_name_collect(s, names.items[i]);
	if (store_list_dir(s->run_containers_fd, ".", &runs) == 0)
		for (size_t i = 0; i < runs.n; i++)
			if (digest_parse_hex(runs.items[i], &d, NULL) == 0)
				store_run_dir_collect(s, runs.items[i]);
}

#define SETTLE_TRIES 50		/* that others look at the same layer in the same moment */

/* The layer is locked by us alone, and its maker is dead: only the index may vouch for it. */
static int judge_layer(struct store *s, const char *key, int fd, struct stage *trash, struct err *e)
{
	auto_close int lock = layout_lock(s, e);
	struct reach x = { .s = s };
	char target[DIGEST_HEX_LEN + 16];
	int r = lock < 0 ? lock : reach_all(&x, e);

	(void)snprintf(target, sizeof(target), "gone-l-%s", key);
	if (r == 0 && hexset_has(&x.layers, key))
		(void)unlinkat(fd, LAYER_NEW, 0); /* whoever looks next does it again */
	else if (r == 0 && renameat(s->layers_fd, key, trash->fd, target) < 0)
		r = err_sys(e, errno, "move layer %.12s away", key);
	else if (r == 0)
		r = STORE_LAYER_DEAD;
	reach_done(&x);
	return r;
}

int store_layer_settle(struct store *s, const char *key, int fd, struct stage *trash, struct err *e)
{
	char maker[64] = "";
	ssize_t n = file_peek(fd, LAYER_NEW, maker, sizeof(maker) - 1);
	int r;

	if (n == -ENOENT)
		return STORE_LAYER_OK;
	if (n < 0)
		return err_sys(e, (int)n, "read the mark of layer %.12s", key);
	if (path_is_component(maker) && faccessat(s->tmp_fd, maker, F_OK, AT_SYMLINK_NOFOLLOW) == 0 &&
	    !is_dead(s, maker))
		return STORE_LAYER_NEW;
	for (int i = 0; i < SETTLE_TRIES; i++) {
		if (file_lock(fd, true, false) == 0) {
			r = judge_layer(s, key, fd, trash, e);
			if (r == STORE_LAYER_OK && file_lock(fd, false, true) < 0)
				r = err_sys(e, errno, "hold layer %.12s", key);
			return r;
		}
		(void)usleep(1000 + (useconds_t)(getpid() * 7 % 10) * 1000);
	}
	/* Somebody goes on holding it, who found it good while its maker lived. */
	return file_lock(fd, false, false) == 0 && layer_exists(s, key) == 1 ? STORE_LAYER_NEW
									     : STORE_LAYER_DEAD;
}

int store_collect(struct store *s, int (*get_map)(void *arg, struct idmap *ret, struct err *e),
		  void *arg, struct err *e)
{
	struct collect c = { .s = s, .get_map = get_map, .arg = arg };
	auto_strv struct strv names = STRV_INIT, dead = STRV_INIT;
	int r, first = 0;

	if (s->tmp_fd < 0)
		return 0;
	r = store_list_dir(s->tmp_fd, ".", &names);
	if (r < 0)
		return err_sys(e, r, "list %s/tmp", s->root);
	for (size_t i = 0; i < names.n; i++)
		if (is_dead(s, names.items[i]) && strv_add(&dead, names.items[i]) < 0)
			return err_sys(e, ENOMEM, "list %s/tmp", s->root);
	/* The stages are the note that there may be such names: they go last, and only they. */
	if (dead.n)
		collect_names(s);
	/* One that resists must not keep the others. */
	for (size_t i = 0; i < dead.n; i++) {
		r = collect_one(&c, dead.items[i], first < 0 ? NULL : e);
		if (r < 0 && first == 0)
			first = r;
	}
	free(c.map);
	return first;
}

void store_note_collect(struct store *s, struct stage *ret)
{
	struct stage st = STAGE_INIT;

	if (store_stage_new(s, &st, NULL) < 0)
		return;
	if (file_replace(st.fd, STAGE_COLLECT, "", 0, 0600, FILE_SYNC_NONE) < 0) {
		(void)store_stage_drop(s, &st, NULL, NULL); /* empty: the next command does it */
		return;
	}
	*ret = st;
}

void store_drop_notes(struct store *s)
{
	struct collect c = { .s = s, .drop_notes = true };
	auto_strv struct strv names = STRV_INIT;

	s->wants_collect = false;
	if (store_list_dir(s->tmp_fd, ".", &names) < 0)
		return;
	for (size_t i = 0; i < names.n; i++) {
		char path[96];

		(void)snprintf(path, sizeof(path), "%.64s/" STAGE_COLLECT, names.items[i]);
		if (faccessat(s->tmp_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			(void)collect_one(&c, names.items[i], NULL); /* one that stays is seen again */
	}
}
