/* Unpacked layers and image records: reading, finding, holding. */
#include "store-fixture.h"

#include "image-record.h"
#include "layer.h"

TEST(info_and_exists)
{
	struct digest d = fixture_digest('a'), no = fixture_digest('b');
	struct layer_info info;
	struct err e = ERR_INIT;
	struct store s;

	fixture_open(&s);
	fixture_layer(&s, &d, ",\"implicit_parents\":true,\"squashed_owners\":true");
	CHECK_INT(layer_exists(&s, d.hex), 1);
	CHECK_INT(layer_exists(&s, no.hex), 0);
	CHECK(layer_exists(&s, "../images") < 0);
	CHECK(layer_exists(&s, "") < 0);
	CHECK_OK(layer_info(&s, d.hex, &info, &e), e);
	CHECK(digest_eq(&info.diff_id, &d) && info.implicit_parents && info.squashed_owners);
	CHECK(!info.has_root && !info.opaque_root && !info.chain.hex[0]);
	CHECK_UINT(info.size_bytes, 5);
	CHECK_ERR(layer_info(&s, no.hex, &info, &e), e, ERR_NOT_FOUND);
	CHECK(layer_info(&s, "../../etc", &info, &e) < 0);
	store_close(&s);
}

TEST(damaged_info_is_refused)
{
	struct digest d = fixture_digest('a');
	struct layer_info info;
	struct err e = ERR_INIT;
	struct store s;
	char path[200];

	fixture_open(&s);
	fixture_layer(&s, &d, "");
	(void)snprintf(path, sizeof(path), "graph/layers/%s/layer.json", d.hex);
	for (int i = 0; i < 4; i++) {
		static const char *const bad[] = { "", "{}", "{\"version\":2}",
			"{\"version\":1,\"diff_id\":\"sha256:../..\",\"size\":1,\"entries\":1}" };

		test_write(path, bad[i]);
		CHECK_MSG(layer_info(&s, d.hex, &info, &e) < 0, "accepted: %s", bad[i]);
	}
	store_close(&s);
}

TEST(find_minds_implicit_directories)
{
	struct digest diff = fixture_digest('a'), chain = fixture_digest('c');
	char key[65] = "";
	struct err e = ERR_INIT;
	struct store s;

	fixture_open(&s);
	CHECK_INT(layer_find(&s, &diff, &chain, key, &e), 0);
	fixture_layer(&s, &diff, ",\"implicit_parents\":true");
	/* As the base it fits; on top of others only the one made for that chain does. */
	CHECK_INT(layer_find(&s, &diff, &diff, key, &e), 1);
	CHECK_STR(key, diff.hex);
	CHECK_INT(layer_find(&s, &diff, &chain, key, &e), 0);
	fixture_layer(&s, &chain, "");
	CHECK_INT(layer_find(&s, &diff, &chain, key, &e), 1);
	CHECK_STR(key, chain.hex);
	store_close(&s);
}

TEST(find_takes_a_whole_layer_anywhere)
{
	struct digest diff = fixture_digest('a'), chain = fixture_digest('c');
	char key[65] = "";
	struct err e = ERR_INIT;
	struct store s;

	fixture_open(&s);
	fixture_layer(&s, &diff, "");
	CHECK_INT(layer_find(&s, &diff, &chain, key, &e), 1);
	CHECK_STR(key, diff.hex);
	store_close(&s);
}

TEST(records)
{
	struct image_record rec = IMAGE_RECORD_INIT, got = IMAGE_RECORD_INIT;
	struct err e = ERR_INIT;
	struct store s;

	fixture_open(&s);
	rec.manifest = fixture_digest('a');
	rec.config = fixture_digest('b');
	rec.size_bytes = 12345678901;
	rec.root_layer = 1;
	CHECK_ERR(image_record_read(&s, &rec.manifest, &got, &e), e, ERR_NOT_FOUND);
	CHECK_INT(strv_add(&rec.layers, fixture_digest('1').hex), 0);
	CHECK_INT(strv_add(&rec.layers, fixture_digest('2').hex), 0);
	CHECK_OK(image_record_write(&s, &rec, &e), e);
	CHECK_INT(fixture_count(s.tmp_fd), 0);
	CHECK_OK(image_record_read(&s, &rec.manifest, &got, &e), e);
	CHECK(digest_eq(&got.config, &rec.config) && digest_eq(&got.manifest, &rec.manifest));
	CHECK_UINT(got.layers.n, 2);
	CHECK_STR(got.layers.items[1], fixture_digest('2').hex);
	CHECK_UINT(got.size_bytes, 12345678901);
	CHECK_UINT(got.root_layer, 1);
	image_record_done(&got);
	image_record_remove(&s, &rec.manifest);
	CHECK_ERR(image_record_read(&s, &rec.manifest, &got, &e), e, ERR_NOT_FOUND);
	image_record_done(&rec);
	store_close(&s);
}

TEST(damaged_records_are_refused)
{
	struct digest m = fixture_digest('a');
	struct image_record got = IMAGE_RECORD_INIT;
	struct err e = ERR_INIT;
	struct store s;
	char path[200];

	fixture_open(&s);
	(void)snprintf(path, sizeof(path), "graph/meta/%s.json", m.hex);
	for (int i = 0; i < 4; i++) {
		static const char *const bad[] = { "", "{\"version\":1}",
			"{\"version\":1,\"config\":\"sha256:x\",\"layers\":[],\"size\":0,\"root_layer\":0}",
			"{\"version\":1,\"config\":\"sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
			"aaaaaaaaaaaaa\",\"layers\":[\"../../x\"],\"size\":0,\"root_layer\":0}" };

		test_write(path, bad[i]);
		CHECK_MSG(image_record_read(&s, &m, &got, &e) < 0, "accepted: %s", bad[i]);
	}
	store_close(&s);
}
