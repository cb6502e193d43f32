/*
 * Networks of one container: what --network and -p mean, which helper program serves them and with
 * which arguments, and the files in /etc that go with it.
 *
 * Order of use:
 *	ctr_network_init, ctr_network_parse (each --network), ctr_network_add_port (each -p),
 *	ctr_network_check		when all options are known; nothing outside is touched
 *	ctr_network_plan		at start: picks helper and free ports, gives the monitor's keys
 *	ctr_network_write_files		resolv.conf, hosts, hostname into the container's directory
 */
#ifndef CTRLITE_NETWORK_H
#define CTRLITE_NETWORK_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "str.h"

#define CTR_NET_PORTS_MAX 1024		/* port mappings of one container, a range counts as one */
#define CTR_NET_OPTS_MAX 64		/* helper options behind pasta: or slirp4netns: */
#define CTR_NET_FILE_MAX_BYTES (1u << 20)	/* the host's resolv.conf and hosts, and what we write */

enum ctr_net_mode {
	CTR_NET_PRIVATE,	/* a namespace of its own; pasta, else slirp4netns: the default */
	CTR_NET_NONE,		/* a namespace with loopback only */
	CTR_NET_HOST,		/* the caller's namespace */
	CTR_NET_PASTA,		/* pasta, or an error without it */
	CTR_NET_SLIRP,		/* slirp4netns, or an error without it */
	CTR_NET_CONTAINER,	/* that of another container */
	CTR_NET_PATH,		/* "ns:PATH": one that a path names */
	CTR_NET_MODE_COUNT_,
};

/*
 * One published port or range.  An empty host address means all IPv4 and all IPv6 addresses of the
 * host, shown as 0.0.0.0 (what podman and docker do); it is asked for explicitly when the helper
 * is started.
 */
struct ctr_net_port {
	char host_ip[INET6_ADDRSTRLEN];	/* canonical, no brackets; "": all */
	uint16_t host_port;		/* first; 0: ctr_network_plan() picks a free one */
	uint16_t ctr_port;		/* first */
	uint16_t count;			/* length of the range, at least 1 */
	bool udp;
};

struct ctr_network {
	enum ctr_net_mode mode;
	bool mode_set;			/* a --network was given */
	struct strv opts;		/* helper options as given */
	char *target;			/* of CTR_NET_CONTAINER, CTR_NET_PATH; owned */
	struct ctr_net_port *ports;	/* owned */
	size_t n_ports;
};
#define CTR_NETWORK_INIT { .mode = CTR_NET_PRIVATE }
void ctr_network_done(struct ctr_network *n);

/* "private", "none", "host", "pasta", "slirp4netns", "container", "ns": for container.json and
 * inspect; static. */
const char *ctr_net_mode_str(enum ctr_net_mode mode);
/* The --network value that parses to the same mode and options; fresh, or NULL. */
char *ctr_network_value(const struct ctr_network *n);

/* One value of --network.  A second one, and kinds that do not exist yet (bridge, NAME),
 * are refused by name: ERR_INVALID or ERR_UNSUPPORTED. */
int ctr_network_parse(struct ctr_network *n, const char *value, struct err *e);

/* One value of -p, without commas: [[ip]:[hostPort]]:ctrPort[-end][/tcp|udp], IPv6 in brackets.
 * An exact repetition is dropped; overlapping host ports are ERR_INVALID. */
int ctr_network_add_port(struct ctr_network *n, const char *spec, struct err *e);
int ctr_net_port_parse(const char *spec, struct ctr_net_port *ret, struct err *e);
/* The spec that parses to the same port, for container.json; fresh, or NULL. */
char *ctr_net_port_spec(const struct ctr_net_port *p);
/* "0.0.0.0:8080->80/tcp" or "0.0.0.0:8080-8082->80-82/tcp", as `ps` has it; fresh, or NULL. */
char *ctr_net_port_ps(const struct ctr_net_port *p);
/* "0.0.0.0:8080" of the @i-th port of the range, as `port` and inspect have it; fresh, or NULL. */
char *ctr_net_port_host(const struct ctr_net_port *p, unsigned int i);

/* Options about names, shared by run and create. */
struct ctr_net_names {
	struct strv dns;	/* addresses, or the one word "none": leave the image's resolv.conf */
	struct strv dns_search;	/* "." alone: no search domains */
	struct strv dns_option;
	struct strv add_host;	/* name[;name2]:ip, ip may be host-gateway */
	bool no_hosts;		/* leave the image's hosts alone */
	bool no_hostname;	/* leave the image's hostname alone */
	char *hosts_base;	/* text that hosts begins with; NULL: the host's */
};
void ctr_net_names_done(struct ctr_net_names *n);

/*
 * What can be known without starting: conflicting options and bad values.  Published ports of a
 * network without any (none, host, another's) are not an error: they are dropped and *@ret_dropped says so,
 * for the warning that podman prints; @ret_dropped may be NULL.
 */
int ctr_network_check(struct ctr_network *n, const struct ctr_net_names *names, bool *ret_dropped,
		      struct err *e);

/* What the monitor is told (monitor-proto.h).  Strings are owned; NULL where there is no helper. */
struct ctr_net_plan {
	enum ctr_net_mode mode;	/* never CTR_NET_PRIVATE: the helper in use */
	bool new_netns;		/* MON_PREPARE netns=new, else host or what join= says */
	char *path;		/* net-path */
	struct strv args;	/* net-arg, argv[0] included */
	const char *ready;	/* net-ready */
	char *api;		/* net-api, or NULL */
	struct strv forwards;	/* net-fwd */
	char *warning;		/* what will not work as asked, for the user; or NULL */
	/* for the files */
	char address[INET6_ADDRSTRLEN];		/* the container's first address; "" unknown */
	char dns_forward[INET6_ADDRSTRLEN];	/* the helper answers DNS there; "" it does not */
	char host_address[INET6_ADDRSTRLEN];	/* where the container reaches the host; "" nowhere */
};
#define CTR_NET_PLAN_INIT { .mode = CTR_NET_NONE }
void ctr_net_plan_done(struct ctr_net_plan *p);

/*
 * Choose the helper and its arguments; pick and check host ports (random ones are written back to
 * @n).  Errors name the missing package (ERR_UNSUPPORTED), the port that is taken (ERR_BUSY), or
 * the sysctl that permits a low port (ERR_DENIED).  Without a helper it touches nothing.
 */
int ctr_network_plan(struct ctr_network *n, struct ctr_net_plan *ret, struct err *e);

enum ctr_net_file {	/* bits */
	CTR_NET_FILE_RESOLV = 1,
	CTR_NET_FILE_HOSTS = 2,
	CTR_NET_FILE_HOSTNAME = 4,
};

/*
 * Write "resolv.conf", "hosts" and "hostname" (0644) into the directory @dir_fd.  Which of them
 * exist afterwards (FD_NONE as directory: would exist) is returned as bits of enum ctr_net_file: no resolv.conf with network none or
 * --dns none, no hosts with --no-hosts.  @hostname is what the container will have; @name its
 * name, or NULL.
 */
int ctr_network_write_files(int dir_fd, const struct ctr_net_plan *p,
			    const struct ctr_net_names *names, const char *hostname,
			    const char *name, struct err *e);

/* The same where the network is another container's: copies of its files, which are in @from_fd.  A
 * file that is not there is left out. */
int ctr_network_copy_files(int dir_fd, int from_fd, const char *hostname, struct err *e);

/* A value for --hostname: 1..64 bytes, no control bytes, blanks, '/' or '='; ERR_INVALID. */
int ctr_hostname_check(const char *hostname, struct err *e);

#endif
