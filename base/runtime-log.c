/* Reading an OCI runtime's log. */
#include "runtime-log.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "fd.h"
#include "file.h"
#include "str.h"

#define LOG_MAX_BYTES 65536

/* Crun and runc have no codes for this: podman looks at the words, too. */
static const struct {
	const char *words;
	enum err_kind kind;
} meanings[] = {
	{ "executable file not found", ERR_CMD_NOT_FOUND },
	{ "no such file or directory", ERR_CMD_NOT_FOUND },
	{ "permission denied", ERR_CMD_NOT_EXEC },
	{ "operation not permitted", ERR_CMD_NOT_EXEC },
	{ "is a directory", ERR_CMD_NOT_EXEC },
	{ "exec format error", ERR_CMD_NOT_EXEC },
};

/* Unescape the JSON string at @s (behind its quote) into @out; beyond @cap it is cut. */
static void unescape(const char *s, char *out, size_t cap)
{
	size_t n = 0;

	for (; *s && *s != '"' && *s != '\n' && n + 1 < cap; s++) {
		char c = *s;

		if (c == '\\' && s[1]) {
			c = *++s;
			if (c == 'u') { /* only what must be escaped: control characters and <>& */
				char hex[5] = { 0 };
				long v;

				strncpy(hex, s + 1, 4);
				v = strtol(hex, NULL, 16);
				for (int i = 0; i < 4 && s[1] && isxdigit((unsigned char)s[1]); i++)
					s++;
				c = v > 0x1f && v < 0x7f ? (char)v : ' ';
			} else if (c == 'n' || c == 't' || c == 'r') {
				c = ' ';
			}
		}
		out[n++] = c;
	}
	while (n > 0 && out[n - 1] == ' ')
		n--;
	out[n] = '\0';
}

static bool line_is_error(const char *line, size_t len)
{
	static const char *const levels[] = { "\"level\":\"error\"", "\"level\": \"error\"",
					      "\"level\":\"fatal\"" };

	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
		if (memmem(line, len, levels[i], strlen(levels[i])))
			return true;
	return false;
}

int runtime_log_parse(const char *text, const char *runtime, struct err *e)
{
	enum err_kind kind = ERR_OS;
	char msg[ERR_TEXT_MAX] = "";

	for (const char *line = text; *line;) {
		size_t len = strcspn(line, "\n");
		const char *at = memmem(line, len, "\"msg\":", 6);

		if (at && line_is_error(line, len)) {
			at += 6;
			at += strspn(at, " ");
			if (*at == '"')
				unescape(at + 1, msg, sizeof(msg));
		}
		line += len;
		line += *line == '\n';
	}
	if (!msg[0])
		return 0;
	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
		if (strcasestr(msg, meanings[i].words)) {
			kind = meanings[i].kind;
			break;
		}
	return err_set(e, kind, "%s: %s", runtime, msg);
}

int runtime_log_error(int dir_fd, const char *runtime, struct err *e)
{
	auto_free char *text = NULL;

	if (file_read(dir_fd, "runtime.log", LOG_MAX_BYTES, &text, NULL) < 0)
		return 0;
	return runtime_log_parse(text, runtime, e);
}
