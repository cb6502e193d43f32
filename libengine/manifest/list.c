/* Editing an index. */
#include "list.h"

#include <errno.h>
#include <string.h>

#include "layout.h"

json_t *manifest_list_new(void)
{
	return json_pack("{s:i, s:s, s:[]}", "schemaVersion", 2, "mediaType", MEDIA_OCI_INDEX, "manifests");
}

static json_t *instances(json_t *list)
{
	return json_object_get(list, "manifests");
}

static int nomem(struct err *e)
{
	return err_sys(e, ENOMEM, "edit the manifest list");
}

static bool is_of(const json_t *descriptor, const struct digest *d)
{
	const char *text = json_string_value(json_object_get(descriptor, "digest"));
	struct digest other;

	return text && digest_parse(text, &other, NULL) == 0 && digest_eq(&other, d);
}

json_t *manifest_list_find(json_t *list, const struct digest *d)
{
	json_t *descriptor;
	size_t i;

	json_array_foreach(instances(list), i, descriptor)
		if (is_of(descriptor, d))
			return descriptor;
	return NULL;
}

static int found(json_t *list, const struct digest *d, json_t **ret, struct err *e)
{
	*ret = manifest_list_find(list, d);
	if (!*ret)
		return err_set(e, ERR_NOT_FOUND, "no image instance matching the digest sha256:%s was found in "
			       "the list", d->hex);
	return 0;
}

/* The member @key of @o, made where it is missing. */
static json_t *member(json_t *o, const char *key)
{
	json_t *m = json_object_get(o, key);

	if (!json_is_object(m) && json_object_set_new(o, key, json_object()) == 0)
		m = json_object_get(o, key);
	return m;
}

static int set_text(json_t *o, const char *key, const char *value)
{
	return value && *value ? json_object_set_new(o, key, json_string(value)) : 0;
}

static int set_texts(json_t *o, const char *key, const struct strv *values)
{
	json_t *list;

	if (!values || !values->n)
		return 0;
	list = json_array();
	for (size_t i = 0; list && i < values->n; i++)
		if (json_array_append_new(list, json_string(values->items[i])) < 0) {
			json_decref(list);
			return -1;
		}
	return json_object_set_new(o, key, list);
}

static int set_platform(json_t *descriptor, const struct list_platform *p, struct err *e)
{
	json_t *o;

	if (!p->os && !p->arch && !p->variant && !p->os_version && !(p->os_features && p->os_features->n) &&
	    !(p->features && p->features->n))
		return 0;
	o = member(descriptor, "platform");
	if (!o || set_text(o, "architecture", p->arch) < 0 || set_text(o, "os", p->os) < 0 ||
	    set_text(o, "os.version", p->os_version) < 0 ||
	    set_texts(o, "os.features", p->os_features) < 0 || set_text(o, "variant", p->variant) < 0 ||
	    set_texts(o, "features", p->features) < 0)
		return nomem(e);
	return 0;
}

int manifest_list_add(json_t *list, const struct list_instance *i, struct err *e)
{
	char text[DIGEST_STR_MAX];
	json_t *descriptor = manifest_list_find(list, &i->digest);

	if (!descriptor) {
		if (json_array_size(instances(list)) >= LIST_INSTANCES_MAX)
			return err_set(e, ERR_LIMIT, "the list has %d instances already", LIST_INSTANCES_MAX);
		descriptor = json_object();
		if (!descriptor || json_array_append_new(instances(list), descriptor) < 0)
			return nomem(e);
	}
	(void)json_object_clear(descriptor);
	if (json_object_set_new(descriptor, "mediaType", json_string(i->media_type)) < 0 ||
	    json_object_set_new(descriptor, "digest", json_string(digest_str(&i->digest, text))) < 0 ||
	    json_object_set_new(descriptor, "size", json_integer((json_int_t)i->size_bytes)) < 0 ||
	    set_text(descriptor, "artifactType", i->artifact_type) < 0)
		return nomem(e);
	if (json_object_size(i->annotations) &&
	    json_object_set_new(descriptor, "annotations", json_deep_copy(i->annotations)) < 0)
		return nomem(e);
	return set_platform(descriptor, &i->platform, e);
}

int manifest_list_annotate(json_t *list, const struct digest *d, const struct list_platform *p,
			   struct err *e)
{
	json_t *descriptor;
	int r = found(list, d, &descriptor, e);

	return r < 0 ? r : set_platform(descriptor, p, e);
}

int manifest_list_remove(json_t *list, const struct digest *d, struct err *e)
{
	json_t *descriptor;
	size_t i;

	json_array_foreach(instances(list), i, descriptor)
		if (is_of(descriptor, d))
			return json_array_remove(instances(list), i) < 0 ? nomem(e) : 0;
	return err_set(e, ERR_NOT_FOUND, "no instance matching digest \"sha256:%s\" found in manifest list",
		       d->hex);
}

int manifest_list_set_annotations(json_t *list, const struct digest *d, const struct strv *texts,
				  struct err *e)
{
	json_t *of = list, *annotations;
	int r = d && texts->n ? found(list, d, &of, e) : 0;

	for (size_t i = 0; r == 0 && i < texts->n; i++) {
		const char *text = texts->items[i], *eq = strchr(text, '=');
		char key[256];

		if (!eq || eq == text)
			return err_set(e, ERR_INVALID, "no value given for annotation \"%.100s\": KEY=VALUE is "
				       "expected", text);
		if ((size_t)(eq - text) >= sizeof(key))
			return err_set(e, ERR_LIMIT, "the key of the annotation \"%.40s...\" is longer than %zu "
				       "bytes", text, sizeof(key) - 1);
		memcpy(key, text, (size_t)(eq - text));
		key[eq - text] = '\0';
		annotations = member(of, "annotations");
		if (!annotations)
			return nomem(e);
		if (eq[1])
			r = json_object_set_new(annotations, key, json_string(eq + 1)) < 0
				    ? err_set(e, ERR_INVALID, "annotation %s: not UTF-8", key)
				    : 0;
		else
			(void)json_object_del(annotations, key);	/* also where there was none */
		if (!json_object_size(annotations))
			(void)json_object_del(of, "annotations");
	}
	return r;
}

int manifest_list_set_subject(json_t *list, const char *media_type, const struct digest *d,
			      uint64_t size_bytes, struct err *e)
{
	char text[DIGEST_STR_MAX];
	json_t *subject = json_pack("{s:s, s:s, s:I}", "mediaType", media_type, "digest", digest_str(d, text),
				    "size", (json_int_t)size_bytes);

	return json_object_set_new(list, "subject", subject) < 0 ? nomem(e) : 0;
}

/* Can a docker list say it? */
static bool fits_docker(json_t *list)
{
	json_t *descriptor;
	size_t i;

	json_array_foreach(instances(list), i, descriptor) {
		const char *type = json_string_value(json_object_get(descriptor, "mediaType"));

		if (!type || !streq(type, MEDIA_DOCKER_MANIFEST) ||
		    json_object_get(descriptor, "annotations") || json_object_get(descriptor, "artifactType"))
			return false;
	}
	return json_array_size(instances(list)) && !json_object_get(list, "annotations") &&
	       !json_object_get(list, "subject") && !json_object_get(list, "artifactType");
}

int manifest_list_text(json_t *list, char **ret, const char **ret_media_type, struct err *e)
{
	const char *type = fits_docker(list) ? MEDIA_DOCKER_LIST : MEDIA_OCI_INDEX;
	char *text;

	if (json_object_set_new(list, "mediaType", json_string(type)) < 0)
		return nomem(e);
	text = json_dumps(list, JSON_COMPACT);
	if (!text)
		return nomem(e);
	if (strlen(text) > LAYOUT_MANIFEST_MAX_BYTES) {
		free(text);
		return err_set(e, ERR_LIMIT, "the list would be larger than %u bytes", LAYOUT_MANIFEST_MAX_BYTES);
	}
	*ret = text;
	*ret_media_type = type;
	return 0;
}
