/*
 * Messages between our processes over a SOCK_SEQPACKET unix socket: a fixed header, a maximum
 * length, and one reader that takes a whole message or fails.
 */
#ifndef BASE_MSG_H
#define BASE_MSG_H

#include <stddef.h>
#include <stdint.h>

#define MSG_BODY_MAX 65536u	/* bytes of one body */
#define MSG_FDS_MAX 80		/* descriptors with one message */

struct msg_head {
	uint32_t magic;	/* MSG_MAGIC */
	uint16_t version;
	uint16_t type;
	uint32_t len;	/* of the body that follows */
};
#define MSG_MAGIC 0x6c727463u	/* "ctrl" */
#define MSG_VERSION 1

/* Send one message with MSG_NOSIGNAL.  0 or -errno (-EAGAIN on a full non-blocking socket). */
int msg_send(int sock, uint16_t type, const void *body, size_t len, const int *fds, size_t n_fds);
/*
 * Receive one whole message into @body (@cap bytes).  Returns 1 with *@ret_type and *@ret_len
 * set, 0 at end of file, or -errno: -EBADMSG for a wrong header or a cut message, -EAGAIN.
 * Passed descriptors (close-on-exec) go to @fds, at most @max_fds; more is -EBADMSG and they are
 * closed.  *@ret_n_fds may be NULL with max_fds 0.
 */
int msg_recv(int sock, uint16_t *ret_type, void *body, size_t cap, size_t *ret_len, int *fds,
	     size_t max_fds, size_t *ret_n_fds);

#endif
