/* A user namespace below that of the stage, and the network namespace that belongs to it. */
#include "inner.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
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

/* Born with every right over the new namespaces; there only until they are held by descriptors. */
static void __attribute__((noreturn)) be_holder(bool new_net, int report)
{
	struct err e = ERR_INIT;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (new_net && loopback_up(&e) < 0)
		(void)err_send(report, &e);
	(void)fd_close(report);
	for (;;)
		(void)pause();
}

static int take_namespaces(struct proc *holder, bool new_net, int *ret_user_fd, struct err *e)
{
	auto_close int user = ns_open(holder, "user"), net = FD_NONE;

	if (user < 0)
		return err_sys(e, user, "open the new user namespace");
	if (new_net) {
		net = ns_open(holder, "net");
		if (net < 0)
			return err_sys(e, net, "open the new network namespace");
		if (setns(net, CLONE_NEWNET) < 0)
			return err_sys(e, errno, "join the new network namespace");
	}
	*ret_user_fd = take_fd(&user);
	return 0;
}

int inner_make(const struct idmap *m, bool new_net, int *ret_user_fd, struct err *e)
{
	auto_close int rd = FD_NONE, wr = FD_NONE;
	struct proc holder = PROC_INIT;
	struct err said;
	int fds[2], r;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(e, errno, "make a pipe");
	rd = fds[0];
	wr = fds[1];
	r = proc_clone(CLONE_NEWUSER | (new_net ? CLONE_NEWNET : 0), &holder);
	if (r == 0)
		be_holder(new_net, wr);
	if (r < 0)
		return userns_clone_err(e, r);
	wr = fd_close(wr);
	r = userns_write_maps(holder.pid, m, e);
	if (r == 0 && err_recv(rd, &said) == 1) {
		*e = said;
		r = err_kind_errno(said.kind);
	}
	if (r == 0)
		r = take_namespaces(&holder, new_net, ret_user_fd, e);
	(void)proc_signal(&holder, SIGKILL);
	(void)proc_wait(&holder, NULL); /* only to reap */
	proc_done(&holder);
	return r;
}
