/* Published ports: the syntax of -p, conflicts between them, and how they are shown. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <strings.h>

#include "ctrlite/network.h"
#include "fd.h"

#define SPEC_MAX 128	/* longer is no port specification, whatever it is */

/* "80" or "80-82"; @zero_ok: 0 stands for a free port (as docker has it). */
static int parse_range(const char *s, bool zero_ok, uint16_t *ret_first, uint16_t *ret_count,
		       struct err *e)
{
	char first[8] = "", last[8] = "";
	const char *dash = strchr(s, '-');
	size_t len = dash ? (size_t)(dash - s) : strlen(s);
	uint32_t a = 0, b = 0;

	if (len < sizeof(first))
		memcpy(first, s, len);
	if (dash && strlen(dash + 1) < sizeof(last))
		memcpy(last, dash + 1, strlen(dash + 1));
	if (str_u32(first, 65535, &a) < 0 || (dash && str_u32(last, 65535, &b) < 0))
		return err_set(e, ERR_INVALID, "\"%s\" is not a port number (1 to 65535)", s);
	if (!dash)
		b = a;
	if (a == 0 && b == 0 && zero_ok) {
		*ret_first = 0;
		*ret_count = 0;
		return 0;
	}
	if (a == 0)
		return err_set(e, ERR_INVALID, "port numbers are 1 to 65535, found 0");
	if (b < a)
		return err_set(e, ERR_INVALID, "the port range %s ends before it begins", s);
	*ret_first = (uint16_t)a;
	*ret_count = (uint16_t)(b - a + 1);
	return 0;
}

static int parse_address(const char *s, int family, char *out, struct err *e)
{
	unsigned char bin[sizeof(struct in6_addr)];

	if (inet_pton(family, s, bin) != 1)
		return err_set(e, ERR_INVALID, "\"%s\" is not an IP address", s);
	if (!inet_ntop(family, bin, out, INET6_ADDRSTRLEN))
		return err_sys(e, errno, "format address");
	return 0;
}

static int parse_proto(const char *s, bool *ret_udp, struct err *e)
{
	if (strcasecmp(s, "tcp") == 0)
		*ret_udp = false;
	else if (strcasecmp(s, "udp") == 0)
		*ret_udp = true;
	else if (strcasecmp(s, "sctp") == 0)
		return err_set(e, ERR_UNSUPPORTED, "sctp cannot be published: neither pasta nor "
			       "slirp4netns forwards it");
	else
		return err_set(e, ERR_INVALID, "\"%s\" is not a protocol; tcp and udp are", s);
	return 0;
}

/* Cut @buf into address, host port and container port; absent ones are NULL. */
static int split_spec(char *buf, char **ip, int *family, char **host, char **ctr, struct err *e)
{
	char *rest = buf, *c1, *c2;

	*ip = *host = NULL;
	if (*buf == '[') {
		char *end = strchr(buf, ']');

		if (!end || end[1] != ':')
			return err_set(e, ERR_INVALID, "expected [IPv6 address]:hostPort:ctrPort");
		*end = '\0';
		*ip = buf + 1;
		*family = AF_INET6;
		rest = end + 2;
		if (!strchr(rest, ':'))
			return err_set(e, ERR_INVALID, "the container's port is missing");
	}
	c1 = strchr(rest, ':');
	c2 = c1 ? strchr(c1 + 1, ':') : NULL;
	if (c2 && (*ip || strchr(c2 + 1, ':')))
		return err_set(e, ERR_INVALID, "too many colons; IPv6 addresses are written in [ ]");
	if (c2) {
		*c1 = *c2 = '\0';
		*ip = rest;
		*family = AF_INET;
		*host = c1 + 1;
		*ctr = c2 + 1;
	} else if (c1) {
		*c1 = '\0';
		*host = rest;
		*ctr = c1 + 1;
	} else {
		*ctr = rest;
	}
	return 0;
}

static int parse_spec(char *buf, struct ctr_net_port *p, struct err *e)
{
	char *slash = strrchr(buf, '/'), *ip = NULL, *host = NULL, *ctr = buf;
	uint16_t host_count = 0;
	int family = AF_INET, r;

	if (slash) {
		*slash = '\0';
		r = parse_proto(slash + 1, &p->udp, e);
		if (r < 0)
			return r;
	}
	r = split_spec(buf, &ip, &family, &host, &ctr, e);
	if (r < 0)
		return r;
	if (ip) {
		r = parse_address(ip, family, p->host_ip, e);
		if (r < 0)
			return r;
	}
	if (!*ctr)
		return err_set(e, ERR_INVALID, "the container's port is missing");
	r = parse_range(ctr, false, &p->ctr_port, &p->count, e);
	if (r < 0 || !host || !*host)
		return r;
	r = parse_range(host, true, &p->host_port, &host_count, e);
	if (r < 0)
		return r;
	if (host_count && host_count != p->count)
		return err_set(e, ERR_INVALID, "host and container port ranges have different "
			       "lengths: %u and %u", host_count, p->count);
	return 0;
}

int ctr_net_port_parse(const char *spec, struct ctr_net_port *ret, struct err *e)
{
	struct ctr_net_port p = { .count = 1 };
	char buf[SPEC_MAX];
	size_t len = strlen(spec);
	int r;

	if (len == 0)
		return err_set(e, ERR_INVALID, "publish: the port specification is empty");
	if (len >= sizeof(buf))
		return err_set(e, ERR_LIMIT, "publish: a port specification of %zu bytes", len);
	memcpy(buf, spec, len + 1);
	r = parse_spec(buf, &p, e);
	if (r < 0)
		return err_wrap(e, r, "publish \"%s\"", spec);
	*ret = p;
	return 0;
}

static bool is_any4(const char *ip)
{
	return streq(ip, "0.0.0.0");
}

static bool is_any6(const char *ip)
{
	return streq(ip, "::");
}

/* Could a socket on one of the addresses not be bound while the other is? */
static bool addresses_clash(const char *a, const char *b)
{
	bool a6 = strchr(a, ':') != NULL, b6 = strchr(b, ':') != NULL;

	if (!*a || !*b)
		return true;
	if (a6 != b6)
		return false;
	return streq(a, b) || is_any4(a) || is_any4(b) || is_any6(a) || is_any6(b);
}

static bool ports_clash(const struct ctr_net_port *a, const struct ctr_net_port *b)
{
	if (a->udp != b->udp || a->host_port == 0 || b->host_port == 0)
		return false;
	if (a->host_port + a->count <= b->host_port || b->host_port + b->count <= a->host_port)
		return false;
	return addresses_clash(a->host_ip, b->host_ip);
}

static bool ports_same(const struct ctr_net_port *a, const struct ctr_net_port *b)
{
	return a->udp == b->udp && a->host_port == b->host_port && a->ctr_port == b->ctr_port &&
	       a->count == b->count && streq(a->host_ip, b->host_ip);
}

int ctr_network_add_port(struct ctr_network *n, const char *spec, struct err *e)
{
	struct ctr_net_port p, *grown;
	int r = ctr_net_port_parse(spec, &p, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n->n_ports; i++) {
		if (ports_same(&n->ports[i], &p))
			return 0;
		if (ports_clash(&n->ports[i], &p)) {
			auto_free char *other = ctr_net_port_spec(&n->ports[i]);

			return err_set(e, ERR_INVALID, "conflicting port mappings for the host: "
				       "\"%s\" and \"%s\"", other ? other : "", spec);
		}
	}
	if (n->n_ports >= CTR_NET_PORTS_MAX)
		return err_set(e, ERR_LIMIT, "more than %d published ports", CTR_NET_PORTS_MAX);
	grown = reallocarray(n->ports, n->n_ports + 1, sizeof(*grown));
	if (!grown)
		return err_sys(e, -ENOMEM, "publish \"%s\"", spec);
	n->ports = grown;
	n->ports[n->n_ports++] = p;
	return 0;
}

static void add_range(struct strbuf *b, unsigned int first, unsigned int count)
{
	strbuf_addf(b, "%u", first);
	if (count > 1)
		strbuf_addf(b, "-%u", first + count - 1);
}

static void add_address(struct strbuf *b, const char *ip)
{
	strbuf_addf(b, strchr(ip, ':') ? "[%s]" : "%s", ip);
}

char *ctr_net_port_spec(const struct ctr_net_port *p)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;

	if (*p->host_ip) {
		add_address(&b, p->host_ip);
		strbuf_addc(&b, ':');
	}
	if (p->host_port)
		add_range(&b, p->host_port, p->count);
	if (p->host_port || *p->host_ip)
		strbuf_addc(&b, ':');
	add_range(&b, p->ctr_port, p->count);
	strbuf_add(&b, p->udp ? "/udp" : "/tcp");
	return strbuf_take(&b);
}

char *ctr_net_port_ps(const struct ctr_net_port *p)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;

	add_address(&b, *p->host_ip ? p->host_ip : "0.0.0.0");
	strbuf_addc(&b, ':');
	add_range(&b, p->host_port, p->count);
	strbuf_add(&b, "->");
	add_range(&b, p->ctr_port, p->count);
	strbuf_add(&b, p->udp ? "/udp" : "/tcp");
	return strbuf_take(&b);
}

char *ctr_net_port_host(const struct ctr_net_port *p, unsigned int i)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;

	add_address(&b, *p->host_ip ? p->host_ip : "0.0.0.0");
	strbuf_addf(&b, ":%u", p->host_port + i);
	return strbuf_take(&b);
}
