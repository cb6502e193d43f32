/*
 * --network, --add-host and the host's resolv.conf and hosts.  The first byte says which; texts that
 * are made hold no line that was not meant, and no byte that a terminal acts on.
 */
#include <string.h>

#include "ctrlite/network.h"
#include "fuzz.h"
#include "net-names.h"

static int fuzz_value(const char *s)
{
	struct ctr_network n = CTR_NETWORK_INIT, m = CTR_NETWORK_INIT;
	struct err e = ERR_INIT;
	int r = ctr_network_parse(&n, s, &e);

	if (r < 0) {
		FUZZ_CHECK(e.kind != ERR_NONE && e.text[0]);
	} else {
		char *again = ctr_network_value(&n);

		FUZZ_CHECK(again && ctr_network_parse(&m, again, &e) == 0 && m.mode == n.mode);
		free(again);
	}
	ctr_network_done(&n);
	ctr_network_done(&m);
	return r == 0;
}

static void check_text(const char *text, bool tabs)
{
	for (; *text; text++)
		FUZZ_CHECK(((unsigned char)*text >= 0x20 && *text != 0x7f) || *text == '\n' ||
			   (tabs && *text == '\t'));
}

static int fuzz_entry(const char *s)
{
	struct ctr_net_names names = { 0 };
	struct err e = ERR_INIT;
	int r = net_host_entry_check(s, &e);

	if (r == 0) {
		char *text;
		size_t lines = 0;

		FUZZ_CHECK(strv_add(&names.add_host, s) == 0);
		text = net_hosts_text("", &names, "192.0.2.1", "", "box", NULL, &e);
		FUZZ_CHECK(text);
		for (const char *p = text; *p; p++)
			lines += *p == '\n';
		FUZZ_CHECK(lines >= 3 && lines <= 4);	/* entry, two localhost, names of the host */
		free(text);
	}
	ctr_net_names_done(&names);
	return r == 0;
}

int fuzz_one(const uint8_t *data, size_t len)
{
	struct ctr_net_names names = { 0 };
	struct err e = ERR_INIT;
	char *s, *text;
	int r = 1;

	if (len == 0)
		return 0;
	while (len > 1 && data[0] < 'r' && data[len - 1] == '\n')
		len--;
	s = fuzz_string(data + 1, len - 1);
	if (!s)
		return 0;
	if (data[0] == 'n') {
		r = fuzz_value(s);
	} else if (data[0] == 'a') {
		r = fuzz_entry(s);
	} else if (data[0] == 'h') {
		text = net_hosts_text(s, &names, "", "192.0.2.1", "box", NULL, &e);
		if (text)
			check_text(text, true);
		free(text);
	} else {
		text = net_resolv_text(s, &names, "169.254.1.1", data[0] == 'R', &e);
		if (text)
			check_text(text, false);
		free(text);
	}
	free(s);
	return r;
}
