/* Messages: whole or not at all, descriptors that never leak. */
#include <sys/socket.h>

#include "msg.h"
#include "test.h"

static int a, b;

static void make_pair(void)
{
	int sp[2];

	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sp) == 0);
	a = sp[0];
	b = sp[1];
}

TEST(a_message_arrives_whole)
{
	static char out[MSG_BODY_MAX], in[MSG_BODY_MAX];
	uint16_t type;
	size_t len;

	make_pair();
	memset(out, 'x', sizeof(out));
	CHECK_INT(msg_send(a, 7, out, sizeof(out), NULL, 0), 0);
	CHECK_INT(msg_send(a, 8, NULL, 0, NULL, 0), 0);
	CHECK_INT(msg_recv(b, &type, in, sizeof(in), &len, NULL, 0, NULL), 1);
	CHECK_INT(type, 7);
	CHECK_INT(len, MSG_BODY_MAX);
	CHECK(memcmp(in, out, len) == 0);
	CHECK_INT(msg_recv(b, &type, in, sizeof(in), &len, NULL, 0, NULL), 1);
	CHECK_INT(type, 8);
	CHECK_INT(len, 0);
}

TEST(limits_are_kept)
{
	static char out[MSG_BODY_MAX + 1];
	int fds[MSG_FDS_MAX + 1] = { 0 };

	make_pair();
	CHECK_INT(msg_send(a, 1, out, sizeof(out), NULL, 0), -EMSGSIZE);
	CHECK_INT(msg_send(a, 1, out, 1, fds, MSG_FDS_MAX + 1), -EMSGSIZE);
}

TEST(a_smaller_buffer_is_an_error_and_not_a_cut)
{
	uint16_t type;
	size_t len;
	char in[4];

	make_pair();
	CHECK_INT(msg_send(a, 1, "12345", 5, NULL, 0), 0);
	CHECK_INT(msg_recv(b, &type, in, sizeof(in), &len, NULL, 0, NULL), -EBADMSG);
}

TEST(the_end_is_zero_and_emptiness_eagain)
{
	uint16_t type;
	size_t len;
	char in[4];

	make_pair();
	CHECK_INT(fd_set_nonblock(b, true), 0);
	CHECK_INT(msg_recv(b, &type, in, sizeof(in), &len, NULL, 0, NULL), -EAGAIN);
	(void)close(a);
	CHECK_INT(msg_recv(b, &type, in, sizeof(in), &len, NULL, 0, NULL), 0);
	CHECK(msg_send(b, 1, NULL, 0, NULL, 0) == -EPIPE); /* and no SIGPIPE */
}

TEST(what_was_sent_before_a_reset_arrives)
{
	uint16_t type;
	size_t len;
	char in[8];

	make_pair();
	CHECK_INT(msg_send(a, 1, NULL, 0, NULL, 0), 0); /* never read: closing resets */
	CHECK_INT(msg_send(b, 2, "last", 4, NULL, 0), 0);
	CHECK_INT(close(b), 0);
	CHECK_INT(msg_recv(a, &type, in, sizeof(in), &len, NULL, 0, NULL), 1);
	CHECK_INT(type, 2);
	CHECK_INT(msg_recv(a, &type, in, sizeof(in), &len, NULL, 0, NULL), 0);
	CHECK_INT(msg_recv(a, &type, in, sizeof(in), &len, NULL, 0, NULL), 0);
}

TEST(descriptors_come_along_close_on_exec)
{
	int out[2], in[2] = { -1, -1 };
	uint16_t type;
	size_t len, n;
	char body[1], c;

	make_pair();
	CHECK(pipe(out) == 0);
	CHECK_INT(msg_send(a, 1, NULL, 0, out, 2), 0);
	CHECK_INT(msg_recv(b, &type, body, 1, &len, in, 2, &n), 1);
	CHECK_INT(n, 2);
	CHECK(fcntl(in[0], F_GETFD) & FD_CLOEXEC);
	CHECK(write(in[1], "z", 1) == 1);
	CHECK(read(out[0], &c, 1) == 1 && c == 'z');
}

TEST(unwanted_descriptors_are_closed)
{
	int fds[4] = { 0, 1, 2, 2 }, in[1];
	uint16_t type;
	size_t len, n;
	char body[1];
	int before;

	make_pair();
	before = test_open_fds();
	CHECK_INT(msg_send(a, 1, NULL, 0, fds, 4), 0);
	CHECK_INT(msg_recv(b, &type, body, 1, &len, NULL, 0, NULL), -EBADMSG);
	CHECK_INT(msg_send(a, 1, NULL, 0, fds, 2), 0);
	CHECK_INT(msg_recv(b, &type, body, 1, &len, in, 1, &n), -EBADMSG);
	CHECK_INT(test_open_fds(), before);
}

TEST(more_descriptors_than_fit_are_closed_too)
{
	/* By hand: msg_send() would refuse. */
	int fds[MSG_FDS_MAX + 12];
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(fds))];
	} ctl = { 0 };
	struct msg_head head = { MSG_MAGIC, MSG_VERSION, 1, 0 };
	struct iovec iov = { &head, sizeof(head) };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = ctl.room,
			     .msg_controllen = sizeof(ctl.room) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&mh);
	int in[MSG_FDS_MAX], before;
	uint16_t type;
	size_t len, n;
	char body[1];

	make_pair();
	before = test_open_fds();
	memset(fds, 0, sizeof(fds));
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(c), fds, sizeof(fds));
	CHECK(sendmsg(a, &mh, 0) == (ssize_t)sizeof(head));
	CHECK_INT(msg_recv(b, &type, body, 1, &len, in, MSG_FDS_MAX, &n), -EBADMSG);
	CHECK_INT(test_open_fds(), before);
}

TEST(wrong_headers_are_refused)
{
	static const struct msg_head bad[] = {
		{ 0, MSG_VERSION, 1, 0 },
		{ MSG_MAGIC, MSG_VERSION + 1, 1, 0 },
		{ MSG_MAGIC, MSG_VERSION, 1, 1 },
		{ MSG_MAGIC, MSG_VERSION, 1, UINT32_MAX },
	};
	uint16_t type;
	size_t len;
	char in[64];

	make_pair();
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK(send(a, &bad[i], sizeof(bad[i]), 0) == (ssize_t)sizeof(bad[i]));
		CHECK_INT(msg_recv(b, &type, in, sizeof(in), &len, NULL, 0, NULL), -EBADMSG);
	}
	CHECK(send(a, "short", 5, 0) == 5);
	CHECK_INT(msg_recv(b, &type, in, sizeof(in), &len, NULL, 0, NULL), -EBADMSG);
}
