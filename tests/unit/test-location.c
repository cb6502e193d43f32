/* Where an image is: what is understood, and what is refused with which words. */
#include "test.h"

#include <string.h>

#include "location.h"
#include "str.h"

static const char *shown(const char *s)
{
	return s ? s : "-";
}

TEST(what_is_understood)
{
	static const struct {
		const char *text;
		enum ctr_transport transport;
		const char *path, *ref;
		long index;
	} rows[] = {
		{ "alpine", TRANSPORT_NAME, NULL, "alpine", -1 },
		{ "docker:latest", TRANSPORT_NAME, NULL, "docker:latest", -1 },
		{ "host:5000/a/b:c", TRANSPORT_NAME, NULL, "host:5000/a/b:c", -1 },
		{ "oci/image:1", TRANSPORT_NAME, NULL, "oci/image:1", -1 },
		{ "docker://quay.io/a/b:c", TRANSPORT_DOCKER, NULL, "quay.io/a/b:c", -1 },
		{ "oci:dir", TRANSPORT_OCI, "dir", NULL, -1 },
		{ "oci:/a/dir:name", TRANSPORT_OCI, "/a/dir", "name", -1 },
		{ "oci:/a/dir:host:5000/x:1", TRANSPORT_OCI, "/a/dir", "host:5000/x:1", -1 },
		{ "oci:/a/dir:", TRANSPORT_OCI, "/a/dir", NULL, -1 },
		{ "oci:/a/dir:@3", TRANSPORT_OCI, "/a/dir", NULL, 3 },
		{ "oci-archive:x.tar:n", TRANSPORT_OCI_ARCHIVE, "x.tar", "n", -1 },
		{ "docker-archive:x.tar", TRANSPORT_DOCKER_ARCHIVE, "x.tar", NULL, -1 },
		{ "docker-archive:x.tar:@0", TRANSPORT_DOCKER_ARCHIVE, "x.tar", NULL, 0 },
		{ "dir:/with:colon", TRANSPORT_DIR, "/with:colon", NULL, -1 },
		{ "containers-storage:web:1", TRANSPORT_STORAGE, NULL, "web:1", -1 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		auto_location struct ctr_location l = CTR_LOCATION_INIT;
		struct err e = ERR_INIT;

		CHECK_OK(ctr_location_parse(rows[i].text, &l, &e), e);
		CHECK_UINT(l.transport, rows[i].transport);
		CHECK_STR(l.text, rows[i].text);
		CHECK_STR(shown(l.path), shown(rows[i].path));
		CHECK_STR(shown(l.ref), shown(rows[i].ref));
		CHECK(l.index == rows[i].index);
		CHECK(ctr_location_has_transport(rows[i].text) == (l.transport != TRANSPORT_NAME));
	}
}

TEST(stores_of_other_engines)
{
	static const struct {
		const char *text, *driver, *root, *run, *ref;
	} rows[] = {
		{ "containers-storage:[overlay@/a/b+/c/d]x", "overlay", "/a/b", "/c/d", "x" },
		{ "containers-storage:[/a/b+/c/d]x", NULL, "/a/b", "/c/d", "x" },
		{ "containers-storage:[overlay@/a/b]h:1/x:y", "overlay", "/a/b", NULL, "h:1/x:y" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		auto_location struct ctr_location l = CTR_LOCATION_INIT;
		struct err e = ERR_INIT;

		CHECK_OK(ctr_location_parse(rows[i].text, &l, &e), e);
		CHECK_STR(shown(l.driver), shown(rows[i].driver));
		CHECK_STR(shown(l.root), shown(rows[i].root));
		CHECK_STR(shown(l.run), shown(rows[i].run));
		CHECK_STR(shown(l.ref), shown(rows[i].ref));
		CHECK(ctr_location_is_elsewhere(rows[i].text));
	}
	CHECK(!ctr_location_is_elsewhere("containers-storage:x"));
	CHECK(!ctr_location_is_elsewhere("docker://x"));
	CHECK(!ctr_location_is_elsewhere("x:y"));
	CHECK(ctr_location_is_elsewhere("oci:x"));
	CHECK(ctr_location_is_elsewhere("docker-daemon:x")); /* known, to be refused by name */
}

TEST(what_is_refused)
{
	static const struct {
		const char *text;
		enum err_kind kind;
		const char *says;
	} rows[] = {
		{ "", ERR_INVALID, "no image" },
		{ "docker://", ERR_INVALID, "no image" },
		{ "oci:", ERR_INVALID, "no path" },
		{ "oci::name", ERR_INVALID, "no path" },
		{ "dir:", ERR_INVALID, "no directory" },
		{ "oci:x:@", ERR_INVALID, "number" },
		{ "docker-archive:x:@-1", ERR_INVALID, "number" },
		{ "docker-archive:x:@65536", ERR_INVALID, "number" },
		{ "docker-archive:x:@99999999999999999999", ERR_INVALID, "number" },
		{ "containers-storage:", ERR_INVALID, "no image" },
		{ "containers-storage:[overlay@/a", ERR_INVALID, "]" },
		{ "containers-storage:[overlay@/a]", ERR_INVALID, "no image" },
		{ "containers-storage:[overlay@a/b]x", ERR_INVALID, "absolute" },
		{ "docker-daemon:alpine:3", ERR_UNSUPPORTED, "docker save" },
		{ "ostree:x@/y", ERR_UNSUPPORTED, "ostree" },
		{ "sif:x", ERR_UNSUPPORTED, "sif" },
		{ "tarball:x", ERR_UNSUPPORTED, "import" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ctr_location l = CTR_LOCATION_INIT;
		struct err e = ERR_INIT;

		CHECK_ERR(ctr_location_parse(rows[i].text, &l, &e), e, rows[i].kind);
		CHECK(strstr(e.text, rows[i].says));
		CHECK(!l.text && !l.path && !l.ref); /* left alone */
	}
}
