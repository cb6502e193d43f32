/* The published ports of a container as `ps` and `port` show them. */
#ifndef CLI_PORTS_H
#define CLI_PORTS_H

#include <ctrlite/container.h>
#include <ctrlite/network.h>

struct ports {
	struct ctr_net_port *items;
	size_t n;
};
#define PORTS_INIT { 0 }
void ports_done(struct ports *p);
#define auto_ports __attribute__((cleanup(ports_done)))

/* By protocol and number, neighbours of one address joined to ranges.  What a newer version has written is
 * left out.  0 or -ENOMEM. */
int ports_of(const struct ctr_request *r, struct ports *ret);

/* "81-83/tcp": what is exposed and not among @published, joined as well; "" where there is none.
 * Fresh, or NULL. */
char *ports_exposed(const struct ctr_request *r, const struct ports *published);

#endif
