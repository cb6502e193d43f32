/*
 * The attached client of a container: `run`, `start -a` and `attach` in the foreground.
 */
#ifndef CTRLITE_CLIENT_H
#define CTRLITE_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <termios.h>

#include "err.h"
#include "proc.h"

/* Keys that detach, "ctrl-p,ctrl-q"; none when empty. */
struct ctr_detach_keys {
	char keys[32];
	size_t n;
};
#define CTR_DETACH_KEYS_DEFAULT "ctrl-p,ctrl-q"
/* Letters and ctrl-X separated by commas; ERR_INVALID leaves @ret alone. */
int ctr_detach_keys_parse(const char *s, struct ctr_detach_keys *ret, struct err *e);
#define CTR_DETACH_HELD_MAX sizeof(((struct ctr_detach_keys *)NULL)->keys)
/*
 * Look for them in @n bytes of input: true when the last of them was typed.  What goes on to the
 * process is in @out (room for @n + CTR_DETACH_HELD_MAX bytes), *@ret_n bytes; a beginning of the
 * sequence, *@matched keys (0 at first), is held back until it breaks.  What follows the sequence
 * is nobody's.
 */
bool ctr_detach_filter(const struct ctr_detach_keys *k, size_t *matched, const char *in, size_t n,
		       char *out, size_t *ret_n);

struct ctr_client_opts {
	bool tty, want_stdin, want_stdout, want_stderr, sig_proxy;
	struct ctr_detach_keys detach_keys;
};
struct ctr_client_result {
	bool exited;		/* the container ended, with exit_code */
	bool detached;		/* the user left with the detach keys */
	int exit_code;
	bool hung_up;		/* our terminal is gone; the container stays */
	int signal;		/* without sig_proxy: this one ended us, the container stays */
	int output_error;	/* errno of the first failed write to our stdout or stderr */
};			/* none of them: the monitor died */

/* Copy until the container ends or the user detaches.  The terminal is in raw mode meanwhile when
 * there is one, and is restored in every case.  @sock is borrowed. */
int ctr_client_run(int sock, const struct ctr_client_opts *o, struct ctr_client_result *ret,
		   struct err *e);

/*
 * A terminal in raw mode, for whoever copies to a pty himself.  A child process gives it back when
 * we are killed; ctr_terminal_restore() ends that, and does nothing where raw mode was not reached.
 */
struct ctr_terminal {
	int fd;
	bool raw;
	struct termios saved;
	struct proc guard;
	int guard_fd;		/* its sign of our life */
};
int ctr_terminal_raw(struct ctr_terminal *t, int fd);
void ctr_terminal_restore(struct ctr_terminal *t);
/* The size of the first of stdin, stdout, stderr that is a terminal; 0, 0 when none is. */
void ctr_terminal_size(uint16_t *ret_rows, uint16_t *ret_cols);

#endif
