/* The console socket: where an OCI runtime hands over the master of the container's pty. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "fd.h"
#include "mon.h"

#define CONSOLE_NAME "console"

int console_listen(struct mon *m, struct err *e)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "/proc/self/fd/%d/%s", m->rundir_fd,
		       CONSOLE_NAME);
	if (fd < 0 || fchmod(fd, 0600) < 0 ||
	    bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(fd, 1) < 0)
		return err_sys(e, errno, "make the console socket in %s", m->p.rundir);
	m->console_fd = take_fd(&fd);
	return 0;
}

static int recv_one_fd(int sock)
{
	char name[4096]; /* runtimes send the slave's name along */
	struct iovec iov = { .iov_base = name, .iov_len = sizeof(name) };
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} ctl;
	struct msghdr mh = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = ctl.room,
		.msg_controllen = sizeof(ctl.room),
	};
	struct cmsghdr *c;
	ssize_t n;
	int fd;

	do
		n = recvmsg(sock, &mh, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (n == 0)
		return -EPIPE; /* it failed, and says elsewhere why */
	c = CMSG_FIRSTHDR(&mh);
	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS ||
	    c->cmsg_len != CMSG_LEN(sizeof(int)))
		return -EBADMSG;
	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return fd;
}

int console_accept(struct mon *m, int *ret_master, struct err *e)
{
	struct timeval patience = { .tv_sec = 10 };
	auto_close int conn = accept4(m->console_fd, NULL, NULL, SOCK_CLOEXEC);
	auto_close int master = FD_NONE;
	struct winsize w = { .ws_row = (uint16_t)m->p.rows, .ws_col = (uint16_t)m->p.cols };

	if (conn < 0)
		return err_sys(e, errno, "take the terminal from the runtime");
	(void)setsockopt(conn, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)); /* or wait */
	master = recv_one_fd(conn);
	if (master < 0)
		return err_sys(e, master, "take the terminal from the runtime");
	if (!isatty(master))
		return err_set(e, ERR_CORRUPT, "the runtime sent something that is no terminal");
	if (w.ws_row && w.ws_col && ioctl(master, TIOCSWINSZ, &w) < 0)
		return err_sys(e, errno, "set the terminal's size");
	*ret_master = take_fd(&master);
	return 0;
}

void console_close(struct mon *m)
{
	if (m->console_fd < 0)
		return;
	m->console_fd = fd_close(m->console_fd);
	(void)unlinkat(m->rundir_fd, CONSOLE_NAME, 0); /* goes with the directory at the latest */
}
