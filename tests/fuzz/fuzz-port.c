/* -p: what is accepted is in range and prints to something that parses to the same. */
#include <string.h>

#include "ctrlite/network.h"
#include "fuzz.h"

int fuzz_one(const uint8_t *data, size_t len)
{
	char *s, *again;
	struct ctr_net_port p = { .count = 0 }, q = { .count = 0 };
	struct err e = ERR_INIT;
	int r;

	while (len > 0 && data[len - 1] == '\n')
		len--;
	s = fuzz_string(data, len);
	if (!s)
		return 0;
	r = ctr_net_port_parse(s, &p, &e);
	free(s);
	if (r < 0) {
		FUZZ_CHECK(e.kind != ERR_NONE && e.text[0] && p.count == 0);
		return 0;
	}
	FUZZ_CHECK(p.count >= 1 && p.ctr_port >= 1 && p.ctr_port + p.count - 1 <= 65535);
	FUZZ_CHECK(p.host_port == 0 || p.host_port + p.count - 1 <= 65535);
	again = ctr_net_port_spec(&p);
	FUZZ_CHECK(again && ctr_net_port_parse(again, &q, &e) == 0);
	FUZZ_CHECK(p.count == q.count && p.ctr_port == q.ctr_port && p.host_port == q.host_port);
	FUZZ_CHECK(p.udp == q.udp && strcmp(p.host_ip, q.host_ip) == 0);
	free(again);
	return 1;
}
