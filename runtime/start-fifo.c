/* The start fifo. */
#include "start-fifo.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fd.h"
#include "file.h"
#include "path.h"
#include "procfs.h"

#define NAME "exec.fifo"
/* A process that waits at the gate passes it at once. */
#define GATE_PATIENCE_MS 10000

int start_fifo_make(int dir_fd, struct err *e)
{
	int fd;

	/* Root of the container may be another user than we: the directory keeps all others out. */
	if (mkfifoat(dir_fd, NAME, 0600) < 0 || fchmodat(dir_fd, NAME, 0622, 0) < 0)
		return err_sys(e, errno, "make " NAME);
	fd = path_open_beneath(dir_fd, NAME, O_PATH);
	return fd < 0 ? err_sys(e, fd, "open " NAME) : fd;
}

bool start_fifo_exists(int dir_fd)
{
	return faccessat(dir_fd, NAME, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int start_fifo_wait(int fifo, int proc_fd, struct err *e)
{
	/* By the host's procfs: what the container has at /proc is not ours to trust. */
	auto_close int fds = procfs_open(proc_fd, "self/fd", O_PATH | O_DIRECTORY);
	char number[16];
	int fd;

	if (fds < 0)
		return err_sys(e, fds, "look at our descriptors");
	(void)snprintf(number, sizeof(number), "%d", fifo);
	do
		fd = openat(fds, number, O_WRONLY | O_CLOEXEC);
	while (fd < 0 && errno == EINTR);
	return fd < 0 ? err_sys(e, errno, "open " NAME) : fd;
}

/* 1 a record is in @e, 0 nothing came, or -errno. */
static int take_record(int fd, struct err *e)
{
	struct err theirs = ERR_INIT;
	int r = err_recv(fd, &theirs);

	if (r == 1)
		*e = theirs;
	return r;
}

/* A writer has been there and is gone, or one has written.  Linux tells this end apart from the
 * one before the first writer: POLLHUP is for the former only. */
static bool has_ended(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

/* Only one may: a second reader could miss that the writer was there at all. */
static int open_gate(int dir_fd, struct err *e)
{
	auto_close int fd = FD_NONE;
	struct stat st;
	int r = file_lock(dir_fd, true, false);

	if (r == -EWOULDBLOCK)
		return err_set(e, ERR_BUSY, "the container is being started");
	if (r < 0)
		return err_sys(e, r, "lock the container's state directory");
	fd = path_open_beneath(dir_fd, NAME, O_RDONLY | O_NONBLOCK);
	if (fd == -ENOENT)
		return err_set(e, ERR_BUSY, "the container has just been started");
	if (fd < 0)
		return err_sys(e, fd, "open " NAME);
	if (fstat(fd, &st) < 0 || !S_ISFIFO(st.st_mode))
		return err_set(e, ERR_CORRUPT, NAME " is no fifo");
	/* From here on it is not `created` any more, whatever becomes of us. */
	if (unlinkat(dir_fd, NAME, 0) < 0)
		return err_sys(e, errno, "remove " NAME);
	return take_fd(&fd);
}

int start_fifo_go(int dir_fd, const struct proc *init, struct err *e)
{
	auto_close int fd = open_gate(dir_fd, e);
	bool passed = false;
	int r;

	if (fd < 0)
		return fd;
	for (;;) {
		struct pollfd fds[] = {
			{ .fd = fd, .events = POLLIN },
			{ .fd = init->pidfd, .events = POLLIN },
		};

		r = poll(fds, 2, passed ? -1 : GATE_PATIENCE_MS);
		if (r < 0 && errno != EINTR)
			return err_sys(e, errno, "wait for the container's program");
		if (r < 0)
			continue;
		if (r > 0 && !fds[0].revents && !has_ended(fd))
			return err_set(e, ERR_BUSY,
				       "the container's process ended before it was started");
		/* A writer that has nothing to say yet is EAGAIN; without any, end of file. */
		passed = r == 0;
		r = take_record(fd, e);
		if (r == -EAGAIN)
			continue;
		if (r == 1) {
			/* It has nothing left to do but end. */
			(void)proc_poll(init, GATE_PATIENCE_MS);
			return err_kind_errno(e->kind);
		}
		if (r == 0 && passed && !has_ended(fd))
			return err_set(e, ERR_BUSY,
				       "the container's process does not wait to be started");
		return r < 0 ? err_sys(e, r, "hear from the created container") : 0;
	}
}
