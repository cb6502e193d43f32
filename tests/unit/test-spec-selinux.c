/* SELinux labels from a policy's text and --security-opt label=. */
#include "test.h"

#include "selinux.h"

static const char contexts[] = "# comment\nprocess = \"system_u:system_r:container_t:s0\"\n"
			       "file = \"system_u:object_r:container_file_t:s0\"\n"
			       "ro_file=\"system_u:object_r:container_ro_file_t:s0\"\n";

static int labels(const char *text, const char *options, struct spec_selinux *s, struct err *e)
{
	auto_strv struct strv v = STRV_INIT;

	CHECK(strv_split(&v, options, ' ') == 0);
	return spec_selinux_labels_text(text, &v, "an id", s, e);
}

TEST(labels_accepted)
{
	static const struct {
		const char *options, *process, *mount;
	} rows[] = {
		{ "level:s0:c1,c2", "system_u:system_r:container_t:s0:c1,c2",
		  "system_u:object_r:container_file_t:s0:c1,c2" },
		{ "type:spc_t level:s0", "system_u:system_r:spc_t:s0",
		  "system_u:object_r:container_file_t:s0" },
		{ "user:u role:r filetype:f_t level:s1", "u:r:container_t:s1", "u:object_r:f_t:s1" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct spec_selinux s = SPEC_SELINUX_INIT;
		struct err e = ERR_INIT;

		CHECK_OK(labels(contexts, rows[i].options, &s, &e), e);
		CHECK_STR(s.process, rows[i].process);
		CHECK_STR(s.mount, rows[i].mount);
		spec_selinux_done(&s);
	}
}

TEST(disable_means_no_label)
{
	struct spec_selinux s = SPEC_SELINUX_INIT;
	struct err e = ERR_INIT;

	CHECK_OK(labels(contexts, "type:x_t disable", &s, &e), e);
	CHECK(!s.process && !s.mount);
}

TEST(categories_are_the_containers_own)
{
	struct spec_selinux s = SPEC_SELINUX_INIT;
	struct err e = ERR_INIT;
	unsigned int a = 0, b = 0;

	CHECK_OK(labels(contexts, "type:x_t", &s, &e), e);
	CHECK_INT(sscanf(s.process, "system_u:system_r:x_t:s0:c%u,c%u", &a, &b), 2);
	CHECK(a < b && b < 1024);
	CHECK_CONTAINS(s.mount, strstr(s.process, "s0:c"));
	spec_selinux_done(&s);
}

TEST(labels_refused)
{
	static const struct {
		const char *text, *options;
		enum err_kind kind;
	} rows[] = {
		{ contexts, "bogus", ERR_INVALID },	{ contexts, "type:", ERR_INVALID },
		{ contexts, "type:a\"b", ERR_INVALID }, { contexts, "types:x", ERR_INVALID },
		{ contexts, "nested", ERR_UNSUPPORTED }, { "", "type:x_t", ERR_NOT_FOUND },
		{ "process = \"a:b\"\nfile=\"a:b:c:s0\"\n", "type:x_t", ERR_CORRUPT },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct spec_selinux s = SPEC_SELINUX_INIT;
		struct err e = ERR_INIT;

		CHECK_ERR(labels(rows[i].text, rows[i].options, &s, &e), e, rows[i].kind);
		CHECK(!s.process && !s.mount);
	}
}
