/* The values in resolv.conf and hosts: what is accepted, and which address is loopback. */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>

#include "fd.h"
#include "net-names.h"

#define WORD_MAX_BYTES 255
#define HOST_NAMES_MAX 64	/* names in one --add-host */

bool net_has_control(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return true;
	return false;
}

bool net_is_word(const char *s)
{
	size_t len = strlen(s);

	if (len == 0 || len > WORD_MAX_BYTES)
		return false;
	for (; *s; s++)
		if ((unsigned char)*s <= 0x20 || *s == 0x7f || *s == '#' || *s == ';')
			return false;
	return true;
}

bool net_is_address(const char *s)
{
	const char *scope = strchr(s, '%');
	char addr[INET6_ADDRSTRLEN];
	size_t len = scope ? (size_t)(scope - s) : strlen(s);
	struct in6_addr bin;

	if (len >= sizeof(addr))
		return false;
	memcpy(addr, s, len);
	addr[len] = '\0';
	if (!scope)
		return inet_pton(AF_INET, addr, &bin) == 1 || inet_pton(AF_INET6, addr, &bin) == 1;
	return inet_pton(AF_INET6, addr, &bin) == 1 && net_is_word(scope + 1) &&
	       strlen(scope + 1) < IF_NAMESIZE;
}

bool net_is_loopback(const char *address)
{
	struct in_addr in;
	struct in6_addr in6;

	if (inet_pton(AF_INET, address, &in) == 1)
		return (ntohl(in.s_addr) >> 24) == 127;
	if (inet_pton(AF_INET6, address, &in6) != 1)
		return false;
	return IN6_IS_ADDR_LOOPBACK(&in6) ||
	       (IN6_IS_ADDR_V4MAPPED(&in6) && in6.s6_addr[12] == 127);
}

int net_host_entry_check(const char *entry, struct err *e)
{
	const char *colon = strchr(entry, ':');
	auto_strv struct strv names = STRV_INIT;
	auto_free char *left = NULL;

	if (!colon || colon == entry)
		return err_set(e, ERR_INVALID, "add-host \"%s\": expected NAME[;NAME...]:IP", entry);
	if (!streq(colon + 1, "host-gateway") && !net_is_address(colon + 1))
		return err_set(e, ERR_INVALID, "add-host \"%s\": \"%s\" is neither an IP address "
			       "nor host-gateway", entry, colon + 1);
	left = strndup(entry, (size_t)(colon - entry));
	if (!left || strv_split(&names, left, ';') < 0)
		return err_sys(e, -ENOMEM, "add-host");
	if (names.n > HOST_NAMES_MAX)
		return err_set(e, ERR_LIMIT, "add-host: more than %d names in one", HOST_NAMES_MAX);
	for (size_t i = 0; i < names.n; i++)
		if (!net_is_word(names.items[i]))
			return err_set(e, ERR_INVALID, "add-host \"%s\": bad host name \"%s\"",
				       entry, names.items[i]);
	return 0;
}

int ctr_hostname_check(const char *hostname, struct err *e)
{
	size_t len = strlen(hostname);

	if (len == 0 || len > 64)
		return err_set(e, ERR_INVALID, "hostname: %zu bytes long, the kernel takes 1 to 64",
			       len);
	if (!net_is_word(hostname) || strchr(hostname, '/') || strchr(hostname, '='))
		return err_set(e, ERR_INVALID, "hostname \"%s\": blanks, control characters, "
			       "'#', ';', '/' and '=' are not permitted", hostname);
	return 0;
}
