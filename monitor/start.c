/* From the launch socket's first message to MON_STARTED. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fd.h"
#include "file.h"
#include "join.h"
#include "mon.h"
#include "path.h"
#include "runtime-log.h"
#include "str.h"
#include "userns.h"

#define ADOPTION_TRIES 10000 /* of half a millisecond */

/* Large; needed before the container runs and never touched again. */
static char body[MSG_BODY_MAX];

/* One message of the launch socket.  -ECANCELED without text when the CLI has gone. */
static int launch_recv(struct mon *m, uint16_t *ret_type, size_t *ret_len, struct err *e)
{
	int fds[MON_FDS_MAX], *to = m->passed, r;
	size_t n = 0, want = 3;
	bool fresh = m->passed[0] < 0;

	r = msg_recv(m->launch, ret_type, body, sizeof(body), ret_len, fds, MON_FDS_MAX, &n);
	if (r > 0 && *ret_type == MON_MORE) {
		to = m->fds;
		fresh = m->n_fds == 0;
		want = n;
	}
	if (r > 0 && n > 0 && (n != want || !fresh)) {
		for (size_t i = 0; i < n; i++)
			(void)fd_close(fds[i]);
		return err_set(e, ERR_INVALID, "a request with unexpected descriptors");
	}
	for (size_t i = 0; r > 0 && i < n; i++)
		to[i] = fds[i];
	if (to == m->fds && n > 0)
		m->n_fds = n;
	if (r == 0)
		return -ECANCELED;
	return r < 0 ? err_sys(e, r, "receive the request") : 0;
}

static int parse_maps(const char *uidmap, const char *gidmap, struct idmap **ret, struct err *e)
{
	auto_free struct idmap *m = NULL;

	*ret = NULL;
	if (!uidmap && !gidmap)
		return 0;
	if (!uidmap || !gidmap)
		return err_set(e, ERR_INVALID, "uidmap and gidmap go together");
	m = malloc(sizeof(*m));
	if (!m)
		return err_sys(e, ENOMEM, "read the id maps");
	if (idmap_parse(uidmap, m->uid, &m->n_uid) < 0)
		return err_set(e, ERR_INVALID, "bad uid map %s", uidmap);
	if (idmap_parse(gidmap, m->gid, &m->n_gid) < 0)
		return err_set(e, ERR_INVALID, "bad gid map %s", gidmap);
	*ret = take_ptr(&m);
	return 0;
}

static int open_userns(struct mon *m, pid_t pid, struct err *e)
{
	char name[40];

	(void)snprintf(name, sizeof(name), "/proc/%d/ns/user", (int)pid);
	m->userns_fd = open(name, O_RDONLY | O_CLOEXEC);
	return m->userns_fd < 0 ? err_sys(e, errno, "open %s", name) : 0;
}

/* The id mappers at work, and the process that waits for them. */
struct mapping {
	struct userns_mapping mp;
	bool pending;
};

/* Wait for the mappers and tell the stage. */
static int maps_finish(struct mapping *map, const struct stage *s, struct err *e)
{
	int r;

	if (!map->pending)
		return 0;
	map->pending = false;
	r = userns_map_end(&map->mp, e);
	if (r < 0)
		return r;
	r = msg_send(s->sock, STAGE_GO, NULL, 0, NULL, 0);
	if (r == -EPIPE || r == -ECONNRESET)
		return -ECANCELED; /* it failed and says why */
	return r < 0 ? err_sys(e, r, "tell the namespaces' process") : 0;
}

/* A mapper that has ended has closed its stderr. */
static bool maps_are_done(const struct mapping *map)
{
	struct pollfd pfd[] = { { .fd = map->mp.uid_err }, { .fd = map->mp.gid_err } };
	const int n = (pfd[0].fd >= 0) + (pfd[1].fd >= 0);

	return poll(pfd, 2, 0) == n;
}

static int make_namespaces(struct mon *m, const struct params *p, struct stage *s,
			   struct mapping *map, struct err *e)
{
	auto_free struct idmap *ids = NULL, *inner = NULL;
	struct joins joins = JOINS_INIT;
	struct stage_opts o = { .new_net = p->netns_new, .keep_groups = p->keep_groups,
				.joins = &joins };
	int r = parse_maps(p->uidmap, p->gidmap, &ids, e);

	map->mp = (struct userns_mapping)USERNS_MAPPING_INIT;
	r = r < 0 ? r : parse_maps(p->inner_uidmap, p->inner_gidmap, &inner, e);
	r = r < 0 ? r : joins_open(&joins, &p->join, e);
	o.new_user = ids && joins.outer < 0;
	o.inner = inner;
	r = r < 0 ? r : stage_start(s, &o, e);
	if (r == 0 && o.new_user)
		r = userns_map_begin(s->proc.pid, ids, &map->mp, e);
	map->pending = r == 0;
	if (r == 0 && o.new_user)
		r = open_userns(m, s->proc.pid, e);
	else
		m->userns_fd = take_fd(&joins.outer);
	joins_done(&joins);
	return r;
}

static int do_prepare(struct mon *m, struct stage *s, struct mapping *map, struct err *e)
{
	uint16_t type;
	size_t len;
	int r = launch_recv(m, &type, &len, e);

	if (r == 0 && type != MON_PREPARE)
		r = err_set(e, ERR_INVALID, "the first request was %u, not MON_PREPARE", type);
	r = r < 0 ? r : params_add(&m->prepare, body, len, e);
	r = r < 0 ? r : params_parse(&m->prepare, PARAMS_PREPARE, e);
	return r < 0 ? r : make_namespaces(m, &m->prepare, s, map, e);
}

/* Wait for the next request; should the mappers be done first, the stage need not wait for it. */
static int wait_request(struct mon *m, const struct stage *s, struct mapping *map, struct err *e)
{
	struct pollfd pfd[] = {
		{ .fd = m->launch, .events = POLLIN },
		{ .fd = map->mp.uid_err },
		{ .fd = map->mp.gid_err },
	};

	while (map->pending) {
		if (pfd[1].fd < 0 && pfd[2].fd < 0)
			return maps_finish(map, s, e);
		if (poll(pfd, 3, -1) < 0 && errno != EINTR)
			return err_sys(e, errno, "wait for the request");
		if (pfd[0].revents)
			break;
		for (int i = 1; i < 3; i++)
			if (pfd[i].revents)
				pfd[i].fd = -1;
	}
	return 0;
}

static int get_run_params(struct mon *m, struct err *e)
{
	uint16_t type;
	size_t len;
	int r;

	do {
		r = launch_recv(m, &type, &len, e);
		if (r == 0 && type != MON_RUN && type != MON_MORE)
			r = err_set(e, ERR_INVALID, "request %u came where MON_RUN was due", type);
		r = r < 0 ? r : params_add(&m->p, body, len, e);
	} while (r == 0 && type == MON_MORE);
	r = r < 0 ? r : params_parse(&m->p, PARAMS_RUN, e);
	if (r == 0 && m->n_fds != m->p.preserve_fds)
		r = err_set(e, ERR_INVALID, "%zu descriptors came, and preserve-fds is %u", m->n_fds,
			    m->p.preserve_fds);
	return r < 0 ? r : params_environ(&m->p, e);
}

static int open_dir(const char *path, int *ret, struct err *e)
{
	*ret = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *ret < 0 ? err_sys(e, errno, "open %s", path) : 0;
}

/* A killed monitor leaves these, and an earlier run some of them; we hold the lock, so that nobody
 * uses them.  What is still there fails to be made. */
static void clear_rundir(const struct mon *m, bool again)
{
	static const char *const names[] = { "console", NET_PID_NAME, "pid",  "runtime.log",
					     "attach",	"state.json", "exit.json" };

	for (size_t i = 0; i < (again ? 4 : sizeof(names) / sizeof(names[0])); i++)
		(void)unlinkat(m->rundir_fd, names[i], 0);
	if (m->p.net_api)
		(void)unlinkat(m->rundir_fd, m->p.net_api, 0);
}

/* Everything that is undone at the end is done under this lock. */
static int take_lock(struct mon *m, struct err *e)
{
	auto_close int fd = FD_NONE;
	int r = open_dir(m->p.rundir, &m->rundir_fd, e);

	r = r < 0 ? r : open_dir(m->p.ctrdir, &m->ctrdir_fd, e);
	if (r < 0)
		return r;
	fd = openat(m->rundir_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_sys(e, errno, "open %s/lock", m->p.rundir);
	r = file_ofd_lock(fd, false);
	if (r == -EWOULDBLOCK)
		return err_set(e, ERR_BUSY, "container %.12s is running already", m->p.id);
	if (r < 0)
		return err_sys(e, r, "lock %s/lock", m->p.rundir);
	m->lock_fd = take_fd(&fd);
	clear_rundir(m, false);
	if (unlinkat(m->ctrdir_fd, "exit.json", 0) < 0 && errno != ENOENT)
		return err_sys(e, errno, "remove the exit record of an earlier run");
	return 0;
}

/* The container's ends of stdio, and ours. */
struct stdio {
	int theirs[3]; /* stdout, stderr, stdin */
	size_t n;
};

/* Those for its program go with each run, and stay here only for the next one. */
static void close_fds(struct mon *m)
{
	if (m->p.restart != MON_RESTART_NO)
		return;
	for (size_t i = 0; i < m->n_fds; i++)
		(void)fd_close(m->fds[i]);
	m->n_fds = 0;
}

static int send_run(struct mon *m, const struct stage *s, const struct stdio *io, struct err *e)
{
	int all[MON_FDS_MAX + 3];
	int r;

	if (m->n_fds != m->p.preserve_fds)
		return err_set(e, ERR_UNSUPPORTED, "the descriptors of --preserve-fds are there for the "
			       "first run only");
	memcpy(all, m->fds, m->n_fds * sizeof(int));
	memcpy(all + m->n_fds, io->theirs, io->n * sizeof(int));
	r = stage_send_params(s, &m->p, all, m->n_fds + io->n, e);
	close_fds(m);
	return r;
}

static void stdio_close(struct stdio *io)
{
	for (size_t i = 0; i < io->n; i++)
		(void)fd_close(io->theirs[i]);
	io->n = 0;
}

static int make_pipe(struct stdio *io, int *ret_ours, bool input)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	*ret_ours = fds[input];
	io->theirs[io->n++] = fds[!input];
	return fd_set_nonblock(*ret_ours, true);
}

static int make_stdio(struct mon *m, struct stdio *io, struct err *e)
{
	int r;

	m->out[CTR_STDOUT].stream = CTR_STDOUT;
	m->out[CTR_STDERR].stream = CTR_STDERR;
	m->out[0].src.ready = m->out[1].src.ready = output_ready;
	m->out[0].wide = m->out[1].wide = false;
	ctr_log_end(&m->log, CTR_STDOUT); /* of an earlier run */
	ctr_log_end(&m->log, CTR_STDERR);
	m->in.ready = input_ready;
	if (m->p.log_driver == LOG_DRIVER_PASSTHROUGH) {
		/* stdout, stderr, stdin: the order in which the stage takes them */
		for (size_t i = 0; i < 3; i++) /* ours stay for a restart */
			io->theirs[i] = fd_dup(m->passed[(i + 1) % 3]);
		io->n = 3;
		return io->theirs[0] < 0 ? err_set(e, ERR_INVALID, "no stdio came along") : 0;
	}
	if (m->p.terminal)
		return console_listen(m, e);
	r = make_pipe(io, &m->out[CTR_STDOUT].src.fd, false);
	r = r < 0 ? r : make_pipe(io, &m->out[CTR_STDERR].src.fd, false);
	if (r == 0 && m->p.want_stdin)
		r = make_pipe(io, &m->in.fd, true);
	return r < 0 ? err_sys(e, r, "make the container's stdio") : 0;
}

static int open_journal(struct mon *m, struct err *e)
{
	m->journal = (struct journal_log){
		.id = m->p.id, .name = m->p.name, .image = m->p.image, .tag = m->p.log_tag,
		.labels = m->p.log_label.items, .n_labels = m->p.log_label.n,
	};
	return journal_log_open(&m->log, &m->journal, e);
}

/* What is needed when the container writes its first byte; made while the stage mounts. */
static int make_ready(struct mon *m, struct err *e)
{
	int r = 0;

	if (m->p.log_driver == LOG_DRIVER_K8S_FILE)
		r = ctr_log_open(&m->log, m->p.log_path, m->p.log_max_bytes, m->p.log_max_files, e);
	else if (m->p.log_driver == LOG_DRIVER_JOURNALD)
		r = open_journal(m, e);
	r = r < 0 ? r : clients_listen(m, e);
	return r < 0 ? r : loop_init(m, e);
}

static int start_network(struct mon *m, const struct stage *s, struct err *e)
{
	uint16_t type;
	size_t len;
	int r;

	if (!m->p.net_path)
		return 0;
	/* Before it is root of its namespaces the helper may not enter them. */
	r = msg_recv(s->sock, &type, body, sizeof(body), &len, NULL, 0, NULL);
	if (r <= 0 || type != STAGE_ROOT)
		return -ECANCELED; /* the stage failed and says why */
	return net_helper_start(m, s->proc.pid, &s->proc, e);
}

static int take_terminal(struct mon *m, struct err *e)
{
	int master = FD_NONE, r;

	r = console_accept(m, &master, e);
	console_close(m);
	if (r < 0)
		return r;
	m->out[CTR_STDOUT].src.fd = master;
	/* A copy for input: the loop knows one purpose for each descriptor. */
	m->in.fd = fd_dup(master);
	if (m->in.fd < 0 || fd_set_nonblock(master, true) < 0)
		return err_sys(e, m->in.fd < 0 ? m->in.fd : errno, "set up the terminal");
	return 0;
}

/* Wait until the runtime has started the container and ended. */
static int wait_runtime(struct mon *m, struct stage *s, int *ret_status, struct err *e)
{
	int r;

	while (m->console_fd >= 0) {
		struct pollfd pfd[] = {
			{ .fd = m->console_fd, .events = POLLIN },
			{ .fd = s->proc.pidfd, .events = POLLIN },
		};

		if (poll(pfd, 2, -1) < 0 && errno != EINTR)
			return err_sys(e, errno, "wait for the runtime");
		if (pfd[0].revents) {
			r = take_terminal(m, e);
			if (r < 0 && r != -EPIPE)
				return r;
		} else if (pfd[1].revents) {
			break;
		}
	}
	r = proc_wait(&s->proc, ret_status);
	if (r < 0)
		return err_sys(e, r, "wait for the runtime");
	proc_done(&s->proc);
	return 0;
}

/* Why the stage or the runtime ended with @status; from whoever has said something. */
static int runtime_error(struct mon *m, const struct stage *s, int status, struct err *e)
{
	const char *name = m->p.runtime ? path_base(m->p.runtime) : "the namespaces' process";

	(void)fd_set_nonblock(s->err_fd,
			      true); /* whoever still holds the other end is not waited for */
	if (err_recv(s->err_fd, e) == 1)
		return err_kind_errno(e->kind);
	if (m->p.runtime && !m->p.runtime_ours && runtime_log_error(m->rundir_fd, name, e) < 0)
		return err_kind_errno(e->kind);
	if (WIFSIGNALED(status))
		return err_set(e, ERR_OS, "%s was killed by %s", name,
			       sig_name(WTERMSIG(status)) ? sig_name(WTERMSIG(status))
							  : "a signal");
	return err_set(e, ERR_OS, "%s ended with status %d and gave no reason", name,
		       WEXITSTATUS(status));
}

/* Is @pid our child?  A foreign runtime may leave through a process in between that is about to end
 * (crun does); the container is adopted then. */
static bool wait_adoption(pid_t pid, bool foreign)
{
	const struct timespec pause = { .tv_nsec = 500000 };
	siginfo_t si;

	for (int i = 0; i < ADOPTION_TRIES; i++) {
		if (waitid(P_PID, (id_t)pid, &si, WEXITED | WNOHANG | WNOWAIT) == 0)
			return true;
		if (!foreign)
			break;
		(void)nanosleep(&pause, NULL);
	}
	return false;
}

static int find_init(struct mon *m, struct err *e)
{
	auto_free char *text = NULL;
	uint32_t pid;
	size_t len;
	int r = file_read(m->rundir_fd, "pid", 32, &text, &len);

	if (r < 0)
		return err_sys(e, r, "read %s/pid", m->p.rundir);
	text[strspn(text, "0123456789")] = '\0';
	/* A child that nobody but us can reap: until then the number is its. */
	if (str_u32(text, INT32_MAX, &pid) < 0 || pid == 0 ||
	    !wait_adoption((pid_t)pid, !m->p.runtime_ours))
		return err_set(e, ERR_CORRUPT,
			       "the runtime left the pid \"%s\", which is no child of the "
			       "monitor",
			       text);
	r = proc_start_time((pid_t)pid, &m->init_start);
	if (r == 0)
		r = proc_open((pid_t)pid, m->init_start, &m->init);
	return r < 0 ? err_sys(e, r, "watch the container's process %u", pid) : 0;
}

/* Slices have names such as a\x2db. */
static void add_json_text(struct strbuf *b, const char *s)
{
	for (; *s; s++) {
		if ((unsigned char)*s < 0x20)
			strbuf_addf(b, "\\u%04x", (unsigned int)*s);
		else
			strbuf_addf(b, *s == '"' || *s == '\\' ? "\\%c" : "%c", *s);
	}
}

int write_state(struct mon *m, struct err *e)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;
	bool runs = m->init.pid > 0;
	int r;

	strbuf_addf(&b,
		"{\"version\":1,\"pid\":%d,\"pid_start\":%llu,"
		"\"monitor_pid\":%d,\"started_ns\":%lld,\"net_pid\":%d,\"net_pid_start\":%llu,"
		"\"restarts\":%u,",
		runs ? (int)m->init.pid : 0, runs ? (unsigned long long)m->init_start : 0,
		(int)getpid(), m->held ? 0 : (long long)m->started_ns, m->net.pid > 0 ? (int)m->net.pid : 0,
		(unsigned long long)m->net_start, m->restarts);
	if (m->state == MON_ST_BETWEEN)
		strbuf_addf(&b,
			"\"restarting\":true,\"exit_code\":%d,\"finished_ns\":%lld,\"oom_killed\":%s,",
			m->exit.exit_code, (long long)m->exit.finished_ns,
			m->exit.oom_killed ? "true" : "false");
	if (m->held)
		strbuf_add(&b, "\"initialized\":true,");
	strbuf_add(&b, "\"cgroup\":\"");
	add_json_text(&b, m->cgroup ? m->cgroup : "");
	strbuf_add(&b, "\"}\n");
	r = b.failed ? -ENOMEM
		     : file_replace(m->rundir_fd, "state.json", b.data, b.len, 0600, FILE_SYNC_NONE);
	return r < 0 ? err_sys(e, r, "write %s/state.json", m->p.rundir) : 0;
}

/* The launching command waits for it, at the first start. */
static void tell_started(struct mon *m)
{
	struct mon_started started = {
		.pid = m->init.pid, .monitor_pid = (int32_t)getpid(), .pid_start = m->init_start,
	};

	if (m->launch < 0)
		return;
	/* From here the launching command may be gone: it changes nothing. */
	(void)msg_send(m->launch, MON_STARTED, &started, sizeof(started), NULL, 0);
	if (m->p.attach)
		(void)client_add(m, take_fd(&m->launch), true);
	else
		m->launch = fd_close(m->launch);
	m->p.attach = false; /* it is said once */
}

static int announce(struct mon *m, struct err *e)
{
	int r = find_init(m, e);

	if (r < 0)
		return r;
	m->started_ns = mon_now_ns();
	m->started_ms = mon_now_ms();
	r = watch_cgroup(m);
	if (r < 0)
		return err_sys(e, r, "look for the container's cgroup");
	m->state = MON_ST_RUNNING;
	m->held = m->p.hold;
	m->p.hold = false; /* a restart is one */
	r = write_state(m, e);
	if (r < 0)
		return r;
	mon_event_started(m);
	output_resume(m); /* only now: what is said before is nobody's */
	tell_started(m);
	watch_begin(m);
	finish_reserve(m);
	return 0;
}

/* A killed monitor leaves the runtime's state, which would refuse the same id, and the cgroup. */
static void clear_runtime(struct mon *m)
{
	auto_free char *path = path_join(m->p.runtime_root, m->p.id);

	if (path && access(path, F_OK) == 0)
		finish_runtime(m);
	finish_cgroup(m);
}

/* @again: lock, log, sockets and loop are there. */
static int start_container(struct mon *m, struct stage *s, struct mapping *map, bool again,
			   struct err *e)
{
	struct stdio io = { .n = 0 };
	bool early = !again && !maps_are_done(map), late = !again && !early;
	int status = 0, r = 0;

	if (again)
		clear_rundir(m, true);
	else
		r = take_lock(m, e);
	r = r < 0 ? r : make_stdio(m, &io, e);
	/* Either the mappers work meanwhile, or the stage does. */
	if (early)
		r = r < 0 ? r : make_ready(m, e);
	r = r < 0 ? r : maps_finish(map, s, e);
	if (r == 0)
		clear_runtime(m);
	r = r < 0 ? r : send_run(m, s, &io, e);
	stdio_close(&io);
	if (late)
		r = r < 0 ? r : make_ready(m, e);
	r = r < 0 ? r : start_network(m, s, e);
	if (r == 0) {
		const char verb = m->p.hold && !again ? STAGE_CREATE_IT : STAGE_RUN_IT;

		r = msg_send(s->sock, STAGE_EXEC, &verb, 1, NULL, 0);
		r = r == -EPIPE || r == -ECONNRESET ? -ECANCELED : r;
	}
	if (r < 0 && r != -ECANCELED)
		return r;
	r = wait_runtime(m, s, &status, e);
	if (r < 0)
		return r;
	if (status != 0)
		return runtime_error(m, s, status, e);
	if (m->p.terminal && m->out[CTR_STDOUT].src.fd < 0)
		return err_set(e, ERR_CORRUPT, "the runtime has sent no terminal");
	return announce(m, e);
}

static void stage_close(struct stage *s)
{
	if (s->proc.pid > 0) {
		(void)proc_signal(&s->proc, SIGKILL);
		(void)proc_wait(&s->proc, NULL);
		proc_done(&s->proc);
	}
	s->sock = fd_close(s->sock);
	s->err_fd = fd_close(s->err_fd);
}

static void start_end(struct stage *s, struct mapping *map)
{
	if (map->pending)
		(void)userns_map_end(&map->mp, NULL); /* an earlier failure is reported */
	stage_close(s);
}

int mon_start(struct mon *m, struct err *e)
{
	struct stage s = STAGE_INIT;
	struct mapping map = { .pending = false };
	int r = do_prepare(m, &s, &map, e);

	r = r < 0 ? r : wait_request(m, &s, &map, e);
	r = r < 0 ? r : get_run_params(m, e);
	r = r < 0 ? r : start_container(m, &s, &map, false, e);
	start_end(&s, &map);
	return r;
}

int mon_start_again(struct mon *m, struct err *e)
{
	struct stage s = STAGE_INIT;
	struct mapping map = { .pending = false };
	int r = make_namespaces(m, &m->prepare, &s, &map, e);

	r = r < 0 ? r : start_container(m, &s, &map, true, e);
	start_end(&s, &map);
	return r;
}
