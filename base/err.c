/* The error record: filling, wrapping, and carrying it across a fork. */
#include "err.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct {
	const char *word;
	int code;
} kinds[] = {
	[ERR_NONE] = { "no error", 0 },
	[ERR_OS] = { "system error", EIO },
	[ERR_NOT_FOUND] = { "not found", ENOENT },
	[ERR_EXISTS] = { "exists", EEXIST },
	[ERR_BUSY] = { "busy", EBUSY },
	[ERR_INVALID] = { "invalid", EINVAL },
	[ERR_CORRUPT] = { "corrupt", EBADMSG },
	[ERR_REMOTE] = { "remote", EREMOTEIO },
	[ERR_DENIED] = { "denied", EPERM },
	[ERR_UNSUPPORTED] = { "unsupported", EOPNOTSUPP },
	[ERR_LIMIT] = { "limit exceeded", E2BIG },
	[ERR_CMD_NOT_FOUND] = { "command not found", ENOENT },
	[ERR_CMD_NOT_EXEC] = { "command not executable", EACCES },
};
static_assert(sizeof(kinds) / sizeof(kinds[0]) == ERR_KIND_COUNT_, "a word for every kind");

const char *err_kind_str(enum err_kind kind)
{
	return kind >= 0 && kind < ERR_KIND_COUNT_ ? kinds[kind].word : "unknown";
}

int err_kind_errno(enum err_kind kind)
{
	return kind >= 0 && kind < ERR_KIND_COUNT_ ? -kinds[kind].code : -EIO;
}

/* Escape what a terminal would act on; @dst holds ERR_TEXT_MAX bytes. */
static void clean_text(char *dst, const char *src)
{
	size_t n = 0;

	for (; *src && n + 5 < ERR_TEXT_MAX; src++) {
		unsigned char c = (unsigned char)*src;

		if (c < 0x20 || c == 0x7f)
			n += (size_t)snprintf(dst + n, ERR_TEXT_MAX - n, "\\x%02x", c);
		else
			dst[n++] = (char)c;
	}
	dst[n] = '\0';
}

static void fill(struct err *e, const char *fmt, va_list ap)
{
	char raw[ERR_TEXT_MAX];

	(void)vsnprintf(raw, sizeof(raw), fmt, ap); /* a cut line is better than none */
	clean_text(e->text, raw);
}

int err_set(struct err *e, enum err_kind kind, const char *fmt, ...)
{
	va_list ap;

	assert(kind > ERR_NONE && kind < ERR_KIND_COUNT_);
	if (e) {
		e->kind = kind;
		e->code = kinds[kind].code;
		va_start(ap, fmt);
		fill(e, fmt, ap);
		va_end(ap);
	}
	return -kinds[kind].code;
}

static enum err_kind kind_of_errno(int code)
{
	switch (code) {
	case ENOENT:
		return ERR_NOT_FOUND;
	case EEXIST:
		return ERR_EXISTS;
	case EBUSY:
		return ERR_BUSY;
	case EACCES:
	case EPERM:
		return ERR_DENIED;
	default:
		return ERR_OS;
	}
}

int err_sys(struct err *e, int r, const char *fmt, ...)
{
	int code = r < 0 ? -r : r;
	va_list ap;

	if (e) {
		size_t n;

		e->kind = kind_of_errno(code);
		e->code = code;
		va_start(ap, fmt);
		fill(e, fmt, ap);
		va_end(ap);
		n = strlen(e->text);
		(void)snprintf(e->text + n, sizeof(e->text) - n, ": %s", strerror(code));
	}
	return -code;
}

int err_wrap(struct err *e, int r, const char *fmt, ...)
{
	va_list ap;

	if (e && e->kind != ERR_NONE) {
		char tail[ERR_TEXT_MAX];
		size_t n;

		memcpy(tail, e->text, sizeof(tail));
		va_start(ap, fmt);
		fill(e, fmt, ap);
		va_end(ap);
		n = strlen(e->text);
		(void)snprintf(e->text + n, sizeof(e->text) - n, ": %s", tail);
	}
	return r;
}

int err_send(int fd, const struct err *e)
{
	ssize_t n;

	do
		n = write(fd, e, sizeof(*e));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == sizeof(*e) ? 0 : -EIO;
}

int err_recv(int fd, struct err *ret_e)
{
	struct err e;
	size_t have = 0;

	while (have < sizeof(e)) {
		ssize_t n = read(fd, (char *)&e + have, sizeof(e) - have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		have += (size_t)n;
	}
	if (have == 0)
		return 0;
	if (have != sizeof(e) || e.kind <= ERR_NONE || e.kind >= ERR_KIND_COUNT_ || e.code < 0)
		return -EBADMSG;
	/* The sender may be a compromised worker: the text is not trusted to be clean. */
	e.text[sizeof(e.text) - 1] = '\0';
	ret_e->kind = e.kind;
	ret_e->code = e.code;
	clean_text(ret_e->text, e.text);
	return 1;
}
