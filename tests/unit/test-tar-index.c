/* Tar archives as tables: every kind of header, what is cut off or makes no sense, and lookups. */
#include "test.h"

#include <sys/mman.h>

#include "str.h"
#include "tar-header.h"
#include "tar-index.h"

static void add_header(struct strbuf *b, const char *name, char type, uint64_t size, const char *link)
{
	unsigned char h[TAR_BLOCK_BYTES];
	unsigned int sum = 0;

	tar_header(name, TAR_WRITE_FILE, size, link, h);
	h[156] = (unsigned char)type;
	memset(h + 148, ' ', 8);
	for (size_t i = 0; i < sizeof(h); i++)
		sum += h[i];
	(void)snprintf((char *)h + 148, 8, "%06o", sum);
	strbuf_addn(b, h, sizeof(h));
}

static void add(struct strbuf *b, const char *name, char type, const char *data, const char *link)
{
	add_header(b, name, type, strlen(data), link);
	strbuf_add(b, data);
	for (size_t n = tar_padding(strlen(data)); n; n--)
		strbuf_addc(b, '\0');
}

static void add_end(struct strbuf *b)
{
	for (size_t i = 0; i < TAR_END_BYTES; i++)
		strbuf_addc(b, '\0');
}

static int file_of(const struct strbuf *b)
{
	int fd = memfd_create("archive", MFD_CLOEXEC);

	CHECK(!b->failed);
	CHECK(fd >= 0 && fd_write_all(fd, b->data, b->len) == 0);
	return fd;
}

static int read_index(const struct strbuf *b, struct tar_index *x, struct err *e)
{
	auto_close int fd = file_of(b);

	return tar_index_read(fd, x, e);
}

static void check_content(int fd, const struct tar_index *x, const char *path, const char *want)
{
	const struct tar_member *m = NULL;
	auto_free char *got = NULL;
	struct err e = ERR_INIT;
	size_t len;

	CHECK_OK(tar_index_find(x, path, &m, &e), e);
	CHECK_OK(tar_index_load(fd, m, 1000, &got, &len, &e), e);
	CHECK_UINT(len, strlen(want));
	CHECK_STR(got, want);
}

TEST(members)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;
	auto_tar_index struct tar_index x = TAR_INDEX_INIT;
	struct err e = ERR_INIT;
	auto_close int fd = FD_NONE;

	add(&b, "./", '5', "", NULL);
	add(&b, "./manifest.json", '0', "[]", NULL);
	add(&b, "dir//", '5', "", NULL);
	add(&b, "dir/./layer.tar", '0', "content of a layer", NULL);
	add(&b, "old/", '\0', "", NULL);
	add(&b, "contiguous", '7', "seven", NULL);
	add(&b, "fifo", '6', "", NULL);
	add_end(&b);
	strbuf_add(&b, "what follows does not count");
	fd = file_of(&b);
	CHECK_OK(tar_index_read(fd, &x, &e), e);
	CHECK_UINT(x.n, 7);
	CHECK_STR(x.members[0].name, "");
	CHECK_INT(x.members[4].kind, TAR_DIR);
	CHECK_INT(x.members[6].kind, TAR_OTHER);
	check_content(fd, &x, "manifest.json", "[]");
	check_content(fd, &x, "dir/layer.tar", "content of a layer");
	check_content(fd, &x, "./dir//layer.tar", "content of a layer");
	check_content(fd, &x, "contiguous", "seven");
}

TEST(ends_without_zeros_or_padding)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;
	auto_tar_index struct tar_index x = TAR_INDEX_INIT;
	struct err e = ERR_INIT;
	auto_close int fd = FD_NONE;

	add(&b, "a", '0', "first", NULL);
	add_header(&b, "b", '0', 6, NULL);
	strbuf_add(&b, "second");
	fd = file_of(&b);
	CHECK_OK(tar_index_read(fd, &x, &e), e);
	check_content(fd, &x, "b", "second");
}

static void add_pax(struct strbuf *b, const char *key, const char *value)
{
	size_t n = strlen(key) + strlen(value) + 5; /* "nn k=v\n" of two digits */
	auto_free char *rec = str_printf("%zu %s=%s\n", n, key, value);

	CHECK(n >= 10 && n < 100);
	add(b, "PaxHeaders/x", 'x', rec, NULL);
}

TEST(long_names)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;
	auto_tar_index struct tar_index x = TAR_INDEX_INIT;
	struct err e = ERR_INIT;
	auto_close int fd = FD_NONE;
	char name[300];

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	add(&b, "././@LongLink", 'L', name, NULL);
	add(&b, "cut", '0', "gnu", NULL);
	add_pax(&b, "path", "by/pax");
	add(&b, "cut", '0', "posix", NULL);
	add_pax(&b, "linkpath", "by/pax");
	add(&b, "link", '1', "", "cut");
	add_pax(&b, "size", "3");
	add_header(&b, "sized", '0', 0, NULL);
	strbuf_add(&b, "abc");
	strbuf_addn(&b, (char[509]){ 0 }, 509);
	add(&b, "global", 'g', "21 comment=ignored it\n", NULL);
	add(&b, "after", '0', "the end", NULL);
	add_end(&b);
	fd = file_of(&b);
	CHECK_OK(tar_index_read(fd, &x, &e), e);
	check_content(fd, &x, name, "gnu");
	check_content(fd, &x, "by/pax", "posix");
	check_content(fd, &x, "link", "posix");
	check_content(fd, &x, "sized", "abc");
	check_content(fd, &x, "after", "the end");
	CHECK_INT(tar_index_find(&x, "cut", NULL, NULL), -ENOENT);
}

TEST(prefix_of_ustar)
{
	unsigned char h[TAR_BLOCK_BYTES];
	auto_strbuf struct strbuf b = STRBUF_INIT;
	auto_tar_index struct tar_index x = TAR_INDEX_INIT;
	struct err e = ERR_INIT;
	const struct tar_member *m;
	unsigned int sum = 0;

	tar_header("name", TAR_WRITE_FILE, 0, NULL, h);
	memcpy(h + 345, "some/where", 10);
	memset(h + 148, ' ', 8);
	for (size_t i = 0; i < sizeof(h); i++)
		sum += h[i];
	(void)snprintf((char *)h + 148, 8, "%06o", sum);
	strbuf_addn(&b, h, sizeof(h));
	CHECK_OK(read_index(&b, &x, &e), e);
	CHECK_OK(tar_index_find(&x, "some/where/name", &m, &e), e);
}

TEST(links)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;
	auto_tar_index struct tar_index x = TAR_INDEX_INIT;
	struct err e = ERR_INIT;
	const struct tar_member *m;
	auto_close int fd = FD_NONE;

	add(&b, "blob.tar", '0', "bytes", NULL);
	add(&b, "id/layer.tar", '2', "", "../blob.tar");
	add(&b, "id/hard.tar", '1', "", "./blob.tar");
	add(&b, "two", '2', "", "id/./layer.tar");
	add(&b, "out", '2', "", "../../etc/passwd");
	add(&b, "id/out", '2', "", "../../blob.tar");
	add(&b, "abs", '2', "", "/blob.tar");
	add(&b, "loop", '2', "", "pool");
	add(&b, "pool", '2', "", "loop");
	add(&b, "nowhere", '2', "", "none");
	add(&b, "todir", '2', "", "id");
	add(&b, "id/", '5', "", NULL);
	add(&b, "empty", '2', "", "");
	add_end(&b);
	fd = file_of(&b);
	CHECK_OK(tar_index_read(fd, &x, &e), e);
	check_content(fd, &x, "id/layer.tar", "bytes");
	check_content(fd, &x, "id/hard.tar", "bytes");
	check_content(fd, &x, "two", "bytes");
	CHECK_ERR(tar_index_find(&x, "out", &m, &e), e, ERR_CORRUPT);
	CHECK_CONTAINS(e.text, "leads out of it");
	CHECK_ERR(tar_index_find(&x, "id/out", &m, &e), e, ERR_CORRUPT);
	CHECK_ERR(tar_index_find(&x, "abs", &m, &e), e, ERR_CORRUPT);
	CHECK_ERR(tar_index_find(&x, "loop", &m, &e), e, ERR_CORRUPT);
	CHECK_ERR(tar_index_find(&x, "nowhere", &m, &e), e, ERR_NOT_FOUND);
	CHECK_ERR(tar_index_find(&x, "todir", &m, &e), e, ERR_CORRUPT);
	CHECK_CONTAINS(e.text, "is a directory");
	CHECK(tar_index_find(&x, "empty", &m, &e) < 0);
	CHECK_ERR(tar_index_find(&x, "../blob.tar", &m, &e), e, ERR_NOT_FOUND);
	CHECK_ERR(tar_index_find(&x, "/blob.tar", &m, &e), e, ERR_NOT_FOUND);
	CHECK_ERR(tar_index_find(&x, "id/../blob.tar", &m, &e), e, ERR_NOT_FOUND);
}

TEST(two_of_one_name)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;
	auto_tar_index struct tar_index x = TAR_INDEX_INIT;
	struct err e = ERR_INIT;
	const struct tar_member *m;
	auto_close int fd = FD_NONE;

	add(&b, "manifest.json", '0', "one", NULL);
	add(&b, "other", '0', "x", NULL);
	add(&b, "./manifest.json", '0', "two", NULL);
	fd = file_of(&b);
	CHECK_OK(tar_index_read(fd, &x, &e), e);
	check_content(fd, &x, "manifest.json", "one");
	CHECK_ERR(tar_index_find_only(&x, "manifest.json", &m, &e), e, ERR_CORRUPT);
	CHECK_CONTAINS(e.text, "is there twice");
	CHECK_OK(tar_index_find_only(&x, "other", &m, &e), e);
}

TEST(sparse_is_refused)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;
	auto_tar_index struct tar_index x = TAR_INDEX_INIT;
	struct err e = ERR_INIT;
	const struct tar_member *m;

	add(&b, "gnu", 'S', "", NULL);
	add_pax(&b, "GNU.sparse.major", "1");
	add(&b, "posix", '0', "", NULL);
	add(&b, "plain", '0', "", NULL);
	CHECK_OK(read_index(&b, &x, &e), e);
	CHECK_ERR(tar_index_find(&x, "gnu", &m, &e), e, ERR_CORRUPT);
	CHECK_ERR(tar_index_find(&x, "posix", &m, &e), e, ERR_CORRUPT);
	CHECK_CONTAINS(e.text, "sparse");
	CHECK_OK(tar_index_find(&x, "plain", &m, &e), e);
}

static void refused(const struct strbuf *b, enum err_kind kind, const char *text)
{
	struct tar_index x = TAR_INDEX_INIT;
	struct err e = ERR_INIT;

	CHECK_ERR(read_index(b, &x, &e), e, kind);
	CHECK_CONTAINS(e.text, text);
	CHECK(x.members == NULL);
}

TEST(damage)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;

	refused(&b, ERR_CORRUPT, "empty");
	add_end(&b);
	refused(&b, ERR_CORRUPT, "empty");
	b.len = 0;
	add(&b, "a", '0', "data", NULL);
	b.len = 700;
	add(&b, "b", '0', "", NULL);
	refused(&b, ERR_CORRUPT, "damaged at byte 1024");
	b.len = 500;
	refused(&b, ERR_CORRUPT, "not a tar archive");
	b.len = 514;
	refused(&b, ERR_CORRUPT, "ends in the middle");
	b.len = 1024;
	b.data[0] = 'b';
	refused(&b, ERR_CORRUPT, "not a tar archive (the header's checksum differs)");
	b.data[0] = 'a';
	strbuf_addn(&b, (char[512]){ 0 }, 512);
	add(&b, "b", '0', "", NULL);
	refused(&b, ERR_CORRUPT, "a single block of zeros");
	b.len = 0;
	add_pax(&b, "path", "a/long/name");
	refused(&b, ERR_CORRUPT, "behind an extended header");
}

TEST(sizes_that_overflow)
{
	static const uint64_t sizes[] = { 1, 512, UINT64_C(1) << 35, INT64_MAX, UINT64_MAX,
					  UINT64_MAX - 511 };
	auto_strbuf struct strbuf b = STRBUF_INIT;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		b.len = 0;
		add_header(&b, "a", '0', sizes[i], NULL);
		refused(&b, ERR_CORRUPT, "ends in the middle");
	}
	b.len = 0;
	add_pax(&b, "size", "9223372036854775807");
	add_header(&b, "a", '0', 0, NULL);
	refused(&b, ERR_CORRUPT, "ends in the middle");
	b.len = 0;
	add_pax(&b, "size", "-1");
	refused(&b, ERR_CORRUPT, "no number");
	b.len = 0;
	add_header(&b, "PaxHeaders", 'x', (TAR_EXTENSION_MAX_BYTES) + 1ull, NULL);
	for (size_t i = 0; i < TAR_EXTENSION_MAX_BYTES + 512; i++)
		strbuf_addc(&b, '\0');
	refused(&b, ERR_LIMIT, "extended header");
}

TEST(pax_that_makes_no_sense)
{
	static const char *const bad[] = { "5", "x path=a\n", "7 path=a\n", "99 path=a\n", "10 path=ab",
					   "9 pathab\n", "0 \n", "18446744073709551617 a=b\n", "3 \n" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		auto_strbuf struct strbuf b = STRBUF_INIT;

		add(&b, "PaxHeaders", 'x', bad[i], NULL);
		add(&b, "a", '0', "", NULL);
		refused(&b, ERR_CORRUPT, "makes no sense");
	}
}

TEST(limits)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;
	auto_free char *name = malloc(TAR_NAME_MAX_BYTES + 2);
	char one[16];

	memset(name, 'n', TAR_NAME_MAX_BYTES + 1);
	name[TAR_NAME_MAX_BYTES + 1] = '\0';
	add(&b, "././@LongLink", 'L', name, NULL);
	refused(&b, ERR_LIMIT, "name of more than");
	b.len = 0;
	for (unsigned int i = 0; i <= TAR_INDEX_MEMBERS_MAX; i++) {
		(void)snprintf(one, sizeof(one), "%u", i);
		add_header(&b, one, '5', 0, NULL);
	}
	refused(&b, ERR_LIMIT, "more than 65536 members");
	b.len = 0;
	for (unsigned int i = 0; i <= TAR_INDEX_NAMES_MAX_BYTES / TAR_NAME_MAX_BYTES; i++) {
		name[TAR_NAME_MAX_BYTES] = '\0';
		add(&b, "././@LongLink", 'L', name, NULL);
		add(&b, "x", '5', "", NULL);
	}
	refused(&b, ERR_LIMIT, "names in the archive");
}
