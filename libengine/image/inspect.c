/* What `inspect` shows of an image: podman's members in podman's order. */
#include <ctrlite/image.h>

#include <errno.h>

#include "fd.h"
#include "json.h"

/* Members of the image's config that users see; an absent or empty one is left out, as podman
 * leaves it out. */
static const char *const config_members[] = {
	"User", "ExposedPorts", "Env", "Entrypoint", "Cmd", "Volumes", "WorkingDir", "Labels",
	"StopSignal", "ArgsEscaped", "OnBuild", "Shell", "Healthcheck",
};

static bool is_empty(const json_t *j)
{
	return !j || json_is_null(j) || json_is_false(j) ||
	       (json_is_string(j) && !json_string_length(j)) ||
	       (json_is_array(j) && !json_array_size(j)) ||
	       (json_is_object(j) && !json_object_size(j));
}

/* A failed set is noticed at the end by its missing member; NULL is refused by jansson. */
static void set(json_t *obj, const char *key, json_t *fresh, bool *failed)
{
	if (json_object_set_new(obj, key, fresh) < 0)
		*failed = true;
}

static json_t *string_or_empty(const json_t *obj, const char *key)
{
	const char *s = json_string_value(json_object_get(obj, key));

	return json_string(s ? s : "");
}

static json_t *ref_or(json_t *j, json_t *fresh)
{
	if (is_empty(j))
		return fresh;
	json_decref(fresh);
	return json_incref(j);
}

static json_t *config_part(const json_t *config)
{
	json_t *r = json_object();
	bool failed = !r;

	for (size_t i = 0; !failed && i < sizeof(config_members) / sizeof(*config_members); i++) {
		json_t *member = json_object_get(config, config_members[i]);

		if (!is_empty(member))
			set(r, config_members[i], json_incref(member), &failed);
	}
	if (failed) {
		json_decref(r);
		return NULL;
	}
	return r;
}

/* The directories that make up the root filesystem; empty before the image is unpacked. */
static json_t *graph_driver(const struct ctr_engine *eng, const struct ctr_image *i)
{
	auto_json json_t *data = json_object();
	auto_strbuf struct strbuf lower = STRBUF_INIT;
	bool failed = !data;

	for (size_t k = i->layers.n; !failed && k-- > 0;) {
		const char *key = i->layers.items[k];

		if (k + 1 == i->layers.n)
			set(data, "UpperDir",
			    json_sprintf("%s/layers/%s/diff", eng->store.root, key), &failed);
		else
			strbuf_addf(&lower, "%s%s/layers/%s/diff", lower.len ? ":" : "",
				    eng->store.root, key);
	}
	if (lower.len && !lower.failed && !failed)
		set(data, "LowerDir", json_string(lower.data), &failed);
	if (failed || lower.failed)
		return NULL;
	return json_pack("{s:s, s:O}", "Name", "overlay", "Data", data);
}

static json_t *manifest_type(const struct ctr_image *i)
{
	const char *type = json_string_value(json_object_get(i->manifest_doc, "mediaType"));

	return json_string(type ? type : "application/vnd.oci.image.manifest.v1+json");
}

/* Read from all images: only for one that was made in several steps. */
static json_t *parent_id(struct ctr_engine *eng, const struct ctr_image *i)
{
	struct ctr_image_list l = CTR_IMAGE_LIST_INIT;
	const struct ctr_image *p = NULL;
	json_t *id;

	if (json_array_size(json_object_get(i->config, "history")) > 1 && ctr_image_list(eng, &l, NULL) >= 0)
		p = ctr_image_parent(&l, i);
	id = json_string(p ? p->id.hex : "");
	ctr_image_list_done(&l);
	return id;
}

static json_t *layer_list(const struct ctr_image *i)
{
	json_t *ids = json_object_get(json_object_get(i->config, "rootfs"), "diff_ids");

	return json_is_array(ids) ? json_incref(ids) : json_array();
}

int ctr_image_inspect(struct ctr_engine *eng, const struct ctr_image *i, json_t **ret,
		      struct err *e)
{
	json_t *config = json_object_get(i->config, "config");
	json_t *labels = json_object_get(config, "Labels");
	json_t *history = json_object_get(i->config, "history");
	json_t *annotations = json_object_get(i->manifest_doc, "annotations");
	const char *created = json_string_value(json_object_get(i->config, "created"));
	auto_json json_t *r = json_object();
	char digest[DIGEST_STR_MAX];
	bool failed = !r;

	set(r, "Id", json_string(i->id.hex), &failed);
	set(r, "Digest", json_string(digest_str(&i->digest, digest)), &failed);
	set(r, "RepoTags", json_from_strv(&i->names), &failed);
	set(r, "RepoDigests", json_from_strv(&i->repo_digests), &failed);
	set(r, "Parent", parent_id(eng, i), &failed);
	set(r, "Comment",
	    string_or_empty(json_array_get(history, json_array_size(history) - 1), "comment"),
	    &failed);
	set(r, "Created", json_string(created ? created : "0001-01-01T00:00:00Z"), &failed);
	set(r, "Config", config_part(config), &failed);
	set(r, "Version", string_or_empty(i->config, "docker_version"), &failed);
	set(r, "DockerVersion", string_or_empty(i->config, "docker_version"), &failed); /* docker's */
	set(r, "Author", string_or_empty(i->config, "author"), &failed);
	set(r, "Architecture", string_or_empty(i->config, "architecture"), &failed);
	set(r, "Os", string_or_empty(i->config, "os"), &failed);
	set(r, "Variant", string_or_empty(i->config, "variant"), &failed); /* docker's */
	set(r, "Size", json_integer((json_int_t)i->size_bytes), &failed);
	set(r, "VirtualSize", json_integer((json_int_t)i->size_bytes), &failed);
	set(r, "GraphDriver", graph_driver(eng, i), &failed);
	set(r, "RootFS", json_pack("{s:s, s:o}", "Type", "layers", "Layers", layer_list(i)),
	    &failed);
	set(r, "Labels", ref_or(labels, json_null()), &failed);
	set(r, "Annotations", ref_or(annotations, json_object()), &failed);
	set(r, "ManifestType", manifest_type(i), &failed);
	set(r, "User", string_or_empty(config, "User"), &failed);
	set(r, "History", ref_or(history, json_array()), &failed);
	set(r, "NamesHistory", json_from_strv(&i->names), &failed);
	if (!is_empty(json_object_get(config, "Healthcheck")))
		set(r, "Healthcheck", json_incref(json_object_get(config, "Healthcheck")), &failed);
	if (failed)
		return err_sys(e, ENOMEM, "describe image %s", i->id.hex);
	*ret = json_incref(r);
	return 0;
}
