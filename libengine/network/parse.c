/* What --network means: modes, helper options, and which options exclude one another. */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "ctrlite/network.h"
#include "fd.h"
#include "net-names.h"

static const char *const mode_words[] = {
	[CTR_NET_PRIVATE] = "private",
	[CTR_NET_NONE] = "none",
	[CTR_NET_HOST] = "host",
	[CTR_NET_PASTA] = "pasta",
	[CTR_NET_SLIRP] = "slirp4netns",
	[CTR_NET_CONTAINER] = "container",
	[CTR_NET_PATH] = "ns",
};
static_assert(sizeof(mode_words) / sizeof(mode_words[0]) == CTR_NET_MODE_COUNT_,
	      "a word for every mode");

/* Other words for the default network. */
static const char *const default_words[] = { "", "private", "default" };

const char *ctr_net_mode_str(enum ctr_net_mode mode)
{
	return mode < CTR_NET_MODE_COUNT_ ? mode_words[mode] : "unknown";
}

void ctr_network_done(struct ctr_network *n)
{
	strv_done(&n->opts);
	free(n->target);
	free(n->ports);
	*n = (struct ctr_network)CTR_NETWORK_INIT;
}

void ctr_net_names_done(struct ctr_net_names *n)
{
	strv_done(&n->dns);
	strv_done(&n->dns_search);
	strv_done(&n->dns_option);
	strv_done(&n->add_host);
	free(n->hosts_base);
	n->hosts_base = NULL;
	n->no_hosts = n->no_hostname = false;
}

char *ctr_network_value(const struct ctr_network *n)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;

	strbuf_add(&b, ctr_net_mode_str(n->mode));
	if (n->target)
		strbuf_addf(&b, ":%s", n->target);
	for (size_t i = 0; i < n->opts.n; i++) {
		strbuf_addc(&b, i == 0 ? ':' : ',');
		strbuf_add(&b, n->opts.items[i]);
	}
	return strbuf_take(&b);
}

static int refuse_kind(const char *value, struct err *e)
{
	auto_free char *q = str_quote(value);
	const char *kind = "a user-defined network";

	if (streq(value, "bridge") || str_starts(value, "bridge:"))
		kind = "a bridge network";
	return err_set(e, ERR_UNSUPPORTED,
		       "network %s: %s is not supported yet; use pasta, slirp4netns, host or none",
		       q ? q : "", kind);
}

static int mode_of(const char *value, size_t len, enum ctr_net_mode *ret)
{
	for (size_t i = 0; i < sizeof(default_words) / sizeof(default_words[0]); i++) {
		if (strlen(default_words[i]) == len && memcmp(default_words[i], value, len) == 0) {
			*ret = CTR_NET_PRIVATE;
			return 0;
		}
	}
	for (size_t i = 0; i < CTR_NET_MODE_COUNT_; i++) {
		if (strlen(mode_words[i]) == len && memcmp(mode_words[i], value, len) == 0) {
			*ret = (enum ctr_net_mode)i;
			return 0;
		}
	}
	return -EINVAL;
}

/* Which options of pasta are ours: they name namespaces, pid file and the way it starts. */
static bool pasta_opt_reserved(const char *opt)
{
	static const char *const own[] = { "-f", "--foreground", "-P", "--pid", "-F", "--fd",
					   "--netns", "--userns", "--netns-only", "--daemon",
					   "-h", "--help", "--version", "--no-netns-quit" };

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		size_t len = strlen(own[i]);

		if (strncmp(opt, own[i], len) != 0)
			continue;
		if (opt[len] == '\0' || opt[len] == '=' || (len == 2 && opt[1] != '-'))
			return true;
	}
	return false;
}

static bool is_bool(const char *s)
{
	return streq(s, "true") || streq(s, "false");
}

static bool is_cidr4(const char *s)
{
	auto_free char *addr = strdup(s);
	struct in_addr in;
	uint32_t bits;
	char *slash;

	if (!addr)
		return false;
	slash = strchr(addr, '/');
	if (!slash)
		return false;
	*slash = '\0';
	return inet_pton(AF_INET, addr, &in) == 1 && str_u32(slash + 1, 30, &bits) == 0 && bits >= 8;
}

static int check_slirp_opt(const char *opt, struct err *e)
{
	const char *v;
	uint32_t mtu;
	struct in_addr in;
	struct in6_addr in6;
	bool ok;

	if ((v = str_after(opt, "allow_host_loopback=")) || (v = str_after(opt, "enable_ipv6=")))
		ok = is_bool(v);
	else if ((v = str_after(opt, "mtu=")))
		ok = str_u32(v, 65521, &mtu) == 0 && mtu >= 68;
	else if ((v = str_after(opt, "cidr=")))
		ok = is_cidr4(v);
	else if ((v = str_after(opt, "outbound_addr=")))
		ok = inet_pton(AF_INET, v, &in) == 1;
	else if ((v = str_after(opt, "outbound_addr6=")))
		ok = inet_pton(AF_INET6, v, &in6) == 1;
	else if ((v = str_after(opt, "port_handler="))) {
		if (streq(v, "rootlesskit"))
			return err_set(e, ERR_UNSUPPORTED, "network slirp4netns: port_handler="
				       "rootlesskit is not supported; leave it out");
		ok = streq(v, "slirp4netns");
	} else {
		return err_set(e, ERR_INVALID, "network slirp4netns: unknown option %s; there are "
			       "allow_host_loopback, enable_ipv6, mtu, cidr, outbound_addr, "
			       "outbound_addr6, port_handler", opt);
	}
	if (!ok)
		return err_set(e, ERR_INVALID, "network slirp4netns: bad value in %s", opt);
	return 0;
}

static int parse_opts(struct ctr_network *n, const char *text, struct err *e)
{
	if (n->mode != CTR_NET_PASTA && n->mode != CTR_NET_SLIRP)
		return err_set(e, ERR_INVALID, "network %s takes no options, found %s",
			       ctr_net_mode_str(n->mode), text);
	if (strv_split(&n->opts, text, ',') < 0)
		return err_sys(e, -ENOMEM, "network options");
	if (n->opts.n > CTR_NET_OPTS_MAX)
		return err_set(e, ERR_LIMIT, "network %s: more than %d options",
			       ctr_net_mode_str(n->mode), CTR_NET_OPTS_MAX);
	for (size_t i = 0; i < n->opts.n; i++) {
		const char *opt = n->opts.items[i];
		int r;

		if (!*opt)
			return err_set(e, ERR_INVALID, "network %s: empty option in \"%s\"",
				       ctr_net_mode_str(n->mode), text);
		if (n->mode == CTR_NET_PASTA) {
			if (pasta_opt_reserved(opt))
				return err_set(e, ERR_INVALID, "network pasta: option %s is set by "
					       "the engine and cannot be given", opt);
			continue;
		}
		r = check_slirp_opt(opt, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool is_others(enum ctr_net_mode mode)
{
	return mode == CTR_NET_CONTAINER || mode == CTR_NET_PATH;
}

int ctr_network_parse(struct ctr_network *n, const char *value, struct err *e)
{
	const char *colon = strchrnul(value, ':');
	enum ctr_net_mode mode;

	if (net_has_control(value))
		return err_set(e, ERR_INVALID, "network name contains a control character: %s",
			       value);
	if (mode_of(value, (size_t)(colon - value), &mode) < 0)
		return refuse_kind(value, e);
	if (n->mode_set && (is_others(mode) || is_others(n->mode)))
		return err_set(e, ERR_INVALID, "cannot set multiple networks without bridge network "
			       "mode, selected mode %s: invalid argument",
			       ctr_net_mode_str(is_others(mode) ? mode : n->mode));
	if (n->mode_set)
		return err_set(e, ERR_UNSUPPORTED, "network %s: more than one network is not "
			       "supported yet (%s was given before)", value,
			       ctr_net_mode_str(n->mode));
	n->mode = mode;
	n->mode_set = true;
	if (is_others(mode)) {
		if (!*colon || !colon[1])
			return err_set(e, ERR_INVALID, "network %s: nothing behind the colon", value);
		n->target = strdup(colon + 1);
		return n->target ? 0 : err_sys(e, -ENOMEM, "read --network");
	}
	if (*colon && colon[1])
		return parse_opts(n, colon + 1, e);
	if (*colon)
		return err_set(e, ERR_INVALID, "network %s: no options behind the colon", value);
	return 0;
}

static int check_dns_values(const struct ctr_net_names *names, struct err *e)
{
	for (size_t i = 0; i < names->dns.n; i++) {
		const char *v = names->dns.items[i];

		if (streq(v, "none")) {
			if (names->dns.n > 1)
				return err_set(e, ERR_INVALID,
					       "dns: \"none\" excludes other servers");
			continue;
		}
		if (!net_is_address(v))
			return err_set(e, ERR_INVALID, "dns: %s is not an IP address", v);
	}
	for (size_t i = 0; i < names->dns_search.n; i++)
		if (!net_is_word(names->dns_search.items[i]))
			return err_set(e, ERR_INVALID, "dns-search: bad domain \"%s\"",
				       names->dns_search.items[i]);
	for (size_t i = 0; i < names->dns_option.n; i++)
		if (!net_is_word(names->dns_option.items[i]))
			return err_set(e, ERR_INVALID, "dns-option: bad option \"%s\"",
				       names->dns_option.items[i]);
	return 0;
}

int ctr_network_check(struct ctr_network *n, const struct ctr_net_names *names, bool *ret_dropped,
		      struct err *e)
{
	const char *given = names->dns.n ? "dns" : names->dns_option.n ? "dns-option"
			    : names->dns_search.n ? "dns-search" : NULL;
	bool portless = n->mode == CTR_NET_NONE || n->mode == CTR_NET_HOST || is_others(n->mode);
	int r;

	if ((n->mode == CTR_NET_NONE || n->mode == CTR_NET_CONTAINER) && given)
		return err_set(e, ERR_INVALID, "conflicting options: %s and the network mode: %s",
			       given, ctr_net_mode_str(n->mode));
	if (n->mode == CTR_NET_CONTAINER && names->add_host.n)
		return err_set(e, ERR_INVALID, "cannot set extra host entries when the container is "
			       "joined to another containers network namespace: invalid "
			       "configuration");
	if (names->no_hosts && names->add_host.n)
		return err_set(e, ERR_INVALID, "--no-hosts and --add-host cannot be set together");
	r = check_dns_values(names, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < names->add_host.n; i++) {
		r = net_host_entry_check(names->add_host.items[i], e);
		if (r < 0)
			return r;
	}
	if (ret_dropped)
		*ret_dropped = portless && n->n_ports > 0;
	if (portless)
		n->n_ports = 0;
	return 0;
}
