/* The runtime's side of a setup. */
#include "child.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "console.h"
#include "fd.h"
#include "foreground.h"
#include "msg.h"

#define CONSOLE_PATIENCE_MS 200

void child_done(struct child *c)
{
	proc_done(&c->proc);
	c->sync = fd_close(c->sync);
	c->console = fd_close(c->console);
	c->listener = fd_close(c->listener);
	c->master = fd_close(c->master);
}

int child_connect(struct child *c, const char *console_path, const char *listener_path,
		  struct err *e)
{
	int r = 0;

	if (console_path) {
		r = c->console = console_connect(console_path, e);
		if (r < 0)
			return err_wrap(e, r, "--console-socket");
	}
	if (listener_path) {
		r = c->listener = console_connect(listener_path, e);
		if (r < 0)
			return err_wrap(e, r, "the seccomp listener");
	}
	return 0;
}

/* Kernels before 5.7, and a cgroup that is full, take no newborn, but those that are moved. */
static int clone_placed(struct child *c, struct setup *s, uint64_t flags)
{
	int r;

	if (s->cgroup_fd < 0)
		return proc_clone(flags, &c->proc);
	s->cgroup_pending = false;
	r = proc_clone_into(flags, s->cgroup_fd, &c->proc);
	if (r > 0)
		c->placed = true;
	if (r >= 0)
		return r;
	s->cgroup_pending = true;
	return proc_clone(flags, &c->proc);
}

int child_clone(struct child *c, struct setup *s, const struct step *steps, uint64_t flags,
		bool sibling, struct err *e)
{
	auto_close int ours = FD_NONE, theirs = FD_NONE;
	int pair[2], r;

	if (s->pdeathsig) {
		pid_t parent = getppid();

		s->parent_pidfd = (int)syscall(SYS_pidfd_open, parent, 0);
		if (s->parent_pidfd < 0 || getppid() != parent)
			return err_set(e, ERR_OS, "--pdeathsig: our parent is not there any more");
		/* Then the child would be bound to us. */
		if (!sibling)
			s->parent_pidfd = fd_close(s->parent_pidfd);
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, errno, "make a socket pair");
	ours = pair[0];
	theirs = pair[1];
	s->sync = theirs;
	s->listener = c->listener;
	r = clone_placed(c, s, flags | (sibling ? CLONE_PARENT : 0));
	if (r == -EINVAL && sibling) {
		/* The first process of a pid namespace has no siblings; its orphans come to it. */
		sibling = false;
		r = clone_placed(c, s, flags);
	}
	if (r == 0) {
		foreground_reset_signals();
		(void)fd_close(take_fd(&ours));
		setup_run(s, steps);
	}
	s->sync = FD_NONE;
	c->listener = fd_close(c->listener); /* the child's alone: who listens waits for its end */
	if (r == -EPERM)
		return err_sys(e, r,
			       "make the namespaces (as an ordinary user, a new user namespace "
			       "must be among them)");
	if (r < 0)
		return err_sys(e, r, "make the namespaces");
	c->sibling = sibling;
	c->sync = take_fd(&ours);
	return 0;
}

void child_kill(struct child *c)
{
	if (c->proc.pid <= 0)
		return;
	(void)proc_signal(&c->proc, SIGKILL);
	if (!c->sibling)
		(void)proc_wait(&c->proc, NULL); /* killed: only to reap */
	else
		(void)proc_poll(&c->proc, 10000);
	proc_done(&c->proc);
}

int child_go(struct child *c, struct err *e)
{
	int r = msg_send(c->sync, SYNC_GO, NULL, 0, NULL, 0);

	/* EPIPE: it has failed and said why, which child_serve() will read. */
	return r < 0 && r != -EPIPE ? err_sys(e, r, "tell the container to go on") : 0;
}

static int take_terminal(struct child *c, int *fd, struct err *e)
{
	int r;

	/* The text is runc's: the name that the master was opened by. */
	if (c->console >= 0) {
		struct pollfd hang_up = { .fd = c->console, .events = POLLIN };

		r = console_send(c->console, "/dev/ptmx", *fd, e);
		/* Who takes it sets its size and hangs up: not before that may the program
		 * start.  One that keeps the connection is not waited for long. */
		if (r == 0)
			(void)poll(&hang_up, 1, CONSOLE_PATIENCE_MS);
		return r;
	}
	(void)fd_close(c->master);
	c->master = take_fd(fd);
	return 0;
}

int child_serve(struct child *c, struct err *e)
{
	for (;;) {
		auto_close int fd = FD_NONE;
		struct err theirs;
		uint16_t type;
		size_t len, n_fds = 0;
		int fds[1],
			r = msg_recv(c->sync, &type, &theirs, sizeof(theirs), &len, fds, 1, &n_fds);

		if (r <= 0)
			return r < 0 ? err_sys(e, r, "hear from the container's process") : 0;
		if (n_fds)
			fd = fds[0];
		if (type == SYNC_HOOKS || type == SYNC_READY)
			return type;
		if (type == SYNC_TTY && fd >= 0) {
			r = take_terminal(c, &fd, e);
			if (r == 0 && c->go_after_tty)
				r = child_go(c, e);
		} else if (type == SYNC_ERR && len == sizeof(theirs) && theirs.kind > ERR_NONE &&
			   theirs.kind < ERR_KIND_COUNT_) {
			theirs.text[sizeof(theirs.text) - 1] = '\0';
			*e = theirs;
			return theirs.code > 0 ? -theirs.code : err_kind_errno(theirs.kind);
		} else {
			r = err_set(e, ERR_CORRUPT, "the container's process sent nonsense");
		}
		if (r < 0)
			return r;
	}
}
