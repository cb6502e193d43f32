/* Values in resolv.conf and hosts, and the texts of those files: pure functions. */
#ifndef NETWORK_NET_NAMES_H
#define NETWORK_NET_NAMES_H

#include <stdbool.h>

#include "ctrlite/network.h"

bool net_has_control(const char *s);	/* any byte below blank, or DEL */
bool net_is_address(const char *s);	/* IPv4 or IPv6, an IPv6 scope may follow */
bool net_is_loopback(const char *address);
/* One word for a line of resolv.conf or hosts: 1..255 printable bytes, no blank, '#' or ';'. */
bool net_is_word(const char *s);
/* name[;name2...]:ip or :host-gateway. */
int net_host_entry_check(const char *entry, struct err *e);

/*
 * The container's resolv.conf from the host's text @base.  Loopback name servers of the host are
 * left out unless @keep_loopback (they mean another host inside the container); with @forward
 * (may be "") that address is put first when there is no --dns.  Fresh text, or NULL with @e.
 */
char *net_resolv_text(const char *base, const struct ctr_net_names *names, const char *forward,
		      bool keep_loopback, struct err *e);
/* Does it name a server outside loopback?  And any at all? */
bool net_resolv_usable(const char *text);
bool net_resolv_has_server(const char *text);
/* Does a container with the address @own (may be "") need a helper that forwards, because the
 * first server is out of its reach: on the host's loopback, or @own, which is the host's too? */
bool net_resolv_needs_forward(const char *text, const char *own);

/* The host's resolver file as a container can use it: systemd-resolved's own list where
 * /etc/resolv.conf names only its stub on loopback, unless @host_network.  Fresh *@ret. */
int net_resolv_read_host(bool host_network, char **ret, struct err *e);

/*
 * The container's hosts: --add-host, the lines of @base, localhost (both addresses) where they lack the name, the host's
 * own name (@host_address, may be ""), the container's names (@address, may be "").
 */
char *net_hosts_text(const char *base, const struct ctr_net_names *names, const char *host_address,
		     const char *address, const char *hostname, const char *name, struct err *e);

#endif
