/*
 * Errors: plain data without heap, so that they work when memory is gone and cross fork in one
 * atomic pipe write.  The first function that understands a failure fills it; callers add where
 * they were; the CLI prints the line and picks the exit status from the kind.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdarg.h>
#include <stdbool.h>

enum err_kind {
	ERR_NONE,
	ERR_OS,		/* a system call failed; code holds the errno */
	ERR_NOT_FOUND,	/* the object does not exist */
	ERR_EXISTS,	/* the name is taken */
	ERR_BUSY,	/* in use, or in a state that does not permit this */
	ERR_INVALID,	/* bad input from the user */
	ERR_CORRUPT,	/* data from outside or from the store is damaged */
	ERR_REMOTE,	/* a registry or another peer answered badly or not at all */
	ERR_DENIED,	/* not permitted here */
	ERR_UNSUPPORTED,/* this host or this build cannot do it */
	ERR_LIMIT,	/* a named limit was exceeded */
	ERR_CMD_NOT_FOUND,	/* the container's command does not exist: exit status 127 */
	ERR_CMD_NOT_EXEC,	/* the container's command cannot be executed: exit status 126 */
	ERR_KIND_COUNT_,
};

#define ERR_TEXT_MAX 496

struct err {
	enum err_kind kind;
	int code;			/* positive errno, 0 where there is none */
	char text[ERR_TEXT_MAX];	/* one line, always terminated, control bytes escaped */
};

#define ERR_INIT { .kind = ERR_NONE }

/* The kind's word, as in "not found"; borrowed, static. */
const char *err_kind_str(enum err_kind kind);
/* The negative errno that stands for @kind where the caller has no better one. */
int err_kind_errno(enum err_kind kind);

/*
 * Fill @e (may be NULL) and return the negative errno of @kind: -ENOENT, -EEXIST, -EBUSY,
 * -EINVAL, -EBADMSG, -EREMOTEIO, -EPERM, -EOPNOTSUPP, -E2BIG; ERR_CMD_*: -ENOENT, -EACCES.
 */
int err_set(struct err *e, enum err_kind kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Fill @e with "<text>: <strerror>" for the errno @r (either sign); returns -|r|.  ENOENT gives
 * ERR_NOT_FOUND, EEXIST ERR_EXISTS, EBUSY ERR_BUSY, EACCES and EPERM ERR_DENIED; else ERR_OS. */
int err_sys(struct err *e, int r, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Put "<text>: " before what @e says (nothing if @e is empty); returns @r. */
int err_wrap(struct err *e, int r, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Send @e over a pipe or socket in one write; returns 0 or -errno. */
int err_send(int fd, const struct err *e);
/* Read what err_send() wrote.  Returns 1 with an error in @ret_e, 0 at end of file (no error was
 * sent), or -errno; a short or malformed record is -EBADMSG. */
int err_recv(int fd, struct err *ret_e);

#endif
