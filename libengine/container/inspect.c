/* What `inspect` shows of a container: podman's members in podman's order. */
#include <ctrlite/inspect.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include <ctrlite/network.h>
#include <ctrlite/shift.h>
#include <ctrlite/size.h>

#include "cgroup/cgroup-plan.h"
#include "container-priv.h"
#include "fd.h"
#include "image-record.h"
#include "json.h"
#include "namespaces.h"
#include "oci.h"
#include "path.h"
#include "spec/caps.h"
#include "spec/mountopt.h"

#define NS_PER_S 1000000000LL

struct describe {
	struct ctr_engine *eng;
	const struct ctr_request *r;
	const struct ctr_status *s;
	const struct ctr_cgroup_host *cgroups;	/* NULL: none can be had */
	struct ctr_network net;
	struct spec_mounts mounts;
	bool failed;			/* memory is gone */
};

char *ctr_time_str(int64_t ns)
{
	time_t s = (time_t)(ns / NS_PER_S);
	long fraction = (long)(ns % NS_PER_S), off;
	char date[40], frac[24] = "", zone[48] = "Z";
	int digits = 9;
	struct tm tm;

	if (!ns)
		return strdup("0001-01-01T00:00:00Z");
	if (!localtime_r(&s, &tm))
		return NULL;
	(void)strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	if (fraction) {
		for (; fraction % 10 == 0; digits--)
			fraction /= 10;
		(void)snprintf(frac, sizeof(frac), ".%0*ld", digits, fraction);
	}
	off = labs(tm.tm_gmtoff) / 60;
	if (off)
		(void)snprintf(zone, sizeof(zone), "%c%02ld:%02ld", tm.tm_gmtoff < 0 ? '-' : '+',
			       off / 60, off % 60);
	return str_printf("%s%s%s", date, frac, zone);
}

static void set(struct describe *d, json_t *obj, const char *key, json_t *fresh)
{
	if (json_object_set_new(obj, key, fresh) < 0)
		d->failed = true;
}

static void set_str(struct describe *d, json_t *obj, const char *key, const char *s)
{
	set(d, obj, key, json_string(s ? s : ""));
}

static void set_int(struct describe *d, json_t *obj, const char *key, int64_t i)
{
	set(d, obj, key, json_integer(i));
}

static void set_bool(struct describe *d, json_t *obj, const char *key, bool on)
{
	set(d, obj, key, json_boolean(on));
}

static void set_strv(struct describe *d, json_t *obj, const char *key, const struct strv *v)
{
	set(d, obj, key, json_from_strv(v));
}

static void set_time(struct describe *d, json_t *obj, const char *key, int64_t ns)
{
	auto_free char *s = ctr_time_str(ns);

	set(d, obj, key, s ? json_string(s) : NULL);
}

/* @text is a printed string in fresh memory, which is freed. */
static void set_text(struct describe *d, json_t *obj, const char *key, char *text)
{
	set(d, obj, key, text ? json_string(text) : NULL);
	free(text);
}

static int by_bytes(const void *a, const void *b)
{
	char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

/* "KEY=value" strings as an object in order of the keys, as Go prints maps. */
static json_t *map_of(const struct strv *v)
{
	auto_free char **sorted = calloc(v->n + 1, sizeof(*sorted));
	json_t *r = json_object();

	for (size_t i = 0; sorted && i < v->n; i++)
		sorted[i] = v->items[i];
	if (sorted)
		qsort(sorted, v->n, sizeof(*sorted), by_bytes);
	for (size_t i = 0; sorted && i < v->n; i++) {
		size_t len = strcspn(sorted[i], "=");
		auto_free char *key = strndup(sorted[i], len);

		if (!key ||
		    json_object_set_new(
			    r, key, json_string(sorted[i][len] ? sorted[i] + len + 1 : "")) < 0) {
			json_decref(r);
			return NULL;
		}
	}
	if (!sorted) {
		json_decref(r);
		return NULL;
	}
	return r;
}

static const char *or_default(const char *s, const char *def)
{
	return s && *s ? s : def;
}

/* Where it runs; "" where it does not, or has no cgroup of its own. */
static char *cgroup_path(struct describe *d)
{
	char *path = NULL;

	if (d->s->state == CTR_RUNNING)
		(void)fd_close(container_cgroup(d->eng, d->r->id, &path, NULL));
	return path ? path : strdup("");
}

static json_t *state(struct describe *d)
{
	const struct ctr_status *s = d->s;
	json_t *j = json_object();

	set_str(d, j, "OciVersion", "1.0.2");
	set_str(d, j, "Status", ctr_status_str(s));
	set_bool(d, j, "Running", s->state == CTR_RUNNING && !s->paused);
	set_bool(d, j, "Paused", s->paused);
	set_bool(d, j, "Restarting", false);
	set_bool(d, j, "OOMKilled", s->oom_killed);
	set_bool(d, j, "Dead", false);
	set_int(d, j, "Pid", s->state == CTR_RUNNING ? s->pid : 0);
	set_int(d, j, "ConmonPid", s->state == CTR_RUNNING ? s->monitor_pid : 0);
	set_int(d, j, "ExitCode", s->exit_code);
	set_str(d, j, "Error", "");
	set_time(d, j, "StartedAt", s->started_ns);
	set_time(d, j, "FinishedAt", s->finished_ns);
	set(d, j, "Health", json_pack("{s:s, s:i, s:n}", "Status", "", "FailingStreak", 0, "Log"));
	set_text(d, j, "CgroupPath", cgroup_path(d));
	set_time(d, j, "CheckpointedAt", 0);
	set_time(d, j, "RestoredAt", 0);
	return j;
}

static bool user_is_root(const char *user)
{
	size_t len = user ? strcspn(user, ":") : 0;

	return !len || (len == 1 && *user == '0') || (len == 4 && !strncmp(user, "root", 4));
}

static void capabilities(struct describe *d, json_t *j)
{
	auto_strv struct strv names = STRV_INIT, in_force = STRV_INIT;
	uint64_t caps = 0, eff = 0;

	/* Names that do not resolve were refused when it was made. */
	(void)oci_caps(d->r, &caps, NULL);
	(void)oci_effective_caps(d->r, user_is_root(d->r->user), caps, &eff, NULL);
	if (spec_caps_names(caps, &names) < 0 || spec_caps_names(eff, &in_force) < 0)
		d->failed = true;
	set(d, j, "EffectiveCaps", eff ? json_from_strv(&in_force) : json_null());
	set_strv(d, j, "BoundingCaps", &names);
}

static json_t *graph_driver(struct describe *d)
{
	json_t *data = json_object();
	auto_strbuf struct strbuf lower = STRBUF_INIT;
	auto_strv struct strv dirs = STRV_INIT;
	const char *root = d->eng->store.root;

	if (ctr_idmap_shift_dirs_of(d->eng, d->r, &dirs, NULL) < 0)
		d->failed = true;
	for (size_t i = dirs.n; i-- > 0;)
		strbuf_addf(&lower, "%s%s/layers/%s/diff", lower.len ? ":" : "", root, dirs.items[i]);
	if (lower.failed)
		d->failed = true;
	set_str(d, data, "LowerDir", lower.data);
	set_text(d, data, "MergedDir", str_printf("%s/containers/%s/rootfs", root, d->r->id));
	set_text(d, data, "UpperDir", str_printf("%s/containers/%s/upper", root, d->r->id));
	set_text(d, data, "WorkDir", str_printf("%s/containers/%s/work", root, d->r->id));
	return json_pack("{s:s, s:o}", "Name", "overlay", "Data", data);
}

static bool is_propagation(const char *option)
{
	return strstr(option, "private") || strstr(option, "shared") || strstr(option, "slave");
}

static json_t *one_mount(struct describe *d, const struct spec_mount *m, const char *name)
{
	bool volume = m->type == SPEC_MOUNT_VOLUME;
	const char *propagation = volume ? "" : "rprivate";
	json_t *j = json_object(), *options = json_array();

	for (size_t i = 0; i < m->options.n; i++) {
		const char *o = m->options.items[i];

		if (is_propagation(o))
			propagation = o;
		else if (!streq(o, "ro") && !streq(o, "rw") &&
			 json_array_append_new(options, json_string(o)) < 0)
			d->failed = true;
	}
	set_str(d, j, "Type", spec_mount_type_str(m->type));
	if (volume) {
		set_str(d, j, "Name", name);
		set_text(d, j, "Source",
			 str_printf("%s/volumes/%s/_data", d->eng->store.root, name));
	} else {
		set_str(d, j, "Source", m->source);
	}
	set_str(d, j, "Destination", m->dest);
	set_str(d, j, "Driver", volume ? "local" : "");
	set_str(d, j, "Mode", "");
	set(d, j, "Options", options);
	set_bool(d, j, "RW", !m->ro);
	/* the text of an option lives as long as the request */
	set_str(d, j, "Propagation", propagation);
	return j;
}

/* The volume that was made for @dest, which has no name in the request. */
static const char *anonymous_at(const struct ctr_request *r, const char *dest)
{
	for (size_t i = 0; i < r->anon_dests.n && i < r->anon_volumes.n; i++)
		if (streq(r->anon_dests.items[i], dest))
			return r->anon_volumes.items[i];
	return "";
}

static json_t *mounts(struct describe *d)
{
	json_t *list = json_array();

	for (size_t i = 0; i < d->mounts.n; i++) {
		const struct spec_mount *m = &d->mounts.items[i];

		if (m->type != SPEC_MOUNT_BIND && m->type != SPEC_MOUNT_VOLUME)
			continue;
		if (json_array_append_new(
			    list,
			    one_mount(d, m, m->source ? m->source : anonymous_at(d->r, m->dest))) <
		    0)
			d->failed = true;
	}
	for (size_t i = 0; i < d->r->anon_dests.n && i < d->r->anon_volumes.n; i++) {
		struct spec_mount m = { .type = SPEC_MOUNT_VOLUME,
					.dest = d->r->anon_dests.items[i] };

		if (spec_mounts_find(&d->mounts, m.dest))
			continue;
		if (json_array_append_new(list, one_mount(d, &m, d->r->anon_volumes.items[i])) < 0)
			d->failed = true;
	}
	return list;
}

/* Parse what the request keeps as texts.  They were understood when it was made. */
static int read_texts(struct describe *d, struct err *e)
{
	const struct ctr_request *r = d->r;
	int rc = 0;

	for (size_t i = 0; rc >= 0 && i < r->networks.n; i++)
		rc = ctr_network_parse(&d->net, r->networks.items[i], e);
	for (size_t i = 0; rc >= 0 && i < r->publish.n; i++)
		rc = ctr_network_add_port(&d->net, r->publish.items[i], e);
	for (size_t i = 0; rc >= 0 && i < r->volumes.n; i++)
		rc = spec_mounts_add_volume(&d->mounts, r->volumes.items[i], "/", e);
	for (size_t i = 0; rc >= 0 && i < r->mounts.n; i++)
		rc = spec_mounts_add_mount(&d->mounts, r->mounts.items[i], "/", e);
	for (size_t i = 0; rc >= 0 && i < r->tmpfs.n; i++)
		rc = spec_mounts_add_tmpfs(&d->mounts, r->tmpfs.items[i], e);
	return rc < 0 ? err_wrap(e, rc, "read container %.12s", r->id) : 0;
}

static json_t *ports(struct describe *d)
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
				set(d, map, key, json_array());
				list = json_object_get(map, key);
			}
			if (json_array_append_new(list,
						  json_pack("{s:s, s:s}", "HostIp",
							    p->host_ip[0] ? p->host_ip : "0.0.0.0",
							    "HostPort", host_port)) < 0)
				d->failed = true;
		}
	}
	return map;
}

/* The addresses of one attachment: pasta and slirp4netns give the host's, which are not ours to
 * report. */
static void addresses(struct describe *d, json_t *j)
{
	set_str(d, j, "EndpointID", "");
	set_str(d, j, "Gateway", "");
	set_str(d, j, "IPAddress", "");
	set_int(d, j, "IPPrefixLen", 0);
	set_str(d, j, "IPv6Gateway", "");
	set_str(d, j, "GlobalIPv6Address", "");
	set_int(d, j, "GlobalIPv6PrefixLen", 0);
	set_str(d, j, "MacAddress", "");
}

static json_t *network_settings(struct describe *d)
{
	json_t *j = json_object(), *nets = json_object(), *net;

	addresses(d, j);
	set_str(d, j, "Bridge", "");
	set_str(d, j, "SandboxID", "");
	set_bool(d, j, "HairpinMode", false);
	set_str(d, j, "LinkLocalIPv6Address", "");
	set_int(d, j, "LinkLocalIPv6PrefixLen", 0);
	set(d, j, "Ports", ports(d));
	if (d->s->state == CTR_RUNNING)
		set_text(d, j, "SandboxKey", str_printf("/proc/%d/ns/net", (int)d->s->pid));
	else
		set_str(d, j, "SandboxKey", "");
	if (d->net.mode != CTR_NET_NONE && d->net.mode != CTR_NET_HOST) {
		net = json_object();
		addresses(d, net);
		set_str(d, net, "NetworkID", ctr_net_mode_str(d->net.mode));
		set(d, net, "DriverOpts", json_null());
		set(d, net, "IPAMConfig", json_null());
		set(d, net, "Links", json_null());
		set(d, net, "Aliases", json_pack("[s]", d->r->name));
		set(d, nets, ctr_net_mode_str(d->net.mode), net);
	}
	set(d, j, "Networks", nets);
	return j;
}

static json_t *config(struct describe *d)
{
	const struct ctr_request *r = d->r;
	json_t *j = json_object(), *volumes = json_object();
	char umask_buf[16];

	for (size_t i = 0; i < r->image_volumes.n; i++)
		set(d, volumes, r->image_volumes.items[i], json_object());
	if (r->hostname)
		set_str(d, j, "Hostname", r->hostname);
	else
		set(d, j, "Hostname", json_stringn(r->id, 12));
	set_str(d, j, "Domainname", r->domainname);
	set_str(d, j, "User", r->user);
	set_bool(d, j, "AttachStdin", false);
	set_bool(d, j, "AttachStdout", false);
	set_bool(d, j, "AttachStderr", false);
	set_bool(d, j, "Tty", r->tty);
	set_bool(d, j, "OpenStdin", r->open_stdin);
	set_bool(d, j, "StdinOnce", false);
	set_strv(d, j, "Env", &r->env);
	set(d, j, "Cmd", r->cmd.n ? json_from_strv(&r->cmd) : json_null());
	set_str(d, j, "Image", r->image);
	set(d, j, "Volumes", json_object_size(volumes) ? json_incref(volumes) : json_null());
	json_decref(volumes);
	set_str(d, j, "WorkingDir", or_default(r->cwd, "/"));
	set(d, j, "Entrypoint", r->entrypoint.n ? json_from_strv(&r->entrypoint) : json_null());
	set(d, j, "OnBuild", json_null());
	set(d, j, "Labels", map_of(&r->labels));
	set(d, j, "Annotations", map_of(&r->annotations));
	set_str(d, j, "StopSignal", sig_name(r->stop_signal));
	set_str(d, j, "HealthcheckOnFailureAction", "none");
	set_strv(d, j, "CreateCommand", &r->command_line);
	if (r->tz)
		set_str(d, j, "Timezone", r->tz);
	(void)snprintf(umask_buf, sizeof(umask_buf), "%s", or_default(r->umask, "0022"));
	set_str(d, j, "Umask", umask_buf);
	set_int(d, j, "Timeout", r->timeout_s);
	set_int(d, j, "StopTimeout", r->stop_timeout_s);
	set_bool(d, j, "Passwd", !r->no_passwd);
	set_str(d, j, "sdNotifyMode", "container");
	return j;
}

static json_t *binds(struct describe *d)
{
	json_t *list = json_array();

	for (size_t i = 0; i < d->mounts.n; i++) {
		const struct spec_mount *m = &d->mounts.items[i];
		auto_strbuf struct strbuf b = STRBUF_INIT;

		if (m->type != SPEC_MOUNT_BIND && m->type != SPEC_MOUNT_VOLUME)
			continue;
		strbuf_addf(&b, "%s:%s:%s", m->source ? m->source : anonymous_at(d->r, m->dest),
			    m->dest, m->ro ? "ro" : "rw");
		for (size_t k = 0; k < m->options.n; k++)
			if (!streq(m->options.items[k], "ro") && !streq(m->options.items[k], "rw"))
				strbuf_addf(&b, ",%s", m->options.items[k]);
		if (b.failed || json_array_append_new(list, json_string(b.data)) < 0)
			d->failed = true;
	}
	return list;
}

static json_t *tmpfs(struct describe *d)
{
	json_t *map = json_object();

	for (size_t i = 0; i < d->mounts.n; i++) {
		const struct spec_mount *m = &d->mounts.items[i];
		auto_strbuf struct strbuf b = STRBUF_INIT;

		if (m->type != SPEC_MOUNT_TMPFS)
			continue;
		for (size_t k = 0; k < m->options.n; k++)
			strbuf_addf(&b, "%s%s", k ? "," : "", m->options.items[k]);
		set_str(d, map, m->dest, b.data);
	}
	return map;
}

static json_t *security_opts(struct describe *d)
{
	const struct ctr_request *r = d->r;
	json_t *list = json_array();
	int rc = 0;

	if (r->no_new_privs)
		rc |= json_array_append_new(list, json_string("no-new-privileges"));
	if (r->seccomp)
		rc |= json_array_append_new(list, json_sprintf("seccomp=%s", r->seccomp));
	if (r->apparmor)
		rc |= json_array_append_new(list, json_sprintf("apparmor=%s", r->apparmor));
	for (size_t i = 0; i < r->labels_lsm.n; i++)
		rc |= json_array_append_new(list, json_sprintf("label=%s", r->labels_lsm.items[i]));
	for (size_t i = 0; i < r->proc_opts.n; i++)
		rc |= json_array_append_new(list, json_sprintf("proc-opts=%s", r->proc_opts.items[i]));
	for (size_t i = 0; i < r->mask.n; i++)
		rc |= json_array_append_new(list, json_sprintf("mask=%s", r->mask.items[i]));
	for (size_t i = 0; i < r->unmask.n; i++)
		rc |= json_array_append_new(list, json_sprintf("unmask=%s", r->unmask.items[i]));
	if (rc)
		d->failed = true;
	return list;
}

/* "nofile=1024:2048" as {Name, Soft, Hard}. */
static json_t *ulimits(struct describe *d)
{
	json_t *list = json_array();

	for (size_t i = 0; i < d->r->ulimits.n; i++) {
		const char *text = d->r->ulimits.items[i], *eq = strchr(text, '='), *colon;
		char name[32] = "RLIMIT_";
		size_t len = 7;

		if (!eq)
			continue;
		for (const char *c = text; c < eq && len + 1 < sizeof(name); c++)
			name[len++] = (char)(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c);
		name[len] = '\0';
		colon = strchr(eq, ':');
		if (json_array_append_new(list,
					  json_pack("{s:s, s:I, s:I}", "Name", name, "Soft",
						    (json_int_t)strtoll(eq + 1, NULL, 10), "Hard",
						    (json_int_t)strtoll(colon ? colon + 1 : eq + 1,
									NULL, 10))) < 0)
			d->failed = true;
	}
	return list;
}

/* As podman shows it: what was asked for, or what systemd's scopes are made in. */
static const char *cgroup_parent(const struct describe *d)
{
	if (d->r->cgroup_parent || !d->cgroups || d->cgroups->manager != CTR_CGROUP_SYSTEMD)
		return d->r->cgroup_parent;
	return d->eng->rootless ? "user.slice" : "machine.slice";
}

/* [{"Path": "/dev/sda", "Rate": 1048576}, ...]; podman's null where there are none. */
static json_t *device_limits(struct describe *d, const struct strv *entries, bool weight)
{
	json_t *list = entries->n ? json_array() : json_null();

	for (size_t i = 0; i < entries->n; i++) {
		const char *colon = strrchr(entries->items[i], ':');
		uint64_t n = 0;

		(void)str_size(colon + 1, &n); /* checked when the container was made */
		if (json_array_append_new(list, json_pack("{s:s%, s:I}", "Path", entries->items[i],
							  (size_t)(colon - entries->items[i]),
							  weight ? "Weight" : "Rate", (json_int_t)n)) < 0)
			d->failed = true;
	}
	return list;
}

/* The number of processors that quota and period make, in billionths. */
static int64_t nano_cpus(const struct spec_resources *l)
{
	if (l->cpu_quota_us <= 0 || !l->cpu_period_us)
		return 0;
	return (int64_t)((double)l->cpu_quota_us / (double)l->cpu_period_us * 1e9);
}

static void resources(struct describe *d, json_t *j)
{
	static const char *const zeros[] = {
		"CpuRealtimePeriod", "CpuRealtimeRuntime", "DiskQuota", "KernelMemory",
		"MemorySwappiness", "CpuCount", "CpuPercent", "IOMaximumIOps", "IOMaximumBandwidth",
	};
	const struct spec_resources *l = &d->r->limits;
	bool pids = d->cgroups && d->cgroups->manager != CTR_CGROUP_DISABLED &&
		    strv_has(&d->cgroups->controllers, "pids") &&
		    !(d->r->cgroups_mode && streq(d->r->cgroups_mode, "disabled"));
	int64_t swap = l->memory_swap ? l->memory_swap : 2 * l->memory;

	for (size_t i = 0; i < sizeof(zeros) / sizeof(*zeros); i++)
		set_int(d, j, zeros[i], 0);
	set_int(d, j, "CpuShares", (int64_t)l->cpu_shares);
	set_int(d, j, "Memory", l->memory);
	set_int(d, j, "NanoCpus", nano_cpus(l));
	set_int(d, j, "CpuPeriod", (int64_t)l->cpu_period_us);
	set_int(d, j, "CpuQuota", l->cpu_quota_us);
	set_int(d, j, "MemoryReservation", l->memory_reservation);
	set_int(d, j, "MemorySwap", swap);
	set_int(d, j, "PidsLimit", l->pids ? l->pids : pids ? CGROUP_PIDS_DEFAULT : 0);
	set_int(d, j, "BlkioWeight", l->blkio_weight);
	set(d, j, "BlkioWeightDevice", device_limits(d, &l->blkio_weight_device, true));
	set(d, j, "BlkioDeviceReadBps", device_limits(d, &l->device_read_bps, false));
	set(d, j, "BlkioDeviceWriteBps", device_limits(d, &l->device_write_bps, false));
	set(d, j, "BlkioDeviceReadIOps", device_limits(d, &l->device_read_iops, false));
	set(d, j, "BlkioDeviceWriteIOps", device_limits(d, &l->device_write_iops, false));
	set(d, j, "CgroupConf", l->unified.n ? map_of(&l->unified) : json_null());
	set_str(d, j, "CpusetCpus", l->cpuset_cpus);
	set_str(d, j, "CpusetMems", l->cpuset_mems);
	set_str(d, j, "CgroupParent", cgroup_parent(d));
	set_bool(d, j, "OomKillDisable", false);
}

static json_t *devices(struct describe *d)
{
	json_t *list = json_array();

	for (size_t i = 0; i < d->r->devices.n; i++) {
		auto_strv struct strv parts = STRV_INIT;
		const char *in = NULL, *mode = "rwm";

		if (strv_split(&parts, d->r->devices.items[i], ':') < 0) {
			d->failed = true;
			break;
		}
		if (parts.n > 1 && parts.items[1][0] == '/')
			in = parts.items[1];
		if (parts.n > 1 && parts.items[parts.n - 1][0] != '/')
			mode = parts.items[parts.n - 1];
		if (json_array_append_new(list,
					  json_pack("{s:s, s:s, s:s}", "PathOnHost", parts.items[0],
						    "PathInContainer", in ? in : parts.items[0],
						    "CgroupPermissions", mode)) < 0)
			d->failed = true;
	}
	return list;
}

/* The default is what a start takes: pasta where it is installed. */
static char *network_mode(const struct describe *d)
{
	auto_free char *pasta = NULL;

	if (d->net.mode != CTR_NET_PRIVATE)
		return ctr_network_value(&d->net);
	pasta = path_find_program("pasta");
	return strdup(ctr_net_mode_str(pasta ? CTR_NET_PASTA : CTR_NET_SLIRP));
}

/* As podman: what nobody asked to keep private can be shared, and is shown so. */
static const char *ipc_mode(const struct ctr_request *r)
{
	bool own = r->ipc_mode && (streq(r->ipc_mode, "private") || streq(r->ipc_mode, "none"));

	return own ? "private" : or_default(r->ipc_mode, "shareable");
}

static const char *userns_mode(const struct ctr_request *r)
{
	if (!r->userns)
		return "";
	return ns_is_joined(r->userns) ? r->userns : "private";
}

/* "0:1:1000,1000:0:1" as a list. */
static json_t *map_list(const char *text)
{
	auto_strv struct strv parts = STRV_INIT;

	return strv_split(&parts, text, ',') < 0 ? NULL : json_from_strv(&parts);
}

static json_t *id_mappings(const struct ctr_request *r)
{
	if (!r->inner_uidmap || !r->inner_gidmap)
		return json_null();
	return json_pack("{s:o, s:o}", "UidMap", map_list(r->inner_uidmap), "GidMap",
			 map_list(r->inner_gidmap));
}

/* The containers whose namespaces it shares, each once. */
static json_t *dependencies(struct describe *d)
{
	const struct ctr_request *r = d->r;
	const char *const modes[] = { r->userns, ns_network(r), r->ipc_mode, r->uts_mode, r->pid_mode,
				      r->cgroupns_mode };
	auto_strv struct strv ids = STRV_INIT;

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		const char *id = modes[i] ? str_after(modes[i], "container:") : NULL;

		if (id && !strv_has(&ids, id) && strv_add(&ids, id) < 0)
			d->failed = true;
	}
	return json_from_strv(&ids);
}

static json_t *host_config(struct describe *d)
{
	const struct ctr_request *r = d->r;
	const char *driver = or_default(r->log_driver, "k8s-file");
	json_t *j = json_object(), *log = json_object();

	set_str(d, log, "Type", driver);
	set(d, log, "Config", json_null());
	if (streq(driver, "none"))
		set_str(d, log, "Path", "");
	else
		set_text(d, log, "Path",
			 str_printf("%s/containers/%s/ctr.log", d->eng->store.root, r->id));
	set_str(d, log, "Tag", "");
	set_text(d, log, "Size", str_printf("%lluB", (unsigned long long)r->log_max_bytes));

	set(d, j, "Binds", binds(d));
	set_str(d, j, "CgroupManager",
		ctr_cgroup_manager_str(d->cgroups ? d->cgroups->manager : CTR_CGROUP_DISABLED));
	set_str(d, j, "CgroupMode", or_default(r->cgroupns_mode, "private"));
	set_str(d, j, "ContainerIDFile", r->cidfile);
	set(d, j, "LogConfig", log);
	set_text(d, j, "NetworkMode", network_mode(d));
	set(d, j, "PortBindings", ports(d));
	set(d, j, "RestartPolicy", json_pack("{s:s, s:i}", "Name", "no", "MaximumRetryCount", 0));
	set_bool(d, j, "AutoRemove", r->rm);
	set(d, j, "Annotations", map_of(&r->annotations));
	set_str(d, j, "VolumeDriver", "");
	set(d, j, "VolumesFrom", json_null());
	set_strv(d, j, "CapAdd", &r->cap_add);
	set_strv(d, j, "CapDrop", &r->cap_drop);
	set_strv(d, j, "Dns", &r->dns);
	set_strv(d, j, "DnsOptions", &r->dns_option);
	set_strv(d, j, "DnsSearch", &r->dns_search);
	set_strv(d, j, "ExtraHosts", &r->add_hosts);
	set_strv(d, j, "GroupAdd", &r->group_add);
	set_str(d, j, "IpcMode", ipc_mode(r));
	set_str(d, j, "Cgroup", "");
	set_str(d, j, "Cgroups", !r->cgroups_mode || streq(r->cgroups_mode, "enabled") ? "default"
										       : r->cgroups_mode);
	set(d, j, "Links", json_null());
	set_int(d, j, "OomScoreAdj", r->oom_score_adj);
	set_str(d, j, "PidMode", or_default(r->pid_mode, "private"));
	set_bool(d, j, "Privileged", r->privileged);
	set_bool(d, j, "PublishAllPorts", false);
	set_bool(d, j, "ReadonlyRootfs", r->read_only);
	set(d, j, "SecurityOpt", security_opts(d));
	set(d, j, "Tmpfs", tmpfs(d));
	set_str(d, j, "UTSMode", or_default(r->uts_mode, "private"));
	set_str(d, j, "UsernsMode", userns_mode(r));
	set(d, j, "IDMappings", id_mappings(r));
	set_int(d, j, "ShmSize", (int64_t)r->shm_size_bytes);
	set_str(d, j, "Runtime", "oci");
	set(d, j, "ConsoleSize", json_pack("[i, i]", 0, 0));
	set_str(d, j, "Isolation", "");
	set_bool(d, j, "Init", r->init);
	set(d, j, "Devices", devices(d));
	set(d, j, "Ulimits", ulimits(d));
	resources(d, j);
	return j;
}

static void paths(struct describe *d, json_t *j)
{
	const char *root = d->eng->store.root, *id = d->r->id;

	set_text(d, j, "ResolvConfPath", str_printf("%s/containers/%s/resolv.conf", root, id));
	set_text(d, j, "HostnamePath", str_printf("%s/containers/%s/hostname", root, id));
	set_text(d, j, "HostsPath", str_printf("%s/containers/%s/hosts", root, id));
	set_text(d, j, "StaticDir", str_printf("%s/containers/%s", root, id));
	set_text(d, j, "OCIConfigPath", str_printf("%s/containers/%s/config.json", root, id));
	set_str(d, j, "OCIRuntime", or_default(d->r->runtime, "ctr-lite-runtime"));
	set_str(d, j, "ConmonPidFile", "");
	set_str(d, j, "PidFile", "");
}

/* The program is the first word of entrypoint and command together, the rest its arguments. */
static void command(struct describe *d, json_t *j)
{
	const struct ctr_request *r = d->r;
	json_t *args = json_array();
	size_t n = r->entrypoint.n + r->cmd.n;

	for (size_t i = 1; i < n; i++)
		if (json_array_append_new(args, json_string(i < r->entrypoint.n
				? r->entrypoint.items[i] : r->cmd.items[i - r->entrypoint.n])) < 0)
			d->failed = true;
	set_str(d, j, "Path",
		r->entrypoint.n ? r->entrypoint.items[0]
		: r->cmd.n	? r->cmd.items[0]
				: "");
	set(d, j, "Args", args);
}

static int sizes(struct describe *d, json_t *j, struct err *e)
{
	struct image_record rec = IMAGE_RECORD_INIT;
	struct digest manifest;
	uint64_t rw = 0;
	int r = ctr_container_size(d->eng, d->r->id, &rw, e);

	if (r >= 0)
		r = digest_parse_hex(d->r->manifest, &manifest, e);
	if (r >= 0 && image_record_read(&d->eng->store, &manifest, &rec, NULL) < 0)
		rec.size_bytes = 0;	/* the image is gone: only what was written is known */
	if (r < 0)
		return r;
	set_int(d, j, "SizeRw", (int64_t)rw);
	set_int(d, j, "SizeRootFs", (int64_t)(rw + rec.size_bytes));
	image_record_done(&rec);
	return 0;
}

static int describe(struct describe *d, bool size, json_t *j, struct err *e)
{
	const struct ctr_request *r = d->r;
	int rc;

	set_str(d, j, "Id", r->id);
	set_time(d, j, "Created", r->created_ns);
	command(d, j);
	set(d, j, "State", state(d));
	set_str(d, j, "Image", r->image_id);
	set(d, j, "ImageDigest", json_sprintf("sha256:%s", r->manifest ? r->manifest : ""));
	set_str(d, j, "ImageName", r->image);
	set_str(d, j, "Rootfs", "");
	set_str(d, j, "Pod", "");
	paths(d, j);
	set_str(d, j, "Name", r->name);
	set_int(d, j, "RestartCount", 0);
	set_str(d, j, "Driver", "overlay");
	set_str(d, j, "MountLabel", "");
	set_str(d, j, "ProcessLabel", "");
	set_str(d, j, "AppArmorProfile", r->apparmor);
	capabilities(d, j);
	set(d, j, "ExecIDs", json_array());
	set(d, j, "GraphDriver", graph_driver(d));
	rc = size ? sizes(d, j, e) : 0;
	if (rc < 0)
		return rc;
	set(d, j, "Mounts", mounts(d));
	set(d, j, "Dependencies", dependencies(d));
	set(d, j, "NetworkSettings", network_settings(d));
	set_str(d, j, "Namespace", "");
	set_bool(d, j, "IsInfra", false);
	set_bool(d, j, "IsService", false);
	set(d, j, "Config", config(d));
	set(d, j, "HostConfig", host_config(d));
	return d->failed ? err_sys(e, ENOMEM, "describe container %.12s", r->id) : 0;
}

int ctr_container_inspect(struct ctr_engine *eng, const struct ctr_container *c, bool size,
			  json_t **ret, struct err *e)
{
	struct describe d = { .eng = eng, .r = &c->req, .s = &c->status, .net = CTR_NETWORK_INIT,
			      .mounts = SPEC_MOUNTS_INIT };
	auto_json json_t *j = json_object();
	int r = read_texts(&d, e);

	(void)ctr_engine_cgroups(eng, &d.cgroups, NULL); /* what was chosen may not work any more */
	if (r >= 0)
		r = describe(&d, size, j, e);
	ctr_network_done(&d.net);
	spec_mounts_done(&d.mounts);
	if (r < 0)
		return r;
	*ret = json_incref(j);
	return 0;
}
