/* Digests: exactly sha256: and 64 lower-case hexadecimal digits, or refused. */
#include "test.h"

#include "digest.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

TEST(parses_and_prints)
{
	char buf[DIGEST_STR_MAX];
	struct digest d, d2;

	CHECK_INT(digest_parse("sha256:" HEX, &d, NULL), 0);
	CHECK_STR(d.hex, HEX);
	CHECK_STR(digest_str(&d, buf), "sha256:" HEX);
	CHECK_INT(digest_parse_hex(HEX, &d2, NULL), 0);
	CHECK(digest_eq(&d, &d2));
	d2.hex[63] = 'e';
	CHECK(!digest_eq(&d, &d2));
}

TEST(refuses_all_else)
{
	static const char *const bad[] = {
		"", "sha256", "sha256:", HEX, "sha256:" HEX "0", "SHA256:" HEX,
		"sha256:0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef",
		"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde",
		"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdeg",
		"sha256:../../../../../../../../../../../../../../../../../../../../../etc",
		"sha512:" HEX, "sha256:sha256:" HEX, " sha256:" HEX, "sha256:" HEX "\n", "sha256:" HEX "/..",
		"sha256+b64:" HEX,
	};
	struct digest d = { .hex = "untouched" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct err e = ERR_INIT;

		CHECK_MSG(digest_parse(bad[i], &d, &e) == -EINVAL, "%s was accepted", bad[i]);
		CHECK_INT(e.kind, ERR_INVALID);
		CHECK_STR(d.hex, "untouched");
	}
	CHECK_INT(digest_parse_hex("sha256:" HEX, &d, NULL), -EINVAL);
}
