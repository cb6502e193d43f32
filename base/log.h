/*
 * Log lines for us and, from "warning" up, for the user: logrus text form on stderr, as podman
 * prints them: time="RFC3339" level=warning msg="...".
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_TRACE, LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_FATAL, LOG_PANIC };

extern enum log_level log_max;	/* lines below this level are dropped; default LOG_WARN */

/* "trace debug info warn warning error fatal panic", any case; 0 or -EINVAL. */
int log_level_parse(const char *s, enum log_level *ret);
const char *log_level_str(enum log_level level);
void log_print(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_debug(...) do { if (log_max <= LOG_DEBUG) log_print(LOG_DEBUG, __VA_ARGS__); } while (0)
#define log_info(...) do { if (log_max <= LOG_INFO) log_print(LOG_INFO, __VA_ARGS__); } while (0)
#define log_warn(...) log_print(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_print(LOG_ERROR, __VA_ARGS__)

#endif
