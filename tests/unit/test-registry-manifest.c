/* Manifests: what is taken, and that nothing can be two things at once. */
#include "test.h"

#include "layout.h"
#include "manifest.h"
#include "str.h"

#define D(c) "\"sha256:" c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c \
	c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c "\""
#define CONFIG "\"config\":{\"mediaType\":\"" MEDIA_OCI_CONFIG "\",\"size\":10,\"digest\":" D("a") "}"
#define LAYER(type) "{\"mediaType\":\"" type "\",\"size\":10,\"digest\":" D("b") "}"
#define OCI_GZ MEDIA_OCI_LAYER "+gzip"

static int parse(const char *text, const char *header, struct manifest *m, struct err *e)
{
	return manifest_parse(text, strlen(text), header, m, e);
}

TEST(images)
{
	static const char *const layers[] = { LAYER(MEDIA_OCI_LAYER), LAYER(OCI_GZ),
		LAYER(MEDIA_OCI_LAYER "+zstd"), LAYER(MEDIA_DOCKER_LAYER_GZ) };

	for (size_t i = 0; i < sizeof(layers) / sizeof(*layers); i++) {
		auto_free char *text = str_printf("{\"schemaVersion\":2," CONFIG ",\"layers\":[%s]}", layers[i]);
		struct manifest m = MANIFEST_INIT;
		struct err e = ERR_INIT;

		CHECK_OK(parse(text, MEDIA_OCI_MANIFEST, &m, &e), e);
		CHECK(!m.is_index);
		CHECK_STR(m.media_type, MEDIA_OCI_MANIFEST);
		CHECK_UINT(m.n_layers, 1);
		CHECK_UINT(m.layers[0].size_bytes, 10);
		CHECK_INT(m.config.digest.hex[0], 'a');
		manifest_done(&m);
		CHECK_OK(parse(text, "", &m, &e), e); /* a file server says application/octet-stream */
		manifest_done(&m);
		CHECK_OK(parse(text, MEDIA_DOCKER_MANIFEST, &m, &e), e);
		CHECK_STR(m.media_type, MEDIA_DOCKER_MANIFEST);
		manifest_done(&m);
	}
}

TEST(indexes)
{
	struct manifest m = MANIFEST_INIT;
	struct err e = ERR_INIT;

	CHECK_OK(parse("{\"schemaVersion\":2,\"manifests\":[]}", MEDIA_OCI_INDEX, &m, &e), e);
	CHECK(m.is_index);
	manifest_done(&m);
	CHECK_OK(parse("{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_DOCKER_LIST "\",\"manifests\":[]}",
		       "text/plain", &m, &e), e);
	CHECK_STR(m.media_type, MEDIA_DOCKER_LIST);
	manifest_done(&m);
}

TEST(refused)
{
	static const struct {
		const char *text, *header, *part;
	} table[] = {
		{ "{\"schemaVersion\":2," CONFIG ",\"layers\":[],\"manifests\":[]}", MEDIA_OCI_MANIFEST,
		  "index and image at once" },
		{ "{\"schemaVersion\":2,\"layers\":[],\"manifests\":[]}", MEDIA_OCI_INDEX,
		  "index and image at once" },
		{ "{\"schemaVersion\":2,\"manifests\":[]}", MEDIA_OCI_MANIFEST, "lacks" },
		{ "{\"schemaVersion\":2," CONFIG ",\"layers\":[]}", MEDIA_OCI_INDEX, "lacks" },
		{ "{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_OCI_MANIFEST "\"," CONFIG ",\"layers\":[]}",
		  MEDIA_DOCKER_MANIFEST, "the header says" },
		{ "{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_OCI_MANIFEST "\"," CONFIG ",\"layers\":[]}",
		  MEDIA_OCI_INDEX, "the header says" },
		{ "{\"schemaVersion\":2,\"mediaType\":\"x/y\"," CONFIG ",\"layers\":[]}", "", "unknown type" },
		{ "{\"schemaVersion\":2,\"mediaType\":7," CONFIG ",\"layers\":[]}", "", "mediaType" },
		{ "{\"schemaVersion\":1,\"fsLayers\":[]}", "", "schema 1" },
		{ "{\"schemaVersion\":1,\"fsLayers\":[]}",
		  "application/vnd.docker.distribution.manifest.v1+prettyjws", "schema 1" },
		{ "{\"schemaVersion\":3," CONFIG ",\"layers\":[]}", "", "schemaVersion" },
		{ "{" CONFIG ",\"layers\":[]}", "", "schemaVersion" },
		{ "{\"schemaVersion\":2," CONFIG "}", "", "$.layers" },
		{ "{\"schemaVersion\":2,\"layers\":[]}", "", "$.config" },
		{ "{\"schemaVersion\":2," CONFIG ",\"layers\":[" LAYER("application/x") "]}", "", "unknown type" },
		{ "{\"schemaVersion\":2," CONFIG ",\"layers\":[" LAYER(MEDIA_OCI_CONFIG) "]}", "",
		  "stands as a layer" },
		{ "{\"schemaVersion\":2,\"config\":" LAYER(OCI_GZ) ",\"layers\":[]}", "", "stands as the config" },
		{ "{\"schemaVersion\":2,\"config\":" LAYER("application/vnd.oci.empty.v1+json") ",\"layers\":[]}",
		  "", "artifact" },
		{ "{\"schemaVersion\":2," CONFIG ",\"layers\":[{\"mediaType\":\"" OCI_GZ "\",\"size\":1,"
		  "\"digest\":" D("b") ",\"urls\":[\"http://x/\"]}]}", "", "foreign layer" },
		{ "{\"schemaVersion\":2," CONFIG ",\"layers\":["
		  LAYER("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip") "]}", "", "foreign layer" },
		{ "{\"schemaVersion\":2," CONFIG ",\"layers\":[{\"mediaType\":\"" OCI_GZ "\",\"size\":1,"
		  "\"digest\":\"sha256:../../x\"}]}", "", "digest" },
		{ "{\"schemaVersion\":2," CONFIG ",\"layers\":[{\"mediaType\":\"" OCI_GZ "\",\"size\":-1,"
		  "\"digest\":" D("b") "}]}", "", "size" },
		{ "{\"schemaVersion\":2," CONFIG ",\"layers\":[{\"mediaType\":\"" OCI_GZ "\","
		  "\"digest\":" D("b") "}]}", "", "size" },
		{ "{\"schemaVersion\":2," CONFIG ",\"layers\":[{\"mediaType\":\"" OCI_GZ "\","
		  "\"size\":9223372036854775807,\"digest\":" D("b") "}]}", "", "size" },
		{ "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"" MEDIA_OCI_CONFIG "\",\"size\":999999999,"
		  "\"digest\":" D("a") "},\"layers\":[]}", "", "larger than" },
		{ "{\"schemaVersion\":2," CONFIG "," CONFIG ",\"layers\":[]}", "", "duplicate" },
		{ "[]", "", "an object" }, { "", "", "manifest" }, { "{", "", "manifest" },
		{ "null", "", "manifest" },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct manifest m = MANIFEST_INIT;
		struct err e = ERR_INIT;

		CHECK_MSG(parse(table[i].text, table[i].header, &m, &e) < 0, "accepted: %s", table[i].text);
		CHECK_MSG(strstr(e.text, table[i].part), "%s\n  says %s, not %s", table[i].text, e.text,
			  table[i].part);
	}
}

TEST(too_many_layers)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;
	struct manifest m = MANIFEST_INIT;
	struct err e = ERR_INIT;

	strbuf_add(&b, "{\"schemaVersion\":2," CONFIG ",\"layers\":[" LAYER(OCI_GZ));
	for (int i = 0; i < LAYOUT_LAYERS_MAX; i++)
		strbuf_add(&b, "," LAYER(OCI_GZ));
	strbuf_add(&b, "]}");
	CHECK_ERR(manifest_parse(b.data, b.len, "", &m, &e), e, ERR_LIMIT);
}
