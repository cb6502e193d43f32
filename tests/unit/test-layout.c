/* The image layout: tags, other tools' entries, and collection of what nobody needs. */
#include "store-fixture.h"

#include "image-record.h"
#include "json.h"
#include "layer.h"
#include "layout.h"

#define TYPE MEDIA_OCI_MANIFEST

static void tag(struct store *s, const char *ref, char m)
{
	struct digest d = fixture_digest(m);
	struct err e = ERR_INIT;

	CHECK_OK(layout_tag(s, ref, &d, 10, TYPE, &e), e);
}

/* "ref=m ref=m ...", in the index's order; untagged: "-". */
static void check_index(struct store *s, const char *want)
{
	auto_layout_index struct layout_index x = LAYOUT_INDEX_INIT;
	auto_strbuf struct strbuf b = STRBUF_INIT;
	struct err e = ERR_INIT;

	CHECK_OK(layout_read(s, &x, &e), e);
	for (size_t i = 0; i < x.n; i++)
		strbuf_addf(&b, "%s%s=%c", i ? " " : "", x.entries[i].ref ? x.entries[i].ref : "-",
			    x.entries[i].manifest.hex[0]);
	CHECK_STR(b.data ? b.data : "", want);
}

TEST(tagging)
{
	struct err e = ERR_INIT;
	struct digest none = fixture_digest('0');
	struct store s;

	fixture_open(&s);
	check_index(&s, "");
	fixture_manifest(&s, 'a', '1', '2');
	fixture_manifest(&s, 'b', '3', '4');
	tag(&s, "x:1", 'a');
	check_index(&s, "x:1=a");
	tag(&s, "x:1", 'a');
	check_index(&s, "x:1=a");
	tag(&s, "y:1", 'a');
	check_index(&s, "x:1=a y:1=a");
	/* What had the name stays, nameless only if it has no other name. */
	tag(&s, "x:1", 'b');
	check_index(&s, "y:1=a x:1=b");
	tag(&s, "y:1", 'b');
	check_index(&s, "-=a x:1=b y:1=b");
	/* A name for the nameless one. */
	tag(&s, "z:1", 'a');
	check_index(&s, "z:1=a x:1=b y:1=b");
	/* Untagged: only if it is not there at all. */
	tag(&s, NULL, 'a');
	check_index(&s, "z:1=a x:1=b y:1=b");
	CHECK_OK(layout_untag(&s, "x:1", true, &e), e);
	CHECK_OK(layout_untag(&s, "z:1", true, &e), e);
	check_index(&s, "-=a y:1=b");
	CHECK_ERR(layout_untag(&s, "z:1", true, &e), e, ERR_NOT_FOUND);
	CHECK_OK(layout_untag(&s, "y:1", false, &e), e);
	check_index(&s, "-=a");
	struct digest a = fixture_digest('a');
	CHECK_OK(layout_remove(&s, &a, &e), e);
	check_index(&s, "");
	CHECK_ERR(layout_remove(&s, &a, &e), e, ERR_NOT_FOUND);
	/* A manifest that is not here cannot be named. */
	CHECK_ERR(layout_tag(&s, "q", &none, 1, TYPE, &e), e, ERR_NOT_FOUND);
	store_close(&s);
}

TEST(other_tools_entries_survive)
{
	static const char theirs[] =
		"{\"schemaVersion\":2,\"x\":{\"y\":1},\"manifests\":["
		"{\"mediaType\":\"t\",\"digest\":\"sha512:00\",\"size\":1},"
		"{\"mediaType\":\"t\",\"digest\":\"sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"aaaaaaaaaaaaaaaa\",\"size\":1,\"platform\":{\"os\":\"linux\"},\"annotations\":{"
		"\"org.opencontainers.image.ref.name\":\"latest\",\"k\":\"v\"}}]}";
	auto_json json_t *doc = NULL;
	struct err e = ERR_INIT;
	struct store s;
	const json_t *d;

	fixture_open(&s);
	test_write("graph/images/index.json", theirs);
	fixture_manifest(&s, 'a', '1', '2');
	fixture_manifest(&s, 'b', '1', '2');
	check_index(&s, "latest=a");
	tag(&s, "new", 'b');
	CHECK_OK(layout_untag(&s, "latest", true, &e), e);
	check_index(&s, "-=a new=b");
	CHECK_OK(json_parse_file(s.images_fd, "index.json", 1 << 20, &doc, &e), e);
	CHECK_INT(json_integer_value(json_object_get(json_object_get(doc, "x"), "y")), 1);
	CHECK_UINT(json_array_size(json_object_get(doc, "manifests")), 3);
	d = json_array_get(json_object_get(doc, "manifests"), 1);
	CHECK_STR(json_string_value(json_object_get(json_object_get(d, "platform"), "os")), "linux");
	CHECK_STR(json_string_value(json_object_get(json_object_get(d, "annotations"), "k")), "v");
	store_close(&s);
}

TEST(damaged_index_is_an_error_and_stays)
{
	static const char *const bad[] = {
		"", "[]", "{}", "{\"manifests\":{}}", "{\"manifests\":[{}]}", "{\"manifests\":[1]}",
		"{\"manifests\":[{\"digest\":1,\"size\":1}]}", "{\"manifests\":[],\"manifests\":[]}",
		"{\"manifests\":[{\"digest\":\"x\",\"size\":-1}]}",
	};
	struct err e = ERR_INIT;
	struct store s;

	fixture_open(&s);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		auto_layout_index struct layout_index x = LAYOUT_INDEX_INIT;

		test_write("graph/images/index.json", bad[i]);
		CHECK_MSG(layout_read(&s, &x, &e) < 0, "accepted: %s", bad[i]);
		CHECK_CONTAINS(e.text, "index.json");
		/* Nothing is thrown away on the word of a broken index. */
		struct digest d = fixture_digest('a');
		fixture_blob(&s, &d, "x");
		CHECK(layout_collect(&s, NULL, NULL, &e) < 0);
		CHECK(fixture_has(s.images_fd, "blobs/sha256/", &d));
	}
	store_close(&s);
}

TEST(blobs_that_are_no_files)
{
	struct digest d = fixture_digest('a');
	struct err e = ERR_INIT;
	auto_json json_t *doc = NULL;
	struct store s;
	char path[200];

	fixture_open(&s);
	CHECK_ERR(layout_blob_open(&s, &d, &e), e, ERR_NOT_FOUND);
	(void)snprintf(path, sizeof(path), "graph/images/blobs/sha256/%s", d.hex);
	test_symlink("/etc/passwd", path);
	CHECK(layout_blob_open(&s, &d, &e) < 0);
	CHECK(unlink(path) == 0 && mkfifo(path, 0600) == 0);
	(void)layout_blob_json(&s, &d, 100, &doc, &e); /* must not hang */
	CHECK(unlink(path) == 0);
	fixture_blob(&s, &d, "[\"0123456789\"]");
	CHECK_ERR(layout_blob_json(&s, &d, 5, &doc, &e), e, ERR_LIMIT);
	CHECK_OK(layout_blob_json(&s, &d, 50, &doc, &e), e);
	store_close(&s);
}

static void record(struct store *s, char m, char c, char layer)
{
	struct image_record rec = IMAGE_RECORD_INIT;
	struct err e = ERR_INIT;

	rec.manifest = fixture_digest(m);
	rec.config = fixture_digest(c);
	CHECK_INT(strv_add(&rec.layers, fixture_digest(layer).hex), 0);
	CHECK_OK(image_record_write(s, &rec, &e), e);
	image_record_done(&rec);
}

TEST(collect_keeps_what_is_used)
{
	auto_strv struct strv keep = STRV_INIT;
	struct digest d[16];
	struct err e = ERR_INIT;
	struct store s;
	int held;

	fixture_open(&s);
	for (int i = 0; i < 16; i++)
		d[i] = fixture_digest("0123456789abcdef"[i]);
	/* a: an image; b: an image without a name in the index; 5: an index that leads to a. */
	fixture_manifest(&s, 'a', '1', '2');
	fixture_manifest(&s, 'b', '3', '4');
	record(&s, 'a', '1', '6');
	record(&s, 'b', '3', '7');
	for (int i = 6; i <= 9; i++)
		fixture_layer(&s, &d[i], "");
	char *index = str_printf("{\"manifests\":[{\"digest\":\"sha256:%s\",\"size\":1}]}", d[10].hex);
	fixture_blob(&s, &d[5], index);
	free(index);
	tag(&s, "multi", '5');
	/* 8: a container's; 9: held by somebody who is about to use it. */
	CHECK_INT(strv_add(&keep, d[8].hex), 0);
	held = layer_hold(&s, d[9].hex, &e);
	CHECK_OK(held, e);
	/* f: a blob that somebody holds. */
	fixture_blob(&s, &d[15], "f");
	int blob_held = layout_blob_hold(&s, &d[15], &e);
	CHECK_OK(blob_held, e);
	test_write("graph/images/blobs/sha256/README", "not a digest: not ours");

	CHECK_OK(layout_collect(&s, &keep, NULL, &e), e);
	for (const char *p = "5a12f"; *p; p++) {
		struct digest x = fixture_digest(*p);

		CHECK_MSG(fixture_has(s.images_fd, "blobs/sha256/", &x), "blob %c is gone", *p);
	}
	for (const char *p = "b34"; *p; p++) {
		struct digest x = fixture_digest(*p);

		CHECK_MSG(!fixture_has(s.images_fd, "blobs/sha256/", &x), "blob %c is still there", *p);
	}
	CHECK(fixture_has(s.layers_fd, "", &d[6]) && fixture_has(s.layers_fd, "", &d[8]) &&
	      fixture_has(s.layers_fd, "", &d[9]));
	CHECK(!fixture_has(s.layers_fd, "", &d[7]));
	CHECK_INT(fixture_count(s.meta_fd), 2); /* a record, and the copy of the index */
	CHECK_INT(fixture_count(s.tmp_fd), 0);
	CHECK(access("graph/images/blobs/sha256/README", F_OK) == 0);

	(void)close(held);
	(void)close(blob_held);
	CHECK_OK(layout_collect(&s, NULL, NULL, &e), e);
	CHECK(!fixture_has(s.layers_fd, "", &d[8]) && !fixture_has(s.layers_fd, "", &d[9]));
	CHECK(!fixture_has(s.images_fd, "blobs/sha256/", &d[15]));
	CHECK_INT(fixture_count(s.layers_fd), 1);
	CHECK_ERR(layer_hold(&s, d[9].hex, &e), e, ERR_NOT_FOUND);
	store_close(&s);
}

/* Names stand in index.json alone: its copy tells what others did to it, and brings them back. */
TEST(the_copy_of_the_index)
{
	struct digest d = fixture_digest('5');
	struct layout_index x = LAYOUT_INDEX_INIT;
	struct store s = STORE_INIT;
	struct err e = ERR_INIT;

	fixture_open(&s);
	CHECK_INT(layout_copy_differs(&s), 0);
	CHECK_INT(layout_restore(&s, &e), -ENOENT);
	fixture_blob(&s, &d, "{}");
	CHECK_OK(layout_tag(&s, "a:1", &d, 2, MEDIA_OCI_MANIFEST, &e), e);
	CHECK_INT(layout_copy_differs(&s), 0);
	test_write("graph/images/index.json", "{\"schemaVersion\":2,\"manifests\":[]}");
	CHECK_INT(layout_copy_differs(&s), 1);
	test_write("graph/images/index.json", "gone");
	CHECK_OK(layout_restore(&s, &e), e);
	CHECK_OK(layout_read(&s, &x, &e), e);
	CHECK(x.n == 1 && strcmp(x.entries[0].ref, "a:1") == 0);
	layout_index_done(&x);
	test_write("graph/meta/index.json", "{\"index\":{},\"sum\":\"0\"}");
	CHECK_INT(layout_copy_differs(&s), -EBADMSG);
	CHECK(layout_restore(&s, &e) < 0);
	CHECK_OK(layout_copy_refresh(&s, &e), e);
	CHECK_INT(layout_copy_differs(&s), 0);
	store_close(&s);
}

/* A maker that died between the renames and the index: its note says what may be an orphan. */
TEST(collect_undoes_a_half_placed_image)
{
	struct digest l = fixture_digest('6'), used = fixture_digest('7');
	struct stage st = STAGE_INIT;
	struct err e = ERR_INIT;
	char path[200];
	struct store s;
	char *note;

	fixture_open(&s);
	fixture_manifest(&s, 'a', '1', '2');
	fixture_manifest(&s, 'b', '3', '4');
	record(&s, 'b', '3', '7');
	tag(&s, "kept", 'b');
	fixture_layer(&s, &l, "");
	fixture_layer(&s, &used, "");
	(void)snprintf(path, sizeof(path), "graph/layers/%s/new", l.hex);
	test_write(path, "");
	(void)snprintf(path, sizeof(path), "graph/layers/%s/new", used.hex);
	test_write(path, "");
	CHECK_OK(store_stage_new(&s, &st, &e), e);
	note = str_printf("blob %s\nblob %s\nblob %s\nlayer %s\nlayer %s\nblob 12", fixture_digest('a').hex,
			  fixture_digest('1').hex, fixture_digest('4').hex, l.hex, used.hex);
	CHECK_INT(file_replace(st.fd, "pending", note, strlen(note), 0600, FILE_SYNC_NONE), 0);
	free(note);
	(void)close(st.fd); /* its maker is dead */
	CHECK_OK(store_collect(&s, NULL, NULL, &e), e);
	CHECK_INT(fixture_count(s.tmp_fd), 0);
	struct digest a = fixture_digest('a'), one = fixture_digest('1'), two = fixture_digest('2'),
		      four = fixture_digest('4');
	CHECK(!fixture_has(s.images_fd, "blobs/sha256/", &a));
	CHECK(!fixture_has(s.images_fd, "blobs/sha256/", &one));
	/* Not in the note: not this maker's business.  In the note, but used: stays. */
	CHECK(fixture_has(s.images_fd, "blobs/sha256/", &two));
	CHECK(fixture_has(s.images_fd, "blobs/sha256/", &four));
	CHECK(!fixture_has(s.layers_fd, "", &l));
	CHECK(fixture_has(s.layers_fd, "", &used));
	CHECK(access(path, F_OK) < 0);
	store_close(&s);
}
