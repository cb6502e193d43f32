/* Messages between our processes. */
#include "msg.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "fd.h"

int msg_send(int sock, uint16_t type, const void *body, size_t len, const int *fds, size_t n_fds)
{
	struct msg_head head = { MSG_MAGIC, MSG_VERSION, type, (uint32_t)len };
	struct iovec iov[2] = {
		{ .iov_base = &head, .iov_len = sizeof(head) },
		{ .iov_base = (void *)(uintptr_t)body, .iov_len = len },
	};
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(MSG_FDS_MAX * sizeof(int))];
	} ctl;
	struct msghdr mh = { .msg_iov = iov, .msg_iovlen = len ? 2 : 1 };
	ssize_t n;

	if (len > MSG_BODY_MAX || n_fds > MSG_FDS_MAX)
		return -EMSGSIZE;
	if (n_fds > 0) {
		struct cmsghdr *c;

		memset(&ctl, 0, sizeof(ctl));
		mh.msg_control = ctl.room;
		mh.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		c = CMSG_FIRSTHDR(&mh);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
	}
	do
		n = sendmsg(sock, &mh, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

int msg_recv(int sock, uint16_t *ret_type, void *body, size_t cap, size_t *ret_len, int *fds,
	     size_t max_fds, size_t *ret_n_fds)
{
	struct msg_head head;
	struct iovec iov[2] = {
		{ .iov_base = &head, .iov_len = sizeof(head) },
		{ .iov_base = body, .iov_len = cap },
	};
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(MSG_FDS_MAX * sizeof(int))];
	} ctl;
	struct msghdr mh = {
		.msg_iov = iov, .msg_iovlen = 2,
		.msg_control = ctl.room, .msg_controllen = sizeof(ctl.room),
	};
	int got[MSG_FDS_MAX];
	size_t n_got = 0;
	bool bad, reset = false;
	ssize_t n;

	/*
	 * A peer that closes before it has read all resets the connection, and that is reported
	 * before what it sent: once.
	 */
	do
		n = recvmsg(sock, &mh, MSG_CMSG_CLOEXEC);
	while (n < 0 && (errno == EINTR || (errno == ECONNRESET && !reset && (reset = true))));
	if (n < 0)
		return errno == ECONNRESET ? 0 : -errno;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&mh); c; c = CMSG_NXTHDR(&mh, c)) {
		size_t count;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count && n_got < MSG_FDS_MAX; i++)
			memcpy(&got[n_got++], CMSG_DATA(c) + i * sizeof(int), sizeof(int));
	}
	if (n == 0 && n_got == 0)
		return 0;
	bad = (size_t)n < sizeof(head) || head.magic != MSG_MAGIC || head.version != MSG_VERSION ||
	      head.len != (size_t)n - sizeof(head) || (mh.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) ||
	      n_got > max_fds;
	if (bad) {
		for (size_t i = 0; i < n_got; i++)
			(void)fd_close(got[i]);
		return -EBADMSG;
	}
	if (n_got)
		memcpy(fds, got, n_got * sizeof(int));
	if (ret_n_fds)
		*ret_n_fds = n_got;
	*ret_type = head.type;
	*ret_len = head.len;
	return 1;
}
