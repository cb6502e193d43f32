/* Log lines in logrus text form. */
#include "log.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "fd.h"

enum log_level log_max = LOG_WARN;

static const char *const words[] = { "trace", "debug", "info", "warning", "error", "fatal", "panic" };
static_assert(sizeof(words) / sizeof(words[0]) == LOG_PANIC + 1, "a word for every level");

int log_level_parse(const char *s, enum log_level *ret)
{
	if (strcasecmp(s, "warn") == 0) {
		*ret = LOG_WARN;
		return 0;
	}
	for (size_t i = 0; i <= LOG_PANIC; i++)
		if (strcasecmp(s, words[i]) == 0) {
			*ret = (enum log_level)i;
			return 0;
		}
	return -EINVAL;
}

const char *log_level_str(enum log_level level)
{
	return words[level];
}

void log_print(enum log_level level, const char *fmt, ...)
{
	char msg[1024], line[2300];
	int saved = errno;
	size_t n;
	struct tm tm;
	time_t now = time(NULL);
	char stamp[40] = "";
	va_list ap;

	if (level < log_max)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(msg, sizeof(msg), fmt, ap); /* a cut line is better than none */
	va_end(ap);
	if (localtime_r(&now, &tm)) {
		n = strftime(stamp, sizeof(stamp) - 2, "%Y-%m-%dT%H:%M:%S%z", &tm);
		if (n > 2) { /* RFC 3339 has a colon in the zone */
			memmove(stamp + n - 1, stamp + n - 2, 3);
			stamp[n - 2] = ':';
		}
	}
	n = (size_t)snprintf(line, sizeof(line), "time=\"%s\" level=%s msg=\"", stamp, words[level]);
	for (const char *p = msg; *p && n + 8 < sizeof(line); p++) {
		unsigned char c = (unsigned char)*p;

		if (c == '"' || c == '\\')
			line[n++] = '\\';
		if (c < 0x20 || c == 0x7f)
			n += (size_t)snprintf(line + n, sizeof(line) - n, "\\x%02x", c);
		else
			line[n++] = (char)c;
	}
	line[n++] = '"';
	line[n++] = '\n';
	(void)fd_write_all(STDERR_FILENO, line, n); /* nowhere else to complain */
	errno = saved;
}
