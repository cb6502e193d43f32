/* Measuring the store, see ctrlite/usage.h. */
#include <ctrlite/usage.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ctrlite/size.h>

#include "fd.h"
#include "layer.h"
#include "path.h"

void ctr_usage_done(struct ctr_usage *u)
{
	ctr_image_list_done(&u->images);
	ctr_container_list_done(&u->containers);
	ctr_volume_list_done(&u->volumes);
	free(u->by_image);
	free(u->by_container);
	free(u->by_volume);
	*u = (struct ctr_usage)CTR_USAGE_INIT;
}

static int nomem(struct err *e)
{
	return err_sys(e, ENOMEM, "measure the store");
}

/* A layer or blob: its size, and who needs it. */
struct part {
	char name[DIGEST_HEX_LEN + 1];
	uint64_t bytes;
	size_t images;
	bool in_use;	/* of an image that a container uses, or of a container itself */
};

struct parts {
	struct part *items;
	size_t n;
};

static int by_name(const void *a, const void *b)
{
	const struct part *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static struct part *find(const struct parts *p, const char *name)
{
	struct part key = { .name = "" };

	(void)snprintf(key.name, sizeof(key.name), "%.64s", name);
	return p->n ? bsearch(&key, p->items, p->n, sizeof(key), by_name) : NULL;
}

static uint64_t file_bytes(int dir_fd, const char *name)
{
	struct stat st;

	return fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode)
		       ? (uint64_t)st.st_size : 0;
}

static uint64_t copy_bytes(int dir_fd, const char *name, const struct layer_info *info)
{
	auto_close int fd = path_open_beneath(dir_fd, name, O_RDONLY | O_DIRECTORY);

	return fd < 0 ? 0 : info->size_bytes + file_bytes(fd, "idmap");
}

/* The layer with what is known of it and the copies of it that are in other ids, each as large. */
static uint64_t layer_bytes(struct ctr_engine *eng, const char *key)
{
	struct layer_info info;
	uint64_t bytes;
	int fd = path_open_beneath(eng->store.layers_fd, key, O_RDONLY | O_DIRECTORY);
	auto_dir DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;

	if (!d || layer_info(&eng->store, key, &info, NULL) < 0) {
		if (!d)
			(void)fd_close(fd);
		return 0;
	}
	bytes = info.size_bytes;
	while ((de = readdir(d)))
		bytes += str_starts(de->d_name, "shift-") ? copy_bytes(dirfd(d), de->d_name, &info) :
							     file_bytes(dirfd(d), de->d_name);
	return bytes;
}

/* Everything of 64 hex digits in the directory @fd, which is taken over. */
static int read_parts(struct ctr_engine *eng, int fd, bool layers, struct parts *ret, struct err *e)
{
	auto_dir DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;
	struct digest digest;

	if (!d) {
		(void)fd_close(fd);
		return fd == -ENOENT ? 0 : err_sys(e, fd < 0 ? fd : -ENOMEM, "list the layers");
	}
	while ((de = readdir(d))) {
		struct part *grown;

		if (digest_parse_hex(de->d_name, &digest, NULL) < 0)
			continue;
		grown = reallocarray(ret->items, ret->n + 1, sizeof(*grown));
		if (!grown)
			return nomem(e);
		ret->items = grown;
		grown[ret->n] = (struct part){ .bytes = layers ? layer_bytes(eng, de->d_name)
							       : file_bytes(fd, de->d_name) };
		memcpy(grown[ret->n++].name, digest.hex, sizeof(digest.hex));
	}
	if (ret->n)
		qsort(ret->items, ret->n, sizeof(*ret->items), by_name);
	return 0;
}

static void mark(const struct parts *p, const char *name, bool in_use)
{
	struct part *part = find(p, name);

	if (part) {
		part->images++;
		part->in_use |= in_use;
	}
}

static void mark_digest(const struct parts *blobs, const json_t *descriptor, bool in_use)
{
	const char *text = json_string_value(json_object_get(descriptor, "digest"));
	struct digest d;

	if (text && digest_parse(text, &d, NULL) == 0)
		mark(blobs, d.hex, in_use);
}

static void mark_image(const struct ctr_image *i, const struct parts *layers, const struct parts *blobs,
		       bool in_use)
{
	const json_t *list = json_object_get(i->manifest_doc, "layers");

	for (size_t k = 0; k < i->layers.n; k++)
		mark(layers, i->layers.items[k], in_use);
	mark(blobs, i->id.hex, in_use);
	mark(blobs, i->manifest.hex, in_use);
	if (!digest_eq(&i->manifest, &i->digest))
		mark(blobs, i->digest.hex, in_use);
	for (size_t k = 0; k < json_array_size(list); k++)
		mark_digest(blobs, json_array_get(list, k), in_use);
}

static size_t users_of(const struct ctr_image *i, const struct strv *users)
{
	size_t n = 0;

	for (size_t k = 0; k < users->n; k++)
		n += str_starts(users->items[k], i->manifest.hex) ||
		     str_starts(users->items[k], i->digest.hex);
	return n;
}

static void split_size(struct ctr_usage_image *u, const struct parts *layers)
{
	for (size_t k = 0; k < u->image->layers.n; k++) {
		const struct part *p = find(layers, u->image->layers.items[k]);

		if (p && p->images > 1)
			u->shared_bytes += p->bytes;
		else if (p)
			u->unique_bytes += p->bytes;
	}
}

static int measure_images(struct ctr_engine *eng, struct ctr_usage *u, struct err *e)
{
	auto_strv struct strv keys = STRV_INIT, users = STRV_INIT;
	struct parts layers = { 0 }, blobs = { 0 };
	const struct parts *both[] = { &layers, &blobs };
	int r = ctr_image_list(eng, &u->images, e);

	if (r == 0)
		r = ctr_container_uses(eng, &keys, &users, e);
	if (r == 0)
		r = read_parts(eng, path_open_beneath(eng->store.root_fd, "layers", O_RDONLY | O_DIRECTORY),
			       true, &layers, e);
	if (r == 0)
		r = read_parts(eng, path_open_beneath(eng->store.root_fd, "images/blobs/sha256",
						      O_RDONLY | O_DIRECTORY), false, &blobs, e);
	u->by_image = calloc(u->images.n + 1, sizeof(*u->by_image));
	if (r == 0 && !u->by_image)
		r = nomem(e);
	for (size_t i = 0; r == 0 && i < u->images.n; i++) {
		struct ctr_usage_image *one = &u->by_image[i];

		one->image = &u->images.items[i];
		one->containers = users_of(one->image, &users);
		mark_image(one->image, &layers, &blobs, one->containers > 0);
	}
	for (size_t k = 0; r == 0 && k < keys.n; k++) {
		struct part *p = find(&layers, keys.items[k]);

		if (p)
			p->in_use = true;
	}
	for (size_t i = 0; r == 0 && i < u->images.n; i++)
		split_size(&u->by_image[i], &layers);
	for (size_t k = 0; r == 0 && k < 2; k++)
		for (size_t i = 0; i < both[k]->n; i++) {
			u->image_bytes += both[k]->items[i].bytes;
			if (!both[k]->items[i].in_use)
				u->image_unused_bytes += both[k]->items[i].bytes;
		}
	free(layers.items);
	free(blobs.items);
	return r;
}

/* All files in a directory of the store; @records: only those that are called by a digest. */
static uint64_t all_bytes(struct ctr_engine *eng, const char *dir, bool records)
{
	int fd = path_open_beneath(eng->store.root_fd, dir, O_RDONLY | O_DIRECTORY);
	auto_dir DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;
	uint64_t bytes = 0;

	if (!d)
		(void)fd_close(fd);
	while (d && (de = readdir(d)))
		if (!records || strlen(de->d_name) > DIGEST_HEX_LEN)
			bytes += file_bytes(dirfd(d), de->d_name);
	return bytes;
}

/* What comes and goes with images: their records, and what was fetched in part. */
static void measure_records(struct ctr_engine *eng, struct ctr_usage *u)
{
	uint64_t partial = all_bytes(eng, "partial", false);

	u->image_bytes += all_bytes(eng, "meta", true) + partial;
	u->image_unused_bytes += partial;
}

static int measure_containers(struct ctr_engine *eng, struct ctr_usage *u, struct err *e)
{
	auto_strv struct strv paths = STRV_INIT;
	auto_free uint64_t *bytes = NULL;
	int r = ctr_container_list(eng, &u->containers, e);

	for (size_t i = 0; r == 0 && i < u->containers.n; i++)
		r = strv_add(&paths, u->containers.items[i].req.id) < 0 ? nomem(e) : 0;
	u->by_container = calloc(paths.n + 1, sizeof(*u->by_container));
	bytes = calloc(paths.n + 1, sizeof(*bytes));
	if (r == 0 && (!u->by_container || !bytes))
		r = nomem(e);
	if (r == 0 && paths.n)
		r = ctr_tree_sizes(eng, eng->store.containers_fd, &paths, "the containers", bytes, e);
	for (size_t i = 0; r == 0 && i < paths.n; i++) {
		struct ctr_container *c = &u->containers.items[i];

		u->by_container[i] = (struct ctr_usage_container){
			c, bytes[i], c->req.anon_volumes.n + c->req.named_volumes.n };
	}
	return r;
}

static int measure_volumes(struct ctr_engine *eng, struct ctr_usage *u, struct err *e)
{
	auto_strv struct strv paths = STRV_INIT, uses = STRV_INIT;
	auto_free uint64_t *bytes = NULL;
	int r = ctr_volume_list(eng, &u->volumes, e);

	if (r == 0)
		r = ctr_volume_uses(eng, &uses, e);
	for (size_t i = 0; r == 0 && i < u->volumes.n; i++)
		r = strv_addf(&paths, "%s/_data", u->volumes.items[i].name) < 0 ? nomem(e) : 0;
	u->by_volume = calloc(paths.n + 1, sizeof(*u->by_volume));
	bytes = calloc(paths.n + 1, sizeof(*bytes));
	if (r == 0 && (!u->by_volume || !bytes))
		r = nomem(e);
	if (r == 0 && paths.n)
		r = ctr_tree_sizes(eng, eng->store.volumes_fd, &paths, "the volumes", bytes, e);
	for (size_t i = 0; r == 0 && i < paths.n; i++) {
		struct ctr_volume *v = &u->volumes.items[i];

		u->by_volume[i] = (struct ctr_usage_volume){ v, bytes[i], ctr_volume_count(&uses, v->name) };
	}
	return r;
}

int ctr_usage_measure(struct ctr_engine *eng, struct ctr_usage *ret, struct err *e)
{
	struct ctr_usage u = CTR_USAGE_INIT;
	int r = measure_images(eng, &u, e);

	if (r == 0)
		measure_records(eng, &u);
	if (r == 0)
		r = measure_containers(eng, &u, e);
	if (r == 0)
		r = measure_volumes(eng, &u, e);
	if (r < 0) {
		ctr_usage_done(&u);
		return r;
	}
	*ret = u;
	return 0;
}
