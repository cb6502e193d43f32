/* The published ports of a container as `ps` and `port` show them. */
#include "ports.h"

#include <errno.h>
#include <stdlib.h>

#include "fd.h"

void ports_done(struct ports *p)
{
	free(p->items);
	*p = (struct ports)PORTS_INIT;
}

static int compare(int a, int b)
{
	return a < b ? -1 : a > b;
}

/* So that what can be joined stands together. */
static int by_place(const void *a, const void *b)
{
	const struct ctr_net_port *x = a, *y = b;
	int r = strcmp(x->host_ip, y->host_ip);

	r = r ? r : compare(x->udp, y->udp);
	r = r ? r : compare(x->ctr_port, y->ctr_port);
	return r ? r : compare(x->host_port, y->host_port);
}

static int by_port(const void *a, const void *b)
{
	const struct ctr_net_port *x = a, *y = b;
	int r = compare(x->udp, y->udp);

	r = r ? r : compare(x->ctr_port, y->ctr_port);
	return r ? r : by_place(a, b);
}

static bool goes_on(const struct ctr_net_port *a, const struct ctr_net_port *b)
{
	return streq(a->host_ip, b->host_ip) && a->udp == b->udp &&
	       a->ctr_port + a->count == b->ctr_port && a->host_port + a->count == b->host_port;
}

int ports_of(const struct ctr_request *r, struct ports *ret)
{
	size_t last = 0;

	if (!r->publish.n)
		return 0;
	ret->items = calloc(r->publish.n, sizeof(*ret->items));
	if (!ret->items)
		return -ENOMEM;
	for (size_t i = 0; i < r->publish.n; i++)
		if (ctr_net_port_parse(r->publish.items[i], &ret->items[ret->n], NULL) >= 0)
			ret->n++;
	if (!ret->n)
		return 0;
	qsort(ret->items, ret->n, sizeof(*ret->items), by_place);
	for (size_t i = 1; i < ret->n; i++) {
		if (goes_on(&ret->items[last], &ret->items[i]))
			ret->items[last].count =
				(uint16_t)(ret->items[last].count + ret->items[i].count);
		else
			ret->items[++last] = ret->items[i];
	}
	ret->n = last + 1;
	qsort(ret->items, ret->n, sizeof(*ret->items), by_port);
	return 0;
}

struct exposed {
	unsigned int port;
	const char *proto;
};

static int by_proto(const void *a, const void *b)
{
	const struct exposed *x = a, *y = b;
	int r = strcmp(x->proto, y->proto);

	return r ? r : (x->port > y->port) - (x->port < y->port);
}

static bool is_published(const struct ports *p, const struct exposed *e)
{
	for (size_t i = 0; i < p->n; i++)
		if (streq(e->proto, p->items[i].udp ? "udp" : "tcp") &&
		    e->port >= p->items[i].ctr_port &&
		    e->port < (unsigned int)p->items[i].ctr_port + p->items[i].count)
			return true;
	return false;
}

char *ports_exposed(const struct ctr_request *r, const struct ports *published)
{
	auto_free struct exposed *list = calloc(r->exposed.n + 1, sizeof(*list));
	struct strbuf b = STRBUF_INIT;
	size_t n = 0;

	b.failed = !list;
	for (size_t i = 0; list && i < r->exposed.n; i++) {
		const char *slash = strchr(r->exposed.items[i], '/');

		list[n] = (struct exposed){ (unsigned int)strtoul(r->exposed.items[i], NULL, 10),
					    slash ? slash + 1 : "tcp" };
		n += !is_published(published, &list[n]);
	}
	if (n)
		qsort(list, n, sizeof(*list), by_proto);
	for (size_t i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && streq(list[end].proto, list[i].proto) &&
				  list[end].port <= list[end - 1].port + 1;
		     end++)
			;
		strbuf_addf(&b, "%s%u", i ? ", " : "", list[i].port);
		if (list[end - 1].port != list[i].port)
			strbuf_addf(&b, "-%u", list[end - 1].port);
		strbuf_addf(&b, "/%s", list[i].proto);
	}
	return strbuf_take(&b);
}
