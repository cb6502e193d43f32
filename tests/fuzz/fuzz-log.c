/* A container's log: reading all of it and its last lines neither crashes nor invents bytes. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"
#include "log/log-read.h"

struct count {
	size_t bytes, lines;
};

static int on_line(void *arg, const struct ctr_log_line *l)
{
	struct count *c = arg;

	c->bytes += l->len;
	c->lines += !l->partial;
	return 0;
}

static int on_idle(void *arg)
{
	(void)arg;
	return 0;
}

static struct count read_all(const char *path, int64_t tail, bool times)
{
	struct count c = { 0 };
	const struct ctr_logs_opts o = { .tail = tail, .since_ns = times ? 1000000000 : 0 };
	const struct ctr_logs_callbacks cb = { .line = on_line, .idle = on_idle, .arg = &c };
	struct log_sink sink = { .o = &o, .cb = &cb };
	struct log_files f = LOG_FILES_INIT;

	FUZZ_CHECK(log_files_open(&f, path) == 0);
	if (tail >= 0)
		FUZZ_CHECK(log_files_tail(&f, tail) == 0);
	FUZZ_CHECK(log_files_drain(&f, &sink) == 0);
	FUZZ_CHECK(log_sink_flush(&sink) == 0);
	log_files_done(&f);
	log_sink_done(&sink);
	return c;
}

int fuzz_one(const uint8_t *data, size_t len)
{
	char dir[] = "/tmp/fuzz-log.XXXXXX", path[64];
	struct count all, some;
	int fd;

	FUZZ_CHECK(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/ctr.log", dir);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	FUZZ_CHECK(fd >= 0 && write(fd, data, len) == (ssize_t)len);
	(void)close(fd);
	all = read_all(path, -1, false);
	FUZZ_CHECK(all.bytes <= len);
	for (int64_t tail = 0; tail < 4; tail++) {
		some = read_all(path, tail, false);
		FUZZ_CHECK(some.lines <= (size_t)tail && some.bytes <= all.bytes);
	}
	(void)read_all(path, 2, true);
	(void)unlink(path);
	(void)rmdir(dir);
	return all.lines > 0;
}
