/* run and create: ports that are only declared, files of labels, merged variables, systemd inside. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "ctrlite/network.h"
#include "ensure.h"
#include "env.h"
#include "fd.h"
#include "file.h"
#include "path.h"
#include "run-opts.h"

#define LABEL_FILE_MAX_BYTES (1u << 20)
#define SIGNAL_OF_SYSTEMD "RTMIN+3" /* systemd(1), "Signals": an orderly power-off */

static int nomem(struct err *e)
{
	return err_sys(e, ENOMEM, "make the container's record");
}

/* "80", "80-90/udp" as PORT/PROTO, one for each; each once. */
static int add_ports(struct strv *to, const char *option, const char *text, struct err *e)
{
	const char *slash = strchr(text, '/'), *proto = slash ? slash + 1 : "tcp";
	auto_free char *range = strndup(text, slash ? (size_t)(slash - text) : strlen(text));
	char *dash = range ? strchr(range, '-') : NULL;
	uint32_t first = 0, last = 0;

	if (!range)
		return nomem(e);
	if (dash)
		*dash++ = '\0';
	if (str_u32(range, 65535, &first) < 0 || (dash && str_u32(dash, 65535, &last) < 0) ||
	    (dash && last < first) || first == 0 ||
	    (!streq(proto, "tcp") && !streq(proto, "udp") && !streq(proto, "sctp")))
		return err_set(e, ERR_INVALID, "%s %s: expected PORT[-PORT][/tcp|udp|sctp]", option, text);
	for (uint32_t p = first; p <= (dash ? last : first); p++) {
		auto_free char *one = str_printf("%u/%s", p, proto);

		if (!one || (!strv_has(to, one) && strv_add(to, one) < 0))
			return nomem(e);
	}
	return 0;
}

/* Is the container's port published by an option? */
static bool is_published(const struct strv *publish, const char *port)
{
	uint32_t number = (uint32_t)strtoul(port, NULL, 10);

	for (size_t i = 0; i < publish->n; i++) {
		struct ctr_net_port p;

		if (ctr_net_port_parse(publish->items[i], &p, NULL) == 0 && number >= p.ctr_port &&
		    number < (uint32_t)p.ctr_port + p.count && p.udp == str_ends(port, "/udp"))
			return true;
	}
	return false;
}

int run_ports(const struct run_args *a, const struct ctr_image_config *img, struct ctr_request *r,
	      struct err *e)
{
	int rc = 0;

	/* what an image says and is no port is left out: it grants nothing */
	for (size_t i = 0; rc == 0 && i < img->exposed.n; i++)
		(void)add_ports(&r->exposed, "EXPOSE", img->exposed.items[i], NULL);
	for (size_t i = 0; rc == 0 && i < a->expose.n; i++)
		rc = add_ports(&r->exposed, "--expose", a->expose.items[i], e);
	r->publish_all = a->publish_all;
	for (size_t i = 0; rc == 0 && a->publish_all && i < r->exposed.n; i++) {
		if (str_ends(r->exposed.items[i], "/sctp"))
			rc = err_set(e, ERR_UNSUPPORTED, "--publish-all: port %s cannot be published: only "
				     "tcp and udp are forwarded", r->exposed.items[i]);
		else if (!is_published(&r->publish, r->exposed.items[i]) &&
			 strv_add(&r->publish, r->exposed.items[i]) < 0)
			rc = nomem(e);
	}
	return rc;
}

static int read_labels(const char *path, struct strv *to, struct err *e)
{
	auto_free char *text = NULL;
	char *save = NULL;
	size_t len;
	int rc = file_read_path(path, LABEL_FILE_MAX_BYTES, &text, &len);

	if (rc < 0)
		return err_sys(e, rc, "--label-file: open %s", path);
	if (strlen(text) != len)
		return err_set(e, ERR_INVALID, "--label-file %s: it holds a NUL byte", path);
	for (char *l = strtok_r(text, "\r\n", &save); l; l = strtok_r(NULL, "\r\n", &save)) {
		l += strspn(l, " \t");
		if (*l && *l != '#' && strv_add(to, l) < 0)
			return nomem(e);
	}
	return 0;
}

int run_labels(const struct run_args *a, struct strv *ret, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < a->label_files.n; i++)
		rc = read_labels(a->label_files.items[i], ret, e);
	for (size_t i = 0; rc == 0 && i < a->labels.n; i++)
		if (strv_add(ret, a->labels.items[i]) < 0)
			rc = nomem(e);
	return rc;
}

/* $NAME and ${NAME} of @env; \$ is a dollar. */
static int expand(const char *s, const struct strv *env, struct strbuf *out)
{
	static const char name_bytes[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";

	while (*s) {
		bool brace = s[0] == '$' && s[1] == '{';
		size_t len = s[0] == '$' ? strspn(s + 1 + brace, name_bytes) : 0;
		auto_free char *name = NULL;
		const char *value;

		if (s[0] == '\\' && s[1] == '$') {
			strbuf_addc(out, '$');
			s += 2;
			continue;
		}
		if (!len || (brace && s[2 + len] != '}')) {
			strbuf_addc(out, *s++);
			continue;
		}
		name = strndup(s + 1 + brace, len);
		if (!name)
			return -ENOMEM;
		value = strv_env_get(env, name);
		strbuf_add(out, value ? value : "");
		s += 1 + len + 2 * (size_t)brace;
	}
	return out->failed ? -ENOMEM : 0;
}

int run_env_merge(const struct run_args *a, const struct strv *image_env, struct strv *ret, struct err *e)
{
	for (size_t i = 0; i < a->env_merge.n; i++) {
		auto_strbuf struct strbuf b = STRBUF_INIT;
		const char *text = a->env_merge.items[i];

		if (!strchr(text, '=') || text[0] == '=')
			return err_set(e, ERR_INVALID, "--env-merge %s: expected KEY=VALUE", text);
		if (expand(text, image_env, &b) < 0 || strv_add(ret, b.data) < 0)
			return nomem(e);
	}
	return 0;
}

/* Absolute, for whoever starts it later from another directory. */
static int set_path(char **to, const char *path, struct err *e)
{
	auto_free char *cwd = NULL;

	if (!path || !*path)
		return 0;
	cwd = path[0] == '/' ? NULL : getcwd(NULL, 0);
	*to = path[0] == '/' ? strdup(path) : cwd ? path_join(cwd, path) : NULL;
	return *to ? 0 : nomem(e);
}

int run_files(const struct run_args *a, struct ctr_request *r, struct err *e)
{
	bool word = a->hosts_file && (streq(a->hosts_file, "none") || streq(a->hosts_file, "image"));
	int rc = set_path(&r->pidfile, a->pidfile, e);

	if (rc == 0)
		rc = set_path(&r->conmon_pidfile, a->conmon_pidfile, e);
	if (rc == 0 && a->hosts_file && a->no_hosts)
		return err_set(e, ERR_INVALID, "--no-hosts and --hosts-file cannot be set together");
	if (rc == 0 && a->no_hosts && a->add_host.n)
		return err_set(e, ERR_INVALID, "--no-hosts and --add-host cannot be set together");
	if (rc == 0 && word && !(r->hosts_file = strdup(a->hosts_file)))
		rc = nomem(e);
	if (rc == 0 && !word)
		rc = set_path(&r->hosts_file, a->hosts_file, e);
	if (rc == 0 && r->hosts_file && !word && access(r->hosts_file, R_OK) < 0)
		rc = err_sys(e, errno, "--hosts-file: read %s", r->hosts_file);
	r->no_hostname = a->no_hostname;
	return rc;
}

/* Does this command mean systemd?  As podman has it. */
static bool is_systemd(const struct ctr_request *r)
{
	const char *first = r->entrypoint.n ? r->entrypoint.items[0] : r->cmd.n ? r->cmd.items[0] : "";

	return streq(first, "/sbin/init") || streq(first, "/usr/sbin/init") ||
	       streq(first, "/usr/local/sbin/init") || streq(path_base(first), "systemd");
}

int run_systemd(const struct run_args *a, const struct ctr_image_config *img, struct ctr_request *r,
		struct err *e)
{
	bool on = true;

	if (a->systemd && streq(a->systemd, "always"))
		r->systemd = true;
	else if (a->systemd && opt_bool(a->systemd, &on) < 0)
		return err_set(e, ERR_INVALID, "--systemd: invalid value %s: must be true, false or always",
			       a->systemd);
	else
		r->systemd = on && is_systemd(r);
	r->systemd_size_bytes = a->shm_size_systemd;
	if (r->systemd && !a->stop_signal && !img->stop_signal)
		r->stop_signal = sig_parse(SIGNAL_OF_SYSTEMD);
	return 0;
}

int run_sdnotify(const struct run_args *a, struct ctr_request *r, struct err *e)
{
	if (!a->sdnotify || streq(a->sdnotify, "container"))
		return 0;
	if (!streq(a->sdnotify, "conmon") && !streq(a->sdnotify, "ignore"))
		return err_set(e, ERR_INVALID, "--sdnotify %s: invalid sdnotify value: must be container, "
			       "conmon, or ignore%s", a->sdnotify,
			       streq(a->sdnotify, "healthy") ? " (healthy is not supported yet)" : "");
	r->sdnotify = strdup(a->sdnotify);
	return r->sdnotify ? 0 : nomem(e);
}

/* Addresses and names that only a network of the user's own gives. */
int run_static_network(const struct run_args *a, struct err *e)
{
	if (a->ip || a->ip6 || a->mac_address)
		return err_set(e, ERR_INVALID, "invalid config provided: networks and static ip/mac address "
			       "can only be used with Bridge mode networking");
	if (a->network_aliases.n)
		return err_set(e, ERR_INVALID, "invalid config provided: network aliases can only be used "
			       "with Bridge mode networking");
	return 0;
}
