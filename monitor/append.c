/* Lines that /etc/passwd and the like of the root filesystem get before the container starts. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fd.h"
#include "mon.h"
#include "path.h"
#include "str.h"

/*
 * The file belongs to an attacker: it is resolved inside the root, and opened for writing only when
 * it is a regular file.  What cannot be had is no reason not to start: the line is a service to
 * programs that look for a name.
 */
static int open_file(int root_fd, const char *path)
{
	auto_close int at = path_open_in(root_fd, path, O_PATH);
	struct stat st;

	if (at < 0)
		return at;
	if (fstat(at, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) ? fd_reopen(at, O_RDWR | O_APPEND | O_NONBLOCK | O_NOCTTY)
				   : -EINVAL;
}

static int append_line(int root_fd, const char *path, const char *line, struct err *e)
{
	auto_close int fd = open_file(root_fd, path);
	auto_strbuf struct strbuf b = STRBUF_INIT;
	struct stat st;
	char last = '\n';
	int r;

	if (fd < 0)
		return 0;
	if (fstat(fd, &st) < 0 || (st.st_size > 0 && pread(fd, &last, 1, st.st_size - 1) != 1))
		return err_sys(e, errno, "read %s of the image", path);
	strbuf_addf(&b, "%s%s\n", last == '\n' ? "" : "\n", line);
	r = b.failed ? -ENOMEM : fd_write_all(fd, b.data, b.len);
	return r < 0 ? err_sys(e, r, "add to %s", path) : 0;
}

int append_lines(const struct params *p, struct err *e)
{
	auto_close int root_fd = FD_NONE;
	int r = 0;

	if (p->append.n == 0)
		return 0;
	root_fd = open(p->rootfs ? p->rootfs : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0)
		return err_sys(e, errno, "open the root filesystem %s", p->rootfs);
	for (size_t i = 0; r == 0 && i < p->append.n; i++) {
		const char *tab = strchr(p->append.items[i], '\t');
		auto_free char *path = strndup(p->append.items[i],
					       (size_t)(tab - p->append.items[i]));

		r = path ? append_line(root_fd, path, tab + 1, e) : err_sys(e, ENOMEM, "add a line");
	}
	return r;
}
