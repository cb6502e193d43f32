/* Capability names, the default set, and --cap-add against --cap-drop. */
#include "test.h"

#include <linux/capability.h>

#include "caps.h"

#define BIT(n) (UINT64_C(1) << (n))

static void fill(struct strv *v, const char *list)
{
	if (*list)
		CHECK_INT(strv_split(v, list, ','), 0);
}

static int resolve(const char *add, const char *drop, uint64_t *ret, struct err *e)
{
	auto_strv struct strv a = STRV_INIT;
	auto_strv struct strv d = STRV_INIT;

	fill(&a, add);
	fill(&d, drop);
	return spec_caps_resolve(spec_caps_default(), &a, &d, ret, e);
}

TEST(default_is_that_of_podman)
{
	auto_strv struct strv names = STRV_INIT;
	static const char *const want[] = {
		"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL",
		"CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE",
		"CAP_SYS_CHROOT", "CAP_SETFCAP",
	};

	CHECK_INT(spec_caps_names(spec_caps_default(), &names), 0);
	CHECK_INT(names.n, sizeof(want) / sizeof(want[0]));
	for (size_t i = 0; i < names.n; i++)
		CHECK_STR(names.items[i], want[i]);
}

TEST(names_in_any_case)
{
	struct err e = ERR_INIT;
	static const char *const bad[] = { "", "CAP_", "NOPE", "SYS_ADMIN ", "21", "ALL", "CAP_CAP_KILL" };

	CHECK_INT(spec_cap_parse("SYS_ADMIN", &e), CAP_SYS_ADMIN);
	CHECK_INT(spec_cap_parse("cap_sys_admin", &e), CAP_SYS_ADMIN);
	CHECK_INT(spec_cap_parse("Cap_Checkpoint_Restore", &e), CAP_CHECKPOINT_RESTORE);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_ERR(spec_cap_parse(bad[i], &e), e, ERR_INVALID);
	for (unsigned int i = 0; i <= CAP_CHECKPOINT_RESTORE; i++)
		CHECK_INT(spec_cap_parse(spec_cap_name(i), &e), i);
	CHECK(spec_cap_name(CAP_CHECKPOINT_RESTORE + 1) == NULL);
}

TEST(algebra)
{
	const uint64_t def = spec_caps_default(), all = spec_caps_all();
	static const char *const adds[] = { "", "SYS_ADMIN", "ALL", "all,NET_RAW", "net_raw", "ALL" };
	static const char *const drops[] = { "", "", "", "", "all", "cap_chown,KILL" };
	const uint64_t want[] = {
		def, def | BIT(CAP_SYS_ADMIN), all, all, BIT(CAP_NET_RAW),
		all & ~BIT(CAP_CHOWN) & ~BIT(CAP_KILL),
	};

	CHECK(all & BIT(CAP_SYS_ADMIN));
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		struct err e = ERR_INIT;
		uint64_t got = 0;

		CHECK_OK(resolve(adds[i], drops[i], &got, &e), e);
		CHECK_UINT(got, want[i]);
	}
}

TEST(algebra_drops_to_nothing)
{
	struct err e = ERR_INIT;
	uint64_t got = 1;

	CHECK_OK(resolve("", "ALL", &got, &e), e);
	CHECK_UINT(got, 0);
	CHECK_OK(resolve("", "SYS_ADMIN", &got, &e), e); /* was not there */
	CHECK_UINT(got, spec_caps_default());
}

TEST(algebra_refuses)
{
	static const struct {
		const char *add, *drop, *text;
	} rows[] = {
		{ "ALL", "ALL", "exclude" },
		{ "KILL", "cap_kill", "CAP_KILL cannot be both" },
		{ "ALL,KILL", "KILL", "CAP_KILL" },
		{ "SYS_ADMIN,BOGUS", "", "BOGUS" },
		{ "", "BOGUS", "BOGUS" },
		{ "", ",KILL", "\"\"" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct err e = ERR_INIT;
		uint64_t got = 77;

		CHECK_ERR(resolve(rows[i].add, rows[i].drop, &got, &e), e, ERR_INVALID);
		CHECK_CONTAINS(e.text, rows[i].text);
		CHECK_UINT(got, 77);
	}
}

TEST(list_of_a_config_file)
{
	auto_strv struct strv v = STRV_INIT;
	struct err e = ERR_INIT;
	uint64_t got = 0;

	fill(&v, "CHOWN,CAP_NET_RAW");
	CHECK_OK(spec_caps_parse(&v, &got, &e), e);
	CHECK_UINT(got, BIT(CAP_CHOWN) | BIT(CAP_NET_RAW));
	CHECK_INT(strv_add(&v, "ALL"), 0);
	CHECK_ERR(spec_caps_parse(&v, &got, &e), e, ERR_INVALID);
}
