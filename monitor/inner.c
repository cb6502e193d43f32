/* A user namespace below that of the stage, and the network namespace that belongs to it. */
#include "inner.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fd.h"
#include "ns.h"
#include "proc.h"

int loopback_up(struct err *e)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	auto_close int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (s < 0)
		s = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0); /* a kernel without IPv4 */
	if (s < 0 || ioctl(s, SIOCSIFFLAGS, &ifr) < 0)
		return err_sys(e, errno, "bring up the loopback device");
	return 0;
}

/* With every right over the new namespaces; there only until they are held by descriptors. */
static void __attribute__((noreturn)) be_holder(pid_t stage, int enter_user, bool new_net, int report)
{
	struct err e = ERR_INIT;
	int r = 0;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != stage)
		_exit(1); /* it died before the line above */
	if (enter_user >= 0 &&
	    (setns(enter_user, CLONE_NEWUSER) < 0 || unshare(CLONE_NEWNET) < 0))
		r = err_sys(&e, errno, "make a network namespace");
	if (r == 0 && new_net)
		r = loopback_up(&e);
	if (r < 0)
		(void)err_send(report, &e);
	(void)fd_close(report);
	for (;;)
		(void)pause();
}

struct holder {
	struct proc proc;
	int report; /* what went wrong; closed when it is ready */
};

static int holder_start(struct holder *h, uint64_t flags, int enter_user, bool new_net, struct err *e)
{
	pid_t self = getpid();
	int fds[2], r;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(e, errno, "make a pipe");
	h->report = fds[0];
	r = proc_clone(flags, &h->proc);
	if (r == 0)
		be_holder(self, enter_user, new_net, fds[1]);
	(void)fd_close(fds[1]);
	if (r < 0)
		return flags & CLONE_NEWUSER ? userns_clone_err(e, r) : err_sys(e, r, "fork");
	return 0;
}

static int holder_ready(struct holder *h, struct err *e)
{
	struct err said;

	if (err_recv(h->report, &said) != 1)
		return 0;
	*e = said;
	return err_kind_errno(said.kind);
}

static void holder_end(struct holder *h)
{
	h->report = fd_close(h->report);
	if (h->proc.pid <= 0)
		return;
	(void)proc_signal(&h->proc, SIGKILL);
	(void)proc_wait(&h->proc, NULL); /* only to reap */
	proc_done(&h->proc);
}

static int take_net(const struct holder *h, struct err *e)
{
	auto_close int net = ns_open(&h->proc, "net");

	if (net < 0)
		return err_sys(e, net, "open the new network namespace");
	return setns(net, CLONE_NEWNET) < 0 ? err_sys(e, errno, "join the new network namespace") : 0;
}

int inner_make(const struct idmap *m, bool new_net, int *ret_user_fd, struct err *e)
{
	struct holder h = { PROC_INIT, FD_NONE };
	auto_close int user = FD_NONE;
	int r = holder_start(&h, CLONE_NEWUSER | (new_net ? CLONE_NEWNET : 0), FD_NONE, new_net, e);

	if (r == 0)
		r = userns_write_maps(h.proc.pid, m, e);
	if (r == 0)
		r = holder_ready(&h, e);
	if (r == 0 && new_net)
		r = take_net(&h, e);
	if (r == 0) {
		user = ns_open(&h.proc, "user");
		if (user < 0)
			r = err_sys(e, user, "open the new user namespace");
	}
	holder_end(&h);
	if (r == 0)
		*ret_user_fd = take_fd(&user);
	return r;
}

int inner_make_net(int user_fd, struct err *e)
{
	struct holder h = { PROC_INIT, FD_NONE };
	int r = holder_start(&h, 0, user_fd, true, e);

	if (r == 0)
		r = holder_ready(&h, e);
	if (r == 0)
		r = take_net(&h, e);
	holder_end(&h);
	return r;
}
