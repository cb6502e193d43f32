/* Blobs: verified before they can be seen; what fails leaves nothing. */
#include "store-fixture.h"

#include "blob.h"
#include "image-in.h"

/* sha256 of "hello world" */
#define HELLO "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9"

static struct digest hello(void)
{
	struct digest d;

	CHECK_INT(digest_parse_hex(HELLO, &d, NULL), 0);
	return d;
}

static int here(void)
{
	int fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	CHECK(fd >= 0);
	return fd;
}

TEST(digests_of_memory)
{
	struct digest d, a = fixture_digest('a'), chain;
	struct err e = ERR_INIT;

	CHECK_OK(digest_of("hello world", 11, &d, &e), e);
	CHECK_STR(d.hex, HELLO);
	CHECK_OK(digest_of("", 0, &d, &e), e);
	CHECK_STR(d.hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	CHECK_OK(digest_chain(NULL, &a, &chain, &e), e);
	CHECK(digest_eq(&chain, &a));
	/* printf 'sha256:aaa... sha256:aaa...' | sha256sum */
	CHECK_OK(digest_chain(&a, &a, &chain, &e), e);
	CHECK_STR(chain.hex, "9d2cc34dc7dc748dba0ed439e6987c2f2c39ec504fa0c1527531d9bc7d0f1052");
}

TEST(good_blob_in_pieces)
{
	struct blob_writer w = BLOB_WRITER_INIT;
	struct digest d = hello();
	struct err e = ERR_INIT;
	int dir = here(), before;

	before = test_open_fds();
	CHECK_OK(blob_new(dir, &d, 11, &w, &e), e);
	CHECK_OK(blob_write(&w, "hello", 5, &e), e);
	CHECK_UINT(w.written, 5); /* a broken download goes on here */
	CHECK_OK(blob_write(&w, "", 0, &e), e);
	CHECK_OK(blob_write(&w, " world", 6, &e), e);
	CHECK_OK(blob_finish(&w, &e), e);
	CHECK_INT(fixture_count(dir), 1);
	CHECK(digest_eq(&w.digest, &d));
	blob_done(&w);
	CHECK_INT(fixture_count(dir), 1);
	CHECK_INT(test_open_fds(), before);
}

TEST(unknown_digest_and_size)
{
	struct blob_writer w = BLOB_WRITER_INIT;
	struct err e = ERR_INIT;
	int dir = here();

	CHECK_OK(blob_new(dir, NULL, BLOB_SIZE_UNKNOWN, &w, &e), e);
	CHECK_OK(blob_write(&w, "hello world", 11, &e), e);
	CHECK_OK(blob_finish(&w, &e), e);
	CHECK_STR(w.digest.hex, HELLO);
	CHECK_UINT(w.size_bytes, 11);
	blob_done(&w);
}

TEST(bad_blobs_leave_nothing)
{
	static const struct {
		const char *data;
		uint64_t size;
	} bad[] = {
		{ "hello worle", 11 },		/* flipped, of the right length */
		{ "hello worl", 11 },		/* short */
		{ "hello world!", 11 },		/* long */
		{ "hello world", 12 },
		{ "", 11 },
		{ "", 0 },
	};
	struct digest d = hello();
	int dir = here();

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct blob_writer w = BLOB_WRITER_INIT;
		struct err e = ERR_INIT;
		int r;

		CHECK_OK(blob_new(dir, &d, bad[i].size, &w, &e), e);
		r = blob_write(&w, bad[i].data, strlen(bad[i].data), &e);
		if (r == 0)
			r = blob_finish(&w, &e);
		CHECK_ERR(r, e, ERR_CORRUPT);
		blob_done(&w);
		CHECK_INT(fixture_count(dir), 0);
	}
}

TEST(unfinished_blob_goes_with_its_writer)
{
	struct blob_writer w = BLOB_WRITER_INIT;
	struct err e = ERR_INIT;
	int dir = here();

	CHECK_OK(blob_new(dir, NULL, BLOB_SIZE_UNKNOWN, &w, &e), e);
	CHECK_OK(blob_write(&w, "x", 1, &e), e);
	blob_done(&w);
	blob_done(&w);
	CHECK_INT(fixture_count(dir), 0);
}

/* An image that is announced twice, in part, and given up. */
TEST(incoming_image_keeps_its_blobs_apart_until_the_end)
{
	struct image_in in = IMAGE_IN_INIT;
	struct image_in_blob *b, *again;
	struct digest d = hello(), j;
	struct err e = ERR_INIT;
	struct store s;
	int fd;

	fixture_open(&s);
	CHECK_OK(image_in_begin(&s, NULL, &in, &e), e);
	CHECK_INT(image_in_blob(&in, &d, 11, &b, &e), 0);
	CHECK_INT(image_in_blob(&in, &d, 11, &again, &e), 0);
	CHECK(b == again);
	CHECK(image_in_blob_open(&in, &d, &e) < 0);
	CHECK_OK(blob_write(&b->writer, "hello world", 11, &e), e);
	CHECK_OK(image_in_blob_finish(&in, b, &e), e);
	CHECK_INT(image_in_blob(&in, &d, 11, &again, &e), 1);
	fd = image_in_blob_open(&in, &d, &e);
	CHECK_OK(fd, e);
	(void)close(fd);
	CHECK_OK(image_in_json(&in, "{}", 2, NULL, &j, &e), e);
	CHECK_OK(image_in_json(&in, "{}", 2, &j, NULL, &e), e);
	CHECK_ERR(image_in_json(&in, "{} ", 3, &j, NULL, &e), e, ERR_CORRUPT);
	CHECK(!fixture_has(s.images_fd, "blobs/sha256/", &d));
	image_in_abort(&in);
	image_in_abort(&in);
	CHECK(!fixture_has(s.images_fd, "blobs/sha256/", &d));
	CHECK_INT(fixture_count(s.tmp_fd), 0);
	store_close(&s);
}

TEST(present_blob_is_held)
{
	struct image_in in = IMAGE_IN_INIT;
	struct image_in_blob *b;
	struct digest d = hello();
	struct err e = ERR_INIT;
	struct store s;

	fixture_open(&s);
	fixture_blob(&s, &d, "hello world");
	CHECK_OK(image_in_begin(&s, NULL, &in, &e), e);
	CHECK_INT(image_in_blob(&in, &d, 11, &b, &e), 1);
	CHECK(b->present);
	CHECK_OK(layout_collect(&s, NULL, NULL, &e), e);
	CHECK(fixture_has(s.images_fd, "blobs/sha256/", &d));
	image_in_abort(&in);
	CHECK_OK(layout_collect(&s, NULL, NULL, &e), e);
	CHECK(!fixture_has(s.images_fd, "blobs/sha256/", &d));
	store_close(&s);
}
