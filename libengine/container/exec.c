/*
 * exec: the runtime's `exec` joins the container through a pidfd; we stay its parent, copy a pty
 * where there is one, and pass signals on.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "cgroup/cgroup-plan.h"
#include "container-priv.h"
#include "ctrlite/client.h"
#include "ctrlite/event.h"
#include "namespaces.h"
#include "oci.h"
#include "path.h"

struct exec_run {
	const char *id;
	const struct ctr_exec_opts *o;
	char *path;		/* the runtime's program */
	bool ours;		/* it is our own runtime */
	bool by_socket;		/* it hands the process's terminal over */
	struct proc runtime;
	int console_listen;	/* receives the pty; FD_NONE without a tty */
	struct ns_outer outer;	/* where a foreign runtime works */
	int console_dir;	/* where its socket is */
	char console_path[32];
	int pty;
	int tty;		/* its other side, where we made it */
};

/* The running container's init, verified, and its state. */
static int open_running(struct ctr_engine *eng, const char *id, struct proc *ret, struct err *e)
{
	struct ctr_status st;
	int rc = ctr_container_settle(eng, id, e);

	if (rc == 0)
		rc = ctr_container_status(eng, id, &st, e);
	if (rc < 0)
		return rc;
	if (st.state == CTR_RUNNING && !st.paused && proc_open(st.pid, st.pid_start, ret) == 0)
		return 0;
	return err_set(e, ERR_BUSY, "can only create exec sessions on running containers: container "
		       "state improper");
}

/* process.json without a name in any directory. */
static int process_file(const char *text, struct err *e)
{
	auto_close int fd = memfd_create("process.json", MFD_CLOEXEC);
	int rc;

	if (fd < 0)
		return err_sys(e, errno, "make process.json");
	rc = fd_write_all(fd, text, strlen(text));
	if (rc == 0 && lseek(fd, 0, SEEK_SET) < 0)
		rc = -errno;
	return rc < 0 ? err_sys(e, rc, "make process.json") : take_fd(&fd);
}

static void resize_pty(const struct exec_run *x)
{
	struct winsize ws = { 0 };

	ctr_terminal_size(&ws.ws_row, &ws.ws_col);
	if (ws.ws_row && ws.ws_col)
		(void)ioctl(x->pty, TIOCSWINSZ, &ws);
}

/*
 * runc takes a console socket only when it detaches, and then nobody waits for the process: it gets a
 * terminal of ours as its own, and copies between it and the process's.  crun could as well, but
 * reports the last words of a process that ends early as an error of its own.
 */
static int open_own_pty(struct exec_run *x, struct err *e)
{
	struct termios t;
	int unlock = 0;

	x->pty = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (x->pty < 0 || ioctl(x->pty, TIOCSPTLCK, &unlock) < 0)
		return err_sys(e, errno, "open a terminal");
	x->tty = ioctl(x->pty, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (x->tty < 0 || tcgetattr(x->tty, &t) < 0)
		return err_sys(e, errno, "open a terminal");
	cfmakeraw(&t); /* the process's own echoes and edits */
	if (tcsetattr(x->tty, TCSANOW, &t) < 0)
		return err_sys(e, errno, "set up a terminal");
	resize_pty(x);
	return 0;
}

static int listen_console(struct exec_run *x, struct ctr_engine *eng, struct err *e)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	char name[24];
	int rc = str_random_hex(8, name);

	x->console_dir = container_run_dir(eng, x->id, false, e);
	if (x->console_dir < 0)
		return x->console_dir;
	/* sun_path is short: name it through the directory's descriptor. */
	(void)snprintf(x->console_path, sizeof(x->console_path), "exec-%s", name);
	(void)snprintf(sa.sun_path, sizeof(sa.sun_path), "/proc/self/fd/%d/%s", x->console_dir,
		       x->console_path);
	x->console_listen = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (rc < 0 || x->console_listen < 0 ||
	    bind(x->console_listen, (const struct sockaddr *)&sa, sizeof(sa)) < 0 ||
	    listen(x->console_listen, 1) < 0)
		return err_sys(e, errno, "make the console socket");
	return 0;
}

/* runc's protocol: one SCM_RIGHTS message with the pty master. */
static int receive_pty(struct exec_run *x, struct err *e)
{
	struct pollfd p[2] = {
		{ .fd = x->console_listen, .events = POLLIN },
		{ .fd = x->runtime.pidfd, .events = POLLIN },
	};
	auto_close int conn = FD_NONE;
	char byte[64];
	struct iovec iov = { byte, sizeof(byte) };
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} ctl;
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = ctl.room,
			     .msg_controllen = sizeof(ctl.room) };
	struct cmsghdr *c;

	while (poll(p, 2, -1) < 0)
		if (errno != EINTR)
			return err_sys(e, errno, "wait for the console");
	if (!p[0].revents)
		return -ENOTCONN; /* the runtime has ended: it says why */
	conn = accept4(x->console_listen, NULL, NULL, SOCK_CLOEXEC);
	if (conn < 0 || recvmsg(conn, &mh, MSG_CMSG_CLOEXEC) < 0)
		return err_sys(e, errno, "receive the console");
	c = CMSG_FIRSTHDR(&mh);
	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
		return -ENOTCONN;
	memcpy(&x->pty, CMSG_DATA(c), sizeof(int));
	return 0;
}

/* Copy one way; false at the end of @from. */
static bool copy_once(int from, int to)
{
	char buf[16384];
	ssize_t n = read(from, buf, sizeof(buf));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	return n > 0 && fd_write_all(to, buf, (size_t)n) == 0;
}

/* Until the runtime has ended and the pty is drained. */
static int copy_until_end(struct exec_run *x, int sfd, struct err *e)
{
	bool in = x->o->interactive && x->pty >= 0, out = x->pty >= 0, ended = false;

	while (!ended || out) {
		struct pollfd p[4] = {
			{ .fd = ended ? -1 : x->runtime.pidfd, .events = POLLIN },
			{ .fd = sfd, .events = POLLIN },
			{ .fd = out ? x->pty : -1, .events = POLLIN },
			{ .fd = in && !ended ? STDIN_FILENO : -1, .events = POLLIN },
		};
		struct signalfd_siginfo si;
		int n = poll(p, 4, ended ? 100 : -1);

		if (n < 0 && errno != EINTR)
			return err_sys(e, errno, "wait for the process");
		if (n == 0 && ended)
			break; /* somebody else keeps the pty open */
		if (n <= 0)
			continue;
		ended |= p[0].revents != 0;
		if (p[1].revents && read(sfd, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
			if (si.ssi_signo == SIGWINCH && x->pty >= 0)
				resize_pty(x);
			/* One with a terminal of ours looks at its size when told. */
			if (si.ssi_signo != SIGWINCH || !x->by_socket)
				(void)proc_signal(&x->runtime, (int)si.ssi_signo); /* it passes them on */
		}
		if (p[2].revents)
			out = copy_once(x->pty, STDOUT_FILENO);
		if (p[3].revents && !copy_once(STDIN_FILENO, x->pty)) {
			char eof = 4;
			struct termios t;

			in = false;
			if (tcgetattr(x->pty, &t) == 0)
				eof = (char)t.c_cc[VEOF];
			(void)!write(x->pty, &eof, 1); /* as a terminal's user would say it */
		}
	}
	return 0;
}

/*
 * How each kind of runtime gets at our files.  Ours closes what it inherits before it reads an
 * option, and stays the user until it joins: through our own descriptors.  Others are in the
 * container's user namespace, from where ours cannot be reached, and inherit.
 */
static int pass_files(struct exec_run *x, int process_fd, int next, struct strv *argv,
		      struct proc_spawn *s, struct proc_fd *fds)
{
	char process[40], console[40];
	int rc;

	if (x->ours) {
		(void)snprintf(process, sizeof(process), "/proc/%d/fd/%d", (int)getpid(), process_fd);
		(void)snprintf(console, sizeof(console), "/proc/%d/fd/%d", (int)getpid(),
			       x->console_dir);
	} else {
		(void)snprintf(process, sizeof(process), "/proc/self/fd/%d", next);
		(void)snprintf(console, sizeof(console), "/proc/self/fd/%d", next + 1);
		fds[s->n_fds++] = (struct proc_fd){ process_fd, next };
		if (x->o->tty && x->by_socket)
			fds[s->n_fds++] = (struct proc_fd){ x->console_dir, next + 1 };
		for (int fd = 0; x->tty >= 0 && fd < 3; fd++)
			fds[s->n_fds++] = (struct proc_fd){ x->tty, fd };
	}
	rc = strv_addf(argv, "--process=%s", process);
	if (rc == 0 && x->o->tty && x->by_socket)
		rc = strv_addf(argv, "--console-socket=%s/%s", console, x->console_path);
	return rc;
}

static int spawn_runtime(struct exec_run *x, struct ctr_engine *eng, int process_fd, int err_fd,
			 struct proc *init, struct err *e)
{
	auto_strv struct strv argv = STRV_INIT;
	auto_close int null = FD_NONE;
	struct proc_fd fds[16];
	struct proc_spawn s = { .fds = fds, .dir_fd = FD_NONE };
	int next = 3 + (int)x->o->preserve_fds;
	int rc = strv_add(&argv, x->path);

	if (x->ours) {
		rc = rc < 0 ? rc : strv_addf(&argv, "--err-fd=%d", next);
		rc = rc < 0 ? rc : strv_addf(&argv, "--seccomp-cache=%s/cache", eng->store.run);
		fds[s.n_fds++] = (struct proc_fd){ err_fd, next };
	} else if (eng->rootless) {
		rc = rc < 0 ? err_sys(e, rc, "start the runtime") : cgroup_enter_user_scope(eng, e);
		if (rc < 0)
			return rc;
		if (rc == 0 && (rc = ns_outer_open(&x->outer, init, e)) < 0)
			return rc;
		s.prepare = ns_outer_enter;
		s.prepare_arg = &x->outer;
	}
	rc = rc < 0 ? rc : strv_addf(&argv, "--root=%s/containers/%s/runtime", eng->store.run, x->id);
	rc = rc < 0 ? rc : strv_add(&argv, "exec");
	rc = rc < 0 ? rc : pass_files(x, process_fd, next, &argv, &s, fds);
	if (x->o->preserve_fds)
		rc = rc < 0 ? rc : strv_addf(&argv, "--preserve-fds=%u", x->o->preserve_fds);
	for (int fd = 3; fd < next && s.n_fds + 1 < 16; fd++)
		fds[s.n_fds++] = (struct proc_fd){ fd, fd };
	rc = rc < 0 ? rc : strv_add(&argv, x->id);
	if (rc < 0)
		return err_sys(e, rc, "start the runtime");
	if (x->tty < 0 && (!x->o->interactive || x->o->tty)) {
		null = open("/dev/null", O_RDONLY | O_CLOEXEC);
		fds[s.n_fds++] = (struct proc_fd){ null, STDIN_FILENO };
	}
	s.path = x->path;
	s.argv = strv_argv(&argv);
	return proc_spawn(&s, &x->runtime, e);
}

static int exec_in(struct ctr_engine *eng, struct exec_run *x, const char *process,
		   struct proc *init, int *ret_exit_code, struct err *e)
{
	auto_close int pfd = process_file(process, e), err_rd = FD_NONE, err_wr = FD_NONE;
	auto_close int sfd = FD_NONE;
	struct ctr_terminal term = { 0 };
	sigset_t set, old;
	struct err failure;
	int fds[2], status = 0, rc = 0;

	if (pfd < 0)
		return pfd;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(e, errno, "make a pipe");
	err_rd = fds[0];
	err_wr = fds[1];
	x->by_socket = x->ours || str_starts(path_base(x->path), "crun");
	if (x->o->tty)
		rc = x->by_socket ? listen_console(x, eng, e) : open_own_pty(x, e);
	if (rc < 0)
		return rc;
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGHUP);
	(void)sigaddset(&set, SIGQUIT);
	(void)sigaddset(&set, SIGUSR1);
	(void)sigaddset(&set, SIGUSR2);
	(void)sigaddset(&set, SIGWINCH);
	(void)sigprocmask(SIG_BLOCK, &set, &old);
	sfd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	rc = sfd < 0 ? err_sys(e, errno, "listen for signals")
		     : spawn_runtime(x, eng, pfd, err_wr, init, e);
	err_wr = fd_close(err_wr);
	x->tty = fd_close(x->tty);
	if (rc == 0 && x->o->tty) {
		rc = x->by_socket ? receive_pty(x, e) : 0;
		if (rc == 0)
			resize_pty(x);
		if (rc == 0 && x->o->interactive && isatty(STDIN_FILENO))
			(void)ctr_terminal_raw(&term, STDIN_FILENO);
		if (rc == -ENOTCONN)
			rc = 0;
	}
	if (rc == 0)
		rc = copy_until_end(x, sfd, e);
	ctr_terminal_restore(&term);
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	if (rc == 0)
		rc = proc_wait(&x->runtime, &status);
	if (rc < 0)
		return err_sys(e, rc, "run the process");
	if (fd_set_nonblock(err_rd, true) == 0 && err_recv(err_rd, &failure) == 1) {
		if (e)
			*e = failure;
		return err_kind_errno(failure.kind);
	}
	*ret_exit_code = proc_exit_code(status);
	return 0;
}

static void say_ended(struct ctr_engine *eng, const struct ctr_request *r, int exit_code)
{
	const struct ctr_event ev = {
		.type = "container", .status = "exec_died", .id = r->id, .name = r->name,
		.image = r->image, .attrs = &r->labels, .has_exit_code = true,
		.exit_code = exit_code,
	};

	ctr_event(eng, &ev);
}

int ctr_container_exec(struct ctr_engine *eng, const char *id, const struct ctr_exec_opts *o,
		       int *ret_exit_code, struct err *e)
{
	struct exec_run x = { .id = id, .o = o, .runtime = PROC_INIT, .console_listen = FD_NONE,
			      .console_dir = FD_NONE, .pty = FD_NONE, .tty = FD_NONE, .outer = NS_OUTER_INIT };
	struct oci_process_opts po = { .args = &o->args, .env = &o->env, .user = o->user,
				       .cwd = o->cwd, .tty = o->tty, .privileged = o->privileged };
	struct ctr_request req = CTR_REQUEST_INIT;
	struct proc init = PROC_INIT;
	auto_free char *process = NULL;
	auto_close int root = FD_NONE;
	char path[40];
	int rc = open_running(eng, id, &init, e);

	if (rc == 0)
		rc = ctr_container_load(eng, id, &req, e);
	x.outer.keep_groups = ns_keeps_groups(&req);
	if (rc == 0) {
		(void)snprintf(path, sizeof(path), "/proc/%d/root", (int)init.pid);
		root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (root < 0)
			rc = err_sys(e, errno, "open the root of container %.12s", id);
		else if (proc_poll(&init, 0) != 0) /* the number may be another process's by now */
			rc = err_set(e, ERR_BUSY, "container %.12s has just stopped: container state "
				     "improper", id);
	}
	if (o->tty)
		ctr_terminal_size(&po.rows, &po.cols);
	if (rc == 0)
		rc = oci_process_json(eng, &req, root, &po, &process, e);
	if (rc == 0)
		rc = runtime_path(req.runtime, &x.path, &x.ours, e);
	if (rc == 0)
		ctr_event_of(eng, &req, "exec");
	if (rc == 0)
		rc = exec_in(eng, &x, process, &init, ret_exit_code, e);
	if (rc == 0)
		say_ended(eng, &req, *ret_exit_code);
	if (x.console_path[0] && x.console_dir >= 0)
		(void)unlinkat(x.console_dir, x.console_path, 0);
	ns_outer_done(&x.outer);
	(void)fd_close(x.console_listen);
	(void)fd_close(x.console_dir);
	(void)fd_close(x.pty);
	(void)fd_close(x.tty);
	free(x.path);
	proc_done(&x.runtime);
	proc_done(&init);
	ctr_request_done(&req);
	return rc;
}
