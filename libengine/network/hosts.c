/* The container's hosts file: --add-host, the host's lines, and the container's own names. */
#include <errno.h>
#include <stdlib.h>

#include "fd.h"
#include "net-names.h"

struct hosts {
	struct strbuf text;
	struct strv pairs;	/* "ip name" of every name written so far */
};

static void hosts_done(struct hosts *h)
{
	strbuf_done(&h->text);
	strv_done(&h->pairs);
}
#define auto_hosts __attribute__((cleanup(hosts_done)))

static bool has_name(const struct hosts *h, const char *name)
{
	for (size_t i = 0; i < h->pairs.n; i++)
		if (streq(strchr(h->pairs.items[i], ' ') + 1, name))
			return true;
	return false;
}

static int add_line(struct hosts *h, const char *ip, const struct strv *names)
{
	strbuf_add(&h->text, ip);
	for (size_t i = 0; i < names->n; i++) {
		strbuf_addf(&h->text, "%c%s", i == 0 ? '\t' : ' ', names->items[i]);
		if (strv_addf(&h->pairs, "%s %s", ip, names->items[i]) < 0)
			return -ENOMEM;
	}
	strbuf_addc(&h->text, '\n');
	return h->text.failed ? -ENOMEM : 0;
}

static int add_one(struct hosts *h, const char *ip, const char *name)
{
	auto_strv struct strv names = STRV_INIT;

	if (strv_add(&names, name) < 0)
		return -ENOMEM;
	return add_line(h, ip, &names);
}

static int add_extra(struct hosts *h, const char *entry, const char *host_address, struct err *e)
{
	auto_strv struct strv names = STRV_INIT;
	auto_free char *left = NULL;
	const char *ip = strchr(entry, ':');

	if (!ip)
		return err_set(e, ERR_INVALID, "add-host \"%s\": expected NAME:IP", entry);
	left = strndup(entry, (size_t)(ip - entry));
	if (!left || strv_split(&names, left, ';') < 0)
		return err_sys(e, -ENOMEM, "add-host");
	ip++;
	if (streq(ip, "host-gateway")) {
		if (!*host_address)
			return err_set(e, ERR_UNSUPPORTED, "add-host \"%s\": this network has no "
				       "address for the host; newer pasta (passt) has one, and so "
				       "has --network slirp4netns:allow_host_loopback=true", entry);
		ip = host_address;
	}
	if (add_line(h, ip, &names) < 0)
		return err_sys(e, -ENOMEM, "add-host");
	return 0;
}

/* Lines that are no "address name..." are left out. */
static int add_base(struct hosts *h, const char *base)
{
	auto_free char *copy = strdup(base);
	char *save = NULL;

	if (!copy)
		return -ENOMEM;
	for (char *l = strtok_r(copy, "\r\n", &save); l; l = strtok_r(NULL, "\r\n", &save)) {
		auto_strv struct strv names = STRV_INIT;
		char *wsave = NULL, *ip, *w;

		l[strcspn(l, "#")] = '\0';
		ip = strtok_r(l, " \t", &wsave);
		if (!ip || !net_is_address(ip))
			continue;
		while ((w = strtok_r(NULL, " \t", &wsave)))
			if (net_is_word(w) && strv_add(&names, w) < 0)
				return -ENOMEM;
		if (names.n && add_line(h, ip, &names) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int add_localhost(struct hosts *h)
{
	int r;

	if (has_name(h, "localhost"))
		return 0;
	r = add_one(h, "127.0.0.1", "localhost");
	return r < 0 ? r : add_one(h, "::1", "localhost");
}

/* Both names of the host, each only where nobody gave it another meaning. */
static int add_host_names(struct hosts *h, const char *host_address)
{
	static const char *const words[] = { "host.containers.internal", "host.docker.internal" };
	auto_strv struct strv names = STRV_INIT;

	for (size_t i = 0; i < 2; i++)
		if (!has_name(h, words[i]) && strv_add(&names, words[i]) < 0)
			return -ENOMEM;
	return names.n ? add_line(h, host_address, &names) : 0;
}

static int add_own(struct hosts *h, const char *address, const char *hostname, const char *name)
{
	auto_strv struct strv names = STRV_INIT;

	if (*hostname && strv_add(&names, hostname) < 0)
		return -ENOMEM;
	if (name && !streq(name, hostname) && strv_add(&names, name) < 0)
		return -ENOMEM;
	return names.n ? add_line(h, address, &names) : 0;
}

char *net_hosts_text(const char *base, const struct ctr_net_names *names, const char *host_address,
		     const char *address, const char *hostname, const char *name, struct err *e)
{
	auto_hosts struct hosts h = { 0 };
	char *out;

	for (size_t i = 0; i < names->add_host.n; i++)
		if (add_extra(&h, names->add_host.items[i], host_address, e) < 0)
			return NULL;
	if (add_base(&h, base) < 0 || add_localhost(&h) < 0 ||
	    (*host_address && add_host_names(&h, host_address) < 0) ||
	    (*address && add_own(&h, address, hostname, name) < 0)) {
		(void)err_sys(e, -ENOMEM, "make hosts");
		return NULL;
	}
	if (h.text.len > CTR_NET_FILE_MAX_BYTES) {
		(void)err_set(e, ERR_LIMIT, "hosts of more than %u bytes", CTR_NET_FILE_MAX_BYTES);
		return NULL;
	}
	out = strbuf_take(&h.text);
	if (!out)
		(void)err_sys(e, -ENOMEM, "make hosts");
	return out;
}
