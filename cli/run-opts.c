/* The options that run and create share, and the request that they make. */
#include "run-opts.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

#include "ensure.h"
#include "env.h"
#include "fd.h"
#include "json.h"
#include "log.h"
#include "log-opts.h"
#include "mountopt.h"
#include "ctrlite/network.h"
#include "ctrlite/secret.h"
#include "path.h"
#include "proc.h"
#include "registry-opts.h"
#include "signature-opts.h"

extern char **environ;

#define ARG(m) offsetof(struct run_args, m)

/* clang-format off */
static const struct opt_choice pull_choices[] = {
	{ "missing", CTR_PULL_MISSING }, { "always", CTR_PULL_ALWAYS },
	{ "never", CTR_PULL_NEVER }, { "newer", CTR_PULL_NEWER }, { 0 },
};

/* pull_policy of containers.conf, which has been checked. */
static enum ctr_pull_policy policy_named(const char *name)
{
	const struct opt_choice *p = pull_choices;

	while (p->name && !streq(p->name, name))
		p++;
	return p->name ? (enum ctr_pull_policy)p->value : CTR_PULL_MISSING;
}

const struct opt run_common_opts[] = {
	{ 0,   "add-host",     "NAME:IP",  OPT_CSVLIST, ARG(add_host),    "add a line to /etc/hosts (IP may be host-gateway)" },
	{ 0,   "annotation",   "KEY=VALUE", OPT_LIST,   ARG(annotations), "add an OCI annotation" },
	{ 'a', "attach",       "STREAM",   OPT_CSVLIST, ARG(attach),      "attach stdin, stdout or stderr only" },
	{ 0,   "authfile",     "FILE",     OPT_STRING,  ARG(authfile),    "credentials for the registry", 0, COMPLETE_FILE },
	{ 0,   "cap-add",      "CAP",      OPT_CSVLIST, ARG(cap_add),     "add a capability, or ALL" },
	{ 0,   "cap-drop",     "CAP",      OPT_CSVLIST, ARG(cap_drop),    "drop a capability, or ALL" },
	{ 0,   "cert-dir",     "DIR",      OPT_STRING,  ARG(cert_dir),    "directory of certificates for the registry", 0, COMPLETE_DIR },
	{ 0,   "cgroup-conf",  "FILE=VALUE", OPT_CSVLIST, ARG(limits.conf), "write the value into a file of the container's cgroup" },
	{ 0,   "cgroup-parent", "PATH",    OPT_STRING,  ARG(cgroup_parent), "cgroup that the container's is made in; with systemd a slice" },
	{ 0,   "cgroupns",     "MODE",     OPT_STRING,  ARG(cgroupns),    "cgroup namespace: private, host, container:NAME or ns:PATH" },
	{ 0,   "cgroups",      "MODE",     OPT_STRING,  ARG(cgroups),     "enabled (default), disabled, split (below the cgroup of this command), or no-conmon (as enabled)" },
	{ 0,   "chrootdirs",   "DIR",      OPT_REFUSED, 0,                "chroot directories", .text = "generated files are mounted into the root directory only" },
	{ 0,   "cidfile",      "FILE",     OPT_STRING,  ARG(cidfile),     "write the container's ID to the file", 0, COMPLETE_FILE },
	{ 0,   "conmon-pidfile", "FILE",   OPT_STRING,  ARG(conmon_pidfile), "write the monitor's process ID to the file", 0, COMPLETE_FILE },
	{ 0,   "creds",        "USER:PASSWORD", OPT_STRING, ARG(creds),   "credentials for the registry" },
	{ 0,   "decryption-key", "KEY",    OPT_REFUSED, 0,                "key of an encrypted image", .text = "encrypted images cannot be read" },
	{ 0,   "device",       "DEVICE",   OPT_LIST,    ARG(devices),     "add a host device: HOST[:CONTAINER][:rwm]", 0, COMPLETE_FILE },
	{ 0,   "device-cgroup-rule", "RULE", OPT_CSVLIST, ARG(device_rules), "allow devices: TYPE MAJOR:MINOR ACCESS, as in \"c 42:* rwm\"" },
	{ 0,   "dns",          "IP",       OPT_CSVLIST, ARG(dns),         "name server, or none to leave the image's resolv.conf" },
	{ 0,   "dns-option",   "OPTION",   OPT_CSVLIST, ARG(dns_option),  "resolver option" },
	{ 0,   "dns-opt",      NULL,       OPT_ALIAS,   0,                NULL, OPT_HIDDEN, .text = "dns-option" },
	{ 0,   "dns-search",   "DOMAIN",   OPT_CSVLIST, ARG(dns_search),  "search domain (. for none)" },
	{ 0,   "domainname",   "NAME",     OPT_STRING,  ARG(domainname),  "NIS domain name" },
	{ 0,   "entrypoint",   "COMMAND",  OPT_STRING,  ARG(entrypoint),  "replace the image's entrypoint (a string, or a JSON array)" },
	{ 'e', "env",          "KEY=VALUE", OPT_LIST,   ARG(env),         "set a variable; KEY alone copies it, PREFIX* copies all that start so" },
	{ 0,   "env-file",     "FILE",     OPT_LIST,    ARG(env_file),    "set the variables of a file", 0, COMPLETE_FILE },
	{ 0,   "env-host",     NULL,       OPT_FLAG,    ARG(env_host),    "copy the whole environment of the host" },
	{ 0,   "env-merge",    "KEY=VALUE", OPT_LIST,   ARG(env_merge),   "set a variable to a text in which ${NAME} is the image's value of NAME" },
	{ 0,   "explain",      "FORMAT",   OPT_OPTIONAL, ARG(explain),    "make and run nothing: print what would run, and where each part of it comes from (text or json)", .text = "text" },
	{ 0,   "expose",       "PORT",     OPT_CSVLIST, ARG(expose),      "declare a port or a range of them: PORT[-PORT][/tcp|udp|sctp]" },
	{ 0,   "gidmap",       "MAP",      OPT_CSVLIST, ARG(gidmaps),     "group id map: CONTAINER:INTERMEDIATE[:SIZE]" },
	{ 0,   "gpus",         "GPUS",     OPT_REFUSED, 0,                "add GPUs", .text = "CDI devices are not supported yet" },
	{ 0,   "group-add",    "GROUP",    OPT_CSVLIST, ARG(groups),      "add a supplementary group; keep-groups: keep those of the caller" },
	{ 0,   "group-entry",  "LINE",     OPT_STRING,  ARG(group_entry), "template for the line in /etc/group" },
	{ .kind = OPT_INCLUDE, .table = health_opts },
	{ 'h', "hostname",     "NAME",     OPT_STRING,  ARG(hostname),    "host name (default: the short ID)" },
	{ 0,   "hosts-file",   "FILE",     OPT_STRING,  ARG(hosts_file),  "what /etc/hosts begins with: a file, image, or none (default: the host's)", 0, COMPLETE_FILE },
	{ 0,   "hostuser",     "USER",     OPT_CSVLIST, ARG(host_users),  "add an account of the host to /etc/passwd" },
	{ 0,   "http-proxy",   NULL,       OPT_FLAG,    ARG(http_proxy),  "copy the proxy variables of the host (default true)" },
	{ 0,   "image-volume", "MODE",     OPT_STRING,  ARG(image_volume), "what the image's VOLUMEs become: anonymous volumes (anonymous or bind, the default), tmpfs, or nothing (ignore)" },
	{ 0,   "init",         NULL,       OPT_FLAG,    ARG(init),        "run an init (catatonit) that reaps and forwards signals" },
	{ 0,   "init-path",    "FILE",     OPT_STRING,  ARG(init_path),   "the init for --init (default: catatonit)", 0, COMPLETE_FILE },
	{ 'i', "interactive",  NULL,       OPT_FLAG,    ARG(interactive), "keep stdin open" },
	{ 0,   "ip",           "IP",       OPT_STRING,  ARG(ip),            "address in a network of your own" },
	{ 0,   "ip6",          "IP",       OPT_STRING,  ARG(ip6),           "address in a network of your own" },
	{ 0,   "ipc",          "MODE",     OPT_STRING,  ARG(ipc),         "IPC namespace: shareable (default), private, none, host, container:NAME or ns:PATH" },
	{ 0,   "kernel-memory", "SIZE",    OPT_STRING,  ARG(kernel_memory), "no effect, as with podman: the kernel has no such limit any more", OPT_HIDDEN | OPT_COMPAT },
	{ 'l', "label",        "KEY=VALUE", OPT_LIST,   ARG(labels),      "set metadata" },
	{ 0,   "label-file",   "FILE",     OPT_LIST,    ARG(label_files), "set the labels of a file: KEY=VALUE lines", 0, COMPLETE_FILE },
	{ 0,   "link",         "CONTAINER", OPT_REFUSED, 0,               "link to a container", .text = "share its network: --network container:NAME" },
	{ 0,   "log-driver",   "DRIVER",   OPT_STRING,  ARG(log_driver),  "where output goes: k8s-file (default), json-file (the same), journald, none, passthrough or passthrough-tty" },
	{ 0,   "log-opt",      "KEY=VALUE", OPT_LIST,   ARG(log_opt),     "max-size=SIZE, max-file=N, path=FILE; with journald tag=TEXT, label=FIELD=VALUE" },
	{ 0,   "mac-address",  "MAC",      OPT_STRING,  ARG(mac_address), "hardware address in a network of your own" },
	{ 0,   "mount",        "SPEC",     OPT_LIST,    ARG(mounts),      "mount: type=bind|volume|tmpfs|image|glob|devpts|ramfs,src=,dst=,..." },
	{ 0,   "name",         "NAME",     OPT_STRING,  ARG(name),        "name of the container" },
	{ 0,   "network",      "MODE",     OPT_LIST,    ARG(networks),    "private (default), none, host, pasta[:OPTIONS], slirp4netns[:OPTIONS], container:NAME or ns:PATH" },
	{ 0,   "net",          NULL,       OPT_ALIAS,   0,                NULL, OPT_HIDDEN, .text = "network" },
	{ 0,   "network-alias", "NAME",    OPT_LIST,    ARG(network_aliases), "another name in a network of your own" },
	{ 0,   "net-alias",    NULL,       OPT_ALIAS,   0,                NULL, OPT_HIDDEN, .text = "network-alias" },
	{ 0,   "no-hostname",  NULL,       OPT_FLAG,    ARG(no_hostname), "leave the image's /etc/hostname alone" },
	{ 0,   "no-hosts",     NULL,       OPT_FLAG,    ARG(no_hosts),    "leave the image's /etc/hosts alone" },
	{ 0,   "oom-kill-disable", NULL,   OPT_FLAG,    ARG(oom_kill_disable), "never kill on memory shortage (cgroup version 1 only)", OPT_HIDDEN },
	{ 0,   "oom-score-adj", "N",       OPT_I64,     ARG(oom_score_adj), "preference of the kernel to kill it, -1000 to 1000" },
	{ 0,   "passwd",       NULL,       OPT_FLAG,    ARG(passwd),      "add the user to /etc/passwd where the image does not have it (default true)" },
	{ 0,   "passwd-entry", "LINE",     OPT_STRING,  ARG(passwd_entry), "template for the line in /etc/passwd: $USERNAME $UID $GID $NAME $HOME" },
	{ 0,   "personality",  "PERSONA",  OPT_STRING,  ARG(personality), "execution domain: LINUX or LINUX32" },
	{ 0,   "pid",          "MODE",     OPT_STRING,  ARG(pid),         "PID namespace: private, host, container:NAME or ns:PATH" },
	{ 0,   "pidfile",      "FILE",     OPT_STRING,  ARG(pidfile),     "write the process ID to the file", 0, COMPLETE_FILE },
	{ 0,   "pod",          "POD",      OPT_REFUSED, 0,                "run in a pod", .text = "pods are not supported yet" },
	{ 0,   "privileged",   NULL,       OPT_FLAG,    ARG(privileged),  "all capabilities and devices of the caller, no confinement" },
	{ 'p', "publish",      "PORT",     OPT_CSVLIST, ARG(publish),     "publish a port: [[IP:][HOST]:]PORT[-PORT][/tcp|udp]" },
	{ 'P', "publish-all",  NULL,       OPT_FLAG,    ARG(publish_all), "publish every port that the image or --expose declares, on random ports" },
	{ 0,   "pull",         "POLICY",   OPT_ENUM,    ARG(pull),        "pull the image: missing (default), always, never, newer", .choices = pull_choices },
	{ 'q', "quiet",        NULL,       OPT_FLAG,    ARG(quiet),       "no progress while pulling" },
	{ 0,   "rdt-class",    "NAME",     OPT_REFUSED, 0,                "cache class", .text = "Intel RDT needs root on the host and its own hierarchy: start the container with a runtime hook that uses resctrl" },
	{ 0,   "read-only",    NULL,       OPT_FLAG,    ARG(read_only),   "mount the root filesystem read-only" },
	{ 0,   "read-only-tmpfs", NULL,    OPT_FLAG,    ARG(read_only_tmpfs), "with --read-only: writable tmpfs on /run, /tmp and /var/tmp (default true)" },
	{ 0,   "replace",      NULL,       OPT_FLAG,    ARG(replace),     "remove the container that has the name first" },
	{ 0,   "requires",     "CONTAINER", OPT_CSVLIST, ARG(requires_),  "containers that are started before it", 0, COMPLETE_CONTAINER },
	{ 0,   "restart",      "POLICY",   OPT_STRING,  ARG(restart),     "when its process ends: no (default, or never), always, unless-stopped, on-failure[:N]" },
	{ 0,   "retry",        "N",        OPT_U64,     ARG(retry),       "how often a failed transfer of the image is tried again (default 3)" },
	{ 0,   "retry-delay",  "TIME",     OPT_STRING,  ARG(retry_delay), "pause between those tries (default: it grows from a second on)" },
	{ 0,   "rm",           NULL,       OPT_FLAG,    ARG(rm),          "remove the container when it ends" },
	{ 0,   "rootfs",       NULL,       OPT_FLAG,    ARG(rootfs),      "the first argument is no image but a directory to run in: DIR[:O], with O it is not written to" },
	{ 0,   "sdnotify",     "MODE",     OPT_STRING,  ARG(sdnotify),    "who tells systemd that it is ready: container (default), conmon (at the start), ignore" },
	{ 0,   "secret",       "SECRET",   OPT_LIST,    ARG(secrets),     "give a secret: NAME[,type=mount|env][,target=][,uid=][,gid=][,mode=]", 0, COMPLETE_SECRET },
	{ 0,   "security-opt", "OPTION",   OPT_LIST,    ARG(security),    "seccomp=FILE|unconfined, no-new-privileges, mask=PATHS, unmask=PATHS|ALL, proc-opts=OPTIONS, apparmor=PROFILE, label=..." },
	{ 0,   "shm-size",     "SIZE",     OPT_SIZE,    ARG(shm_size),    "size of /dev/shm (default 64m)" },
	{ 0,   "shm-size-systemd", "SIZE", OPT_SIZE,    ARG(shm_size_systemd), "size of each tmpfs for systemd inside" },
	{ 0,   "stop-signal",  "SIGNAL",   OPT_STRING,  ARG(stop_signal), "signal that asks it to end (default: the image's, TERM)" },
	{ 0,   "stop-timeout", "SECONDS",  OPT_I64,     ARG(stop_timeout), "seconds that stop waits before it kills (default 10, -1: for ever)" },
	{ 0,   "subgidname",   "NAME",     OPT_STRING,  ARG(subgidname),  "use the ids of NAME in /etc/subgid" },
	{ 0,   "subuidname",   "NAME",     OPT_STRING,  ARG(subuidname),  "use the ids of NAME in /etc/subuid" },
	{ 0,   "sysctl",       "KEY=VALUE", OPT_CSVLIST, ARG(sysctls),    "set a kernel parameter of its namespaces" },
	{ 0,   "systemd",      "MODE",     OPT_STRING,  ARG(systemd),     "prepare for systemd inside: true (default: when the command is systemd or init), false, always" },
	{ 0,   "timeout",      "SECONDS",  OPT_U64,     ARG(timeout),     "kill it after so long; its exit code is 255" },
	{ 0,   "tls-verify",   "BOOL",     OPT_OPTIONAL, ARG(tls_verify), "check the registry's certificate (default true)", .text = "true" },
	{ 0,   "tmpfs",        "SPEC",     OPT_LIST,    ARG(tmpfs),       "mount a tmpfs: PATH[:OPTIONS]" },
	{ 't', "tty",          NULL,       OPT_FLAG,    ARG(tty),         "give it a terminal" },
	{ 0,   "tz",           "ZONE",     OPT_STRING,  ARG(tz),          "time zone: as in Europe/Berlin, or local for the host's" },
	{ 0,   "uidmap",       "MAP",      OPT_CSVLIST, ARG(uidmaps),     "user id map: CONTAINER:INTERMEDIATE[:SIZE], the second being of the user's default map" },
	{ 0,   "ulimit",       "LIMIT",    OPT_CSVLIST, ARG(ulimits),     "NAME=SOFT[:HARD], or host" },
	{ 0,   "umask",        "MODE",     OPT_STRING,  ARG(umask),       "umask of the process (default 0022)" },
	{ 0,   "unsetenv",     "KEY",      OPT_LIST,    ARG(unset),       "leave out a variable of the image or the defaults" },
	{ 0,   "unsetenv-all", NULL,       OPT_FLAG,    ARG(unset_all),   "leave out all of them" },
	{ 'u', "user",         "USER",     OPT_STRING,  ARG(user),        "UID|NAME[:GID|GROUP]" },
	{ 0,   "userns",       "MODE",     OPT_STRING,  ARG(userns),      "user namespace: host, keep-id[:uid=,gid=,size=], nomap, auto[:size=,uidmapping=,gidmapping=], container:NAME or ns:PATH" },
	{ 0,   "uts",          "MODE",     OPT_STRING,  ARG(uts),         "UTS namespace: private, host, container:NAME or ns:PATH" },
	{ 'v', "volume",       "SPEC",     OPT_LIST,    ARG(volumes),     "mount a volume or a directory of the host: [VOLUME|DIR:]DEST[:OPTIONS]; DEST alone makes a volume without a name" },
	{ 0,   "volumes-from", "CONTAINER", OPT_LIST,   ARG(volumes_from), "the volumes and bind mounts of another container: NAME[:ro|rw][,z]", 0, COMPLETE_CONTAINER },
	{ .kind = OPT_INCLUDE, .table = limit_opts },
	{ .kind = OPT_INCLUDE, .table = signature_policy_opts },
	{ 'w', "workdir",      "DIR",      OPT_STRING,  ARG(workdir),     "working directory" },
	PLATFORM_OPTS(ARG(platform)),
	{ 0 },
};
/* clang-format on */

const struct run_args run_defaults = {
	.limits = LIMIT_ARGS_DEFAULT,
	.sig_proxy = true, .http_proxy = true, .read_only_tmpfs = true, .shm_size = CTR_SHM_SIZE_DEFAULT,
	.stop_timeout = 10, .passwd = true,
};

static int nomem(struct err *e)
{
	return err_sys(e, ENOMEM, "make the container's record");
}

static int copy(struct strv *to, const struct strv *from, struct err *e)
{
	for (size_t i = 0; i < from->n; i++)
		if (strv_add(to, from->items[i]) < 0)
			return nomem(e);
	return 0;
}

static int text(char **to, const char *from, struct err *e)
{
	if (!from)
		return 0;
	free(*to);
	*to = strdup(from);
	return *to ? 0 : nomem(e);
}

/* [a-zA-Z0-9][a-zA-Z0-9_.-]* */
bool run_name_ok(const char *s)
{
	static const char more[] = "_.-";
	size_t n = strlen(s);

	for (size_t i = 0; i < n; i++) {
		char ch = s[i];
		bool alnum = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
			     (ch >= '0' && ch <= '9');

		if (!alnum && (i == 0 || !strchr(more, ch)))
			return false;
	}
	return n > 0 && n <= 255;
}

static int set_entrypoint(const char *s, struct strv *to, struct err *e)
{
	auto_json json_t *j = NULL;

	if (!s[0])
		return 0;
	j = s[0] == '[' ? json_loads(s, JSON_REJECT_DUPLICATES, NULL) : NULL;
	if (json_is_array(j))
		return json_read_strv(j, to, 4096, "--entrypoint", e);
	return strv_add(to, s) < 0 ? nomem(e) : 0;
}

/* What runs: entrypoint and arguments of the image, each replaced by the user's. */
static int set_command(struct cmd *c, const struct run_args *a, const struct ctr_image_config *img,
		       struct ctr_request *r, struct err *e)
{
	int rc = a->entrypoint ? set_entrypoint(a->entrypoint, &r->entrypoint, e)
			       : copy(&r->entrypoint, &img->entrypoint, e);

	for (size_t i = 1; rc == 0 && i < c->n_args; i++)
		if (strv_add(&r->cmd, c->args[i]) < 0)
			rc = nomem(e);
	if (rc == 0 && c->n_args <= 1 && !a->entrypoint)
		rc = copy(&r->cmd, &img->cmd, e);
	return rc;
}

static int set_env(const struct run_args *a, const struct ctr_image_config *img, struct ctr_request *r,
		   struct err *e)
{
	auto_strv struct strv defaults = STRV_INIT, env = STRV_INIT;
	struct spec_env_args ea = {
		.defaults = &defaults, .image = &img->env, .host = (const char *const *)environ,
		.http_proxy = a->http_proxy, .env_host = a->env_host, .tty = a->tty,
		.said = r->origins ? run_env_said : NULL, .said_arg = r,
		.unset = &a->unset, .unset_all = a->unset_all, .files = &a->env_file, .env = &env,
	};

	if (strv_add(&defaults, "PATH=" SPEC_ENV_PATH) < 0 || strv_add(&defaults, "container=podman") < 0)
		return nomem(e);
	if (run_env_merge(a, &img->env, &env, e) < 0 || copy(&env, &a->env, e) < 0)
		return -EINVAL;
	return spec_env_build(&ea, &r->env, e);
}

static int set_labels(const struct run_args *a, const struct ctr_image_config *img,
		      struct ctr_request *r, struct err *e)
{
	auto_strv struct strv labels = STRV_INIT;
	int rc = copy(&r->labels, &img->labels, e);

	if (rc == 0)
		rc = run_labels(a, &labels, e);
	for (size_t i = 0; rc == 0 && i < labels.n; i++) {
		auto_free char *key = strdup(labels.items[i]);
		char *eq = key ? strchr(key, '=') : NULL;

		if (!key)
			return nomem(e);
		if (eq)
			*eq = '\0';
		if (!key[0])
			return err_set(e, ERR_INVALID, "invalid label format: %s", labels.items[i]);
		if (strv_env_set(&r->labels, key, eq ? eq + 1 : "") < 0)
			return nomem(e);
	}
	for (size_t i = 0; rc == 0 && i < a->annotations.n; i++)
		if (!strchr(a->annotations.items[i], '=') || a->annotations.items[i][0] == '=')
			return err_set(e, ERR_INVALID, "annotations must be formatted KEY=VALUE: %s",
				       a->annotations.items[i]);
	return rc < 0 ? rc : copy(&r->annotations, &a->annotations, e);
}

/* A namespace option; private is nothing to say, but for ipc, which others may share by default. */
static int set_ns(const char *option, const char *value, char **to, struct err *e)
{
	bool ipc = streq(option, "ipc");
	const char *rest;

	if (!value || !value[0] || streq(value, ipc ? "shareable" : "private"))
		return 0;
	if (streq(value, "host") || (ipc && (streq(value, "private") || streq(value, "none"))))
		return text(to, value, e);
	rest = str_after(value, "container:");
	rest = rest ? rest : str_after(value, "ns:");
	if (rest && rest[0])
		return text(to, value, e);
	return err_set(e, ERR_INVALID, "--%s: unrecognized namespace mode %s passed", option, value);
}

/* podman's default: the variable, unless an option says something else. */
static const char *userns_of(const struct run_args *a)
{
	const char *env = getenv("PODMAN_USERNS");

	if (a->userns && a->userns[0])
		return a->userns;
	if (a->uidmaps.n || a->gidmaps.n || a->subuidname || a->subgidname)
		return NULL;
	return env && env[0] ? env : NULL;
}

static int set_userns(const struct run_args *a, struct ctr_request *r, struct err *e)
{
	const char *mode = userns_of(a);
	int rc = mode && !streq(mode, "host") ? text(&r->userns, mode, e) : 0;

	if (rc == 0 && mode && (a->uidmaps.n || a->gidmaps.n || a->subuidname || a->subgidname) &&
	    !streq(mode, "private"))
		return err_set(e, ERR_INVALID, "--userns and --uidmap/--gidmap/--subuidname/--subgidname are "
			       "mutually exclusive");
	if (rc == 0)
		rc = copy(&r->uidmaps, &a->uidmaps, e);
	if (rc == 0)
		rc = copy(&r->gidmaps, &a->gidmaps, e);
	if (rc == 0)
		rc = text(&r->subuidname, a->subuidname, e);
	return rc < 0 ? rc : text(&r->subgidname, a->subgidname, e);
}

bool run_is_plain(const struct run_args *a)
{
	const char *const modes[] = { a->pid, a->ipc, a->uts, a->cgroupns,
				      a->networks.n ? a->networks.items[0] : NULL };

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (modes[i] && strchr(modes[i], ':') && !str_starts(modes[i], "pasta:") &&
		    !str_starts(modes[i], "slirp4netns:"))
			return false;
	return !userns_of(a) && !a->uidmaps.n && !a->gidmaps.n && !a->subuidname && !a->subgidname &&
	       !strv_has(&a->groups, "keep-groups");
}

static int set_namespaces(const struct run_args *a, struct ctr_request *r, struct err *e)
{
	int rc = set_ns("pid", a->pid, &r->pid_mode, e);

	if (rc == 0)
		rc = set_ns("ipc", a->ipc, &r->ipc_mode, e);
	if (rc == 0)
		rc = set_ns("uts", a->uts, &r->uts_mode, e);
	if (rc == 0)
		rc = set_ns("cgroupns", a->cgroupns, &r->cgroupns_mode, e);
	if (rc == 0)
		rc = set_userns(a, r, e);
	if (rc == 0 && a->domainname && r->uts_mode)
		rc = err_set(e, ERR_INVALID, "cannot set domainname when running in the host UTS "
			     "namespace");
	if (rc == 0 && a->hostname && r->uts_mode)
		rc = err_set(e, ERR_INVALID, "invalid config provided: cannot set hostname when running in "
			     "the host UTS namespace: invalid configuration");
	if (rc == 0 && a->groups.n > 1 && strv_has(&a->groups, "keep-groups"))
		rc = err_set(e, ERR_INVALID, "the '--group-add keep-groups' option is not allowed with any "
			     "other --group-add options");
	return rc;
}

/* Names for the process and its world that no namespace option covers. */
static int set_identity(const struct run_args *a, struct ctr_request *r, struct err *e)
{
	int rc = text(&r->passwd_entry, a->passwd_entry, e);

	r->no_passwd = !a->passwd;
	if (rc == 0)
		rc = text(&r->group_entry, a->group_entry, e);
	if (rc == 0)
		rc = text(&r->domainname, a->domainname, e);
	if (rc == 0)
		rc = text(&r->personality, a->personality, e);
	if (rc == 0 && a->tz && a->tz[0])
		rc = text(&r->tz, a->tz, e);
	if (rc == 0 && a->init_path) {
		r->init_path = realpath(a->init_path, NULL);
		if (!r->init_path)
			rc = err_sys(e, errno, "--init-path %s", a->init_path);
		else if (access(r->init_path, X_OK) < 0)
			rc = err_sys(e, errno, "--init-path %s: execute it", a->init_path);
	}
	return rc;
}

static int set_stop(const struct run_args *a, const struct ctr_image_config *img, struct ctr_request *r,
		    struct err *e)
{
	const char *sig = a->stop_signal ? a->stop_signal : img->stop_signal;

	r->stop_signal = sig ? sig_parse(sig) : SIGTERM;
	if (r->stop_signal < 0) {
		if (a->stop_signal)
			return err_set(e, ERR_INVALID, "invalid signal: %s", sig);
		log_warn("the image's stop signal is none: using SIGTERM");
		r->stop_signal = SIGTERM;
	}
	if (a->stop_timeout < -1 || a->stop_timeout > INT32_MAX || a->timeout > INT32_MAX)
		return err_set(e, ERR_INVALID, "a timeout is too long");
	r->stop_timeout_s = a->stop_timeout < 0 ? CTR_STOP_TIMEOUT_EVER : (uint32_t)a->stop_timeout;
	r->timeout_s = (uint32_t)a->timeout;
	return a->restart ? ctr_restart_parse(a->restart, &r->restart, &r->restart_max, e) : 0;
}

static int set_health(struct cmd *c, const struct run_args *a, struct ctr_image_config *img,
		      struct ctr_request *r, struct err *e)
{
	struct ctr_healthcheck_options o;

	r->health = img->health;
	img->health = (struct ctr_healthcheck){ .retries = 0 };
	return health_options(c, &a->health, &o) ? ctr_healthcheck_apply(&r->health, &o, e) : 0;
}

static int set_limits(struct cmd *c, const struct run_args *a, struct ctr_request *r, struct err *e)
{
	static const char *const modes[] = { "enabled", "disabled", "no-conmon", "split" };
	size_t i = 0;
	int rc = limits_parse(c, &a->limits, &r->limits, e);

	if (rc == 0)
		rc = spec_resources_check(&r->limits, e);
	while (a->cgroups && i < sizeof(modes) / sizeof(modes[0]) && !streq(modes[i], a->cgroups))
		i++;
	if (rc == 0 && i == sizeof(modes) / sizeof(modes[0]))
		return err_set(e, ERR_INVALID, "invalid cgroup mode \"%.100s\": choose from enabled, "
			       "disabled, no-conmon, split: invalid argument", a->cgroups);
	if (rc == 0 && a->cgroups && streq(a->cgroups, "split") && a->cgroup_parent)
		return err_set(e, ERR_INVALID, "cannot specify --cgroup-mode=split with a cgroup-parent: "
			       "invalid argument");
	if (rc == 0 && a->oom_kill_disable)
		return err_set(e, ERR_UNSUPPORTED, "--oom-kill-disable is not supported: cgroup version 2 "
			       "has no such switch");
	r->has_oom_score_adj = opt_seen(c->opts, "oom-score-adj");
	if (rc == 0 && (a->oom_score_adj < -1000 || a->oom_score_adj > 1000))
		return err_set(e, ERR_INVALID, "--oom-score-adj: %lld is not in the range from -1000 to "
			       "1000", (long long)a->oom_score_adj);
	r->oom_score_adj = (int)a->oom_score_adj;
	if (rc == 0 && a->cgroup_parent && a->cgroup_parent[0])
		rc = text(&r->cgroup_parent, a->cgroup_parent, e);
	return rc < 0 ? rc : text(&r->cgroups_mode, a->cgroups, e);
}

static int set_cwd(const struct run_args *a, const struct ctr_image_config *img, struct ctr_request *r,
		   struct err *e)
{
	const char *dir = a->workdir ? a->workdir : img->cwd ? img->cwd : "/";
	char *clean;

	if (a->workdir && a->workdir[0] != '/')
		return err_set(e, ERR_INVALID, "the working directory \"%s\" is invalid, it needs to be "
			       "an absolute path", a->workdir);
	clean = path_clean_abs(dir);
	if (!clean)
		return nomem(e);
	r->cwd = clean;
	r->cwd_required = a->workdir != NULL;
	return 0;
}

/* --image-volume=tmpfs, unless an option mounts something there.  Takes @dest. */
static int image_volume_tmpfs(struct ctr_request *r, char *dest, struct err *e)
{
	auto_spec_mounts struct spec_mounts m = SPEC_MOUNTS_INIT;
	const struct {
		const struct strv *texts;
		int (*add)(struct spec_mounts *m, const char *value, const char *cwd, struct err *e);
	} lists[] = { { &r->volumes, spec_mounts_add_volume }, { &r->mounts, spec_mounts_add_mount } };
	int rc = 0;

	for (size_t k = 0; k < sizeof(lists) / sizeof(lists[0]); k++)
		for (size_t i = 0; rc == 0 && i < lists[k].texts->n; i++)
			rc = lists[k].add(&m, lists[k].texts->items[i], "/", e);
	for (size_t i = 0; rc == 0 && i < r->tmpfs.n; i++)
		rc = spec_mounts_add_tmpfs(&m, r->tmpfs.items[i], e);
	if (rc == 0 && !spec_mounts_find(&m, dest))
		return strv_add_take(&r->tmpfs, dest) < 0 ? nomem(e) : 0;
	free(dest);
	return rc;
}

static int set_paths(const struct run_args *a, const struct ctr_image_config *img,
		     struct ctr_request *r, struct err *e)
{
	const char *mode = a->image_volume && a->image_volume[0] ? a->image_volume : "anonymous";
	bool ignore = streq(mode, "ignore"), tmpfs = streq(mode, "tmpfs");
	int rc = copy(&r->volumes, &a->volumes, e);

	if (!ignore && !tmpfs && !streq(mode, "anonymous") && !streq(mode, "bind"))
		return err_set(e, ERR_INVALID, "--image-volume %s: expected anonymous, bind, tmpfs or ignore",
			       mode);
	if (rc == 0)
		rc = copy(&r->volumes_from, &a->volumes_from, e);
	if (rc == 0)
		rc = copy(&r->mounts, &a->mounts, e);
	if (rc == 0)
		rc = copy(&r->tmpfs, &a->tmpfs, e);
	for (size_t i = 0; rc == 0 && i < img->volumes.n; i++) {
		char *clean = path_clean_abs(img->volumes.items[i]);

		/* "/" as a volume would hide the image itself: no engine takes it. */
		if (clean && (streq(clean, "/") || ignore))
			free(clean);
		else if (clean && tmpfs)
			rc = image_volume_tmpfs(r, clean, e);
		else if (strv_add_take(&r->image_volumes, clean) < 0)
			return nomem(e);
	}
	r->base_dir = getcwd(NULL, 0);
	if (rc == 0 && a->cidfile) {
		r->cidfile = a->cidfile[0] == '/' ? strdup(a->cidfile)
						  : path_join(r->base_dir ? r->base_dir : "/", a->cidfile);
		if (!r->cidfile)
			return nomem(e);
	}
	return rc;
}

static int set_lists(const struct run_args *a, struct ctr_request *r, struct err *e)
{
	const struct {
		struct strv *to;
		const struct strv *from;
	} lists[] = {
		{ &r->group_add, &a->groups },	{ &r->cap_add, &a->cap_add },
		{ &r->cap_drop, &a->cap_drop }, { &r->devices, &a->devices },
		{ &r->device_rules, &a->device_rules }, { &r->host_users, &a->host_users },
		{ &r->ulimits, &a->ulimits },	{ &r->sysctls, &a->sysctls },
		{ &r->requires_, &a->requires_ }, { &r->networks, &a->networks }, { &r->publish, &a->publish },
		{ &r->dns, &a->dns },		{ &r->dns_search, &a->dns_search },
		{ &r->dns_option, &a->dns_option }, { &r->add_hosts, &a->add_host },
	};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < sizeof(lists) / sizeof(lists[0]); i++)
		rc = copy(lists[i].to, lists[i].from, e);
	return rc;
}

static int set_secrets(struct cmd *c, const struct run_args *a, struct ctr_request *r, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < a->secrets.n; i++)
		rc = ctr_secret_request(c->eng, a->secrets.items[i], &r->secrets, e);
	return rc;
}

static int check(const struct run_args *a, struct err *e)
{
	if (a->name && a->name[0] && !run_name_ok(a->name))
		return err_set(e, ERR_INVALID, "names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*: invalid "
			       "argument");
	if (a->replace && !a->name)
		return err_set(e, ERR_INVALID, "cannot replace container without --name being set");
	if (a->rm && a->restart && a->restart[0] && !streq(a->restart, "no") &&
	    !str_starts(a->restart, "on-failure"))
		return err_set(e, ERR_INVALID, "the --rm option conflicts with --restart, when the "
			       "restartPolicy is not \"\" and \"no\"");
	if (a->umask && (strspn(a->umask, "01234567") != strlen(a->umask) || strlen(a->umask) > 4 ||
			 !a->umask[0]))
		return err_set(e, ERR_INVALID, "invalid umask %s: expected octal digits", a->umask);
	if (a->personality && !streq(a->personality, "LINUX") && !streq(a->personality, "LINUX32"))
		return err_set(e, ERR_INVALID, "--personality %s: expected LINUX or LINUX32",
			       a->personality);
	if (a->domainname && (!a->domainname[0] || strlen(a->domainname) > 64))
		return err_set(e, ERR_INVALID, "--domainname: expected 1 to 64 bytes");
	if (a->hostname && ctr_hostname_check(a->hostname, e) < 0)
		return -EINVAL;
	return 0;
}

static int find_image(struct cmd *c, const struct run_args *a, struct ctr_image_found *f,
		      struct ctr_image_config *img, struct err *e)
{
	auto_free char *platform = NULL;
	auto_free char *creds = NULL;
	struct ctr_ensure_opts o = { .policy = (enum ctr_pull_policy)a->pull, .quiet = a->quiet };
	int rc = platform_opts_text(&a->platform, &platform, e);

	if (!opt_seen(c->opts, "pull") && c->eng->conf.pull_policy && a->pull == CTR_PULL_MISSING)
		o.policy = policy_named(c->eng->conf.pull_policy);
	o.platform = platform;
	if (rc == 0 && a->tls_verify)
		rc = strv_addf(&o.pull_args, "--tls-verify=%s", a->tls_verify) < 0 ? nomem(e) : 0;
	if (rc == 0 && a->authfile)
		rc = strv_addf(&o.pull_args, "--authfile=%s", a->authfile) < 0 ? nomem(e) : 0;
	if (rc == 0 && a->cert_dir)
		rc = strv_addf(&o.pull_args, "--cert-dir=%s", a->cert_dir) < 0 ? nomem(e) : 0;
	if (rc == 0 && opt_seen(c->opts, "retry"))
		rc = strv_addf(&o.pull_args, "--retry=%llu", (unsigned long long)a->retry) < 0 ? nomem(e) : 0;
	if (rc == 0 && a->retry_delay)
		rc = strv_addf(&o.pull_args, "--retry-delay=%s", a->retry_delay) < 0 ? nomem(e) : 0;
	if (rc == 0)
		rc = registry_take_creds(a->creds, &creds, e);
	o.creds = creds;
	if (rc == 0)
		rc = ctr_image_ensure(c->eng, c->args[0], &o, f, img, e);
	strv_done(&o.pull_args);
	if (creds)
		explicit_bzero(creds, strlen(creds));
	return rc;
}

/* DIR[:O] in the place of an image. */
static int set_rootfs(struct cmd *c, struct ctr_request *r, struct err *e)
{
	const char *arg = c->args[0], *colon = strrchr(arg, ':');
	auto_free char *dir = strdup(arg);

	if (!dir)
		return nomem(e);
	if (colon && (streq(colon, ":idmap") || str_starts(colon, ":idmap=")))
		return err_set(e, ERR_UNSUPPORTED, "--rootfs %s: id-mapped root filesystems are not supported: "
			       "use :O, or import it as an image", arg);
	if (colon && streq(colon, ":O")) {
		dir[colon - arg] = '\0';
		r->rootfs_overlay = true;
	}
	r->rootfs = realpath(dir, NULL);
	if (!r->rootfs)
		return err_sys(e, errno, "--rootfs %s", dir);
	return text(&r->image, "", e) < 0 ? -ENOMEM : text(&r->image_id, "", e);
}

static int set_image(struct ctr_request *r, const struct ctr_image_found *f, struct err *e)
{
	int rc = text(&r->image, f->name ? f->name : f->config.hex, e);

	if (rc == 0)
		rc = text(&r->image_id, f->config.hex, e);
	if (rc == 0)
		rc = text(&r->manifest, f->manifest.hex, e);
	r->root_layer = f->record.root_layer;
	return rc < 0 ? rc : copy(&r->layers, &f->record.layers, e);
}

int run_request(struct cmd *c, const struct run_args *a, struct ctr_request *r, struct err *e)
{
	struct ctr_image_found f = CTR_IMAGE_FOUND_INIT;
	struct ctr_image_config img = CTR_IMAGE_CONFIG_INIT;
	int rc = check(a, e);

	if (rc == 0)
		rc = run_static_network(a, e);
	if (rc == 0 && !a->rootfs)
		rc = find_image(c, a, &f, &img, e);
	if (rc < 0)
		return rc;
	r->tty = a->tty;
	r->open_stdin = a->interactive;
	r->rm = a->rm;
	r->remove_image = a->rmi;
	r->privileged = a->privileged;
	r->read_only = a->read_only;
	r->read_only_tmpfs = a->read_only_tmpfs;
	r->init = a->init;
	r->no_hosts = a->no_hosts;
	r->shm_size_bytes = a->shm_size;
	rc = a->rootfs ? set_rootfs(c, r, e) : set_image(r, &f, e);
	if (rc == 0)
		rc = text(&r->name, a->name && a->name[0] ? a->name : NULL, e);
	if (rc == 0)
		rc = text(&r->hostname, a->hostname, e);
	if (rc == 0)
		rc = text(&r->umask, a->umask, e);
	if (rc == 0)
		rc = set_identity(a, r, e);
	if (rc == 0)
		rc = text(&r->user, a->user ? a->user : img.user, e);
	if (rc == 0)
		rc = set_command(c, a, &img, r, e);
	if (rc == 0)
		rc = set_env(a, &img, r, e);
	if (rc == 0)
		rc = set_labels(a, &img, r, e);
	if (rc == 0)
		rc = run_security(&a->security, r, e);
	if (rc == 0)
		rc = set_namespaces(a, r, e);
	if (rc == 0)
		rc = set_limits(c, a, r, e);
	if (rc == 0)
		rc = log_opts_parse(a->log_driver, &a->log_opt, r, e);
	if (rc == 0)
		rc = set_stop(a, &img, r, e);
	if (rc == 0)
		rc = set_health(c, a, &img, r, e);
	if (rc == 0)
		rc = set_cwd(a, &img, r, e);
	if (rc == 0)
		rc = set_paths(a, &img, r, e);
	if (rc == 0)
		rc = set_lists(a, r, e);
	if (rc == 0)
		rc = set_secrets(c, a, r, e);
	if (rc == 0)
		rc = run_ports(a, &img, r, e);
	if (rc == 0)
		rc = run_files(a, r, e);
	if (rc == 0)
		rc = run_systemd(a, &img, r, e);
	if (rc == 0)
		rc = run_sdnotify(a, r, e);
	if (rc == 0)
		run_origins(c, a, &img, r);
	for (int i = 0; rc == 0 && i < c->argc; i++)
		if (strv_add(&r->command_line, c->argv[i]) < 0)
			rc = nomem(e);
	ctr_image_found_done(&f);
	ctr_image_config_done(&img);
	return rc;
}

int run_replace(struct cmd *c, const struct run_args *a, struct err *e)
{
	char id[65];
	int rc;

	if (!a->replace || !a->name)
		return 0;
	rc = ctr_container_find(c->eng, a->name, id, e);
	if (rc == 0)
		rc = ctr_container_remove(c->eng, id, true, false, 10, e);
	if (rc == -ENOENT) {
		*e = (struct err)ERR_INIT;
		rc = 0;
	}
	return rc;
}

int run_write_cidfile(const struct run_args *a, const char *id, struct err *e)
{
	auto_close int fd = FD_NONE;
	int rc;

	if (!a->cidfile)
		return 0;
	fd = open(a->cidfile, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	rc = fd < 0 ? -errno : fd_write_all(fd, id, strlen(id));
	return rc < 0 ? err_sys(e, rc, "write the container's ID to %s", a->cidfile) : 0;
}
