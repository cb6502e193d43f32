/* Names, documents and files of signatures; what gpg does is shown by tests/cli/trust.sh. */
#include "test.h"

#include <sys/stat.h>
#include <unistd.h>

#include "identity.h"
#include "json.h"
#include "lookaside.h"
#include "payload.h"
#include "registries-d.h"
#include "sigstore.h"
#include "str.h"
#include "yaml-read.h"

#define D64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static int accepts(enum policy_match m, const char *intended, const char *signed_as, const char *reference,
		   const char *signed_prefix)
{
	struct policy_identity id = { .match = m, .reference = (char *)(uintptr_t)reference,
				      .signed_prefix = (char *)(uintptr_t)signed_prefix };
	struct ctr_reference ref;
	struct err e = ERR_INIT;
	int r;

	if (intended)
		CHECK_INT(ctr_reference_parse(intended, &ref, &e), 0);
	r = identity_accepts(&id, intended ? &ref : NULL, signed_as, &e);
	CHECK(r == 0 || e.text[0]);
	return r == 0;
}

TEST(identities)
{
	static const struct {
		enum policy_match match;
		const char *intended, *signed_as, *reference, *signed_prefix;
		bool ok;
	} rows[] = {
		{ POLICY_MATCH_REPO_DIGEST_OR_EXACT, "a.io/x:1", "a.io/x:1", NULL, NULL, true },
		{ POLICY_MATCH_REPO_DIGEST_OR_EXACT, "a.io/x:1", "a.io/x:2", NULL, NULL, false },
		{ POLICY_MATCH_REPO_DIGEST_OR_EXACT, "a.io/x:1", "a.io/x", NULL, NULL, false },
		{ POLICY_MATCH_REPO_DIGEST_OR_EXACT, "a.io/x@sha256:" D64, "a.io/x:2", NULL, NULL, true },
		{ POLICY_MATCH_REPO_DIGEST_OR_EXACT, "a.io/x@sha256:" D64, "a.io/y:2", NULL, NULL, false },
		{ POLICY_MATCH_REPO_DIGEST_OR_EXACT, "a.io/x@sha256:" D64, "a.io/x", NULL, NULL, false },
		{ POLICY_MATCH_REPO_DIGEST_OR_EXACT, "docker.io/library/x:1", "x:1", NULL, NULL, true },
		{ POLICY_MATCH_REPO_DIGEST_OR_EXACT, "a.io/x:1", "not a name", NULL, NULL, false },
		{ POLICY_MATCH_REPO_DIGEST_OR_EXACT, NULL, "a.io/x:1", NULL, NULL, false },
		{ POLICY_MATCH_EXACT, "a.io/x:1", "a.io/x:1", NULL, NULL, true },
		{ POLICY_MATCH_EXACT, "a.io/x@sha256:" D64, "a.io/x:1", NULL, NULL, false },
		{ POLICY_MATCH_EXACT, "a.io/x@sha256:" D64, "a.io/x@sha256:" D64, NULL, NULL, true },
		{ POLICY_MATCH_REPOSITORY, "a.io/x:1", "a.io/x:2", NULL, NULL, true },
		{ POLICY_MATCH_REPOSITORY, "a.io/x:1", "a.io/x", NULL, NULL, true },
		{ POLICY_MATCH_REPOSITORY, "a.io/x:1", "b.io/x:1", NULL, NULL, false },
		{ POLICY_EXACT_REFERENCE, "m.io/x:1", "a.io/x:1", "a.io/x:1", NULL, true },
		{ POLICY_EXACT_REFERENCE, "a.io/x:1", "a.io/x:1", "a.io/x:2", NULL, false },
		{ POLICY_EXACT_REFERENCE, NULL, "a.io/x:1", "a.io/x:1", NULL, true },
		{ POLICY_EXACT_REPOSITORY, "m.io/x:1", "a.io/x:7", "a.io/x", NULL, true },
		{ POLICY_EXACT_REPOSITORY, "m.io/x:1", "a.io/y:7", "a.io/x", NULL, false },
		{ POLICY_REMAP_IDENTITY, "m.io/p/x:1", "a.io/x:1", "m.io/p", "a.io", true },
		{ POLICY_REMAP_IDENTITY, "m.io/px/x:1", "a.io/x/x:1", "m.io/p", "a.io", false },
		{ POLICY_REMAP_IDENTITY, "o.io/x:1", "o.io/x:1", "m.io/p", "a.io", true },
		{ POLICY_REMAP_IDENTITY, "m.io/p:1", "a.io/q:1", "m.io/p", "a.io/q", true },
		{ POLICY_REMAP_IDENTITY, "m.io/p/x:1", "a.io/x:2", "m.io/p", "a.io", false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		CHECK_MSG(accepts(rows[i].match, rows[i].intended, rows[i].signed_as, rows[i].reference,
				  rows[i].signed_prefix) == rows[i].ok, "row %zu", i);
}

#define IMAGE "\"image\":{\"docker-manifest-digest\":\"sha256:" D64 "\"}"
#define NAME "\"identity\":{\"docker-reference\":\"a.io/x:1\"}"
#define TYPE "\"type\":\"atomic container signature\""

TEST(payloads)
{
	static const char *const bad[] = {
		"", "{}", "[]", "{\"critical\":{}}", "{\"critical\":{" TYPE "," IMAGE "},\"optional\":{}}",
		"{\"critical\":{" TYPE "," IMAGE "," NAME ",\"x\":1},\"optional\":{}}",
		"{\"critical\":{" TYPE "," IMAGE "," NAME "},\"x\":{}}",
		"{\"critical\":{" TYPE "," IMAGE "," NAME "},\"optional\":1}",
		"{\"critical\":{" TYPE "," IMAGE "," IMAGE "," NAME "},\"optional\":{}}",
		"{\"critical\":{\"type\":\"cosign container image signature\"," IMAGE "," NAME "}}",
		"{\"critical\":{" TYPE ",\"image\":{\"docker-manifest-digest\":\"sha256:12\"}," NAME "}}",
	};
	struct digest d = { D64 };
	struct payload p;

	for (int sigstore = 0; sigstore < 2; sigstore++) {
		auto_free char *text = payload_make("a.io/x:1", &d, sigstore, 1700000000);

		CHECK_INT(payload_parse(text, strlen(text), sigstore, &p, NULL), 0);
		CHECK_STR(p.reference, "a.io/x:1");
		CHECK_STR(p.manifest.hex, D64);
		/* neither kind passes for the other */
		CHECK(payload_parse(text, strlen(text), !sigstore, &p, NULL) < 0);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK_MSG(payload_parse(bad[i], strlen(bad[i]), false, &p, NULL) < 0, "accepted: %s", bad[i]);
}

static char *yaml(const char *text)
{
	auto_json json_t *j = NULL;
	struct err e = ERR_INIT;

	if (yaml_read(text, strlen(text), "text", &j, &e) < 0)
		return str_printf("!%s", err_kind_str(e.kind));
	return json_dumps(j, JSON_COMPACT | JSON_SORT_KEYS);
}

TEST(yaml_documents)
{
	static const char *const rows[][2] = {
		{ "", "{}" }, { "# nothing\n", "{}" }, { "a: b\n", "{\"a\":\"b\"}" },
		{ "a: {b: true, c: 'true'}\nd: [1, x]\n", "{\"a\":{\"b\":true,\"c\":\"true\"},\"d\":[\"1\",\"x\"]}" },
		{ "a: &x {b: c}\nd: *x\n", "{\"a\":{\"b\":\"c\"},\"d\":{\"b\":\"c\"}}" },
		{ "a: ~\nb:\n", "{\"a\":null,\"b\":null}" },
		{ "a: 1\na: 2\n", "!corrupt" }, { "a: [\n", "!corrupt" }, { "[a]: b\n", "!corrupt" },
		{ "a: &x [*x]\n", "!limit exceeded" },
		{ "a: &a [1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\n"
		  "d: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e]\n",
		  "!limit exceeded" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		auto_free char *got = yaml(rows[i][0]);

		CHECK_STR(got, rows[i][1]);
	}
}

static char *base_of(const struct registries_d *d, const char *ref, bool write)
{
	struct ctr_reference r;
	char *base = NULL;
	struct err e = ERR_INIT;

	CHECK_INT(ctr_reference_parse(ref, &r, &e), 0);
	return registries_d_lookaside(d, &r, write, &base, &e) == 0 ? base : strdup(e.text);
}

static void check_base(const struct registries_d *d, const char *ref, bool write, const char *want)
{
	auto_free char *got = base_of(d, ref, write);

	CHECK_STR(got, want);
}

TEST(registries_directory)
{
	auto_registries_d struct registries_d d = REGISTRIES_D_INIT;
	struct ctr_reference ref;
	struct err e = ERR_INIT;

	CHECK(mkdir("r.d", 0700) == 0);
	test_write("r.d/a.yaml", "default-docker:\n  lookaside: https://all.io/s/\n  lookaside-staging: file:///st\n"
		   "docker:\n  a.io:\n    sigstore: https://a.io\n    use-sigstore-attachments: true\n"
		   "  a.io/x/y:\n    use-sigstore-attachments: false\n");
	test_write("r.d/b.yaml", "docker:\n  '*.w.io': {lookaside: 'file:///w'}\n  a.io/x:1: {lookaside: ftp://no}\n");
	test_write("r.d/ignored.txt", "[");
	CHECK_INT(registries_d_load("r.d", &d, &e), 0);
	check_base(&d, "b.io/p/q:1", false, "https://all.io/s/p/q");
	check_base(&d, "b.io/p/q:1", true, "file:///st/p/q");
	check_base(&d, "a.io/p:1", false, "https://a.io/p");
	check_base(&d, "z.w.io/p:1", false, "file:///w/p");
	check_base(&d, "w.io/p:1", false, "https://all.io/s/p");
	check_base(&d, "a.io/x:1", false, "registries.d: lookaside \"ftp://no\" is neither file:///, https:// nor "
		   "http://");
	CHECK_INT(ctr_reference_parse("a.io/x:1", &ref, &e), 0);
	CHECK(registries_d_attachments(&d, &ref));
	CHECK_INT(ctr_reference_parse("a.io/x/y:1", &ref, &e), 0);
	CHECK(!registries_d_attachments(&d, &ref));
	CHECK_INT(ctr_reference_parse("b.io/x:1", &ref, &e), 0);
	CHECK(!registries_d_attachments(&d, &ref));
	registries_d_done(&d);
	test_write("r.d/c.yaml", "docker: {a.io: {lookaside: x}}\n");
	CHECK_ERR(registries_d_load("r.d", &d, &e), e, ERR_CORRUPT);
	test_write("r.d/c.yaml", "docker: {c.io: {lookaside: [x]}}\n");
	CHECK_ERR(registries_d_load("r.d", &d, &e), e, ERR_CORRUPT);
	CHECK_INT(registries_d_load("no-such.d", &d, &e), 0);
}

/* Signatures of others stay, the same one is kept once. */
TEST(lookaside_storage)
{
	auto_free char *cwd = getcwd(NULL, 0), *base = lookaside_base_of_dir(cwd, "team/app");
	auto_image_signatures struct image_signatures sigs = IMAGE_SIGNATURES_INIT, back = IMAGE_SIGNATURES_INIT;
	struct digest d = { D64 };
	struct err e = ERR_INIT;

	CHECK_INT(image_signatures_add(&sigs, "\x90one", 4, &e), 0);
	CHECK_INT(image_signatures_add(&sigs, "\x90two", 4, &e), 0);
	CHECK_INT(image_signatures_add(&sigs, "\x90one", 4, &e), 0);
	CHECK_INT((int)sigs.n, 2);
	CHECK_ERR(image_signatures_add(&sigs, "text", 4, &e), e, ERR_CORRUPT);
	CHECK_ERR(image_signatures_add(&sigs, "", 0, &e), e, ERR_CORRUPT);
	for (int round = 0; round < 2; round++)
		for (size_t i = 0; i < sigs.n; i++)
			CHECK_INT(lookaside_add(base, &d, &sigs.items[i], &e), 0);
	CHECK_INT(lookaside_read_file("team/app@sha256=" D64 "/signature-1", &back, &e), 1);
	CHECK_INT(lookaside_read_file("team/app@sha256=" D64 "/signature-2", &back, &e), 1);
	CHECK_INT(lookaside_read_file("team/app@sha256=" D64 "/signature-3", &back, &e), 0);
	CHECK_INT((int)back.n, 2);
	CHECK(memcmp(back.items[1].data, "\x90two", 4) == 0);
	CHECK_ERR(lookaside_add("https://a.io/x", &d, &sigs.items[0], &e), e, ERR_UNSUPPORTED);
}

static const char public_key[] =
	"-----BEGIN PUBLIC KEY-----\n"
	"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEs2JHDs1cxXPBdLnaZ5z0I0VvO0yf\n"
	"Mz5c3Z0w6d3a4mKo4mNYoM0lN0t0m0u0s0l0q0o0m0k0i0g0e0c0a0Y0W0U0S0==\n"
	"-----END PUBLIC KEY-----\n";

TEST(sigstore_files)
{
	auto_sigstore_signature struct sigstore_signature s = SIGSTORE_SIGNATURE_INIT, back = SIGSTORE_SIGNATURE_INIT;
	struct sigstore_key *k = NULL;
	auto_free char *file = NULL;
	struct err e = ERR_INIT;
	size_t len;

	s.media_type = strdup(SIGSTORE_MEDIA_TYPE);
	s.payload = strdup("{\"x\":1}");
	s.payload_len = strlen(s.payload);
	s.annotations = json_pack("{s:s}", SIGSTORE_ANNOTATION, "c2ln");
	file = sigstore_signature_make(&s, &len);
	CHECK(file != NULL);
	CHECK_INT(sigstore_signature_parse(file, len, &back, &e), 0);
	CHECK_STR(back.payload, "{\"x\":1}");
	CHECK_ERR(sigstore_signature_parse(file, len - 1, &back, &e), e, ERR_CORRUPT);
	CHECK_ERR(sigstore_signature_parse("{}", 2, &back, &e), e, ERR_CORRUPT);
	CHECK_ERR(sigstore_key_read("no key", 6, "text", &k, &e), e, ERR_CORRUPT);
	/* a point that is not on the curve */
	CHECK_ERR(sigstore_key_read(public_key, sizeof(public_key) - 1, "text", &k, &e), e, ERR_CORRUPT);
	CHECK_ERR(sigstore_private_key_read(public_key, sizeof(public_key) - 1, "", "text", &k, &e), e,
		  ERR_UNSUPPORTED);
}
