/*
 * systemd's journal by its native protocol: one datagram of fields for each message, to a socket
 * that needs no library.  -errno returns; nothing prints.
 */
#ifndef BASE_JOURNAL_H
#define BASE_JOURNAL_H

#include <stddef.h>

#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define JOURNAL_FIELDS_MAX 16

struct journal_field {
	const char *name;	/* capitals, digits and '_' */
	const char *value;	/* any bytes */
	size_t len;
};

/* Is there a journal that takes messages? */
int journal_check(void);
/*
 * Send one message.  What does not fit into a datagram goes as a sealed memory file, as the
 * protocol has it.  The socket is opened once in a process's life.  -ENOENT or -ECONNREFUSED: no
 * journal; -EAGAIN: it does not read fast enough.
 */
int journal_send(const struct journal_field *fields, size_t n);

/* Wait until it reads again: 0, or -ETIME. */
#define JOURNAL_WAIT_MS 1000
int journal_wait(int timeout_ms);

#endif
