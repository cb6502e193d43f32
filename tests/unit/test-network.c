/* --network values, conflicting options, and which helper is started with which arguments. */
#include "test.h"

#include <sched.h>
#include <sys/mount.h>

#include "ctrlite/network.h"

TEST(values_accepted)
{
	static const struct {
		const char *value;
		enum ctr_net_mode mode;
		const char *again;
	} rows[] = {
		{ "", CTR_NET_PRIVATE, "private" },
		{ "private", CTR_NET_PRIVATE, "private" },
		{ "default", CTR_NET_PRIVATE, "private" },
		{ "none", CTR_NET_NONE, "none" },
		{ "host", CTR_NET_HOST, "host" },
		{ "pasta", CTR_NET_PASTA, "pasta" },
		{ "pasta:--mtu,1500", CTR_NET_PASTA, "pasta:--mtu,1500" },
		{ "pasta:-T,auto,--map-gw", CTR_NET_PASTA, "pasta:-T,auto,--map-gw" },
		{ "pasta:-p,/tmp/x", CTR_NET_PASTA, "pasta:-p,/tmp/x" },
		{ "pasta:--netmask,24", CTR_NET_PASTA, "pasta:--netmask,24" },
		{ "slirp4netns", CTR_NET_SLIRP, "slirp4netns" },
		{ "slirp4netns:mtu=1500,cidr=10.1.0.0/16,enable_ipv6=true", CTR_NET_SLIRP,
		  "slirp4netns:mtu=1500,cidr=10.1.0.0/16,enable_ipv6=true" },
		{ "slirp4netns:port_handler=slirp4netns", CTR_NET_SLIRP,
		  "slirp4netns:port_handler=slirp4netns" },
		{ "container:abc", CTR_NET_CONTAINER, "container:abc" },
		{ "ns:/run/netns/a:b", CTR_NET_PATH, "ns:/run/netns/a:b" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ctr_network n = CTR_NETWORK_INIT;
		auto_free char *again = NULL;
		struct err e = ERR_INIT;

		CHECK_MSG(ctr_network_parse(&n, rows[i].value, &e) == 0, "%s: %s", rows[i].value,
			  e.text);
		CHECK_INT(n.mode, rows[i].mode);
		again = ctr_network_value(&n);
		CHECK_STR(again, rows[i].again);
		ctr_network_done(&n);
	}
}

TEST(values_refused)
{
	static const struct {
		const char *value;
		enum err_kind kind;
		const char *part;
	} rows[] = {
		{ "bridge", ERR_UNSUPPORTED, "bridge" },
		{ "bridge:ip=10.0.0.1", ERR_UNSUPPORTED, "bridge" },
		{ "container:", ERR_INVALID, "nothing behind" },
		{ "container", ERR_INVALID, "nothing behind" },
		{ "ns:", ERR_INVALID, "nothing behind" },
		{ "mynet", ERR_UNSUPPORTED, "\"mynet\": a user-defined network" },
		{ "mynet:alias=x", ERR_UNSUPPORTED, "user-defined" },
		{ "NONE", ERR_UNSUPPORTED, "user-defined" },
		{ "hostx", ERR_UNSUPPORTED, "user-defined" },
		{ "none:x", ERR_INVALID, "takes no options" },
		{ "host:x", ERR_INVALID, "takes no options" },
		{ "private:x", ERR_INVALID, "takes no options" },
		{ "pasta:", ERR_INVALID, "no options behind" },
		{ "pasta:a,,b", ERR_INVALID, "empty option" },
		{ "pasta:--netns,/x", ERR_INVALID, "--netns" },
		{ "pasta:--netns=/x", ERR_INVALID, "--netns" },
		{ "pasta:--userns,/x", ERR_INVALID, "--userns" },
		{ "pasta:-P,/etc/passwd", ERR_INVALID, "-P" },
		{ "pasta:-P/etc/passwd", ERR_INVALID, "-P" },
		{ "pasta:--pid=/etc/passwd", ERR_INVALID, "--pid" },
		{ "pasta:-f", ERR_INVALID, "-f" },
		{ "pasta:--help", ERR_INVALID, "--help" },
		{ "slirp4netns:mtu=0", ERR_INVALID, "mtu=0" },
		{ "slirp4netns:mtu=70000", ERR_INVALID, "mtu" },
		{ "slirp4netns:cidr=10.0.0.0", ERR_INVALID, "cidr" },
		{ "slirp4netns:cidr=10.0.0.0/33", ERR_INVALID, "cidr" },
		{ "slirp4netns:cidr=fd00::/64", ERR_INVALID, "cidr" },
		{ "slirp4netns:enable_ipv6=yes", ERR_INVALID, "enable_ipv6" },
		{ "slirp4netns:outbound_addr=eth0", ERR_INVALID, "outbound_addr" },
		{ "slirp4netns:bogus=1", ERR_INVALID, "unknown option bogus" },
		{ "slirp4netns:port_handler=rootlesskit", ERR_UNSUPPORTED, "rootlesskit" },
		{ "pasta:--x\n--y", ERR_INVALID, "control" },
		{ "a\033[31m", ERR_INVALID, "control" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ctr_network n = CTR_NETWORK_INIT;
		struct err e = ERR_INIT;

		CHECK_MSG(ctr_network_parse(&n, rows[i].value, &e) < 0, "accepted \"%s\"",
			  rows[i].value);
		CHECK_MSG(e.kind == rows[i].kind, "\"%s\": %s", rows[i].value, e.text);
		CHECK_CONTAINS(e.text, rows[i].part);
		ctr_network_done(&n);
	}
}

TEST(the_network_of_another_container_excludes_what_is_its_business)
{
	static const struct {
		const char *dns, *host, *part;
	} rows[] = {
		{ "192.0.2.1", NULL, "conflicting options: dns and the network mode: container" },
		{ NULL, "a:192.0.2.1", "cannot set extra host entries" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ctr_network n = CTR_NETWORK_INIT;
		struct ctr_net_names names = { 0 };
		struct err e = ERR_INIT;

		CHECK_OK(ctr_network_parse(&n, "container:x", &e), e);
		if (rows[i].dns)
			CHECK_INT(strv_add(&names.dns, rows[i].dns), 0);
		if (rows[i].host)
			CHECK_INT(strv_add(&names.add_host, rows[i].host), 0);
		CHECK_ERR(ctr_network_check(&n, &names, NULL, &e), e, ERR_INVALID);
		CHECK_CONTAINS(e.text, rows[i].part);
		e = (struct err)ERR_INIT;
		CHECK_ERR(ctr_network_parse(&n, "none", &e), e, ERR_INVALID);
		CHECK_CONTAINS(e.text, "selected mode container");
		ctr_network_done(&n);
		ctr_net_names_done(&names);
	}
}

TEST(two_networks)
{
	struct ctr_network n = CTR_NETWORK_INIT;
	struct err e = ERR_INIT;

	CHECK_OK(ctr_network_parse(&n, "none", &e), e);
	CHECK_ERR(ctr_network_parse(&n, "host", &e), e, ERR_UNSUPPORTED);
	CHECK_INT(n.mode, CTR_NET_NONE);
	ctr_network_done(&n);
}

static int check(const char *network, const char *port, const char *dns, const char *host,
		 bool no_hosts, bool *dropped, struct err *e)
{
	struct ctr_network n = CTR_NETWORK_INIT;
	struct ctr_net_names names = { .no_hosts = no_hosts };
	int r;

	CHECK_OK(ctr_network_parse(&n, network, e), *e);
	if (port)
		CHECK_OK(ctr_network_add_port(&n, port, e), *e);
	if (dns)
		CHECK_INT(strv_split(&names.dns, dns, ','), 0);
	if (host)
		CHECK_INT(strv_add(&names.add_host, host), 0);
	r = ctr_network_check(&n, &names, dropped, e);
	if (r == 0 && *dropped)
		CHECK_INT(n.n_ports, 0);
	ctr_network_done(&n);
	ctr_net_names_done(&names);
	return r;
}

TEST(options_together)
{
	struct err e = ERR_INIT;
	bool dropped = true;

	CHECK_OK(check("private", "80", "1.1.1.1,::1", "h:1.2.3.4", false, &dropped, &e), e);
	CHECK(!dropped);
	CHECK_OK(check("none", "80", NULL, NULL, false, &dropped, &e), e);
	CHECK(dropped);
	CHECK_OK(check("host", "80", NULL, NULL, false, &dropped, &e), e);
	CHECK(dropped);
	CHECK_OK(check("private", NULL, "none", NULL, true, &dropped, &e), e);
	CHECK_ERR(check("none", NULL, "1.1.1.1", NULL, false, &dropped, &e), e, ERR_INVALID);
	CHECK_STR(e.text, "conflicting options: dns and the network mode: none");
	CHECK_ERR(check("private", NULL, "none,1.1.1.1", NULL, false, &dropped, &e), e, ERR_INVALID);
	CHECK_ERR(check("private", NULL, "dns.example", NULL, false, &dropped, &e), e, ERR_INVALID);
	CHECK_ERR(check("private", NULL, "1.1.1.1\nsearch evil", NULL, false, &dropped, &e), e,
		  ERR_INVALID);
	CHECK_ERR(check("private", NULL, NULL, "h:1.2.3.4", true, &dropped, &e), e, ERR_INVALID);
	CHECK_CONTAINS(e.text, "no-hosts");
}

/* A directory of programs that are only there to be found; PATH is that directory alone, but the
 * fixed directories behind it (path_find_program) may have the real ones. */
static void fake(const char *name, const char *text)
{
	auto_free char *path = str_printf("%s/bin/%s", test_tmpdir(), name);

	(void)mkdir("bin", 0755);
	test_write(path, text);
	CHECK(chmod(path, 0755) == 0);
	path[strlen(test_tmpdir()) + 4] = '\0';
	CHECK(setenv("PATH", path, 1) == 0);
}

static char *args_of(const struct ctr_net_plan *p)
{
	struct strbuf b = STRBUF_INIT;

	for (size_t i = 0; i < p->args.n; i++)
		strbuf_addf(&b, "%s%s", i ? " " : "", p->args.items[i]);
	return strbuf_take(&b);
}

static void plan(const char *network, const char *ports, struct ctr_net_plan *p)
{
	struct ctr_network n = CTR_NETWORK_INIT;
	auto_strv struct strv specs = STRV_INIT;
	struct err e = ERR_INIT;

	CHECK_OK(ctr_network_parse(&n, network, &e), e);
	if (*ports)
		CHECK_INT(strv_split(&specs, ports, ','), 0);
	for (size_t i = 0; i < specs.n; i++)
		CHECK_OK(ctr_network_add_port(&n, specs.items[i], &e), e);
	if (ctr_network_plan(&n, p, &e) < 0) {
		if (e.kind == ERR_UNSUPPORTED && strstr(e.text, "default route"))
			test_skip("this host has no default route");
		CHECK_MSG(false, "%s", e.text);
	}
	ctr_network_done(&n);
}

/* From here on no program is found but what fake() makes. */
static void hide_programs(void)
{
	static const char *const dirs[] = { "/usr/local/sbin", "/usr/local/bin", "/usr/sbin",
					    "/usr/bin", "/sbin", "/bin" };

	(void)mkdir("none", 0755);
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		test_skip("no user namespace here: %s", strerror(errno));
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		if (access(dirs[i], F_OK) == 0 && mount("none", dirs[i], NULL, MS_BIND, NULL) < 0)
			test_skip("cannot hide %s: %s", dirs[i], strerror(errno));
	CHECK(setenv("PATH", "/nowhere", 1) == 0);
}

/* Give this test's processes another /etc/resolv.conf. */
static void host_resolv(const char *text)
{
	uid_t uid = geteuid();
	auto_free char *map = str_printf("%u %u 1\n", uid, uid);

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		test_skip("no user namespace here: %s", strerror(errno));
	test_write("/proc/self/uid_map", map);
	test_write("resolv", text);
	if (mount("resolv", "/etc/resolv.conf", NULL, MS_BIND, NULL) < 0)
		test_skip("cannot replace /etc/resolv.conf: %s", strerror(errno));
}

TEST(plan_without_helper)
{
	struct ctr_net_plan p = CTR_NET_PLAN_INIT;

	plan("none", "", &p);
	CHECK(p.new_netns && !p.path && p.args.n == 0);
	CHECK_INT(p.mode, CTR_NET_NONE);
	CHECK_STR(p.address, "127.0.0.1");
	CHECK_STR(p.host_address, "");
	ctr_net_plan_done(&p);
	plan("host", "", &p);
	CHECK(!p.new_netns && !p.path);
	CHECK(p.host_address[0]);
	ctr_net_plan_done(&p);
}

TEST(plan_pasta)
{
	struct ctr_net_plan p = CTR_NET_PLAN_INIT;
	auto_free char *got = NULL;

	host_resolv("nameserver 127.0.0.53\n");
	fake("pasta", "an old one");
	plan("pasta", "28080:80,127.0.0.1:28082-28083:82-83,[::1]:28084:53/udp", &p);
	got = args_of(&p);
	CHECK_CONTAINS(got, "pasta --foreground --quiet --pid @PIDFILE@ --no-netns-quit --config-net "
		       "--no-map-gw --dns-forward 169.254.1.1 -t 28080-28080:80-80 "
		       "-t 127.0.0.1/28082-28083:82-83 -u ::1/28084-28084:53-53 -T none -U none ");
	if (geteuid() == 0)
		CHECK_CONTAINS(got, " --runas 0:0 --netns @NETNS@");
	else
		CHECK_CONTAINS(got, " --userns /proc/@PID@/ns/user --netns /proc/@PID@/ns/net");
	CHECK_STR(p.ready, "pidfile");
	CHECK_CONTAINS(p.path, "/bin/pasta");
	CHECK(!p.api && p.forwards.n == 0 && p.new_netns);
	CHECK_STR(p.dns_forward, "169.254.1.1");
	CHECK_STR(p.host_address, "");
	ctr_net_plan_done(&p);
}

TEST(plan_pasta_asks_reachable_servers_itself)
{
	struct ctr_net_plan p = CTR_NET_PLAN_INIT;
	auto_free char *got = NULL;

	host_resolv("nameserver 198.51.100.53\nnameserver 127.0.0.1\n");
	fake("pasta", "an old one");
	plan("pasta", "", &p);
	got = args_of(&p);
	CHECK(!strstr(got, "dns-forward"));
	CHECK_STR(p.dns_forward, "");
	ctr_net_plan_done(&p);
}

TEST(plan_pasta_without_ports)
{
	struct ctr_net_plan p = CTR_NET_PLAN_INIT;
	auto_free char *got = NULL;

	fake("pasta", "an old one");
	plan("private", "", &p);
	CHECK_INT(p.mode, CTR_NET_PASTA);
	got = args_of(&p);
	CHECK_CONTAINS(got, " -t none -u none -T none -U none ");
	ctr_net_plan_done(&p);
}

TEST(plan_newer_pasta)
{
	struct ctr_net_plan p = CTR_NET_PLAN_INIT;
	auto_free char *got = NULL;

	auto_free char *map = str_printf("1000 %u 1\n", geteuid());

	/* root cannot hand this one a namespace: be somebody else */
	if (unshare(CLONE_NEWUSER) < 0)
		test_skip("no user namespace here: %s", strerror(errno));
	test_write("/proc/self/uid_map", map);
	fake("pasta", "... map-guest-addr ...");
	plan("pasta", "", &p);
	got = args_of(&p);
	CHECK_CONTAINS(got, " --map-guest-addr 169.254.1.2 ");
	CHECK_STR(p.host_address, "169.254.1.2");
	ctr_net_plan_done(&p);
}

/* It closes the descriptor that root's namespace is passed by. */
TEST(plan_newer_pasta_for_root)
{
	struct ctr_net_plan p = CTR_NET_PLAN_INIT;
	struct ctr_network n = CTR_NETWORK_INIT;
	auto_free char *map = str_printf("0 %u 1\n", geteuid());
	struct err e = ERR_INIT;

	hide_programs();
	test_write("/proc/self/uid_map", map);
	fake("pasta", "... map-guest-addr ...");
	CHECK_OK(ctr_network_parse(&n, "private", &e), e);
	CHECK_ERR(ctr_network_plan(&n, &p, &e), e, ERR_UNSUPPORTED);
	CHECK_CONTAINS(e.text, "install slirp4netns");
	fake("slirp4netns", "");
	CHECK_OK(ctr_network_plan(&n, &p, &e), e);
	CHECK_INT(p.mode, CTR_NET_SLIRP);
	ctr_net_plan_done(&p);
	ctr_network_done(&n);
}

TEST(plan_pasta_with_user_options)
{
	struct ctr_net_plan p = CTR_NET_PLAN_INIT;
	auto_free char *got = NULL;

	fake("pasta", "an old one");
	plan("pasta:--map-gw,-T,auto,--dns-forward,10.1.1.1,-U8000,--mtu,1400", "", &p);
	got = args_of(&p);
	CHECK_CONTAINS(got, "--no-netns-quit -T auto --dns-forward 10.1.1.1 -U8000 --mtu 1400 "
		       "--config-net -t none -u none --");
	CHECK(!strstr(got, "map-gw") && !strstr(got, "-T none") && !strstr(got, "-U none"));
	CHECK_STR(p.dns_forward, "");
	ctr_net_plan_done(&p);
}

TEST(plan_when_programs_are_missing)
{
	static const struct {
		const char *network, *part;
	} rows[] = {
		{ "private", "install pasta (package passt) or slirp4netns" },
		{ "pasta", "package passt" },
		{ "slirp4netns", "package slirp4netns" },
	};
	struct ctr_net_plan p = CTR_NET_PLAN_INIT;

	hide_programs();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ctr_network n = CTR_NETWORK_INIT;
		struct err e = ERR_INIT;

		CHECK_OK(ctr_network_parse(&n, rows[i].network, &e), e);
		CHECK_ERR(ctr_network_plan(&n, &p, &e), e, ERR_UNSUPPORTED);
		CHECK_CONTAINS(e.text, rows[i].part);
		ctr_network_done(&n);
	}
	fake("slirp4netns", "");
	plan("private", "", &p);
	CHECK_INT(p.mode, CTR_NET_SLIRP);
	ctr_net_plan_done(&p);
}

/* No default route: pasta has nothing to copy, slirp4netns does without. */
TEST(plan_on_a_host_that_is_offline)
{
	struct ctr_net_plan p = CTR_NET_PLAN_INIT;
	struct ctr_network n = CTR_NETWORK_INIT;
	struct err e = ERR_INIT;

	hide_programs();
	if (unshare(CLONE_NEWNET) < 0)
		test_skip("no network namespace here: %s", strerror(errno));
	fake("pasta", "an old one");
	CHECK_OK(ctr_network_parse(&n, "private", &e), e);
	CHECK_ERR(ctr_network_plan(&n, &p, &e), e, ERR_UNSUPPORTED);
	CHECK_CONTAINS(e.text, "no default route");
	fake("slirp4netns", "");
	CHECK_OK(ctr_network_plan(&n, &p, &e), e);
	CHECK_INT(p.mode, CTR_NET_SLIRP);
	ctr_net_plan_done(&p);
	ctr_network_done(&n);
}

TEST(plan_slirp)
{
	struct ctr_net_plan p = CTR_NET_PLAN_INIT;
	auto_free char *got = NULL;

	fake("slirp4netns", "");
	plan("slirp4netns", "28090:80,127.0.0.1:28091-28092:81-82/udp", &p);
	got = args_of(&p);
	CHECK_STR(got, "slirp4netns --configure --enable-sandbox --enable-seccomp --ready-fd=@READYFD@ "
		       "--api-socket=net.sock --mtu=65520 --disable-host-loopback @PID@ tap0");
	CHECK_STR(p.ready, "fd");
	CHECK_STR(p.api, "net.sock");
	CHECK_INT(p.forwards.n, 3);
	CHECK_STR(p.forwards.items[0],
		  "{\"execute\":\"add_hostfwd\",\"arguments\":{\"proto\":\"tcp\",\"host_addr\":"
		  "\"0.0.0.0\",\"host_port\":28090,\"guest_addr\":\"10.0.2.100\",\"guest_port\":80}}");
	CHECK_STR(p.forwards.items[2],
		  "{\"execute\":\"add_hostfwd\",\"arguments\":{\"proto\":\"udp\",\"host_addr\":"
		  "\"127.0.0.1\",\"host_port\":28092,\"guest_addr\":\"10.0.2.100\",\"guest_port\":82}}");
	CHECK_STR(p.address, "10.0.2.100");
	CHECK_STR(p.dns_forward, "10.0.2.3");
	ctr_net_plan_done(&p);
}

TEST(warnings)
{
	static const struct {
		const char *network, *ports;
		bool warns;
	} rows[] = {
		{ "pasta", "127.0.0.1:28101:80", false },
		{ "pasta", "127.0.0.1:28101:28101/udp", false },
		{ "pasta", "127.0.0.1:28101:53/udp", true },
		{ "slirp4netns", "127.0.0.1:28101:80", false },
		{ "slirp4netns", "127.0.0.1:28101:28101/udp", true },
		{ "slirp4netns:allow_host_loopback=true", "127.0.0.1:28101:53/udp", false },
	};

	fake("pasta", "an old one");
	fake("slirp4netns", "");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ctr_net_plan p = CTR_NET_PLAN_INIT;

		plan(rows[i].network, rows[i].ports, &p);
		CHECK_INT(p.warning != NULL, rows[i].warns);
		if (p.warning)
			CHECK_CONTAINS(p.warning, "port 28101/udp");
		ctr_net_plan_done(&p);
	}
}

TEST(plan_slirp_options)
{
	struct ctr_net_plan p = CTR_NET_PLAN_INIT;
	auto_free char *got = NULL;

	fake("slirp4netns", "");
	plan("slirp4netns:cidr=10.7.8.9/16,allow_host_loopback=true,enable_ipv6=true,mtu=1400,"
	     "outbound_addr=127.0.0.1", "", &p);
	got = args_of(&p);
	CHECK_CONTAINS(got, "--mtu=1400 --enable-ipv6 --cidr=10.7.8.9/16 --outbound-addr=127.0.0.1 @PID@");
	CHECK(!strstr(got, "disable-host-loopback"));
	CHECK_STR(p.address, "10.7.0.100");
	CHECK_STR(p.dns_forward, "10.7.0.3");
	CHECK_STR(p.host_address, "10.7.0.2");
	ctr_net_plan_done(&p);
}

TEST(plan_slirp_refuses)
{
	struct ctr_net_plan p = CTR_NET_PLAN_INIT;
	struct ctr_network n = CTR_NETWORK_INIT, m = CTR_NETWORK_INIT;
	struct err e = ERR_INIT;

	fake("slirp4netns", "");
	CHECK_OK(ctr_network_parse(&n, "slirp4netns", &e), e);
	CHECK_OK(ctr_network_add_port(&n, "[::1]:28095:80", &e), e);
	CHECK_ERR(ctr_network_plan(&n, &p, &e), e, ERR_UNSUPPORTED);
	CHECK_CONTAINS(e.text, "IPv6");
	CHECK(p.path == NULL);
	ctr_network_done(&n);
	CHECK_OK(ctr_network_parse(&m, "slirp4netns", &e), e);
	CHECK_OK(ctr_network_add_port(&m, "127.0.0.1:20000-22000:20000-22000", &e), e);
	CHECK_ERR(ctr_network_plan(&m, &p, &e), e, ERR_LIMIT);
	ctr_network_done(&m);
}

TEST(file_set)
{
	struct ctr_net_plan none = { .mode = CTR_NET_NONE, .address = "127.0.0.1" };
	struct ctr_net_plan pasta = { .mode = CTR_NET_PASTA, .dns_forward = "169.254.1.1",
				      .address = "192.0.2.9" };
	struct ctr_net_names names = { 0 };
	struct err e = ERR_INIT;
	struct stat st;
	char buf[4096] = "";
	int dir = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd;

	CHECK(dir >= 0);
	(void)umask(077);
	CHECK_INT(ctr_network_write_files(dir, &none, &names, "box", "name", &e),
		  CTR_NET_FILE_HOSTS | CTR_NET_FILE_HOSTNAME);
	CHECK(access("resolv.conf", F_OK) < 0);
	CHECK(stat("hosts", &st) == 0 && (st.st_mode & 07777) == 0644);
	fd = open("hostname", O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0 && read(fd, buf, sizeof(buf)) == 4 && streq(buf, "box\n"));
	CHECK(close(fd) == 0);
	CHECK_INT(ctr_network_write_files(dir, &pasta, &names, "box", NULL, &e),
		  CTR_NET_FILE_HOSTS | CTR_NET_FILE_HOSTNAME | CTR_NET_FILE_RESOLV);
	fd = open("resolv.conf", O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0 && read(fd, buf, sizeof(buf) - 1) > 0);
	CHECK_CONTAINS(buf, "nameserver 169.254.1.1\n");
	CHECK(close(fd) == 0);
	pasta.address[0] = '\0';
	CHECK(ctr_network_write_files(dir, &pasta, &names, "box", NULL, &e) > 0);
	fd = open("hosts", O_RDONLY | O_CLOEXEC);
	memset(buf, 0, sizeof(buf));
	CHECK(fd >= 0 && read(fd, buf, sizeof(buf) - 1) > 0);
	CHECK_CONTAINS(buf, "127.0.0.1\tbox\n");
	CHECK(close(fd) == 0);
	names.no_hosts = true;
	CHECK_INT(strv_add(&names.dns, "none"), 0);
	CHECK_INT(ctr_network_write_files(dir, &pasta, &names, "box", NULL, &e),
		  CTR_NET_FILE_HOSTNAME);
	CHECK_ERR(ctr_network_write_files(dir, &pasta, &names, "a\nb", NULL, &e), e, ERR_INVALID);
	CHECK_ERR(ctr_network_write_files(dir, &pasta, &names, "a", "x y", &e), e, ERR_INVALID);
	/* a link planted where a file goes is not followed */
	CHECK(unlink("hostname") == 0);
	test_write("victim", "canary");
	test_symlink("victim", "hostname");
	CHECK(ctr_network_write_files(dir, &pasta, &names, "box", NULL, &e) < 0);
	CHECK(stat("victim", &st) == 0 && st.st_size == 6);
	ctr_net_names_done(&names);
}

TEST(hostnames)
{
	static const char *const good[] = { "a", "box-1.example.org", "UPPER_case",
		"0123456789012345678901234567890123456789012345678901234567890123" };
	static const char *const bad[] = { "", "a b", "a\n", "a=b", "../x", "a/b", "\033[2J", "a;b", "#",
		"01234567890123456789012345678901234567890123456789012345678901234" };
	struct err e = ERR_INIT;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		CHECK_OK(ctr_hostname_check(good[i], &e), e);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_ERR(ctr_hostname_check(bad[i], &e), e, ERR_INVALID);
}
