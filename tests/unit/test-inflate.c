/* Decompression: the same bytes however they arrive, and every kind of damage noticed. */
#include "test.h"

#include <isa-l.h>
#include <sched.h>
#include <sys/mman.h>
#include <zstd.h>

#include "compress.h"
#include "hash.h"
#include "inflate.h"
#include "proc.h"
#include "str.h"

struct bytes {
	unsigned char *p;
	size_t len, cap;
};

static void bytes_done(struct bytes *b)
{
	free(b->p);
}
#define auto_bytes __attribute__((cleanup(bytes_done)))

static void add(struct bytes *b, const void *p, size_t len)
{
	if (b->len + len >= b->cap) {
		b->cap = 2 * (b->len + len) + 1;
		b->p = realloc(b->p, b->cap);
		CHECK(b->p != NULL);
	}
	if (len)
		memcpy(b->p + b->len, p, len);
	b->len += len;
}

static int sink(void *arg, const void *data, size_t len, struct err *e)
{
	(void)e;
	add(arg, data, len);
	return 0;
}

/* Text that compresses, but not to nothing. */
static struct bytes sample(size_t len)
{
	struct bytes b = { 0 };
	uint32_t x = 12345;

	while (b.len < len) {
		char word[32];
		int n;

		x = x * 1664525u + 1013904223u;
		n = snprintf(word, sizeof(word), "w%u ", (x >> 16) % 5000);
		add(&b, word, (size_t)n);
	}
	b.len = len;
	return b;
}

static struct bytes compressed(const struct bytes *in, enum compression c, int level)
{
	struct bytes out = { 0 };
	struct err e = ERR_INIT;
	struct compressor *g;

	CHECK_OK(compressor_new(c, level, sink, &out, &g, &e), e);
	for (size_t at = 0; at < in->len; at += 100000)
		CHECK_OK(compressor_add(g, in->p + at, in->len - at < 100000 ? in->len - at : 100000, &e), e);
	CHECK_OK(compressor_end(g, &e), e);
	compressor_free(g);
	return out;
}

static struct bytes gz(const struct bytes *in)
{
	return compressed(in, COMPRESSION_GZIP, -1);
}

static struct bytes zst(const struct bytes *in)
{
	struct bytes out = { .p = malloc(ZSTD_compressBound(in->len)) };

	out.len = ZSTD_compress(out.p, ZSTD_compressBound(in->len), in->p, in->len, 3);
	CHECK(!ZSTD_isError(out.len));
	return out;
}

/* Inflate what arrives in pieces of @piece bytes. */
static int inflate_all(const struct bytes *in, size_t piece, struct bytes *out, struct err *e)
{
	struct inflate *x;
	struct proc p;
	int fds[2], r;
	ssize_t n;

	CHECK(pipe2(fds, O_CLOEXEC) == 0);
	r = proc_fork(&p);
	CHECK(r >= 0);
	if (r == 0) {
		(void)close(fds[0]);
		(void)signal(SIGPIPE, SIG_DFL);
		for (size_t at = 0; at < in->len; at += piece)
			if (fd_write_all(fds[1], in->p + at, in->len - at < piece ? in->len - at : piece) < 0)
				break;
		_exit(0);
	}
	(void)close(fds[1]);
	out->len = 0;
	CHECK_OK(inflate_new(fds[0], &x, e), *e);
	for (;;) {
		const void *buf;

		n = inflate_next(x, &buf, e);
		if (n <= 0)
			break;
		add(out, buf, (size_t)n);
	}
	if (n == 0)
		CHECK_UINT(inflate_bytes_in(x), in->len);
	inflate_free(x);
	(void)close(fds[0]);
	(void)proc_wait(&p, NULL);
	proc_done(&p);
	return (int)n;
}

static void check_same(const struct bytes *packed, const struct bytes *want, size_t piece)
{
	auto_bytes struct bytes got = { 0 };
	struct err e = ERR_INIT;

	CHECK_OK(inflate_all(packed, piece, &got, &e), e);
	CHECK_UINT(got.len, want->len);
	CHECK(want->len == 0 || memcmp(got.p, want->p, want->len) == 0);
}

static void check_bad(const struct bytes *packed, enum err_kind kind)
{
	auto_bytes struct bytes got = { 0 };
	struct err e = ERR_INIT;

	CHECK_ERR(inflate_all(packed, 1000, &got, &e), e, kind);
}

TEST(every_form_in_every_portion)
{
	static const size_t sizes[] = { 0, 1, 511, 100000, 3000000 };
	static const size_t pieces[] = { 1, 7, 4096, 1 << 20 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		auto_bytes struct bytes in = sample(sizes[i]), g = gz(&in), z = zst(&in);

		for (size_t k = 0; k < sizeof(pieces) / sizeof(pieces[0]); k++) {
			if (sizes[i] > 1000 && pieces[k] < 4096)
				continue; /* millions of system calls show no more */
			check_same(&in, &in, pieces[k]);
			check_same(&g, &in, pieces[k]);
			check_same(&z, &in, pieces[k]);
		}
	}
}

TEST(compressed_here_at_each_level)
{
	/* around the pieces that threads take: one byte less, exact, one more, many */
	static const size_t sizes[] = { 0, 1, (512 << 10) - 1, 512 << 10, (512 << 10) + 1, 9 << 20 };
	static const int levels[] = { -1, 1, 5, 9 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		auto_bytes struct bytes in = sample(sizes[i]);

		for (size_t k = 0; k < sizeof(levels) / sizeof(levels[0]); k++) {
			auto_bytes struct bytes g = compressed(&in, COMPRESSION_GZIP, levels[k]);
			auto_bytes struct bytes z = compressed(&in, COMPRESSION_ZSTD, levels[k]);
			auto_bytes struct bytes n = compressed(&in, COMPRESSION_NONE, levels[k]);

			check_same(&g, &in, 1 << 20);
			check_same(&z, &in, 1 << 20);
			CHECK_UINT(n.len, in.len);
			CHECK(in.len < 1000 || (g.len < in.len / 2 && z.len < in.len / 2));
		}
	}
}

TEST(cores_do_not_change_what_comes_out)
{
	auto_bytes struct bytes in = sample(5000000);
	auto_bytes struct bytes g = gz(&in), z = compressed(&in, COMPRESSION_ZSTD, -1);
	cpu_set_t all, one;

	CHECK(sched_getaffinity(0, sizeof(all), &all) == 0);
	CPU_ZERO(&one);
	for (int i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++)
		if (CPU_ISSET(i, &all))
			CPU_SET(i, &one);
	CHECK(sched_setaffinity(0, sizeof(one), &one) == 0);
	auto_bytes struct bytes g1 = gz(&in), z1 = compressed(&in, COMPRESSION_ZSTD, -1);

	CHECK(sched_setaffinity(0, sizeof(all), &all) == 0);
	CHECK(g.len == g1.len && memcmp(g.p, g1.p, g.len) == 0);
	CHECK(z.len == z1.len && memcmp(z.p, z1.p, z.len) == 0);
}

static int no_room(void *arg, const void *data, size_t len, struct err *e)
{
	size_t *left = arg;

	(void)data;
	if (len > *left)
		return err_sys(e, ENOSPC, "write");
	*left -= len;
	return 0;
}

TEST(compression_that_fails_or_is_given_up)
{
	static const enum compression formats[] = { COMPRESSION_GZIP, COMPRESSION_ZSTD };
	auto_bytes struct bytes in = sample(20 << 20);
	struct compressor *c;

	for (size_t i = 0; i < 2; i++) {
		struct err e = ERR_INIT;
		size_t room = 100000;
		int r = compressor_new(formats[i], -1, no_room, &room, &c, &e);

		CHECK_OK(r, e);
		for (size_t at = 0; r == 0 && at < in.len; at += 1 << 20)
			r = compressor_add(c, in.p + at, 1 << 20, &e);
		CHECK_UINT(r, -ENOSPC);
		compressor_free(c);
		e = (struct err)ERR_INIT;
		CHECK_ERR(compressor_new(formats[i], 23, no_room, &room, &c, &e), e, ERR_INVALID);
		CHECK_ERR(compressor_new(formats[i], 0, no_room, &room, &c, &e), e, ERR_INVALID);
		CHECK_ERR(compressor_new(COMPRESSION_XZ, -1, no_room, &room, &c, &e), e, ERR_UNSUPPORTED);
	}
}

TEST(members_one_after_another)
{
	auto_bytes struct bytes a = sample(70000), b = sample(12345), both = { 0 }, packed = { 0 };
	auto_bytes struct bytes ga = gz(&a), gb = gz(&b), za = zst(&a), zb = zst(&b);

	add(&both, a.p, a.len);
	add(&both, b.p, b.len);
	add(&packed, ga.p, ga.len);
	add(&packed, gb.p, gb.len);
	check_same(&packed, &both, 1);
	check_same(&packed, &both, 1 << 20);
	add(&packed, "\0\0\0\0\0\0\0", 7);
	check_same(&packed, &both, 13);
	packed.len = 0;
	add(&packed, za.p, za.len);
	/* A skippable frame of 5 bytes between them. */
	add(&packed, "\x5a\x2a\x4d\x18\x05\0\0\0hello", 13);
	add(&packed, zb.p, zb.len);
	check_same(&packed, &both, 1);
	check_same(&packed, &both, 1 << 20);
}

TEST(every_cut_is_noticed)
{
	auto_bytes struct bytes in = sample(2000), g = gz(&in), z = zst(&in);

	for (size_t len = 12; len < g.len; len += len < 40 || len > g.len - 12 ? 1 : 37) {
		struct bytes cut = { .p = g.p, .len = len };

		check_bad(&cut, ERR_CORRUPT);
	}
	for (size_t len = 5; len < z.len; len += len < 40 || len > z.len - 12 ? 1 : 37) {
		struct bytes cut = { .p = z.p, .len = len };

		check_bad(&cut, ERR_CORRUPT);
	}
}

TEST(damage_is_noticed)
{
	auto_bytes struct bytes in = sample(50000), g = gz(&in), packed = { 0 };

	/* The checksum and the length at the end of the member. */
	for (size_t i = 1; i <= 8; i++) {
		g.p[g.len - i] ^= 1;
		check_bad(&g, ERR_CORRUPT);
		g.p[g.len - i] ^= 1;
	}
	check_same(&g, &in, 4096);
	add(&packed, g.p, g.len);
	add(&packed, "garbage", 7);
	check_bad(&packed, ERR_CORRUPT);
	packed.len = 0;
	add(&packed, g.p, g.len);
	add(&packed, "\x1f\x8b\x08", 3);
	check_bad(&packed, ERR_CORRUPT);
}

TEST(windows_beyond_the_limit)
{
	/* Frame header: no content size, a window of 2^log; then the last block, one raw byte. */
	for (int log = 20; log <= 31; log++) {
		unsigned char f[] = { 0x28, 0xb5, 0x2f, 0xfd, 0, (unsigned char)((log - 10) << 3), 9, 0, 0, 'x' };
		struct bytes b = { .p = f, .len = sizeof(f) };
		auto_bytes struct bytes x = { .p = (unsigned char *)strdup("x"), .len = 1 };

		if (log <= INFLATE_WINDOW_LOG_MAX)
			check_same(&b, &x, 100);
		else
			check_bad(&b, ERR_LIMIT);
	}
}

TEST(what_is_no_layer)
{
	auto_bytes struct bytes xz = { .p = (unsigned char *)strdup("\xfd" "7zXZ"), .len = 6 };
	auto_bytes struct bytes bz = { .p = (unsigned char *)strdup("BZh91AY&SY"), .len = 10 };

	check_bad(&xz, ERR_UNSUPPORTED);
	check_bad(&bz, ERR_UNSUPPORTED);
	CHECK_INT(compression_detect("\x1f\x8b\x08", 3), COMPRESSION_GZIP);
	CHECK_INT(compression_detect("\x1f\x8b", 2), COMPRESSION_NONE);
	CHECK_INT(compression_detect("", 0), COMPRESSION_NONE);
	CHECK_INT(compression_detect("BZhello", 7), COMPRESSION_NONE);
	CHECK_STR(compression_str(COMPRESSION_ZSTD), "zstd");
}
