/* The events' file, and what journalctl prints of a log: lines of anybody's making. */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "event/event-read.h"
#include "fuzz.h"
#include "log/log-read.h"

static int on_event(void *arg, const struct ctr_event *ev)
{
	FUZZ_CHECK(ev->type && ev->status && ev->attrs);
	for (size_t i = 0; i < ev->attrs->n; i++)
		FUZZ_CHECK(strchr(ev->attrs->items[i], '='));
	(*(size_t *)arg)++;
	return 0;
}

static int on_line(void *arg, const struct ctr_log_line *l)
{
	*(size_t *)arg += l->len;
	return 0;
}

static int on_idle(void *arg)
{
	(void)arg;
	return 0;
}

static int as_file(const uint8_t *data, size_t len)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	FUZZ_CHECK(fd >= 0 && write(fd, data, len) == (ssize_t)len && lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

int fuzz_one(const uint8_t *data, size_t len)
{
	const struct ctr_events_opts o = { .old = true };
	const struct ctr_logs_opts lo = { .tail = -1 };
	size_t events = 0, bytes = 0;
	struct event_reader rd = { .o = &o, .fn = on_event, .arg = &events };
	const struct ctr_logs_callbacks cb = { .line = on_line, .idle = on_idle, .arg = &bytes };
	struct log_sink sink = { .o = &lo, .cb = &cb };
	struct event_buf b = EVENT_BUF_INIT;
	struct log_journal j = LOG_JOURNAL_INIT;
	char field[] = "CTR_LITE_EVENT";
	int fd = as_file(data, len);

	FUZZ_CHECK(event_read_fd(&rd, &b, fd) == 0);
	b.len = 0;
	b.skipping = false;
	rd.field = field;
	FUZZ_CHECK(lseek(fd, 0, SEEK_SET) == 0 && event_read_fd(&rd, &b, fd) == 0);
	free(b.data);
	(void)close(fd);
	j.fd = as_file(data, len);
	j.buf = malloc(LOG_JOURNAL_BUF_BYTES);
	FUZZ_CHECK(j.buf);
	(void)log_journal_drain(&j, &sink);
	FUZZ_CHECK(log_sink_flush(&sink) == 0 && bytes <= len);
	log_journal_done(&j);
	log_sink_done(&sink);
	return events > 0 || bytes > 0;
}
