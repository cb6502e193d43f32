/* Logs in systemd's journal: journalctl reads them, in its export format. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "fd.h"
#include "log-read.h"
#include "path.h"

#define NS_PER_US 1000
#define US_PER_S 1000000

static int make_argv(const struct ctr_logs_opts *o, const char *path, const char *id, struct strv *argv)
{
	int64_t us = o->since_ns / NS_PER_US;
	int r = strv_add(argv, path);

	r = r < 0 ? r : strv_add(argv, "--output=export");
	r = r < 0 ? r : strv_add(argv, "--quiet");
	r = r < 0 ? r : strv_add(argv, "--all");
	r = r < 0 ? r : strv_add(argv, "--output-fields=MESSAGE,PRIORITY,CONTAINER_PARTIAL_MESSAGE");
	if (o->follow)
		r = r < 0 ? r : strv_add(argv, "--follow");
	if (o->tail >= 0)
		r = r < 0 ? r : strv_addf(argv, "--lines=%lld", (long long)o->tail);
	else
		r = r < 0 ? r : strv_add(argv, "--lines=all");
	if (us)
		r = r < 0 ? r : strv_addf(argv, "--since=@%lld.%06lld", (long long)(us / US_PER_S),
					  (long long)(us % US_PER_S));
	return r < 0 ? r : strv_addf(argv, "CONTAINER_ID_FULL=%s", id);
}

int log_journal_open(struct log_journal *j, const char *id, const struct ctr_logs_opts *o,
		     struct err *e)
{
	auto_free char *path = path_find_program("journalctl");
	auto_strv struct strv argv = STRV_INIT;
	int fds[2], r;

	if (!path)
		return err_set(e, ERR_UNSUPPORTED, "read the log of container %.12s: it is in the journal, "
			       "and journalctl was not found: install systemd", id);
	j->buf = malloc(LOG_JOURNAL_BUF_BYTES);
	if (!j->buf)
		return err_sys(e, ENOMEM, "read the journal");
	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(e, errno, "make a pipe");
	j->fd = fds[0];
	auto_close int wr = fds[1];
	const struct proc_fd out = { wr, STDOUT_FILENO };
	r = make_argv(o, path, id, &argv);
	r = r < 0 ? r : fd_set_nonblock(j->fd, true);
	if (r < 0)
		return err_sys(e, r, "start journalctl");
	const struct proc_spawn s = { .path = path, .argv = strv_argv(&argv), .fds = &out, .n_fds = 1,
				      .dir_fd = FD_NONE, .pdeathsig = SIGKILL };

	return proc_spawn(&s, &j->proc, e);
}

/* One entry: what of it is wanted. */
struct entry {
	const char *message;
	size_t len;
	int64_t us;
	bool is_stderr, partial;
};

static bool is_field(const char *p, size_t n, const char *name)
{
	return strlen(name) == n && memcmp(p, name, n) == 0;
}

static void set_field(struct entry *en, const char *name, size_t n, const char *v, size_t len)
{
	char number[24];

	if (is_field(name, n, "MESSAGE")) {
		en->message = v;
		en->len = len;
	} else if (is_field(name, n, "PRIORITY")) {
		en->is_stderr = len == 1 && *v == '3';
	} else if (is_field(name, n, "CONTAINER_PARTIAL_MESSAGE")) {
		en->partial = true;
	} else if (is_field(name, n, "__REALTIME_TIMESTAMP") && len < sizeof(number)) {
		memcpy(number, v, len);
		number[len] = '\0';
		if (str_i64(number, 0, INT64_MAX / NS_PER_US, &en->us) < 0)
			en->us = 0;
	}
}

/* The entry at @p: its length with the empty line behind it, 0 while it is not all there, or
 * -EBADMSG. */
static ssize_t parse_entry(const char *p, size_t len, struct entry *en)
{
	const char *s = p, *end = p + len;

	*en = (struct entry){ 0 };
	while (s < end && *s != '\n') {
		const char *nl = memchr(s, '\n', (size_t)(end - s)), *eq, *value;
		uint64_t size = 0;

		if (!nl)
			return 0;
		eq = memchr(s, '=', (size_t)(nl - s));
		if (eq) {
			set_field(en, s, (size_t)(eq - s), eq + 1, (size_t)(nl - eq - 1));
			s = nl + 1;
			continue;
		}
		if (end - nl < 9)
			return 0;
		for (int i = 0; i < 8; i++)
			size |= (uint64_t)(unsigned char)nl[1 + i] << (8 * i);
		if (size > LOG_JOURNAL_BUF_BYTES)
			return -EBADMSG;
		value = nl + 9;
		if ((uint64_t)(end - value) < size + 1)
			return 0;
		set_field(en, s, (size_t)(nl - s), value, (size_t)size);
		s = value + size + 1;
	}
	return s < end ? s + 1 - p : 0;
}

static int take_entries(struct log_journal *j, struct log_sink *s)
{
	size_t at = 0;
	int r = 0;

	while (r == 0 && !s->past_until && at < j->len) {
		struct entry en;
		ssize_t n = parse_entry(j->buf + at, j->len - at, &en);

		if (n < 0)
			return (int)n;
		if (n == 0)
			break;
		at += (size_t)n;
		if (en.message && log_sink_wants(s, en.us * NS_PER_US))
			r = log_sink_add(s, en.is_stderr, en.partial, en.us * NS_PER_US, en.message,
					 en.len);
	}
	j->len -= at;
	memmove(j->buf, j->buf + at, j->len);
	return r < 0 ? r : j->len == LOG_JOURNAL_BUF_BYTES ? -EBADMSG : 0;
}

int log_journal_drain(struct log_journal *j, struct log_sink *s)
{
	for (;;) {
		ssize_t n = read(j->fd, j->buf + j->len, LOG_JOURNAL_BUF_BYTES - j->len);
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		j->len += (size_t)n;
		r = take_entries(j, s);
		if (r < 0 || s->past_until)
			return r;
	}
}

void log_journal_done(struct log_journal *j)
{
	if (j->proc.pid > 0) {
		(void)proc_signal(&j->proc, SIGKILL); /* it may follow the journal for ever */
		(void)proc_wait(&j->proc, NULL);
		proc_done(&j->proc);
	}
	j->fd = fd_close(j->fd);
	free(take_ptr(&j->buf));
}
