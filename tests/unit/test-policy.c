/* policy.json: what is read, what is refused, and which scope counts. */
#include "test.h"

#include "policy.h"
#include "str.h"

/* 0, or the kind of the error; @s NULL: loading alone. */
static int verdict(const char *text, const struct policy_subject *s)
{
	auto_policy struct policy p = POLICY_INIT;
	auto_policy_requirements struct policy_requirements l = POLICY_REQUIREMENTS_INIT;
	struct err e = ERR_INIT;
	int r;

	test_write("policy.json", text);
	r = policy_load("policy.json", &p, &e);
	if (r == 0 && s)
		r = policy_find(&p, s, &l, &e);
	if (r == 0 && s)
		r = policy_refuses(&p, s, &l, &e);
	CHECK(r == 0 || e.text[0]);
	return r == 0 ? 0 : (int)e.kind;
}

static int of_ref(const char *text, const char *ref)
{
	const struct policy_subject s = { .transport = "docker", .ref = ref };

	return verdict(text, &s);
}

static int of_path(const char *text, const char *path, const char *image)
{
	const struct policy_subject s = { .transport = "oci", .path = path, .image = image };

	return verdict(text, &s);
}

#define ACCEPT "[{\"type\":\"insecureAcceptAnything\"}]"
#define REJECT "[{\"type\":\"reject\"}]"
#define SIGNED "[{\"type\":\"signedBy\",\"keyType\":\"GPGKeys\",\"keyPath\":\"/k\"}]"

TEST(scopes_of_references)
{
	static const char scoped[] = "{\"default\":" REJECT ",\"transports\":{\"docker\":{"
		"\"a.io\":" ACCEPT ",\"a.io/bad\":" REJECT ",\"a.io/bad/good:1\":" ACCEPT ","
		"\"*.w.io\":" ACCEPT ",\"h.io:5000/x\":" ACCEPT ",\"s.io\":" SIGNED "}}}";

	CHECK_INT(of_ref("{\"default\":" ACCEPT "}", "a.io/x:1"), 0);
	CHECK_INT(of_ref("{\"default\":" REJECT "}", "a.io/x:1"), ERR_DENIED);
	CHECK_INT(of_ref(scoped, "a.io/x:1"), 0);
	CHECK_INT(of_ref(scoped, "a.io/x@sha256:00"), 0);
	CHECK_INT(of_ref(scoped, "a.io/bad:1"), ERR_DENIED);
	CHECK_INT(of_ref(scoped, "a.io/bad/y:1"), ERR_DENIED);
	CHECK_INT(of_ref(scoped, "a.io/bad/good:1"), 0);
	CHECK_INT(of_ref(scoped, "a.io/bad/good:2"), ERR_DENIED);
	CHECK_INT(of_ref(scoped, "a.io:80/x:1"), ERR_DENIED);
	CHECK_INT(of_ref(scoped, "q.r.w.io/x:1"), 0);
	CHECK_INT(of_ref(scoped, "w.io/x:1"), ERR_DENIED);
	CHECK_INT(of_ref(scoped, "h.io:5000/x:1"), 0);
	CHECK_INT(of_ref(scoped, "h.io:5000/y:1"), ERR_DENIED);
	/* whose signature is good is not for this function to say */
	CHECK_INT(of_ref(scoped, "s.io/x:1"), 0);
	CHECK_INT(of_ref("{\"default\":" REJECT ",\"transports\":{\"docker\":{\"\":" ACCEPT "}}}", "b.io/x:1"), 0);
}

TEST(scopes_of_paths)
{
	static const char scoped[] = "{\"default\":" REJECT ",\"transports\":{\"oci\":{"
		"\"/a\":" ACCEPT ",\"/a/b\":" REJECT ",\"/a/b/c:1\":" ACCEPT "}}}";

	CHECK_INT(of_path(scoped, "/a", NULL), 0);
	CHECK_INT(of_path(scoped, "/a", "x"), 0);
	CHECK_INT(of_path(scoped, "/a/x/y", "x"), 0);
	CHECK_INT(of_path(scoped, "/a/b", NULL), ERR_DENIED);
	CHECK_INT(of_path(scoped, "/a/b/c", NULL), ERR_DENIED);
	CHECK_INT(of_path(scoped, "/a/b/c", "1"), 0);
	CHECK_INT(of_path(scoped, "/ab", "1"), ERR_DENIED);
	CHECK_INT(of_path(scoped, NULL, NULL), ERR_DENIED);
	CHECK_INT(verdict("{\"default\":" REJECT "}", &(struct policy_subject){ "containers-storage", NULL, NULL, NULL }), 0);
}

static int of_requirement(const char *requirement)
{
	auto_free char *text = str_printf("{\"default\":[%s]}", requirement);

	return of_ref(text, "a.io/x:1");
}

#define GPG "{\"type\":\"signedBy\",\"keyType\":\"GPGKeys\","
#define SIGSTORE "{\"type\":\"sigstoreSigned\","
#define IDENTITY GPG "\"keyPath\":\"/k\",\"signedIdentity\":"

/* What is unclear is never taken for a yes. */
TEST(strict)
{
	static const char *const good[] = {
		GPG "\"keyPath\":\"/k\"}", GPG "\"keyPaths\":[\"/k\",\"/l\"]}", GPG "\"keyData\":\"YWJj\"}",
		SIGSTORE "\"keyPath\":\"/k\"}", SIGSTORE "\"keyDatas\":[\"YWJj\",\"YQ==\"]}",
		IDENTITY "{\"type\":\"matchExact\"}}", IDENTITY "{\"type\":\"matchRepository\"}}",
		IDENTITY "{\"type\":\"exactReference\",\"dockerReference\":\"a.io/x:1\"}}",
		IDENTITY "{\"type\":\"exactRepository\",\"dockerRepository\":\"a.io/x\"}}",
		IDENTITY "{\"type\":\"remapIdentity\",\"prefix\":\"m.io:5000\",\"signedPrefix\":\"a.io/b\"}}",
	};
	static const char *const bad[] = {
		"{}", "{\"type\":\"accept\"}", "{\"type\":\"reject\",\"x\":1}", "1",
		"{\"type\":\"signedBy\",\"keyPath\":\"/k\"}", GPG "\"x\":1,\"keyPath\":\"/k\"}",
		"{\"type\":\"signedBy\",\"keyType\":\"PGP\",\"keyPath\":\"/k\"}",
		GPG "\"keyPath\":1}", "{\"type\":\"signedBy\",\"keyType\":\"GPGKeys\"}",
		GPG "\"keyPath\":\"/k\",\"keyData\":\"YWJj\"}", GPG "\"keyPaths\":[]}",
		GPG "\"keyPaths\":[1]}", GPG "\"keyData\":\"Y?\"}", GPG "\"keyData\":\"\"}",
		GPG "\"keyDatas\":[\"YWJj\"]}", SIGSTORE "\"keyType\":\"GPGKeys\",\"keyPath\":\"/k\"}",
		SIGSTORE "\"keyPath\":\"/k\",\"rekorPublicKeyPath\":\"/r\",\"rekorPublicKeyData\":\"YWJj\"}",
		SIGSTORE "\"fulcio\":{}}",
		IDENTITY "{}}", IDENTITY "{\"type\":\"matchAll\"}}", IDENTITY "{\"type\":\"matchExact\",\"prefix\":\"a\"}}",
		IDENTITY "{\"type\":\"exactReference\"}}",
		IDENTITY "{\"type\":\"exactReference\",\"dockerRepository\":\"a.io/x\"}}",
		IDENTITY "{\"type\":\"remapIdentity\",\"prefix\":\"a.io\"}}",
		IDENTITY "{\"type\":\"remapIdentity\",\"prefix\":\"*.a.io\",\"signedPrefix\":\"b.io\"}}",
		IDENTITY "{\"type\":\"remapIdentity\",\"prefix\":\"a.io/x:1\",\"signedPrefix\":\"b.io\"}}",
		"{\"type\":\"signedBaseLayer\"}",
	};
	static const char *const unverifiable[] = {
		"{\"type\":\"signedBaseLayer\",\"baseLayerIdentity\":{\"type\":\"matchExact\"}}",
		"{\"type\":\"signedBy\",\"keyType\":\"X509Certificates\",\"keyPath\":\"/k\"}",
		SIGSTORE "\"keyPath\":\"/k\",\"rekorPublicKeyPath\":\"/r\"}",
		SIGSTORE "\"pki\":{\"caRootsPath\":\"/r\",\"subjectEmail\":\"a@b\"}}",
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		CHECK_MSG(of_requirement(good[i]) == 0, "refused: %s", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK_MSG(of_requirement(bad[i]) == ERR_CORRUPT, "accepted: %s", bad[i]);
	for (size_t i = 0; i < sizeof(unverifiable) / sizeof(*unverifiable); i++)
		CHECK_MSG(of_requirement(unverifiable[i]) == ERR_UNSUPPORTED, "accepted: %s", unverifiable[i]);
}

/* A mistake anywhere in the file counts, also in a scope that is not asked for. */
TEST(whole_file)
{
	static const char *const bad[] = {
		"{}", "[]", "not json", "{\"default\":[]}", "{\"default\":{}}", "{\"default\":" ACCEPT ",\"x\":1}",
		"{\"default\":" ACCEPT ",\"default\":" REJECT "}", "{\"default\":" ACCEPT ",\"transports\":[]}",
		"{\"default\":" ACCEPT ",\"transports\":{\"docker\":[]}}",
		"{\"default\":" ACCEPT ",\"transports\":{\"docker\":{\"a.io\":[]}}}",
		"{\"default\":" ACCEPT ",\"transports\":{\"docker\":{\"a.io\":[{\"type\":\"x\"}]}}}",
		"{\"default\":" ACCEPT ",\"transports\":{\"dir\":{\"relative\":" ACCEPT "}}}",
		"{\"default\":" ACCEPT ",\"transports\":{\"oci\":{\"/a/../b\":" ACCEPT "}}}",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK_MSG(verdict(bad[i], NULL) == ERR_CORRUPT, "accepted: %s", bad[i]);
	CHECK_INT(verdict("{\"default\":" ACCEPT ",\"transports\":{\"unheard-of\":{\"x\":" REJECT "}}}", NULL), 0);
}
