/* Reading events back from systemd's journal, through journalctl. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "event-line.h"
#include "event-read.h"
#include "fd.h"
#include "path.h"
#include "proc.h"
#include "stamp.h"

static int make_argv(const struct ctr_events_opts *o, const char *path, struct strv *argv)
{
	int r = strv_add(argv, path);

	r = r < 0 ? r : strv_add(argv, "--output=json");
	r = r < 0 ? r : strv_add(argv, "--all"); /* long fields are left out otherwise */
	r = r < 0 ? r : strv_add(argv, "--quiet");
	r = r < 0 ? r : strv_add(argv, "--output-fields=" EVENT_JOURNAL_FIELD);
	if (o->stream)
		r = r < 0 ? r : strv_add(argv, "--follow");
	r = r < 0 ? r : strv_add(argv, o->old ? "--lines=all" : "--lines=0");
	if (o->since_ns)
		r = r < 0 ? r : strv_addf(argv, "--since=@%lld", (long long)(o->since_ns / 1000000000));
	r = r < 0 ? r : strv_add(argv, "SYSLOG_IDENTIFIER=ctr-lite");
	return r < 0 ? r : strv_addf(argv, "_UID=%u", (unsigned int)geteuid());
}

static int copy(struct event_reader *rd, int fd)
{
	struct event_buf b = EVENT_BUF_INIT;
	struct pollfd p[] = { { .fd = fd, .events = POLLIN }, { .fd = rd->o->reader_fd } };
	int r;

	do {
		r = event_read_fd(rd, &b, fd);
		if (r != -EAGAIN || rd->past_until)
			break;
		r = poll(p, 2, event_wait_ms(rd->o, -1)) < 0 && errno != EINTR ? -errno : 0;
		if (p[1].revents & POLLERR)
			r = -EPIPE;
	} while (r == 0 && !(rd->o->stream && rd->o->until_ns && stamp_now() >= rd->o->until_ns &&
			     !p[0].revents));
	free(b.data);
	return r;
}

int event_read_journal(struct event_reader *rd, struct err *e)
{
	auto_free char *path = path_find_program("journalctl");
	auto_strv struct strv argv = STRV_INIT;
	char field[] = EVENT_JOURNAL_FIELD;
	struct proc p = PROC_INIT;
	int fds[2], r;

	if (!path)
		return err_set(e, ERR_UNSUPPORTED, "read events from the journal: journalctl was not "
			       "found: install systemd, or use --events-backend=file");
	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(e, errno, "make a pipe");
	auto_close int rd_fd = fds[0];
	auto_close int wr_fd = fds[1];
	const struct proc_fd out = { wr_fd, STDOUT_FILENO };
	r = make_argv(rd->o, path, &argv);
	r = r < 0 ? r : fd_set_nonblock(rd_fd, true);
	if (r < 0)
		return err_sys(e, r, "start journalctl");
	const struct proc_spawn s = { .path = path, .argv = strv_argv(&argv), .fds = &out, .n_fds = 1,
				      .dir_fd = FD_NONE, .pdeathsig = SIGKILL };
	r = proc_spawn(&s, &p, e);
	if (r < 0)
		return r;
	wr_fd = fd_close(wr_fd);
	rd->field = field;
	r = copy(rd, rd_fd);
	(void)proc_signal(&p, SIGKILL); /* it may follow the journal for ever */
	(void)proc_wait(&p, NULL);
	proc_done(&p);
	return r < 0 && r != -EPIPE ? err_sys(e, r, "read events from the journal") : r;
}
