/*
 * Launching a monitor: the namespaces are asked for first, so that they are made while the
 * container's files are written; then everything else in one message.
 */
#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "container-priv.h"
#include "ctrlite/event.h"
#include "ctrlite/helper-path.h"
#include "file.h"
#include "log.h"
#include "msg.h"
#include "path.h"

#define EVENT_LABELS_MAX_BYTES 32768

void launch_done(struct launch *l)
{
	l->sock = fd_close(l->sock); /* before MON_RUN this ends the monitor */
	if (l->monitor.pid > 0 && !l->started)
		(void)proc_wait(&l->monitor, NULL); /* it ends by itself: only to reap */
	l->started = false;
	proc_done(&l->monitor);
	strv_done(&l->append);
}

/* "key=value\0" lists, the bodies of MON_PREPARE and MON_RUN. */
static void put(struct strbuf *b, const char *key, const char *value)
{
	strbuf_addf(b, "%s=%s", key, value);
	strbuf_addc(b, '\0');
}

static void putf(struct strbuf *b, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void putf(struct strbuf *b, const char *key, const char *fmt, ...)
{
	char value[64];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(value, sizeof(value), fmt, ap); /* numbers and hex ids only: they fit */
	va_end(ap);
	put(b, key, value);
}

static int put_idmap(struct strbuf *b, const char *uid_key, const char *gid_key, const struct idmap *m,
		     struct err *e)
{
	char text[IDMAP_MAX * 36];

	if (idmap_format(m->uid, m->n_uid, text, sizeof(text)) < 0)
		return err_set(e, ERR_LIMIT, "the uid map is too long");
	put(b, uid_key, text);
	if (idmap_format(m->gid, m->n_gid, text, sizeof(text)) < 0)
		return err_set(e, ERR_LIMIT, "the gid map is too long");
	put(b, gid_key, text);
	return 0;
}

int launch_begin(struct ctr_engine *eng, const char *id, bool new_netns, const struct ns_plan *ns,
		 struct launch *l, struct err *e)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;
	auto_free char *prog = NULL;
	auto_close int theirs = FD_NONE;
	const struct idmap *map;
	int socks[2], r;
	char name[13];

	r = ctr_engine_idmap(eng, &map, e);
	if (r == 0)
		r = ctr_helper_path("ctr-lite-monitor", &prog, e);
	if (r < 0)
		return r;
	if (map && (r = put_idmap(&b, "uidmap", "gidmap", map, e)) < 0)
		return r;
	if (ns->own && (r = put_idmap(&b, "inner-uidmap", "inner-gidmap", ns->inner, e)) < 0)
		return r;
	for (size_t i = 0; i < ns->joins.n; i++)
		put(&b, "join", ns->joins.items[i]);
	if (ns->keep_groups)
		put(&b, "keep-groups", "1");
	put(&b, "netns", new_netns ? "new" : "host");
	if (b.failed)
		return err_sys(e, ENOMEM, "start the monitor");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, socks) < 0)
		return err_sys(e, errno, "start the monitor: make a socket pair");
	l->sock = socks[0];
	theirs = socks[1];
	/* Queued before the monitor even runs. */
	r = msg_send(l->sock, MON_PREPARE, b.data, b.len, NULL, 0);
	if (r < 0)
		return err_sys(e, r, "talk to the monitor");
	(void)snprintf(name, sizeof(name), "%.12s", id);
	{
		char arg0[] = "ctr-lite-monitor";
		char *argv[] = { arg0, name, NULL };
		struct proc_fd fds[] = { { theirs, 3 } };
		struct proc_spawn s = {
			.path = prog, .argv = argv, .fds = fds, .n_fds = 1, .dir_fd = FD_NONE,
		};

		log_debug("container %s: start %s", name, prog);
		return proc_spawn(&s, &l->monitor, e);
	}
}

static int put_paths(struct ctr_engine *eng, const struct ctr_request *r, const struct strv *layers,
		     const char *run_dir, const char *ctr_dir, struct strbuf *b)
{
	put(b, "id", r->id);
	put(b, "rundir", run_dir);
	put(b, "ctrdir", ctr_dir);
	strbuf_addf(b, "tmpdir=%s/tmp", eng->store.root);
	strbuf_addc(b, '\0');
	strbuf_addf(b, "namesdir=%s/names", eng->store.root);
	strbuf_addc(b, '\0');
	put(b, "name", r->name);
	put(b, "bundle", ctr_dir);
	if (r->rootfs && !r->rootfs_overlay) {
		put(b, "rootfs", r->rootfs);
		return 0;
	}
	if (r->rootfs)
		put(b, "lower", r->rootfs);
	strbuf_addf(b, "rootfs=%s/rootfs", ctr_dir);
	strbuf_addc(b, '\0');
	for (size_t i = layers->n; i-- > 0;) {
		strbuf_addf(b, "lower=%s/layers/%s/diff", eng->store.root, layers->items[i]);
		strbuf_addc(b, '\0');
	}
	strbuf_addf(b, "upper=%s/upper", ctr_dir);
	strbuf_addc(b, '\0');
	strbuf_addf(b, "work=%s/work", ctr_dir);
	strbuf_addc(b, '\0');
	if (r->rm)
		put(b, "volatile", "1");
	return 0;
}

static void put_volumes(struct ctr_engine *eng, const struct ctr_request *r, struct strbuf *b)
{
	for (size_t i = 0; r->rm && i < r->anon_volumes.n; i++) {
		strbuf_addf(b, "volume-rm=%s/volumes/%s", eng->store.root, r->anon_volumes.items[i]);
		strbuf_addc(b, '\0');
	}
}

/* How the runtime is told who makes the cgroup; others than crun know only whether it is systemd. */
static void put_cgroup(const struct cgroup_plan *cg, const char *runtime, bool ours, struct strbuf *b)
{
	bool systemd = cg->manager == CTR_CGROUP_SYSTEMD;

	if (ours || str_starts(path_base(runtime), "crun"))
		putf(b, "runtime-arg", "--cgroup-manager=%s", ctr_cgroup_manager_str(cg->manager));
	else if (systemd)
		put(b, "runtime-arg", "--systemd-cgroup");
	if (cg->dir)
		put(b, "cgroup", cg->dir);
	for (size_t i = 0; systemd && i < cg->host->env.n; i++)
		put(b, "runtime-env", cg->host->env.items[i]);
}

/* What belongs to the container's root, where that is another than the user. */
static void put_owners(struct ctr_engine *eng, const struct ctr_request *r, const struct ns_plan *ns,
		       struct strbuf *b)
{
	static const char *const files[] = { "resolv.conf", "hosts", "hostname", ".containerenv" };
	uint32_t uid, gid, root = r->root_layer < ns->layers.n ? r->root_layer : 0;

	if (!ns->inner)
		return;
	ns_plan_root(ns, &uid, &gid);
	putf(b, "root-ids", "%u:%u", uid, gid);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		put(b, "own", files[i]);
	if (ns->first_start && ns->layers.n) {
		strbuf_addf(b, "upper-owner=%s/layers/%s/diff", eng->store.root,
			    ns->layers.items[root]);
		strbuf_addc(b, '\0');
	}
}

static int put_secrets(const struct ctr_request *r, const struct ns_plan *ns, struct strbuf *b,
		       struct err *e)
{
	auto_strv struct strv owners = STRV_INIT;
	int rc = container_secret_owners(r, ns, &owners, e);

	for (size_t i = 0; rc == 0 && i < owners.n; i++)
		put(b, "owner", owners.items[i]);
	return rc;
}

static int put_runtime(struct ctr_engine *eng, const struct ctr_request *r, const char *run_dir, const struct cgroup_plan *cg,
		       struct strbuf *b, struct err *e)
{
	auto_free char *path = NULL;
	bool ours;
	int rc = runtime_path(r->runtime, &path, &ours, e);

	if (rc < 0)
		return rc;
	log_debug("container %.12s: the OCI runtime is %s", r->id, path);
	put(b, "runtime", path);
	if (ours) {
		put(b, "runtime-ours", "1");
		put(b, "runtime-arg", "--seccomp-cache");
		strbuf_addf(b, "runtime-arg=%s/cache", eng->store.run);
		strbuf_addc(b, '\0');
	}
	put_cgroup(cg, path, ours, b);
	if (ours && eng->hooks_dirs.n) /* poststop hooks */
		put(b, "runtime-delete", "1");
	for (size_t i = 0; i < eng->runtime_flags.n; i++)
		put(b, "runtime-arg", eng->runtime_flags.items[i]);
	strbuf_addf(b, "runtime-root=%s/runtime", run_dir);
	strbuf_addc(b, '\0');
	return 0;
}

/* The monitor refuses control bytes. */
static void put_label(struct strbuf *b, const char *label)
{
	size_t start = b->len + strlen("label=");

	put(b, "label", label);
	for (size_t i = start; !b->failed && i + 1 < b->len; i++)
		if ((unsigned char)b->data[i] < 0x20 || b->data[i] == 0x7f)
			b->data[i] = '?';
}

static void put_events(struct ctr_engine *eng, const struct ctr_request *r, struct strbuf *b)
{
	auto_free char *path = NULL;

	put(b, "events", ctr_events_backend_str(eng->events));
	if (eng->events == CTR_EVENTS_NONE)
		return;
	path = ctr_events_path(eng);
	b->failed |= !path;
	put(b, "events-path", path ? path : "");
	if (r->image)
		put(b, "image", r->image);
	/* The monitor takes no endless request; labels beyond are in no event of its own. */
	for (size_t i = 0, room = EVENT_LABELS_MAX_BYTES; i < r->labels.n; i++) {
		size_t len = strlen(r->labels.items[i]) + sizeof("label=");

		if (len > room)
			break;
		room -= len;
		put_label(b, r->labels.items[i]);
	}
}

/* The descriptors for the program, with a message that says so. */
static int send_fds(int sock, uint32_t n)
{
	int fds[CTR_PRESERVE_FDS_MAX];
	char text[32];

	if (n == 0 || n > CTR_PRESERVE_FDS_MAX)
		return n ? -EINVAL : 0;
	for (uint32_t i = 0; i < n; i++)
		fds[i] = 3 + (int)i;
	return msg_send(sock, MON_MORE, text,
			(size_t)snprintf(text, sizeof(text), "preserve-fds=%u", n) + 1, fds, n);
}

/* In as many messages as it takes; the last is MON_RUN, with our stdio where that is passed on. */
static int send_request(int sock, const char *text, size_t len, bool passes)
{
	static const int stdio[] = { STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO };
	int rc = 0;

	while (rc == 0 && len > MSG_BODY_MAX) {
		const char *end = memrchr(text, '\0', MSG_BODY_MAX);

		if (!end)
			return -EMSGSIZE;
		rc = msg_send(sock, MON_MORE, text, (size_t)(end - text) + 1, NULL, 0);
		len -= (size_t)(end - text) + 1;
		text = end + 1;
	}
	return rc < 0 ? rc : msg_send(sock, MON_RUN, text, len, stdio, passes ? 3 : 0);
}

static int check_passthrough(const char *driver, struct err *e)
{
	for (int fd = 0; fd < 3; fd++)
		if (streq(driver, "passthrough") && isatty(fd))
			return err_set(e, ERR_INVALID, "the '--log-driver passthrough' option cannot be used "
				       "on a TTY: whoever is in the container could type into it "
				       "(passthrough-tty allows that)");
	return 0;
}

static int put_log(struct ctr_engine *eng, const struct ctr_request *r, struct strbuf *b,
		   bool *ret_passes, struct err *e)
{
	const char *driver = r->log_driver ? r->log_driver : "k8s-file";
	auto_free char *path = NULL, *tag = NULL;
	int rc = 0;

	*ret_passes = str_starts(driver, "passthrough");
	put(b, "log-driver", *ret_passes ? "passthrough"
			    : container_log_is_file(driver) ? "k8s-file" : driver);
	if (*ret_passes)
		return check_passthrough(driver, e);
	if (container_log_is_file(driver)) {
		path = container_log_path(eng, r);
		b->failed |= !path;
		put(b, "log-path", path ? path : "");
		putf(b, "log-max-bytes", "%llu", (unsigned long long)r->log_max_bytes);
		putf(b, "log-max-files", "%u", r->log_max_files);
	}
	for (size_t i = 0; i < r->log_labels.n; i++)
		put(b, "log-label", r->log_labels.items[i]);
	if (r->log_tag)
		rc = container_log_tag(r, &tag, e);
	if (rc == 0 && tag)
		put(b, "log-tag", tag);
	return rc;
}

int launch_run(struct ctr_engine *eng, const struct ctr_request *r, const struct ctr_net_plan *net,
	       const struct ns_plan *ns, const struct cgroup_plan *cg, const struct ctr_start_opts *o,
	       struct launch *l, struct err *e)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;
	auto_free char *run_dir = str_printf("%s/containers/%s", eng->store.run, r->id);
	auto_free char *ctr_dir = str_printf("%s/containers/%s", eng->store.root, r->id);
	auto_strv struct strv health = STRV_INIT;
	struct err failure;
	bool passes;
	uint16_t type;
	size_t len;
	int rc;

	if (!run_dir || !ctr_dir)
		return err_sys(e, ENOMEM, "start container %.12s", r->id);
	(void)put_paths(eng, r, ns->inner ? &ns->layers : &r->layers, run_dir, ctr_dir, &b);
	put_owners(eng, r, ns, &b);
	rc = put_secrets(r, ns, &b, e);
	if (rc < 0)
		return rc;
	put_volumes(eng, r, &b);
	for (size_t i = 0; i < l->append.n; i++)
		strbuf_addn(&b, l->append.items[i], strlen(l->append.items[i]) + 1);
	rc = put_runtime(eng, r, run_dir, cg, &b, e);
	if (rc < 0)
		return rc;
	if (r->tty) {
		put(&b, "terminal", "1");
		putf(&b, "rows", "%u", o->rows);
		putf(&b, "cols", "%u", o->cols);
	}
	if (r->open_stdin)
		put(&b, "stdin", "1");
	if (o->attach)
		put(&b, "attach", "1");
	rc = put_log(eng, r, &b, &passes, e);
	if (rc < 0)
		return rc;
	put_events(eng, r, &b);
	log_debug("container %.12s: network %s by %s", r->id, ctr_net_mode_str(net->mode),
		  net->path ? net->path : "nobody");
	if (net->path) {
		put(&b, "net-path", net->path);
		for (size_t i = 0; i < net->args.n; i++)
			put(&b, "net-arg", net->args.items[i]);
		put(&b, "net-ready", net->ready);
		if (net->api)
			put(&b, "net-api", net->api);
		for (size_t i = 0; i < net->forwards.n; i++)
			put(&b, "net-fwd", net->forwards.items[i]);
	}
	putf(&b, "stop-signal", "%d", r->stop_signal);
	if (r->stop_timeout_s)
		putf(&b, "stop-timeout", "%u", r->stop_timeout_s);
	if (r->timeout_s)
		putf(&b, "timeout", "%u", r->timeout_s);
	if (o->hold)
		put(&b, "hold", "1");
	if (r->restart)
		put(&b, "restart", r->restart);
	if (r->restart_max)
		putf(&b, "restart-max", "%u", r->restart_max);
	rc = health_command(eng, r, &health, e);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < health.n; i++)
		put(&b, "health", health.items[i]);
	if (r->rm)
		put(&b, "rm", "1");
	else
		put(&b, "exit-sync", "1");
	if (r->cidfile)
		put(&b, "cidfile", r->cidfile);
	if (b.failed)
		return err_sys(e, ENOMEM, "start container %.12s", r->id);
	rc = send_fds(l->sock, o->preserve_fds);
	rc = rc < 0 ? rc : send_request(l->sock, b.data, b.len, passes);
	if (rc == -EMSGSIZE)
		return err_set(e, ERR_LIMIT, "the image has too many layers or the paths of the store "
			       "are too long to start a container (%zu bytes)", b.len);
	if (rc < 0 && rc != -EPIPE) /* then it has said why it failed */
		return err_sys(e, rc, "talk to the monitor");
	rc = msg_recv(l->sock, &type, &failure, sizeof(failure), &len, NULL, 0, NULL);
	if (rc < 0)
		return err_sys(e, rc, "listen to the monitor");
	if (rc == 0)
		return err_set(e, ERR_OS, "the monitor of container %.12s died while starting it", r->id);
	if (type == MON_STARTED && len == sizeof(struct mon_started)) {
		l->started = true;
		return 0;
	}
	if (type != MON_FAILED || len != sizeof(failure) || failure.kind <= ERR_NONE ||
	    failure.kind >= ERR_KIND_COUNT_)
		return err_set(e, ERR_OS, "the monitor of container %.12s answered badly", r->id);
	failure.text[sizeof(failure.text) - 1] = '\0';
	if (e)
		*e = failure;
	return err_kind_errno(failure.kind);
}
