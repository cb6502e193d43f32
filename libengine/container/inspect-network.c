/* NetworkSettings and what HostConfig says of the network. */
#include "inspect-priv.h"

#include <stdio.h>
#include <stdlib.h>

#include "fd.h"
#include "path.h"

json_t *insp_ports(struct describe *d)
{
	json_t *map = json_object();

	for (size_t i = 0; i < d->net.n_ports; i++) {
		const struct ctr_net_port *p = &d->net.ports[i];

		for (unsigned int k = 0; k < p->count; k++) {
			char key[32], host_port[8];
			json_t *list;

			(void)snprintf(key, sizeof(key), "%u/%s", p->ctr_port + k,
				       p->udp ? "udp" : "tcp");
			(void)snprintf(host_port, sizeof(host_port), "%u",
				       (p->host_port + k) & 0xffff);
			list = json_object_get(map, key);
			if (!list) {
				insp_set(d, map, key, json_array());
				list = json_object_get(map, key);
			}
			if (json_array_append_new(list,
						  json_pack("{s:s, s:s}", "HostIp",
							    p->host_ip[0] ? p->host_ip : "0.0.0.0",
							    "HostPort", host_port)) < 0)
				d->failed = true;
		}
	}
	return insp_sorted(d, map);
}

/* Those of NetworkSettings: what is exposed and not published has null there. */
static json_t *all_ports(struct describe *d)
{
	json_t *map = insp_ports(d);

	for (size_t i = 0; i < d->r->exposed.n; i++)
		if (!json_object_get(map, d->r->exposed.items[i]))
			insp_set(d, map, d->r->exposed.items[i], json_null());
	return insp_sorted(d, map);
}

/* The addresses of one attachment: pasta and slirp4netns give the host's, which are not ours to
 * report. */
static void addresses(struct describe *d, json_t *j)
{
	insp_str(d, j, "EndpointID", "");
	insp_str(d, j, "Gateway", "");
	insp_str(d, j, "IPAddress", "");
	insp_int(d, j, "IPPrefixLen", 0);
	insp_str(d, j, "IPv6Gateway", "");
	insp_str(d, j, "GlobalIPv6Address", "");
	insp_int(d, j, "GlobalIPv6PrefixLen", 0);
	insp_str(d, j, "MacAddress", "");
}

json_t *insp_network_settings(struct describe *d)
{
	json_t *j = json_object(), *nets = json_object(), *net;

	addresses(d, j);
	insp_str(d, j, "Bridge", "");
	insp_str(d, j, "SandboxID", "");
	insp_bool(d, j, "HairpinMode", false);
	insp_str(d, j, "LinkLocalIPv6Address", "");
	insp_int(d, j, "LinkLocalIPv6PrefixLen", 0);
	insp_set(d, j, "Ports", all_ports(d));
	if (d->s->state == CTR_RUNNING)
		insp_text(d, j, "SandboxKey", str_printf("/proc/%d/ns/net", (int)d->s->pid));
	else
		insp_str(d, j, "SandboxKey", "");
	if (d->net.mode != CTR_NET_NONE && d->net.mode != CTR_NET_HOST) {
		auto_free char *name = insp_network_mode(d);

		if (name)
			name[strcspn(name, ":")] = '\0'; /* its options */
		net = json_object();
		addresses(d, net);
		insp_str(d, net, "NetworkID", name);
		insp_set(d, net, "DriverOpts", json_null());
		insp_set(d, net, "IPAMConfig", json_null());
		insp_set(d, net, "Links", json_null());
		insp_set(d, net, "Aliases", json_pack("[s]", d->r->name));
		insp_set(d, net, "DNSNames", json_pack("[s]", d->r->name)); /* docker's */
		insp_set(d, nets, name ? name : "", net);
	}
	insp_set(d, j, "Networks", nets);
	return j;
}

/* The default is what a start takes: pasta where it is installed. */
char *insp_network_mode(const struct describe *d)
{
	auto_free char *pasta = NULL;

	if (d->net.mode != CTR_NET_PRIVATE)
		return ctr_network_value(&d->net);
	pasta = path_find_program("pasta");
	return strdup(ctr_net_mode_str(pasta ? CTR_NET_PASTA : CTR_NET_SLIRP));
}
