/* manifest.json of a docker-archive. */
#include "docker-archive.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "fd.h"
#include "json.h"
#include "layout.h"
#include "reference.h"

struct item {
	const char *config;
	const json_t *tags, *layers;
};

#define FIELD(member) offsetof(struct item, member)
static const struct json_field item_fields[] = {
	{ "Config", JSON_KIND_STR, FIELD(config), JSON_REQUIRED, TAR_NAME_MAX_BYTES },
	{ "RepoTags", JSON_KIND_ARRAY, FIELD(tags), 0, DOCKER_ARCHIVE_TAGS_MAX },
	{ "Layers", JSON_KIND_ARRAY, FIELD(layers), 0, LAYOUT_LAYERS_MAX },
	{ NULL, 0, 0, 0, 0 },
};

void docker_archive_done(struct docker_archive *a)
{
	for (size_t i = 0; i < a->n; i++) {
		free(a->images[i].config);
		strv_done(&a->images[i].layers);
		strv_done(&a->images[i].names);
	}
	free(a->images);
	*a = (struct docker_archive)DOCKER_ARCHIVE_INIT;
}

/* "alpine:3" is localhost/alpine:3; one without a tag would be anybody's guess. */
static int full_name(const char *tag, char buf[REF_STR_MAX], struct err *e)
{
	struct ctr_reference ref, full;
	int r = ctr_reference_parse(tag, &ref, e);

	if (r < 0)
		return r;
	if (!ref.tag[0] || ref.digest.hex[0])
		return err_set(e, ERR_CORRUPT, "%.300s: it is no name with a tag", tag);
	r = ctr_reference_qualify(&ref, "localhost", &full, e);
	if (r == 0)
		(void)ctr_reference_str(&full, buf);
	return r;
}

static int read_names(struct docker_archive_image *im, const json_t *tags, const char *where,
		      struct err *e)
{
	auto_strv struct strv given = STRV_INIT;
	char name[REF_STR_MAX], at[80];
	int r;

	(void)snprintf(at, sizeof(at), "%s.RepoTags", where);
	r = json_read_strv(tags, &given, DOCKER_ARCHIVE_TAGS_MAX, at, e);
	for (size_t i = 0; r >= 0 && i < given.n; i++) {
		struct err why = ERR_INIT;

		if (full_name(given.items[i], name, &why) < 0)
			return err_set(e, ERR_CORRUPT, "%s[%zu]: %s", at, i, why.text);
		if (!strv_has(&im->names, name) && strv_add(&im->names, name) < 0)
			return err_sys(e, ENOMEM, "read manifest.json");
	}
	return r;
}

static int read_item(const json_t *doc, size_t i, struct docker_archive_image *im, struct err *e)
{
	struct item item = { 0 };
	char where[32], at[64];
	int r;

	(void)snprintf(where, sizeof(where), "$[%zu]", i);
	(void)snprintf(at, sizeof(at), "%s.Layers", where);
	r = json_read(doc, item_fields, &item, JSON_ALLOW_UNKNOWN, where, e);
	if (r == 0 && !*item.config)
		r = err_set(e, ERR_CORRUPT, "%s.Config: it is empty", where);
	if (r == 0) {
		im->config = strdup(item.config);
		r = im->config ? 0 : err_sys(e, ENOMEM, "read manifest.json");
	}
	if (r == 0 && item.layers)
		r = json_read_strv(item.layers, &im->layers, LAYOUT_LAYERS_MAX, at, e);
	if (r == 0 && item.tags)
		r = read_names(im, item.tags, where, e);
	return r;
}

int docker_archive_parse(const char *buf, size_t len, struct docker_archive *ret, struct err *e)
{
	auto_docker_archive struct docker_archive a = DOCKER_ARCHIVE_INIT;
	auto_json json_t *doc = NULL;
	size_t n;
	int r = json_parse(buf, len, DOCKER_ARCHIVE_MANIFEST_MAX_BYTES, "manifest.json", &doc, e);

	if (r < 0)
		return r;
	n = json_array_size(doc);
	if (!json_is_array(doc) || n == 0)
		return err_set(e, ERR_CORRUPT, "manifest.json: expected a list of images");
	if (n > DOCKER_ARCHIVE_IMAGES_MAX)
		return err_set(e, ERR_LIMIT, "manifest.json lists %zu images, the limit is %u", n,
			       DOCKER_ARCHIVE_IMAGES_MAX);
	a.images = calloc(n, sizeof(*a.images));
	if (!a.images)
		return err_sys(e, ENOMEM, "read manifest.json");
	for (; r == 0 && a.n < n; a.n++)
		r = read_item(json_array_get(doc, a.n), a.n, &a.images[a.n], e);
	if (r < 0)
		return err_wrap(e, r, "manifest.json");
	*ret = a;
	a = (struct docker_archive)DOCKER_ARCHIVE_INIT;
	return 0;
}

int docker_archive_read(int fd, const struct tar_index *x, struct docker_archive *ret,
			struct err *e)
{
	const struct tar_member *m = NULL, *old;
	auto_free char *buf = NULL;
	struct err why = ERR_INIT;
	size_t len;
	int r = tar_index_find_only(x, "manifest.json", &m, &why);

	if (r < 0 && why.kind == ERR_NOT_FOUND && tar_index_find(x, "repositories", &old, NULL) == 0)
		return err_set(e, ERR_UNSUPPORTED, "the archive is of before Docker 1.10: it has no "
			       "manifest.json (load it into a newer Docker and save it again)");
	if (r < 0) {
		if (e)
			*e = why;
		return r;
	}
	r = tar_index_load(fd, m, DOCKER_ARCHIVE_MANIFEST_MAX_BYTES, &buf, &len, e);
	return r < 0 ? r : docker_archive_parse(buf, len, ret, e);
}
