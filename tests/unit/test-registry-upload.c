/* What registries say about uploads, and the file that remembers where blobs are. */
#include "test.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "blob-locations.h"
#include "fd.h"
#include "file.h"
#include "http.h"
#include "str.h"
#include "upload.h"

TEST(ranges)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} table[] = {
		{ "0-0", 0 }, { "0-1", 2 }, { "0-699999", 700000 }, { "bytes=0-9", 10 },
		{ "0-18446744073709551614", UINT64_MAX },
	};
	static const char *const refused[] = {
		"", "0", "0-", "-5", "1-5", "0--1", "0-+1", "0- 1", "0-1 ", "0-0x10", "many", "00-5", "bytes=",
		"bytes 0-5", "0-18446744073709551615", "0-99999999999999999999999",
	};
	uint64_t n;

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		n = 1234;
		CHECK_INT(upload_range_parse(table[i].text, &n), 0);
		CHECK_MSG(n == table[i].bytes, "%s", table[i].text);
	}
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		n = 1234;
		CHECK_MSG(upload_range_parse(refused[i], &n) < 0, "accepted: %s", refused[i]);
		CHECK_INT(n, 1234);
	}
}

static void check_join(const char *base, const char *url, const char *want)
{
	auto_free char *got = http_url_join(base, url);

	CHECK_STR(got ? got : "(none)", want);
}

TEST(locations_of_uploads)
{
	const char *base = "https://r.example.com:5000/v2/a/b/blobs/uploads/?mount=x";

	check_join(base, "/v2/a/b/blobs/uploads/1?_state=x%2By", "https://r.example.com:5000/v2/a/b/blobs/uploads/1?_state=x%2By");
	check_join(base, "https://other.example.com/u", "https://other.example.com/u");
	check_join(base, "https://me:secret@other.example.com/u", "https://other.example.com/u");
	check_join(base, "//other.example.com/u", "https://other.example.com/u");
	check_join(base, "17", "https://r.example.com:5000/v2/a/b/blobs/uploads/17");
	check_join(base, "http://[::1", "(none)");
}

static struct digest digest_n(unsigned int n)
{
	struct digest d;

	(void)snprintf(d.hex, sizeof(d.hex), "%064x", n);
	return d;
}

static void check_found(struct store *s, const struct registry *reg, unsigned int n, const char *want)
{
	auto_blob_locations struct blob_locations l = BLOB_LOCATIONS_INIT;
	auto_free char *got = NULL;
	struct digest d = digest_n(n);

	CHECK_INT(blob_locations_load(s, reg, &l), 0);
	got = blob_locations_get(&l, &d);
	CHECK_STR(got ? got : "(none)", want);
}

TEST(locations_of_blobs)
{
	auto_close int fd = open(test_tmpdir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct store s = STORE_INIT;
	char host[] = "r:5000", elsewhere[] = "other", name_a[] = "a", name_b[] = "b", team_b[] = "team/b",
	     name_c[] = "c";
	struct registry a = { .host = host, .repo = name_a }, b = { .host = host, .repo = name_b };
	struct registry other = { .host = elsewhere, .repo = name_a };
	struct digest d[] = { digest_n(1), digest_n(2) };
	struct stat before, after;

	CHECK(fd >= 0);
	s.meta_fd = fd;
	check_found(&s, &b, 1, "(none)");
	blob_locations_add(&s, &a, d, 2);
	check_found(&s, &b, 1, "a");
	check_found(&s, &b, 2, "a");
	check_found(&s, &b, 3, "(none)");
	check_found(&s, &a, 1, "(none)"); /* its own repository is no other */
	check_found(&s, &other, 1, "(none)");
	/* what is known is not written again; the newest is preferred */
	CHECK_INT(fstatat(fd, "blob-locations", &before, 0), 0);
	blob_locations_add(&s, &a, d, 2);
	CHECK_INT(fstatat(fd, "blob-locations", &after, 0), 0);
	CHECK_INT(before.st_size, after.st_size);
	b.repo = team_b;
	blob_locations_add(&s, &b, d, 1);
	b.repo = name_c;
	check_found(&s, &b, 1, "team/b");
	check_found(&s, &b, 2, "a");
}

TEST(locations_of_blobs_damaged)
{
	auto_close int fd = open(test_tmpdir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_strbuf struct strbuf text = STRBUF_INIT;
	struct store s = STORE_INIT;
	char host[] = "r", repo[] = "me";
	struct registry reg = { .host = host, .repo = repo };

	CHECK(fd >= 0);
	s.meta_fd = fd;
	/* torn, empty, without a name, without a digest; and a last line without its end */
	strbuf_addf(&text, "%064x r/a\n\n\n%064x\n%064x \nr/b\n%064x r/%064x r/x\n%064x r/z", 1u, 2u, 3u, 4u, 5u, 6u);
	CHECK_INT(file_replace(fd, "blob-locations", text.data, text.len, 0600, FILE_SYNC_NONE), 0);
	check_found(&s, &reg, 1, "a");
	check_found(&s, &reg, 2, "(none)");
	check_found(&s, &reg, 3, "(none)");
	check_found(&s, &reg, 5, "(none)");
	check_found(&s, &reg, 6, "z");
}
