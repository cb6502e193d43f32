/* Errors: kinds, wrapping, cutting, escaping, and the trip through a pipe. */
#include "test.h"

TEST(set_fills_kind_code_and_text)
{
	struct err e = ERR_INIT;

	CHECK_INT(err_set(&e, ERR_NOT_FOUND, "layer %s is not here", "abc"), -ENOENT);
	CHECK_INT(e.kind, ERR_NOT_FOUND);
	CHECK_INT(e.code, ENOENT);
	CHECK_STR(e.text, "layer abc is not here");
}

TEST(null_record_is_allowed_everywhere)
{
	CHECK_INT(err_set(NULL, ERR_BUSY, "x"), -EBUSY);
	CHECK_INT(err_sys(NULL, -ENOSPC, "x"), -ENOSPC);
	CHECK_INT(err_wrap(NULL, -EIO, "x"), -EIO);
}

TEST(every_kind_has_a_word_and_an_errno)
{
	for (int k = ERR_NONE + 1; k < ERR_KIND_COUNT_; k++) {
		CHECK(err_kind_str(k) && *err_kind_str(k));
		CHECK(err_kind_errno(k) < 0);
		for (int other = k + 1; other < ERR_KIND_COUNT_; other++)
			CHECK(strcmp(err_kind_str(k), err_kind_str(other)) != 0);
	}
	CHECK_STR(err_kind_str(ERR_KIND_COUNT_), "unknown");
	CHECK_INT(err_kind_errno(ERR_KIND_COUNT_), -EIO);
}

TEST(sys_takes_either_sign_and_picks_the_kind)
{
	static const struct {
		int code;
		enum err_kind kind;
	} rows[] = {
		{ ENOENT, ERR_NOT_FOUND }, { EEXIST, ERR_EXISTS }, { EBUSY, ERR_BUSY },
		{ EACCES, ERR_DENIED }, { EPERM, ERR_DENIED }, { ENOSPC, ERR_OS },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (int sign = -1; sign <= 1; sign += 2) {
			struct err e = ERR_INIT;

			CHECK_INT(err_sys(&e, sign * rows[i].code, "open %s", "x"), -rows[i].code);
			CHECK_INT(e.kind, rows[i].kind);
			CHECK_INT(e.code, rows[i].code);
			CHECK_CONTAINS(e.text, strerror(rows[i].code));
			CHECK(strncmp(e.text, "open x: ", 8) == 0);
		}
}

TEST(wrap_reads_outward_and_keeps_the_kind)
{
	struct err e = ERR_INIT;

	(void)err_set(&e, ERR_CORRUPT, "size is 12");
	CHECK_INT(err_wrap(&e, -EBADMSG, "layer %d", 3), -EBADMSG);
	CHECK_INT(err_wrap(&e, -EBADMSG, "pull %s", "alpine"), -EBADMSG);
	CHECK_STR(e.text, "pull alpine: layer 3: size is 12");
	CHECK_INT(e.kind, ERR_CORRUPT);
}

TEST(wrap_of_nothing_adds_nothing)
{
	struct err e = ERR_INIT;

	CHECK_INT(err_wrap(&e, -EIO, "pull"), -EIO);
	CHECK_STR(e.text, "");
}

TEST(long_text_is_cut_and_terminated)
{
	struct err e = ERR_INIT;
	char big[3 * ERR_TEXT_MAX];

	memset(big, 'a', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	(void)err_set(&e, ERR_INVALID, "%s", big);
	CHECK(strlen(e.text) < ERR_TEXT_MAX);
	CHECK(strlen(e.text) > ERR_TEXT_MAX - 10);
	for (int i = 0; i < 10; i++)
		(void)err_wrap(&e, -EINVAL, "%s", big);
	CHECK(strlen(e.text) < ERR_TEXT_MAX);
}

TEST(control_bytes_are_escaped)
{
	struct err e = ERR_INIT;

	(void)err_set(&e, ERR_INVALID, "name %s", "a\nb\033[31m\177");
	CHECK_STR(e.text, "name a\\x0ab\\x1b[31m\\x7f");
	(void)err_wrap(&e, -EINVAL, "%s", "\r");
	CHECK_STR(e.text, "\\x0d: name a\\x0ab\\x1b[31m\\x7f");
}

TEST(errors_cross_a_pipe)
{
	struct err out = ERR_INIT, in = ERR_INIT;
	int p[2];

	CHECK(pipe2(p, O_CLOEXEC) == 0);
	(void)err_set(&out, ERR_LIMIT, "too large");
	CHECK_INT(err_send(p[1], &out), 0);
	CHECK_INT(close(p[1]), 0);
	CHECK_INT(err_recv(p[0], &in), 1);
	CHECK_INT(in.kind, ERR_LIMIT);
	CHECK_INT(in.code, E2BIG);
	CHECK_STR(in.text, "too large");
	CHECK_INT(err_recv(p[0], &in), 0);
}

TEST(a_record_fits_one_atomic_pipe_write)
{
	CHECK(sizeof(struct err) <= PIPE_BUF);
}

static int recv_bytes(const void *data, size_t len, struct err *ret)
{
	int p[2], r;

	CHECK(pipe2(p, O_CLOEXEC) == 0);
	CHECK(write(p[1], data, len) == (ssize_t)len);
	CHECK_INT(close(p[1]), 0);
	r = err_recv(p[0], ret);
	CHECK_INT(close(p[0]), 0);
	return r;
}

TEST(malformed_records_are_refused)
{
	struct err e = ERR_INIT, in = ERR_INIT;

	(void)err_set(&e, ERR_BUSY, "x");
	CHECK_INT(recv_bytes(&e, sizeof(e) - 1, &in), -EBADMSG);
	CHECK_INT(recv_bytes(&e, 1, &in), -EBADMSG);
	e.kind = ERR_KIND_COUNT_;
	CHECK_INT(recv_bytes(&e, sizeof(e), &in), -EBADMSG);
	e.kind = ERR_NONE;
	CHECK_INT(recv_bytes(&e, sizeof(e), &in), -EBADMSG);
	CHECK_STR(in.text, "");
}

TEST(received_text_is_terminated_and_clean)
{
	struct err e = { .kind = ERR_OS, .code = EIO }, in = ERR_INIT;

	memset(e.text, '\033', sizeof(e.text));
	CHECK_INT(recv_bytes(&e, sizeof(e), &in), 1);
	CHECK(memchr(in.text, '\0', sizeof(in.text)) != NULL);
	CHECK(strchr(in.text, '\033') == NULL);
	CHECK(strncmp(in.text, "\\x1b\\x1b", 8) == 0);
}
