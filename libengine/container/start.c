/* Starting containers: the files of one run, then the monitor. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "container-priv.h"
#include "ctrlite/helper-path.h"
#include "depends.h"
#include "explain.h"
#include "file.h"
#include "json.h"
#include "launch.h"
#include "log.h"
#include "oci.h"
#include "path.h"

#define EXPLAIN_MAX_BYTES (16u << 20)
#define OUR_RUNTIME "ctr-lite-runtime"

bool runtime_is_ours(const char *name)
{
	return !name || streq(path_base(name), OUR_RUNTIME);
}

int runtime_path(const char *name, char **ret_path, bool *ret_ours, struct err *e)
{
	*ret_ours = runtime_is_ours(name);
	if (!name || streq(name, OUR_RUNTIME))
		return ctr_helper_path(OUR_RUNTIME, ret_path, e);
	*ret_path = path_find_program(name);
	if (!*ret_path)
		return err_set(e, ERR_NOT_FOUND, "the OCI runtime \"%s\" was not found: give a path, or "
			       "install it", name);
	return 0;
}

int request_runtime(const struct ctr_engine *eng, struct ctr_request *r, struct err *e)
{
	const char *name = eng->runtime;

	if (r->runtime || !name)
		return 0;
	/* The monitor, and later commands, work from other directories. */
	r->runtime = strchr(name, '/') && name[0] != '/' ? realpath(name, NULL) : strdup(name);
	return r->runtime ? 0 : err_sys(e, errno, "find the OCI runtime %s", name);
}

/* The network part of a request, parsed. */
struct net {
	struct ctr_network network;
	struct ctr_net_names names;
	struct ctr_net_plan plan;
};
#define NET_INIT { .network = CTR_NETWORK_INIT, .plan = CTR_NET_PLAN_INIT }

static void net_done(struct net *n)
{
	ctr_network_done(&n->network);
	ctr_net_names_done(&n->names);
	ctr_net_plan_done(&n->plan);
}

static int copy_list(struct strv *to, const struct strv *from)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < from->n; i++)
		rc = strv_add(to, from->items[i]);
	return rc;
}

/* Parse, check and plan; random ports are written back into the request. */
static int plan_network(struct ctr_request *r, struct net *n, struct err *e)
{
	bool dropped = false;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < r->networks.n; i++)
		rc = ctr_network_parse(&n->network, r->networks.items[i], e);
	for (size_t i = 0; rc == 0 && i < r->publish.n; i++)
		rc = ctr_network_add_port(&n->network, r->publish.items[i], e);
	if (rc < 0)
		return rc;
	if (copy_list(&n->names.dns, &r->dns) < 0 ||
	    copy_list(&n->names.dns_search, &r->dns_search) < 0 ||
	    copy_list(&n->names.dns_option, &r->dns_option) < 0 ||
	    copy_list(&n->names.add_host, &r->add_hosts) < 0)
		return err_sys(e, ENOMEM, "plan the network");
	n->names.no_hosts = r->no_hosts;
	n->names.no_hostname = r->no_hostname;
	rc = ctr_network_check(&n->network, &n->names, &dropped, e);
	if (rc == 0)
		rc = ctr_network_plan(&n->network, &n->plan, e);
	if (dropped)
		log_warn("Port mappings have been discarded because \"%s\" network namespace mode does "
			 "not support them", ctr_net_mode_str(n->network.mode));
	if (n->plan.warning)
		log_warn("%s", n->plan.warning);
	if (rc < 0 || !r->publish.n)
		return rc;
	strv_done(&r->publish);
	for (size_t i = 0; i < n->network.n_ports; i++)
		if (strv_add_take(&r->publish, ctr_net_port_spec(&n->network.ports[i])) < 0)
			return err_sys(e, ENOMEM, "plan the network");
	return 0;
}

/* On the host's network a container is known by the host's name. */
static const char *hostname_of(const struct ctr_request *r, const struct ns_plan *ns, bool host_net,
			       char buf[65])
{
	if (ns->hostname)
		return ns->hostname;
	if (r->hostname && r->hostname[0])
		return r->hostname;
	if (((r->uts_mode && streq(r->uts_mode, "host")) || host_net) && gethostname(buf, 65) == 0) {
		buf[64] = '\0';
		return buf;
	}
	(void)snprintf(buf, 65, "%.12s", r->id);
	return buf;
}

/* Bind sources are looked at before anything is made: a missing one is the user's error. */
static int check(struct ctr_engine *eng, const struct ctr_request *r, struct err *e)
{
	struct spec_mounts m = SPEC_MOUNTS_INIT;
	int rc = request_mounts(r, &m, e);
	struct stat root;

	if (rc == 0 && r->rootfs && (stat(r->rootfs, &root) < 0 || !S_ISDIR(root.st_mode)))
		rc = err_set(e, ERR_NOT_FOUND, "the root filesystem %s is no directory", r->rootfs);
	if (rc == 0)
		rc = oci_check(eng, r, e);
	for (size_t i = 0; rc == 0 && i < m.n; i++) {
		struct stat st;

		if (m.items[i].type == SPEC_MOUNT_BIND && stat(m.items[i].source, &st) < 0)
			rc = err_sys(e, errno, "statfs %s", m.items[i].source);
		if (rc == 0 && m.items[i].type == SPEC_MOUNT_BIND && m.items[i].overlay &&
		    !S_ISDIR(st.st_mode))
			rc = err_set(e, ERR_INVALID, "%s: an overlay (O) needs a directory",
				     m.items[i].source);
		if (rc == 0 && m.items[i].idmap && eng->rootless)
			rc = err_set(e, ERR_UNSUPPORTED, "%s: id-mapped mounts of the host's file systems "
				     "need root", m.items[i].dest);
	}
	spec_mounts_done(&m);
	return rc;
}

int ctr_container_prepare(struct ctr_engine *eng, struct ctr_request *r, struct err *e)
{
	struct cgroup_plan cg = CGROUP_PLAN_INIT;
	struct net n = NET_INIT;
	int rc = request_runtime(eng, r, e);

	if (rc == 0)
		rc = container_expand_mounts(eng, r, e);
	if (rc == 0)
		rc = check(eng, r, e);
	if (rc == 0)
		rc = cgroup_plan(eng, r, &cg, e);
	if (rc == 0)
		rc = plan_network(r, &n, e);
	net_done(&n);
	cgroup_plan_done(&cg);
	return rc;
}

/* /run/.containerenv says that this is a container; to a privileged one, which could find out
 * anyway, it says which. */
static int write_containerenv(struct ctr_engine *eng, const struct ctr_request *r, int run,
			      struct err *e)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;
	int rc;

	strbuf_add(&b, "");
	if (r->privileged)
		strbuf_addf(&b, "engine=\"ctr-lite-%s\"\nname=\"%s\"\nid=\"%s\"\nimage=\"%s\"\n"
			    "imageid=\"%s\"\nrootless=%d\n", CTR_VERSION, r->name, r->id,
			    r->image ? r->image : "", r->image_id, eng->rootless);
	rc = b.failed ? -ENOMEM : file_replace(run, ".containerenv", b.data, b.len, 0644, FILE_SYNC_NONE);
	return rc < 0 ? err_sys(e, rc, "write .containerenv") : 0;
}

/* --hosts-file: what hosts begins with, instead of the host's. */
static int read_hosts_base(struct ctr_engine *eng, const struct ctr_request *r, char **ret, struct err *e)
{
	auto_strv struct strv dirs = STRV_INIT;
	auto_merged struct merged m = MERGED_INIT;
	size_t len;
	int rc;

	if (!r->hosts_file)
		return 0;
	if (streq(r->hosts_file, "none")) {
		rc = -ENOENT;
	} else if (!streq(r->hosts_file, "image")) {
		rc = file_read_path(r->hosts_file, CTR_NET_FILE_MAX_BYTES, ret, &len);
		return rc < 0 ? err_sys(e, rc, "--hosts-file: read %s", r->hosts_file) : 0;
	} else {
		if (oci_rootfs_dirs(eng, r, &dirs) < 0 ||
		    merged_init(&m, (const char *const *)dirs.items, dirs.n) < 0)
			return err_sys(e, ENOMEM, "read the image's /etc/hosts");
		rc = merged_read(&m, "/etc/hosts", CTR_NET_FILE_MAX_BYTES, ret, &len);
	}
	if (rc == -ENOENT) {
		*ret = strdup("");
		rc = *ret ? 0 : -ENOMEM;
	}
	return rc < 0 ? err_sys(e, rc, "read the image's /etc/hosts") : 0;
}

/* Of a network that is shared the files are, too. */
static int write_net_files(struct ctr_engine *eng, const struct ctr_request *r, struct net *n,
			   const struct ns_plan *ns, int run, const char *hostname, struct err *e)
{
	auto_close int from = FD_NONE;
	int rc = read_hosts_base(eng, r, &n->names.hosts_base, e);

	if (rc < 0)
		return rc;

	if (!ns->net_of)
		return ctr_network_write_files(run, &n->plan, &n->names, hostname, r->name, e);
	from = container_run_dir(eng, ns->net_of, false, e);
	if (from == -ENOENT)
		return ns_not_running(ns->net_of, "net", e);
	return from < 0 ? from : ctr_network_copy_files(run, from, hostname, e);
}

/* The files in the run directory (@run FD_NONE: none is written) and config.json as text. */
static int make_config(struct ctr_engine *eng, const struct ctr_request *r, struct net *n,
		       const struct ns_plan *ns, const struct cgroup_plan *cg, int run,
		       struct strv *append, char **ret, struct err *e)
{
	auto_free char *run_path = str_printf("%s/containers/%s", eng->store.run, r->id);
	struct oci_build b = { .eng = eng, .req = r, .run_dir = run_path, .cgroup = cg };
	char host[65];
	int rc;

	if (!run_path)
		return err_sys(e, ENOMEM, "start container %.12s", r->id);
	b.ns = ns;
	b.host_net = !n->plan.new_netns;
	b.hostname = hostname_of(r, ns, n->plan.mode == CTR_NET_HOST, host);
	b.our_runtime = runtime_is_ours(r->runtime);
	rc = ctr_engine_idmap(eng, &b.map, e);
	if (rc < 0)
		return rc;
	b.single = b.map && idmap_is_single(b.map);
	b.map = ns->inner ? ns->inner : b.map;
	/* Of its own user namespace the network that was there before is not. */
	b.host_sys = b.map && b.host_net && (ns->own || !ns_is_joined(ns_network(r)));
	rc = write_net_files(eng, r, n, ns, run, b.hostname, e);
	if (rc < 0)
		return rc;
	b.files = (unsigned int)rc | OCI_FILE_CONTAINERENV | (r->tz ? OCI_FILE_LOCALTIME : 0);
	rc = run >= 0 ? write_containerenv(eng, r, run, e) : 0;
	if (rc == 0 && run >= 0 && r->tz)
		rc = localtime_write(run, r, e);
	if (rc == 0 && run >= 0)
		rc = container_place_secrets(eng, r, run, e);
	if (rc == 0)
		rc = oci_config_text(&b, ret, e);
	if (rc == 0) {
		*append = b.append;
		b.append = (struct strv)STRV_INIT;
	}
	oci_build_done(&b);
	return rc;
}

static int write_files(struct ctr_engine *eng, const struct ctr_request *r, struct net *n,
		       const struct ns_plan *ns, const struct cgroup_plan *cg, bool fresh,
		       struct strv *append, struct err *e)
{
	auto_close int dir = container_dir(eng, r->id, e);
	auto_close int run = FD_NONE;
	auto_free char *text = NULL;
	int rc;

	if (dir < 0)
		return dir;
	run = container_run_dir(eng, r->id, true, e);
	if (run < 0)
		return run;
	rc = make_config(eng, r, n, ns, cg, run, append, &text, e);
	if (rc < 0)
		return rc;
	rc = fresh ? write_file_at(dir, "config.json", text, strlen(text), 0600)
		   : file_replace(dir, "config.json", text, strlen(text), 0600, FILE_SYNC_NONE);
	return rc < 0 ? err_sys(e, rc, "write config.json") : 0;
}

static bool wants_new_netns(const struct ctr_request *r)
{
	return !ns_is_foreign(ns_network(r));
}

struct ctr_launch {
	char *id;
	struct launch l;
};

int ctr_launch_begin(struct ctr_engine *eng, bool host_net, struct ctr_launch **ret, struct err *e)
{
	static const struct ns_plan plain = NS_PLAN_INIT;
	struct ctr_launch *l = calloc(1, sizeof(*l));
	int rc;

	if (!l)
		return err_sys(e, ENOMEM, "start the monitor");
	l->l = (struct launch)LAUNCH_INIT;
	rc = container_new_id(&l->id, e);
	if (rc == 0)
		rc = launch_begin(eng, l->id, !host_net, &plain, &l->l, e);
	if (rc < 0) {
		ctr_launch_free(l);
		return rc;
	}
	*ret = l;
	return 0;
}

void ctr_launch_free(struct ctr_launch *l)
{
	if (!l)
		return;
	launch_done(&l->l);
	free(l->id);
	free(l);
}

int ctr_container_run(struct ctr_engine *eng, struct ctr_launch *l, struct ctr_request *r,
		      const struct ctr_start_opts *o, int *ret_sock, struct err *e)
{
	struct cgroup_plan cg = CGROUP_PLAN_INIT;
	auto_launch struct launch late = LAUNCH_INIT;
	struct ns_plan ns = { .first_start = true };
	struct launch *launch = l ? &l->l : &late;
	struct net n = NET_INIT;
	bool created;
	int rc;

	free(take_ptr(&r->id));
	if (l)
		r->id = strdup(l->id);
	/* Everything that can be refused without making anything comes first. */
	rc = !l || r->id ? container_expand_mounts(eng, r, e) : err_sys(e, ENOMEM, "run a container");
	if (rc == 0)
		rc = check(eng, r, e);
	if (rc == 0)
		rc = cgroup_plan(eng, r, &cg, e);
	if (rc == 0)
		rc = plan_network(r, &n, e);
	if (rc == 0)
		rc = ctr_container_create(eng, r, e);
	created = rc == 0;
	if (rc == 0 && !l) {
		rc = ns_plan_make(eng, r, &ns, e);
		if (rc == 0)
			rc = launch_begin(eng, r->id, wants_new_netns(r), &ns, launch, e);
	}
	if (rc == 0)
		rc = cgroup_plan_prepare(&cg, &r->limits, e);
	if (rc == 0)
		rc = write_files(eng, r, &n, &ns, &cg, true, &launch->append, e);
	if (rc == 0)
		rc = launch_run(eng, r, &n.plan, &ns, &cg, o, launch, e);
	net_done(&n);
	ns_plan_done(&ns);
	cgroup_plan_done(&cg);
	if (rc < 0) {
		launch_done(launch);
		/* What the monitor has not removed already; nothing runs. */
		if (created && r->rm)
			(void)ctr_container_remove(eng, r->id, false, true, 0, NULL);
		return rc;
	}
	container_started(eng, r);
	*ret_sock = o->attach ? take_fd(&launch->sock) : FD_NONE;
	return 0;
}

/* Until nobody else starts or runs it: 0 when it is ours to start, 1 when it runs, 2 when it only
 * waits to be let go. */
static int settle_for_start(struct ctr_engine *eng, const char *id, bool *ret_first, struct err *e)
{
	for (int i = 0; i < 1000; i++) {
		struct ctr_status st;
		int rc = ctr_container_settle(eng, id, e);

		if (rc == 0)
			rc = ctr_container_status(eng, id, &st, e);
		if (rc < 0)
			return rc;
		*ret_first = st.state == CTR_CREATED;
		if (st.state == CTR_RUNNING && st.paused)
			return err_set(e, ERR_BUSY, "container %s must be in Created or Stopped state to "
				       "be started: container state improper", id);
		if (st.state == CTR_RUNNING)
			return st.initialized ? 2 : 1;
		if (container_is_held(eng, id) != 1)
			return 0;
		/* A monitor that is starting or cleaning up: wait until it lets go. */
		container_wait_released(eng, id);
	}
	return err_set(e, ERR_BUSY, "container %.12s keeps being started and stopped by others", id);
}

int container_start_at(struct ctr_engine *eng, const char *id, const struct ctr_start_opts *o,
		       unsigned int depth, int *ret_sock, struct err *e)
{
	auto_launch struct launch l = LAUNCH_INIT;
	auto_close int dir = container_dir(eng, id, e);
	struct ctr_request req = CTR_REQUEST_INIT;
	struct cgroup_plan cg = CGROUP_PLAN_INIT;
	struct ns_plan ns = NS_PLAN_INIT;
	struct net n = NET_INIT;
	int rc;

	*ret_sock = FD_NONE;
	if (dir < 0)
		return dir;
	/* Two starts of one container come one after the other. */
	rc = file_lock(dir, true, true);
	if (rc < 0)
		return err_sys(e, rc, "lock container %.12s", id);
	rc = settle_for_start(eng, id, &ns.first_start, e);
	if (rc > 0 && o->hold)
		return err_set(e, ERR_BUSY, "container %s has already been created in runtime: container "
			       "state improper", id);
	if (rc == 2)
		return container_go(eng, id, o, ret_sock, e);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	rc = ctr_container_load(eng, id, &req, e);
	if (rc == 0)
		rc = container_start_dependencies(eng, &req, depth, e);
	if (rc == 0)
		rc = check(eng, &req, e);
	if (rc == 0)
		rc = cgroup_plan(eng, &req, &cg, e);
	if (rc == 0)
		rc = ns_plan_make(eng, &req, &ns, e);
	if (rc == 0)
		rc = launch_begin(eng, id, wants_new_netns(&req), &ns, &l, e);
	if (rc == 0)
		rc = plan_network(&req, &n, e);
	if (rc == 0)
		rc = container_make_volumes(eng, &req, e);
	if (rc == 0)
		rc = cgroup_plan_prepare(&cg, &req.limits, e);
	if (rc == 0)
		rc = write_files(eng, &req, &n, &ns, &cg, false, &l.append, e);
	if (rc == 0)
		rc = launch_run(eng, &req, &n.plan, &ns, &cg, o, &l, e);
	net_done(&n);
	ns_plan_done(&ns);
	cgroup_plan_done(&cg);
	if (rc == 0)
		container_started(eng, &req);
	ctr_request_done(&req);
	if (rc == 0)
		*ret_sock = o->attach ? take_fd(&l.sock) : FD_NONE;
	return rc;
}

int ctr_container_start(struct ctr_engine *eng, const char *id, const struct ctr_start_opts *o,
			int *ret_sock, struct err *e)
{
	return container_start_at(eng, id, o, 0, ret_sock, e);
}

int ctr_container_explain(struct ctr_engine *eng, struct ctr_request *r, json_t **ret, struct err *e)
{
	struct cgroup_plan cg = CGROUP_PLAN_INIT;
	struct ns_plan ns = { .first_start = true, .look_only = true };
	struct net n = NET_INIT;
	auto_strv struct strv append = STRV_INIT;
	auto_json json_t *config = NULL, *elements = json_array();
	auto_free char *text = NULL;
	int rc = container_new_id(&r->id, e);

	/* As ctr_container_run(), without what makes something. */
	if (rc == 0)
		rc = container_expand_mounts(eng, r, e);
	if (rc == 0)
		rc = check(eng, r, e);
	if (rc == 0)
		rc = cgroup_plan(eng, r, &cg, e);
	if (rc == 0)
		rc = plan_network(r, &n, e);
	if (rc == 0)
		rc = request_namespaces(eng, r, NULL, e);
	if (rc == 0)
		rc = container_name_volumes(r, e);
	if (rc == 0)
		rc = ns_plan_make(eng, r, &ns, e);
	if (rc == 0)
		rc = make_config(eng, r, &n, &ns, &cg, FD_NONE, &append, &text, e);
	if (rc == 0)
		rc = json_parse(text, strlen(text), EXPLAIN_MAX_BYTES, "config.json", &config, e);
	if (rc == 0)
		rc = explain_config(r, config, elements, e);
	if (rc == 0)
		rc = explain_beyond(eng, r, &(struct explain_plans){ &n.network, &n.plan, &ns, &append },
				    elements, e);
	net_done(&n);
	ns_plan_done(&ns);
	cgroup_plan_done(&cg);
	if (rc < 0)
		return rc;
	*ret = json_pack("{s:O, s:O}", "config", config, "elements", elements);
	return *ret ? 0 : err_sys(e, ENOMEM, "explain the container");
}
