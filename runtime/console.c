/* Making the terminal and handing its master over. */
#include "console.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/un.h>
#include <unistd.h>

#include "fd.h"
#include "mount.h"
#include "msg.h"
#include "path.h"
#include "rootfs.h"

/* The container's own devpts, or the host's where it has none.  An image may have put anything at
 * this path: it must be a devpts before it is used as one. */
static int open_ptmx(struct setup *s, struct err *e)
{
	auto_close int at = path_open_in(s->root_fd, "/dev/pts/ptmx", O_PATH);
	struct statfs fs;
	int fd;

	if (at >= 0 && fstatfs(at, &fs) == 0 && fs.f_type == DEVPTS_SUPER_MAGIC) {
		fd = fd_reopen(at, O_RDWR | O_NOCTTY | O_CLOEXEC);
		return fd < 0 ? err_sys(e, fd, "open /dev/pts/ptmx in the container") : fd;
	}
	if (!s->cfg)
		return err_set(e, ERR_UNSUPPORTED,
			       "the container has no devpts at /dev/pts for a "
			       "terminal");
	fd = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	return fd < 0 ? err_sys(e, errno, "open the host's /dev/ptmx") : fd;
}

static int mount_console(struct setup *s, struct err *e)
{
	auto_close int target = rootfs_target(s->root_fd, "/dev/console", false);
	struct stat st;
	int r;

	if (target < 0)
		return err_sys(e, target, "make /dev/console");
	if (fstat(target, &st) == 0 && S_ISDIR(st.st_mode))
		return err_set(e, ERR_DENIED, "/dev/console in the image is a directory");
	r = mount_bind_at(s->tty_fd, target, false);
	return r < 0 ? err_sys(e, r, "bind the terminal on /dev/console") : 0;
}

int console_open(struct setup *s, struct err *e)
{
	auto_close int master = FD_NONE;
	struct winsize size = { .ws_row = (unsigned short)s->proc->rows,
				.ws_col = (unsigned short)s->proc->cols };
	int unlock = 0, r;

	if (!s->proc->terminal)
		return 0;
	master = open_ptmx(s, e);
	if (master < 0)
		return master;
	if (ioctl(master, TIOCSPTLCK, &unlock) < 0)
		return err_sys(e, errno, "unlock the terminal");
	/* By the master, not by a name in a tree that is not ours. */
	s->tty_fd = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (s->tty_fd < 0)
		return err_sys(e, errno, "open the terminal's slave");
	if (size.ws_row && size.ws_col && ioctl(master, TIOCSWINSZ, &size) < 0)
		return err_sys(e, errno, "set the terminal's size");
	if (s->proc->uid && fchown(s->tty_fd, s->proc->uid, (gid_t)-1) < 0)
		return err_sys(e, errno, "give the terminal to uid %u", s->proc->uid);
	r = msg_send(s->sync, SYNC_TTY, NULL, 0, &master, 1);
	if (r < 0)
		return err_sys(e, r, "send the terminal's master");
	return s->cfg ? mount_console(s, e) : 0;
}

int console_take(struct setup *s, struct err *e)
{
	if (s->tty_fd < 0)
		return 0;
	if (ioctl(s->tty_fd, TIOCSCTTY, 0) < 0)
		return err_sys(e, errno, "make the terminal the controlling one");
	for (int i = 0; i < 3; i++)
		if (dup2(s->tty_fd, i) < 0) /* without close-on-exec: that is the point */
			return err_sys(e, errno, "make the terminal descriptor %d", i);
	s->tty_fd = fd_close(s->tty_fd);
	return 0;
}

void console_default_size(struct oci_process *p)
{
	struct winsize size;

	if (!p->terminal || p->rows || p->cols || ioctl(STDIN_FILENO, TIOCGWINSZ, &size) < 0)
		return;
	p->rows = size.ws_row;
	p->cols = size.ws_col;
}

int console_connect(const char *path, struct err *e)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	auto_close int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), dir = FD_NONE;
	const char *base = path_base(path);
	int n;

	if (sock < 0)
		return err_sys(e, errno, "make a socket");
	n = snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	if ((size_t)n >= sizeof(sa.sun_path) && base > path) {
		/* sun_path holds 107 bytes, a path more: by a descriptor of its directory. */
		auto_free char *parent = strndup(path, (size_t)(base - path));

		dir = parent ? open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC) : FD_NONE;
		if (dir < 0)
			return err_sys(e, parent ? errno : ENOMEM, "open the directory of %s",
				       path);
		n = snprintf(sa.sun_path, sizeof(sa.sun_path), "/proc/self/fd/%d/%s", dir, base);
	}
	if ((size_t)n >= sizeof(sa.sun_path))
		return err_set(e, ERR_INVALID, "the name of the socket %s is too long", path);
	if (connect(sock, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		return err_sys(e, errno, "connect to the socket %s", path);
	return take_fd(&sock);
}

int console_send(int sock, const char *text, int fd, struct err *e)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)text, .iov_len = strlen(text) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	if (sendmsg(sock, &msg, MSG_NOSIGNAL) != (ssize_t)iov.iov_len)
		return err_sys(e, errno, "send a descriptor");
	return 0;
}
