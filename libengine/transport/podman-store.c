/* Podman's store. */
#include "podman-store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base64.h"
#include "fd.h"
#include "file.h"
#include "json.h"
#include "layout.h"
#include "path.h"
#include "reference.h"
#include "registries-conf.h"
#include "shortname.h"

#define INDEX_MAX_BYTES (64u << 20)	/* images.json, layers.json */
#define ID_MIN 3			/* digits of an abbreviated ID */
#define ID_LEN 64

void podman_store_done(struct podman_store *s)
{
	free(s->root);
	s->root_fd = fd_close(s->root_fd);
	json_decref(s->images);
	json_decref(s->layers);
	*s = (struct podman_store)PODMAN_STORE_INIT;
}

/* DRIVER-images/images.json and the like; 0 where there is none. */
static int read_index(const struct podman_store *s, const char *kind, const char *name, json_t **ret,
		      struct err *e)
{
	auto_free char *path = str_printf("%s/%s-%s/%s", s->root, s->driver, kind, name);
	auto_free char *buf = NULL;
	size_t len;
	int r = path ? file_read_path(path, INDEX_MAX_BYTES, &buf, &len) : -ENOMEM;

	if (r == -ENOENT || r == -ENOTDIR)
		return 0;
	if (r < 0)
		return err_sys(e, r, "read %s", path ? path : name);
	if (len == 0)
		return 0;
	r = json_parse(buf, len, INDEX_MAX_BYTES, path, ret, e);
	if (r == 0 && !json_is_array(*ret))
		r = err_set(e, ERR_CORRUPT, "%s is no list", path);
	return r < 0 ? r : 1;
}

static int add_layers(struct podman_store *s, const char *name, struct err *e)
{
	auto_json json_t *list = NULL;
	int r = read_index(s, "layers", name, &list, e);

	for (size_t i = 0; r > 0 && i < json_array_size(list); i++) {
		json_t *layer = json_array_get(list, i);
		const char *id = json_string_value(json_object_get(layer, "id"));

		if (id && json_object_set(s->layers, id, layer) < 0)
			return err_sys(e, ENOMEM, "read the layers of %s", s->root);
	}
	return r < 0 ? r : 0;
}

int podman_store_open(const char *root, const char *driver, struct podman_store *ret, struct err *e)
{
	static const char *const drivers[] = { "overlay", "vfs" };
	struct podman_store s = PODMAN_STORE_INIT;
	int r = 0;

	s.root = strdup(root);
	s.layers = json_object();
	if (!s.root || !s.layers)
		r = err_sys(e, ENOMEM, "open %s", root);
	s.root_fd = r == 0 ? open(root, O_PATH | O_DIRECTORY | O_CLOEXEC) : FD_NONE;
	if (r == 0 && s.root_fd < 0)
		r = err_sys(e, errno, "open podman's store %s", root);
	for (size_t i = 0; r == 0 && i < sizeof(drivers) / sizeof(*drivers); i++) {
		if (driver && !streq(driver, drivers[i]))
			continue;
		s.driver = drivers[i];
		r = read_index(&s, "images", "images.json", &s.images, e);
	}
	if (r == 0)
		r = err_set(e, ERR_NOT_FOUND, "podman's store %s has no images%s%s", root,
			    driver ? " of the driver " : "", driver ? driver : "");
	if (r > 0)
		r = add_layers(&s, "layers.json", e);
	if (r == 0)
		r = add_layers(&s, "volatile-layers.json", e);
	if (r < 0) {
		podman_store_done(&s);
		return r;
	}
	*ret = s;
	return 0;
}

/* Names */

static const char *image_id(const json_t *image)
{
	const char *id = json_string_value(json_object_get(image, "id"));

	return id && strlen(id) == ID_LEN && strspn(id, "0123456789abcdef") == ID_LEN ? id : NULL;
}

/* Has the image a manifest of that digest?  Its documents are listed as "manifest-sha256:...". */
static bool has_digest(const json_t *image, const struct digest *d)
{
	auto_free char *key = str_printf("manifest-sha256:%s", d->hex);
	const json_t *names = json_object_get(image, "big-data-names");
	const char *own = json_string_value(json_object_get(image, "digest"));

	if (!key)
		return false;
	if (own && streq(own, key + strlen("manifest-")))
		return true;
	for (size_t i = 0; i < json_array_size(names); i++) {
		const char *name = json_string_value(json_array_get(names, i));

		if (name && streq(name, key))
			return true;
	}
	return false;
}

/* The name of @image that @want (a full reference) means; NULL when none does. */
static const char *matching_name(const json_t *image, const struct ctr_reference *want)
{
	const json_t *names = json_object_get(image, "names");

	for (size_t i = 0; i < json_array_size(names); i++) {
		const char *name = json_string_value(json_array_get(names, i));
		struct ctr_reference have;

		if (!name || ctr_reference_parse(name, &have, NULL) < 0 || !streq(have.domain, want->domain) ||
		    !streq(have.path, want->path))
			continue;
		if (want->digest.hex[0] ? has_digest(image, &want->digest) : streq(have.tag, want->tag))
			return name;
	}
	return NULL;
}

static int find_by_name(const struct podman_store *s, const char *text, const json_t **ret,
			const char **ret_name, struct err *e)
{
	auto_registries_conf struct registries_conf conf = REGISTRIES_CONF_INIT;
	auto_candidates struct ctr_candidates c = CTR_CANDIDATES_INIT;
	struct ctr_reference ref;
	int r = ctr_reference_parse(text, &ref, e);

	if (r == 0)
		r = registries_conf_load(&conf, e);
	if (r == 0)
		r = ctr_shortname_local(&conf, &ref, &c, e);
	for (size_t i = 0; r == 0 && i < c.n; i++) {
		for (size_t k = 0; k < json_array_size(s->images); k++) {
			const json_t *image = json_array_get(s->images, k);

			*ret_name = matching_name(image, &c.items[i]);
			if (*ret_name) {
				*ret = image;
				return 1;
			}
		}
	}
	return r;
}

static int find_by_id(const struct podman_store *s, const char *text, const json_t **ret, struct err *e)
{
	const char *hex = str_after(text, "sha256:");
	const json_t *found = NULL;
	size_t n;

	if (!hex)
		hex = text;
	n = strlen(hex);
	if (n < ID_MIN || n > ID_LEN || strspn(hex, "0123456789abcdef") != n)
		return 0;
	for (size_t k = 0; k < json_array_size(s->images); k++) {
		const json_t *image = json_array_get(s->images, k);
		const char *id = image_id(image);

		if (!id || !str_starts(id, hex))
			continue;
		if (found)
			return err_set(e, ERR_INVALID, "%s: more than one image of %s has an ID that begins so",
				       text, s->root);
		found = image;
	}
	*ret = found;
	return found != NULL;
}

int podman_store_find(const struct podman_store *s, const char *text, const json_t **ret,
		      const char **ret_name, struct err *e)
{
	struct err why = ERR_INIT;
	int r = find_by_name(s, text, ret, ret_name, &why);

	if (r > 0)
		return 0;
	*ret_name = NULL;
	r = find_by_id(s, text, ret, e);
	if (r != 0)
		return r < 0 ? r : 0;
	return err_set(e, ERR_NOT_FOUND, "%s is no image of podman's store %s", text, s->root);
}

/* Documents */

/* The file of a document is called as its key where that is plain, else by the key's base64. */
static char *file_name(const char *key)
{
	auto_free char *coded = NULL;

	if (strspn(key, ".0123456789abcdefghijklmnopqrstuvwxyz") == strlen(key))
		return strdup(key);
	coded = base64_encode(key, strlen(key));
	return coded ? str_printf("=%s", coded) : NULL;
}

int podman_store_document(const struct podman_store *s, const json_t *image, const char *key,
			  size_t max_bytes, char **ret, size_t *ret_len, struct err *e)
{
	auto_free char *name = file_name(key), *path = NULL;
	const char *id = image_id(image);
	int r;

	if (!id)
		return err_set(e, ERR_CORRUPT, "podman's store %s has an image without an ID", s->root);
	if (name && strchr(name, '/'))
		return err_set(e, ERR_CORRUPT, "image %.12s: %s cannot be a file", id, key);
	path = name ? str_printf("%s/%s-images/%s/%s", s->root, s->driver, id, name) : NULL;
	r = path ? file_read_path(path, max_bytes, ret, ret_len) : -ENOMEM;
	return r < 0 ? err_sys(e, r, "read %s of image %.12s in podman's store", key, id) : 0;
}

/* Layers */

static const char *layer_text(const json_t *layer, const char *key)
{
	const char *s = json_string_value(json_object_get(layer, key));

	return s && *s ? s : NULL;
}

/* An ID that may be a part of a path. */
static bool is_id(const char *s)
{
	return strlen(s) == ID_LEN && strspn(s, "0123456789abcdef") == ID_LEN;
}

int podman_store_layers(const struct podman_store *s, const json_t *image, struct podman_layer *ret,
			size_t max, struct err *e)
{
	const char *id = layer_text(image, "layer");
	size_t n = 0;

	for (; id; n++) {
		const json_t *layer = json_object_get(s->layers, id);
		const char *diff_id = layer_text(layer, "diff-digest");
		json_int_t size = json_integer_value(json_object_get(layer, "diff-size"));
		int r;

		if (n == max)
			return err_set(e, ERR_LIMIT, "the image in podman's store has more than %zu layers", max);
		if (!layer || !is_id(id) || size < 0)
			return err_set(e, ERR_CORRUPT, "podman's store %s: layer %.12s is missing", s->root, id);
		r = digest_parse(diff_id ? diff_id : "", &ret[n].diff_id, e);
		if (r < 0)
			return err_wrap(e, r, "podman's store %s: layer %.12s", s->root, id);
		ret[n].id = id;
		ret[n].size_bytes = (uint64_t)size;
		id = layer_text(layer, "parent");
	}
	for (size_t i = 0; i < n / 2; i++) {
		struct podman_layer top = ret[i];

		ret[i] = ret[n - 1 - i];
		ret[n - 1 - i] = top;
	}
	return (int)n;
}

int podman_store_layer_open(const struct podman_store *s, const char *id, int *ret_split_fd,
			    int *ret_root_fd, struct err *e)
{
	bool vfs = streq(s->driver, "vfs");
	auto_free char *split = str_printf("%s-layers/%s.tar-split.gz", s->driver, id);
	auto_free char *files = vfs ? str_printf("vfs/dir/%s", id) : str_printf("overlay/%s/diff", id);
	auto_close int split_fd = FD_NONE;
	int root_fd;

	if (!split || !files)
		return err_sys(e, ENOMEM, "open layer %.12s", id);
	split_fd = openat(s->root_fd, split, O_RDONLY | O_CLOEXEC);
	if (split_fd < 0)
		return err_sys(e, errno, "open %s/%s", s->root, split);
	root_fd = openat(s->root_fd, files, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (root_fd < 0)
		return err_sys(e, errno, "open %s/%s", s->root, files);
	*ret_split_fd = take_fd(&split_fd);
	*ret_root_fd = root_fd;
	return 0;
}
