/* Which helper program serves a container's network, and with which arguments. */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <unistd.h>

#include "ctrlite/network.h"
#include "fd.h"
#include "file.h"
#include "host-net.h"
#include "net-names.h"
#include "path.h"

#define PASTA_DNS "169.254.1.1"		/* link-local: no host's, whatever the host's network is */
#define PASTA_HOST "169.254.1.2"	/* the two addresses that podman uses */
#define PASTA_MAX_BYTES (8u << 20)	/* the program's own size, when it is looked at */
#define SLIRP_CIDR "10.0.2.0/24"
#define SLIRP_FORWARDS_MAX 1024
#define API_SOCKET "net.sock"		/* in the run directory, where the helper is started */

void ctr_net_plan_done(struct ctr_net_plan *p)
{
	free(p->path);
	strv_done(&p->args);
	free(p->api);
	strv_done(&p->forwards);
	free(p->warning);
	*p = (struct ctr_net_plan)CTR_NET_PLAN_INIT;
}

static int no_memory(struct err *e)
{
	return err_sys(e, -ENOMEM, "plan the network");
}

/*
 * Does this pasta know an option?  Its text stands in the program as soon as the option exists;
 * reading it costs a tenth of starting `pasta --help`.
 */
static bool program_knows(const char *path, const char *option)
{
	auto_free char *image = NULL;
	size_t len;

	return file_read_path(path, PASTA_MAX_BYTES, &image, &len) == 0 &&
	       memmem(image, len, option, strlen(option)) != NULL;
}

/* Was one of the two spellings given by the user?  Values may follow "=" or a short letter. */
static bool opt_given(const struct strv *opts, const char *brief, const char *full)
{
	for (size_t i = 0; i < opts->n; i++) {
		const char *o = opts->items[i], *rest = full ? str_after(o, full) : NULL;

		if (rest && (*rest == '\0' || *rest == '='))
			return true;
		if (brief && str_starts(o, brief) && o[1] != '-')
			return true;
	}
	return false;
}

/* "-t none", or one forward for each published port. */
static int pasta_ports(struct strv *a, const struct ctr_network *n, bool udp)
{
	const char *opt = udp ? "-u" : "-t";
	bool any = opt_given(&n->opts, opt, udp ? "--udp-ports" : "--tcp-ports");

	for (size_t i = 0; i < n->n_ports; i++) {
		const struct ctr_net_port *p = &n->ports[i];
		unsigned int more = p->count - 1u;

		if (p->udp != udp)
			continue;
		any = true;
		if (strv_add(a, opt) < 0 ||
		    strv_addf(a, "%s%s%u-%u:%u-%u", p->host_ip, *p->host_ip ? "/" : "",
			      p->host_port, p->host_port + more, p->ctr_port,
			      p->ctr_port + more) < 0)
			return -ENOMEM;
	}
	if (any)
		return 0;
	return strv_add(a, opt) < 0 ? -ENOMEM : strv_add(a, "none");
}

static int add_all(struct strv *a, const char *const *items, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strv_add(a, items[i]) < 0)
			return -ENOMEM;
	return 0;
}
#define ADD(a, ...) add_all(a, (const char *const[]){ __VA_ARGS__ }, \
			    sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))

/* The user's options as given; "--map-gw" is podman's word for leaving out our --no-map-gw. */
static int pasta_user_opts(struct strv *a, const struct strv *opts)
{
	for (size_t i = 0; i < opts->n; i++)
		if (!streq(opts->items[i], "--map-gw") && strv_add(a, opts->items[i]) < 0)
			return -ENOMEM;
	return 0;
}

/*
 * As an ordinary user pasta joins the container's user namespace.  As root there is none; it then
 * has dropped what it needs to open another process's namespace, so it gets that by descriptor,
 * and must not become "nobody", who could not enter it.
 */
static int pasta_namespaces(struct strv *a, bool root)
{
	if (root)
		return ADD(a, "--runas", "0:0", "--netns", "@NETNS@");
	return ADD(a, "--userns", "/proc/@PID@/ns/user", "--netns", "/proc/@PID@/ns/net");
}

static int pasta_args(const struct ctr_network *n, bool root, bool maps_guest, bool forward,
		      struct ctr_net_plan *p)
{
	struct strv *a = &p->args;
	int r = ADD(a, "pasta", "--foreground", "--quiet", "--pid", "@PIDFILE@", "--no-netns-quit");

	if (r == 0)
		r = pasta_user_opts(a, &n->opts);
	if (r == 0 && !opt_given(&n->opts, NULL, "--config-net"))
		r = strv_add(a, "--config-net");
	if (r == 0 && !opt_given(&n->opts, NULL, "--map-gw") &&
	    !opt_given(&n->opts, NULL, "--no-map-gw"))
		r = strv_add(a, "--no-map-gw");
	if (r == 0 && forward && !opt_given(&n->opts, NULL, "--dns-forward")) {
		r = ADD(a, "--dns-forward", PASTA_DNS);
		memcpy(p->dns_forward, PASTA_DNS, sizeof(PASTA_DNS));
	}
	if (r == 0 && maps_guest && !opt_given(&n->opts, NULL, "--map-guest-addr")) {
		r = ADD(a, "--map-guest-addr", PASTA_HOST);
		memcpy(p->host_address, PASTA_HOST, sizeof(PASTA_HOST));
	}
	if (r == 0)
		r = pasta_ports(a, n, false);
	if (r == 0)
		r = pasta_ports(a, n, true);
	if (r == 0 && !opt_given(&n->opts, "-T", "--tcp-ns"))
		r = ADD(a, "-T", "none");
	if (r == 0 && !opt_given(&n->opts, "-U", "--udp-ns"))
		r = ADD(a, "-U", "none");
	return r == 0 ? pasta_namespaces(a, root) : r;
}

/* The first published UDP port; unless @all, only one with another number inside.  Or NULL. */
static const struct ctr_net_port *udp_port(const struct ctr_network *n, bool all)
{
	for (size_t i = 0; i < n->n_ports; i++)
		if (n->ports[i].udp && (all || n->ports[i].host_port != n->ports[i].ctr_port))
			return &n->ports[i];
	return NULL;
}

/*
 * Both helpers lose the answers to UDP clients on this very host in some cases (measured with
 * passt 2023-03 and slirp4netns 1.2); clients elsewhere are served.
 */
static int warn_udp(const struct ctr_net_port *p, const char *why, const char *cure,
		    struct ctr_net_plan *plan, struct err *e)
{
	if (!p)
		return 0;
	plan->warning = str_printf("published port %u/udp: programs on this host get no answer on "
				   "127.0.0.1, because %s; %s (other hosts are not affected)",
				   p->host_port, why, cure);
	return plan->warning ? 0 : no_memory(e);
}

static int plan_pasta(const struct ctr_network *n, const char *path, bool maps_guest,
		      const char *ifname, struct ctr_net_plan *p, struct err *e)
{
	auto_free char *resolv = NULL;
	bool forward;
	int r = net_resolv_read_host(false, &resolv, e);

	if (r < 0)
		return r;
	net_host_address(ifname, p->address); /* pasta copies the host's */
	/* Only where it is needed: a server that pasta forwards for cannot be asked directly, and
	 * older versions forward no TCP. */
	forward = net_resolv_needs_forward(resolv, p->address);
	p->mode = CTR_NET_PASTA;
	p->ready = "pidfile";
	p->path = strdup(path);
	if (!p->path || pasta_args(n, geteuid() == 0, maps_guest, forward, p) < 0)
		return no_memory(e);
	if (maps_guest)
		return 0;
	return warn_udp(udp_port(n, false), "this version of pasta is older than 2024",
			"use the same port number inside and outside, or a newer passt", p, e);
}

static const char *slirp_opt(const struct ctr_network *n, const char *key)
{
	const char *v = NULL;

	for (size_t i = 0; i < n->opts.n; i++) {
		const char *found = str_after(n->opts.items[i], key);

		if (found)
			v = found;
	}
	return v;
}

/* The @host-th address of the IPv4 network @cidr (checked when it was parsed). */
static int cidr_address(const char *cidr, uint32_t host, char buf[INET6_ADDRSTRLEN])
{
	char net[INET_ADDRSTRLEN];
	const char *slash = strchr(cidr, '/');
	uint32_t bits = 24;
	struct in_addr a;

	if (!slash || (size_t)(slash - cidr) >= sizeof(net) || str_u32(slash + 1, 30, &bits) < 0)
		return -EINVAL;
	memcpy(net, cidr, (size_t)(slash - cidr));
	net[slash - cidr] = '\0';
	if (inet_pton(AF_INET, net, &a) != 1)
		return -EINVAL;
	a.s_addr = htonl((ntohl(a.s_addr) & ~(UINT32_MAX >> bits)) + host);
	return inet_ntop(AF_INET, &a, buf, INET6_ADDRSTRLEN) ? 0 : -errno;
}

static int slirp_forwards(const struct ctr_network *n, struct ctr_net_plan *p, struct err *e)
{
	for (size_t i = 0; i < n->n_ports; i++) {
		const struct ctr_net_port *port = &n->ports[i];

		if (strchr(port->host_ip, ':'))
			return err_set(e, ERR_UNSUPPORTED, "publish on [%s]: slirp4netns has no "
				       "IPv6 addresses on the host; use pasta", port->host_ip);
		for (unsigned int k = 0; k < port->count; k++) {
			if (p->forwards.n >= SLIRP_FORWARDS_MAX)
				return err_set(e, ERR_LIMIT, "slirp4netns: more than %d published "
					       "ports; use pasta", SLIRP_FORWARDS_MAX);
			if (strv_addf(&p->forwards,
				      "{\"execute\":\"add_hostfwd\",\"arguments\":{\"proto\":\"%s\","
				      "\"host_addr\":\"%s\",\"host_port\":%u,\"guest_addr\":\"%s\","
				      "\"guest_port\":%u}}", port->udp ? "udp" : "tcp",
				      *port->host_ip ? port->host_ip : "0.0.0.0",
				      port->host_port + k, p->address, port->ctr_port + k) < 0)
				return no_memory(e);
		}
	}
	return 0;
}

static int slirp_args(const struct ctr_network *n, bool loopback, struct strv *a)
{
	static const struct {
		const char *key, *arg;
	} passed[] = {
		{ "cidr=", "--cidr=" },
		{ "outbound_addr=", "--outbound-addr=" },
		{ "outbound_addr6=", "--outbound-addr6=" },
	};
	const char *mtu = slirp_opt(n, "mtu="), *v6 = slirp_opt(n, "enable_ipv6=");
	int r = ADD(a, "slirp4netns", "--configure", "--enable-sandbox", "--enable-seccomp",
		    "--ready-fd=@READYFD@", "--api-socket=" API_SOCKET);

	if (r == 0)
		r = strv_addf(a, "--mtu=%s", mtu ? mtu : "65520");
	if (r == 0 && !loopback)
		r = strv_add(a, "--disable-host-loopback");
	if (r == 0 && v6 && streq(v6, "true"))
		r = strv_add(a, "--enable-ipv6");
	for (size_t i = 0; r == 0 && i < sizeof(passed) / sizeof(passed[0]); i++) {
		const char *v = slirp_opt(n, passed[i].key);

		if (v)
			r = strv_addf(a, "%s%s", passed[i].arg, v);
	}
	return r == 0 ? ADD(a, "@PID@", "tap0") : r;
}

static int plan_slirp(const struct ctr_network *n, const char *path, const char *ifname,
		      struct ctr_net_plan *p, struct err *e)
{
	const char *cidr = slirp_opt(n, "cidr="), *lo = slirp_opt(n, "allow_host_loopback=");
	bool loopback = lo && streq(lo, "true");

	p->mode = CTR_NET_SLIRP;
	p->ready = "fd";
	p->path = strdup(path);
	p->api = strdup(API_SOCKET);
	if (!p->path || !p->api || slirp_args(n, loopback, &p->args) < 0)
		return no_memory(e);
	cidr = cidr ? cidr : SLIRP_CIDR;
	if (cidr_address(cidr, 100, p->address) < 0 || cidr_address(cidr, 3, p->dns_forward) < 0)
		return err_set(e, ERR_INVALID, "network slirp4netns: bad cidr=%s", cidr);
	/* Its gateway is the host's loopback where that is allowed; else the host by its address. */
	if (loopback)
		(void)cidr_address(cidr, 2, p->host_address); /* it parsed above */
	else
		net_host_address(ifname, p->host_address);
	if (!loopback && warn_udp(udp_port(n, true), "slirp4netns keeps the container from the "
				  "host's loopback", "use --network slirp4netns:"
				  "allow_host_loopback=true to permit it", p, e) < 0)
		return -ENOMEM;
	return slirp_forwards(n, p, e);
}

static int nothing_there(enum ctr_net_mode mode, struct err *e)
{
	if (mode == CTR_NET_PASTA)
		return err_set(e, ERR_UNSUPPORTED, "network pasta: the program pasta is not "
			       "installed (Debian, Ubuntu, Fedora: package passt)");
	if (mode == CTR_NET_SLIRP)
		return err_set(e, ERR_UNSUPPORTED, "network slirp4netns: the program is not "
			       "installed (package slirp4netns)");
	return err_set(e, ERR_UNSUPPORTED, "no program for the container's network: install pasta "
		       "(package passt) or slirp4netns, or use --network host or none");
}

/* pasta copies an interface with a default route; a host that is offline may have none. */
static int no_route(struct err *e)
{
	return err_set(e, ERR_UNSUPPORTED, "network pasta: this host has no default route to copy; "
		       "install slirp4netns, or use --network host or none");
}

/* Newer pasta closes the descriptor that root would pass it the namespace by. */
static int pasta_not_as_root(struct err *e)
{
	return err_set(e, ERR_UNSUPPORTED, "network pasta: this version cannot enter a network "
		       "namespace of root; install slirp4netns, or use --network host or none");
}

static int plan_helper(const struct ctr_network *n, struct ctr_net_plan *p, struct err *e)
{
	bool want_pasta = n->mode != CTR_NET_SLIRP, want_slirp = n->mode != CTR_NET_PASTA;
	auto_free char *pasta = want_pasta ? path_find_helper("pasta") : NULL;
	auto_free char *slirp = NULL;
	char ifname[IF_NAMESIZE];
	bool route = net_host_has_route(ifname), newer = pasta && program_knows(pasta,
									       "map-guest-addr");
	bool bars_root = newer && geteuid() == 0;

	if (pasta && route && !bars_root)
		return plan_pasta(n, pasta, newer, ifname, p, e);
	slirp = want_slirp ? path_find_helper("slirp4netns") : NULL;
	if (slirp)
		return plan_slirp(n, slirp, ifname, p, e);
	if (pasta)
		return route ? pasta_not_as_root(e) : no_route(e);
	return nothing_there(n->mode, e);
}

static void plan_host(struct ctr_net_plan *p)
{
	char ifname[IF_NAMESIZE];

	(void)net_host_has_route(ifname); /* without one there is no address either */
	net_host_address(ifname, p->host_address);
	if (!*p->host_address)
		memcpy(p->host_address, "127.0.0.1", sizeof("127.0.0.1"));
}

int ctr_network_plan(struct ctr_network *n, struct ctr_net_plan *ret, struct err *e)
{
	struct ctr_net_plan p = CTR_NET_PLAN_INIT;
	bool others = n->mode == CTR_NET_CONTAINER || n->mode == CTR_NET_PATH;
	int r = 0;

	p.mode = n->mode;
	p.new_netns = n->mode != CTR_NET_HOST && !others;
	if (n->mode == CTR_NET_NONE || others) {
		memcpy(p.address, "127.0.0.1", sizeof("127.0.0.1"));
	} else if (n->mode == CTR_NET_HOST) {
		plan_host(&p);
	} else {
		r = net_host_claim_ports(n, e);
		if (r == 0)
			r = plan_helper(n, &p, e);
	}
	if (r < 0) {
		ctr_net_plan_done(&p);
		return r;
	}
	*ret = p;
	return 0;
}
