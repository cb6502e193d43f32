/* -p: the syntax, conflicts, how ports are shown, and whether the host has them. */
#include "test.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include "ctrlite/network.h"
#include "host-net.h"

TEST(accepted)
{
	static const struct {
		const char *spec, *ip;
		unsigned int host, ctr, count;
		bool udp;
		const char *again, *ps;
	} rows[] = {
		{ "80", "", 0, 80, 1, false, "80/tcp", "0.0.0.0:0->80/tcp" },
		{ "8080:80", "", 8080, 80, 1, false, "8080:80/tcp", "0.0.0.0:8080->80/tcp" },
		{ ":80", "", 0, 80, 1, false, "80/tcp", "0.0.0.0:0->80/tcp" },
		{ "0:80", "", 0, 80, 1, false, "80/tcp", "0.0.0.0:0->80/tcp" },
		{ "8080:80/udp", "", 8080, 80, 1, true, "8080:80/udp", "0.0.0.0:8080->80/udp" },
		{ "8080:80/TCP", "", 8080, 80, 1, false, "8080:80/tcp", "0.0.0.0:8080->80/tcp" },
		{ "127.0.0.1:8080:80", "127.0.0.1", 8080, 80, 1, false, "127.0.0.1:8080:80/tcp",
		  "127.0.0.1:8080->80/tcp" },
		{ "127.0.0.1::80", "127.0.0.1", 0, 80, 1, false, "127.0.0.1::80/tcp",
		  "127.0.0.1:0->80/tcp" },
		{ "0.0.0.0:1:1", "0.0.0.0", 1, 1, 1, false, "0.0.0.0:1:1/tcp", "0.0.0.0:1->1/tcp" },
		{ "[::1]:8080:80", "::1", 8080, 80, 1, false, "[::1]:8080:80/tcp",
		  "[::1]:8080->80/tcp" },
		{ "[::1]::80/udp", "::1", 0, 80, 1, true, "[::1]::80/udp", "[::1]:0->80/udp" },
		{ "[0:0::0]:1:2", "::", 1, 2, 1, false, "[::]:1:2/tcp", "[::]:1->2/tcp" },
		{ "8080-8082:80-82", "", 8080, 80, 3, false, "8080-8082:80-82/tcp",
		  "0.0.0.0:8080-8082->80-82/tcp" },
		{ "80-82", "", 0, 80, 3, false, "80-82/tcp", "0.0.0.0:0-2->80-82/tcp" },
		{ "1-65535:1-65535", "", 1, 1, 65535, false, "1-65535:1-65535/tcp",
		  "0.0.0.0:1-65535->1-65535/tcp" },
		{ "65535:65535", "", 65535, 65535, 1, false, "65535:65535/tcp",
		  "0.0.0.0:65535->65535/tcp" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ctr_net_port p, q;
		auto_free char *again = NULL;
		auto_free char *ps = NULL;
		struct err e = ERR_INIT;

		CHECK_MSG(ctr_net_port_parse(rows[i].spec, &p, &e) == 0, "%s: %s", rows[i].spec,
			  e.text);
		CHECK_STR(p.host_ip, rows[i].ip);
		CHECK_INT(p.host_port, rows[i].host);
		CHECK_INT(p.ctr_port, rows[i].ctr);
		CHECK_INT(p.count, rows[i].count);
		CHECK_INT(p.udp, rows[i].udp);
		again = ctr_net_port_spec(&p);
		CHECK_STR(again, rows[i].again);
		CHECK_OK(ctr_net_port_parse(again, &q, &e), e);
		CHECK(p.host_port == q.host_port && p.count == q.count && streq(p.host_ip, q.host_ip));
		if (p.host_port) {
			ps = ctr_net_port_ps(&p);
			CHECK_STR(ps, rows[i].ps);
		}
	}
}

TEST(refused)
{
	static const struct {
		const char *spec;
		enum err_kind kind;
		const char *part;
	} rows[] = {
		{ "", ERR_INVALID, "empty" },
		{ ":", ERR_INVALID, "container's port" },
		{ "8080:", ERR_INVALID, "container's port" },
		{ "::", ERR_INVALID, "not an IP address" },
		{ "::80", ERR_INVALID, "not an IP address" },
		{ ":::80", ERR_INVALID, "colons" },
		{ "::1:8080:80", ERR_INVALID, "[ ]" },
		{ "[::1:8080:80", ERR_INVALID, "IPv6" },
		{ "[::1]8080:80", ERR_INVALID, "IPv6" },
		{ "[::1]:80", ERR_INVALID, "container's port" },
		{ "[::1]:1:2:3", ERR_INVALID, "colons" },
		{ "[]:1:2", ERR_INVALID, "not an IP address" },
		{ "[127.0.0.1]:1:2", ERR_INVALID, "not an IP address" },
		{ "[fe80::1%eth0]:1:2", ERR_INVALID, "not an IP address" },
		{ "localhost:1:2", ERR_INVALID, "localhost" },
		{ "256.0.0.1:1:2", ERR_INVALID, "not an IP address" },
		{ "127.1:1:2", ERR_INVALID, "not an IP address" },
		{ "0x7f.0.0.1:1:2", ERR_INVALID, "not an IP address" },
		{ "0", ERR_INVALID, "found 0" },
		{ "80:0", ERR_INVALID, "found 0" },
		{ "65536", ERR_INVALID, "not a port" },
		{ "1:65536", ERR_INVALID, "not a port" },
		{ "65616:80", ERR_INVALID, "not a port" },	/* 80 modulo 2^16 */
		{ "-1:80", ERR_INVALID, "not a port" },
		{ "+80", ERR_INVALID, "not a port" },
		{ "0x50", ERR_INVALID, "not a port" },
		{ "80 ", ERR_INVALID, "not a port" },
		{ "http", ERR_INVALID, "not a port" },
		{ "99999999999999999999", ERR_INVALID, "not a port" },
		{ "80-", ERR_INVALID, "not a port" },
		{ "-80", ERR_INVALID, "not a port" },
		{ "82-80", ERR_INVALID, "ends before" },
		{ "0-5", ERR_INVALID, "found 0" },
		{ "1-2-3", ERR_INVALID, "not a port" },
		{ "8080-8090:80", ERR_INVALID, "different lengths: 11 and 1" },
		{ "8080:80-81", ERR_INVALID, "different lengths" },
		{ "80/", ERR_INVALID, "not a protocol" },
		{ "80/icmp", ERR_INVALID, "icmp" },
		{ "80/tcp/udp", ERR_INVALID, "not a port" },
		{ "80/sctp", ERR_UNSUPPORTED, "sctp" },
		{ "80\n", ERR_INVALID, "not a port" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ctr_net_port p = { .count = 77 };
		struct err e = ERR_INIT;

		CHECK_MSG(ctr_net_port_parse(rows[i].spec, &p, &e) < 0, "accepted \"%s\"",
			  rows[i].spec);
		CHECK_MSG(e.kind == rows[i].kind, "\"%s\": %s", rows[i].spec, e.text);
		CHECK_CONTAINS(e.text, rows[i].part);
		CHECK_CONTAINS(e.text, "publish");
		CHECK_INT(p.count, 77);
	}
}

TEST(very_long_spec)
{
	auto_free char *s = malloc(100001);
	struct ctr_net_port p;
	struct err e = ERR_INIT;

	CHECK(s != NULL);
	memset(s, '1', 100000);
	s[100000] = '\0';
	CHECK_ERR(ctr_net_port_parse(s, &p, &e), e, ERR_LIMIT);
}

TEST(conflicts)
{
	static const struct {
		const char *a, *b;
		bool clash;
	} rows[] = {
		{ "8080:80", "8080:81", true },
		{ "8080:80", "8080:81/udp", false },
		{ "8080:80", "8081:80", false },
		{ "8080-8090:80-90", "8090:1", true },
		{ "8080-8090:80-90", "8091:1", false },
		{ "8090:1", "8080-8090:80-90", true },
		{ "8080:80", "127.0.0.1:8080:80", true },
		{ "0.0.0.0:8080:80", "127.0.0.1:8080:81", true },
		{ "127.0.0.1:8080:80", "127.0.0.2:8080:80", false },
		{ "0.0.0.0:8080:80", "[::]:8080:80", false },
		{ "8080:80", "[::1]:8080:80", true },
		{ "[::]:8080:80", "[::1]:8080:80", true },
		{ "80", "80", false },
		{ "80", "8080:80", false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ctr_network n = CTR_NETWORK_INIT;
		struct err e = ERR_INIT;
		int r;

		CHECK_OK(ctr_network_add_port(&n, rows[i].a, &e), e);
		r = ctr_network_add_port(&n, rows[i].b, &e);
		CHECK_MSG((r < 0) == rows[i].clash, "%s and %s: %d %s", rows[i].a, rows[i].b, r, e.text);
		if (r < 0)
			CHECK_CONTAINS(e.text, "conflicting port mappings");
		ctr_network_done(&n);
	}
}

TEST(repetition_is_dropped)
{
	struct ctr_network n = CTR_NETWORK_INIT;
	struct err e = ERR_INIT;

	CHECK_OK(ctr_network_add_port(&n, "8080:80", &e), e);
	CHECK_OK(ctr_network_add_port(&n, "8080:80/tcp", &e), e);
	CHECK_INT(n.n_ports, 1);
	ctr_network_done(&n);
}

TEST(too_many)
{
	struct ctr_network n = CTR_NETWORK_INIT;
	struct err e = ERR_INIT;
	char spec[32];

	for (int i = 0; i < CTR_NET_PORTS_MAX; i++) {
		(void)snprintf(spec, sizeof(spec), "%d:80", 10000 + i);
		CHECK_OK(ctr_network_add_port(&n, spec, &e), e);
	}
	CHECK_ERR(ctr_network_add_port(&n, "9:9", &e), e, ERR_LIMIT);
	ctr_network_done(&n);
}

static int listener(const char *ip, uint16_t *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(*port) };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK(fd >= 0 && inet_pton(AF_INET, ip, &a.sin_addr) == 1);
	CHECK(bind(fd, (struct sockaddr *)&a, len) == 0 && listen(fd, 1) == 0);
	CHECK(getsockname(fd, (struct sockaddr *)&a, &len) == 0);
	*port = ntohs(a.sin_port);
	return fd;
}

static int claim(const char *spec, struct ctr_network *n, struct err *e)
{
	CHECK_OK(ctr_network_add_port(n, spec, e), *e);
	return net_host_claim_ports(n, e);
}

TEST(taken_port)
{
	struct ctr_network n = CTR_NETWORK_INIT;
	struct err e = ERR_INIT;
	uint16_t port = 0;
	int fd = listener("127.0.0.1", &port), before = test_open_fds();
	char spec[64];

	(void)snprintf(spec, sizeof(spec), "%u:80", port);
	CHECK_ERR(claim(spec, &n, &e), e, ERR_BUSY);
	CHECK_CONTAINS(e.text, "already uses it");
	ctr_network_done(&n);
	(void)snprintf(spec, sizeof(spec), "%u:80/udp", port);
	CHECK_OK(claim(spec, &n, &e), e);
	ctr_network_done(&n);
	CHECK_INT(test_open_fds(), before);
	CHECK(close(fd) == 0);
	(void)snprintf(spec, sizeof(spec), "%u:80", port);
	CHECK_OK(claim(spec, &n, &e), e);
	ctr_network_done(&n);
}

TEST(random_ports_differ)
{
	struct ctr_network n = CTR_NETWORK_INIT;
	struct err e = ERR_INIT;
	int before = test_open_fds();

	for (int i = 0; i < 20; i++)
		CHECK_OK(ctr_network_add_port(&n, i % 2 ? "127.0.0.1::80" : "81", &e), e);
	CHECK_OK(ctr_network_add_port(&n, "90-99", &e), e);
	CHECK_OK(net_host_claim_ports(&n, &e), e);
	for (size_t i = 0; i < n.n_ports; i++) {
		CHECK(n.ports[i].host_port >= 1024);
		for (size_t k = 0; k < i; k++)
			CHECK(n.ports[i].host_port != n.ports[k].host_port);
	}
	CHECK_INT(test_open_fds(), before);
	ctr_network_done(&n);
}

TEST(privileged_port_names_the_sysctl)
{
	struct ctr_network n = CTR_NETWORK_INIT;
	struct err e = ERR_INIT;

	if (geteuid() == 0 && setresuid(65534, 65534, 65534) < 0)
		test_skip("cannot become an ordinary user");
	CHECK_ERR(claim("127.0.0.1:81:80", &n, &e), e, ERR_DENIED);
	CHECK_CONTAINS(e.text, "net.ipv4.ip_unprivileged_port_start=81");
	ctr_network_done(&n);
}

TEST(address_of_another_host)
{
	struct ctr_network n = CTR_NETWORK_INIT;
	struct err e = ERR_INIT;

	CHECK_ERR(claim("198.51.100.77:8080:80", &n, &e), e, ERR_INVALID);
	CHECK_CONTAINS(e.text, "not an address of this host");
	ctr_network_done(&n);
}

TEST(default_route_texts)
{
	static const char head[] = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\n";
	char text[400], name[16] = "";

	(void)snprintf(text, sizeof(text), "%seth1\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\n"
		       "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n", head);
	CHECK(net_route4_default(text, name));
	CHECK_STR(name, "eth0");
	(void)snprintf(text, sizeof(text), "%sbad\t00000000\t00000000\t0201\t0\t0\t0\t00000000\n", head);
	CHECK(!net_route4_default(text, name));
	CHECK(!net_route4_default(head, name));
	CHECK(!net_route4_default("", name));
	CHECK(net_route6_default("00000000000000000000000000000000 00 "
				 "00000000000000000000000000000000 00 "
				 "fd000000000000000000000000000001 00000400 00000001 00000000 00000003 "
				 "    eth0\n"));
	/* the kernel's own "unreachable" line on lo */
	CHECK(!net_route6_default("00000000000000000000000000000000 00 "
				  "00000000000000000000000000000000 00 "
				  "00000000000000000000000000000000 ffffffff 00000001 00000000 "
				  "00200200       lo\n"));
	CHECK(!net_route6_default(""));
}
