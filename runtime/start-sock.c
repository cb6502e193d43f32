/* The start socket. */
#include "start-sock.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "fd.h"

/* Through the directory's descriptor: state directories may have longer paths than sockets. */
static int make(int dir_fd, struct sockaddr_un *sa)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*sa = (struct sockaddr_un){ .sun_family = AF_UNIX };
	(void)snprintf(sa->sun_path, sizeof(sa->sun_path), "/proc/self/fd/%d/start.sock", dir_fd);
	return fd < 0 ? -errno : fd;
}

int start_sock_listen(int dir_fd, struct err *e)
{
	struct sockaddr_un sa;
	auto_close int fd = make(dir_fd, &sa);

	if (fd < 0)
		return err_sys(e, fd, "make the start socket");
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		return err_sys(e, errno, "bind the start socket");
	if (fchmodat(dir_fd, "start.sock", 0600, 0) < 0 || listen(fd, 4) < 0)
		return err_sys(e, errno, "listen on the start socket");
	return take_fd(&fd);
}

int start_sock_go(int dir_fd, struct err *e)
{
	struct sockaddr_un sa;
	auto_close int fd = make(dir_fd, &sa);
	int r;

	if (fd < 0)
		return err_sys(e, fd, "make a socket");
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		return err_sys(e, errno, "reach the created container");
	r = fd_write_all(fd, "s", 1);
	if (r < 0)
		return err_sys(e, r, "start the created container");
	r = err_recv(fd, e);
	if (r == 1)
		return err_kind_errno(e->kind);
	return r < 0 ? err_sys(e, r, "hear from the created container") : 0;
}
