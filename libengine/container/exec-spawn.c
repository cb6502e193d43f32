/*
 * Starting a process of exec: the runtime joins the container through a pidfd, starts the process
 * and ends; the process is then ours, by our being a subreaper.
 */
#include "exec.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cgroup/cgroup-plan.h"
#include "ctrlite/event.h"
#include "file.h"
#include "oci.h"
#include "path.h"
#include "runtime-log.h"

#define LOG_MAX_BYTES 65536
#define FDS_MAX 32
#define ADOPTION_TRIES 2000

/* One call of the runtime. */
struct call {
	struct proc proc;
	int process_fd, log_fd, err_rd, err_wr, null_in, null_out;
	int console;   /* listening socket; receives the pty */
	char name[20]; /* of what lies in exec/ meanwhile */
	struct strv argv;
	struct proc_fd fds[FDS_MAX];
	struct proc_spawn spawn;
};

static void call_done(struct call *c)
{
	if (c->proc.pid > 0) { /* a failure on our side */
		(void)proc_signal(&c->proc, SIGKILL);
		(void)proc_wait(&c->proc, NULL);
	}
	proc_done(&c->proc);
	(void)fd_close(c->process_fd);
	(void)fd_close(c->log_fd);
	(void)fd_close(c->err_rd);
	(void)fd_close(c->err_wr);
	(void)fd_close(c->null_in);
	(void)fd_close(c->null_out);
	(void)fd_close(c->console);
	strv_done(&c->argv);
}

/* A file without a name in any directory. */
static int memory_file(const char *name, const char *text, struct err *e)
{
	auto_close int fd = memfd_create(name, MFD_CLOEXEC);
	int r = fd < 0 ? -errno : fd_write_all(fd, text, strlen(text));

	if (r == 0 && lseek(fd, 0, SEEK_SET) < 0)
		r = -errno;
	return r < 0 ? err_sys(e, r, "make %s", name) : take_fd(&fd);
}

static int listen_console(struct exec_run *x, struct call *c, struct err *e)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	/* sun_path is short: name it through the directory's descriptor. */
	(void)snprintf(sa.sun_path, sizeof(sa.sun_path), "/proc/self/fd/%d/%s.tty", x->dir,
		       c->name);
	c->console = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->console < 0 || bind(c->console, (const struct sockaddr *)&sa, sizeof(sa)) < 0 ||
	    listen(c->console, 1) < 0)
		return err_sys(e, errno, "make the console socket");
	return 0;
}

/* runc's protocol: one SCM_RIGHTS message with the pty master.  -ENOTCONN without text when the
 * runtime has ended: it says why. */
static int receive_pty(struct exec_run *x, struct call *c, struct err *e)
{
	struct pollfd p[2] = {
		{ .fd = c->console, .events = POLLIN },
		{ .fd = c->proc.pidfd, .events = POLLIN },
	};
	auto_close int conn = FD_NONE;
	char byte[64];
	struct iovec iov = { byte, sizeof(byte) };
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} ctl;
	struct msghdr mh = { .msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = ctl.room,
			     .msg_controllen = sizeof(ctl.room) };
	struct winsize ws = { .ws_row = x->o->rows, .ws_col = x->o->cols };
	struct cmsghdr *h;

	while (poll(p, 2, -1) < 0)
		if (errno != EINTR)
			return err_sys(e, errno, "wait for the console");
	if (!p[0].revents)
		return -ENOTCONN;
	conn = accept4(c->console, NULL, NULL, SOCK_CLOEXEC);
	if (conn < 0 || recvmsg(conn, &mh, MSG_CMSG_CLOEXEC) < 0)
		return err_sys(e, errno, "receive the console");
	h = CMSG_FIRSTHDR(&mh);
	if (!h || h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
		return -ENOTCONN;
	memcpy(&x->pty, CMSG_DATA(h), sizeof(int));
	if (ws.ws_row && ws.ws_col)
		(void)ioctl(x->pty, TIOCSWINSZ, &ws); /* a process with a wrong size still runs */
	return 0;
}

static int add_fd(struct call *c, int from, int to)
{
	if (c->spawn.n_fds == FDS_MAX)
		return -E2BIG;
	c->fds[c->spawn.n_fds++] = (struct proc_fd){ from, to };
	return 0;
}

/*
 * How each kind of runtime gets at our files.  Ours closes what it inherits before it reads an
 * option, and stays the user until it joins: through our own descriptors.  Others are in the
 * container's user namespace, from where ours cannot be reached, and inherit.
 */
static int name_files(struct exec_run *x, struct call *c, int next)
{
	char process[40], dir[40];
	int r = 0;

	if (x->ours) {
		(void)snprintf(process, sizeof(process), "/proc/%d/fd/%d", (int)getpid(),
			       c->process_fd);
		(void)snprintf(dir, sizeof(dir), "/proc/%d/fd/%d", (int)getpid(), x->dir);
	} else {
		(void)snprintf(process, sizeof(process), "/proc/self/fd/%d", next);
		(void)snprintf(dir, sizeof(dir), "/proc/self/fd/%d", next + 1);
		r = add_fd(c, c->process_fd, next);
		r = r < 0 ? r : add_fd(c, x->dir, next + 1);
	}
	r = r < 0 ? r : strv_addf(&c->argv, "--process=%s", process);
	r = r < 0 ? r : strv_add(&c->argv, "--detach");
	r = r < 0 ? r : strv_addf(&c->argv, "--pid-file=%s/%s.pid", dir, c->name);
	if (r == 0 && x->o->tty)
		r = strv_addf(&c->argv, "--console-socket=%s/%s.tty", dir, c->name);
	return r;
}

static int name_runtime(struct exec_run *x, struct call *c, int next)
{
	int r = strv_add(&c->argv, x->runtime);

	if (x->ours) {
		r = r < 0 ? r : strv_addf(&c->argv, "--err-fd=%d", next);
		r = r < 0 ? r : strv_addf(&c->argv, "--seccomp-cache=%s/cache", x->eng->store.run);
		r = r < 0 ? r : add_fd(c, c->err_wr, next);
	} else {
		r = r < 0 ? r : strv_addf(&c->argv, "--log=/proc/self/fd/%d", next + 2);
		r = r < 0 ? r : strv_add(&c->argv, "--log-format=json");
		r = r < 0 ? r : add_fd(c, c->log_fd, next + 2);
	}
	r = r < 0 ? r
		  : strv_addf(&c->argv, "--root=%s/containers/%s/runtime", x->eng->store.run,
			      x->req.id);
	return r < 0 ? r : strv_add(&c->argv, "exec");
}

static int set_stdio(struct exec_run *x, struct call *c)
{
	int r = 0;

	c->null_in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	c->null_out = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (c->null_in < 0 || c->null_out < 0)
		return -errno;
	for (int i = 0; r == 0 && i < 3; i++)
		if (x->o->tty || x->stdio[i] < 0)
			r = add_fd(c, i == 0 ? c->null_in : c->null_out, i);
		else if (x->stdio[i] != i)
			r = add_fd(c, x->stdio[i], i);
	return r;
}

static int start_runtime(struct exec_run *x, struct call *c, struct err *e)
{
	int next = 3 + (int)x->o->preserve_fds, r;

	if (!x->ours && x->eng->rootless) {
		r = cgroup_enter_user_scope(x->eng, e);
		if (r < 0 || (r = ns_outer_open(&x->outer, &x->init, e)) < 0)
			return r;
		c->spawn.prepare = ns_outer_enter;
		c->spawn.prepare_arg = &x->outer;
	}
	r = name_runtime(x, c, next);
	r = r < 0 ? r : name_files(x, c, next);
	if (r == 0 && x->o->preserve_fds)
		r = strv_addf(&c->argv, "--preserve-fds=%u", x->o->preserve_fds);
	for (int fd = 3; r == 0 && fd < next; fd++)
		r = add_fd(c, fd, fd);
	r = r < 0 ? r : set_stdio(x, c);
	r = r < 0 ? r : strv_add(&c->argv, x->req.id);
	if (r < 0)
		return err_sys(e, r, "start the runtime");
	c->spawn.fds = c->fds;
	c->spawn.dir_fd = FD_NONE;
	c->spawn.path = x->runtime;
	c->spawn.argv = strv_argv(&c->argv);
	return proc_spawn(&c->spawn, &c->proc, e);
}

/* Why the runtime ended with @status. */
static int runtime_failed(const struct exec_run *x, struct call *c, int status, struct err *e)
{
	const char *name = path_base(x->runtime);
	auto_free char *text = NULL;
	struct err said;

	if (c->err_rd >= 0 && fd_set_nonblock(c->err_rd, true) == 0 &&
	    err_recv(c->err_rd, &said) == 1) {
		/* Podman reads it in the text: a working directory that is missing is 127, too. */
		if (said.kind == ERR_NOT_FOUND)
			said.kind = ERR_CMD_NOT_FOUND;
		else if (said.kind == ERR_DENIED)
			said.kind = ERR_CMD_NOT_EXEC;
		if (e)
			*e = said;
		return err_kind_errno(said.kind);
	}
	if (c->log_fd >= 0 && lseek(c->log_fd, 0, SEEK_SET) == 0 &&
	    fd_read_file(c->log_fd, LOG_MAX_BYTES, &text, NULL) == 0 &&
	    runtime_log_parse(text, name, e) < 0)
		return e ? err_kind_errno(e->kind) : -EIO;
	if (WIFSIGNALED(status))
		return err_set(e, ERR_OS, "%s was killed by %s", name,
			       sig_name(WTERMSIG(status)) ? sig_name(WTERMSIG(status))
							  : "a signal");
	return err_set(e, ERR_OS, "%s ended with status %d and gave no reason", name,
		       WEXITSTATUS(status));
}

/* The runtime has ended and left us its child; one in between may still be about to (crun). */
static int adopt(struct exec_run *x, struct call *c, struct err *e)
{
	const struct timespec pause = { .tv_nsec = 500000 };
	auto_free char *text = NULL;
	char name[32];
	siginfo_t si;
	uint32_t pid;
	int r, tries = 0;

	(void)snprintf(name, sizeof(name), "%s.pid", c->name);
	r = file_read(x->dir, name, 32, &text, NULL);
	if (r < 0)
		return err_sys(e, r, "read the process ID of the session");
	text[strspn(text, "0123456789")] = '\0';
	if (str_u32(text, INT32_MAX, &pid) < 0 || pid == 0)
		return err_set(e, ERR_CORRUPT, "%s left no process ID", path_base(x->runtime));
	while (waitid(P_PID, (id_t)pid, &si, WEXITED | WNOHANG | WNOWAIT) < 0) {
		if (tries++ == ADOPTION_TRIES)
			return err_set(e, ERR_CORRUPT,
				       "%s left process %u, which is no child of ours",
				       path_base(x->runtime), pid);
		(void)nanosleep(&pause, NULL);
	}
	/* A child that nobody but us can reap: until then the number is its. */
	r = proc_start_time((pid_t)pid, &x->proc_start);
	if (r == 0)
		r = proc_open((pid_t)pid, x->proc_start, &x->proc);
	return r < 0 ? err_sys(e, r, "watch process %u", pid) : 0;
}

static int call_runtime(struct exec_run *x, struct call *c, struct err *e)
{
	int fds[2], status, r = str_random_hex(8, c->name);

	if (r < 0)
		return err_sys(e, r, "start the runtime");
	c->process_fd = memory_file("process.json", x->process, e);
	if (c->process_fd < 0)
		return c->process_fd;
	if (x->ours) {
		if (pipe2(fds, O_CLOEXEC) < 0)
			return err_sys(e, errno, "make a pipe");
		c->err_rd = fds[0];
		c->err_wr = fds[1];
	} else if ((c->log_fd = memory_file("runtime.log", "", e)) < 0) {
		return c->log_fd;
	}
	r = x->o->tty ? listen_console(x, c, e) : 0;
	r = r < 0 ? r : start_runtime(x, c, e);
	if (r < 0)
		return r;
	c->err_wr = fd_close(c->err_wr);
	r = x->o->tty ? receive_pty(x, c, e) : 0;
	if (r < 0 && r != -ENOTCONN)
		return r;
	r = proc_wait(&c->proc, &status);
	if (r < 0)
		return err_sys(e, r, "wait for the runtime");
	proc_done(&c->proc);
	if (status != 0)
		return runtime_failed(x, c, status, e);
	if (x->o->tty && x->pty < 0)
		return err_set(e, ERR_CORRUPT, "%s has sent no terminal", path_base(x->runtime));
	return adopt(x, c, e);
}

int exec_spawn(struct exec_run *x, struct err *e)
{
	struct call c = { .proc = PROC_INIT,
			  .process_fd = FD_NONE,
			  .log_fd = FD_NONE,
			  .err_rd = FD_NONE,
			  .err_wr = FD_NONE,
			  .null_in = FD_NONE,
			  .null_out = FD_NONE,
			  .console = FD_NONE };
	static const char *const left[] = { "pid", "tty" };
	char name[32];
	int r;

	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		return err_sys(e, errno, "become the parent of the process");
	r = exec_session_dir(x, e);
	r = r < 0 ? r : call_runtime(x, &c, e);
	for (size_t i = 0; x->dir >= 0 && i < (x->o->tty ? 2u : 1u); i++) {
		(void)snprintf(name, sizeof(name), "%s.%s", c.name, left[i]);
		(void)unlinkat(x->dir, name, 0);
	}
	call_done(&c);
	if (r == 0 && !x->o->no_session)
		r = exec_session_record(x, e);
	if (r == 0 && !x->o->no_session)
		ctr_event_of(x->eng, &x->req, "exec");
	while (r < 0 && waitpid(-1, NULL, WNOHANG) > 0)
		; /* what the runtime gave up is a child of ours by now */
	return r;
}

static void say_ended(const struct exec_run *x, int exit_code)
{
	auto_strv struct strv attrs = STRV_INIT;
	const struct ctr_event ev = {
		.type = "container",
		.status = "exec_died",
		.id = x->req.id,
		.name = x->req.name,
		.image = x->req.image,
		.attrs = &attrs,
		.has_exit_code = true,
		.exit_code = exit_code,
	};

	if (!x->o->no_session && strv_addf(&attrs, "execID=%s", x->id) == 0)
		ctr_event(x->eng, &ev);
}

int exec_finish(struct exec_run *x, int *ret_exit_code, struct err *e)
{
	int status = 0, r = proc_wait(&x->proc, &status);

	exec_session_forget(x);
	if (r < 0)
		return err_sys(e, r, "wait for the process");
	*ret_exit_code = proc_exit_code(status);
	say_ended(x, *ret_exit_code);
	return 0;
}
