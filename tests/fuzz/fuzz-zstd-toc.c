/* Tables of contents of zstd:chunked layers: whatever they say, a chunk has bytes, and however the text
 * is cut into pieces, the same chunks come out. */
#include <string.h>

#include "fuzz.h"
#include "registry/zstd-toc.h"

static void scan(const uint8_t *data, size_t len, size_t piece, struct zstd_chunks *c)
{
	struct toc_scan s = { .chunks = c };

	for (size_t at = 0; at < len; at += piece)
		toc_scan_data(&s, (const char *)data + at, len - at < piece ? len - at : piece);
	toc_scan_end(&s);
}

int fuzz_one(const uint8_t *data, size_t len)
{
	struct zstd_chunks whole = { 0 }, bytes = { 0 };
	bool any;

	scan(data, len, len + 1, &whole);
	scan(data, len, 1, &bytes);
	FUZZ_CHECK(whole.n == bytes.n && whole.n <= ZSTD_TOC_CHUNKS_MAX);
	for (size_t i = 0; i < whole.n; i++) {
		FUZZ_CHECK(whole.list[i].start < whole.list[i].end);
		FUZZ_CHECK(memcmp(whole.list[i].sum, bytes.list[i].sum, sizeof(bytes.list[i].sum)) == 0);
		FUZZ_CHECK(whole.list[i].start == bytes.list[i].start && whole.list[i].end == bytes.list[i].end &&
			   whole.list[i].meta == bytes.list[i].meta);
	}
	any = whole.n > 0;
	zstd_chunks_done(&whole);
	zstd_chunks_done(&bytes);
	return any;
}
