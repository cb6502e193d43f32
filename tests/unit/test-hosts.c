/* The container's hosts file. */
#include "test.h"

#include "net-names.h"

static char *text(const char *base, const char *extra, const char *host, const char *own,
		  const char *hostname, const char *name, struct err *e)
{
	struct ctr_net_names n = { 0 };
	char *got;

	if (*extra)
		CHECK_INT(strv_split(&n.add_host, extra, ','), 0);
	got = net_hosts_text(base, &n, host, own, hostname, name, e);
	ctr_net_names_done(&n);
	return got;
}

TEST(texts)
{
	static const struct {
		const char *base, *extra, *host, *own, *hostname, *name, *want;
	} rows[] = {
		{ "", "", "", "", "box", "n", "127.0.0.1\tlocalhost\n::1\tlocalhost\n" },
		{ "127.0.0.1 localhost\n::1\tip6-localhost localhost\n", "", "", "127.0.0.1", "box", "n",
		  "127.0.0.1\tlocalhost\n::1\tip6-localhost localhost\n127.0.0.1\tbox n\n" },
		{ "127.0.0.1 localhost\n", "", "169.254.1.2", "192.0.2.2", "box", "box",
		  "127.0.0.1\tlocalhost\n"
		  "169.254.1.2\thost.containers.internal host.docker.internal\n192.0.2.2\tbox\n" },
		{ "# c\nbroken\n1.2.3.4\n1.2.3.4 a # b\n\n 5.6.7.8\tc\td\r\nnot.an.ip x\n", "", "", "",
		  "box", NULL, "1.2.3.4\ta\n5.6.7.8\tc d\n127.0.0.1\tlocalhost\n::1\tlocalhost\n" },
		{ "9.9.9.9 a\n", "a:1.1.1.1,b;c:fd00::1", "", "", "box", NULL,
		  "1.1.1.1\ta\nfd00::1\tb c\n9.9.9.9\ta\n127.0.0.1\tlocalhost\n::1\tlocalhost\n" },
		{ "", "gw:host-gateway,host.docker.internal:1.2.3.4", "10.0.2.2", "", "box", NULL,
		  "10.0.2.2\tgw\n1.2.3.4\thost.docker.internal\n127.0.0.1\tlocalhost\n"
		  "::1\tlocalhost\n10.0.2.2\thost.containers.internal\n" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct err e = ERR_INIT;
		auto_free char *got = text(rows[i].base, rows[i].extra, rows[i].host, rows[i].own,
					   rows[i].hostname, rows[i].name, &e);

		CHECK_STR(got, rows[i].want);
	}
}

TEST(host_gateway_without_one)
{
	struct err e = ERR_INIT;

	CHECK(text("", "a:host-gateway", "", "", "box", NULL, &e) == NULL);
	CHECK_INT(e.kind, ERR_UNSUPPORTED);
	CHECK_CONTAINS(e.text, "no address for the host");
}

TEST(entries)
{
	static const char *const good[] = { "a:1.2.3.4", "a;b.c:::1", "a:host-gateway", "a_b:fd00::1" };
	static const char *const bad[] = { "", "a", ":1.2.3.4", "a:", "a:b", "a b:1.2.3.4", ";a:1.2.3.4",
		"a;:1.2.3.4", "a\n9.9.9.9 bank:1.2.3.4", "a:1.2.3.4\n9.9.9.9 bank", "a#:1.2.3.4",
		"a:1.2.3.4 b", "a:HOST-GATEWAY", "a:1.2.3.4:80" };
	struct err e = ERR_INIT;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		CHECK_OK(net_host_entry_check(good[i], &e), e);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_ERR(net_host_entry_check(bad[i], &e), e, ERR_INVALID);
}

TEST(huge)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;
	struct err e = ERR_INIT;

	for (int i = 0; i < 60000; i++)
		strbuf_addf(&b, "10.0.0.1 some-long-name-%d\n", i);
	CHECK(text(b.data, "", "", "", "box", NULL, &e) == NULL);
	CHECK_INT(e.kind, ERR_LIMIT);
}
