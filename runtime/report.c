/* Messages on stderr and in the log file. */
#include "report.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <time.h>

#include "fd.h"
#include "json.h"
#include "str.h"

static const char *log_path;
static bool log_json;

void report_to(const char *log, bool json)
{
	log_path = log;
	log_json = json;
}

/* podman and conmon find the reason of a failure here. */
static void write_log(const char *level, const char *text)
{
	auto_close int fd = open(log_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	auto_free char *line = NULL, *object = NULL;
	struct timespec t;
	char when[40] = "";
	struct tm tm;

	if (fd < 0)
		return; /* stderr has it as well */
	(void)clock_gettime(CLOCK_REALTIME, &t);
	if (gmtime_r(&t.tv_sec, &tm))
		(void)strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	if (log_json) {
		auto_json json_t *obj =
			json_pack("{s:s, s:s, s:s}", "msg", text, "level", level, "time", when);

		object = obj ? json_dumps(obj, JSON_COMPACT) : NULL;
		line = object ? str_printf("%s\n", object) : NULL;
	} else {
		line = str_printf("time=\"%s\" level=%s msg=\"%s\"\n", when, level, text);
	}
	if (line)
		(void)fd_write_all(fd, line, strlen(line)); /* stderr has it as well */
}

void report_error(const struct err *e)
{
	(void)fprintf(stderr, "ctr-lite-runtime: %s\n", e->text);
	if (log_path)
		write_log("error", e->text);
}

void report_warning(const struct err *e)
{
	(void)fprintf(stderr, "ctr-lite-runtime: warning: %s\n", e->text);
	if (log_path)
		write_log("warning", e->text);
}
