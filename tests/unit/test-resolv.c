/* The container's resolv.conf. */
#include "test.h"

#include "net-names.h"

static struct ctr_net_names names_of(const char *dns, const char *search, const char *option)
{
	struct ctr_net_names n = { 0 };

	if (dns)
		CHECK_INT(strv_split(&n.dns, dns, ','), 0);
	if (search)
		CHECK_INT(strv_split(&n.dns_search, search, ','), 0);
	if (option)
		CHECK_INT(strv_split(&n.dns_option, option, ','), 0);
	return n;
}

TEST(texts)
{
	static const struct {
		const char *base, *dns, *search, *option, *forward;
		bool keep;
		const char *want;
	} rows[] = {
		{ "nameserver 10.0.0.1\n", NULL, NULL, NULL, "", false, "nameserver 10.0.0.1\n" },
		{ "nameserver 10.0.0.1", NULL, NULL, NULL, "169.254.1.1", false,
		  "nameserver 169.254.1.1\nnameserver 10.0.0.1\n" },
		{ "nameserver 169.254.1.1\n", NULL, NULL, NULL, "169.254.1.1", false,
		  "nameserver 169.254.1.1\n" },
		{ "nameserver 127.0.0.53\noptions edns0 trust-ad\nsearch lan\n", NULL, NULL, NULL,
		  "169.254.1.1", false,
		  "search lan\nnameserver 169.254.1.1\noptions edns0 trust-ad\n" },
		{ "nameserver 127.0.0.53\n", NULL, NULL, NULL, "", true, "nameserver 127.0.0.53\n" },
		{ "nameserver ::1\nnameserver fd00::1\nnameserver ::ffff:127.0.0.1\n", NULL, NULL,
		  NULL, "", false, "nameserver fd00::1\n" },
		{ "nameserver fe80::1%eth0\n", NULL, NULL, NULL, "", false, "nameserver fe80::1%eth0\n" },
		{ "; c\n# c\nnameserver\t10.0.0.1 # why\nnameserver 10.0.0.2;x\nnameserver bogus\n",
		  NULL, NULL, NULL, "", false, "nameserver 10.0.0.1\n" },
		{ "domain a.example\nsearch b.example c.example # x\r\nnameserver 10.0.0.1\r\n", NULL,
		  NULL, NULL, "", false, "search b.example c.example\nnameserver 10.0.0.1\n" },
		{ "search host\nnameserver 10.0.0.1\noptions ndots:5\n", "1.1.1.1,2606:4700::1111",
		  "my.example", "ndots:1,rotate", "169.254.1.1", false,
		  "search my.example\nnameserver 1.1.1.1\nnameserver 2606:4700::1111\n"
		  "options ndots:1 rotate\n" },
		{ "search host\nnameserver 10.0.0.1\n", NULL, ".", NULL, "", false,
		  "nameserver 10.0.0.1\n" },
		{ "", NULL, NULL, NULL, "", false, "" },
		{ "nameserver\n  nameserver 10.0.0.1\nnameserverx 10.0.0.2\n", NULL, NULL, NULL, "",
		  false, "nameserver 10.0.0.1\n" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ctr_net_names n = names_of(rows[i].dns, rows[i].search, rows[i].option);
		auto_free char *got = NULL;
		struct err e = ERR_INIT;

		got = net_resolv_text(rows[i].base, &n, rows[i].forward, rows[i].keep, &e);
		CHECK_STR(got, rows[i].want);
		ctr_net_names_done(&n);
	}
}

TEST(which_are_usable)
{
	CHECK(net_resolv_usable("nameserver 10.0.0.1\n"));
	CHECK(!net_resolv_usable("nameserver 127.0.0.53\n"));
	CHECK(!net_resolv_usable(""));
	CHECK(net_resolv_has_server("nameserver 127.0.0.53\n"));
	CHECK(!net_resolv_has_server("# nameserver 127.0.0.53\n"));
	CHECK(net_resolv_needs_forward("nameserver 127.0.0.53\n", "192.0.2.2"));
	CHECK(net_resolv_needs_forward("nameserver 192.0.2.2\nnameserver 9.9.9.9\n", "192.0.2.2"));
	CHECK(!net_resolv_needs_forward("nameserver 192.0.2.3\nnameserver 127.0.0.1\n", "192.0.2.2"));
	CHECK(!net_resolv_needs_forward("nameserver 192.0.2.3\n", ""));
	CHECK(!net_resolv_needs_forward("", ""));
}

TEST(huge)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;
	struct ctr_net_names n = { 0 };
	struct err e = ERR_INIT;

	for (int i = 0; i < 80000; i++)
		strbuf_add(&b, "nameserver 10.0.0.1\n");
	CHECK(net_resolv_text(b.data, &n, "", false, &e) == NULL);
	CHECK_INT(e.kind, ERR_LIMIT);
}

TEST(addresses)
{
	static const char *const good[] = { "1.2.3.4", "::", "fe80::1%eth0", "::ffff:1.2.3.4" };
	static const char *const bad[] = { "", "1.2.3", "1.2.3.4.5", "1.2.3.4%eth0", "fe80::1%", "g::1",
		"1.2.3.4 ", "01.2.3.4", "fe80::1%averyveryverylongname", "1.2.3.4\n",
		"11111111111111111111111111111111111111111111111111" };

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		CHECK_MSG(net_is_address(good[i]), "%s", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_MSG(!net_is_address(bad[i]), "%s", bad[i]);
}
