/* The journal's native protocol, see journal.h. */
#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "fd.h"

/* The protocol is that of systemd; where it listens elsewhere, in a test say, is for us to know. */
static const char *socket_path(void)
{
	const char *p = secure_getenv("CTR_LITE_JOURNAL_SOCKET");

	return p && *p ? p : JOURNAL_SOCKET;
}

static int sock = FD_NONE;

static int connected(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	auto_close int fd = FD_NONE;
	const char *path = socket_path();

	if (sock >= 0)
		return sock;
	if (strlen(path) >= sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	memcpy(sa.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&sa, sizeof(sa)) < 0)
		return -errno;
	sock = take_fd(&fd);
	return sock;
}

int journal_check(void)
{
	int r = connected();

	return r < 0 ? r : 0;
}

int journal_wait(int timeout_ms)
{
	struct pollfd p = { .fd = sock, .events = POLLOUT };

	return sock >= 0 && poll(&p, 1, timeout_ms) == 1 ? 0 : -ETIME;
}

/* "NAME=value\n", or for values with newlines "NAME\n", 64 bits of length, the value, "\n". */
struct message {
	struct iovec iov[JOURNAL_FIELDS_MAX * 4];
	uint64_t sizes[JOURNAL_FIELDS_MAX];
	int n;
};

static void put(struct message *m, const void *p, size_t len)
{
	m->iov[m->n++] = (struct iovec){ .iov_base = (void *)(uintptr_t)p, .iov_len = len };
}

static void put_field(struct message *m, const struct journal_field *f, size_t i)
{
	put(m, f->name, strlen(f->name));
	if (memchr(f->value, '\n', f->len)) {
		uint8_t *le = (uint8_t *)&m->sizes[i];

		for (int k = 0; k < 8; k++)
			le[k] = (uint8_t)((uint64_t)f->len >> (8 * k));
		put(m, "\n", 1);
		put(m, le, 8);
	} else {
		put(m, "=", 1);
	}
	put(m, f->value, f->len);
	put(m, "\n", 1);
}

static int send_as_file(const struct message *m)
{
	auto_close int fd = memfd_create("journal", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} ctl = { 0 };
	struct msghdr mh = { .msg_control = ctl.room, .msg_controllen = sizeof(ctl.room) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&mh);

	if (fd < 0)
		return -errno;
	for (int i = 0; i < m->n; i++) {
		int r = fd_write_all(fd, m->iov[i].iov_base, m->iov[i].iov_len);

		if (r < 0)
			return r;
	}
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
		return -errno;
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	return sendmsg(sock, &mh, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int journal_send(const struct journal_field *fields, size_t n)
{
	struct message m = { .n = 0 };
	struct msghdr mh = { .msg_iov = m.iov };
	int r;

	if (n > JOURNAL_FIELDS_MAX)
		return -E2BIG;
	for (size_t i = 0; i < n; i++)
		put_field(&m, &fields[i], i);
	mh.msg_iovlen = (size_t)m.n;
	for (int again = 0; again < 2; again++) {
		r = connected();
		if (r < 0)
			return r;
		if (sendmsg(sock, &mh, MSG_NOSIGNAL) >= 0)
			return 0;
		r = -errno;
		if (r == -EMSGSIZE || r == -ENOBUFS)
			return send_as_file(&m);
		if (r != -ECONNREFUSED && r != -ENOTCONN)
			return r;
		sock = fd_close(sock); /* it was started anew: connect to the new one */
	}
	return r;
}
