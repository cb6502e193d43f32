/* Detach keys: what is read as some, and what of the input goes on to the process. */
#include "ctrlite/client.h"
#include "test.h"

TEST(keys_are_read)
{
	static const struct {
		const char *text, *keys;
	} cases[] = {
		{ "ctrl-p,ctrl-q", "\x10\x11" },
		{ "a", "a" },
		{ "ctrl-a,d", "\x01"
			      "d" },
		{ "ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_", "\x1b\x1c\x1d\x1e\x1f" },
		{ "", "" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ctr_detach_keys k;

		CHECK_INT(ctr_detach_keys_parse(cases[i].text, &k, NULL), 0);
		CHECK_INT(k.n, strlen(cases[i].keys));
		CHECK(memcmp(k.keys, cases[i].keys, k.n) == 0);
	}
}

TEST(the_byte_zero_is_a_key)
{
	struct ctr_detach_keys k;

	CHECK_INT(ctr_detach_keys_parse("ctrl-@", &k, NULL), 0);
	CHECK(k.n == 1 && k.keys[0] == 0);
}

TEST(what_is_no_key_is_refused_and_changes_nothing)
{
	static const char *const cases[] = {
		"ctrl-", "ctrl-1", "ctrl-A", "ctrl-pp", "ab", "a,", ",", "ctrl-p ctrl-q", "CTRL-p",
		"a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a",
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ctr_detach_keys k = { .keys = "x", .n = 1 };
		struct err e = ERR_INIT;

		CHECK_INT(ctr_detach_keys_parse(cases[i], &k, &e), -EINVAL);
		CHECK(e.kind == ERR_INVALID && e.text[0] && k.n == 1 && k.keys[0] == 'x');
	}
}

/* The input in pieces of every size must give the same. */
static void check_filter(const char *keys, const char *in, const char *want, bool detaches)
{
	size_t len = strlen(in);
	struct ctr_detach_keys k;

	CHECK_INT(ctr_detach_keys_parse(keys, &k, NULL), 0);
	for (size_t piece = 1; piece <= len; piece++) {
		char got[512] = "", out[256 + CTR_DETACH_HELD_MAX];
		size_t matched = 0, total = 0;
		bool detached = false;

		for (size_t at = 0; at < len && !detached; at += piece) {
			size_t n = len - at < piece ? len - at : piece, n_out;

			detached = ctr_detach_filter(&k, &matched, in + at, n, out, &n_out);
			CHECK(n_out <= n + CTR_DETACH_HELD_MAX);
			memcpy(got + total, out, n_out);
			total += n_out;
		}
		if (!detached) { /* the end of the input: what was held back */
			memcpy(got + total, k.keys, matched);
			total += matched;
		}
		CHECK_INT(detached, detaches);
		CHECK_MSG(total == strlen(want) && memcmp(got, want, total) == 0,
			  "keys %s, input %s, pieces of %zu: got %s", keys, in, piece, got);
	}
}

TEST(the_sequence_is_found_and_what_breaks_it_passes)
{
	check_filter("x,y", "abxyc", "ab", true);
	check_filter("x,y", "axbxxy", "axbx", true);
	check_filter("x,y", "axbx", "axbx", false);
	check_filter("a,a,b", "aaab", "a", true);
	check_filter("a,a,b", "aaca", "aaca", false);
	check_filter("a,b,a,c", "abababac", "abab", true);
	check_filter("q", "abcq", "abc", true);
	check_filter("", "abc", "abc", false);
}
