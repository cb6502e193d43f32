/* Resolving what --userns, --pid, --network and the like say. */
#include "namespaces.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "container-priv.h"
#include "ctrlite/inner-map.h"
#include "ctrlite/shift.h"
#include "file.h"
#include "ns.h"
#include "oci.h"
#include "path.h"
#include "userns-map.h"

#define UID_MAP_MAX 16384

/* The namespaces that options name.  @kind is the monitor's word, the others are podman's. */
struct ns_option {
	const char *kind, *container_word, *path_word;
	int flag;
	char **mode;
};

static size_t options_of(struct ctr_request *r, struct ns_option o[6])
{
	const struct ns_option all[] = {
		{ "user", "user", "user", CLONE_NEWUSER, &r->userns },
		{ "net", "net", "network", CLONE_NEWNET, r->networks.n ? &r->networks.items[0] : NULL },
		{ "ipc", "ipc", "IPC", CLONE_NEWIPC, &r->ipc_mode },
		{ "uts", "uts", "UTS", CLONE_NEWUTS, &r->uts_mode },
		{ "pid", "pid", "PID", CLONE_NEWPID, &r->pid_mode },
		{ "cgroup", "cgroup", "cgroup", CLONE_NEWCGROUP, &r->cgroupns_mode },
	};
	size_t n = 0;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i].mode && *all[i].mode)
			o[n++] = all[i];
	return n;
}

static const char *container_of(const char *mode)
{
	return mode ? str_after(mode, "container:") : NULL;
}

static const char *path_of(const char *mode)
{
	return mode ? str_after(mode, "ns:") : NULL;
}

bool ns_is_joined(const char *mode)
{
	return container_of(mode) || path_of(mode);
}

bool ns_is_foreign(const char *mode)
{
	return ns_is_joined(mode) || (mode && streq(mode, "host"));
}

const char *ns_network(const struct ctr_request *r)
{
	return r->networks.n ? r->networks.items[0] : NULL;
}

bool ns_keeps_groups(const struct ctr_request *r)
{
	return strv_has(&r->group_add, "keep-groups");
}

static int nomem(struct err *e)
{
	return err_sys(e, ENOMEM, "find the container's namespaces");
}

/* podman lets nobody share what its owner keeps to itself. */
static int check_donor(const struct ns_option *o, const struct ctr_request *donor, struct err *e)
{
	if (streq(o->kind, "ipc") && donor->ipc_mode &&
	    (streq(donor->ipc_mode, "private") || streq(donor->ipc_mode, "none")))
		return err_set(e, ERR_INVALID, "joining IPC of container %s is not allowed: non-shareable "
			       "IPC (hint: use IpcMode:shareable for the donor container)", donor->id);
	return 0;
}

static int set_text(char **to, char *text, struct err *e)
{
	free(*to);
	*to = text;
	return text ? 0 : nomem(e);
}

static int resolve_container(struct ctr_engine *eng, struct ctr_request *r, const struct ns_option *o,
			     struct err *e)
{
	struct ctr_request donor = CTR_REQUEST_INIT;
	char id[65];
	int rc = ctr_container_find(eng, container_of(*o->mode), id, e);

	if (rc == 0)
		rc = ctr_container_load(eng, id, &donor, e);
	if (rc < 0)
		return err_wrap(e, rc, "looking up container to share %s namespace with",
				o->container_word);
	rc = check_donor(o, &donor, e);
	if (rc == 0 && streq(o->kind, "user")) {
		r->inner_uidmap = take_ptr(&donor.inner_uidmap);
		r->inner_gidmap = take_ptr(&donor.inner_gidmap);
	}
	ctr_request_done(&donor);
	return rc < 0 ? rc : set_text(o->mode, str_printf("container:%s", id), e);
}

static int resolve_path(struct ctr_request *r, const struct ns_option *o, struct err *e)
{
	const char *path = path_of(*o->mode);
	auto_free char *abs = path[0] == '/' ? strdup(path)
					     : path_join(r->base_dir ? r->base_dir : "/", path);
	auto_free char *own_path = str_printf("/proc/self/ns/%s", o->kind);
	auto_close int fd = FD_NONE, own = FD_NONE;
	struct stat st;

	if (!abs || !own_path)
		return nomem(e);
	if (stat(abs, &st) < 0)
		return err_sys(e, errno, "cannot find specified %s namespace path: stat %s", o->path_word,
			       path);
	fd = open(abs, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, errno, "open the %s namespace %s", o->path_word, path);
	if (ns_kind(fd) != o->flag)
		return err_set(e, ERR_INVALID, "%s is no %s namespace", path, o->path_word);
	/* Our own is the host's: there is nothing to join, and what is mounted for it differs. */
	own = open(own_path, O_RDONLY | O_CLOEXEC);
	if (own >= 0 && ns_same(fd, own))
		return set_text(o->mode, strdup("host"), e);
	return set_text(o->mode, str_printf("ns:%s", abs), e);
}

int request_namespaces(struct ctr_engine *eng, struct ctr_request *r, int *ret_lock, struct err *e)
{
	struct ns_option o[6];
	size_t n = options_of(r, o);
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < n; i++) {
		if (container_of(*o[i].mode))
			rc = resolve_container(eng, r, &o[i], e);
		else if (path_of(*o[i].mode))
			rc = resolve_path(r, &o[i], e);
	}
	return rc < 0 ? rc : request_id_map(eng, r, ret_lock, e);
}

void ns_plan_done(struct ns_plan *p)
{
	strv_done(&p->joins);
	strv_done(&p->layers);
	free(p->inner);
	free(p->hostname);
	free(p->net_of);
	*p = (struct ns_plan)NS_PLAN_INIT;
}

int ns_not_running(const char *id, const char *word, struct err *e)
{
	return err_set(e, ERR_BUSY, "cannot share the %s namespace of container %.12s, which is not "
		       "running: container state improper", word, id);
}

static int join_container(struct ctr_engine *eng, const struct ns_option *o, struct ns_plan *p,
			  struct proc *ret_user, struct err *e)
{
	const char *id = container_of(*o->mode);
	struct ctr_status st;
	int rc = ctr_container_settle(eng, id, e);

	if (rc == 0)
		rc = ctr_container_status(eng, id, &st, e);
	if (rc < 0 && rc != -ENOENT)
		return rc;
	if (rc < 0 || st.state != CTR_RUNNING || st.restarting)
		return ns_not_running(id, o->container_word, e);
	rc = strv_addf(&p->joins, "%s:%d:%llu", o->kind, (int)st.pid, (unsigned long long)st.pid_start);
	if (rc == 0 && streq(o->kind, "ipc")) {
		p->shm = true;
		rc = strv_addf(&p->joins, "shm:%d:%llu", (int)st.pid, (unsigned long long)st.pid_start);
	}
	if (rc == 0 && streq(o->kind, "net")) {
		p->net_of = strdup(id);
		rc = p->net_of ? 0 : -ENOMEM;
	}
	if (rc < 0)
		return nomem(e);
	if (streq(o->kind, "uts")) {
		struct ctr_request donor = CTR_REQUEST_INIT;

		rc = ctr_container_load(eng, id, &donor, e);
		if (rc == 0)
			p->hostname = donor.hostname && donor.hostname[0] ? strdup(donor.hostname)
									  : strndup(id, 12);
		ctr_request_done(&donor);
		if (rc < 0)
			return rc;
	}
	if (streq(o->kind, "user") && proc_open(st.pid, st.pid_start, ret_user) < 0)
		return ns_not_running(id, o->container_word, e);
	return 0;
}

/* A process in the user namespace @fd, only to look at it. */
static int look_inside(int fd, struct proc *ret, struct err *e)
{
	int ready[2], r, end = 0;
	char byte;

	if (pipe2(ready, O_CLOEXEC) < 0)
		return err_sys(e, errno, "make a pipe");
	r = proc_fork(ret);
	if (r == 0) {
		if (setns(fd, CLONE_NEWUSER) < 0)
			_exit(errno);
		(void)!write(ready[1], "r", 1);
		for (;;)
			(void)pause();
	}
	(void)close(ready[1]);
	if (r > 0 && read(ready[0], &byte, 1) != 1) {
		(void)proc_wait(ret, &end);
		proc_done(ret);
		r = -(WIFEXITED(end) ? WEXITSTATUS(end) : EIO);
	}
	(void)close(ready[0]);
	return r < 0 ? err_sys(e, r, "join the user namespace") : 0;
}

/* One of /proc/PID/uid_map, gid_map: three columns, in ids of our namespace. */
static int read_map_file(const struct proc *p, const char *file, struct idmap_range *r, uint32_t *ret_n,
			 struct err *e)
{
	auto_free char *text = NULL;
	char path[40];
	size_t len;
	int rc;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)p->pid, file);
	rc = file_read_path(path, UID_MAP_MAX, &text, &len);
	if (rc < 0)
		return err_sys(e, rc, "read %s", path);
	*ret_n = 0;
	for (char *save = NULL, *line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		struct idmap_range *to = &r[*ret_n];

		if (*ret_n == IDMAP_MAX ||
		    sscanf(line, "%u %u %u", &to->container, &to->host, &to->count) != 3)
			return err_set(e, ERR_CORRUPT, "%s is not understood", path);
		(*ret_n)++;
	}
	return 0;
}

/* The map of the user namespace that is joined, and whether the stage is in another. */
static int plan_joined_user(struct ctr_engine *eng, int fd, const struct proc *inside, struct ns_plan *p,
			    struct err *e)
{
	auto_free struct idmap *host = calloc(1, sizeof(*host)), *inner = calloc(1, sizeof(*inner));
	auto_close int outer = FD_NONE;
	const struct idmap *def;
	int rc = ns_below_ours(fd, &outer);

	if (!host || !inner)
		return nomem(e);
	if (rc == 0)
		return 0; /* our own */
	if (rc < 0)
		return rc == -EPERM ? err_set(e, ERR_DENIED, "the user namespace belongs to another user or "
					      "to the host: an ordinary user may join those that he made")
				    : err_sys(e, rc, "look at the user namespace");
	p->user_path = !eng->rootless || !ns_same(fd, outer);
	rc = read_map_file(inside, "uid_map", host->uid, &host->n_uid, e);
	if (rc == 0)
		rc = read_map_file(inside, "gid_map", host->gid, &host->n_gid, e);
	if (rc == 0)
		rc = ctr_engine_idmap(eng, &def, e);
	if (rc == 0)
		rc = ctr_inner_from_host(host, def, inner, e);
	if (rc == 0)
		p->inner = take_ptr(&inner);
	return rc;
}

static int plan_user_path(struct ctr_engine *eng, const char *path, struct ns_plan *p, struct err *e)
{
	auto_close int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	auto_close int ours = open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC);
	struct proc inside = PROC_INIT;
	int rc;

	if (fd < 0)
		return err_sys(e, errno, "open the user namespace %s", path);
	if (ns_kind(fd) != CLONE_NEWUSER)
		return err_set(e, ERR_INVALID, "%s is no user namespace", path);
	if (ns_same(fd, ours))
		return 0;
	rc = look_inside(fd, &inside, e);
	if (rc < 0)
		return rc;
	rc = plan_joined_user(eng, fd, &inside, p, e);
	(void)proc_signal(&inside, SIGKILL);
	(void)proc_wait(&inside, NULL); /* only to reap */
	proc_done(&inside);
	return rc;
}

static int plan_own_user(const struct ctr_request *r, struct ns_plan *p, struct err *e)
{
	auto_free struct idmap *m = calloc(1, sizeof(*m));
	int rc;

	if (!m)
		return nomem(e);
	rc = ctr_request_inner_map(r, m, e);
	if (rc < 0)
		return rc;
	p->inner = take_ptr(&m);
	p->own = p->user_path = true;
	return 0;
}

static int plan_user(struct ctr_engine *eng, const struct ctr_request *r, struct proc *other,
		     struct ns_plan *p, struct err *e)
{
	auto_close int fd = FD_NONE;

	if (container_of(r->userns)) {
		fd = ns_open(other, "user");
		if (fd < 0)
			return ns_not_running(container_of(r->userns), "user", e);
		return plan_joined_user(eng, fd, other, p, e);
	}
	if (path_of(r->userns))
		return plan_user_path(eng, path_of(r->userns), p, e);
	return r->inner_uidmap ? plan_own_user(r, p, e) : 0;
}

/* What other runtimes than ours cannot do. */
static int check_runtime(const char *runtime, const struct ns_plan *p, struct err *e)
{
	auto_free char *path = NULL;
	uint32_t id;
	bool ours;
	int rc = runtime_path(runtime, &path, &ours, e);

	if (rc < 0 || ours)
		return rc;
	if (p->keep_groups && !str_starts(path_base(path), "crun"))
		return err_set(e, ERR_UNSUPPORTED, "--group-add keep-groups: the runtime %s drops the "
			       "caller's groups; use crun or ctr-lite-runtime", path_base(path));
	/* They become root of the namespace before they look for the root file system. */
	if (p->user_path && !idmap_to_container(p->inner->uid, p->inner->n_uid, 0, &id))
		return err_set(e, ERR_UNSUPPORTED, "the runtime %s cannot reach the store from a user "
			       "namespace that this user has no id in; use ctr-lite-runtime, or a map "
			       "with the user's own id (keep-id)", path_base(path));
	return 0;
}

int ns_plan_make(struct ctr_engine *eng, const struct ctr_request *r, struct ns_plan *p, struct err *e)
{
	struct ns_option o[6];
	/* They are only looked at. */
	size_t n = options_of((struct ctr_request *)(uintptr_t)r, o);
	struct proc other = PROC_INIT;
	int rc = 0;

	p->keep_groups = ns_keeps_groups(r);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		if (container_of(*o[i].mode))
			rc = join_container(eng, &o[i], p, &other, e);
		else if (path_of(*o[i].mode))
			rc = strv_addf(&p->joins, "%s:%s", o[i].kind, path_of(*o[i].mode)) < 0
				     ? nomem(e) : 0;
	}
	if (rc == 0)
		rc = plan_user(eng, r, &other, p, e);
	proc_done(&other);
	if (rc == 0 && (p->user_path || p->keep_groups))
		rc = check_runtime(r->runtime, p, e);
	if (rc == 0 && p->inner && !p->look_only)
		rc = ctr_idmap_shift_layers(eng, &r->layers, p->inner, &p->layers, e);
	return rc;
}

void ns_plan_root(const struct ns_plan *p, uint32_t *ret_uid, uint32_t *ret_gid)
{
	*ret_uid = *ret_gid = 0;
	if (p->inner && p->user_path) { /* one without a root has the user's id alone */
		(void)idmap_to_host(p->inner->uid, p->inner->n_uid, 0, ret_uid);
		(void)idmap_to_host(p->inner->gid, p->inner->n_gid, 0, ret_gid);
	}
}

int ns_outer_open(struct ns_outer *o, const struct proc *init, struct err *e)
{
	auto_close int fd = ns_open(init, "user");
	int rc = fd < 0 ? fd : ns_below_ours(fd, &o->fd);

	if (rc == 0) /* our own */
		o->fd = take_fd(&fd);
	return rc < 0 ? err_sys(e, rc, "find the container's user namespace") : 0;
}

void ns_outer_done(struct ns_outer *o)
{
	o->fd = fd_close(o->fd);
}

int ns_outer_enter(void *arg)
{
	const struct ns_outer *o = arg;

	if (setns(o->fd, CLONE_NEWUSER) < 0)
		return -errno;
	return o->keep_groups ? userns_set_root_ids() : userns_become_root();
}
