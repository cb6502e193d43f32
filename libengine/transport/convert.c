/* What is to be changed about an image, and the documents that say so. */
#include "convert.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fd.h"
#include "json.h"
#include "layout.h"
#include "str.h"


int ctr_copy_format(const char *word, enum copy_format *ret, struct err *e)
{
	if (streq(word, "oci"))
		*ret = COPY_FORMAT_OCI;
	else if (streq(word, "v2s2") || streq(word, "docker"))
		*ret = COPY_FORMAT_DOCKER;
	else if (streq(word, "v2s1"))
		return err_set(e, ERR_UNSUPPORTED, "format v2s1: manifests of the obsolete schema 1 are not written");
	else
		return err_set(e, ERR_INVALID, "format \"%s\": expected oci or v2s2", word);
	return 0;
}

int ctr_copy_compression(const char *word, enum copy_compression *ret, struct err *e)
{
	static const struct {
		const char *word;
		enum copy_compression value;
	} words[] = {
		{ "gzip", COPY_COMPRESSION_GZIP }, { "zstd", COPY_COMPRESSION_ZSTD },
		{ "zstd:chunked", COPY_COMPRESSION_ZSTD_CHUNKED }, { "none", COPY_COMPRESSION_NONE },
		{ "keep", COPY_COMPRESSION_KEEP },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (streq(word, words[i].word)) {
			*ret = words[i].value;
			return 0;
		}
	return err_set(e, ERR_INVALID, "compression \"%s\": expected gzip, zstd or zstd:chunked", word);
}

void conversion_done(struct conversion *c)
{
	free(c->layers);
	*c = (struct conversion){ 0 };
}

static bool is_docker(const char *media_type)
{
	return streq(media_type, MEDIA_DOCKER_MANIFEST) || streq(media_type, MEDIA_DOCKER_LIST);
}

static enum compression layer_compression(const char *media_type)
{
	return str_ends(media_type, "gzip")   ? COMPRESSION_GZIP
	       : str_ends(media_type, "zstd") ? COMPRESSION_ZSTD
					      : COMPRESSION_NONE;
}

static const char *layer_type(bool docker, enum compression c)
{
	if (c == COMPRESSION_GZIP)
		return docker ? MEDIA_DOCKER_LAYER_GZ : MEDIA_OCI_LAYER "+gzip";
	if (c == COMPRESSION_ZSTD)
		return MEDIA_OCI_LAYER "+zstd"; /* docker's format has none: see wanted() */
	return docker ? MEDIA_DOCKER_LAYER : MEDIA_OCI_LAYER;
}

/* Shall it be a manifest (or index) of docker's? */
static bool wants_docker(const struct ctr_copy_opts *o, const struct image_sink *sink,
			 const char *media_type)
{
	if (o->format == COPY_FORMAT_DOCKER)
		return true;
	if (o->format == COPY_FORMAT_OCI)
		return false;
	/* zstd is a thing of the OCI's format alone */
	if (o->compression == COPY_COMPRESSION_ZSTD || o->compression == COPY_COMPRESSION_ZSTD_CHUNKED)
		return !sink->oci;
	return is_docker(media_type) ? sink->docker : !sink->oci;
}

const char *convert_index_type(const struct ctr_copy_opts *o, const struct image_sink *sink,
			       const char *media_type)
{
	return wants_docker(o, sink, media_type) ? MEDIA_DOCKER_LIST : MEDIA_OCI_INDEX;
}

static enum compression asked_for(enum copy_compression c, enum compression is)
{
	switch (c) {
	case COPY_COMPRESSION_DEFAULT:
	case COPY_COMPRESSION_KEEP:
		return is;
	case COPY_COMPRESSION_NONE:
		return COMPRESSION_NONE;
	case COPY_COMPRESSION_GZIP:
		return COMPRESSION_GZIP;
	case COPY_COMPRESSION_ZSTD:
	case COPY_COMPRESSION_ZSTD_CHUNKED:
		return COMPRESSION_ZSTD;
	}
	return is;
}

/* How a layer that is compressed by @is shall be at the destination. */
static enum compression wanted(const struct ctr_copy_opts *o, const struct image_sink *sink,
			       bool docker, enum compression is)
{
	enum compression to = asked_for(o->compression, is);

	if (o->compression == COPY_COMPRESSION_DEFAULT && sink->layers == SINK_LAYERS_COMPRESS &&
	    is == COMPRESSION_NONE)
		to = asked_for(o->usual, COMPRESSION_GZIP);
	if (is != COMPRESSION_NONE && to != COMPRESSION_NONE && !o->force_compression)
		to = is;
	if (sink->layers == SINK_LAYERS_PLAIN)
		to = COMPRESSION_NONE;
	return docker && to == COMPRESSION_ZSTD ? COMPRESSION_GZIP : to;
}

static int plan_layers(const struct ctr_copy_opts *o, const struct image_sink *sink,
		       const struct manifest *m, bool docker, struct conversion *c, struct err *e)
{
	c->layers = calloc(m->n_layers + 1, sizeof(*c->layers));
	if (!c->layers)
		return err_sys(e, ENOMEM, "copy the image");
	c->n_layers = m->n_layers;
	for (size_t i = 0; i < m->n_layers; i++) {
		enum compression is = layer_compression(m->layers[i].media_type);

		/* what is in an artifact is not ours to change */
		c->layers[i].to = m->is_artifact ? is : wanted(o, sink, docker, is);
		c->layers[i].changes = c->layers[i].to != is;
		c->changes |= c->layers[i].changes;
	}
	return 0;
}

int conversion_plan(const struct ctr_copy_opts *o, const struct image_sink *sink,
		    const struct manifest *m, struct conversion *ret, struct err *e)
{
	auto_conversion struct conversion c = { 0 };
	bool docker = m->is_artifact ? is_docker(m->media_type) : wants_docker(o, sink, m->media_type);
	int r;

	if (m->is_artifact && sink->images_only)
		return err_set(e, ERR_UNSUPPORTED, "this is no container image but an artifact: its config is of the "
			       "type \"%.100s\"", m->config.media_type);
	if (docker ? !sink->docker : !sink->oci)
		return err_set(e, ERR_UNSUPPORTED, "%s takes no manifests in the format %s",
			       sink->where->text, docker ? "v2s2" : "oci");
	if (docker && !m->is_artifact && (o->compression == COPY_COMPRESSION_ZSTD ||
		       o->compression == COPY_COMPRESSION_ZSTD_CHUNKED))
		return err_set(e, ERR_UNSUPPORTED, "docker's format (v2s2) has no zstd: ask for oci, or for gzip");
	if (o->compression == COPY_COMPRESSION_GZIP && o->compression_level > COPY_GZIP_LEVEL_MAX)
		return err_set(e, ERR_INVALID, "compression level %d: gzip has 1 to %d", o->compression_level,
			       COPY_GZIP_LEVEL_MAX);
	if (o->compression == COPY_COMPRESSION_ZSTD_CHUNKED)
		return err_set(e, ERR_UNSUPPORTED, "zstd:chunked layers are not written yet: ask for zstd");
	c.media_type = docker ? MEDIA_DOCKER_MANIFEST : MEDIA_OCI_MANIFEST;
	c.changes = docker != is_docker(m->media_type);
	r = plan_layers(o, sink, m, docker, &c, e);
	if (r < 0)
		return r;
	if (c.changes && o->preserve_digests && !sink->no_digests)
		return err_set(e, ERR_UNSUPPORTED, "the digest cannot be preserved: %s",
			       docker != is_docker(m->media_type) ? "the manifest would be in another format" :
			       "layers would be compressed otherwise");
	*ret = c;
	c = (struct conversion){ 0 };
	return 0;
}

/* Documents */

static int set(json_t *obj, const char *name, json_t *value, struct err *e)
{
	return json_object_set_new(obj, name, value) < 0 ? err_sys(e, ENOMEM, "write the manifest") : 0;
}

static int set_descriptor(json_t *d, const struct digest *digest, uint64_t size_bytes,
			  const char *media_type, struct err *e)
{
	char text[DIGEST_STR_MAX];
	int r = set(d, "mediaType", json_string(media_type), e);

	if (r == 0)
		r = set(d, "size", json_integer((json_int_t)size_bytes), e);
	return r < 0 ? r : set(d, "digest", json_string(digest_str(digest, text)), e);
}

/* Annotations that tell where things are within the blob are void with another blob. */
static void drop_places(json_t *descriptor)
{
	static const char *const prefixes[] = { "io.github.containers.zstd-chunked.",
						"containerd.io/snapshot/stargz/" };
	json_t *notes = json_object_get(descriptor, "annotations"), *v;
	const char *key;
	void *next;

	json_object_foreach_safe(notes, next, key, v)
		for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
			if (str_starts(key, prefixes[i])) {
				(void)json_object_del(notes, key);
				break;
			}
	if (notes && json_object_size(notes) == 0)
		(void)json_object_del(descriptor, "annotations");
}

static int take_text(const json_t *doc, const char *media_type, struct image_document *ret,
		     struct err *e)
{
	char *text = json_dumps(doc, JSON_COMPACT);

	if (!text)
		return err_sys(e, ENOMEM, "write the manifest");
	return image_document_take(text, strlen(text), media_type, NULL, ret, e);
}

/* What docker's format has no place for. */
static void drop_oci_members(json_t *doc)
{
	static const char *const members[] = { "annotations", "artifactType", "subject" };

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		(void)json_object_del(doc, members[i]);
}

int convert_manifest(const struct manifest *m, const struct conversion *c, const struct image_parts *p,
		     struct image_document *ret, struct manifest *ret_manifest, struct err *e)
{
	bool docker = is_docker(c->media_type);
	auto_json json_t *doc = json_deep_copy(m->doc);
	json_t *layers = json_object_get(doc, "layers");
	int r = doc ? set(doc, "mediaType", json_string(c->media_type), e)
		    : err_sys(e, ENOMEM, "write the manifest");

	if (r == 0)
		r = set(json_object_get(doc, "config"), "mediaType",
			json_string(docker ? MEDIA_DOCKER_CONFIG : MEDIA_OCI_CONFIG), e);
	for (size_t i = 0; r == 0 && i < c->n_layers; i++) {
		json_t *d = json_array_get(layers, i);

		if (c->layers[i].changes)
			drop_places(d);
		if (docker)
			(void)json_object_del(d, "annotations");
		r = set_descriptor(d, &p->layers[i].blob.digest, p->layers[i].blob.size_bytes,
				   layer_type(docker, c->layers[i].to), e);
	}
	if (docker)
		drop_oci_members(doc);
	if (r == 0)
		r = take_text(doc, c->media_type, ret, e);
	return r < 0 ? r : manifest_parse(ret->data, ret->len, "", ret_manifest, e);
}

int convert_index(const json_t *index, const struct converted *now, size_t n, const char *media_type,
		  struct image_document *ret, struct err *e)
{
	auto_json json_t *doc = json_deep_copy(index);
	json_t *list = json_object_get(doc, "manifests");
	int r = doc ? set(doc, "mediaType", json_string(media_type), e)
		    : err_sys(e, ENOMEM, "write the index");

	for (size_t i = 0; r == 0 && i < n; i++) {
		json_t *d = json_array_get(list, i);

		if (is_docker(media_type))
			(void)json_object_del(d, "annotations");
		r = set_descriptor(d, &now[i].digest, now[i].size_bytes, now[i].media_type, e);
	}
	if (r == 0 && is_docker(media_type))
		drop_oci_members(doc);
	return r < 0 ? r : take_text(doc, media_type, ret, e);
}
