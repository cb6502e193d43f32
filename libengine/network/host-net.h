/* What of the host's own network matters to a container's. */
#ifndef NETWORK_HOST_NET_H
#define NETWORK_HOST_NET_H

#include <netinet/in.h>
#include <stdbool.h>

#include "ctrlite/network.h"

/* Is there a default route, without which pasta finds no interface to copy?  *@ret_if (IF_NAMESIZE
 * bytes) is that of the IPv4 one, "" without. */
bool net_host_has_route(char *ret_if);
/* Parsing for the above: the texts of /proc/net/route and /proc/net/ipv6_route. */
bool net_route4_default(const char *text, char *ret_if);
bool net_route6_default(const char *text);
/* The first IPv4 address of @ifname into @buf, or "". */
void net_host_address(const char *ifname, char buf[INET6_ADDRSTRLEN]);

/*
 * Check that every host port of @n can be bound, and pick free ones where none was asked for.
 * ERR_BUSY: taken; ERR_DENIED: privileged, the text names the sysctl; ERR_INVALID: the address is
 * not this host's.
 */
int net_host_claim_ports(struct ctr_network *n, struct err *e);

#endif
