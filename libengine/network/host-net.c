/* The host's default route and address, and whether its ports are free. */
#include "host-net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "fd.h"
#include "file.h"

#define ROUTES_MAX_BYTES (4u << 20)
#define UNPRIVILEGED_PORT "/proc/sys/net/ipv4/ip_unprivileged_port_start"
#define RANDOM_TRIES 64		/* for a range of free ports */

bool net_route4_default(const char *text, char *ret_if)
{
	const char *line = strchr(text, '\n'); /* the first line is a heading */

	for (; line && line[1]; line = strchr(line + 1, '\n')) {
		char name[IF_NAMESIZE];
		unsigned int dest, gateway, flags, mask;

		if (sscanf(line + 1, "%15s %x %x %x %*s %*s %*s %x", name, &dest, &gateway, &flags,
			   &mask) != 5)
			continue;
		/* RTF_UP, and not RTF_REJECT */
		if (dest == 0 && mask == 0 && (flags & 1) && !(flags & 0x200)) {
			memcpy(ret_if, name, sizeof(name));
			return true;
		}
	}
	return false;
}

bool net_route6_default(const char *text)
{
	const char *line = text;

	while (line && *line) {
		char dest[33], prefix[3], name[IF_NAMESIZE];
		unsigned int flags;

		if (sscanf(line, "%32s %2s %*s %*s %*s %*s %*s %*s %x %15s", dest, prefix, &flags,
			   name) == 4 &&
		    strspn(dest, "0") == 32 && streq(prefix, "00") && (flags & 1) &&
		    !(flags & 0x200) && !streq(name, "lo"))
			return true;
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	return false;
}

bool net_host_has_route(char *ret_if)
{
	auto_free char *v4 = NULL;
	auto_free char *v6 = NULL;
	size_t len;

	*ret_if = '\0';
	if (file_read_path("/proc/net/route", ROUTES_MAX_BYTES, &v4, &len) == 0 &&
	    net_route4_default(v4, ret_if))
		return true;
	return file_read_path("/proc/net/ipv6_route", ROUTES_MAX_BYTES, &v6, &len) == 0 &&
	       net_route6_default(v6);
}

void net_host_address(const char *ifname, char buf[INET6_ADDRSTRLEN])
{
	auto_close int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq req = { 0 };
	struct sockaddr_in addr;

	buf[0] = '\0';
	if (sock < 0 || !*ifname || strlen(ifname) >= sizeof(req.ifr_name))
		return;
	memcpy(req.ifr_name, ifname, strlen(ifname));
	if (ioctl(sock, SIOCGIFADDR, &req) < 0)
		return;
	memcpy(&addr, &req.ifr_addr, sizeof(addr));
	if (!inet_ntop(AF_INET, &addr.sin_addr, buf, INET6_ADDRSTRLEN))
		buf[0] = '\0';
}

union address {
	struct sockaddr sa;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* Bind @family's socket to @ip ("" any) and *@port; 0 picks one and says which.  fd or -errno. */
static int bind_port(int family, const char *ip, bool udp, uint16_t *port)
{
	auto_close int fd = socket(family, (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
	union address a = { 0 };
	socklen_t len = family == AF_INET ? sizeof(a.v4) : sizeof(a.v6);
	int one = 1;

	if (fd < 0)
		return -errno;
	a.sa.sa_family = (sa_family_t)family;
	if (family == AF_INET) {
		a.v4.sin_port = htons(*port);
		if (*ip && inet_pton(AF_INET, ip, &a.v4.sin_addr) != 1)
			return -EINVAL;
	} else {
		a.v6.sin6_port = htons(*port);
		if (*ip && inet_pton(AF_INET6, ip, &a.v6.sin6_addr) != 1)
			return -EINVAL;
		if (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) < 0)
			return -errno;
	}
	/* As the helpers do: a connection of before in TIME_WAIT is no reason to refuse. */
	if (!udp && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0)
		return -errno;
	if (bind(fd, &a.sa, len) < 0)
		return -errno;
	/* With SO_REUSEADDR only listening shows that nobody else listens. */
	if (!udp && listen(fd, 1) < 0)
		return -errno;
	if (getsockname(fd, &a.sa, &len) < 0)
		return -errno;
	*port = ntohs(family == AF_INET ? a.v4.sin_port : a.v6.sin6_port);
	return take_fd(&fd);
}

static bool no_family(int r)
{
	return r == -EAFNOSUPPORT || r == -EADDRNOTAVAIL;
}

struct held {
	int *fds;	/* sockets that keep picked ports from being picked twice */
	size_t n;
};

static void held_done(struct held *h)
{
	for (size_t i = 0; i < h->n; i++)
		(void)fd_close(h->fds[i]);
	free(h->fds);
}
#define auto_held __attribute__((cleanup(held_done)))

static int held_add(struct held *h, int fd)
{
	int *grown = reallocarray(h->fds, h->n + 1, sizeof(*grown));

	if (!grown) {
		(void)fd_close(fd);
		return -ENOMEM;
	}
	h->fds = grown;
	h->fds[h->n++] = fd;
	return 0;
}

/* Bind the one port (0: any) on every address of @p; the sockets go to @h, or are closed. */
static int try_port(const struct ctr_net_port *p, uint16_t *port, struct held *h)
{
	auto_close int v4 = FD_NONE;
	auto_close int v6 = FD_NONE;
	bool any = !*p->host_ip, is6 = strchr(p->host_ip, ':') != NULL;
	int r = 0;

	if (any || !is6) {
		v4 = bind_port(AF_INET, p->host_ip, p->udp, port);
		if (v4 < 0)
			return v4;
	}
	if (any || is6) {
		v6 = bind_port(AF_INET6, p->host_ip, p->udp, port);
		/* A host without IPv6 publishes on IPv4 only. */
		if (v6 < 0 && !(any && no_family(v6)))
			return v6;
	}
	if (h && v4 >= 0)
		r = held_add(h, take_fd(&v4));
	if (h && v6 >= 0 && r == 0)
		r = held_add(h, take_fd(&v6));
	return r;
}

static int explain(int r, const struct ctr_net_port *p, uint16_t port, struct err *e)
{
	const char *ip = *p->host_ip ? p->host_ip : "0.0.0.0", *proto = p->udp ? "udp" : "tcp";
	auto_free char *first = NULL;
	size_t len = 0;

	if (r == -EADDRINUSE)
		return err_set(e, ERR_BUSY, "publish port %u/%s: another program already uses it on "
			       "%s; choose another host port (`ss -lnp` shows who has it)", port,
			       proto, ip);
	if (r == -EADDRNOTAVAIL)
		return err_set(e, ERR_INVALID, "publish port %u/%s: %s is not an address of this "
			       "host", port, proto, ip);
	if (r != -EACCES)
		return err_sys(e, r, "publish port %u/%s on %s", port, proto, ip);
	if (file_read_path(UNPRIVILEGED_PORT, 64, &first, &len) < 0)
		len = 0;
	return err_set(e, ERR_DENIED, "publish port %u/%s: host ports below %.*s need root; choose "
		       "a higher one, or permit it: sudo sysctl -w "
		       "net.ipv4.ip_unprivileged_port_start=%u", port, proto,
		       (int)strcspn(len ? first : "1024", "\n"), len ? first : "1024", port);
}

static int check_fixed(const struct ctr_net_port *p, struct err *e)
{
	for (unsigned int i = 0; i < p->count; i++) {
		uint16_t port = (uint16_t)(p->host_port + i);
		int r = try_port(p, &port, NULL);

		if (r < 0)
			return explain(r, p, port, e);
	}
	return 0;
}

/* Find @p->count free ports in a row, starting where the kernel finds one. */
static int pick_random(struct ctr_net_port *p, struct held *h, struct err *e)
{
	int r = -EADDRINUSE;

	for (int i = 0; i < RANDOM_TRIES && r == -EADDRINUSE; i++) {
		uint16_t first = 0;
		size_t mark = h->n;

		r = try_port(p, &first, h);
		for (unsigned int k = 1; r == 0 && k < p->count; k++) {
			uint16_t port = (uint16_t)(first + k);

			r = first + k > UINT16_MAX ? -EADDRINUSE : try_port(p, &port, h);
		}
		if (r == 0)
			p->host_port = first;
		while (r < 0 && h->n > mark)
			(void)fd_close(h->fds[--h->n]);
	}
	if (r == -EADDRINUSE)
		return err_set(e, ERR_BUSY, "publish: no %u free host ports in a row were found",
			       p->count);
	return r < 0 ? explain(r, p, 0, e) : 0;
}

int net_host_claim_ports(struct ctr_network *n, struct err *e)
{
	auto_held struct held h = { 0 };

	for (size_t i = 0; i < n->n_ports; i++) {
		struct ctr_net_port *p = &n->ports[i];
		int r = p->host_port ? check_fixed(p, e) : 0;

		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < n->n_ports; i++) {
		int r = n->ports[i].host_port ? 0 : pick_random(&n->ports[i], &h, e);

		if (r < 0)
			return r;
	}
	return 0;
}
