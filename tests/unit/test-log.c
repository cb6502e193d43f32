/* Log lines: logrus text form, one line each whatever the text holds. */
#include "test.h"

#include <regex.h>

#include "log.h"

/* What log_print() wrote while stderr pointed to a file. */
static const char *logged(enum log_level level, const char *text)
{
	static char buf[8192];
	int saved = fd_dup(2), fd = open("log", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ssize_t n;

	CHECK(saved >= 0 && fd >= 0);
	CHECK(dup3(fd, 2, O_CLOEXEC) == 2);
	log_print(level, "%s", text);
	CHECK(dup3(saved, 2, O_CLOEXEC) == 2);
	n = pread(fd, buf, sizeof(buf) - 1, 0);
	CHECK(n >= 0);
	buf[n] = '\0';
	(void)fd_close(fd);
	(void)fd_close(saved);
	return buf;
}

static bool matches(const char *text, const char *pattern)
{
	regex_t re;
	bool ok;

	CHECK_INT(regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB), 0);
	ok = regexec(&re, text, 0, NULL, 0) == 0;
	regfree(&re);
	return ok;
}

static bool str_ends_with_newline(const char *s)
{
	return *s && s[strlen(s) - 1] == '\n';
}

TEST(a_line_has_time_level_and_message)
{
	CHECK(matches(logged(LOG_WARN, "disk full"),
		      "^time=\"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}"
		      "[+-][0-9]{2}:[0-9]{2}\" level=warning msg=\"disk full\"\n$"));
}

TEST(text_cannot_forge_a_second_line)
{
	const char *line = logged(LOG_ERROR, "a\nlevel=fatal \"quoted\" back\\slash \033[2J");

	CHECK_CONTAINS(line, "msg=\"a\\x0alevel=fatal \\\"quoted\\\" back\\\\slash \\x1b[2J\"");
	CHECK(strchr(line, '\n') == line + strlen(line) - 1);
}

TEST(long_and_hostile_text_stays_in_bounds)
{
	char big[5000];
	const char *line;

	memset(big, '\001', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	line = logged(LOG_ERROR, big);
	CHECK(strlen(line) < 2300);
	CHECK(str_ends_with_newline(line));
	memset(big, '"', sizeof(big) - 1);
	CHECK(str_ends_with_newline(logged(LOG_ERROR, big)));
}

TEST(levels_below_the_limit_are_dropped)
{
	log_max = LOG_ERROR;
	CHECK_STR(logged(LOG_WARN, "x"), "");
	CHECK(*logged(LOG_ERROR, "x"));
	log_max = LOG_TRACE;
	CHECK(*logged(LOG_TRACE, "x"));
}

TEST(errno_survives_logging)
{
	errno = EXDEV;
	(void)logged(LOG_ERROR, "x");
	errno = EXDEV;
	log_print(LOG_TRACE, "dropped");
	CHECK_INT(errno, EXDEV);
}

TEST(level_words_are_parsed_in_any_case)
{
	static const struct {
		const char *word;
		enum log_level level;
	} rows[] = {
		{ "trace", LOG_TRACE }, { "Debug", LOG_DEBUG }, { "INFO", LOG_INFO },
		{ "warn", LOG_WARN }, { "Warning", LOG_WARN }, { "error", LOG_ERROR },
		{ "fatal", LOG_FATAL }, { "panic", LOG_PANIC },
	};
	enum log_level l = LOG_INFO;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_INT(log_level_parse(rows[i].word, &l), 0);
		CHECK_INT(l, rows[i].level);
	}
	CHECK_INT(log_level_parse("", &l), -EINVAL);
	CHECK_INT(log_level_parse("err", &l), -EINVAL);
	CHECK_INT(log_level_parse("warnings", &l), -EINVAL);
	CHECK_INT(l, LOG_PANIC);
}
